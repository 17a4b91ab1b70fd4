"""Comparisons of whole arrays and up to a tolerance."""

from __future__ import annotations

from typing import Any

from funcnet.ops.arithmetic import subtract
from funcnet.ops.comparison import equal, isfinite, isnan, less_equal, logical_and, logical_or, where
from funcnet.ops.complex import abs
from funcnet.ops.creation import zeros_like
from funcnet.ops.extras.inputs import arrays_of, complete, inexact
from funcnet.ops.utility import all

__all__ = ["allclose", "array_equal", "isclose"]


def isclose(a: Any, b: Any, /, *, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    r"""Whether elements are equal up to a tolerance: :math:`|a - b| \leq t + r\, |b|`.

    Derivative: none, the result is boolean.
    Infinities are close to themselves only.

    Parameters
    ----------
    a, b : array
        Of numeric data types; their shapes broadcast.
    rtol, atol : float, default 1e-5 and 1e-8
        The relative and the absolute tolerance.
    equal_nan : bool, default False
        Whether NaN is close to NaN.

    Returns
    -------
    array
        Of bool.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.isclose(np.array([1.0, np.inf]), np.array([1.0 + 1e-9, 1.0]))
    array([ True, False])
    """
    a, b = [inexact(x) for x in arrays_of(a, b)]
    finite = logical_and(isfinite(a), isfinite(b))
    zero = zeros_like(b)
    near = less_equal(abs(subtract(where(finite, a, zero), where(finite, b, zero))), abs(b) * rtol + atol)
    close = logical_or(equal(a, b), logical_and(finite, near))
    return logical_or(close, logical_and(isnan(a), isnan(b))) if equal_nan else close


def allclose(a: Any, b: Any, /, *, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether all elements are equal up to a tolerance; see `isclose`.

    Derivative: none, the result is boolean.

    Parameters
    ----------
    a, b, rtol, atol, equal_nan
        As in `isclose`.

    Returns
    -------
    array
        Of bool, without dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> bool(xp.allclose(np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-9])))
    True
    """
    return all(isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan))


def array_equal(a: Any, b: Any, /, *, equal_nan: bool = False) -> Any:
    """Whether two arrays have one shape and equal elements.

    Derivative: none, the result is boolean.

    Parameters
    ----------
    a, b : array
        Of any data types.
    equal_nan : bool, default False
        Whether NaN equals NaN.

    Returns
    -------
    array or bool
        Of bool, without dimensions; False where the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> bool(xp.array_equal(np.array([1.0, 2.0]), np.array([1.0, 2.0])))
    True
    """
    a, b = arrays_of(a, b)
    if tuple(a.shape) != tuple(b.shape):
        return False
    same = equal(a, b)
    if equal_nan and not complete(a) and not complete(b):
        same = logical_or(same, logical_and(isnan(a), isnan(b)))
    return all(same)
