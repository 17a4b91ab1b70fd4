"""Angles, and the function sin(pi x) / (pi x)."""

from __future__ import annotations

from math import factorial, inf, pi
from typing import Any

from funcnet.core import bind, elementwise
from funcnet.core.dtypes import kind
from funcnet.ops.arithmetic import multiply
from funcnet.ops.broadcasting import real
from funcnet.ops.complex import imag
from funcnet.ops.creation import zeros_like
from funcnet.ops.extras.inputs import inexact, one_array
from funcnet.ops.trigonometric import atan2

__all__ = ["angle", "deg2rad", "rad2deg", "sinc"]


def angle(x: Any, /) -> Any:
    r"""Angle of complex numbers in the plane, in radians from :math:`-\pi` to :math:`\pi`.

    Derivative: that of `atan2` of the two parts; 0 at 0, and 0 of real numbers.

    Parameters
    ----------
    x : array
        Of a numeric data type; negative real numbers have the angle pi.

    Returns
    -------
    array
        Of a real floating-point data type.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.angle(np.array([1.0 + 1.0j, -1.0]))
    array([0.78539816, 3.14159265])
    """
    x = inexact(one_array(x))
    if kind(x.dtype) == "c":
        return atan2(imag(x), real(x))
    return atan2(zeros_like(x), x)


def deg2rad(x: Any, /) -> Any:
    r"""Degrees to radians: :math:`\pi x / 180`.

    Derivative: linear.

    Parameters
    ----------
    x : array
        Of a real data type.

    Returns
    -------
    array
        Of a floating-point data type.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.deg2rad(np.array([0.0, 180.0]))
    array([0.        , 3.14159265])
    """
    return multiply(inexact(one_array(x)), pi / 180.0)


def rad2deg(x: Any, /) -> Any:
    r"""Radians to degrees: :math:`180 x / \pi`.

    Derivative: linear.

    Parameters
    ----------
    x : array
        Of a real data type.

    Returns
    -------
    array
        Of a floating-point data type.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.rad2deg(np.array([0.0, np.pi]))
    array([  0., 180.])
    """
    return multiply(inexact(one_array(x)), 180.0 / pi)


def _sinc(xp: Any, x: Any, n: int) -> Any:
    r"""Return the n-th derivative of ``sin(pi x) / (pi x)``.

    With u = pi x it is pi**n times the n-th derivative of sin(u) / u, which near 0 is the series
    sum over 2 k >= n of (-1)**k u**(2 k - n) / ((2 k + 1) (2 k - n)!), and elsewhere follows from
    u f_n + n f_(n-1) = sin(u + n pi / 2), which amplifies no error where abs(u) > n.
    """
    u = x * pi
    if not n:
        zero = u == 0
        return xp.where(zero, xp.ones_like(u), xp.sin(u) / xp.where(zero, xp.ones_like(u), u))
    limit = float(max(1, n))
    near = xp.abs(u) <= limit
    small, large = xp.where(near, u, xp.zeros_like(u)), xp.where(near, xp.full_like(u, limit), u)
    square = small * small
    first = (n + 1) // 2
    # Enough terms for double precision at the limit.
    powers = [(-1.0) ** k / ((2 * k + 1) * factorial(2 * k - n)) for k in range(first, first + 10 + 2 * n)]
    series = xp.zeros_like(u)
    for coefficient in powers[::-1]:
        series = series * square + coefficient
    if n % 2:
        series = series * small
    sine, cosine = xp.sin(large), xp.cos(large)
    value = sine / large
    for k in range(1, n + 1):
        value = ((sine, cosine, -sine, -cosine)[k % 4] - k * value) / large
    return xp.where(near, series, value) * pi**n


# Composed of a quotient it would be wrong at 0 from the second derivative on, and inexact beside it.
sinc_p = elementwise(
    "sinc",
    _sinc,
    partials=(lambda g, x1, x2: g * bind(sinc_p, x1, x2 + 1), None),
    derivative=("cos(pi*x1)/x1 - sin(pi*x1)/(pi*x1**2)", "0"),
    domain=((-inf, inf), (-inf, inf)),
    scalars={1: (0,)},
    dtypes="floating",
    analytic=False,
)


def sinc(x: Any, /) -> Any:
    r"""Sine of :math:`\pi x` divided by :math:`\pi x`; 1 at 0.

    Derivative: :math:`(\cos \pi x - \operatorname{sinc} x) / x`, by a series near 0. At 0 the derivatives are right in
    every order: 0, :math:`-\pi^2 / 3`, 0, :math:`\pi^4 / 5`, ...

    Parameters
    ----------
    x : array
        Of a numeric data type.

    Returns
    -------
    array
        Of a floating-point data type.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.sinc(np.array([0.0, 0.5]))
    array([1.        , 0.63661977])
    """
    return bind(sinc_p, inexact(one_array(x)), 0)
