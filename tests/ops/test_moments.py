from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import ops
from funcnet.errors import ParameterError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.testing.strategies import arrays, axes, shapes
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["mean", "var", "std"])
@pytest.mark.requirement("D45", "P16")
def test_values(case: BackendCase, name: str, axis: Any, keepdims: bool) -> None:
    x = np.random.default_rng(0).normal(3.0, 1.0, (2, 3, 2)).astype(np.float32)
    with case.active():
        y = getattr(ops, name)(case.asarray(x), axis=axis, keepdims=keepdims)
    expected = getattr(np, name)(x.astype(float), axis=axis, keepdims=keepdims)
    assert tuple(y.shape) == expected.shape
    np.testing.assert_allclose(case.to_numpy(y), expected, rtol=2e-6)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", ["var", "std"])
def test_correction_is_taken_off_the_count(case: BackendCase, name: str) -> None:
    x = np.array([[1.0, 2.0, 4.0, 8.0]], np.float32)
    with case.active():
        for correction in (0, 1, 2.5):
            y = getattr(ops, name)(case.asarray(x), axis=1, correction=correction)
            np.testing.assert_allclose(case.to_numpy(y), getattr(np, name)(x, axis=1, ddof=correction), rtol=1e-6)
        for correction in (4, 5):
            assert np.isnan(case.to_numpy(getattr(ops, name)(case.asarray(x), axis=1, correction=correction))).all()


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.requirement("D45")
def test_nothing_has_no_moments(case: BackendCase) -> None:
    with case.active():
        for f in (ops.mean, ops.var, ops.std):
            y = case.to_numpy(f(case.asarray(np.zeros((2, 0), np.float32)), axis=1))
            assert y.shape == (2,)
            assert np.isnan(y).all()
            assert case.to_numpy(f(case.asarray(np.zeros((2, 0), np.float32)), axis=0)).shape == (0,)


@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_dtypes(name: str) -> None:
    f = getattr(ops, name)
    for dtype in ("float16", "float32", "float64"):
        assert f(np.array([1, 2, 4], dtype)).dtype == dtype
    assert f(np.array([1, 2, 4])).dtype == np.float32
    with fn.use_backend(dtype="float64"):
        assert f(np.array([True, False])).dtype == np.float64
    assert ops.mean(np.array([True, False, True, True])) == 0.75
    assert ops.mean(np.full(10, 60000, np.float16)) == 60000
    assert ops.mean(np.array([1 + 2j, 3])).dtype == np.complex128


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_spread_of_complex_numbers_is_real(dtype: str) -> None:
    x = np.array([1 + 2j, 3 - 1j, -2 + 0.5j], dtype)
    real = "float32" if dtype == "complex64" else "float64"
    for name in ("var", "std"):
        y = getattr(ops, name)(x)
        assert y.dtype == real
        np.testing.assert_allclose(y, getattr(np, name)(x), rtol=1e-6)
        assert fn.eval_shape(getattr(ops, name), fn.Spec((3,), dtype)).dtype == real
    # By the convention of the plain transpose.
    (found,) = vjp(ops.var, x)[1](np.dtype(real).type(1))
    np.testing.assert_allclose(found, 2 / 3 * np.conj(x - x.mean()), rtol=1e-5)
    check_grads(ops.var, [x.astype(complex)])
    check_grads(lambda v: ops.std(v, correction=1), [x.astype(complex)])


@settings(max_examples=25)
@given(st.data())
def test_derivatives_of_any_axis(data: st.DataObject) -> None:
    x = data.draw(arrays(shape=shapes(min_dims=1, min_side=1, max_side=3), domain=(-2.0, 2.0)))
    x = x + np.arange(x.size).reshape(x.shape)
    axis = data.draw(axes(x.ndim))
    keepdims = data.draw(st.booleans())
    check_grads(lambda v: ops.mean(v, axis=axis, keepdims=keepdims), [x])
    check_grads(lambda v: ops.var(v, axis=axis, keepdims=keepdims), [x])
    if all(x.shape[a] > 1 for a in range(x.ndim)) and axis != ():
        check_grads(lambda v: ops.std(v, axis=axis, keepdims=keepdims), [x], order=1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e-20, 3.3e20, 123456.7])
@pytest.mark.parametrize("n", [1, 3, 7, 1000])
def test_a_constant_has_no_spread_and_no_derivative(dtype: str, value: float, n: int) -> None:
    x = np.full(n, value, dtype)
    for f in (ops.std, ops.var):
        y, pullback = vjp(f, x)
        if f is ops.std:
            assert y == 0
            np.testing.assert_array_equal(pullback(np.dtype(dtype).type(1))[0], np.zeros(n))
            np.testing.assert_array_equal(jvp(f, (x,), (np.arange(n, dtype=dtype),))[1], 0)
            second = grad(lambda v: ops.sum(grad(ops.std)(v) * np.arange(n, dtype=dtype)))(x)
            np.testing.assert_array_equal(second, np.zeros(n))
        np.testing.assert_allclose(y, 0, atol=1e-10 * value * value)


@pytest.mark.parametrize("case", backend_params())
def test_a_row_that_is_constant_among_others(case: BackendCase) -> None:
    x = np.array([[0.1, 0.1, 0.1], [1.0, 2.0, 4.0]], np.float32)
    with case.active():
        y, pullback = vjp(lambda v: ops.std(v, axis=1), case.asarray(x))
        (found,) = pullback(case.asarray(np.ones(2, np.float32)))
    assert case.to_numpy(y)[0] == 0
    np.testing.assert_array_equal(case.to_numpy(found)[0], 0)
    row = x[1].astype(float)
    np.testing.assert_allclose(case.to_numpy(found)[1], (row - row.mean()) / (3 * row.std()), rtol=1e-6)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_a_deviation_whose_square_is_out_of_range(case: BackendCase, scale: float) -> None:
    x = np.array([1.0, 2.0, 4.0])
    with case.active():
        y, pullback = vjp(ops.std, case.asarray((x * scale).astype(np.float32), "float32"))
        (found,) = pullback(case.asarray(np.float32(1), "float32"))
    np.testing.assert_allclose(case.to_numpy(y), x.std() * scale, rtol=1e-6)
    np.testing.assert_allclose(case.to_numpy(found), (x - x.mean()) / (3 * x.std()), rtol=1e-6)


def test_a_large_offset_costs_no_accuracy() -> None:
    x = (np.random.default_rng(0).normal(size=1000) + 1e5).astype(np.float32)
    exact = x.astype(float)
    np.testing.assert_allclose(ops.std(x), exact.std(), rtol=1e-5)
    np.testing.assert_allclose(ops.var(x), exact.var(), rtol=1e-5)
    np.testing.assert_allclose(grad(ops.var)(x), 2e-3 * (exact - exact.mean()), atol=1e-8)


def test_the_correction_is_a_number() -> None:
    for wrong in (True, "1", None):
        with pytest.raises(ParameterError, match="takes a number as correction") as error:
            ops.std(np.ones(3), correction=wrong)  # type: ignore[arg-type]
        assert repr(wrong) in str(error.value)
    assert ops.var(np.array([1.0, 3.0]), correction=np.int64(1)) == 2.0


def test_gradients_are_those_of_jax_and_torch(jax64: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    x = np.random.default_rng(1).normal(size=(3, 4))
    g = np.random.default_rng(2).normal(size=4)
    for name in ("mean", "var", "std"):
        found = vjp(lambda v, name=name: getattr(ops, name)(v, axis=0), x)[1](g)[0]
        wanted = jax64.vjp(lambda v, name=name: getattr(jax64.numpy, name)(v, axis=0), x)[1](g)[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
        if name != "mean":
            found = vjp(lambda v, name=name: getattr(ops, name)(v, axis=0, correction=1), x)[1](g)[0]
            leaf = torch.tensor(x, requires_grad=True)
            getattr(torch, name)(leaf, dim=0, correction=1).backward(torch.tensor(g))
            np.testing.assert_allclose(found, leaf.grad.numpy(), rtol=1e-12, atol=1e-14)
