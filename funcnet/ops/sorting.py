"""Sorting functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Arg, bind, case, general
from funcnet.ops.along import take_along_axis
from funcnet.ops.axes import check_kind, index_dtype, one_axis
from funcnet.ops.batching import along_axis, ordering

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["argsort", "sort"]


def _sortable(xp: Any, x: Any) -> Any:
    """Return booleans as integers, which every library sorts."""
    return xp.astype(x, xp.uint8) if x.dtype == xp.bool else x


def _argsort_impl(xp: Any, x: Any, *, axis: int, descending: bool, stable: bool) -> Any:
    if not x.shape:
        return xp.zeros((), dtype=index_dtype(xp, x), device=x.device)
    return xp.argsort(_sortable(xp, x), axis=axis, descending=descending, stable=stable)


def _sort_impl(xp: Any, x: Any, *, axis: int, descending: bool, stable: bool) -> Any:
    if not x.shape:
        return x
    return xp.astype(xp.sort(_sortable(xp, x), axis=axis, descending=descending, stable=stable), x.dtype, copy=False)


def _order(x: Any, axis: int, descending: bool) -> Any:
    return bind(argsort_p, x, axis=axis, descending=descending, stable=True)


def _places(order: Any, axis: int) -> Any:
    """Return the inverse of a permutation along `axis`: where each element went."""
    return bind(inverse_p, order, axis=axis)


def _sort_vjp(y: Any, x: Any, *, axis: int, descending: bool, stable: bool) -> Callable[[Any], Any]:  # noqa: ARG001
    if not x.shape:
        return lambda g: g
    return lambda g: take_along_axis(g, _places(_order(x, axis, descending), axis), axis=axis)


def _sort_jvp(ts: Any, y: Any, x: Any, *, axis: int, descending: bool, stable: bool) -> Any:  # noqa: ARG001
    return take_along_axis(ts[0], _order(x, axis, descending), axis=axis) if x.shape else ts[0]


def _shape(x: Any, *, axis: int, descending: bool, stable: bool) -> tuple[int, ...]:  # noqa: ARG001  # the rule's form
    return x.shape


_CASES = (
    case(Arg((5,), distinct=True), axis=0, descending=False, stable=True),
    case(Arg((2, 3), distinct=True), axis=1, descending=True, stable=True),
    case(Arg((3, 2), distinct=True), axis=0, descending=False, stable=False),
    case((2, 0), axis=1, descending=False, stable=True),
)

inverse_p = general(
    "inverse_permutation",
    # What sorts a permutation is its inverse.
    lambda xp, order, *, axis: xp.argsort(order, axis=axis, stable=True),
    vjp=None,
    shape=lambda order, *, axis: order.shape,  # noqa: ARG005  # the rule's form
    result="first",
    internal=True,
    batch=along_axis,
    dtypes="integer or boolean",
    cases=(case(Arg((1,), kind="int", low=0, high=1), axis=0), case(Arg((3, 1), kind="int", low=0, high=1), axis=1)),
)

argsort_p = general(
    "argsort",
    _argsort_impl,
    vjp=None,
    shape=_shape,
    result="index",
    batch=ordering,
    dtypes="real or boolean",
    cases=_CASES,
)

sort_p = general(
    "sort",
    _sort_impl,
    vjp=(_sort_vjp,),
    jvp=_sort_jvp,
    shape=_shape,
    result="first",
    batch=ordering,
    dtypes="real or boolean",
    cases=_CASES,
)


def _ordered(primitive: Any, x: Any, axis: int, descending: bool, stable: bool) -> Any:
    name = primitive.name
    check_kind(name, x, "fiub", "a real data type", f"xp.{name}(xp.abs(x)) or xp.{name}(xp.real(x))")
    # An array without dimensions is sorted, as in NumPy; any other axis than its only one is an error there, too.
    axis = 0 if not x.shape and axis in (-1, 0) else one_axis(name, x, axis)
    return bind(primitive, x, axis=axis, descending=bool(descending), stable=bool(stable))


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """Indices that sort an array along an axis.

    Derivative: none, the result is integer.
    NaN counts as larger than every number: it comes last, or first if `descending`.

    Parameters
    ----------
    x : array
        Of a real or boolean data type.
    axis : int, default -1
        Along which to sort.
    descending : bool, default False
        Whether the largest comes first.
    stable : bool, default True
        Whether equal elements keep their order.

    Returns
    -------
    array
        Of the default integer data type, in the shape of `x`.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.
    DtypeError
        If `x` is complex.

    References
    ----------
    Python Array API standard, ``argsort``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.argsort(np.array([3.0, 1.0, 2.0, 3.0]), descending=True)
    array([0, 3, 2, 1])
    """
    return _ordered(argsort_p, x, axis, descending, stable)


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """Sorted copy of an array.

    Derivative: a permutation; each cotangent goes back to where its element came from. Equal elements, between which
    the derivative jumps, are taken in their original order.
    NaN counts as larger than every number: it comes last, or first if `descending`.

    Parameters
    ----------
    x : array
        Of a real or boolean data type.
    axis : int, default -1
        Along which to sort.
    descending : bool, default False
        Whether the largest comes first.
    stable : bool, default True
        Whether equal elements keep their order, which shows in signed zeros only.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.
    DtypeError
        If `x` is complex.

    References
    ----------
    Python Array API standard, ``sort``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.sort(np.array([[3.0, 1.0], [2.0, 4.0]]), axis=1, descending=True)
    array([[3., 1.],
           [4., 2.]])
    """
    return _ordered(sort_p, x, axis, descending, stable)
