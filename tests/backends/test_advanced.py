"""Indexing kernels of CuPy and PyTorch, against NumPy's own indexing; NumPy stands in for CuPy without a GPU."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcnet.backends.cupy import indexing as cupy_indexing
from funcnet.backends.keys import ARRAY, decode
from funcnet.backends.torch import indexing as torch_indexing
from funcnet.testing.backends import BackendCase, backend_params

DTYPES = ("float32", "float64", "float16", "int8", "int32", "int64", "uint8", "uint16", "uint64", "complex64")
_FULL = (None, None, None)


class Library(NamedTuple):
    """A library with its kernels, and how its arrays are made and read."""

    kernels: dict[str, Callable[..., Any]]
    case: BackendCase

    def __call__(self, name: str, *arrays: Any, key: tuple[Any, ...], unique: bool = False) -> np.ndarray:
        given = [self.case.asarray(a, dtype=a.dtype.name) if isinstance(a, np.ndarray) else a for a in arrays]
        params = {"key": key} if name == "getitem" else {"key": key, "unique": unique}
        result = self.case.to_numpy(self.kernels[name](*given, **params))
        if not name.endswith("_into"):
            for before, after in zip(arrays, given, strict=True):
                if isinstance(before, np.ndarray):
                    np.testing.assert_array_equal(self.case.to_numpy(after), before)
        return result


@cache
def library_of(case: BackendCase) -> Library:
    module = torch_indexing if case.backend_name == "torch" else cupy_indexing
    return Library(module.kernels(case.backend.library), case)


PARAMS = [param for param in backend_params(variants=False) if param.id in ("numpy", "cupy", "torch")]


@pytest.fixture(params=PARAMS)
def library(request: pytest.FixtureRequest) -> Library:
    return library_of(request.param)


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


@pytest.mark.parametrize("one", PARAMS)
@given(keyed(), st.sampled_from(DTYPES), st.booleans())
def test_numpy_is_the_oracle(
    one: BackendCase, case: tuple[tuple[int, ...], tuple[Any, ...], list[np.ndarray]], dtype: str, unsigned: bool
) -> None:
    library = library_of(one)
    shape, key, indices = case
    if unsigned:
        indices = [np.asarray(np.absolute(i) % shape_of(key, shape, n), dtype="uint8") for n, i in enumerate(indices)]
    place = decode(key, tuple(indices))
    x = fill(shape, dtype)
    expected = x[place]
    found = library("gather", x, *indices, key=key)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == x.dtype
    v = fill(expected.shape, dtype, start=3)
    added, put = x.copy(), x.copy()
    np.add.at(added, place, v)
    put[place] = v
    same = {"rtol": 1e-2 if dtype == "float16" else 1e-6}
    for name in ("index_add", "index_add_into"):
        np.testing.assert_allclose(library(name, x, v, *indices, key=key), added, **same)
    np.testing.assert_array_equal(library("index_set", x, v, *indices, key=key), put)


def shape_of(key: tuple[Any, ...], shape: tuple[int, ...], nth: int) -> int:
    """Return the size of the dimension that the nth index array addresses."""
    dims = [k for k in key if k is not None and k is not Ellipsis]
    return [size for k, size in zip(dims, shape, strict=True) if k == ARRAY][nth]


def test_index_add_into_writes_into_its_argument(library: Library) -> None:
    out = library.case.asarray(np.zeros((2, 3), dtype=np.float32))
    v, i = library.case.asarray(np.ones(2, dtype=np.float32)), library.case.asarray(np.array([2, 2]))
    kernel = library.kernels["index_add_into"]
    assert kernel(out, v, i, key=(1, ARRAY), unique=False) is out
    assert kernel(out, v, key=(0, (None, None, -2)), unique=True) is out
    np.testing.assert_array_equal(library.case.to_numpy(out), [[1, 0, 1], [0, 0, 2]])


def test_unique_indices(library: Library) -> None:
    x, v, i = np.zeros(4), np.array([1.0, 2.0]), np.array([3, 1])
    for name in ("index_add", "index_set"):
        np.testing.assert_array_equal(library(name, x, v, i, key=(ARRAY,), unique=True), [0, 2, 0, 1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.requirement("DX35")
def test_many_repetitions(library: Library, dtype: str) -> None:
    i = np.arange(3000) % 7
    v = np.ones((3000, 2), dtype=dtype)
    x = np.zeros((7, 2), dtype=dtype)
    expected, put = x.copy(), x.copy()
    np.add.at(expected, i, v)
    put[i] = fill(v.shape, dtype)
    np.testing.assert_allclose(library("index_add", x, v, i, key=(ARRAY,)), expected)
    np.testing.assert_array_equal(library("index_set", x, fill(v.shape, dtype), i, key=(ARRAY,)), put)


@pytest.mark.parametrize("dtype", ["float32", "uint16", "complex64"])
def test_keys_without_arrays(library: Library, dtype: str) -> None:
    x = np.arange(6).reshape(2, 3).astype(dtype)
    key = (0, (None, None, -2))
    v = np.array([10, 20]).astype(dtype)
    np.testing.assert_array_equal(library("getitem", x, key=key), [2, 0])
    np.testing.assert_array_equal(library("index_add", x, v, key=key), [[20, 1, 12], [3, 4, 5]])
    np.testing.assert_array_equal(library("index_set", x, v, key=key), [[20, 1, 10], [3, 4, 5]])
    np.testing.assert_array_equal(library("index_set", x, 7, key=(None, 1)), [[0, 1, 2], [7, 7, 7]])


@pytest.mark.parametrize("wrong", [3, -4])
def test_indices_out_of_range_are_refused(library: Library, wrong: int) -> None:
    x, fine, i = np.zeros((2, 3)), np.array([0, -2]), np.array([0, wrong])
    for name, args in (("gather", ()), ("index_add", (1.0,)), ("index_set", (1.0,))):
        with pytest.raises(IndexError, match="an index is out of bounds for a dimension of size 3"):
            library(name, x, *args, fine, i, key=(ARRAY, ARRAY))


def test_no_indices_at_all(library: Library) -> None:
    x, i = np.arange(6.0).reshape(3, 2), np.zeros(0, dtype=np.int64)
    assert library("gather", x, i, key=(ARRAY,)).shape == (0, 2)
    for name in ("index_add", "index_set"):
        np.testing.assert_array_equal(library(name, x, np.zeros((0, 2)), i, key=(ARRAY,)), x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scalars_of_numpy_are_values(library: Library, dtype: str) -> None:
    x, v, i = np.arange(3).astype(dtype), np.dtype(dtype).type(5), np.array(1)
    for name, expected in (("index_add", [0, 6, 2]), ("index_set", [0, 5, 2])):
        assert library(name, x, v, i, key=(ARRAY,)).tolist() == expected


def test_small_integers_wrap_as_numpys_do(library: Library) -> None:
    for dtype in ("int8", "uint8", "uint16", "uint64"):
        top = np.iinfo(dtype).max
        x, v, i = np.array([top], dtype=dtype), np.full(2, top, dtype=dtype), np.zeros(2, dtype=np.int64)
        expected = x.copy()
        np.add.at(expected, i, v)
        np.testing.assert_array_equal(library("index_add", x, v, i, key=(ARRAY,)), expected)


def test_bfloat16(library: Library) -> None:
    bfloat16 = np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    x, v, i = np.zeros(2, dtype=bfloat16), np.ones(3, dtype=bfloat16), np.array([1, 1, 0])
    found = library("index_add", x, v, i, key=(ARRAY,))
    assert found.dtype == bfloat16
    assert found.astype(np.float32).tolist() == [1, 2]
