"""NumPy kernels of activation functions.

They work in the memory of their own results, and in blocks that stay in the cache where many passes are needed.
"""

from collections.abc import Callable
from math import pi, sqrt
from types import MappingProxyType
from typing import Any

import numpy as np

from funcnet.backends.numpy.elementwise import KERNELS as ELEMENTWISE
from funcnet.backends.polynomials import ERF_LARGE, ERF_MIDDLE, ERF_SMALL, Rational

__all__ = ["KERNELS"]

_FLOATS = frozenset([np.dtype(np.float32), np.dtype(np.float64)])
_BLOCK = 1 << 13
_FAR = 40.0
_DENSITY = 1.0 / sqrt(2.0 * pi)
_sigmoid = ELEMENTWISE["sigmoid"]


def _blockwise(f: Callable[[np.ndarray], Any]) -> Callable[[Any], Any]:
    """Return a function of an array of any shape that calls `f` on one-dimensional blocks."""

    def kernel(x: Any) -> Any:
        flat = np.asarray(x)
        dtype = flat.dtype
        if dtype not in _FLOATS:
            return kernel(flat.astype(np.float32)).astype(dtype)
        flat = flat.reshape(-1)
        if flat.size <= _BLOCK:
            return f(flat).reshape(x.shape)[()]
        y = np.empty_like(flat)
        for start in range(0, flat.size, _BLOCK):
            y[start : start + _BLOCK] = f(flat[start : start + _BLOCK])
        return y.reshape(x.shape)

    return kernel


def _silu(x: Any) -> Any:
    y = _sigmoid(x)
    y *= x
    return y


def _silu_slope(x: Any) -> Any:
    s = _sigmoid(x)
    y = 1 - s
    y *= x
    y += 1
    y *= s
    return y


def _horner(coefficients: tuple[float, ...], t: np.ndarray) -> np.ndarray:
    y = t * coefficients[0]
    for c in coefficients[1:-1]:
        y += c
        y *= t
    y += coefficients[-1]
    return y


def _quotient(rational: Rational, t: np.ndarray) -> np.ndarray:
    y = _horner(rational.numerator, t)
    y /= _horner(rational.denominator, t)
    return y


#: ``exp(z**2) * erfc(z) / t`` in ``t = 1 / (1 + 0.35 * z)`` for every z that is not negative, to a relative error of
#: 2e-8: a least-squares fit of Chebyshev polynomials, weighted for that, to values of SciPy's.
_SCALED_TAIL = (
    0.04402080379,
    -0.1892773479,
    0.2523742717,
    -0.1215998044,
    0.164489366,
    0.1048243817,
    0.1652990762,
    0.1849087292,
    0.1974949196,
    0.1974656188,
)


def _single(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of values below x, and ``exp(-x**2 / 2)``, for one dimension of float32."""
    z = np.abs(x)
    np.minimum(z, _FAR, out=z)
    e = z * z
    e *= -0.5
    np.exp(e, e)
    z *= 0.35 * sqrt(0.5)
    z += 1
    np.reciprocal(z, z)
    y = _horner(_SCALED_TAIL, z)
    y *= z
    y *= e
    # Half of it is the probability beyond abs(x); the one below a positive x is the rest.
    y *= 0.5
    y -= x > 0
    return np.abs(y, y), e


def _probability(x: np.ndarray) -> np.ndarray:
    """Return the probability that a standard normal variable is below x, for one dimension."""
    if x.dtype == np.float32:
        return _single(x)[0]
    z = np.abs(x)
    np.minimum(z, _FAR, out=z)
    z *= sqrt(0.5)
    square = z * z
    e = np.exp(-square)
    y = _quotient(ERF_MIDDLE, z)
    far = np.flatnonzero(z > 4.0)
    if far.size:
        # The quotient of the middle is not made for them.
        inverse = 1.0 / square[far]
        y[far] = (1.0 / sqrt(pi) - inverse * _quotient(ERF_LARGE, inverse)) / z[far]
    y *= e
    y *= 0.5
    np.subtract(1.0, y, y, where=x > 0)
    near = np.flatnonzero(z <= 0.46875)
    if near.size:
        y[near] = 0.5 + np.copysign(0.5 * z[near] * _quotient(ERF_SMALL, square[near]), x[near])
    return y


def _gelu(x: np.ndarray) -> np.ndarray:
    y = _probability(x)
    y *= x
    return y


def _density(x: np.ndarray) -> np.ndarray:
    z = np.clip(x, -_FAR, _FAR)
    z *= z
    z *= -0.5
    np.exp(z, z)
    z *= _DENSITY
    return z


def _gelu_slope(x: np.ndarray) -> np.ndarray:
    if x.dtype == np.float32:
        below, y = _single(x)
        y *= _DENSITY
        y *= x
        y += below
        return y
    y = _density(x)
    y *= x
    y += _probability(x)
    return y


_SCALE = 2.0 * sqrt(2.0 / pi)
_CUBIC = 0.044715
_FLAT = 30.0


def _gate(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logistic function of the approximation, and the square of x, clipped."""
    z = np.clip(x, -_FLAT, _FLAT)
    square = z * z
    z *= _SCALE
    z *= 1.0 + _CUBIC * square
    return _sigmoid(z), square


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    s, _ = _gate(x)
    s *= x
    return s


def _gelu_tanh_slope(x: np.ndarray) -> np.ndarray:
    s, y = _gate(x)
    y *= _SCALE * 3.0 * _CUBIC
    y += _SCALE
    y *= 1 - s
    y *= s * x
    y += s
    return y


def _quick(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return `f` without warnings of an overflow, after which the result is right."""

    def kernel(x: Any, beta: Any) -> Any:
        with np.errstate(over="ignore"):
            return f(x, beta)

    return kernel


def _logistic_product(x: Any, beta: Any) -> Any:
    return _sigmoid(x * beta)


def _swish(x: Any, beta: Any) -> Any:
    return x * _sigmoid(x * beta)


def _leaky_relu(x: Any, slope: Any) -> Any:
    if slope.__class__ is float and 0 < slope < 1:
        # Without branches.
        return np.maximum(x, slope * x)
    return np.where(x > 0, x, slope * x)[()]


def _elu(x: Any, alpha: Any) -> Any:
    y = np.minimum(x, 0)
    y = np.expm1(y, out=y if isinstance(y, np.ndarray) else None)
    return np.maximum(x, 0) + alpha * y


def _softplus_scaled(x: Any, beta: Any) -> Any:
    return np.log1p(np.exp(-np.abs(x * beta))) / beta + np.maximum(x, 0)


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "elu": _elu,
        "gaussian_density": _blockwise(_density),
        "gaussian_probability": _blockwise(_probability),
        "gelu": _blockwise(_gelu),
        "gelu_slope": _blockwise(_gelu_slope),
        "gelu_tanh": _blockwise(_gelu_tanh),
        "gelu_tanh_slope": _blockwise(_gelu_tanh_slope),
        "leaky_relu": _leaky_relu,
        "logistic_product": _quick(_logistic_product),
        "silu": _silu,
        "silu_slope": _silu_slope,
        "softplus_scaled": _quick(_softplus_scaled),
        "swish": _quick(_swish),
    }
)
