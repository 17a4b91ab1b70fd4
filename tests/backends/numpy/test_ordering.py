from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcnet.backends.numpy.ordering import KERNELS

argsort, sort = KERNELS["argsort"], KERNELS["sort"]


@given(st.data())
def test_argsort_is_numpys_stable_one(data: st.DataObject) -> None:
    rows, n = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 30))
    few = st.sampled_from([0.0, -0.0, 1.0, np.nan, np.inf, -np.inf])
    many = st.integers(-1000, 1000).map(float)
    elements = data.draw(st.sampled_from([few, many, st.one_of(few, many, many, many)]))
    x = np.array(data.draw(st.lists(elements, min_size=rows * n, max_size=rows * n))).reshape(rows, n)
    x = x.astype(data.draw(st.sampled_from(["float32", "float64"])))
    axis = data.draw(st.integers(0, 1))
    np.testing.assert_array_equal(
        argsort(x, axis=axis, descending=False, stable=True), np.argsort(x, axis=axis, kind="stable")
    )
    behind = np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    order = argsort(x, axis=axis, descending=True, stable=True)
    np.testing.assert_array_equal(order, x.shape[axis] - 1 - behind)
    found = sort(x, axis=axis, descending=True, stable=True)
    np.testing.assert_array_equal(found, np.take_along_axis(x, order, axis))
    np.testing.assert_array_equal(np.signbit(found), np.signbit(np.take_along_axis(x, order, axis)))


def test_argsort_of_many_with_a_few_ties() -> None:
    x = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    assert np.unique(x).size < x.size
    np.testing.assert_array_equal(argsort(x, axis=0, descending=False, stable=True), np.argsort(x, kind="stable"))


@pytest.mark.parametrize("stable", [False, True])
@pytest.mark.parametrize("dtype", ["int8", "bool", "float16"])
def test_other_dtypes(dtype: str, stable: bool) -> None:
    x = np.array([[1, 0, 1], [0, 0, 1]], dtype)
    for descending in (False, True):
        order = argsort(x, axis=1, descending=descending, stable=stable)
        wanted = np.sort(x, axis=1)[:, ::-1] if descending else np.sort(x, axis=1)
        np.testing.assert_array_equal(np.take_along_axis(x, order, 1), wanted)
        np.testing.assert_array_equal(sort(x, axis=1, descending=descending, stable=stable), wanted)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int32"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_argsort_with_places_behind_the_bits(dtype: str, axis: int) -> None:
    rng = np.random.default_rng(0)
    edges: Any = [-(2**31), -1, 0, 1, 2**31 - 1]
    if dtype != "int32":
        edges = [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 6e-8, -6e-8, 65504.0]
    x = np.where(rng.random((5, 9, 4)) < 0.7, rng.choice(edges, (5, 9, 4)), rng.normal(size=(5, 9, 4))).astype(dtype)
    for a in (x, np.asfortranarray(x), x[::-1, ::2], x[:, :0]):
        kept = a.copy()
        order = argsort(a, axis=axis, descending=False, stable=True)
        assert order.dtype == np.intp
        np.testing.assert_array_equal(order, np.argsort(a, axis, "stable"))
        assert a.tobytes() == kept.tobytes()


def test_inverse_permutation() -> None:
    order = np.array([[2, 0, 1], [0, 2, 1]])
    np.testing.assert_array_equal(KERNELS["inverse_permutation"](order, axis=1), [[1, 2, 0], [0, 2, 1]])
    np.testing.assert_array_equal(KERNELS["inverse_permutation"](order.T, axis=0), np.array([[1, 2, 0], [0, 2, 1]]).T)


@pytest.mark.parametrize("axis", [(), (0,), (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_count_nonzero(axis: Any, keepdims: bool) -> None:
    x = np.array([[0, 2, 0], [1, 1, 0]])
    for v in (x, x.astype(bool), x.astype(complex)):
        found = KERNELS["count_nonzero"](v, axis=axis, keepdims=keepdims)
        assert found.dtype == np.intp
        np.testing.assert_array_equal(found, np.sum(x != 0, axis=axis, keepdims=keepdims))
