"""The plan for NumPy with Numba: compiled loops, products into planned memory, and plain calls for the rest."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from funcnet.compiler.fusion.builder import Builder
from funcnet.compiler.graph import Graph
from funcnet.compiler.kernels.attending import attended
from funcnet.compiler.kernels.blockwise import whole_heads
from funcnet.compiler.kernels.crosswise import crosswise
from funcnet.compiler.kernels.group_norms import by_groups
from funcnet.compiler.kernels.prefixes import prefixes_in_turn
from funcnet.compiler.kernels.rewrites import rectify_pooled
from funcnet.compiler.kernels.table import specialised
from funcnet.compiler.layout import turned_products
from funcnet.compiler.loops.build import compiled
from funcnet.compiler.loops.lowering import lowered
from funcnet.compiler.passes import optimised
from funcnet.compiler.team.driver import LIMIT
from funcnet.compiler.workers import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from funcnet.compiler.loops.emit import Loop

    Compile = Callable[[str, str], Callable[..., None]]

__all__ = ["FusedPlan"]


class FusedPlan:
    """An optimised graph whose arrays are NumPy's, ready to run.

    Parameters
    ----------
    graph : Graph
        The graph.
    compile : callable, optional
        Makes functions of the sources of loops.
    donated : sequence of int
        Inputs that it may write to.

    Attributes
    ----------
    graph : Graph
        What it computes, in operations that loops are made of.
    loops : list of Loop
        What is compiled.
    calls : list of str
        The operations that stay calls.
    planned : int
        Bytes of the block that holds intermediate arrays.
    reused : dict of int to int
        Input that is written to or passed on, a C-contiguous array that nobody else needs -> the output that it
        becomes.
    written : tuple of int
        These inputs; large ones have to begin with a line of the cache.
    """

    def __init__(self, graph: Graph, compile: Compile = compiled, *, donated: Sequence[int] = ()) -> None:
        self._compile = compile
        self._donated = tuple(donated)
        # Lowering may leave repeated and unused operations behind.
        graph = rectify_pooled(prefixes_in_turn(graph))
        graph = optimised(turned_products(lowered(by_groups(attended(whole_heads(graph))))))
        self.graph = specialised(crosswise(graph))
        builder = self._builder(donated=self._donated)
        # A call writes to the memory of its plan, so a plan serves one call at a time.
        self._idle = [builder.build()]
        self.loops: list[Loop] = builder.written
        self.calls = builder.calls
        self.planned = builder.planned
        self.reused = builder.reused
        self.written = tuple(self.reused)
        self._idle_into: list[Callable[..., tuple[Any, ...]]] = []

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        try:
            plan = self._idle.pop()
        except IndexError:
            plan = self._builder(donated=self._donated).build()
        try:
            return plan(*values)
        finally:
            self._idle.append(plan)

    @contextmanager
    def into(self) -> Iterator[Callable[..., tuple[Any, ...]]]:
        """Give a function of the inputs and of one array for each output, which it writes to, for a ``with`` block.

        The arrays for the outputs are contiguous, and share no memory with the inputs or each other.
        """
        try:
            plan = self._idle_into.pop()
        except IndexError:
            plan = self._builder(targets=True).build()
        try:
            yield plan
        finally:
            self._idle_into.append(plan)

    def _builder(self, **options: Any) -> Builder:
        return Builder(self.graph, self._compile, min(max(1, threads()), LIMIT), **options)
