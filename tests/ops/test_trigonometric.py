from collections.abc import Callable
from math import atan2, inf, pi
from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.reverse import grad, vjp

Measure = Callable[..., tuple[float, list[float], list[list[float]]]]


@pytest.mark.requirement("D31", "D32")
def test_sine_and_cosine(derivatives: Measure) -> None:
    assert derivatives(ops.sin, 0.0) == (0.0, [1.0], [[0.0]])
    assert derivatives(ops.cos, 0.0) == (1.0, [0.0], [[-1.0]])
    assert derivatives(ops.tan, 0.0) == (0.0, [1.0], [[0.0]])


@pytest.mark.requirement("D9", "D31")
def test_the_fifth_derivative_of_the_sine_is_the_cosine() -> None:
    f: Any = ops.sin
    for _ in range(5):
        f = grad(f)
    assert f(np.float64(0.7)) == pytest.approx(np.cos(0.7), rel=1e-14)


@pytest.mark.parametrize(
    ("function", "x", "y", "first"),
    [
        (ops.asin, 1.0, pi / 2, inf),
        (ops.asin, -1.0, -pi / 2, inf),
        (ops.acos, 1.0, 0.0, -inf),
        (ops.acos, -1.0, pi, -inf),
    ],
)
def test_arcs_at_the_ends_of_their_domain(function: Any, x: float, y: float, first: float) -> None:
    for dtype in (np.float32, np.float64):
        found, pullback = vjp(function, dtype(x))
        assert found == pytest.approx(y, rel=1e-6)
        assert pullback(dtype(1)) == (first,)


@pytest.mark.parametrize("function", [ops.asin, ops.acos])
@pytest.mark.parametrize("x", [1.5, -1.5, 1e30])
def test_arcs_outside_of_their_domain_are_nan(function: Any, x: float) -> None:
    with np.errstate(invalid="ignore"):
        y, pullback = vjp(function, np.float64(x))
    assert np.isnan(y)
    assert np.isnan(pullback(np.float64(1))[0])


def test_asin_close_to_one(derivatives: Measure) -> None:
    # 1 - x**2 would lose half of the digits here.
    x = 1 - 2.0**-20
    assert derivatives(ops.asin, x)[1][0] == pytest.approx(((1 - x) * (1 + x)) ** -0.5, rel=1e-6)


@pytest.mark.parametrize("x", [1e10, 1e18, -1e18])
def test_atan_of_large_numbers(x: float, derivatives: Measure) -> None:
    y, (first,), ((second,),) = derivatives(ops.atan, x)
    assert y == pytest.approx(np.copysign(pi / 2, x))
    assert first == pytest.approx(1 / x**2, rel=1e-6)
    assert second == pytest.approx(-2 / x / x / x, rel=1e-5, abs=1e-38)


def test_atan_of_the_largest_numbers_does_not_overflow_on_the_way() -> None:
    assert grad(ops.atan)(np.float64(1e150)) == pytest.approx(1e-300)
    assert grad(ops.atan)(np.float32(1e30)) == 0


@pytest.mark.parametrize("size", [1.0, 1e15, 1e-15])
@pytest.mark.parametrize(("a", "b"), [(3, 4), (-3, 4), (3, -4), (-3, -4)])
def test_atan2_of_large_and_small_numbers(a: float, b: float, size: float, derivatives: Measure) -> None:
    y, gradient, hessian = derivatives(ops.atan2, a * size, b * size)
    assert y == pytest.approx(atan2(a, b), rel=1e-6)
    np.testing.assert_allclose(gradient, np.array([b / 25, -a / 25]) / size, rtol=1e-5)
    mixed = (a * a - b * b) / 625
    curved = np.array([[-2 * a * b / 625, mixed], [mixed, 2 * a * b / 625]]) / size / size
    np.testing.assert_allclose(hessian, curved, rtol=1e-4)


@pytest.mark.parametrize("size", [1e20, 1e-25])
def test_atan2_beyond_the_squares_of_float32(size: float) -> None:
    a, b = np.float32(3 * size), np.float32(4 * size)
    found = grad(ops.atan2, argnums=(0, 1))(a, b)
    np.testing.assert_allclose(found, np.array([0.16, -0.12]) / size, rtol=1e-5)


@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (-0.0, 0.0), (0.0, -0.0)])
def test_atan2_at_the_origin(a: float, b: float, derivatives: Measure) -> None:
    y, gradient, hessian = derivatives(ops.atan2, a, b)
    assert y == pytest.approx(atan2(a, b))
    assert gradient == [0.0, 0.0]
    assert hessian == [[0.0, 0.0], [0.0, 0.0]]


def test_atan2_on_the_axes(derivatives: Measure) -> None:
    assert derivatives(ops.atan2, 0.0, 2.0)[:2] == (0.0, [0.5, 0.0])
    assert derivatives(ops.atan2, 2.0, 0.0)[1] == [0.0, -0.5]


@pytest.mark.parametrize("function", [ops.sin, ops.cos, ops.tan, ops.asin, ops.acos, ops.atan])
def test_complex_derivatives_are_jaxs(function: Any, jax64: Any) -> None:
    name = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}.get(function.__name__, function.__name__)
    z = np.array([0.5 + 0.25j, -1.5 + 0.5j, 2.0 - 1.0j, -3j])
    g = np.array([1 + 1j, 2, -1j, 0.5])
    y, pullback = vjp(function, z)
    expected_y, expected = jax64.vjp(getattr(jax64.numpy, name), z)
    np.testing.assert_allclose(y, expected_y, rtol=1e-12)
    np.testing.assert_allclose(pullback(g)[0], expected(jax64.numpy.asarray(g))[0], rtol=1e-11)


@pytest.mark.parametrize("case", backend_params())
def test_gradients_on_every_backend(case: BackendCase) -> None:
    a, w = np.float32([0.5, -0.25, 0.0]), np.float32([1, 2, 3])

    def loss(x: Any, weights: Any) -> Any:
        total = ops.zeros_like(weights)
        for function in (ops.sin, ops.cos, ops.tan, ops.asin, ops.acos, ops.atan):
            total = ops.add(total, function(x))
        return ops.sum_over(ops.multiply(ops.add(total, ops.atan2(x, weights)), weights), (0,))

    expected = grad(loss)(a, w)
    with case.active():
        found = grad(loss)(case.asarray(a), case.asarray(w))
    np.testing.assert_allclose(case.to_numpy(found), expected, rtol=1e-5)
