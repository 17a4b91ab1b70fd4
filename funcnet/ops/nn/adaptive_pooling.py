"""Pooling to a number of windows that is given: evenly spread windows, or ones with random places."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.core import bind
from funcnet.core.arguments import check_array
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops import argmax, floor, moveaxis, permute_dims, take, take_along_axis, tensordot
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.fresh import array_like
from funcnet.ops.nn.pool_primitives import max_pool_p, sum_pool_p
from funcnet.ops.nn.precision import widened
from funcnet.ops.nn.windows import channel_axis, check_floating, sizes_of, spatial_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Ints = tuple[int, ...]
    Sizes = int | Sequence[int]

__all__ = [
    "adaptive_average",
    "adaptive_avg_pool",
    "adaptive_max",
    "adaptive_max_pool",
    "fractional_max",
    "fractional_max_pool",
    "fractional_sizes",
]


def adaptive_avg_pool(x: Any, sizes: Sizes, *, data_format: str | None = None) -> Any:
    r"""Averages of windows that divide the spatial axes evenly.

    Of m windows over n elements the i-th reaches from :math:`\lfloor i n / m \rfloor` to
    :math:`\lceil (i + 1) n / m \rceil`, so that windows overlap where m does not divide n.

    Derivative: linear; each of k elements of a window gets the cotangent of the average divided by k.

    Parameters
    ----------
    x : array, shape (batch, spatial..., channels)
        Of a real floating-point data type.
    sizes : int or tuple of int
        Number of windows, the same along each spatial axis or one for each.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    ShapeError
        If `x` has the wrong number of axes, or no elements along one.
    ParameterError
        If `sizes` or the data format is none.
    DtypeError
        If `x` is not real floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.adaptive_avg_pool(np.arange(5.0).reshape(1, 5, 1), 2).ravel()
    array([1., 3.])
    """
    return adaptive_average("nn.functional.adaptive_avg_pool", x, sizes, data_format)


def adaptive_average(name: str, x: Any, sizes: Any, data_format: str | None) -> Any:
    """Return averages of evenly spread windows, for a caller of that name."""
    axes, counts = _targets(name, x, sizes, data_format)
    y = widened(x)
    for axis, count in zip(axes, counts, strict=True):
        n = x.shape[axis]
        if n % count == 0:
            y = bind(sum_pool_p, y, **_even(axis, n, count)) * (count / n)
        else:
            weights = array_like(y, _averages(n, count).tolist(), y.dtype)
            y = moveaxis(tensordot(y, weights, axes=((axis,), (0,))), -1, axis)
    return cast(y, x.dtype)


@lru_cache(maxsize=64)
def _averages(n: int, count: int) -> np.ndarray:
    """Return the matrix (n, count) that averages over windows."""
    weights = np.zeros((n, count))
    for i, (start, stop) in enumerate(_bins(n, count)):
        weights[start:stop, i] = 1 / (stop - start)
    return weights


def _bins(n: int, count: int) -> list[tuple[int, int]]:
    return [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]


def _even(axis: int, n: int, count: int) -> dict[str, tuple[int, ...]]:
    """Return the parameters of windows of one size that lie side by side."""
    width = (n // count,)
    return {"axes": (axis,), "window": width, "strides": width, "dilation": (1,), "low": (0,), "sizes": (count,)}


def _targets(name: str, x: Any, sizes: Any, data_format: str | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    check_floating(name, x)
    axes = spatial_axes(name, x.shape, data_format)
    counts = sizes_of(name, "sizes", sizes, len(axes))
    if 0 in [x.shape[a] for a in axes]:
        raise ShapeError(
            f"{name} got an input without elements along a spatial axis.",
            found=f"shape {tuple(x.shape)}, with the spatial axes {axes}",
            needed="at least one element along each of them",
        )
    return axes, counts


def adaptive_max_pool(x: Any, sizes: Sizes, *, data_format: str | None = None) -> Any:
    r"""Maxima of windows that divide the spatial axes evenly.

    The windows are those of `adaptive_avg_pool`.

    Derivative: the cotangent goes to the element that is the maximum; of equal ones to the first, in the order of the
    array.

    Parameters
    ----------
    x : array, shape (batch, spatial..., channels)
        Of a real floating-point data type.
    sizes : int or tuple of int
        Number of windows, the same along each spatial axis or one for each.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    ShapeError
        If `x` has the wrong number of axes, or no elements along one.
    ParameterError
        If `sizes` or the data format is none.
    DtypeError
        If `x` is not real floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.adaptive_max_pool(np.arange(5.0).reshape(1, 5, 1), 2).ravel()
    array([2., 4.])
    """
    return adaptive_max("nn.functional.adaptive_max_pool", x, sizes, data_format)


def adaptive_max(name: str, x: Any, sizes: Any, data_format: str | None) -> Any:
    """Return maxima of evenly spread windows, for a caller of that name."""
    axes, counts = _targets(name, x, sizes, data_format)
    # The last axis first: then of equal elements the first one in the order of the array is chosen.
    for axis, count in reversed(list(zip(axes, counts, strict=True))):
        n = x.shape[axis]
        if n % count == 0:
            x = bind(max_pool_p, x, **_even(axis, n, count))
            continue
        # Windows get one size by repeating their last element, which never comes first.
        bins = _bins(n, count)
        width = max(stop - start for start, stop in bins)
        places = np.array([[min(start + k, stop - 1) for k in range(width)] for start, stop in bins]).ravel()
        x = bind(max_pool_p, take(x, array_like(x, places), axis=axis), **_even(axis, len(places), count))
    return x


def fractional_max_pool(
    x: Any,
    window: Sizes,
    samples: Any,
    *,
    sizes: Sizes | None = None,
    ratio: float | Sequence[float] | None = None,
    data_format: str | None = None,
    return_indices: bool = False,
) -> Any:
    r"""Maxima of windows of one size whose distances vary at random.

    Of m windows of k elements over n elements the i-th begins at
    :math:`\lfloor (i + u)\alpha \rfloor - \lfloor u \alpha \rfloor` with :math:`\alpha = (n - k)/(m - 1)`, the last one
    at n - k, as in PyTorch.

    Derivative: the cotangent goes to the element that is the maximum; of equal ones to the first. None with respect to
    `samples`.

    Parameters
    ----------
    x : array, shape (batch, spatial..., channels)
        Of a real floating-point data type.
    window : int or tuple of int
        Size of the windows.
    samples : array, shape (batch, channels, spatial axes)
        The random number u in [0, 1) for each spatial axis, in their order, of a floating-point data type.
    sizes : int or tuple of int, optional
        Number of windows, the same along each spatial axis or one for each.
    ratio : float or tuple of float, optional
        In place of `sizes`: the number of windows over the number of elements, between 0 and 1.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.
    return_indices : bool, default False
        Whether to return the places of the maxima as well.

    Returns
    -------
    y : array
        Of the data type of `x`.
    indices : array of int
        With `return_indices`: for each maximum its place among the flattened spatial axes, as `max_unpool` takes them.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there are not as many places as windows.
    ParameterError
        If a parameter is none of these.
    DtypeError
        If `x` is not real floating-point.

    References
    ----------
    .. [1] B. Graham, "Fractional max-pooling", 2014, arXiv:1412.6071.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.arange(7.0).reshape(1, 7, 1)
    >>> nn.functional.fractional_max_pool(x, 2, np.full((1, 1, 1), 0.5), sizes=4).ravel()
    array([1., 3., 5., 6.])
    """
    name = "nn.functional.fractional_max_pool"
    check_array(name, x)
    found = fractional_sizes(name, x.shape, window, sizes, ratio, data_format)
    y, indices = fractional_max(name, x, found, samples)
    return (y, indices()) if return_indices else y


def fractional_max(name: str, x: Any, found: tuple[Ints, Ints, Ints], samples: Any) -> tuple[Any, Callable[[], Any]]:
    """Return maxima of windows at random places, and a function that returns their indices."""
    check_floating(name, x)
    axes, widths, counts = found
    channel = channel_axis(axes)
    batch, channels, dims = x.shape[0], x.shape[channel], len(axes)
    if tuple(samples.shape) != (batch, channels, dims):
        raise ShapeError(
            f"{name} needs a random number for each spatial axis of each channel.",
            found=f"samples of shape {tuple(samples.shape)}",
            needed=f"shape {(batch, channels, dims)}",
            write=f"random.uniform(key, {(batch, channels, dims)})",
        )
    flat = _places(samples, [x.shape[a] for a in axes], widths, counts)
    # (batch, channels, windows..., places...) -> (batch, windows, places, channels), and the same of the elements.
    inside = prod(widths)
    flat = reshaped(flat, (batch, channels, prod(counts) * inside))
    flat = permute_dims(flat, (0, 2, 1))
    elements = reshaped(permute_dims(x, (0, *axes, channel)), (batch, prod([x.shape[a] for a in axes]), channels))
    stacked = (batch, prod(counts), inside, channels)
    candidates = reshaped(take_along_axis(elements, flat, axis=1), stacked)
    best = argmax(candidates, axis=2, keepdims=True)
    back = sorted(range(dims + 2), key=(0, *axes, channel).__getitem__)

    def result(values: Any) -> Any:
        return permute_dims(reshaped(take_along_axis(values, best, axis=2), (batch, *counts, channels)), back)

    return result(candidates), lambda: result(reshaped(flat, stacked))


def fractional_sizes(
    name: str, shape: Any, window: Any, sizes: Any, ratio: Any, data_format: str | None
) -> tuple[Ints, Ints, Ints]:
    """Return spatial axes, sizes of windows and their numbers."""
    axes = spatial_axes(name, shape, data_format)
    lengths = tuple([shape[a] for a in axes])
    widths = sizes_of(name, "window", window, len(axes))
    if (sizes is None) == (ratio is None):
        raise ParameterError(
            f"{name} takes the number of windows, or its ratio to the number of elements.",
            found=f"sizes={sizes!r} and ratio={ratio!r}",
            needed="one of them",
            write="ratio=0.7",
        )
    counts = _from_ratio(name, ratio, lengths) if sizes is None else sizes_of(name, "sizes", sizes, len(axes))
    if any(width + count - 1 > n for width, count, n in zip(widths, counts, lengths, strict=True)):
        raise ShapeError(
            f"{name} got more windows than there are places for them.",
            found=f"windows of sizes {widths}, {counts} of them, over spatial sizes {lengths}",
            needed="along each axis, the size of the window and the number of windows together at most the size plus 1",
            write="a smaller window, or fewer",
        )
    return axes, widths, counts


def _from_ratio(name: str, ratio: Any, lengths: Ints) -> Ints:
    shares = tuple(ratio) if isinstance(ratio, (tuple, list)) else (ratio,) * len(lengths)
    if len(shares) != len(lengths) or not all(isinstance(share, float) and 0 < share < 1 for share in shares):
        raise ParameterError(
            f"{name} got a ratio that it cannot use.",
            found=f"ratio={ratio!r} for {len(lengths)} spatial axes",
            needed="a number between 0 and 1, or one for each axis",
            write="ratio=0.7",
        )
    return tuple([max(int(n * share), 1) for n, share in zip(lengths, shares, strict=True)])


def _places(samples: Any, lengths: Sequence[int], widths: Sequence[int], counts: Sequence[int]) -> Any:
    """Return for each channel, window and place in it the number of the element among the flattened spatial axes."""
    dims = len(lengths)
    integer = array_like(samples, np.zeros((), np.int64)).dtype
    flat: Any = 0
    for i, (n, width, count) in enumerate(zip(lengths, widths, counts, strict=True)):
        u = samples[..., i : i + 1]
        steps = array_like(samples, np.arange(count, dtype=np.int64))
        last = n - width
        starts = last + 0 * steps
        if count > 1:
            alpha = last / (count - 1)
            moved = floor((cast(steps, u.dtype) + u) * alpha) - floor(u * alpha)
            # The last window ends where the axis does, whatever the sample.
            final = steps == count - 1
            starts = cast(moved, integer) * cast(~final, integer) + last * cast(final, integer)
        else:
            starts = starts + cast(u * 0.0, integer)
        inner = array_like(samples, np.arange(width, dtype=np.int64))
        stride = prod(lengths[i + 1 :])
        shape = tuple(samples.shape[:-1])
        outer_shape = (*shape, *[count if j == i else 1 for j in range(dims)], *(1,) * dims)
        inner_shape = (*(1,) * (len(shape) + dims), *[width if j == i else 1 for j in range(dims)])
        flat = flat + (reshaped(starts, outer_shape) + reshaped(inner, inner_shape)) * stride
    return flat
