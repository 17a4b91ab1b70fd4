r"""Derivatives of Bessel functions by their order, in double precision.

Where the argument is small beside the order, by the power series, DLMF 10.2.2 and 10.25.2, term by term; elsewhere by
Schlaefli's integrals, DLMF 10.9.6 and 10.32.4, with Gauss-Legendre quadrature on pieces as short as the integrand asks.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np

__all__ = ["iv_derivative", "ive_derivative", "jv_derivative"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_TERMS = 200
_LARGEST = 5000.0
_BLOCK = 512


def jv_derivative(special: Any, v: Any, x: Any, n: int) -> np.ndarray:
    """Return the derivative of order `n` of ``jv(v, x)`` by `v`; NaN where x is negative, or above 5000."""
    return _by_blocks(lambda v, x: _block(special, v, x, n, modified=False), v, x)


def ive_derivative(special: Any, v: Any, x: Any, n: int) -> np.ndarray:
    """Return the derivative of order `n` of ``ive(v, x)`` by `v`; NaN where x is negative, or above 5000."""
    return _by_blocks(lambda v, x: _block(special, v, x, n, modified=True), v, x)


def iv_derivative(special: Any, v: Any, x: Any, n: int) -> np.ndarray:
    """Return the derivative of order `n` of ``iv(v, x)`` by `v`; NaN where x is negative, or above 5000."""
    with np.errstate(all="ignore"):
        return ive_derivative(special, v, x, n) * np.exp(np.asarray(x, dtype=np.float64))


def _block(special: Any, v: np.ndarray, x: np.ndarray, n: int, *, modified: bool) -> np.ndarray:
    small = (v > -0.5) & (x * x < 4.0 * (v + 2.0) * (v + 8.0 if modified else 2.0))
    out = np.empty_like(x)
    if small.any():
        out[small] = _series(special, v[small], x[small], n, modified)
    rest = ~small
    if rest.any():
        out[rest] = _integral(v[rest], x[rest], n, modified)
    return out


def _series(special: Any, v: np.ndarray, x: np.ndarray, n: int, modified: bool) -> np.ndarray:
    k = np.arange(_TERMS)[:, None]
    log_half = np.log(x) - np.log(2.0)
    size = (v + 2 * k) * log_half - special.gammaln(k + 1.0) - special.gammaln(v + k + 1.0)
    term = np.exp(size - x if modified else size)
    slopes = [log_half - special.digamma(v + k + 1.0), *(-special.polygamma(i, v + k + 1.0) for i in range(1, n))]
    factor = [np.ones_like(term)]
    for order in range(n):
        factor.append(sum(comb(order, p) * factor[order - p] * slopes[p] for p in range(order + 1)))
    sign = 1.0 if modified else np.where(k % 2, -1.0, 1.0)
    return np.sum(sign * term * factor[n], axis=0)


def _integral(v: np.ndarray, x: np.ndarray, n: int, modified: bool) -> np.ndarray:
    t, dt = _pieces(np.pi * np.ones_like(x), 4 + int(np.max(x + np.abs(v)) / 8))
    if modified:
        wave = np.exp(x * (np.cos(t) - 1.0)) * np.cos(v * t + n * np.pi / 2)
    else:
        wave = np.cos(v * t - x * np.sin(t) + n * np.pi / 2)
    first = np.sum(dt * t**n * wave, axis=0) / np.pi
    # As far as the integrand is more than nothing.
    end = np.arcsinh((750.0 + 50.0 * np.abs(v)) / x)
    t, dt = _pieces(end, 24)
    if modified:
        falling = np.exp(-x * (np.cosh(t) + 1.0) - v * t)
    else:
        falling = np.exp(-x * np.sinh(t) - v * t)
    second = np.zeros_like(first)
    for i in range(n + 1):
        turn = np.pi**i * np.sin(np.pi * _reduced(v) + i * np.pi / 2)
        second = second + comb(n, i) * turn * np.sum(dt * (-t) ** (n - i) * falling, axis=0)
    return first - second / np.pi


def _reduced(v: np.ndarray) -> np.ndarray:
    """Return the order less an even number, so that its multiples of pi are exact."""
    return v - 2.0 * np.round(v / 2.0)


def _pieces(end: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights on that many pieces from 0 to `end`."""
    edges = np.arange(count)[:, None]
    nodes = ((edges + (_NODES + 1.0) / 2.0) / count).reshape(-1, 1)
    weights = np.broadcast_to(_WEIGHTS / (2.0 * count), (count, _WEIGHTS.size)).reshape(-1, 1)
    return nodes * end, weights * end


def _by_blocks(block: Any, v: Any, x: Any) -> np.ndarray:
    v, x = np.broadcast_arrays(np.asarray(v, dtype=np.float64), np.asarray(x, dtype=np.float64))
    lines = v.reshape(-1), x.reshape(-1)
    result = np.full(lines[0].shape, np.nan)
    # Functions of positive order are zero at zero.
    result[(lines[1] == 0) & (lines[0] > 0)] = 0.0
    with np.errstate(all="ignore"):
        places = np.flatnonzero((lines[1] > 0) & (lines[1] <= _LARGEST) & (np.abs(lines[0]) <= _LARGEST))
        for start in range(0, places.size, _BLOCK):
            some = places[start : start + _BLOCK]
            result[some] = block(*[line[some] for line in lines])
    return result.reshape(v.shape)
