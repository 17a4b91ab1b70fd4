"""What generated loops call, in Python and NumPy: the reference of machine code, and for loops that run as Python.

Functions that write to memory by its address take it as it is: as wrong ones they would end the process, too.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from funcnet.compiler.kernels import panels

__all__ = ["functions"]


def functions() -> dict[str, Any]:
    """Return the functions of `tile` and `panels`, and those of memory, by their names in generated code."""
    names: dict[str, Any] = {
        "address": lambda array: array.__array_interface__["data"][0],
        "borrow": lambda size: np.empty(size, np.uint8),
        "lent": lambda memory, start, length, dtype: memory[start:].view(dtype)[:length],
        "give_back": lambda memory: None,  # noqa: ARG005
    }
    for typed in ("f4", "f8"):
        names.update({f"{k}_{typed}": f for k, f in _of_memory(typed).items()})
        exec(panels.source(typed), names)
    return names


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

    def turn(columns: int, depth: int, x: int, x_column: int, y: int, y_step: int) -> None:
        if min(columns, depth) > 0:
            array(y, (depth, columns), (y_step, size))[...] = array(x, (columns, depth), (x_column, size)).T

    return {"tile": tile, "turn": turn, "copy": copy}
