"""Pooling layers: shapes from init, names in errors, composition, and random windows."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


LAYERS = {
    "max_pool": nn.max_pool(2, stride=1, padding="SAME"),
    "avg_pool": nn.avg_pool((2, 3), padding=1, count_include_pad=False),
    "lp_pool": nn.lp_pool(2, 2),
    "global_max_pool": nn.global_max_pool(keepdims=True),
    "global_avg_pool": nn.global_avg_pool(),
    "adaptive_max_pool": nn.adaptive_max_pool(2),
    "adaptive_avg_pool": nn.adaptive_avg_pool((2, 3)),
    "fractional_max_pool": nn.fractional_max_pool(2, sizes=3),
}
FUNCTIONS = {
    "max_pool": lambda x: nn.functional.max_pool(x, 2, stride=1, padding="SAME"),
    "avg_pool": lambda x: nn.functional.avg_pool(x, (2, 3), padding=1, count_include_pad=False),
    "lp_pool": lambda x: nn.functional.lp_pool(x, 2, 2),
    "global_max_pool": lambda x: nn.functional.global_max_pool(x, keepdims=True),
    "global_avg_pool": nn.functional.global_avg_pool,
    "adaptive_max_pool": lambda x: nn.functional.adaptive_max_pool(x, 2),
    "adaptive_avg_pool": lambda x: nn.functional.adaptive_avg_pool(x, (2, 3)),
    "fractional_max_pool": lambda x: nn.functional.fractional_max_pool(x, 2, np.full((2, 3, 2), 0.5), sizes=3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_layers_are_the_functions(name):
    layer = LAYERS[name]
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 3))
    assert layer.init(random.key(0), x.shape) == ({}, {})
    y, state = layer.apply({}, {}, x)
    np.testing.assert_array_equal(y, FUNCTIONS[name](x))
    assert state == {}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_name_the_layer(name):
    model = nn.sequential(nn.relu(), LAYERS[name])
    with pytest.raises(ShapeError, match=rf"Layer sequential\.{name}_0 got"):
        model.init(random.key(0), (4, 3))
    with pytest.raises(ShapeError, match=rf"Layer sequential\.{name}_0 got"):
        model.apply({}, {}, np.zeros((4, 3)))
    with pytest.raises(DtypeError, match=rf"Layer sequential\.{name}_0 got an input that is not floating-point"):
        model.apply({}, {}, np.zeros((2, 5, 6, 3), dtype=np.int64))


def test_window_larger_than_the_input_is_found_by_init():
    model = nn.sequential(nn.max_pool(2), nn.max_pool(4))
    with pytest.raises(ShapeError, match=r"Layer sequential\.max_pool_1 got windows larger") as error:
        model.init(random.key(0), (1, 6, 6, 2))
    assert "on spatial sizes (3, 3)" in str(error.value)
    with pytest.raises(ParameterError, match=r"nn\.lp_pool takes the exponent"):
        nn.lp_pool(0.5, 2)


@pytest.mark.requirement("P49", "PX1")
@pytest.mark.parametrize("padding", [0, 1, (1, 0), "SAME", ((0, 1), (1, 1))])
@pytest.mark.parametrize("stride", [None, 1, 2, (2, 3)])
def test_gradient_has_the_shape_of_the_input(padding, stride):
    x = np.random.default_rng(0).standard_normal((2, 8, 8, 3))
    layer = nn.max_pool(2, stride=stride, padding=padding)
    g = fn.grad(lambda x: xp.sum(layer.apply({}, {}, x)[0]))(x)
    assert g.shape == x.shape
    assert g.sum() == layer.apply({}, {}, x)[0].size


@pytest.mark.parametrize("case", backend_params())
def test_in_a_model_on_every_backend(case):
    model = nn.sequential(nn.max_pool(2), nn.avg_pool(2), nn.global_avg_pool(), nn.dense(2))
    x = np.random.default_rng(0).standard_normal((2, 9, 8, 3)).astype("float32")
    params, state = model.init(random.key(0), x.shape)
    expected = model.apply(params, state, x)[0]
    with case.active():
        there = fn.tree.map(lambda p: case.asarray(p, "float32"), params)
        y = model.apply(there, state, case.asarray(x, "float32"))[0]
        np.testing.assert_allclose(case.to_numpy(y), expected, rtol=1e-5, atol=1e-6)


def test_random_windows_follow_from_the_key():
    layer = nn.fractional_max_pool(2, ratio=0.6)
    x = np.random.default_rng(0).standard_normal((1, 12, 12, 2))
    first, again, other = (layer.apply({}, {}, x, key=random.key(i), train=True)[0] for i in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (1, 7, 7, 2)
    assert not np.array_equal(first, other)
    samples = random.uniform(random.key(1), (1, 2, 2), dtype="float32")[..., ::-1].copy()
    expected = torch.nn.functional.fractional_max_pool2d(
        torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), 2, 7, _random_samples=torch.from_numpy(samples).double()
    )
    np.testing.assert_array_equal(first, expected.numpy().transpose(0, 2, 3, 1))
    with pytest.raises(ParameterError, match=r"Layer fractional_max_pool needs a random key in training"):
        layer.apply({}, {}, x, train=True)
    with pytest.raises(ParameterError, match=r"nn\.fractional_max_pool takes the number of windows, or its ratio"):
        nn.fractional_max_pool(2)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_gradient(name):
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 3)).astype("float32")

    def f(x):
        return xp.sum(xp.sin(LAYERS[name].apply({}, {}, x)[0]))

    np.testing.assert_allclose(fn.jit(fn.grad(f))(x), fn.grad(f)(x), rtol=1e-5, atol=1e-6)
