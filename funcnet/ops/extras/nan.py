"""Reductions that leave out NaN, and its replacement."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING, Any

from funcnet.core.dtypes import kind
from funcnet.ops.arithmetic import divide, multiply
from funcnet.ops.axes import check_elements, check_kind, reduced_axes, reduced_shape
from funcnet.ops.broadcasting import cast, real, reshaped
from funcnet.ops.comparison import equal, greater, isinf, isnan, less, less_equal, logical_and, logical_not, where
from funcnet.ops.complex import conj, imag
from funcnet.ops.dtypes import finfo
from funcnet.ops.exponential import sqrt
from funcnet.ops.extras.inputs import complete, inexact, one_array
from funcnet.ops.searching import count_nonzero
from funcnet.ops.statistical import max, min, prod, sum

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Axis = int | Sequence[int] | None

__all__ = ["nan_to_num", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]


def nansum(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum of the elements that are not NaN; 0 where all are.

    Derivative: every element gets the cotangent of its sum; NaN elements get 0.

    Parameters
    ----------
    x : array
        Of a numeric data type.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        As that of `sum`.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> x = np.array([1.0, np.nan, 3.0])
    >>> float(xp.nansum(x))
    4.0
    >>> fn.grad(xp.nansum)(x)
    array([1., 0., 1.])
    """
    return sum(_filled(one_array(x), 0.0), axis=axis, keepdims=keepdims)


def nanprod(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Product of the elements that are not NaN; 1 where all are.

    Derivative: that of `prod`, zeros included; NaN elements get 0.

    Parameters
    ----------
    x, axis, keepdims
        As in `nansum`.

    Returns
    -------
    array
        As that of `prod`.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> float(xp.nanprod(np.array([2.0, np.nan, 3.0])))
    6.0
    """
    return prod(_filled(one_array(x), 1.0), axis=axis, keepdims=keepdims)


def nanmean(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean of the elements that are not NaN; NaN where all are.

    Derivative: every element gets its share; NaN elements get 0.

    Parameters
    ----------
    x : array
        Of a numeric data type; integers are converted to the default floating-point one.
    axis, keepdims
        As in `nansum`.

    Returns
    -------
    array
        Of a floating-point data type.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> float(xp.nanmean(np.array([1.0, np.nan, 3.0])))
    2.0
    """
    x = inexact(one_array(x))
    axes = reduced_axes("nanmean", x, axis)
    return _shared(nansum(x, axis=axes, keepdims=keepdims), _count(x, axes, keepdims), 0.0)


def nanvar(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    r"""Variance of the elements that are not NaN.

    :math:`\sum |x_i - \bar x|^2 / (n - c)` over the n elements that are not NaN; NaN where :math:`n \leq c`.

    Derivative: :math:`2 (x_i - \bar x) / (n - c)`; NaN elements get 0.

    Parameters
    ----------
    x : array
        Of a numeric data type; integers are converted to the default floating-point one.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all.
    correction : number, default 0.0
        What is taken off the number of elements.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of a real floating-point data type.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> float(xp.nanvar(np.array([1.0, np.nan, 3.0])))
    1.0
    """
    return _variance("nanvar", x, axis, correction, keepdims)


def nanstd(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    r"""Standard deviation of the elements that are not NaN.

    Derivative: :math:`(x_i - \bar x) / ((n - c)\, \sigma)`, and 0 of a constant; NaN elements get 0.

    Parameters
    ----------
    x, axis, correction, keepdims
        As in `nanvar`.

    Returns
    -------
    array
        Of a real floating-point data type.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> float(xp.nanstd(np.array([1.0, np.nan, 3.0])))
    1.0
    >>> fn.grad(xp.nanstd)(np.array([2.0, np.nan, 2.0]))
    array([0., 0., 0.])
    """
    variance = _variance("nanstd", x, axis, correction, keepdims)
    constant = equal(variance, 0.0)
    return where(constant, 0.0, sqrt(where(constant, 1.0, variance)))


def nanmax(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element that is not NaN; NaN where all are.

    Derivative: goes to the largest element, split evenly between several; NaN elements get 0.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis, keepdims
        As in `nansum`.

    Returns
    -------
    array
        Of the data type of `x`.

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
    >>> float(xp.nanmax(np.array([1.0, np.nan, 3.0])))
    3.0
    """
    return _extreme("nanmax", max, -inf, x, axis, keepdims)


def nanmin(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element that is not NaN; NaN where all are.

    Derivative: goes to the smallest element, split evenly between several; NaN elements get 0.

    Parameters
    ----------
    x, axis, keepdims
        As in `nanmax`.

    Returns
    -------
    array
        Of the data type of `x`.

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
    >>> float(xp.nanmin(np.array([1.0, np.nan, 3.0])))
    1.0
    """
    return _extreme("nanmin", min, inf, x, axis, keepdims)


def nan_to_num(x: Any, /, *, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Replace NaN and infinities by numbers.

    Derivative: 1 with respect to the elements that stay, 0 to those that are replaced.

    Parameters
    ----------
    x : array
        Of a numeric data type; of a complex one both parts are treated.
    nan : number, default 0.0
        What replaces NaN.
    posinf, neginf : number, optional
        What replaces the infinities; the largest and the smallest number of the data type if omitted.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.nan_to_num(np.array([1.0, np.nan, np.inf]), posinf=9.0)
    array([1., 0., 9.])
    """
    x = one_array(x)
    if complete(x):
        return x
    if kind(x.dtype) == "c":
        parts = [nan_to_num(part, nan=nan, posinf=posinf, neginf=neginf) for part in (real(x), imag(x))]
        return cast(parts[0] + parts[1] * 1j, x.dtype)
    largest = finfo(x.dtype).max
    y = where(isnan(x), nan, x)
    y = where(logical_and(isinf(x), greater(x, 0.0)), largest if posinf is None else posinf, y)
    return where(logical_and(isinf(x), less(x, 0.0)), -largest if neginf is None else neginf, y)


def _filled(x: Any, value: float) -> Any:
    return x if complete(x) else where(isnan(x), value, x)


def _count(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Return the number of elements that are not NaN, as floating-point numbers of the precision of `x`."""
    return cast(count_nonzero(logical_not(isnan(x)), axis=axes, keepdims=keepdims), _real_dtype(x))


def _real_dtype(x: Any) -> Any:
    return real(x[(slice(0, 0),) * len(x.shape)] if x.shape else x).dtype if kind(x.dtype) == "c" else x.dtype


def _shared(total: Any, count: Any, correction: float) -> Any:
    """Return ``total / (count - correction)``, and NaN where nothing is left to divide by."""
    count = count - float(correction)
    none = less_equal(count, 0.0)
    return where(none, nan, divide(total, where(none, 1.0, count)))


def _variance(name: str, x: Any, axis: Axis, correction: float, keepdims: bool) -> Any:
    x = inexact(one_array(x))
    axes = reduced_axes(name, x, axis)
    mean = _shared(nansum(x, axis=axes, keepdims=True), _count(x, axes, True), 0.0)
    missing = isnan(x)
    d = where(missing, 0.0, where(missing, 0.0, x) - where(isnan(mean), 0.0, mean))
    total = sum(real(multiply(d, conj(d))), axis=axes, keepdims=keepdims)
    return _shared(total, _count(x, axes, keepdims), correction)


def _extreme(name: str, function: Callable[..., Any], least: float, x: Any, axis: Axis, keepdims: bool) -> Any:
    x = one_array(x)
    check_kind(name, x, "fiu", "a real data type", f"xp.{name}(xp.abs(x))")
    axes = reduced_axes(name, x, axis)
    check_elements(name, x, axes)
    if complete(x):
        return function(x, axis=axes, keepdims=keepdims)
    none = equal(count_nonzero(logical_not(isnan(x)), axis=axes, keepdims=True), 0)
    # Of NaN alone nothing is left to compare.
    y = function(where(isnan(x), least, x), axis=axes, keepdims=True)
    y = where(none, nan, y)
    return y if keepdims else reshaped(y, reduced_shape(tuple(x.shape), axes, False))
