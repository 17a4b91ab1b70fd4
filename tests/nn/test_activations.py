"""Layers of activation functions against PyTorch."""

import numpy as np
import pytest
import torch

import funcnet as fn
from funcnet import nn, random
from funcnet.testing.backends import backend_params

PAIRS = [
    (nn.relu(), torch.relu),
    (nn.sigmoid(), torch.sigmoid),
    (nn.tanh(), torch.tanh),
    (nn.softmax(), lambda x: torch.softmax(x, -1)),
    (nn.softmax(axis=0), lambda x: torch.softmax(x, 0)),
    (nn.identity(), lambda x: x * 1),
]


@pytest.mark.parametrize(("layer", "reference"), PAIRS)
def test_values_and_gradients_equal_torch(layer, reference):
    x = np.random.default_rng(0).standard_normal((4, 5)) * 3
    g = np.random.default_rng(1).standard_normal((4, 5))
    y, pullback = fn.vjp(lambda x: layer.apply({}, {}, x)[0], x)
    xt = torch.from_numpy(x).requires_grad_()
    yt = reference(xt)
    yt.backward(torch.from_numpy(g))
    np.testing.assert_allclose(y, yt.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(pullback(g)[0], xt.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("layer", "reference"), PAIRS)
def test_no_parameters_and_the_state_is_passed_on(layer, reference):
    assert layer.init(random.key(0), (2, 3)) == ({}, {})
    assert layer.apply({}, {}, np.zeros((2, 3)), train=True, key=None)[1] == {}


@pytest.mark.parametrize("case", backend_params(variants=False))
@pytest.mark.parametrize(("layer", "reference"), PAIRS)
def test_on_every_backend(case, layer, reference):
    x = np.linspace(-5, 5, 12, dtype="float32").reshape(3, 4)
    with case.active():
        y = case.to_numpy(layer.apply({}, {}, case.asarray(x))[0])
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, reference(torch.from_numpy(x)).numpy(), rtol=1e-5, atol=1e-6)
