"""Hyperbolic functions and their inverses."""

from __future__ import annotations

from math import inf
from typing import Any

from funcnet.core.dtypes import kind
from funcnet.ops.arithmetic import hypot
from funcnet.ops.functions import unary
from funcnet.ops.strong import strong_divide, strong_divide_sqrt, strong_multiply

__all__ = ["acosh", "asinh", "atanh", "cosh", "sinh", "tanh"]

sinh = unary(
    "sinh",
    "Hyperbolic sine.",
    partial=lambda g, x: strong_multiply(g, cosh(x)),
    derivative="cosh(x)",
    example=""">>> xp.sinh(np.array([0.0, 1.0]))
array([0.        , 1.17520119])""",
)

cosh = unary(
    "cosh",
    "Hyperbolic cosine.",
    partial=lambda g, x: strong_multiply(g, sinh(x)),
    derivative="sinh(x)",
    example=""">>> xp.cosh(np.array([0.0, 1.0]))
array([1.        , 1.54308063])""",
)

tanh = unary(
    "tanh",
    "Hyperbolic tangent.",
    partial=lambda g, y: g * (1.0 - y * y),
    derivative="1 - tanh(x)**2",
    notes="Where the result rounds to 1 or -1, the derivative is 0.",
    example=""">>> xp.tanh(np.array([0.0, 1.0]))
array([0.        , 0.76159416])""",
)


def _asinh_partial(g: Any, x: Any) -> Any:
    if kind(x.dtype) == "c":
        return strong_divide_sqrt(g, x * x - -1.0)  # keeps the sign of a zero, which tells the side of a branch cut
    return g / hypot(x, 1.0)


asinh = unary(
    "asinh",
    "Inverse of the hyperbolic sine.",
    partial=_asinh_partial,
    derivative="1/sqrt(x**2 + 1)",
    notes="The derivative of a large argument does not overflow on the way.",
    example=""">>> xp.asinh(np.array([0.0, 1.0]))
array([0.        , 0.88137359])""",
)

acosh = unary(
    "acosh",
    "Inverse of the hyperbolic cosine.",
    # Minus -1 in place of plus 1 keeps the sign of an imaginary zero, which tells the side of the branch cut.
    partial=lambda g, x: strong_divide_sqrt(strong_divide_sqrt(g, x - 1.0), x - -1.0),
    derivative="1/(sqrt(x - 1)*sqrt(x + 1))",
    domain=(1.0, inf),
    kinks=(1.0,),
    notes="The derivative at 1 is infinite, unless the cotangent is 0; that of a large argument does not overflow.",
    example=""">>> xp.acosh(np.array([1.0, 2.0]))
array([0.        , 1.3169579])""",
)

atanh = unary(
    "atanh",
    "Inverse of the hyperbolic tangent.",
    partial=lambda g, x: strong_divide(strong_divide(g, 1.0 - x), 1.0 + x),
    derivative="1/(1 - x**2)",
    domain=(-1.0, 1.0),
    kinks=(-1.0, 1.0),
    notes="At -1 and 1 result and derivative are infinite, unless the cotangent is 0.",
    example=""">>> xp.atanh(np.array([0.0, 0.5]))
array([0.        , 0.54930614])""",
)
