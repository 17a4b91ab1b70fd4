"""Projections against optax; nearest points; derivatives; errors."""

import jax
import numpy as np
import optax
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.errors import ParameterError, TreeError
from funcnet.optim import projections
from funcnet.testing.backends import backend_params

RNG = np.random.default_rng(0)
X = {"a": RNG.standard_normal((3, 2)), "b": [RNG.standard_normal(5), RNG.standard_normal(())]}
A = tree.map(lambda p: RNG.standard_normal(p.shape), X)
LOW, HIGH = tree.map(lambda p: p - np.abs(RNG.standard_normal(p.shape)), A), tree.map(lambda p: p + 0.3, A)
CASES = {
    "non_negative": (),
    "box": (LOW, HIGH),
    "hypercube": (0.7,),
    "linf_ball": (0.4,),
    "l2_ball": (1.3,),
    "l2_ball, inside": (100.0,),
    "l2_sphere": (1.3,),
    "l1_ball": (1.3,),
    "l1_ball, inside": (100.0,),
    "l1_sphere": (1.3,),
    "l1_sphere, larger": (30.0,),
    "simplex": (1.3,),
    "simplex, larger": (30.0,),
    "vector": (A,),
    "hyperplane": (A, 0.5),
    "halfspace": (A, 0.5),
    "halfspace, inside": (A, 100.0),
}


def ours(name, x=X, arguments=None):
    return getattr(projections, name.split(",")[0])(x, *(CASES[name] if arguments is None else arguments))


def theirs(name):
    with jax.enable_x64(True):
        f = getattr(optax.projections, f"projection_{name.split(',')[0]}")
        arguments = jax.tree.map(jax.numpy.asarray, (X, *CASES[name]))
        if name == "hypercube":  # Its bounds there are for one array.
            return jax.tree.map(lambda x: np.asarray(f(x, *arguments[1:])), arguments[0])
        return jax.tree.map(np.asarray, f(*arguments))


def errors():
    for name in CASES:
        pairs = list(zip(tree.leaves(ours(name)), jax.tree.leaves(theirs(name)), strict=True))
        size = max(float(np.max(np.abs(b))) for _, b in pairs)
        yield f"projections.{name}", "optax", max(float(np.max(np.abs(a - b))) for a, b in pairs) / size


@pytest.mark.parametrize("name", CASES)
def test_equal_to_optax(name):
    for a, b in zip(tree.leaves(ours(name)), jax.tree.leaves(theirs(name)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_projecting_twice_changes_nothing(name):
    once = ours(name)
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), ours(name, once), once)


@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.parametrize("name", CASES)
def test_on_every_backend(case, name):
    dtype = "float64" if "float64" in case.dtypes() else "float32"
    with case.active():
        place = lambda t: tree.map(lambda v: case.asarray(v.astype(dtype)) if hasattr(v, "shape") else v, t)  # noqa: E731
        got = tree.map(case.to_numpy, ours(name, place(X), place(CASES[name])))
    rtol = 1e-12 if dtype == "float64" else 1e-4
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6), got, ours(name))


@pytest.mark.parametrize("name", CASES)
def test_derivatives_equal_differences(name):
    weights = tree.map(lambda p: RNG.standard_normal(p.shape), X)

    def score(x):
        return sum([xp.sum(w * y) for w, y in zip(tree.leaves(weights), tree.leaves(ours(name, x)), strict=True)])

    direction = tree.map(lambda p: RNG.standard_normal(p.shape), X)
    moved = [tree.map(lambda p, d, h=h: p + h * d, X, direction) for h in (1e-6, -1e-6)]
    slope = fn.jvp(score, (X,), (direction,))[1]
    np.testing.assert_allclose(slope, (score(moved[0]) - score(moved[1])) / 2e-6, rtol=1e-6, atol=1e-8)
    g = fn.grad(score)(X)
    reverse = sum([np.sum(a * b) for a, b in zip(tree.leaves(g), tree.leaves(direction), strict=True)])
    np.testing.assert_allclose(slope, reverse, rtol=1e-10, atol=1e-12)


def test_data_types_are_kept():
    x = {"a": np.ones(2, "float32"), "b": np.ones(2)}
    for name in ("simplex", "l1_ball", "l2_ball", "linf_ball", "non_negative"):
        got = getattr(projections, name)(x)
        assert [leaf.dtype for leaf in tree.leaves(got)] == [np.float32, np.float64]


def test_one_bound_for_a_part_of_the_tree():
    got = projections.box({"a": np.array([3.0]), "b": np.array([3.0])}, 0.0, {"a": 1.0, "b": 2.0})
    assert (got["a"].tolist(), got["b"].tolist()) == ([1.0], [2.0])


def test_arguments_are_checked():
    for name in ("linf_ball", "l2_ball", "l2_sphere", "l1_ball", "l1_sphere", "simplex"):
        with pytest.raises(ParameterError, match=f"optim.projections.{name} got a scale that it cannot use"):
            getattr(projections, name)(X, -1.0)
    for name in ("l1_ball", "l1_sphere", "simplex"):
        with pytest.raises(ParameterError, match="got a scale that it cannot use"):
            getattr(projections, name)(X, 0)
        with pytest.raises(TreeError, match="A projection got no arrays"):
            getattr(projections, name)({})
    with pytest.raises(TreeError, match="A projection got no arrays"):
        projections.halfspace({}, {}, 1.0)
    with pytest.raises(TreeError, match="The structure of the normal differs"):
        projections.halfspace(X, {"a": X["a"]}, 1.0)
    with pytest.raises(TreeError, match="The structure of the lower bounds differs"):
        projections.box(X, {"z": 0.0}, 1.0)
