"""The check that no key is used twice."""

import threading

import numpy as np
import pytest

import funcnet as fn
from funcnet import random
from funcnet.errors import KeyReuseError
from funcnet.testing.backends import BackendCase


def test_nothing_is_checked_unless_asked_for() -> None:
    key = random.key(0)
    assert np.array_equal(random.normal(key, (2,)), random.normal(key, (2,)))


def test_a_second_use_is_refused_and_both_are_named(case: BackendCase) -> None:
    key = random.key(5)
    with random.debug_key_reuse():
        random.normal(key, (2,))
        with pytest.raises(KeyReuseError, match=r"A random key was used twice") as caught:
            random.uniform(case.asarray(np.array([0, 5], np.uint32)), (2,))
    message = str(caught.value)
    assert "the key [0, 5] in uniform" in message
    assert "after normal" in message
    assert message.count("test_reuse.py") == 2
    assert "write:  key, subkey = fn.random.split(key)" in message


def test_a_split_uses_the_key() -> None:
    key = random.key(0)
    with random.debug_key_reuse():
        random.split(key)
        with pytest.raises(KeyReuseError, match="after split"):
            random.bits(key)


def test_keys_that_were_split_off_are_fresh() -> None:
    with random.debug_key_reuse():
        for key in random.split(random.key(0), 20):
            random.permutation(key, 10)
            # Draws that need several keys inside are one use.
        random.randint(random.key(1), (3,), 0, 10)


def test_folding_in_different_numbers_is_allowed_and_one_twice_is_not() -> None:
    key = random.key(0)
    with random.debug_key_reuse():
        for step in range(3):
            random.normal(random.fold_in(key, step), (2,))
        with pytest.raises(KeyReuseError, match=r"the key \[0, 0\] with 2 in fold_in"):
            random.fold_in(key, np.array(2))


def test_blocks_nest_and_end() -> None:
    key = random.key(0)
    with random.debug_key_reuse():
        random.normal(key)
        with random.debug_key_reuse(enabled=False):
            random.normal(key)
            random.normal(key)
        with random.debug_key_reuse():
            random.normal(key)
        with pytest.raises(KeyReuseError):
            random.normal(key)
    random.normal(key)


def test_the_check_ends_with_an_exception() -> None:
    key = random.key(0)

    def fail() -> None:
        with random.debug_key_reuse():
            random.normal(key)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    random.normal(key)


def test_other_threads_are_not_checked() -> None:
    key = random.key(0)
    errors: list[Exception] = []

    def draw_twice() -> None:
        try:
            random.normal(key)
            random.normal(key)
        except KeyReuseError as error:
            errors.append(error)

    with random.debug_key_reuse():
        thread = threading.Thread(target=draw_twice)
        thread.start()
        thread.join()
    assert not errors


def test_a_refused_call_uses_no_key() -> None:
    key = random.key(0)
    with random.debug_key_reuse():
        with pytest.raises(fn.errors.ParameterError):
            random.truncated_normal(key, 2.0, 1.0)
        random.truncated_normal(key, 1.0, 2.0)


def test_keys_inside_transformations_are_checked() -> None:
    key = random.key(0)

    def twice(x: np.ndarray) -> np.ndarray:
        return (x * random.normal(key, (3,)) * random.uniform(key, (3,))).sum()

    with random.debug_key_reuse(), pytest.raises(KeyReuseError):
        fn.grad(twice)(np.ones(3, np.float32))


def test_keys_of_which_only_the_shape_is_known_are_not_checked() -> None:
    def twice(key: np.ndarray) -> np.ndarray:
        return random.normal(key, (3,)) + random.normal(key, (3,))

    with random.debug_key_reuse():
        assert fn.eval_shape(twice, random.key(0)).shape == (3,)
