"""Draws compared with those of jax.random itself, where it is installed."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet import random

jax = pytest.importorskip("jax", reason="JAX, with which draws are compared, is not installed")

SEEDS = st.integers(0, 2**32 - 1)
# Few, since JAX compiles each anew.
SHAPES = st.sampled_from([(), (5,), (0, 3), (3, 1, 40)])
EXAMPLES = settings(max_examples=15)


def wide(dtype: str) -> Any:
    """Let JAX use types of 64 bits where the draw needs them."""
    return jax.enable_x64(True) if dtype.endswith("64") else nullcontext()


def same(ours: Any, theirs: Any) -> None:
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert np.array_equal(ours, theirs)


def near(ours: Any, theirs: Any, tolerance: float) -> None:
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.astype(float), theirs.astype(float), rtol=tolerance, atol=tolerance)


@given(SEEDS, st.integers(0, 2**32 - 1), SHAPES)
@EXAMPLES
def test_keys(seed: int, number: int, shape: tuple[int, ...]) -> None:
    key, theirs = random.key(seed), jax.random.key(seed)
    same(key, jax.random.key_data(theirs))
    same(random.fold_in(key, number), jax.random.key_data(jax.random.fold_in(theirs, number)))
    same(random.split(key, shape), jax.random.key_data(jax.random.split(theirs, shape)))


@given(st.integers(-(2**63), 2**63 - 1))
@EXAMPLES
def test_wide_seeds(seed: int) -> None:
    with jax.enable_x64(True):
        same(random.key(seed), jax.random.key_data(jax.random.key(seed)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
@given(seed=SEEDS, shape=SHAPES)
@EXAMPLES
def test_bits(dtype: str, seed: int, shape: tuple[int, ...]) -> None:
    with wide(dtype):
        same(random.bits(random.key(seed), shape, dtype), jax.random.bits(jax.random.key(seed), shape, dtype))


# XLA rounds the scaling to other bounds once. Ours does too but for rare cases with bounds of very different sizes.
QUARTERS = st.integers(-400, 400).map(lambda n: n / 4)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@given(seed=SEEDS, low=QUARTERS, high=QUARTERS)
@EXAMPLES
def test_uniform(dtype: str, seed: int, low: float, high: float) -> None:
    with wide(dtype):
        theirs = jax.random.uniform(jax.random.key(seed), (50, 7), dtype, low, high)
        ours = random.uniform(random.key(seed), (50, 7), dtype, low, high)
        if dtype == "float16":
            # Ours rounds once on every processor; without AVX-512, XLA rounds the product as well.
            unit = np.asarray(jax.random.uniform(jax.random.key(seed), (50, 7), dtype))
            once, twice = unit.astype(float) * (high - low), unit * np.float16(high - low)
            once, twice = (np.maximum(low, product + low).astype(dtype) for product in (once, twice.astype(float)))
            same(ours, once)
            assert any(np.array_equal(theirs, rounded) for rounded in (once, twice))
        else:
            same(ours, theirs)


def test_uniform_of_bfloat16() -> None:
    pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 of its own")
    for bounds in ((), (0.1, 0.7), (-0.3, 5.1)):
        theirs = jax.random.uniform(jax.random.key(1), (1000,), "bfloat16", *bounds)
        same(random.uniform(random.key(1), (1000,), "bfloat16", *bounds), theirs)


def test_uniform_between_arrays() -> None:
    low = np.linspace(-1, 1, 30, dtype=np.float32)
    high = low[::-1] * 3
    same(
        random.uniform(random.key(3), (200, 30), minval=low, maxval=high),
        jax.random.uniform(jax.random.key(3), (200, 30), minval=low, maxval=high),
    )


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@given(data=st.data(), seed=SEEDS)
@EXAMPLES
def test_randint(dtype: str, data: Any, seed: int) -> None:
    # Within 32 bits JAX's conversion of the bounds of narrow types loses nothing.
    info = np.iinfo(dtype if np.dtype(dtype).itemsize == 8 else np.int32)
    bounds = st.integers(max(int(info.min), -(2**63)), min(int(info.max), 2**63 - 1))
    low, high = data.draw(bounds), data.draw(bounds)
    with wide(dtype):
        same(
            random.randint(random.key(seed), (40,), low, high, dtype),
            jax.random.randint(jax.random.key(seed), (40,), low, high, dtype),
        )


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint32", "int64", "uint64"])
@given(data=st.data(), seed=SEEDS)
@EXAMPLES
def test_randint_between_arrays(dtype: str, data: Any, seed: int) -> None:
    info = np.iinfo(dtype)
    bounds = st.lists(st.integers(int(info.min), int(info.max)), min_size=5, max_size=5)
    low, high = (np.array(data.draw(bounds), dtype) for _ in range(2))
    with wide(dtype):
        same(
            random.randint(random.key(seed), (8, 5), low, high, dtype),
            jax.random.randint(jax.random.key(seed), (8, 5), low, high, dtype),
        )


@given(seed=SEEDS, size=st.sampled_from([0, 1, 2, 77, 1625, 1626, 3000]))
@EXAMPLES
def test_permutation_of_a_number(seed: int, size: int) -> None:
    same(random.permutation(random.key(seed), size), jax.random.permutation(jax.random.key(seed), size))


@pytest.mark.parametrize("independent", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_permutation_of_an_array(axis: int, independent: bool) -> None:
    x = np.arange(60, dtype=np.float32).reshape(4, 5, 3)
    same(
        random.permutation(random.key(5), x, axis, independent),
        jax.random.permutation(jax.random.key(5), x, axis, independent),
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
@pytest.mark.parametrize("axis", [0, 1])
def test_choice(axis: int, shape: tuple[int, ...], replace: bool, weighted: bool) -> None:
    x = np.arange(60, dtype=np.float32).reshape(6, 10)
    p = np.linspace(0, 1, x.shape[axis], dtype=np.float32) if weighted else None
    for a in (x, x.shape[axis]):
        where = axis if a is x else 0
        same(
            random.choice(random.key(9), a, shape, replace, p, where),
            jax.random.choice(jax.random.key(9), a, shape, replace, p, where),
        )


@given(SEEDS, st.floats(0, 1, width=32))
@EXAMPLES
def test_bernoulli(seed: int, p: float) -> None:
    same(random.bernoulli(random.key(seed), p, (99,)), jax.random.bernoulli(jax.random.key(seed), np.float32(p), (99,)))


@pytest.mark.parametrize("axis", [-1, 0, 1, -2])
def test_categorical(axis: int) -> None:
    logits = np.asarray(jax.random.normal(jax.random.key(0), (4, 6, 3)))
    same(random.categorical(random.key(1), logits, axis), jax.random.categorical(jax.random.key(1), logits, axis))
    shape = (5, *np.delete(logits.shape, axis).tolist())
    same(
        random.categorical(random.key(1), logits, axis, shape),
        jax.random.categorical(jax.random.key(1), logits, axis, shape),
    )


# Units in the last place of the results, of which the logarithms of two libraries leave a few.
TOLERANCE = {"float16": 5e-3, "float32": 6e-7, "float64": 2e-14}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", ["normal", "gumbel", "exponential"])
def test_draws_that_need_a_logarithm(name: str, dtype: str) -> None:
    ours: Callable[..., Any] = getattr(random, name)
    with wide(dtype):
        theirs = getattr(jax.random, name)(jax.random.key(7), (100_000,), dtype)
        near(ours(random.key(7), (100_000,), dtype), theirs, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bounds", [(-2.0, 2.0), (-1.5, 0.3), (-np.inf, 1.0), (1.0, 3.0)])
def test_truncated_normal(bounds: tuple[float, float], dtype: str) -> None:
    with wide(dtype):
        theirs = jax.random.truncated_normal(jax.random.key(7), *bounds, (10_000,), dtype)
        # The error functions of two libraries differ in the last digit, which counts for more far from zero.
        near(random.truncated_normal(random.key(7), *bounds, (10_000,), dtype), theirs, 20 * TOLERANCE[dtype])
