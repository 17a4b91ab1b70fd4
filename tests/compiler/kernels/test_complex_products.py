"""Products of complex matrices in compiled plans agree with NumPy's in double precision."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import complex_products
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def planned(f: Any, *given: Any) -> FusedPlan:
    return FusedPlan(optimised(fn.trace(f, *given)))


def numbers(*shape: int, dtype: str = "complex128") -> np.ndarray:
    rng = np.random.default_rng(sum(shape))
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((5, 7), (7, 3)),
        ((40, 16), (16, 17)),
        ((6, 2, 2), (6, 2, 2)),
        ((6, 3, 3), (6, 3, 1)),
        ((2, 3, 5, 4), (3, 4, 6)),
        ((9, 4, 5), (5, 2)),
        ((1, 4, 3), (7, 3, 3)),
        ((4, 1, 8, 3), (1, 5, 3, 5)),
    ],
)
def test_as_numpy(left: tuple[int, ...], right: tuple[int, ...], dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "threads", lambda: 2)
    monkeypatch.setattr(complex_products, "_EACH", 1)
    a, b = numbers(*left, dtype=dtype), numbers(*right, dtype=dtype)
    plan = planned(xp.matmul, a, b)
    assert plan.calls == ["matmul, complex"]
    exact = a.astype("complex128") @ b.astype("complex128")
    for given in ((a, b), (np.asfortranarray(a), np.asfortranarray(b)), (np.repeat(a, 2, -1)[..., ::2], b)):
        (found,) = plan(*given)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=0, atol=20 * np.finfo(dtype).eps * np.abs(exact).max())


def test_gradients_as_by_the_graph() -> None:
    a, b = numbers(5, 4, 4), numbers(5, 4, 4) + 1

    def f(a: Any, b: Any) -> Any:
        y = a @ xp.conj(xp.matrix_transpose(b)) @ a
        return xp.sum(xp.abs(y) ** 2)

    gradient = fn.grad(f, argnums=(0, 1))
    for one, other in zip(planned(gradient, a, b)(a, b), gradient(a, b), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11 * np.abs(other).max())


@pytest.mark.parametrize("value", [np.nan, np.inf, complex(0, np.inf)])
def test_what_is_no_number_stays_in_its_rows_and_columns(value: complex) -> None:
    a, b = numbers(3, 5, 4), numbers(3, 4, 6)
    wanted = a @ b
    a[1, 2, 3] = value
    b[2, 1, 4] = value
    (found,) = planned(xp.matmul, a, b)(a, b)
    touched = np.zeros(found.shape, bool)
    touched[1, 2] = touched[2, :, 4] = True
    assert not np.isfinite(found[touched]).any()
    np.testing.assert_allclose(found[~touched], wanted[~touched], rtol=1e-13)


def test_others_are_left_to_numpy() -> None:
    shapes = [((4,), (4, 3)), ((1, 20), (20, 20)), ((30, 30), (30, 30)), ((0, 3), (3, 3)), ((3, 0), (0, 3))]
    for left, right in shapes:
        assert planned(xp.matmul, numbers(*left), numbers(*right)).calls == ["matmul"]
    mixed = planned(xp.matmul, numbers(4, 4), np.ones((4, 4)))
    np.testing.assert_allclose(mixed(numbers(4, 4), np.ones((4, 4)))[0], numbers(4, 4) @ np.ones((4, 4)), rtol=1e-13)
