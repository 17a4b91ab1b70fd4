from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import ops
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.cumulative import linear_recurrence, products_of_others, shifted
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.testing.strategies import arrays, shapes
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

BOTH = pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])


def expected(name: str, x: Any, axis: int, initial: bool) -> Any:
    y = np.cumsum(x, axis) if name == "cumulative_sum" else np.cumprod(x, axis)
    if not initial:
        return y
    first = np.zeros if name == "cumulative_sum" else np.ones
    shape = tuple(1 if i == axis % x.ndim else n for i, n in enumerate(x.shape))
    return np.concatenate([first(shape, y.dtype), y], axis)


@BOTH
@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("initial", [False, True])
def test_values(case: BackendCase, name: str, axis: int, initial: bool) -> None:
    x = np.random.default_rng(0).uniform(0.5, 1.5, (3, 4)).astype(np.float32)
    with case.active():
        y = getattr(ops, name)(case.asarray(x), axis=axis, include_initial=initial)
    np.testing.assert_allclose(case.to_numpy(y), expected(name, x, axis, initial), rtol=1e-6)


@BOTH
def test_dtypes(name: str) -> None:
    f = getattr(ops, name)
    for initial in (False, True):
        assert f(np.ones(3, np.int8), include_initial=initial).dtype == np.int64
        assert f(np.ones(3, np.uint32), include_initial=initial).dtype == np.uint64
        assert f(np.ones(3, np.float32), include_initial=initial).dtype == np.float32
        assert f(np.ones(3, np.float32), dtype="float64", include_initial=initial).dtype == np.float64
        assert f(np.ones(3, np.int64), dtype="int8", include_initial=initial).dtype == np.int8
    assert grad(lambda v: ops.sum(f(v, dtype="float64")))(np.ones(3, np.float32)).dtype == np.float32
    with pytest.raises(DtypeError, match=f"xp.{name} of complex numbers"):
        f(np.ones(2, complex), dtype="float32")


@BOTH
def test_the_axis_may_be_left_out_for_one_dimension_only(name: str) -> None:
    f = getattr(ops, name)
    np.testing.assert_array_equal(f(np.ones(2)), f(np.ones(2), axis=0))
    for shape in ((), (2, 2)):
        with pytest.raises(ParameterError, match="needs an axis unless the array has one dimension") as error:
            f(np.ones(shape))
        assert f"axis=None for shape {shape}" in str(error.value)
    with pytest.raises(ShapeError, match=f"xp.{name} got an axis"):
        f(np.ones((2, 2)), axis=2)


@BOTH
def test_no_elements(name: str) -> None:
    f = getattr(ops, name)
    assert f(np.ones((0, 2)), axis=0).shape == (0, 2)
    np.testing.assert_array_equal(f(np.ones((0,)), include_initial=True), [0 if name == "cumulative_sum" else 1])
    y, pullback = vjp(lambda v: f(v, axis=0, include_initial=True), np.ones((0, 2)))
    assert pullback(np.ones_like(y))[0].shape == (0, 2)


@BOTH
@settings(max_examples=20)
@given(st.data())
def test_derivatives(name: str, data: st.DataObject) -> None:
    x = data.draw(arrays(shape=shapes(min_dims=1, min_side=1, max_side=4), domain=(-2.0, 2.0)))
    # Zeros, also several, anywhere.
    x = x * data.draw(arrays(dtype="bool", shape=x.shape))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    initial = data.draw(st.booleans())
    check_grads(lambda v: getattr(ops, name)(v, axis=axis, include_initial=initial), [x])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_with_zeros(dtype: str) -> None:
    x = np.array([2.0, 0.0, 3.0, 0.0, 5.0], dtype)
    _, pullback = vjp(ops.cumulative_prod, x)
    (found,) = pullback(np.array([1, 10, 100, 1000, 10000], dtype))
    # d/dx1 of the products is (0, 2, 6, 0, 0), of the others it is zero from the first zero on.
    np.testing.assert_array_equal(found, [1, 20 + 600, 0, 0, 0])
    assert found.dtype == dtype
    t = np.arange(1, 6, dtype=dtype)
    np.testing.assert_array_equal(jvp(ops.cumulative_prod, (x,), (t,))[1], [1, 4, 12, 0, 0])
    second = jvp(grad(lambda v: ops.cumulative_prod(v)[3]), (x,), (t,))[1]
    # The derivative of x0 x1 x2 x3 with respect to x1 is x0 x2 x3, whose own along t is 2 * 3 * 4, and so on.
    np.testing.assert_array_equal(second, [0, 24, 0, 12, 0])


def test_a_cotangent_of_zero_annihilates_an_overflow() -> None:
    x = np.array([2.0, 1e200, 1e200, 3.0])
    with np.errstate(over="ignore"):
        _, pullback = vjp(ops.cumulative_prod, x)
        (found,) = pullback(np.array([1.0, 0.0, 0.0, 0.0]))
    np.testing.assert_array_equal(found, [1, 0, 0, 0])
    x[1] = np.inf
    (found,) = vjp(ops.cumulative_prod, x)[1](np.array([1.0, 0.0, 0.0, 0.0]))
    np.testing.assert_array_equal(found, [1, 0, 0, 0])


def test_gradients_are_those_of_jax(jax64: Any) -> None:
    x = np.random.default_rng(1).normal(size=(3, 4))
    x[1, 2] = 0
    g = np.random.default_rng(2).normal(size=(3, 4))
    for name, theirs in (("cumulative_sum", jax64.numpy.cumsum), ("cumulative_prod", jax64.numpy.cumprod)):
        found = vjp(lambda v, name=name: getattr(ops, name)(v, axis=1), x)[1](g)[0]
        wanted = jax64.vjp(lambda v, f=theirs: f(v, axis=1), x)[1](g)[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


def test_shapes_without_values() -> None:
    spec = fn.Spec((2, 3))
    assert fn.eval_shape(lambda v: ops.cumulative_prod(v, axis=1), spec).shape == (2, 3)
    assert fn.eval_shape(lambda v: ops.cumulative_sum(v, axis=1, include_initial=True), spec).shape == (2, 4)


def solve(a: Any, b: Any, reverse: bool, lagged: bool) -> Any:
    a, b = (a[::-1], b[::-1]) if reverse else (a, b)
    s = [b[0]]
    for i in range(1, len(b)):
        s.append(a[i - 1 if lagged else i] * s[-1] + b[i])
    return np.array(s[::-1] if reverse else s)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lagged", [False, True])
@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_recurrence(case: BackendCase, reverse: bool, lagged: bool, n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.uniform(-1, 1, (n, 2)).astype(np.float32), rng.normal(size=(n, 2)).astype(np.float32)
    with case.active():
        s = linear_recurrence(case.asarray(a), case.asarray(b), 0, reverse, lagged)
    np.testing.assert_allclose(case.to_numpy(s), solve(a, b, reverse, lagged), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", backend_params())
def test_shift(case: BackendCase) -> None:
    x = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    with case.active():
        there = case.asarray(x)
        np.testing.assert_array_equal(case.to_numpy(shifted(there, 1)), [[0, 1, 2], [0, 4, 5]])
        np.testing.assert_array_equal(case.to_numpy(shifted(there, 0, True)), [[4, 5, 6], [0, 0, 0]])
        others = case.to_numpy(products_of_others(there, 1))
    np.testing.assert_array_equal(others, [[6, 3, 2], [30, 24, 20]])
