"""What generated loops call, in Python and NumPy: the reference of machine code, and for loops that run as Python.

Functions that write to memory by its address take it as it is: as wrong ones they would end the process, too.
"""

from __future__ import annotations

import ctypes
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels import panels
from funcnet.compiler.loops.intrinsics import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["functions", "in_python"]


def in_python(source: str, signature: str) -> Callable[..., None]:  # noqa: ARG001  # in place of a compiler
    """Return the function ``loop`` of a source as the Python that it is; like machine code it warns of nothing."""
    names = functions()
    exec(source, names)

    def loop(*args: Any) -> None:
        # In whatever thread it runs: they have states of their own.
        with np.errstate(all="ignore"):
            names["loop"](*args)

    return loop


def functions() -> dict[str, Any]:
    """Return what generated code refers to, by name: dtypes, the functions of vectors, memory, `tile` and `panels`."""
    return dict(_functions())


@cache
def _functions() -> dict[str, Any]:
    # Once: a hundred functions are compiled, which takes longer than most loops that run as Python.
    names: dict[str, Any] = {
        "np": np,
        "f4": np.float32,
        "f8": np.float64,
        "i4": np.int32,
        "i8": np.int64,
        "u8": np.uint64,
        "b1": np.bool_,
        "as_bits": lambda x: np.float32(x).view(np.int32),
        "as_float": lambda i: np.int32(i).view(np.float32),
        "as_bits64": lambda x: np.float64(x).view(np.int64),
        "as_float64": lambda i: np.int64(i).view(np.float64),
        "fma": lambda a, b, c: type(a)(np.longdouble(a) * b + c),
        "joined": lambda x, y: x + y,
        "plus": _wrapping(np.add),
        "minus": _wrapping(np.subtract),
        "times": _wrapping(np.multiply),
        "larger": lambda x, y: x if x > y else y,
        "smaller": lambda x, y: x if x < y else y,
        "block": _block,
        "lanes": _lanes,
        "pooled": _pooled,
        "address": lambda array: array.__array_interface__["data"][0],
        "borrow": lambda size: np.empty(size, np.uint8),
        "flat": lambda x: x.reshape(-1),
        "in_rows": lambda x, width: x.reshape(-1, width),
        "lent": lambda memory, start, length, dtype: memory[start:].view(dtype)[:length],
        "give_back": lambda memory: None,  # noqa: ARG005
        "apart": lambda function: function,
        "widest_vectors": lambda: None,
    }
    exec(SOURCE, names)
    for typed in ("f4", "f8"):
        names.update({f"{k}_{typed}": f for k, f in _of_memory(typed).items()})
        exec(panels.source(typed), names)
    return names


def _wrapping(operation: Any) -> Callable[[Any, Any], Any]:
    def of_integers(x: Any, y: Any) -> Any:
        with np.errstate(over="ignore"):
            return operation(x, y)

    return of_integers


def _of_memory(typed: str) -> dict[str, Any]:
    size = int(typed[1])

    def array(place: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
        memory: Any = (ctypes.c_char * size).from_address(int(place))
        first = np.frombuffer(memory, typed)
        return np.lib.stride_tricks.as_strided(first, shape, strides)

    def tile(*given: int) -> None:
        rows, columns, outer, inner, a, a_row, a_outer, a_step, b, b_outer, b_step, c, c_row, s, s_row, relu = given
        if min(rows, columns) <= 0:
            return
        total = np.zeros((rows, columns), typed)
        if min(outer, inner) > 0:
            left = array(a, (rows, outer, inner), (a_row, a_outer, a_step))
            right = array(b, (outer, inner, columns), (b_outer, b_step, size))
            total = np.einsum("iok,okj->ij", left, right)
        if s:
            total = array(s, (rows, columns), (s_row, size)) + total
        array(c, (rows, columns), (c_row, size))[...] = np.where(total < 0, 0, total) if relu else total

    def copy(rows: int, columns: int, x: int, x_row: int, y: int, y_row: int) -> None:
        if min(rows, columns) > 0:
            array(y, (rows, columns), (y_row, size))[...] = array(x, (rows, columns), (x_row, size))

    def spread(rows: int, groups: int, columns: int, x: int, x_row: int, y: int, y_row: int, y_group: int) -> None:
        for g in range(groups):
            copy(rows, columns, x + g * columns * size, x_row, y + g * y_group, y_row)

    def turn(columns: int, depth: int, x: int, x_column: int, y: int, y_step: int) -> None:
        if min(columns, depth) > 0:
            array(y, (depth, columns), (y_step, size))[...] = array(x, (columns, depth), (x_column, size)).T

    def dot(*given: int) -> None:
        rows, columns, depth, x, x_row, v, v_row, y, y_row, y_column, more = given
        left, right = array(x, (rows, depth), (x_row, size)), array(v, (columns, depth), (v_row, size))
        result = array(y, (rows, columns), (y_row, y_column))
        result[...] = left @ right.T + (result if more else 0)

    return {"tile": tile, "turn": turn, "copy": copy, "spread": spread, "dot": dot}


def _at(place: int, size: int, shape: Any, strides: Any) -> np.ndarray:
    """Return the array whose first element is at an address."""
    ends = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    # Where strides are negative, others lie before it.
    before = -sum([min(end, 0) for end in ends])
    memory: Any = (ctypes.c_char * (size + sum(map(abs, ends)))).from_address(int(place) - before)
    return np.ndarray(shape, f"f{size}", memory, before, strides)


def _block(text: str, a: int, b: int, c: int, bias: int, count: int) -> None:
    """Do in Python what a block does in registers."""
    p = json.loads(text)
    size, columns = p["size"], p["columns"]
    counts = [n if n > 0 else count for n, _, _ in p["loops"]]
    steps = [s for _, s, _ in p["loops"]]
    everything = tuple(range(len(counts)))
    for i, j in zip(p["a"], p["c"], strict=True):
        result = _at(c + j, size, (columns,), (size,))
        if p["kind"] == "row":
            total = _at(a + i, size, (columns,), (size,)).copy()
        elif p["kind"] == "sum":
            total = _at(a + i, size, (*counts, columns), (*steps, size)).sum(everything)
        else:
            rows = _at(b, size, (*counts, columns), (*[s for _, _, s in p["loops"]], p.get("apart", size)))
            if p["kind"] == "each":
                total = (_at(a + i, size, (*counts, columns), (*steps, size)) * rows).sum(everything)
            else:
                # Not by BLAS, which may leave out what is multiplied by 0, infinite numbers as well.
                total = (_at(a + i, size, (*counts, 1), (*steps, size)) * rows).sum(everything)
        if p["mode"] == "add":
            total += result
        elif p["mode"] == "bias":
            total += _at(bias, size, (columns,), (size,))
        result[:] = total


def _pooled(text: str, a: int, y: int, places: int, *_: int) -> None:
    """Do in Python what vectors of channels do for one window."""
    kind, size, channels, _, taps = json.loads(text)
    elements = [_at(a + tap, size, (channels,), (size,)) for tap in taps]
    outer = _at(y, size, (channels,), (size,))
    if kind in ("max", "places"):
        # The first NaN is larger than anything, as the first of several maxima is than the others.
        place = np.argmax(elements, 0)
        outer[:] = np.take_along_axis(np.array(elements), place[None], 0)[0]
    if kind == "max":
        return
    memory: Any = (ctypes.c_uint8 * channels).from_address(int(places))
    named = np.frombuffer(memory, np.uint8)
    if kind == "places":
        named[:] = place
        return
    for i, element in enumerate(elements):
        part = np.where(named == i, outer, 0)
        element[:] = part if kind == "spread" else element + part


def _lanes(text: str, a: int, b: int, c: int, flag: int, count: int) -> None:
    """Do in Python what vectors do for a matrix in each lane."""
    operation, size, _, n, columns, turned = json.loads(text)

    def matrices(place: int, rows: int, columns: int) -> np.ndarray:
        return _at(place, size, (count, rows, columns), (rows * columns * size, columns * size, size))

    given = matrices(a, n, n)
    given = given.swapaxes(-1, -2) if turned else given
    right = (
        matrices(b, n, columns) if operation == "solve" else np.broadcast_to(np.eye(n, dtype=given.dtype), given.shape)
    )
    for k, x in enumerate(given):
        try:
            if operation == "det":
                matrices(c, 1, 1)[k] = np.linalg.det(x)
            elif operation == "cholesky":
                matrices(c, n, n)[k] = np.linalg.cholesky((x + x.T) / 2)
            elif operation == "cofactor":
                matrices(c, n, n)[k] = _cofactors(x)
            else:
                matrices(c, n, right.shape[-1])[k] = np.linalg.solve(x, right[k])
        except np.linalg.LinAlgError:
            ctypes.c_int64.from_address(flag).value = 1


def _cofactors(x: np.ndarray) -> np.ndarray:
    rest = [[np.delete(np.delete(x, i, 0), j, 1) for j in range(len(x))] for i in range(len(x))]
    signs = (-1.0) ** np.add.outer(np.arange(len(x)), np.arange(len(x)))
    return np.linalg.det(np.array(rest)) * signs
