"""Convolution over one, two or three spatial axes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from funcnet.core import bind
from funcnet.errors import ShapeError
from funcnet.ops.broadcasting import broadcast_to, cast, reshaped
from funcnet.ops.conversion import asarray_like
from funcnet.ops.indexing import getitem
from funcnet.ops.joining import concat
from funcnet.ops.nn.convolution_arguments import (
    check_bias,
    check_floating,
    check_groups,
    check_ranks,
    check_window,
    first_channels,
    frozen,
    last_channels,
    per_axis,
    positive_int,
    puts_channels_first,
    resolved_padding,
)
from funcnet.ops.nn.convolution_primitives import conv_bias_p, conv_p
from funcnet.ops.nn.padding import pad_spatial

if TYPE_CHECKING:
    from collections.abc import Sequence

    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]
    Integers = int | Sequence[int]

__all__ = ["check_conv", "conv", "convolved"]

_WHO = "nn.functional.conv"


def conv(
    x: Any,
    kernel: Any,
    bias: Any = None,
    *,
    stride: Integers = 1,
    padding: str | int | Sequence[Any] = "VALID",
    padding_mode: str = "zeros",
    dilation: Integers = 1,
    input_dilation: Integers = 1,
    groups: int = 1,
    data_format: str | None = None,
) -> Any:
    r"""Convolution over one, two or three spatial axes, as neural networks understand it: the kernel is not mirrored.

    :math:`y_{n, o, j} = b_j + \sum_{k, i} x_{n,\, s o + d k - p,\, i}\, w_{k, i, j}` with stride :math:`s`, dilation
    :math:`d` and :math:`p` elements of padding before.

    Derivative: linear in `x`, in `kernel` and in `bias`. The cotangents of `x` and `kernel` are convolutions again, and
    so are theirs, to any order; that of `bias` is a sum. Nothing is conjugated for complex arrays.

    Parameters
    ----------
    x : array, shape (n, \*spatial, in)
        Of a floating-point data type; its rank says how many spatial axes there are.
    kernel : array, shape (\*window, in / groups, out)
        The weights.
    bias : array, shape (out,), optional
        What is added to each output channel.
    stride : int or sequence of int, default 1
        Steps from one place of the window to the next.
    padding : str, int or sequence, default "VALID"
        ``"VALID"``: none. ``"SAME"``: as many as give ``ceil(size / stride)`` places, the odd one after.
        ``"circular"``, ``"reflect"``, ``"replicate"``: as many, in that mode. Or explicitly: one number, one for each
        axis, or a pair (before, after) for each axis.
    padding_mode : {"zeros", "circular", "reflect", "replicate"}, default "zeros"
        What the padding holds: zeros, the elements from the other end, the elements mirrored at the last one, or the
        last one.
    dilation : int or sequence of int, default 1
        Distance of neighbouring elements of the window in the input.
    input_dilation : int or sequence of int, default 1
        Distance to which elements of the input are set apart, with zeros between them, before they are padded.
    groups : int, default 1
        Into how many groups the channels are divided; each group of outputs sees its own group of inputs. As many as
        there are input channels make a depthwise convolution.
    data_format : str, optional
        ``"NWC"``, ``"NHWC"`` or ``"NDHWC"``, which is the default, or ``"NCW"``, ``"NCHW"``, ``"NCDHW"`` for channels
        before the spatial axes, in `x` and in the result. The kernel's shape is always the same.

    Returns
    -------
    array, shape (n, \*places, out)
        With ``floor((size + before + after - dilation * (window - 1) - 1) / stride) + 1`` places along each axis.

    Raises
    ------
    ShapeError
        If ranks or channels do not fit, the window is larger than the padded input, groups do not divide the channels,
        or there is less to mirror than is to be padded.
    ParameterError
        If a parameter has no such form.
    DtypeError
        If an array is not floating-point.

    References
    ----------
    .. [1] V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285 (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.ones((1, 4, 4, 2))
    >>> nn.functional.conv(x, np.ones((3, 3, 2, 5))).shape
    (1, 2, 2, 5)
    >>> nn.functional.conv(x, np.ones((3, 3, 2, 5)), stride=2, padding="SAME").shape
    (1, 2, 2, 5)
    >>> nn.functional.conv(np.array([[[1.0], [2.0], [4.0]]]), np.array([[[-1.0]], [[1.0]]]))[0, :, 0]
    array([1., 2.])
    """
    return convolved(
        _WHO, x, kernel, bias, stride, padding, padding_mode, dilation, input_dilation, groups, data_format
    )


def convolved(
    who: str,
    x: Any,
    kernel: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    padding_mode: str,
    dilation: Any,
    input_dilation: Any,
    groups: Any,
    data_format: str | None,
) -> Any:
    """Compute `conv`; errors begin with the words `who`."""
    ndim = check_ranks(who, x, kernel)
    check_floating(who, x=x, kernel=kernel)
    first = data_format is not None and puts_channels_first(who, data_format, ndim)
    if first:
        x = last_channels(x)
    if input_dilation != 1:
        x = _set_apart(x, per_axis(who, "input_dilation", input_dilation, ndim))
    strides, pairs, mode, dilations, parts = _geometry(
        who,
        tuple(x.shape),
        tuple(kernel.shape),
        frozen(stride),
        frozen(padding),
        padding_mode,
        frozen(dilation),
        frozen(groups),
    )
    check_bias(who, bias, kernel.shape[-1])
    if mode != "zeros":
        x, pairs = pad_spatial(who, x, pairs, mode), ((0, 0),) * ndim
    params: dict[str, Any] = {"stride": strides, "padding": pairs, "dilation": dilations, "groups": parts}
    y = bind(conv_p, x, kernel, **params) if bias is None else bind(conv_bias_p, x, kernel, bias, **params)
    return first_channels(y) if first else y


def check_conv(
    who: str,
    shape: Sizes,
    kernel: Sizes,
    stride: Any,
    padding: Any,
    padding_mode: str,
    dilation: Any,
    input_dilation: Any,
    groups: int,
) -> None:
    """Raise what `convolved` would for arrays of these shapes, with the channels last."""
    apart = per_axis(who, "input_dilation", input_dilation, len(kernel) - 2)
    spatial = [(n - 1) * d + 1 if n else 0 for n, d in zip(shape[1:-1], apart, strict=True)]
    whole = (shape[0], *spatial, shape[-1])
    _geometry(who, whole, kernel, frozen(stride), frozen(padding), padding_mode, frozen(dilation), groups)


@lru_cache(maxsize=1024, typed=True)
def _geometry(
    who: str,
    shape: Sizes,
    kernel: Sizes,
    stride: Any,
    padding: Any,
    padding_mode: str,
    dilation: Any,
    groups: Any,
) -> tuple[Sizes, Pairs, str, Sizes, int]:
    """Return stride, padding, its mode, dilation and groups in canonical form, after all that can be checked."""
    ndim = len(kernel) - 2
    spatial, window = shape[1:-1], kernel[:-2]
    strides = per_axis(who, "stride", stride, ndim)
    dilations = per_axis(who, "dilation", dilation, ndim)
    parts = positive_int(who, "groups", groups)
    if min(kernel) < 1:
        raise ShapeError(f"{who} got an empty kernel.", found=f"shape {kernel}", needed="sizes of at least 1")
    check_groups(who, parts, shape[-1], kernel[-1])
    if shape[-1] != parts * kernel[-2]:
        raise ShapeError(
            f"{who} got an input with the wrong number of channels.",
            found=f"{shape[-1]} channels, in shape {shape} with the channels last",
            needed=f"{parts * kernel[-2]} channels, as the kernel has shape {kernel} and there are {parts} groups",
            write="data_format='NCHW' if the channels of a two-dimensional input come first",
        )
    pairs, mode = resolved_padding(who, padding, padding_mode, spatial, window, strides, dilations)
    check_window(who, spatial, window, pairs, dilations)
    return strides, pairs, mode, dilations, parts


def _set_apart(x: Any, dilation: Sizes) -> Any:
    """Return an array with zeros between its elements."""
    for axis, d in enumerate(dilation, 1):
        shape = tuple(x.shape)
        n = shape[axis]
        if d == 1 or n == 0:
            continue
        column = reshaped(x, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
        zero = cast(asarray_like(x, 0), x.dtype)
        gaps = broadcast_to(zero, (*shape[: axis + 1], d - 1, *shape[axis + 1 :]))
        wide = reshaped(concat([column, gaps], axis=axis + 1), (*shape[:axis], n * d, *shape[axis + 1 :]))
        x = getitem(wide, (slice(None),) * axis + (slice(0, (n - 1) * d + 1),))
    return x
