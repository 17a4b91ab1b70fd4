"""Products with logarithms: entropies and divergences."""

from __future__ import annotations

from math import inf
from typing import Any

from funcnet.ops.comparison import equal, logical_and, where
from funcnet.ops.exponential import log, log1p
from funcnet.ops.special.declare import POSITIVE, declare
from funcnet.ops.strong import strong_divide, strong_multiply

__all__ = ["both", "entr", "kl_div", "rel_entr", "xlog1py", "xlogy"]


# The ends, where a logarithm is infinite, have tests of their own.
_INSIDE = (0.05, inf)


def _scalar(x: Any) -> bool:
    return x.__class__ in (int, float)


def both(xp: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Return two arrays, of which one may have been a Python scalar."""
    if _scalar(x):
        return xp.full_like(y, x), y
    return (x, xp.full_like(x, y)) if _scalar(y) else (x, y)


def _xlogy(xp: Any, x: Any, y: Any) -> Any:
    x, y = both(xp, x, y)
    nothing = (x == 0) & ~xp.isnan(y)
    return xp.where(nothing, 0.0, x) * xp.log(xp.where(nothing, 1.0, y))


def _xlog1py(xp: Any, x: Any, y: Any) -> Any:
    x, y = both(xp, x, y)
    nothing = (x == 0) & ~xp.isnan(y)
    return xp.where(nothing, 0.0, x) * xp.log1p(xp.where(nothing, 0.0, y))


def _entr(xp: Any, x: Any) -> Any:
    inside = (x > 0) | xp.isnan(x)
    value = xp.where(inside, x, 1.0)
    return xp.where(inside, -value * xp.log(value), xp.where(x == 0, xp.zeros_like(x), -inf))


def _rel_entr(xp: Any, x: Any, y: Any) -> Any:
    x, y = both(xp, x, y)
    inside = ((x > 0) & (y > 0)) | xp.isnan(x) | xp.isnan(y)
    top, bottom = xp.where(inside, x, 1.0), xp.where(inside, y, 1.0)
    ratio = top / bottom
    # Where the quotient leaves the range of the data type its logarithm does not.
    safe = (ratio > 0) & (ratio < inf)
    logarithm = xp.where(safe, xp.log(xp.where(safe, ratio, 1.0)), xp.log(top) - xp.log(bottom))
    return xp.where(inside, top * logarithm, xp.where((x == 0) & (y >= 0), 0.0 * top, inf))


def _kl_div(xp: Any, x: Any, y: Any) -> Any:
    x, y = both(xp, x, y)
    value = _rel_entr(xp, x, y)
    finite = value < inf
    return xp.where(finite, value - xp.where(finite, x, 0.0) + xp.where(finite, y, 0.0), value)


def _log_ratio(x: Any, y: Any) -> Any:
    # Both may be 0: from there the functions jump to infinity with x.
    return where(logical_and(equal(x, 0.0), equal(y, 0.0)), inf, log(x) - log(y))


xlogy = declare(
    "xlogy",
    "x y",
    "``x * log(y)``, 0 where x is 0.",
    impl=_xlogy,
    partials=(
        lambda g, x2: strong_multiply(g, log(x2)),
        lambda g, x1, x2: strong_divide(strong_multiply(g, x1), x2),
    ),
    derivative=("log(x2)", "x1/x2"),
    domain=(_INSIDE, _INSIDE),
    example=("np.array(0.0), 0.0", "0"),
    reference="SciPy, ``xlogy``.",
    notes="At x = 0 the derivative by y is 0 even at y = 0; that by x is -inf at y = 0, unless the cotangent is 0.",
)

xlog1py = declare(
    "xlog1py",
    "x y",
    "``x * log1p(y)``, 0 where x is 0.",
    impl=_xlog1py,
    partials=(
        lambda g, x2: strong_multiply(g, log1p(x2)),
        lambda g, x1, x2: strong_divide(strong_multiply(g, x1), 1.0 + x2),
    ),
    derivative=("log(1 + x2)", "x1/(1 + x2)"),
    domain=(_INSIDE, (-0.95, inf)),
    example=("np.array(0.0), -1.0", "0"),
    reference="SciPy, ``xlog1py``.",
    notes="At x = 0 the derivative by y is 0 even at y = -1; that by x is -inf there, unless the cotangent is 0.",
)

entr = declare(
    "entr",
    "x",
    "``-x * log(x)``, 0 at 0 and -inf below.",
    impl=_entr,
    partials=(lambda g, x: strong_multiply(-g, log(x) + 1.0),),
    derivative=("-log(x) - 1",),
    domain=(POSITIVE,),
    example=("np.array(0.0)", "0"),
    reference="SciPy, ``entr``.",
    notes="The derivative at 0 is infinite, unless the cotangent is 0.",
)

rel_entr = declare(
    "rel_entr",
    "x y",
    "``x * log(x / y)``; 0 where x is 0 and y is not negative, inf where either is negative or only y is 0.",
    impl=_rel_entr,
    partials=(
        lambda g, x1, x2: strong_multiply(g, _log_ratio(x1, x2) + 1.0),
        lambda g, x1, x2: strong_divide(strong_multiply(-g, x1), x2),
    ),
    derivative=("log(x1/x2) + 1", "-x1/x2"),
    domain=(_INSIDE, _INSIDE),
    example=("np.array(1.0), 0.5", "0.6931471806"),
    reference="SciPy, ``rel_entr``.",
    notes="At x = 0 the derivative by y is 0 even at y = 0; that by x is -inf, unless the cotangent is 0, and inf\n    "
    "where y is 0, too: beside there the function is infinite.",
)

kl_div = declare(
    "kl_div",
    "x y",
    "``x * log(x / y) - x + y``; y where x is 0, inf where either is negative or only y is 0.",
    impl=_kl_div,
    partials=(
        lambda g, x1, x2: strong_multiply(g, _log_ratio(x1, x2)),
        lambda g, x1, x2: g - strong_divide(strong_multiply(g, x1), x2),
    ),
    derivative=("log(x1/x2)", "1 - x1/x2"),
    domain=(_INSIDE, _INSIDE),
    example=("np.array(1.0), 0.5", "0.1931471806"),
    reference="SciPy, ``kl_div``.",
    notes="At x = 0 the derivative by y is 1; that by x is -inf, unless the cotangent is 0, and inf where y is 0,\n    "
    "too: beside there the function is infinite.",
)
