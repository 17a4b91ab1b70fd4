"""What a kernel that takes several passes through tables computes, and when that pays."""

from __future__ import annotations

from math import prod

import numpy as np

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.loops.emit import uniform
from funcnet.compiler.loops.group import name_of
from funcnet.compiler.loops.templates import type_name

__all__ = ["LEAST", "REDUCTIONS", "Crosswise", "levels_of"]

#: What makes a number for each column of a table of its rows.
REDUCTIONS = frozenset(["sum", "mean", "max", "min", "count_nonzero"])
#: Columns that are taken at a time at least; shorter rows are taken together, about so many elements.
LEAST, _TOGETHER = 64, 256
#: Bytes of the fewest columns beyond which passes would read from memory, as loops along rows do in better order.
_LARGEST = 3 << 19
#: Elements of a row below which nothing is gained without taking rows together.
_ROW = 4


class Crosswise:
    """Equations that one kernel computes.

    Attributes
    ----------
    graph : Graph
        What they are from.
    shape : tuple of int
        That of the stack of tables.
    first, stop : int
        From and up to which dimensions its rows are.
    equations : list of Equation
        In an order in which they can run.
    roles : dict of Value to str
        What each value is: ``full``; ``table``, with a number for each column of each table; or, from outside alone,
        ``column``, the same in each table, ``row``, ``scalar``, and ``spread``: broadcast along other dimensions.
    made : set of Value
        What the equations compute.
    written : bool
        Whether the rows are few, and written out.
    """

    __slots__ = ("equations", "first", "graph", "made", "roles", "shape", "stop", "written")

    def __init__(self, graph: Graph, shape: tuple[int, ...], first: int, stop: int, *, written: bool = False) -> None:
        self.graph, self.shape, self.first, self.stop, self.written = graph, shape, first, stop, written
        self.equations: list[Equation] = []
        self.roles: dict[Value, str] = {}
        self.made: set[Value] = set()

    @property
    def count(self) -> int:
        """The number of tables."""
        return prod(self.shape[: self.first])

    @property
    def rows(self) -> int:
        """The rows of a table."""
        return prod(self.shape[self.first : self.stop])

    @property
    def width(self) -> int:
        """The columns of a table."""
        return prod(self.shape[self.stop :])

    @property
    def columns(self) -> int:
        """The columns of all tables."""
        return self.count * self.width

    def outside(self, v: Value) -> str | None:
        """Return what a value from outside is, None if kernels do not read such values."""
        if type_name(name_of(v.dtype)) is None or len(v.shape) > len(self.shape):
            return None
        if prod(v.shape) == 1:
            return "scalar"
        padded = (1,) * (len(self.shape) - len(v.shape)) + v.shape
        head, middle, tail = padded[: self.first], padded[self.first : self.stop], padded[self.stop :]
        wanted = self.shape[: self.first], self.shape[self.first : self.stop], self.shape[self.stop :]
        if padded == self.shape:
            return "full"
        if tail == wanted[2] and prod(middle) == 1:
            return "table" if head == wanted[0] else "column" if prod(head) == 1 else None
        if (head, middle) == wanted[:2] and prod(tail) == 1:
            return "row"
        spread = all([a in (1, b) for a, b in zip(padded, self.shape, strict=True)])
        return "spread" if self.written and spread else None

    def aligned(self, v: Value) -> bool:
        """Return whether a value may stand beside full ones."""
        if v not in self.made:
            return self.outside(v) is not None
        return self.roles[v] == "full" or self.outside(v) == "table" or prod(v.shape) == 1

    @property
    def together(self) -> int:
        """How many rows are taken as one."""
        if self.width >= LEAST or "row" in self.roles.values():
            return 1
        return max(1, min(self.rows, _TOGETHER // self.width))

    @property
    def worthwhile(self) -> bool:
        """Whether there is more than one pass, or one that loops along rows do not take."""
        if self.written:
            return self._several
        if self.width < _ROW and self.together == 1:
            return False
        full = [v for v, role in self.roles.items() if role == "full" and v not in self.made]
        if self.rows * min(self.width, LEAST) * sum([np.dtype(v.dtype).itemsize for v in full]) > _LARGEST:
            return False
        return self._several

    @property
    def _several(self) -> bool:
        level = levels_of(self)
        again = any([level[v] > 0 and self.roles[v] == "full" for v in self.made])
        kinds = [e.primitive.name for e in self.equations]
        # Others have kernels for these alone.
        alone = len(kinds) == 1 and self.count > 1 and self.width >= _ROW
        return again or (not alone and not {"max", "min", "count_nonzero"}.isdisjoint(kinds))

    def given(self) -> list[Value]:
        """Return what is read, constants of one number aside."""
        values = dict.fromkeys([v for e in self.equations for v in e.values if v not in self.made])
        return [v for v in values if uniform(self.graph.constants.get(v)) is None]

    def results(self) -> list[Value]:
        """Return what others read."""
        inside = set(self.equations)
        elsewhere = {v for e in self.graph.equations if e not in inside for v in e.values} | set(self.graph.outputs)
        return [v for e in self.equations for v in e.outputs if v in elsewhere]


def levels_of(c: Crosswise) -> dict[Value, int]:
    """Return the pass in which each value is computed; numbers of columns are computed before it."""
    level: dict[Value, int] = {}
    for e in c.equations:
        found = max([level.get(v, 0) for v in e.values], default=0)
        x = e.values[0]
        reduces = e.primitive.name in REDUCTIONS
        level[e.outputs[0]] = found + 1 if reduces and c.roles[x] == "full" else found
    return level
