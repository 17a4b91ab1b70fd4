"""Repeated, shared, frozen and training-only layers against what they stand for."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.layer import kind_of
from funcnet.testing.backends import backend_params

X = np.random.default_rng(0).standard_normal((4, 3))


def block():
    return nn.named("block", nn.sequential(nn.dense(3, dtype="float64"), nn.gelu(), nn.dropout(0.4)))


def counter():
    def init(key, spec):
        return {}, {"calls": np.zeros(())}

    def apply(params, state, x, *, key=None, train=False):
        return x + state["calls"], {"calls": state["calls"] + 1}

    return nn.Layer(init, apply)


def loss(layer, train=True):
    def f(p, x, key):
        return xp.sum(xp.square(layer.apply(p, {}, x, key=key, train=train)[0]))

    return f


@pytest.mark.parametrize("checkpoint", [False, True, 2])
def test_repeat_equals_the_unrolled_layers(checkpoint):
    times = 5
    rolled = nn.repeat(block(), times, checkpoint=checkpoint)
    unrolled = nn.sequential(**{f"copy_{i}": block() for i in range(times)})
    params, state = rolled.init(random.key(1), X.shape)
    separate, _ = unrolled.init(random.key(1), X.shape)
    stacked = tree.map(lambda *leaves: np.stack(leaves), *separate.values())
    tree.map(np.testing.assert_array_equal, params["block"], stacked)
    key = random.key(2)
    for train in (True, False):
        y, after = rolled.apply(params, state, X, key=key, train=train)
        wanted, _ = unrolled.apply(separate, {}, X, key=key, train=train)
        np.testing.assert_allclose(y, wanted, rtol=1e-14)
        assert after == {}
    gp, gx = fn.grad(loss(rolled), (0, 1))(params, X, key)
    wp, wx = fn.grad(loss(unrolled), (0, 1))(separate, X, key)
    np.testing.assert_allclose(gx, wx, rtol=1e-12)
    wp = tree.map(lambda *leaves: np.stack(leaves), *wp.values())
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14), gp["block"], wp)


def test_repeat_keeps_the_state_of_each_copy():
    layer = nn.repeat(counter(), 3)
    params, state = layer.init(random.key(0), ())
    y, state = layer.apply(params, state, np.array(1.0))
    y, state = layer.apply(params, state, np.array(1.0))
    assert float(y) == 4.0
    np.testing.assert_array_equal(state["counter"]["calls"], [2.0, 2.0, 2.0])


@pytest.mark.parametrize("case", backend_params(variants=False))
def test_repeat_on_every_backend(case):
    layer = nn.repeat(nn.sequential(nn.dense(3), nn.tanh()), 4)
    params, state = layer.init(random.key(0), X.shape)
    wanted, _ = layer.apply(params, state, X.astype("float32"))
    with case.active():
        own, _ = layer.init(random.key(0), X.shape)
        y = case.to_numpy(layer.apply(own, {}, case.asarray(X.astype("float32")))[0])
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)


def test_repeat_under_vmap_and_without_values():
    layer = nn.repeat(nn.dense(3, dtype="float64"), 2)
    params, state = layer.init(random.key(0), X.shape)
    y = fn.vmap(lambda x: layer.apply(params, state, x)[0])(X)
    np.testing.assert_allclose(y, layer.apply(params, state, X)[0], rtol=1e-13)
    assert fn.eval_shape(lambda x: layer.apply(params, state, x)[0], X).shape == (4, 3)


def test_repeat_checks():
    with pytest.raises(ShapeError, match=r"Layer repeat\.dense cannot be repeated"):
        nn.repeat(nn.dense(4), 2).init(random.key(0), (2, 3))
    for times in (0, 1.5, True):
        with pytest.raises(ParameterError, match="number of copies"):
            nn.repeat(nn.dense(4), times)
    with pytest.raises(ParameterError, match="takes a layer"):
        nn.repeat(np.sin, 2)
    layer = nn.repeat(nn.dense(3), 2)
    params, state = layer.init(random.key(0), (2, 3))
    with pytest.raises(ParameterError, match="Layer repeat got parameters of another model"):
        layer.apply({"conv": {}}, state, X)
    with pytest.raises(ShapeError, match=r"Layer repeat\.dense got an input with the wrong number"):
        layer.apply(params, state, np.ones((2, 4), "float32"))


@pytest.mark.requirement("D74")
def test_shared_weights_are_kept_once_and_their_gradient_is_the_sum():
    tied = nn.shared(nn.dense(3, dtype="float64"))
    model = nn.sequential(tied, nn.tanh(), tied, nn.dense(3, dtype="float64"), tied)
    params, state = model.init(random.key(0), X.shape)
    assert list(params) == ["dense_0", "dense_1"]
    separate = nn.sequential(*[nn.dense(3), nn.tanh(), nn.dense(3), nn.dense(3), nn.dense(3)])
    copies = dict(
        zip(
            [f"dense_{i}" for i in range(4)],
            [params[n] for n in ("dense_0",) * 2 + ("dense_1", "dense_0")],
            strict=True,
        )
    )
    np.testing.assert_array_equal(model.apply(params, state, X)[0], separate.apply(copies, {}, X)[0])
    got = fn.grad(loss(model))(params, X, None)
    parts = fn.grad(loss(separate))(copies, X, None)
    total = parts["dense_0"]["kernel"] + parts["dense_1"]["kernel"] + parts["dense_3"]["kernel"]
    np.testing.assert_allclose(got["dense_0"]["kernel"], total, rtol=1e-12)
    np.testing.assert_allclose(got["dense_1"]["kernel"], parts["dense_2"]["kernel"], rtol=1e-12)


def test_shared_side_by_side_with_a_name_and_with_state():
    twin = nn.shared(nn.dense(2), name="tower")
    params, _ = nn.parallel(twin, twin).init(random.key(0), ((1, 3), (4, 3)))
    assert list(params) == ["tower"]
    seen = nn.shared(counter())
    model = nn.sequential(seen, seen, seen)
    params, state = model.init(random.key(0), ())
    y, state = model.apply(params, state, np.array(0.0))
    assert float(y) == 0 + 1 + 2
    assert float(state["counter_0"]["calls"]) == 3.0


def test_shared_must_fit_at_each_place():
    tied = nn.shared(nn.dense(2))
    with pytest.raises(ShapeError, match=r"Layer sequential\.dense_0 got an input with the wrong number"):
        nn.sequential(tied, tied).init(random.key(0), (1, 3))
    with pytest.raises(ParameterError, match="takes a layer"):
        nn.shared(np.sin)
    with pytest.raises(ParameterError, match=r"nn.shared\(layer\) for one layer"):
        nn.sequential(nn.named("a", nn.dense(2)), nn.named("a", nn.dense(2)))


def test_frozen_has_the_same_names_and_no_gradient():
    def model(wrap):
        return nn.sequential(
            wrap(nn.dense(3, dtype="float64")),
            wrap(nn.named("b", nn.dense(3, dtype="float64"))),
            nn.dense(2, dtype="float64"),
        )

    thawed, frozen = model(lambda layer: layer), model(nn.frozen)
    params, state = thawed.init(random.key(0), X.shape)
    tree.map(np.testing.assert_array_equal, frozen.init(random.key(0), X.shape)[0], params)
    np.testing.assert_array_equal(frozen.apply(params, state, X)[0], thawed.apply(params, state, X)[0])
    gp, gx = fn.grad(loss(frozen), (0, 1))(params, X, None)
    wp, wx = fn.grad(loss(thawed), (0, 1))(params, X, None)
    assert not gp["dense_0"]["kernel"].any()
    assert not gp["b"]["kernel"].any()
    np.testing.assert_array_equal(gx, wx)
    np.testing.assert_array_equal(gp["dense_1"]["kernel"], wp["dense_1"]["kernel"])
    with pytest.raises(ParameterError, match=r"nn\.frozen takes a layer"):
        nn.frozen(3)


def test_at_train():
    layer = nn.at_train(nn.dense(3, dtype="float64"), nn.sequential(counter()))
    params, state = layer.init(random.key(0), X.shape)
    assert list(params) == ["train"]
    y, after = layer.apply(params, state, X, train=True)
    np.testing.assert_array_equal(y, X @ params["train"]["kernel"])
    assert tree.leaves(after) == [0.0]
    y, after = layer.apply(params, state, X)
    np.testing.assert_array_equal(y, X)
    assert tree.leaves(after) == [1.0]
    np.testing.assert_array_equal(nn.at_train(xp.negative).apply({}, {}, X)[0], X)


def test_lambda_with_and_without_parameters():
    layer = nn.lambda_(lambda p, x: x * p, lambda key, spec: random.normal(key, spec.shape[-1:]), kind="scale")
    assert kind_of(layer) == "scale"
    params, state = layer.init(random.key(0), X.shape)
    np.testing.assert_array_equal(layer.apply(params, state, X)[0], X * random.normal(random.key(0), (3,)))
    assert kind_of(nn.lambda_(xp.sin)) == "sin"
    np.testing.assert_array_equal(nn.lambda_(xp.sin).apply({}, {}, X)[0], np.sin(X))
    for bad in (3, None):
        with pytest.raises(ParameterError, match=r"nn\.lambda_ takes a function"):
            nn.lambda_(bad)
    with pytest.raises(ParameterError, match=r"nn\.lambda_ takes a function"):
        nn.lambda_(xp.sin, 3)


@pytest.mark.requirement("D87")
def test_mlp_equals_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    model = nn.mlp([8, 5, 2], activation="silu", last="softmax", dtype="float64")
    params, state = model.init(random.key(0), X.shape)
    assert list(params) == ["dense_0", "dense_1", "dense_2"]
    assert kind_of(model) == "mlp"
    parts = []
    for p in params.values():
        linear = torch.nn.Linear(*p["kernel"].shape, dtype=torch.float64)
        linear.weight.data, linear.bias.data = (
            torch.from_numpy(p["kernel"].T.copy()),
            torch.from_numpy(p["bias"].copy()),
        )
        parts += [linear, torch.nn.SiLU()]
    reference = torch.nn.Sequential(*parts[:-1], torch.nn.Softmax(-1))
    xt = torch.from_numpy(X.copy()).requires_grad_()
    reference(xt).square().sum().backward()
    np.testing.assert_allclose(model.apply(params, state, X)[0], reference(xt).detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(fn.grad(loss(model), 1)(params, X, None), xt.grad.numpy(), rtol=1e-10, atol=1e-16)
    for sizes in ((), 3, [2, 0]):
        with pytest.raises(ParameterError, match="positive integer"):
            nn.mlp(sizes)


@pytest.mark.requirement("A4")
def test_the_same_model_in_two_spellings_gives_the_same_bits():
    one = nn.sequential(nn.flatten(), nn.mlp([128, 64, 10], last="softmax"))
    two = nn.sequential(
        nn.flatten(),
        nn.dense(128, activation="relu"),
        nn.dense(64, activation="relu"),
        nn.dense(10, activation="softmax"),
    )
    x = np.random.default_rng(0).random((2, 28, 28), dtype="float32")
    params, state = one.init(random.key(0), x.shape)
    y, _ = one.apply(params, state, x)
    np.testing.assert_array_equal(y, two.apply(params["mlp_0"], {}, x)[0])
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-6)
