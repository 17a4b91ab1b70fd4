"""Stable softmax, its logarithm, and the logarithm of a sum of exponentials."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet.core import bind, case, general
from funcnet.ops.arithmetic import multiply
from funcnet.ops.axes import check_kind, reduced_axes, reduced_shape
from funcnet.ops.batching import along_axis
from funcnet.ops.broadcasting import reshaped, sum_over
from funcnet.ops.exponential import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Axes = tuple[int, ...]

__all__ = ["log_softmax", "logsumexp", "softmax"]


def _shifted(xp: Any, x: Any, axis: Axes) -> tuple[Any, Any]:
    """Return x less its maximum, and the maximum, so that no exponential overflows and infinities cancel."""
    if any(x.shape[a] == 0 for a in axis):
        # The maximum of nothing has no value in the standard.
        peak = xp.full(reduced_shape(x.shape, axis, True), -inf, dtype=x.dtype, device=x.device)
        return x, peak
    peak = xp.max(x, axis=axis, keepdims=True)
    zero = xp.zeros_like(peak)
    top = peak == inf
    # Beside an entry of +inf nothing else counts, and such entries are all alike.
    x = xp.where(top, xp.where(x == inf, zero, zero - inf), x)
    return x - xp.where(xp.isinf(peak), zero, peak), peak


def _total(xp: Any, e: Any, axis: Axes) -> Any:
    """Return the sum of exponentials, 1 where all of them are zero."""
    total = xp.sum(e, axis=axis, keepdims=True)
    return xp.where(total == 0, xp.ones_like(total), total)


def _softmax_impl(xp: Any, x: Any, *, axis: Axes) -> Any:
    e = xp.exp(_shifted(xp, x, axis)[0])
    return e / _total(xp, e, axis)


def _log_softmax_impl(xp: Any, x: Any, *, axis: Axes) -> Any:
    d, _ = _shifted(xp, x, axis)
    return d - xp.log(_total(xp, xp.exp(d), axis))


def _logsumexp_impl(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    d, peak = _shifted(xp, x, axis)
    y = xp.log(_total(xp, xp.exp(d), axis)) + peak
    return y if keepdims else xp.reshape(y, reduced_shape(x.shape, axis, False))


def _softmax_pull(y: Any, axis: Axes) -> Callable[[Any], Any]:
    # The Jacobian diag(y) - y y^T is symmetric, so this serves both directions.
    return lambda g: multiply(y, g - sum_over(g * y, axis, keepdims=True))


softmax_p = general(
    "softmax",
    _softmax_impl,
    vjp=(lambda y, x, *, axis: _softmax_pull(y, axis),),  # noqa: ARG005  # the rule's form
    jvp=lambda ts, y, x, *, axis: _softmax_pull(y, axis)(ts[0]),  # noqa: ARG005  # the rule's form
    shape=lambda x, *, axis: x.shape,  # noqa: ARG005  # the rule's form
    batch=along_axis,
    dtypes="real floating",
    cases=(case((2, 3), axis=(1,)), case((2, 3), axis=(0, 1)), case((), axis=()), case((2, 0), axis=(1,))),
)


def _log_softmax_vjp(y: Any, x: Any, *, axis: Axes) -> Callable[[Any], Any]:  # noqa: ARG001  # the rule's form
    return lambda g: g - multiply(exp(y), sum_over(g, axis, keepdims=True))


def _log_softmax_jvp(ts: Any, y: Any, x: Any, *, axis: Axes) -> Any:  # noqa: ARG001  # the rule's form
    return ts[0] - sum_over(multiply(exp(y), ts[0]), axis, keepdims=True)


log_softmax_p = general(
    "log_softmax",
    _log_softmax_impl,
    vjp=(_log_softmax_vjp,),
    jvp=_log_softmax_jvp,
    shape=lambda x, *, axis: x.shape,  # noqa: ARG005  # the rule's form
    batch=along_axis,
    dtypes="real floating",
    cases=(case((2, 3), axis=(1,)), case((2, 3), axis=(0, 1)), case((), axis=()), case((2, 0), axis=(1,))),
)


def _logsumexp_vjp(y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Callable[[Any], Any]:  # noqa: ARG001
    kept = reduced_shape(x.shape, axis, True)
    return lambda g: (g if keepdims else reshaped(g, kept)) * softmax(x, axis=axis)


def _logsumexp_jvp(ts: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:  # noqa: ARG001
    return sum_over(multiply(softmax(x, axis=axis), ts[0]), axis, keepdims=keepdims)


logsumexp_p = general(
    "logsumexp",
    _logsumexp_impl,
    vjp=(_logsumexp_vjp,),
    jvp=_logsumexp_jvp,
    shape=lambda x, *, axis, keepdims: reduced_shape(x.shape, axis, keepdims),
    batch=along_axis,
    dtypes="real floating",
    cases=(
        case((2, 3), axis=(1,), keepdims=False),
        case((2, 3), axis=(0, 1), keepdims=True),
        case((), axis=(), keepdims=False),
        case((2, 0), axis=(1,), keepdims=False),
    ),
)


def _floating(name: str, x: Any) -> None:
    check_kind(name, x, "f", "a real floating-point data type", "xp.astype(x, xp.float32)")


def softmax(x: Any, /, *, axis: int | Sequence[int] | None = -1) -> Any:
    r"""Exponentials normalised to sum to one.

    :math:`y_i = e^{x_i} / \sum_j e^{x_j}`, computed from :math:`x - \max x`, so that nothing overflows.

    Derivative: the cotangent is :math:`y (g - \sum_j g_j y_j)`; only the result is kept for it.
    Entries of -inf get 0. Along an axis of -inf alone every entry gets 0, and so does its derivative: what is masked
    out completely has no weight. Entries of +inf share the weight evenly. A NaN makes its whole group NaN.

    Parameters
    ----------
    x : array
        Of a real floating-point data type.
    axis : int, sequence of int or None, default -1
        Dimensions along which the result sums to one; None for all.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    DtypeError
        If `x` is not real floating-point.
    ShapeError
        If `x` does not have the axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.softmax(np.array([1000.0, 1000.0, -np.inf]))
    array([0.5, 0.5, 0. ])
    """
    _floating("softmax", x)
    return bind(softmax_p, x, axis=reduced_axes("softmax", x, axis))


def log_softmax(x: Any, /, *, axis: int | Sequence[int] | None = -1) -> Any:
    r"""Logarithm of `softmax`, exact where the probabilities underflow.

    :math:`y_i = x_i - \log \sum_j e^{x_j}`.

    Derivative: the cotangent is :math:`g - e^y \sum_j g_j`; only the result is kept for it.
    Entries of -inf stay -inf, also where all entries are. Where k entries are +inf they get -log k, the others -inf.

    Parameters
    ----------
    x : array
        Of a real floating-point data type.
    axis : int, sequence of int or None, default -1
        Dimensions along which the exponentials sum to one; None for all.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    DtypeError
        If `x` is not real floating-point.
    ShapeError
        If `x` does not have the axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    _floating("log_softmax", x)
    return bind(log_softmax_p, x, axis=reduced_axes("log_softmax", x, axis))


def logsumexp(x: Any, /, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    r"""Logarithm of the sum of exponentials, without overflow.

    :math:`y = m + \log \sum_j e^{x_j - m}` with :math:`m = \max x`.

    Derivative: the cotangent is :math:`g` times `softmax` of `x`.
    The result is -inf where all entries are, or where there are none, and its derivative there is 0; it is +inf where
    an entry is, and such entries share the derivative evenly.

    Parameters
    ----------
    x : array
        Of a real floating-point data type.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    DtypeError
        If `x` is not real floating-point.
    ShapeError
        If `x` does not have the axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> float(xp.logsumexp(np.array([1000.0, 1000.0])))
    1000.69314718...
    """
    _floating("logsumexp", x)
    return bind(logsumexp_p, x, axis=reduced_axes("logsumexp", x, axis), keepdims=bool(keepdims))
