"""Transposed convolution."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from funcnet.core import bind
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.nn.convolution_arguments import (
    check_bias,
    check_floating,
    check_groups,
    check_ranks,
    first_channels,
    frozen,
    last_channels,
    per_axis,
    positive_int,
    puts_channels_first,
    resolved_padding,
)
from funcnet.ops.nn.convolution_primitives import conv_adjoint_p
from funcnet.ops.nn.padding import pad_spatial

if TYPE_CHECKING:
    from collections.abc import Sequence

    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]
    Integers = int | Sequence[int]

__all__ = ["check_transposed", "conv_transpose", "transposed"]

_WHO = "nn.functional.conv_transpose"


def conv_transpose(
    x: Any,
    kernel: Any,
    bias: Any = None,
    *,
    stride: Integers = 1,
    padding: str | int | Sequence[Any] = "VALID",
    output_padding: Integers = 0,
    dilation: Integers = 1,
    groups: int = 1,
    data_format: str | None = None,
) -> Any:
    r"""Transposed convolution: the exact adjoint of `conv` with the same kernel, stride, padding and dilation.

    :math:`y_{n, m, i} = b_i + \sum_{o, k:\; s o + d k - p = m} \sum_j x_{n, o, j}\, w_{k, i, j}`: each element of `x`
    lays the kernel, times itself, onto the result. For all u and v,
    ``sum(conv(u, kernel) * v) == sum(u * conv_transpose(v, kernel))``.

    Derivative: linear in `x`, in `kernel` and in `bias`; the cotangents are convolutions.

    Parameters
    ----------
    x : array, shape (n, \*places, in)
        Of a floating-point data type.
    kernel : array, shape (\*window, out / groups, in)
        That of the convolution whose adjoint this is: its outputs are the inputs here. PyTorch's has
        the window last and these two axes exchanged.
    bias : array, shape (out,), optional
        What is added to each output channel.
    stride : int or sequence of int, default 1
        Steps in the result from one element of `x` to the next.
    padding : str, int or sequence, default "VALID"
        What is cut off the result: explicitly, as in `conv`; none for ``"VALID"``; for ``"SAME"`` as much as leaves
        ``size * stride`` elements along each axis.
    output_padding : int or sequence of int, default 0
        How many elements are added at the end of each axis. Where the convolution's stride leaves several input sizes
        for one number of places, this chooses between them. Less than the stride or the dilation.
    dilation : int or sequence of int, default 1
        Distance of neighbouring elements of the window in the result.
    groups : int, default 1
        Into how many groups the channels are divided.
    data_format : str, optional
        As in `conv`.

    Returns
    -------
    array, shape (n, \*spatial, out)
        With ``(size - 1) * stride - before - after + dilation * (window - 1) + output_padding + 1`` elements along each
        axis.

    Raises
    ------
    ShapeError
        If ranks or channels do not fit, groups do not divide the channels, or nothing would be left.
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
    >>> x = np.array([[[1.0], [10.0]]])
    >>> nn.functional.conv_transpose(x, np.array([[[1.0]], [[2.0]], [[3.0]]]), stride=2)[0, :, 0]
    array([ 1.,  2., 13., 20., 30.])
    >>> nn.functional.conv_transpose(np.ones((1, 4, 4, 2)), np.ones((3, 3, 5, 2)), stride=2, padding="SAME").shape
    (1, 8, 8, 5)
    """
    return transposed(_WHO, x, kernel, bias, stride, padding, output_padding, dilation, groups, data_format)


def transposed(
    who: str,
    x: Any,
    kernel: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: Any,
    data_format: str | None,
) -> Any:
    """Compute `conv_transpose`; errors begin with the words `who`."""
    ndim = check_ranks(who, x, kernel)
    check_floating(who, x=x, kernel=kernel)
    first = data_format is not None and puts_channels_first(who, data_format, ndim)
    if first:
        x = last_channels(x)
    strides, pairs, dilations, parts, size, beyond = _transposed_geometry(
        who,
        tuple(x.shape),
        tuple(kernel.shape),
        frozen(stride),
        frozen(padding),
        frozen(output_padding),
        frozen(dilation),
        frozen(groups),
    )
    check_bias(who, bias, parts * kernel.shape[-2])
    y = bind(conv_adjoint_p, x, kernel, size=size, stride=strides, padding=pairs, dilation=dilations, groups=parts)
    if beyond is not None:
        y = pad_spatial(who, y, beyond, "zeros")
    if bias is not None:
        y = y + bias
    return first_channels(y) if first else y


def check_transposed(
    who: str,
    shape: Sizes,
    kernel: Sizes,
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: int,
) -> None:
    """Raise what `transposed` would for arrays of these shapes, with the channels last."""
    _transposed_geometry(
        who, shape, kernel, frozen(stride), frozen(padding), frozen(output_padding), frozen(dilation), groups
    )


@lru_cache(maxsize=1024, typed=True)
def _transposed_geometry(
    who: str,
    shape: Sizes,
    kernel: Sizes,
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: Any,
) -> tuple[Sizes, Pairs, Sizes, int, Sizes, Pairs | None]:
    ndim = len(kernel) - 2
    places, window = shape[1:-1], kernel[:-2]
    strides = per_axis(who, "stride", stride, ndim)
    dilations = per_axis(who, "dilation", dilation, ndim)
    extra = per_axis(who, "output_padding", output_padding, ndim, least=0)
    parts = positive_int(who, "groups", groups)
    if min(kernel) < 1:
        raise ShapeError(f"{who} got an empty kernel.", found=f"shape {kernel}", needed="sizes of at least 1")
    check_groups(who, parts, kernel[-1], kernel[-1])
    if shape[-1] != kernel[-1]:
        raise ShapeError(
            f"{who} got an input with the wrong number of channels.",
            found=f"{shape[-1]} channels, in shape {shape} with the channels last",
            needed=f"{kernel[-1]} channels, as the kernel (*window, out / groups, in) has shape {kernel}",
            write="data_format='NCHW' if the channels of a two-dimensional input come first",
        )
    for e, s, d in zip(extra, strides, dilations, strict=True):
        if e and e >= max(s, d):
            raise ParameterError(
                f"{who} got an output padding that is too large.",
                found=f"output_padding={output_padding!r} with stride {strides} and dilation {dilations}",
                needed="less than the stride or the dilation",
                write="output_padding=0",
            )
    if isinstance(padding, str) and padding.lower() == "same":
        if any(extra):
            raise ParameterError(
                f"{who} takes no output padding with padding='SAME'.",
                found=f"output_padding={output_padding!r}",
                needed="explicit padding; 'SAME' leaves size * stride elements",
                write="output_padding=0",
            )
        size = tuple([n * s for n, s in zip(places, strides, strict=True)])
        pairs, _ = resolved_padding(who, "SAME", "zeros", size, window, strides, dilations)
        return strides, pairs, dilations, parts, size, None
    if isinstance(padding, str) and padding.lower() != "valid":
        raise ParameterError(
            f"{who} cuts padding off, so that it does not matter what the padding holds.",
            found=f"padding={padding!r}",
            needed="'SAME', 'VALID' or explicit padding",
            write="padding='SAME'",
        )
    pairs, _ = resolved_padding(who, padding, "zeros", places, window, strides, dilations)
    size, kept, beyond = [], [], []
    for n, k, s, d, e, (low, high) in zip(places, window, strides, dilations, extra, pairs, strict=True):
        # As much as a stride is a question of the size only; more, which a dilation allows, is less cut off.
        less = min(high, e) if e >= s else 0
        more = e - less if e >= s else 0
        high -= less
        left = (n - 1) * s - low - high + d * (k - 1) + 1 + (e if e < s else 0)
        if left < 0 < left + more:
            # All of it is cut off, and some of what is added as well.
            low, more, left = low + left, more + left, 0
        kept.append((low, high))
        beyond.append((0, more))
        size.append(left)
    if min([n + more for n, (_, more) in zip(size, beyond, strict=True)]) < 1:
        raise ShapeError(
            f"{who} would have nothing left.",
            found=f"padding {pairs} cut off a result of {tuple(n + sum(p) for n, p in zip(size, pairs, strict=True))}",
            needed="at least one element along each axis",
            write="less padding",
        )
    return strides, tuple(kept), dilations, parts, tuple(size), tuple(beyond) if any(map(any, beyond)) else None
