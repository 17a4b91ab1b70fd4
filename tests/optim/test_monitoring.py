"""Measurements in a chain."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, tree
from funcnet.errors import ParameterError


def test_measures_where_it_stands():
    norm = lambda name: optim.snapshot(name, optim.global_norm)  # noqa: E731
    opt = optim.chain(norm("before"), optim.clip_by_global_norm(1.0), norm("after"), optim.sgd(0.1))
    params = {"a": np.zeros(2)}
    state = opt.init(params)
    _, after = opt.update({"a": np.array([3.0, 4.0])}, state, params)
    assert float(after[0].measurement["before"]) == 5.0
    np.testing.assert_allclose(after[2].measurement["after"], 1.0)
    assert tree.structure(state) == tree.structure(after)


def test_a_tree_of_measurements():
    opt = optim.snapshot("sizes", lambda u: tree.map(lambda leaf: abs(leaf).max(), u))
    _, state = opt.update({"a": np.array([-3.0])}, opt.init({"a": np.ones(1)}), {"a": np.ones(1)})
    assert float(state.measurement["sizes"]["a"]) == 3.0
    assert fn.eval_shape(opt.init, {"a": fn.Spec((4,), "float64")}).measurement["sizes"]["a"].shape == ()


def test_arguments_are_checked():
    with pytest.raises(ParameterError, match="takes a name and a function"):
        optim.snapshot(optim.global_norm, "norm")
