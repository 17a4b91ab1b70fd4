"""Schedules that go one way, against Optax and PyTorch on hundreds of steps."""

import jax
import numpy as np
import optax
import pytest

import funcnet as fn
from funcnet import optim
from funcnet.errors import ParameterError
from funcnet.optim import schedules as s
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


STEPS = np.arange(400)


def torch_rates(make, rate=0.3):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], rate)
    scheduler = make(optimizer)
    rates = []
    for _ in STEPS:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.asarray(rates)


LR = oracle("torch.optim.lr_scheduler")
OPTAX = {
    "constant": (s.constant(0.3), optax.constant_schedule(0.3)),
    "linear": (s.linear(0.3, 0.01, 120), optax.linear_schedule(0.3, 0.01, 120)),
    "linear, later": (
        s.linear(0.3, 0.01, 120, transition_begin=50),
        optax.linear_schedule(0.3, 0.01, 120, transition_begin=50),
    ),
    "polynomial": (s.polynomial(0.3, 0.01, 2.5, 120), optax.polynomial_schedule(0.3, 0.01, 2.5, 120)),
    "polynomial, later": (
        s.polynomial(0.1, 0.5, 0.5, 120, transition_begin=7),
        optax.polynomial_schedule(0.1, 0.5, 0.5, 120, transition_begin=7),
    ),
    "exponential": (s.exponential(0.3, 30, 0.7), optax.exponential_decay(0.3, 30, 0.7)),
    "exponential, staircase": (
        s.exponential(0.3, 30, 0.7, transition_begin=11, staircase=True, end_value=0.02),
        optax.exponential_decay(0.3, 30, 0.7, transition_begin=11, staircase=True, end_value=0.02),
    ),
    "exponential, rising": (
        s.exponential(0.1, 30, 1.3, end_value=0.5),
        optax.exponential_decay(0.1, 30, 1.3, end_value=0.5),
    ),
    "cosine": (s.cosine(0.3, 250), optax.cosine_decay_schedule(0.3, 250)),
    "cosine, alpha": (
        s.cosine(0.3, 250, alpha=0.1, exponent=1.5),
        optax.cosine_decay_schedule(0.3, 250, alpha=0.1, exponent=1.5),
    ),
}
TORCH = {
    "constant": (s.piecewise_constant(0.1, {50: 3.0}), lambda o: LR.ConstantLR(o, 1 / 3, 50)),
    "linear": (s.linear(0.03, 0.24, 150), lambda o: LR.LinearLR(o, 0.1, 0.8, 150)),
    "polynomial": (s.polynomial(0.3, 0.0, 2.0, 150), lambda o: LR.PolynomialLR(o, 150, 2.0)),
    "exponential": (s.exponential(0.3, 1, 0.99), lambda o: LR.ExponentialLR(o, 0.99)),
    "cosine": (s.cosine(0.3, 399, alpha=0.1), lambda o: LR.CosineAnnealingLR(o, 399, 0.03)),
    "step": (s.step(0.3, 30, 0.5), lambda o: LR.StepLR(o, 30, 0.5)),
    "multi_step": (
        s.multi_step(0.3, [10, 100, 100, 250], 0.5),
        lambda o: LR.MultiStepLR(o, [10, 100, 100, 250], 0.5),
    ),
    "inverse_sqrt": (
        s.inverse_sqrt(0.3, 40, init_value=0.03),
        lambda o: LR.LambdaLR(o, lambda t: 0.1 + 0.9 * t / 40 if t < 40 else (40 / t) ** 0.5),
    ),
    "noam": (
        s.noam(2.0, 64, 40),
        lambda o: LR.LambdaLR(o, lambda t: 2 / 0.3 * 64**-0.5 * min((t + 1) ** -0.5, (t + 1) * 40**-1.5)),
    ),
}


def error(got, expected):
    return float(np.max(np.abs(got - expected)) / np.max(np.abs(expected)))


def errors():
    for name, (ours, theirs) in OPTAX.items():
        with jax.enable_x64(True):
            yield f"schedules.{name}", "optax", error(ours(STEPS), np.asarray(theirs(STEPS.astype(float))))
    for name, (ours, make) in TORCH.items():
        yield f"schedules.{name}", "torch", error(ours(STEPS), torch_rates(make))


@pytest.mark.parametrize("name", OPTAX)
def test_equal_to_optax(name):
    ours, theirs = OPTAX[name]
    with jax.enable_x64(True):
        expected = np.asarray(theirs(STEPS.astype(float)))
    np.testing.assert_allclose(ours(STEPS), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose([float(ours(k)) for k in (0, 17, 300)], ours(STEPS)[[0, 17, 300]], rtol=1e-14)


@pytest.mark.parametrize("name", TORCH)
def test_equal_to_torch(name):
    ours, make = TORCH[name]
    np.testing.assert_allclose(ours(STEPS), torch_rates(make), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", [*OPTAX, "step", "multi_step", "inverse_sqrt", "noam"])
def test_on_every_backend(case, name):
    schedule = (OPTAX.get(name) or TORCH[name])[0]
    with case.active():
        steps = case.asarray(STEPS[::20])
        got = case.to_numpy(schedule(steps))
        one = case.to_numpy(schedule(33))
        rtol = 1e-12 if "float64" in case.dtypes() else 1e-5
    np.testing.assert_allclose(got, schedule(STEPS[::20]), rtol=rtol, atol=1e-7)
    np.testing.assert_allclose(one, schedule(STEPS)[33], rtol=rtol)


@pytest.mark.parametrize(
    ("make", "at"),
    [
        (lambda a, b: s.linear(a, b, 10), (0.3, 0.1)),
        (lambda a, p: s.polynomial(a, 0.1, p, 10), (0.3, 1.5)),
        (lambda a, r: s.exponential(a, 10, r, end_value=0.01), (0.3, 0.8)),
        (lambda a, alpha: s.cosine(a, 10, alpha=alpha), (0.3, 0.2)),
        (lambda a, g: s.step(a, 2, g), (0.3, 0.5)),
        (lambda a, g: s.multi_step(a, [2, 3], g), (0.3, 0.5)),
        (lambda p, w: s.inverse_sqrt(p, w), (0.3, 6.0)),
        (lambda c, w: s.noam(c, 8, w), (0.3, 6.0)),
        (lambda a, _: s.constant(a), (0.3, 0.0)),
    ],
)
def test_derivatives_with_respect_to_hyperparameters(make, at):
    at = [np.array(v) for v in at]

    def rate(*values):
        return make(*values)(4)

    got = fn.grad(rate, (0, 1))(*at)
    for i in range(2):
        ends = [rate(*[v + h if i == j else v for j, v in enumerate(at)]) for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(got[i], (ends[0] - ends[1]) / 2e-6, rtol=1e-7, atol=1e-9)


def test_slope_at_the_ends_is_finite():
    # The root of what is left has an infinite slope at the last step, times nothing.
    assert fn.grad(lambda a: s.polynomial(a, 0.1, 0.5, 10)(10))(np.array(0.3)) == 0.0


def test_steps_without_values():
    spec = fn.eval_shape(s.cosine(0.3, 10), fn.Spec((), "float64"))
    assert spec.shape == ()
    rates = fn.vmap(s.exponential(0.3, 10, 0.5, staircase=True))(STEPS)
    np.testing.assert_array_equal(rates, s.exponential(0.3, 10, 0.5, staircase=True)(STEPS))


def test_in_an_optimizer():
    opt = optim.sgd(s.cosine(0.3, 10))
    params, state = np.zeros(1), opt.init(np.zeros(1))
    for _ in range(10):
        updates, state = opt.update(np.ones(1), state, params)
        params = optim.apply_updates(params, updates)
    np.testing.assert_allclose(params, -s.cosine(0.3, 10)(np.arange(10)).sum())


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: s.constant("0.1"), "schedules.constant got a value"),
        (lambda: s.linear(0.1, 0.0, 0), "schedules.linear got a number of steps"),
        (lambda: s.linear(0.1, 0.0, 5, transition_begin=-1), "schedules.linear got a first step"),
        (lambda: s.polynomial(0.1, 0.0, -1, 5), "schedules.polynomial got a power"),
        (lambda: s.exponential(0.1, 5, 0.0), "schedules.exponential got a decay rate"),
        (lambda: s.exponential(0.1, 5, -0.5), "schedules.exponential got a decay rate"),
        (lambda: s.cosine(0.1, -3), "schedules.cosine got a number of steps"),
        (lambda: s.cosine(0.1, 3, exponent=-1), "schedules.cosine got a power"),
        (lambda: s.step(0.1, 0), "schedules.step got a step size"),
        (lambda: s.multi_step(0.1, [-1]), "schedules.multi_step got a milestone"),
        (lambda: s.inverse_sqrt(0.1, 0), "schedules.inverse_sqrt got a number of warm-up steps"),
        (lambda: s.noam(0.1, 0, 5), "schedules.noam got a model size"),
    ],
)
def test_hyperparameters_are_checked(make, what):
    with pytest.raises(ParameterError, match=what):
        make()
