"""Arrays that are rolled along their last dimension, or flipped along one."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["flipped", "rolled"]

#: All rows are moved as one, the nearer way around, and then what has come to lie in a row beside its own.
_ROLLED = """def loop(lo, hi, part, x, shift, columns, y):
    rest = columns - shift
    begin, end = lo * columns, hi * columns
    if shift <= rest:
        a = x[begin : end - shift]
        b = y[begin + shift : end]
        for j in range(a.size):
            b[j] = a[j]
        for start in range(begin, end, columns):
            for j in range(start, start + shift):
                y[j] = x[j + rest]
    else:
        a = x[begin + rest : end]
        b = y[begin : end - rest]
        for j in range(a.size):
            b[j] = a[j]
        for start in range(begin, end, columns):
            for j in range(start + shift, start + columns):
                y[j] = x[j - shift]
"""
#: An index with a sign might count from the end, which LLVM makes no vectors of.
_FLIPPED = """def loop(lo, hi, part, x, y):
    n = y.shape[1]
    for r in range(lo, hi):
        a = x[r]
        b = y[r]
        for j in range(n):
            b[j] = a[u8(n - 1 - j)]
"""
#: Whole rows that are flipped: row r lies among `count`.
_ROWS = """def loop(lo, hi, part, x, count, y):
    n = y.shape[1]
    for r in range(lo, hi):
        a = x[r // count * count + count - 1 - r % count]
        b = y[r]
        for j in range(n):
            b[j] = a[j]
"""
_DTYPES = ("float32", "float64", "int32", "int64")
#: Elements that a thread has to have.
_PARALLEL = 50_000


def rolled(e: Equation) -> Special | None:
    """Return the kernel of a roll along the last dimension alone; loops read rolled rows where they lie."""
    (out,) = e.outputs
    shape = out.shape
    shift, axis = e.params["shift"], e.params["axis"]
    if tuple(axis) != (len(shape) - 1,) or prod(shape) == 0 or str(out.dtype) not in _DTYPES:
        return None
    columns = shape[-1]
    return _special("roll, last dimension", e, len(shape) - 1, _ROLLED, (shift[0] % columns, columns), flat=True)


def flipped(e: Equation) -> Special | None:
    """Return the kernel of a flip along one dimension."""
    (out,) = e.outputs
    shape, axis = out.shape, e.params["axis"]
    if len(axis) != 1 or not 0 <= axis[0] < len(shape) or prod(shape) == 0 or str(out.dtype) not in _DTYPES:
        return None
    (k,) = axis
    if k == len(shape) - 1:
        return _special("flip, last dimension", e, k, _FLIPPED, ())
    return _special("flip, rows", e, k + 1, _ROWS, (shape[k],))


def _special(
    name: str, e: Equation, split: int, source: str, numbers: tuple[int, ...], *, flat: bool = False
) -> Special:
    """Return the kernel that goes through the rows that the first `split` dimensions are."""
    shape, dtype = e.outputs[0].shape, str(e.outputs[0].dtype)
    rows, columns = prod(shape[:split]), prod(shape[split:])

    def build(compile: Compile, threads: int) -> Steps:
        matrix = f"{dtype}[::1]" if flat else f"{dtype}[:,::1]"
        types = ["int64"] * 3 + [matrix] + ["int64"] * len(numbers) + [matrix]
        loop = compile(source, f"void({', '.join(types)})")
        parts = max(1, min(threads, rows, prod(shape) // _PARALLEL))
        bounds = tuple([rows * i // parts for i in range(parts + 1)])
        given = (rows * columns,) if flat else (rows, columns)
        return Steps([Step(loop, bounds, [Of(0, given), *numbers, Of(1, given)])])

    return Special(name, build)
