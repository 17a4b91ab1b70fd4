"""Sequences drawn from a model: against a loop without a cache, their distribution, and what errors say."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses, optim, random, tree
from funcnet.errors import ParameterError
from funcnet.nn import models

SIZES = {"layers": 2, "heads": 2, "features": 8, "length": 12}
PROMPT = np.random.default_rng(0).integers(0, 11, (3, 4))


@pytest.fixture(scope="module")
def params():
    made, _ = models.gpt(11, **SIZES, dtype="float64").init(random.key(0), PROMPT)
    return tree.map(lambda p: p + 0.5 * np.random.default_rng(p.size).standard_normal(p.shape), made)


def decoder(**options):
    return models.gpt(11, **{**SIZES, "cache": 12, **options})


def test_likeliest_tokens_equal_a_loop_without_cache(params):
    model, ids = models.gpt(11, **SIZES), PROMPT
    for _ in range(6):
        logits, _ = model.apply(params, {}, ids)
        ids = np.concatenate([ids, logits[:, -1].argmax(-1)[:, None]], axis=1)
    found = models.generate(decoder(), params, PROMPT, 6, temperature=0)
    np.testing.assert_array_equal(found, ids)
    assert found.dtype == PROMPT.dtype


@pytest.mark.parametrize("top_k", [None, 3])
def test_draws_equal_a_loop_without_cache(params, top_k):
    model, ids, key = models.gpt(11, **SIZES), PROMPT, random.key(7)
    for step in range(5):
        logits = model.apply(params, {}, ids)[0][:, -1]
        if top_k is not None:
            least = np.sort(logits, axis=-1)[:, -top_k, None]
            logits = np.where(logits < least, -np.inf, logits)
        drawn = random.categorical(random.fold_in(key, step), logits / 0.7)
        ids = np.concatenate([ids, drawn[:, None]], axis=1)
    found = models.generate(decoder(), params, PROMPT, 5, key=key, temperature=0.7, top_k=top_k)
    np.testing.assert_array_equal(found, ids)


def test_top_1_is_the_likeliest_token(params):
    likeliest = models.generate(decoder(), params, PROMPT, 5, temperature=0)
    drawn = models.generate(decoder(), params, PROMPT, 5, key=random.key(0), temperature=3.0, top_k=1)
    np.testing.assert_array_equal(drawn, likeliest)


def test_tokens_are_drawn_by_their_probabilities(params):
    many = np.repeat(PROMPT[:1], 4000, axis=0)
    drawn = models.generate(decoder(), params, many, 1, key=random.key(1))[:, -1]
    logits = models.gpt(11, **SIZES).apply(params, {}, PROMPT[:1])[0][0, -1]
    p = np.exp(logits - logits.max())
    p /= p.sum()
    shares = np.bincount(drawn, minlength=11) / 4000
    assert np.abs(shares - p).max() < 4 * np.sqrt(0.25 / 4000)


def test_under_jit(params):
    def drawn(params, prompt, key):
        return models.generate(decoder(), params, prompt, 6, key=key, temperature=0.9)

    key = random.key(3)
    np.testing.assert_array_equal(fn.jit(drawn)(params, PROMPT, key), drawn(params, PROMPT, key))


def test_a_trained_model_continues_what_it_has_seen():
    text = np.tile(np.arange(5), 4)
    ids = np.stack([text[i : i + 12] for i in range(5)])
    options = {"layers": 1, "heads": 2, "features": 16, "positions": "rotary"}
    model = models.gpt(5, **options)
    params, _ = model.init(random.key(0), ids)
    opt = optim.adam(0.02)
    state = opt.init(params)

    @fn.jit
    def step(params, state):
        def objective(p):
            return losses.softmax_cross_entropy(model.apply(p, {}, ids)[0][:, :-1], ids[:, 1:])

        updates, state = opt.update(fn.grad(objective)(params), state, params)
        return optim.apply_updates(params, updates), state

    for _ in range(40):
        params, state = step(params, state)
    found = models.generate(models.gpt(5, cache=12, **options), params, np.array([[2, 3]]), 10, temperature=0)
    np.testing.assert_array_equal(found[0], np.tile(np.arange(5), 3)[2:14])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs a random key"),
        ({"key": 0, "temperature": -1.0}, "divides logits by the temperature"),
        ({"key": 0, "temperature": float("nan")}, "divides logits by the temperature"),
        ({"key": 0, "steps": 0}, "bad steps"),
        ({"key": 0, "top_k": 0}, "bad top_k"),
        ({"key": 0, "steps": 20}, "is full"),
        ({"key": 0, "prompt": PROMPT[0]}, "continues a batch of sequences"),
        ({"key": 0, "prompt": PROMPT[:, :0]}, "continues a batch of sequences"),
        ({"key": 0, "layer": models.gpt(11, **SIZES)}, "needs a model that decodes"),
    ],
)
def test_errors(params, arguments, message):
    arguments = {"steps": 3, "prompt": PROMPT, "layer": decoder(positions="none"), **arguments}
    own = {name: params[name] for name in ("tokens", "blocks")}
    if "key" in arguments:
        arguments["key"] = random.key(arguments["key"])
    if arguments["layer"] is not None and message == "needs a model that decodes":
        own = params
    with pytest.raises(ParameterError, match=message):
        models.generate(arguments.pop("layer"), own, **arguments)


def test_more_steps_than_the_data_type_of_the_tokens_holds():
    options = {"layers": 1, "heads": 1, "features": 4, "length": 140}
    params, _ = models.gpt(5, **options).init(random.key(0), PROMPT[:1] % 5)
    found = [
        models.generate(models.gpt(5, cache=140, **options), params, PROMPT[:1].astype(d) % 5, 135, key=random.key(1))
        for d in ("int8", "int64")
    ]
    assert found[0].dtype == np.int8
    np.testing.assert_array_equal(*found)
