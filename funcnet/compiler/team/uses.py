"""Which memory steps read and write, and whether that keeps them from running at the same time.

A step says of each of its arguments what it does to it. Arrays that are the same in every call are known by where they
lie in memory. Those that a call gives are known by roots: names of what a variable may show, among which are arrays
that lie in known memory. Two steps are independent if neither writes to what the other one reads or writes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["OWN", "READ", "WRITE", "Memory", "Use"]

#: What a step does to an argument: it only reads it; it may read it and write to it; it works in as much of it as
#: belongs to a thread, and nobody reads afterwards what it leaves there.
READ, WRITE, OWN = "read", "write", "own"

#: How long is thought about whether arrays with gaps overlap, until it is taken that they do.
_PATIENCE: Any = 1000


class Use(NamedTuple):
    """A use of memory.

    Attributes
    ----------
    root : str or numpy.ndarray
        The name of something that shares memory with nothing else, or an array.
    kind : str
        `READ`, `WRITE` or `OWN`.
    """

    root: str | np.ndarray
    kind: str


class Memory:
    """What steps that run at the same time use."""

    def __init__(self) -> None:
        self._roots: dict[str, set[str]] = {READ: set(), WRITE: set(), OWN: set()}
        self._arrays = {READ: _Places(), WRITE: _Places(), OWN: _Places()}

    def admits(self, uses: Iterable[Use]) -> bool:
        """Whether a step with other uses may run at the same time."""
        for root, kind in uses:
            for other in _AGAINST[kind]:
                if root in self._roots[other] if isinstance(root, str) else self._arrays[other].meets(root):
                    return False
        return True

    def add(self, uses: Iterable[Use]) -> None:
        """Take in the uses of a step."""
        for root, kind in uses:
            if isinstance(root, str):
                self._roots[kind].add(root)
            else:
                self._arrays[kind].add(root)


_AGAINST = {READ: (WRITE, OWN), WRITE: (READ, WRITE, OWN), OWN: (READ, WRITE)}


class _Places:
    """Arrays by where they lie."""

    def __init__(self) -> None:
        # Spans of memory, apart from each other and in order, and the arrays that lie in each.
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._arrays: list[list[np.ndarray]] = []

    def add(self, array: np.ndarray) -> None:
        if not array.size:
            return
        low, high = byte_bounds(array)
        i, k = self._found(low, high)
        arrays = [a for held in self._arrays[i:k] for a in held]
        if i < k:
            low, high = min(low, self._starts[i]), max(high, self._stops[k - 1])
        self._starts[i:k], self._stops[i:k], self._arrays[i:k] = [low], [high], [[*arrays, array]]

    def meets(self, array: np.ndarray) -> bool:
        if not array.size:
            return False
        i, k = self._found(*byte_bounds(array))
        return any([_share(array, a) for held in self._arrays[i:k] for a in held])

    def _found(self, low: int, high: int) -> tuple[int, int]:
        """Return which spans have bytes in common with one from `low` to before `high`."""
        return bisect_right(self._stops, low), bisect_left(self._starts, high)


def _share(a: np.ndarray, b: np.ndarray) -> bool:
    try:
        return np.shares_memory(a, b, max_work=_PATIENCE)
    except np.exceptions.TooHardError:
        return True
