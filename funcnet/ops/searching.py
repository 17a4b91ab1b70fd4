"""Searching functions. Their results are integers, which carry no derivative."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet.core import Arg, bind, case, general
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.axes import check_elements, check_kind, index_dtype, one_axis, rank, reduced_axes, reduced_shape
from funcnet.ops.batched_search import search
from funcnet.ops.batching import along_axis, arg_extreme, data_dependent
from funcnet.ops.shapes import no_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["argmax", "argmin", "count_nonzero", "nonzero", "searchsorted"]

# ---------------------------------------------------------------------- declarations


def _arg_shape(x: Any, *, axis: int | None, keepdims: bool) -> tuple[int, ...]:
    if axis is None:
        return (1,) * len(x.shape) if keepdims else ()
    return reduced_shape(x.shape, (axis,), keepdims)


def _arg_impl(name: str) -> Any:
    def impl(xp: Any, x: Any, *, axis: int | None, keepdims: bool) -> Any:
        flat = xp.reshape(x, (-1,)) if axis is None else x
        y = getattr(xp, name)(flat, axis=0 if axis is None else axis)
        return xp.reshape(y, _arg_shape(x, axis=axis, keepdims=True)) if keepdims else y

    return impl


_ARGS: dict[str, Any] = {
    "vjp": None,
    "shape": _arg_shape,
    "batch": arg_extreme,
    "result": "index",
    "dtypes": "real",
    "cases": (
        case((2, 3), axis=None, keepdims=False),
        case((2, 3), axis=1, keepdims=True),
        case((2, 3), axis=None, keepdims=True),
        case((), axis=None, keepdims=False),
        case((0, 3), axis=1, keepdims=False),
    ),
}

argmax_p = general("argmax", _arg_impl("argmax"), **_ARGS)
argmin_p = general("argmin", _arg_impl("argmin"), **_ARGS)


def _count_impl(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    dtype = index_dtype(xp, x)
    ones = xp.astype(x if x.dtype == xp.bool else x != 0, dtype)
    return xp.sum(ones, axis=axis, keepdims=keepdims, dtype=dtype) if axis else ones


count_nonzero_p = general(
    "count_nonzero",
    _count_impl,
    vjp=None,
    shape=lambda x, *, axis, keepdims: reduced_shape(x.shape, axis, keepdims),
    result="index",
    batch=along_axis,
    dtypes="all",
    cases=(
        case((2, 3), axis=(0, 1), keepdims=False),
        case((2, 3), axis=(1,), keepdims=True),
        case((), axis=(), keepdims=False),
        case((2, 0), axis=(1,), keepdims=False),
    ),
)

nonzero_p = general(
    "nonzero",
    vjp=None,
    shape=no_shape("nonzero", "xp.where(condition, a, b) with the condition itself"),
    multiple=True,
    data_dependent=True,
    result="index",
    batch=data_dependent("xp.nonzero", "xp.where(condition, a, b) with the condition itself"),
    dtypes="all",
    cases=(case((3,)), case((2, 3)), case((0, 2))),
)


def _searchsorted_impl(xp: Any, x1: Any, x2: Any, *sorter: Any, side: str) -> Any:
    if not hasattr(x2, "shape"):
        x2 = xp.asarray(x2, dtype=x1.dtype if kind(x1.dtype) == "f" else None, device=x1.device)
    if x1.dtype != x2.dtype:
        dtype = xp.result_type(x1, x2)
        x1, x2 = xp.astype(x1, dtype), xp.astype(x2, dtype)
    if sorter:
        x1 = xp.take(x1, sorter[0], axis=0)
    flat = xp.reshape(x2, (-1,))
    if kind(x1.dtype) != "f":
        return xp.reshape(xp.searchsorted(x1, flat, side=side), x2.shape)
    # Sorting puts NaN last, but not every library's search expects it there.
    missing = xp.isnan(x1)
    count = _count_impl(xp, ~missing, axis=(0,), keepdims=False)
    found = xp.searchsorted(xp.where(missing, xp.full_like(x1, inf), x1), flat, side=side)
    count = xp.astype(count, found.dtype)
    last = count if side == "left" else xp.full_like(count, x1.shape[0])
    found = xp.where(xp.isnan(flat), last, xp.where(found > count, count, found))
    return xp.reshape(found, x2.shape)


searchsorted_p = general(
    "searchsorted",
    _searchsorted_impl,
    vjp=None,
    shape=lambda x1, x2, *sorter, side: getattr(x2, "shape", ()),  # noqa: ARG005  # the rule's form
    result="index",
    batch=search,
    dtypes="real",
    cases=(
        case(Arg((3,), low=0.0, high=0.0), (4,), side="left"),
        case(Arg((3,), low=0.0, high=0.0), (2, 2), side="right"),
        case(Arg((3,), low=0.0, high=0.0), (), Arg((3,), kind="int", low=0, high=3), side="left"),
    ),
)


# ---------------------------------------------------------------------- public functions


def _extreme_index(primitive: Any, x: Any, axis: int | None, keepdims: bool) -> Any:
    name = primitive.name
    if axis is not None:
        axis = one_axis(name, x, axis)
    check_kind(name, x, "fiu", "a real data type", "xp.abs(x) of complex numbers, xp.astype(x, xp.int8) of booleans")
    if 0 in x.shape:
        check_elements(name, x, tuple(range(len(x.shape))) if axis is None else (axis,))
    return bind(primitive, x, axis=axis, keepdims=bool(keepdims))


def argmax(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the first largest element.

    Derivative: none, the result is integer.
    A NaN counts as the largest element on NumPy, CuPy and PyTorch.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, optional
        Along which to search; without it, in the flattened array.
    keepdims : bool, default False
        Whether the reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of the default integer data type.

    Raises
    ------
    ShapeError
        If `x` does not have the axis, or there are no elements to choose from.
    DtypeError
        If `x` is complex or boolean.

    References
    ----------
    Python Array API standard, ``argmax``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.argmax(np.array([[1.0, 5.0, 5.0], [3.0, 2.0, 1.0]]), axis=1)
    array([1, 0])
    """
    return _extreme_index(argmax_p, x, axis, keepdims)


def argmin(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the first smallest element.

    Derivative: none, the result is integer.
    A NaN counts as the smallest element on NumPy, CuPy and PyTorch.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, optional
        Along which to search; without it, in the flattened array.
    keepdims : bool, default False
        Whether the reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of the default integer data type.

    Raises
    ------
    ShapeError
        If `x` does not have the axis, or there are no elements to choose from.
    DtypeError
        If `x` is complex or boolean.

    References
    ----------
    Python Array API standard, ``argmin``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.argmin(np.array([[1.0, 5.0, 5.0], [3.0, 2.0, 1.0]]), axis=1)
    array([0, 2])
    """
    return _extreme_index(argmin_p, x, axis, keepdims)


def count_nonzero(x: Any, /, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """Number of elements that are not zero.

    Derivative: none, the result is integer.

    Parameters
    ----------
    x : array
        Of any data type.
    axis : int, sequence of int or None, default None
        Dimensions to count over; None for all.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of the default integer data type.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.

    References
    ----------
    Python Array API standard, ``count_nonzero``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.count_nonzero(np.array([[1.0, 0.0], [2.0, 3.0]]), axis=0)
    array([2, 1])
    """
    return bind(count_nonzero_p, x, axis=reduced_axes("count_nonzero", x, axis), keepdims=bool(keepdims))


def nonzero(x: Any, /) -> tuple[Any, ...]:
    """Indices of the elements that are not zero, one array per dimension, in row-major order.

    Derivative: none, the result is integer.

    Parameters
    ----------
    x : array
        Of any data type, with at least one dimension.

    Returns
    -------
    tuple of array
        Of the default integer data type, each as long as there are such elements.

    Raises
    ------
    ShapeError
        If `x` has no dimensions.

    References
    ----------
    Python Array API standard, ``nonzero``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.nonzero(np.array([0.0, 2.0, 3.0]))
    (array([1, 2]),)
    """
    if not rank("nonzero", x):
        raise ShapeError(
            "xp.nonzero needs an array with dimensions.",
            found="shape ()",
            needed="at least one dimension",
            write="xp.nonzero(xp.reshape(x, (1,)))",
        )
    return bind(nonzero_p, x)


def searchsorted(x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Any:
    """Where elements would have to be inserted into a sorted array to keep it sorted.

    Derivative: none, the result is integer.

    Parameters
    ----------
    x1 : array
        Sorted in ascending order, NaN last, unless `sorter` is given; real, of one dimension.
    x2 : array or Python number
        What to look for; real, of any shape.
    side : str, default "left"
        Whether the index before (``"left"``) or after (``"right"``) equal elements is returned.
    sorter : array, optional
        Indices that sort `x1`.

    Returns
    -------
    array
        Of the default integer data type, in the shape of `x2`.

    Raises
    ------
    ShapeError
        If `x1` does not have one dimension, or `sorter` not its shape.
    DtypeError
        If an array is not real, or `sorter` is not integer.
    ParameterError
        If `side` is neither ``"left"`` nor ``"right"``.

    References
    ----------
    Python Array API standard, ``searchsorted``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.searchsorted(np.array([1.0, 2.0, 2.0, 3.0]), np.array([2.0, 2.5]), side="right")
    array([3, 3])
    """
    if side not in ("left", "right"):
        raise ParameterError(
            "xp.searchsorted does not know this side.", found=f"side={side!r}", needed="'left' or 'right'"
        )
    if rank("searchsorted", x1) != 1:
        raise ShapeError(
            "xp.searchsorted searches an array of one dimension.",
            found=f"shape {tuple(x1.shape)}",
            needed="one dimension",
            write="xp.searchsorted(xp.reshape(x1, (-1,)), x2)",
        )
    for x in (x1, x2):
        if hasattr(x, "dtype"):
            check_kind("searchsorted", x, "fiu", "a real data type", "xp.astype(x, ...)")
    if sorter is None:
        return bind(searchsorted_p, x1, x2, side=side)
    if kind(sorter.dtype) not in "iu":
        raise DtypeError(
            "xp.searchsorted takes indices as sorter.",
            found=f"an array of dtype {sorter.dtype}",
            needed="an integer data type",
            write="sorter=xp.argsort(x1)",
        )
    if tuple(sorter.shape) != tuple(x1.shape):
        raise ShapeError(
            "xp.searchsorted got a sorter that does not fit.",
            found=f"shape {tuple(sorter.shape)} for {tuple(x1.shape)}",
            needed="one index per element",
            write="sorter=xp.argsort(x1)",
        )
    return bind(searchsorted_p, x1, x2, sorter, side=side)
