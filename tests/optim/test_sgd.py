"""Gradient descent against PyTorch, schedules, data types and purity."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, tree, xp
from funcnet.errors import DtypeError, ParameterError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


OPTIONS = [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}]


def trajectory(opt, params, grads):
    state = opt.init(params)
    for g in grads:
        updates, state = opt.update(g, state, params)
        params = optim.apply_updates(params, updates)
    return params, state


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.requirement("D94", "D95", "P61")
def test_hundred_steps_equal_torch(options):
    rng = np.random.default_rng(0)
    start = {"a": rng.standard_normal((3, 4)), "b": [rng.standard_normal(5)]}
    grads = [tree.map(lambda p: rng.standard_normal(p.shape), start) for _ in range(100)]
    params, _ = trajectory(optim.sgd(0.03, **options), start, grads)
    tensors = [torch.tensor(p, requires_grad=True) for p in tree.leaves(start)]
    reference = torch.optim.SGD(tensors, 0.03, **options)
    for g in grads:
        for t, leaf in zip(tensors, tree.leaves(g), strict=True):
            t.grad = torch.tensor(leaf)
        reference.step()
    for p, t in zip(tree.leaves(params), tensors, strict=True):
        np.testing.assert_allclose(p, t.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("options", OPTIONS)
def test_on_every_backend(case, options):
    start = np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3)
    grads = [np.full((2, 3), k, dtype="float32") for k in range(3)]
    expected, _ = trajectory(optim.sgd(0.1, **options), start, grads)
    with case.active():
        params, state = trajectory(optim.sgd(0.1, **options), case.asarray(start), [case.asarray(g) for g in grads])
        got = case.to_numpy(params)
        assert int(state.count) == 3
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS)
def test_data_types_are_kept(dtype, options):
    p = np.ones(3, dtype=dtype)
    params, state = trajectory(optim.sgd(0.5, **options), p, [p, p])
    assert params.dtype == p.dtype
    if options:
        assert state.velocity.dtype == (np.float32 if dtype == "float16" else p.dtype)


def test_nothing_that_is_passed_in_is_written_to():
    opt = optim.sgd(0.1, momentum=0.9)
    params, grads = {"a": np.ones(3)}, {"a": np.full(3, 2.0)}
    state = opt.init(params)
    for leaf in tree.leaves((params, grads, state)):
        leaf.flags.writeable = False
    updates, after = opt.update(grads, state, params)
    _, again = opt.update(grads, state, params)
    np.testing.assert_array_equal(after.velocity["a"], again.velocity["a"])
    np.testing.assert_array_equal(optim.apply_updates(params, updates)["a"], [0.8, 0.8, 0.8])


def test_schedule_gets_the_number_of_updates_before():
    seen = []

    def schedule(step):
        seen.append(int(step))
        return 0.5**step / (1 + step)

    params, state = trajectory(optim.sgd(schedule), np.zeros(1), [np.ones(1)] * 3)
    np.testing.assert_allclose(params, -(1 + 1 / 4 + 1 / 12))
    assert seen[-3:] == [0, 1, 2]
    np.testing.assert_allclose(state.learning_rate, 1 / 12)


@pytest.mark.parametrize("case", backend_params())
def test_schedule_on_every_backend(case):
    with case.active():
        opt = optim.sgd(lambda step: xp.exp(-step) + 0.5**step)
        params, _ = trajectory(opt, case.asarray(np.zeros(2), "float32"), [case.asarray(np.ones(2), "float32")] * 2)
        np.testing.assert_allclose(case.to_numpy(params), -(2 + np.exp(-1) + 0.5), rtol=1e-6)


def test_hyperparameters_are_leaves_that_can_be_changed():
    opt = optim.sgd(0.1, momentum=0.5)
    p, g = np.zeros(1), np.ones(1)
    state = opt.init(p)
    assert len(tree.leaves(state)) == 4
    updates, _ = opt.update(g, state._replace(learning_rate=np.array(2.0)), p)
    assert updates.tolist() == [-2.0]


@pytest.mark.parametrize("options", OPTIONS)
def test_derivative_with_respect_to_the_learning_rate(options):
    grads = [np.array([1.0]), np.array([3.0]), np.array([-1.0])]

    def final(rate):
        return xp.sum(trajectory(optim.sgd(rate, **options), np.zeros(1), grads)[0])

    # The parameters are linear in the rate.
    np.testing.assert_allclose(fn.grad(final)(np.array(0.3)), final(np.array(1.0)), rtol=1e-12)


def test_missing_gradients_leave_parameters_and_state_alone():
    opt = optim.sgd(0.1, momentum=0.9)
    params = {"a": np.ones(2), "b": np.ones(2)}
    state = opt.init(params)
    updates, state = opt.update({"a": np.ones(2), "b": None}, state, params)
    assert updates["b"] is None
    assert state.velocity["b"].tolist() == [0.0, 0.0]
    assert optim.apply_updates(params, updates)["b"] is params["b"]
    updates, state = opt.update({"a": np.ones(2), "b": np.ones(2)}, state, params)
    np.testing.assert_allclose(updates["a"], -0.19)
    np.testing.assert_allclose(updates["b"], -0.1)


@pytest.mark.requirement("P45", "P76")
def test_chain_with_a_learning_rate_equals_sgd():
    p, g = np.ones(3), np.arange(3.0)
    chained = optim.chain(optim.scale(2.0), optim.scale_by_learning_rate(0.1))
    np.testing.assert_allclose(chained.update(g, chained.init(p), p)[0], -0.2 * g)


@pytest.mark.parametrize("rate", ["fast", None, True, float("nan"), np.ones(2)])
def test_learning_rate_is_checked(rate):
    for make in (optim.sgd, optim.adam, optim.scale_by_learning_rate):
        with pytest.raises(ParameterError, match="learning rate that it cannot use"):
            make(rate)


def test_momentum_is_checked():
    with pytest.raises(ParameterError, match="momentum that it cannot use") as error:
        optim.sgd(0.1, momentum=1.0)
    assert "from 0 to below 1" in str(error.value)
    with pytest.raises(ParameterError, match="nesterov=True without momentum"):
        optim.sgd(0.1, nesterov=True)


def test_parameters_are_checked():
    with pytest.raises(DtypeError, match=r"cannot update the parameter at \.n") as error:
        optim.sgd(0.1).init({"w": np.ones(2), "n": np.array([1, 2])})
    assert "dtype int64" in str(error.value)
    with pytest.raises(ValueError, match="got no parameters"):
        optim.sgd(0.1).init({})
