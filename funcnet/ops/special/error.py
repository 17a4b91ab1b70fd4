"""Error functions, and the normal distribution made of them."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

from funcnet.ops.arithmetic import divide
from funcnet.ops.comparison import where
from funcnet.ops.dtypes import finfo
from funcnet.ops.exponential import exp
from funcnet.ops.special.declare import ALL, UNIT, declare
from funcnet.ops.strong import strong_multiply

__all__ = ["erf", "erfc", "erfcinv", "erfcx", "erfinv", "log_ndtr", "ndtr", "ndtri"]

_SLOPE = 2.0 / sqrt(pi)
_DENSITY = 1.0 / sqrt(2.0 * pi)

erf = declare(
    "erf",
    "x",
    "Error function.",
    partials=(lambda g, x: g * (_SLOPE * exp(-x * x)),),
    derivative=("2*exp(-x**2)/sqrt(pi)",),
    domain=(ALL,),
    example=("1.0", "0.8427007929"),
    reference="DLMF 7.2.1 and 7.10.1; SciPy, ``erf``.",
)

erfc = declare(
    "erfc",
    "x",
    "Complement of the error function, ``1 - erf(x)``, without cancellation.",
    partials=(lambda g, x: g * (-_SLOPE * exp(-x * x)),),
    derivative=("-2*exp(-x**2)/sqrt(pi)",),
    domain=(ALL,),
    example=("10.0", "2.088487584e-45"),
    reference="DLMF 7.2.2 and 7.10.1; SciPy, ``erfc``.",
)


def _erfcx_partial(g: Any, x: Any, y: Any) -> Any:
    # The terms of 2 x y - 2/sqrt(pi) cancel for large x; there the asymptotic series, DLMF 7.12.1, without its first
    # term. Where it takes over, its tenth term is as small as the rounding errors of the difference.
    far = x > (12.0 if finfo(x.dtype).bits == 64 else 5.0)
    inverse = 1.0 / where(far, x, 12.0)
    z = 0.5 * inverse * inverse
    series = 1.0
    for odd in range(21, 2, -2):
        series = 1.0 - odd * z * series
    near = where(far, 0.0, x) * where(far, 0.0, y)
    return strong_multiply(g, where(far, -_SLOPE * z * series, 2.0 * near - _SLOPE))


erfcx = declare(
    "erfcx",
    "x",
    "Complement of the error function, scaled by ``exp(x**2)``, so that it does not vanish for large x.",
    partials=(_erfcx_partial,),
    derivative=("2*x*erfcx(x) - 2/sqrt(pi)",),
    domain=(ALL,),
    example=("10.0", "0.05614099274"),
    reference="DLMF 7.2.2 and 7.10.1; SciPy, ``erfcx``.",
    notes="Where the two terms of the derivative cancel, for large x, it is computed by its asymptotic series.",
)

erfinv = declare(
    "erfinv",
    "x",
    "Inverse of the error function.",
    partials=(lambda g, y: strong_multiply(g, exp(y * y) / _SLOPE),),
    derivative=("sqrt(pi)*exp(erfinv(x)**2)/2",),
    domain=((-1.0, 1.0),),
    example=("0.5", "0.4769362762"),
    reference="DLMF 7.17.1; SciPy, ``erfinv``.",
    notes="Function and derivative are infinite at -1 and 1, unless the cotangent is 0.",
)

erfcinv = declare(
    "erfcinv",
    "x",
    "Inverse of `erfc`.",
    partials=(lambda g, y: strong_multiply(g, exp(y * y) / -_SLOPE),),
    derivative=("-sqrt(pi)*exp(erfcinv(x)**2)/2",),
    domain=((0.0, 2.0),),
    example=("0.5", "0.4769362762"),
    reference="DLMF 7.17.1; SciPy, ``erfcinv``.",
    notes="Function and derivative are infinite at 0 and 2, unless the cotangent is 0.",
)

ndtr = declare(
    "ndtr",
    "x",
    "Probability that a standard normal variable is below x.",
    partials=(lambda g, x: g * (_DENSITY * exp(-0.5 * x * x)),),
    derivative=("exp(-x**2/2)/sqrt(2*pi)",),
    domain=(ALL,),
    example=("1.0", "0.8413447461"),
    reference="DLMF 7.2.2; SciPy, ``ndtr``.",
)

ndtri = declare(
    "ndtri",
    "y",
    "Inverse of `ndtr`: the quantile of the standard normal distribution.",
    partials=(lambda g, y: strong_multiply(g, exp(0.5 * y * y) / _DENSITY),),
    derivative=("sqrt(2*pi)*exp(ndtri(x)**2/2)",),
    domain=(UNIT,),
    example=("0.975", "1.959963985"),
    reference="DLMF 7.17.1; SciPy, ``ndtri``.",
    notes="Function and derivative are infinite at 0 and 1, unless the cotangent is 0.",
)


def _log_ndtr_partial(g: Any, x: Any, y: Any) -> Any:
    # The ratio of density and probability; far on the left both underflow, but not the scaled complement.
    left = x < 0
    scaled = erfcx(where(left, x, 0.0 * x) * -sqrt(0.5))
    return strong_multiply(g, where(left, divide(sqrt(2.0 / pi), scaled), _DENSITY * exp(-0.5 * x * x - y)))


log_ndtr = declare(
    "log_ndtr",
    "x",
    "Logarithm of `ndtr`, also where that underflows.",
    partials=(_log_ndtr_partial,),
    derivative=("exp(-x**2/2)/(sqrt(2*pi)*ndtr(x))",),
    domain=(ALL,),
    example=("-40.0", "-804.608442"),
    reference="DLMF 7.2.2; SciPy, ``log_ndtr``.",
    notes="The derivative is right where density and probability underflow: about -x for very negative x.",
)
