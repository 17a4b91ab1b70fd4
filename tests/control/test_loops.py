"""while_loop and fori_loop."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, ParameterError, ShapeError, TreeError

X = np.array([1.1, 0.7, 1.4])


def _newton(while_loop):
    def f(a):
        step = lambda s: (s[0] - (s[0] ** 3 - a) / (3 * s[0] ** 2), s[1] + 1)  # noqa: E731
        return while_loop(lambda s: (abs(s[0] ** 3 - a) > 1e-9).any() & (s[1] < 50), step, (a, 0))[0].sum()

    return f


def test_while_loop_has_jaxs_values_and_tangents_and_a_gradient_too():
    jax = pytest.importorskip("jax")
    value, tangent = fn.jvp(_newton(fn.while_loop), (X,), (np.ones(3),))
    with jax.enable_x64(True):
        theirs = jax.jvp(_newton(jax.lax.while_loop), (jax.numpy.asarray(X),), (jax.numpy.ones(3),))
        np.testing.assert_allclose(value, np.asarray(theirs[0]), rtol=1e-14)
        np.testing.assert_allclose(tangent, np.asarray(theirs[1]), rtol=1e-14)
    np.testing.assert_allclose(fn.grad(_newton(fn.while_loop))(X), X ** (-2 / 3) / 3, rtol=1e-7)


def test_fori_loop_has_jaxs_values_and_gradients():
    jax = pytest.importorskip("jax")
    program = lambda loop: lambda x: loop(1, 5, lambda i, y: y * x + i, x).sum()  # noqa: E731
    value, gradient = fn.value_and_grad(program(fn.fori_loop))(X)
    with jax.enable_x64(True):
        theirs = jax.value_and_grad(program(jax.lax.fori_loop))(jax.numpy.asarray(X))
        np.testing.assert_allclose(value, np.asarray(theirs[0]), rtol=1e-14)
        np.testing.assert_allclose(gradient, np.asarray(theirs[1]), rtol=1e-14)


def test_bounds_may_be_traced():
    def f(x):
        return fn.fori_loop(xp.argmin(x), xp.count_nonzero(x > 0), lambda i, y: y * x[i], np.array(1.0))

    assert f(X) == pytest.approx(0.7 * 1.4)
    np.testing.assert_allclose(fn.grad(f)(X), [0.0, 1.4, 0.7])


def test_no_step():
    assert fn.while_loop(lambda x: x < 0, None.__eq__, 1) == 1
    assert fn.fori_loop(3, 3, None.__eq__, "kept") == "kept"
    assert fn.fori_loop(5, 2, None.__eq__, X) is X


def test_shapes_come_from_one_step():
    calls = []

    def body(i, state):
        calls.append(i)
        return {"x": state["x"] * 2 + i, "n": state["n"] + 1}

    init = {"x": fn.Spec((3,)), "n": fn.Spec((), "int64")}
    assert fn.eval_shape(lambda s: fn.fori_loop(2, 1000, body, s), init) == init
    assert fn.eval_shape(lambda s, n: fn.fori_loop(0, n, body, s), init, fn.Spec((), "int64")) == init
    assert fn.eval_shape(lambda s: fn.fori_loop(4, 0, body, s), init) == init
    assert calls[0] == 2
    assert len(calls) == 2
    out = fn.eval_shape(lambda s: fn.while_loop(lambda s: s["n"] < 9, lambda s: body(1, s), s), init)
    assert out == init


def test_a_value_made_inside_is_abstract_too():
    def f(x):
        return fn.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] @ x), (xp.zeros(()), xp.eye(2)))

    assert fn.eval_shape(f, fn.Spec((2, 2))) == (fn.Spec(()), fn.Spec((2, 2)))
    g = fn.grad(lambda x: f(x)[1].sum())
    assert fn.eval_shape(g, fn.Spec((2, 2))) == fn.Spec((2, 2))


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (lambda s: {"a": s["a"][1:]}, ShapeError, r"another shape than it must have at \.a"),
        (lambda s: {"a": s["a"] > 0}, DtypeError, r"another dtype than it must have at \.a"),
        (lambda s: {"b": s["a"]}, TreeError, r"differs at \.a"),
        (lambda s: None, TreeError, "differs at the root"),
    ],
)
def test_a_body_that_changes_the_value(body, error, words):
    with pytest.raises(error, match=words) as caught:
        fn.while_loop(lambda s: True, body, {"a": X})
    assert "fn.while_loop" in str(caught.value)
    with pytest.raises(error, match=words):
        fn.eval_shape(lambda x: fn.fori_loop(0, 2, lambda i, s: body(s), {"a": x}), fn.Spec((3,)))


@pytest.mark.parametrize("condition", [lambda x: x > 0, lambda x: x[0], lambda x: None, lambda x: 1])
def test_a_condition_that_is_no_boolean_scalar(condition):
    with pytest.raises(ParameterError, match=r"condition of fn\.while_loop must be a boolean scalar"):
        fn.while_loop(condition, lambda x: x, X)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fn.while_loop(1, lambda x: x, X), "cond_fun"),
        (lambda: fn.while_loop(lambda x: True, 1, X), "body_fun"),
        (lambda: fn.fori_loop(0, 1, 1, X), "body_fun"),
        (lambda: fn.fori_loop(0.0, 1, lambda i, x: x, X), r"lower bound of fn\.fori_loop must be an integer"),
        (lambda: fn.fori_loop(0, X, lambda i, x: x, X), r"upper bound of fn\.fori_loop must be an integer"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises(ParameterError, match=words):
        call()
