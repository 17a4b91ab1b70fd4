"""CuPy's indexing kernels, against NumPy's own indexing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcnet.backends.cupy.indexing import kernels
from funcnet.backends.keys import ARRAY, decode

DTYPES = ("float32", "float64", "float16", "int8", "int32", "int64", "uint8", "uint16", "complex64", "complex128")
_FULL = (None, None, None)


def host(array: Any) -> np.ndarray:
    return array if isinstance(array, (np.ndarray, np.generic)) else array.get()


@st.composite
def keyed(draw: Callable[[Any], Any]) -> tuple[tuple[int, ...], tuple[Any, ...], list[np.ndarray]]:
    """Return a shape, a key with at least one index array, and the index arrays."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    where = draw(st.integers(0, len(shape) - 1))
    broadcast = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    key: list[Any] = []
    indices = []
    for dim, size in enumerate(shape):
        if draw(st.booleans()) and draw(st.booleans()):
            key.append(None)
        kind = ARRAY if dim == where else draw(st.sampled_from([ARRAY, "int", "slice", "back"]))
        if kind == ARRAY:
            cut = tuple(draw(st.sampled_from([1, n])) for n in broadcast)
            seed = draw(st.integers(0, 2**16))
            indices.append(np.random.default_rng(seed).integers(-size, size, cut[draw(st.integers(0, len(cut))) :]))
            key.append(ARRAY)
        elif kind == "int":
            key.append(draw(st.integers(-size, size - 1)))
        elif kind == "slice":
            key.append((draw(st.integers(-size, size)), None, draw(st.integers(1, 2))))
        else:
            key.append((None, None, -draw(st.integers(1, 2))))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(key)))
        key.insert(at, Ellipsis)
    return shape, tuple(key), indices


def fill(shape: tuple[int, ...], dtype: str, start: int = 1) -> np.ndarray:
    values = np.arange(start, start + int(np.prod(shape)), dtype=np.float64).reshape(shape) % 11
    return (values + (1j * (values + 1) if "complex" in dtype else 0)).astype(dtype)


@given(keyed(), st.sampled_from(DTYPES), st.booleans())
def test_numpy_is_the_oracle(
    case: tuple[tuple[int, ...], tuple[Any, ...], list[np.ndarray]], dtype: str, unsigned: bool
) -> None:
    shape, key, indices = case
    if unsigned:
        indices = [np.absolute(i).astype(np.uint32) % shape_of(key, shape, n) for n, i in enumerate(indices)]
    place = decode(key, tuple(indices))
    x = fill(shape, dtype)
    before = x.copy()
    expected = x[place]
    table = kernels(np)
    found = table["gather"](x, *indices, key=key, unique=False)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == x.dtype

    v = fill(expected.shape, dtype, start=3)
    added, put = x.copy(), x.copy()
    np.add.at(added, place, v)
    put[place] = v
    np.testing.assert_array_equal(table["index_add"](x, v, *indices, key=key, unique=False), added)
    np.testing.assert_array_equal(table["index_set"](x, v, *indices, key=key, unique=False), put)
    out = x.copy()
    assert table["index_add_into"](out, v, *indices, key=key, unique=False) is out
    np.testing.assert_array_equal(out, added)
    np.testing.assert_array_equal(x, before)


def shape_of(key: tuple[Any, ...], shape: tuple[int, ...], nth: int) -> int:
    """Return the size of the dimension that the nth index array addresses."""
    dims = [k for k in key if k is not None and k is not Ellipsis]
    return [size for k, size in zip(dims, shape, strict=True) if k == ARRAY][nth]


CASES = [
    ((3,), (ARRAY,), [[2, 0, 2, -1]]),
    ((4, 5), (ARRAY,), [[[3, 3], [0, -4]]]),
    ((4, 5), (_FULL, ARRAY), [[4, 4, 0]]),
    ((2, 3, 4), (ARRAY, _FULL, ARRAY), [[0, 1, 1], [[3], [3]]]),
    ((2, 3, 4), (0, _FULL, ARRAY), [[1, 1, 3]]),
    ((2, 3, 4), (Ellipsis, ARRAY, (None, None, -1)), [[2, 2]]),
    ((2, 3), (None, ARRAY, (0, 2, None)), [[1, 1, 0]]),
    ((3, 2), (ARRAY,), [[]]),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "key", "lists"), CASES)
def test_updates(library: Any, shape: tuple[int, ...], key: tuple[Any, ...], lists: list[Any], dtype: str) -> None:
    indices = [np.asarray(one, dtype=np.int64) for one in lists]
    place = decode(key, tuple(indices))
    x = fill(shape, dtype)
    v = fill(x[place].shape, dtype, start=3)
    added, put = x.copy(), x.copy()
    np.add.at(added, place, v)
    put[place] = v
    table = kernels(library)
    args = [library.asarray(one) for one in (x, v, *indices)]
    same = {"rtol": 1e-2 if dtype == "float16" else 1e-6}
    np.testing.assert_array_equal(host(table["gather"](args[0], *args[2:], key=key, unique=False)), x[place])
    np.testing.assert_allclose(host(table["index_add"](*args, key=key, unique=False)), added, **same)
    np.testing.assert_array_equal(host(table["index_set"](*args, key=key, unique=False)), put)
    np.testing.assert_array_equal(host(args[0]), x)


def test_unique_indices_take_the_short_way(library: Any) -> None:
    x, v, i = (library.asarray(a) for a in (np.zeros(4), np.ones(2), np.array([3, 1])))
    table = kernels(library)
    np.testing.assert_array_equal(host(table["index_add"](x, v, i, key=(ARRAY,), unique=True)), [0, 1, 0, 1])
    np.testing.assert_array_equal(host(table["index_set"](x, v, i, key=(ARRAY,), unique=True)), [0, 1, 0, 1])


def test_keys_without_arrays(library: Any) -> None:
    x = library.arange(6, dtype=np.float32).reshape(2, 3)
    table = kernels(library)
    key = (0, (None, None, -2))
    np.testing.assert_array_equal(host(table["getitem"](x, key=key)), [2, 0])
    v = library.asarray(np.array([10, 20], dtype=np.float32))
    np.testing.assert_array_equal(host(table["index_add"](x, v, key=key, unique=True)), [[20, 1, 12], [3, 4, 5]])
    np.testing.assert_array_equal(host(table["index_set"](x, v, key=key, unique=True)), [[20, 1, 10], [3, 4, 5]])


@pytest.mark.parametrize("wrong", [3, -4])
def test_indices_out_of_range_are_refused(library: Any, wrong: int) -> None:
    x, i = library.asarray(np.zeros((3, 2))), library.asarray(np.array([0, wrong]))
    for name, args in (("gather", ()), ("index_add", (1.0,)), ("index_set", (1.0,))):
        with pytest.raises(IndexError, match="an index is out of bounds for a dimension of size 3"):
            kernels(library)[name](x, *args, i, key=(ARRAY,), unique=False)


def test_small_integers_wrap_as_numpys_do(library: Any) -> None:
    x, v, i = (library.asarray(a) for a in (np.array([100], dtype=np.int8), np.full(2, 100, np.int8), np.zeros(2, int)))
    expected = np.array([100], dtype=np.int8)
    np.add.at(expected, np.zeros(2, int), np.full(2, 100, np.int8))
    np.testing.assert_array_equal(host(kernels(library)["index_add"](x, v, i, key=(ARRAY,), unique=False)), expected)


def test_bfloat16_goes_by_way_of_float32(library: Any) -> None:
    bfloat16 = np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    x = library.zeros(2, dtype=bfloat16)
    v, i = library.ones(3, dtype=bfloat16), library.asarray(np.array([1, 1, 0]))
    found = kernels(library)["index_add"](x, v, i, key=(ARRAY,), unique=False)
    assert found.dtype == bfloat16
    assert host(found).astype(np.float32).tolist() == [1, 2]
