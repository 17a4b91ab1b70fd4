"""Functions with derivative rules of their own under ``vmap``: the rules run once, on the whole batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Tracer, bind
from funcnet.ops import sum_over
from funcnet.transforms.batch import BatchTrace, in_front
from funcnet.transforms.call import Call
from funcnet.transforms.recorded import expanded_or_recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive, Trace

__all__ = ["batched_call"]


def batched_call(primitive: Primitive, size: int, batched: Sequence[bool], /, *values: Any) -> tuple[Any, ...]:
    """Rule of a call: another call, which runs the function and its rules for all elements of the batch together."""
    assert isinstance(primitive, Call)
    return bind(_BatchedCall(primitive, size, batched), *values)


class _BatchedCall(Call):
    """A call for each element of a batch.

    The trace that the function or its forward rule ran in lives again while the backward rule runs, since the residuals
    belong to it.
    """

    __slots__ = ("batched", "call", "size")
    batch = staticmethod(batched_call)

    def __init__(self, call: Call, size: int, batched: Sequence[bool]) -> None:
        super().__init__(call.name, call.arguments)
        self.call = call
        self.size = size
        self.batched = batched

    def _wrapped(self, trace: Trace, values: Sequence[Any]) -> list[Any]:
        return [None if v is None else _wrap(trace, v, b) for v, b in zip(values, self.batched, strict=True)]

    def _run(self, f: Callable[..., Any], *before: Any, values: Sequence[Any]) -> tuple[Any, ...]:
        trace = BatchTrace(self.size)
        ys = trace.run(f, (*before, *self._wrapped(trace, values)), {})
        return tuple([in_front(trace, y, 0) for y in ys])

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        return self._run(self.call.evaluate, values=values)

    def expanded(self, *values: Any) -> tuple[Any, ...]:
        """Run the function, operation by operation."""
        return self._run(self.call.expanded, values=values)  # type: ignore[attr-defined]

    def with_held(self, values: Sequence[Any]) -> _BatchedCall:
        """Return the call: arrays that are held back cannot be mapped over."""
        del values
        return self

    def abstract(self, trace: Trace, *values: Any) -> tuple[Any, ...]:
        return expanded_or_recorded(self, trace, values, (), self.expanded)

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:
        trace = BatchTrace(self.size)
        ys, kept = trace.run(self.call.start, (self._wrapped(trace, values), active), {})
        return tuple([in_front(trace, y, 0) for y in ys]), (trace, kept)

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:
        trace, inner = kept
        given = [None if g is None else Tracer(trace, g, 0) for g in gs]
        trace.alive = True
        cts = trace.run(self.call.pull, (inner, given, active), {})
        return [
            None if ct is None else _summed(in_front(trace, ct, 0), self.batched[i])
            for i, ct in zip(active, cts, strict=True)
        ]

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        trace = BatchTrace(self.size)
        ys, ts = trace.run(self.call.push, (self._wrapped(trace, values), self._wrapped(trace, tangents)), {})
        return (
            tuple([in_front(trace, y, 0) for y in ys]),
            [None if t is None else in_front(trace, t, 0) for t in ts],
        )


def _wrap(trace: Trace, value: Any, batched: bool) -> Any:
    return Tracer(trace, value, 0 if batched else None)


def _summed(ct: Any, batched: bool) -> Any:
    """Return the cotangent of an operand: the sum over the batch for one that all elements share."""
    return ct if batched else sum_over(ct, (0,))
