"""jvp."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, NonScalarOutputError, ParameterError, ShapeError, TreeError


def test_trees_in_and_out():
    def f(p, c):
        return {"y": p["a"] * p["b"] + c, "n": xp.argmax(p["a"])}

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    y, t = fn.jvp(f, ({"a": a, "b": b}, np.array(1.0)), ({"a": np.ones(2), "b": None}, None))
    np.testing.assert_array_equal(y["y"], a * b + 1)
    np.testing.assert_array_equal(t["y"], b)
    assert y["n"] == 1
    assert t["n"] == 0


def test_agrees_with_the_transposed_reverse_mode():
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(2, 4, 3))

    def f(x):
        z = xp.tanh(x @ x.T) + xp.sum(x, axis=1)
        z[0] *= 2.0
        return xp.concat([z[1:], xp.max(z, axis=0, keepdims=True)]) / (1 + xp.exp(z))

    y, tangent = fn.jvp(f, (x,), (t,))
    w = rng.normal(size=y.shape)
    (ct,) = fn.vjp(f, x)[1](w)
    assert np.sum(w * tangent) == pytest.approx(np.sum(ct * t), rel=1e-12)


def _joined(x):
    return xp.concat([x, np.ones((1, 3))])


def _stacked(x):
    return xp.stack([np.eye(3), x])


@pytest.mark.parametrize("norm", [xp.linalg.vector_norm, xp.linalg.det, xp.linalg.pinv, _joined, _stacked])
def test_in_the_step_of_a_captured_loop_of_an_array_from_outside(norm):
    x = np.random.default_rng(0).normal(size=(3, 3))

    def f(x):
        h, ys = fn.scan(lambda h, _: (xp.tanh(h + xp.sum(norm(x))), norm(x) * 2), x[0], None, length=2)
        return xp.sum(h) + xp.sum(ys)

    for g in (f, fn.grad(f)):

        def along(x, g=g):
            return fn.jvp(g, (x,), (x,))

        for found, wanted in zip(fn.jit(along)(x), along(x), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_broadcast_and_promoted_tangents_have_the_results_shape_and_dtype():
    _, t = fn.jvp(lambda x: x + np.ones((2, 3)), (np.ones(3, dtype=np.float32),), (np.ones(3, dtype=np.float32),))
    assert (t.shape, t.dtype) == ((2, 3), np.float64)
    np.testing.assert_array_equal(t, 1.0)


def test_outputs_that_do_not_depend_are_zero():
    _, t = fn.jvp(lambda x: (np.ones(2), xp.floor(x), fn.stop_gradient(x)), (np.array(1.5),), (1.0,))
    np.testing.assert_array_equal(t[0], np.zeros(2))
    assert (t[1], t[2]) == (0.0, 0.0)


def test_aux():
    y, t, aux = fn.jvp(lambda x: (x * x, {"h": x + 1}), (np.array(3.0),), (1.0,), has_aux=True)
    assert (y, t, aux["h"]) == (9.0, 6.0, 4.0)
    with pytest.raises(NonScalarOutputError, match="pair"):
        fn.jvp(lambda x: x, (1.0,), (1.0,), has_aux=True)


def test_bad_input():
    x = np.ones(3)
    with pytest.raises(ParameterError, match="one tangent for each primal") as caught:
        fn.jvp(xp.sin, x, x)
    assert "fn.jvp(f, (x,), (t,))" in str(caught.value)
    with pytest.raises(ParameterError, match="one tangent"):
        fn.jvp(xp.sin, (x,), (x, x))
    with pytest.raises(ShapeError, match=r"tangent of argument 0, leaf \.a"):
        fn.jvp(lambda p: p["a"], ({"a": x},), ({"a": np.ones(2)},))
    with pytest.raises(DtypeError, match="tangent of argument 0"):
        fn.jvp(xp.sin, (x,), (x.astype(np.float32),))
    with pytest.raises(TreeError, match="b"):
        fn.jvp(lambda p: p["a"], ({"a": x, "b": x},), ({"a": x},))
    with pytest.raises(DtypeError, match="argument 1"):
        fn.jvp(lambda x, n: x * n, (x, np.arange(3)), (x, None))


@pytest.mark.parametrize(
    ("primal", "tangent", "text"),
    [
        ({"a": 1.0}, {"b": 1.0}, "leaf .a"),
        ({"a": 1.0, "c": 2.0}, {"b": 1.0, "d": 2.0}, "leaf .a"),
        ({"a": [1.0, 2.0]}, {"a": (1.0, 2.0)}, "leaf .a"),
        ([None, 1.0], [1.0, None, 2.0], "argument 0"),
    ],
)
def test_tangents_of_another_structure_are_refused_though_their_numbers_agree(primal, tangent, text):
    primal, tangent = fn.tree.map(np.float64, primal), fn.tree.map(np.float64, tangent)

    def total(x):
        return sum(leaf**2 for leaf in fn.tree.leaves(x))

    for run in (fn.jvp, fn.hvp):
        with pytest.raises(TreeError, match=text):
            run(total, (primal,), (tangent,))


def test_none_in_a_tangent_is_zero_and_in_the_argument_itself():
    def product(x):
        return x["a"] * x["c"][0]

    x = {"a": np.array(3.0), "b": None, "c": (np.array(5.0),)}
    for tangent, expected in (
        ({"a": np.array(1.0), "b": None, "c": (None,)}, 5.0),
        ({"a": None, "b": None, "c": (np.array(2.0),)}, 6.0),
        ({"a": np.array(1.0), "b": None, "c": (np.array(2.0),)}, 11.0),
    ):
        assert fn.jvp(product, (x,), (tangent,))[1] == expected
