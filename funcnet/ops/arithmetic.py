"""Arithmetic of two arrays, powers, extrema and bounds."""

from __future__ import annotations

import cmath
import math
from math import inf, nan
from typing import Any

from funcnet.core import Arg, bind, case, elementwise
from funcnet.core.dtypes import is_inexact, kind
from funcnet.ops.broadcasting import cast
from funcnet.ops.functions import binary, unary
from funcnet.ops.strong import (
    divide_or_zero,
    masked,
    strong_divide,
    strong_multiply,
    strong_power,
    strong_product,
    winning,
)

__all__ = [
    "add",
    "clip",
    "divide",
    "floor_divide",
    "hypot",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "nextafter",
    "positive",
    "pow",
    "reciprocal",
    "remainder",
    "subtract",
]

add = binary(
    "add",
    "Sum of two arrays.",
    partials=(1, 1),
    derivative=("1", "1"),
    example=""">>> xp.add(np.array([1.0, 2.0]), 10.0)
array([11., 12.])""",
)

subtract = binary(
    "subtract",
    "Difference of two arrays.",
    partials=(1, -1),
    derivative=("1", "-1"),
    example=""">>> xp.subtract(np.array([1.0, 2.0]), 1.0)
array([0., 1.])""",
)

multiply = binary(
    "multiply",
    "Product of two arrays.",
    partials=(lambda g, x2: strong_multiply(g, x2), lambda g, x1: strong_multiply(g, x1)),
    derivative=("x2", "x1"),
    notes="A factor that is infinite or NaN contributes nothing where the cotangent is 0: where(x > 0, x * log(x), 0).",
    example=""">>> xp.multiply(np.array([1.0, 2.0]), 10.0)
array([10., 20.])""",
)

divide = binary(
    "divide",
    "Quotient of two arrays.",
    # (x1 / x2) / x2 and not x1 / x2**2, whose denominator may vanish although the quotient does not overflow.
    partials=(
        lambda g, x2: strong_divide(g, x2),
        lambda g, x2, y: strong_divide(strong_multiply(-g, y), x2),
    ),
    derivative=("1/x2", "-x1/x2**2"),
    dtypes="floating",
    notes="Where x2 is 0 derivatives are infinite or NaN, unless the cotangent is 0.",
    example=""">>> xp.divide(np.array([1.0, 2.0]), 4.0)
array([0.25, 0.5 ])""",
)

negative = unary(
    "negative",
    "Each element with its sign changed.",
    partial=-1,
    derivative="-1",
    dtypes="numeric",
    example=""">>> xp.negative(np.array([1.0, -2.0]))
array([-1.,  2.])""",
)

positive = unary(
    "positive",
    "Each element, unchanged.",
    partial=1,
    derivative="1",
    dtypes="numeric",
    example=""">>> xp.positive(np.array([1.0, -2.0]))
array([ 1., -2.])""",
)

reciprocal = unary(
    "reciprocal",
    "1 divided by each element.",
    partial=lambda g, y: strong_multiply(strong_multiply(-g, y), y),
    derivative="-1/x**2",
    kinks=(0.0,),
    notes="The derivative at 0 is infinite, unless the cotangent is 0.",
    example=""">>> xp.reciprocal(np.array([2.0, 4.0]))
array([0.5 , 0.25])""",
)

floor_divide = binary(
    "floor_divide",
    "Quotient of two arrays, rounded down to an integer.",
    partials=(None, None),
    derivative=("0", "0"),
    dtypes="real",
    analytic=False,
    notes="The derivative is 0, where the result jumps too.",
    example=""">>> xp.floor_divide(np.array([7.0, -7.0]), 2.0)
array([ 3., -4.])""",
)

remainder = binary(
    "remainder",
    "Remainder of the division rounded down, ``x1 - x2 * floor(x1 / x2)``; it has the sign of x2.",
    partials=(1, lambda g, x1, x2: strong_multiply(-g, floor_divide(x1, x2))),
    derivative=("1", "-floor(x1/x2)"),
    dtypes="real",
    analytic=False,
    notes="Where the result jumps, at multiples of x2, the derivative is that of the piece to the right.",
    example=""">>> xp.remainder(np.array([7.0, -7.0]), 4.0)
array([3., 1.])""",
)


def _scalar_log(x: complex) -> complex:
    """Return the logarithm, 0 for 0, whose powers are flat, and NaN for negative numbers."""
    if not x:
        return 0.0
    if isinstance(x, complex):
        return cmath.log(x)
    return math.log(x) if x > 0 else nan


def _pow_base(g: Any, x1: Any, x2: Any) -> Any:
    if x2.__class__ in (bool, int, float, complex):
        if x2 == 2:
            return strong_multiply(g, x1 + x1)
        return g if x2 == 1 else strong_power(g * x2, x1, x2 - 1)
    if is_inexact(x2.dtype) or kind(g.dtype) == "f":
        # The difference below would lose digits in a lower precision than the result's, or leave the range of integers.
        x2 = cast(x2, g.dtype)
    return strong_power(strong_product(g, x2), x1, x2 - 1)


def _pow_exponent(g: Any, x1: Any, x2: Any, y: Any) -> Any:
    if x1.__class__ in (bool, int, float, complex):
        return strong_multiply(g, y) * _scalar_log(x1)
    if not is_inexact(x1.dtype):
        # Logarithms of small integers would have half precision.
        x1 = cast(x1, g.dtype)
    return strong_power(g, x1, x2, 1)


pow = binary(
    "pow",
    "First array to the power of the second.",
    partials=(_pow_base, _pow_exponent),
    derivative=("x2*x1**(x2 - 1)", "x1**x2*log(x1)"),
    domain=((0.0, inf), (-inf, inf)),
    notes="""\
The derivative by x1 is 0 where x2 is 0, at ``x1 = 0`` too; it is infinite at ``x1 = 0`` for x2 below 1, unless the
cotangent is 0. The derivative by x2 is 0 at ``x1 = 0`` for x2 of 0 and above, and NaN for negative x1, whose powers are
real at isolated exponents only.""",
    example=""">>> xp.pow(np.array([2.0, 3.0]), 2.0)
array([4., 9.])""",
)

hypot = binary(
    "hypot",
    "Square root of ``x1**2 + x2**2``, without overflow or underflow in between.",
    partials=(
        lambda g, x1, y: g * divide_or_zero(x1, y),
        lambda g, x2, y: g * divide_or_zero(x2, y),
    ),
    derivative=("x1/sqrt(x1**2 + x2**2)", "x2/sqrt(x1**2 + x2**2)"),
    dtypes="real floating",
    analytic=False,
    notes="Derivatives of every order at (0, 0) are 0.",
    example=""">>> xp.hypot(np.array([3.0, 5.0]), np.array([4.0, 12.0]))
array([ 5., 13.])""",
)

maximum = binary(
    "maximum",
    "Larger of two elements; NaN if one of them is NaN.",
    partials=(lambda g, x1, x2: winning(g, x1, x2), lambda g, x1, x2: winning(g, x2, x1)),
    derivative=("Heaviside(x1 - x2)", "Heaviside(x2 - x1)"),
    kinks=(0.0,),
    dtypes="real",
    analytic=False,
    notes="Equal arguments get half of the derivative each.",
    example=""">>> xp.maximum(np.array([1.0, 5.0]), 3.0)
array([3., 5.])""",
)

minimum = binary(
    "minimum",
    "Smaller of two elements; NaN if one of them is NaN.",
    partials=(lambda g, x1, x2: winning(g, x2, x1), lambda g, x1, x2: winning(g, x1, x2)),
    derivative=("Heaviside(x2 - x1)", "Heaviside(x1 - x2)"),
    kinks=(0.0,),
    dtypes="real",
    analytic=False,
    notes="Equal arguments get half of the derivative each.",
    example=""">>> xp.minimum(np.array([1.0, 5.0]), 3.0)
array([1., 3.])""",
)

nextafter = binary(
    "nextafter",
    "Next representable number after x1 towards x2.",
    partials=(1, None),
    derivative=("1", "0"),
    dtypes="real floating",
    analytic=False,
    notes="The step is below the resolution of the numbers, so the derivative is that of x1 itself: 1, and 0 by x2.",
    example=""">>> xp.nextafter(np.array([1.0]), np.array([2.0])) - 1.0
array([2.22044605e-16])""",
)

_CLIP_CASES = tuple(
    case(Arg(shape, low=low, high=high), Arg(bounds, low=-1.0, high=-0.3), Arg((), low=0.3, high=1.0))
    for shape, bounds, low, high in (
        ((2, 3), (3,), -0.2, 0.2),
        ((2, 3), (3,), 1.2, 2.0),
        ((2,), (2, 1), -2.0, -1.2),
        ((), (), -0.2, 0.2),
        ((0,), (1,), -0.2, 0.2),
    )
)

clip_p = elementwise(
    "clip",
    lambda xp, x, low, high: xp.clip(x, low, high),
    partials=(
        lambda g, x1, x2, x3: masked(g, (x1 >= x2) & (x1 <= x3)),
        lambda g, x1, x2, x3: masked(g, (x1 < x2) & (x2 <= x3)),
        lambda g, x1, x2, x3: masked(g, (x1 > x3) | (x2 > x3)),
    ),
    derivative=("Heaviside(x1 - x2)*Heaviside(x3 - x1)", "Heaviside(x2 - x1)", "Heaviside(x1 - x3)"),
    cases=_CLIP_CASES,
    dtypes="real",
    analytic=False,
)

_BOUND_CASES = tuple(
    case(Arg(shape, low=low, high=high), Arg(bounds, low=-0.3, high=0.3))
    for shape, bounds, low, high in (
        ((2, 3), (3,), -1.5, -0.6),
        ((2, 1), (3,), 0.6, 1.5),
        ((), (), 0.6, 1.5),
        ((), (2,), -1.5, -0.6),
        ((0,), (1,), -1.5, -0.6),
    )
)

clip_below_p = elementwise(
    "clip_below",
    lambda xp, x, low: xp.clip(x, min=low),
    partials=(lambda g, x1, x2: masked(g, x1 >= x2), lambda g, x1, x2: masked(g, x1 < x2)),
    derivative=("Heaviside(x1 - x2)", "Heaviside(x2 - x1)"),
    cases=_BOUND_CASES,
    dtypes="real",
    analytic=False,
)

clip_above_p = elementwise(
    "clip_above",
    lambda xp, x, high: xp.clip(x, max=high),
    partials=(lambda g, x1, x2: masked(g, x1 <= x2), lambda g, x1, x2: masked(g, x1 > x2)),
    derivative=("Heaviside(x2 - x1)", "Heaviside(x1 - x2)"),
    cases=_BOUND_CASES,
    dtypes="real",
    analytic=False,
)


def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """Limit each element to an interval.

    Derivative: 1 in the closed interval, bounds included, and 0 outside of it. Outside, the bound that is met takes
    the derivative; a bound that `x` is equal to takes none.

    Parameters
    ----------
    x : array
        Of a real data type.
    min, max : array, Python scalar or None
        Bounds, which broadcast against `x`; None leaves that side open. Where ``min > max`` the result is `max`.

    Returns
    -------
    array
        Of the broadcast shape of the arguments.

    References
    ----------
    Python Array API standard, ``clip``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.clip(np.array([-2.0, 0.5, 2.0]), -1.0, 1.0)
    array([-1. ,  0.5,  1. ])
    """
    if min is None:
        return bind(positive.primitive, x) if max is None else bind(clip_above_p, x, max)
    return bind(clip_below_p, x, min) if max is None else bind(clip_p, x, min, max)
