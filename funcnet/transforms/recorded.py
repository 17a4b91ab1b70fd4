"""Functions with derivative rules of their own in a graph: operations when it runs, rules when it is differentiated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.capture import GraphTrace, capture
from funcnet.compiler.graph import spec_of
from funcnet.core import Spec, Tracer, bind
from funcnet.transforms.call import closed_over
from funcnet.transforms.regions import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.graph import Graph
    from funcnet.core import Trace

__all__ = ["expanded_or_recorded"]


def expanded_or_recorded(
    call: Any, trace: Trace, values: Sequence[Any], held: Sequence[Tracer], expand: Callable[..., tuple[Any, ...]]
) -> tuple[Any, ...]:
    """Return the results of a call with rules, for operands of which only the shapes are known.

    Where a graph is captured, it gets one equation that holds the operations of the call and the call: a derivative of
    the graph, taken later, is by the rules.

    Parameters
    ----------
    call : Call
        The call; ``call.with_held(values)`` is the same one for other values of what is held back.
    trace : Trace
        Knows the shapes.
    values : sequence of arrays
        The operands.
    held : sequence of Tracer
        Traced arrays among the arguments that the rules do not differentiate.
    expand : callable
        ``expand(*values, *held)`` runs the operations.
    """
    if trace.__class__ is not GraphTrace or not any([_unknown(trace, v) for v in (*values, *held)]):
        return expand(*values, *held)
    operands = [*values, *held]
    graph, free = capture(expand, [_spec(v) for v in operands])
    for t in free:
        # What is traced outside of the graph has a derivative that the rules know nothing of.
        if t.trace.carries(t):
            raise closed_over(repr(call.name))
    return bind(RecordedCall(call, graph, len(values), len(held)), *operands, *free)


def _unknown(trace: Trace, v: Any) -> bool:
    return v.__class__ is Tracer and (v.trace is not trace or v.node is not None)


def _spec(v: Any) -> Spec:
    value = v.value if v.__class__ is Tracer and v.value.__class__ is Spec else v
    return spec_of(value)


class RecordedCall(Region):
    """A call with rules: ``(*operands, *held, *free) -> results``, where the rules are for the operands."""

    __slots__ = ("call", "held", "own")
    #: Plans have the operations in its place.
    expands = True

    def __init__(self, call: Any, graph: Graph, own: int, held: int) -> None:
        super().__init__(call.name, [graph])
        self.call = call
        self.own = own
        self.held = held

    def with_regions(self, regions: Sequence[Graph]) -> RecordedCall:
        return RecordedCall(self.call, regions[0], self.own, self.held)

    def specs(self, args: Sequence[Any]) -> list[Spec]:  # noqa: ARG002  # the graph knows
        return [v.spec for v in self.regions[0].outputs]

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        return self.programs[0](*values)

    def in_batch(self, size: int, batched: Sequence[bool], values: Sequence[Any]) -> tuple[Any, ...]:
        return self.call.batch(self, size, batched, *values)

    def with_held(self, values: Sequence[Any]) -> RecordedCall:
        """Return the call; what it holds back is among its operands already."""
        del values
        return self

    def expanded(self, *values: Any) -> tuple[Any, ...]:
        """Run the operations."""
        return self.programs[0](*values)

    def _ruled(self, values: Sequence[Any], active: Sequence[int]) -> tuple[Any, Sequence[Any]]:
        """Return the call for its rules, and their operands."""
        if any([i >= self.own for i in active]):
            raise closed_over(repr(self.name))
        return self.call.with_held(values[self.own : self.own + self.held]), values[: self.own]

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:
        call, own = self._ruled(values, active)
        ys, kept = call.start(own, active)
        return ys, (call, kept)

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:
        call, inner = kept
        return call.pull(inner, gs, active)

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        call, own = self._ruled(values, [i for i, t in enumerate(tangents) if t is not None])
        return call.push(own, tangents[: self.own])
