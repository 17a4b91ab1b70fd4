"""Products of small complex matrices, and of stacks of them, as products of real ones.

A row of complex numbers is one of twice as many real ones. With each row of the right operand B followed by that of
i B, the product of twice as many terms has the real and imaginary parts of the result side by side, as they are in
memory: the left operand and the result are taken as they lie, and only B has to be written down twice.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.products import Matrices, product, scratch
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, memory_of

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["complex_product"]

#: Numbers of a matrix B up to which BLAS is slower to begin than such a product takes.
_LARGE = 512
#: The same where B meets fewer rows, so that writing it twice is much of the work, or has one column.
_SMALL = 16
_ROWS = 4
#: Numbers of B that a thread writes.
_EACH = 20_000

_TWICE = """def loop(lo, hi, part, b, y, n):
    for i in range(lo, hi):
        x = b[i * n : (i + 1) * n]
        first = y[0, 4 * i * n : (4 * i + 2) * n]
        second = y[0, (4 * i + 2) * n : 4 * (i + 1) * n]
        for j in range(n):
            first[2 * j] = x[j].real
            first[2 * j + 1] = x[j].imag
            second[2 * j] = -x[j].imag
            second[2 * j + 1] = x[j].real
"""


def complex_product(e: Equation) -> Special | None:
    """Return the kernel of a product, None where it is left to NumPy."""
    if len(e.values) != 2:
        return None
    a, b = e.values
    out = e.outputs[0]
    dtype = str(out.dtype)
    if dtype not in ("complex64", "complex128") or {str(a.dtype), str(b.dtype)} != {dtype}:
        return None
    if min(len(a.shape), len(b.shape)) < 2 or not prod(out.shape) or not a.shape[-1]:
        return None
    rows = prod(out.shape[:-1]) // prod(b.shape[:-2])
    if prod(b.shape[-2:]) > (_SMALL if rows < _ROWS or b.shape[-1] == 1 else _LARGE):
        return None
    number, real = np.dtype(dtype), np.dtype("float32" if dtype == "complex64" else "float64")
    terms, columns = b.shape[-2:]
    wide = (*b.shape[:-2], 2 * terms, 2 * columns)
    left, right, result = [
        _matrices(shape, real) for shape in ((*a.shape[:-1], 2 * terms), wide, (*out.shape[:-1], 2 * columns))
    ]

    def build(compile: Compile, threads: int) -> Steps:
        twice = memory_of(1, prod(wide), real)
        lines = prod(b.shape[:-1])
        parts = max(1, min(threads, lines, prod(b.shape) // _EACH))
        array = f"{number.name}[::1]"
        write = compile(_TWICE, f"void(int64, int64, int64, {array}, {real.name}[:,::1], int64)")
        found = product(left, right, result, real, threads)
        assert found is not None
        signature = f"void(int64, int64, int64, {array}, {real.name}[::1], {array}, uint8[::1], int64[::1])"
        multiply = compile(found.source, signature)
        given: list[Any] = [Of(0, (prod(a.shape),)), twice[0], Of(2, (prod(out.shape),))]
        given += [scratch(len(found.bounds) - 1), found.description]
        return Steps(
            [
                Step(write, _shared(lines, parts), [Of(1, (prod(b.shape),)), twice, columns]),
                Step(multiply, found.bounds, given),
            ]
        )

    return Special("matmul, complex", build)


def _matrices(shape: tuple[int, ...], dtype: np.dtype) -> Matrices:
    strides = [dtype.itemsize]
    for n in reversed(shape[1:]):
        strides.insert(0, strides[0] * n)
    return Matrices(shape, tuple(strides))


def _shared(units: int, parts: int) -> tuple[int, ...]:
    return tuple([units * i // parts for i in range(parts + 1)])
