from typing import Any

import numpy as np
import pytest

from funcnet.backends.numpy.reductions import KERNELS


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("axis", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
def test_spread(name: str, axis: Any, keepdims: bool, dtype: str) -> None:
    x = np.random.default_rng(0).normal(5.0, 1.0, (6, 7)).astype(dtype)
    found = KERNELS[name](x, axis=axis, correction=1, keepdims=keepdims)
    wide = x.astype(complex if dtype == "complex64" else float)
    wanted = getattr(np, name)(wide, axis=axis, ddof=1, keepdims=keepdims)
    assert found.shape == wanted.shape
    assert found.dtype == np.abs(x[:0]).dtype
    np.testing.assert_allclose(found, wanted, rtol={"float16": 2e-3, "float64": 1e-12}.get(dtype, 2e-6))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constant_is_centred_exactly(dtype: str) -> None:
    for value in (0.1, 1e5 / 3, 1e-30):
        x = np.full((2, 1001), value, dtype)
        np.testing.assert_array_equal(KERNELS["centered"](x, axis=(1,)), np.zeros_like(x))
        np.testing.assert_array_equal(KERNELS["std"](x, axis=(1,), correction=0, keepdims=False), [0, 0])


def test_neither_overflow_nor_warning() -> None:
    x = np.array([1.0, 2.0, 4.0])
    for scale in (1e-25, 1e-19, 1e19, 1e25):
        y = KERNELS["std"]((x * scale).astype(np.float32), axis=(0,), correction=0, keepdims=False)
        np.testing.assert_allclose(y, x.std() * scale, rtol=1e-6)


def test_half_precision_is_accumulated_in_single() -> None:
    x = np.full((3, 2000), 100, np.float16)
    found = KERNELS["mean"](x, axis=(1,), keepdims=False)
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, [100, 100, 100])
    np.testing.assert_array_equal(KERNELS["std"](x, axis=(1,), correction=0, keepdims=True), np.zeros((3, 1)))


def test_arguments_are_not_written_to() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))
    x.flags.writeable = False
    for name, params in {
        "centered": {"axis": (1,)},
        "var": {"axis": (1,), "correction": 0, "keepdims": False},
        "std": {"axis": (1,), "correction": 0, "keepdims": False},
        "mean": {"axis": (1,), "keepdims": False},
    }.items():
        KERNELS[name](x, **params)
        KERNELS[name](x[:, :0], **params)
