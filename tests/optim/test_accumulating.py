"""Several gradients for one update: equal to one batch, missing gradients, errors."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim
from funcnet.errors import ParameterError

RNG = np.random.default_rng(0)


def test_small_batches_give_the_update_of_the_whole():
    x, y = RNG.standard_normal((12, 3)), RNG.standard_normal(12)
    loss = fn.grad(lambda w, x, y: ((x @ w - y) ** 2).mean())
    whole, opt = optim.adam(0.1), optim.accumulate(optim.adam(0.1), 4)
    w = v = RNG.standard_normal(3)
    state, after = whole.init(w), opt.init(v)
    for _ in range(5):
        updates, state = whole.update(loss(w, x, y), state, w)
        w = optim.apply_updates(w, updates)
        for i in range(4):
            updates, after = opt.update(loss(v, x[3 * i : 3 * i + 3], y[3 * i : 3 * i + 3]), after, v)
            v = optim.apply_updates(v, updates)
        np.testing.assert_allclose(v, w, rtol=1e-12)
    assert (int(after.gradient_step), int(after.mini_step)) == (5, 0)


def test_what_has_no_gradient_at_the_end_waits():
    opt, params = optim.accumulate(optim.sgd(1.0), 2, mean=False), {"a": np.zeros(1), "b": np.zeros(1)}
    one = {"a": np.ones(1), "b": np.ones(1)}
    _, state = opt.update(one, opt.init(params), params)
    updates, state = opt.update({"a": np.ones(1), "b": None}, state, params)
    assert (updates["a"].tolist(), updates["b"]) == ([-2.0], None)
    _, state = opt.update(one, state, params)
    updates, _ = opt.update(one, state, params)
    assert (updates["a"].tolist(), updates["b"].tolist()) == ([-2.0], [-3.0])


def test_skipped_gradients_are_counted():
    opt, p = optim.accumulate(optim.sgd(1.0), 2, skip=optim.skip_not_finite), np.zeros(1)
    state, seen = opt.init(p), []
    for g in (1.0, np.nan, np.inf, 3.0):
        updates, state = opt.update(np.array([g]), state, p)
        seen.append(float(updates[0]))
    assert seen == [0.0, 0.0, 0.0, -2.0]
    assert int(state.skipped) == 2


def test_in_a_batch_of_optimizers():
    opt, p = optim.accumulate(optim.sgd(0.5), 2), np.zeros(2)
    many = fn.vmap(opt.init)(np.zeros((3, 2)))
    many = many._replace(every=np.array([1.0, 2.0, 3.0]))
    updates, many = fn.vmap(opt.update, (None, 0, None))(np.ones(2), many, p)
    assert updates[:, 0].tolist() == [-0.5, 0.0, 0.0]
    updates, many = fn.vmap(opt.update, (None, 0, None))(np.ones(2), many, p)
    assert updates[:, 0].tolist() == [-0.5, -0.5, 0.0]


def test_arguments_are_checked():
    with pytest.raises(ParameterError, match="got a number of gradients"):
        optim.accumulate(optim.sgd(0.1), 0)
    with pytest.raises(ParameterError, match="takes its condition as a function"):
        optim.accumulate(optim.sgd(0.1), 2, skip=True)
    with pytest.raises(ParameterError, match=r"optim\.apply_every takes a number"):
        optim.apply_every(lambda step: 2)
    with pytest.raises(ParameterError, match="got a every"):
        optim.apply_every(0)
