"""Reductions of ``scipy.special``: the logarithm of a sum of exponentials, with weights, and softmax."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet.ops.axes import reduced_axes
from funcnet.ops.broadcasting import reshaped, sum_over
from funcnet.ops.comparison import isfinite, where
from funcnet.ops.complex import abs as magnitude
from funcnet.ops.complex import sign
from funcnet.ops.exponential import exp, log
from funcnet.ops.extremes import max as maximum_of
from funcnet.ops.softmax import log_softmax as log_softmax_of
from funcnet.ops.softmax import logsumexp as logsumexp_of
from funcnet.ops.softmax import softmax as softmax_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    Axis = int | Sequence[int] | None

__all__ = ["log_softmax", "logsumexp", "softmax"]


def softmax(x: Any, /, axis: Axis = None) -> Any:
    """Exponentials normalised to sum to one; `funcnet.xp.softmax` with SciPy's default of all axes.

    Derivative: see `funcnet.xp.softmax`.

    Parameters
    ----------
    x : array
        Of a real floating-point data type.
    axis : int, sequence of int or None, default None
        Dimensions along which the result sums to one; None for all.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.special.softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    return softmax_of(x, axis=axis)


def log_softmax(x: Any, /, axis: Axis = None) -> Any:
    """Logarithm of `softmax`; `funcnet.xp.log_softmax` with SciPy's default of all axes.

    Derivative: see `funcnet.xp.log_softmax`.

    Parameters
    ----------
    x, axis
        As in `softmax`.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.special.log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    return log_softmax_of(x, axis=axis)


def logsumexp(a: Any, /, axis: Axis = None, b: Any = None, *, keepdims: bool = False, return_sign: bool = False) -> Any:
    """Logarithm of a sum of exponentials with weights, without overflow.

    Derivative: by `a` the share of each term in the sum, by `b` that over `b`.

    Parameters
    ----------
    a : array
        Of a real floating-point data type.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all.
    b : array, optional
        Weights of the exponentials, which broadcast with `a`; 1 without it. Where it is 0, `a` does not count.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.
    return_sign : bool, default False
        Whether to return the logarithm of the sum's absolute value and its sign, for weights that may be negative.

    Returns
    -------
    array, or tuple of two arrays
        NaN where the sum is negative and `return_sign` is not set.

    References
    ----------
    SciPy, ``logsumexp``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> print(f"{xp.special.logsumexp(np.array([1000.0, 1000.0]), b=0.5):.10g}")
    1000
    """
    if b is None and not return_sign:
        return logsumexp_of(a, axis=axis, keepdims=keepdims)
    b = 1.0 if b is None else b
    weights = b + 0.0 * where(isfinite(a), a, 0.0)
    a = where(weights != 0, a + 0.0 * weights, -inf)
    axes = reduced_axes("special.logsumexp", a, axis)
    peak = maximum_of(a, axis=axes, keepdims=True)
    peak = where(isfinite(peak), peak, 0.0)
    total = sum_over(weights * exp(a - peak), axes, keepdims=True)
    out = log(magnitude(total) if return_sign else total) + peak
    if not keepdims:
        shape = tuple([n for i, n in enumerate(a.shape) if i not in axes])
        out, total = reshaped(out, shape), reshaped(total, shape)
    return (out, sign(total)) if return_sign else out
