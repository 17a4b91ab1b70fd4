"""The writer of a fused plan: goes through its steps, and ends with a Python function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.fusion.arrays import Arrays
from funcnet.compiler.fusion.chains import ChainSteps
from funcnet.compiler.fusion.following import chained
from funcnet.compiler.fusion.kernels import KernelSteps
from funcnet.compiler.fusion.lifetimes import place
from funcnet.compiler.fusion.loops import LoopSteps
from funcnet.compiler.fusion.nodes import equations_of, is_product, nodes_of, shares, turns_of
from funcnet.compiler.fusion.products import ProductSteps
from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.inplace import Readers
from funcnet.compiler.kernels.special import Special
from funcnet.compiler.layout import Layout, view_of
from funcnet.compiler.loops.group import (
    Group,
)
from funcnet.compiler.plain import call, fresh_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.fusion.following import Chain
    from funcnet.compiler.loops.emit import Loop

    Compile = Callable[[str, str], Callable[..., None]]

__all__ = ["Builder"]


class Builder:
    """Makes a function of a graph; each of them has memory of its own, and serves one call at a time.

    Parameters
    ----------
    graph : Graph
        What it computes, in operations that loops are made of.
    compile : callable
        Makes functions of the sources of loops.
    count : int
        How many threads there are.
    targets : bool, default False
        Whether the function gets the arrays that results are written to as well.
    donated : sequence of int
        Inputs that it may write to.

    Attributes
    ----------
    calls : list of str
        The operations that are no loops.
    planned : int
        Bytes of the block that holds intermediate arrays.
    """

    def __init__(
        self,
        graph: Graph,
        compile: Compile,
        count: int,
        *,
        targets: bool = False,
        donated: Sequence[int] = (),
    ) -> None:
        self.graph = graph
        self.targets = targets
        self.calls: list[str] = []
        self.planned = 0
        self.arrays = Arrays(graph, targets=targets, threads=count)
        self.writer, self.results = self.arrays.writer, self.arrays.results
        self.nodes, self.following = chained(nodes_of(graph), self.results, count)
        #: Steps that are written with a product before them, and the last of them.
        self.together = {k: i + len(c.loops) for i, c in self.following.items() for k in range(i, i + len(c.loops))}
        self.needed = set(self.results)
        for n in self.nodes:
            if isinstance(n, Group):
                made = n.made
                self.needed |= {v for e in n.equations for v in e.values if v not in made}
            else:
                self.needed |= set(n.values)
        given = [graph.inputs[i] for i in donated]
        #: Donated inputs that are outputs as they are.
        self.passed_on = [v for v in given if v in self.results]
        readers = Readers(self.nodes, given, self.results, shares, self.together)
        self.loops = LoopSteps(self.arrays, compile, count, self.needed, readers)
        self.products = ProductSteps(self.arrays, compile, count, turns_of(self.nodes))
        self.chains = ChainSteps(self.arrays, compile, self.products, self.loops, self.following.values())
        self.kernels = KernelSteps(self.arrays, compile, count)
        self.layout = Layout(equations_of(self.nodes), self.results, self._written_in_block())

    @property
    def written(self) -> list[Loop]:
        """The loops."""
        return self.loops.loops

    @property
    def reused(self) -> dict[int, int]:
        """By the input that is written to or passed on, the output that it becomes."""
        inputs, outputs = self.graph.inputs, self.graph.outputs
        becomes = [(v, out) for out, v in self.loops.in_place.items()] + [(v, v) for v in self.passed_on]
        return {inputs.index(v): outputs.index(out) for v, out in becomes}

    def build(self) -> Callable[..., tuple[Any, ...]]:
        """Return the function."""
        for v, array in self.graph.constants.items():
            self.writer.names[v] = self.arrays.fixed(array)
        for v in self.graph.inputs:
            # Those that the plan writes to share memory with no others.
            self.writer.shows(self.writer.name(v))
        dying, self.planned = place(self.nodes, self.layout, self.needed, self.arrays, self.together)
        written = 0
        for i, node in enumerate(self.nodes):
            if isinstance(node, Group):
                if i >= written:
                    self.loops.write(node, i)
            elif self._equation(node, self.following.get(i), i):
                written = i + 1 + len(self.following[i].loops)
            self.writer.drop([self.writer.name(v) for v in dying.get(i, ()) if v not in self.arrays.planned])
        self.writer.flush()
        if self.targets:
            return self._finish_into()
        return self.writer.finish(self.graph.inputs, self._outputs())

    def _finish_into(self) -> Callable[..., tuple[Any, ...]]:
        """Copy what was not written to its place, and end the function."""
        done: set[Any] = set()
        places = [Value(v.spec) for v in self.graph.outputs]
        for k, (v, target) in enumerate(zip(self.graph.outputs, places, strict=True)):
            self.writer.names[target] = f"o{k}"
            if v not in self.arrays.fresh or v in done:
                self.writer.lines.append(f"o{k}[...] = {self.writer.name(v)}")
            done.add(v)
        return self.writer.finish([*self.graph.inputs, *places], [])

    def _outputs(self) -> list[str]:
        out = fresh_outputs(self.writer, self.graph, {*self.arrays.fresh, *self.arrays.planned})
        # What lies in the block is copied; results proper are made fresh from the start.
        seen: set[Any] = set()
        for i, v in enumerate(self.graph.outputs):
            if (v in self.arrays.fresh or v in self.passed_on) and v not in seen:
                out[i] = self.writer.name(v)
            seen.add(v)
            if v.__class__ is Value and v in self.arrays.planned:
                out[i] = f"{self.writer.constant(np.array)}({self.writer.name(v)})"
        return out

    def _written_in_block(self) -> Callable[[Value], bool]:
        """Return whether a value is made by something that writes to any memory that it is given."""
        plain = equations_of(self.nodes)
        # One product of all rows in place of a stack of them needs its rows side by side.
        made = {e.outputs[0] for e in plain if is_product(e) and len(e.inputs[1].shape) == len(e.outputs[0].shape)}
        made |= {v for e in plain if getattr(e.primitive, "strided", False) for v in e.outputs}
        return lambda v: v in made and v not in self.results

    def _equation(self, e: Equation, chain: Chain | None, step: int) -> bool:
        """Write the step that is an equation; return whether it took loops with it."""
        self.calls.append(e.primitive.name)
        if isinstance(e.primitive, Special):
            self.kernels.write(e, e.primitive)
            return False
        if not e.outputs:
            self.writer.flush()
            call(self.writer, e)
            return False
        out = e.outputs[0]
        first: Any = e.inputs[0] if e.inputs else None
        if out in self.layout.joints:
            # Its parts are there already.
            return False
        view = view_of(e, self.arrays.planned[first]) if first in self.arrays.planned else None
        if view is not None:
            self._view(out, view)
        elif e.primitive.name == "matrix_transpose" and not self.writer.waits(first):
            self.writer.lines.append(f"{self.writer.name(out)} = {self.writer.name(first)}.swapaxes(-1, -2)")
            self.writer.shows(self.writer.name(out), self.writer.name(first))
        elif is_product(e) and (out in self.arrays.planned or out in self.results):
            if out not in self.arrays.planned:
                self.arrays.make(out)
            if chain is not None and self.chains.write(chain, step):
                return True
            self.products.write(e)
        else:
            anything = e.primitive.kind == "call" or e.primitive.meta.get("effect")
            if anything or any([self.arrays.later(v) for v in e.values]):
                self.writer.flush()
            call(self.writer, e)
            shown = [self.writer.name(v) for v in e.values] if shares(e) else []
            for v in e.outputs:
                self.writer.shows(self.writer.name(v), *shown)
        return False

    def _view(self, out: Value, array: np.ndarray) -> None:
        if out in self.results:
            # Who reads it has to wait for the step that writes to the array.
            self.writer.after([f"{self.writer.name(out)} = {self.writer.constant(array)}"], [out])
            self.writer.shows(self.writer.name(out), arrays=[array])
        else:
            self.arrays.keep(out, array)
