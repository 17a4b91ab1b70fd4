"""NumPy's functions under the standard's names: values, data types and shapes as the standard has them."""

from typing import Any

import numpy as np
import pytest

from funcnet.backends import get
from funcnet.backends.numpy.kernels import KERNELS

strict = pytest.importorskip("array_api_strict")

SHAPES = [((3, 4), (3, 4)), ((3, 4), (4,)), ((), ()), ((2, 1), (1, 3)), ((0, 2), (1, 2))]
NOT_ELEMENTWISE = {"concat", "stack"}
BINARY = sorted(
    name
    for name, kernel in KERNELS.items()
    if name not in NOT_ELEMENTWISE and isinstance(kernel, np.ufunc) and kernel.nin == 2
)
UNARY = sorted(KERNELS.keys() - NOT_ELEMENTWISE - set(BINARY))


def samples(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if "int" in dtype:
        return rng.integers(0 if dtype.startswith("u") else -5, 6, shape).astype(dtype)
    special = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, np.inf, -np.inf, np.nan])
    values = np.where(rng.random(shape) < 0.4, rng.choice(special, shape), rng.normal(size=shape) * 3)
    if "complex" in dtype:
        values = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return np.asarray(values).astype(dtype)


def compare(name: str, *arrays: np.ndarray, **params: Any) -> bool:
    """Compare a kernel with array_api_strict, where that takes these data types; say whether it does."""
    with np.errstate(all="ignore"):
        try:
            expected = np.asarray(getattr(strict, name)(*map(strict.asarray, arrays), **params)._array)
        except TypeError:
            return False
        found = KERNELS[name](*arrays, **params)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert get("numpy").owns(type(found))
    if found.dtype.kind in "fc":
        np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(found.dtype).eps, atol=0)
    else:
        np.testing.assert_array_equal(found, expected)
    return True


@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    compared = [
        compare(name, samples(dtype, shape, seed))
        for seed, (shape, _) in enumerate(SHAPES)
        for dtype in ("bool", "int8", "uint16", "int64", "float32", "float64", "complex64", "complex128")
    ]
    assert any(compared)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    types = ("bool", "int8", "uint16", "int64", "float32", "float64", "complex64", "complex128")
    compared = []
    for seed, (first, second) in enumerate(SHAPES):
        for dtype in types:
            x, y = samples(dtype, first, seed), samples(dtype, second, seed + 100)
            if (name == "pow" and "int" in dtype) or name.endswith("_shift"):
                y = np.absolute(y)
            if "int" in dtype and name in ("floor_divide", "remainder"):
                y = np.where(y == 0, 1, y).astype(dtype)
            compared.append(compare(name, x, y))
        compared.append(compare(name, samples("float32", first, seed), np.absolute(samples("float64", second, seed))))
        compared.append(compare(name, samples("int8", first, seed), np.absolute(samples("int16", second, seed)) + 1))
    assert any(compared)


def test_every_kernel_is_of_the_standard() -> None:
    assert {name for name in KERNELS if not hasattr(strict, name)} == set()


def test_python_scalars_are_weak() -> None:
    x = np.ones(2, dtype=np.float32)
    kernels = get("numpy").kernels
    for name in ("add", "multiply", "pow", "maximum", "divide"):
        assert kernels[name](x, 2.0).dtype == np.float32
        assert kernels[name](2.0, x).dtype == np.float32
    assert kernels["where"](x > 0, x, 0.0).dtype == np.float32


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_joining(axis: int) -> None:
    arrays = [samples(dtype, (2, 3), seed) for seed, dtype in enumerate(("float32", "float64", "float32"))]
    for name in ("concat", "stack"):
        expected = getattr(strict, name)([strict.asarray(a) for a in arrays], axis=axis)
        found = KERNELS[name](*arrays, axis=axis)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, np.asarray(expected._array))
    flat = KERNELS["concat"](*arrays, axis=None)
    np.testing.assert_array_equal(flat, np.concatenate([a.ravel() for a in arrays]))
