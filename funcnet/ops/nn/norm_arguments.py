"""What normalisations check of their arguments, and how their parameters lie along the axes of the input."""

from __future__ import annotations

from operator import index
from typing import Any

from funcnet.errors import ParameterError, ShapeError
from funcnet.ops import add, multiply
from funcnet.ops.axes import element_count, reduced_axes
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.nn.norm_primitives import scale_shift
from funcnet.ops.nn.precision import widened
from funcnet.ops.nn.windows import check_floating

__all__ = [
    "affine_along",
    "along",
    "axes_of",
    "channel_in",
    "channel_of",
    "check_eps",
    "check_not_batch",
    "group_size",
    "grouped_channel",
    "narrowed",
]


def channel_of(name: str, x: Any, axis: Any) -> int:
    """Return the axis of the channels of an array that has others as well."""
    check_floating(name, x)
    return channel_in(name, tuple(x.shape), axis)


def channel_in(name: str, shape: tuple[int, ...], axis: Any) -> int:
    """Return the axis of the channels in a shape that has others as well."""
    ndim = len(shape)
    try:
        found = index(axis)
    except TypeError:
        raise ParameterError(f"{name} takes an integer as axis.", found=repr(axis), needed="an integer") from None
    if ndim < 2 or not -ndim <= found < ndim:
        raise ShapeError(
            f"{name} needs an axis of channels, and others over which to normalise.",
            found=f"shape {shape} and axis={axis}",
            needed="at least two axes, among them that of the channels",
            write="axis=1 where channels come first",
        )
    return found % ndim


def grouped_channel(name: str, x: Any, axis: Any) -> int:
    """Return the axis of the channels, which is not that of the batch."""
    channel = channel_of(name, x, axis)
    check_not_batch(name, x.shape, channel)
    return channel


def check_not_batch(name: str, shape: Any, channel: int) -> None:
    """Raise `ShapeError` if the channels are along the first axis."""
    if channel == 0:
        raise ShapeError(
            f"{name} got the axis of the batch as that of the channels.",
            found=f"axis 0 of shape {tuple(shape)}",
            needed="another axis than the first",
            write="axis=-1, or axis=1 where channels come first",
        )


def group_size(name: str, channels: int, groups: Any) -> int:
    """Return the number of channels of a group."""
    try:
        count = 0 if isinstance(groups, bool) else index(groups)
    except TypeError:
        count = 0
    if count < 1:
        raise ParameterError(f"{name} takes a number of groups.", found=repr(groups), needed="a positive integer")
    if channels % count:
        raise ShapeError(
            f"{name} got a number of groups that does not divide the number of channels.",
            found=f"{count} groups for {channels} channels",
            needed=f"a divisor of {channels}",
        )
    return channels // count


def check_eps(name: str, eps: Any) -> None:
    """Raise `ParameterError` unless `eps` can be added to a variance."""
    if isinstance(eps, bool) or not isinstance(eps, (int, float)) or not 0 <= eps < float("inf"):
        raise ParameterError(
            f"{name} takes a small number to add to the variance.",
            found=f"eps={eps!r}",
            needed="a number of at least 0",
            write="eps=1e-5",
        )


def axes_of(name: str, x: Any, axis: Any, eps: Any) -> tuple[int, ...]:
    check_floating(name, x)
    check_eps(name, eps)
    axes = reduced_axes(name.removeprefix("nn."), x, axis)
    if not axes or not element_count(x.shape, axes):
        raise ShapeError(
            f"{name} got nothing to normalise over.",
            found=f"shape {tuple(x.shape)} and axis={axis}",
            needed="at least one axis, and at least one element along each",
        )
    return axes


def narrowed(y: Any, x: Any) -> Any:
    """Return the result with the data type of `x` where that is of half precision."""
    return cast(y, x.dtype) if widened(x).dtype != x.dtype else y


def affine_along(name: str, x: Any, y: Any, scale: Any, bias: Any, axes: tuple[int, ...]) -> Any:
    """Return `y` times `scale` plus `bias`, which have the sizes of `x` along some axes."""
    if scale is not None and bias is not None:
        y = scale_shift(y, along(name, "scale", scale, x, axes), along(name, "bias", bias, x, axes))
    elif scale is not None:
        y = multiply(y, along(name, "scale", scale, x, axes))
    elif bias is not None:
        y = add(y, along(name, "bias", bias, x, axes))
    return narrowed(y, x)


def along(name: str, what: str, a: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Return an array of the sizes of `x` along some axes so that it broadcasts against `x`."""
    shape = tuple(x.shape)
    needed = tuple([shape[i] for i in axes])
    if tuple(a.shape) != needed:
        raise ShapeError(
            f"{name} got a {what} of the wrong shape.",
            found=f"{what} {tuple(a.shape)} for x {shape}, normalised with parameters along {axes}",
            needed=f"shape {needed}",
        )
    return reshaped(a, tuple([n if i in axes else 1 for i, n in enumerate(shape)]))
