"""Where intermediate arrays lie in one block of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALIGNMENT", "offsets"]

#: Bytes: a cache line, and the widest vector register.
ALIGNMENT = 64


def offsets(lifetimes: Sequence[tuple[int, int, int]]) -> tuple[list[int], int]:
    """Place blocks so that those that live at the same time do not overlap.

    Parameters
    ----------
    lifetimes : sequence of (first, last, size)
        For each block the first and the last step that needs it, and its size in bytes; in the order of `first`.

    Returns
    -------
    offsets : list of int
        Where each block begins, a multiple of `ALIGNMENT`.
    size : int
        The bytes needed in all.

    Examples
    --------
    >>> from funcnet.compiler.arena import offsets
    >>> offsets([(0, 1, 100), (1, 2, 64), (2, 3, 90)])
    ([0, 128, 0], 192)
    """
    found: list[int] = []
    total = 0
    busy: list[tuple[int, int, int]] = []
    for first, last, size in lifetimes:
        size = -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
        busy = sorted([b for b in busy if b[2] >= first])
        best, room = -1, -1
        position = 0
        for start, stop, _ in busy:
            gap = start - position
            # The tightest gap leaves the larger ones for larger blocks.
            if gap >= size and (room < 0 or gap < room):
                best, room = position, gap
            position = max(position, stop)
        if best < 0:
            best = position
        found.append(best)
        busy.append((best, best + size, last))
        total = max(total, best + size)
    return found, total
