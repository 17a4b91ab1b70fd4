"""Pooling over all spatial axes at once."""

from __future__ import annotations

from math import prod
from typing import Any

from funcnet.errors import ShapeError
from funcnet.ops import argmax, mean, take_along_axis
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.nn.precision import widened
from funcnet.ops.nn.windows import check_floating, spatial_axes

__all__ = ["global_average", "global_avg_pool", "global_max", "global_max_pool"]


def global_max_pool(x: Any, *, keepdims: bool = False, data_format: str | None = None) -> Any:
    """Maximum over all spatial axes.

    Derivative: the cotangent goes to the element that is the maximum; of equal ones to the first, in the order of the
    array.

    Parameters
    ----------
    x : array, shape (batch, spatial..., channels)
        Of a real floating-point data type, with any number of spatial axes but none.
    keepdims : bool, default False
        Whether the spatial axes stay, with size 1.
    data_format : str, optional
        Such as ``"NCHW"``, where channels come first; channels are last otherwise.

    Returns
    -------
    array, shape (batch, channels)
        Of the data type of `x`.

    Raises
    ------
    ShapeError
        If `x` has no spatial axis, or no elements along one.
    ParameterError
        If the data format is none.
    DtypeError
        If `x` is not real floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.global_max_pool(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[6., 7.]])
    """
    return global_max("nn.functional.global_max_pool", x, keepdims, data_format)


def global_max(name: str, x: Any, keepdims: bool, data_format: str | None) -> Any:
    """Return the maxima over the spatial axes, for a caller of that name."""
    check_floating(name, x)
    axes = every_spatial_axis(name, x.shape, data_format)
    shape = tuple(x.shape)
    first, last = axes[0], axes[-1] + 1
    flat = reshaped(x, (*shape[:first], prod(shape[first:last]), *shape[last:]))
    y = take_along_axis(flat, argmax(flat, axis=first, keepdims=True), axis=first)
    middle = (1,) * len(axes) if keepdims else ()
    return reshaped(y, (*shape[:first], *middle, *shape[last:]))


def global_avg_pool(x: Any, *, keepdims: bool = False, data_format: str | None = None) -> Any:
    """Average over all spatial axes.

    Derivative: linear; each of n elements gets the cotangent divided by n.

    Parameters
    ----------
    x : array, shape (batch, spatial..., channels)
        Of a real floating-point data type, with any number of spatial axes but none.
    keepdims : bool, default False
        Whether the spatial axes stay, with size 1.
    data_format : str, optional
        Such as ``"NCHW"``, where channels come first; channels are last otherwise.

    Returns
    -------
    array, shape (batch, channels)
        Of the data type of `x`.

    Raises
    ------
    ShapeError
        If `x` has no spatial axis, or no elements along one.
    ParameterError
        If the data format is none.
    DtypeError
        If `x` is not real floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.global_avg_pool(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[3., 4.]])
    """
    return global_average("nn.functional.global_avg_pool", x, keepdims, data_format)


def global_average(name: str, x: Any, keepdims: bool, data_format: str | None) -> Any:
    """Return the averages over the spatial axes, for a caller of that name."""
    check_floating(name, x)
    axes = every_spatial_axis(name, x.shape, data_format)
    return cast(mean(widened(x), axis=axes, keepdims=keepdims), x.dtype)


def every_spatial_axis(name: str, shape: Any, data_format: str | None) -> tuple[int, ...]:
    """Return the axes between batch and channels, of which there may be any number but none."""
    count = len(shape) - 2
    if count < 1:
        axes = ()
    else:
        axes = tuple(range(1, count + 1)) if data_format is None else spatial_axes(name, shape, data_format)
    if not axes or 0 in [shape[a] for a in axes]:
        raise ShapeError(
            f"{name} got an input without spatial axes, or without elements along one.",
            found=f"shape {tuple(shape)}",
            needed="a batch axis, at least one spatial axis that is not empty, and a channel axis",
        )
    return axes
