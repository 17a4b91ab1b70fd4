"""Padding of spatial axes: with a constant, around a circle, mirrored, or with the edge repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.errors import ShapeError
from funcnet.ops.broadcasting import broadcast_to, cast
from funcnet.ops.conversion import asarray_like
from funcnet.ops.indexing import getitem
from funcnet.ops.joining import concat

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pad_spatial"]


def pad_spatial(who: str, x: Any, pairs: Sequence[tuple[int, int]], mode: str, value: Any = 0, first: int = 1) -> Any:
    """Return an array with more elements before and after some of its axes, which begin at `first`.

    It is made of slices that are joined, whose transposes are slices again.

    Raises
    ------
    ShapeError
        If there are not enough elements to mirror or to go around with.
    """
    for axis, (low, high) in enumerate(pairs, first):
        if low or high:
            x = _padded(who, x, axis, low, high, mode, value)
    return x


def _padded(who: str, x: Any, axis: int, low: int, high: int, mode: str, value: Any) -> Any:
    shape = tuple(x.shape)
    n = shape[axis]

    def part(start: int | None, stop: int | None, step: int | None = None) -> Any:
        return getitem(x, (slice(None),) * axis + (slice(start, stop, step),))

    def wide(fill: Any, width: int) -> Any:
        return broadcast_to(fill, (*shape[:axis], width, *shape[axis + 1 :]))

    if mode == "zeros":
        fill = cast(asarray_like(x, value), x.dtype)
        parts = [wide(fill, low) if low else None, x, wide(fill, high) if high else None]
        return concat([p for p in parts if p is not None], axis=axis)
    room = {"circular": n, "reflect": n - 1, "replicate": low + high if n else 0}[mode]
    if max(low, high) > room:
        raise ShapeError(
            f"{who} got more padding than there are elements for.",
            found=f"padding ({low}, {high}) in mode {mode!r} of {n} elements",
            needed=f"at most {max(room, 0)} before and after",
            write="padding_mode='zeros', or less padding",
        )
    if mode == "circular":
        before, after = part(n - low, None) if low else None, part(0, high) if high else None
    elif mode == "reflect":
        before = part(low, 0, -1) if low else None
        after = part(n - 2, n - 2 - high if high < n - 1 else None, -1) if high else None
    else:
        before = wide(part(0, 1), low) if low else None
        after = wide(part(n - 1, n), high) if high else None
    return concat([p for p in (before, x, after) if p is not None], axis=axis)
