"""Every metric against scikit-learn, SciPy or a closed form: whole, in batches, merged, weighted, on every backend."""

import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import stats

import funcnet as fn
from funcnet import metrics, tree
from funcnet.testing.backends import backend_params

NAN = float("nan")
CLASSES = 4
ALL = range(CLASSES)
# A smaller seed is no simpler example.
PHASES = (Phase.explicit, Phase.generate)


class Case(NamedTuple):
    """A metric, and another implementation: ``other(prediction, target, weights)``."""

    name: str
    reference: str
    metric: metrics.Metric
    other: Callable[..., Any]
    args: Callable[..., tuple[Any, Any]]
    weighted: bool = True


def ids(r, n):
    # Some classes may be missing, in either array.
    some = r.choice(CLASSES, r.integers(1, CLASSES + 1), replace=False)
    target = r.choice(some, n)
    return np.where(r.random(n) < 0.5, target, r.integers(0, CLASSES, n)), target


def twos(r, n):
    top = r.integers(1, 3)
    target = r.integers(0, top, n)
    return np.where(r.random(n) < 0.6, target, r.integers(0, 2, n)), target


def reals(r, n):
    target = 10 + r.standard_normal(n)
    return target + 0.3 * r.standard_normal(n), target


def ties(r, n):
    return np.round(3 * r.standard_normal(n)), np.round(2 * r.standard_normal(n))


def scored(r, n):
    """Scores with ties, and a target of both kinds if there are two examples."""
    target = r.integers(0, 2, n)
    target[: min(n, 2)] = [0, 1][: min(n, 2)]
    return np.round(r.random(n), 1) if r.random() < 0.5 else r.random(n), target


def chances(r, n):
    p = r.random((n, CLASSES)) + 0.01
    return p / p.sum(axis=1, keepdims=True), r.integers(0, CLASSES, n)


def many(r, n):
    """Vectors of four numbers, of which one does not vary and one is exact."""
    target = np.array([10.0, 1.0, 0.0, 2.0]) + r.standard_normal((n, CLASSES)) * [0.1, 1.0, 3.0, 0.0]
    return target + r.standard_normal((n, CLASSES)) * [0.1, 0.3, 0.0, 0.2], target


def scored_classes(r, n):
    """Probabilities with ties, and targets of which all classes are there if there are examples enough."""
    p = r.integers(1, 4, (n, CLASSES)) / 2 if r.random() < 0.5 else r.random((n, CLASSES)) + 0.01
    target = np.concatenate([np.arange(CLASSES), r.integers(0, CLASSES, n)])[:n]
    return p / p.sum(axis=1, keepdims=True), r.permutation(target)


def labelled(r, n):
    """Scores and targets of labels, some of which but not all may be missing, or everywhere."""
    target = (r.random((n, CLASSES)) < r.random(CLASSES)).astype(int)
    target[:1, 0] = 1
    return np.round(r.random((n, CLASSES)), 1), target


def coarse(r, n):
    return r.integers(0, 4, (n, CLASSES)).astype("float64"), r.integers(0, CLASSES, n)


def logits(r, n):
    return 3 * r.standard_normal((n, CLASSES)), r.integers(0, CLASSES, n)


def quiet(f):
    """Return a function of scikit-learn's that does not warn of what is not defined."""

    def g(*args, **kwargs):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return f(*args, **kwargs)

    return g


def by_classes(f, **options):
    return lambda p, y, w: quiet(f)(y, p, sample_weight=w, **options)


def averaged(name, ours, theirs, **extra):
    cases = []
    for average in ("macro", "micro", "weighted", "none"):
        for zero in (0.0, 1.0, NAN) if name != "iou" else (0.0, 1.0):
            options = {"average": None if average == "none" else average, "zero_division": zero}
            cases.append(
                Case(
                    f"{name}, {average}, zero_division={zero:g}",
                    "sklearn",
                    ours(CLASSES, average=average, zero_division=zero, **extra),
                    by_classes(theirs, labels=ALL, **options, **extra),
                    ids,
                )
            )
    cases.append(Case(name, "sklearn", ours(**extra), by_classes(theirs, zero_division=0.0, **extra), twos))
    return cases


def ece(p, y, w, bins=15):
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    total = 0.0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if inside.any() and w[inside].sum():
            share = w[inside] / w[inside].sum()
            total += w[inside].sum() / w.sum() * abs((share * right[inside]).sum() - (share * confidence[inside]).sum())
    return total


def weighted_pearson(p, y, w):
    c = np.cov(p, y, aweights=w, ddof=0)
    return c[0, 1] / np.sqrt(c[0, 0] * c[1, 1])


def eighths(p):
    return np.minimum(np.floor(p * 8), 7)


def binned(f):
    return lambda p, y, w: quiet(f)(y, eighths(p), sample_weight=w)


def one_hot(f, change, **options):
    """Return a function of scikit-learn's on an indicator matrix, which it has for scores that are no probabilities."""
    return lambda p, y, w: quiet(f)(y[:, None] == np.arange(CLASSES), change(p), sample_weight=w, **options)


def one_vs_one(average):
    """Return scikit-learn's function, which has no weights: examples of integer weights are repeated."""

    def other(p, y, w):
        p, y = (np.repeat(a, (2 * w).astype(int), axis=0) for a in (p, y))
        p = eighths(p) / 8 if average.startswith("binned ") else p
        # It wants rows that sum to 1, and takes each column by itself.
        filled = np.concatenate([p, 1 - p.sum(axis=1, keepdims=True)], axis=1)
        return quiet(sk.roc_auc_score)(
            y, filled, multi_class="ovo", average=average.removeprefix("binned "), labels=range(CLASSES + 1)
        )

    return other


def over_thresholds(name, ours, theirs):
    """Return the cases of several classes and of several labels."""
    cases = []
    for average in ("macro", "weighted", "micro", "none"):
        options = {"average": None if average == "none" else average}
        for bins in (None, 8):
            what = f"{average}, bins={bins}"
            change = (lambda p: p) if bins is None else eighths
            classes = ours(CLASSES, average=average, bins=bins)
            labels = ours(CLASSES, multi_class="multilabel", average=average, bins=bins)
            other = partial(
                lambda p, y, w, change, options: quiet(theirs)(y, change(p), sample_weight=w, **options),
                change=change,
                options=options,
            )
            cases += [
                Case(
                    f"{name}, rest, {what}",
                    "sklearn",
                    classes,
                    one_hot(theirs, change, **options),
                    scored_classes,
                ),
                Case(f"{name}, labels, {what}", "sklearn", labels, other, labelled),
            ]
    return cases


def nll(p, y, w):
    shifted = p - p.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(w * logp[np.arange(len(y)), y]).sum() / w.sum()


M = metrics
CASES = [
    Case("mean", "numpy", M.mean(), lambda p, y, w: np.average(p, weights=w), reals),
    Case("mse", "sklearn", M.mse(), by_classes(sk.mean_squared_error), reals),
    Case("rmse", "sklearn", M.rmse(), by_classes(sk.root_mean_squared_error), reals),
    Case("mae", "sklearn", M.mae(), by_classes(sk.mean_absolute_error), reals),
    Case("r2", "sklearn", M.r2(), by_classes(sk.r2_score), reals),
    *[
        Case(
            f"r2, {multioutput}",
            "sklearn",
            M.r2(CLASSES, multioutput=multioutput),
            by_classes(sk.r2_score, multioutput=multioutput),
            many,
        )
        for multioutput in ("raw_values", "uniform_average", "variance_weighted")
    ],
    Case("accuracy", "sklearn", M.accuracy(), by_classes(sk.accuracy_score), ids),
    Case(
        "accuracy, scores",
        "sklearn",
        M.accuracy(),
        lambda p, y, w: sk.accuracy_score(y, p.argmax(axis=1), sample_weight=w),
        coarse,
    ),
    *[
        Case(
            f"top_k_accuracy, {k}",
            "sklearn",
            M.top_k_accuracy(k),
            lambda p, y, w, k=k: quiet(sk.top_k_accuracy_score)(y, p, k=k, sample_weight=w, labels=ALL),
            coarse,
        )
        for k in (1, 2, 3)
    ],
    Case(
        "log_loss",
        "sklearn",
        M.log_loss(),
        lambda p, y, w: sk.log_loss(y, p, sample_weight=w, labels=ALL),
        chances,
    ),
    Case(
        "log_loss, yes or no",
        "sklearn",
        M.log_loss(),
        lambda p, y, w: sk.log_loss(y, p, sample_weight=w, labels=[0, 1]),
        scored,
    ),
    Case("perplexity", "closed form", M.perplexity(), lambda p, y, w: np.exp(nll(p, y, w)), logits),
    *averaged("precision", M.precision, sk.precision_score),
    *averaged("recall", M.recall, sk.recall_score),
    *averaged("f_beta", partial(M.f_beta), sk.fbeta_score, beta=0.5),
    *averaged("iou", M.iou, sk.jaccard_score),
    *[
        Case(
            f"confusion_matrix, {normalize}",
            "sklearn",
            M.confusion_matrix(CLASSES, normalize=normalize),
            by_classes(sk.confusion_matrix, labels=ALL, normalize=normalize),
            ids,
        )
        for normalize in (None, "true", "pred", "all")
    ],
    Case("matthews", "sklearn", M.matthews(CLASSES), by_classes(sk.matthews_corrcoef), ids),
    Case("matthews, two", "sklearn", M.matthews(), by_classes(sk.matthews_corrcoef), twos),
    *[
        Case(
            f"cohen_kappa, {weighting}",
            "sklearn",
            M.cohen_kappa(CLASSES, weighting=weighting),
            by_classes(sk.cohen_kappa_score, labels=ALL, weights=weighting),
            ids,
        )
        for weighting in (None, "linear", "quadratic")
    ],
    Case("roc_auc", "sklearn", M.roc_auc(), by_classes(sk.roc_auc_score), scored),
    Case("roc_auc, binned", "sklearn", M.roc_auc(bins=8), binned(sk.roc_auc_score), scored),
    Case("average_precision", "sklearn", M.average_precision(), by_classes(sk.average_precision_score), scored),
    Case(
        "average_precision, binned",
        "sklearn",
        M.average_precision(bins=8),
        binned(sk.average_precision_score),
        scored,
    ),
    *over_thresholds("roc_auc", M.roc_auc, sk.roc_auc_score),
    *over_thresholds("average_precision", M.average_precision, sk.average_precision_score),
    Case(
        "roc_auc, rest, probabilities",
        "sklearn",
        M.roc_auc(CLASSES),
        by_classes(sk.roc_auc_score, multi_class="ovr", labels=ALL),
        scored_classes,
    ),
    *[
        Case(
            f"roc_auc, pairs, {average}",
            "sklearn",
            M.roc_auc(
                CLASSES,
                multi_class="ovo",
                average=average.removeprefix("binned "),
                bins=8 if average.startswith("binned ") else None,
            ),
            one_vs_one(average),
            scored_classes,
        )
        for average in ("macro", "weighted", "binned macro", "binned weighted")
    ],
    Case("calibration_error", "closed form", M.calibration_error(), ece, chances),
    Case("pearson", "numpy", M.pearson(), weighted_pearson, reals),
    Case("pearson, SciPy", "scipy", M.pearson(), lambda p, y, w: stats.pearsonr(p, y)[0], reals, weighted=False),
    Case("spearman", "scipy", M.spearman(), lambda p, y, w: quiet(stats.spearmanr)(p, y)[0], ties, weighted=False),
]
EVERY = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def given_weights(case, r, n):
    return r.choice([0.5, 1.0, 2.0, 3.5], n) if case.weighted else None


def updated(case, state, prediction, target, weights):
    arrays = (prediction,) if case.name == "mean" else (prediction, target)
    return case.metric.update(state, *arrays, **({} if weights is None else {"weights": weights}))


def whole(case, seed, n):
    """Return our value and the other one."""
    r = np.random.default_rng(seed)
    prediction, target = case.args(r, n)
    weights = given_weights(case, r, n)
    value = case.metric.compute(updated(case, case.metric.init(), prediction, target, weights))
    return np.asarray(value), np.asarray(case.other(prediction, target, np.ones(n) if weights is None else weights))


def errors():
    """Yield name, reference, and the largest relative error of every metric; they have no gradients."""
    for case in CASES:
        worst = 0.0
        for seed in range(10):
            value, other = whole(case, seed, 12)
            gap = np.abs(np.nan_to_num(value - other)).max()
            worst = max(worst, float(gap / max(np.nan_to_num(np.abs(other)).max(), 1e-3)))
        yield f"metrics.{case.name}", case.reference, worst, None


@EVERY
@settings(max_examples=8, phases=PHASES)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 12))
def test_equals_the_other(case, seed, n):
    value, other = whole(case, seed, n)
    assert value.shape == other.shape
    np.testing.assert_allclose(value, other, rtol=1e-10, atol=1e-13)


@EVERY
@settings(max_examples=4, phases=PHASES)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 12), max_size=3))
def test_batches_and_merged_states_equal_the_whole(case, seed, cuts):
    r = np.random.default_rng(seed)
    prediction, target = case.args(r, 12)
    weights = given_weights(case, r, 12)
    expected = case.metric.compute(updated(case, case.metric.init(), prediction, target, weights))
    bounds = [0, *sorted(cuts), 12]
    streamed, states = case.metric.init(), []
    for low, high in pairwise(bounds):
        part = slice(low, high)
        arrays = prediction[part], target[part], None if weights is None else weights[part]
        streamed = updated(case, streamed, *arrays)
        states.append(updated(case, case.metric.init(), *arrays))
    merged = case.metric.init()
    for state in reversed(states):
        merged = case.metric.merge(state, merged)
    np.testing.assert_allclose(case.metric.compute(streamed), expected, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(case.metric.compute(merged), expected, rtol=1e-10, atol=1e-13)


@EVERY
@pytest.mark.parametrize("backend", backend_params(variants=False))
def test_every_backend(case, backend):
    r = np.random.default_rng(0)
    prediction, target = case.args(r, 12)
    weights = given_weights(case, r, 12)
    expected = np.asarray(case.metric.compute(updated(case, case.metric.init(), prediction, target, weights)))
    with backend.active():
        arrays = [None if a is None else backend.asarray(a) for a in (prediction, target, weights)]
        state = updated(case, updated(case, case.metric.init(), *arrays), *arrays)
        first = updated(case, case.metric.init(), *arrays)
        found = backend.to_numpy(case.metric.compute(first))
        twice = backend.to_numpy(case.metric.compute(case.metric.merge(first, first)))
        streamed = backend.to_numpy(case.metric.compute(state))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(streamed, twice, rtol=1e-10, atol=1e-13)


@EVERY
def test_states_are_trees_of_arrays_and_stay_as_they_are(case):
    prediction, target = case.args(np.random.default_rng(0), 6)
    state = case.metric.init()
    before = tree.map(np.copy, state)
    after = updated(case, state, prediction, target, None)
    case.metric.merge(after, after)
    case.metric.compute(after)
    assert tree.structure(after) == tree.structure(state)
    for a, b in zip(tree.leaves(state), tree.leaves(before), strict=True):
        np.testing.assert_array_equal(a, b)


@EVERY
def test_targets_that_do_not_fit(case):
    if case.name == "mean":
        pytest.skip("it has no targets")
    prediction, target = case.args(np.random.default_rng(0), 6)
    with pytest.raises(fn.errors.ShapeError, match="targets that do not fit"):
        case.metric.update(case.metric.init(), prediction, target[:5])


@EVERY
def test_weights_that_do_not_fit(case):
    if not case.weighted:
        pytest.skip("it has no weights, or has them in another test")
    prediction, target = case.args(np.random.default_rng(0), 6)
    with pytest.raises(fn.errors.ShapeError, match="weights that do not fit"):
        updated(case, case.metric.init(), prediction, target, np.ones(5))


def test_every_metric_is_compared():
    assert set(metrics.__all__) - {"Metric"} == {case.name.partition(",")[0] for case in CASES}
