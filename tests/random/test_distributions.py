"""Draws from distributions over the reals: moments, tails, edges and derivatives."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import random, xp
from funcnet.errors import MixedBackendError, ParameterError
from funcnet.testing.backends import BackendCase

SIZE = 100_000

# Function of a key, mean, variance, distribution function.
DRAWS: dict[str, tuple[Callable[..., Any], float, float, Callable[[np.ndarray], np.ndarray]]] = {
    "uniform": (random.uniform, 0.5, 1 / 12, lambda x: np.clip(x, 0, 1)),
    "normal": (random.normal, 0.0, 1.0, lambda x: normal_cdf(x)),
    "gumbel": (random.gumbel, 0.5772156649015329, math.pi**2 / 6, lambda x: np.exp(-np.exp(-x))),
    "exponential": (random.exponential, 1.0, 1.0, lambda x: 1 - np.exp(-x)),
    "truncated_normal": (
        lambda key, shape, dtype: random.truncated_normal(key, -1.0, 2.0, shape, dtype),
        0.2296371,
        0.5196886,
        lambda x: (
            (normal_cdf(x) - normal_cdf(np.array(-1.0))) / (normal_cdf(np.array(2.0)) - normal_cdf(np.array(-1.0)))
        ),
    ),
}


def normal_cdf(x: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda v: (1 + math.erf(v / math.sqrt(2))) / 2)(x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.requirement("P23")
def test_moments_and_distribution(name: str, dtype: str) -> None:
    draw, mean, variance, cdf = DRAWS[name]
    x = draw(random.key(11), (SIZE,), dtype)
    assert x.dtype == dtype
    x = np.sort(x.astype(float))
    # Five standard errors, and a Kolmogorov-Smirnov distance of probability 1e-6: the key is fixed, so it is luck once.
    assert abs(x.mean() - mean) < 5 * math.sqrt(variance / SIZE)
    assert abs(x.var() - variance) < 20 * variance / math.sqrt(SIZE)
    steps = np.arange(SIZE + 1) / SIZE
    expected = cdf(x)
    distance = max(np.max(steps[1:] - expected), np.max(expected - steps[:-1]))
    assert distance < 2.7 / math.sqrt(SIZE)


def test_neighbouring_keys_and_elements_do_not_correlate() -> None:
    x = np.stack([random.normal(key, (20_000,)) for key in random.split(random.key(0), 4)]).astype(float)
    shifted = np.concatenate([x, np.roll(x, 1, axis=1)])
    correlation = np.corrcoef(shifted) - np.eye(8)
    assert np.max(np.abs(correlation)) < 5 / math.sqrt(20_000)


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (2, 3)])
def test_shapes(case: BackendCase, name: str, shape: tuple[int, ...]) -> None:
    x = DRAWS[name][0](random.key(0), shape, "float32")
    assert tuple(x.shape) == shape
    assert case.to_numpy(x).dtype == np.float32


@pytest.mark.parametrize("name", DRAWS)
def test_the_default_type_is_that_of_the_context(name: str) -> None:
    draw = {"truncated_normal": lambda key, shape: random.truncated_normal(key, -1.0, 2.0, shape)}.get(
        name, DRAWS[name][0]
    )
    assert draw(random.key(0), (3,)).dtype == np.float32
    with fn.use_backend(dtype="float64"):
        assert draw(random.key(0), (3,)).dtype == np.float64
    assert DRAWS[name][0](random.key(0), (3,), np.float64).dtype == np.float64
    assert DRAWS[name][0](random.key(0), (3,), np.dtype("float16")).dtype == np.float16


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", DRAWS)
def test_pytorch_draws_what_numpy_draws(name: str, dtype: str) -> None:
    case = BackendCase("torch", "torch")
    if case.reason:
        pytest.skip(case.reason)
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 of its own")
    ours = DRAWS[name][0](random.key(1), (500,), dtype).astype(float)
    with case.active():
        theirs = case.to_numpy(DRAWS[name][0](random.key(1), (500,), dtype))
    assert theirs.dtype.name == dtype
    # The logarithms of the two libraries differ in the last place.
    tolerance = {"float16": 5e-3, "bfloat16": 4e-2, "float32": 1e-6, "float64": 1e-14}[dtype]
    np.testing.assert_allclose(theirs.astype(float), ours, rtol=tolerance, atol=tolerance)


def test_uniform_stays_below_its_upper_bound() -> None:
    x = random.uniform(random.key(0), (1_000_000,))
    assert x.min() >= 0
    assert x.max() < 1
    # Every multiple of the resolution, no other number.
    assert np.array_equal(x * 2**23, np.floor(x * 2**23))


def test_uniform_of_an_empty_interval_is_its_lower_bound() -> None:
    assert np.all(random.uniform(random.key(0), (9,), minval=2.0, maxval=1.0) == 2)
    assert np.all(random.uniform(random.key(0), (9,), minval=2.0, maxval=2.0) == 2)
    low, high = np.float32([0, 2]), np.float32([1, 1])
    x = random.uniform(random.key(0), (9, 2), minval=low, maxval=high)
    assert np.all(x[:, 1] == 2)
    assert np.all(x[:, 0] < 1)


def test_numbers_and_arrays_give_the_same_draw(case: BackendCase) -> None:
    key = random.key(4)
    low, high = np.float32(-0.3), np.float32(5.1)
    number = random.uniform(key, (50,), minval=float(low), maxval=float(high))
    array = random.uniform(key, (50,), minval=case.asarray(low), maxval=case.asarray(high))
    assert np.array_equal(case.to_numpy(number), case.to_numpy(array))
    number = random.truncated_normal(key, -1.0, 2.0, (50,))
    array = random.truncated_normal(key, case.asarray(np.float32(-1)), case.asarray(np.float32(2)), (50,))
    # Two error functions, which may differ in the last place.
    np.testing.assert_allclose(case.to_numpy(array), case.to_numpy(number), rtol=2e-6, atol=1e-6)


def test_bounds_of_another_library_are_refused() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with pytest.raises(MixedBackendError):
        random.uniform(random.key(0), (2,), minval=torch.zeros(2))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    "bounds", [(-1.0, 1.0), (0.1, 0.10001), (3.0, 4.0), (8.0, 9.0), (-math.inf, -2.0), (-math.inf, math.inf)]
)
def test_truncated_normal_stays_between_its_bounds(dtype: str, bounds: tuple[float, float]) -> None:
    if dtype == "float16" and bounds == (0.1, 0.10001):
        pytest.skip("the bounds are one number in half precision")
    low, high = (np.dtype(dtype).type(b) for b in bounds)
    x = random.truncated_normal(random.key(0), *bounds, (5000,), dtype)
    assert np.all(np.isfinite(x))
    assert np.all((x > low) & (x < high)) or np.nextafter(low, high) == high
    array = random.truncated_normal(random.key(0), low.reshape(1), high.reshape(1), (5000,), dtype)
    assert np.all((array >= low) & (array <= high))


@pytest.mark.parametrize("bounds", [(2.0, 1.0), (1.0, 1.0), (math.nan, 1.0), (1.0, 1.0 + 1e-12)])
def test_bounds_that_leave_nothing_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(ParameterError, match="leave nothing between them") as caught:
        random.truncated_normal(random.key(0), *bounds, (3,))
    assert "lower < upper" in str(caught.value)


def test_truncated_normal_takes_the_shape_of_its_bounds(case: BackendCase) -> None:
    low, high = case.asarray(np.zeros((3, 1), np.float32)), case.asarray(np.ones(4, np.float32))
    assert tuple(random.truncated_normal(random.key(0), low, high).shape) == (3, 4)
    assert tuple(random.truncated_normal(random.key(0), low, high, (2, 3, 4)).shape) == (2, 3, 4)
    assert random.truncated_normal(random.key(0), 0.0, 1.0).shape == ()


# ---------------------------------------------------------------------- derivatives


def test_derivatives_of_uniform() -> None:
    key = random.key(0)
    weights = np.float32([1, 2, 3])
    u = random.uniform(key, (3,))

    def f(low: Any, high: Any) -> Any:
        return xp.sum(random.uniform(key, (3,), minval=low, maxval=high) * weights)

    low, high = fn.grad(f, argnums=(0, 1))(np.float32(0.5), np.float32(2.0))
    assert low == pytest.approx(float(np.sum((1 - u) * weights)), rel=1e-6)
    assert high == pytest.approx(float(np.sum(u * weights)), rel=1e-6)


def test_a_draw_is_the_same_under_a_derivative() -> None:
    key = random.key(0)
    values = []

    def f(low: Any) -> Any:
        x = random.uniform(key, (1000,), minval=low, maxval=5.1)
        values.append(fn.lift(x).value)
        return xp.sum(x)

    fn.grad(f)(np.float32(-0.3))
    assert np.array_equal(values[0], random.uniform(key, (1000,), minval=-0.3, maxval=5.1))


@pytest.mark.parametrize("argument", [0, 1])
def test_derivatives_of_truncated_normal(argument: int) -> None:
    key = random.key(2)
    bounds = [np.array(-0.5), np.array(1.5)]

    def f(low: Any, high: Any) -> Any:
        return xp.sum(random.truncated_normal(key, low, high, (50,), "float64") ** 2)

    step = 1e-6
    moved = [[b + (i == argument) * s for i, b in enumerate(bounds)] for s in (step, -step)]
    expected = (f(*moved[0]) - f(*moved[1])) / (2 * step)
    assert fn.grad(f, argnums=argument)(*bounds) == pytest.approx(float(expected), rel=1e-6)


def test_an_infinite_bound_leaves_finite_derivatives() -> None:
    key = random.key(0)

    def f(high: Any) -> Any:
        return xp.sum(random.truncated_normal(key, -math.inf, high, (10_000,)))

    assert np.isfinite(fn.grad(f)(np.float32(1.0)))


@pytest.mark.parametrize("name", DRAWS)
def test_draws_inside_a_derivative_are_constants(case: BackendCase, name: str) -> None:
    draw = DRAWS[name][0]
    expected = case.to_numpy(draw(random.key(3), (4,), "float32"))

    def f(w: Any) -> Any:
        noise = draw(random.key(3), (4,), "float32")
        return xp.sum(w * noise)

    found = fn.grad(f)(case.asarray(np.ones(4, np.float32)))
    np.testing.assert_allclose(case.to_numpy(found), expected, rtol=1e-6)


def test_a_draw_may_be_filled_with_traced_values() -> None:
    def f(w: Any) -> Any:
        x = random.normal(random.key(0), (3,))
        x[0] = w
        return xp.sum(x * x)

    assert fn.grad(f)(np.float32(3.0)) == pytest.approx(6.0)
