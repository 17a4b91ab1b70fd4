"""Making keys, and refusing what is none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import random
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import BackendCase

# Everything that takes a key, with arguments that are right.
USES: dict[str, Callable[[Any], Any]] = {
    "split": random.split,
    "fold_in": lambda key: random.fold_in(key, 1),
    "bits": lambda key: random.bits(key, (2,)),
    "uniform": lambda key: random.uniform(key, (2,)),
    "normal": lambda key: random.normal(key, (2,)),
    "truncated_normal": lambda key: random.truncated_normal(key, -1.0, 1.0, (2,)),
    "gumbel": lambda key: random.gumbel(key, (2,)),
    "exponential": lambda key: random.exponential(key, (2,)),
    "bernoulli": lambda key: random.bernoulli(key, 0.5, (2,)),
    "randint": lambda key: random.randint(key, (2,), 0, 5),
    "permutation": lambda key: random.permutation(key, 5),
    "choice": lambda key: random.choice(key, 5, (2,)),
    "categorical": lambda key: random.categorical(key, np.zeros(3, np.float32)),
}


def test_a_key_is_a_plain_array_of_the_current_backend(case: BackendCase) -> None:
    key = random.key(7)
    assert fn.backends.backend_of(key) is case.backend
    assert case.to_numpy(key).tolist() == [0, 7]
    assert case.to_numpy(key).dtype == np.uint32
    if case.device:
        assert case.backend.device_of(key) == case.device


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        (0, [0, 0]),
        (2**32 - 1, [0, 2**32 - 1]),
        (2**32 + 5, [1, 5]),
        (-1, [2**32 - 1, 2**32 - 1]),
        (-(2**63), [2**31, 0]),
        (2**64 - 1, [2**32 - 1, 2**32 - 1]),
        (np.int64(3), [0, 3]),
        (np.array(3), [0, 3]),
        (True, [0, 1]),
    ],
)
def test_seeds_give_two_words(seed: Any, words: list[int]) -> None:
    assert random.key(seed).tolist() == words


@pytest.mark.parametrize("seed", [1.5, "0", None, np.array([1, 2])])
def test_a_seed_is_an_integer(seed: Any) -> None:
    with pytest.raises(ParameterError, match="A random key is made from an integer") as caught:
        random.key(seed)
    assert "fn.random.key(0)" in str(caught.value)


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_a_seed_fits_into_64_bits(seed: int) -> None:
    with pytest.raises(ParameterError, match="The seed of a random key is too large"):
        random.key(seed)


@pytest.mark.parametrize("name", sorted(set(random.__all__) - {"key", "debug_key_reuse"}))
def test_every_function_checks_its_key(name: str) -> None:
    use = USES[name]
    with pytest.raises(ParameterError, match=f"random.{name} takes a key first") as caught:
        use(0)
    assert "write:  fn.random.key(0)" in str(caught.value)
    with pytest.raises(ParameterError, match=f"random.{name} takes a key first"):
        use([0, 0])
    with pytest.raises(DtypeError, match=f"random.{name} takes a key first"):
        use(np.zeros(2, np.int64))
    with pytest.raises(ShapeError, match=f"random.{name} takes one key") as caught:
        use(random.split(random.key(0), 3))
    assert "several keys" in str(caught.value)
    with pytest.raises(ShapeError, match=f"random.{name} takes one key"):
        use(np.zeros(3, np.uint32))


@pytest.mark.parametrize("name", sorted(USES))
@pytest.mark.requirement("PX21")
def test_draws_follow_their_key_not_the_context(case: BackendCase, name: str) -> None:
    if case.device == "no_x64" and name in ("permutation", "categorical"):
        pytest.skip("argsort and argmax of array_api_strict make int64 on a device that has none")
    key = random.key(3)
    logits = case.asarray(np.zeros(3, np.float32))
    use = (lambda key: random.categorical(key, logits)) if name == "categorical" else USES[name]
    expected = use(key)
    with fn.use_backend("numpy"):
        found = use(key)
    assert fn.backends.backend_of(found) is case.backend
    assert case.backend.device_of(found) == case.backend.device_of(key)
    assert np.array_equal(case.to_numpy(found), case.to_numpy(expected))


def test_keys_are_not_written(case: BackendCase) -> None:
    key = case.asarray(np.array([1, 2], np.uint32))
    random.normal(key, (10,))
    random.split(key)
    assert case.to_numpy(key).tolist() == [1, 2]


def test_split_makes_keys_that_differ(case: BackendCase) -> None:
    keys = case.to_numpy(random.split(random.key(0), 1000))
    assert keys.shape == (1000, 2)
    assert len({tuple(key) for key in keys.tolist()}) == 1000
    assert random.split(random.key(0), 0).shape == (0, 2)
    assert random.split(random.key(0), (2, 3)).shape == (2, 3, 2)


def test_fold_in_takes_integers_of_any_kind(case: BackendCase) -> None:
    key = random.key(0)
    expected = case.to_numpy(random.fold_in(key, 7))
    dtypes = ["int32"] + ["int64"] * ("int64" in case.dtypes())
    for data in (np.int16(7), *(case.asarray(7, dtype) for dtype in dtypes)):
        assert np.array_equal(case.to_numpy(random.fold_in(key, data)), expected)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (-1, ParameterError, "does not fit into 32 bits"),
        (2**32, ParameterError, "does not fit into 32 bits"),
        (1.0, ParameterError, "fold_in takes an integer"),
        (None, ParameterError, "fold_in takes an integer"),
        (np.array([1, 2]), ShapeError, "fold_in takes one number"),
        (np.array(1.0), DtypeError, "fold_in takes an integer"),
    ],
)
def test_fold_in_refuses_other_data(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        random.fold_in(random.key(0), data)


@pytest.mark.parametrize("shape", [3, (3,), [3], np.int64(3), np.array([3])])
def test_a_shape_is_an_integer_or_a_sequence(shape: Any) -> None:
    assert random.uniform(random.key(0), shape).shape == (3,)


@pytest.mark.parametrize("shape", [2.5, (2.5,), "ab", None])
def test_other_shapes_are_refused(shape: Any) -> None:
    with pytest.raises(ParameterError, match=r"random\.normal takes a shape"):
        random.normal(random.key(0), shape)


def test_negative_sizes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"(?s)random.normal got a shape with a negative size.*\(2, -1\)"):
        random.normal(random.key(0), (2, -1))
