"""Arithmetic of shapes and axes, without arrays."""

from __future__ import annotations

from operator import index as as_integer
from typing import TYPE_CHECKING, Any

from funcnet.core.frames import user_frame
from funcnet.errors import AbstractValueError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["broadcast_shapes", "new_axes", "no_shape", "several", "size_of"]


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """Return the shape that shapes broadcast to.

    Parameters
    ----------
    *shapes : sequence of int
        Any number of shapes.

    Returns
    -------
    tuple of int
        The common shape; ``()`` without arguments.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast against one another.

    References
    ----------
    Python Array API standard, ``broadcast_shapes``.

    Examples
    --------
    >>> from funcnet import xp
    >>> xp.broadcast_shapes((3, 1), (4,), ())
    (3, 4)
    """
    given = [tuple([as_integer(n) for n in shape]) for shape in shapes]
    ndim = max(map(len, given), default=0)
    out = [1] * ndim
    for shape in given:
        for i, n in enumerate(shape, ndim - len(shape)):
            if n != 1 and out[i] not in (1, n):
                raise ShapeError(
                    "Shapes do not broadcast against one another.",
                    found=" and ".join(map(str, given)),
                    needed="dimensions that are equal, or 1, counted from the last",
                    write="xp.reshape or xp.expand_dims on one of the arrays",
                )
            out[i] = n if n != 1 else out[i]
    return tuple(out)


def several(value: Any) -> tuple[Any, ...]:
    """Return a tuple or list as a tuple, and anything else as a tuple of one."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def size_of(shape: tuple[int, ...]) -> int:
    """Return the number of elements of an array of that shape."""
    size = 1
    for n in shape:
        size *= n
    return size


def new_axes(name: str, ndim: int, axes: tuple[Any, ...]) -> list[int]:
    """Return the places of new dimensions in a result of `ndim` dimensions."""
    found = [as_integer(a) for a in axes]
    places = [a + ndim if a < 0 else a for a in found]
    if any([not 0 <= a < ndim for a in places]) or len(set(places)) != len(places):
        raise ShapeError(
            f"xp.{name} got a place that the result does not have, or one twice.",
            found=f"axis={found[0] if len(found) == 1 else tuple(found)} for a result of {ndim} dimensions",
            needed=f"different integers from {-ndim} to {ndim - 1}",
        )
    return places


def no_shape(name: str, write: str = "") -> Any:
    """Return the shape rule of a function whose result's shape depends on values."""

    def rule(*_: Any, **__: Any) -> Any:
        raise AbstractValueError(
            f"The shape of what xp.{name} returns depends on the values of the array, in {user_frame()}.",
            found="an array of which only shape and dtype are known",
            needed="values, as there are under fn.grad, but not under fn.jit and fn.eval_shape",
            write=write,
        )

    return rule
