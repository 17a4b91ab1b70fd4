"""Loops in which subnormal numbers may count as 0: updates of an optimizer's state, with nothing but plain arithmetic.

Moments of parameters without a gradient (embeddings of rare words, units that are off) shrink at each step until they
are subnormal, and stay so for ever; squares of small gradients are. Processors of x86 take a hundred times as long for
each vector that holds such a number. Sums that take it for 0 are wrong by no more than the smallest normal number
(1.2e-38 in single precision), products by that times the other factor, and quotients by a root and an epsilon by no
more than their rounding if the epsilon is not tiny: loops look at it when they run. Comparisons, signs, other roots and
other quotients would be wrong by more.

Cotangents that go back through many steps of a loop vanish the same way: halved by a gate in each, they are subnormal
after 126 steps, and the products of matrices with them take most of the time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.graph import Value
from funcnet.compiler.loops.group import REDUCTIONS, SHAPES, power_of

if TYPE_CHECKING:
    from typing import Any

    from funcnet.compiler.graph import Equation, Graph
    from funcnet.compiler.loops.emit import Loop

__all__ = ["enough", "looked_at", "to_zero", "to_zero_back"]

_LINE = "    # Subnormal numbers count as 0 where these arguments are not tiny:{}\n"
_FOUND = re.compile(r"^    # Subnormal numbers count as 0 where these arguments are not tiny:([ \d]*)$", re.MULTILINE)

_SAFE = REDUCTIONS | SHAPES | {"abs", "add", "astype", "maximum", "minimum", "multiply", "negative", "positive"}
_SAFE |= {"square", "stop_gradient", "subtract"}
#: What loops back have as well: products of matrices, what moves elements, and functions that stay within bounds.
_BACK = {"concat", "getitem", "matmul", "matrix_transpose", "product and sum", "sigmoid", "strong_multiply", "tanh"}


def enough(dtype: Any) -> float:
    """Return how large an epsilon is beside which roots of subnormal numbers are below its rounding."""
    info = np.finfo(dtype)
    return float(np.sqrt(np.float64(info.tiny)) / info.eps)


def to_zero(loop: Loop) -> str:
    """Return the source of a loop with a line that says that subnormal numbers count as 0, if they may."""
    beside: list[Value] = []
    if not all([_safe(e, loop, beside) for e in loop.group.equations]):
        return loop.source
    arguments = [v for v, _ in loop.inputs]
    places = "".join([f" {arguments.index(v)}" for v in dict.fromkeys(beside)])
    return loop.source.replace("\n", f"\n{_LINE.format(places)}", 1)


def to_zero_back(source: str, step: Graph) -> str:
    """Return the source of a loop whose carries are cotangents with that line, if a step allows it."""
    safe = all([e.primitive.name in _SAFE | _BACK for e in step.equations])
    return _LINE.format("") + source if safe else source


def looked_at(source: str) -> tuple[int, ...] | None:
    """Return which arguments of a loop must not be tiny for subnormal numbers to count as 0; None if they never do."""
    found = _FOUND.search(source)
    return None if found is None else tuple(map(int, found[1].split()))


def _safe(e: Equation, loop: Loop, beside: list[Value]) -> bool:
    """Return whether an operation allows it, and note what it allows it beside."""
    name = e.primitive.name
    if name == "sqrt" or (name == "pow" and e.inputs[1] == 0.5):
        # The root of a number that is subnormal is a normal one.
        return all([u.primitive.name == "add" and _divides(u, loop) for u in _users(e, loop)])
    if name == "pow":
        return power_of(e) is not None and e.inputs[1] > 0  # type: ignore[operator]  # a number
    if name != "divide":
        return name in _SAFE
    by = e.inputs[1]
    if by.__class__ is not Value:
        return by != 0
    # A root and an epsilon.
    made = {v: k for k in loop.group.equations for v in k.outputs}
    total = made.get(by)
    if total is None or total.primitive.name != "add":
        return False
    for v in total.inputs:
        if v.__class__ is not Value:
            return v >= enough(by.dtype)  # type: ignore[operator]
        if loop.group.roles[v] == "scalar" and v not in made:
            beside.append(v)
            return True
    return False


def _divides(e: Equation, loop: Loop) -> bool:
    """Return whether a result is a divisor and nothing else."""
    out = e.outputs[0]
    return all([u.primitive.name == "divide" and u.inputs[0] is not out for u in _users(e, loop)])


def _users(e: Equation, loop: Loop) -> list[Any]:
    """Return what uses a result; an equation that writes it is its own user."""
    out = e.outputs[0]
    return [e] * (out in [v for v, _ in loop.outputs]) + [k for k in loop.group.equations if out in k.values]
