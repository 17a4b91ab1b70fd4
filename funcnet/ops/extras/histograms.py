"""`histogram` and `segment_sum`: sums over groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import raw
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.arithmetic import divide, multiply
from funcnet.ops.axes import check_kind
from funcnet.ops.broadcasting import cast
from funcnet.ops.comparison import equal, greater_equal, less_equal, logical_and, logical_not, logical_or, where
from funcnet.ops.creation import ones_like
from funcnet.ops.encoding import index_array
from funcnet.ops.extras.inputs import arrays_of, differs, flattened, inexact, one_array
from funcnet.ops.fresh import array_like, integers_like, zeros_raw
from funcnet.ops.indexing import index_add
from funcnet.ops.ranges import linspace
from funcnet.ops.searching import searchsorted
from funcnet.ops.statistical import max, min, sum
from funcnet.ops.utility import all, any, diff

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["histogram", "segment_sum"]


def segment_sum(x: Any, segment_ids: Any, /, *, num_segments: int | None = None) -> Any:
    """Sums over groups of the slices along the first dimension.

    Derivative: linear; every element gets the cotangent of its group's sum.

    Parameters
    ----------
    x : array
        Of at least one dimension and a numeric data type.
    segment_ids : array or list of int
        The group of each slice: a vector of integers from 0 to ``num_segments - 1``, in any order.
    num_segments : int, optional
        The number of groups; one more than the largest of `segment_ids`, which is read for it, if omitted.

    Returns
    -------
    array
        Of shape ``(num_segments, *x.shape[1:])``; 0 for groups without elements.

    Raises
    ------
    ShapeError
        If there is not one group for each slice.
    DtypeError
        If `segment_ids` are no integers.
    IndexError
        If a group is out of range. On a GPU this waits for the values.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.segment_sum(np.array([1.0, 2.0, 3.0]), np.array([0, 2, 0]), num_segments=4)
    array([4., 0., 2., 0.])
    """
    x = one_array(x)
    ids = index_array(x, segment_ids)
    if kind(ids.dtype) not in "iu":
        raise DtypeError(
            "xp.segment_sum takes integers as groups.",
            found=f"an array of dtype {ids.dtype}",
            needed="an integer data type",
            write="xp.astype(segment_ids, xp.int64)",
        )
    if not x.shape or tuple(ids.shape) != (x.shape[0],):
        raise ShapeError(
            "xp.segment_sum takes one group for each slice.",
            found=f"groups of shape {tuple(ids.shape)} for an array of shape {tuple(x.shape)}",
            needed=f"a vector of {x.shape[0]}" if x.shape else "an array of at least one dimension",
        )
    if num_segments is None:
        num_segments = int(raw(max(ids))) + 1 if x.shape[0] else 0
    return index_add(zeros_raw(x, (num_segments, *x.shape[1:])), (ids,), x)


def histogram(
    x: Any,
    /,
    bins: int | Sequence[float] | Any = 10,
    *,
    range: tuple[Any, Any] | None = None,
    weights: Any = None,
    density: bool = False,
) -> tuple[Any, Any]:
    """Numbers of elements between edges, or sums of their weights.

    A bin holds its left edge and not its right one, the last bin both.

    Derivative: linear in `weights`, each of which gets the cotangent of its bin. With respect to `x` the numbers are
    constant where they do not jump, so it is 0; the edges depend on the smallest and the largest element if no range is
    given, and the density on the edges.

    Parameters
    ----------
    x : array
        Of a real data type; its shape does not count.
    bins : int or array, default 10
        The number of bins, of one size, or their edges in ascending order.
    range : pair of numbers, optional
        The first and the last edge; the smallest and the largest element if omitted, 1 apart if they are equal.
        Elements outside do not count.
    weights : array, optional
        Of the shape of `x`: what each element counts.
    density : bool, default False
        Whether to divide by the total and by the widths, so that the integral is 1.

    Returns
    -------
    tuple of array
        The numbers, integers unless there are weights or `density` is set, and the edges.

    Raises
    ------
    ParameterError
        If there are no bins, or edges or range are not in order.
    ShapeError
        If the weights do not have the shape of `x`.
    DtypeError
        If `x` is complex.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> x = np.array([0.5, 1.0, 2.5, 3.0])
    >>> xp.histogram(x, np.array([0.0, 1.0, 2.0, 3.0]))[0]
    array([1, 1, 2])
    >>> fn.grad(lambda w: xp.histogram(x, 3, weights=w)[0][0])(np.ones(4))
    array([1., 1., 0., 0.])
    """
    x = one_array(x)
    check_kind("histogram", x, "fiub", "a real data type", "xp.histogram(xp.abs(x))")
    x = inexact(x)
    if weights is not None:
        _, weights = arrays_of(x, weights)
        if tuple(weights.shape) != tuple(x.shape):
            raise ShapeError(
                "xp.histogram takes one weight for each element.",
                found=f"weights of shape {tuple(weights.shape)} for an array of shape {tuple(x.shape)}",
                needed="the same shape",
                write="xp.broadcast_to(weights, x.shape)",
            )
        weights = flattened(weights)
    values = flattened(x)
    edges = _edges(values, bins, range)
    count = edges.shape[0] - 1
    first, last = edges[0], edges[count]
    inside = logical_and(greater_equal(values, first), less_equal(values, last))
    places = searchsorted(edges, values, side="right") - 1
    # The last edge belongs to the last bin; what does not count goes to the first one with weight 0.
    places = where(equal(values, last), count - 1, places)
    places = where(inside, places, 0)
    if weights is None:
        number = cast(inside, integers_like(values, "arange", 0).dtype)
    else:
        number = where(inside, weights, 0)
    total = index_add(zeros_raw(number, (count,)), (places,), number)
    if not density:
        return total, edges
    total = cast(total, edges.dtype) if not is_inexact(total.dtype) else total
    return divide(total, multiply(diff(edges), sum(total))), edges


def _edges(values: Any, bins: Any, limits: Any) -> Any:
    if isinstance(bins, (list, tuple)) or hasattr(bins, "shape"):
        edges: Any = bins if hasattr(bins, "shape") else array_like(values, bins, values.dtype)
        if len(edges.shape) != 1 or edges.shape[0] < 2 or not bool(raw(all(greater_equal(diff(edges), 0)))):
            raise ParameterError(
                "xp.histogram takes edges in ascending order.",
                found=f"bins of shape {tuple(edges.shape)}",
                needed="a vector of at least two edges, each at least as large as the one before",
                write="xp.sort(bins)",
            )
        return edges if is_inexact(edges.dtype) else cast(edges, values.dtype)
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise ParameterError(
            "xp.histogram takes a number of bins, or edges.",
            found=f"bins={bins!r}",
            needed="a positive integer, or a vector",
            write="bins=10",
        )
    if limits is not None:
        low, high = limits
    elif values.shape[0]:
        low, high = min(values), max(values)
    else:
        low, high = 0.0, 1.0
    each = differs(low) or differs(high)
    if each:
        bad = bool(any(raw(logical_or(logical_not(less_equal(low, high)), equal(high - low, float("inf"))))))
    else:
        bad = not low <= high or high - low == float("inf")
    if bad:
        raise ParameterError(
            "xp.histogram needs a finite range.",
            found="an element of the batch without" if each else f"from {float(raw(low))} to {float(raw(high))}",
            needed="two finite numbers, the first not larger than the second",
            write="range=(0.0, 1.0)",
        )
    if each:
        half = where(equal(low, high), 0.5, 0.0 * low)
        low, high = low - half, high + half
    elif low == high:
        low, high = low - 0.5, high + 0.5
    one = ones_like(values[0]) if values.shape[0] else array_like(values, 1.0, values.dtype)
    return linspace(multiply(one, low), multiply(one, high), bins + 1)
