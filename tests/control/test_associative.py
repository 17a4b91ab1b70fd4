"""associative_scan."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import ParameterError, ShapeError

rng = np.random.default_rng(0)


def _affine(a, b):
    # The composition of x -> m x + c, one after the other.
    return {"m": b["m"] @ a["m"], "c": (b["m"] @ a["c"][..., None])[..., 0] + b["c"]}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", [1, 5, 8])
def test_values_and_gradients_of_jax(n, reverse):
    jax = pytest.importorskip("jax")
    elems = {"m": rng.normal(size=(n, 2, 2)), "c": rng.normal(size=(n, 2))}

    def program(scan):
        def f(elems):
            out = scan(_affine, elems, reverse=reverse)
            return (out["m"] ** 2).sum() + (out["c"] ** 3).sum()

        return f

    value, gradient = fn.value_and_grad(program(fn.associative_scan))(elems)
    with jax.enable_x64(True):
        expected, other = jax.value_and_grad(program(jax.lax.associative_scan))(elems)
        np.testing.assert_allclose(value, np.asarray(expected), rtol=1e-12)
        for name, ours in gradient.items():
            np.testing.assert_allclose(ours, np.asarray(other[name]), rtol=1e-10)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_along_any_axis(axis):
    x = rng.normal(size=(4, 5, 3))
    np.testing.assert_allclose(fn.associative_scan(xp.add, x, axis=axis), np.cumsum(x, axis=axis), rtol=1e-13)
    reverse = np.flip(np.maximum.accumulate(np.flip(x, axis), axis=axis), axis)
    np.testing.assert_array_equal(fn.associative_scan(xp.maximum, x, axis=axis, reverse=True), reverse)


def test_the_function_is_called_a_logarithm_of_times():
    calls = []

    def add(a, b):
        calls.append(a.shape)
        return a + b

    np.testing.assert_array_equal(fn.associative_scan(add, np.ones(1000)), np.arange(1, 1001))
    assert len(calls) <= 20


def test_prefixes_of_what_is_known_are_known_while_a_graph_is_captured():
    def f(x):
        return x[: int(fn.associative_scan(xp.add, xp.ones(6, dtype=xp.int64))[4])]

    assert fn.jit(f)(np.arange(9.0)).shape == (5,)


def test_nothing_and_shapes():
    assert fn.associative_scan(xp.add, np.zeros((0, 3))).shape == (0, 3)
    spec = fn.Spec((7, 3))
    assert fn.eval_shape(lambda x: fn.associative_scan(xp.multiply, x, reverse=True), spec) == spec


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: fn.associative_scan(3, np.ones(3)), ParameterError, "takes a function"),
        (lambda: fn.associative_scan(xp.add, []), ParameterError, "needs an array"),
        (lambda: fn.associative_scan(xp.add, np.ones(3), axis=1), ShapeError, "axis 1, which the array does not have"),
        (lambda: fn.associative_scan(xp.add, {"a": np.ones(3), "b": np.ones(4)}), ShapeError, r"3 in \.a and 4 in \.b"),
        (lambda: fn.associative_scan(lambda a, b: xp.sum(a), np.ones(3)), ShapeError, "result of fn"),
    ],
)
def test_wrong_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call()
