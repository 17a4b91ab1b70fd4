"""cond and switch."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, ParameterError, ShapeError, TreeError

X = np.array([0.5, -1.5, 2.0])


def _chosen(cond, switch, where_positive):
    def f(x):
        y = cond(where_positive(x), lambda a: a**2, lambda a: -3.0 * a, x)
        return switch(2, [lambda a: a, lambda a: a * a, lambda a: a**3], y).sum()

    return f


@pytest.mark.parametrize("x", [X, -X])
def test_choices_have_jaxs_derivatives(x):
    jax = pytest.importorskip("jax")
    ours = fn.value_and_grad(_chosen(fn.cond, fn.switch, lambda x: x.sum() > 0))(x)
    with jax.enable_x64(True):
        theirs = jax.value_and_grad(_chosen(jax.lax.cond, jax.lax.switch, lambda x: x.sum() > 0))(jax.numpy.asarray(x))
        np.testing.assert_allclose(ours[0], np.asarray(theirs[0]), rtol=1e-14)
        np.testing.assert_allclose(ours[1], np.asarray(theirs[1]), rtol=1e-14)


def test_only_the_chosen_branch_runs():
    def refuse(*_):
        raise AssertionError

    assert fn.cond(True, lambda a, b: a + b, refuse, 1, 2) == 3
    assert fn.cond(np.array(0), refuse, lambda: "no operand") == "no operand"
    assert fn.switch(np.int64(1), [refuse, lambda a: a, refuse], 5) == 5


@pytest.mark.parametrize(("index", "chosen"), [(-4, 0), (0, 0), (1, 1), (9, 1), (np.array(9), 1), (True, 1)])
def test_an_index_out_of_range_is_moved_into_it(index, chosen):
    assert fn.switch(index, [lambda: 0, lambda: 1]) == chosen


def test_every_mode_goes_through_the_chosen_branch():
    f = lambda x: fn.cond(x > 0, lambda a: a**3, lambda a: a, x)  # noqa: E731
    x = np.array(2.0)
    assert fn.jvp(f, (x,), (1.0,))[1] == 12.0
    assert fn.grad(fn.grad(f))(x) == 12.0
    assert fn.grad(lambda x: fn.jvp(f, (x,), (1.0,))[1])(x) == 12.0


def test_a_captured_choice_of_which_only_the_index_is_in_a_batch():
    x, index = np.arange(3.0), np.array([0, 2, 1, 5])

    def f(x):
        return fn.vmap(lambda i: fn.switch(i, [lambda x: x * 2, xp.sin, lambda x: x**3], x))(index)

    wanted = np.stack([x * 2, x**3, np.sin(x), x**3])
    np.testing.assert_allclose(fn.jit(f)(x), wanted, rtol=1e-15)
    np.testing.assert_allclose(fn.jit(fn.grad(lambda x: xp.sum(f(x))))(x), 2 + 6 * x**2 + np.cos(x), rtol=1e-15)


def test_shapes_come_from_all_branches():
    def f(x, i):
        a = fn.cond(x.sum() > 0, lambda v: {"y": v * 2, "n": 1}, lambda v: {"n": 2, "y": v - 1}, x)
        return a, fn.switch(i, [lambda v: v.T, lambda v: v.T + 1], x), fn.switch(7, [xp.sum, xp.max], x)

    out = fn.eval_shape(f, fn.Spec((2, 3)), fn.Spec((), "int64"))
    assert out == ({"n": 1, "y": fn.Spec((2, 3))}, fn.Spec((3, 2)), fn.Spec(()))


def test_shapes_of_gradients_come_from_all_branches():
    f = fn.grad(lambda x: fn.cond(xp.any(x > 0), lambda v: xp.sum(v * v), xp.sum, x))
    assert fn.eval_shape(f, fn.Spec((4,), "float64")) == fn.Spec((4,), "float64")


@pytest.mark.parametrize(
    ("other", "error", "words"),
    [
        (lambda v: {"a": v, "b": v}, TreeError, r"branch of fn\.cond differs at \.b"),
        (lambda v: {"a": v[1:]}, ShapeError, r"branch of fn\.cond .* another shape than it must have at \.a"),
        (lambda v: {"a": v > 0}, DtypeError, r"branch of fn\.cond .* another dtype than it must have at \.a"),
    ],
)
def test_branches_that_differ(other, error, words):
    for operand in (fn.Spec((3,)), np.ones(3)):
        with pytest.raises(error, match=words):
            fn.eval_shape(lambda x: fn.cond(True, lambda v: {"a": v}, other, x), operand)


def test_a_python_number_goes_with_a_scalar_that_can_hold_it():
    assert fn.eval_shape(lambda x: fn.cond(x > 0, lambda v: v, lambda v: 0.0, x), fn.Spec(())) == fn.Spec(())
    with pytest.raises(DtypeError, match="another dtype than it must have"):
        fn.eval_shape(lambda x: fn.cond(x > 0, lambda v: v, lambda v: 0.5, x), fn.Spec((), "int64"))


@pytest.mark.parametrize("pred", [X > 0, "yes", None, [True]])
def test_a_condition_that_is_no_scalar(pred):
    with pytest.raises(ParameterError, match=r"condition of fn\.cond must be a scalar"):
        fn.cond(pred, lambda: 1, lambda: 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fn.cond(True, 1, lambda: 2), r"fn\.cond takes a function as true_fun"),
        (lambda: fn.cond(True, lambda: 1, 2), r"fn\.cond takes a function as false_fun"),
        (lambda: fn.switch(0, []), r"fn\.switch takes at least one function"),
        (lambda: fn.switch(0, lambda: 1), r"fn\.switch takes at least one function"),
        (lambda: fn.switch(0, [lambda: 1, 3]), r"branches\[1\]"),
        (lambda: fn.switch(0.5, [lambda: 1]), r"index of fn\.switch must be an integer"),
        (lambda: fn.switch(np.array([0]), [lambda: 1]), r"index of fn\.switch must be an integer"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises(ParameterError, match=words):
        call()
