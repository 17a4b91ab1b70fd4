from collections.abc import Callable
from math import cosh, inf, sinh, tanh
from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.reverse import grad, vjp

Measure = Callable[..., tuple[float, list[float], list[list[float]]]]


def test_hyperbolic_functions(derivatives: Measure) -> None:
    for x in (0.0, 0.5, -2.0):
        for function, y, first, second in (
            (ops.sinh, sinh(x), cosh(x), sinh(x)),
            (ops.cosh, cosh(x), sinh(x), cosh(x)),
            (ops.tanh, tanh(x), 1 - tanh(x) ** 2, -2 * tanh(x) * (1 - tanh(x) ** 2)),
        ):
            found = derivatives(function, x)
            assert found[0] == pytest.approx(y, rel=1e-6)
            assert found[1] == pytest.approx([first], rel=1e-5)
            assert found[2][0] == pytest.approx([second], rel=1e-5)


@pytest.mark.parametrize("x", [100.0, -100.0, inf, -inf])
def test_tanh_saturates(x: float, derivatives: Measure) -> None:
    assert derivatives(ops.tanh, x) == (np.sign(x), [0.0], [[0.0]])


@pytest.mark.parametrize("x", [1e10, 1e18, -1e18])
def test_asinh_of_large_numbers(x: float, derivatives: Measure) -> None:
    _, (first,), ((second,),) = derivatives(ops.asinh, x)
    assert first == pytest.approx(1 / abs(x), rel=1e-6)
    assert second == pytest.approx(-1 / x / abs(x), rel=1e-5)


@pytest.mark.parametrize("x", [1e10, 1e18])
def test_acosh_of_large_numbers(x: float, derivatives: Measure) -> None:
    _, (first,), ((second,),) = derivatives(ops.acosh, x)
    assert first == pytest.approx(1 / x, rel=1e-6)
    assert second == pytest.approx(-1 / x / x, rel=1e-5)


def test_squares_that_overflow_are_avoided() -> None:
    for function in (ops.asinh, ops.acosh):
        assert grad(function)(np.float64(1e200)) == pytest.approx(1e-200)
        assert grad(function)(np.float32(1e30)) == pytest.approx(1e-30)


@pytest.mark.parametrize(("function", "x", "y"), [(ops.acosh, 1, 0.0), (ops.atanh, 1, inf), (ops.atanh, -1, -inf)])
def test_ends_of_the_domains(function: Any, x: float, y: float) -> None:
    for dtype in (np.float32, np.float64):
        with np.errstate(divide="ignore"):
            found, pullback = vjp(function, dtype(x))
        assert found == y
        assert pullback(dtype(1)) == (inf,)


@pytest.mark.parametrize("x", [0.5, -1.0, -2.0])
def test_acosh_below_one_is_nan(x: float) -> None:
    with np.errstate(invalid="ignore"):
        y, pullback = vjp(ops.acosh, np.float64(x))
    assert np.isnan(y)
    assert np.isnan(pullback(np.float64(1))[0])


@pytest.mark.parametrize("function", [ops.sinh, ops.cosh, ops.tanh, ops.asinh, ops.atanh])
def test_complex_derivatives_are_jaxs(function: Any, jax64: Any) -> None:
    name = {"asinh": "arcsinh", "atanh": "arctanh"}.get(function.__name__, function.__name__)
    z = np.array([0.5 + 0.25j, -1.5 + 0.5j, 2.0 - 1.0j, -3 - 2j])
    g = np.array([1 + 1j, 2, -1j, 0.5])
    y, pullback = vjp(function, z)
    expected_y, expected = jax64.vjp(getattr(jax64.numpy, name), z)
    np.testing.assert_allclose(y, expected_y, rtol=1e-12)
    np.testing.assert_allclose(pullback(g)[0], expected(jax64.numpy.asarray(g))[0], rtol=1e-11)


def test_the_complex_derivative_of_acosh_is_on_the_branch_of_its_value() -> None:
    z = np.array([0.5 + 0.25j, -1.5 + 0.5j, 2.0 - 1.0j, -3 - 2j])
    h = 1e-5
    expected = (ops.acosh(z + h) - ops.acosh(z - h)) / (2 * h)
    np.testing.assert_allclose(vjp(ops.acosh, z)[1](np.ones(4) + 0j)[0], expected, rtol=1e-8)


@pytest.mark.parametrize("case", backend_params())
def test_gradients_on_every_backend(case: BackendCase) -> None:
    a, w = np.float32([0.5, -0.25, 0.0]), np.float32([1, 2, 3])

    def loss(x: Any, weights: Any) -> Any:
        total = ops.acosh(ops.add(x, 2.0))
        for function in (ops.sinh, ops.cosh, ops.tanh, ops.asinh, ops.atanh):
            total = ops.add(total, function(x))
        return ops.sum_over(ops.multiply(total, weights), (0,))

    expected = grad(loss)(a, w)
    with case.active():
        found = grad(loss)(case.asarray(a), case.asarray(w))
    np.testing.assert_allclose(case.to_numpy(found), expected, rtol=1e-5)
