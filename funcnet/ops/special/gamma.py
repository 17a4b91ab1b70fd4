"""The gamma function and its relatives: logarithm, reciprocal, polygamma, beta, binomials, zeta."""

from __future__ import annotations

from math import log, nan, pi
from operator import index
from typing import Any

from funcnet.backends.special import hosted_by
from funcnet.backends.zeta import zeta_derivative
from funcnet.core import Refused, bind, elementwise
from funcnet.errors import ParameterError
from funcnet.ops.comparison import where
from funcnet.ops.exponential import exp
from funcnet.ops.rounding import floor
from funcnet.ops.special.declare import ALL, POSITIVE, declare, documented, lifted
from funcnet.ops.strong import strong_multiply
from funcnet.ops.trigonometric import cos, sin

__all__ = [
    "beta",
    "betaln",
    "binom",
    "digamma",
    "gamma",
    "gammaln",
    "gammasgn",
    "loggamma",
    "multigammaln",
    "poch",
    "polygamma",
    "psi",
    "rgamma",
    "zeta",
    "zetac",
]

_ORDER = Refused("the order is a whole number", "fn.stop_gradient(n)")

digamma = declare(
    "digamma",
    "x",
    "Logarithmic derivative of the gamma function.",
    partials=(lambda g, x: strong_multiply(g, polygamma(1, x)),),
    derivative=("polygamma(1, x)",),
    domain=(POSITIVE,),
    example=("1.0", "-0.5772156649"),
    reference="DLMF 5.2.2 and 5.15.1; SciPy, ``digamma``.",
    notes="Poles are at 0 and the negative integers, where the result is NaN or infinite.",
)
psi = digamma


polygamma = declare(
    "polygamma",
    "n x",
    "Derivative of order n of `digamma`.",
    partials=(_ORDER, lambda g, x1, x2: strong_multiply(g, polygamma(x1 + 1, x2))),
    derivative=("", "polygamma(x1 + 1, x2)"),
    domain=(POSITIVE, POSITIVE),
    scalars={0: (0, 1, 2)},
    example=("1, 1.0", "1.644934067"),
    reference="DLMF 5.15; SciPy, ``polygamma``.",
    notes="The order is a whole number and not differentiated.",
)

gamma = declare(
    "gamma",
    "x",
    "Gamma function.",
    partials=(lambda g, x, y: strong_multiply(g, y * digamma(x)),),
    derivative=("gamma(x)*digamma(x)",),
    domain=(POSITIVE,),
    example=("5.0", "24"),
    reference="DLMF 5.2.1 and 5.2.2; SciPy, ``gamma``.",
    notes="Poles are at 0 and the negative integers.",
)

gammaln = declare(
    "gammaln",
    "x",
    "Logarithm of the absolute value of the gamma function.",
    partials=(lambda g, x: strong_multiply(g, digamma(x)),),
    derivative=("digamma(x)",),
    domain=(POSITIVE,),
    example=("101.0", "363.7393756"),
    reference="DLMF 5.2.2; SciPy, ``gammaln``.",
    notes="It is +inf at the poles of the gamma function.",
)

loggamma = declare(
    "loggamma",
    "x",
    "Logarithm of the gamma function, on its principal branch.",
    partials=(lambda g, x: strong_multiply(g, digamma(x)),),
    derivative=("digamma(x)",),
    domain=(POSITIVE,),
    example=("101.0", "363.7393756"),
    reference="DLMF 5.2.2; SciPy, ``loggamma``.",
    notes="It is NaN for negative real numbers; `gammaln` is not.",
)

gammasgn = declare(
    "gammasgn",
    "x",
    "Sign of the gamma function.",
    partials=(None,),
    derivative=("0",),
    domain=(POSITIVE,),
    example=("-0.5", "-1"),
    reference="SciPy, ``gammasgn``.",
    notes="It is constant between the poles.",
)


def _rgamma_partial(g: Any, x: Any, y: Any) -> Any:
    # Left of 1/2 by the reflection formula, which has no poles: 1 / gamma(x) = sin(pi x) gamma(1 - x) / pi.
    left = x < 0.5
    other = 1.0 - where(left, x, 0.0 * x)
    by_reflection = gamma(other) * (cos(pi * x) - sin(pi * x) * digamma(other) * (1.0 / pi))
    return strong_multiply(g, where(left, by_reflection, -y * digamma(where(left, 0.0 * x + 1.0, x))))


rgamma = declare(
    "rgamma",
    "x",
    "Reciprocal of the gamma function, which has no poles.",
    partials=(_rgamma_partial,),
    derivative=("-digamma(x)/gamma(x)",),
    domain=(POSITIVE,),
    example=("5.0", "0.04166666667"),
    reference="DLMF 5.2.1, 5.5.3; SciPy, ``rgamma``.",
    notes="At 0, -1, -2, ... the derivative is (-1)**n n!, by the reflection formula.",
)

beta = declare(
    "beta",
    "a b",
    "Beta function: the product of the gamma functions of a and b over that of their sum.",
    partials=(
        lambda g, x1, x2, y: strong_multiply(g, y * (digamma(x1) - digamma(x1 + x2))),
        lambda g, x1, x2, y: strong_multiply(g, y * (digamma(x2) - digamma(x1 + x2))),
    ),
    derivative=("beta(x1, x2)*(digamma(x1) - digamma(x1 + x2))", "beta(x1, x2)*(digamma(x2) - digamma(x1 + x2))"),
    domain=(POSITIVE, POSITIVE),
    example=("2.0, 3.0", "0.08333333333"),
    reference="DLMF 5.12.1; SciPy, ``beta``.",
    notes="Both arguments must be away from the poles of the gamma function.",
)

betaln = declare(
    "betaln",
    "a b",
    "Logarithm of the absolute value of the beta function.",
    partials=(
        lambda g, x1, x2: strong_multiply(g, digamma(x1) - digamma(x1 + x2)),
        lambda g, x1, x2: strong_multiply(g, digamma(x2) - digamma(x1 + x2)),
    ),
    derivative=("digamma(x1) - digamma(x1 + x2)", "digamma(x2) - digamma(x1 + x2)"),
    domain=(POSITIVE, POSITIVE),
    example=("2.0, 3.0", "-2.48490665"),
    reference="DLMF 5.12.1; SciPy, ``betaln``.",
    notes="Both arguments must be away from the poles of the gamma function.",
)


def _rgamma_slope(x: Any) -> Any:
    return _rgamma_partial(0.0 * x + 1.0, x, rgamma(x))


def _pole(x: Any) -> Any:
    return (x <= 0) & (floor(x) == x)


def _poch_by_z(g: Any, z: Any, m: Any, y: Any) -> Any:
    top = z + m
    poles = _pole(z)
    both = poles & _pole(top)
    only = poles & ~both
    one = 0.0 * top + 1.0
    usual = y * (digamma(where(poles, one, top)) - digamma(where(poles, one, z)))
    # Where both factors have poles, the reflected ones have none: (-1)**m gamma(1 - z) / gamma(1 - z - m).
    reflected = y * (digamma(where(both, 1.0 - top, one)) - digamma(where(both, 1.0 - z, one)))
    # At a pole of gamma(z) alone its reciprocal is zero, and the slope of that is not.
    zero, other = where(only, z, one), where(only, top, one)
    special = gamma(other) * (_rgamma_slope(zero) + digamma(other) * rgamma(zero))
    return strong_multiply(g, where(both, reflected, where(only, special, usual)))


poch = declare(
    "poch",
    "z m",
    "Pochhammer's symbol: the gamma function of z + m over that of z.",
    partials=(
        lambda g, x1, x2, y: _poch_by_z(g, x1, x2, y),
        lambda g, x1, x2, y: strong_multiply(g, y * digamma(x1 + x2)),
    ),
    derivative=("poch(x1, x2)*(digamma(x1 + x2) - digamma(x1))", "poch(x1, x2)*digamma(x1 + x2)"),
    domain=(POSITIVE, POSITIVE),
    example=("2.0, 3.0", "24"),
    reference="DLMF 5.2.5, 5.5.3; SciPy, ``poch``.",
    notes="At the poles of the gamma function of z, the derivative by z is the limit from beside them.",
)


def _binom_partial(g: Any, n: Any, k: Any, y: Any, *, by_n: bool) -> Any:
    upper, lower = n - k + 1.0, k + 1.0
    first, second = _pole(upper), _pole(lower)
    either = first | second
    # Away from them, with arguments that are harmless at them.
    one = 0.0 * upper + 1.0
    psi = digamma(where(either, one, upper))
    usual = y * (
        (digamma(where(_pole(n + 1.0), one, n + 1.0)) - psi) if by_n else psi - digamma(where(either, one, lower))
    )
    # At a pole one factor of gamma(n + 1) / (gamma(k + 1) gamma(n - k + 1)) is zero, and its derivative is not.
    zero, other = where(first, upper, lower), where(first, lower, upper)
    top = where(either, n + 1.0, one)
    other = where(either & ~_pole(other), other, one)
    zero = where(either, zero, one)
    ratio = gammasgn(top) * gammasgn(other) * exp(gammaln(top) - gammaln(other))
    value, slope = rgamma(zero), _rgamma_slope(zero)
    psi_n, psi_other = digamma(top), digamma(other)
    if by_n:
        special = ratio * where(first, slope + psi_n * value, (psi_n - psi_other) * value)
    else:
        special = ratio * where(first, -(slope + psi_other * value), slope + psi_other * value)
    special = where(first & second, 0.0 * special + nan, special)
    return strong_multiply(g, where(either, special, usual))


binom = declare(
    "binom",
    "n k",
    "Binomial coefficient, for arguments that need not be whole.",
    partials=(
        lambda g, x1, x2, y: _binom_partial(g, x1, x2, y, by_n=True),
        lambda g, x1, x2, y: _binom_partial(g, x1, x2, y, by_n=False),
    ),
    derivative=(
        "binom(x1, x2)*(digamma(x1 + 1) - digamma(x1 - x2 + 1))",
        "binom(x1, x2)*(digamma(x1 - x2 + 1) - digamma(x2 + 1))",
    ),
    domain=((2.0, 6.0), (0.0, 2.0)),
    example=("5.0, 2.0", "10"),
    reference="DLMF 1.2.6; SciPy, ``binom``.",
    notes="Where k or n - k is a negative integer, a zero meets a pole; the derivative there is that of the\n"
    "    reciprocal of the gamma function. It is NaN where both are, since n is a pole then.",
)

# The derivative of order x3 of zeta(x1, x2) by x1.
zeta_derivative_p = elementwise(
    "zeta_derivative",
    hosted_by("zeta_derivative", zeta_derivative),
    partials=lifted(
        (
            lambda g, x1, x2, x3: strong_multiply(g, bind(zeta_derivative_p, x1, x2, x3 + 1)),
            lambda g, x1, x2, x3: strong_multiply(g, _by_offset(x1, x2, x3)),
            None,
        ),
        (2,),
    ),
    derivative=("", "", ""),
    domain=((1.0, 5.0), POSITIVE, ALL),
    scalars={2: (1, 2)},
    internal=True,
    hosted=True,
    dtypes="real floating",
    analytic=False,
)


def _by_offset(s: Any, q: Any, n: int) -> Any:
    # DLMF 25.11.17, differentiated n times by s.
    lower = zeta_p(s + 1.0, q) if n == 1 else bind(zeta_derivative_p, s + 1.0, q, n - 1)
    return -s * bind(zeta_derivative_p, s + 1.0, q, n) - n * lower


zeta_p = declare(
    "zeta",
    "x q",
    "Hurwitz's zeta function, the sum of ``(k + q)**-x``; Riemann's where q is omitted.",
    partials=(
        lambda g, x1, x2: strong_multiply(g, bind(zeta_derivative_p, x1, x2, 1)),
        lambda g, x1, x2: strong_multiply(g, -x1 * zeta_p(x1 + 1.0, x2)),
    ),
    derivative=("", "-x1*zeta(x1 + 1, x2)"),
    domain=((1.0, 5.0), POSITIVE),
    example=("2.0, 1.0", "1.644934067"),
    reference="DLMF 25.11.1 and 25.11.17; SciPy, ``zeta``.",
    notes="The derivative by x is computed by the Euler-Maclaurin formula (DLMF 25.11.5).",
)

zetac = declare(
    "zetac",
    "x",
    "Riemann's zeta function less 1.",
    partials=(lambda g, x: strong_multiply(g, bind(zeta_derivative_p, x, 1.0, 1)),),
    derivative=("",),
    domain=((1.0, 5.0),),
    example=("2.0", "0.6449340668"),
    reference="DLMF 25.2.1 and 25.2.9; SciPy, ``zetac``.",
    notes="The derivative is computed by the Euler-Maclaurin formula (DLMF 25.2.9), for x below -4 by the functional\n"
    "    equation (DLMF 25.4.1).",
)


def zeta(x: Any, /, q: Any = None) -> Any:
    return zetac(x) + 1.0 if q is None else zeta_p(x, q)


documented(
    zeta,
    "zeta",
    ("x", "q"),
    "Hurwitz's zeta function, the sum of ``(k + q)**-x``; Riemann's where q is omitted.",
    "d/dq = -x*zeta(x + 1, q)",
    "That by x is computed by the Euler-Maclaurin formula (DLMF 25.11.5), for x below -4 by the functional\n"
    "    equation (DLMF 25.4.1). With q the function is NaN below 1, and so is the derivative below -4.",
    "DLMF 25.11.1 and 25.11.17; SciPy, ``zeta``.",
    ("2.0, 1.0", "1.644934067"),
)


def multigammaln(a: Any, d: int, /) -> Any:
    """Logarithm of the gamma function of matrices with `d` rows.

    Derivative: the sum of ``digamma(a - j/2)`` for j from 0 to d - 1.

    Parameters
    ----------
    a : array or Python scalar
        Real floating-point, above (d - 1) / 2; below, the result is that of the sum of `gammaln`.
    d : int
        The dimension, 1 or more.

    Returns
    -------
    array
        Of the shape of `a`.

    Raises
    ------
    ParameterError
        If `d` is no positive integer.

    References
    ----------
    DLMF 35.3.4 and 35.3.5; SciPy, ``multigammaln``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> print(f"{xp.special.multigammaln(np.array(3.0), 2):.10g}")
    1.550194994
    """
    try:
        count = index(d)
    except TypeError:
        count = 0
    if count < 1:
        raise ParameterError(
            "xp.special.multigammaln takes a dimension.", found=f"d={d!r}", needed="an integer of 1 or more"
        )
    total = gammaln(a)
    for j in range(1, count):
        total = total + gammaln(a - 0.5 * j)
    return total + count * (count - 1) / 4 * log(pi)
