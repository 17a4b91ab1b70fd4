"""The standard normal distribution's probability and density, which the exact GELU is made of.

Without SciPy, whose functions `funcnet.xp.special` computes with, since models must not need it.
"""

from __future__ import annotations

from functools import wraps
from math import pi, sqrt
from typing import TYPE_CHECKING, Any

from funcnet.backends.polynomials import ERF_LARGE, ERF_MIDDLE, ERF_SMALL
from funcnet.core import bind
from funcnet.ops.nn.declare import simple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["density", "density_p", "probability", "probability_p", "widened"]

_DENSITY = 1.0 / sqrt(2.0 * pi)
#: Beyond it the density is 0 in every data type, and no square overflows before it.
_FAR = 40.0


def widened(f: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return an implementation that computes with half precision, whose range is too small, in float32."""

    @wraps(f)
    def impl(xp: Any, x: Any) -> Any:
        if x.dtype in (xp.float32, xp.float64):
            return f(xp, x)
        return xp.astype(f(xp, xp.astype(x, xp.float32)), x.dtype)

    return impl


@widened
def density(xp: Any, x: Any) -> Any:
    """Return ``exp(-x**2 / 2) / sqrt(2 * pi)``."""
    z = xp.clip(x, -_FAR, _FAR)
    return xp.exp(-0.5 * (z * z)) * _DENSITY


@widened
def probability(xp: Any, x: Any) -> Any:
    """Return the probability of values below x by Cody's rational approximations, exact to the digits far out too."""
    z = xp.clip(xp.abs(x), 0.0, _FAR) * sqrt(0.5)
    # Where a piece is not used its argument is one, so that nothing overflows there.
    small, large = z <= 0.46875, z > 4.0
    t = xp.where(small, z, 1.0)
    half = 0.5 * t * ERF_SMALL(t * t)
    near = 0.5 + xp.where(x < 0, -half, half)
    e = 0.5 * xp.exp(-z * z)
    t = xp.where(small | large, 1.0, z)
    tail = e * ERF_MIDDLE(t)
    t = xp.where(large, z, 4.0)
    inverse = 1.0 / (t * t)
    tail = xp.where(large, e / t * (1.0 / sqrt(pi) - inverse * ERF_LARGE(inverse)), tail)
    return xp.where(small, near, xp.where(x < 0, tail, 1.0 - tail))


density_p = simple("gaussian_density", density, lambda g, x, y: g * (-x * y), "-x*exp(-x**2/2)/sqrt(2*pi)")

probability_p = simple("gaussian_probability", probability, lambda g, x: g * _density(x), "exp(-x**2/2)/sqrt(2*pi)")


def _density(x: Any) -> Any:
    return bind(density_p, x)
