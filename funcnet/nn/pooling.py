"""Pooling as layers: maxima, averages and norms of windows, and of all that the spatial axes hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import random
from funcnet.core.arguments import check_array
from funcnet.errors import ParameterError
from funcnet.nn.kernels import who
from funcnet.nn.layer import Layer, layer_path
from funcnet.nn.plain import applied, drawn
from funcnet.nn.spec import features_of
from funcnet.ops.fresh import array_like
from funcnet.ops.nn.adaptive_pooling import adaptive_average, adaptive_max, fractional_max, fractional_sizes
from funcnet.ops.nn.global_pooling import every_spatial_axis, global_average, global_max
from funcnet.ops.nn.norm_pooling import exponent, lp_pooled
from funcnet.ops.nn.pooling import avg_pooled, max_pooled
from funcnet.ops.nn.windows import channel_axis, spatial_axes, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Sizes = int | Sequence[int]
    Padding = str | int | Sequence[int | Sequence[int]]

__all__ = [
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "avg_pool",
    "fractional_max_pool",
    "global_avg_pool",
    "global_max_pool",
    "lp_pool",
    "max_pool",
]


def max_pool(
    window: Sizes,
    *,
    stride: Sizes | None = None,
    padding: Padding = "VALID",
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    data_format: str | None = None,
) -> Layer:
    """Return a layer that takes the maximum of each window over one, two or three spatial axes.

    Parameters
    ----------
    window : int or tuple of int
        Size of the window, the same along each spatial axis or one for each.
    stride : int or tuple of int, optional
        Step from one window to the next; the size of the window if omitted.
    padding : {"VALID", "SAME"} or int or tuple
        As for `funcnet.nn.functional.max_pool`; it never is the maximum.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the padding, if it begins before the end of the array.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ShapeError, ParameterError, DtypeError
        By ``init`` and ``apply``: if the input or a parameter does not fit, as of `funcnet.nn.functional.max_pool`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.max_pool(2).apply({}, {}, np.arange(16.0).reshape(1, 4, 4, 1))[0].ravel()
    array([ 5.,  7., 13., 15.])
    """
    return _windowed("max_pool", max_pooled, window, stride, padding, dilation, ceil_mode, data_format)


def avg_pool(
    window: Sizes,
    *,
    stride: Sizes | None = None,
    padding: Padding = "VALID",
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    data_format: str | None = None,
) -> Layer:
    """Return a layer that takes the average of each window over one, two or three spatial axes.

    Parameters
    ----------
    window : int or tuple of int
        Size of the window, the same along each spatial axis or one for each.
    stride : int or tuple of int, optional
        Step from one window to the next; the size of the window if omitted.
    padding : {"VALID", "SAME"} or int or tuple
        As for `funcnet.nn.functional.max_pool`.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the padding, if it begins before the end of the array.
    count_include_pad : bool, default True
        Whether padding counts as zeros; otherwise averages are of elements of the array alone.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ShapeError, ParameterError, DtypeError
        By ``init`` and ``apply``: if the input or a parameter does not fit, as of `funcnet.nn.functional.avg_pool`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.avg_pool(2).apply({}, {}, np.arange(16.0).reshape(1, 4, 4, 1))[0].ravel()
    array([ 2.5,  4.5, 10.5, 12.5])
    """

    def pool(name: str, x: Any, places: Any) -> Any:
        return avg_pooled(name, x, places, count_include_pad)

    return _windowed("avg_pool", pool, window, stride, padding, dilation, ceil_mode, data_format)


def lp_pool(
    p: float,
    window: Sizes,
    *,
    stride: Sizes | None = None,
    padding: Padding = "VALID",
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    data_format: str | None = None,
) -> Layer:
    r"""Return a layer that takes the norm :math:`(\sum_i |x_i|^p)^{1/p}` of each window.

    Parameters
    ----------
    p : float
        The exponent, at least 1; infinity is allowed.
    window : int or tuple of int
        Size of the window, the same along each spatial axis or one for each.
    stride : int or tuple of int, optional
        Step from one window to the next; the size of the window if omitted.
    padding : {"VALID", "SAME"} or int or tuple
        As for `funcnet.nn.functional.max_pool`; it counts as zeros.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the padding, if it begins before the end of the array.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ParameterError
        If `p` is no exponent.
    ShapeError, ParameterError, DtypeError
        By ``init`` and ``apply``: if the input or a parameter does not fit, as of `funcnet.nn.functional.lp_pool`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.lp_pool(2, 2).apply({}, {}, np.array([3.0, -4.0, 0.0, 0.0]).reshape(1, 4, 1))[0].ravel()
    array([5., 0.])
    """
    power = exponent("nn.lp_pool", p)

    def pool(name: str, x: Any, places: Any) -> Any:
        return lp_pooled(name, x, places, power)

    return _windowed("lp_pool", pool, window, stride, padding, dilation, ceil_mode, data_format)


def global_max_pool(*, keepdims: bool = False, data_format: str | None = None) -> Layer:
    """Return a layer that takes the maximum over all spatial axes, of which there may be any number.

    Parameters
    ----------
    keepdims : bool, default False
        Whether the spatial axes stay, with size 1.
    data_format : str, optional
        Such as ``"NCHW"``, where channels come first; channels are last otherwise.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ShapeError, ParameterError, DtypeError
        By ``init`` and ``apply``: if the input or a parameter does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.global_max_pool().apply({}, {}, np.arange(8.0).reshape(1, 2, 2, 2))[0]
    array([[6., 7.]])
    """
    return _pooling(
        "global_max_pool",
        lambda name, shape: every_spatial_axis(name, shape, data_format),
        lambda name, x: global_max(name, x, keepdims, data_format),
    )


def global_avg_pool(*, keepdims: bool = False, data_format: str | None = None) -> Layer:
    """Return a layer that takes the average over all spatial axes, of which there may be any number.

    Parameters
    ----------
    keepdims : bool, default False
        Whether the spatial axes stay, with size 1.
    data_format : str, optional
        Such as ``"NCHW"``, where channels come first; channels are last otherwise.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ShapeError, ParameterError, DtypeError
        By ``init`` and ``apply``: if the input or a parameter does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.global_avg_pool().apply({}, {}, np.arange(8.0).reshape(1, 2, 2, 2))[0]
    array([[3., 4.]])
    """
    return _pooling(
        "global_avg_pool",
        lambda name, shape: every_spatial_axis(name, shape, data_format),
        lambda name, x: global_average(name, x, keepdims, data_format),
    )


def adaptive_max_pool(sizes: Sizes, *, data_format: str | None = None) -> Layer:
    """Return a layer that divides the spatial axes evenly into windows and takes the maximum of each.

    Parameters
    ----------
    sizes : int or tuple of int
        Number of windows, the same along each spatial axis or one for each.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ShapeError, ParameterError, DtypeError
        By ``init`` and ``apply``: if the input or a parameter does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.adaptive_max_pool(2).apply({}, {}, np.arange(5.0).reshape(1, 5, 1))[0].ravel()
    array([2., 4.])
    """
    return _pooling(
        "adaptive_max_pool",
        lambda name, shape: spatial_axes(name, shape, data_format),
        lambda name, x: adaptive_max(name, x, sizes, data_format),
    )


def adaptive_avg_pool(sizes: Sizes, *, data_format: str | None = None) -> Layer:
    """Return a layer that divides the spatial axes evenly into windows and takes the average of each.

    Parameters
    ----------
    sizes : int or tuple of int
        Number of windows, the same along each spatial axis or one for each.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ShapeError, ParameterError, DtypeError
        By ``init`` and ``apply``: if the input or a parameter does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.adaptive_avg_pool(2).apply({}, {}, np.arange(5.0).reshape(1, 5, 1))[0].ravel()
    array([1., 3.])
    """
    return _pooling(
        "adaptive_avg_pool",
        lambda name, shape: spatial_axes(name, shape, data_format),
        lambda name, x: adaptive_average(name, x, sizes, data_format),
    )


def fractional_max_pool(
    window: Sizes,
    *,
    sizes: Sizes | None = None,
    ratio: float | Sequence[float] | None = None,
    data_format: str | None = None,
) -> Layer:
    """Return a layer that takes the maxima of windows of one size whose distances vary at random.

    In training the distances follow from the key; otherwise they are as even as they can be.

    Parameters
    ----------
    window : int or tuple of int
        Size of the windows.
    sizes : int or tuple of int, optional
        Number of windows, the same along each spatial axis or one for each.
    ratio : float or tuple of float, optional
        In place of `sizes`: the number of windows over the number of elements, between 0 and 1.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    Layer
        Without parameters. ``apply`` needs ``key`` where ``train`` is true.

    Raises
    ------
    ParameterError
        If not one of `sizes` and `ratio` is given; by ``apply``: if the key is missing.
    ShapeError, ParameterError, DtypeError
        By ``init`` and ``apply``: if the input or a parameter does not fit.

    References
    ----------
    .. [1] B. Graham, "Fractional max-pooling", 2014, arXiv:1412.6071.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.fractional_max_pool(2, ratio=0.7)
    >>> layer.apply({}, {}, np.ones((1, 10, 10, 3)), key=random.key(0), train=True)[0].shape
    (1, 7, 7, 3)
    """
    if (sizes is None) == (ratio is None):
        raise ParameterError(
            "nn.fractional_max_pool takes the number of windows, or its ratio to the number of elements.",
            found=f"sizes={sizes!r} and ratio={ratio!r}",
            needed="one of them",
            write="nn.fractional_max_pool(2, ratio=0.7)",
        )

    def found(name: str, shape: Any) -> Any:
        return fractional_sizes(name, shape, window, sizes, ratio, data_format)

    def pool(x: Any, key: Any) -> Any:
        name = who("fractional_max_pool")
        places = found(name, x.shape)
        shape = (x.shape[0], x.shape[channel_axis(places[0])], len(places[0]))
        if key is None:
            samples = array_like(x, np.full(shape, 0.5, np.float32))
        else:
            samples = random.uniform(key, shape, dtype="float32")
        return fractional_max(name, x, places, samples)[0]

    return drawn("fractional_max_pool", pool, lambda x: pool(x, None), _checked("fractional_max_pool", found))


def _windowed(kind: str, pool: Callable[[str, Any, Any], Any], *arguments: Any) -> Layer:
    """Return the layer that pools windows: `pool` is also told where they are, as `windows` finds with `arguments`."""

    def found(name: str, shape: Any) -> Any:
        return windows(name, shape, *arguments)

    def pooled(name: str, x: Any) -> Any:
        check_array(name, x)
        return pool(name, x, found(name, x.shape))

    return _pooling(kind, found, pooled)


def _pooling(kind: str, check: Callable[[str, Any], Any], pool: Callable[[str, Any], Any]) -> Layer:
    """Return a layer without parameters: `check` looks at shapes, `pool` computes; both are told their name."""
    return applied(kind, lambda x: pool(who(kind), x), _checked(kind, check))


def _checked(kind: str, check: Callable[[str, Any], Any]) -> Callable[[Any], Any]:
    return lambda spec: check(who(kind), features_of(spec, layer_path(kind)).shape)
