"""Layers of activation functions against PyTorch."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.nn.layer import kind_of
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


PAIRS = [
    (nn.relu(), lambda x: torch.relu(x)),
    (nn.sigmoid(), lambda x: torch.sigmoid(x)),
    (nn.tanh(), lambda x: torch.tanh(x)),
    (nn.softmax(), lambda x: torch.softmax(x, -1)),
    (nn.softmax(axis=0), lambda x: torch.softmax(x, 0)),
    (nn.identity(), lambda x: x * 1),
    (nn.gelu(), lambda x: torch.nn.GELU()(x)),
    (nn.gelu(approximate=True), lambda x: torch.nn.GELU(approximate="tanh")(x)),
    (nn.elu(0.7), lambda x: torch.nn.ELU(0.7)(x)),
    (nn.leaky_relu(0.2), lambda x: torch.nn.LeakyReLU(0.2)(x)),
    (nn.hard_tanh(-0.4, 0.9), lambda x: torch.nn.Hardtanh(-0.4, 0.9)(x)),
    (nn.softplus(2.0), lambda x: torch.nn.Softplus(2.0, threshold=1e9)(x)),
    (nn.threshold(0.2, 3.0), lambda x: torch.nn.Threshold(0.2, 3.0)(x)),
    (nn.softmin(axis=0), lambda x: torch.nn.Softmin(0)(x)),
    (nn.log_softmax(axis=0), lambda x: torch.nn.LogSoftmax(0)(x)),
    (nn.glu(axis=0), lambda x: torch.nn.GLU(0)(x)),
]
#: Layers without arguments, by their names in torch.nn; the derivative of its Hardsigmoid has the digits of float32.
SAME = {
    "celu": "CELU",
    "hard_shrink": "Hardshrink",
    "hard_swish": "Hardswish",
    "log_sigmoid": "LogSigmoid",
    "mish": "Mish",
    "relu6": "ReLU6",
    "selu": "SELU",
    "silu": "SiLU",
    "soft_shrink": "Softshrink",
    "softsign": "Softsign",
    "tanh_shrink": "Tanhshrink",
}
PAIRS += [(getattr(nn, ours)(), lambda x, name=theirs: getattr(torch.nn, name)()(x)) for ours, theirs in SAME.items()]


@pytest.mark.requirement("P46", "P47", "P75", "P80")
@pytest.mark.parametrize(("layer", "reference"), PAIRS)
def test_values_and_gradients_equal_torch(layer, reference):
    x = np.random.default_rng(0).standard_normal((4, 5)) * 3
    y, pullback = fn.vjp(lambda x: layer.apply({}, {}, x)[0], x)
    g = np.random.default_rng(1).standard_normal(y.shape)
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
    x = np.linspace(-5, 5, 12, dtype="float32").reshape(4, 3)
    with case.active():
        y = case.to_numpy(layer.apply({}, {}, case.asarray(x))[0])
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, reference(torch.from_numpy(x)).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("axis", "channels"), [(None, 1), (-1, 5), (1, 4)])
def test_prelu_equals_torch(axis, channels):
    x = np.random.default_rng(0).standard_normal((3, 4, 5))
    layer = nn.prelu(0.3, axis=axis, dtype="float64")
    params, state = layer.init(random.key(0), x.shape)
    reference = torch.nn.PReLU(channels, 0.3, dtype=torch.float64)
    xt = torch.from_numpy(np.moveaxis(x, axis or 0, 1) if channels > 1 else x).requires_grad_()
    reference(xt).square().sum().backward()
    gp, gx = fn.grad(lambda p, x: xp.sum(layer.apply(p, state, x)[0] ** 2), (0, 1))(params, x)
    np.testing.assert_allclose(np.ravel(gp["slope"]), reference.weight.grad.numpy(), rtol=1e-12)
    wanted = xt.grad.numpy()
    np.testing.assert_allclose(gx, np.moveaxis(wanted, 1, axis) if channels > 1 else wanted, rtol=1e-12)


def test_prelu_checks_what_it_gets():
    layer = nn.prelu(axis=-1)
    params, state = layer.init(random.key(0), (2, 3))
    with pytest.raises(ShapeError, match="Layer prelu got an input with the wrong number of channels"):
        layer.apply(params, state, np.zeros((2, 4)))
    with pytest.raises(ParameterError, match="parameters that are not its own"):
        nn.prelu().apply(params, state, np.zeros((2, 3)))
    with pytest.raises(ParameterError, match="parameters that are not its own"):
        layer.apply({}, state, np.zeros((2, 3)))
    with pytest.raises(DtypeError, match="not floating-point"):
        layer.apply(params, state, np.zeros((2, 3), "int32"))


def test_kinds_are_the_names():
    for name in ("gelu", "elu", "hard_tanh", "prelu", "rrelu", "gumbel_softmax", "softmax", "identity"):
        assert kind_of(getattr(nn, name)()) == name


def test_functions_may_stand_for_layers():
    model = nn.sequential(nn.dense(4), nn.functional.gelu, nn.dense(2), nn.functional.log_softmax)
    params, state = model.init(random.key(0), (1, 3))
    assert list(params) == ["dense_0", "dense_1"]
    x = np.ones((2, 3), "float32")
    np.testing.assert_allclose(np.exp(model.apply(params, state, x)[0]).sum(axis=-1), 1, rtol=1e-6)
