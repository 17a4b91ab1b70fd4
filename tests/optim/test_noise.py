"""Noise on gradients, against optax with the same keys."""

import jax
import numpy as np
import optax
import pytest

from funcnet import optim, random, tree
from funcnet.errors import ParameterError, ShapeError, TreeError
from funcnet.testing.backends import backend_params

RNG = np.random.default_rng(0)
PARAMS = {"w": RNG.standard_normal(3), "b": RNG.standard_normal(3)}
EACH = {"w": RNG.standard_normal((4, 3)), "b": RNG.standard_normal((4, 3))}
MAKE = {
    "add_noise": (lambda key: optim.add_noise(0.3, 0.55, key), lambda key: optax.add_noise(0.3, 0.55, key), PARAMS),
    "differentially_private_aggregate": (
        lambda key: optim.differentially_private_aggregate(0.8, 1.2, key),
        lambda key: optax.contrib.differentially_private_aggregate(0.8, 1.2, key),
        EACH,
    ),
}


def steps(name):
    """Yield updates of both libraries."""
    make, theirs, grads = MAKE[name]
    opt = make(random.key(7))
    state = opt.init(PARAMS)
    with jax.enable_x64(True):
        reference = theirs(jax.random.key(7))
        there = jax.tree.map(jax.numpy.asarray, grads)
        after = reference.init(jax.tree.map(jax.numpy.asarray, PARAMS))
    for _ in range(5):
        updates, state = opt.update(grads, state, PARAMS)
        with jax.enable_x64(True):
            wanted, after = reference.update(there, after)
            wanted = jax.tree.map(np.asarray, wanted)
        yield updates, wanted


def errors():
    for name in MAKE:
        pairs = [p for got, wanted in steps(name) for p in zip(tree.leaves(got), tree.leaves(wanted), strict=True)]
        yield name, "optax", max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in pairs)


@pytest.mark.parametrize("name", MAKE)
def test_steps_equal_optax(name):
    for got, wanted in steps(name):
        tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10), got, wanted)


@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.parametrize("name", MAKE)
def test_on_every_backend(case, name):
    make, _, grads = MAKE[name]
    dtype = "float64" if "float64" in case.dtypes() else "float32"

    def run(place):
        opt = make(place(np.array([3, 4], "uint32")))
        params = tree.map(lambda p: place(p.astype(dtype)), PARAMS)
        return opt.update(tree.map(lambda g: place(g.astype(dtype)), grads), opt.init(params), params)[0]

    with case.active():
        got = tree.map(case.to_numpy, run(case.asarray))
    rtol = 1e-10 if dtype == "float64" else 1e-4
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6), got, run(np.array))


def test_missing_gradients_get_no_noise_and_shift_none():
    opt = optim.add_noise(0.3, 0.55, random.key(7))
    whole, _ = opt.update(PARAMS, opt.init(PARAMS), PARAMS)
    some, _ = opt.update({**PARAMS, "b": None}, opt.init(PARAMS), PARAMS)
    assert some["b"] is None
    np.testing.assert_array_equal(some["w"], whole["w"])
    opt = optim.differentially_private_aggregate(1.0, 0.0, random.key(0))
    some, state = opt.update({**EACH, "b": None}, opt.init(PARAMS), PARAMS)
    assert some["b"] is None
    nothing, _ = opt.update({"w": None, "b": None}, state, PARAMS)
    assert nothing == {"w": None, "b": None}


def test_noise_falls_with_the_number_of_the_update():
    opt, p = optim.add_noise(0.25, 2.0, random.key(0)), np.zeros(20_000)
    state = opt.init(p)
    for t in (1, 2, 3):
        u, state = opt.update(p, state, p)
        np.testing.assert_allclose(u.std(), 0.5 / t, rtol=0.02)


def test_arguments_are_checked():
    with pytest.raises(ParameterError, match="got a eta"):
        optim.add_noise(-1.0, 0.5, random.key(0))
    with pytest.raises(ParameterError, match="got a l2_norm_clip"):
        optim.differentially_private_aggregate(-1.0, 0.5, random.key(0))
    opt = optim.differentially_private_aggregate(1.0, 0.5, random.key(0))
    with pytest.raises(ShapeError, match=r"The shape of the gradients differs at \.b") as error:
        opt.update({"w": np.ones((4, 3)), "b": np.ones((4, 2))}, opt.init(PARAMS), PARAMS)
    assert "(4, 3)" in str(error.value)
    with pytest.raises(ShapeError, match="takes gradients of each example"):
        opt.update({"w": np.ones((4, 3)), "b": np.ones((2, 3))}, opt.init(PARAMS), PARAMS)
    with pytest.raises(TreeError, match="differs at"):
        opt.update({"w": np.ones((4, 3)), "b": np.ones((4, 3))}, opt.init(PARAMS), {"w": PARAMS["w"], "b": None})
