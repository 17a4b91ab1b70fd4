from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import ops
from funcnet.core import carries_derivative
from funcnet.errors import DtypeError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.testing.strategies import shapes
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import vjp

# array_api_strict's argsort returns int64 on every device, so it fails where there is none.
CASES = [p for p in backend_params() if p.id != "strict-no-x64"]


def reference(x: Any, axis: int, descending: bool) -> Any:
    """A stable sort by Python's own, with NaN as the largest."""

    def order(row: Any) -> list[int]:
        keyed = [(np.isnan(v), 0 if np.isnan(v) else float(v)) for v in row]
        if not descending:
            return sorted(range(len(row)), key=lambda i: keyed[i])
        return sorted(range(len(row)), key=lambda i: (not keyed[i][0], -keyed[i][1]))

    return np.apply_along_axis(order, axis, x).astype(np.int64) if x.size else np.zeros(x.shape, np.int64)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("descending", [False, True])
def test_stable_with_nan_last(case: BackendCase, axis: int, descending: bool) -> None:
    x = np.array([[3, 1, np.nan, 1, 3], [2, np.nan, 2, np.nan, -np.inf], [3, 3, 3, 3, 3]], np.float32)
    order = reference(x, axis, descending)
    with case.active():
        there = case.asarray(x)
        np.testing.assert_array_equal(case.to_numpy(ops.argsort(there, axis=axis, descending=descending)), order)
        for stable in (False, True):
            y = ops.sort(there, axis=axis, descending=descending, stable=stable)
            np.testing.assert_array_equal(case.to_numpy(y), np.take_along_axis(x, order, axis))


@pytest.mark.parametrize("case", CASES)
def test_other_dtypes(case: BackendCase) -> None:
    with case.active():
        for dtype in ("int8", "uint8", "bool"):
            x = np.array([1, 0, 1, 0], dtype)
            for descending in (False, True):
                y = case.to_numpy(ops.sort(case.asarray(x), descending=descending))
                assert y.dtype == dtype
                np.testing.assert_array_equal(y, [1, 1, 0, 0] if descending else [0, 0, 1, 1])
                order = case.to_numpy(ops.argsort(case.asarray(x), descending=descending))
                np.testing.assert_array_equal(order, [0, 2, 1, 3] if descending else [1, 3, 0, 2])
        np.testing.assert_array_equal(case.to_numpy(ops.sort(case.asarray(np.float32(2)))), 2)
        np.testing.assert_array_equal(case.to_numpy(ops.argsort(case.asarray(np.float32(2)))), 0)
        assert tuple(ops.sort(case.asarray(np.zeros((2, 0), np.float32))).shape) == (2, 0)


def test_signed_zeros_keep_their_order() -> None:
    x = np.array([0.0, -0.0, 1.0, -0.0, 0.0])
    np.testing.assert_array_equal(np.signbit(ops.sort(x)), [False, True, True, False, False])
    np.testing.assert_array_equal(np.signbit(ops.sort(x, descending=True)), [False, False, True, True, False])


@settings(max_examples=20)
@given(st.data())
def test_derivatives(data: st.DataObject) -> None:
    shape = data.draw(shapes(min_dims=1, min_side=1))
    n = int(np.prod(shape))
    x = np.array(data.draw(st.permutations(range(n))), float).reshape(shape) / 4
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    descending = data.draw(st.booleans())
    check_grads(lambda v: ops.sort(v, axis=axis, descending=descending), [x], eps=1e-2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("descending", [False, True])
def test_ties_are_taken_in_their_order(dtype: str, descending: bool) -> None:
    x = np.array([2, 1, 2, 1], dtype)
    order = [0, 2, 1, 3] if descending else [1, 3, 0, 2]
    g = np.array([1, 10, 100, 1000], dtype)
    _, pullback = vjp(lambda v: ops.sort(v, descending=descending), x)
    wanted = np.zeros(4, dtype)
    wanted[order] = g
    np.testing.assert_array_equal(pullback(g)[0], wanted)
    np.testing.assert_array_equal(jvp(lambda v: ops.sort(v, descending=descending), (x,), (g,))[1], g[order])
    check_grads(lambda v: ops.sort(v * v, descending=descending) * v, [np.array([2.0, 1.25, 3.0, 1.5])], eps=1e-2)


def test_no_dimensions() -> None:
    (found,) = vjp(ops.sort, np.float64(3.0))[1](np.float64(2.0))
    assert found == 2.0
    assert jvp(ops.sort, (np.float64(3.0),), (np.float64(2.0),))[1] == 2.0
    with pytest.raises(ShapeError, match=r"xp\.sort got an axis"):
        ops.sort(np.float64(3.0), axis=1)


def test_bad_arguments() -> None:
    for name in ("sort", "argsort"):
        with pytest.raises(ShapeError, match=f"xp.{name} got an axis"):
            getattr(ops, name)(np.ones(3), axis=1)
        with pytest.raises(DtypeError, match="a real data type"):
            getattr(ops, name)(np.ones(3, complex))


def test_indices_are_constants() -> None:
    assert not vjp(lambda x: (x, carries_derivative(ops.argsort(x))), np.ones(2), has_aux=True)[2]
    assert fn.eval_shape(ops.argsort, fn.Spec((2, 3))) == fn.Spec((2, 3), "int64")
    assert fn.eval_shape(ops.sort, fn.Spec((2, 3))) == fn.Spec((2, 3))


def test_gradients_are_those_of_jax(jax64: Any) -> None:
    x = np.random.default_rng(1).integers(0, 4, (4, 5)).astype(float)
    g = np.random.default_rng(2).normal(size=(4, 5))
    for descending in (False, True):
        found = vjp(lambda v, d=descending: ops.sort(v, axis=0, descending=d), x)[1](g)[0]
        wanted = jax64.vjp(lambda v, d=descending: jax64.numpy.sort(v, axis=0, descending=d, stable=True), x)[1](g)[0]
        np.testing.assert_allclose(np.sort(found, 0), np.sort(wanted, 0), rtol=1e-12)
        if not descending:
            np.testing.assert_allclose(found, wanted, rtol=1e-12)
