"""Derivatives of hypergeometric functions by their parameters, by their power series in double precision.

A term of the series is a product of rising factorials. Each is followed with its derivatives from one term to the next,
which needs no polygamma functions and holds at every parameter for which the function is defined. Negative arguments
are first mapped to positive ones by the transformations of Kummer and Pfaff, DLMF 13.2.39 and 15.8.1.
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.gauss_series import near_one
from funcnet.errors import NotDifferentiableError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["hyp1f1_derivative", "hyp2f1_derivative"]

_MOST_TERMS = 20_000
#: From there on the series of Gauss's function is continued by its differential equation.
_NEAR = 0.85
#: A sum with fewer correct digits than this is not returned.
_DIGITS = 1e-9


def hyp1f1_derivative(special: Any, a: Any, b: Any, x: Any, m: int, n: int) -> np.ndarray:  # noqa: ARG001  # as all
    """Return the derivative of ``hyp1f1(a, b, x)`` of order `m` by `a` and `n` by `b`.

    Parameters
    ----------
    special : module
        SciPy's special functions, which have no part in it.
    a, b, x : numpy.ndarray
        Real floating-point; their shapes broadcast.
    m, n : int
        Not negative.

    Returns
    -------
    numpy.ndarray
        NaN where b is 0 or a negative integer.

    Raises
    ------
    NotDifferentiableError
        Where terms of the series cancel.
    """
    a, b, x = _spread(a, b, x)
    with np.errstate(all="ignore"):
        left = x < 0
        first = np.where(left, b - a, a)
        z = np.abs(x)
        direct = _series((first,), b, z, (m,), n)
        if left.any():
            # M(a, b, x) = exp(x) M(b - a, b, -x)
            turned = (-1) ** m * sum(comb(n, i) * _series((first,), b, z, (m + i,), n - i) for i in range(n + 1))
            direct = np.where(left, np.exp(x) * turned, direct)
    _check("hyp1f1", direct, (a, b), b, x)
    return direct


def hyp2f1_derivative(special: Any, a: Any, b: Any, c: Any, x: Any, m: int, n: int, p: int) -> np.ndarray:  # noqa: ARG001
    """Return the derivative of ``hyp2f1(a, b, c, x)`` of order `m` by `a`, `n` by `b` and `p` by `c`.

    Parameters
    ----------
    special : module
        SciPy's special functions, which have no part in it.
    a, b, c, x : numpy.ndarray
        Real floating-point; their shapes broadcast.
    m, n, p : int
        Not negative.

    Returns
    -------
    numpy.ndarray
        NaN where c is 0 or a negative integer, or x is above 1, or 1 where the function is infinite.

    Raises
    ------
    NotDifferentiableError
        At 1 where the function is finite, and where terms of the series cancel.
    """
    a, b, c, x = _spread(a, b, c, x)
    with np.errstate(all="ignore"):
        left = x < 0
        second = np.where(left, c - b, b)
        z = np.where(left, x / (x - 1.0), x)
        rest = np.where(left, 1.0 / (1.0 - x), 1.0 - x)
        direct = _gauss(a, second, c, z, rest, (m, n, p))
        if left.any():
            # F(a, b; c; x) = (1 - x)**-a F(a, c - b; c; x / (x - 1))
            slope = -np.log1p(-np.where(left, x, 0.0))
            turned = sum(
                comb(m, i) * comb(p, j) * slope ** (m - i) * _gauss(a, second, c, z, rest, (i, n + j, p - j))
                for i in range(m + 1)
                for j in range(p + 1)
            )
            direct = np.where(left, (-1) ** n * np.exp(a * slope) * turned, direct)
    direct = np.where(x > 1, np.nan, direct)
    _check("hyp2f1", direct, (a, b, c), c, np.where((x > 1) | ((x == 1) & (c <= a + b)), np.nan, x))
    return direct


def _gauss(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, z: np.ndarray, rest: np.ndarray, orders: tuple[int, int, int]
) -> np.ndarray:
    """Return a derivative of ``hyp2f1(a, b, c, z)`` for z from 0 to 1, with ``rest = 1 - z``."""
    near = (z > _NEAR) & (rest > 0)
    total = _series((a, b), c, np.where(near, 0.5, z), orders[:2], orders[2])
    if near.any():
        total[near] = near_one(a[near], b[near], c[near], rest[near], orders)
    return total


def _check(name: str, found: np.ndarray, parameters: Sequence[np.ndarray], below: np.ndarray, x: np.ndarray) -> None:
    """Raise where the function has a derivative that was not found."""
    there = np.isfinite(x) & ~((below <= 0) & (below == np.floor(below)))
    for p in parameters:
        there &= np.isfinite(p)
    missing = np.isnan(found) & there
    if missing.any():
        i = np.unravel_index(int(np.argmax(missing)), missing.shape)
        values = ", ".join([f"{p[i]:g}" for p in (*parameters, x)])
        raise NotDifferentiableError(
            f"The derivative of xp.special.{name} by its parameters is not computed to enough digits here.",
            found=f"{name}({values})",
            needed="arguments at which terms of the power series do not cancel"
            + (", and not exactly 1" if name == "hyp2f1" else ""),
            write="fn.stop_gradient(a) if no derivative by a parameter is wanted",
        )


def _spread(*args: Any) -> list[np.ndarray]:
    return [np.array(v) for v in np.broadcast_arrays(*[np.asarray(a, dtype=np.float64) for a in args])]


def _series(above: Sequence[np.ndarray], below: np.ndarray, z: np.ndarray, orders: Sequence[int], n: int) -> np.ndarray:
    """Return the sum of ``(a)_k ... / (b)_k z**k / k!``, differentiated by the parameters."""
    one = np.ones_like(z)
    rising = [[one, *[np.zeros_like(z)] * order] for order in orders]
    falling = [one, *[np.zeros_like(z)] * n]
    power = one
    total, size = np.zeros_like(z), np.zeros_like(z)
    quiet = np.zeros(z.shape, dtype=int)
    for k in range(_MOST_TERMS):
        term = power * falling[n]
        for r, order in zip(rising, orders, strict=True):
            term = term * r[order]
        total = total + term
        size = size + np.abs(term)
        # Derivatives of a product can vanish in single terms; a few in a row do not.
        quiet = np.where(np.abs(term) <= 1e-17 * size, quiet + 1, 0)
        if k > max(0, *orders, n) + 2 and np.all((quiet > 8) | ~np.isfinite(term)):
            break
        # Rising factorials are kept over factorials, which grow alike.
        for r, a in zip(rising, above, strict=True):
            r[:] = [(r[i] * (a + k) + (i * r[i - 1] if i else 0.0)) / (k + 1) for i in range(len(r))]
        lower: list[np.ndarray] = []
        for i, f in enumerate(falling):
            lower.append((f * (k + 1) - i * lower[i - 1] if i else f * (k + 1)) / (below + k))
        falling = lower
        power = power * (z * float(k + 1) ** (len(above) - 2))
    exact = np.abs(total) * _DIGITS >= size * 2.0**-52
    done = (quiet > 8) & (exact | (size * 2.0**-52 <= _DIGITS))
    return np.where(done, total, np.nan)
