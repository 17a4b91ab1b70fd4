"""Schedules that rise and fall, against Optax and PyTorch on hundreds of steps."""

import jax
import numpy as np
import optax
import pytest

import funcnet as fn
from funcnet.errors import ParameterError
from funcnet.optim import schedules as s
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


LR = oracle("torch.optim.lr_scheduler")
STEPS = np.arange(400)
OPTAX = {
    "cosine_onecycle": (s.cosine_onecycle(300, 0.3), optax.cosine_onecycle_schedule(300, 0.3)),
    "cosine_onecycle, other divisors": (
        s.cosine_onecycle(301, 0.3, pct_start=0.4, div_factor=5.0, final_div_factor=7.0),
        optax.cosine_onecycle_schedule(301, 0.3, 0.4, 5.0, 7.0),
    ),
    "linear_onecycle": (s.linear_onecycle(300, 0.3), optax.linear_onecycle_schedule(300, 0.3)),
    "linear_onecycle, other divisors": (
        s.linear_onecycle(301, 0.3, pct_start=0.4, pct_final=0.7, div_factor=5.0, final_div_factor=7.0),
        optax.linear_onecycle_schedule(301, 0.3, 0.4, 0.7, 5.0, 7.0),
    ),
}
CYCLIC = {"cycle_momentum": False}
TORCH = {
    "one_cycle": (
        s.one_cycle(0.3, 400),
        lambda o: LR.OneCycleLR(o, 0.3, 400, cycle_momentum=False),
    ),
    "one_cycle, linear": (
        s.one_cycle(0.3, 400, pct_start=0.25, anneal="linear", div_factor=5.0, final_div_factor=50.0),
        lambda o: LR.OneCycleLR(o, 0.3, 400, None, None, 0.25, "linear", False, div_factor=5.0, final_div_factor=50.0),
    ),
    "one_cycle, three phases": (
        s.one_cycle(0.3, 400, three_phase=True),
        lambda o: LR.OneCycleLR(o, 0.3, 400, cycle_momentum=False, three_phase=True),
    ),
    "cyclic": (s.cyclic(0.01, 0.3, 30), lambda o: LR.CyclicLR(o, 0.01, 0.3, 30, **CYCLIC)),
    "cyclic, other way down": (s.cyclic(0.01, 0.3, 30, 11), lambda o: LR.CyclicLR(o, 0.01, 0.3, 30, 11, **CYCLIC)),
    "cyclic, triangular2": (
        s.cyclic(0.01, 0.3, 30, mode="triangular2"),
        lambda o: LR.CyclicLR(o, 0.01, 0.3, 30, mode="triangular2", **CYCLIC),
    ),
    "cyclic, exp_range": (
        s.cyclic(0.01, 0.3, 30, mode="exp_range", gamma=0.99),
        lambda o: LR.CyclicLR(o, 0.01, 0.3, 30, mode="exp_range", gamma=0.99, **CYCLIC),
    ),
    "warm_restarts": (s.warm_restarts(0.3, 30), lambda o: LR.CosineAnnealingWarmRestarts(o, 30)),
    "warm_restarts, twice as long": (
        s.warm_restarts(0.3, 7, factor=2, end_value=0.01),
        lambda o: LR.CosineAnnealingWarmRestarts(o, 7, 2, 0.01),
    ),
    "warm_restarts, three times as long": (
        s.warm_restarts(0.3, 5, factor=3),
        lambda o: LR.CosineAnnealingWarmRestarts(o, 5, 3),
    ),
}


def torch_rates(make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.3)
    scheduler = make(optimizer)
    rates = []
    for i in STEPS:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if i + 1 < STEPS.size:
            scheduler.step()
    return np.asarray(rates)


def optax_rates(schedule):
    with jax.enable_x64(True):
        return np.asarray([schedule(float(k)) for k in STEPS])


def errors():
    for table, reference, rates in ((OPTAX, "optax", optax_rates), (TORCH, "torch", torch_rates)):
        for name, (ours, theirs) in table.items():
            expected = rates(theirs)
            yield f"schedules.{name}", reference, float(np.max(np.abs(ours(STEPS) - expected)) / np.max(expected))


@pytest.mark.parametrize("name", OPTAX)
def test_equal_to_optax(name):
    ours, theirs = OPTAX[name]
    np.testing.assert_allclose(ours(STEPS), optax_rates(theirs), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", TORCH)
def test_equal_to_torch(name):
    ours, theirs = TORCH[name]
    np.testing.assert_allclose(ours(STEPS), torch_rates(theirs), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose([float(ours(k)) for k in (0, 50, 300)], ours(STEPS)[[0, 50, 300]], rtol=1e-14)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", [*OPTAX, *TORCH])
def test_on_every_backend(case, name):
    schedule = (OPTAX.get(name) or TORCH[name])[0]
    with case.active():
        got = case.to_numpy(schedule(case.asarray(STEPS[::25])))
        rtol = 1e-12 if "float64" in case.dtypes() else 1e-4
    np.testing.assert_allclose(got, schedule(STEPS[::25]), rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("name", [*OPTAX, *TORCH])
def test_compiled(name):
    schedule = (OPTAX.get(name) or TORCH[name])[0]
    compiled = fn.jit(schedule)
    for step in (0.0, 17.0, 120.0, 399.0):
        np.testing.assert_allclose(compiled(np.array(step)), schedule(step), rtol=1e-13, atol=1e-16)


def test_restarts_are_where_they_belong_far_out():
    # Where the logarithm that finds the cycle is rounded.
    for factor in (2, 3, 5, 10):
        starts = [3 * (factor**n - 1) // (factor - 1) for n in range(12)]
        schedule = s.warm_restarts(1.0, 3, factor=factor)
        assert schedule(np.asarray(starts)).tolist() == [1.0] * 12
        assert (schedule(np.asarray(starts[1:]) - 1) < 0.3).all()


def test_derivatives_with_respect_to_hyperparameters():
    def rate(peak, low, gamma):
        return (
            s.one_cycle(peak, 20)(9)
            + s.cyclic(low, peak, 4, mode="exp_range", gamma=gamma)(7)
            + s.warm_restarts(peak, 4, factor=2, end_value=low)(9)
            + s.linear_onecycle(20, peak)(9)
        )

    at = [np.array(v) for v in (0.3, 0.02, 0.9)]
    got = fn.grad(rate, (0, 1, 2))(*at)
    for i in range(3):
        ends = [rate(*[v + h if i == j else v for j, v in enumerate(at)]) for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(got[i], (ends[0] - ends[1]) / 2e-6, rtol=1e-7)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: s.one_cycle(0.1, 100, anneal="square"), "does not know this curve"),
        (lambda: s.one_cycle(0.1, 3), "no step in which the rate can rise"),
        (lambda: s.one_cycle(0.1, np.array(100)), "needs its number of steps as a Python number"),
        (lambda: s.one_cycle(0.1, 100, pct_start=0.6, three_phase=True), "(?s)no steps left.*at most a half"),
        (lambda: s.one_cycle(0.1, 100, div_factor=0.0), "(?s)got a div_factor.*a number above 0"),
        (lambda: s.linear_onecycle(100, 0.1, final_div_factor=0), "(?s)got a final_div_factor.*a number above 0"),
        (lambda: s.cosine_onecycle(0, 0.1), "got a number of steps"),
        (lambda: s.cosine_onecycle(10, 0.1, pct_start=1.5), "got a pct_start"),
        (lambda: s.linear_onecycle(10, 0.1, pct_final=0.1), "got a pct_final"),
        (lambda: s.cyclic(0.1, 0.2, mode="square"), "does not know this mode"),
        (lambda: s.cyclic(0.1, 0.2, 0), "got a number of steps up"),
        (lambda: s.warm_restarts(0.1, 10, factor=1.5), "got a factor"),
        (lambda: s.warm_restarts(0.1, 0), "got a number of steps"),
    ],
)
def test_arguments_are_checked(make, what):
    with pytest.raises(ParameterError, match=what):
        make()
