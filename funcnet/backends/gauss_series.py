"""Gauss's hypergeometric function near 1 with its derivatives by the parameters, from its differential equation.

The power series at 0 gives function and slope at 1/2; from there Taylor series, of which each goes half of the way that
is left to 1, DLMF 15.10.1. Every number is a polynomial in small changes of the three parameters.
"""

from __future__ import annotations

from math import factorial

import numpy as np

__all__ = ["near_one"]

_START = 0.5
_MOST_TERMS = 2000
_STEP_TERMS = 90
#: Half-way steps; more than there are to the smallest number.
_MOST_STEPS = 1100


def near_one(a: np.ndarray, b: np.ndarray, c: np.ndarray, rest: np.ndarray, orders: tuple[int, int, int]) -> np.ndarray:
    """Return a derivative of ``hyp2f1(a, b, c, 1 - rest)`` by its parameters.

    Parameters
    ----------
    a, b, c, rest : numpy.ndarray
        Vectors; ``rest`` above 0 and up to 1/2.
    orders : tuple of int
        How many times by each parameter.

    Returns
    -------
    numpy.ndarray
        NaN where the power series at 0 does not converge to enough digits.
    """
    y, slope, good = _start(a, b, c, orders)
    w = np.full_like(rest, 1.0 - _START)
    # The slope times what is left to 1.
    slope = slope * w
    for _ in range(_MOST_STEPS):
        to = np.maximum(w / 2, rest)
        if np.all(to >= w):
            break
        y, slope = _step(a, b, c, y, slope, w, to)
        w = to
    found = y[orders] * (factorial(orders[0]) * factorial(orders[1]) * factorial(orders[2]))
    return np.where(good & (w == rest), found, np.nan)


def _start(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, orders: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    term = np.zeros((*[n + 1 for n in orders], a.size))
    term[0, 0, 0] = 1.0
    y, slope, size = np.zeros_like(term), np.zeros_like(term), np.zeros_like(term)
    for k in range(_MOST_TERMS):
        y += term
        slope += term * (k / _START)
        size += np.abs(term) * (k + 1)
        if k > sum(orders) + 8 and np.all(np.abs(term) * (k + 1) <= 1e-18 * size):
            break
        term = _times(_times(term, a + k, 0), b + k, 1) * (_START / (k + 1))
        for i in range(term.shape[2]):
            term[:, :, i] = (term[:, :, i] - (term[:, :, i - 1] if i else 0.0)) / (c + k)
    largest = np.max(np.abs(y), axis=(0, 1, 2)) + np.max(np.abs(slope), axis=(0, 1, 2))
    good = np.max(size, axis=(0, 1, 2)) * 2.0**-52 <= 1e-10 * largest
    return y, slope, good


def _step(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, y: np.ndarray, slope: np.ndarray, w: np.ndarray, to: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return function and slope times the distance to 1, at a distance of ``to`` in place of ``w``."""
    s = (w - to) / w
    z = 1.0 - w
    before, last = y, slope * s
    value, rise = before + last, last.copy()
    for k in range(_STEP_TERMS):
        # Coefficients of z (1 - z) y'' + (c - (a + b + 1) z) y' - a b y, times powers of the step.
        middle = last * (k * (w - z) + c - (a + b + 1.0) * z) + _shifted(last, 2)
        middle -= z * (_shifted(last, 0) + _shifted(last, 1))
        lower = _times(_times(before, a + k, 0), b + k, 1)
        following = (lower * (s * w) - (k + 1) * middle) * (s / ((k + 2) * (k + 1) * z))
        value = value + following
        rise = rise + (k + 2) * following
        before, last = last, following
    with np.errstate(invalid="ignore"):
        rise = np.where(s > 0, rise * (to / w) / np.where(s > 0, s, 1.0), slope)
    return value, rise


def _times(x: np.ndarray, value: np.ndarray, axis: int) -> np.ndarray:
    """Return a polynomial times a parameter that changes: ``value`` and its change."""
    return x * value + _shifted(x, axis)


def _shifted(x: np.ndarray, axis: int) -> np.ndarray:
    """Return a polynomial times the change of a parameter."""
    out = np.zeros_like(x)
    there, here = [slice(None)] * 4, [slice(None)] * 4
    there[axis], here[axis] = slice(1, None), slice(None, -1)
    out[tuple(there)] = x[tuple(here)]
    return out
