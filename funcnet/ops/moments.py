"""Mean, variance and standard deviation."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends
from funcnet.core import Spec, bind, case, general, linear, owner
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import ParameterError
from funcnet.ops.arithmetic import multiply
from funcnet.ops.axes import element_count, kept_shape, reduced_axes, reduced_shape
from funcnet.ops.batching import along_axis
from funcnet.ops.broadcasting import broadcast_to, cast, real, reshaped, sum_over
from funcnet.ops.complex import conj
from funcnet.ops.strong import divide_or_zero

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Axes = tuple[int, ...]
    Axis = int | Sequence[int] | None

__all__ = ["centered", "mean", "std", "var"]

_CASES = (
    {"axis": (0, 1), "keepdims": False},
    {"axis": (1,), "keepdims": True},
    {"axis": (0,), "keepdims": False},
)


def _reduced(x: Any, *, axis: Axes, keepdims: bool) -> tuple[int, ...]:
    return reduced_shape(x.shape, axis, keepdims)


# ---------------------------------------------------------------------- the mean, and the distance from it


def _mean_impl(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    if element_count(x.shape, axis):
        return xp.mean(x, axis=axis, keepdims=keepdims)
    # The mean of nothing is NaN, without a library's warning about 0 / 0.
    return xp.sum(x, axis=axis, keepdims=keepdims) + nan


def _mean_transpose(y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Callable[[Any], Any]:  # noqa: ARG001
    if not axis:
        return lambda g: g
    shape = x.shape
    n = element_count(shape, axis)
    kept = kept_shape(shape, axis)
    if keepdims or not kept:
        return lambda g: broadcast_to(g / n, shape)
    return lambda g: broadcast_to(reshaped(g / n, kept), shape)


mean_p = linear(
    "mean",
    _mean_impl,
    transpose=(_mean_transpose,),
    shape=_reduced,
    batch=along_axis,
    dtypes="floating",
    cases=(
        *[case((2, 3), **c) for c in _CASES],
        case((), axis=(), keepdims=False),
        case((2, 3), axis=(), keepdims=False),
    ),
)


def _centered_impl(xp: Any, x: Any, *, axis: Axes) -> Any:
    if 0 in x.shape:
        return x
    d = x - xp.mean(x, axis=axis, keepdims=True)
    # The mean of the differences is the rounding error of the first mean. Without it, a constant would be off by that.
    return d - xp.mean(d, axis=axis, keepdims=True)


centered_p = linear(
    "centered",
    _centered_impl,
    # A symmetric projection.
    transpose=(lambda y, x, *, axis: lambda g: centered(g, axis),),  # noqa: ARG005  # the rule's form
    shape=lambda x, *, axis: x.shape,  # noqa: ARG005  # the rule's form
    internal=True,
    batch=along_axis,
    dtypes="floating",
    cases=(case((2, 3), axis=(1,)), case((2, 3), axis=(0, 1)), case((), axis=()), case((2, 0), axis=(1,))),
)


def centered(x: Any, axis: Axes) -> Any:
    """Return `x` less its mean over `axis`, a tuple of non-negative dimensions; exactly 0 for a constant."""
    return bind(centered_p, x, axis=axis)


# ---------------------------------------------------------------------- variance and standard deviation


def _squared(xp: Any, d: Any) -> Any:
    return xp.real(d) ** 2 + xp.imag(d) ** 2 if kind(d.dtype) == "c" else d * d


def _var_impl(xp: Any, x: Any, *, axis: Axes, correction: float, keepdims: bool) -> Any:
    total = xp.sum(_squared(xp, _centered_impl(xp, x, axis=axis)), axis=axis, keepdims=keepdims)
    free = element_count(x.shape, axis) - correction
    return total / free if free > 0 else total + nan


def _std_impl(xp: Any, x: Any, *, axis: Axes, correction: float, keepdims: bool) -> Any:
    free = element_count(x.shape, axis) - correction
    d = _centered_impl(xp, x, axis=axis)
    if not free > 0 or 0 in x.shape:
        return xp.sum(_squared(xp, d), axis=axis, keepdims=keepdims) + nan
    # Squares are formed in units of the largest difference, so that they neither overflow nor vanish.
    unit = xp.max(xp.abs(d), axis=axis, keepdims=True)
    unit = xp.where((unit == 0) | ~xp.isfinite(unit), xp.ones_like(unit), unit)
    y = unit * xp.sqrt(xp.sum(_squared(xp, d / unit), axis=axis, keepdims=True) / free)
    return y if keepdims else xp.reshape(y, reduced_shape(x.shape, axis, False))


def _real_spec(x: Any, *, axis: Axes, correction: float, keepdims: bool) -> Any:  # noqa: ARG001  # the rule's form
    shape = reduced_shape(x.shape, axis, keepdims)
    if kind(x.dtype) != "c":
        return shape
    backend = owner(x)
    return Spec(shape, {"complex64": "float32", "complex128": "float64"}[backend.dtype_name(x.dtype)], backend)


def _freedom(x: Any, axis: Axes, correction: float) -> float:
    """Return the divisor, NaN where there are no degrees of freedom."""
    free = element_count(x.shape, axis) - correction
    return free if free > 0 else nan


def _var_vjp(y: Any, x: Any, *, axis: Axes, correction: float, keepdims: bool) -> Callable[[Any], Any]:  # noqa: ARG001
    scale = 2.0 / _freedom(x, axis, correction)
    kept = kept_shape(x.shape, axis)
    return lambda g: (g * scale if keepdims else reshaped(g * scale, kept)) * _conjugate(centered(x, axis))


def _var_jvp(ts: Any, y: Any, x: Any, *, axis: Axes, correction: float, keepdims: bool) -> Any:  # noqa: ARG001
    return _along(ts[0], x, axis, keepdims) * (2.0 / _freedom(x, axis, correction))


def _std_vjp(y: Any, x: Any, *, axis: Axes, correction: float, keepdims: bool) -> Callable[[Any], Any]:
    scale = 1.0 / _freedom(x, axis, correction)
    kept = kept_shape(x.shape, axis)

    def pull(g: Any) -> Any:
        # A constant has no direction in which its deviation grows more than in the opposite one: the derivative is 0.
        weight = divide_or_zero(g * scale, y)
        return (weight if keepdims else reshaped(weight, kept)) * _conjugate(centered(x, axis))

    return pull


def _std_jvp(ts: Any, y: Any, x: Any, *, axis: Axes, correction: float, keepdims: bool) -> Any:
    return divide_or_zero(_along(ts[0], x, axis, keepdims) * (1.0 / _freedom(x, axis, correction)), y)


def _conjugate(d: Any) -> Any:
    return conj(d) if kind(d.dtype) == "c" else d


def _along(t: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    return sum_over(real(multiply(_conjugate(centered(x, axis)), t)), axis, keepdims=keepdims)


_SPREAD_CASES = (
    *[case((2, 3), correction=0, **c) for c in _CASES],
    case((2, 3), axis=(1,), correction=1, keepdims=False),
    case((3, 2, 2), axis=(0, 2), correction=0.5, keepdims=True),
)

var_p = general(
    "var",
    _var_impl,
    vjp=(_var_vjp,),
    jvp=_var_jvp,
    shape=_real_spec,
    batch=along_axis,
    dtypes="floating",
    cases=_SPREAD_CASES,
)
std_p = general(
    "std",
    _std_impl,
    vjp=(_std_vjp,),
    jvp=_std_jvp,
    shape=_real_spec,
    batch=along_axis,
    dtypes="floating",
    cases=_SPREAD_CASES,
)


# ---------------------------------------------------------------------- public functions


def _inexact(x: Any) -> Any:
    """Return integers and booleans as default floating-point numbers."""
    if is_inexact(x.dtype):
        return x
    return cast(x, owner(x).dtype(backends.current().dtype))


def _spread(primitive: Any, x: Any, axis: Axis, correction: float, keepdims: bool) -> Any:
    if isinstance(correction, bool) or not isinstance(correction, (int, float, np.integer, np.floating)):
        raise ParameterError(
            f"xp.{primitive.name} takes a number as correction.",
            found=f"{type(correction).__name__}: {correction!r}",
            needed="an int or a float",
            write="correction=1 for the sample's own estimate of a population",
        )
    axes = reduced_axes(primitive.name, x, axis)
    return bind(primitive, _inexact(x), axis=axes, correction=correction, keepdims=bool(keepdims))


def mean(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Arithmetic mean of the elements.

    Derivative: linear; every one of n elements gets the cotangent of its mean divided by n.
    The mean of no elements is NaN.

    Parameters
    ----------
    x : array
        Of a floating-point data type; integers and booleans are converted to the default one.
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
    axes = reduced_axes("mean", x, axis)
    if not is_inexact(x.dtype):
        x = _inexact(x)
    return bind(mean_p, x, axis=axes, keepdims=bool(keepdims))


def var(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    r"""Variance of the elements.

    :math:`y = \frac{1}{n - c} \sum_i |x_i - \bar x|^2` for n elements and correction c.

    Derivative: the cotangent is :math:`\frac{2}{n - c} g\, (x_i - \bar x)`, conjugated for complex arrays.
    The result is NaN where n - c is not positive.

    Parameters
    ----------
    x : array
        Of a floating-point data type; integers and booleans are converted to the default one.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all, an empty sequence for none.
    correction : float, default 0
        Degrees of freedom that are taken off the number of elements; 1 for Bessel's correction.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Real, with the precision of `x`.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.
    ParameterError
        If `correction` is not a number.

    References
    ----------
    Python Array API standard, ``var``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.var(np.array([[1.0, 3.0], [2.0, 2.0]]), axis=1)
    array([1., 0.])
    """
    return _spread(var_p, x, axis, correction, keepdims)


def std(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    r"""Standard deviation of the elements, the square root of `var`.

    Derivative: the cotangent is :math:`g\, (x_i - \bar x) / ((n - c)\, y)`, conjugated for complex arrays.
    Where all elements are equal, y is 0 and so is the derivative, of every order. Squares are scaled so that they
    neither overflow nor vanish. The result is NaN where n - c is not positive.

    Parameters
    ----------
    x : array
        Of a floating-point data type; integers and booleans are converted to the default one.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all, an empty sequence for none.
    correction : float, default 0
        Degrees of freedom that are taken off the number of elements; 1 for Bessel's correction.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Real, with the precision of `x`.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.
    ParameterError
        If `correction` is not a number.

    References
    ----------
    Python Array API standard, ``std``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.std(np.array([[1.0, 3.0], [2.0, 2.0]]), axis=1)
    array([1., 0.])
    """
    return _spread(std_p, x, axis, correction, keepdims)
