"""Layers side by side against PyTorch and against what they are made of."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing.backends import backend_params

X = np.random.default_rng(0).standard_normal((5, 3))


def wide(*layers, **named):
    return [nn.dense(n, dtype="float64", bias_init=nn.initializers.normal(1.0)) for n in layers]


def torch_of(params):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    layer = torch.nn.Linear(*params["kernel"].shape, dtype=torch.float64)
    layer.weight.data = torch.from_numpy(params["kernel"].T.copy())
    layer.bias.data = torch.from_numpy(params["bias"].copy())
    return layer


def gradients(layer, params, x):
    return fn.grad(lambda p, x: xp.sum(xp.square(layer.apply(p, {}, x)[0])), (0, 1))(params, x)


@pytest.mark.requirement("D86", "PX10")
def test_fan_out_and_concatenate_equal_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    layer = nn.sequential(nn.fan_out(*wide(4, 2), xp.tanh), nn.concatenate())
    params, state = layer.init(random.key(0), X.shape)
    assert list(params["fan_out_0"]) == ["dense_0", "dense_1"]
    branches = [torch_of(params["fan_out_0"][name]) for name in ("dense_0", "dense_1")]
    xt = torch.from_numpy(X.copy()).requires_grad_()
    yt = torch.cat([b(xt) for b in branches] + [torch.tanh(xt)], -1)
    yt.square().sum().backward()
    np.testing.assert_allclose(layer.apply(params, state, X)[0], yt.detach().numpy(), rtol=1e-13)
    gp, gx = gradients(layer, params, X)
    np.testing.assert_allclose(gx, xt.grad.numpy(), rtol=1e-12)
    for name, branch in zip(("dense_0", "dense_1"), branches, strict=True):
        np.testing.assert_allclose(gp["fan_out_0"][name]["kernel"], branch.weight.grad.numpy().T, rtol=1e-12)


def test_residual_equals_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    body, shortcut = wide(4, 4)
    layer = nn.residual(nn.sequential(body, nn.gelu()), shortcut)
    params, state = layer.init(random.key(0), X.shape)
    assert sorted(params) == ["body", "shortcut"]
    one, two = torch_of(params["body"]["dense_0"]), torch_of(params["shortcut"])
    xt = torch.from_numpy(X.copy()).requires_grad_()
    yt = torch.nn.functional.gelu(one(xt)) + two(xt)
    yt.square().sum().backward()
    np.testing.assert_allclose(layer.apply(params, state, X)[0], yt.detach().numpy(), rtol=1e-13)
    gp, gx = gradients(layer, params, X)
    np.testing.assert_allclose(gx, xt.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(gp["shortcut"]["bias"], two.bias.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(gp["body"]["dense_0"]["kernel"], one.weight.grad.numpy().T, rtol=1e-12)


def test_parallel_takes_tuples_and_dicts():
    layer = nn.parallel(left=nn.dense(4, dtype="float64"), right=nn.square if hasattr(nn, "square") else xp.square)
    other = np.ones((2, 7))
    params, state = layer.init(random.key(0), (X.shape, other.shape))
    assert list(params) == ["left"]
    (a, b), _ = layer.apply(params, state, (X, other))
    named, _ = layer.apply(params, state, {"right": other, "left": X})
    np.testing.assert_array_equal(a, X @ params["left"]["kernel"] + params["left"]["bias"])
    np.testing.assert_array_equal(b, other)
    assert list(named) == ["left", "right"]
    np.testing.assert_array_equal(named["left"], a)
    same, _ = layer.init(random.key(0), {"left": X.shape, "right": other.shape})
    tree.map(np.testing.assert_array_equal, same, params)


def test_children_get_keys_folded_from_their_position():
    key = random.key(3)
    params, _ = nn.fan_out(nn.identity(), nn.dense(2)).init(key, (1, 5))
    alone, _ = nn.dense(2).init(random.fold_in(key, 1), (1, 5))
    np.testing.assert_array_equal(params["dense_0"]["kernel"], alone["kernel"])
    drops = nn.fan_out(nn.dropout(0.5), nn.dropout(0.5))
    (a, b), _ = drops.apply({}, {}, np.ones(100), key=key, train=True)
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(
        a, nn.dropout(0.5).apply({}, {}, np.ones(100), key=random.fold_in(key, 0), train=True)[0]
    )


def test_add_broadcasts():
    y, _ = nn.add().apply({}, {}, {"a": X, "b": np.ones(3), "c": X})
    np.testing.assert_array_equal(y, X + 1 + X)


@pytest.mark.parametrize("case", backend_params(variants=False))
def test_on_every_backend(case):
    model = nn.sequential(nn.residual(nn.dense(3)), nn.fan_out(nn.dense(2), nn.relu()), nn.concatenate())
    params, _ = model.init(random.key(0), X.shape)
    wanted, _ = model.apply(params, {}, X.astype("float32"))
    with case.active():
        own, _ = model.init(random.key(0), X.shape)
        y = case.to_numpy(model.apply(own, {}, case.asarray(X.astype("float32")))[0])
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)


def test_wrong_inputs():
    layer = nn.parallel(nn.dense(2), head=nn.dense(3))
    with pytest.raises(ShapeError, match="Layer parallel takes one input for each") as error:
        layer.init(random.key(0), ((2, 3),) * 3)
    assert "tuple of length 2, or a dict with dense_0, head" in str(error.value)
    params, state = layer.init(random.key(0), ((2, 3), (2, 3)))
    for x in (X, {"dense_0": X}, (X,)):
        with pytest.raises(ShapeError, match="takes one input for each"):
            layer.apply(params, state, x)
    for merge in (nn.add(), nn.concatenate()):
        with pytest.raises(ShapeError, match="takes several arrays"):
            nn.sequential(merge).apply({}, {}, X)
    with pytest.raises(ShapeError, match=r"Layer residual cannot add") as error:
        nn.residual(nn.dense(7)).init(random.key(0), X.shape)
    assert "(5, 7) from the body, (5, 3) beside it" in str(error.value)
    with pytest.raises(ParameterError, match=r"nn.residual takes layers and functions"):
        nn.residual(3)
    with pytest.raises(ParameterError, match="Layer fan_out got parameters of another model"):
        nn.fan_out(nn.dense(2)).apply({"dense_7": {}}, {}, X)


def test_errors_name_the_path():
    model = nn.sequential(nn.residual(nn.sequential(nn.dense(3), nn.dense(3))))
    params, state = model.init(random.key(0), X.shape)
    with pytest.raises(ShapeError, match=r"Layer sequential\.residual_0\.body\.dense_0 got"):
        model.apply(params, state, np.ones((2, 4)))
