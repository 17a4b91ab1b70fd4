"""Inverses, linear systems, determinants and factorisations of stacks of matrices that are not large."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.block import registers
from funcnet.compiler.kernels.determinant_code import slogdet_alone
from funcnet.compiler.kernels.elimination import room, source
from funcnet.compiler.kernels.lanes import spec
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, memory_of, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Equation, Value
    from funcnet.compiler.kernels.special import Compile

__all__ = ["MATRICES", "small_matrices"]

#: Functions of stacks of matrices.
MATRICES = frozenset(["cholesky", "cofactor", "det", "inv", "slogdet", "solve"])

#: Rows up to which all operations on a matrix are written out, and columns of right-hand sides.
_ROWS = 8
_COLUMNS = 8
#: The same for determinants of all parts of a matrix.
_PARTS = 4
#: Multiplications of a thread, of one matrix in each lane.
_EACH = 10_000
#: Multiplications of a thread where matrices are gone through one after the other.
_WORK = 200_000

_SOURCE = """def loop(lo, hi, part, {names}y, bad):
    f = address(bad) + part * 64
    for u in range(lo, hi):
        lanes({spec!r}, address(x) + u * {x}, {right}, address(y) + u * {y}, f, min({width}, {count} - u * {width}))
"""


def small_matrices(e: Equation, made: dict[Value, Equation]) -> tuple[Special, tuple[Any, ...]] | None:
    """Return the kernel and what it is called with, None where it does not apply."""
    name, out, values = e.primitive.name, e.outputs[0], e.values
    if {str(v.dtype) for v in (*values, *e.outputs)} not in ({"float32"}, {"float64"}) or len(values) != len(e.inputs):
        return None
    shape = values[0].shape
    n, columns = shape[-1], out.shape[-1] if name == "solve" else 0
    lanes = name != "slogdet" and n <= (_PARTS if name == "cofactor" else _ROWS)
    if not prod(shape) or n > _ROWS:
        return None
    if name == "solve" and (not 0 < columns <= _COLUMNS or values[1].shape[:-2] != shape[:-2]):
        return None
    inputs = e.inputs
    before = made.get(values[0])
    turned = name not in ("cholesky", "slogdet") and before is not None and before.primitive.name == "matrix_transpose"
    if turned and before is not None:
        inputs = (before.inputs[0], *inputs[1:])
    dtype = np.dtype(str(out.dtype))

    def build(compile: Compile, threads: int) -> Any:
        sizes = (prod(shape[:-2]), n, columns)
        if lanes:
            return _in_lanes(name, sizes, dtype, turned, compile, threads)
        if name == "slogdet":
            return _slogdet(*sizes[:2], dtype, compile, threads)
        return _by_rows(*sizes[:2], dtype, turned, compile, threads)

    return Special(f"{name}, {'several at once' if lanes else 'by rows'}", build), inputs


def _in_lanes(
    name: str, sizes: tuple[int, int, int], dtype: np.dtype, turned: bool, compile: Compile, threads: int
) -> Steps:
    count, n, columns = sizes
    size = dtype.itemsize
    width = registers().bytes // size
    each = {"solve": n * columns, "det": 1}.get(name, n * n)
    several = width * size
    right = f"address(b) + u * {n * columns * several}" if columns else "0"
    text = _SOURCE.format(
        names="x, b, " if columns else "x, ",
        spec=spec(name, size=size, width=width, order=n, columns=columns, turned=turned),
        x=n * n * several,
        right=right,
        y=each * several,
        width=width,
        count=count,
    )
    array = f"{dtype.name}[::1]"
    loop = compile(text, f"void(int64, int64, int64, {', '.join([array] * (3 if columns else 2))}, int64[::1])")
    units = -(-count // width)
    parts = max(1, min(threads, units, units * n**3 // _EACH))
    bounds = tuple([units * i // parts for i in range(parts + 1)])
    bad = np.zeros(8 * parts, np.int64)
    return _checked(name, sizes, turned, loop, bounds, bad)


def _by_rows(count: int, n: int, dtype: np.dtype, turned: bool, compile: Compile, threads: int) -> Steps:
    array = f"{dtype.name}[::1]"
    signature = f"void(int64, int64, int64, {array}, {array}, {dtype.name}[:,::1], int64)"
    loop = compile(source(type_of(dtype), turned=turned), signature)
    parts = max(1, min(threads, count, count * n**3 // _WORK))
    bounds = tuple([count * i // parts for i in range(parts + 1)])
    whole = (count * n * n,)
    return Steps([Step(loop, bounds, [Of(0, whole), Of(1, whole), memory_of(parts, room(n), dtype), n])])


def _slogdet(count: int, n: int, dtype: np.dtype, compile: Compile, threads: int) -> Steps:
    array = f"{dtype.name}[::1]"
    signature = f"void(int64, int64, int64, {', '.join([array] * 3)}, {dtype.name}[:,::1], int64)"
    loop = compile(slogdet_alone(type_of(dtype)), signature)
    parts = max(1, min(threads, count, count * n**3 // _WORK))
    bounds = tuple([count * i // parts for i in range(parts + 1)])
    given = [Of(0, (count * n * n,)), Of(1, (count,)), Of(2, (count,)), memory_of(parts, n * n, dtype), n]
    return Steps([Step(loop, bounds, given)])


def _checked(
    name: str,
    sizes: tuple[int, int, int],
    turned: bool,
    loop: Callable[..., None],
    bounds: tuple[int, ...],
    bad: np.ndarray,
) -> Steps:
    """Return the kernel that calls a loop, and leaves it to NumPy to say what is wrong with matrices without result."""
    count, n, columns = sizes
    each = {"solve": n * columns, "det": 1}.get(name, n * n)
    lengths = [count * k for k in (n * n, *[n * columns] * (columns > 0), each)]
    step = Step(loop, bounds, [*[Of(i, (length,)) for i, length in enumerate(lengths)], bad])
    if name in ("det", "cofactor"):
        return Steps([step])

    def by_numpy(*arrays: Any) -> None:
        *given, result = arrays
        given[0] = given[0].swapaxes(-1, -2) if turned else given[0]
        result[...] = _by_numpy(name, *given)

    return Steps([step], bad=bad, otherwise=by_numpy)


def _by_numpy(name: str, x: Any, *others: Any) -> Any:
    if name == "cholesky":
        return np.linalg.cholesky((x + x.swapaxes(-1, -2)) * 0.5)
    return np.linalg.solve(x, *others) if name == "solve" else np.linalg.inv(x)
