from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import funcnet as fn
from funcnet import ops
from funcnet.core import carries_derivative
from funcnet.errors import AbstractValueError, DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.strategies import arrays
from funcnet.transforms.reverse import vjp

BOTH = pytest.mark.parametrize("name", ["argmax", "argmin"])

# array_api_strict's searching functions return int64 on every device, so they fail where there is none.
CASES = [p for p in backend_params() if p.id != "strict-no-x64"]


@BOTH
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.requirement("P5")
def test_index_of_the_extreme(case: BackendCase, name: str, axis: Any, keepdims: bool) -> None:
    x = np.array([[1, 5, 5, 2], [7, 0, 0, 7]], np.float32)
    with case.active():
        y = getattr(ops, name)(case.asarray(x), axis=axis, keepdims=keepdims)
    wanted = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    found = case.to_numpy(y)
    assert (found.dtype, found.shape) == (np.int64, wanted.shape)
    np.testing.assert_array_equal(found, wanted)


@BOTH
def test_bad_extremes(name: str) -> None:
    f = getattr(ops, name)
    assert f(np.array([1.0, np.nan])) == 1
    assert f(np.float64(3.0)) == 0
    with pytest.raises(ShapeError, match=f"xp.{name} of no elements"):
        f(np.zeros((0, 2)), axis=0)
    with pytest.raises(ShapeError, match=f"xp.{name} of no elements"):
        f(np.zeros((0, 2)))
    assert f(np.zeros((0, 2)), axis=1).shape == (0,)
    with pytest.raises(DtypeError, match=r"xp\.abs\(x\) of complex numbers"):
        f(np.ones(2, complex))
    with pytest.raises(ParameterError, match="takes an integer as axis"):
        f(np.ones(2), axis=(0,))


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_count_nonzero(case: BackendCase, axis: Any, keepdims: bool) -> None:
    x = np.array([[0.0, np.nan, 1.0], [0.0, 2.0, -0.0]], np.float32)
    with case.active():
        y = ops.count_nonzero(case.asarray(x), axis=axis, keepdims=keepdims)
        bools = ops.count_nonzero(case.asarray(x != 0), axis=axis, keepdims=keepdims)
    wanted = np.count_nonzero(x, axis=() if axis == () else axis, keepdims=keepdims)
    assert tuple(y.shape) == np.shape(wanted)
    np.testing.assert_array_equal(case.to_numpy(y), wanted)
    np.testing.assert_array_equal(case.to_numpy(bools), wanted)


def test_count_of_complex_numbers() -> None:
    assert ops.count_nonzero(np.array([0j, 1j, 1])) == 2


@pytest.mark.parametrize("case", [p for p in CASES if p.id != "strict-flags"])
def test_nonzero(case: BackendCase) -> None:
    x = np.array([[0.0, 2.0, 3.0], [4.0, 0.0, np.nan]], np.float32)
    with case.active():
        found = ops.nonzero(case.asarray(x))
    for y, wanted in zip(found, np.nonzero(x), strict=True):
        np.testing.assert_array_equal(case.to_numpy(y), wanted)


def test_nonzero_needs_dimensions() -> None:
    with pytest.raises(ShapeError, match=r"xp\.nonzero needs an array with dimensions") as error:
        ops.nonzero(np.float64(1.0))
    assert "xp.reshape(x, (1,))" in str(error.value)


def test_the_shape_of_nonzero_needs_values() -> None:
    with pytest.raises(AbstractValueError, match=r"what xp\.nonzero returns depends on the values"):
        fn.eval_shape(ops.nonzero, fn.Spec((3,)))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(case: BackendCase, side: str) -> None:
    x1 = np.array([1.0, 2.0, 2.0, 3.0], np.float32)
    order = np.array([3, 0, 2, 1])
    with case.active():
        there = case.asarray(x1)
        for x2 in (np.array([0.0, 2.0, 2.5, 9.0]), np.array([[1.0, 3.0]]), np.array(2.0), np.zeros((0, 2))):
            y = ops.searchsorted(there, case.asarray(x2.astype(np.float32)), side=side)
            np.testing.assert_array_equal(case.to_numpy(y), np.searchsorted(x1, x2, side))
            unsorted = case.asarray(x1[np.argsort(order)])
            z = ops.searchsorted(unsorted, case.asarray(x2.astype(np.float32)), side=side, sorter=case.asarray(order))
            np.testing.assert_array_equal(case.to_numpy(z), case.to_numpy(y))
        for scalar in (2, 2.0):
            assert int(ops.searchsorted(there, scalar, side=side)) == (1 if side == "left" else 3)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted_of_batches_where_one_side_is_plain(case: BackendCase, side: str) -> None:
    rows = np.array([[1.0, 2.0, 2.0, np.nan], [0.0, 2.0, 3.0, 4.0]], np.float32)
    wanted = np.array([2.0, np.nan, 2.5, 9.0], np.float32)
    expected = np.stack([np.searchsorted(row, wanted, side) for row in rows])
    with case.active():
        f = fn.vmap(lambda row: ops.searchsorted(row, case.asarray(wanted), side=side))
        for g in (f, fn.jit(f)):
            np.testing.assert_array_equal(case.to_numpy(g(case.asarray(rows))), expected)


@given(arrays(dtype="int64", shape=(7,)), arrays(dtype="float64", shape=(2, 3)))
def test_searchsorted_is_numpys(x1: Any, x2: Any) -> None:
    x1 = np.sort(x1)
    np.testing.assert_array_equal(ops.searchsorted(x1, x2), np.searchsorted(x1, x2))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_nan_is_found_where_it_is_sorted_to(case: BackendCase, side: str) -> None:
    x1 = np.array([1.0, 2.0, np.inf, np.nan, np.nan, np.nan], np.float32)
    x2 = np.array([-np.inf, 1.0, 2.0, 3.0, np.inf, np.nan], np.float32)
    with case.active():
        y = ops.searchsorted(case.asarray(x1), case.asarray(x2), side=side)
    np.testing.assert_array_equal(case.to_numpy(y), np.searchsorted(x1, x2, side))
    np.testing.assert_array_equal(
        np.searchsorted(x1, x2, side), [0, 0, 1, 2, 2, 3] if side == "left" else [0, 1, 2, 2, 3, 6]
    )


def test_bad_searches() -> None:
    x = np.arange(3.0)
    with pytest.raises(ParameterError, match="'left' or 'right'"):
        ops.searchsorted(x, x, side="middle")
    with pytest.raises(ShapeError, match="an array of one dimension"):
        ops.searchsorted(np.ones((2, 2)), x)
    with pytest.raises(DtypeError, match="a real data type"):
        ops.searchsorted(x, x.astype(complex))
    with pytest.raises(DtypeError, match="takes indices as sorter"):
        ops.searchsorted(x, x, sorter=x)
    with pytest.raises(ShapeError, match="a sorter that does not fit"):
        ops.searchsorted(x, x, sorter=np.arange(2))


@pytest.mark.requirement("T30")
def test_results_are_constants() -> None:
    def flags(x: Any) -> Any:
        found = [
            ops.argmax(x),
            ops.argmin(x, axis=0),
            ops.count_nonzero(x),
            *ops.nonzero(x),
            ops.searchsorted(ops.sort(x), x),
        ]
        return x, [carries_derivative(y) for y in found]

    assert not any(vjp(flags, np.array([3.0, 1.0, 2.0]), has_aux=True)[2])


@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (lambda v: ops.argmax(v, axis=1), (2,)),
        (lambda v: ops.argmin(v, keepdims=True), (1, 1)),
        (lambda v: ops.count_nonzero(v, axis=0), (3,)),
        (lambda v: ops.searchsorted(v[0], v), (2, 3)),
    ],
)
def test_shapes_without_values(f: Any, shape: tuple[int, ...]) -> None:
    assert fn.eval_shape(f, fn.Spec((2, 3))) == fn.Spec(shape, "int64")


@given(st.data())
def test_ties_give_the_first_index(data: st.DataObject) -> None:
    x = data.draw(arrays(dtype="int64", shape=(3, 4), size=2.0))
    np.testing.assert_array_equal(ops.argmax(x, axis=1), np.argmax(x, axis=1))
    np.testing.assert_array_equal(ops.argmin(x, axis=0), np.argmin(x, axis=0))
