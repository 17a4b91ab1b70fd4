"""Loops in which subnormal numbers may count as 0: updates of an optimizer's state, with nothing but plain arithmetic.

Moments of parameters without a gradient (embeddings of rare words, units that are off) shrink at each step until they
are subnormal, and stay so for ever; squares of small gradients are. Processors of x86 take a hundred times as long for
each vector that holds such a number. Sums and products that take it for 0 are wrong by no more than the smallest normal
number (1.2e-38 in single precision). Comparisons, signs, and quotients of two such numbers would be wrong by more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from funcnet.compiler.graph import Value
from funcnet.compiler.loops.group import REDUCTIONS, SHAPES, power_of

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.loops.group import Group

__all__ = ["TO_ZERO", "may_be_zero"]

#: A line of the source of a loop in which they count as 0.
TO_ZERO = "    # Subnormal numbers count as 0.\n"

_SAFE = REDUCTIONS | SHAPES | {"abs", "add", "astype", "maximum", "minimum", "multiply", "negative", "positive"}
_SAFE |= {"sqrt", "square", "stop_gradient", "subtract"}


def may_be_zero(group: Group) -> bool:
    """Whether nothing in a loop becomes wrong by more than the smallest normal number if smaller ones count as 0."""
    made = {e.outputs[0]: e for e in group.equations}
    return all([_safe(e, group, made) for e in group.equations])


def _safe(e: Equation, group: Group, made: dict[Value, Equation]) -> bool:
    name = e.primitive.name
    if name == "pow":
        return power_of(e) is not None and e.inputs[1] > 0  # type: ignore[operator]  # a number
    if name != "divide":
        return name in _SAFE
    by = e.inputs[1]
    if by.__class__ is not Value:
        return by != 0
    # A root and an epsilon.
    sum_ = made.get(by)
    if sum_ is None or sum_.primitive.name != "add":
        return False
    return any([v.__class__ is not Value or group.roles[v] == "scalar" for v in sum_.inputs])
