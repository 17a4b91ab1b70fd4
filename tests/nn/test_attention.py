"""Multi-head attention: against PyTorch, decoding with a cache, positions, gradients, and what its errors say."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")
RNG = np.random.default_rng
NORMAL = nn.initializers.normal(0.5)


def _relative(found, wanted):
    return float(np.max(np.abs(found - wanted)) / max(np.max(np.abs(wanted)), 1e-300))


def _layer(x, heads=3, **options):
    layer = nn.multi_head_attention(heads, bias_init=NORMAL, dtype="float64", **options)
    return layer, layer.init(random.key(0), tree.map(lambda a: a.shape, x))[0]


def _reference(params, features, heads, kdim, vdim, bias=True):
    """Return PyTorch's layer with the same weights."""
    theirs = torch.nn.MultiheadAttention(
        features, heads, bias=bias, kdim=kdim, vdim=vdim, batch_first=True, dtype=torch.float64
    )
    with torch.no_grad():
        kernels = [torch.from_numpy(params[n]["kernel"].T.copy()) for n in ("query", "key", "value")]
        if theirs.in_proj_weight is not None:
            theirs.in_proj_weight.copy_(torch.cat(kernels))
        else:
            for name, kernel in zip(("q", "k", "v"), kernels, strict=True):
                getattr(theirs, f"{name}_proj_weight").copy_(kernel)
        theirs.out_proj.weight.copy_(torch.from_numpy(params["out"]["kernel"].T.copy()))
        if bias:
            parts = [torch.from_numpy(params[n]["bias"]) for n in ("query", "key", "value")]
            theirs.in_proj_bias.copy_(torch.cat(parts))
            theirs.out_proj.bias.copy_(torch.from_numpy(params["out"]["bias"]))
    return theirs


def _gradients_of(theirs):
    """Return the gradients of PyTorch's layer under our names."""
    grads = {"out": {"kernel": theirs.out_proj.weight.grad.numpy().T}}
    if theirs.in_proj_weight is not None:
        kernels = np.split(theirs.in_proj_weight.grad.numpy(), 3)
    else:
        kernels = [getattr(theirs, f"{n}_proj_weight").grad.numpy() for n in ("q", "k", "v")]
    for name, kernel in zip(("query", "key", "value"), kernels, strict=True):
        grads[name] = {"kernel": kernel.T}
    if theirs.in_proj_bias is not None:
        grads["out"]["bias"] = theirs.out_proj.bias.grad.numpy()
        for name, part in zip(("query", "key", "value"), np.split(theirs.in_proj_bias.grad.numpy(), 3), strict=True):
            grads[name]["bias"] = part
    return grads


_SEEN = RNG(5).random((4, 5)) < 0.7
_SEEN[:, 0] = True

#: name, shapes of the input, options of the layer, mask, whether PyTorch is given a causal mask.
CASES = [
    ("self", ((2, 4, 6),) * 3, {}, None),
    ("self, causal", ((2, 4, 6),) * 3, {"causal": True}, None),
    ("self, no bias", ((2, 4, 6),) * 3, {"bias": False}, None),
    ("self, blocks", ((2, 4, 6),) * 3, {"causal": True, "chunk": 2}, None),
    ("cross", ((2, 4, 6), (2, 5, 4), (2, 5, 7)), {}, None),
    ("cross, masked", ((2, 4, 6), (2, 5, 4), (2, 5, 7)), {}, _SEEN),
]


def _compare(shapes, options, mask):
    x = tuple(RNG(i).standard_normal(s) for i, s in enumerate(shapes))
    layer, params = _layer(x, **options)

    def apply(p, *x):
        return layer.apply(p, {}, x, mask=mask)[0]

    y, pullback = fn.vjp(apply, params, *x)
    g = RNG(9).standard_normal(y.shape)
    dp, *dx = pullback(g)
    theirs = _reference(params, 6, 3, shapes[1][-1], shapes[2][-1], options.get("bias", True))
    tensors = [torch.from_numpy(a.copy()).requires_grad_() for a in x]
    hidden = None if mask is None else torch.from_numpy(~mask)
    if options.get("causal"):
        hidden = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
    wanted, _ = theirs(*tensors, attn_mask=hidden, need_weights=False)
    wanted.backward(torch.from_numpy(g))
    return (
        _relative(y, wanted.detach().numpy()),
        max(_relative(a, t.grad.numpy()) for a, t in zip(dx, tensors, strict=True)),
        _largest(dp, _gradients_of(theirs)),
    )


def _largest(found, wanted):
    """Return the largest error of a tree; a gradient that is 0 in exact arithmetic counts beside the others."""
    a, b = tree.leaves(found), tree.leaves(tree.map(lambda _, w: w, found, wanted))
    size = max(np.max(np.abs(w)) for w in b)
    return max(float(np.max(np.abs(f - w))) / size for f, w in zip(a, b, strict=True))


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    for name, *case in CASES:
        yield f"multi_head_attention, {name}", "torch", *_compare(*case)


@pytest.mark.parametrize(("name", "shapes", "options", "mask"), CASES, ids=[c[0] for c in CASES])
def test_equals_torch(name, shapes, options, mask):
    assert max(_compare(shapes, options, mask)) < 1e-12


def test_one_array_is_all_three_and_a_pair_is_queries_and_memory():
    x, m = RNG(0).standard_normal((2, 2, 4, 6))
    layer, params = _layer(x)
    np.testing.assert_array_equal(layer.apply(params, {}, x)[0], layer.apply(params, {}, (x, x, x))[0])
    np.testing.assert_array_equal(layer.apply(params, {}, (x, m))[0], layer.apply(params, {}, (x, m, m))[0])


def test_grouped_queries_equal_repeated_heads():
    x = RNG(0).standard_normal((2, 4, 8))
    layer, params = _layer(x, heads=4, kv_heads=2)
    assert params["key"]["kernel"].shape == (8, 4)
    whole, _ = _layer(x, heads=4)
    repeated = dict(params)
    for name in ("key", "value"):
        repeated[name] = {
            "kernel": np.repeat(params[name]["kernel"].reshape(8, 2, 2), 2, axis=1).reshape(8, 8),
            "bias": np.repeat(params[name]["bias"].reshape(2, 2), 2, axis=0).reshape(8),
        }
    np.testing.assert_allclose(layer.apply(params, {}, x)[0], whole.apply(repeated, {}, x)[0], rtol=1e-13)


def test_features_of_heads_and_of_the_result():
    x = RNG(0).standard_normal((2, 4, 5))
    layer, params = _layer(x, heads=2, head_features=3, out_features=7)
    assert [params[n]["kernel"].shape for n in ("query", "value", "out")] == [(5, 6), (5, 6), (6, 7)]
    assert layer.apply(params, {}, x)[0].shape == (2, 4, 7)


DECODING = [
    {},
    {"kv_heads": 2},
    {"rope": "half"},
    {"rope": "interleaved", "qk_norm": True},
    {"alibi": True},
    {"window": 3},
    {"kv_heads": 1, "rope": "half", "window": 2, "bias": False},
]


@pytest.mark.parametrize("options", DECODING, ids=str)
def test_decoding_step_by_step_equals_the_causal_run(options):
    x = RNG(0).standard_normal((2, 7, 8))
    layer, params = _layer(x, heads=4, causal=True, cache=9, **options)
    state = nn.init_cache(layer, params, x.shape)
    whole, after = layer.apply(params, {}, x)
    assert after == {}
    # Four positions at once, then one by one.
    parts = []
    for start, stop in ((0, 4), (4, 5), (5, 6), (6, 7)):
        y, state = layer.apply(params, state, x[:, start:stop])
        parts.append(y)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-12, atol=1e-14)
    assert int(state["index"]) == 7
    assert state["keys"].shape == (2, 9, options.get("kv_heads", 4), 2)


def test_decoding_keeps_the_state_it_was_given_and_is_differentiable():
    x = RNG(0).standard_normal((1, 3, 4))
    layer, params = _layer(x, heads=2, causal=True, cache=3)
    fresh = nn.init_cache(layer, params, x)

    def decoded(p, x):
        state, parts = fresh, []
        for t in range(3):
            y, state = layer.apply(p, state, x[:, t : t + 1])
            parts.append(y)
        return xp.sum(xp.concat(parts, axis=1) ** 2)

    found = fn.grad(decoded, (0, 1))(params, x)
    wanted = fn.grad(lambda p, x: xp.sum(layer.apply(p, {}, x)[0] ** 2), (0, 1))(params, x)
    for a, b in zip(tree.leaves(found), tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    assert not fresh["keys"].any()
    assert int(fresh["index"]) == 0


def test_decoding_in_a_model_and_without_values():
    model = nn.sequential(nn.dense(4), nn.multi_head_attention(2, causal=True, cache=4), nn.dense(2))
    params, state = model.init(random.key(0), (1, 3, 4))
    assert list(state) == ["multi_head_attention_0"]
    x = RNG(0).standard_normal((1, 3, 4)).astype("float32")
    whole, _ = model.apply(params, {}, x)
    step, after = model.apply(params, state, x)
    np.testing.assert_allclose(step, whole, rtol=1e-4, atol=1e-6)
    spec = fn.eval_shape(lambda s, x: model.apply(params, s, x)[1], after, fn.Spec((1, 1, 4)))
    assert spec["multi_head_attention_0"]["keys"].shape == (1, 4, 2, 2)


def test_positions_matter_only_by_their_distance_under_rotation():
    x = RNG(0).standard_normal((1, 6, 4))
    layer, params = _layer(x, heads=2, rope="half", window=2)
    # The middle of a shifted sequence sees the same neighbours.
    a = layer.apply(params, {}, x)[0]
    b = layer.apply(params, {}, np.concatenate([x[:, 1:], x[:, :1]], axis=1))[0]
    np.testing.assert_allclose(a[:, 2:5], b[:, 1:4], rtol=1e-11)


def test_bias_of_alibi_is_added():
    x = RNG(0).standard_normal((1, 5, 4))
    layer, params = _layer(x, heads=2, alibi=True)
    plain, _ = _layer(x, heads=2)
    bias = nn.functional.alibi_bias(2, 5, dtype="float64")
    np.testing.assert_allclose(
        layer.apply(params, {}, x)[0], plain.apply(params, {}, x, bias=bias)[0], rtol=1e-13, atol=1e-15
    )


@pytest.mark.parametrize("options", [{"causal": True, "kv_heads": 1}, {"rope": "half", "qk_norm": True}])
def test_second_derivatives(options):
    x = RNG(0).standard_normal((1, 3, 4))
    layer, params = _layer(x, heads=2, **options)
    check_grads(lambda p, x: layer.apply(p, {}, x)[0], [params, x], order=2)


def test_batches_of_parameters():
    x = RNG(0).standard_normal((1, 3, 4))
    layer, params = _layer(x, heads=2, causal=True)
    both = tree.map(lambda a: np.stack([a, 2 * a]), params)
    found = fn.vmap(lambda p: layer.apply(p, {}, x)[0])(both)
    second = layer.apply(tree.map(lambda a: 2 * a, params), {}, x)[0]
    np.testing.assert_allclose(found, np.stack([layer.apply(params, {}, x)[0], second]), rtol=1e-12)


@pytest.mark.parametrize("chunk", [None, 2])
def test_compiled(chunk):
    x = RNG(0).standard_normal((1, 4, 4))
    layer, params = _layer(x, heads=2, causal=True, rope="half", cache=4, chunk=chunk)
    slope = fn.grad(lambda p, x: xp.sum(layer.apply(p, {}, x)[0] ** 2))
    for a, b in zip(tree.leaves(fn.jit(slope)(params, x)), tree.leaves(slope(params, x)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    step = fn.jit(layer.apply)
    state, parts = nn.init_cache(layer, params, x), []
    for t in range(4):
        y, state = step(params, state, x[:, t : t + 1])
        parts.append(y)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), layer.apply(params, {}, x)[0], rtol=1e-11, atol=1e-13)


def test_dropout_needs_a_key_in_training_only():
    x = RNG(0).standard_normal((1, 3, 4))
    layer, params = _layer(x, heads=2, dropout=0.5)
    layer.apply(params, {}, x)
    with pytest.raises(ParameterError, match="needs a random key in training"):
        layer.apply(params, {}, x, train=True)
    a = layer.apply(params, {}, x, key=random.key(1), train=True)[0]
    np.testing.assert_array_equal(a, layer.apply(params, {}, x, key=random.key(1), train=True)[0])
    assert not np.allclose(a, layer.apply(params, {}, x)[0])


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    x = RNG(0).standard_normal((1, 3, 4)).astype("float32")
    layer = nn.multi_head_attention(2, causal=True, rope="half", cache=3)
    params, _ = layer.init(random.key(0), x)
    wanted = layer.apply(params, {}, x)[0]
    if "int64" not in case.dtypes():
        pytest.skip("array_api_strict cannot write at indices on its device without 64-bit numbers")
    with case.active():
        here = case.asarray(x, "float32")
        params, state = layer.init(random.key(0), here)
        y = case.to_numpy(layer.apply(params, {}, here)[0])
        parts = []
        for t in range(3):
            step, state = layer.apply(params, state, here[:, t : t + 1, :])
            parts.append(case.to_numpy(step))
        slope = fn.grad(lambda p: xp.sum(layer.apply(p, {}, here)[0] ** 2))(params)
        assert np.isfinite(case.to_numpy(slope["query"]["kernel"])).all()
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), wanted, rtol=1e-4, atol=1e-6)


def test_bad_input():
    x = RNG(0).standard_normal((1, 3, 4))
    layer, params = _layer(x, heads=2)
    with pytest.raises(ShapeError, match=r"(?s)4 features for 3 heads.*head_features=1"):
        nn.multi_head_attention(3).init(random.key(0), x)
    with pytest.raises(ShapeError, match=r"Layer sequential.multi_head_attention_0 got an input of a wrong number"):
        nn.sequential(nn.multi_head_attention(2)).init(random.key(0), (3, 4))
    with pytest.raises(ShapeError, match="wrong number of features for its value projection"):
        layer.apply(params, {}, (x, x, x[..., :2]))
    with pytest.raises(ShapeError, match="one, two or three"):
        layer.apply(params, {}, (x,) * 4)
    with pytest.raises(DtypeError, match="not floating-point"):
        layer.apply(params, {}, x.astype("int64"))
    with pytest.raises(ParameterError, match="parameters that are not its own"):
        nn.multi_head_attention(2, kv_heads=1).apply(params, {}, x)
    with pytest.raises(ParameterError, match="parameters that are not its own"):
        layer.apply({"kernel": x}, {}, x)
    with pytest.raises(ParameterError, match="state that is not its own"):
        layer.apply(params, {"mean": x}, x)


def test_a_full_cache_and_other_misuse_of_it():
    x = RNG(0).standard_normal((1, 3, 4))
    layer, params = _layer(x, heads=2, causal=True, cache=4)
    state = nn.init_cache(layer, params, x)
    _, state = layer.apply(params, state, x)
    with pytest.raises(ParameterError, match=r"(?s)is full.*3 positions before and 2 more, with room for 4"):
        layer.apply(params, state, x[:, :2])
    with pytest.raises(ParameterError, match="takes no mask while it decodes"):
        layer.apply(params, state, x[:, :1], mask=np.ones((1, 1), dtype=bool))
    with pytest.raises(ShapeError, match="as many queries as keys"):
        layer.apply(params, state, (x[:, :1], x[:, :0]))
    with pytest.raises(ParameterError, match="state that is not its own"):
        layer.apply(params, state, np.concatenate([x, x]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 0}, "heads=0"),
        ({"heads": 4, "kv_heads": 3}, "kv_heads=3"),
        ({"heads": 2, "rope": True}, "form of rotation"),
        ({"heads": 2, "dropout": 1.0}, "share of weights"),
        ({"heads": 2, "cache": -1}, "cache=-1"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ParameterError, match=message):
        nn.multi_head_attention(**options)


def test_caches_have_the_type_of_the_parameters():
    layer = nn.multi_head_attention(2, causal=True, cache=4)
    params, _ = layer.init(random.key(0), (1, 3, 4))
    wide = tree.map(lambda p: p.astype("float64"), params)
    assert nn.init_cache(layer, wide, (2, 1, 4))["keys"].dtype == np.float64
    jitted = fn.jit(lambda p: nn.init_cache(layer, p, (2, 1, 4)))(wide)
    assert jitted["values"].dtype == np.float64
