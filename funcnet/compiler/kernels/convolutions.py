"""Which kernel computes a convolution or one of its derivatives."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.direct import PHASES, convolution
from funcnet.compiler.kernels.direct_kernel import kernel_gradient
from funcnet.compiler.kernels.overlay import overlaid, pays
from funcnet.compiler.kernels.pointwise import pointwise
from funcnet.compiler.kernels.special import Special
from funcnet.compiler.kernels.windows import geometry, times_of
from funcnet.compiler.kernels.winograd import winograd

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation

__all__ = ["convolved"]

# Channels of a group below which most of a vector would be idle.
_COLUMNS = 2


def convolved(e: Equation) -> Special | None:
    """Return the kernel for a convolution or one of its derivatives, None where none applies."""
    return winograd(e) or _direct(e)


def _direct(e: Equation) -> Special | None:
    name, p = e.primitive.name, e.params
    dtypes = {str(v.dtype) for v in (*e.values, *e.outputs)}
    if dtypes not in ({"float32"}, {"float64"}) or len(e.values) != len(e.inputs):
        return None
    everything = [prod(v.shape) for v in (*e.values, *e.outputs)]
    if not all(everything):
        return None
    given, second, result = e.values[0], e.values[1], e.outputs[0]
    inputs, features = (result if name == "conv_kernel" else second).shape[-2:]
    times = times_of(inputs, features // p["groups"], p["groups"])
    columns = inputs if name == "conv_adjoint" else features // p["groups"]
    if p["groups"] > 1 and not times and columns < _COLUMNS:
        return None
    dtype = np.dtype(str(given.dtype))
    if name == "conv_kernel":
        shape = geometry(given, second, p["size"], p, times)
        found = pointwise(name, shape, dtype)
        if found is not None:
            return found
        return Special("conv_kernel, direct", lambda compile, threads: kernel_gradient(shape, dtype, compile, threads))
    shape = geometry(given, result, second.shape[:-2], p, times)
    found = pointwise(name, shape, dtype) if name != "conv_bias" else None
    if found is not None:
        return found
    if name == "conv_adjoint":
        if pays(shape, dtype.itemsize):
            return Special("conv_adjoint, direct", lambda compile, threads: overlaid(shape, dtype, compile, threads))
        if prod(p["stride"]) > PHASES:
            return None
    kind, adjoint, biased = "each" if times else "product", name == "conv_adjoint", name == "conv_bias"
    return Special(
        f"{name}, direct",
        lambda compile, threads: convolution(shape, dtype, compile, threads, adjoint=adjoint, biased=biased, kind=kind),
    )
