"""Parts of arrays that loops read where they lie: slices of step 1, and arrays that are rolled along their rows."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.graph import Equation

__all__ = ["MOVED", "PLACES", "WINDOW", "Window", "columns_in", "columns_of", "part_of", "ranges_of", "window_of"]

#: What takes parts of arrays.
MOVED = frozenset(["getitem", "roll"])
#: What an argument of a loop is that it reads parts of.
WINDOW = "window"
#: The numbers that it is told where a part lies.
PLACES = ("turn", "whole", "first", "start")


class Window(NamedTuple):
    """Where the rows of a part lie among those of the whole.

    Row ``r`` is ``r // turn * whole + (r % turn + first) % whole``, from column `start` on.

    Attributes
    ----------
    turn, whole : int
        After how many rows of the part, and of the whole, they begin again.
    first : int
        The first row of the part.
    start : int
        The first column of the part.
    simple : bool
        Whether row ``r`` is ``r + first``.
    """

    turn: int
    whole: int
    first: int
    start: int
    simple: bool


def ranges_of(key: Sequence[Any], shape: Sequence[int]) -> list[tuple[int, int]] | None:
    """Return the range that a key takes of each dimension, None if it takes anything but slices of step 1."""
    if len(key) > len(shape):
        return None
    found: list[tuple[int, int]] = []
    for k, n in zip([*key, *[(None, None, None)] * (len(shape) - len(key))], shape, strict=True):
        if k.__class__ is not tuple or k[2] not in (None, 1):
            return None
        start, stop, _ = slice(*k).indices(n)
        found.append((start, max(start, stop)))
    return found


def columns_of(e: Equation) -> tuple[int, int] | None:
    """Return which columns a `getitem` takes of all rows, None if it takes anything else."""
    shape = e.inputs[0].shape
    return columns_in(e.params.get("key", ()), shape) if len(shape) > 1 else None


def columns_in(key: Sequence[Any], shape: Sequence[int]) -> tuple[int, int] | None:
    """Return which columns a key that names each dimension takes of all rows, None if it takes anything else."""
    ranges = ranges_of(key, shape) if len(key) == len(shape) else None
    return ranges[-1] if ranges and ranges[:-1] == [(0, n) for n in shape[:-1]] else None


def part_of(ranges: Sequence[tuple[int, int]], shape: Sequence[int], split: int) -> Window | None:
    """Return where ranges lie in an array whose first `split` dimensions are rows, if their rows are contiguous."""
    cut = [k for k, (r, n) in enumerate(zip(ranges, shape, strict=True)) if r != (0, n)]
    before, after = [k for k in cut if k < split], [k for k in cut if k >= split]
    if len(before) > 1 or after not in ([], [split]):
        return None
    column = ranges[split][0] * prod(shape[split + 1 :]) if after else 0
    if not before:
        rows = prod(shape[:split])
        return Window(rows, rows, 0, column, True)
    (k,) = before
    (start, stop), inner = ranges[k], prod(shape[k + 1 : split])
    return Window((stop - start) * inner, shape[k] * inner, start * inner, column, prod(shape[:k]) == 1)


def window_of(e: Equation, split: int | None) -> tuple[Window, int | None] | None:
    """Return what a loop whose first `split` dimensions are rows reads for an equation, and the split.

    None for a split means that it does not matter yet; it is chosen where it does. None is returned for what no loop,
    or no loop with that split, can read in place.
    """
    shape = e.values[0].shape
    if e.primitive.name == "roll":
        shift, axis = e.params["shift"], e.params["axis"]
        if len(axis) != 1 or not 0 <= axis[0] < len(shape) - 1:
            return None
        k = axis[0]
        split = k + 1 if split is None else split
        if split <= k:
            return None
        inner = prod(shape[k + 1 : split])
        rows = shape[k] * inner
        return Window(rows, rows, -shift[0] % shape[k] * inner, 0, False), split
    ranges = ranges_of(e.params["key"], shape)
    if ranges is None:
        return None
    cut = [k for k, (r, n) in enumerate(zip(ranges, shape, strict=True)) if r != (0, n)]
    if not cut:
        return None
    if split is None:
        if cut == [0]:
            return Window(1, 1, 0, ranges[0][0] * prod(shape[1:]), True), None
        split = cut[-1]
    found = part_of(ranges, shape, split)
    return None if found is None else (found, split)
