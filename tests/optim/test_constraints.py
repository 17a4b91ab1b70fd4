"""Constraints of updates: closed forms and errors."""

import numpy as np
import pytest

from funcnet import optim
from funcnet.errors import ParameterError, ShapeError, TreeError

RNG = np.random.default_rng(0)


def apply(opt, grads, params):
    return opt.update(grads, opt.init(params), params)[0]


def test_centred_kernels_of_this_library():
    g = RNG.standard_normal((3, 3, 4, 5))
    got = apply(optim.centralize(), g, g)
    np.testing.assert_allclose(got.mean((0, 1, 2)), 0, atol=1e-15)
    np.testing.assert_allclose(got - got[0, 0, 0], g - g[0, 0, 0], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(apply(optim.centralize(), g[0, 0, 0], g[0, 0, 0]), g[0, 0, 0])
    with pytest.raises(ShapeError, match="without the axis of the outputs"):
        apply(optim.centralize(channel_axis=2), np.ones((2, 2)), np.ones((2, 2)))


def test_where_there_was_nan():
    params = {"a": np.zeros(2), "b": np.zeros(2)}
    opt = optim.zero_nans()
    updates, state = opt.update({"a": np.array([np.nan, np.inf]), "b": np.ones(2)}, opt.init(params), params)
    assert updates["a"].tolist() == [0.0, np.inf]
    assert {k: bool(v) for k, v in state.found_nan.items()} == {"a": True, "b": False}


def test_parameters_stay_in_a_set():
    params = {"a": np.array([0.2, 0.3]), "b": np.array([0.5])}
    opt = optim.chain(optim.sgd(0.3), optim.project(optim.projections.simplex))
    state = opt.init(params)
    for _ in range(20):
        grads = {"a": params["a"] - np.array([0.7, 0.1]), "b": params["b"] - 0.5}
        updates, state = opt.update(grads, state, params)
        params = optim.apply_updates(params, updates)
        np.testing.assert_allclose(params["a"].sum() + params["b"].sum(), 1.0, rtol=1e-12)
        assert (params["a"] >= 0).all()
    np.testing.assert_allclose(params["a"], [0.6, 0.0], atol=1e-3)
    updates, _ = opt.update({"a": np.ones(2), "b": None}, state, params)
    assert updates["b"] is None


def test_no_parameter_is_negative():
    p = RNG.uniform(0, 1, 50)
    opt = optim.chain(optim.sgd(1.0), optim.keep_params_nonnegative())
    new = optim.apply_updates(p, apply(opt, RNG.standard_normal(50), p))
    assert new.min() == 0.0


def test_arguments_are_checked():
    with pytest.raises(ParameterError, match=r"optim\.project takes a function"):
        optim.project(3)
    with pytest.raises(ParameterError, match="got a eps"):
        optim.normalize_by_update_norm(eps=-1.0)
    opt = optim.project(lambda p: {"z": p["a"]})
    params = {"a": np.ones(1)}
    with pytest.raises(TreeError, match="structure of the projection differs"):
        opt.update(params, opt.init(params), params)
