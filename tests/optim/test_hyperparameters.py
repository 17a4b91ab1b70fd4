"""Hyperparameters by name: values, derivatives, sweeps, errors."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, xp
from funcnet.errors import ParameterError, ShapeError

P = np.zeros(1)
OPT = optim.chain(optim.clip(1.0), optim.add_decayed_weights(0.1), optim.adam(0.1))


def test_set_by_name_by_path_and_by_the_end_of_a_path():
    state = OPT.init(P)
    for new in (
        optim.set_hyperparams(state, learning_rate=0.5),
        optim.set_hyperparams(state, {"[2].learning_rate": 0.5}),
        optim.set_hyperparams(state, {"learning_rate": np.float32(0.5)}),
    ):
        assert float(new[2].learning_rate) == 0.5
        assert new[2].learning_rate.dtype == np.float64
        assert float(new[2].b1) == 0.9
    assert float(state[2].learning_rate) == 0.1
    both = optim.set_hyperparams(state, {"[0].limit": 2}, b2=0.99)
    assert (float(both[0].limit), float(both[2].b2)) == (2.0, 0.99)


def test_read():
    found = optim.get_hyperparams(OPT.init(np.zeros(3)))
    assert float(found["[2].learning_rate"]) == 0.1
    assert "[2].mu" not in found


def test_without_making_the_optimizer_anew():
    opt, state = optim.sgd(0.1), optim.sgd(0.1).init(P)
    assert opt.update(np.ones(1), optim.set_hyperparams(state, learning_rate=3.0), P)[0].tolist() == [-3.0]
    slope = fn.grad(lambda r: xp.sum(opt.update(np.ones(1), optim.set_hyperparams(state, learning_rate=r), P)[0]))
    assert slope(np.array(0.1)) == -1.0


def test_a_sweep_over_rates():
    opt = optim.sgd(0.1)
    states = fn.vmap(lambda r: optim.set_hyperparams(opt.init(P), learning_rate=r))(np.array([0.1, 1.0]))
    updates, _ = fn.vmap(opt.update, (None, 0, None))(np.ones(1), states, P)
    np.testing.assert_allclose(updates, [[-0.1], [-1.0]])


def test_names_that_lead_nowhere_or_to_several():
    state = OPT.init(P)
    with pytest.raises(ParameterError, match="found no hyperparameter learning_rat") as error:
        optim.set_hyperparams(state, learning_rat=0.5)
    assert "learning_rate=value" in str(error.value)
    assert "[2].b1" in str(error.value)
    with pytest.raises(ParameterError, match="more than one leaf that is called count") as error:
        optim.set_hyperparams(state, count=3)
    assert "[0].count, [1].count, [2].count" in str(error.value)
    with pytest.raises(ParameterError, match="found no hyperparameter mu"):
        optim.set_hyperparams(OPT.init(np.zeros(3)), mu=0.0)
    with pytest.raises(ParameterError, match=r"no leaf of shape \(\)"):
        optim.set_hyperparams((), learning_rate=0.1)
    with pytest.raises(ShapeError, match="got an array for learning_rate"):
        optim.set_hyperparams(state, learning_rate=np.ones(2))
