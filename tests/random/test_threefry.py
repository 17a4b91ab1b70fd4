"""The reference generator: published answers, counters, and integers against arithmetic without a limit."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from funcnet.random import threefry
from funcnet.testing.backends import BackendCase

KEY = np.array([123, 4_000_000_000], np.uint32)
WORDS = st.integers(0, 2**32 - 1)

# Of the generator's authors: counter, key, result of twenty rounds.
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def key_on(case: BackendCase, words: Any = KEY) -> Any:
    return case.asarray(np.asarray(words, np.uint32))


def plain_words(key: Any, counter: int) -> tuple[int, int]:
    """Threefry in plain integers, as the paper states it."""
    k0, k1 = (int(word) for word in key)
    schedule = [k0, k1, k0 ^ k1 ^ 0x1BD11BDA]
    x0, x1 = (counter >> 32) + k0, counter + k1
    for i in range(20):
        x0 = (x0 + x1) % 2**32
        r = (13, 15, 26, 6, 17, 29, 16, 24)[i % 8]
        x1 %= 2**32
        x1 = (x1 << r | x1 >> (32 - r)) % 2**32 ^ x0
        if i % 4 == 3:
            n = i // 4 + 1
            x0, x1 = (x0 + schedule[n % 3]) % 2**32, (x1 + schedule[(n + 1) % 3] + n) % 2**32
    return x0, x1


def plain_integer(key: Any, index: int, low: int, high: int, width: int) -> int:
    """What `integers` draws at an index, in plain integers."""

    def word(number: int) -> int:
        w0, w1 = plain_words(plain_words(key, number), index)
        return (w0 << 32) + w1 if width == 64 else w0 ^ w1

    span = (high - low) % 2**width if high > low else 1
    if span == 0:
        return low + word(1)
    # The weight of the upper word is taken modulo the span; sums and products wrap around.
    weight = (2 ** (width // 2) % span) ** 2 % 2**width % span
    return low + (word(0) % span * weight + word(1) % span) % 2**width % span


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(case: BackendCase, counter: Any, key: Any, answer: Any) -> None:
    first = counter[0] << 32 | counter[1]
    words = threefry.hash_words(case.backend.namespace, key_on(case, key), 1, first)
    assert tuple(int(w[0]) for w in words) == answer
    assert plain_words(key, first) == answer


@pytest.mark.parametrize("first", [0, 1, 2**31, 2**32 - 7, 2**32, 2**40 + 3, 2**63 - 3, 2**64 - 13])
def test_counters_have_64_bits(case: BackendCase, first: int) -> None:
    if case.device == "no_x64" and first % 2**32 > 2**32 - 13:
        pytest.skip("counters that cross a multiple of 2**32 need int64, which the device has not")
    found = threefry.hash_words(case.backend.namespace, key_on(case), 13, first)
    expected = [plain_words(KEY, i) for i in range(first, first + 13)]
    assert [(int(a), int(b)) for a, b in zip(*found, strict=True)] == expected


def test_the_carrier_is_found_by_trying(case: BackendCase) -> None:
    expected = "int64" if case.backend_name == "torch" else "uint32"
    assert threefry.carrier(case.backend.namespace, key_on(case)) == expected


@given(key=st.tuples(WORDS, WORDS), data=WORDS)
@settings(max_examples=20)
def test_fold_in_hashes_the_number(key: tuple[int, int], data: int) -> None:
    case = BackendCase("strict", "strict")
    if case.reason:
        pytest.skip(case.reason)
    found = threefry.fold_in(case.backend.namespace, key_on(case, key), data)
    assert tuple(map(int, found)) == plain_words(key, data)


INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", INTEGERS)
@given(data=st.data())
@settings(max_examples=12)
def test_integers_are_those_of_plain_arithmetic(name: str, dtype: str, data: st.DataObject) -> None:
    case = BackendCase(name, name)
    if case.reason:
        pytest.skip(case.reason)
    smallest, largest = threefry.integer_range(dtype)
    low = data.draw(st.integers(smallest, largest))
    high = data.draw(st.integers(smallest, largest + 1) | st.sampled_from([low, largest + 1]))
    xp = case.backend.namespace
    width = 64 if dtype.endswith("64") else 32
    expected = [plain_integer(KEY, i, low, high, width) for i in range(6)]
    found = threefry.integers(xp, key_on(case), shape=(6,), dtype=dtype, low=low, high=high)
    assert case.to_numpy(found).tolist() == expected
    # As arrays the bounds reach one less far.
    bounds = np.array([low, min(high, largest)], dtype)
    expected = [plain_integer(KEY, i, low, min(high, largest), width) for i in range(6)]
    minval, maxval = (case.backend.from_numpy(bounds[i : i + 1]) for i in range(2))
    found = threefry.integers_between(xp, key_on(case), minval, maxval, shape=(6,), dtype=dtype)
    assert case.to_numpy(found).tolist() == expected
    found = threefry.integers_between(xp, key_on(case), minval, high, shape=(6,), dtype=dtype)
    expected = [plain_integer(KEY, i, low, high, width) for i in range(6)]
    assert case.to_numpy(found).tolist() == expected


@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("bound", ["int8", "uint16", "int32", "int64", "uint64"])
def test_bounds_are_clipped_to_the_data_type(name: str, dtype: str, bound: str) -> None:
    case = BackendCase(name, name)
    if case.reason:
        pytest.skip(case.reason)
    smallest, largest = threefry.integer_range(dtype)
    info = np.iinfo(bound)
    for low, high in ((int(info.min), int(info.max)), (int(info.max), int(info.max)), (0, int(info.max))):
        minval, maxval = (case.backend.from_numpy(np.array([v], bound)) for v in (low, high))
        found = threefry.integers_between(
            case.backend.namespace, key_on(case), minval, maxval, shape=(20,), dtype=dtype
        )
        clipped = min(max(low, smallest), largest), min(max(high, smallest), largest + 1)
        width = 64 if dtype.endswith("64") else 32
        assert case.to_numpy(found).tolist() == [plain_integer(KEY, i, *clipped, width) for i in range(20)]


def test_bounds_broadcast(case: BackendCase) -> None:
    low = np.array([[0], [10], [-5]], np.int32)
    high = np.array([3, 12, 100, 0], np.int32)
    found = case.to_numpy(
        threefry.integers_between(
            case.backend.namespace, key_on(case), case.asarray(low), case.asarray(high), shape=(3, 4), dtype="int32"
        )
    )
    expected = [plain_integer(KEY, 4 * i + j, int(low[i, 0]), int(high[j]), 32) for i in range(3) for j in range(4)]
    assert found.ravel().tolist() == expected


@given(x=st.integers(0, 2**64 - 1), span=st.integers(0, 2**64 - 1))
@example(x=2**64 - 1, span=2**63)
@example(x=2**63, span=2**63 + 1)
@example(x=2**64 - 1, span=2**62 + 1)
@example(x=2**64 - 1, span=0)
@settings(max_examples=60)
def test_remainders_of_64_bits_in_signed_integers(x: int, span: int) -> None:
    ring = object.__new__(threefry.Ring)
    ring.xp, ring.width, ring.native = np, 64, False
    bits = np.array([x, span], np.uint64).view(np.int64)
    found = ring.remainder(bits[:1], bits[1:]).view(np.uint64)
    assert int(found[0]) == (x % span if span else x)


@pytest.mark.parametrize(("size", "rounds"), [(0, 0), (1, 0), (2, 1), (1625, 1), (1626, 2), (10**6, 2), (2**40, 4)])
def test_rounds_of_sorting(size: int, rounds: int) -> None:
    assert threefry.sort_rounds(size) == rounds
    # Enough for the expected number of pairs that stay tied to be below one in the number of elements.
    assert size < 2 or math.log2(size) * 2 - 32 * rounds < -math.log2(size) + 1


def test_orders_are_orders(case: BackendCase) -> None:
    if case.device == "no_x64":
        pytest.skip("argsort of array_api_strict makes int64 on a device that has none")
    found = case.to_numpy(threefry.orders(case.backend.namespace, key_on(case), shape=(5, 7), axis=1))
    assert np.array_equal(np.sort(found, axis=1), np.tile(np.arange(7), (5, 1)))
    assert len({tuple(line) for line in found.tolist()}) == 5
