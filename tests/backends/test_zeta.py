"""Derivatives of the zeta function, against mpmath."""

import numpy as np
import pytest

from funcnet.backends.zeta import zeta_derivative


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize(("s", "q"), [(2.0, 1.0), (3.5, 0.2), (1.1, 2.0), (0.5, 1.0), (-1.5, 1.0), (30.0, 1.0)])
def test_values_are_mpmaths(s: float, q: float, n: int) -> None:
    mpmath = pytest.importorskip("mpmath", reason="mpmath is the oracle")
    wanted = float(mpmath.zeta(s, q, n))
    np.testing.assert_allclose(zeta_derivative(None, np.array(s), np.array(q), n), wanted, rtol=1e-11)


def test_outside_there_is_no_value() -> None:
    special = pytest.importorskip("scipy.special", reason="SciPy has the kernels of special functions")
    found = zeta_derivative(special, np.array([1.0, 2.0, 0.5]), np.array([1.0, -1.0, -2.0]), 1)
    assert np.all(np.isnan(found))
