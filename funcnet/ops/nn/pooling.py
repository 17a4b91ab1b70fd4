"""Pooling: maxima and averages of windows that slide over the spatial axes."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.core import bind
from funcnet.core.arguments import check_array
from funcnet.core.dtypes import kind
from funcnet.core.readable import readable
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.fresh import array_like, zeros_raw
from funcnet.ops.indexing import index_set
from funcnet.ops.manipulation import permute_dims
from funcnet.ops.nn.pool_primitives import max_pool_p, max_pool_places_p, sum_pool_p
from funcnet.ops.nn.precision import widened
from funcnet.ops.nn.windows import Windows, channel_axis, check_floating, sizes_of, spatial_axes, windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    Sizes = int | Sequence[int]
    Padding = str | int | Sequence[int | Sequence[int]]

__all__ = ["avg_pool", "avg_pooled", "max_pool", "max_pooled", "max_unpool"]


def max_pool(
    x: Any,
    window: Sizes,
    *,
    stride: Sizes | None = None,
    padding: Padding = "VALID",
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    data_format: str | None = None,
    return_indices: bool = False,
) -> Any:
    """Maximum of each window over one, two or three spatial axes.

    Padding has no part in the maximum: a window of negative numbers at the edge has a negative maximum. A window that
    holds nothing but padding, which dilation can bring about, gives -inf.

    Derivative: the cotangent goes to the element that is the maximum; of equal ones to the first, in the order of the
    array. Derivatives of every order follow. A NaN counts as larger than all numbers.

    Parameters
    ----------
    x : array, shape (batch, spatial..., channels)
        Of a real floating-point data type.
    window : int or tuple of int
        Size of the window, the same along each spatial axis or one for each.
    stride : int or tuple of int, optional
        Step from one window to the next; the size of the window if omitted.
    padding : {"VALID", "SAME"} or int or tuple
        ``"VALID"``: none. ``"SAME"``: as much as gives ``ceil(size / stride)`` windows, the odd one at the end. Or the
        number of places on both sides, or for each spatial axis an integer or a pair (before, after); fewer than the
        window extends over.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the padding, if it begins before the end of the array.
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
        If `x` has the wrong number of axes, or the window is larger than the padded input.
    ParameterError
        If a parameter is none of these.
    DtypeError
        If `x` is not real floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.array([3.0, -1.0, 2.0, 5.0, -4.0]).reshape(1, 5, 1)
    >>> nn.functional.max_pool(x, 2).ravel()
    array([3., 5.])
    >>> nn.functional.max_pool(x, 2, stride=1, padding="SAME").ravel()
    array([ 3.,  2.,  5.,  5., -4.])
    """
    check_array("nn.functional.max_pool", x)
    found = windows("nn.functional.max_pool", x.shape, window, stride, padding, dilation, ceil_mode, data_format)
    return max_pooled("nn.functional.max_pool", x, found, return_indices)


def max_pooled(name: str, x: Any, found: Windows, return_indices: bool = False) -> Any:
    """Return the maxima of windows, for a caller of that name."""
    check_floating(name, x)
    params = found.params()
    y = bind(max_pool_p, x, **params)
    if not return_indices:
        return y
    return y, _flat_indices(x, bind(max_pool_places_p, x, y, **params), found)


def _flat_indices(x: Any, places: Any, found: Windows) -> Any:
    """Return places in windows as places among the flattened spatial axes."""
    wide = array_like(x, np.zeros((), np.int64)).dtype
    left, flat, step = cast(places, wide), 0, 1
    for axis, width, stride, dilation, low, size in reversed(
        list(zip(found.axes, found.window, found.strides, found.dilation, found.low, found.sizes, strict=True))
    ):
        starts = np.arange(size, dtype=np.int64) * stride - low
        offset, left = left % width, left // width
        flat = flat + (offset * dilation + array_like(x, _beside(starts, axis, len(x.shape)))) * step
        step *= x.shape[axis]
    return flat


def _beside(values: np.ndarray, axis: int, ndim: int) -> np.ndarray:
    """Return a vector as an array of `ndim` dimensions, along `axis`."""
    return values.reshape([-1 if i == axis else 1 for i in range(ndim)])


def max_unpool(y: Any, indices: Any, sizes: Sequence[int], *, data_format: str | None = None) -> Any:
    """Put maxima back to where they came from, with zeros elsewhere: a partial inverse of `max_pool`.

    Where indices repeat, as those of overlapping windows can, the last one stays.

    Derivative: linear in `y`; the transpose takes the elements at the indices.

    Parameters
    ----------
    y : array, shape (batch, spatial..., channels)
        The maxima, of any data type.
    indices : array of int, of the shape of `y`
        Places among the flattened spatial axes of the result, as `max_pool` returns them.
    sizes : sequence of int
        Spatial sizes of the result: those of what was pooled.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    array
        Of the data type of `y`.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ParameterError
        If `sizes` or the data format is none, or an index that can be read for free, on the CPU, is out of range.
    DtypeError
        If the indices are no integers.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.array([3.0, -1.0, 2.0, 5.0]).reshape(1, 4, 1)
    >>> y, indices = nn.functional.max_pool(x, 2, return_indices=True)
    >>> nn.functional.max_unpool(y, indices, (4,)).ravel()
    array([3., 0., 0., 5.])
    """
    name = "nn.functional.max_unpool"
    check_array("nn.functional.max_unpool", y, "y")
    shape = tuple(y.shape)
    axes = spatial_axes(name, shape, data_format)
    if tuple(indices.shape) != shape:
        raise ShapeError(
            f"{name} needs an index for every element.",
            found=f"indices of shape {tuple(indices.shape)} for an array of shape {shape}",
            needed="one shape",
            write="y, indices = nn.functional.max_pool(x, 2, return_indices=True)",
        )
    if kind(indices.dtype) not in "iu":
        raise DtypeError(f"{name} takes integers as indices.", found=str(indices.dtype), needed="an integer dtype")
    lengths = sizes_of(name, "sizes", sizes, len(axes))
    known = readable(indices)
    if known is not None and known.size and (known.min() < 0 or known.max() >= prod(lengths)):
        raise ParameterError(
            f"{name} got an index that is no place in the result.",
            found=f"indices from {known.min()} to {known.max()}",
            needed=f"integers from 0 to {prod(lengths) - 1}, for spatial sizes {lengths}",
            write="the spatial sizes of what was pooled",
        )
    channel = channel_axis(axes)
    flat = (shape[0], prod([shape[a] for a in axes]), shape[channel])
    last = (0, *axes, channel)
    y, indices = (reshaped(permute_dims(a, last), flat) for a in (y, indices))
    rows, columns = (array_like(y, np.arange(n)) for n in (flat[0], flat[2]))
    key = (reshaped(rows, (flat[0], 1, 1)), indices, columns)
    out = index_set(zeros_raw(y, (flat[0], prod(lengths), flat[2])), key, y)
    back = sorted(range(len(last)), key=last.__getitem__)
    return permute_dims(reshaped(out, (flat[0], *lengths, flat[2])), back)


def avg_pool(
    x: Any,
    window: Sizes,
    *,
    stride: Sizes | None = None,
    padding: Padding = "VALID",
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    data_format: str | None = None,
) -> Any:
    """Average of each window over one, two or three spatial axes.

    Derivative: linear; each of n elements of a window gets the cotangent of the average divided by n.
    Half precision is summed in float32.

    Parameters
    ----------
    x : array, shape (batch, spatial..., channels)
        Of a real floating-point data type.
    window : int or tuple of int
        Size of the window, the same along each spatial axis or one for each.
    stride : int or tuple of int, optional
        Step from one window to the next; the size of the window if omitted.
    padding : {"VALID", "SAME"} or int or tuple
        As for `max_pool`.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the padding, if it begins before the end of the array. What lies beyond
        the padding never counts.
    count_include_pad : bool, default True
        Whether padding counts as zeros, as in PyTorch and Flax; otherwise averages are of elements of the array alone,
        as in TensorFlow and Keras. A window of padding alone gives 0.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    ShapeError
        If `x` has the wrong number of axes, or the window is larger than the padded input.
    ParameterError
        If a parameter is none of these.
    DtypeError
        If `x` is not real floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.array([1.0, 3.0, 5.0]).reshape(1, 3, 1)
    >>> nn.functional.avg_pool(x, 2, stride=2, padding="SAME").ravel()
    array([2. , 2.5])
    >>> nn.functional.avg_pool(x, 2, stride=2, padding="SAME", count_include_pad=False).ravel()
    array([2., 5.])
    """
    check_array("nn.functional.avg_pool", x)
    found = windows("nn.functional.avg_pool", x.shape, window, stride, padding, dilation, ceil_mode, data_format)
    return avg_pooled("nn.functional.avg_pool", x, found, count_include_pad)


def avg_pooled(name: str, x: Any, found: Windows, count_include_pad: bool) -> Any:
    """Return the averages of windows, for a caller of that name."""
    check_floating(name, x)
    total = bind(sum_pool_p, widened(x), **found.params())
    scale = 1.0
    for i, axis in enumerate(found.axes):
        counts = _counts(*[entry[i] for entry in found[1:]], x.shape[axis], bool(count_include_pad))
        if len(set(counts)) == 1:
            scale *= counts[0]
        else:
            total = total / array_like(x, _beside(np.asarray(counts), axis, len(x.shape)).tolist(), total.dtype)
    return cast(total * (1.0 / scale), x.dtype)


@lru_cache(maxsize=256)
def _counts(
    width: int, stride: int, dilation: int, low: int, high: int, size: int, length: int, include: bool
) -> tuple[float, ...]:
    """Return how many elements of each window count along one axis; 1 where there are none."""
    first, last = (-low, length + high) if include else (0, length)
    return tuple(
        [float(max(sum(first <= i * stride - low + k * dilation < last for k in range(width)), 1)) for i in range(size)]
    )
