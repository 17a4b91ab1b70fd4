"""Relatives of softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import bind, case, general
from funcnet.ops.arithmetic import multiply
from funcnet.ops.axes import one_axis
from funcnet.ops.batching import along_axis
from funcnet.ops.broadcasting import sum_over
from funcnet.ops.comparison import where
from funcnet.ops.dtypes import astype
from funcnet.ops.exponential import sqrt
from funcnet.ops.nn.declare import floating
from funcnet.ops.softmax import softmax
from funcnet.ops.strong import divide_or_zero, masked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

__all__ = ["entmax15", "softmin", "sparsemax"]


def softmin(x: Any, /, *, axis: int | Sequence[int] | None = -1) -> Any:
    r"""`softmax` of ``-x``: the smallest entry has the greatest weight.

    Derivative: minus that of softmax; the cotangent is :math:`-y (g - \sum_j g_j y_j)`.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, sequence of int or None, default -1
        Axis or axes along which the result sums to one; None for all.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    DtypeError
        If `x` is complex.
    ShapeError
        If there is no such axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.softmin(np.array([1000.0, 1000.0, np.inf]))
    array([0.5, 0.5, 0. ])
    """
    return softmax(-floating("softmin", x), axis=axis)


def _impl(xp: Any, x: Any, *, axis: tuple[int, ...]) -> Any:
    if not axis:
        return xp.ones_like(x)
    (at,) = axis
    size = x.shape[at]
    if not size:
        return x
    # What is added to all entries does not matter; without it, large ones would cost digits.
    x = x - xp.max(x, axis=at, keepdims=True)
    z = xp.sort(x, axis=at, descending=True)
    steps = xp.astype(xp.arange(1, size + 1, device=x.device), x.dtype)
    k = xp.reshape(steps, tuple([size if i == at else 1 for i in range(x.ndim)]))
    total = xp.cumulative_sum(z, axis=at)
    inside = 1.0 + k * z > total
    count = xp.sum(xp.astype(inside, x.dtype), axis=at, keepdims=True)
    kept = xp.sum(xp.where(inside, z, 0.0), axis=at, keepdims=True)
    y = x - (kept - 1.0) / count
    return xp.where(y > 0, y, xp.zeros_like(y))


def _pull(y: Any, axis: tuple[int, ...]) -> Callable[[Any], Any]:
    # The Jacobian projects on the simplex's face where the result lies; it is symmetric.
    if not axis:
        return lambda g: 0.0 * g
    support = y > 0
    count = sum_over(astype(support, y.dtype), axis, keepdims=True)

    def pull(g: Any) -> Any:
        chosen = masked(g, support)
        return masked(g - divide_or_zero(sum_over(chosen, axis, keepdims=True), count), support)

    return pull


def _projection(name: str, impl: Callable[..., Any], pull: Callable[..., Callable[[Any], Any]]) -> Primitive:
    """Declare a projection of an axis on the simplex: its Jacobian is symmetric, and follows from the result."""
    return general(
        name,
        impl,
        vjp=(lambda y, x, *, axis: pull(y, axis),),  # noqa: ARG005  # the rule's form
        jvp=lambda ts, y, x, *, axis: pull(y, axis)(ts[0]),  # noqa: ARG005  # the rule's form
        shape=lambda x, *, axis: x.shape,  # noqa: ARG005  # the rule's form
        batch=along_axis,
        dtypes="real floating",
        cases=(
            case((2, 3), axis=(1,)),
            case((4, 2), axis=(0,)),
            case((), axis=()),
            case((2, 0), axis=(1,)),
        ),
    )


sparsemax_p = _projection("sparsemax", _impl, _pull)


def sparsemax(x: Any, /, *, axis: int = -1) -> Any:
    r"""Euclidean projection of an axis on the probability simplex: like softmax, but most entries are exactly 0.

    :math:`y = \arg\min_{p \ge 0, \sum p = 1} \|p - x\|^2`.

    Derivative: on the entries that are not 0, the cotangent less its mean over them; 0 elsewhere. Where an entry is
    just about to leave 0 it counts as 0.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, default -1
        The axis.

    Returns
    -------
    array
        Of the shape of `x`; not negative, with the sum 1 along the axis.

    Raises
    ------
    DtypeError
        If `x` is complex.
    ShapeError
        If there is no such axis.

    References
    ----------
    .. [1] A. F. T. Martins, R. F. Astudillo, "From Softmax to Sparsemax", arXiv:1602.02068, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.sparsemax(np.array([1.0, 0.5, -3.0]))
    array([0.75, 0.25, 0.  ])
    """
    x = floating("sparsemax", x)
    return bind(sparsemax_p, x, axis=(one_axis("sparsemax", x, axis),) if x.shape else ())


def _entmax_impl(xp: Any, x: Any, *, axis: tuple[int, ...]) -> Any:
    if not axis:
        return xp.ones_like(x)
    (at,) = axis
    size = x.shape[at]
    if not size:
        return x
    # Half of x less its maximum. The result is max(x - t, 0)**2, in which t is such that it sums to 1: if the k largest
    # entries are kept, the smaller solution of a quadratic equation in their mean and their sum of squared differences.
    # Entries below -1 are never kept, however small; clipped, their squares do not overflow.
    x = xp.clip(0.5 * (x - xp.max(x, axis=at, keepdims=True)), -2.0, 0.0)
    z = xp.sort(x, axis=at, descending=True)
    steps = xp.astype(xp.arange(1, size + 1, device=x.device), x.dtype)
    k = xp.reshape(steps, tuple([size if i == at else 1 for i in range(x.ndim)]))
    mean = xp.cumulative_sum(z, axis=at) / k
    spread = xp.cumulative_sum(z * z, axis=at) - k * mean * mean
    rest = (1.0 - spread) / k
    bounds = mean - xp.sqrt(xp.where(rest > 0, rest, xp.zeros_like(rest)))
    inside = xp.astype(bounds <= z, x.dtype)
    count = xp.sum(inside, axis=at, keepdims=True)
    bound = xp.sum(xp.where(k == count, bounds, xp.zeros_like(bounds)), axis=at, keepdims=True)
    d = x - bound
    d = xp.where(d > 0, d, xp.zeros_like(d))
    return d * d


def _entmax_pull(y: Any, axis: tuple[int, ...]) -> Callable[[Any], Any]:
    # The Jacobian is diag(s) - s s^T / sum(s) with s the root of the result; it is symmetric.
    if not axis:
        return lambda g: 0.0 * g
    s = _root(y)
    total = sum_over(s, axis, keepdims=True)
    return lambda g: multiply(s, g - divide_or_zero(sum_over(g * s, axis, keepdims=True), total))


def _root(y: Any) -> Any:
    # Where y is 0 nothing depends on it, so that the infinite slope of the root must not count.
    kept = y > 0
    return masked(sqrt(where(kept, y, 1.0)), kept)


entmax15_p = _projection("entmax15", _entmax_impl, _entmax_pull)


def entmax15(x: Any, /, *, axis: int = -1) -> Any:
    r"""Between softmax and `sparsemax`: the entmax of order 1.5, of which small entries are exactly 0.

    :math:`y_i = \max(x_i / 2 - t, 0)^2` with the :math:`t` for which the sum is 1.

    Derivative: with :math:`s = \sqrt{y}` the cotangent is
    :math:`s (g - \sum_j g_j s_j / \sum_j s_j)`; it is continuous.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, default -1
        The axis.

    Returns
    -------
    array
        Of the shape of `x`; not negative, with the sum 1 along the axis.

    Raises
    ------
    DtypeError
        If `x` is complex.
    ShapeError
        If there is no such axis.

    References
    ----------
    .. [1] B. Peters, V. Niculae, A. F. T. Martins, "Sparse Sequence-to-Sequence Models", arXiv:1905.05702, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.entmax15(np.array([1.0, 1.0, -3.0]))
    array([0.5, 0.5, 0. ])
    """
    x = floating("entmax15", x)
    return bind(entmax15_p, x, axis=(one_axis("entmax15", x, axis),) if x.shape else ())
