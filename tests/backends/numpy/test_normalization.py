"""NumPy kernels of normalisation: memory layouts, accuracy in float32, and deviations that vanish."""

import numpy as np
import pytest

from funcnet.backends.numpy.normalization import KERNELS

standardize, rescale_pull, product_sum = (KERNELS[name] for name in ("standardize", "rescale_pull", "product_sum"))
AXES = [(0,), (3,), (0, 1, 2), (1, 2), (2, 3), (1, 3), (0, 1, 2, 3)]


def exact(x, axis, eps):
    x = np.asarray(x, dtype="float64")
    mean, var = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("layout", ["C", "F", "reversed"])
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-5), ("float64", 1e-12)])
def test_values_whatever_the_layout(axis, layout, dtype, rtol):
    x = (np.random.default_rng(0).standard_normal((6, 5, 4, 3)) + 3).astype(dtype)
    x = np.asfortranarray(x) if layout == "F" else x[:, ::-1] if layout == "reversed" else x
    g = np.random.default_rng(1).standard_normal(x.shape).astype(dtype)
    found = standardize(x, axis=axis, eps=1e-3)
    for got, expected in zip(found, exact(x, axis, 1e-3), strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol)
    y, _, var = found
    r = 1 / np.sqrt(var + x.dtype.type(1e-3))
    wide = [np.asarray(a, dtype="float64") for a in (g, y, r)]
    expected = wide[2] * (
        wide[0] - wide[0].mean(axis, keepdims=True) - wide[1] * (wide[0] * wide[1]).mean(axis, keepdims=True)
    )
    np.testing.assert_allclose(rescale_pull(g, y, r, axis=axis, centered=True), expected, rtol=rtol, atol=rtol)
    total = product_sum(g, y, axis=axis)
    np.testing.assert_allclose(total, (wide[0] * wide[1]).sum(axis, keepdims=True), rtol=rtol, atol=200 * rtol)


def test_many_elements_in_float32():
    x = (np.random.default_rng(0).standard_normal((64, 40, 40, 4)) * 3 + 100).astype("float32")
    y, mean, var = standardize(x, axis=(0, 1, 2), eps=0.0)
    wanted = exact(x, (0, 1, 2), 0.0)
    np.testing.assert_allclose(mean, wanted[1], rtol=1e-6)
    np.testing.assert_allclose(var, wanted[2], rtol=2e-5)
    np.testing.assert_allclose(y, wanted[0], atol=2e-4)


@pytest.mark.parametrize("value", [0.1, 1e4, -7.3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constant_has_no_deviation(value, dtype):
    x = np.full((50, 7), value, dtype)
    y, mean, var = standardize(x, axis=(0,), eps=0.0)
    assert not y.any()
    assert not var.any()
    np.testing.assert_array_equal(mean, np.full((1, 7), value, dtype))


def test_the_input_is_left_alone():
    x = np.random.default_rng(0).standard_normal((4, 3))
    x.flags.writeable = False
    y, _, var = standardize(x, axis=(0,), eps=0.0)
    rescale_pull(x, y, 1 / np.sqrt(var), axis=(0,), centered=True)
    assert not np.shares_memory(x, y)
