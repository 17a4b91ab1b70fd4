from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import ops
from funcnet.core import carries_derivative
from funcnet.errors import AbstractValueError, DtypeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.testing.strategies import arrays, shapes
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

# Results whose shape depends on values are what "strict-flags" forbids; array_api_strict's sorting and searching
# functions return int64 on every device, so they fail where there is none.
CASES = [p for p in backend_params() if p.id not in ("strict-flags", "strict-no-x64")]
POINTS = {
    "floats": np.array([[3.0, 1.0, np.nan], [3.0, np.nan, -np.inf]], np.float32),
    "zeros": np.array([0.0, -0.0, 1.0], np.float32),
    "integers": np.array([3, 1, 2, 3, 1, 1]),
    "booleans": np.array([True, False, True]),
    "complex": np.array([1 + 2j, 1 - 1j, 1 + 2j, 0, np.nan], np.complex64),
    "scalar": np.array(2.0, np.float32),
    "nothing": np.zeros((0, 2), np.float32),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", POINTS)
def test_unique(case: BackendCase, name: str) -> None:
    x = POINTS[name]
    flat = x.reshape(-1)
    with case.active():
        found = ops.unique_all(case.asarray(x, x.dtype.name))
        assert found._fields == ("values", "indices", "inverse_indices", "counts")
        values, indices, inverse, counts = map(case.to_numpy, found)
        assert values.dtype == x.dtype
        wanted = np.unique(x, equal_nan=False)
        np.testing.assert_array_equal(values, wanted)
        assert (values.shape, inverse.shape) == (wanted.shape, x.shape)
        np.testing.assert_array_equal(flat[indices], values)
        np.testing.assert_array_equal(values[inverse], x)
        assert sum(counts) == x.size
        for value, index, count in zip(values, indices, counts, strict=True):
            if not np.isnan(value):
                assert index == np.flatnonzero(flat == value)[0]
                assert count == np.sum(flat == value)
            else:
                assert count == 1
        np.testing.assert_array_equal(case.to_numpy(ops.unique_values(case.asarray(x, x.dtype.name))), values)
        two = ops.unique_counts(case.asarray(x, x.dtype.name))
        assert two._fields == ("values", "counts")
        np.testing.assert_array_equal(case.to_numpy(two.values), values)
        np.testing.assert_array_equal(case.to_numpy(two.counts), counts)
        other = ops.unique_inverse(case.asarray(x, x.dtype.name))
        assert other._fields == ("values", "inverse_indices")
        np.testing.assert_array_equal(case.to_numpy(other.inverse_indices), inverse)


@settings(max_examples=15)
@given(st.data())
def test_derivatives_of_distinct_elements(data: st.DataObject) -> None:
    shape = data.draw(shapes())
    n = int(np.prod(shape))
    x = np.array(data.draw(st.permutations(range(n))), float).reshape(shape) / 4
    check_grads(ops.unique_values, [x], eps=1e-2)
    check_grads(lambda v: ops.unique_counts(v).values, [x], eps=1e-2)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["unique_values", "unique_all", "unique_counts", "unique_inverse"])
def test_equal_elements_share_the_cotangent(case: BackendCase, name: str) -> None:
    def f(v: Any) -> Any:
        y = getattr(ops, name)(v)
        return y if name == "unique_values" else y.values

    x = np.array([[3.0, 1.0], [3.0, 2.0]], np.float32)
    g = np.array([1.0, 10.0, 100.0], np.float32)
    with case.active():
        (found,) = vjp(f, case.asarray(x))[1](case.asarray(g))
        t = jvp(f, (case.asarray(x),), (case.asarray(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)),))[1]
    np.testing.assert_array_equal(case.to_numpy(found), [[50, 1], [50, 10]])
    np.testing.assert_array_equal(case.to_numpy(t), [2, 4, 2])


def test_second_order() -> None:
    x = np.array([3.0, 1.0, 3.0])
    hvp = jvp(grad(lambda v: ops.sum(ops.unique_values(v) ** 2)), (x,), (np.array([1.0, 2.0, 3.0]),))[1]
    # y = (x1, (x0 + x2) / 2) as far as derivatives go.
    np.testing.assert_allclose(hvp, [2, 4, 2])


def test_integer_results_are_constants() -> None:
    def flags(x: Any) -> Any:
        found = ops.unique_all(x)
        return x, [carries_derivative(y) for y in (*found, ops.unique_counts(x).counts, ops.isin(x, x))]

    assert vjp(flags, np.array([1.0, 2.0]), has_aux=True)[2] == [True, False, False, False, False, False]


@pytest.mark.parametrize("name", ["unique_values", "unique_all", "unique_counts", "unique_inverse"])
def test_shapes_depend_on_values(name: str) -> None:
    with pytest.raises(AbstractValueError, match=f"what xp.{name} returns depends on the values"):
        fn.eval_shape(getattr(ops, name), fn.Spec((3,)))


@pytest.mark.parametrize("case", [p for p in backend_params() if p.id != "strict-no-x64"])
@pytest.mark.parametrize("invert", [False, True])
def test_isin(case: BackendCase, invert: bool) -> None:
    pairs = [
        (np.array([[1, 2], [3, 4]]), np.array([[2, 3, 5]])),
        (np.array([1, 2], np.int8), np.array([2, 300])),
        (np.array([1.0, np.nan, np.inf], np.float32), np.array([np.nan, 1.0], np.float32)),
        (np.array([1.0, np.nan, np.inf], np.float32), np.array([np.nan, np.inf, np.nan], np.float32)),
        (np.array([True, False]), np.array([True])),
        (np.array([1j, 2], np.complex64), np.array([2, 3j], np.complex64)),
        (np.array(2), np.array([1, 2])),
        (np.array([1, 2]), np.array([], np.int64)),
        (np.zeros((0, 2)), np.array([1.0])),
    ]
    with case.active():
        for x1, x2 in pairs:
            y = ops.isin(case.asarray(x1), case.asarray(x2), invert=invert)
            wanted = np.isin(x1, x2, invert=invert)
            found = case.to_numpy(y)
            assert (found.dtype, found.shape) == (bool, wanted.shape)
            np.testing.assert_array_equal(found, wanted)
        there = case.asarray(np.array([1, 2]))
        np.testing.assert_array_equal(case.to_numpy(ops.isin(there, 2, invert=invert)), [invert, not invert])
        assert bool(ops.isin(2, there, invert=invert)) is not invert
        assert tuple(ops.isin(2, there).shape) == ()


@given(arrays(dtype="int64", shape=(3, 4), size=3.0), arrays(dtype="int64", shape=shapes(), size=3.0))
def test_isin_is_numpys(x1: Any, x2: Any) -> None:
    np.testing.assert_array_equal(ops.isin(x1, x2), np.isin(x1, x2))


def test_isin_needs_an_array() -> None:
    with pytest.raises(DtypeError, match=r"xp\.isin needs an array") as error:
        ops.isin(1, 2)
    assert "found:  1 and 2" in str(error.value)
