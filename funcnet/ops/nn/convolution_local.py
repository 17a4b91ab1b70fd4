"""Convolution with a kernel of its own at each place."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.backends.windows import places_of
from funcnet.errors import ShapeError
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.linear_algebra import matmul
from funcnet.ops.manipulation import permute_dims
from funcnet.ops.nn.convolution_arguments import (
    check_floating,
    check_window,
    first_channels,
    frozen,
    last_channels,
    per_axis,
    puts_channels_first,
    resolved_padding,
    spatial_rank,
)
from funcnet.ops.nn.patches import unfold

if TYPE_CHECKING:
    from collections.abc import Sequence

    Sizes = tuple[int, ...]
    Integers = int | Sequence[int]

__all__ = ["conv_local", "local", "local_places"]


def conv_local(
    x: Any,
    kernel: Any,
    bias: Any = None,
    *,
    stride: Integers = 1,
    padding: str | int | Sequence[Any] = "VALID",
    padding_mode: str = "zeros",
    dilation: Integers = 1,
    data_format: str | None = None,
) -> Any:
    r"""Locally connected layer: a convolution that has a kernel of its own at each place.

    :math:`y_{n, o, j} = b_{o, j} + \sum_{k, i} x_{n,\, s o + d k - p,\, i}\, w_{o, k, i, j}`.

    Derivative: linear in `x`, in `kernel` and in `bias`; made of matrix products and `unfold`.

    Parameters
    ----------
    x : array, shape (n, \*spatial, in)
        Of a floating-point data type.
    kernel : array, shape (\*places, \*window, in, out)
        The weights.
    bias : array, shape (\*places, out), optional
        What is added at each place.
    stride, padding, padding_mode, dilation, data_format
        As in `conv`.

    Returns
    -------
    array, shape (n, \*places, out)
        The result.

    Raises
    ------
    ShapeError
        If the kernel has not one window for each place, or channels do not fit.
    ParameterError
        If a parameter has no such form.
    DtypeError
        If an array is not floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.ones((1, 3, 1))
    >>> kernel = np.array([[1.0, 1.0], [10.0, 10.0]]).reshape(2, 2, 1, 1)
    >>> nn.functional.conv_local(x, kernel)[0, :, 0]
    array([ 2., 20.])
    """
    who = "nn.functional.conv_local"
    return local(who, x, kernel, bias, stride, padding, padding_mode, dilation, data_format)


def local(
    who: str,
    x: Any,
    kernel: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    padding_mode: str,
    dilation: Any,
    data_format: str | None,
) -> Any:
    """Compute `conv_local`; errors begin with the words `who`."""
    ndim = spatial_rank(who, x)
    check_floating(who, x=x, kernel=kernel)
    first = puts_channels_first(who, data_format, ndim)
    if first:
        x = last_channels(x)
    shape = tuple(kernel.shape)
    window = shape[ndim : 2 * ndim]
    if len(shape) != 2 * ndim + 2 or min(window) < 1:
        raise ShapeError(
            f"{who} got a kernel that does not fit.",
            found=f"x {tuple(x.shape)}, kernel {shape}",
            needed="a kernel (*places, *window, in, out)",
        )
    out = local_places(who, tuple(x.shape), window, stride, padding, padding_mode, dilation)
    if shape[:ndim] != out or shape[-2] != x.shape[-1]:
        raise ShapeError(
            f"{who} got a kernel that does not fit.",
            found=f"a kernel of shape {shape} for x of shape {tuple(x.shape)} with the channels last",
            needed=f"shape {(*out, *window, x.shape[-1])} and the output channels",
        )
    features, width, count = shape[-1], prod(window) * shape[-2], prod(out)
    if bias is not None and tuple(bias.shape) != (*out, features):
        raise ShapeError(
            f"{who} got a bias that does not fit.",
            found=f"shape {tuple(bias.shape)}",
            needed=f"shape {(*out, features)}, one number for each place and output channel",
        )
    rows = unfold(x, window, stride=stride, padding=padding, padding_mode=padding_mode, dilation=dilation)
    stacked = permute_dims(reshaped(rows, (x.shape[0], count, width)), (1, 0, 2))
    y = permute_dims(matmul(stacked, reshaped(kernel, (count, width, features))), (1, 0, 2))
    y = reshaped(y, (x.shape[0], *out, features))
    if bias is not None:
        y = y + bias
    return first_channels(y) if first else y


def local_places(
    who: str, shape: Sizes, window: Sizes, stride: Any, padding: Any, padding_mode: str, dilation: Any
) -> Sizes:
    """Return how many places a window has along each axis of an input of that shape, channels last.

    Raises
    ------
    ShapeError
        If it is larger than the padded input.
    """
    ndim = len(window)
    strides, dilations = per_axis(who, "stride", stride, ndim), per_axis(who, "dilation", dilation, ndim)
    pairs, _ = resolved_padding(who, frozen(padding), padding_mode, shape[1:-1], window, strides, dilations)
    check_window(who, shape[1:-1], window, pairs, dilations)
    return places_of(shape[1:-1], window, strides, pairs, dilations)
