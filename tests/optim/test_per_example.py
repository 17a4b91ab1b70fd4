"""Sums of clipped gradients of each example, against optax."""

import jax
import numpy as np
import optax
import pytest

import funcnet as fn
from funcnet import optim, tree, xp
from funcnet.errors import ShapeError, TreeError
from funcnet.testing.backends import backend_params

RNG = np.random.default_rng(0)
GRADS = {"a": RNG.standard_normal((6, 3, 4)), "b": RNG.standard_normal((6,)), "c": RNG.standard_normal((6, 2)) * 0.1}
OURS = {
    "per_example_global_norm_clip": lambda g: optim.per_example_global_norm_clip(g, 3.0),
    "per_example_layer_norm_clip": lambda g: optim.per_example_layer_norm_clip(g, 3.0),
    "per_example_layer_norm_clip, not uniform": lambda g: optim.per_example_layer_norm_clip(g, 3.0, uniform=False),
}
THEIRS = {
    "per_example_global_norm_clip": lambda g: optax.per_example_global_norm_clip(g, 3.0),
    "per_example_layer_norm_clip": lambda g: optax.per_example_layer_norm_clip(g, 3.0),
    "per_example_layer_norm_clip, not uniform": lambda g: optax.per_example_layer_norm_clip(g, 3.0, uniform=False),
}


def compared(name):
    got = OURS[name](GRADS)
    with jax.enable_x64(True):
        wanted = jax.tree.map(np.asarray, THEIRS[name](jax.tree.map(jax.numpy.asarray, GRADS)))
    return got, wanted


def errors():
    for name in OURS:
        got, wanted = compared(name)
        pairs = zip(tree.leaves(got[0]), tree.leaves(wanted[0]), strict=True)
        yield name, "optax", max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in pairs)


@pytest.mark.parametrize("name", OURS)
def test_equal_to_optax(name):
    got, wanted = compared(name)
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-13), got[0], wanted[0])
    tree.map(np.testing.assert_array_equal, got[1], wanted[1])
    assert 0 < sum(int(n) for n in tree.leaves(got[1])) < 18


@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.parametrize("name", OURS)
def test_on_every_backend(case, name):
    dtype = "float64" if "float64" in case.dtypes() else "float32"
    with case.active():
        got = tree.map(case.to_numpy, OURS[name](tree.map(lambda g: case.asarray(g.astype(dtype)), GRADS)))
    rtol = 1e-12 if dtype == "float64" else 1e-4
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol), got, OURS[name](GRADS))


def test_with_gradients_of_each_example():
    def loss(p, x):
        return xp.sum(xp.square(p - x))

    x = RNG.standard_normal((5, 3))
    total, clipped = optim.per_example_global_norm_clip(fn.vmap(fn.grad(loss), (None, 0))(np.zeros(3), x), 1e9)
    np.testing.assert_allclose(total, -2 * x.sum(0), rtol=1e-13)
    assert int(clipped) == 0


@pytest.mark.parametrize("f", [optim.per_example_global_norm_clip, optim.per_example_layer_norm_clip])
def test_what_is_not_for_each_example(f):
    with pytest.raises(ShapeError, match="takes gradients of each example") as error:
        f({"a": np.ones((4, 2)), "b": np.ones((3, 2))}, 1.0)
    assert "(3, 2) at .b" in str(error.value)
    assert "4 as at .a" in str(error.value)
    with pytest.raises(ShapeError, match="takes gradients of each example"):
        f({"a": np.array(1.0)}, 1.0)
    with pytest.raises(TreeError, match="got no gradients"):
        f({}, 1.0)
