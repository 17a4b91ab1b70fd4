"""Derivatives beside small integers and booleans: as beside floating-point numbers, in the precision of the result."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp

#: Functions of two numbers, and which of them is an integer.
CASES: list[tuple[Any, int]] = [
    (xp.pow, 0),
    (xp.pow, 1),
    (xp.special.boxcox, 0),
    (xp.special.boxcox1p, 0),
    (xp.special.iv, 0),
    (xp.special.jv, 0),
    (xp.special.kl_div, 1),
    (xp.special.rel_entr, 1),
    (xp.special.stdtr, 0),
    (xp.special.xlog1py, 1),
    (xp.special.xlogy, 1),
    (xp.special.zeta, 0),
]


def slopes(f: Any, position: int, whole: Any, x: np.ndarray) -> tuple[Any, Any]:
    def total(x: Any) -> Any:
        return xp.sum(f(x, whole) if position else f(whole, x))

    return fn.grad(total)(x), fn.jvp(total, (x,), (x,))[1]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
@pytest.mark.parametrize(("f", "position"), CASES)
def test_integers(f: Any, position: int, dtype: str) -> None:
    x, whole = np.array([0.5, 1.5, 0.25]), np.array([2, 3, 7], dtype)
    for found, wanted in zip(slopes(f, position, whole, x), slopes(f, position, whole * 1.0, x), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.parametrize("f", [xp.pow, xp.special.xlog1py, xp.special.boxcox1p])
@pytest.mark.parametrize("true", [True, np.array([True, True])])
@pytest.mark.parametrize("position", [0, 1])
def test_booleans(f: Any, true: Any, position: int) -> None:
    x = np.array([0.5, 1.5])
    for found, wanted in zip(slopes(f, position, true, x), slopes(f, position, 1.0, x), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_unsigned_orders_of_zero() -> None:
    x, orders = np.array([0.5, 1.5]), np.array([0, 1], np.uint8)
    for found, wanted in zip(
        slopes(xp.special.yn, 0, orders, x), slopes(xp.special.yn, 0, orders * 1.0, x), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_exponents_at_the_end_of_their_range() -> None:
    x = np.array([1.5])
    found, _ = slopes(xp.pow, 1, np.array([-128], np.int8), x)
    np.testing.assert_allclose(found, -128 * x**-129.0, rtol=1e-13)
