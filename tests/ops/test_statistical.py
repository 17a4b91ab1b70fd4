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
from funcnet.testing.strategies import arrays, axes, shapes
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "prod"])
@pytest.mark.requirement("D42", "P17")
def test_values(case: BackendCase, name: str, axis: Any, keepdims: bool) -> None:
    x = np.random.default_rng(0).uniform(0.5, 1.5, (2, 3, 2)).astype(np.float32)
    with case.active():
        y = getattr(ops, name)(case.asarray(x), axis=axis, keepdims=keepdims)
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    assert tuple(y.shape) == expected.shape
    np.testing.assert_allclose(case.to_numpy(y), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["sum", "prod"])
@pytest.mark.requirement("A8")
def test_integers_are_accumulated_in_the_default_integer(name: str) -> None:
    f = getattr(ops, name)
    assert f(np.ones(3, np.int8)).dtype == np.int64
    assert f(np.ones(3, np.uint16)).dtype == np.uint64
    assert f(np.ones(3, np.float32)).dtype == np.float32
    assert f(np.full(3, 100, np.int8), dtype="int8").dtype == np.int8
    assert f(np.ones(3, np.int32), dtype=np.float32).dtype == np.float32
    assert f(np.ones((2, 0))) == (0 if name == "sum" else 1)


@pytest.mark.parametrize("name", ["sum", "prod"])
def test_dtype_of_floating_point(name: str) -> None:
    f = getattr(ops, name)
    x = np.array([1.5, 2.5], np.float32)
    assert f(x, dtype="float64").dtype == np.float64
    assert f(x, dtype="int64") == (3 if name == "sum" else 2)
    g = grad(lambda v: f(v, dtype="float64"))(x)
    assert g.dtype == np.float32
    y, _ = vjp(lambda v: v * f(v, dtype="int64"), x)
    np.testing.assert_array_equal(y, x * (3 if name == "sum" else 2))


@pytest.mark.parametrize("name", ["sum", "prod"])
def test_a_complex_array_has_no_real_sum(name: str) -> None:
    with pytest.raises(DtypeError, match=f"xp.{name} of complex numbers cannot have a real data type") as error:
        getattr(ops, name)(np.ones(2, complex), dtype="float64")
    assert f"xp.{name}(xp.real(x))" in str(error.value)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "var", "std"])
def test_a_bad_axis(name: str) -> None:
    with pytest.raises(ShapeError, match=f"xp.{name} got an axis"):
        getattr(ops, name)(np.ones((2, 2)), axis=2)


@settings(max_examples=25)
@given(st.data())
@pytest.mark.requirement("D42")
def test_derivatives_of_any_axis(data: st.DataObject) -> None:
    x = data.draw(arrays(shape=shapes(min_dims=1, min_side=1, max_side=3), domain=(-2.0, 2.0)))
    axis = data.draw(axes(x.ndim))
    keepdims = data.draw(st.booleans())
    for f in (ops.sum, ops.prod):
        check_grads(lambda v, f=f: f(v, axis=axis, keepdims=keepdims), [x])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("x", "gradient", "hessian"),
    [
        ([2.0, 3.0, 4.0], [12, 8, 6], [[0, 4, 3], [4, 0, 2], [3, 2, 0]]),
        ([0.0, 3.0, 4.0], [12, 0, 0], [[0, 4, 3], [4, 0, 0], [3, 0, 0]]),
        ([0.0, 3.0, 0.0], [0, 0, 0], [[0, 0, 3], [0, 0, 0], [3, 0, 0]]),
        ([0.0, 0.0, 0.0], [0, 0, 0], [[0, 0, 0]] * 3),
        ([5.0], [1], [[0]]),
    ],
)
def test_products_with_zeros(dtype: str, x: list[float], gradient: list[float], hessian: list[list[float]]) -> None:
    point = np.array(x, dtype)
    found = grad(ops.prod)(point)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, gradient)
    rows = [grad(lambda v, i=i: grad(ops.prod)(v)[i])(point) for i in range(len(x))]
    np.testing.assert_array_equal(rows, hessian)
    for i, row in enumerate(hessian):
        t = np.eye(len(x), dtype=dtype)[i]
        np.testing.assert_array_equal(jvp(grad(ops.prod), (point,), (t,))[1], row)


def test_products_over_several_axes_with_zeros() -> None:
    x = np.array([[[0.0, 2.0], [3.0, 4.0]], [[5.0, 0.0], [0.0, 6.0]]])
    for axis in ((0, 2), (0,), (1, 2), None):
        check_grads(lambda v, axis=axis: ops.prod(v, axis=axis), [x])


def test_a_product_of_many_needs_little_memory() -> None:
    import tracemalloc

    x = np.ones(200_000)
    grad(ops.prod)(x[:4])
    tracemalloc.start()
    found = grad(ops.prod)(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * x.nbytes
    np.testing.assert_array_equal(found, x)


def test_a_cotangent_of_zero_annihilates_an_infinite_product() -> None:
    x = np.array([[np.inf, 2.0], [3.0, 4.0]])
    (found,) = vjp(lambda v: ops.prod(v, axis=1), x)[1](np.array([0.0, 1.0]))
    np.testing.assert_array_equal(found, [[0, 0], [4, 3]])


def test_gradients_are_those_of_jax(jax64: Any) -> None:
    x = np.random.default_rng(1).normal(size=(2, 3, 2))
    x[0, 1, 1] = 0
    g = np.random.default_rng(2).normal(size=(3,))
    for name in ("sum", "prod"):
        found = vjp(lambda v, name=name: getattr(ops, name)(v, axis=(0, 2)), x)[1](g)[0]
        wanted = jax64.vjp(lambda v, name=name: getattr(jax64.numpy, name)(v, axis=(0, 2)), x)[1](g)[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


def test_shapes_without_values() -> None:
    assert fn.eval_shape(lambda v: ops.sum(v, axis=1), fn.Spec((2, 3, 4))).shape == (2, 4)
    assert fn.eval_shape(lambda v: ops.prod(v, axis=(0, -1), keepdims=True), fn.Spec((2, 3, 4))).shape == (1, 3, 1)
