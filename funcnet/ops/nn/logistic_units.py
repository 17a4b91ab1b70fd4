"""Activation functions that are x times a probability: silu, swish and the Gaussian error linear unit."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

from funcnet.core import bind
from funcnet.ops.activations import sigmoid
from funcnet.ops.arithmetic import clip
from funcnet.ops.nn.declare import activation, floating, parametrised, simple
from funcnet.ops.nn.gaussian import density, density_p, probability, widened

__all__ = ["gate_p", "gelu", "quick_gelu", "silu", "swish"]


def _logistic(xp: Any, x: Any) -> Any:
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1.0, small) / (1.0 + small)


def _silu_slope(xp: Any, x: Any) -> Any:
    s = _logistic(xp, x)
    return s * (1.0 + x * (1.0 - s))


def _silu_curvature(g: Any, x: Any) -> Any:
    s = sigmoid(x)
    return g * (s * (1.0 - s) * (2.0 + x * (1.0 - 2.0 * s)))


silu_slope_p = simple("silu_slope", _silu_slope, _silu_curvature, "exp(-x)*(2 - x + (2 + x)*exp(-x))/(1 + exp(-x))**3")
silu_p = simple(
    "silu",
    lambda xp, x: x * _logistic(xp, x),
    lambda g, x: g * bind(silu_slope_p, x),
    "(1 + exp(-x) + x*exp(-x))/(1 + exp(-x))**2",
)


# The logistic function of a product, which may overflow.
gate_p = parametrised(
    "logistic_product",
    lambda xp, x, beta: _logistic(xp, x * beta),
    (lambda g, x2, y: g * (y * (1.0 - y)) * x2, lambda g, x1, y: g * (y * (x1 * (1.0 - y)))),
    ("x2*exp(-x1*x2)/(1 + exp(-x1*x2))**2", "x1*exp(-x1*x2)/(1 + exp(-x1*x2))**2"),
)


def _swish_slope(g: Any, x1: Any, x2: Any) -> Any:
    s = bind(gate_p, x1, x2)
    # Where the product overflows, s is 0 or 1.
    return g * (s + (x1 * s) * (1.0 - s) * x2)


def _swish_beta(g: Any, x1: Any, x2: Any) -> Any:
    s = bind(gate_p, x1, x2)
    return g * ((x1 * s) * (x1 * (1.0 - s)))


swish_p = parametrised(
    "swish",
    lambda xp, x, beta: x * _logistic(xp, x * beta),
    (_swish_slope, _swish_beta),
    (
        "(1 + exp(-x1*x2) + x1*x2*exp(-x1*x2))/(1 + exp(-x1*x2))**2",
        "x1**2*exp(-x1*x2)/(1 + exp(-x1*x2))**2",
    ),
)


_ELFWING = "S. Elfwing, E. Uchibe, K. Doya, arXiv:1702.03118, 2017."


@activation(
    "s*(1 + x*(1 - s)) with s = sigmoid(x)",
    ("[-1e4, 0.0, 2.0]", "array([-0.        ,  0.        ,  1.76159416])"),
    reference=_ELFWING,
)
def silu(x: Any, /) -> Any:
    """Sigmoid linear unit, ``x * sigmoid(x)``, also called swish."""
    return bind(silu_p, floating("silu", x))


@activation(
    "s*(1 + beta*x*(1 - s)) with s = sigmoid(beta*x)",
    ("[-1e4, 0.0, 2.0]; beta=2.0", "array([-0.        ,  0.        ,  1.96402758])"),
    parameters={"beta": "Sharpness; at 1 it is `silu`."},
    reference="P. Ramachandran, B. Zoph, Q. V. Le, arXiv:1710.05941, 2017.",
)
def swish(x: Any, /, beta: Any = 1.0) -> Any:
    """``x * sigmoid(beta * x)``, in which beta may be learned."""
    return silu(x) if beta.__class__ is float and beta == 1.0 else bind(swish_p, floating("swish", x), beta)


@activation(
    "s*(1 + 1.702*x*(1 - s)) with s = sigmoid(1.702*x)",
    ("[-1e4, 0.0, 2.0]", "array([-0.        ,  0.        ,  1.93565862])"),
    reference="D. Hendrycks, K. Gimpel, arXiv:1606.08415, 2016.",
)
def quick_gelu(x: Any, /) -> Any:
    """``x * sigmoid(1.702 * x)``, an approximation of `gelu`."""
    return bind(swish_p, floating("quick_gelu", x), 1.702)


_SCALE = sqrt(2.0 / pi)
_CUBIC = 0.044715
#: Beyond it the approximation's logistic function is 0 or 1 in every data type.
_FLAT = 30.0


@widened
def _gelu_slope(xp: Any, x: Any) -> Any:
    return probability(xp, x) + x * density(xp, x)


def _gelu_curvature(g: Any, x: Any) -> Any:
    z = clip(x, -40.0, 40.0)
    return g * (bind(density_p, x) * (2.0 - z * z))


@widened
def _gate(xp: Any, x: Any) -> Any:
    z = xp.clip(x, -_FLAT, _FLAT)
    return _logistic(xp, (2.0 * _SCALE) * (z + _CUBIC * (z * z * z)))


@widened
def _gelu_tanh_slope(xp: Any, x: Any) -> Any:
    s, z = _gate(xp, x), xp.clip(x, -_FLAT, _FLAT)
    return s + (x * s) * ((1.0 - s) * ((2.0 * _SCALE) * (1.0 + (3.0 * _CUBIC) * (z * z))))


def _gelu_tanh_curvature(g: Any, x: Any) -> Any:
    z = clip(x, -_FLAT, _FLAT)
    s = sigmoid((2.0 * _SCALE) * (z + _CUBIC * (z * z * z)))
    first = (2.0 * _SCALE) * (1.0 + (3.0 * _CUBIC) * (z * z))
    second = (2.0 * _SCALE * 6.0 * _CUBIC) * z
    # Far out the first factor is 0, before anything overflows in half precision.
    p = s * (1.0 - s)
    return g * (p * (2.0 * first) + z * (p * second + (p * first) * first * (1.0 - 2.0 * s)))


_U = f"({2.0 * _SCALE!r}*(x + {_CUBIC}*x**3))"
_DU = f"({2.0 * _SCALE!r}*(1 + {3.0 * _CUBIC}*x**2))"
_D2U = f"({2.0 * _SCALE * 6.0 * _CUBIC!r}*x)"
_S = f"(1/(1 + exp(-{_U})))"


gelu_slope_p = simple("gelu_slope", _gelu_slope, _gelu_curvature, "exp(-x**2/2)*(2 - x**2)/sqrt(2*pi)")
gelu_p = simple(
    "gelu",
    lambda xp, x: x * probability(xp, x),
    lambda g, x: g * bind(gelu_slope_p, x),
    "(1 + erf(x/sqrt(2)))/2 + x*exp(-x**2/2)/sqrt(2*pi)",
)
gelu_tanh_slope_p = simple(
    "gelu_tanh_slope",
    _gelu_tanh_slope,
    _gelu_tanh_curvature,
    f"{_S}*(1 - {_S})*(2*{_DU} + x*({_D2U} + {_DU}**2*(1 - 2*{_S})))",
)
gelu_tanh_p = simple(
    "gelu_tanh",
    lambda xp, x: x * _gate(xp, x),
    lambda g, x: g * bind(gelu_tanh_slope_p, x),
    f"{_S}*(1 + x*(1 - {_S})*{_DU})",
)


@activation(
    "P(x) + x*exp(-x**2/2)/sqrt(2*pi)",
    ("[-1e4, 0.0, 2.0]", "array([-0.        ,  0.        ,  1.95449974])"),
    notes="P is computed to the last digits also for very negative x, where ``(1 + erf(x / sqrt(2))) / 2`` has none.",
    reference="D. Hendrycks, K. Gimpel, arXiv:1606.08415, 2016.",
)
def gelu(x: Any, /, *, approximate: bool = False) -> Any:
    """Gaussian error linear unit, x times the probability P that a standard normal variable is below x.

    With ``approximate=True`` the probability is ``(1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2``.
    """
    return bind(gelu_tanh_p if approximate else gelu_p, floating("gelu", x))
