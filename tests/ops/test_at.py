"""Updates at an index."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp

X = np.array([1.0, 2.0, 3.0])
V = np.array([4.0, 0.5])


@pytest.mark.parametrize(
    ("method", "expected"),
    [("set", [4.0, 2.0, 0.5]), ("add", [5.0, 2.0, 3.5]), ("subtract", [-3.0, 2.0, 2.5]), ("multiply", [4.0, 2.0, 1.5]),
     ("min", [1.0, 2.0, 0.5]), ("max", [4.0, 2.0, 3.0])],
)  # fmt: skip
def test_values_and_gradients(method, expected):
    before = X.copy()
    np.testing.assert_array_equal(getattr(xp.at(X, [0, 2]), method)(V), expected)
    np.testing.assert_array_equal(X, before)
    jax = pytest.importorskip("jax", reason="JAX is the oracle")
    weights = np.array([1.0, 10.0, 100.0])

    def ours(x, v):
        return xp.sum(weights * getattr(xp.at(x, [0, 2]), method)(v) ** 2)

    def theirs(x, v):
        at = x.at[np.array([0, 2])]
        updated = at.add(-v) if method == "subtract" else getattr(at, method)(v, unique_indices=True)
        return jax.numpy.sum(weights * updated**2)

    with jax.enable_x64(True):
        wanted = jax.grad(theirs, argnums=(0, 1))(X, V)
    for g, w in zip(fn.grad(ours, argnums=(0, 1))(X, V), wanted, strict=True):
        np.testing.assert_allclose(g, w)


def test_get():
    assert xp.at(X, 1).get() == 2.0


@pytest.mark.parametrize("index", [9, -9])
def test_an_index_out_of_range_is_named_as_it_was_given(index):
    x = np.ones((3, 4))
    for f in (
        lambda x: xp.at(x, np.array([index])).add(1.0),
        lambda x: xp.at(x, np.array([0, index])).max(1.0),
        lambda x: xp.segment_sum(x, np.array([0, 1, index]), num_segments=3),
    ):
        for run in (f, fn.grad(lambda x, f=f: xp.sum(f(x)))):
            with pytest.raises(IndexError, match=f"index {index} is out of bounds for axis 0 with size 3"):
                run(x)
    np.testing.assert_array_equal(x, np.ones((3, 4)))
