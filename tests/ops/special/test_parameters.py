"""Derivatives of special functions by their parameters, orders included, against mpmath in forty digits."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import NotDifferentiableError

pytest.importorskip("scipy.special", reason="SciPy computes special functions")
mpmath = pytest.importorskip("mpmath", reason="mpmath is the oracle")
mp = mpmath.mp


def student(df: Any, t: Any) -> Any:
    density = mp.gamma((df + 1) / 2) / (mp.sqrt(mp.pi * df) * mp.gamma(df / 2))
    return 0.5 + t * density * mp.hyp2f1(0.5, (df + 1) / 2, 1.5, -t * t / df)


def binomial(n: Any, k: Any) -> Any:
    return mp.gamma(n + 1) * mp.rgamma(k + 1) * mp.rgamma(n - k + 1)


ORDERS = ((0.0, 1.0), (1.0, 0.3), (2.0, 20.0), (1.5, 7.0), (20.0, 3.0))
#: name -> how mpmath writes it, and points
EXACT: dict[str, tuple[Any, tuple[tuple[float, ...], ...]]] = {
    "jv": (lambda v, x: mp.besselj(v, x), (*ORDERS, (0.3, 60.0), (100.0, 200.0), (400.0, 400.0), (200.0, 150.0))),
    "iv": (lambda v, x: mp.besseli(v, x), (*ORDERS, (60.0, 90.0), (-20.5, 9.0))),
    "ive": (lambda v, x: mp.besseli(v, x) * mp.exp(-x), (*ORDERS, (2.5, 300.0), (100.0, 2000.0), (-20.5, 9.0))),
    "hyp1f1": (
        lambda a, b, x: mp.hyp1f1(a, b, x),
        ((1.0, 2.0, 0.5), (0.3, 1.7, 5.0), (1.2, 2.3, -20.0), (-2.0, 1.5, 3.0), (0.7, 3.0, 200.0), (2.5, 0.6, 30.0)),
    ),
    "hyp2f1": (
        lambda a, b, c, x: mp.hyp2f1(a, b, c, x),
        (
            (1.0, 1.0, 2.0, 0.5),
            (0.5, 1.5, 2.5, 0.9),
            (0.3, 1.7, 2.2, -3.0),
            (0.3, 1.7, 2.2, -50.0),
            (-2.0, 1.5, 2.0, 0.7),
            (0.3, 0.4, 0.5, 0.9999),
            (1.0, 1.0, 2.0, 0.99999),
            (0.5, 2.5, 1.5, -800.0),
            (1.2, 0.4, 3.0, -1e6),
        ),
    ),
    "betainc": (
        lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True),
        ((1.0, 2.0, 0.5), (30.0, 0.5, 0.9), (0.01, 20.0, 0.001), (3.0, 3.0, 0.01)),
    ),
    "gammainc": (
        lambda a, x: mp.gammainc(a, 0, x, regularized=True),
        ((0.7, 2.5), (20.0, 31.0), (0.05, 0.01), (5.0, 0.5)),
    ),
    "spence": (lambda x: mp.polylog(2, 1 - x), ((0.1,), (0.9,), (1.0,), (1.5,), (30.0,))),
    "stdtr": (student, ((3.0, 0.0), (3.0, 1e-9), (3.0, 0.5), (0.7, -2.0), (2.0, 4.0), (3.0, 60.0))),
    "binom": (binomial, ((5.3, 2.4), (5.0, 7.0), (5.0, -2.0), (5.3, -2.0), (5.5, 7.5), (2.0, 3.0), (-0.5, -3.0))),
    "zetac": (lambda s: mp.zeta(s), ((-4.5,), (-5.0,), (-6.0,), (-7.3,), (-10.0,), (-20.2,), (-40.0,), (-1.0,))),
    "zeta": (lambda s: mp.zeta(s), ((-4.5,), (-8.0,), (-13.7,))),
}
CASES = [(name, point) for name, (_, points) in EXACT.items() for point in points]


def call(name: str, *args: Any) -> Any:
    return getattr(xp.special, name)(*args)


def at(point: tuple[float, ...], position: int, v: Any) -> list[Any]:
    return [v if i == position else np.array(a) for i, a in enumerate(point)]


@pytest.mark.parametrize(("name", "point"), CASES)
def test_first_and_second_derivatives(name: str, point: tuple[float, ...]) -> None:
    exact = EXACT[name][0]
    for position in range(len(point)):
        f = lambda v, i=position: call(name, *at(point, i, v))  # noqa: E731  # differentiated below
        for order in (1, 2):
            f = fn.grad(f)
            with mpmath.workdps(40):
                orders = tuple(order if i == position else 0 for i in range(len(point)))
                step = mpmath.mpf(10) ** -12
                wanted = float(mp.diff(exact, tuple(map(mpmath.mpf, point)), orders, h=step))
            np.testing.assert_allclose(f(np.array(point[position])), wanted, rtol=2e-11, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("hyp2f1", (0.3, 1.7, 2.2, -3.0)),
        ("hyp1f1", (0.3, 1.7, 5.0)),
        ("jv", (1.5, 7.0)),
        ("ive", (1.5, 7.0)),
        ("stdtr", (3.0, 0.0)),
        ("stdtr", (3.0, 1.2)),
        ("betainc", (1.0, 2.0, 0.5)),
    ],
)
def test_mixed_derivatives(name: str, point: tuple[float, ...]) -> None:
    def f(*args: Any) -> Any:
        return call(name, *args)

    count = len(point)
    for i in range(count):
        for j in range(count):
            if i == j:
                continue

            def slope(u: Any, i: int = i, j: int = j) -> Any:
                inner = [np.array(a) for a in point]
                inner[i] = u
                return fn.grad(lambda w: f(*inner[:j], w, *inner[j + 1 :]))(inner[j])

            with mpmath.workdps(40):
                orders = tuple(int(k in (i, j)) for k in range(count))
                given = tuple(map(mpmath.mpf, point))
                wanted = float(mp.diff(EXACT[name][0], given, orders, h=mpmath.mpf(10) ** -12))
            np.testing.assert_allclose(fn.grad(slope)(np.array(point[i])), wanted, rtol=1e-10, atol=1e-14)


def test_betainc_as_in_jax() -> None:
    # JAX has no derivative by the parameters.
    jax = pytest.importorskip("jax", reason="JAX is the oracle")
    a, b, x = np.array([0.5, 2.0, 7.0]), np.array([3.0, 0.7, 2.0]), np.array([0.2, 0.5, 0.9])
    with jax.enable_x64(True):
        wanted = np.asarray(jax.grad(lambda x: jax.scipy.special.betainc(a, b, x).sum())(x))
    np.testing.assert_allclose(fn.grad(lambda x: xp.special.betainc(a, b, x).sum())(x), wanted, rtol=1e-10)


def test_where_there_is_no_number() -> None:
    def by_first(name: str, *args: float) -> Any:
        first, *rest = map(np.array, args)
        return fn.grad(lambda v: call(name, v, *rest))(first)

    with np.errstate(all="ignore"):
        # A function of positive order is zero at zero; one of a negative argument is complex.
        assert by_first("jv", 1.5, 0.0) == 0
        for name, args in {
            "iv": (0.0, 0.0),
            "hyp1f1": (1.0, -2.0, 0.5),
            "hyp2f1": (1.0, 1.5, -2.0, 0.5),
            "jv": (2.0, -1.0),
            "binom": (-3.0, -2.0),
        }.items():
            assert np.isnan(by_first(name, *args)), name


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("jv", (1.5, 1e6), r"xp\.special\.jv by its order .*large as these.*order 1\.5 and argument 1e\+06"),
        ("iv", (-2e5, 3.0), r"xp\.special\.ive by its order"),
        (
            "hyp2f1",
            (0.5, 0.5, 2.0, 1.0),
            r"xp\.special\.hyp2f1 by its parameters .*hyp2f1\(0\.5, 0\.5, 2, 1\)",
        ),
        ("hyp1f1", (-300.5, 1.5, 200.0), r"xp\.special\.hyp1f1 by its parameters"),
    ],
)
def test_what_is_not_computed_is_refused(name: str, args: tuple[float, ...], message: str) -> None:
    first, *rest = map(np.array, args)
    with pytest.raises(NotDifferentiableError, match=f"(?s){message}.*write: .*stop_gradient"):
        fn.grad(lambda v: call(name, v, *rest))(first)


def test_large_orders_of_bessel_functions() -> None:
    # Where the functions vanish to all digits, so do their derivatives.
    slope = fn.grad(lambda v: xp.sum(xp.special.jv(v, np.array([1.0, 6990.0, 7010.0, 100.0]))))
    found = slope(np.array([6000.0, 7000.0, 7000.0, 30000.0]))
    assert found[0] == found[3] == 0
    with mpmath.workdps(30):
        step = mpmath.mpf(10) ** -9
        for i, x in ((1, 6990), (2, 7010)):
            wanted = (mp.besselj(7000 + step, x) - mp.besselj(7000 - step, x)) / (2 * step)
            np.testing.assert_allclose(found[i], float(wanted), rtol=1e-10)
