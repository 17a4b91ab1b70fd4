"""Convolutions with windows of one element and many channels: products of matrices whose rows are all places."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from funcnet.compiler.kernels.products import Matrices, product, scratch, signature
from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    import numpy as np

    from funcnet.compiler.kernels.special import Compile
    from funcnet.compiler.kernels.windows import Geometry

__all__ = ["pointwise"]

#: Bytes of a kernel that does not stay in the cache beside what it is multiplied by; for one that does, pieces of it
#: need not be packed, and direct convolutions are faster.
_KERNEL = 256_000


def pointwise(name: str, shape: Geometry, dtype: np.dtype) -> Special | None:
    """Return the kernel for a convolution, its transpose or its kernel's gradient, None where it is no such product."""
    size, inputs, outputs = dtype.itemsize, shape.channels, shape.features
    if not shape.pointwise or shape.groups > 1 or inputs * outputs * size < _KERNEL:
        return None
    places = shape.images * prod(shape.given)
    given = Matrices((places, inputs), (inputs * size, size))
    result = Matrices((places, outputs), (outputs * size, size))
    if name == "conv_kernel":
        operands = given.turned(), result, Matrices((inputs, outputs), (outputs * size, size))
    elif name == "conv_adjoint":
        operands = given, Matrices((inputs, outputs), (size, inputs * size)), result
    else:
        operands = given, Matrices((inputs, outputs), (outputs * size, size)), result

    def build(compile: Compile, threads: int) -> Steps:
        found = product(*operands, dtype, threads)
        assert found is not None
        assert not found.turned
        loop = compile(found.source, signature(dtype))
        arrays = [Of(i, (prod(m.shape),)) for i, m in enumerate(operands)]
        return Steps([Step(loop, found.bounds, [*arrays, scratch(len(found.bounds) - 1), found.description])])

    return Special(f"{name}, product", build)
