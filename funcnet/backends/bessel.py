r"""Derivatives of Bessel functions by their order, in double precision.

Where the argument is small beside the order, by the power series, DLMF 10.2.2 and 10.25.2, term by term. Where the
functions do not oscillate, by Schlaefli's contour integrals, DLMF 10.9.17 and 10.32.12, along the path of steepest
descent, on which nothing cancels. Elsewhere by Schlaefli's real integrals, DLMF 10.9.6 and 10.32.4. Quadrature is
Gauss-Legendre's, on pieces as short as the integrand asks.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np

from funcnet.errors import NotDifferentiableError

__all__ = ["iv_derivative", "ive_derivative", "jv_derivative"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_TERMS = 60
#: Sizes of order and argument up to which rounding errors of the phase leave nine digits.
_LARGEST = 1e6
_LARGEST_WAVE = 1e5
#: Numbers in memory at once.
_BLOCK = 4_000_000
#: Orders from which on the path of steepest descent is taken for modified functions.
_STEEP = 4.0


def jv_derivative(special: Any, v: Any, x: Any, n: int) -> np.ndarray:
    """Return the derivative of order `n` of ``jv(v, x)`` by `v`; NaN where x is negative."""
    return _by_blocks("jv", lambda v, x: _block(special, v, x, n, modified=False), v, x)


def ive_derivative(special: Any, v: Any, x: Any, n: int) -> np.ndarray:
    """Return the derivative of order `n` of ``ive(v, x)`` by `v`; NaN where x is negative."""
    return _by_blocks("ive", lambda v, x: _block(special, v, x, n, modified=True), v, x)


def iv_derivative(special: Any, v: Any, x: Any, n: int) -> np.ndarray:
    """Return the derivative of order `n` of ``iv(v, x)`` by `v`; NaN where x is negative."""
    with np.errstate(all="ignore"):
        y = ive_derivative(special, v, x, n)
        # A product that underflows before it overflows.
        half = np.exp(0.5 * np.asarray(x, dtype=np.float64))
        return np.where(y == 0.0, y, y * half * half)


def _block(special: Any, v: np.ndarray, x: np.ndarray, n: int, *, modified: bool) -> np.ndarray:
    small = (v > -0.5) & (x * x < 8.0 * (v + 2.0))
    steep = ~small & ((v >= _STEEP) if modified else (v >= x))
    mirrored = ~small & (v <= -_STEEP) if modified else np.zeros_like(small)
    rest = ~small & ~steep & ~mirrored
    out = np.empty_like(x)
    if small.any():
        out[small] = _series(special, v[small], x[small], n, modified)
    if steep.any():
        out[steep] = _steepest(v[steep], x[steep], n, modified)
    if mirrored.any():
        out[mirrored] = _mirrored(-v[mirrored], x[mirrored], n)
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


def _steepest(v: np.ndarray, x: np.ndarray, n: int, modified: bool) -> np.ndarray:
    """Return the integral of ``(-t)**n exp(x sinh(t) - v t)``, or cosh, where the exponent is real: t = u + i angle."""
    angle, weight = _graded()
    over = _over_sine(angle)
    # The slope of angle / sin(angle).
    slope = (
        np.where(
            angle < 0.1,
            angle * (1 / 3 - angle**2 * (1 / 30 - angle**2 * (1 / 840 - angle**2 / 45360))),
            (np.sin(angle) - angle * np.cos(angle)) / angle**2,
        )
        * (1.0 + over) ** 2
    )
    ratio = v / x
    r = ratio * (1.0 + over)
    if modified:
        other = np.sqrt(1.0 + r * r)
        u = np.arcsinh(r)
        # x cosh(u) cos(angle) - v u, less x, without the difference of large numbers where u is small.
        exponent = x * (r * r / (1.0 + other) * np.cos(angle) - 2.0 * np.sin(angle / 2) ** 2) - v * u
    else:
        above = (v - x) / x + ratio * over
        other = np.sqrt(above * (r + 1.0))
        u = np.log1p(above + other)
        exponent = x * other * np.cos(angle) - v * u
    turn = ratio * slope / other
    along = np.imag((-(u + 1j * angle)) ** n * (turn + 1j))
    value = np.where(exponent > -745.0, np.exp(exponent) * along, 0.0)
    return np.sum(weight * value, axis=0) / np.pi


def _mirrored(a: np.ndarray, x: np.ndarray, n: int) -> np.ndarray:
    """Return the derivative of ``I(a, x) + 2 / pi sin(pi a) K(a, x)``, the function of order -a, by that order."""
    t, dt = _pieces(np.arcsinh((750.0 + 50.0 * a) / x), 24 + int(np.sqrt(np.max(a))))
    falling = np.exp(a * t - x * (np.cosh(t) + 1.0))
    total = _steepest(a, x, n, modified=True)
    for i in range(n + 1):
        m = n - i
        even = 1.0 if m % 2 == 0 else -1.0
        k = np.sum(dt * t**m * 0.5 * (falling + even * falling * np.exp(-2.0 * a * t)), axis=0)
        total = total + 2.0 * np.pi ** (i - 1) * comb(n, i) * np.sin(np.pi * _reduced(a) + i * np.pi / 2) * k
    return (-1.0) ** n * total


def _over_sine(angle: np.ndarray) -> np.ndarray:
    """Return ``angle / sin(angle) - 1``, to all digits near 0."""
    square = angle * angle
    near = square / 6 * (1 + square * (7 / 60 + square * (31 / 2520 + square * 127 / 100800)))
    return np.where(angle < 0.03, near, angle / np.sin(angle) - 1.0)


def _graded() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights from 0 to pi on pieces that shrink towards both ends."""
    rise = 2.0 ** -np.arange(40, 0, -1)
    edges = np.pi * np.concatenate([[0.0], rise, 1.0 - rise[::-1][1:24], [1.0]])
    length = np.diff(edges)[:, None]
    nodes = edges[:-1, None] + length * (_NODES + 1.0) / 2.0
    return nodes.reshape(-1, 1), (length * _WEIGHTS / 2.0).reshape(-1, 1)


def _integral(v: np.ndarray, x: np.ndarray, n: int, modified: bool) -> np.ndarray:
    if modified:
        t, dt = _graded()
        wave = np.exp(-2.0 * x * np.sin(t / 2) ** 2) * _turned(v * t, n)
    else:
        t, dt = _pieces(np.pi * np.ones_like(x), _waves(v, x))
        wave = _turned(v * t - x * np.sin(t), n)
    first = np.sum(dt * t**n * wave, axis=0) / np.pi
    # As far as the integrand is more than nothing.
    end = np.arcsinh((750.0 + 50.0 * np.maximum(-v, 0.0)) / x)
    end = np.where(v > 0, np.minimum(end, 750.0 / np.maximum(v, 1e-300)), end)
    t, dt = _pieces(end, 24 + int(np.sqrt(np.max(np.abs(v)))))
    if modified:
        falling = np.exp(-x * (np.cosh(t) + 1.0) - v * t)
    else:
        falling = np.exp(-x * np.sinh(t) - v * t)
    second = np.zeros_like(first)
    for i in range(n + 1):
        turn = np.pi**i * np.sin(np.pi * _reduced(v) + i * np.pi / 2)
        second = second + comb(n, i) * turn * np.sum(dt * (-t) ** (n - i) * falling, axis=0)
    return first - second / np.pi


def _turned(x: np.ndarray, n: int) -> np.ndarray:
    """Return the derivative of order n of the cosine."""
    sign = -1.0 if n % 4 in (1, 2) else 1.0
    return sign * (np.sin(x) if n % 2 else np.cos(x))


def _waves(v: np.ndarray, x: np.ndarray) -> int:
    """Return into how many pieces the phase of an integrand is cut."""
    return 4 + int(np.max(x + np.abs(v)) / 8)


def _reduced(v: np.ndarray) -> np.ndarray:
    """Return the order less an even number, so that its multiples of pi are exact."""
    return v - 2.0 * np.round(v / 2.0)


def _pieces(end: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights on that many pieces from 0 to `end`."""
    edges = np.arange(count)[:, None]
    nodes = ((edges + (_NODES + 1.0) / 2.0) / count).reshape(-1, 1)
    weights = np.broadcast_to(_WEIGHTS / (2.0 * count), (count, _WEIGHTS.size)).reshape(-1, 1)
    return nodes * end, weights * end


def _by_blocks(name: str, block: Any, v: Any, x: Any) -> np.ndarray:
    v, x = np.broadcast_arrays(np.asarray(v, dtype=np.float64), np.asarray(x, dtype=np.float64))
    lines = v.reshape(-1), x.reshape(-1)
    result = np.full(lines[0].shape, np.nan)
    # Functions of positive order are zero at zero.
    result[(lines[1] == 0) & (lines[0] > 0)] = 0.0
    with np.errstate(all="ignore"):
        places = np.flatnonzero((lines[1] > 0) & np.isfinite(lines[0]) & np.isfinite(lines[1]))
        _check(name, lines[0][places], lines[1][places])
        # Like with like, since the largest numbers set the number of nodes.
        places = places[np.argsort(np.abs(lines[0][places]) + lines[1][places])]
        start = 0
        while start < places.size:
            count = max(1, min(512, _BLOCK // (32 * _waves(lines[0][places[start]], lines[1][places[start]]))))
            some = places[start : start + count]
            result[some] = block(*[line[some] for line in lines])
            start += count
    return result.reshape(v.shape)


def _check(name: str, v: np.ndarray, x: np.ndarray) -> None:
    waves = (v < x) & (name == "jv") | (v < 0)
    far = np.maximum(np.abs(v), x) > np.where(waves, _LARGEST_WAVE, _LARGEST)
    if far.any():
        i = int(np.argmax(far))
        raise NotDifferentiableError(
            f"The derivative of xp.special.{name} by its order is not computed for numbers as large as these.",
            found=f"order {v[i]:g} and argument {x[i]:g}",
            needed=f"sizes up to {_LARGEST_WAVE:g}; up to {_LARGEST:g} where the function does not oscillate, which is "
            "for orders of at least the argument, and for modified functions of orders above 0",
            write="fn.stop_gradient(v) if no derivative by the order is wanted",
        )
