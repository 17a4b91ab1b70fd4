"""Averages of parameters and slow weights, against optax and PyTorch."""

import jax
import numpy as np
import optax
import pytest

from funcnet import optim, tree
from funcnet.errors import ParameterError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


RNG = np.random.default_rng(0)
START = {"a": RNG.standard_normal((3, 2)), "b": RNG.standard_normal(4)}
GRADS = [tree.map(lambda p: RNG.standard_normal(p.shape), START) for _ in range(100)]


def trajectory(opt, params=START, grads=GRADS):
    state = opt.init(params)
    for g in grads:
        updates, state = opt.update(g, state, params)
        params = optim.apply_updates(params, updates)
    return params, state


def averaged_by_torch(steps_that_count, **options):
    tensors = torch.nn.ParameterList([torch.tensor(p) for p in tree.leaves(START)])
    opt = torch.optim.SGD(tensors.parameters(), 0.1)
    average = torch.optim.swa_utils.AveragedModel(tensors, **options)
    if options:
        # The first call copies: the average begins with the first parameters.
        average.update_parameters(tensors)
    for i, g in enumerate(GRADS):
        for t, leaf in zip(tensors, tree.leaves(g), strict=True):
            t.grad = torch.tensor(leaf)
        opt.step()
        if steps_that_count(i):
            average.update_parameters(tensors)
    return [p.detach().numpy() for p in average.module]


def pairs():
    """Yield name, reference, and arrays to compare."""
    _, (_, state) = trajectory(optim.chain(optim.sgd(0.1), optim.average_params(0.95)))
    ema = torch.optim.swa_utils.get_ema_multi_avg_fn(0.95)
    yield "average_params", "torch", tree.leaves(state.average), averaged_by_torch(lambda i: True, multi_avg_fn=ema)
    _, (_, state) = trajectory(optim.chain(optim.sgd(0.1), optim.stochastic_weight_averaging(begin=20, every=7)))
    wanted = averaged_by_torch(lambda i: i >= 20 and (i - 20) % 7 == 0)
    yield "stochastic_weight_averaging", "torch", tree.leaves(state.average), wanted
    for reset in (False, True):
        params, state = trajectory(optim.lookahead(optim.adam(0.1), 6, 0.4, reset_state=reset))
        with jax.enable_x64(True):
            theirs = optax.lookahead(optax.adam(0.1), 6, 0.4, reset)
            both = optax.LookaheadParams.init_synced(jax.tree.map(jax.numpy.asarray, START))
            after = theirs.init(both)
            step = jax.jit(theirs.update)
            for g in GRADS:
                updates, after = step(jax.tree.map(jax.numpy.asarray, g), after, both)
                both = optax.apply_updates(both, updates)
            wanted = jax.tree.map(np.asarray, [*jax.tree.leaves(both.fast), *jax.tree.leaves(both.slow)])
        yield f"lookahead, reset_state={reset}", "optax", [*tree.leaves(params), *tree.leaves(state.slow)], wanted


def errors():
    for name, reference, got, wanted in pairs():
        yield (
            name,
            reference,
            max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in zip(got, wanted, strict=True)),
        )


def test_hundred_steps_equal_the_references():
    found = list(errors())
    assert len(found) == 4
    assert max(error for *_, error in found) < 1e-12, found


def test_averages_leave_the_updates_alone():
    plain, _ = trajectory(optim.sgd(0.1))
    for t in (optim.average_params(0.9), optim.stochastic_weight_averaging()):
        params, state = trajectory(optim.chain(optim.sgd(0.1), t))
        tree.map(np.testing.assert_array_equal, params, plain)
        assert state[1].average["a"].shape == (3, 2)


def test_the_mean_begins_where_it_is_told_to():
    opt = optim.chain(optim.sgd(1.0), optim.stochastic_weight_averaging(begin=2, every=2))
    params, state, seen = np.zeros(1), opt.init(np.zeros(1)), []
    for _ in range(7):
        updates, state = opt.update(np.ones(1), state, params)
        params = optim.apply_updates(params, updates)
        seen.append((float(state[1].average[0]), int(state[1].averaged)))
    assert seen == [(-1, 0), (-2, 0), (-3, 1), (-3, 1), (-4, 2), (-4, 2), (-5, 3)]


@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.parametrize(
    "make",
    [
        lambda: optim.chain(optim.sgd(0.1), optim.average_params(0.9)),
        lambda: optim.chain(optim.sgd(0.1), optim.stochastic_weight_averaging(begin=1, every=2)),
        lambda: optim.lookahead(optim.sgd(0.1, momentum=0.9), 2, 0.5, reset_state=True),
    ],
)
def test_on_every_backend(case, make):
    dtype = "float64" if "float64" in case.dtypes() else "float32"
    start, grads = (
        tree.map(lambda p: p.astype(dtype), START),
        [tree.map(lambda p: p.astype(dtype), g) for g in GRADS[:5]],
    )
    expected = trajectory(make(), start, grads)
    with case.active():
        place = lambda t: tree.map(case.asarray, t)  # noqa: E731
        got = tree.map(case.to_numpy, trajectory(make(), place(start), [place(g) for g in grads]))
    rtol = 1e-12 if dtype == "float64" else 1e-4
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6), got, expected)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_data_types(dtype):
    p = np.ones(2, dtype)
    opt = optim.lookahead(optim.chain(optim.sgd(0.1), optim.average_params(0.9)), 1, 0.5)
    updates, state = opt.update(p, opt.init(p), p)
    assert updates.dtype == p.dtype
    assert state.slow.dtype == state.inner[1].average.dtype == np.float32


def test_missing_gradients():
    opt = optim.lookahead(optim.sgd(0.1), 1, 0.5)
    params = {"a": np.ones(1), "b": np.ones(1)}
    updates, state = opt.update({"a": np.ones(1), "b": None}, opt.init(params), params)
    assert updates["b"] is None
    assert state.slow["b"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: optim.ema(1.0), "got a decay"),
        (lambda: optim.average_params(-0.1), "got a decay"),
        (lambda: optim.stochastic_weight_averaging(every=0), "got a period"),
        (lambda: optim.stochastic_weight_averaging(begin=-1), "got a begin"),
        (lambda: optim.lookahead(optim.sgd(0.1), 0, 0.5), "got a period"),
        (lambda: optim.lookahead(optim.sgd(0.1), 5, 1.5), "got a slow_step_size"),
    ],
)
def test_hyperparameters_are_checked(make, what):
    with pytest.raises(ParameterError, match=what):
        make()
