"""Black boxes."""

import math

import numpy as np
import pytest
import scipy.special

import funcnet as fn
from funcnet import xp
from funcnet.errors import AbstractValueError, DtypeError, NotDifferentiableError, ParameterError, ShapeError, TreeError
from funcnet.testing import check_grads

X = np.array([0.3, 0.7, -1.2])


def slope(g, y, x):
    return (g * 2 / math.sqrt(math.pi) * xp.exp(-x * x),)


def erf(**kwargs):
    seen = []

    def f(x):
        seen.append(type(x))
        return scipy.special.erf(x)

    return fn.external(f, **kwargs), seen


@pytest.mark.requirement("D30", "N10")
def test_value_and_derivatives_of_every_order():
    f, seen = erf(vjp=slope)
    np.testing.assert_array_equal(f(X), scipy.special.erf(X))
    check_grads(f, (X,), order=3)
    second = fn.grad(lambda x: xp.sum(fn.grad(lambda x: xp.sum(f(x)))(x)))(X)
    np.testing.assert_allclose(second, -4 * X / math.sqrt(math.pi) * np.exp(-X * X), rtol=1e-14)
    assert set(seen) == {np.ndarray}


def test_a_jvp_rule_of_its_own():
    f, _ = erf(jvp=lambda t, y, x: t[0] * 100.0, vjp=slope)
    np.testing.assert_array_equal(fn.jvp(f, (X,), (X,))[1], 100 * X)


def test_a_rule_may_be_a_black_box_itself():
    cosine = fn.external(np.cos, vjp=lambda g, y, x: (-g * xp.sin(x),))
    sine = fn.external(np.sin, vjp=lambda g, y, x: (g * cosine(x),))
    check_grads(sine, (X,), order=2)


def test_trees_and_arguments_of_all_kinds():
    def moments(data, power, name):
        assert name == "raw"
        return {"mean": float(np.mean(data["x"] ** power)), "n": data["x"].size}

    f = fn.external(
        moments,
        vjp=lambda g, y, data, power, name: ({"x": g["mean"] * power * data["x"] ** (power - 1) / y["n"]}, None, None),
    )
    g = fn.grad(lambda d: f(d, 3, "raw")["mean"])({"x": X})
    np.testing.assert_allclose(g["x"], X**2, rtol=1e-14)


@pytest.mark.parametrize("backend", ["numpy", "torch", "strict"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_backends(backend, dtype):
    f, seen = erf(vjp=slope, shape=lambda x: x.shape)
    with fn.use_backend(backend):
        x = xp.asarray(X, dtype=dtype)
        value, g = fn.value_and_grad(lambda x: xp.sum(f(x)))(x)
        assert g.dtype == value.dtype == x.dtype
        assert type(g) is type(x)
        np.testing.assert_allclose(fn.to_numpy(g), 2 / math.sqrt(math.pi) * np.exp(-X * X), rtol=1e-6)
    assert set(seen) == {np.ndarray}


def test_constants_need_no_rule():
    f, _ = erf()
    np.testing.assert_allclose(fn.grad(lambda x: xp.sum(x * f(X)))(X), scipy.special.erf(X))
    np.testing.assert_allclose(fn.grad(lambda x: xp.sum(x * f(fn.stop_gradient(x))))(X), scipy.special.erf(X))


def test_shapes_without_values():
    f, seen = erf(vjp=slope, shape=lambda x: x.shape)
    assert fn.eval_shape(fn.grad(lambda x: xp.sum(f(x))), X) == fn.Spec((3,), "float64")
    g = fn.external(np.frexp, shape=lambda x: (fn.Spec(x.shape, "float64"), fn.Spec(x.shape, "int32")))
    assert fn.eval_shape(g, X) == (fn.Spec((3,), "float64"), fn.Spec((3,), "int32"))
    assert not seen


def test_bad_input():
    f, _ = erf()
    for use in (lambda: fn.grad(lambda x: xp.sum(f(x)))(X), lambda: fn.jvp(f, (X,), (X,))):
        with pytest.raises(NotDifferentiableError, match=r"'f' is differentiated, but has no rule(.|\n)*vjp="):
            use()
    with pytest.raises(AbstractValueError, match="shape=lambda"):
        fn.eval_shape(f, X)
    with pytest.raises(ParameterError, match="takes a function"):
        fn.external(3)
    with pytest.raises(ShapeError, match="other shapes than its rule says"):
        erf(shape=lambda x: (7,))[0](X)
    with pytest.raises(DtypeError, match="another dtype than its rule says"):
        erf(shape=lambda x: fn.Spec(x.shape, "float32"))[0](X)
    with pytest.raises(DtypeError, match="returned something that is not an array"):
        fn.external(lambda x: object())(X)
    with pytest.raises(TreeError, match="did not return one cotangent for each argument"):
        fn.grad(lambda x: xp.sum(erf(vjp=lambda g, y, x: g)[0](x)))(X)
    with pytest.raises(ShapeError, match=r"vjp rule of 'f' returned for argument 0 does not have the shape"):
        fn.grad(lambda x: xp.sum(erf(vjp=lambda g, y, x: (g[:1],))[0](x)))(X)


def test_in_graphs():
    f, seen = erf(vjp=slope, shape=lambda x: x.shape)
    g = fn.jit(lambda x: xp.sum(f(x) * 2.0))
    for _ in range(2):
        np.testing.assert_allclose(g(X), 2.0 * np.sum(scipy.special.erf(X)))
    assert len(seen) == 2
    wanted = fn.grad(lambda x: xp.sum(f(x) * 2.0))(X)
    np.testing.assert_allclose(fn.grad(g)(X), wanted)
    np.testing.assert_allclose(fn.jit(fn.grad(g))(X), wanted)
    looped = fn.jit(fn.grad(lambda x: xp.sum(fn.scan(lambda c, _: (c + f(x), None), x * 0.0, length=2)[0])))
    np.testing.assert_allclose(looped(X), wanted)
    np.testing.assert_allclose(fn.vmap(g)(X[:, None]), 2.0 * scipy.special.erf(X))
    with pytest.raises(AbstractValueError, match="shape=lambda"):
        fn.jit(erf()[0])(X)


def test_the_function_may_write_into_its_arguments_and_return_them():
    def doubled(x):
        x *= 2.0
        return x

    f = fn.external(doubled, vjp=lambda g, y, x: (2.0 * g,))
    x = np.array([1.0, 2.0])
    y = f(x)
    y += 1.0
    np.testing.assert_array_equal(x, [1.0, 2.0])
    np.testing.assert_array_equal(fn.grad(lambda x: (f(x) * x).sum())(x), [4.0, 8.0])
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_results_of_a_graph_are_apart_though_the_function_returns_one_array_twice():
    f = fn.external(lambda x: (x, {"again": x}), shape=lambda x: (x, {"again": x}))
    one, other = fn.jit(f)(X)
    assert not np.shares_memory(one, other["again"])
    np.testing.assert_array_equal(one, X)
    np.testing.assert_array_equal(other["again"], X)


@pytest.mark.parametrize("option", ["vjp", "jvp", "shape"])
def test_rules_are_functions(option):
    with pytest.raises(
        ParameterError, match=rf"fn\.external takes {option} as a function(?s:.*)write:  {option}=lambda"
    ):
        fn.external(np.sin, **{option: (3,)})


def test_the_function_may_make_arrays_of_its_own():
    def double(x):
        y = fn.xp.zeros_like(x)
        assert type(y) is np.ndarray
        return y + 2.0 * x

    f = fn.external(double, vjp=lambda g, y, x: (2.0 * g,))
    np.testing.assert_array_equal(fn.grad(lambda x: (f(x) ** 2).sum())(np.array([1.0, 3.0])), [8.0, 24.0])


def test_a_graph_does_not_write_to_what_the_function_keeps():
    kept = np.ones(3)
    f = fn.jit(fn.external(lambda x: kept, shape=lambda x: x.shape))
    f(np.zeros(3))[:] = 5
    np.testing.assert_array_equal(kept, 1)
