"""Draws of integers, truth values, orders and choices."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import random, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import BackendCase

SIZE = 60_000


def unlikely(counts: Any, chances: Any, size: int) -> float:
    """How many standard deviations the counts lie from what is expected, at most."""
    expected = np.asarray(chances) * size
    return float(np.max(np.abs(np.asarray(counts) - expected) / np.sqrt(expected * (1 - np.asarray(chances)))))


# ---------------------------------------------------------------------- truth values


@pytest.mark.parametrize("p", [0.01, 0.5, 0.9])
def test_bernoulli_frequencies(p: float) -> None:
    x = random.bernoulli(random.key(0), p, (SIZE,))
    assert x.dtype == np.bool_
    assert unlikely([x.sum()], [p], SIZE) < 5


def test_certain_and_impossible_events(case: BackendCase) -> None:
    assert not case.to_numpy(random.bernoulli(random.key(0), 0, (1000,))).any()
    assert case.to_numpy(random.bernoulli(random.key(0), 1, (1000,))).all()


def test_probabilities_may_be_an_array(case: BackendCase) -> None:
    p = case.asarray(np.float32([[0.0], [1.0]]))
    assert tuple(random.bernoulli(random.key(0), p).shape) == (2, 1)
    x = case.to_numpy(random.bernoulli(random.key(0), p, (2, 500)))
    assert not x[0].any()
    assert x[1].all()


@pytest.mark.parametrize("p", [-0.1, 1.5, math.nan, np.float32([0.5, 1.5]), np.float32([np.nan])])
def test_impossible_probabilities_are_refused(p: Any) -> None:
    with pytest.raises(ParameterError, match=r"lies outside \[0, 1\]") as caught:
        random.bernoulli(random.key(0), p)
    assert "xp.sigmoid(p)" in str(caught.value)


def test_integers_are_no_probabilities() -> None:
    with pytest.raises(DtypeError, match="takes floating-point numbers"):
        random.bernoulli(random.key(0), np.array([0, 1]))


def test_a_mask_inside_a_derivative() -> None:
    mask = random.bernoulli(random.key(0), 0.5, (20,))

    def dropped(x: Any) -> Any:
        return xp.sum(xp.where(random.bernoulli(random.key(0), 0.5, (20,)), x / 0.5, 0.0))

    assert np.array_equal(fn.grad(dropped)(np.ones(20)), np.where(mask, 2.0, 0.0))


# ---------------------------------------------------------------------- integers


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_randint_frequencies(dtype: str) -> None:
    x = random.randint(random.key(0), (SIZE,), 3, 10, dtype)
    assert x.dtype == dtype
    counts = Counter(x.tolist())
    assert sorted(counts) == list(range(3, 10))
    assert unlikely(list(counts.values()), [1 / 7] * 7, SIZE) < 5


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
def test_the_largest_number_can_be_drawn(case: BackendCase, dtype: str) -> None:
    info = np.iinfo(dtype)
    x = case.to_numpy(random.randint(random.key(0), (100,), int(info.max) - 1, int(info.max) + 1, dtype))
    assert set(x.tolist()) == {int(info.max) - 1, int(info.max)}
    # As much above the type as may be: the same.
    above = case.to_numpy(random.randint(random.key(0), (100,), int(info.max) - 1, 10**12, dtype))
    assert np.array_equal(x, above)


def test_bounds_of_mixed_kinds(case: BackendCase) -> None:
    low = case.asarray(np.arange(5, dtype=np.int32))
    x = case.to_numpy(random.randint(random.key(0), (200, 5), low, 6))
    assert np.array_equal(x.min(axis=0), np.arange(5))
    assert np.array_equal(x.max(axis=0), np.full(5, 5))
    high = case.asarray(np.int32(3))
    assert set(case.to_numpy(random.randint(random.key(0), (200,), -2, high)).tolist()) == {-2, -1, 0, 1, 2}


def test_arrays_as_bounds_give_the_numbers_of_integers(case: BackendCase) -> None:
    low, high = (case.asarray(np.int32(v)) for v in (-5, 100))
    number = random.randint(random.key(0), (30,), -5, 100)
    assert np.array_equal(case.to_numpy(random.randint(random.key(0), (30,), low, high)), case.to_numpy(number))


@pytest.mark.parametrize("bound", [1.0, "1", None, np.array([1.0]), np.array([True])])
def test_bounds_are_integers(bound: Any) -> None:
    with pytest.raises(ParameterError, match=r"Parameter 'maxval' of random\.randint is no integer"):
        random.randint(random.key(0), (2,), 0, bound)


def test_bounds_must_fit_the_shape() -> None:
    with pytest.raises(ShapeError, match="do not broadcast"):
        random.randint(random.key(0), (2,), np.zeros(3, int), 5)


# ---------------------------------------------------------------------- orders


def test_permutation_of_a_number(case: BackendCase) -> None:
    if case.device == "no_x64":
        pytest.skip("argsort of array_api_strict makes int64 on a device that has none")
    for size in (0, 1, 2, 100):
        x = case.to_numpy(random.permutation(random.key(0), size))
        assert np.array_equal(np.sort(x), np.arange(size))


def test_orders_are_equally_likely() -> None:
    size = 12_000
    counts = Counter(tuple(random.permutation(key, 3).tolist()) for key in random.split(random.key(0), size))
    assert len(counts) == 6
    assert unlikely(list(counts.values()), [1 / 6] * 6, size) < 5


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_lines_are_moved_together(case: BackendCase, axis: int) -> None:
    if case.device == "no_x64":
        pytest.skip("argsort of array_api_strict makes int64 on a device that has none")
    x = np.arange(24, dtype=np.int32).reshape(4, 6)
    found = case.to_numpy(random.permutation(random.key(1), case.asarray(x), axis=axis))
    other = 1 - axis % 2
    assert np.array_equal(np.sort(found, axis=axis), x)
    assert not np.array_equal(found, x)
    # Each line across is one of the array's own.
    lines = {tuple(line) for line in np.moveaxis(x, other, -1).tolist()}
    assert {tuple(line) for line in np.moveaxis(found, other, -1).tolist()} == lines


def test_independent_lines_get_orders_of_their_own(case: BackendCase) -> None:
    if case.device == "no_x64":
        pytest.skip("argsort of array_api_strict makes int64 on a device that has none")
    x = np.tile(np.arange(20, dtype=np.float32), (5, 1))
    found = case.to_numpy(random.permutation(random.key(1), case.asarray(x), axis=1, independent=True))
    assert np.array_equal(np.sort(found, axis=1), x)
    assert len({tuple(line) for line in found.tolist()}) == 5


def test_shuffling_is_differentiable() -> None:
    weights = np.arange(5.0)
    order = random.permutation(random.key(0), 5)
    found = fn.grad(lambda x: xp.sum(random.permutation(random.key(0), x) * weights))(np.ones(5))
    expected = np.empty(5)
    expected[order] = weights
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("x", "axis", "error", "message"),
    [
        (-1, 0, ParameterError, "negative number of elements"),
        (2.5, 0, ParameterError, "neither an integer nor an array"),
        ("abc", 0, ParameterError, "neither an integer nor an array"),
        (np.zeros((2, 3)), 2, ShapeError, "an axis that its array does not have"),
    ],
)
def test_what_cannot_be_shuffled(x: Any, axis: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        random.permutation(random.key(0), x, axis)


# ---------------------------------------------------------------------- choices


def test_choices_are_equally_likely() -> None:
    x = random.choice(random.key(0), np.float32([2, 3, 5, 7]), (SIZE,))
    assert unlikely(list(Counter(x.tolist()).values()), [0.25] * 4, SIZE) < 5


@pytest.mark.parametrize("replace", [True, False])
def test_weighted_choices(replace: bool) -> None:
    p = np.float32([0.1, 0.0, 0.6, 0.3])
    size = 5000
    first = [int(random.choice(key, 4, (1,), replace, p)[0]) for key in random.split(random.key(0), size)]
    counts = Counter(first)
    assert counts[1] == 0
    assert unlikely([counts[i] for i in (0, 2, 3)], [0.1, 0.6, 0.3], size) < 5


def test_choices_without_replacement_differ(case: BackendCase) -> None:
    if case.device == "no_x64":
        pytest.skip("argsort of array_api_strict makes int64 on a device that has none")
    x = case.to_numpy(random.choice(random.key(0), 50, (50,), replace=False))
    assert np.array_equal(np.sort(x), np.arange(50))
    p = case.asarray(np.linspace(0.1, 1, 50, dtype=np.float32))
    x = case.to_numpy(random.choice(random.key(0), 50, (5, 10), replace=False, p=p))
    assert np.array_equal(np.sort(x.ravel()), np.arange(50))


def test_choices_along_an_axis(case: BackendCase) -> None:
    a = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    x = case.to_numpy(random.choice(random.key(0), case.asarray(a), (5, 6), axis=1))
    assert x.shape == (2, 5, 6, 3)
    where = case.to_numpy(random.choice(random.key(0), 4, (5, 6)))
    assert np.array_equal(x, a[:, where])


def test_choosing_is_differentiable() -> None:
    where = random.choice(random.key(0), 4, (9,))
    found = fn.grad(lambda x: xp.sum(random.choice(random.key(0), x, (9,))))(np.ones(4))
    assert np.array_equal(found, np.bincount(where, minlength=4))


def test_nothing_may_be_chosen_from_nothing() -> None:
    for p in (None, np.zeros(0, np.float32)):
        for replace in (True, False):
            assert random.choice(random.key(0), 0, (0,), replace, p).shape == (0,)
            assert random.choice(random.key(0), np.zeros((0, 3)), (2, 0), replace, p).shape == (2, 0, 3)


@pytest.mark.parametrize(
    ("a", "options", "error", "message"),
    [
        (0, {}, ParameterError, "has nothing to choose from"),
        (-1, {}, ParameterError, "negative number of elements"),
        (1.5, {}, ParameterError, "neither an integer nor an array"),
        (3, {"shape": (4,), "replace": False}, ParameterError, "cannot choose that many elements"),
        (3, {"p": [0.1, 0.2, 0.7]}, ParameterError, "weights of random.choice are no array"),
        (3, {"p": np.array([1, 2, 3])}, DtypeError, "takes floating-point numbers"),
        (3, {"p": np.float32([0.5, 0.5])}, ShapeError, "one weight for each element"),
        (3, {"p": np.float32([0.5, -0.5, 1])}, ParameterError, "A weight of random.choice is negative"),
        (np.zeros(3), {"axis": 1}, ShapeError, "an axis that its array does not have"),
    ],
)
def test_choices_that_are_refused(a: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        random.choice(random.key(0), a, **{"shape": (2,), **options})


def test_categories_have_their_probabilities() -> None:
    p = np.array([0.1, 0.2, 0.7])
    x = random.categorical(random.key(0), np.log(p), shape=(SIZE,))
    assert unlikely(np.bincount(x), p, SIZE) < 5


def test_impossible_categories(case: BackendCase) -> None:
    if case.device == "no_x64":
        pytest.skip("argmax of array_api_strict makes int64 on a device that has none")
    logits = case.asarray(np.float32([-np.inf, 0, -np.inf]))
    assert np.all(case.to_numpy(random.categorical(random.key(0), logits, shape=(100,))) == 1)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_the_axis_of_categories(case: BackendCase, axis: int) -> None:
    if case.device == "no_x64":
        pytest.skip("argmax of array_api_strict makes int64 on a device that has none")
    logits = np.full((4, 5, 6), -1e9, np.float32)
    np.moveaxis(logits, axis, 0)[2] = 0
    x = random.categorical(random.key(0), case.asarray(logits), axis)
    assert tuple(x.shape) == tuple(np.delete(logits.shape, axis))
    assert np.all(case.to_numpy(x) == 2)
    assert tuple(random.categorical(random.key(0), case.asarray(logits), axis, (7, *x.shape)).shape) == (7, *x.shape)


@pytest.mark.parametrize(
    ("logits", "options", "error", "message"),
    [
        ([0.0, 1.0], {}, ParameterError, "logits of random.categorical are no array"),
        (np.array(1.0), {}, ParameterError, "logits of random.categorical are no array"),
        (np.array([0, 1]), {}, DtypeError, "takes floating-point numbers"),
        (np.zeros((2, 3)), {"axis": 2}, ShapeError, "an axis that its array does not have"),
        (np.zeros((2, 3)), {"shape": (3,)}, ShapeError, "do not fit the shape of the draw"),
        (np.zeros((2, 3)), {"shape": ()}, ShapeError, "do not fit the shape of the draw"),
        (np.zeros((2, 0)), {}, ShapeError, "has no categories"),
    ],
)
def test_categories_that_are_refused(
    logits: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        random.categorical(random.key(0), logits, **options)
