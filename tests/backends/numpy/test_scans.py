from typing import Any

import numpy as np
import pytest

from funcnet.backends.numpy.scans import KERNELS

solve = KERNELS["linear_recurrence"]


def in_order(a: Any, b: Any, reverse: bool, lagged: bool) -> Any:
    a, b = (a[::-1], b[::-1]) if reverse else (a, b)
    s = [b[0]]
    for i in range(1, len(b)):
        s.append(a[i - 1 if lagged else i] * s[-1] + b[i])
    return np.array(s[::-1] if reverse else s)


# Up to 63 rows are solved in order, longer and narrow ones by blocks.
@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 100, 257, 1000])
@pytest.mark.parametrize("row", [(), (3,), (2, 2), (1001,)])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lagged", [False, True])
def test_recurrence(n: int, row: tuple[int, ...], reverse: bool, lagged: bool) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.uniform(-1, 1, (n, *row)), rng.normal(size=(n, *row))
    found = solve(a, b, axis=0, reverse=reverse, lagged=lagged)
    np.testing.assert_allclose(found, in_order(a, b, reverse, lagged), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_dtypes_and_axes_of_recurrences(dtype: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(-1, 1, (2, 100, 3)).astype(dtype) for _ in range(2))
    found = solve(a, b, axis=1, reverse=False, lagged=False)
    assert found.dtype == dtype
    wanted = np.moveaxis(in_order(np.moveaxis(a, 1, 0), np.moveaxis(b, 1, 0), False, False), 0, 1)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    assert solve(a[:, :0], b[:, :0], axis=1, reverse=False, lagged=False).shape == (2, 0, 3)


@pytest.mark.parametrize("n", [10, 200])
@pytest.mark.parametrize("row", [(), (4,)])
@pytest.mark.parametrize("factor", [1e100, np.inf])
def test_zeros_stay_zeros_beside_factors_whose_product_is_infinite(n: int, row: tuple[int, ...], factor: float) -> None:
    a, b = np.full((n, *row), factor), np.zeros((n, *row))
    b[-1] = 1
    found = solve(a, b, axis=0, reverse=False, lagged=False)
    np.testing.assert_array_equal(found, b)


def test_finite_sums_beside_an_overflowing_product() -> None:
    a = np.full(200, 1e10)
    a[::2] = 1e-10
    a[:40] = 1e10
    b = np.zeros(200)
    b[0] = 1e-300
    with np.errstate(over="raise"):
        found = solve(a, b, axis=0, reverse=False, lagged=False)
    np.testing.assert_allclose(found, in_order(a, b, False, False), rtol=1e-12)


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("initial", [False, True])
def test_scans_in_both_directions(name: str, reverse: bool, initial: bool) -> None:
    x = np.random.default_rng(0).uniform(0.5, 1.5, (2, 5))
    found = KERNELS[name](x, axis=1, initial=initial, reverse=reverse)
    accumulate = np.add.accumulate if name == "cumulative_sum" else np.multiply.accumulate
    wanted = accumulate(x[:, ::-1] if reverse else x, 1)
    if initial:
        wanted = np.concatenate([np.full((2, 1), 0.0 if name == "cumulative_sum" else 1.0), wanted], 1)
    np.testing.assert_array_equal(found, wanted[:, ::-1] if reverse else wanted)


def test_shift_and_lead() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(KERNELS["shift"](x, axis=0, reverse=False), [[0, 0], [1, 2]])
    np.testing.assert_array_equal(KERNELS["shift"](x, axis=1, reverse=True), [[2, 0], [4, 0]])
    np.testing.assert_array_equal(KERNELS["lead"](x, axis=1, reverse=False), [[0, 1, 2], [0, 3, 4]])
    np.testing.assert_array_equal(KERNELS["lead"](x, axis=0, reverse=True), [[1, 2], [3, 4], [0, 0]])
