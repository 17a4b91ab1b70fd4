r"""Derivatives of the incomplete gamma and beta functions by their parameters, by quadrature in double precision.

Both functions are integrals of a density that is a product of powers and exponentials, so a derivative by a parameter
multiplies the density by a polynomial in a logarithm and polygamma functions. The integral over the logarithm of the
variable (over its log odds, for the beta function) is taken on that side of `x` where the density falls off, by the
double exponential formula for half-infinite ranges: H. Takahasi and M. Mori, "Double exponential formulas for numerical
integration", Publ. RIMS 9 (1974).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.leibniz import leibniz

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["betainc_derivative", "gammainc_derivative"]

_STEP = 0.03125
_GRID = np.arange(-3.75, 12.0, _STEP)
# s = exp(u - exp(-u)) and ds, for u on an even grid.
_NODES = np.exp(_GRID - np.exp(-_GRID))[:, None]
_WEIGHTS = _STEP * _NODES * (1.0 + np.exp(-_GRID))[:, None]
_BLOCK = 2048


def gammainc_derivative(special: Any, a: Any, x: Any, n: int) -> np.ndarray:
    """Return the derivative of order `n` of ``gammainc(a, x)`` by `a`.

    Parameters
    ----------
    special : module
        SciPy's special functions.
    a, x : numpy.ndarray
        Real floating-point; their shapes broadcast.
    n : int
        1 or more.

    Returns
    -------
    numpy.ndarray
        NaN where a is not positive or x is negative.
    """

    def block(a: np.ndarray, x: np.ndarray) -> np.ndarray:
        upper = x > np.maximum(a, 1.0)
        side = np.where(upper, 1.0, -1.0)
        width = 1.0 / (np.abs(x - a) + np.sqrt(x))
        s = side * width * _NODES
        log_t = np.log(x) + s
        density = np.exp(a * log_t - x * np.exp(s) - special.gammaln(a))
        psi = [special.digamma(a), *(special.polygamma(k, a) for k in range(1, n))]
        factor = leibniz(n, 0, lambda i, _: (log_t if i == 0 else 0.0) - psi[i])
        return -side * width * np.sum(_WEIGHTS * density * factor, axis=0)

    inside = lambda a, x: (a > 0) & (x > 0) & (x < np.inf) & (a < np.inf)  # noqa: E731  # one condition
    flat = lambda a, x: (a > 0) & ((x == 0) | (x == np.inf))  # noqa: E731
    return _by_blocks(block, inside, flat, a, x)


def betainc_derivative(special: Any, a: Any, b: Any, x: Any, m: int, n: int) -> np.ndarray:
    """Return the derivative of ``betainc(a, b, x)`` of order `m` by `a` and `n` by `b`.

    Parameters
    ----------
    special : module
        SciPy's special functions.
    a, b, x : numpy.ndarray
        Real floating-point; their shapes broadcast.
    m, n : int
        Not negative, and not both 0.

    Returns
    -------
    numpy.ndarray
        NaN where a or b is not positive or x is not in [0, 1].
    """

    def block(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> np.ndarray:
        slope = a * (1.0 - x) - b * x
        side = np.where(slope > 0, -1.0, 1.0)
        width = 1.0 / (np.abs(slope) + np.sqrt((a + b) * x * (1.0 - x)))
        z = np.log(x) - np.log1p(-x) + side * width * _NODES
        log_t, log_u = -np.logaddexp(0.0, -z), -np.logaddexp(0.0, z)
        density = np.exp(a * log_t + b * log_u - special.betaln(a, b))
        orders = range(m + n)
        psi_a, psi_b, psi_ab = ([_psi(special, k, v) for k in orders] for v in (a, b, a + b))
        factor = leibniz(
            m,
            n,
            lambda i, j: (log_t if i == j == 0 else 0.0) - (psi_a[i] if j == 0 else 0.0) + psi_ab[i + j],
            lambda i, j: (log_u if i == j == 0 else 0.0) - (psi_b[j] if i == 0 else 0.0) + psi_ab[i + j],
        )
        return -side * width * np.sum(_WEIGHTS * density * factor, axis=0)

    inside = lambda a, b, x: (a > 0) & (b > 0) & (x > 0) & (x < 1) & (a < np.inf) & (b < np.inf)  # noqa: E731
    flat = lambda a, b, x: (a > 0) & (b > 0) & ((x == 0) | (x == 1))  # noqa: E731
    return _by_blocks(block, inside, flat, a, b, x)


def _psi(special: Any, k: int, v: np.ndarray) -> np.ndarray:
    return special.polygamma(k, v) if k else special.digamma(v)


def _by_blocks(block: Callable[..., np.ndarray], inside: Any, flat: Any, *args: Any) -> np.ndarray:
    arrays = np.broadcast_arrays(*[np.asarray(a, dtype=np.float64) for a in args])
    lines = [a.reshape(-1) for a in arrays]
    result = np.full(lines[0].shape, np.nan)
    with np.errstate(all="ignore"):
        result[flat(*lines)] = 0.0
        places = np.flatnonzero(inside(*lines))
        for start in range(0, places.size, _BLOCK):
            some = places[start : start + _BLOCK]
            result[some] = block(*[line[some] for line in lines])
    return result.reshape(arrays[0].shape)
