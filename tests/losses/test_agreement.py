"""Every loss against PyTorch, Optax or a closed form: values, gradients, weights, second order, backends."""

from collections.abc import Callable
from functools import partial
from math import log, pi
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import losses, random, tree, xp
from funcnet.testing import check_grads
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")
tf = oracle("torch.nn.functional")


class Case(NamedTuple):
    """A loss, and another implementation of what it gives without reduction."""

    name: str
    reference: str
    loss: Callable[..., Any]
    other: Callable[..., Any]
    args: Callable[..., tuple[Any, ...]]
    #: Whether the mean is that of the values.
    plain: bool = True
    #: Whether the second derivative exists almost everywhere and is what differences show.
    smooth: bool = True


def z(r, n, c):
    return 2 * r.standard_normal((n, c))


def unit(r, n, c):
    return r.uniform(0.05, 0.95, (n, c))


def simplex(r, n, c):
    p = r.uniform(0.05, 1, (n, c))
    return p / p.sum(axis=1, keepdims=True)


def ids(r, n, c):
    return r.integers(0, c, n)


def bits(r, n, c):
    return r.integers(0, 2, (n, c))


def signs(r, n, c):
    return 2 * r.integers(0, 2, (n, c)) - 1


def of(*makers):
    return lambda r, n, c: tuple(make(r, n, c) for make in makers)


def mixed(r, n, c):
    return np.where(r.random((n, c)) < 0.5, r.random((n, c)), bits(r, n, c))


def positive(r, n, c):
    return r.uniform(0.2, 3, (n, c))


def counts(r, n, c):
    return r.integers(0, 6, (n, c))


def some_off(r, n, c):
    labels = ids(r, n, c)
    labels[1:] = np.where(r.random(n - 1) < 0.3, -100, labels[1:])
    return labels


def groups(r, n, c):
    return np.concatenate([[0, 0, 1], r.integers(0, 2, n)])


def class_weights(c):
    return np.linspace(0.5, 2, c)


def t(array):
    return torch.as_tensor(array)


def picked(x, labels):
    return x.gather(1, labels[:, None])[:, 0]


def relu(x):
    return torch.clamp(x, min=0)


def tversky(p, q, a=0.3, b=0.7, s=1.0):
    tp, fp, fn_ = (p * q).sum(1), (p * (1 - q)).sum(1), ((1 - p) * q).sum(1)
    return 1 - (tp + s) / (tp + a * fp + b * fn_ + s)


def focal(x, labels, gamma=2.0):
    p = torch.softmax(x, 1)
    return (1 - picked(p, labels)) ** gamma * -torch.log(picked(p, labels))


def multilabel_margin(x, q):
    rows = [tf.multilabel_margin_loss(row, _listed(which), reduction="none") for row, which in zip(x, q, strict=True)]
    return torch.stack(rows)


def _listed(which):
    found = torch.nonzero(which).flatten()
    return torch.cat([found, torch.full((len(which) - len(found),), -1, dtype=found.dtype)])


def cosines(x, labels):
    u = x / x.norm(dim=1, keepdim=True)
    same = labels[:, None] == labels[None, :]
    return u @ u.T, same & ~torch.eye(len(labels), dtype=torch.bool), ~same


def circle(x, labels, m=0.25, gamma=8.0):
    s, alike, apart = cosines(x, labels)
    held = s.detach()
    pull = torch.where(alike, torch.exp(-gamma * relu(1 + m - held) * (s - 1 + m)), 0.0).sum(1)
    push = torch.where(apart, torch.exp(gamma * relu(held + m) * (s - m)), 0.0).sum(1)
    return torch.log(1 + pull * push)


def nt_xent(x, labels, temperature=0.5):
    s, alike, apart = cosines(x, labels)
    e = torch.exp(s / temperature)
    rest = torch.where(apart, e, 0.0).sum(1, keepdim=True)
    return torch.where(alike, -torch.log(e / (e + rest)), 0.0)


def ranked(x, r):
    gap = x[:, :, None] - x[:, None, :]
    pair = r[:, :, None] > r[:, None, :]
    return torch.where(pair, torch.log1p(torch.exp(-gap)), 0.0).sum((1, 2))


def ctc(x, labels, times, count, **kwargs):
    logp = torch.log_softmax(x, 2).transpose(0, 1)
    return tf.ctc_loss(logp, labels, times, count, reduction="none", **kwargs)


def ctc_args(r, n, c):
    # Twice as many times and one more than labels: enough for repeats.
    labels = r.integers(1, c + 1, (n, 3))
    return 2 * r.standard_normal((n, 8, c + 1)), labels, r.integers(7, 9, n), r.integers(1, 4, n)


def ours_ctc(x, labels, times, count, **kwargs):
    return losses.ctc(x, labels, logit_lengths=times, label_lengths=count, **kwargs)


def perturbed(scores, targets, **kwargs):
    def solver(s):
        return xp.softmax(s)

    return losses.perturbed_fenchel_young(scores, targets, solver, key=random.key(3), samples=4, sigma=0.5, **kwargs)


def other_perturbed(scores, targets):
    noise = t(random.normal(random.key(3), (4, *scores.shape), dtype="float64"))
    moved = scores + 0.5 * noise
    return (torch.softmax(moved, -1).detach() * moved).sum(-1).mean(0) - (targets * scores).sum(-1)


def total_variation(x):
    return torch.diff(x, dim=1).abs().sum((1, 2, 3)) + torch.diff(x, dim=2).abs().sum((1, 2, 3))


def manhattan(a, b):
    total = torch.sum if isinstance(a, torch.Tensor) else xp.sum
    return total(abs(a - b), axis=-1)


def weighted_cross_entropy(x, labels, **options):
    weights = xp.linspace(0.5, 2, x.shape[-1], dtype=x.dtype, device=x.device)
    return losses.softmax_cross_entropy(
        x, labels, class_weights=weights, ignore_index=-100, label_smoothing=0.1, **options
    )


def sparse_support(x, labels):
    ordered = torch.sort(x, dim=1, descending=True).values
    k = torch.arange(1, x.shape[1] + 1)
    total = torch.cumsum(ordered, 1)
    size = (1 + k * ordered > total).sum(1)
    tau = (picked(total, size - 1) - 1) / size
    p = relu(x - tau[:, None])
    return ((x - 0.5 * p) * p).sum(1) + 0.5 - picked(x, labels)


L = losses
CASES = [
    Case(
        "softmax_cross_entropy, class numbers",
        "torch",
        L.softmax_cross_entropy,
        lambda x, y: tf.cross_entropy(x, y, reduction="none"),
        of(z, ids),
    ),
    Case(
        "softmax_cross_entropy, probabilities",
        "torch",
        L.softmax_cross_entropy,
        lambda x, y: tf.cross_entropy(x, y, reduction="none"),
        of(z, simplex),
    ),
    Case(
        "softmax_cross_entropy, smoothed, probabilities",
        "torch",
        partial(L.softmax_cross_entropy, label_smoothing=0.2),
        lambda x, y: tf.cross_entropy(x, y, reduction="none", label_smoothing=0.2),
        of(z, simplex),
    ),
    Case(
        "softmax_cross_entropy, class numbers, ignored, weighted and smoothed",
        "torch",
        weighted_cross_entropy,
        lambda x, y: tf.cross_entropy(
            x, y, t(class_weights(x.shape[1])), ignore_index=-100, label_smoothing=0.1, reduction="none"
        ),
        of(z, some_off),
        plain=False,
    ),
    Case(
        "nll",
        "torch",
        L.nll,
        lambda x, y: tf.nll_loss(x, y, reduction="none"),
        of(z, ids),
    ),
    Case(
        "sigmoid_cross_entropy",
        "torch",
        L.sigmoid_cross_entropy,
        lambda x, q: tf.binary_cross_entropy_with_logits(x, q, reduction="none"),
        of(z, unit),
    ),
    Case(
        "sigmoid_cross_entropy, pos_weight",
        "torch",
        partial(L.sigmoid_cross_entropy, pos_weight=2.5),
        lambda x, q: tf.binary_cross_entropy_with_logits(x, q, pos_weight=t(2.5), reduction="none"),
        of(z, unit),
    ),
    Case(
        "sigmoid_cross_entropy, smoothed",
        "closed form (Keras)",
        partial(L.sigmoid_cross_entropy, label_smoothing=0.1),
        lambda x, q: tf.binary_cross_entropy_with_logits(x, 0.9 * q + 0.05, reduction="none"),
        of(z, unit),
    ),
    Case(
        "binary_cross_entropy",
        "closed form",
        L.binary_cross_entropy,
        lambda p, q: -(q * torch.log(p) + (1 - q) * torch.log1p(-p)),
        of(unit, unit),
    ),
    Case(
        "sigmoid_focal",
        "optax",
        partial(L.sigmoid_focal, alpha=0.25),
        partial(optax.losses.sigmoid_focal_loss, alpha=0.25, gamma=2.0),
        of(z, bits),
    ),
    Case("softmax_focal", "closed form (Keras)", L.softmax_focal, focal, of(z, ids)),
    Case(
        "poly_cross_entropy, class numbers",
        "closed form",
        L.poly_cross_entropy,
        lambda x, y: tf.cross_entropy(x, y, reduction="none") + 2 * (1 - picked(torch.softmax(x, 1), y)),
        of(z, ids),
    ),
    Case(
        "poly_cross_entropy, probabilities",
        "optax",
        partial(L.poly_cross_entropy, epsilon=1.5),
        partial(optax.losses.poly_loss_cross_entropy, epsilon=1.5),
        of(z, simplex),
    ),
    Case("mse", "torch", L.mse, lambda a, b: tf.mse_loss(a, b, reduction="none"), of(z, z)),
    Case("mae", "torch", L.mae, lambda a, b: tf.l1_loss(a, b, reduction="none"), of(z, z)),
    Case(
        "huber",
        "torch",
        partial(L.huber, delta=0.7),
        lambda a, b: tf.huber_loss(a, b, delta=0.7, reduction="none"),
        of(z, z),
    ),
    Case("huber, delta 1", "optax", L.huber, optax.losses.huber_loss, of(z, z)),
    Case(
        "smooth_l1",
        "torch",
        partial(L.smooth_l1, beta=0.5),
        lambda a, b: tf.smooth_l1_loss(a, b, beta=0.5, reduction="none"),
        of(z, z),
    ),
    Case(
        "smooth_l1, beta 0",
        "torch",
        partial(L.smooth_l1, beta=0.0),
        lambda a, b: tf.smooth_l1_loss(a, b, beta=0.0, reduction="none"),
        of(z, z),
    ),
    Case("log_cosh", "closed form (Keras)", L.log_cosh, lambda a, b: torch.log(torch.cosh(a - b)), of(z, z)),
    Case("log_cosh, Optax", "optax", L.log_cosh, optax.losses.log_cosh, of(z, z)),
    Case(
        "msle",
        "closed form (Keras)",
        L.msle,
        lambda a, b: (torch.log1p(a) - torch.log1p(b)) ** 2,
        of(positive, positive),
    ),
    Case("mape", "closed form (Keras)", L.mape, lambda a, b: (a - b).abs() / b.abs(), of(z, positive)),
    Case(
        "quantile",
        "closed form",
        partial(L.quantile, level=0.8),
        lambda a, b: torch.where(b > a, 0.8 * (b - a), 0.2 * (a - b)),
        of(z, z),
    ),
    Case(
        "expectile",
        "closed form",
        partial(L.expectile, level=0.8),
        lambda a, b: (0.2 + 0.6 * (b > a).double()) * (a - b) ** 2,
        of(z, z),
    ),
    Case(
        "gaussian_nll",
        "torch",
        partial(L.gaussian_nll, full=True),
        lambda m, y, v: tf.gaussian_nll_loss(m, y, v, full=True, eps=0.0, reduction="none"),
        of(z, z, positive),
    ),
    Case(
        "poisson_nll",
        "torch",
        L.poisson_nll,
        lambda a, b: tf.poisson_nll_loss(a, b, reduction="none"),
        of(z, counts),
    ),
    Case(
        "poisson_nll, rates, full",
        "torch.distributions",
        partial(L.poisson_nll, log_input=False, full=True),
        lambda a, b: -torch.distributions.Poisson(a, validate_args=False).log_prob(b.double()),
        of(positive, counts),
    ),
    Case(
        "kl_divergence",
        "torch",
        L.kl_divergence,
        lambda a, b: tf.kl_div(a, b, reduction="none").sum(-1),
        of(z, simplex),
    ),
    Case(
        "kl_divergence, log_target",
        "torch",
        partial(L.kl_divergence, log_target=True),
        lambda a, b: tf.kl_div(a, b, reduction="none", log_target=True).sum(-1),
        of(z, z),
    ),
    Case(
        "kl_divergence, generalized",
        "optax",
        partial(L.kl_divergence, generalized=True),
        optax.losses.generalized_kl_divergence,
        of(z, simplex),
    ),
    Case(
        "js_divergence",
        "closed form",
        L.js_divergence,
        lambda p, q: 0.5 * (p * torch.log(2 * p / (p + q)) + q * torch.log(2 * q / (p + q))).sum(-1),
        of(simplex, simplex),
    ),
    Case(
        "gaussian_kl",
        "torch.distributions",
        L.gaussian_kl,
        lambda m, v: torch.distributions.kl_divergence(
            torch.distributions.Normal(m, torch.exp(0.5 * v)), torch.distributions.Normal(0.0, 1.0)
        ).sum(-1),
        of(z, z),
    ),
    Case("hinge", "optax", L.hinge, optax.losses.hinge_loss, of(z, signs)),
    Case("hinge, perceptron", "optax", partial(L.hinge, margin=0.0), optax.losses.perceptron_loss, of(z, signs)),
    Case("squared_hinge", "closed form (Keras)", L.squared_hinge, lambda x, y: relu(1 - y * x) ** 2, of(z, signs)),
    Case(
        "soft_margin",
        "torch",
        L.soft_margin,
        lambda x, y: tf.soft_margin_loss(x, y, reduction="none"),
        of(z, signs),
    ),
    Case(
        "hinge_embedding",
        "torch",
        partial(L.hinge_embedding, margin=1.2),
        lambda x, y: tf.hinge_embedding_loss(x, y, margin=1.2, reduction="none"),
        of(positive, signs),
    ),
    Case(
        "margin_ranking",
        "torch",
        partial(L.margin_ranking, margin=0.3),
        lambda a, b, y: tf.margin_ranking_loss(a, b, y, margin=0.3, reduction="none"),
        of(z, z, signs),
    ),
    Case(
        "multi_margin",
        "torch",
        L.multi_margin,
        lambda x, y: tf.multi_margin_loss(x, y, reduction="none"),
        of(z, ids),
    ),
    Case(
        "multi_margin, squared",
        "torch",
        partial(L.multi_margin, p=2, margin=0.8),
        lambda x, y: tf.multi_margin_loss(x, y, p=2, margin=0.8, reduction="none"),
        of(z, ids),
    ),
    Case("multiclass_hinge", "optax", L.multiclass_hinge, optax.losses.multiclass_hinge_loss, of(z, ids)),
    Case(
        "multiclass_hinge, perceptron",
        "optax",
        partial(L.multiclass_hinge, margin=0.0),
        optax.losses.multiclass_perceptron_loss,
        of(z, ids),
    ),
    Case("multilabel_margin", "torch", L.multilabel_margin, multilabel_margin, of(z, bits)),
    Case(
        "multilabel_soft_margin",
        "torch",
        L.multilabel_soft_margin,
        lambda x, y: tf.multilabel_soft_margin_loss(x, y.double(), reduction="none"),
        of(z, bits),
    ),
    Case(
        "cosine_distance",
        "torch",
        L.cosine_distance,
        lambda a, b: 1 - tf.cosine_similarity(a, b),
        of(z, z),
    ),
    Case(
        "cosine_embedding",
        "torch",
        partial(L.cosine_embedding, margin=0.1),
        lambda a, b, y: tf.cosine_embedding_loss(a, b, y, margin=0.1, reduction="none"),
        lambda r, n, c: (z(r, n, c), z(r, n, c), signs(r, n, c)[:, 0]),
    ),
    Case(
        "triplet_margin",
        "torch",
        L.triplet_margin,
        lambda a, p, n: tf.triplet_margin_loss(a, p, n, eps=0.0, reduction="none"),
        of(z, z, z),
    ),
    Case(
        "triplet_margin, another distance, swapped",
        "torch",
        partial(L.triplet_margin, distance=manhattan, swap=True),
        lambda a, p, n: tf.triplet_margin_with_distance_loss(
            a, p, n, distance_function=manhattan, swap=True, reduction="none"
        ),
        of(z, z, z),
    ),
    Case(
        "nt_xent",
        "closed form",
        partial(L.nt_xent, temperature=0.5),
        nt_xent,
        lambda r, n, c: (z(r, n + 3, c), groups(r, n, c)),
    ),
    Case(
        "circle",
        "closed form",
        partial(L.circle, gamma=8.0),
        circle,
        lambda r, n, c: (z(r, n + 3, c), groups(r, n, c)),
        smooth=False,
    ),
    Case("dice", "closed form", L.dice, partial(tversky, a=0.5, b=0.5, s=0.5), of(unit, mixed)),
    Case("tversky", "closed form", L.tversky, tversky, of(unit, mixed)),
    Case(
        "tversky, focal",
        "closed form",
        partial(L.tversky, gamma=0.75),
        lambda p, q: tversky(p, q) ** 0.75,
        of(unit, mixed),
    ),
    Case("jaccard", "closed form", L.jaccard, partial(tversky, a=1, b=1), of(unit, mixed)),
    Case(
        "total_variation",
        "closed form",
        L.total_variation,
        total_variation,
        lambda r, n, c: (r.standard_normal((n, 3, c, 2)),),
    ),
    Case(
        "ranking_softmax",
        "closed form (Optax)",
        L.ranking_softmax,
        lambda x, y: -(y * torch.log_softmax(x, 1)).sum(1),
        of(z, counts),
    ),
    Case("pairwise_ranking", "closed form", L.pairwise_ranking, ranked, of(z, counts)),
    Case(
        "fenchel_young",
        "closed form",
        lambda x, y, **k: L.fenchel_young(x, y, lambda s: xp.logsumexp(s, axis=-1), **k),
        lambda x, y: torch.logsumexp(x, -1) - (x * y).sum(-1),
        of(z, simplex),
    ),
    Case("perturbed_fenchel_young", "closed form", perturbed, other_perturbed, of(z, simplex), smooth=False),
    Case("sparsemax", "closed form", L.sparsemax, sparse_support, of(z, ids)),
    Case("sparsemax, Optax", "optax", L.sparsemax, optax.losses.multiclass_sparsemax_loss, of(z, ids)),
    Case("binary_sparsemax", "optax", L.binary_sparsemax, optax.losses.sparsemax_loss, of(z, bits)),
    Case("ctc", "torch", ours_ctc, ctc, ctc_args),
]

# A smaller seed is no simpler example.
PHASES = (Phase.explicit, Phase.generate)
EVERY = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def live(args):
    """Return the positions of the arguments that are differentiated."""
    return tuple(i for i, a in enumerate(args) if a.dtype.kind == "f")


def by_other(case, args, g):
    """Return value and gradients of the other implementation."""
    if case.reference == "optax":
        with jax.enable_x64(True):
            at = live(args)
            given = [jax.numpy.asarray(a) for a in args]

            def f(*some):
                full = list(given)
                for i, a in zip(at, some, strict=True):
                    full[i] = a
                return case.other(*full)

            y, pull = jax.vjp(f, *[given[i] for i in at])
            return np.asarray(y), [np.asarray(a) for a in pull(jax.numpy.asarray(g(y.shape)))]
    given = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in args]
    y = case.other(*given)
    leaves = [a for a in given if a.requires_grad]
    grads = torch.autograd.grad(y, leaves, t(g(tuple(y.shape))), allow_unused=True)
    return y.detach().numpy(), [None if d is None else d.numpy() for d in grads]


def by_us(case, args, g):
    f, floats = of_floats(case, args)
    y, pull = fn.vjp(partial(f, reduction="none"), *floats)
    return np.asarray(y), [np.asarray(d) for d in pull(g(y.shape))]


def of_floats(case, args):
    """Return the loss as a function of the arguments that are differentiated, and these."""
    at = live(args)

    def f(*some, **options):
        full = list(args)
        for i, a in zip(at, some, strict=True):
            full[i] = a
        return case.loss(*full, **options)

    return f, [args[i] for i in at]


def gap(ours, theirs):
    """Return the largest difference, relative to the size of the array."""
    assert ours.shape == theirs.shape
    return float(np.max(np.abs(ours - theirs)) / max(np.max(np.abs(theirs)), 1e-3)) if theirs.size else 0.0


def compared(case, seed, n, c):
    r = np.random.default_rng(seed)
    args = case.args(r, n, c)

    def g(shape):
        return np.random.default_rng(seed + 1).standard_normal(shape)

    value, grads = by_us(case, args, g)
    expected, others = by_other(case, args, g)
    pairs = [(a, b) for a, b in zip(grads, others, strict=True) if b is not None]
    return gap(value, expected), max((gap(a, b) for a, b in pairs), default=0.0)


def errors():
    """Yield name, reference, and the largest relative errors of the value and of the gradients of every loss."""
    for case in CASES:
        found = [compared(case, seed, 5, 4) for seed in range(5)]
        yield f"losses.{case.name}", case.reference, max(v for v, _ in found), max(d for _, d in found)


@EVERY
@settings(max_examples=6, phases=PHASES)
@given(seed=st.integers(0, 1000), n=st.integers(2, 5), c=st.integers(2, 5))
def test_values_and_gradients(case, seed, n, c):
    if case.reference == "optax":  # which compiles for each shape
        n, c = 3, 4
    value, grad = compared(case, seed, n, c)
    assert value < 1e-10
    assert grad < 1e-10


@EVERY
@settings(max_examples=4, phases=PHASES)
@given(seed=st.integers(0, 1000), n=st.integers(1, 4), c=st.integers(2, 4))
@pytest.mark.requirement("N8", "P86")
def test_reductions_and_weights(case, seed, n, c):
    r = np.random.default_rng(seed)
    args = case.args(r, n, c)
    values = np.asarray(case.loss(*args, reduction="none"))
    np.testing.assert_allclose(case.loss(*args, reduction="sum"), values.sum(), rtol=1e-12)
    pairs = case.name == "nt_xent"
    share = (values != 0).astype("float64") if pairs else np.ones_like(values)
    if case.plain and share.sum():
        np.testing.assert_allclose(case.loss(*args), values.sum() / share.sum(), rtol=1e-12)
    weights = r.uniform(0.5, 2, [size if r.random() < 0.7 else 1 for size in values.shape])
    weighted = values * weights
    np.testing.assert_allclose(case.loss(*args, weights=weights, reduction="none"), weighted, rtol=1e-12)
    np.testing.assert_allclose(case.loss(*args, weights=weights, reduction="sum"), weighted.sum(), rtol=1e-12)
    total = (np.broadcast_to(weights, values.shape) * share).sum()
    if case.plain and total:
        np.testing.assert_allclose(case.loss(*args, weights=weights), weighted.sum() / total, rtol=1e-12)


@pytest.mark.parametrize("case", [c for c in CASES if c.smooth], ids=[c.name for c in CASES if c.smooth])
def test_second_order(case):
    r = np.random.default_rng(7)
    args = case.args(r, 2, 3)
    f, floats = of_floats(case, args)
    check_grads(f, floats, order=2, rtol=1e-5, eps=1e-3)


@EVERY
@pytest.mark.parametrize("backend", backend_params())
def test_every_backend(case, backend):
    args = case.args(np.random.default_rng(0), 4, 3)
    value, grad = fn.value_and_grad(case.loss)(*args)
    if backend.name == "strict-no-x64" and case.name.partition(",")[0] in ("ctc", "nll", "sparsemax"):
        pytest.skip("array_api_strict sorts with int64 on every device, and scatters in gradients are sorts")
    narrow = [a.astype("float32") if a.dtype.kind == "f" else a.astype("int32") for a in args]
    with backend.active():
        wide = (
            [backend.asarray(a, None if a.dtype.kind == "f" else "int64") for a in narrow]
            if ("int64" in backend.dtypes())
            else [backend.asarray(a) for a in narrow]
        )
        found = tree.map(backend.to_numpy, fn.value_and_grad(case.loss)(*wide))
    if case.name == "perturbed_fenchel_young":  # another precision draws other numbers
        assert np.isfinite(found[0])
        return
    assert found[0].dtype == found[1].dtype == np.float32
    np.testing.assert_allclose(found[0], value, rtol=3e-5, atol=1e-5)
    np.testing.assert_allclose(found[1], grad, rtol=1e-3, atol=2e-5)


@EVERY
def test_vmap_is_a_loop(case):
    if case.name == "perturbed_fenchel_young":
        pytest.skip("the key is the same for every element, and the noise is drawn for its shape")
    sets = [case.args(np.random.default_rng(seed), 3, 3) for seed in range(3)]
    stacked = [np.stack(arrays) for arrays in zip(*sets, strict=True)]
    expected = np.stack([np.asarray(case.loss(*args)) for args in sets])
    np.testing.assert_allclose(fn.vmap(case.loss)(*stacked), expected, rtol=1e-12)
    grads = np.stack([np.asarray(fn.grad(case.loss)(*args)) for args in sets])
    np.testing.assert_allclose(fn.vmap(fn.grad(case.loss))(*stacked), grads, rtol=1e-10, atol=1e-12)


@EVERY
def test_shapes_without_values(case):
    args = case.args(np.random.default_rng(0), 3, 3)
    specs = [fn.Spec(a.shape, a.dtype) for a in args]
    for reduction in ("none", "mean"):
        expected = np.asarray(case.loss(*args, reduction=reduction))
        spec = fn.eval_shape(partial(case.loss, reduction=reduction), *specs)
        assert tuple(spec.shape) == expected.shape
        assert np.dtype(spec.dtype) == expected.dtype


@EVERY
def test_every_loss_checks_its_reduction_and_its_weights(case):
    args = case.args(np.random.default_rng(0), 3, 3)
    with pytest.raises(fn.errors.ParameterError, match="unknown reduction"):
        case.loss(*args, reduction="average")
    with pytest.raises(fn.errors.ShapeError, match="weights that do not fit"):
        case.loss(*args, weights=np.ones((2, 2, 2, 2, 2)))


def test_every_public_loss_is_compared():
    compared_names = {case.name.partition(",")[0] for case in CASES}
    # No losses: no reduction.
    assert set(losses.__all__) - {"accuracy", "cosine_similarity"} == compared_names


def test_constants():
    """Constants that gradients do not see."""
    zero = np.zeros((1, 1))
    assert losses.gaussian_nll(zero, zero, zero + 1, full=True) == pytest.approx(0.5 * log(2 * pi), rel=1e-15)
    assert losses.poisson_nll(zero, zero + 4, full=True) == pytest.approx(1 + log(24), rel=1e-14)
