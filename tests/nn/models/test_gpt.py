"""GPT against PyTorch's parts, its cache against no cache, and drawing from it."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn import models

IDS = np.random.default_rng(0).integers(0, 11, (2, 7))
SIZES = {"layers": 2, "heads": 2, "features": 8, "length": 9}


def error(found, wanted):
    wanted = wanted.detach().numpy()
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def compared():
    """The largest relative errors of output and parameter gradients."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    model = models.gpt(11, dtype="float64", **SIZES)
    params, _ = model.init(random.key(0), IDS)
    # Biases and factors other than 0 and 1, and logits that differ.
    params = tree.map(lambda p: p + 0.2 * np.random.default_rng(p.size).standard_normal(p.shape), params)
    leaves = {}

    def leaf(path):
        entry = params
        for part in path.split("/"):
            entry = entry[part]
        leaves[path] = torch.from_numpy(entry.copy()).requires_grad_()
        return leaves[path]

    def affine(x, path):
        return x @ leaf(f"{path}/kernel") + leaf(f"{path}/bias")

    def normed(x, path):
        return torch.nn.functional.layer_norm(x, (8,), leaf(f"{path}/scale"), leaf(f"{path}/bias"))

    ids = torch.from_numpy(IDS)
    table = leaf("tokens/table")
    x = table[ids] + leaf("positions/table")[:7]
    for i in range(2):
        path = f"blocks/layer_{i}"
        h = normed(x, f"{path}/attention_norm")
        q, k, v = (
            affine(h, f"{path}/attention/{name}").reshape(2, 7, 2, 4).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        h = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + affine(h.transpose(1, 2).reshape(2, 7, 8), f"{path}/attention/out")
        h = affine(normed(x, f"{path}/mlp_norm"), f"{path}/mlp/in")
        x = x + affine(torch.nn.functional.gelu(h, approximate="tanh"), f"{path}/mlp/out")
    yt = normed(x, "blocks/norm") @ table.T
    yt.sin().sum().backward()

    def objective(p):
        y = model.apply(p, {}, IDS)[0]
        return xp.sum(xp.sin(y)), y

    (_, y), grads = fn.value_and_grad(objective, has_aux=True)(params)
    worst = 0.0
    for path, value in leaves.items():
        own = grads
        for part in path.split("/"):
            own = own[part]
        if not path.endswith("key/bias"):
            # That one is 0 but for rounding: softmax does not see what all keys have in common.
            worst = max(worst, error(own, value.grad))
    assert len(leaves) == len(tree.leaves(params))
    return {"output": error(y, yt), "parameter gradients": worst}


def errors():
    """Yield name, reference, and the largest relative errors of output, input gradient and parameter gradients."""
    found = compared()
    yield "GPT, small", "torch", found["output"], found.get("input gradient"), found.get("parameter gradients")


def test_agrees_with_torch():
    assert max(compared().values()) < 1e-10


@pytest.mark.parametrize("positions", ["learned", "rotary", "none"])
def test_token_by_token_equals_at_once(positions):
    options = {**SIZES, "positions": positions, "dtype": "float64"}
    model, decoder = models.gpt(11, **options), models.gpt(11, cache=9, **options)
    params, state = model.init(random.key(0), IDS)
    assert state == {}
    whole, _ = model.apply(params, state, IDS)
    own, state = decoder.init(random.key(0), IDS)
    for a, b in zip(tree.leaves(own), tree.leaves(params), strict=True):
        np.testing.assert_array_equal(a, b)
    first, state = decoder.apply(params, state, IDS[:, :3])
    rest = []
    for i in range(3, 7):
        y, state = decoder.apply(params, state, IDS[:, i : i + 1])
        rest.append(y)
    np.testing.assert_allclose(np.concatenate([first, *rest], axis=1), whole, rtol=1e-12, atol=1e-14)


def test_is_causal():
    model = models.gpt(11, **SIZES)
    params, _ = model.init(random.key(0), IDS)
    other = IDS.copy()
    other[:, 4:] = 0
    a, b = (model.apply(params, {}, ids)[0] for ids in (IDS, other))
    np.testing.assert_array_equal(a[:, :4], b[:, :4])


def test_untied_has_a_head():
    model = models.gpt(11, tied=False, **SIZES)
    params, _ = model.init(random.key(0), IDS)
    assert params["head"]["kernel"].shape == (8, 11)
    zero = {**params, "head": {"kernel": 0 * params["head"]["kernel"]}}
    assert not model.apply(zero, {}, IDS)[0].any()


def test_options_of_blocks():
    model = models.gpt(11, norm="rms", bias=False, kv_heads=1, activation="swiglu", positions="rotary", **SIZES)
    params, _ = model.init(random.key(0), IDS)
    assert sorted(params) == ["blocks", "tokens"]
    block = params["blocks"]["layer_0"]
    assert block["attention"]["key"]["kernel"].shape == (8, 4)
    assert list(block["mlp_norm"]) == ["scale"]
    assert block["mlp"]["in"]["kernel"].shape == (8, 64)


def test_wrong_inputs():
    model = models.gpt(11, **SIZES)
    params, _ = model.init(random.key(0), IDS)
    with pytest.raises(ShapeError, match="takes a batch of sequences"):
        model.apply(params, {}, IDS[0])
    with pytest.raises(ShapeError, match="takes a batch of sequences"):
        model.init(random.key(0), IDS[0])
    with pytest.raises(ShapeError, match="has no positions for so many tokens"):
        model.apply(params, {}, np.zeros((1, 10), dtype="int64"))
    with pytest.raises(ParameterError, match="parameters that are not its own"):
        model.apply({**params, "head": {}}, {}, IDS)
    with pytest.raises(ParameterError, match=r"out of range|row"):
        model.apply(params, {}, IDS + 11)
    with pytest.raises(ParameterError, match="bad heads"):
        models.gpt(11, heads=0)
    with pytest.raises(ParameterError, match="does not know this positions"):
        models.gpt(11, positions="absolute")


def test_named_in_errors_and_summaries():
    model = nn.sequential(models.gpt(11, **SIZES))
    assert [row.kind for row in nn.summary(model, IDS).rows][1] == "gpt"


def test_a_cache_with_more_room_than_there_are_positions():
    model = models.gpt(11, **{**SIZES, "length": 9}, cache=10)
    params, state = model.init(random.key(0), IDS[:, :3])
    with pytest.raises(ShapeError, match=r"(?s)no positions for so many tokens.*a cache for 10 tokens.*at most 9"):
        model.apply(params, state, IDS[:, :3])
