"""Containers and layers made of layers against PyTorch, with all of their parameters' gradients."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.nn.children import Children, watching
from funcnet.testing.oracles import oracle

torch = oracle("torch")
T = torch.nn.functional
X = np.random.default_rng(0).standard_normal((6, 4))


def dense(n, **more):
    return nn.dense(n, dtype="float64", bias_init=nn.initializers.normal(0.5), **more)


def linear(p, x):
    return x @ p["kernel"] + p["bias"]


def rolled(p, x):
    for i in range(3):
        x = x + torch.tanh(
            x @ p["residual"]["body"]["dense_0"]["kernel"][i] + p["residual"]["body"]["dense_0"]["bias"][i]
        )
    return x


_TIED = nn.shared(dense(4))
#: Name, layer, and the same in PyTorch as a function of the parameters.
CASES = [
    (
        "sequential",
        nn.sequential(dense(5), nn.gelu(), dense(3)),
        lambda p, x: linear(p["dense_1"], T.gelu(linear(p["dense_0"], x))),
    ),
    (
        "fan_out, concatenate",
        nn.sequential(nn.fan_out(dense(5), nn.tanh(), head=dense(2)), nn.concatenate()),
        lambda p, x: torch.cat(
            [linear(p["fan_out_0"]["dense_0"], x), torch.tanh(x), linear(p["fan_out_0"]["head"], x)], -1
        ),
    ),
    (
        "parallel, add",
        nn.sequential(lambda x: (x, x * x), nn.parallel(dense(3), dense(3)), nn.add()),
        lambda p, x: linear(p["parallel_0"]["dense_0"], x) + linear(p["parallel_0"]["dense_1"], x * x),
    ),
    (
        "residual",
        nn.residual(nn.sequential(nn.silu(), dense(5)), dense(5)),
        lambda p, x: linear(p["body"]["dense_0"], T.silu(x)) + linear(p["shortcut"], x),
    ),
    ("repeat", nn.repeat(nn.residual(nn.sequential(dense(4), nn.tanh())), 3), rolled),
    (
        "shared",
        nn.sequential(_TIED, nn.sigmoid(), _TIED),
        lambda p, x: linear(p["dense_0"], torch.sigmoid(linear(p["dense_0"], x))),
    ),
    (
        "mlp",
        nn.mlp([5, 5, 2], activation="mish", dtype="float64", last="log_softmax"),
        lambda p, x: T.log_softmax(
            linear(p["dense_2"], T.mish(linear(p["dense_1"], T.mish(linear(p["dense_0"], x))))), -1
        ),
    ),
    ("prelu", nn.prelu(axis=-1, dtype="float64"), lambda p, x: T.prelu(x, p["slope"])),
    (
        "lambda_",
        nn.lambda_(lambda p, x: x * p["by"], lambda key, spec: {"by": random.normal(key, (4,), dtype="float64")}),
        lambda p, x: x * p["by"],
    ),
    ("dense, activation", dense(3, activation="softplus"), lambda p, x: T.softplus(linear(p, x), threshold=1e9)),
]


def _relative(found, wanted):
    return float(np.max(np.abs(found - wanted)) / np.max(np.abs(wanted)))


def _compare(layer, theirs):
    params, state = layer.init(random.key(0), X.shape)
    y, pullback = fn.vjp(lambda p, x: layer.apply(p, state, x)[0], params, X)
    g = np.random.default_rng(1).standard_normal(y.shape)
    gp, gx = pullback(g)
    pt = tree.map(lambda p: torch.from_numpy(np.array(p)).requires_grad_(), params)
    xt = torch.from_numpy(X.copy()).requires_grad_()
    yt = theirs(pt, xt)
    yt.backward(torch.from_numpy(g))
    wanted = tree.map(lambda p: p.grad.numpy(), pt)
    inside = max(_relative(a, b) for a, b in zip(tree.leaves(gp), tree.leaves(wanted), strict=True))
    return _relative(y, yt.detach().numpy()), _relative(gx, xt.grad.numpy()), inside


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, layer, theirs in CASES:
        yield name, "torch", *_compare(layer, theirs)


@pytest.mark.requirement("D86", "D87", "A5")
@pytest.mark.parametrize(("name", "layer", "theirs"), CASES, ids=[c[0] for c in CASES])
def test_equals_torch(name, layer, theirs):
    assert max(_compare(layer, theirs)) < 1e-12


@pytest.mark.requirement("P37")
def test_children_that_run_are_seen_with_their_paths():
    seen = []
    model = nn.sequential(nn.dense(3), nn.residual(nn.relu()), xp.tanh)
    params, state = model.init(random.key(0), X.shape)
    with watching(lambda path, layer, p, s, x, y: seen.append((path, y.shape))):
        model.apply(params, state, X)
    model.apply(params, state, X)
    assert [path for path, _ in seen] == [
        "sequential.dense_0",
        "sequential.residual_0.body",
        "sequential.residual_0",
        "sequential.tanh_0",
    ]
    assert {shape for _, shape in seen} == {(6, 3)}


def test_state_need_not_be_a_dict():
    def counter():
        def apply(params, state, x, *, key=None, train=False):
            return x + state, state + 1

        return nn.Layer(lambda key, spec: ({}, xp.zeros((4,))), apply)

    tied = nn.shared(counter())
    model = nn.sequential(tied, tied)
    params, state = model.init(random.key(0), X.shape)
    y, after = model.apply(params, state, X)
    np.testing.assert_array_equal(y, X + 1)
    np.testing.assert_array_equal(after["counter_0"], [2.0] * 4)


def test_names():
    children = Children("box", (nn.dense(2), abs, nn.named("b", nn.dense(2)), nn.dense(2)), {"last": nn.relu()})
    assert [name for name, _ in children.items] == ["dense_0", "abs_0", "b", "dense_1", "last"]
    assert len(children) == 5
    assert not children.uses_key
