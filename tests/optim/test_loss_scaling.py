"""Loss scales against the rule of PyTorch's GradScaler, step by step."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import optim, tree, xp
from funcnet.errors import ParameterError
from funcnet.testing.backends import BackendCase, backend_params


@pytest.mark.parametrize(("initial", "growth", "backoff", "interval"), [(2.0**16, 2.0, 0.5, 3), (7.0, 1.5, 0.25, 1)])
def test_the_scale_follows_torch(initial: float, growth: float, backoff: float, interval: int) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    scaler = torch.amp.GradScaler(
        "cpu", init_scale=initial, growth_factor=growth, backoff_factor=backoff, growth_interval=interval
    )
    scaling = optim.dynamic_loss_scale(initial, growth=growth, backoff=backoff, interval=interval)
    state, opt = scaling.init(), optim.sgd(0.1)
    weights = np.float32([1.0, -2.0])
    params = {"w": weights.copy()}
    opt_state = opt.init(params)
    theirs = torch.tensor(weights, requires_grad=True)
    sgd = torch.optim.SGD([theirs], 0.1)
    rng = np.random.default_rng(0)
    for _ in range(60):
        x = rng.standard_normal(2).astype("float32")
        if rng.random() < 0.25:
            x[rng.integers(2)] = rng.choice([np.inf, np.nan])
        sgd.zero_grad()
        scaler.scale((theirs * torch.from_numpy(x)).sum()).backward()
        scaler.step(sgd)
        scaler.update()

        def loss(p: dict[str, np.ndarray], state: optim.LossScaleState = state, x: np.ndarray = x) -> object:
            return scaling.scale(state, xp.sum(p["w"] * x))

        with np.errstate(invalid="ignore"):
            grads = scaling.unscale(state, fn.grad(loss)(params))
            finite = optim.all_finite(grads)
            updates, new = opt.update(grads, opt_state, params)
            params, opt_state = optim.choose(finite, (optim.apply_updates(params, updates), new), (params, opt_state))
        state = scaling.adjust(state, finite)
        assert float(state.scale) == scaler.get_scale()
        np.testing.assert_allclose(params["w"], theirs.detach().numpy(), rtol=1e-6)


def test_the_scale_does_not_become_infinite() -> None:
    scaling = optim.dynamic_loss_scale(3e38, interval=1)
    with np.errstate(over="ignore"):
        state = scaling.adjust(scaling.init(), True)
    assert float(state.scale) == np.float32(3e38)
    assert int(state.good) == 0


@pytest.mark.parametrize("case", backend_params(variants=False))
def test_on_every_backend_and_without_values(case: BackendCase) -> None:
    scaling = optim.dynamic_loss_scale(1024.0, interval=2)
    with case.active():
        state = scaling.init()
        scales = []
        for good in (True, True, True, False, True):
            state = scaling.adjust(state, good)
            scales.append(float(state.scale))
        grads = scaling.unscale(state, {"w": case.asarray(np.float32([2048.0, 512.0]))})
        assert case.to_numpy(grads["w"]).tolist() == [2.0, 0.5]
        assert bool(optim.all_finite(grads))
        abstract = fn.eval_shape(lambda s: scaling.adjust(s, s.scale > 0), state)
        assert abstract.scale.shape == ()
    assert scales == [1024.0, 2048.0, 2048.0, 1024.0, 1024.0]


def test_small_gradients_in_half_precision_survive() -> None:
    x = np.float16([1e-4, 2e-4])

    def gradient(scale: float) -> np.ndarray:
        scaling = optim.static_loss_scale(scale)
        state = scaling.init()

        def loss(w: np.ndarray) -> object:
            return scaling.scale(state, xp.astype(xp.sum(w * x * np.float16(1e-4)), "float32"))

        return scaling.unscale(state, {"w": fn.grad(loss)(np.ones(2, "float16"))})["w"]

    assert gradient(1.0)[0] == 0.0 or abs(gradient(1.0)[0] - 1e-8) > 1e-9
    found = gradient(2.0**14)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [1e-8, 2e-8], rtol=2e-3)


def test_static_scale_and_gradients_that_are_not_there() -> None:
    scaling = optim.static_loss_scale(8.0)
    state = scaling.init()
    assert scaling.adjust(state, False) is state
    grads = scaling.unscale(state, {"a": None, "b": np.array([8.0])})
    assert grads["a"] is None
    assert grads["b"].tolist() == [1.0]
    assert bool(optim.all_finite(grads))
    assert bool(optim.all_finite({}))
    assert not bool(optim.all_finite([np.ones(2), np.array(np.nan)]))


def test_choose_takes_all_or_nothing() -> None:
    one, other = {"a": np.array([1.0, np.nan]), "b": np.array(3)}, {"a": np.array([2.0, 2.0]), "b": np.array(4)}
    tree.map(np.testing.assert_array_equal, optim.choose(np.array(True), one, other), one)
    tree.map(np.testing.assert_array_equal, optim.choose(False, one, other), other)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optim.dynamic_loss_scale(0.0), "initial=0.0"),
        (lambda: optim.dynamic_loss_scale(float("inf")), "a positive number"),
        (lambda: optim.dynamic_loss_scale(growth=1.0), "greater than 1"),
        (lambda: optim.dynamic_loss_scale(backoff=1.5), "between 0 and 1"),
        (lambda: optim.dynamic_loss_scale(interval=0), "a positive integer"),
        (lambda: optim.static_loss_scale(-1.0), "scale=-1.0"),
    ],
)
def test_numbers_out_of_range(call, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        call()
