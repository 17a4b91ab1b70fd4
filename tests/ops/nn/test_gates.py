"""Gated units and maxout: axes, and what their errors say. Values are in test_activations.py."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.errors import ParameterError, ShapeError

F = nn.functional
X = np.random.default_rng(0).standard_normal((4, 6, 2))


@pytest.mark.parametrize("name", ["glu", "geglu", "reglu", "swiglu"])
def test_other_axes(name: str) -> None:
    f = getattr(F, name)
    np.testing.assert_array_equal(f(X, axis=0), np.moveaxis(f(np.moveaxis(X, 0, -1)), -1, 0))
    np.testing.assert_array_equal(f(X, axis=-2), np.moveaxis(f(np.moveaxis(X, 1, -1)), -1, 1))
    with pytest.raises(ShapeError, match="two halves") as error:
        f(X[:3], axis=0)
    assert "size 3 of axis 0" in str(error.value)


def test_maxout_along_an_axis_and_at_ties() -> None:
    np.testing.assert_array_equal(F.maxout(X, 3, axis=1), X.reshape(4, 2, 3, 2).max(axis=2))
    gradient = fn.grad(lambda x: xp.sum(F.maxout(x, 2)))(np.array([1.0, 1.0, 2.0, 0.0]))
    np.testing.assert_array_equal(gradient, [0.5, 0.5, 1.0, 0.0])


def test_maxout_checks_its_pieces() -> None:
    with pytest.raises(ShapeError, match="equal pieces"):
        F.maxout(X, 4, axis=1)
    for pieces in (0, 2.5, True, None):
        with pytest.raises(ParameterError, match="a positive integer"):
            nn.maxout(pieces)
