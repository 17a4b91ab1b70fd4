"""Smooth activation functions, and those that are smooth but for 0."""

from __future__ import annotations

from typing import Any

from funcnet.core import bind
from funcnet.ops.activations import sigmoid
from funcnet.ops.activations import softplus as softplus_unit
from funcnet.ops.arithmetic import hypot
from funcnet.ops.comparison import where
from funcnet.ops.complex import abs as absolute
from funcnet.ops.exponential import exp, expm1
from funcnet.ops.hyperbolic import tanh
from funcnet.ops.nn.declare import activation, floating, greater, not_negative, parametrised, simple
from funcnet.ops.nn.logistic_units import gate_p
from funcnet.ops.strong import divide_or_zero, masked
from funcnet.ops.trigonometric import sin

__all__ = [
    "celu",
    "elu",
    "exponential",
    "log_sigmoid",
    "mish",
    "selu",
    "snake",
    "softplus",
    "softsign",
    "squareplus",
    "tanh_shrink",
]


def _tanh_softplus(xp: Any, x: Any) -> Any:
    # tanh(log(1 + e)) = ((1 + e)**2 - 1) / ((1 + e)**2 + 1), in which e = exp(x) must not overflow.
    e = xp.exp(-xp.abs(x))
    right = x > 0
    top = xp.where(right, 1.0 + 2.0 * e, e * (e + 2.0))
    return top / (top + 2.0 * xp.where(right, e * e, xp.ones_like(e)))


tanh_softplus_p = simple(
    "tanh_softplus",
    _tanh_softplus,
    lambda g, x, y: g * ((1.0 - y * y) * sigmoid(x)),
    "(1 - tanh(log(1 + exp(x)))**2)/(1 + exp(-x))",
)


def _mish_slope(g: Any, x: Any) -> Any:
    t = bind(tanh_softplus_p, x)
    return g * (t + x * ((1.0 - t * t) * sigmoid(x)))


mish_p = simple(
    "mish",
    lambda xp, x: x * _tanh_softplus(xp, x),
    _mish_slope,
    "tanh(log(1 + exp(x))) + x*(1 - tanh(log(1 + exp(x)))**2)/(1 + exp(-x))",
)


@activation(
    "t + x*(1 - t**2)*sigmoid(x) with t = tanh(softplus(x))",
    ("[-1e4, 0.0, 2.0]", "array([-0.        ,  0.        ,  1.94395896])"),
    reference="D. Misra, arXiv:1908.08681, 2019.",
)
def mish(x: Any, /) -> Any:
    """``x * tanh(softplus(x))``."""
    return bind(mish_p, floating("mish", x))


def _softplus(xp: Any, x: Any, beta: Any) -> Any:
    return xp.log1p(xp.exp(-xp.abs(x * beta))) / beta + xp.where(x <= 0, 0.0, x)


softplus_p = parametrised(
    "softplus_scaled",
    _softplus,
    (
        lambda g, x1, x2: g * bind(gate_p, x1, x2),
        lambda g, x1, x2, y: g * ((x1 * bind(gate_p, x1, x2) - y) / x2),
    ),
    ("1/(1 + exp(-x1*x2))", "(x1/(1 + exp(-x1*x2)) - log(1 + exp(x1*x2))/x2)/x2"),
)


@activation(
    "sigmoid(beta*x)",
    ("[-1e4, 0.0, 2.0]; beta=2.0", "array([0.        , 0.34657359, 2.00907496])"),
    parameters={"beta": "Sharpness, above 0."},
    notes="Exact for every x: no threshold beyond which it is replaced by x.",
    raises=True,
)
def softplus(x: Any, /, beta: Any = 1.0) -> Any:
    """``log(1 + exp(beta * x)) / beta``, a smooth version of `relu`."""
    greater("softplus", "beta", beta)
    x = floating("softplus", x)
    return softplus_unit(x) if beta.__class__ is float and beta == 1.0 else bind(softplus_p, x, beta)


log_sigmoid_p = simple(
    "log_sigmoid",
    lambda xp, x: xp.where(x >= 0, 0.0, x) - xp.log1p(xp.exp(-xp.abs(x))),
    lambda g, x: g * sigmoid(-x),
    "1/(1 + exp(x))",
)


@activation("sigmoid(-x)", ("[-1e4, 0.0]", "array([-1.00000000e+04, -6.93147181e-01])"))
def log_sigmoid(x: Any, /) -> Any:
    """Logarithm of `sigmoid`, exact where that underflows."""
    return bind(log_sigmoid_p, floating("log_sigmoid", x))


def _squareplus(xp: Any, x: Any, b: Any) -> Any:
    root = xp.hypot(x, xp.zeros_like(x) + b**0.5)
    # On the left the sum would cancel.
    left = x < 0
    return xp.where(left, 0.25 * b / xp.where(left, 0.5 * root - 0.5 * x, 1.0), 0.5 * x + 0.5 * root)


squareplus_p = parametrised(
    "squareplus",
    _squareplus,
    (
        lambda g, x1, x2, y: divide_or_zero(g * y, hypot(x1, x2**0.5)),
        lambda g, x1, x2: divide_or_zero(g * 0.25, hypot(x1, x2**0.5)),
    ),
    ("(1 + x1/sqrt(x1**2 + x2))/2", "1/(4*sqrt(x1**2 + x2))"),
)


@activation(
    "(1 + x/sqrt(x**2 + b))/2",
    ("[-1e4, 0.0, 2.0]", "array([9.99999990e-05, 1.00000000e+00, 2.41421356e+00])"),
    parameters={"b": "Width of the bend, at least 0; at 0 it is `relu`, and its derivative at 0 is 0."},
    reference="J. T. Barron, arXiv:2112.11687, 2021.",
)
def squareplus(x: Any, /, b: Any = 4.0) -> Any:
    """``(x + sqrt(x**2 + b)) / 2``, smooth like `softplus` but algebraic."""
    not_negative("squareplus", "b", b)
    return bind(squareplus_p, floating("squareplus", x), b)


def _negative(x: Any) -> Any:
    """Return x where it is not positive, 0 elsewhere, with the derivative of the left at 0."""
    return masked(x, x <= 0)


elu_p = parametrised(
    "elu",
    lambda xp, x, alpha: xp.where(x > 0, x, alpha * xp.expm1(xp.where(x > 0, 0.0, x))),
    (
        lambda g, x1, x2: g * where(x1 > 0, 1.0, x2 * exp(_negative(x1))),
        lambda g, x1: g * expm1(_negative(x1)),
    ),
    ("Heaviside(x1) + x2*exp(x1)*Heaviside(-x1)", "(exp(x1) - 1)*Heaviside(-x1)"),
    pieces=((0.2, 2.0), (-2.0, -0.2)),
)


@activation(
    "1 where x > 0, alpha*exp(x) elsewhere",
    ("[-1e4, 0.0, 2.0]", "array([-1.,  0.,  2.])"),
    parameters={"alpha": "Minus the limit on the left. The derivative at 0 is that of the left, alpha."},
    reference="D.-A. Clevert, T. Unterthiner, S. Hochreiter, arXiv:1511.07289, 2015.",
)
def elu(x: Any, /, alpha: Any = 1.0) -> Any:
    """Exponential linear unit: x where it is positive, ``alpha * (exp(x) - 1)`` elsewhere."""
    return bind(elu_p, floating("elu", x), alpha)


def _celu(xp: Any, x: Any, alpha: Any) -> Any:
    return xp.where(x > 0, x, alpha * xp.expm1(xp.where(x > 0, 0.0, x) / alpha))


def _celu_alpha(g: Any, x1: Any, x2: Any) -> Any:
    z = _negative(x1) / x2
    return g * (expm1(z) - z * exp(z))


celu_p = parametrised(
    "celu",
    _celu,
    (lambda g, x1, x2: g * exp(_negative(x1) / x2), _celu_alpha),
    ("Heaviside(x1) + exp(x1/x2)*Heaviside(-x1)", "(exp(x1/x2) - 1 - x1/x2*exp(x1/x2))*Heaviside(-x1)"),
    pieces=((0.2, 2.0), (-2.0, -0.2)),
)


@activation(
    "1 where x > 0, exp(x/alpha) elsewhere",
    ("[-1e4, 0.0, 2.0]; alpha=2.0", "array([-2.,  0.,  2.])"),
    parameters={"alpha": "Minus the limit on the left, above 0."},
    reference="J. T. Barron, arXiv:1704.07483, 2017.",
    raises=True,
)
def celu(x: Any, /, alpha: Any = 1.0) -> Any:
    """`elu` with a continuous derivative: ``alpha * (exp(x / alpha) - 1)`` where x is not positive."""
    greater("celu", "alpha", alpha)
    return bind(celu_p, floating("celu", x), alpha)


_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


@activation(
    "1.0507 where x > 0, 1.7581*exp(x) elsewhere",
    ("[-1e4, 0.0, 2.0]", "array([-1.75809934,  0.        ,  2.10140197])"),
    kinks={0.0: _SELU_SCALE * _SELU_ALPHA},
    reference='G. Klambauer et al., "Self-Normalizing Neural Networks", arXiv:1706.02515, 2017.',
)
def selu(x: Any, /) -> Any:
    """Scaled `elu`, with the constants that keep mean 0 and variance 1 from layer to layer."""
    return bind(elu_p, floating("selu", x), _SELU_ALPHA) * _SELU_SCALE


def _softsign_slope(g: Any, x: Any) -> Any:
    # Not the square, which may overflow.
    d = 1.0 + absolute(x)
    return g / d / d


softsign_p = simple("softsign", lambda xp, x: x / (1.0 + xp.abs(x)), _softsign_slope, "1/(1 + Abs(x))**2", (0.0,))


@activation("1/(1 + abs(x))**2", ("[-1.0, 0.0, 3.0]", "array([-0.5 ,  0.  ,  0.75])"))
def softsign(x: Any, /) -> Any:
    """``x / (1 + abs(x))``; its second derivative at 0 is 0."""
    return bind(softsign_p, floating("softsign", x))


def _tanh_squared(g: Any, x: Any) -> Any:
    t = tanh(x)
    return g * (t * t)


tanh_shrink_p = simple("tanh_shrink", lambda xp, x: x - xp.tanh(x), _tanh_squared, "tanh(x)**2")


@activation("tanh(x)**2", ("[-1e4, 0.0, 1.0]", "array([-9.99900000e+03,  0.00000000e+00,  2.38405844e-01])"))
def tanh_shrink(x: Any, /) -> Any:
    """``x - tanh(x)``."""
    return bind(tanh_shrink_p, floating("tanh_shrink", x))


snake_p = parametrised(
    "snake",
    lambda xp, x, alpha: x + xp.sin(x * alpha) ** 2 / alpha,
    (
        lambda g, x1, x2: g * (1.0 + sin(2.0 * (x1 * x2))),
        lambda g, x1, x2: g * ((x1 * sin(2.0 * (x1 * x2)) - sin(x1 * x2) ** 2 / x2) / x2),
    ),
    ("1 + sin(2*x1*x2)", "x1*sin(2*x1*x2)/x2 - sin(x1*x2)**2/x2**2"),
)


@activation(
    "1 + sin(2*alpha*x)",
    ("[0.0, 1.0]", "array([0.        , 1.70807342])"),
    parameters={"alpha": "Frequency, above 0."},
    reference="L. Ziyin, T. Hartwig, M. Ueda, arXiv:2006.08195, 2020.",
    raises=True,
)
def snake(x: Any, /, alpha: Any = 1.0) -> Any:
    """``x + sin(alpha * x)**2 / alpha``, for what is periodic."""
    greater("snake", "alpha", alpha)
    return bind(snake_p, floating("snake", x), alpha)


@activation("exp(x)", ("[-1e4, 0.0, 1.0]", "array([0.        , 1.        , 2.71828183])"))
def exponential(x: Any, /) -> Any:
    """``exp(x)``; infinite, and so is its derivative, where that overflows."""
    return exp(floating("exponential", x))
