"""Exponentials, logarithms and square roots."""

from __future__ import annotations

from math import inf
from math import log as _log

from funcnet.ops.functions import binary, unary
from funcnet.ops.strong import logistic_difference, strong_divide, strong_multiply

__all__ = ["exp", "expm1", "log", "log1p", "log2", "log10", "logaddexp", "sqrt", "square"]

_LOG_2 = _log(2.0)
_LOG10_E = 1.0 / _log(10.0)

exp = unary(
    "exp",
    "Exponential function.",
    partial=lambda g, y: strong_multiply(g, y),
    derivative="exp(x)",
    notes="Where the result overflows to infinity, the derivative is infinite too.",
    example=""">>> xp.exp(np.array([0.0, 1.0]))
array([1.        , 2.71828183])""",
)

expm1 = unary(
    "expm1",
    "Exponential function minus 1, accurate where x is close to 0.",
    # Not y + 1, which loses all digits where x is very negative.
    partial=lambda g, x: strong_multiply(g, exp(x)),
    derivative="exp(x)",
    example=""">>> xp.expm1(np.array([0.0, 1e-10]))
array([0.e+00, 1.e-10])""",
)

log = unary(
    "log",
    "Natural logarithm.",
    partial=lambda g, x: strong_divide(g, x),
    derivative="1/x",
    domain=(0.0, inf),
    kinks=(0.0,),
    notes="At 0 the result is -inf and the derivative infinite, unless the cotangent is 0.",
    example=""">>> xp.log(np.array([1.0, np.e]))
array([0., 1.])""",
)

log1p = unary(
    "log1p",
    "Natural logarithm of ``1 + x``, accurate where x is close to 0.",
    partial=lambda g, x: strong_divide(g, x + 1.0),
    derivative="1/(x + 1)",
    domain=(-1.0, inf),
    kinks=(-1.0,),
    notes="At -1 the result is -inf and the derivative infinite, unless the cotangent is 0.",
    example=""">>> xp.log1p(np.array([0.0, 1e-10]))
array([0.e+00, 1.e-10])""",
)

log2 = unary(
    "log2",
    "Logarithm to base 2.",
    partial=lambda g, x: strong_divide(g, x * _LOG_2),
    derivative="1/(x*log(2))",
    domain=(0.0, inf),
    kinks=(0.0,),
    notes="At 0 the result is -inf and the derivative infinite, unless the cotangent is 0.",
    example=""">>> xp.log2(np.array([1.0, 8.0]))
array([0., 3.])""",
)

log10 = unary(
    "log10",
    "Logarithm to base 10.",
    partial=lambda g, x: strong_divide(g * _LOG10_E, x),
    derivative="1/(x*log(10))",
    domain=(0.0, inf),
    kinks=(0.0,),
    notes="At 0 the result is -inf and the derivative infinite, unless the cotangent is 0.",
    example=""">>> xp.log10(np.array([1.0, 1000.0]))
array([0., 3.])""",
)

logaddexp = binary(
    "logaddexp",
    "Logarithm of the sum of the exponentials of two arrays, without overflow.",
    partials=(
        lambda g, x1, x2: strong_multiply(g, logistic_difference(x1, x2)),
        lambda g, x1, x2: strong_multiply(g, logistic_difference(x2, x1)),
    ),
    derivative=("exp(x1)/(exp(x1) + exp(x2))", "exp(x2)/(exp(x1) + exp(x2))"),
    dtypes="real floating",
    analytic=False,
    notes="The larger of two infinities takes the whole derivative; equal arguments share it, infinite ones too.",
    example=""">>> xp.logaddexp(np.array([0.0, 1000.0]), np.array([0.0, 1000.0]))
array([6.93147181e-01, 1.00069315e+03])""",
)

sqrt = unary(
    "sqrt",
    "Square root.",
    partial=lambda g, y: strong_divide(g, y + y),
    derivative="1/(2*sqrt(x))",
    domain=(0.0, inf),
    kinks=(0.0,),
    notes="The derivative at 0 is infinite, unless the cotangent is 0.",
    example=""">>> xp.sqrt(np.array([4.0, 9.0]))
array([2., 3.])""",
)

square = unary(
    "square",
    "Square of each element.",
    partial=lambda g, x: strong_multiply(g, x + x),
    derivative="2*x",
    dtypes="numeric",
    example=""">>> xp.square(np.array([2.0, 3.0]))
array([4., 9.])""",
)
