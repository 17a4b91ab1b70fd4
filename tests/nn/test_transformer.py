"""Transformer blocks and stacks: against PyTorch with its weights, decoding, and what their errors say."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")
RNG = np.random.default_rng
X = RNG(0).standard_normal((2, 4, 6))
MEMORY = RNG(1).standard_normal((2, 5, 6))
_MODULES = {
    "transformer_encoder_block": torch.nn.TransformerEncoderLayer,
    "transformer_decoder_block": torch.nn.TransformerDecoderLayer,
}

#: name, kind, options of ours, options of PyTorch's, number of blocks in a stack, 0 for a block alone.
CASES = [
    ("encoder block", "encoder", {}, {}, 0),
    ("encoder block, norm before, gelu", "encoder", {"pre_norm": True, "activation": "gelu"}, {"norm_first": True}, 0),
    ("encoder block, causal, no bias", "encoder", {"causal": True, "bias": False}, {"bias": False}, 0),
    ("decoder block", "decoder", {}, {}, 0),
    ("decoder block, norm before, gelu", "decoder", {"pre_norm": True, "activation": "gelu"}, {"norm_first": True}, 0),
    ("encoder", "encoder", {"pre_norm": True}, {"norm_first": True}, 2),
    ("decoder", "decoder", {}, {}, 2),
]


def _relative(found, wanted):
    return float(np.max(np.abs(found - wanted)) / max(np.max(np.abs(wanted)), 1e-300))


def _shaken(params):
    """Return other parameters: those that start as ones and zeros are nothing of the kind."""
    leaves, structure = tree.flatten(params)
    return tree.unflatten(structure, [a + 0.3 * RNG(i).standard_normal(a.shape) for i, a in enumerate(leaves)])


def _names(parts):
    """Yield the path of each of our parameters in a block, PyTorch's name, and how to take ours from it."""
    transposed, same = (lambda a: a.T), (lambda a: a)
    attentions = [("attention", "self_attn"), ("cross", "multihead_attn")][: len(parts) - 1]
    for ours, theirs in attentions:
        for k, name in enumerate(("query", "key", "value")):
            third = slice(6 * k, 6 * (k + 1))
            yield (ours, name, "kernel"), f"{theirs}.in_proj_weight", lambda a, third=third: a[third].T
            yield (ours, name, "bias"), f"{theirs}.in_proj_bias", lambda a, third=third: a[third]
        yield (ours, "out", "kernel"), f"{theirs}.out_proj.weight", transposed
        yield (ours, "out", "bias"), f"{theirs}.out_proj.bias", same
    for ours, theirs in (("in", "linear1"), ("out", "linear2")):
        yield ("mlp", ours, "kernel"), f"{theirs}.weight", transposed
        yield ("mlp", ours, "bias"), f"{theirs}.bias", same
    for i, part in enumerate(parts):
        yield (f"{part}_norm", "scale"), f"norm{i + 1}.weight", same
        yield (f"{part}_norm", "bias"), f"norm{i + 1}.bias", same


def _at(params, path):
    for name in path:
        params = params.get(name, {})
    return params


def _copied(block, params, parts, bias):
    entries = dict(block.named_parameters())
    for path, name, take in _names(parts):
        if bias or path[-1] != "bias":
            take(entries[name].data)[...] = torch.from_numpy(_at(params, path))


def _compare(kind, options, theirs, layers):
    parts = ["attention", "mlp"] if kind == "encoder" else ["attention", "cross", "mlp"]
    options = {"hidden": 7, "dtype": "float64", **options}
    layer = (
        getattr(nn, f"transformer_{kind}")(layers, heads=3, **options)
        if layers
        else getattr(nn, f"transformer_{kind}_block")(3, **options)
    )
    inputs = (X,) if kind == "encoder" else (X, MEMORY)
    params = _shaken(layer.init(random.key(0), inputs if len(inputs) > 1 else X)[0])

    def apply(p, *x):
        return layer.apply(p, {}, x if len(x) > 1 else x[0])[0]

    y, pullback = fn.vjp(apply, params, *inputs)
    g = RNG(9).standard_normal(y.shape)
    dp, *dx = pullback(g)
    bias = options.get("bias", True)
    single = _MODULES[f"transformer_{kind}_block"](
        6,
        3,
        7,
        dropout=0.0,
        activation=options.get("activation", "relu"),
        batch_first=True,
        dtype=torch.float64,
        **theirs,
    )
    if layers:
        norm = torch.nn.LayerNorm(6, dtype=torch.float64) if "norm" in params else None
        more = {"enable_nested_tensor": False} if kind == "encoder" else {}
        whole = getattr(torch.nn, f"Transformer{kind.capitalize()}")(single, layers, norm, **more)
        pairs = [(whole.layers[i], params[f"layer_{i}"], dp[f"layer_{i}"]) for i in range(layers)]
        if norm is not None:
            norm.weight.data[...] = torch.from_numpy(params["norm"]["scale"])
            norm.bias.data[...] = torch.from_numpy(params["norm"]["bias"])
    else:
        whole, pairs = single, [(single, params, dp)]
    for block, own, _ in pairs:
        _copied(block, own, parts, bias)
    tensors = [torch.from_numpy(a.copy()).requires_grad_() for a in inputs]
    hidden = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    if kind == "decoder":
        wanted = whole(*tensors, tgt_mask=hidden)
    else:
        mask = hidden if options.get("causal") else None
        wanted = whole(*tensors, mask=mask) if layers else whole(*tensors, src_mask=mask)
    wanted.backward(torch.from_numpy(g))
    # A bias of keys has no effect, so its gradient is rounding: errors are relative to the largest gradient.
    found, largest = 0.0, 0.0
    for block, _, slopes in pairs:
        entries = dict(block.named_parameters())
        for path, name, take in _names(parts):
            if bias or path[-1] != "bias":
                reference = take(entries[name].grad.numpy())
                found = max(found, np.max(np.abs(_at(slopes, path) - reference)))
                largest = max(largest, np.max(np.abs(reference)))
    output = _relative(y, wanted.detach().numpy())
    return output, max(_relative(a, t.grad.numpy()) for a, t in zip(dx, tensors, strict=True)), found / largest


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, *case in CASES:
        yield f"transformer, {name}", "torch", *_compare(*case)


@pytest.mark.parametrize(("name", "kind", "options", "theirs", "layers"), CASES, ids=[c[0] for c in CASES])
def test_equals_torch(name, kind, options, theirs, layers):
    assert max(_compare(kind, options, theirs, layers)) < 1e-12


@pytest.mark.parametrize("activation", ["swiglu", "geglu", "silu"])
def test_gated_layers_are_products_of_halves(activation):
    layer = nn.transformer_mlp(5, activation=activation, dtype="float64")
    params = _shaken(layer.init(random.key(0), X)[0])
    h = X @ params["in"]["kernel"] + params["in"]["bias"]
    y = layer.apply(params, {}, X)[0]
    if activation == "silu":
        wanted = h / (1 + np.exp(-h))
    else:
        wanted = np.asarray(getattr(nn.functional, activation)(h))
        assert params["in"]["kernel"].shape == (6, 10)
    np.testing.assert_allclose(y, wanted @ params["out"]["kernel"] + params["out"]["bias"], rtol=1e-12)
    assert nn.transformer_mlp().init(random.key(0), X)[0]["in"]["kernel"].shape == (6, 24)


def test_a_modern_block_decodes_as_it_trains():
    layer = nn.transformer_encoder(
        2,
        heads=4,
        hidden=8,
        activation="swiglu",
        pre_norm=True,
        norm="rms",
        bias=False,
        causal=True,
        kv_heads=2,
        rope="half",
        cache=6,
        dtype="float64",
    )
    x = RNG(0).standard_normal((2, 6, 8))
    params, state = layer.init(random.key(0), x)
    params = _shaken(params)
    assert list(params["norm"]) == ["scale"]
    whole, after = layer.apply(params, {}, x)
    assert after == {}
    parts = []
    for t in range(6):
        y, state = layer.apply(params, state, x[:, t : t + 1])
        parts.append(y)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-11, atol=1e-13)
    assert int(state["layer_1"]["attention"]["index"]) == 6


def test_a_decoder_decodes_as_it_trains():
    layer = nn.transformer_decoder(2, heads=3, hidden=7, cache=4, dtype="float64")
    params, state = layer.init(random.key(0), (X, MEMORY))
    whole, _ = layer.apply(params, {}, (X, MEMORY))
    parts = []
    for t in range(4):
        y, state = layer.apply(params, state, (X[:, t : t + 1], MEMORY))
        parts.append(y)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-11, atol=1e-13)


def test_masks_reach_the_attention_they_belong_to():
    layer = nn.transformer_decoder_block(3, hidden=7, dtype="float64")
    params = _shaken(layer.init(random.key(0), (X, MEMORY))[0])
    seen = np.ones((1, 5), dtype=bool)
    seen[:, 2:] = False
    a = layer.apply(params, {}, (X, MEMORY), memory_mask=seen)[0]
    np.testing.assert_allclose(a, layer.apply(params, {}, (X, MEMORY[:, :2]))[0], rtol=1e-12)
    alone = np.eye(4, dtype=bool)
    b = layer.apply(params, {}, (X, MEMORY), mask=alone)[0]
    each = np.concatenate([layer.apply(params, {}, (X[:, t : t + 1], MEMORY))[0] for t in range(4)], axis=1)
    np.testing.assert_allclose(b, each, rtol=1e-12)


def test_dropout_needs_a_key_and_keeps_blocks_apart():
    layer = nn.transformer_encoder(2, heads=3, hidden=7, dropout=0.3, dtype="float64")
    params, _ = layer.init(random.key(0), X)
    plain = layer.apply(params, {}, X)[0]
    with pytest.raises(ParameterError, match=r"Layer transformer_encoder.layer_0.attention needs a random key"):
        layer.apply(params, {}, X, train=True)
    y = layer.apply(params, {}, X, key=random.key(1), train=True)[0]
    np.testing.assert_array_equal(y, layer.apply(params, {}, X, key=random.key(1), train=True)[0])
    assert not np.allclose(y, plain)
    assert not np.allclose(y, layer.apply(params, {}, X, key=random.key(2), train=True)[0])


@pytest.mark.parametrize("options", [{}, {"pre_norm": True, "activation": "swiglu", "norm": "rms"}])
def test_second_derivatives(options):
    layer = nn.transformer_encoder_block(2, hidden=3, causal=True, dtype="float64", **{"activation": "gelu", **options})
    x = X[:1, :3, :4]
    params = _shaken(layer.init(random.key(0), x)[0])
    check_grads(lambda p, x: layer.apply(p, {}, x)[0], [params, x], order=2)


def test_compiled_with_dropout():
    layer = nn.transformer_decoder(2, heads=2, hidden=5, dropout=0.2, dtype="float64")
    params, _ = layer.init(random.key(0), (X, MEMORY))

    def slope(p, x, m, key):
        return fn.grad(lambda p: xp.sum(layer.apply(p, {}, (x, m), key=key, train=True)[0] ** 3))(p)

    found, wanted = (f(params, X, MEMORY, random.key(1)) for f in (fn.jit(slope), slope))
    for a, b in zip(tree.leaves(found), tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def test_a_summary_shows_the_parts_of_each_block():
    summary = nn.summary(nn.transformer_encoder(1, heads=3, hidden=7, pre_norm=True), (2, 4, 6))
    kinds = [row.kind for row in summary.rows]
    assert kinds[:6] == [
        "transformer_encoder",
        "transformer_encoder_block",
        "layer_norm",
        "multi_head_attention",
        "layer_norm",
        "transformer_mlp",
    ]
    # Four projections, scores and averages.
    attention = next(row for row in summary.rows if row.kind == "multi_head_attention")
    assert attention.flops >= 4 * 2 * 8 * 6 * 6 + 2 * 2 * 2 * 4 * 4 * 6


def test_in_a_model_batched_and_without_values():
    model = nn.sequential(nn.dense(6), nn.transformer_encoder(1, heads=2, hidden=4), nn.dense(2))
    params, state = model.init(random.key(0), (2, 4, 3))
    assert list(params) == ["dense_0", "transformer_encoder_0", "dense_1"]
    x = X[..., :3].astype("float32")
    y = model.apply(params, state, x)[0]
    each = fn.vmap(lambda x: model.apply(params, state, x[None])[0][0])(x)
    np.testing.assert_allclose(each, y, rtol=1e-4, atol=1e-6)
    assert fn.eval_shape(lambda x: model.apply(params, state, x)[0], fn.Spec((5, 9, 3))).shape == (5, 9, 2)


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    x, memory = X.astype("float32"), MEMORY.astype("float32")
    layer = nn.transformer_decoder_block(2, hidden=7, activation="gelu")
    params, _ = layer.init(random.key(0), (x, memory))
    wanted = layer.apply(params, {}, (x, memory))[0]
    with case.active():
        here = case.asarray(x, "float32"), case.asarray(memory, "float32")
        params, _ = layer.init(random.key(0), here)
        y = case.to_numpy(layer.apply(params, {}, here)[0])
        slope = fn.grad(lambda p: xp.sum(layer.apply(p, {}, here)[0] ** 2))(params)
        assert np.isfinite(case.to_numpy(slope["cross"]["value"]["kernel"])).all()
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-5)


def test_bad_input():
    layer = nn.transformer_encoder(1, heads=2, hidden=4)
    params, _ = layer.init(random.key(0), X)
    with pytest.raises(ShapeError, match=r"(?s)6 features for 4 heads"):
        nn.transformer_encoder(1, heads=4).init(random.key(0), X)
    with pytest.raises(ShapeError, match="takes one array"):
        layer.apply(params, {}, (X, MEMORY))
    with pytest.raises(ShapeError, match="takes a pair"):
        nn.transformer_decoder_block(2).init(random.key(0), X)
    with pytest.raises(ParameterError, match="parameters that are not its own"):
        layer.apply(params["layer_0"], {}, X)
    with pytest.raises(ParameterError, match=r"Layer transformer_encoder.layer_0 got parameters that are not its own"):
        layer.apply({"layer_0": {}}, {}, X)
    with pytest.raises(ShapeError, match="features to act on"):
        nn.transformer_mlp(4).init(random.key(0), ())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.transformer_encoder(0, heads=2), "number of its blocks"),
        (lambda: nn.transformer_encoder_block(2, norm="batch"), "does not know this normalisation"),
        (lambda: nn.transformer_encoder_block(2, hidden=0), "hidden=0"),
        (lambda: nn.transformer_encoder_block(2, activation="nope"), "nope"),
        (lambda: nn.transformer_decoder(1, heads=0), "heads=0"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
