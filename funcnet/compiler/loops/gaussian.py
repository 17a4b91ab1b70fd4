"""The Gaussian error linear unit by the normal distribution's probability, which loops have a function for.

The reference implementation computes three rational functions for each element and takes one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.core import bind
from funcnet.ops.nn.gaussian import density, probability_p

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Equation

__all__ = ["by_probability"]


def by_probability(e: Equation) -> Callable[..., Any] | None:
    """Return what computes an equation by that function, None where it has nothing to do with it."""
    f = _FUNCTIONS.get(e.primitive.name)
    return f if f is not None and str(e.outputs[0].dtype) in ("float32", "float64") else None


def _unit(x: Any) -> Any:
    return x * bind(probability_p, x)


def _slope(x: Any) -> Any:
    return bind(probability_p, x) + x * density(xp, x)


_FUNCTIONS: dict[str, Callable[..., Any]] = {"gelu": _unit, "gelu_slope": _slope}
