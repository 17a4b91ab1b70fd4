"""Trees as vectors."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, tree, xp
from funcnet.errors import DtypeError, ShapeError, TreeError
from funcnet.testing.backends import backend_params

TREE = {"b": np.arange(6.0).reshape(2, 3), "a": [np.array(7.0, "float32"), np.zeros((0, 2)), None]}


def test_there_and_back():
    vector, unravel = optim.ravel(TREE)
    assert vector.tolist() == [7.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    again = unravel(vector)
    assert tree.structure(again) == tree.structure(TREE)
    for a, b in zip(tree.leaves(again), tree.leaves(TREE), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(a, b)


def test_derivatives():
    vector, unravel = optim.ravel({"x": np.array([1.0, 2.0]), "y": np.array(3.0)})
    g = fn.grad(lambda v: (unravel(v)["x"] ** 2).sum() * unravel(v)["y"])(vector)
    assert g.tolist() == [6.0, 12.0, 5.0]
    h = fn.grad(lambda t: xp.sum(optim.ravel(t)[0] ** 3))({"x": np.array([1.0, 2.0])})
    assert h["x"].tolist() == [3.0, 12.0]


@pytest.mark.parametrize("case", backend_params(variants=False))
def test_on_every_backend(case):
    with case.active():
        leaf = case.asarray(np.ones((2, 2), "float32"))
        vector, unravel = optim.ravel([leaf])
        assert case.to_numpy(vector).tolist() == [1.0] * 4
        assert case.to_numpy(unravel(vector)[0]).shape == (2, 2)


def test_errors():
    _, unravel = optim.ravel(TREE)
    with pytest.raises(ShapeError, match="does not fit the tree"):
        unravel(np.zeros(6))
    with pytest.raises(DtypeError, match="real floating-point"):
        optim.ravel({"a": np.array([1, 2])})
    with pytest.raises(TreeError, match="got no parameters"):
        optim.ravel({})
