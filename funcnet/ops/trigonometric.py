"""Trigonometric functions and their inverses."""

from __future__ import annotations

from typing import Any

from funcnet.core.dtypes import kind
from funcnet.ops.arithmetic import hypot
from funcnet.ops.functions import binary, unary
from funcnet.ops.strong import divide_or_zero, strong_divide, strong_divide_sqrt

__all__ = ["acos", "asin", "atan", "atan2", "cos", "sin", "tan"]

sin = unary(
    "sin",
    "Sine of angles in radians.",
    partial=lambda g, x: g * cos(x),
    derivative="cos(x)",
    example=""">>> xp.sin(np.array([0.0, np.pi / 2]))
array([0., 1.])""",
)

cos = unary(
    "cos",
    "Cosine of angles in radians.",
    partial=lambda g, x: -g * sin(x),
    derivative="-sin(x)",
    example=""">>> xp.cos(np.array([0.0, np.pi]))
array([ 1., -1.])""",
)

tan = unary(
    "tan",
    "Tangent of angles in radians.",
    partial=lambda g, y: g * (y * y + 1.0),
    derivative="tan(x)**2 + 1",
    notes="No floating-point number is a pole, so results and derivatives are finite.",
    example=""">>> xp.tan(np.array([0.0, np.pi / 4]))
array([0., 1.])""",
)


def _arc(g: Any, x: Any) -> Any:
    # Two roots in place of one of the product: right on both sides of the branch cuts, and NaN outside the domain.
    # On a cut the sign of a zero tells the side: it survives a subtraction from x, no other sum with a number.
    below = -(x - 1.0) if kind(x.dtype) == "c" else 1.0 - x
    return strong_divide_sqrt(strong_divide_sqrt(g, below), x - -1.0)


asin = unary(
    "asin",
    "Inverse of the sine, in radians.",
    partial=_arc,
    derivative="1/sqrt(1 - x**2)",
    domain=(-1.0, 1.0),
    kinks=(-1.0, 1.0),
    notes="The derivative at -1 and 1 is infinite, unless the cotangent is 0.",
    example=""">>> xp.asin(np.array([0.0, 1.0]))
array([0.        , 1.57079633])""",
)

acos = unary(
    "acos",
    "Inverse of the cosine, in radians.",
    partial=lambda g, x: _arc(-g, x),
    derivative="-1/sqrt(1 - x**2)",
    domain=(-1.0, 1.0),
    kinks=(-1.0, 1.0),
    notes="The derivative at -1 and 1 is infinite, unless the cotangent is 0.",
    example=""">>> xp.acos(np.array([1.0, 0.0]))
array([0.        , 1.57079633])""",
)


def _atan_partial(g: Any, x: Any) -> Any:
    if kind(x.dtype) == "c":
        return strong_divide(g, x * x + 1.0)
    length = hypot(x, 1.0)
    return g / length / length


atan = unary(
    "atan",
    "Inverse of the tangent, in radians.",
    partial=_atan_partial,
    derivative="1/(x**2 + 1)",
    notes="The derivative of a large argument does not overflow on the way.",
    example=""">>> xp.atan(np.array([0.0, 1.0]))
array([0.        , 0.78539816])""",
)


def _atan2_partial(g: Any, other: Any, x1: Any, x2: Any) -> Any:
    length = hypot(x1, x2)
    return divide_or_zero(g * divide_or_zero(other, length), length)


atan2 = binary(
    "atan2",
    "Angle in radians of the point with ordinate x1 and abscissa x2, from -pi to pi.",
    partials=(
        lambda g, x1, x2: _atan2_partial(g, x2, x1, x2),
        lambda g, x1, x2: _atan2_partial(-g, x1, x1, x2),
    ),
    derivative=("x2/(x1**2 + x2**2)", "-x1/(x1**2 + x2**2)"),
    dtypes="real floating",
    analytic=False,
    notes="Derivatives of every order at (0, 0) are 0. Squares of very large or small arguments are avoided.",
    example=""">>> xp.atan2(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
array([0.        , 1.57079633])""",
)
