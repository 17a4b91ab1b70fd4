"""Statistics of sorted values: median, quantiles, percentiles, with and without NaN."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.keys import ARRAY
from funcnet.core import Tracer
from funcnet.errors import ParameterError
from funcnet.ops.along import take_along_axis
from funcnet.ops.arithmetic import add, clip, subtract
from funcnet.ops.axes import check_elements, check_kind, reduced_axes, reduced_shape
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.comparison import equal, isinf, isnan, logical_and, logical_not, where
from funcnet.ops.creation import zeros_like
from funcnet.ops.extras.inputs import complete, inexact, one_array, size
from funcnet.ops.fresh import array_like, backend_like
from funcnet.ops.manipulation import permute_dims
from funcnet.ops.rounding import floor
from funcnet.ops.searching import count_nonzero
from funcnet.ops.slicing import taken
from funcnet.ops.sorting import argsort, sort
from funcnet.ops.strong import strong_multiply

if TYPE_CHECKING:
    from collections.abc import Sequence

    Axis = int | Sequence[int] | None

__all__ = ["median", "nanmedian", "percentile", "quantile"]

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")
#: Hyndman and Fan's other rules for the place, by alpha and beta, and those whose result jumps.
_PLOTTING = {
    "hazen": (0.5, 0.5),
    "interpolated_inverted_cdf": (0.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
    "weibull": (0.0, 0.0),
}
_JUMPING = ("averaged_inverted_cdf", "closest_observation", "inverted_cdf")


def median(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Middle of the sorted elements, the mean of the two middle ones where their number is even.

    Derivative: goes to the middle element, in halves to two; of equal elements, between which it jumps, to those that
    come into the middle when equals keep their order.
    A NaN makes the median NaN.

    Parameters
    ----------
    x : array
        Of a real data type; integers are converted to the default floating-point one.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of a floating-point data type.

    Raises
    ------
    ShapeError
        If `x` does not have the axis, or there are no elements.
    DtypeError
        If `x` is complex.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> x = np.array([3.0, 1.0, 10.0, 2.0])
    >>> float(xp.median(x))
    2.5
    >>> fn.grad(xp.median)(x)
    array([0.5, 0. , 0. , 0.5])
    """
    return _quantile("median", x, 0.5, axis, "linear", keepdims)


def quantile(x: Any, q: Any, /, *, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    r"""Value below which a part of the elements lies.

    With the sorted elements :math:`s_0, \ldots, s_{n-1}` it is found at the place :math:`q (n - 1)`.

    Derivative: goes to the two elements beside the place, by their weights; of equal elements, between which it jumps,
    to those that come there when equals keep their order. By the method ``"linear"`` that with respect to `q` is
    :math:`(n - 1) (s_{i+1} - s_i)`, taken to the right where the place is an element; by methods that jump it is 0.
    A NaN makes the quantile NaN.

    Parameters
    ----------
    x : array
        Of a real data type; integers are converted to the default floating-point one.
    q : number or array
        From 0 to 1.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all.
    method : {"linear", "lower", "higher", "midpoint", "nearest"}, default "linear"
        What to take between two elements: a value in proportion, the lower or the higher, their mean, or the one that
        is nearer, of two equally near the one whose place is even. Or, by NumPy's names, the reference's other rules
        for the place: ``"hazen"``, ``"interpolated_inverted_cdf"``, ``"median_unbiased"``, ``"normal_unbiased"``,
        ``"weibull"``, which are as linear, and ``"averaged_inverted_cdf"``, ``"closest_observation"``,
        ``"inverted_cdf"``.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of a floating-point data type; the dimensions of `q` come first.

    Raises
    ------
    ShapeError
        If `x` does not have the axis, or there are no elements.
    DtypeError
        If `x` is complex.
    ParameterError
        If the method is unknown, or `q` is not between 0 and 1.

    References
    ----------
    R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages, The American Statistician 50(4) (1996).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.quantile(np.array([3.0, 1.0, 10.0, 2.0]), [0.0, 0.25, 1.0])
    array([ 1.  ,  1.75, 10.  ])
    """
    return _quantile("quantile", x, q, axis, method, keepdims)


def percentile(x: Any, q: Any, /, *, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Value below which a percentage of the elements lies; see `quantile`.

    Derivative: that of `quantile`.

    Parameters
    ----------
    x : array
        Of a real data type.
    q : number or array
        From 0 to 100.
    axis, method, keepdims
        As in `quantile`.

    Returns
    -------
    array
        Of a floating-point data type; the dimensions of `q` come first.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        As in `quantile`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> float(xp.percentile(np.array([3.0, 1.0, 10.0, 2.0]), 25))
    1.75
    """
    if isinstance(q, (list, tuple)):
        q = np.asarray(q)
    return _quantile("percentile", x, q / 100.0 if hasattr(q, "shape") else q / 100, axis, method, keepdims)


def nanmedian(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Median of the elements that are not NaN; NaN where all are.

    Derivative: as that of `median`; NaN elements get 0.

    Parameters
    ----------
    x : array
        Of a real data type; integers are converted to the default floating-point one.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of a floating-point data type.

    Raises
    ------
    ShapeError
        If `x` does not have the axis, or there are no elements.
    DtypeError
        If `x` is complex.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> float(xp.nanmedian(np.array([3.0, np.nan, 1.0, 10.0])))
    3.0
    """
    x, axes = _checked("nanmedian", x, axis)
    kept = reduced_shape(tuple(x.shape), axes, keepdims)
    rows = _in_rows(x, axes)
    # NaN is sorted last, so the others stand in front.
    count = count_nonzero(logical_not(isnan(rows)), axis=-1, keepdims=True)
    empty = equal(count, 0)
    last = where(empty, zeros_like(count), count - 1)
    lower, higher = last // 2, (last + 1) // 2
    order, rows = _ranked(rows)
    a, b = [_chosen(rows, order, i) for i in (lower, higher)]
    y = where(empty, nan, a + 0.5 * _difference(a, b))
    return reshaped(y, kept)


def _quantile(name: str, x: Any, q: Any, axis: Axis, method: str, keepdims: bool) -> Any:
    if method not in _METHODS and method not in _PLOTTING and method not in _JUMPING:
        raise ParameterError(
            f"xp.{name} does not have that method.",
            found=f"method={method!r}",
            needed=" or ".join(map(repr, (*_METHODS, *_PLOTTING, *_JUMPING))),
            write="method='linear'",
        )
    x, axes = _checked(name, x, axis)
    kept = reduced_shape(tuple(x.shape), axes, keepdims)
    rows = _in_rows(x, axes)
    n = rows.shape[-1]
    q_shape = tuple(q.shape) if hasattr(q, "shape") else np.shape(q)
    lower, higher, weight = _places(name, rows, q, n, method)
    order, rows = _ranked(rows)
    a, b = [_chosen(rows, order, i) for i in (lower, higher)]
    y = a if weight is None else add(a, strong_multiply(weight, _difference(a, b)))
    if not complete(x):
        # NaN is sorted last.
        y = where(isnan(_chosen(rows, order, lower * 0 + (n - 1))), nan, y)
    ndim = len(rows.shape)
    # The places of the quantiles are the last dimension so far, and come first in the result.
    y = permute_dims(y, (ndim - 1, *range(ndim - 1))) if ndim > 1 else y
    return reshaped(y, q_shape + kept)


def _checked(name: str, x: Any, axis: Axis) -> tuple[Any, tuple[int, ...]]:
    x = one_array(x)
    check_kind(name, x, "fiub", "a real data type", f"xp.{name}(xp.real(x), ...)")
    axes = reduced_axes(name, x, axis)
    check_elements(name, x, axes)
    return inexact(x), axes


def _in_rows(x: Any, axes: tuple[int, ...]) -> Any:
    """Return an array in which the dimensions to reduce are one, the last."""
    shape = tuple(x.shape)
    rest = tuple([i for i in range(len(shape)) if i not in axes])
    order = rest + axes
    moved = x if order == tuple(range(len(shape))) else permute_dims(x, order)
    return reshaped(moved, (*[shape[i] for i in rest], size(tuple([shape[i] for i in axes]))))


def _places(name: str, rows: Any, q: Any, n: int, method: str) -> tuple[Any, Any, Any]:
    """Return the indices of the sorted elements beside each quantile, and the weight of the second, None for 0."""
    if q.__class__ is Tracer or (hasattr(q, "shape") and not isinstance(q, (np.ndarray, np.generic))):
        place: Any = _place(reshaped(q, (size(tuple(q.shape)),)), n, method)
        below = floor(place)
        part: Any = subtract(place, below)
        known = None
    else:
        known = np.asarray(q, dtype=np.float64).reshape(-1)
        if not ((known >= 0) & (known <= 1)).all():
            raise ParameterError(
                f"xp.{name} takes parts of the whole.",
                found=f"q={q!r}",
                needed="numbers from 0 to 1" if name != "percentile" else "numbers from 0 to 100",
                write="xp.clip(q, 0, 1)",
            )
        place = _place(known, n, method)
        below = np.floor(place)
        part = place - below
    lower, weight = below, part
    if method == "nearest":
        up = (part > 0.5) | ((part == 0.5) & (below % 2 == 1))
        lower, weight = below + _as_number(up, below), None
    elif method == "lower":
        weight = None
    elif method == "higher":
        lower, weight = below + _as_number(part > 0, below), None
    elif method == "midpoint":
        weight = _as_number(part > 0, below) * 0.5
    elif method == "averaged_inverted_cdf":
        lower, weight = _not_negative(below), (1.0 - 0.5 * _as_number(part == 0, below)) * _as_number(place >= 0, below)
    elif method in _JUMPING:
        up = (part > 0) | (below % 2 == 0) if method == "closest_observation" else part > 0
        lower, weight = _not_negative(below + _as_number(up, below)), None
    lower = _index(rows, lower)
    last = lower * 0 + (n - 1)
    higher = lower if weight is None else where(lower < n - 1, lower + 1, last)
    if weight is not None:
        weight = array_like(rows, weight, rows.dtype) if isinstance(weight, np.ndarray) else cast(weight, rows.dtype)
    return lower, higher, weight


def _place(q: Any, n: int, method: str) -> Any:
    """Return where each quantile lies among the sorted elements, between 0 and n - 1 if it is not one that jumps."""
    if method in _JUMPING:
        return n * q - (1.5 if method == "closest_observation" else 1.0)
    if method not in _PLOTTING:
        return q * (n - 1)
    alpha, beta = _PLOTTING[method]
    return clip(n * q + (alpha + q * (1.0 - alpha - beta)) - 1.0, 0, n - 1)


def _not_negative(place: Any) -> Any:
    return place * _as_number(place > 0, place)


def _as_number(mask: Any, like: Any) -> Any:
    return mask.astype(np.float64) if isinstance(mask, np.ndarray) else cast(mask, like.dtype)


def _index(rows: Any, place: Any) -> Any:
    if isinstance(place, np.ndarray):
        return array_like(rows, place.astype(np.int64))
    backend = backend_like(place)
    return cast(place, backend.dtype(backend.default_int()))


def _ranked(rows: Any) -> tuple[Any, Any]:
    """Return the order that sorts the rows, and the rows; or None and the rows in order, where no derivative follows.

    To sort is faster than to find the order, from which alone a few elements can be taken without a derivative of all.
    """
    return (argsort(rows, axis=-1), rows) if rows.__class__ is Tracer else (None, sort(rows, axis=-1))


def _chosen(rows: Any, order: Any, places: Any) -> Any:
    """Return the elements of each row at places of its sorted order: the same in each row, or one for each."""
    if len(places.shape) > 1:
        return take_along_axis(rows, places if order is None else take_along_axis(order, places, axis=-1), axis=-1)
    key = ((None, None, None),) * (len(rows.shape) - 1) + (ARRAY,)
    if order is None:
        return taken(rows, key, (places,))
    return take_along_axis(rows, taken(order, key, (places,)), axis=-1)


def _difference(a: Any, b: Any) -> Any:
    """Return ``b - a`` of sorted elements; from an infinity 0, but NaN to the opposite one."""
    infinite = isinf(a)
    difference = subtract(where(infinite, 0.0, b), where(infinite, 0.0, a))
    return where(logical_and(infinite, equal(b, -a)), nan, difference)
