"""check_adjoint: linear functions and their transposes."""

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import GradientCheckError
from funcnet.testing import BackendCase, backend_params, check_adjoint


@pytest.mark.parametrize("backend", backend_params())
def test_reverse_mode_gives_the_transpose(backend: BackendCase) -> None:
    with backend.active():
        x = {"a": backend.asarray(np.ones((2, 3)), "float32"), "b": backend.asarray([1.0, 2.0], "float32")}
        check_adjoint(lambda t: t["a"][0, :] * 3.0, x)
        check_adjoint(lambda t: (xp.flip(t["a"], axis=1), xp.sum(t["b"])), x)


def test_a_given_transpose() -> None:
    a = np.random.default_rng(0).normal(size=(3, 4))
    check_adjoint(lambda x: a @ x, np.ones(4), lambda y: a.T @ y)
    with pytest.raises(GradientCheckError, match="not each other's transpose") as caught:
        check_adjoint(lambda x: a @ x, np.ones(4), lambda y: 1.001 * (a.T @ y))
    assert "<x, A' y>" in str(caught.value)


def test_complex_transposes_and_adjoints() -> None:
    a = np.array([[1.0 + 2.0j, 3.0], [0.5j, 1.0 - 1.0j]])
    x = np.ones(2, dtype=complex)
    check_adjoint(lambda v: a @ v, x, lambda y: a.T @ y)
    check_adjoint(lambda v: a @ v, x, lambda y: a.conj().T @ y, conjugate=True)
    with pytest.raises(GradientCheckError, match="transpose"):
        check_adjoint(lambda v: a @ v, x, lambda y: a.conj().T @ y)


def test_real_arguments_with_complex_results() -> None:
    check_adjoint(lambda v: v * (1.0 + 2.0j), np.ones(3))


def test_a_function_that_is_not_linear() -> None:
    with pytest.raises(GradientCheckError, match="not linear"):
        check_adjoint(lambda x: x + 1.0, np.ones(3))
    with pytest.raises(GradientCheckError, match="not linear"):
        check_adjoint(lambda x: x * x, np.ones(3))
