"""A function along a line through trees of parameters: what line searches look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree, xp
from funcnet.core import Tracer, owner
from funcnet.errors import ParameterError
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.building import missing, together
from funcnet.transforms import value_and_grad

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Line", "check_function", "dot", "given_value", "required", "where"]


class Line:
    """``value_fn(params + step * direction)`` as a function of the step.

    Parameters
    ----------
    value_fn : callable
        From parameters to a real scalar.
    params, direction : pytrees of arrays
        None in the direction leaves a parameter where it is.
    """

    __slots__ = ("_both", "_fn", "_given", "_own", "_structure", "_tree", "directions", "dtype")

    def __init__(self, value_fn: Callable[[Any], Any], params: Any, direction: Any) -> None:
        self._fn = value_fn
        self._both: Any = value_and_grad(value_fn)
        self._tree = params
        self._own, self._structure, self._given = leaves.paired(params, direction, "the direction")
        moved = [d for d in self._given if d is not None]
        self.dtype = leaves.wide_dtype(moved[0] if moved else next(p for p in self._own if p is not None))
        self.directions = moved

    def point(self, step: Any) -> Any:
        """Return the parameters after a step."""
        scalars = leaves.Scalars(step)
        new: list[Any] = []
        for p, d in zip(self._own, self._given, strict=True):
            if p is None or d is None:
                new.append(p)
            else:
                a, b, s = together([p, cast(d, p.dtype), *scalars.of(p.dtype)])
                new.append(b * s + a)
        return tree.unflatten(self._structure, new)

    def value(self, step: Any) -> Any:
        """Return the function's value after a step, in the widest data type."""
        return cast(self._fn(self.point(step)), self.dtype)

    def full(self, step: Any) -> tuple[Any, tuple[Any, ...], Any]:
        """Return value, gradient (the leaves that move) and slope after a step."""
        value, gradient = self._both(self.point(step))
        moved = self.gradient(gradient)
        return cast(value, self.dtype), moved, dot(moved, self.directions, self.dtype)

    def gradient(self, gradient: Any) -> tuple[Any, ...]:
        """Return the leaves of a tree like the parameters that move."""
        _, _, given = leaves.paired(self._tree, gradient, "the gradient")
        found: list[Any] = []
        for g, d in zip(self._padded(given), self._given, strict=True):
            if d is not None:
                found.append(xp.zeros_like(d) if g is None else g)
        return tuple(found)

    def _padded(self, given: list[Any]) -> list[Any]:
        # None of the parameters themselves is a leaf if the direction has None anywhere.
        if len(given) == len(self._own):
            return given
        rest = iter(given)
        return [None if p is None else next(rest) for p in self._own]

    def rebuilt(self, moved: Sequence[Any], still: Any) -> Any:
        """Return a tree like the parameters from leaves that move, with those of another tree elsewhere."""
        _, _, given = leaves.paired(self._tree, still, "the gradient")
        rest = iter(moved)
        found = [g if d is None else next(rest) for g, d in zip(self._padded(given), self._given, strict=True)]
        return tree.unflatten(self._structure, found)


def dot(one: Sequence[Any], other: Sequence[Any], dtype: Any) -> Any:
    """Return the sum of the products of all elements, in a data type."""
    total: Any = None
    for a, b in zip(one, other, strict=True):
        a, b = together([a, b])
        part = cast(xp.sum(a * b if a.dtype == b.dtype else a * cast(b, a.dtype)), dtype)
        total = part if total is None else total + part
    return total


def where(condition: Any, one: Any, other: Any) -> Any:
    """Return one of two trees, as a condition says."""

    def choose(a: Any, b: Any) -> Any:
        return xp.where(condition, a, b)

    return tree.map(choose, one, other)


def given_value(value: Any, leaf: Any, dtype: Any) -> Any:
    """Return a value of a function as an array of shape () beside `leaf`."""
    if value.__class__ is Tracer or (hasattr(value, "shape") and owner(value) is owner(leaf)):
        return cast(value, dtype)
    return leaves.float_of(value, leaf, dtype)


def required(name: str, **extras: Any) -> None:
    """Raise `ParameterError` if a keyword argument of an update is missing."""
    meaning = {
        "value": "the value of the loss at params",
        "grad": "the gradient of the loss at params",
        "value_fn": "the loss, a function of params alone",
    }
    for what, value in extras.items():
        if value is None:
            raise missing(name, what, meaning[what])


def check_function(name: str, f: Any) -> None:
    """Raise `ParameterError` if something is no function."""
    if not callable(f):
        raise ParameterError(
            f"optim.{name} takes a function.",
            found=f"{type(f).__name__}: {f!r}",
            needed="a function of the parameters",
            write=f"optim.{name}(f, params)",
        )
