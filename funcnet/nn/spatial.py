"""Layers without parameters that pad, resize and rearrange spatial axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.nn.kernels import who
from funcnet.nn.layer import Layer
from funcnet.nn.plain import applied
from funcnet.ops.nn.padding import padded_input
from funcnet.ops.nn.patches import fold as _fold
from funcnet.ops.nn.patches import unfold as _unfold
from funcnet.ops.nn.resizing import channel_shuffle as _channel_shuffle
from funcnet.ops.nn.resizing import pixel_shuffle as _pixel_shuffle
from funcnet.ops.nn.resizing import pixel_unshuffle as _pixel_unshuffle
from funcnet.ops.nn.resizing import resized

if TYPE_CHECKING:
    from collections.abc import Sequence

    Integers = int | Sequence[int]

__all__ = ["channel_shuffle", "fold", "pad", "pixel_shuffle", "pixel_unshuffle", "resize", "unfold", "upsample"]


def pad(
    padding: int | Sequence[Any], *, mode: str = "constant", value: float = 0.0, data_format: str | None = None
) -> Layer:
    """Return a layer that pads the spatial axes. See `funcnet.nn.functional.pad`.

    Parameters
    ----------
    padding : int or sequence
        One number, one for each spatial axis, or a pair (before, after) for each.
    mode : {"constant", "circular", "reflect", "replicate"}, default "constant"
        What the padding holds.
    value : float, default 0.0
        What ``"constant"`` means.
    data_format : str, optional
        ``"NHWC"`` or ``"NCHW"`` and the like, as in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.array([[[1.0], [2.0], [3.0]]])
    >>> nn.pad(((2, 0),), mode="reflect").apply({}, {}, x)[0].ravel()
    array([3., 2., 1., 2., 3.])
    """

    return applied("pad", lambda x: padded_input(who("pad"), x, padding, mode, value, data_format))


def upsample(
    scale: float | Sequence[float],
    *,
    method: str = "nearest",
    align_corners: bool = False,
    data_format: str | None = None,
) -> Layer:
    """Return a layer that multiplies the spatial sizes. See `funcnet.nn.functional.resize`.

    Parameters
    ----------
    scale : float or sequence of float
        Factor of each axis; the size is rounded down.
    method : {"nearest", "nearest-exact", "linear", "cubic"}, default "nearest"
        How to interpolate.
    align_corners : bool, default False
        Whether the centres of the corner cells meet, for ``"linear"`` and ``"cubic"``, in place of the edges.
    data_format : str, optional
        ``"NHWC"`` or ``"NCHW"`` and the like, as in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.upsample(2, method="linear").apply({}, {}, np.array([[[0.0], [4.0]]]))[0].ravel()
    array([0., 1., 3., 4.])
    """

    return applied("upsample", lambda x: resized(who("upsample"), x, None, scale, method, align_corners, data_format))


def resize(
    size: Integers, *, method: str = "nearest", align_corners: bool = False, data_format: str | None = None
) -> Layer:
    """Return a layer that gives the spatial axes a fixed size. See `funcnet.nn.functional.resize`.

    Parameters
    ----------
    size : int or sequence of int
        Spatial size of the result.
    method, align_corners, data_format
        As in `upsample`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.resize((7, 5), method="cubic").apply({}, {}, np.ones((1, 3, 3, 2)))[0].shape
    (1, 7, 5, 2)
    """

    return applied("resize", lambda x: resized(who("resize"), x, size, None, method, align_corners, data_format))


def pixel_shuffle(factor: int, *, data_format: str | None = None) -> Layer:
    """Return a layer that turns channels into places. See `funcnet.nn.functional.pixel_shuffle`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.pixel_shuffle(2).apply({}, {}, np.ones((1, 3, 3, 8)))[0].shape
    (1, 6, 6, 2)
    """

    return applied("pixel_shuffle", lambda x: _pixel_shuffle(x, factor, data_format=data_format))


def pixel_unshuffle(factor: int, *, data_format: str | None = None) -> Layer:
    """Return a layer that turns blocks of places into channels. See `funcnet.nn.functional.pixel_unshuffle`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.pixel_unshuffle(2).apply({}, {}, np.ones((1, 6, 6, 2)))[0].shape
    (1, 3, 3, 8)
    """

    return applied("pixel_unshuffle", lambda x: _pixel_unshuffle(x, factor, data_format=data_format))


def channel_shuffle(groups: int, *, data_format: str | None = None) -> Layer:
    """Return a layer that deals the channels of groups out. See `funcnet.nn.functional.channel_shuffle`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.channel_shuffle(2).apply({}, {}, np.arange(4.0).reshape(1, 1, 4))[0].ravel()
    array([0., 2., 1., 3.])
    """

    return applied("channel_shuffle", lambda x: _channel_shuffle(x, groups, data_format=data_format))


def unfold(
    window: Integers,
    *,
    stride: Integers = 1,
    padding: str | int | Sequence[Any] = "VALID",
    padding_mode: str = "zeros",
    dilation: Integers = 1,
    flat: bool = True,
    data_format: str | None = None,
) -> Layer:
    """Return a layer that gives the window at each place. See `funcnet.nn.functional.unfold`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.unfold(3).apply({}, {}, np.ones((1, 5, 5, 2)))[0].shape
    (1, 3, 3, 18)
    """

    def windows(x: Any) -> Any:
        return _unfold(
            x,
            window,
            stride=stride,
            padding=padding,
            padding_mode=padding_mode,
            dilation=dilation,
            flat=flat,
            data_format=data_format,
        )

    return applied("unfold", windows)


def fold(
    size: Integers,
    window: Integers,
    *,
    stride: Integers = 1,
    padding: str | int | Sequence[Any] = "VALID",
    dilation: Integers = 1,
    flat: bool = True,
    data_format: str | None = None,
) -> Layer:
    """Return a layer that adds windows up where they come from. See `funcnet.nn.functional.fold`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.fold((5, 5), 3).apply({}, {}, np.ones((1, 3, 3, 18)))[0].shape
    (1, 5, 5, 2)
    """

    def sums(y: Any) -> Any:
        return _fold(
            y,
            size,
            window,
            stride=stride,
            padding=padding,
            dilation=dilation,
            flat=flat,
            data_format=data_format,
        )

    return applied("fold", sums)
