"""Chains, and the application of updates."""

import numpy as np
import pytest

from funcnet import optim
from funcnet.errors import ParameterError, ShapeError, TreeError
from funcnet.testing.backends import backend_params


def add(number):
    return optim.Transform(lambda params: {}, lambda updates, state, params: (updates + number, state))


def test_chain_applies_in_order():
    p = np.zeros(1)
    one, other = optim.chain(add(1.0), optim.scale(3.0)), optim.chain(optim.scale(3.0), add(1.0))
    assert one.update(np.ones(1), one.init(p), p)[0].tolist() == [6.0]
    assert other.update(np.ones(1), other.init(p), p)[0].tolist() == [4.0]
    nested = optim.chain(one, other)
    assert nested.update(np.ones(1), nested.init(p), p)[0].tolist() == [19.0]


def test_empty_chain_changes_nothing():
    chain = optim.chain()
    assert chain.init(np.ones(1)) == ()
    assert chain.update(5.0, (), None) == (5.0, ())


def test_chain_checks_its_members_and_its_state():
    with pytest.raises(ParameterError, match=r"optim\.chain takes transforms") as error:
        optim.chain(optim.scale(1.0), 3)
    assert "int: 3" in str(error.value)
    with pytest.raises(ParameterError, match="takes transforms"):
        optim.chain(optim.adam)
    chain = optim.chain(optim.scale(1.0), optim.scale(1.0))
    with pytest.raises(ParameterError, match="a state that is not its own") as error:
        chain.update(np.ones(1), (1,), np.ones(1))
    assert "a tuple of length 1" in str(error.value)


@pytest.mark.parametrize("case", backend_params())
def test_apply_updates_on_every_backend(case):
    with case.active():
        p = {"a": case.asarray([1.0, 2.0], "float32")}
        new = optim.apply_updates(p, {"a": case.asarray([0.5, -0.5], "float32")})
        assert case.to_numpy(new["a"]).tolist() == [1.5, 1.5]
        assert case.to_numpy(p["a"]).tolist() == [1.0, 2.0]


def test_apply_updates_keeps_the_data_type():
    assert optim.apply_updates(np.ones(2, "float32"), np.ones(2)).dtype == np.float32


def test_apply_updates_keeps_nodes_without_leaves():
    assert optim.apply_updates({"a": None, "b": np.ones(1)}, {"a": None, "b": np.ones(1)})["a"] is None


def test_structures_and_shapes_are_compared():
    params = {"dense_0": {"kernel": np.ones((2, 3)), "bias": np.ones(3)}}
    with pytest.raises(TreeError, match=r"the updates differs at \.dense_0\.bias"):
        optim.apply_updates(params, {"dense_0": {"kernel": np.ones((2, 3))}})
    with pytest.raises(ShapeError, match=r"the updates differs at \.dense_0\.kernel") as error:
        optim.apply_updates(params, {"dense_0": {"kernel": np.ones(3), "bias": np.ones(3)}})
    assert "(3,)" in str(error.value)
    assert "(2, 3)" in str(error.value)
    with pytest.raises(TreeError, match=r"differs at \.a"):
        optim.apply_updates({"a": None, "b": np.ones(1)}, {"a": np.ones(1), "b": None})


@pytest.mark.parametrize("opt", [optim.sgd(0.1, momentum=0.9), optim.adam(0.1), optim.scale(1.0)])
def test_gradients_of_another_model(opt):
    params = {"a": np.ones(2), "b": np.ones(2)}
    with pytest.raises(TreeError, match=r"differs at \.c"):
        opt.update({"a": np.ones(2), "b": np.ones(2), "c": np.ones(2)}, opt.init(params), params)
    with pytest.raises(ShapeError, match=r"differs at \.b"):
        opt.update({"a": np.ones(2), "b": np.ones((2, 1))}, opt.init(params), params)


@pytest.mark.parametrize("opt", [optim.sgd(0.1, momentum=0.9), optim.adam(0.1)])
def test_state_of_another_model(opt):
    params = {"a": np.ones(2), "b": np.ones(2)}
    with pytest.raises(TreeError, match=r"differs at \.b"):
        opt.update(params, opt.init({"a": np.ones(2)}), params)


def by(name):
    @optim.takes(name)
    def update(updates, state, params, **given):
        return updates * given.get(name, 1.0), state

    return optim.Transform(lambda params: (), update)


def test_chain_gives_each_member_the_arguments_that_it_takes():
    p = np.ones(1)
    opt = optim.chain(by("a"), optim.chain(optim.scale(2.0), by("b")))
    assert opt.extras == {"a", "b"}
    assert opt.update(p, opt.init(p), p, a=3.0, b=5.0)[0].tolist() == [30.0]
    assert opt.update(p, opt.init(p), p, b=5.0)[0].tolist() == [10.0]
    assert optim.chain(optim.scale(2.0)).extras == frozenset()


def test_an_argument_that_no_member_takes():
    p = np.ones(1)
    opt = optim.chain(by("value"), optim.scale(2.0))
    with pytest.raises(ParameterError, match="keyword argument that it does not take") as error:
        opt.update(p, opt.init(p), p, valu=3.0)
    assert "found:  valu\n" in str(error.value)
    assert "needed: value\n" in str(error.value)
    opt = optim.chain(optim.scale(2.0))
    with pytest.raises(ParameterError, match="gradients, state and parameters only"):
        opt.update(p, opt.init(p), p, value=3.0)
