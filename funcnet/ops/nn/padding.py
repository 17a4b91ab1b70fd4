"""Padding of spatial axes: with a constant, around a circle, mirrored, or with the edge repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core.dtypes import is_inexact
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.broadcasting import broadcast_to, cast
from funcnet.ops.conversion import asarray_like
from funcnet.ops.indexing import getitem
from funcnet.ops.joining import concat
from funcnet.ops.nn.convolution_arguments import MODES, padding_pairs, puts_channels_first, spatial_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pad", "pad_spatial", "padded_input"]


def pad_spatial(who: str, x: Any, pairs: Sequence[tuple[int, int]], mode: str, value: Any = 0, first: int = 1) -> Any:
    """Return an array with more elements before and after some of its axes, which begin at `first`.

    It is made of slices that are joined, whose transposes are slices again.

    Raises
    ------
    ShapeError
        If there are not enough elements to mirror or to go around with.
    """
    for axis, (low, high) in enumerate(pairs, first):
        if low or high:
            x = _padded(who, x, axis, low, high, mode, value)
    return x


def _padded(who: str, x: Any, axis: int, low: int, high: int, mode: str, value: Any) -> Any:
    shape = tuple(x.shape)
    n = shape[axis]

    def part(start: int | None, stop: int | None, step: int | None = None) -> Any:
        return getitem(x, (slice(None),) * axis + (slice(start, stop, step),))

    def wide(fill: Any, width: int) -> Any:
        return broadcast_to(fill, (*shape[:axis], width, *shape[axis + 1 :]))

    if mode == "zeros":
        fill = cast(asarray_like(x, value), x.dtype)
        parts = [wide(fill, low) if low else None, x, wide(fill, high) if high else None]
        return concat([p for p in parts if p is not None], axis=axis)
    room = {"circular": n, "reflect": n - 1, "replicate": low + high if n else 0}[mode]
    if max(low, high) > room:
        raise ShapeError(
            f"{who} got more padding than there are elements for.",
            found=f"padding ({low}, {high}) in mode {mode!r} of {n} elements",
            needed=f"at most {max(room, 0)} before and after",
            write="padding_mode='zeros', or less padding",
        )
    if mode == "circular":
        before, after = part(n - low, None) if low else None, part(0, high) if high else None
    elif mode == "reflect":
        before = part(low, 0, -1) if low else None
        after = part(n - 2, n - 2 - high if high < n - 1 else None, -1) if high else None
    else:
        before = wide(part(0, 1), low) if low else None
        after = wide(part(n - 1, n), high) if high else None
    return concat([p for p in (before, x, after) if p is not None], axis=axis)


def pad(
    x: Any,
    padding: int | Sequence[Any],
    *,
    mode: str = "constant",
    value: Any = 0.0,
    data_format: str | None = None,
) -> Any:
    r"""Make the spatial axes larger at their ends; `funcnet.xp.pad` does so with any axes.

    Derivative: linear in `x` and in `value`; an element that is repeated gets the sum of the cotangents of its copies.

    Parameters
    ----------
    x : array, shape (n, \*spatial, channels)
        Of any data type, with one, two or three spatial axes.
    padding : int or sequence
        One number, one for each spatial axis, or a pair (before, after) for each.
    mode : {"constant", "circular", "reflect", "replicate"}, default "constant"
        What the padding holds: a constant; the elements from the other end; the elements mirrored at the last one,
        which is not repeated; or the last one.
    value : number or array without dimensions, default 0.0
        What ``"constant"`` means, in the data type of `x`.
    data_format : str, optional
        ``"NHWC"`` or ``"NCHW"`` and the like, as in `conv`.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    ParameterError
        If the padding has no such form or the mode is unknown.
    ShapeError
        If `x` has no such spatial axes, or there are not enough elements to mirror or to go around with.
    DtypeError
        If `x` is of integers and the value is none.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.array([[[1.0], [2.0], [3.0]]])
    >>> nn.functional.pad(x, ((2, 1),), mode="circular").ravel()
    array([2., 3., 1., 2., 3., 1.])
    """
    return padded_input("nn.functional.pad", x, padding, mode, value, data_format)


def padded_input(who: str, x: Any, padding: Any, mode: str, value: Any, data_format: str | None) -> Any:
    """Compute `pad`; errors begin with the words `who`."""
    ndim = spatial_rank(who, x)
    first = puts_channels_first(who, data_format, ndim)
    if mode not in ("constant", *MODES[1:]):
        raise ParameterError(
            f"{who} does not know this mode.",
            found=f"mode={mode!r}",
            needed=" or ".join(map(repr, ("constant", *MODES[1:]))),
            write="mode='reflect'",
        )
    if mode == "constant" and value.__class__ is float and not is_inexact(x.dtype) and not value.is_integer():
        raise DtypeError(
            f"{who} got a value that the data type of its input does not hold.",
            found=f"value={value!r} and dtype {x.dtype}",
            needed="an integer, or a floating-point input",
            write="xp.astype(x, xp.float32)",
        )
    pairs = padding_pairs(who, padding, ndim)
    return pad_spatial(who, x, pairs, "zeros" if mode == "constant" else mode, value, 2 if first else 1)
