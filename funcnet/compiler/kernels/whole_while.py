"""Loops until a condition fails as one compiled function each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.capture import capture, interpret
from funcnet.compiler.graph import Value
from funcnet.compiler.kernels.scan import built, fits, inner
from funcnet.compiler.kernels.scan_arguments import ENDLESS
from funcnet.compiler.kernels.scan_body import body_of
from funcnet.compiler.kernels.scan_scalars import while_of_scalars
from funcnet.compiler.kernels.special import Special

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Equation, Graph
    from funcnet.compiler.kernels.special import Compile

__all__ = ["whole_while"]


class _Endless:
    """What a loop over steps is to those who write its source, where the last carry says whether it goes on."""

    reverse_order = False
    length = ENDLESS

    def __init__(self, call: Any, step: Graph) -> None:
        self.regions = (step,)
        self.held = call.held
        self.carried = len(step.outputs)
        self._call = call

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        """Make the steps one by one."""
        return *self._call.evaluate(*values[:-1]), np.False_


def whole_while(e: Equation) -> Special | None:
    """Return the kernel of a loop, None where its steps or its condition need more than steps of a `scan` may have."""
    call: Any = e.primitive
    if not e.outputs or any([v.__class__ is not Value for v in e.inputs]) or call.meta.get("effect"):
        return None
    if any([v.spec.backend.name != "numpy" for v in (*e.values, *e.outputs)]):
        return None
    if (special := while_of_scalars(e)) is not None:
        return special
    condition, step = call.regions

    def both(*args: Any) -> list[Any]:
        new = interpret(step, args[:-1])
        return [*new, interpret(condition, [*args[: call.held], *new])[0]]

    specs = [*[v.spec for v in step.inputs], condition.outputs[0].spec]
    if any([v.__class__ is not Value for v in (*step.outputs, *condition.outputs)]):
        return None
    graph, free = capture(both, specs)
    endless = _Endless(call, graph)
    body = None if free else body_of(graph, call.held, endless.carried, inner, stay=False)
    if body is None or body.sums or not fits(body):
        return None

    def build(compile: Compile, count: int) -> Callable[..., None]:
        whole = built(body, endless, [], compile, count)
        first, last = np.ones((), bool), np.ones((), bool)

        def run(*arrays: Any) -> None:
            given, made = arrays[: len(step.inputs)], arrays[len(step.inputs) :]
            if call.programs[0].run(*given)[0]:
                whole(*given, first, *made, last)
            else:
                for y, x in zip(made, given[call.held :], strict=True):
                    y[...] = x

        return run

    return Special("whole while loop", build)
