from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import ops
from funcnet.errors import DtypeError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.testing.strategies import axes, shapes
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

BOTH = pytest.mark.parametrize("name", ["max", "min"])


@pytest.mark.requirement("D62", "D63", "DX2", "P11")
@BOTH
@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_values_and_gradients(case: BackendCase, name: str, axis: Any, keepdims: bool) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 2)).astype(np.float32)
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    with case.active():
        y, pullback = vjp(lambda v: getattr(ops, name)(v, axis=axis, keepdims=keepdims), case.asarray(x))
        (found,) = pullback(case.asarray(np.ones(expected.shape, np.float32)))
    assert tuple(y.shape) == expected.shape
    np.testing.assert_array_equal(case.to_numpy(y), expected)
    np.testing.assert_array_equal(
        case.to_numpy(found), x == getattr(np, name)(x, axis=axis, keepdims=True) if axis != () else np.ones_like(x)
    )


@BOTH
@settings(max_examples=20)
@given(st.data())
@pytest.mark.requirement("DX2")
def test_derivatives_of_any_axis(name: str, data: st.DataObject) -> None:
    shape = data.draw(shapes(min_side=1, max_side=3))
    n = int(np.prod(shape))
    x = np.array(data.draw(st.permutations(range(n))), float).reshape(shape) / 4
    axis = data.draw(axes(len(shape)))
    check_grads(lambda v: getattr(ops, name)(v, axis=axis), [x], eps=1e-2)


@pytest.mark.requirement("D62", "D63", "DX3")
@BOTH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ties_share_evenly_in_both_modes_and_orders(name: str, dtype: str) -> None:
    f = getattr(ops, name)
    sign = 1 if name == "max" else -1
    x = sign * np.array([[1, 3, 3, 2], [5, 5, 5, 5]], dtype)
    share = np.array([[0, 0.5, 0.5, 0], [0.25] * 4], dtype)
    g = np.array([2.0, 4.0], dtype)
    _, pullback = vjp(lambda v: f(v, axis=1), x)
    found = pullback(g)[0]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, share * g[:, None])
    t = np.arange(8, dtype=dtype).reshape(2, 4)
    np.testing.assert_array_equal(jvp(lambda v: f(v, axis=1), (x,), (t,))[1], (share * t).sum(1))
    # The square of the largest has the second derivative 2 share share^T.
    hvp = jvp(grad(lambda v: ops.sum(f(v, axis=1) * f(v, axis=1))), (x,), (t,))[1]
    np.testing.assert_allclose(hvp, 2 * share * (share * t).sum(1, keepdims=True), rtol=1e-6)


@BOTH
def test_nan_is_the_extreme(name: str) -> None:
    x = np.array([[1.0, np.nan, 2.0, np.nan], [1.0, 2.0, 3.0, 4.0]])
    y, pullback = vjp(lambda v: getattr(ops, name)(v, axis=1), x)
    assert np.isnan(y[0])
    assert not np.isnan(y[1])
    last = [0, 0, 0, 1] if name == "max" else [1, 0, 0, 0]
    np.testing.assert_array_equal(pullback(np.ones(2))[0], [[0, 0.5, 0, 0.5], last])


@BOTH
def test_infinities_are_ordinary(name: str) -> None:
    x = np.array([-np.inf, -np.inf]) if name == "max" else np.array([np.inf, np.inf])
    y, pullback = vjp(getattr(ops, name), x)
    assert y == x[0]
    np.testing.assert_array_equal(pullback(np.float64(1))[0], [0.5, 0.5])


@BOTH
def test_other_dtypes(name: str) -> None:
    f = getattr(ops, name)
    for dtype in ("int8", "uint64", "float16"):
        assert f(np.array([3, 1, 2], dtype)).dtype == dtype
        assert f(np.array([3, 1, 2], dtype)) == (3 if name == "max" else 1)
    with pytest.raises(DtypeError, match="a real data type"):
        f(np.ones(2, complex))
    with pytest.raises(DtypeError, match=r"xp\.any\(x\) of booleans"):
        f(np.ones(2, bool))


@BOTH
def test_no_elements(name: str) -> None:
    f = getattr(ops, name)
    assert f(np.zeros((0, 3)), axis=1).shape == (0,)
    with pytest.raises(ShapeError, match=f"xp.{name} of no elements has no value"):
        f(np.zeros((0, 3)), axis=0)
    with pytest.raises(ShapeError, match="reduced over axes 0, 1"):
        f(np.zeros((0, 3)))


def test_gradients_are_those_of_jax(jax64: Any) -> None:
    x = np.round(np.random.default_rng(1).normal(size=(4, 5)), 0)
    for name in ("max", "min"):
        found = vjp(lambda v, name=name: getattr(ops, name)(v, axis=0), x)[1](np.arange(5.0))[0]
        wanted = jax64.vjp(lambda v, name=name: getattr(jax64.numpy, name)(v, axis=0), x)[1](np.arange(5.0))[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_shapes_without_values() -> None:
    assert fn.eval_shape(lambda v: ops.max(v, axis=1), fn.Spec((2, 3, 4))).shape == (2, 4)
