"""Where the arrays of a fused plan are when it runs: in its block, among constants, or in variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.graph import Graph, Value
from funcnet.compiler.steps import Fixed, Given, StepWriter

if TYPE_CHECKING:
    from funcnet.compiler.kernels.special import Of

__all__ = ["Arrays"]


class Arrays:
    """The arrays of a plan that is being written.

    Parameters
    ----------
    graph : Graph
        What the plan computes.
    targets : bool
        Whether the caller gives the arrays that results are written to.
    threads : int
        How many threads there are.

    Attributes
    ----------
    writer : StepWriter
        Writes the plan.
    results : set of Value
        The outputs of the graph.
    planned : dict of Value to array
        Arrays of the block.
    fresh : set of Value
        Results that were made for this call and that nothing else shows.
    """

    __slots__ = ("_inputs", "_known", "_targets", "fresh", "graph", "planned", "results", "writer")

    def __init__(self, graph: Graph, *, targets: bool, threads: int) -> None:
        self.graph = graph
        self._targets = targets
        self.writer = StepWriter(threads)
        self.results = {v for v in graph.outputs if v.__class__ is Value}
        self.planned: dict[Value, np.ndarray] = {}
        self.fresh: set[Value] = set()
        self._inputs = frozenset(graph.inputs)
        #: Contiguous arrays of values.
        self._known: dict[Value, str] = {}

    def keep(self, v: Value, array: np.ndarray) -> None:
        """Note where a value lies from now on."""
        self.planned[v] = array
        self.writer.names[v] = self.fixed(array)

    def fixed(self, array: np.ndarray) -> str:
        """Return the variable of an array that is the same in every call."""
        name = self.writer.constant(array)
        self.writer.shows(name, arrays=[array] if isinstance(array, np.ndarray) else [])
        return name

    def later(self, v: Value) -> bool:
        """Return whether steps that wait may have to write to what a value shows."""
        return v in self.planned or self.writer.waits(v)

    def at_hand(self, v: Value) -> np.ndarray | None:
        """Return the array of a value that is the same in every call, if it is contiguous."""
        array = self.planned.get(v)
        if array is None:
            array = self.graph.constants.get(v)
        return array if isinstance(array, np.ndarray) and array.flags.c_contiguous else None

    def contiguous(self, v: Value) -> str:
        """Return an expression for a contiguous array of a value."""
        if self.at_hand(v) is not None:
            return self.writer.name(v)
        return self.once(v)

    def make(self, v: Value, *, zeroed: bool = False) -> str:
        """Return the variable of a result, an array that the function makes or is given; what it makes may be zero."""
        self.fresh.add(v)
        if self._targets:
            name = self.writer.names[v] = f"o{self.graph.outputs.index(v)}"
        else:
            name = self.writer.name(v)
            dtype = self.writer.constant(np.dtype(v.dtype))
            self.writer.lines.append(
                f"{name} = {self.writer.constant(np.zeros if zeroed else np.empty)}({v.shape!r}, {dtype})"
            )
        self.writer.shows(name)
        return name

    def made_zero(self, v: Value) -> bool:
        """Return whether the array of a result that has to be zero was made for this call, of zeros."""
        return v not in self.planned and not self._targets

    def once(self, v: Value) -> str:
        """Return the variable of a contiguous array of a value, which is made once."""
        name = self._known.get(v)
        if name is None:
            if v in self._inputs:
                self.writer.order(self.writer.name(v))
                name = self._known[v] = self.writer.name(v)
                return name
            if self.later(v):
                # It reads what a step may yet have to write.
                self.writer.flush()
            name = self._known[v] = f"t{len(self._known)}"
            self.writer.shows(name, self.writer.name(v))
            # What has no dimensions becomes an array of one element.
            self.writer.lines.append(f"{name} = {self.writer.constant(np.ascontiguousarray)}({self.writer.name(v)})")
        return name

    def seen(self, v: Value, name: str, a: Of, kind: str) -> Fixed | Given:
        """Return an array as an argument of a kernel's step, which does to it what `kind` says."""
        array = self.at_hand(v)
        return Given(name, a.shape, kind) if array is None else Fixed(array.reshape(a.shape), kind)
