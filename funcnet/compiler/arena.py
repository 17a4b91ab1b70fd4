"""Where intermediate arrays lie in one block of memory."""

from __future__ import annotations

from bisect import bisect_left
from heapq import heappop, heappush
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
    memory = _Memory()
    #: (last step, start, stop) of what is in use, as a heap.
    busy: list[tuple[int, int, int]] = []
    for first, last, size in lifetimes:
        size = -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
        while busy and busy[0][0] < first:
            _, start, stop = heappop(busy)
            memory.release(start, stop)
        start = memory.take(size)
        found.append(start)
        heappush(busy, (last, start, start + size))
        total = max(total, memory.end)
    return found, total


class _Memory:
    """What is free below the end of what is in use."""

    __slots__ = ("end", "gaps")

    def __init__(self) -> None:
        self.end = 0
        #: Start and stop of each gap, in order; there are few, however many blocks there are.
        self.gaps: list[tuple[int, int]] = []

    def take(self, size: int) -> int:
        """Return where a block of a size begins from now on."""
        # The tightest gap leaves the larger ones for larger blocks.
        best = min([g for g in self.gaps if g[1] - g[0] >= size], key=lambda g: g[1] - g[0], default=None)
        if best is None:
            self.end += size
            return self.end - size
        i = bisect_left(self.gaps, best)
        self.gaps[i : i + 1] = [(best[0] + size, best[1])] if best[1] - best[0] > size else []
        return best[0]

    def release(self, start: int, stop: int) -> None:
        """Give a block back."""
        i = bisect_left(self.gaps, (start, stop))
        if i < len(self.gaps) and self.gaps[i][0] == stop:
            stop = self.gaps.pop(i)[1]
        if i and self.gaps[i - 1][1] == start:
            i -= 1
            start = self.gaps.pop(i)[0]
        if stop == self.end:
            self.end = start
        else:
            self.gaps.insert(i, (start, stop))
