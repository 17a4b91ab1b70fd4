"""Exponential integrals, elliptic integrals, the dilogarithm, Legendre and hypergeometric functions."""

from __future__ import annotations

from math import comb, factorial, inf, pi
from typing import Any

from funcnet.backends import hypergeometric
from funcnet.backends.special import hosted_by
from funcnet.core import Refused, bind, elementwise
from funcnet.ops.arithmetic import maximum, pow, remainder
from funcnet.ops.comparison import logical_and, where
from funcnet.ops.complex import abs
from funcnet.ops.exponential import exp, log
from funcnet.ops.fresh import weak_like
from funcnet.ops.rounding import floor
from funcnet.ops.special.declare import ALL, POSITIVE, declare, lifted
from funcnet.ops.special.gamma import poch, rgamma
from funcnet.ops.strong import strong_divide, strong_multiply

__all__ = ["ellipk", "ellipkm1", "exp1", "expi", "expn", "exprel", "hyp1f1", "hyp2f1", "hyp2f1_by", "lpmv", "spence"]

_ORDER = Refused("the order is a whole number", "fn.stop_gradient(n)")
_DEGREE = Refused("no formula of the derivative by the degree holds for all arguments", "fn.stop_gradient(v)")
_BY_SERIES = (
    "Derivatives by the parameters, of every order, are those of the terms of the power series, in double\n"
    "    precision and by {0} transformation for negative x{1}. Where its terms cancel, they are refused."
)
_INTERNAL: dict[str, Any] = {"internal": True, "hosted": True, "dtypes": "real floating", "analytic": False}

exp1 = declare(
    "exp1",
    "x",
    "Exponential integral of ``exp(-t) / t`` from x to infinity.",
    partials=(lambda g, x: strong_multiply(g, strong_divide(-exp(-x), x)),),
    derivative=("-exp(-x)/x",),
    domain=(POSITIVE,),
    example=("1.0", "0.2193839344"),
    reference="DLMF 6.2.1; SciPy, ``exp1``.",
    notes="Function and derivative are infinite at 0, unless the cotangent is 0.",
)

expi = declare(
    "expi",
    "x",
    "Exponential integral of ``exp(t) / t`` from -infinity to x, as a principal value.",
    partials=(lambda g, x: strong_multiply(g, strong_divide(exp(x), x)),),
    derivative=("exp(x)/x",),
    domain=(POSITIVE,),
    example=("1.0", "1.895117816"),
    reference="DLMF 6.2.5; SciPy, ``expi``.",
    notes="Function and derivative are infinite at 0, unless the cotangent is 0.",
)


def _expn_partial(g: Any, x1: Any, x2: Any, y: Any) -> Any:
    if x1.__class__ in (int, float):
        return (
            strong_multiply(-g, expn(x1 - 1, x2)) if x1 >= 1 else strong_multiply(-g, strong_divide(exp(-x2) + y, x2))
        )
    whole = x1 >= 1
    g0, g1 = where(whole, 0.0 * g, g), where(whole, g, 0.0 * g)
    return strong_multiply(-g1, expn(maximum(x1 - 1, 0 * x1), x2)) + strong_multiply(
        -g0, strong_divide(exp(-x2) + y, x2)
    )


expn = declare(
    "expn",
    "n x",
    "Exponential integral of ``exp(-x t) / t**n`` from 1 to infinity.",
    partials=(_ORDER, _expn_partial),
    derivative=("", ""),
    domain=(POSITIVE, POSITIVE),
    scalars={0: (0, 1, 3)},
    example=("2, 1.0", "0.1484955068"),
    reference="DLMF 8.19.3, 8.19.12 and 8.19.13; SciPy, ``expn``.",
    notes="The derivative by x is ``-expn(n - 1, x)``. The order is a whole number and not differentiated.",
)


def _hyp1f1_slope(x1: Any, x2: Any, x3: Any, x4: int, x5: int) -> Any:
    """Return the derivative by x of the derivative of order x4 by a and x5 by b: that of ``a/b M(a + 1, b + 1, x)``."""
    total = 0.0
    for i in range(min(x4, 1) + 1):
        for j in range(x5 + 1):
            factor = (x1 if i == 0 else 1.0) * ((-1) ** j * factorial(j) / x2 ** (j + 1))
            count = (x4 if i else 1) * comb(x5, j)
            total = total + count * factor * _hyp1f1_by(x1 + 1.0, x2 + 1.0, x3, x4 - i, x5 - j)
    return total


def _hyp1f1_by(a: Any, b: Any, x: Any, m: int, n: int) -> Any:
    return bind(hyp1f1_derivative_p, a, b, x, m, n) if m or n else hyp1f1(a, b, x)


hyp1f1_derivative_p = elementwise(
    "hyp1f1_derivative",
    hosted_by("hyp1f1_derivative", hypergeometric.hyp1f1_derivative),
    partials=lifted(
        (
            lambda g, x1, x2, x3, x4, x5: strong_multiply(g, _hyp1f1_by(x1, x2, x3, x4 + 1, x5)),
            lambda g, x1, x2, x3, x4, x5: strong_multiply(g, _hyp1f1_by(x1, x2, x3, x4, x5 + 1)),
            lambda g, x1, x2, x3, x4, x5: strong_multiply(g, _hyp1f1_slope(x1, x2, x3, x4, x5)),
            None,
            None,
        ),
        (3, 4),
    ),
    derivative=("", "", "", "", ""),
    domain=((0.5, 4.0), (0.5, 4.0), (-4.0, 4.0), ALL, ALL),
    scalars={3: (1, 0), 4: (0, 1)},
    **_INTERNAL,
)

hyp1f1 = declare(
    "hyp1f1",
    "a b x",
    "Kummer's confluent hypergeometric function.",
    partials=(
        lambda g, x1, x2, x3: strong_multiply(g, _hyp1f1_by(x1, x2, x3, 1, 0)),
        lambda g, x1, x2, x3: strong_multiply(g, _hyp1f1_by(x1, x2, x3, 0, 1)),
        lambda g, x1, x2, x3: strong_multiply(g, x1 / x2 * hyp1f1(x1 + 1.0, x2 + 1.0, x3)),
    ),
    derivative=("", "", "x1/x2*hyp1f1(x1 + 1, x2 + 1, x3)"),
    domain=((0.5, 4.0), (0.5, 4.0), (-4.0, 4.0)),
    example=("1.0, 2.0, 1.0", "1.718281828"),
    reference="DLMF 13.2.2, 13.2.39 and 13.3.15; SciPy, ``hyp1f1``.",
    notes=_BY_SERIES.format("Kummer's", ""),
)


def _hyp2f1_slope(x1: Any, x2: Any, x3: Any, x4: Any, m: int, n: int, p: int) -> Any:
    """Return the derivative by x of a derivative by the parameters: that of ``a b/c F(a + 1, b + 1; c + 1; x)``."""
    total = 0.0
    for i in range(min(m, 1) + 1):
        for j in range(min(n, 1) + 1):
            for k in range(p + 1):
                factor = (1.0 if i else x1) * (1.0 if j else x2) * ((-1) ** k * factorial(k) / x3 ** (k + 1))
                count = (m if i else 1) * (n if j else 1) * comb(p, k)
                further = hyp2f1_by(x1 + 1.0, x2 + 1.0, x3 + 1.0, x4, m - i, n - j, p - k)
                total = total + count * factor * further
    return total


def hyp2f1_by(a: Any, b: Any, c: Any, x: Any, m: int, n: int, p: int) -> Any:
    """Return the derivative of `hyp2f1` of orders m, n and p by its parameters."""
    return bind(hyp2f1_derivative_p, a, b, c, x, m, n, p) if m or n or p else hyp2f1(a, b, c, x)


hyp2f1_derivative_p = elementwise(
    "hyp2f1_derivative",
    hosted_by("hyp2f1_derivative", hypergeometric.hyp2f1_derivative),
    partials=lifted(
        (
            lambda g, x1, x2, x3, x4, x5, x6, x7: strong_multiply(g, hyp2f1_by(x1, x2, x3, x4, x5 + 1, x6, x7)),
            lambda g, x1, x2, x3, x4, x5, x6, x7: strong_multiply(g, hyp2f1_by(x1, x2, x3, x4, x5, x6 + 1, x7)),
            lambda g, x1, x2, x3, x4, x5, x6, x7: strong_multiply(g, hyp2f1_by(x1, x2, x3, x4, x5, x6, x7 + 1)),
            lambda g, x1, x2, x3, x4, x5, x6, x7: strong_multiply(g, _hyp2f1_slope(x1, x2, x3, x4, x5, x6, x7)),
            None,
            None,
            None,
        ),
        (4, 5, 6),
    ),
    derivative=("",) * 7,
    domain=((0.5, 3.0), (0.5, 3.0), (0.5, 3.0), (-3.0, 0.75), ALL, ALL, ALL),
    scalars={4: (1, 0), 5: (0, 1), 6: (0, 1)},
    **_INTERNAL,
)

hyp2f1 = declare(
    "hyp2f1",
    "a b c x",
    "Gauss's hypergeometric function.",
    partials=(
        lambda g, x1, x2, x3, x4: strong_multiply(g, hyp2f1_by(x1, x2, x3, x4, 1, 0, 0)),
        lambda g, x1, x2, x3, x4: strong_multiply(g, hyp2f1_by(x1, x2, x3, x4, 0, 1, 0)),
        lambda g, x1, x2, x3, x4: strong_multiply(g, hyp2f1_by(x1, x2, x3, x4, 0, 0, 1)),
        lambda g, x1, x2, x3, x4: strong_multiply(g, x1 * x2 / x3 * hyp2f1(x1 + 1.0, x2 + 1.0, x3 + 1.0, x4)),
    ),
    derivative=("", "", "", "x1*x2/x3*hyp2f1(x1 + 1, x2 + 1, x3 + 1, x4)"),
    domain=((0.5, 3.0), (0.5, 3.0), (0.5, 3.0), (-3.0, 0.75)),
    example=("1.0, 1.0, 2.0, 0.5", "1.386294361"),
    reference="DLMF 15.2.1, 15.5.1 and 15.8.1; SciPy, ``hyp2f1``.",
    notes=_BY_SERIES.format("Pfaff's", ", continued towards 1 by the differential\n    equation (DLMF 15.10.1)")
    + " So are they at 1 exactly.",
)

exprel = declare(
    "exprel",
    "x",
    "``(exp(x) - 1) / x``, 1 at 0.",
    partials=(lambda g, x: strong_multiply(g, 0.5 * hyp1f1(2.0, 3.0, x)),),
    derivative=("hyp1f1(2, 3, x)/2",),
    domain=(ALL,),
    example=("1.0", "1.718281828"),
    reference="DLMF 13.6.1 and 13.3.15; SciPy, ``exprel``.",
    notes="All derivatives are right at and beside 0, where the n-th is 1 / (n + 1).",
)


def _dilogarithmic(x: Any) -> Any:
    """Return ``log(x) / (1 - x)``, without losing a small x in the difference from 1, nor the limit at 1."""
    near = logical_and(x > 0.0, x < 0.25)  # at 0 the series has all derivatives, which are infinite
    small, rest = where(near, x, 0.25), where(near, 1.0, x)
    return where(near, log(small) / (1.0 - small), -hyp2f1(1.0, 1.0, 2.0, 1.0 - rest))


spence = declare(
    "spence",
    "x",
    "Dilogarithm in SciPy's form: the integral of ``log(t) / (1 - t)`` from 1 to x.",
    partials=(lambda g, x: strong_multiply(g, _dilogarithmic(x)),),
    derivative=("log(x)/(1 - x)",),
    domain=(POSITIVE,),
    example=("0.0", "1.644934067"),
    reference="DLMF 25.12.2 and 15.4.1; SciPy, ``spence``.",
    notes="All derivatives are right at and beside 1; at 0 the derivative is infinite, unless the cotangent is 0.",
)

ellipk = declare(
    "ellipk",
    "m",
    "Complete elliptic integral of the first kind, of the parameter m (the square of the modulus).",
    partials=(lambda g, x: strong_multiply(g, strong_divide((pi / 8) * hyp2f1(0.5, 0.5, 2.0, x), 1.0 - x)),),
    derivative=("pi/8*hyp2f1(1/2, 1/2, 2, x)/(1 - x)",),
    domain=((-inf, 1.0),),
    example=("0.5", "1.854074677"),
    reference="DLMF 19.5.1, 15.5.1 and 15.8.1; SciPy, ``ellipk``.",
    notes="All derivatives are right at and beside 0; at 1 they are infinite, unless the cotangent is 0.",
)

ellipkm1 = declare(
    "ellipkm1",
    "p",
    "Complete elliptic integral of the first kind, of ``1 - p``, exact for small p.",
    partials=(lambda g, x: strong_multiply(g, strong_divide((-pi / 8) * hyp2f1(0.5, 0.5, 2.0, 1.0 - x), x)),),
    derivative=("-pi/8*hyp2f1(1/2, 1/2, 2, 1 - x)/x",),
    domain=(POSITIVE,),
    example=("1e-30", "35.92507076"),
    reference="DLMF 19.5.1, 15.5.1 and 15.8.1; SciPy, ``ellipkm1``.",
    notes="All derivatives are right at and beside 1; at 0 they are infinite, unless the cotangent is 0.",
)


def _lpmv_partial(g: Any, x1: Any, x2: Any, x3: Any, y: Any) -> Any:
    # Beside 1 the terms of the recurrence cancel, and at 1 it is 0 / 0; beside -1, too, where the degree is whole.
    near = abs(x3) > 0.999
    left = near & (x3 < 0)
    m, v = (weak_like(x3, p) if p.__class__ in (int, float) else p for p in (x1, x2))
    near = near & ((x3 > 0) | (floor(v) == v))
    inner = where(near, 0.5, x3)
    slope = (x1 - x2 - 1.0) * lpmv(x1, x2 + 1.0, inner) + (x2 + 1.0) * (inner * where(near, lpmv(x1, x2, inner), y))
    slope = strong_divide(strong_divide(slope, 1.0 - inner), 1.0 + inner)
    # Even and odd functions have odd and even derivatives.
    turned = where(left, 2.0 * remainder(m + v, 2.0) - 1.0, 1.0)
    return strong_multiply(g, where(near, turned * _lpmv_beside_one(m, v, where(near, abs(x3), 0.9995)), slope))


def _lpmv_beside_one(m: Any, v: Any, x: Any) -> Any:
    """Return the derivative by x of ``(1 - x**2)**(m/2)`` times a function without a singularity at 1, DLMF 14.3.4."""
    square, z = (1.0 - x) * (1.0 + x), 0.5 * (1.0 - x)
    power = pow(square, where(m == 0, 1.0, 0.5 * m - 1.0))
    a, b, c = m - v, m + v + 1.0, m + 1.0
    slope = -(m * x * power) * hyp2f1(a, b, c, z)
    slope = slope - 0.5 * pow(square, 0.5 * m) * (a * b / c) * hyp2f1(a + 1.0, b + 1.0, c + 1.0, z)
    sign = 1.0 - 2.0 * remainder(m, 2.0)
    return sign * poch(v - m + 1.0, 2.0 * m) * rgamma(c) * pow(2.0, -m) * slope


lpmv = declare(
    "lpmv",
    "m v x",
    "Associated Legendre function of whole order m and real degree v.",
    partials=(_ORDER, _DEGREE, _lpmv_partial),
    derivative=("", "", "((x1 - x2 - 1)*lpmv(x1, x2 + 1, x3) + (x2 + 1)*x3*lpmv(x1, x2, x3))/(1 - x3**2)"),
    domain=(POSITIVE, POSITIVE, (-1.0, 1.0)),
    scalars={0: (0, 1, 2), 1: (2.0, 1.5, 3.0)},
    example=("1, 2.0, 0.5", "-1.299038106"),
    reference="DLMF 14.3.1 and 14.10.5; SciPy, ``lpmv``.",
    notes="Order and degree are not differentiated. At and beside -1 and 1, where the formula is 0 / 0, the\n"
    "    derivative is that of DLMF 14.3.4; for a degree that is not whole, at 1 only.",
)
