"""Other sizes of the spatial axes: interpolation, and channels that become places."""

from __future__ import annotations

from math import floor, prod
from typing import TYPE_CHECKING, Any

from funcnet.backends.resampling import METHODS
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.broadcasting import broadcast_to, reshaped
from funcnet.ops.manipulation import permute_dims
from funcnet.ops.nn.convolution_arguments import (
    check_floating,
    first_channels,
    last_channels,
    per_axis,
    positive_int,
    puts_channels_first,
    spatial_rank,
)
from funcnet.ops.nn.resampling import resample

if TYPE_CHECKING:
    from collections.abc import Sequence

    Integers = int | Sequence[int]

__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "resize", "resized"]


def resize(
    x: Any,
    size: Integers | None = None,
    *,
    scale: float | Sequence[float] | None = None,
    method: str = "nearest",
    align_corners: bool = False,
    data_format: str | None = None,
) -> Any:
    r"""Give the spatial axes other sizes by interpolation.

    An element stands for a cell of the grid. Result :math:`i` is taken at :math:`(i + 1/2) r - 1/2` in the input, where
    :math:`r` is the input's size over the result's, or ``1 / scale`` where `scale` is given: the edges of both grids
    meet. With `align_corners` it is taken at :math:`i (n - 1) / (m - 1)`: the centres of the corner cells meet. These
    are the conventions, and the values, of ``torch.nn.functional.interpolate`` without antialiasing.

    Derivative: linear; the cotangent is the transposed interpolation, a sum of a few elements again.

    Parameters
    ----------
    x : array, shape (n, \*spatial, channels)
        Of a floating-point data type, with one, two or three spatial axes.
    size : int or sequence of int, optional
        Spatial size of the result. Either this or `scale`.
    scale : float or sequence of float, optional
        Factor of each axis; the size is rounded down.
    method : {"nearest", "nearest-exact", "linear", "cubic"}, default "nearest"
        ``"nearest"`` takes the element at :math:`\lfloor i r \rfloor`, a corner of a cell; ``"nearest-exact"`` that at
        its centre, :math:`\lfloor (i + 1/2) r \rfloor`; ``"linear"`` two along each axis;
        ``"cubic"`` four, by cubic convolution with the parameter -0.75. Beyond the edge the last element is repeated.
    align_corners : bool, default False
        For ``"linear"`` and ``"cubic"``.
    data_format : str, optional
        ``"NHWC"`` or ``"NCHW"`` and the like, as in `conv`.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    ParameterError
        If not exactly one of `size` and `scale` is given, or a parameter has no such form.
    ShapeError
        If `x` has no such spatial axes, or a result would be empty.
    DtypeError
        If `x` is not floating-point.

    References
    ----------
    .. [1] R. Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29 (1981).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.array([[[0.0], [4.0]]])
    >>> nn.functional.resize(x, scale=2)[0, :, 0]
    array([0., 0., 4., 4.])
    >>> nn.functional.resize(x, 4, method="linear")[0, :, 0]
    array([0., 1., 3., 4.])
    >>> nn.functional.resize(x, 5, method="linear", align_corners=True)[0, :, 0]
    array([0., 1., 2., 3., 4.])
    """
    return resized("nn.functional.resize", x, size, scale, method, align_corners, data_format)


def resized(who: str, x: Any, size: Any, scale: Any, method: str, align_corners: bool, data_format: str | None) -> Any:
    """Compute `resize`; errors begin with the words `who`."""
    ndim = spatial_rank(who, x)
    check_floating(who, x=x)
    first = puts_channels_first(who, data_format, ndim)
    if first:
        x = last_channels(x)
    if method not in METHODS:
        raise ParameterError(
            f"{who} does not know this method.",
            found=f"method={method!r}",
            needed=" or ".join(map(repr, METHODS)),
            write="method='linear'",
        )
    if align_corners and method.startswith("nearest"):
        raise ParameterError(
            f"{who} aligns corners only where it interpolates.",
            found=f"align_corners=True with method={method!r}",
            needed="method='linear' or method='cubic'",
            write="align_corners=False",
        )
    sizes, scales = _sizes(who, tuple(x.shape), size, scale)
    for axis, (m, factor) in enumerate(zip(sizes, scales, strict=True), 1):
        n = x.shape[axis]
        if n == m:
            continue
        if method.startswith("nearest") and m % n == 0 and factor in (None, m // n):
            x = _repeated(x, axis, m // n)
        else:
            x = resample(x, axis, m, method, bool(align_corners), None if align_corners else factor)
    return first_channels(x) if first else x


def _repeated(x: Any, axis: int, times: int) -> Any:
    """Repeat each element; a broadcast, whose transpose is a sum."""
    shape = tuple(x.shape)
    wide = reshaped(x, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
    wide = broadcast_to(wide, (*shape[: axis + 1], times, *shape[axis + 1 :]))
    return reshaped(wide, (*shape[:axis], shape[axis] * times, *shape[axis + 1 :]))


def _sizes(who: str, shape: tuple[int, ...], size: Any, scale: Any) -> tuple[list[int], list[float | None]]:
    ndim = len(shape) - 2
    if (size is None) == (scale is None):
        raise ParameterError(
            f"{who} needs either a size or a scale.",
            found=f"size={size!r}, scale={scale!r}",
            needed="one of them",
            write="scale=2",
        )
    if 0 in shape[1:-1]:
        raise ShapeError(
            f"{who} has nothing to interpolate.", found=f"shape {shape}", needed="elements along each axis"
        )
    if scale is None:
        return list(per_axis(who, "size", size, ndim)), [None] * ndim
    try:
        factors = [float(s) for s in scale] if isinstance(scale, (list, tuple)) else [float(scale)] * ndim
    except (TypeError, ValueError):
        factors = []
    if len(factors) != ndim or not all([0 < f < float("inf") for f in factors]):
        raise ParameterError(
            f"{who} got a scale that does not fit.",
            found=f"scale={scale!r} for {ndim} spatial axes",
            needed=f"a positive number, or a tuple of {ndim}",
            write="scale=2",
        )
    sizes = [floor(n * f) for n, f in zip(shape[1:-1], factors, strict=True)]
    if min(sizes) < 1:
        raise ShapeError(
            f"{who} would leave nothing.",
            found=f"scale={scale!r} of shape {shape}",
            needed="at least one element along each axis",
            write="size=1",
        )
    return sizes, list(factors)


def pixel_shuffle(x: Any, factor: int, *, data_format: str | None = None) -> Any:
    r"""Turn channels into places: each place becomes a block of `factor` along each spatial axis.

    Channel ``c * factor**d + i``, with i counting the block in row-major order, gives channel c, as in PyTorch.

    Derivative: linear, a permutation; its transpose is `pixel_unshuffle`.

    Parameters
    ----------
    x : array, shape (n, \*spatial, channels)
        Of any data type; the channels a multiple of ``factor**d`` for d spatial axes.
    factor : int
        Positive.
    data_format : str, optional
        ``"NHWC"`` or ``"NCHW"`` and the like, as in `conv`.

    Returns
    -------
    array, shape (n, \*(spatial * factor), channels / factor**d)
        The same elements.

    Raises
    ------
    ShapeError
        If the factor does not divide the channels, or there are no such spatial axes.
    ParameterError
        If `factor` is no positive integer.

    References
    ----------
    .. [1] W. Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
       neural network", CVPR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.pixel_shuffle(np.arange(4.0).reshape(1, 1, 1, 4), 2)[0, :, :, 0]
    array([[0., 1.],
           [2., 3.]])
    """
    who = "nn.functional.pixel_shuffle"
    x, first, ndim, r = _blocks(who, x, factor, data_format)
    shape = tuple(x.shape)
    if shape[-1] % r**ndim:
        raise ShapeError(
            f"{who} cannot divide the channels into blocks.",
            found=f"{shape[-1]} channels and factor {r}",
            needed=f"a multiple of {r**ndim} channels",
        )
    channels = shape[-1] // r**ndim
    split = reshaped(x, (*shape[:-1], channels, *(r,) * ndim))
    order = [i for axis in range(ndim) for i in (1 + axis, ndim + 2 + axis)]
    y = permute_dims(split, (0, *order, ndim + 1))
    y = reshaped(y, (shape[0], *[n * r for n in shape[1:-1]], channels))
    return first_channels(y) if first else y


def pixel_unshuffle(x: Any, factor: int, *, data_format: str | None = None) -> Any:
    r"""Turn blocks of places into channels: undo `pixel_shuffle`.

    Derivative: linear, a permutation; its transpose is `pixel_shuffle`.

    Parameters
    ----------
    x : array, shape (n, \*spatial, channels)
        Of any data type; spatial sizes that are multiples of `factor`.
    factor : int
        Positive.
    data_format : str, optional
        ``"NHWC"`` or ``"NCHW"`` and the like, as in `conv`.

    Returns
    -------
    array, shape (n, \*(spatial / factor), channels * factor**d)
        The same elements.

    Raises
    ------
    ShapeError
        If the factor does not divide the sizes, or there are no such spatial axes.
    ParameterError
        If `factor` is no positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.pixel_unshuffle(np.arange(4.0).reshape(1, 2, 2, 1), 2)[0, 0, 0]
    array([0., 1., 2., 3.])
    """
    who = "nn.functional.pixel_unshuffle"
    x, first, ndim, r = _blocks(who, x, factor, data_format)
    shape = tuple(x.shape)
    if any([n % r for n in shape[1:-1]]):
        raise ShapeError(
            f"{who} cannot divide the places into blocks.",
            found=f"spatial size {shape[1:-1]} and factor {r}",
            needed=f"multiples of {r}",
        )
    small = [n // r for n in shape[1:-1]]
    split = reshaped(x, (shape[0], *[i for n in small for i in (n, r)], shape[-1]))
    places, inner = range(1, 2 * ndim + 1, 2), range(2, 2 * ndim + 2, 2)
    y = permute_dims(split, (0, *places, 2 * ndim + 1, *inner))
    y = reshaped(y, (shape[0], *small, shape[-1] * prod((r,) * ndim)))
    return first_channels(y) if first else y


def channel_shuffle(x: Any, groups: int, *, data_format: str | None = None) -> Any:
    r"""Deal the channels of each group out over all groups, as ShuffleNet does between grouped convolutions.

    Derivative: linear, a permutation; its transpose is the shuffle with ``channels / groups`` groups.

    Parameters
    ----------
    x : array, shape (n, \*spatial, channels)
        Of any data type.
    groups : int
        Positive, a divisor of the channels.
    data_format : str, optional
        ``"NHWC"`` or ``"NCHW"`` and the like, as in `conv`.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    ShapeError
        If the groups do not divide the channels, or there are no such spatial axes.
    ParameterError
        If `groups` is no positive integer.

    References
    ----------
    .. [1] X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices",
       CVPR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.channel_shuffle(np.arange(6).reshape(1, 1, 6), 2).ravel()
    array([0, 3, 1, 4, 2, 5])
    """
    who = "nn.functional.channel_shuffle"
    ndim = spatial_rank(who, x)
    first = puts_channels_first(who, data_format, ndim)
    parts = positive_int(who, "groups", groups)
    if first:
        x = last_channels(x)
    shape = tuple(x.shape)
    if shape[-1] % parts:
        raise ShapeError(
            f"{who} cannot divide the channels into groups.",
            found=f"{shape[-1]} channels in {parts} groups",
            needed="a number of channels that is a multiple of the number of groups",
        )
    split = reshaped(x, (*shape[:-1], parts, shape[-1] // parts))
    y = reshaped(permute_dims(split, (*range(ndim + 1), ndim + 2, ndim + 1)), shape)
    return first_channels(y) if first else y


def _blocks(who: str, x: Any, factor: Any, data_format: str | None) -> tuple[Any, bool, int, int]:
    ndim = spatial_rank(who, x)
    first = puts_channels_first(who, data_format, ndim)
    r = positive_int(who, "factor", factor)
    return (last_channels(x) if first else x), first, ndim, r
