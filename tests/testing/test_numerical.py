"""Derivatives by evaluation only."""

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import DtypeError, ParameterError
from funcnet.testing import BackendCase, backend_params, numerical_grad, numerical_jacobian
from funcnet.testing.numerical import complex_slope, slope


@pytest.mark.parametrize(
    ("f", "derivative"),
    [(np.exp, np.exp), (np.sin, np.cos), (np.log, lambda x: 1 / x), (lambda x: x**7, lambda x: 7 * x**6)],
)
@pytest.mark.requirement("D130")
def test_slopes_are_right_to_eleven_digits(f: object, derivative: object) -> None:
    for x in (0.1, 0.9, 2.5):
        found = slope(lambda t, x=x: f(np.array([x + t])), np.ones(1), step=x / 64)  # type: ignore[operator]
        assert abs(found.value[0] - derivative(x)) <= 1e-10 * abs(derivative(x))  # type: ignore[operator]
        assert found.error <= 1e-8 * abs(derivative(x))  # type: ignore[operator]


def test_steps_that_leave_the_domain_are_passed_over() -> None:
    found = slope(lambda t: np.sqrt(np.array([1e-2 + t])), np.ones(1), step=0.03)
    assert abs(found.value[0] - 5.0) < 1e-8


def test_a_function_that_is_nowhere_finite_gives_nan() -> None:
    found = slope(lambda t: np.array([np.nan * t]), np.ones(1))
    assert np.isnan(found.value[0])
    assert found.error == np.inf


def test_the_complex_step_is_exact() -> None:
    found = complex_slope(lambda t: np.sin(np.array([0.7 + t])), np.ones(1))
    assert found.value[0] == np.cos(0.7)


@pytest.mark.parametrize("backend", backend_params())
@pytest.mark.requirement("D130")
def test_jacobians_on_every_backend(backend: BackendCase) -> None:
    a = backend.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    x = backend.asarray([0.5, -1.0])
    with backend.active():
        found = numerical_jacobian(lambda a, x: xp.matmul(a, xp.sin(x)), a, x, argnum=1)
    assert found.dtype == np.float64
    expected = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]) * np.cos([0.5, -1.0])
    np.testing.assert_allclose(found, expected, rtol=1e-6 if "float64" not in backend.dtypes() else 1e-9)


def test_jacobians_of_complex_arguments_have_both_directions() -> None:
    found = numerical_jacobian(np.conj, np.array([1.0 + 2.0j]))
    np.testing.assert_allclose(found, [[[1.0, -1.0j]]], atol=1e-9)


def test_the_jacobian_of_an_empty_array() -> None:
    assert numerical_jacobian(lambda x: x, np.zeros(0)).shape == (0, 0)
    assert numerical_jacobian(lambda x: np.sum(x) + np.zeros(2), np.zeros((0, 3))).shape == (2, 0, 3)


def test_gradients_of_trees() -> None:
    params = {"a": np.array([1.0, 2.0], dtype=np.float32), "n": 3, "z": np.array(1.0 + 1.0j)}
    found = numerical_grad(lambda p: np.sum(p["a"] ** 2) * p["n"] + np.real(p["z"] * (2 + 5j)), params)
    np.testing.assert_allclose(found["a"], [6.0, 12.0], rtol=1e-9)
    assert found["n"] is None
    np.testing.assert_allclose(found["z"], 2 + 5j, rtol=1e-9)


def test_errors() -> None:
    with pytest.raises(DtypeError, match="floating-point arrays"):
        numerical_jacobian(lambda x: x, np.array([1, 2]))
    with pytest.raises(ParameterError, match="real scalar"):
        numerical_grad(lambda x: x, np.ones(2))
