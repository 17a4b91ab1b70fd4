"""Compiled functions that machine code calls without Python, by an address and a table.

An entry is a function ``int32(lo, hi, part, table)`` of four words that takes everything else from a table, so that one
loop in machine code can call any kernel. Its result is 0, or 1 if the function failed.

A word of the table points to another: for an array to one with the address of NumPy's object, for a number to its bits.
A contiguous array has as many words more as dimensions: the shape that the function sees. Of an array of any layout
shape and strides are read from the object.
"""

from __future__ import annotations

import ctypes
import re
from array import array
from functools import cache
from typing import Any

import numpy as np

__all__ = ["DATA", "Kernel", "bits", "fail", "kinds_of", "native", "readable"]

#: Where an array's object has the address of its elements.
DATA = object.__basicsize__
_ARGUMENT = re.compile(r"(\w+)(?:\[([^\]]*)\])?")
_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 4)


class Kernel:
    """A compiled function of bounds and the number of a part, then arrays, float64, int64 and booleans.

    Attributes
    ----------
    address : int
        Its entry.
    kinds : tuple of (str, int)
        For each argument after the first three ``("array", dimensions)`` if it is contiguous, ``("array", 0)`` for an
        array of any layout, ``("d", 0)`` or ``("q", 0)``, as in `struct`.
    """

    __slots__ = ("_call", "address", "kinds")

    def __init__(self, address: int, kinds: tuple[tuple[str, int], ...]) -> None:
        self.address = address
        self.kinds = kinds
        self._call = _ENTRY(address)

    def __call__(self, lo: int, hi: int, part: int, *arguments: Any) -> None:
        """Call it with exactly these types, which it does not check; other threads of Python go on meanwhile."""
        table: list[int] = []
        kept: list[array[int]] = []

        def place(*words: int) -> int:
            kept.append(array("q", words))
            return kept[-1].buffer_info()[0]

        for (code, dimensions), a in zip(self.kinds, arguments, strict=True):
            if code != "array":
                table.append(place(bits(a, code)))
                continue
            # What entries read of NumPy's object.
            thing = place(a.ctypes.data, a.ndim, place(*a.shape), place(*a.strides))
            table.append(place(thing - DATA))
            if dimensions:
                table += a.shape
        if self._call(lo, hi, part, place(*table)):
            fail()


def kinds_of(signature: str) -> tuple[tuple[str, int], ...]:
    """Return the kinds of a kernel's arguments, from its type as Numba writes it.

    A last uint64 is the address of what follows them in the table, which the function looks at itself.
    """
    found: list[tuple[str, int]] = []
    types = _ARGUMENT.findall(signature.partition("(")[2])
    assert [t for t, _ in types[:3]] == ["int64"] * 3
    for typed, dimensions in types[3:]:
        if typed == "uint64":
            continue
        if dimensions:
            found.append(("array", dimensions.count(":") - 1 if "::1" in dimensions else 0))
        else:
            found.append(("d" if typed == "float64" else "q", 0))
    return tuple(found)


def bits(value: Any, code: str) -> int:
    """Return a number as a word of a table."""
    return int(np.float64(value).view(np.int64)) if code == "d" else int(value)


def fail() -> None:
    """Raise what a compiled function failed of."""
    raise MemoryError("A compiled loop found no memory for what it holds between its stages.")


def native(function: Any) -> Kernel | None:
    """Return a function that machine code can call on this system, None if only Python can."""
    return function if function.__class__ is Kernel and readable() else None


@cache
def readable() -> bool:
    """Return whether arrays have their address where it is expected, which is so in every CPython and NumPy so far."""
    a = np.zeros((3, 5, 7))[1:, ::-2]
    words = [ctypes.c_ssize_t.from_address(id(a) + DATA + offset).value for offset in (0, 16, 24)]
    if words[0] != a.ctypes.data or ctypes.c_int.from_address(id(a) + DATA + 8).value != a.ndim:
        return False
    shape, strides = [tuple((ctypes.c_ssize_t * a.ndim).from_address(place)) for place in words[1:]]
    return shape == a.shape and strides == a.strides
