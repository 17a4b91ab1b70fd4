"""Squared error against PyTorch, its reductions, and shapes that do not match."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


RNG = np.random.default_rng(0)


@pytest.mark.requirement("D54", "P56", "P78")
@pytest.mark.parametrize("shape", [(), (5,), (4, 3), (2, 1, 3)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_equals_torch(shape, reduction):
    p, t = RNG.standard_normal(shape), RNG.standard_normal(shape)
    g = np.asarray(RNG.standard_normal(shape if reduction == "none" else ()))
    y, pullback = fn.vjp(lambda p, t: losses.mse(p, t, reduction=reduction), p, t)
    dp, dt = pullback(g)
    pt, tt = (torch.tensor(a, requires_grad=True) for a in (p, t))
    yt = torch.nn.functional.mse_loss(pt, tt, reduction=reduction)
    yt.backward(torch.tensor(g))
    np.testing.assert_allclose(y, yt.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(dp, pt.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(dt, tt.grad.numpy(), rtol=1e-12)


@pytest.mark.requirement("PX13")
def test_upstream_gradient_is_used():
    p, t = np.array([1.0, 2.0]), np.array([0.0, 0.0])
    np.testing.assert_allclose(fn.grad(lambda p: 3 * losses.mse(p, t))(p), 3 * fn.grad(lambda p: losses.mse(p, t))(p))


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    p, t = RNG.standard_normal((4, 3)).astype("float32"), RNG.standard_normal((4, 3)).astype("float32")
    with case.active():
        value, grad = fn.value_and_grad(losses.mse)(case.asarray(p), case.asarray(t))
        np.testing.assert_allclose(case.to_numpy(value), ((p - t) ** 2).mean(), rtol=1e-5)
        np.testing.assert_allclose(case.to_numpy(grad), 2 * (p - t) / 12, rtol=1e-5)
        assert case.to_numpy(grad).dtype == np.float32


@pytest.mark.parametrize(
    ("prediction", "target", "write"),
    [
        ((4, 1), (4,), "xp.expand_dims(target, axis=-1)"),
        ((4,), (4, 1), "xp.squeeze(target, axis=-1)"),
        ((4, 3), (3,), "xp.broadcast_to(target, prediction.shape)"),
    ],
)
def test_shapes_are_not_broadcast(prediction, target, write):
    with pytest.raises(ShapeError, match="of different shapes") as error:
        losses.mse(np.zeros(prediction), np.zeros(target))
    assert f"found:  {prediction} and {target}" in str(error.value)
    assert write in str(error.value)


def test_reduction_is_checked():
    with pytest.raises(ParameterError, match="unknown reduction") as error:
        losses.mse(np.zeros(2), np.zeros(2), reduction="batchmean")
    assert "'mean', 'sum' or 'none'" in str(error.value)
