"""Runs of compiled functions as one native call: tables that are written once, and a few words for each call."""

from __future__ import annotations

from array import array
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.team import crew
from funcnet.compiler.team.driver import LIMIT, STEP_WORDS
from funcnet.compiler.team.entries import bits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.team.entries import Kernel

__all__ = ["Fixed", "Given", "Segment"]


class Fixed(NamedTuple):
    """An argument that is the same in every call: an array or a number."""

    value: Any


class Given(NamedTuple):
    """An argument that every call gives anew.

    Attributes
    ----------
    key : str
        Arguments of one key are one object.
    shape : tuple of int, optional
        What an array's shape is in the function, if it is contiguous there; None for others and for numbers.
    """

    key: str
    shape: tuple[int, ...] | None = None


class Segment:
    """Steps that run one after the other, each of them split over the threads of the team.

    Attributes
    ----------
    keys : list of str
        What a call gives, in this order; arrays by their ``id``.
    codes : list of str
        What these are: "array", or for numbers a code of `struct`.
    parallel : bool
        Whether any step has parts.
    """

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.codes: list[str] = []
        self.parallel = False
        self._steps: list[tuple[Kernel, tuple[int, ...], list[Any]]] = []
        #: Arrays whose addresses are in the table.
        self._held: list[Any] = []

    def add(self, kernel: Kernel, bounds: Sequence[int], arguments: Sequence[Fixed | Given]) -> None:
        """Add a step ``kernel(bounds[i], bounds[i + 1], i, *arguments)`` for each part."""
        assert len(bounds) - 1 <= LIMIT
        for (code, _), a in zip(kernel.kinds, arguments, strict=True):
            if isinstance(a, Given) and a.key not in self.keys:
                self.keys.append(a.key)
                self.codes.append(code)
        self.parallel = self.parallel or len(bounds) > 2
        self._steps.append((kernel, tuple(bounds), list(arguments)))

    def __len__(self) -> int:
        return len(self._steps)

    def finish(self) -> tuple[Callable[..., None], array[int], int]:
        """Return what writes a call's words, given the table, 0 and the words; the table; and the segment's address."""
        words: list[int] = [0] * len(self.keys)
        fixed: dict[tuple[int, str], int] = {}
        tables: list[int] = []
        # Places that hold the place of another word, which is an address only once all is in its place.
        links: list[int] = []

        def link(place: int) -> None:
            links.append(len(words))
            words.append(place)

        # Words that do not change, then the tables, then bounds, then the segment.
        for kernel, _, arguments in self._steps:
            for (code, dimensions), a in zip(kernel.kinds, arguments, strict=True):
                assert not dimensions or isinstance(a, Given) or a.value.flags.c_contiguous
                if isinstance(a, Fixed) and (id(a.value), code) not in fixed:
                    fixed[id(a.value), code] = len(words)
                    self._held.append(a.value)
                    words.append(_bits(a.value, code))
        for kernel, _, arguments in self._steps:
            tables.append(len(words))
            for (code, dimensions), a in zip(kernel.kinds, arguments, strict=True):
                link(self.keys.index(a.key) if isinstance(a, Given) else fixed[id(a.value), code])
                if code == "array" and dimensions:
                    shape = a.shape if isinstance(a, Given) else a.value.shape
                    assert shape is not None
                    assert len(shape) == dimensions
                    words += shape
        starts = []
        for _, bounds, _ in self._steps:
            starts.append(len(words))
            words += bounds
        start = len(words)
        words += [len(self._steps), int(self.parallel)]
        for (kernel, bounds, _), table, at in zip(self._steps, tables, starts, strict=True):
            words.append(kernel.address)
            link(table)
            link(at)
            words.append(len(bounds) - 1)
        assert len(words) - start == 2 + STEP_WORDS * len(self._steps)
        table = array("q", words)
        base = table.buffer_info()[0]
        for place in links:
            table[place] = base + 8 * table[place]
        if self.parallel:
            crew.want(max([len(bounds) - 1 for _, bounds, _ in self._steps]))
            crew.team_of()
        words_of_call = Struct("".join(["q" if code == "array" else code for code in self.codes]))
        return words_of_call.pack_into, table, base + 8 * start


def _bits(value: Any, code: str) -> int:
    if code == "array":
        assert isinstance(value, np.ndarray)
        return id(value)
    return bits(value, code)
