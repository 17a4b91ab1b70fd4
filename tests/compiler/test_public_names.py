"""Every public layer and loss: value and gradients of compiled loops, on three threads, are those of eager calls.

A new name joins by itself where it can be called without arguments; otherwise a test asks for a row here.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses, nn, random, tree, xp
from funcnet.compiler import fused
from funcnet.compiler.fusion import loops
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops.build import compiled
from funcnet.compiler.passes import optimised

ROWS, IMAGES, SEQUENCE = (5, 6), (2, 7, 8, 4), (3, 5, 8)
RNG = np.random.default_rng

#: Layers that take arguments, or something else than rows: the layer, and the shapes of its inputs.
LAYERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "activation": (lambda: nn.activation("gelu"), ROWS),
    "adaptive_avg_pool": (lambda: nn.adaptive_avg_pool((3, 2)), IMAGES),
    "adaptive_max_pool": (lambda: nn.adaptive_max_pool((3, 2)), IMAGES),
    "add": (nn.add, ((5, 6), (1, 6))),
    "alpha_dropout": (lambda: nn.alpha_dropout(0.3), ROWS),
    "at_train": (lambda: nn.at_train(nn.dense(6)), ROWS),
    "avg_pool": (lambda: nn.avg_pool(3, stride=2, padding="SAME"), IMAGES),
    "bilinear": (lambda: nn.bilinear(3), ((4, 5), (4, 6))),
    "channel_shuffle": (lambda: nn.channel_shuffle(2), IMAGES),
    "concatenate": (nn.concatenate, ((5, 6), (5, 2))),
    "conv": (lambda: nn.conv(3, 3, stride=2, padding="SAME"), IMAGES),
    "conv_local": (lambda: nn.conv_local(3, 3), IMAGES),
    "conv_lstm": (lambda: nn.conv_lstm(2, 3), (2, 3, 4, 5, 2)),
    "conv_transpose": (lambda: nn.conv_transpose(3, 3, stride=2), IMAGES),
    "dense": (lambda: nn.dense(7, activation="tanh"), ROWS),
    "depthwise_conv": (lambda: nn.depthwise_conv(3, multiplier=2), IMAGES),
    "drop_path": (lambda: nn.drop_path(0.3), IMAGES),
    "dropout": (lambda: nn.dropout(0.3), ROWS),
    "einsum_dense": (lambda: nn.einsum_dense("bsi,iho->bsho", (None, 2, 3), bias_axes="ho"), SEQUENCE),
    "embedding": (lambda: nn.embedding(9, 4), (3, 5)),
    "embedding_bag": (lambda: nn.embedding_bag(9, 4), (3, 5)),
    "fan_out": (lambda: nn.sequential(nn.fan_out(nn.dense(3), nn.tanh()), nn.concatenate()), ROWS),
    "feature_alpha_dropout": (lambda: nn.feature_alpha_dropout(0.3), IMAGES),
    "fold": (lambda: nn.fold((4, 5), 2), (2, 3, 4, 12)),
    "fractional_max_pool": (lambda: nn.fractional_max_pool(2, ratio=0.6), IMAGES),
    "frozen": (lambda: nn.sequential(nn.frozen(nn.dense(5)), nn.tanh(), nn.dense(2)), ROWS),
    "gaussian_dropout": (lambda: nn.gaussian_dropout(0.3), ROWS),
    "gaussian_noise": (lambda: nn.gaussian_noise(0.3), ROWS),
    "global_avg_pool": (nn.global_avg_pool, IMAGES),
    "global_max_pool": (nn.global_max_pool, IMAGES),
    "group_norm": (lambda: nn.group_norm(2), IMAGES),
    "gru": (lambda: nn.gru(5, layers=2, dropout=0.3), SEQUENCE),
    "instance_norm": (nn.instance_norm, IMAGES),
    "lambda_": (lambda: nn.lambda_(lambda p, x: x * p["by"], lambda key, spec: {"by": random.normal(key, (6,))}), ROWS),
    "learned_positions": (nn.learned_positions, SEQUENCE),
    "lp_pool": (lambda: nn.lp_pool(3.0, 2), IMAGES),
    "lstm": (lambda: nn.lstm(5, bidirectional=True), SEQUENCE),
    "max_pool": (lambda: nn.max_pool(3, stride=2, padding="SAME"), IMAGES),
    "maxout": (lambda: nn.maxout(3), ROWS),
    "mgu": (lambda: nn.mgu(5, reverse=True), SEQUENCE),
    "mlp": (lambda: nn.mlp([5, 4, 3]), ROWS),
    "multi_head_attention": (lambda: nn.multi_head_attention(2, causal=True, dropout=0.2), SEQUENCE),
    "named": (lambda: nn.named("a", nn.dense(3)), ROWS),
    "pad": (lambda: nn.pad(2, mode="reflect"), IMAGES),
    "parallel": (
        lambda: nn.sequential(lambda x: (x, x * x), nn.parallel(nn.dense(3), nn.tanh()), nn.concatenate()),
        ROWS,
    ),
    "pixel_shuffle": (lambda: nn.pixel_shuffle(2), IMAGES),
    "pixel_unshuffle": (lambda: nn.pixel_unshuffle(2), (2, 6, 4, 3)),
    "recurrent": (lambda: nn.recurrent([nn.lstm_cell(5), nn.gru_cell(3)]), SEQUENCE),
    "reparametrize": (
        lambda: nn.reparametrize(
            nn.dense(4),
            lambda p: {**p, "kernel": xp.log(xp.abs(p["kernel"]))},
            lambda p: {**p, "kernel": xp.exp(p["kernel"])},
        ),
        ROWS,
    ),
    "repeat": (lambda: nn.repeat(nn.residual(nn.sequential(nn.dense(6), nn.tanh())), 3), ROWS),
    "residual": (lambda: nn.residual(nn.sequential(nn.dense(6), nn.gelu())), ROWS),
    "resize": (lambda: nn.resize((5, 11), method="linear"), IMAGES),
    "rnn": (lambda: nn.rnn(5, return_sequences=False), SEQUENCE),
    "rotary_positions": (nn.rotary_positions, (2, 5, 3, 4)),
    "separable_conv": (lambda: nn.separable_conv(5, 3), IMAGES),
    "sequential": (lambda: nn.sequential(nn.dense(5), nn.batch_norm(), nn.relu(), nn.dropout(0.3), nn.dense(2)), ROWS),
    "shared": (lambda: (lambda s: nn.sequential(s, nn.tanh(), s))(nn.shared(nn.dense(6))), ROWS),
    "sinusoidal_positions": (nn.sinusoidal_positions, SEQUENCE),
    "spatial_dropout": (lambda: nn.spatial_dropout(0.3), IMAGES),
    "spectral_norm": (lambda: nn.spectral_norm(nn.dense(5)), ROWS),
    "transformer_decoder": (lambda: nn.transformer_decoder(2, heads=2, pre_norm=True), (SEQUENCE, (3, 4, 8))),
    "transformer_decoder_block": (lambda: nn.transformer_decoder_block(2), (SEQUENCE, (3, 4, 8))),
    "transformer_encoder": (lambda: nn.transformer_encoder(2, heads=2, norm="rms"), SEQUENCE),
    "transformer_encoder_block": (lambda: nn.transformer_encoder_block(2, activation="swiglu"), SEQUENCE),
    "transformer_mlp": (nn.transformer_mlp, SEQUENCE),
    "unfold": (lambda: nn.unfold(3, stride=2, padding="SAME"), IMAGES),
    "upsample": (lambda: nn.upsample(2, method="cubic"), (2, 4, 5, 3)),
    "weight_norm": (lambda: nn.weight_norm(nn.conv(5, 3)), IMAGES),
    "with_policy": (lambda: nn.with_policy(nn.dense(4), nn.precision.Policy("float32", "float64", "float32")), ROWS),
}
#: What is no layer, but belongs to one.
NO_LAYERS = "affine as_spec conv_lstm_cell gru_cell init_cache lstm_cell mgu_cell rnn_cell stateless summary".split()
LAYER_NAMES = [n for n in nn.__all__ if n[0].islower() and callable(getattr(nn, n)) and n not in NO_LAYERS]


def pair(seed: int = 0) -> tuple[Any, Any]:
    return RNG(seed).standard_normal(ROWS), RNG(seed + 1).standard_normal(ROWS)


def shares(*shape: int) -> Any:
    return RNG(2).uniform(0.1, 0.9, shape)


def rows_of_one(*shape: int) -> Any:
    x = shares(*shape)
    return x / x.sum(-1, keepdims=True)


def signs(*shape: int) -> Any:
    return RNG(3).choice([-1.0, 1.0], shape)


CLASSES = RNG(4).integers(0, 6, 5)
BITS = RNG(5).choice([0.0, 1.0], ROWS)
GROUPS = np.array([0, 1, 0, 1, 1])


def beside(names: str, labels: Any, x: Any) -> dict[str, tuple[Callable[[Any], Any], Any]]:
    return {name: (partial(with_labels, name, labels), x) for name in names.split()}


def with_labels(name: str, labels: Any, x: Any) -> Any:
    return getattr(losses, name)(x, labels)


#: Losses that take something else than two arrays of any numbers: a function of the first argument, and it.
LOSSES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    **beside("multi_margin multiclass_hinge nll poly_cross_entropy", CLASSES, pair()[0]),
    **beside("softmax_cross_entropy softmax_focal sparsemax", CLASSES, pair()[0]),
    **beside("binary_sparsemax multilabel_soft_margin pairwise_ranking poisson_nll", BITS, pair()[0]),
    **beside("ranking_softmax sigmoid_cross_entropy sigmoid_focal", BITS, pair()[0]),
    **beside("binary_cross_entropy dice jaccard tversky", BITS, shares(*ROWS)),
    **beside("hinge hinge_embedding soft_margin squared_hinge", signs(*ROWS), pair()[0]),
    **beside("circle nt_xent", GROUPS, pair()[0]),
    "accuracy": (lambda x: xp.sum(x) + losses.accuracy(x, CLASSES), pair()[0]),
    "cosine_embedding": (lambda x: losses.cosine_embedding(x, pair()[1], signs(5)), pair()[0]),
    "ctc": (lambda x: losses.ctc(x, np.array([[1, 2], [3, 3]])), RNG(6).standard_normal((2, 7, 4))),
    "fenchel_young": (
        lambda x: losses.fenchel_young(x, pair()[1], lambda s: xp.logsumexp(s, axis=-1)),
        pair()[0],
    ),
    "gaussian_nll": (lambda x: losses.gaussian_nll(x, pair()[1], shares(*ROWS)), pair()[0]),
    "js_divergence": (lambda x: losses.js_divergence(x, rows_of_one(*ROWS)), rows_of_one(*ROWS)[::-1].copy()),
    "kl_divergence": (lambda x: losses.kl_divergence(x, rows_of_one(*ROWS)), np.log(rows_of_one(*ROWS)[::-1])),
    "margin_ranking": (lambda x: losses.margin_ranking(x, pair()[1], signs(*ROWS)), pair()[0]),
    "msle": (lambda x: losses.msle(x, shares(*ROWS)), shares(*ROWS)[::-1].copy()),
    "multilabel_margin": (lambda x: losses.multilabel_margin(x, BITS.astype("int64")), pair()[0]),
    "perturbed_fenchel_young": (
        lambda x: losses.perturbed_fenchel_young(
            x,
            pair()[1],
            lambda s: xp.astype(s == xp.max(s, axis=-1, keepdims=True), s.dtype),
            key=random.key(3),
        ),
        pair()[0],
    ),
    "total_variation": (losses.total_variation, RNG(7).standard_normal(IMAGES)),
    "triplet_margin": (lambda x: losses.triplet_margin(x, *pair(8)), pair()[0]),
}
PLAIN_LOSSES = [n for n in losses.__all__ if n not in LOSSES]


def weighted(ys: Any) -> Any:
    """Return a sum in which no element is like another."""
    total: Any = 0.0
    for i, y in enumerate(tree.leaves(ys)):
        total = total + xp.sum(y * RNG(20 + i).uniform(0.5, 1.5, y.shape).astype(str(y.dtype)))
    return total


def layer_case(name: str, dtype: str) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    make, shapes = LAYERS.get(name, (getattr(nn, name), ROWS))
    assert name in LAYERS or all(
        p.default is not p.empty for p in inspect.signature(make).parameters.values() if p.kind is not p.VAR_KEYWORD
    ), f"nn.{name} takes arguments: give it a row in LAYERS"
    layer, rng = make(), RNG(1)
    if name.startswith("embedding"):
        x: Any = rng.integers(0, 9, shapes)
    else:
        x = tree.map(lambda s: rng.standard_normal(s).astype(dtype), shapes, is_leaf=lambda s: isinstance(s[0], int))
    with fn.use_backend("numpy", dtype=dtype):
        params, state = layer.init(random.key(0), x)
    params = tree.map(lambda p: p + (0.1 * rng.standard_normal(p.shape)).astype(p.dtype), params)

    def of(params: Any, x: Any, state: Any, key: Any) -> Any:
        y, state = layer.apply(params, state, x, key=key, train=True)
        return weighted(y), (y, state)

    wrt = (0,) if name.startswith("embedding") else (0, 1) if tree.leaves(params) else (1,)
    return fn.value_and_grad(of, argnums=wrt, has_aux=True), (params, x, state, random.key(1))


def loss_case(name: str, dtype: str) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    one, other = pair()
    f, x = LOSSES.get(name, (lambda x: getattr(losses, name)(x, other.astype(dtype)), one))
    return fn.value_and_grad(lambda x: weighted(f(x))), (x.astype(dtype),)


def compared(f: Callable[..., Any], args: tuple[Any, ...], tolerance: float, compile: Any) -> None:
    with np.errstate(all="ignore"):
        wanted, leaves = tree.leaves(f(*args)), tree.leaves(args)
        plan = fused.FusedPlan(optimised(fn.jit(f).lower(*args)), compile)
        kept = [np.array(a) for a in leaves]
        turned = [np.asfortranarray(a) for a in leaves]
        results = [plan(*given) for given in (leaves, turned, leaves)]
    scale = max(float(np.max(np.abs(w), initial=0.0)) for w in wanted)
    for found in results:
        for a, b in zip(found, wanted, strict=True):
            assert (np.shape(a), a.dtype) == (np.shape(b), b.dtype)
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)
    for a, b in zip(leaves, kept, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def team(monkeypatch):
    """Three threads, which share what is too small for them otherwise."""
    monkeypatch.setattr(fused, "threads", lambda: 3)
    monkeypatch.setattr(loops, "_PARALLEL", 8)


def test_rows_are_of_public_names():
    assert set(LAYERS) <= set(LAYER_NAMES)
    assert set(LOSSES) <= set(losses.__all__)
    assert set(NO_LAYERS) <= set(nn.__all__)


@pytest.mark.usefixtures("team")
@pytest.mark.parametrize("name", LAYER_NAMES)
def test_layers(name):
    # Their noise is in single precision whatever the rest is in.
    compared(*layer_case(name, "float64"), 1e-6 if name.startswith("gaussian") else 1e-9, in_python)


@pytest.mark.usefixtures("team")
@pytest.mark.parametrize("name", losses.__all__)
def test_losses(name):
    compared(*loss_case(name, "float64"), 1e-9, in_python)


@pytest.mark.slow
@pytest.mark.usefixtures("team")
@pytest.mark.parametrize("name", LAYER_NAMES)
def test_layers_in_machine_code(name):
    compared(*layer_case(name, "float32"), 2e-4, compiled)


@pytest.mark.slow
@pytest.mark.usefixtures("team")
@pytest.mark.parametrize("name", losses.__all__)
def test_losses_in_machine_code(name):
    compared(*loss_case(name, "float32"), 2e-4, compiled)
