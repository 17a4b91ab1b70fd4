"""Schedules made of others, against Optax and PyTorch on hundreds of steps."""

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


STEPS = np.arange(400)
CYCLES = [
    {"init_value": 0.0, "peak_value": 0.3, "warmup_steps": 10, "decay_steps": 100, "end_value": 0.05},
    {"init_value": 0.05, "peak_value": 0.2, "warmup_steps": 0, "decay_steps": 50},
    {"init_value": 0.05, "peak_value": 0.2, "warmup_steps": 20, "decay_steps": 150, "exponent": 2.0},
]
PIECES = {50: 0.5, 120: 0.1, 200: 3.0}
OPTAX = {
    "join": (
        s.join([s.linear(0.0, 0.3, 20), s.exponential(0.3, 10, 0.9), s.constant(0.01)], [20, 250]),
        optax.join_schedules(
            [
                optax.linear_schedule(0.0, 0.3, 20),
                optax.exponential_decay(0.3, 10, 0.9),
                optax.constant_schedule(0.01),
            ],
            [20, 250],
        ),
    ),
    "warmup_constant": (s.warmup_constant(0.01, 0.3, 40), optax.warmup_constant_schedule(0.01, 0.3, 40)),
    "warmup_cosine": (
        s.warmup_cosine(0.01, 0.3, 40, 300, end_value=0.02, exponent=1.5),
        optax.warmup_cosine_decay_schedule(0.01, 0.3, 40, 300, end_value=0.02, exponent=1.5),
    ),
    "warmup_exponential": (
        s.warmup_exponential(0.01, 0.3, 40, 50, 0.5, transition_begin=5, staircase=True, end_value=0.03),
        optax.warmup_exponential_decay_schedule(0.01, 0.3, 40, 50, 0.5, 5, True, 0.03),
    ),
    "sgdr": (s.sgdr(CYCLES), optax.sgdr_schedule(CYCLES)),
    "piecewise_constant": (s.piecewise_constant(0.3, PIECES), optax.piecewise_constant_schedule(0.3, PIECES)),
    "piecewise_interpolate, linear": (
        s.piecewise_interpolate("linear", 0.3, PIECES),
        optax.piecewise_interpolate_schedule("linear", 0.3, PIECES),
    ),
    "piecewise_interpolate, cosine": (
        s.piecewise_interpolate("cosine", 0.3, PIECES),
        optax.piecewise_interpolate_schedule("cosine", 0.3, PIECES),
    ),
}


def torch_rates():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.3)
    lr = torch.optim.lr_scheduler
    scheduler = lr.SequentialLR(
        optimizer, [lr.LinearLR(optimizer, 0.1, 1.0, 30), lr.ExponentialLR(optimizer, 0.98)], milestones=[30]
    )
    rates = []
    for _ in STEPS:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.asarray(rates)


WARMED = s.warmup(s.exponential(0.3, 1, 0.98), 30, init_value=0.03)


def optax_rates(schedule):
    with jax.enable_x64(True):
        return np.asarray([schedule(float(k)) for k in STEPS])


def errors():
    for name, (ours, theirs) in OPTAX.items():
        expected = optax_rates(theirs)
        yield f"schedules.{name}", "optax", float(np.max(np.abs(ours(STEPS) - expected)) / np.max(expected))
    expected = torch_rates()
    yield "schedules.warmup", "torch", float(np.max(np.abs(WARMED(STEPS) - expected)) / np.max(expected))


@pytest.mark.parametrize("name", OPTAX)
def test_equal_to_optax(name):
    ours, theirs = OPTAX[name]
    np.testing.assert_allclose(ours(STEPS), optax_rates(theirs), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose([float(ours(k)) for k in (0, 50, 300)], ours(STEPS)[[0, 50, 300]], rtol=1e-14)


def test_warm_up_equals_torch():
    np.testing.assert_allclose(WARMED(STEPS), torch_rates(), rtol=1e-12)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", OPTAX)
def test_on_every_backend(case, name):
    schedule = OPTAX[name][0]
    with case.active():
        got = case.to_numpy(schedule(case.asarray(STEPS[::25])))
        rtol = 1e-12 if "float64" in case.dtypes() else 1e-5
    np.testing.assert_allclose(got, schedule(STEPS[::25]), rtol=rtol, atol=1e-7)


def test_derivatives_with_respect_to_hyperparameters():
    def rate(peak, end, scale):
        joined = s.join([s.warmup_cosine(0.0, peak, 4, 20, end_value=end), s.piecewise_constant(peak, {3: scale})], [9])
        return joined(7) + joined(15) * s.piecewise_interpolate("cosine", peak, {8: scale})(5)

    at = [np.array(v) for v in (0.3, 0.02, 0.6)]
    got = fn.grad(rate, (0, 1, 2))(*at)
    for i in range(3):
        ends = [rate(*[v + h if i == j else v for j, v in enumerate(at)]) for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(got[i], (ends[0] - ends[1]) / 2e-6, rtol=1e-7)


def test_what_has_not_begun_has_no_part_in_the_derivative():
    assert fn.grad(lambda a: s.join([s.constant(a), lambda t: a * t], [5])(3))(np.array(0.3)) == 1.0


def test_without_steps_of_warm_up():
    after = s.cosine(0.3, 10)
    assert s.warmup(after, 0) is after
    assert float(s.warmup_constant(0.0, 0.3, 0)(0)) == 0.3
    assert float(s.warmup_cosine(0.0, 0.3, 0, 10)(0)) == 0.3


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: s.join([], []), "schedules and boundaries that do not fit"),
        (lambda: s.join([s.constant(1.0)] * 2, []), "schedules and boundaries that do not fit"),
        (lambda: s.join([s.constant(1.0)] * 3, [20, 10]), "boundaries out of order"),
        (lambda: s.join([0.1], []), r"schedules\.join takes schedules"),
        (lambda: s.warmup(0.1, 5), r"schedules\.warmup takes schedules"),
        (lambda: s.warmup(s.constant(0.1), -5), "got a number of warm-up steps"),
        (lambda: s.warmup_cosine(0.0, 0.1, 10, 10), "got a number of decay steps"),
        (lambda: s.warmup_cosine(0.0, "a", 10, 20), "got a peak value"),
        (lambda: s.sgdr([{"init_value": 0.0, "peak_value": 0.1}]), "Cycle 0 of .* lacks warmup_steps, decay_steps"),
        (lambda: s.sgdr([]), "do not fit"),
        (lambda: s.piecewise_constant(0.1, {-1: 0.5}), "got a boundary"),
        (lambda: s.piecewise_constant(0.1, {1: -0.5}), "got a scale"),
        (lambda: s.piecewise_interpolate("square", 0.1, {}), "does not know this curve"),
    ],
)
def test_arguments_are_checked(make, what):
    with pytest.raises(ParameterError, match=what):
        make()
