"""Derivatives of Hurwitz's zeta function by its exponent: the Euler-Maclaurin formula, DLMF 25.11.5 and 25.2.9.

Riemann's, where q is 1, is continued to the left by its functional equation, DLMF 25.4.1.
"""

from __future__ import annotations

from math import comb, factorial
from typing import Any

import numpy as np

__all__ = ["zeta_derivative"]

# Terms that are summed before the formula takes over.
_TERMS = 12
# Bernoulli numbers of even order from 2.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
#: Below it the terms that cancel are too large.
_LOWEST = -4.0


def zeta_derivative(special: Any, s: Any, q: Any, n: int) -> np.ndarray:
    """Return the derivative of order `n` of ``zeta(s, q)`` by `s`.

    Parameters
    ----------
    special : module
        SciPy's special functions.
    s, q : numpy.ndarray
        Real floating-point; their shapes broadcast.
    n : int
        Not negative.

    Returns
    -------
    numpy.ndarray
        NaN where q is not positive, s is 1, or s is below -4 and q is not 1, where the function of two arguments is NaN
        itself, as it is everywhere below 1.
    """
    s, q = (np.asarray(v, dtype=np.float64) for v in (s, q))
    good = (q > 0) & (s != 1) & (s >= _LOWEST)
    left = (q == 1) & (s < _LOWEST)
    if left.any():
        left, there = np.broadcast_arrays(left, s)
        continued = _continued(special, np.where(left, there, -5.0), n)
    else:
        continued = np.asarray(np.nan)
    s, q = np.where(good, s, 2.0), np.where(good, q, 1.0)
    total = sum(_powers(s, q + k, n) for k in range(_TERMS))
    m = q + _TERMS
    total = total + 0.5 * _powers(s, m, n)
    pole = [(-1.0) ** i * factorial(i) / (s - 1) ** (i + 1) for i in range(n + 1)]
    total = total + m * sum(comb(n, i) * _powers(s, m, n - i) * pole[i] for i in range(n + 1))
    # Derivatives of s (s + 1) ... (s + 2 j - 2), which grows by two factors from term to term.
    rising = [s, np.ones_like(s), *[np.zeros_like(s)] * n][: n + 1]
    for j, bernoulli in enumerate(_BERNOULLI, start=1):
        scale = bernoulli / factorial(2 * j) * m ** (1.0 - 2 * j)
        total = total + scale * sum(comb(n, i) * rising[i] * _powers(s, m, n - i) for i in range(n + 1))
        for shift in (2 * j - 1, 2 * j):
            rising = [(s + shift) * r + (i * rising[i - 1] if i else 0.0) for i, r in enumerate(rising)]
    return np.where(left, continued, np.where(good, total, np.nan))


def _continued(special: Any, s: np.ndarray, n: int) -> np.ndarray:
    """Return the derivative of order `n` of ``2 (2 pi)**(s - 1) sin(pi s / 2) gamma(1 - s) zeta(1 - s)``."""
    r = 1.0 - s
    power = [np.log(2 * np.pi) ** k for k in range(n + 1)]
    # The argument of the sine without its multiples of 2 pi, so that zeros are zeros.
    turn = s - 4.0 * np.round(s / 4.0)
    sine = [(np.pi / 2) ** k * _sine_of_quarters(turn + k) for k in range(n + 1)]
    psi = [special.digamma(r), *(special.polygamma(k, r) for k in range(1, n))]
    over: list[Any] = [np.ones_like(s)]
    for k in range(n):
        over.append(sum(comb(k, p) * over[k - p] * (-1) ** (p + 1) * psi[p] for p in range(k + 1)))
    values = [(-1) ** k * (zeta_derivative(special, r, 1.0, k) if k else special.zeta(r, 1.0)) for k in range(n + 1)]
    total = [np.ones_like(s), *[np.zeros_like(s)] * n]
    for factor in (power, sine, over, values):
        total = [sum(comb(k, i) * total[i] * factor[k - i] for i in range(k + 1)) for k in range(n + 1)]
    return 2.0 * np.exp((s - 1.0) * np.log(2 * np.pi) + special.gammaln(r)) * total[n]


def _sine_of_quarters(x: np.ndarray) -> np.ndarray:
    """Return ``sin(pi x / 2)``, exact at whole numbers."""
    near = np.round(x)
    rest = np.pi / 2 * (x - near)
    which = np.mod(near, 4.0)
    return np.select([which == 0, which == 1, which == 2], [np.sin(rest), np.cos(rest), -np.sin(rest)], -np.cos(rest))


def _powers(s: np.ndarray, base: np.ndarray, n: int) -> np.ndarray:
    """Return the derivative of order `n` of ``base**-s``."""
    return base**-s * (-np.log(base)) ** n
