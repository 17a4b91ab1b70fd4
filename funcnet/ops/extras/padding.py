"""`pad`: arrays made larger at their edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.keys import ARRAY
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.broadcasting import broadcast_to, cast, reshaped
from funcnet.ops.conversion import asarray_like
from funcnet.ops.creation import zeros_like
from funcnet.ops.extras.inputs import one_array
from funcnet.ops.fresh import array_like
from funcnet.ops.joining import concat
from funcnet.ops.slicing import taken

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pad"]

_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def pad(
    x: Any,
    pad_width: int | Sequence[Any],
    /,
    mode: str = "constant",
    *,
    constant_values: Any = 0,
) -> Any:
    """Make an array larger at its edges.

    Derivative: linear in `x` and in the constants: an element that is repeated gets the sum of the cotangents of its
    copies, a constant the sum over what it fills.

    Parameters
    ----------
    x : array
        Of any data type.
    pad_width : int, pair of int, or sequence of pairs
        How many elements before and after: for all dimensions alike, or a pair for each.
    mode : {"constant", "edge", "reflect", "symmetric", "wrap"}, default "constant"
        With what: a constant; the last element; the elements mirrored, without or with the last one; or those from the
        other end.
    constant_values : number, array, pair, or sequence of pairs, default 0
        What ``"constant"`` puts before and after, in the form of `pad_width`; converted to the data type of `x`. Where
        dimensions meet in a corner, the last one decides.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    ParameterError
        If the mode is unknown, or constants are given to another one.
    ShapeError
        If widths or constants do not fit, widths are negative, or there is no element to repeat.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> xp.pad(x, (1, 2))
    array([0., 1., 2., 3., 0., 0.])
    >>> xp.pad(x, 2, "reflect")
    array([3., 2., 1., 2., 3., 2., 1.])
    >>> fn.grad(lambda c: xp.pad(x, (1, 2), constant_values=c).sum())(np.array(0.0))
    array(3.)
    """
    x = one_array(x)
    widths = _widths(x, pad_width)
    if mode not in _MODES:
        raise ParameterError(
            "xp.pad does not have that mode.",
            found=f"mode={mode!r}",
            needed=" or ".join(map(repr, _MODES)),
            write="mode='edge'",
        )
    if mode != "constant":
        if constant_values.__class__ is not int or constant_values:
            raise ParameterError(
                "xp.pad takes constants in one mode only.",
                found=f"constant_values and mode={mode!r}",
                needed="mode='constant'",
                write=f"xp.pad(x, pad_width, {mode!r})",
            )
        return _repeated(x, widths, mode)
    constants = _constants(x, constant_values)
    for axis, (before, after) in enumerate(widths):
        shape = tuple(x.shape)
        parts = [
            x if fill is x else broadcast_to(fill, (*shape[:axis], width, *shape[axis + 1 :]))
            for fill, width in ((constants[axis][0], before), (x, 1), (constants[axis][1], after))
            if width
        ]
        x = concat(parts, axis=axis) if len(parts) > 1 else x
    return x


def _widths(x: Any, pad_width: Any) -> list[tuple[int, int]]:
    ndim = len(x.shape)
    try:
        given = np.asarray(pad_width)
        pairs = np.broadcast_to(given, (ndim, 2)).tolist()
    except ValueError:
        given = pairs = None
    if given is None or pairs is None or given.dtype.kind not in "iu" or min([0, *given.ravel().tolist()]) < 0:
        raise ShapeError(
            "xp.pad got widths that do not fit.",
            found=f"pad_width={pad_width!r} for an array of {ndim} dimensions",
            needed="non-negative integers: one, a pair, or a pair for each dimension",
            write="pad_width=((1, 2), (0, 0))",
        )
    return [tuple(pair) for pair in pairs]


def _constants(x: Any, values: Any) -> list[tuple[Any, Any]]:
    """Return the constants before and after each dimension, each of the array's data type and without dimensions."""
    ndim = len(x.shape)
    if values.__class__ is int and not values:
        zero = zeros_like(x[(0,) * ndim]) if 0 not in x.shape else array_like(x, 0, x.dtype)
        return [(zero, zero)] * ndim
    filled = asarray_like(x, values)
    shape = tuple(filled.shape)
    if len(shape) > 2 or any([n not in (1, m) for n, m in zip(shape[::-1], (2, ndim), strict=False)]):
        raise ShapeError(
            "xp.pad got constants that do not fit.",
            found=f"constant_values of shape {shape} for an array of {ndim} dimensions",
            needed="one constant, a pair, or a pair for each dimension",
            write="constant_values=((0, 1), (0, 0))",
        )
    filled = cast(filled, x.dtype)
    if not shape:
        return [(filled, filled)] * ndim
    filled = broadcast_to(reshaped(filled, (1,) * (2 - len(shape)) + shape), (ndim, 2))
    return [(filled[i, 0], filled[i, 1]) for i in range(ndim)]


def _repeated(x: Any, widths: list[tuple[int, int]], mode: str) -> Any:
    for axis, (before, after) in enumerate(widths):
        if not before and not after:
            continue
        n = x.shape[axis]
        if not n:
            raise ShapeError(
                "xp.pad has no element to repeat.",
                found=f"shape {tuple(x.shape)}, widths {(before, after)} along axis {axis}, mode={mode!r}",
                needed="at least one element along the dimension",
                write="mode='constant'",
            )
        # Where NumPy takes each element from.
        places: Any = np.pad(np.arange(n), (before, after), mode=mode)  # type: ignore[call-overload]
        x = taken(x, ((None, None, None),) * axis + (ARRAY,), (array_like(x, places),))
    return x
