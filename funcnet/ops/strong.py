"""Operations that reverse rules are made of, in which a zero annihilates an infinite or NaN partial derivative.

Backward of ``where(x > 0, log(x), 0)``, the cotangent that reaches the logarithm is exactly zero wherever the
logarithm was not chosen, while its partial derivative ``1 / x`` may be infinite there. IEEE arithmetic would make NaN
of their product. Rules whose partial derivative can be infinite or NaN therefore use the functions of this module. All
finite results are those of the plain operators. Each is an elementwise primitive whose own rules are made of the same
functions, so the zeros stay zeros at every order.
"""

from __future__ import annotations

from typing import Any

from funcnet.core import bind, elementwise

__all__ = [
    "divide_or_zero",
    "logistic_difference",
    "masked",
    "strong_divide",
    "strong_divide_sqrt",
    "strong_log",
    "strong_multiply",
    "strong_power",
    "winning",
]


def strong_multiply(g: Any, p: Any) -> Any:
    """Return ``g * p``, and 0 where g is 0."""
    return bind(strong_multiply_p, g, p)


def strong_divide(g: Any, x: Any) -> Any:
    """Return ``g / x``, and 0 where g is 0."""
    if x.__class__ is float and x and x - x == 0.0:
        return g / x
    return bind(strong_divide_p, g, x)


def strong_divide_sqrt(g: Any, x: Any) -> Any:
    """Return ``g / sqrt(x)``, and 0 where g is 0."""
    return bind(strong_divide_sqrt_p, g, x)


def strong_power(g: Any, x: Any, p: Any) -> Any:
    """Return ``g * x**p``, and 0 where g is 0."""
    return bind(strong_power_p, g, x, p)


def strong_log(g: Any, x: Any) -> Any:
    """Return ``g * log(x)``, and 0 where g is 0."""
    return bind(strong_log_p, g, x)


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


def _strong_multiply(xp: Any, g: Any, p: Any) -> Any:
    return xp.where(g == 0, g, g * p)


def _strong_divide(xp: Any, g: Any, x: Any) -> Any:
    return xp.where(g == 0, g, g / x)


def _strong_divide_sqrt(xp: Any, g: Any, x: Any) -> Any:
    return xp.where(g == 0, g, g / xp.sqrt(x))


def _strong_power(xp: Any, g: Any, x: Any, p: Any) -> Any:
    return xp.where(g == 0, g, g * x**p)


def _strong_log(xp: Any, g: Any, x: Any) -> Any:
    return xp.where(g == 0, g, g * xp.log(x))


def _divide_or_zero(xp: Any, x: Any, y: Any) -> Any:
    pole = y == 0
    return xp.where(pole, 0.0, x / xp.where(pole, 1.0, y))


def _logistic_difference(xp: Any, a: Any, b: Any) -> Any:
    tie = a == b
    difference = xp.where(tie, 0.0, a) - xp.where(tie, 0.0, b)
    small = xp.exp(-xp.abs(difference))
    return xp.where(difference >= 0, 1.0, small) / (1.0 + small)


def _masked(xp: Any, g: Any, mask: Any) -> Any:
    return xp.where(mask, g, 0.0)


def _winning(xp: Any, g: Any, x: Any, other: Any) -> Any:
    return xp.where(x > other, g, xp.where(x == other, g * 0.5, 0.0))


_INTERNAL = {"internal": True, "dtypes": "floating", "analytic": False}

strong_multiply_p = elementwise(
    "strong_multiply",
    _strong_multiply,
    partials=(lambda g, x2: strong_multiply(g, x2), lambda g, x1: strong_multiply(g, x1)),
    derivative=("x2", "x1"),
    **_INTERNAL,
)

strong_divide_p = elementwise(
    "strong_divide",
    _strong_divide,
    partials=(
        lambda g, x2: strong_divide(g, x2),
        lambda g, x2, y: strong_divide(strong_multiply(-g, y), x2),
    ),
    derivative=("1/x2", "-x1/x2**2"),
    **_INTERNAL,
)

strong_divide_sqrt_p = elementwise(
    "strong_divide_sqrt",
    _strong_divide_sqrt,
    partials=(
        lambda g, x2: strong_divide_sqrt(g, x2),
        lambda g, x2, y: strong_divide(strong_multiply(g * -0.5, y), x2),
    ),
    derivative=("1/sqrt(x2)", "-x1/(2*x2**(3/2))"),
    **_INTERNAL,
)

strong_power_p = elementwise(
    "strong_power",
    _strong_power,
    partials=(
        lambda g, x2, x3: strong_power(g, x2, x3),
        lambda g, x1, x2, x3: strong_power(strong_multiply(g, x1) * x3, x2, x3 - 1),
        lambda g, x2, x3, y: masked(strong_log(strong_multiply(g, y), x2), (x2 != 0) | (x3 != 0)),
    ),
    derivative=("x2**x3", "x1*x3*x2**(x3 - 1)", "x1*x2**x3*log(x2)"),
    **_INTERNAL,
)

strong_log_p = elementwise(
    "strong_log",
    _strong_log,
    partials=(
        lambda g, x2: strong_log(g, x2),
        lambda g, x1, x2: strong_divide(strong_multiply(g, x1), x2),
    ),
    derivative=("log(x2)", "x1/x2"),
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
    **_INTERNAL,
)

logistic_difference_p = elementwise(
    "logistic_difference",
    _logistic_difference,
    partials=(
        lambda g, x1, x2: g * (logistic_difference(x1, x2) * logistic_difference(x2, x1)),
        lambda g, x1, x2: -g * (logistic_difference(x1, x2) * logistic_difference(x2, x1)),
    ),
    derivative=("exp(x1 + x2)/(exp(x1) + exp(x2))**2", "-exp(x1 + x2)/(exp(x1) + exp(x2))**2"),
    **_INTERNAL,
)

masked_p = elementwise(
    "masked",
    _masked,
    partials=(lambda g, x2: masked(g, x2), None),
    derivative=("x2", "0"),
    **_INTERNAL,
)

winning_p = elementwise(
    "winning",
    _winning,
    partials=(lambda g, x2, x3: winning(g, x2, x3), None, None),
    derivative=("Heaviside(x2 - x3)", "0", "0"),
    **_INTERNAL,
)
