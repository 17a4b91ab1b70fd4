"""What projections have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.core import Tracer, constant
from funcnet.errors import TreeError
from funcnet.ops import cast
from funcnet.optim.leaves import check_number
from funcnet.optim.raveling import ravel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["as_one", "check_scale", "like", "scaled", "together"]


def check_scale(name: str, scale: Any, *, positive: bool = False) -> None:
    """Raise `ParameterError` if a scale is negative, or 0 where it must not be."""
    check_number(f"projections.{name}", "scale", scale, 0.0, float("inf"), open_low=positive)


def like(value: Any, x: Any) -> Any:
    """Return a number as it may meet `x`, of its data type if it is an array."""
    if not hasattr(value, "dtype"):
        return value
    value = cast(value, x.dtype)
    return constant(value) if value.__class__ is not Tracer and x.__class__ is Tracer else value


def together(x: Any, n: Any) -> tuple[Any, Any]:
    """Return both traced if one is: not every library lets another class of array answer for its operators."""
    if (x.__class__ is Tracer) != (n.__class__ is Tracer):
        return (constant(x), n) if n.__class__ is Tracer else (x, constant(n))
    return x, n


def as_one(params: Any, f: Callable[[Any], Any]) -> Any:
    """Apply a function of one vector to a tree."""
    if not tree.leaves(params):
        raise TreeError("A projection got no arrays.", found="a tree without leaves", needed="at least one array")
    vector, unravel = ravel(params)
    return unravel(f(vector))


def scaled(params: Any, factor: Any) -> Any:
    """Return a tree times a factor."""

    def one(x: Any) -> Any:
        return cast(factor, x.dtype) * x

    return tree.map(one, params)
