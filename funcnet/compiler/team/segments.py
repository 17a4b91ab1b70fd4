"""Runs of compiled functions as one native call: tables that are written once, and a few words for each call."""

from __future__ import annotations

from array import array
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.loops.build import compiled
from funcnet.compiler.team import crew
from funcnet.compiler.team.driver import LIMIT, STEP_WORDS
from funcnet.compiler.team.entries import bits
from funcnet.compiler.team.groups import HAND, ITEM_WORDS, Work, grouped, hands
from funcnet.compiler.team.uses import WRITE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.team.entries import Kernel
    from funcnet.compiler.team.groups import Item
    from funcnet.compiler.team.uses import Use

__all__ = ["Fixed", "Given", "Segment"]


class Fixed(NamedTuple):
    """An argument that is the same in every call.

    Attributes
    ----------
    value : array or number
        The argument.
    kind : str
        What is done to an array, as `uses.py` has it.
    memory : numpy.ndarray, optional
        An array of all that is used, if that is not the argument itself.
    """

    value: Any
    kind: str = WRITE
    memory: np.ndarray | None = None


class Given(NamedTuple):
    """An argument that every call gives anew.

    Attributes
    ----------
    key : str
        Arguments of one key are one object.
    shape : tuple of int, optional
        What an array's shape is in the function, if it is contiguous there; None for others and for numbers.
    kind : str
        What is done to an array, as `uses.py` has it.
    """

    key: str
    shape: tuple[int, ...] | None = None
    kind: str = WRITE


class Segment:
    """Steps that run one after the other, each of them split over the threads of the team.

    Parameters
    ----------
    threads : int, default 1
        With more than one, steps that follow each other and are independent run at the same time.

    Attributes
    ----------
    keys : list of str
        What a call gives, in this order; arrays by their ``id``.
    codes : list of str
        What these are: "array", or for numbers a code of `struct`.
    parallel : bool
        Whether there is work for several threads, which is known once the segment is finished.
    """

    def __init__(self, threads: int = 1) -> None:
        self.keys: list[str] = []
        self.codes: list[str] = []
        self.parallel = False
        self._threads = threads
        self._steps: list[Work] = []
        self._known: dict[str, int] = {}
        #: Arrays whose addresses are in the table.
        self._held: list[Any] = []

    def add(
        self,
        kernel: Kernel,
        bounds: Sequence[int],
        arguments: Sequence[Fixed | Given],
        uses: tuple[Use, ...] | None = None,
        amount: int = 0,
    ) -> None:
        """Add a step ``kernel(bounds[i], bounds[i + 1], i, *arguments)`` for each part; the rest is as in `Work`."""
        assert len(bounds) - 1 <= LIMIT
        for (code, _), a in zip(kernel.kinds, arguments, strict=True):
            if isinstance(a, Given) and a.key not in self._known:
                self._known[a.key] = len(self.keys)
                self.keys.append(a.key)
                self.codes.append(code)
        self._steps.append(Work(kernel, tuple(bounds), list(arguments), uses, amount))

    def __len__(self) -> int:
        return len(self._steps)

    def finish(self) -> tuple[Callable[..., None], array[int], int]:
        """Return what writes a call's words, given the table, 0 and the words; the table; and the segment's address."""
        words: list[int] = [0] * len(self.keys)
        # Places that hold the place of another word, which is an address only once all is in its place.
        links: list[int] = []

        def link(place: int) -> None:
            links.append(len(words))
            words.append(place)

        # Words that do not change, then tables, lists of items and bounds, then the segment.
        tables = self._tables(words, link)
        #: Entry, table, bounds and number of parts.
        calls: list[tuple[int, int, int, int]] = []

        def note(address: int, table: int, bounds: Sequence[int]) -> None:
            calls.append((address, table, len(words), len(bounds) - 1))
            words.extend(bounds)

        first = 0
        for group in grouped(self._steps) if self._threads > 1 else [[step] for step in self._steps]:
            lists = hands(group, self._threads) if len(group) > 1 else []
            own = tables[first : first + len(group)]
            first += len(group)
            if len(lists) > 1:
                note(*self._shared(group, lists, own, words, link))
                continue
            for step, table in zip(group, own, strict=True):
                note(step.kernel.address, table, step.bounds)
        most = max([parts for _, _, _, parts in calls])
        self.parallel = most > 1
        start = len(words)
        words += [len(calls), int(self.parallel)]
        for address, table, at, parts in calls:
            words.append(address)
            link(table)
            link(at)
            words.append(parts)
        assert len(words) - start == 2 + STEP_WORDS * len(calls)
        table = array("q", words)
        base = table.buffer_info()[0]
        for place in links:
            table[place] = base + 8 * table[place]
        if self.parallel:
            crew.want(most)
            crew.team_of()
        words_of_call = Struct("".join(["q" if code == "array" else code for code in self.codes]))
        return words_of_call.pack_into, table, base + 8 * start

    def _tables(self, words: list[int], link: Callable[[int], None]) -> list[int]:
        """Write the arguments of all steps; return where the table of each of them begins."""
        fixed: dict[tuple[int, str], int] = {}
        tables: list[int] = []
        for step in self._steps:
            for (code, dimensions), a in zip(step.kernel.kinds, step.arguments, strict=True):
                assert not dimensions or isinstance(a, Given) or a.value.flags.c_contiguous
                if isinstance(a, Fixed) and (id(a.value), code) not in fixed:
                    fixed[id(a.value), code] = len(words)
                    self._held.append(a.value)
                    words.append(_bits(a.value, code))
        for step in self._steps:
            tables.append(len(words))
            for (code, dimensions), a in zip(step.kernel.kinds, step.arguments, strict=True):
                link(self._known[a.key] if isinstance(a, Given) else fixed[id(a.value), code])
                if code == "array" and dimensions:
                    shape = a.shape if isinstance(a, Given) else a.value.shape
                    assert shape is not None
                    assert len(shape) == dimensions
                    words += shape
        return tables

    @staticmethod
    def _shared(
        group: Sequence[Work],
        lists: Sequence[Sequence[Item]],
        tables: Sequence[int],
        words: list[int],
        link: Callable[[int], None],
    ) -> tuple[int, int, list[int]]:
        """Write what threads do of a group; return the entry, the table and the bounds of the step that it becomes."""
        hand = compiled(HAND, "void(int64, int64, int64, int64)")
        items, bounds = len(words), [0]
        for found in lists:
            for step, k, number in found:
                work = group[step]
                words.append(work.kernel.address)
                link(tables[step])
                words += [*work.bounds[k : k + 2], number]
            bounds.append(bounds[-1] + len(found))
        assert len(words) - items == ITEM_WORDS * bounds[-1]
        # The only argument is where the items are.
        table = len(words)
        link(table + 1)
        link(items)
        return hand.address, table, bounds


def _bits(value: Any, code: str) -> int:
    if code == "array":
        assert isinstance(value, np.ndarray)
        return id(value)
    return bits(value, code)
