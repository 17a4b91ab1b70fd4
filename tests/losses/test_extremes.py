"""Losses of scores and predictions of any size, and their derivatives at kinks."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses, xp

RNG = np.random.default_rng(0)
SIGNS = np.array([[1, -1, 1], [-1, 1, -1]])
BITS = (SIGNS + 1) // 2
IDS = np.array([0, 2])

SCORES = {
    "softmax_cross_entropy": IDS,
    "softmax_focal": IDS,
    "poly_cross_entropy": IDS,
    "multi_margin": IDS,
    "multiclass_hinge": IDS,
    "sparsemax": IDS,
    "sigmoid_cross_entropy": BITS,
    "sigmoid_focal": BITS,
    "binary_sparsemax": BITS,
    "multilabel_margin": BITS,
    "multilabel_soft_margin": BITS,
    "ranking_softmax": BITS,
    "pairwise_ranking": BITS,
    "hinge": SIGNS,
    "squared_hinge": SIGNS,
    "soft_margin": SIGNS,
    "mse": BITS,
    "mae": BITS,
    "huber": BITS,
    "smooth_l1": BITS,
    "log_cosh": BITS,
    "mape": BITS + 1,
    "quantile": BITS,
    "expectile": BITS,
    "cosine_distance": SIGNS,
    "kl_divergence": BITS,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SCORES)
def test_finite_at_extreme_scores(name, dtype):
    z = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], dtype=dtype)
    for scores in (z, -z):
        value, grad = fn.value_and_grad(getattr(losses, name))(scores, SCORES[name])
        assert np.isfinite(value)
        assert np.isfinite(grad).all()
        assert value.dtype == grad.dtype == dtype


@pytest.mark.parametrize("name", ["softmax_focal", "sigmoid_focal", "softmax_cross_entropy", "soft_margin"])
def test_right_and_certain_costs_nothing(name):
    z = 1e4 * np.array([[1.0, -1.0, -1.0], [-1.0, -1.0, 1.0]])
    labels = {"sigmoid_focal": z > 0, "soft_margin": np.sign(z)}.get(name, IDS)
    value, grad = fn.value_and_grad(getattr(losses, name))(z, labels)
    assert value == 0
    assert not grad.any()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 5.0])
def test_focal_of_any_power(gamma):
    z = np.array([[1e4, 0.0], [0.0, 0.0], [0.0, 1e4]])
    value, pullback = fn.vjp(lambda z: losses.softmax_focal(z, np.array([0, 0, 0]), gamma=gamma, reduction="none"), z)
    np.testing.assert_allclose(value, [0, 0.5**gamma * np.log(2), 1e4], rtol=1e-12)
    assert np.isfinite(pullback(np.ones(3))[0]).all()
    binary, pullback = fn.vjp(
        lambda z: losses.sigmoid_focal(z, np.ones((3, 2)), gamma=gamma, reduction="none"), z - 5e3
    )
    assert np.isfinite(binary).all()
    assert np.isfinite(pullback(np.ones((3, 2)))[0]).all()


def test_embeddings_of_any_size():
    for size in (1e-20, 1.0, 1e20):
        a = size * np.array([[3.0, 4.0], [4.0, -3.0]], dtype="float32")
        got = losses.cosine_similarity(a, np.array([[3.0, 4.0], [3.0, 4.0]], dtype="float32"), epsilon=1e-30)
        np.testing.assert_allclose(got, [1, 0], atol=1e-6)
    z = np.zeros((2, 3))
    assert np.isfinite(fn.grad(losses.cosine_distance)(z, np.ones((2, 3)))).all()
    assert losses.cosine_distance(z, np.ones((2, 3))) == 1
    value, grads = fn.value_and_grad(losses.triplet_margin, (0, 1, 2))(z, z, z)
    assert value == 1
    assert not np.any(grads)


def test_contrastive_losses_at_small_temperatures():
    x, labels = RNG.standard_normal((6, 3)), np.array([0, 0, 1, 1, 2, 2])
    value, grad = fn.value_and_grad(lambda x: losses.nt_xent(x, labels, temperature=1e-4))(x)
    assert np.isfinite(value)
    assert np.isfinite(grad).all()
    value, grad = fn.value_and_grad(lambda x: losses.circle(x, labels, gamma=1e4))(x)
    assert np.isfinite(value)
    assert np.isfinite(grad).all()
    # No pair of either kind.
    np.testing.assert_array_equal(losses.circle(x[:2], np.array([0, 1]), reduction="none"), [0, 0])
    assert losses.nt_xent(x, np.zeros(6, dtype=int)) == 0


def test_divergences_of_what_is_impossible():
    p, q = np.array([[0.5, 0.5, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    with np.errstate(divide="ignore"):
        logp, logq = np.log(p), np.log(q)
    value, grad = fn.value_and_grad(losses.kl_divergence)(logp, q)
    np.testing.assert_allclose(value, np.log(2))
    np.testing.assert_array_equal(grad, -q)
    np.testing.assert_allclose(losses.kl_divergence(logp, logq, log_target=True), np.log(2))
    assert not np.isnan(fn.grad(losses.kl_divergence, 1)(logp, logq, log_target=True)).any()
    assert losses.kl_divergence(logq, p) == np.inf
    np.testing.assert_allclose(losses.js_divergence(p, q), losses.js_divergence(q, p), rtol=1e-15)
    assert losses.js_divergence(p, p) == 0
    inside = fn.grad(losses.js_divergence, (0, 1))(p, np.array([[0.25, 0.75, 0.0]]))
    expected = fn.grad(losses.js_divergence, (0, 1))(p[:, :2], np.array([[0.25, 0.75]]))
    for a, b in zip(inside, expected, strict=True):
        np.testing.assert_array_equal(a, np.append(b, [[0.0]], axis=1))
    assert losses.poisson_nll(np.zeros(1), np.zeros(1), log_input=False) == 0
    assert losses.gaussian_kl(np.zeros((1, 2)), np.full((1, 2), -1e4)) == pytest.approx(1e4 - 1)


def test_masked_items_of_a_list_do_not_count():
    scores, relevance = np.array([[1.0, 2.0, np.nan], [0.0, 0.0, 0.0]]), np.array([[1, 0, 3], [1, 1, 1]])
    mask = np.array([[True, True, False], [False, False, False]])
    for loss in (losses.ranking_softmax, losses.pairwise_ranking):
        value, pullback = fn.vjp(lambda s, f=loss: f(s, relevance, mask=mask, reduction="none"), scores)
        np.testing.assert_allclose(value, [np.log(1 + np.e), 0])
        grad = pullback(np.ones(2))[0]
        np.testing.assert_allclose(grad, [[-np.e / (1 + np.e), np.e / (1 + np.e), 0], [0, 0, 0]], rtol=1e-12)


def test_other_axes():
    z = RNG.standard_normal((3, 4, 2))
    labels, sets = RNG.integers(0, 4, (3, 2)), RNG.integers(0, 2, (3, 4, 2))
    moved, moved_sets = np.moveaxis(z, 1, -1), np.moveaxis(sets, 1, -1)
    for f in (losses.multi_margin, losses.multiclass_hinge, losses.sparsemax, losses.nll, losses.poly_cross_entropy):
        np.testing.assert_allclose(f(z, labels, axis=1), f(moved, labels), rtol=1e-14)
    for f in (losses.multilabel_margin, losses.multilabel_soft_margin, losses.ranking_softmax, losses.pairwise_ranking):
        np.testing.assert_allclose(
            f(z, sets, axis=1, reduction="none"), f(moved, moved_sets, reduction="none"), rtol=1e-14
        )
    weights = np.array([1.0, 2.0, 0.5, 3.0])
    np.testing.assert_allclose(
        losses.multilabel_soft_margin(z, sets, axis=1, class_weights=weights),
        losses.multilabel_soft_margin(moved, moved_sets, class_weights=weights),
        rtol=1e-14,
    )
    np.testing.assert_allclose(
        losses.dice(xp.sigmoid(z), sets, axis=(0, 2), reduction="none"),
        [losses.dice(xp.sigmoid(z[:, c]).reshape(1, -1), sets[:, c].reshape(1, -1)) for c in range(4)],
        rtol=1e-13,
    )


ZERO = np.zeros(1)


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: losses.mae(x, ZERO), 0.0, 0.0),
        (lambda x: losses.huber(x, ZERO), 1.0, 1.0),
        (lambda x: losses.huber(x, ZERO), -1.0, -1.0),
        (lambda x: losses.smooth_l1(x, ZERO, beta=2.0), 2.0, 1.0),
        (lambda x: losses.smooth_l1(x, ZERO, beta=0.0), 0.0, 0.0),
        (lambda x: losses.log_cosh(x, ZERO), 0.0, 0.0),
        (lambda x: losses.log_cosh(x, ZERO), 1.0, np.tanh(1.0)),
        (lambda x: losses.log_cosh(x, ZERO), 1e-8, 1e-8),
        (lambda x: losses.mape(x, ZERO + 1), 1.0, 0.0),
        (lambda x: losses.quantile(x, ZERO, level=0.9), 0.0, -0.4),
        (lambda x: losses.expectile(x, ZERO, level=0.9), 0.0, 0.0),
        (lambda x: losses.hinge(x, np.array([1])), 1.0, 0.0),
        (lambda x: losses.hinge_embedding(x, np.array([-1])), 1.0, 0.0),
        (lambda x: losses.margin_ranking(x, ZERO, np.array([1])), 0.0, 0.0),
        (lambda x: losses.binary_sparsemax(x, np.array([0])), 1.0, 1.0),
        (lambda x: losses.binary_sparsemax(x, np.array([0])), -1.0, 0.0),
        (lambda x: losses.total_variation(x * np.ones((1, 2, 2, 1))), 3.0, 0.0),
    ],
)
def test_derivatives_at_kinks(f, x, slope):
    np.testing.assert_allclose(fn.grad(f)(np.array([x])), [slope], rtol=1e-15)


def test_small_errors_do_not_cancel():
    for f, expected in ((losses.log_cosh, 5e-21), (losses.huber, 5e-21), (losses.mse, 1e-20)):
        np.testing.assert_allclose(f(np.array([1e-10]), ZERO), expected, rtol=1e-12)
    p = np.array([[1 - 1e-12, 0.0]])
    np.testing.assert_allclose(losses.jaccard(p, np.array([[1, 0]]), smooth=0.0), 1e-12, rtol=1e-3)


def test_ties_of_the_best_wrong_class_are_split():
    grad = fn.grad(losses.multiclass_hinge)(np.array([[0.0, 1.0, 1.0]]), np.array([0]))
    np.testing.assert_array_equal(grad, [[-1, 0.5, 0.5]])


def test_sparse_probabilities_are_exact_zeros():
    grad = fn.grad(losses.sparsemax)(np.array([[3.0, 2.9, -1.0]]), np.array([1]))
    np.testing.assert_allclose(grad, [[0.55, -0.55, 0.0]], rtol=1e-12)
    assert grad[0, 2] == 0


def test_the_perturbed_gradient_is_that_of_the_expected_solution():
    def solver(scores):
        assert scores.shape == (2000, 1, 2)
        return xp.one_hot(xp.argmax(scores, axis=-1), 2, dtype=scores.dtype)

    def loss(scores):
        return losses.perturbed_fenchel_young(
            scores, np.array([[1.0, 0.0]]), solver, key=fn.random.key(1), samples=2000
        )

    # The difference of two normal variables is normal with variance 2.
    expected = float(xp.special.ndtr(np.array(0.5 / np.sqrt(2))))
    np.testing.assert_allclose(fn.grad(loss)(np.array([[0.5, 0.0]])), [[expected - 1, 1 - expected]], atol=0.03)


def test_labels_of_few_bits_beside_many_classes():
    z, labels = RNG.standard_normal((3, 300)), np.array([5, 120, 7])
    for f in (losses.multi_margin, losses.multiclass_hinge, losses.sparsemax, losses.nll, losses.softmax_cross_entropy):
        np.testing.assert_allclose(f(z, labels.astype(np.int8)), f(z, labels), rtol=1e-15)
