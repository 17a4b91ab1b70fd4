"""Threefry on blocks: published answers, block borders, counters beyond 32 bits, threads."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcnet.backends.numpy import threefry
from funcnet.backends.numpy.threefry import KERNELS, hash_words, threefry2x32

KEY = np.array([123, 4_000_000_000], np.uint32)
WORDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers(counter: Any, key: Any, answer: Any) -> None:
    assert threefry2x32(*key, *counter) == answer
    # A dozen words take the way of arrays.
    w0, w1 = hash_words(np.array(key, np.uint32), 12, counter[0] << 32 | counter[1])
    assert (w0[0], w1[0]) == answer


def words_one_by_one(key: np.ndarray, size: int, first: int) -> list[tuple[int, int]]:
    k0, k1 = key.tolist()
    counters = [(first + i) % 2**64 for i in range(size)]
    return [threefry2x32(k0, k1, c >> 32, c & 0xFFFFFFFF) for c in counters]


@given(key=st.tuples(WORDS, WORDS), first=st.integers(0, 2**64 - 100), size=st.integers(0, 60))
@settings(max_examples=30)
def test_arrays_and_single_words_agree(key: tuple[int, int], first: int, size: int) -> None:
    found = hash_words(np.array(key, np.uint32), size, first)
    assert list(zip(*(w.tolist() for w in found), strict=True)) == words_one_by_one(
        np.array(key, np.uint32), size, first
    )


@pytest.mark.parametrize("first", [2**32 - 20, 2**40 - 1, 2**33 - 32])
def test_a_draw_crosses_a_multiple_of_the_word(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threefry, "_BLOCK", 16)
    w0, w1 = hash_words(KEY, 50, first)
    assert list(zip(w0.tolist(), w1.tolist(), strict=True)) == words_one_by_one(KEY, 50, first)


@pytest.mark.parametrize("size", [0, 1, 8, 9, 15, 16, 17, 32, 33, 100])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_draws_do_not_depend_on_blocks(size: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = KERNELS["random_bits"](KEY, shape=(size,), dtype=dtype)
    monkeypatch.setattr(threefry, "_BLOCK", 16)
    assert np.array_equal(KERNELS["random_bits"](KEY, shape=(size,), dtype=dtype), whole)
    pairs = words_one_by_one(KEY, size, 0)
    joined = [a << 32 | b if dtype == "uint64" else (a ^ b) % 2 ** (8 * whole.itemsize) for a, b in pairs]
    assert whole.tolist() == joined


@pytest.mark.parametrize("size", [64, 100, 1001])
def test_draws_do_not_depend_on_threads(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threefry, "_BLOCK", 16)
    one = KERNELS["random_bits"](KEY, shape=(size,), dtype="uint32")
    monkeypatch.setattr(threefry, "_SHARED", 32)
    monkeypatch.setattr(threefry, "threads", lambda: 2)
    assert np.array_equal(KERNELS["random_bits"](KEY, shape=(size,), dtype="uint32"), one)


def test_an_error_in_the_other_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threefry, "_BLOCK", 16)
    monkeypatch.setattr(threefry, "_SHARED", 32)
    monkeypatch.setattr(threefry, "threads", lambda: 2)

    def finish(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, begin: int, end: int) -> None:
        if begin >= 50:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threefry.run(KEY, 100, finish)


def test_the_number_of_threads_can_be_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threefry.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for name in ("FUNCNET_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert threefry.threads() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threefry.threads() == 1
    monkeypatch.setenv("FUNCNET_NUM_THREADS", "4")
    assert threefry.threads() == 2
    monkeypatch.setattr(threefry.os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert threefry.threads() == 1


def test_keys_are_pairs_of_words() -> None:
    keys = KERNELS["random_split"](KEY, shape=(3, 4))
    assert keys.shape == (3, 4, 2)
    assert [tuple(pair) for pair in keys.reshape(-1, 2).tolist()] == words_one_by_one(KEY, 12, 0)


def test_fold_in_hashes_the_number() -> None:
    for data in (0, 5, 2**32 - 1, np.array(5)):
        assert tuple(KERNELS["random_fold_in"](KEY, data).tolist()) == threefry2x32(*KEY.tolist(), 0, int(data))
