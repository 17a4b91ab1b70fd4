"""Statistical functions: sums and products; extremes, moments and cumulative ones from their modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import bind, case, general
from funcnet.core.dtypes import is_inexact
from funcnet.ops.axes import check_accumulator, element_count, kept_shape, native_dtype, reduced_axes, reduced_shape
from funcnet.ops.batching import along_axis
from funcnet.ops.broadcasting import cast, reshaped, sum_over, sum_p
from funcnet.ops.cumulative import cumulative_prod, cumulative_sum, products_of_others
from funcnet.ops.extremes import max, min
from funcnet.ops.manipulation import permute_dims
from funcnet.ops.moments import mean, std, var
from funcnet.ops.strong import strong_multiply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Axes = tuple[int, ...]
    Axis = int | Sequence[int] | None

__all__ = ["cumulative_prod", "cumulative_sum", "max", "mean", "min", "prod", "std", "sum", "var"]


def _others(x: Any, axis: Axes) -> Any:
    """Return, in place of each element, the product of the others along `axis`."""
    shape = x.shape
    if len(axis) == 1:
        return products_of_others(x, axis[0])
    rest = tuple([i for i in range(len(shape)) if i not in axis])
    order = rest + axis
    moved = tuple([shape[i] for i in order])
    flat = reshaped(x if not rest else permute_dims(x, order), (*moved[: len(rest)], element_count(shape, axis)))
    back = reshaped(products_of_others(flat, len(rest)), moved)
    return back if not rest else permute_dims(back, tuple([order.index(i) for i in range(len(shape))]))


def _prod_vjp(y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Callable[[Any], Any]:  # noqa: ARG001  # the rule's form
    if not axis:
        return lambda g: g
    kept = kept_shape(x.shape, axis)
    return lambda g: strong_multiply(g if keepdims else reshaped(g, kept), _others(x, axis))


def _prod_jvp(ts: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:  # noqa: ARG001  # the rule's form
    return sum_over(strong_multiply(ts[0], _others(x, axis)), axis, keepdims=keepdims) if axis else ts[0]


prod_p = general(
    "prod",
    vjp=(_prod_vjp,),
    jvp=_prod_jvp,
    shape=lambda x, *, axis, keepdims: reduced_shape(x.shape, axis, keepdims),
    result="sum",
    batch=along_axis,
    dtypes="numeric",
    cases=(
        case((2, 3), axis=(0, 1), keepdims=False),
        case((2, 3), axis=(1,), keepdims=True),
        case((2, 3, 2), axis=(0, 2), keepdims=False),
        case((), axis=(), keepdims=False),
        case((2, 0), axis=(1,), keepdims=False),
    ),
)


def _accumulated(name: str, x: Any, dtype: Any) -> tuple[Any, Any]:
    """Return `x` and the data type in which to accumulate it, None for the array's own."""
    dtype = native_dtype(x, dtype)
    if dtype is None or dtype == x.dtype:
        return x, dtype
    check_accumulator(name, x, dtype)
    if is_inexact(x.dtype) and not is_inexact(dtype):
        # Integers carry no derivative, so the conversion comes before the sum.
        return cast(x, dtype), dtype
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
        x, dtype = _accumulated("sum", x, dtype)
    return bind(sum_p, x, axis=reduced_axes("sum", x, axis), keepdims=bool(keepdims), dtype=dtype)


def prod(x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Product of the elements.

    Derivative: each element gets the cotangent times the product of all others, which is formed from the products
    before and after it. Nothing is divided, so zeros, one or many, are exact in every order.

    Parameters
    ----------
    x : array
        Of a numeric data type.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all, an empty sequence for none.
    dtype : data type, optional
        To which `x` is converted first. Without it, integers are multiplied in the default integer data type, or a
        larger one of theirs.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        1 where there are no elements.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.
    DtypeError
        If `dtype` is real and `x` is complex.

    References
    ----------
    Python Array API standard, ``prod``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.prod(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([3., 8.])
    """
    if dtype is not None:
        x, dtype = _accumulated("prod", x, dtype)
        x = cast(x, dtype)
    y = bind(prod_p, x, axis=reduced_axes("prod", x, axis), keepdims=bool(keepdims))
    return y if dtype is None else cast(y, dtype)
