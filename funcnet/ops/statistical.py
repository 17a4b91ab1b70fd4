"""Statistical functions: sums, products, extremes and moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import bind, case, general, linear
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import DtypeError, ShapeError
from funcnet.ops.axes import check_kind, kept_shape, native_dtype, reduced_axes, reduced_shape
from funcnet.ops.broadcasting import broadcast_to, cast, reshaped, sum_over, sum_p

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Axes = tuple[int, ...]
    Axis = int | Sequence[int] | None

__all__ = ["max", "mean", "min", "sum"]


def _count(shape: tuple[int, ...], axis: Axes) -> int:
    n = 1
    for a in axis:
        n *= shape[a]
    return n


def _shape_rule(x: Any, *, axis: Axes, keepdims: bool) -> tuple[int, ...]:
    return reduced_shape(x.shape, axis, keepdims)


_CASES = (
    case((2, 3), axis=(0, 1), keepdims=False),
    case((2, 3), axis=(1,), keepdims=True),
    case((2, 3, 2), axis=(0, 2), keepdims=False),
    case((), axis=(), keepdims=False),
    case((2, 3), axis=(), keepdims=False),
)


# ---------------------------------------------------------------------- mean


def _mean_impl(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    if _count(x.shape, axis):
        return xp.mean(x, axis=axis, keepdims=keepdims)
    # The mean of nothing is NaN, without a library's warning about 0 / 0.
    return xp.sum(x, axis=axis, keepdims=keepdims) + float("nan")


def _mean_transpose(y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Callable[[Any], Any]:
    shape = x.shape
    n = _count(shape, axis)
    kept = kept_shape(shape, axis)
    if keepdims or not kept:
        return lambda g: broadcast_to(g / n, shape)
    return lambda g: broadcast_to(reshaped(g / n, kept), shape)


mean_p = linear(
    "mean",
    _mean_impl,
    transpose=(_mean_transpose,),
    shape=_shape_rule,
    dtypes="floating",
    cases=_CASES,
)


# ---------------------------------------------------------------------- max and min


def _ties(y: Any, x: Any, axis: Axes, keepdims: bool) -> tuple[Any, Any]:
    """Return where `x` attains its extreme `y`, and how often along `axis`, with the dimensions kept."""
    if not axis:
        return None, None
    kept = y if keepdims else reshaped(y, kept_shape(x.shape, axis))
    # A NaN is the extreme of its group.
    hits = (x == kept) | (x != x)
    return hits, cast(sum_over(hits, axis, keepdims=True), x.dtype)


def _extreme_vjp(y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Callable[[Any], Any]:
    hits, count = _ties(y, x, axis, keepdims)
    if hits is None:
        return lambda g: g
    kept, dtype = count.shape, x.dtype
    return lambda g: cast(hits, dtype) * ((g if keepdims else reshaped(g, kept)) / count)


def _extreme_jvp(ts: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    hits, count = _ties(y, x, axis, keepdims)
    if hits is None:
        return ts[0]
    return sum_over(cast(hits, x.dtype) * ts[0] / count, axis, keepdims=keepdims)


max_p = general(
    "max",
    lambda xp, x, *, axis, keepdims: xp.max(x, axis=axis, keepdims=keepdims),
    vjp=(_extreme_vjp,),
    jvp=_extreme_jvp,
    shape=_shape_rule,
    dtypes="real",
    cases=_CASES,
)

min_p = general(
    "min",
    lambda xp, x, *, axis, keepdims: xp.min(x, axis=axis, keepdims=keepdims),
    vjp=(_extreme_vjp,),
    jvp=_extreme_jvp,
    shape=_shape_rule,
    dtypes="real",
    cases=_CASES,
)


def _extreme(primitive: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    name = primitive.name
    axes = reduced_axes(name, x, axis)
    check_kind(name, x, "fiu", "a real data type", "xp.abs(x) or xp.real(x) of complex numbers")
    shape = x.shape
    if 0 in shape and not _count(shape, axes) and 0 not in reduced_shape(shape, axes, False):
        raise ShapeError(
            f"xp.{name} of no elements has no value.",
            found=f"shape {tuple(shape)}, reduced over {axes}",
            needed="at least one element along the reduced dimensions",
            write=f"xp.{name}(x, ...) if x.size else a value of your choice",
        )
    return bind(primitive, x, axis=axes, keepdims=bool(keepdims))


def _summed_dtype(name: str, x: Any, dtype: Any) -> tuple[Any, Any]:
    """Return `x` and the data type in which to accumulate it."""
    dtype = native_dtype(x, dtype)
    if dtype is None or dtype == x.dtype:
        return x, None
    if kind(x.dtype) == "c" and kind(dtype) != "c":
        raise DtypeError(
            f"xp.{name} of complex numbers cannot have a real data type.",
            found=f"an array of dtype {x.dtype} and dtype={dtype}",
            needed="a complex data type",
            write=f"xp.{name}(xp.real(x))",
        )
    if is_inexact(x.dtype) and not is_inexact(dtype):
        # Integers carry no derivative, so the cast comes before the sum.
        return cast(x, dtype), None
    return x, dtype


def sum(x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Sum of the elements.

    Derivative: linear; every element gets the cotangent of its sum.

    Parameters
    ----------
    x : array
        Of a numeric data type; booleans count as 0 and 1.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all, an empty sequence for none.
    dtype : data type, optional
        In which to sum. Without it, that of `x` for floating-point numbers; integers are summed in the default integer
        data type, or a larger one of theirs.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        0 where there are no elements.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.
    DtypeError
        If `dtype` is real and `x` is complex.

    References
    ----------
    Python Array API standard, ``sum``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.sum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([4., 6.])
    """
    if dtype is not None:
        x, dtype = _summed_dtype("sum", x, dtype)
    return bind(sum_p, x, axis=reduced_axes("sum", x, axis), keepdims=bool(keepdims), dtype=dtype)


def mean(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Arithmetic mean of the elements.

    Derivative: linear; every one of n elements gets the cotangent of its mean divided by n.
    The mean of no elements is NaN.

    Parameters
    ----------
    x : array
        Of a floating-point data type.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all, an empty sequence for none.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    DtypeError
        If `x` is not floating-point.
    ShapeError
        If `x` does not have the axis.

    References
    ----------
    Python Array API standard, ``mean``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1, keepdims=True)
    array([[1.5],
           [3.5]])
    """
    check_kind("mean", x, "fc", "a floating-point data type", "xp.mean(xp.astype(x, xp.float32))")
    return bind(mean_p, x, axis=reduced_axes("mean", x, axis), keepdims=bool(keepdims))


def max(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element.

    Derivative: the cotangent goes to the largest element; several that are equal share it evenly, in both modes.
    If an element is NaN the result is NaN, and the NaN elements share the cotangent.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all, an empty sequence for none.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    DtypeError
        If `x` is complex or boolean.
    ShapeError
        If `x` does not have the axis, or there are no elements to choose from.

    References
    ----------
    Python Array API standard, ``max``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.max(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=0)
    array([3., 5.])
    """
    return _extreme(max_p, x, axis, keepdims)


def min(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element.

    Derivative: the cotangent goes to the smallest element; several that are equal share it evenly, in both modes.
    If an element is NaN the result is NaN, and the NaN elements share the cotangent.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all, an empty sequence for none.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    DtypeError
        If `x` is complex or boolean.
    ShapeError
        If `x` does not have the axis, or there are no elements to choose from.

    References
    ----------
    Python Array API standard, ``min``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.min(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=0)
    array([1., 4.])
    """
    return _extreme(min_p, x, axis, keepdims)
