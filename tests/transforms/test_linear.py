"""linearize and linear_transpose."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, NotDifferentiableError, ParameterError, ShapeError, TreeError

X = np.array([0.3, 0.7, -1.2])
P = {"w": X, "b": np.array(0.5)}


def f(p, x):
    y = xp.tanh(p["w"] * x + p["b"])
    return {"y": y, "s": xp.sum(y**2), "k": xp.argmax(y), "n": None}


# ------------------------------------------------------------------ linearize


def test_equals_jvp_with_one_evaluation():
    calls = []

    def g(p, x):
        calls.append(1)
        return f(p, x)

    y, push = fn.linearize(g, P, X)
    for scale in (1.0, -3.0):
        t = ({"w": X * scale, "b": np.array(scale)}, X**2)
        value, tangent = fn.jvp(f, (P, X), t)
        found = push(*t)
        assert fn.tree.structure(found) == fn.tree.structure(tangent)
        for key in ("y", "s", "k"):
            np.testing.assert_allclose(y[key], value[key])
            np.testing.assert_allclose(found[key], tangent[key], rtol=1e-13)
    assert len(calls) == 1


def test_none_is_zero():
    _, push = fn.linearize(f, P, X)
    ours = push({"w": None, "b": np.array(1.0)}, None)
    theirs = fn.jvp(f, (P, X), ({"w": 0 * X, "b": np.array(1.0)}, 0 * X))[1]
    np.testing.assert_allclose(ours["y"], theirs["y"], rtol=1e-14)


def test_aux_numbers_and_results_that_do_not_depend():
    y, push, aux = fn.linearize(lambda x: ((x * 3.0, xp.ones(2)), "aux"), 2.0, has_aux=True)
    assert aux == "aux"
    assert y[0] == 6.0
    np.testing.assert_array_equal(push(1.0)[1], np.zeros(2))


def test_push_is_differentiable_and_maps():
    _, push = fn.linearize(xp.sin, X)
    np.testing.assert_allclose(fn.grad(lambda t: xp.sum(push(t)))(X), np.cos(X), rtol=1e-14)
    np.testing.assert_allclose(fn.vmap(push)(np.eye(3)), np.diag(np.cos(X)), rtol=1e-14)
    g = fn.grad(lambda x: xp.sum(fn.linearize(xp.sin, x)[1](x)))(X)
    np.testing.assert_allclose(g, np.cos(X) - X * np.sin(X), rtol=1e-13)


def test_bad_tangents():
    _, push = fn.linearize(f, P, X)
    with pytest.raises(ParameterError, match="one tangent for each primal"):
        push(P)
    with pytest.raises(ShapeError, match=r"tangent of argument 0 does not have the shape of argument 0, leaf \.w"):
        push({"w": X[:2], "b": np.array(1.0)}, None)
    with pytest.raises(TreeError, match="another structure than argument 1"):
        push(None, (X, X))
    with pytest.raises(DtypeError, match="dtype of argument 1"):
        push(None, X.astype("float32"))
    with pytest.raises(DtypeError, match="argument 0"):
        fn.linearize(lambda x: x, np.arange(3))


# ------------------------------------------------------------------ linear_transpose


def test_transposes():
    a = np.arange(6.0).reshape(2, 3)

    def linear(p, x):
        return {"y": a @ p["w"] + xp.cumulative_sum(x), "s": xp.sum(x) * 3}

    ct = {"y": np.array([1.0, -2.0]), "s": np.array(0.5)}
    primals = ({"w": X}, np.zeros(2))
    ours = fn.linear_transpose(linear, *primals)(ct)
    np.testing.assert_allclose(ours[0]["w"], a.T @ ct["y"], rtol=1e-15)
    np.testing.assert_allclose(ours[1], [1.0 - 2.0 + 1.5, -2.0 + 1.5], rtol=1e-15)


def test_specs_stand_for_arrays():
    transpose = fn.linear_transpose(
        lambda x: xp.fft.fft(x) if hasattr(xp, "fft") else x * 2, fn.Spec((3,), "complex128")
    )
    assert transpose(X.astype("complex128"))[0].shape == (3,)
    with fn.use_backend("torch"):
        (ct,) = fn.linear_transpose(lambda x: x[1:] * 2, fn.Spec((3,), "float32"))(xp.ones(2))
        np.testing.assert_array_equal(fn.to_numpy(ct), [0.0, 2.0, 2.0])


def test_complex_is_not_conjugated():
    (ct,) = fn.linear_transpose(lambda z: z * (1 + 2j), np.array(0j))(np.array(1 + 0j))
    assert ct == 1 + 2j


def test_inside_other_transformations():
    def g(a):
        return fn.linear_transpose(lambda x: a * x, X)(X)[0]

    np.testing.assert_allclose(fn.grad(lambda a: xp.sum(g(a)))(X), X)
    assert fn.eval_shape(g, X) == fn.Spec((3,), "float64")
    np.testing.assert_allclose(fn.vmap(g)(np.stack([X, X])), np.stack([X * X, X * X]))


@pytest.mark.parametrize("g", [xp.abs, lambda x: x**2, lambda x: x + 1.0, lambda x: x**3, xp.sin])
def test_not_linear(g):
    with pytest.raises(NotDifferentiableError, match="is not linear"):
        fn.linear_transpose(g, X)
