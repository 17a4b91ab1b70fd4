"""Elementary functions that are worth a name: powers, logistic functions, transformations, angles, losses."""

from __future__ import annotations

from math import inf, log, pi
from typing import Any

from funcnet.core.bind import check_arrays
from funcnet.ops.activations import sigmoid, softplus
from funcnet.ops.arithmetic import hypot
from funcnet.ops.comparison import where
from funcnet.ops.complex import abs as magnitude
from funcnet.ops.complex import sign
from funcnet.ops.exponential import exp, log1p
from funcnet.ops.exponential import log as logarithm
from funcnet.ops.special.declare import ALL, POSITIVE, UNIT, declare, documented
from funcnet.ops.special.information import both, xlog1py, xlogy
from funcnet.ops.special.integrals import hyp1f1, hyp2f1
from funcnet.ops.strong import strong_divide, strong_multiply
from funcnet.ops.trigonometric import sin

__all__ = [
    "boxcox",
    "boxcox1p",
    "cbrt",
    "cosdg",
    "cosm1",
    "cotdg",
    "exp2",
    "exp10",
    "expit",
    "huber",
    "inv_boxcox",
    "inv_boxcox1p",
    "log_expit",
    "logit",
    "pseudo_huber",
    "radian",
    "sindg",
    "tandg",
]

_DEGREE = pi / 180.0


def _cbrt(xp: Any, x: Any) -> Any:
    # One step of Newton's method takes the power to full precision.
    y = xp.abs(x) ** (1.0 / 3.0)
    safe = (y > 0) & (y < inf)
    square = xp.where(safe, y * y, 1.0)
    return xp.copysign(xp.where(safe, y - (y - xp.abs(x) / square) / 3.0, y), x)


cbrt = declare(
    "cbrt",
    "x",
    "Cube root, negative for negative x.",
    impl=_cbrt,
    partials=(lambda g, y: strong_divide(g, 3.0 * y * y),),
    derivative=("1/(3*abs(x)**(2/3))",),
    domain=(ALL,),
    kinks=(0.0,),
    example=("np.array(-8.0)", "-2"),
    reference="SciPy, ``cbrt``.",
    notes="The derivative at 0 is infinite, unless the cotangent is 0.",
)

exp2 = declare(
    "exp2",
    "x",
    "2 to the power of x.",
    impl=lambda xp, x: xp.pow(xp.full_like(x, 2.0), x),
    partials=(lambda g, y: g * (log(2.0) * y),),
    derivative=("log(2)*2**x",),
    domain=(ALL,),
    example=("np.array(3.0)", "8"),
    reference="SciPy, ``exp2``.",
)

exp10 = declare(
    "exp10",
    "x",
    "10 to the power of x.",
    impl=lambda xp, x: xp.pow(xp.full_like(x, 10.0), x),
    partials=(lambda g, y: g * (log(10.0) * y),),
    derivative=("log(10)*10**x",),
    domain=(ALL,),
    example=("np.array(3.0)", "1000"),
    reference="SciPy, ``exp10``.",
)


def _logit(xp: Any, x: Any) -> Any:
    # Beside 1/2 by the logarithm of 1 + s, whose argument is exact there.
    middle = xp.abs(x - 0.5) < 0.2
    inner = xp.where(middle, x, 0.5)
    s = 2.0 * (inner - 0.5)
    outer = xp.where(middle, 0.5, x)
    return xp.where(middle, xp.log1p(s) - xp.log1p(-s), xp.log(outer) - xp.log1p(-outer))


logit = declare(
    "logit",
    "x",
    "Inverse of `expit`: the logarithm of ``x / (1 - x)``.",
    impl=_logit,
    partials=(lambda g, x: strong_divide(strong_divide(g, x), 1.0 - x),),
    derivative=("1/(x*(1 - x))",),
    domain=(UNIT,),
    example=("np.array(0.75)", "1.098612289"),
    reference="SciPy, ``logit``.",
    notes="Function and derivative are infinite at 0 and 1, unless the cotangent is 0.",
)


def expit(x: Any, /) -> Any:
    check_arrays("expit", (x,))
    # By the smaller one of the function and its complement, of which every derivative is exact in the tails. A factor
    # makes integers, which may have no negative ones of their type, floating-point numbers.
    smaller = sigmoid(where(x > 0.0, -1.0 * x, x))
    return where(x > 0.0, 1.0 - smaller, smaller)


documented(
    expit,
    "expit",
    ("x",),
    "Logistic function ``1 / (1 + exp(-x))``, without overflow.",
    "d/dx = expit(x)*expit(-x)",
    "",
    "SciPy, ``expit``.",
    ("np.array(0.0)", "0.5"),
)


def log_expit(x: Any, /) -> Any:
    check_arrays("log_expit", (x,))
    return -softplus(-1.0 * x)


documented(
    log_expit,
    "log_expit",
    ("x",),
    "Logarithm of the logistic function, which does not underflow.",
    "d/dx = 1/(1 + exp(x))",
    "",
    "SciPy, ``log_expit``.",
    ("np.array(-1000.0)", "-1000"),
)


# ---------------------------------------------------------------------- Box and Cox

# boxcox is u times the function ``(exp(z) - 1) / z`` of z = lmbda u, where u is the logarithm; its inverse is the
# exponential of x times ``log(1 + z) / z`` of z = lmbda x. Both quotients are hypergeometric, and so are their slopes.


def _by_lambda(g: Any, u: Any, lmbda: Any) -> Any:
    # At u = -inf the transform is -1 / lmbda.
    end = u == -inf
    inner = where(end, 0.0 * lmbda, u)
    slope = inner * inner * (0.5 * hyp1f1(2.0, 3.0, lmbda * inner))
    return strong_multiply(g, where(end, strong_divide(1.0 + 0.0 * lmbda, lmbda * lmbda), slope))


def _inverse_by_lambda(x: Any, lmbda: Any) -> Any:
    return x * x * (-0.5 * hyp2f1(2.0, 2.0, 3.0, -(lmbda * x)))


boxcox = declare(
    "boxcox",
    "x lmbda",
    "Box-Cox transform ``(x**lmbda - 1) / lmbda``, ``log(x)`` at lmbda = 0.",
    partials=(
        lambda g, x1, x2: strong_multiply(g, exp(xlogy(x2 - 1.0, x1))),
        lambda g, x1, x2: _by_lambda(g, logarithm(x1), x2),
    ),
    derivative=("x1**(x2 - 1)", "log(x1)**2*hyp1f1(2, 3, x2*log(x1))/2"),
    domain=(POSITIVE, ALL),
    example=("4.0, 0.5", "2"),
    reference="G. E. P. Box and D. R. Cox, J. R. Stat. Soc. B 26 (1964); DLMF 13.6.1; SciPy, ``boxcox``.",
    notes="All derivatives are right at and beside lmbda = 0.",
)

boxcox1p = declare(
    "boxcox1p",
    "x lmbda",
    "Box-Cox transform of ``1 + x``, exact for small x.",
    partials=(
        lambda g, x1, x2: strong_multiply(g, exp(xlog1py(x2 - 1.0, x1))),
        lambda g, x1, x2: _by_lambda(g, log1p(x1), x2),
    ),
    derivative=("(1 + x1)**(x2 - 1)", "log(1 + x1)**2*hyp1f1(2, 3, x2*log(1 + x1))/2"),
    domain=((-1.0, inf), ALL),
    example=("3.0, 0.5", "2"),
    reference="G. E. P. Box and D. R. Cox, J. R. Stat. Soc. B 26 (1964); DLMF 13.6.1; SciPy, ``boxcox1p``.",
    notes="All derivatives are right at and beside lmbda = 0.",
)

inv_boxcox = declare(
    "inv_boxcox",
    "y lmbda",
    "Inverse of `boxcox`: ``(1 + lmbda y)**(1 / lmbda)``, ``exp(y)`` at lmbda = 0.",
    partials=(
        lambda g, x1, x2, y: strong_divide(strong_multiply(g, y), 1.0 + x1 * x2),
        lambda g, x1, x2, y: strong_multiply(g, y * _inverse_by_lambda(x1, x2)),
    ),
    derivative=("inv_boxcox(x1, x2)/(1 + x1*x2)", "-inv_boxcox(x1, x2)*x1**2*hyp2f1(2, 2, 3, -x1*x2)/2"),
    domain=((0.0, 2.0), (0.0, 2.0)),
    example=("2.0, 0.5", "4"),
    reference="G. E. P. Box and D. R. Cox, J. R. Stat. Soc. B 26 (1964); DLMF 15.4.1; SciPy, ``inv_boxcox``.",
    notes="All derivatives are right at and beside lmbda = 0.",
)

inv_boxcox1p = declare(
    "inv_boxcox1p",
    "y lmbda",
    "Inverse of `boxcox1p`.",
    partials=(
        lambda g, x1, x2, y: strong_divide(strong_multiply(g, 1.0 + y), 1.0 + x1 * x2),
        lambda g, x1, x2, y: strong_multiply(g, (1.0 + y) * _inverse_by_lambda(x1, x2)),
    ),
    derivative=("inv_boxcox(x1, x2)/(1 + x1*x2)", "-inv_boxcox(x1, x2)*x1**2*hyp2f1(2, 2, 3, -x1*x2)/2"),
    domain=((0.0, 2.0), (0.0, 2.0)),
    example=("2.0, 0.5", "3"),
    reference="G. E. P. Box and D. R. Cox, J. R. Stat. Soc. B 26 (1964); DLMF 15.4.1; SciPy, ``inv_boxcox1p``.",
    notes="All derivatives are right at and beside lmbda = 0.",
)


# ---------------------------------------------------------------------- angles

sindg = declare(
    "sindg",
    "x",
    "Sine of angles in degrees.",
    partials=(lambda g, x: g * (_DEGREE * cosdg(x)),),
    derivative=("pi/180*cosdg(x)",),
    domain=(ALL,),
    example=("30.0", "0.5"),
    reference="SciPy, ``sindg``.",
)

cosdg = declare(
    "cosdg",
    "x",
    "Cosine of angles in degrees.",
    partials=(lambda g, x: g * (-_DEGREE * sindg(x)),),
    derivative=("-pi/180*sindg(x)",),
    domain=(ALL,),
    example=("60.0", "0.5"),
    reference="SciPy, ``cosdg``.",
)

tandg = declare(
    "tandg",
    "x",
    "Tangent of angles in degrees.",
    partials=(lambda g, y: strong_multiply(g, _DEGREE * (1.0 + y * y)),),
    derivative=("pi/180*(1 + tandg(x)**2)",),
    domain=(ALL,),
    example=("45.0", "1"),
    reference="SciPy, ``tandg``.",
    notes="It is infinite at odd multiples of 90.",
)

cotdg = declare(
    "cotdg",
    "x",
    "Cotangent of angles in degrees.",
    partials=(lambda g, y: strong_multiply(g, -_DEGREE * (1.0 + y * y)),),
    derivative=("-pi/180*(1 + cotdg(x)**2)",),
    domain=((30.0, 60.0),),
    example=("45.0", "1"),
    reference="SciPy, ``cotdg``.",
    notes="It is infinite at multiples of 180.",
)

cosm1 = declare(
    "cosm1",
    "x",
    "``cos(x) - 1``, exact for small x.",
    impl=lambda xp, x: -2.0 * xp.sin(0.5 * x) ** 2,
    partials=(lambda g, x: -g * sin(x),),
    derivative=("-sin(x)",),
    domain=(ALL,),
    example=("np.array(1e-10)", "-5e-21"),
    reference="SciPy, ``cosm1``.",
)


def radian(d: Any, m: Any, s: Any, /) -> Any:
    check_arrays("radian", (d, m, s))
    return _DEGREE * (d + m / 60.0 + s / 3600.0)


documented(
    radian,
    "radian",
    ("d", "m", "s"),
    "Angle in radians, given in degrees, minutes and seconds.",
    "d/dd = pi/180, d/dm = pi/10800, d/ds = pi/648000",
    "",
    "SciPy, ``radian``.",
    ("np.array(180.0), 0.0, 0.0", "3.141592654"),
)


# ---------------------------------------------------------------------- losses


def huber(delta: Any, r: Any, /) -> Any:
    check_arrays("huber", (delta, r))
    size = magnitude(r) if hasattr(r, "dtype") else abs(r)
    near = size <= delta
    value = where(near, 0.5 * (r * r), delta * (size - 0.5 * delta))
    return where(delta + 0.0 * size < 0, value * 0.0 + inf, value)


documented(
    huber,
    "huber",
    ("delta", "r"),
    "Huber's loss: ``r**2 / 2`` up to abs(r) = delta, linear with the same slope beyond.",
    "d/dr = r, clipped to [-delta, delta]; d/ddelta = 0 inside, abs(r) - delta outside",
    "It is inf where delta is negative.",
    "P. J. Huber, Ann. Math. Stat. 35 (1964); SciPy, ``huber``.",
    ("np.array(1.0), 3.0", "2.5"),
)


def _pseudo_huber(xp: Any, delta: Any, r: Any) -> Any:
    delta, r = both(xp, delta, r)
    some = (delta > 0) & (r != 0)
    width = xp.where(some, delta, 1.0)
    u = xp.where(some, r, 0.0) / width
    # sqrt(1 + u**2) - 1, without cancellation or overflow.
    root = xp.hypot(xp.ones_like(u), u)
    part = xp.where(root < inf, u / (1.0 + xp.where(root < inf, root, 1.0)), xp.sign(u))
    value = width * (width * (u * part))
    return xp.where(delta < 0, inf, value)


def _pseudo_by_delta(g: Any, x1: Any, x2: Any) -> Any:
    # (h - delta)**2 / h with h = sqrt(delta**2 + r**2); the difference is r**2 / (h + delta).
    h = hypot(x1, x2)
    lifted = strong_divide(x2 * x2, h + x1)
    return strong_divide(strong_multiply(g, lifted * lifted), h)


def _pseudo_by_r(g: Any, x1: Any, x2: Any) -> Any:
    far = magnitude(x2) == inf
    finite = where(far, 1.0, x2)
    return strong_multiply(g, where(far, x1 * sign(x2), strong_divide(x1 * finite, hypot(x1, finite))))


pseudo_huber = declare(
    "pseudo_huber",
    "delta r",
    "Smooth version of Huber's loss: ``delta**2 * (sqrt(1 + (r / delta)**2) - 1)``.",
    impl=_pseudo_huber,
    partials=(
        _pseudo_by_delta,
        _pseudo_by_r,
    ),
    derivative=(
        "(sqrt(x1**2 + x2**2) - x1)**2/sqrt(x1**2 + x2**2)",
        "x1*x2/sqrt(x1**2 + x2**2)",
    ),
    domain=(POSITIVE, ALL),
    example=("np.array(1.0), 3.0", "2.16227766"),
    reference="SciPy, ``pseudo_huber``.",
    notes="It is 0 at delta = 0, and inf where delta is negative.",
)
