"""Exponential integrals, elliptic integrals, the dilogarithm, Legendre and hypergeometric functions."""

from __future__ import annotations

from math import inf, pi
from typing import Any

from funcnet.core import Refused
from funcnet.ops.arithmetic import maximum
from funcnet.ops.comparison import where
from funcnet.ops.exponential import exp
from funcnet.ops.special.declare import ALL, POSITIVE, declare
from funcnet.ops.strong import strong_divide, strong_multiply

__all__ = ["ellipk", "ellipkm1", "exp1", "expi", "expn", "exprel", "hyp1f1", "hyp2f1", "lpmv", "spence"]

_ORDER = Refused("the order is a whole number", "fn.stop_gradient(n)")
_DEGREE = Refused("no closed form of the derivative by the degree is known", "fn.stop_gradient(v)")
_PARAMETER = Refused(
    "the derivative by a parameter of a hypergeometric function is no hypergeometric function of one variable",
    "fn.stop_gradient around the parameters",
)

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

hyp1f1 = declare(
    "hyp1f1",
    "a b x",
    "Kummer's confluent hypergeometric function.",
    partials=(
        _PARAMETER,
        _PARAMETER,
        lambda g, x1, x2, x3: strong_multiply(g, x1 / x2 * hyp1f1(x1 + 1.0, x2 + 1.0, x3)),
    ),
    derivative=("", "", "x1/x2*hyp1f1(x1 + 1, x2 + 1, x3)"),
    domain=(POSITIVE, POSITIVE, ALL),
    scalars={0: (1.0, 1.5), 1: (2.0, 0.75)},
    example=("1.0, 2.0, 1.0", "1.718281828"),
    reference="DLMF 13.2.2 and 13.3.15; SciPy, ``hyp1f1``.",
    notes="Derivatives by the parameters are refused.",
)

hyp2f1 = declare(
    "hyp2f1",
    "a b c x",
    "Gauss's hypergeometric function.",
    partials=(
        _PARAMETER,
        _PARAMETER,
        _PARAMETER,
        lambda g, x1, x2, x3, x4: strong_multiply(g, x1 * x2 / x3 * hyp2f1(x1 + 1.0, x2 + 1.0, x3 + 1.0, x4)),
    ),
    derivative=("", "", "", "x1*x2/x3*hyp2f1(x1 + 1, x2 + 1, x3 + 1, x4)"),
    domain=(POSITIVE, POSITIVE, POSITIVE, (-inf, 1.0)),
    scalars={0: (1.0, 0.5), 1: (1.0, 1.5), 2: (2.0, 2.5)},
    example=("1.0, 1.0, 2.0, 0.5", "1.386294361"),
    reference="DLMF 15.2.1 and 15.5.1; SciPy, ``hyp2f1``.",
    notes="Derivatives by the parameters are refused.",
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

spence = declare(
    "spence",
    "x",
    "Dilogarithm in SciPy's form: the integral of ``log(t) / (1 - t)`` from 1 to x.",
    partials=(lambda g, x: strong_multiply(g, -hyp2f1(1.0, 1.0, 2.0, 1.0 - x)),),
    derivative=("-hyp2f1(1, 1, 2, 1 - x)",),
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
    slope = (x1 - x2 - 1.0) * lpmv(x1, x2 + 1.0, x3) + (x2 + 1.0) * (x3 * y)
    return strong_multiply(g, strong_divide(strong_divide(slope, 1.0 - x3), 1.0 + x3))


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
    notes="Order and degree are not differentiated. At -1 and 1 the formula is 0 / 0.",
)
