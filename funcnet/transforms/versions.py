"""Versions of a function under ``jit``: a graph, and what it was captured for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import tree
from funcnet.compiler.execute import Executable
from funcnet.transforms.kinds import NUMBERS
from funcnet.tree.written import putter, taker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.alone import Alike
    from funcnet.core import Tracer
    from funcnet.transforms.program import Program

__all__ = ["HOLE", "Version"]

#: Stands for an array among the leaves of a result.
HOLE = object()

#: Arguments and results for which functions are written: to compile these takes 0.1 ms for each.
_LEAVES = 1000


class Version:
    """One captured version of a function."""

    __slots__ = (
        "_described",
        "alike",
        "donated",
        "executable",
        "fill",
        "free",
        "key",
        "plain",
        "program",
        "put",
        "reason",
        "structure",
        "take",
    )

    def __init__(
        self, program: Program, structure: Any, fill: list[Any] | None, free: list[Tracer], donated: tuple[int, ...]
    ) -> None:
        self.program = program
        self.structure = structure
        #: The leaves of the result that are Python scalars, `HOLE` elsewhere; None where all are arrays.
        self.fill = fill
        self.free = free
        #: Which inputs are given away.
        self.donated = donated
        self.executable = Executable(program.graph, donated) if donated else None
        #: What it was captured for, and why.
        self.key: Any = None
        self.plain = False
        #: Whether many arguments are like those, found out at once.
        self.alike: Alike | None = None
        #: Written when the version is used again: what takes its arguments apart, and puts its result together.
        self.take: Callable[[Any], list[Any] | None] | None = None
        self.put: Callable[[Sequence[Any]], Any] = partial(tree.unflatten, structure)
        self.reason = ""
        self._described: list[tuple[str, bool]] = []

    def describe(self, structure: Any, kinds: Sequence[Any], static: Any, keyed: bool) -> None:
        """Write down what it was captured for."""
        for path, kind in zip(structure.paths(), kinds, strict=True):
            array = isinstance(kind[0], tuple)
            if keyed:
                path = path.removeprefix("[0]") if path.startswith("[0]") else path.removeprefix("[1].")
            text = f"{kind[1]}[{','.join(map(str, kind[0]))}]" if array else f"the {kind[0].__name__} {kind[1]!r}"
            self._described.append((f"{path}: {text}", array))
        self._described += [(f"{name}: the static {cls} {same!r}", False) for name, cls, same in static or ()]

    def inputs(self) -> list[str]:
        """Return the place and the type of each array among the arguments."""
        return [text for text, array in self._described if array]

    def arguments(self) -> list[str]:
        """Return the place of each argument's leaves, and what the graph was captured for."""
        return [text for text, _ in self._described]

    def fits(self, leaves: list[Any]) -> bool:
        """Whether a plain version was captured for leaves like these, as many as it has."""
        if self.alike is not None and self.alike(tuple(leaves)):
            return True
        for leaf, kind in zip(leaves, self.key[1], strict=True):
            cls = leaf.__class__
            if cls is not np.ndarray and cls not in NUMBERS:
                return False
            if leaf.dtype is not kind[1] or leaf.shape != kind[0]:
                return False
        return True

    def settle(self, structure: Any) -> None:
        """Have functions written for arguments of this structure, unless that takes longer than they save."""
        if structure.num_leaves + self.structure.num_leaves <= _LEAVES:
            self.put, self.take = putter(self.structure), taker(structure)

    def result(self, found: Sequence[Any]) -> Any:
        """Return the result as the function returns it."""
        if self.fill is None:
            return self.put(found)
        rest = iter(found)
        return self.put([next(rest) if v is HOLE else v for v in self.fill])
