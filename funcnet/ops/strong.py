"""Operations that reverse rules are made of, in which a zero annihilates an infinite or NaN partial derivative.

Backward of ``where(x > 0, log(x), 0)``, the cotangent that reaches the logarithm is exactly zero wherever the
logarithm was not chosen, while its partial derivative ``1 / x`` may be infinite there. IEEE arithmetic would make NaN
of their product. Rules whose partial derivative can be infinite or NaN therefore use the functions of this module. All
finite results are those of the plain operators. Each is an elementwise primitive whose own rules are made of the same
functions, so the zeros stay zeros at every order.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from funcnet.core import Arg, bind, case, elementwise

__all__ = [
    "divide_or_zero",
    "logistic_difference",
    "masked",
    "strong_divide",
    "strong_divide_sqrt",
    "strong_multiply",
    "strong_power",
    "strong_product",
    "winning",
]


_SCALARS = (int, float, complex)


def strong_multiply(g: Any, p: Any) -> Any:
    """Return ``g * p``, and 0 where g is 0."""
    cls = p.__class__
    if cls is float or cls is int:
        if p - p == 0:
            return g * p
    elif (cls is np.float64 or cls is np.float32) and g.__class__ is cls:
        product = g * p
        if product == product:
            return product
    return bind(strong_multiply_p, g, p)


def strong_divide(g: Any, x: Any) -> Any:
    """Return ``g / x``, and 0 where g is 0."""
    if (x.__class__ is float or x.__class__ is int) and x and x - x == 0:
        return g / x
    return bind(strong_divide_p, g, x)


def strong_divide_sqrt(g: Any, x: Any) -> Any:
    """Return ``g / sqrt(x)``, and 0 where g is 0."""
    return bind(strong_divide_sqrt_p, g, x)


def strong_power(g: Any, x: Any, p: Any, n: int = 0) -> Any:
    """Return ``g * x**p * log(x)**n``, and 0 where g is 0; with n above 0 also where x is 0 and p is not negative."""
    return bind(strong_power_p, g, x, p, n)


def strong_product(a: Any, b: Any) -> Any:
    """Return ``a * b``, and 0 where either factor is 0."""
    return bind(strong_product_p, a, b)


def divide_or_zero(x: Any, y: Any) -> Any:
    """Return ``x / y``, and 0 where y is 0."""
    return bind(divide_or_zero_p, x, y)


def logistic_difference(a: Any, b: Any) -> Any:
    """Return ``1 / (1 + exp(b - a))``, and 1/2 where a and b are equal, infinities included."""
    return bind(logistic_difference_p, a, b)


def masked(g: Any, mask: Any) -> Any:
    """Return g where the mask is true, 0 elsewhere."""
    return bind(masked_p, g, mask)


def winning(g: Any, x: Any, other: Any) -> Any:
    """Return g where ``x > other``, half of it where they are equal, 0 elsewhere."""
    return bind(winning_p, g, x, other)


# The factor that may be infinite or NaN is replaced by 1 where it does not count, so no NaN arises on the way.


def _strong_multiply(xp: Any, g: Any, p: Any) -> Any:
    return g * _where_needed(xp, g, p)


def _strong_divide(xp: Any, g: Any, x: Any) -> Any:
    return g / _where_needed(xp, g, x)


def _strong_divide_sqrt(xp: Any, g: Any, x: Any) -> Any:
    return g / xp.sqrt(_where_needed(xp, g, x))


def _where_needed(xp: Any, g: Any, x: Any) -> Any:
    return x if x.__class__ in _SCALARS else xp.where(g == 0, 1.0, x)


def _strong_power(xp: Any, g: Any, x: Any, p: Any, n: int) -> Any:
    if not n:
        return g * _where_needed(xp, g, x) ** p
    # The logarithm of 1 is 0.
    real = p if p.__class__ in _SCALARS or not xp.isdtype(p.dtype, "complex floating") else xp.real(p)
    base = xp.where((g == 0) | ((x == 0) & (real >= 0)), 1.0, x)
    return g * (base**p * xp.log(base) ** n)


def _strong_product(xp: Any, a: Any, b: Any) -> Any:
    return xp.where(b == 0, 0.0, a) * xp.where(a == 0, 0.0, b)


def _divide_or_zero(xp: Any, x: Any, y: Any) -> Any:
    pole = y == 0
    return xp.where(pole, 0.0, x / xp.where(pole, 1.0, y))


def _logistic_difference(xp: Any, a: Any, b: Any) -> Any:
    tie = a == b
    zero = xp.zeros_like(b if a.__class__ in _SCALARS else a)
    difference = xp.where(tie, zero, a) - xp.where(tie, zero, b)
    small = xp.exp(-xp.abs(difference))
    return xp.where(difference >= 0, 1.0, small) / (1.0 + small)


def _masked(xp: Any, g: Any, mask: Any) -> Any:
    return xp.where(mask, g, 0.0)


def _winning(xp: Any, g: Any, x: Any, other: Any) -> Any:
    return xp.where(x > other, g, xp.where(x == other, g * 0.5, 0.0))


_ALL = (-inf, inf)
_INTERNAL: dict[str, Any] = {"internal": True, "dtypes": "floating", "analytic": False}
_MASKED_CASES = (
    case((2, 3), Arg((2, 3), "bool")),
    case((3,), Arg((2, 1), "bool")),
    case((), Arg((2,), "bool")),
    case((0,), Arg((1,), "bool")),
)

strong_multiply_p = elementwise(
    "strong_multiply",
    _strong_multiply,
    # Where x1 is 0 the result is 0 whatever x2 is, so there an infinite g has no effect either.
    partials=(lambda g, x2: strong_multiply(g, x2), lambda g, x1: strong_product(g, x1)),
    derivative=("x2", "x1"),
    domain=(_ALL, _ALL),
    **_INTERNAL,
)

strong_product_p = elementwise(
    "strong_product",
    _strong_product,
    partials=(lambda g, x2: strong_product(g, x2), lambda g, x1: strong_product(g, x1)),
    derivative=("x2", "x1"),
    domain=(_ALL, _ALL),
    **_INTERNAL,
)

strong_divide_p = elementwise(
    "strong_divide",
    _strong_divide,
    partials=(
        lambda g, x2: strong_divide(g, x2),
        lambda g, x2, y: strong_divide(strong_product(-g, y), x2),
    ),
    derivative=("1/x2", "-x1/x2**2"),
    domain=(_ALL, _ALL),
    **_INTERNAL,
)

strong_divide_sqrt_p = elementwise(
    "strong_divide_sqrt",
    _strong_divide_sqrt,
    partials=(
        lambda g, x2: strong_divide_sqrt(g, x2),
        lambda g, x2, y: strong_divide(strong_product(g * -0.5, y), x2),
    ),
    derivative=("1/sqrt(x2)", "-x1/(2*x2**(3/2))"),
    domain=(_ALL, (0.0, inf)),
    **_INTERNAL,
)


def _power_base(g: Any, x1: Any, x2: Any, x3: Any, x4: int) -> Any:
    scaled = strong_product(g, x1)
    result = strong_power(scaled * x3, x2, x3 - 1, x4)
    return result + strong_power(scaled * x4, x2, x3 - 1, x4 - 1) if x4 else result


strong_power_p = elementwise(
    "strong_power",
    _strong_power,
    partials=(
        lambda g, x2, x3, x4: strong_power(g, x2, x3, x4),
        _power_base,
        lambda g, x1, x2, x3, x4: strong_power(strong_product(g, x1), x2, x3, x4 + 1),
        None,
    ),
    derivative=(
        "x2**x3*log(x2)**x4",
        "x1*x2**(x3 - 1)*(x3*log(x2)**x4 + x4*log(x2)**(x4 - 1))",
        "x1*x2**x3*log(x2)**(x4 + 1)",
        "0",
    ),
    domain=(_ALL, (0.0, inf), _ALL, _ALL),
    scalars={3: (0, 1, 2)},
    **_INTERNAL,
)

divide_or_zero_p = elementwise(
    "divide_or_zero",
    _divide_or_zero,
    partials=(
        lambda g, x2: divide_or_zero(g, x2),
        lambda g, x2, y: divide_or_zero(-g * y, x2),
    ),
    derivative=("1/x2", "-x1/x2**2"),
    domain=(_ALL, _ALL),
    **_INTERNAL,
)

logistic_difference_p = elementwise(
    "logistic_difference",
    _logistic_difference,
    partials=(
        lambda g, x1, x2: strong_multiply(g, logistic_difference(x1, x2) * logistic_difference(x2, x1)),
        lambda g, x1, x2: strong_multiply(-g, logistic_difference(x1, x2) * logistic_difference(x2, x1)),
    ),
    derivative=("exp(x1 + x2)/(exp(x1) + exp(x2))**2", "-exp(x1 + x2)/(exp(x1) + exp(x2))**2"),
    domain=(_ALL, _ALL),
    **_INTERNAL | {"dtypes": "real floating"},
)

masked_p = elementwise(
    "masked",
    _masked,
    partials=(lambda g, x2: masked(g, x2), None),
    derivative=("x2", "0"),
    cases=_MASKED_CASES,
    **_INTERNAL,
)

winning_p = elementwise(
    "winning",
    _winning,
    partials=(lambda g, x2, x3: winning(g, x2, x3), None, None),
    derivative=("Heaviside(x2 - x3)", "0", "0"),
    domain=(_ALL, _ALL, _ALL),
    **_INTERNAL | {"dtypes": "real floating"},
)
