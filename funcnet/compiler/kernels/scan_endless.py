"""Loops until a condition fails, as loops over steps that ask before each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.capture import capture, interpret
from funcnet.compiler.graph import Value
from funcnet.compiler.kernels.scan_arguments import ENDLESS
from funcnet.compiler.kernels.scan_body import Body, body_of

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation, Graph
    from funcnet.compiler.kernels.scan_body import Inner

__all__ = ["Endless", "endless_of", "plain"]


class Endless:
    """What a loop until a condition fails is to those who write its source: its last result says whether it goes on."""

    reverse_order = False
    back = False
    length = ENDLESS

    def __init__(self, call: Any, step: Graph) -> None:
        self.regions = (step,)
        self.held = call.held
        self.carried = len(step.outputs) - 1
        self.evaluate = call.evaluate


def plain(e: Equation) -> bool:
    """Whether a loop makes arrays of NumPy of such, and nothing else."""
    if not e.outputs or any([v.__class__ is not Value for v in e.inputs]) or e.primitive.meta.get("effect"):
        return False
    return all([v.spec.backend.name == "numpy" for v in (*e.values, *e.outputs)])


def endless_of(e: Equation, inner: Inner) -> tuple[Endless, Body] | None:
    """Return a loop whose steps compute the condition as well, and its body; None if there is more to it."""
    call: Any = e.primitive
    condition, step = call.regions

    def both(*args: Any) -> list[Any]:
        return [*interpret(step, args), interpret(condition, args)[0]]

    if any([v.__class__ is not Value for v in (*step.outputs, *condition.outputs)]):
        return None
    graph, free = capture(both, [v.spec for v in step.inputs])
    # None of the carries may stay in one place: what a step has begun to compute may be one step too many.
    body = None if free else body_of(graph, call.held, 0, inner)
    if body is None:
        return None
    body.ask_first(body.graph.outputs[-1])
    return Endless(call, graph), body
