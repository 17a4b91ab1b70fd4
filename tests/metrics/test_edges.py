"""Metrics where little or nothing was counted, of unusual arguments, and their errors."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, roc_auc_score

import funcnet as fn
from funcnet import metrics
from funcnet.errors import DtypeError, ParameterError, ShapeError

NAN = float("nan")


def once(metric, *arrays, **options):
    return metric.compute(metric.update(metric.init(), *arrays, **options))


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        (metrics.roc_auc(), NAN),
        (metrics.roc_auc(bins=4), NAN),
        (metrics.average_precision(), 0),
        (metrics.precision(), 0),
        (metrics.precision(zero_division=1.0), 1),
        (metrics.recall(3, zero_division=NAN), NAN),
        (metrics.matthews(), 0),
        (metrics.cohen_kappa(), NAN),
        (metrics.pearson(), NAN),
        (metrics.r2(), NAN),
    ],
)
def test_nothing_was_counted(metric, value):
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(metric.compute(metric.init()), value)
        empty = np.zeros(0), np.zeros(0, dtype=int)
        if "both" in metric.init() or "table" in metric.init():
            empty = empty[1], empty[1]
        np.testing.assert_array_equal(once(metric, *empty), value)


def test_means_of_nothing_are_undefined():
    # Without a warning: warnings are errors here.
    for metric in (metrics.mean(), metrics.accuracy(), metrics.mse(), metrics.spearman(), metrics.calibration_error()):
        assert np.isnan(metric.compute(metric.init()))


@pytest.mark.parametrize("metric", [metrics.roc_auc(), metrics.roc_auc(bins=4)])
def test_one_kind_only(metric):
    assert np.isnan(once(metric, np.array([0.1, 0.9]), np.array([1, 1])))
    assert once(metrics.average_precision(), np.array([0.1, 0.9]), np.array([0, 0])) == 0
    assert once(metrics.average_precision(), np.array([0.1, 0.9]), np.array([True, True])) == 1


@pytest.mark.parametrize("bins", [None, 20])
def test_classes_that_are_missing(bins):
    scores = np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.5, 0.3, 0.2]])
    target = np.array([0, 1, 0])
    for average in ("macro", "weighted"):
        one = once(metrics.roc_auc(3, average=average, bins=bins), scores, target)
        assert np.isnan(one) if average == "macro" else one == 1
        # As in scikit-learn: of the pairs those count of which there are both.
        assert once(metrics.roc_auc(3, multi_class="ovo", average=average, bins=bins), scores, target) == 1
        assert np.isnan(once(metrics.roc_auc(3, multi_class="ovo", bins=bins), scores, np.array([1, 1, 1])))
        labels = {"multi_class": "multilabel", "average": average, "bins": bins}
        assert np.isnan(once(metrics.roc_auc(3, **labels), scores, np.zeros((3, 3), int)))
        assert once(metrics.average_precision(3, **labels), scores, np.zeros((3, 3), int)) == 0


def test_nothing_was_counted_of_several():
    for options in ({}, {"multi_class": "ovo"}, {"multi_class": "multilabel"}, {"average": "weighted"}):
        for bins in (None, 4):
            metric = metrics.roc_auc(3, bins=bins, **options)
            assert np.isnan(metric.compute(metric.init()))
    assert np.isnan(metrics.r2(2, multioutput="raw_values").compute(metrics.r2(2).init())).all()


def test_several_outputs_of_images():
    r = np.random.default_rng(0)
    prediction, target, weights = r.random((2, 3, 4)), r.random((2, 3, 4)), r.random((2, 3))
    np.testing.assert_allclose(
        once(metrics.r2(4, multioutput="raw_values"), prediction, target, weights=weights),
        [once(metrics.r2(), prediction[..., i], target[..., i], weights=weights) for i in range(4)],
        rtol=1e-12,
    )


def test_scores_beyond_the_bins_count_at_the_ends():
    scores, target = np.array([-5.0, 0.2, 0.9, 7.0]), np.array([0, 0, 1, 1])
    assert once(metrics.roc_auc(bins=2), scores, target) == 1
    # Two of them are in one bin.
    assert once(metrics.roc_auc(bins=20, low=-10.0, high=10.0), scores, target) == 0.875


def test_targets_that_do_not_vary():
    # The mean of a number that is no sum of powers of 2, under weights that are none either.
    tenth, weights = np.full(7, 0.1), np.linspace(0.1, 0.9, 7)
    assert once(metrics.r2(), tenth + 0.01, tenth, weights=weights) == 0
    assert np.isnan(once(metrics.pearson(), np.arange(7.0), tenth, weights=weights))
    same = np.full(3, 2.0)
    assert once(metrics.r2(), same, same) == 1
    assert once(metrics.r2(), same + 1, same) == 0
    assert np.isnan(once(metrics.pearson(), np.arange(3.0), same))
    assert np.isnan(once(metrics.spearman(), np.arange(3.0), same))


def test_large_means_do_not_cancel():
    target = 1e8 + np.arange(6.0)
    metric, prediction = metrics.r2(), target + np.array([0.5, -0.5, 0, 0, 0.5, -0.5])
    state = metric.init()
    for i in range(6):
        state = metric.update(state, prediction[i : i + 1], target[i : i + 1])
    np.testing.assert_allclose(metric.compute(state), 1 - 1 / 17.5, rtol=1e-9)
    np.testing.assert_allclose(
        once(metrics.pearson(), prediction, target), np.corrcoef(prediction - 1e8, target - 1e8)[0, 1], rtol=1e-9
    )


def test_counts_go_on_beyond_what_float32_holds():
    metric = metrics.mean()
    state = metric.update(metric.init(), np.ones(1, dtype="float32"), weights=np.array([2.0**24]))
    assert metric.compute(metric.update(state, np.zeros(1, dtype="float32"))) == 2**24 / (2**24 + 1)


def test_what_has_no_weight_does_not_count():
    assert once(metrics.mean(), np.array([np.inf, 2.0]), weights=np.array([0, 1])) == 2
    p, y = np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([1, 1])
    np.testing.assert_allclose(once(metrics.log_loss(), p, y, weights=np.array([0, 1])), np.log(2))


def test_perplexity_leaves_out_what_is_ignored():
    scores, target = np.random.default_rng(0).standard_normal((2, 3, 4)), np.array([[0, 1, -1], [2, -1, -1]])
    kept = target >= 0
    np.testing.assert_allclose(
        once(metrics.perplexity(ignore_index=-1), scores, target),
        once(metrics.perplexity(), scores[kept], target[kept]),
        rtol=1e-13,
    )
    large = once(metrics.perplexity(), np.array([[1e4, 0.0]]), np.array([0]))
    assert large == 1


def test_log_loss_is_clipped_as_precisely_as_its_probabilities():
    for dtype in ("float32", "float64"):
        got = once(metrics.log_loss(), np.array([0.0], dtype=dtype), np.array([1]))
        np.testing.assert_allclose(got, -np.log(float(np.finfo(dtype).eps)), rtol=1e-12)


@pytest.mark.parametrize("bins", [1, 4, 10])
def test_calibration_of_yes_and_no_is_that_of_the_curve(bins):
    r = np.random.default_rng(0)
    p = np.round(r.random(200), 1)
    y = (r.random(200) < p**2).astype(int)
    true, predicted = calibration_curve(y, p, n_bins=bins)
    count = np.bincount(np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p), minlength=bins)
    share, gaps = count[count > 0] / 200, np.abs(true - predicted)
    for norm, expected in (
        ("l1", (share * gaps).sum()),
        ("l2", np.sqrt((share * gaps**2).sum())),
        ("max", gaps.max()),
    ):
        np.testing.assert_allclose(once(metrics.calibration_error(bins, norm=norm), p, y), expected, rtol=1e-9)


def test_images_and_weights_with_sizes_of_one():
    r = np.random.default_rng(0)
    prediction, target = r.integers(0, 3, (2, 4, 4)), r.integers(0, 3, (2, 4, 4))
    weights = np.array([1.0, 3.0]).reshape(2, 1, 1)
    flat = np.broadcast_to(weights, (2, 4, 4)).ravel()
    for metric in (metrics.iou(3), metrics.confusion_matrix(3), metrics.accuracy()):
        np.testing.assert_allclose(
            once(metric, prediction, target, weights=weights),
            once(metric, prediction.ravel(), target.ravel(), weights=flat),
            rtol=1e-14,
        )


def test_booleans_and_small_integers_are_class_numbers():
    prediction, target = np.array([True, False, True]), np.array([1, 1, 0], dtype="uint8")
    assert once(metrics.precision(), prediction, target) == 0.5
    table = once(metrics.confusion_matrix(20), np.array([19], dtype="uint8"), np.array([19], dtype="int8"))
    assert table[19, 19] == 1


def test_states_sum_over_workers_with_tree_map():
    metric = metrics.f_beta(3)
    r = np.random.default_rng(0)
    parts = [metric.update(metric.init(), r.integers(0, 3, 9), r.integers(0, 3, 9)) for _ in range(3)]
    total = fn.tree.map(lambda *leaves: sum(leaves), *parts)
    merged = metric.merge(metric.merge(parts[0], parts[1]), parts[2])
    assert metric.compute(total) == metric.compute(merged)


def test_labels_that_are_no_classes():
    for metric in (metrics.precision(3), metrics.confusion_matrix(3)):
        with pytest.raises(ParameterError, match="a label that is no class") as error:
            once(metric, np.array([0, 3]), np.array([0, 1]))
        assert "integers from 0 to 2, for 3 classes" in str(error.value)
        with pytest.raises(DtypeError, match="takes class numbers as integers") as error:
            once(metric, np.array([0.2, 0.8]), np.array([0, 1]))
        assert "xp.argmax(scores, axis=-1)" in str(error.value)
    with pytest.raises(ParameterError, match="from -1 to 0"):
        once(metrics.perplexity(), np.zeros((2, 3)), np.array([-1, 0]))
    with pytest.raises(ParameterError, match="from 0 to 2"):
        once(metrics.roc_auc(), np.zeros(2), np.array([0, 2]))


def test_other_errors():
    for metric in (metrics.r2(2), metrics.roc_auc(2), metrics.roc_auc(2, multi_class="multilabel")):
        with pytest.raises(ShapeError, match="last axis does not have the size") as error:
            once(metric, np.zeros((4, 3)), np.zeros((4, 3), int))
        assert "2 on the last axis" in str(error.value)
    with pytest.raises(ShapeError, match="takes scores of the classes"):
        once(metrics.perplexity(), np.array(0.0), np.array(0))
    with pytest.raises(DtypeError, match="takes real numbers"):
        once(metrics.mean(), np.array([1j]))


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: metrics.precision(1), "classes=1"),
        (lambda: metrics.recall(2.0), "classes=2.0"),
        (lambda: metrics.top_k_accuracy(0), "k=0"),
        (lambda: metrics.calibration_error(0), "bins=0"),
        (lambda: metrics.roc_auc(bins=1), "bins=1"),
        (lambda: metrics.roc_auc(1), "classes=1"),
        (lambda: metrics.roc_auc(3, multi_class="ova"), "multi_class='ova'"),
        (lambda: metrics.roc_auc(3, average="samples"), "average='samples'"),
        (lambda: metrics.roc_auc(3, multi_class="ovo", average="micro"), "average='micro'"),
        (lambda: metrics.roc_auc(average="micro"), r"several classes without their number(.|\n)*average='micro'"),
        (lambda: metrics.average_precision(3, multi_class="ovo"), "multi_class='ovo'"),
        (lambda: metrics.r2(0), "outputs=0"),
        (lambda: metrics.r2(2, multioutput="mean"), "multioutput='mean'"),
        (lambda: metrics.r2(multioutput="raw_values"), r"without their number(.|\n)*multioutput='raw_values'"),
        (lambda: metrics.roc_auc(bins=3, low=1.0), r"low=1\.0, high=1\.0"),
        (lambda: metrics.precision(3, average="samples"), "average='samples'"),
        (lambda: metrics.iou(3, average="binary"), "average='binary' for several"),
        (lambda: metrics.f_beta(beta=-1.0), r"beta=-1\.0"),
        (lambda: metrics.confusion_matrix(3, normalize="rows"), "normalize='rows'"),
        (lambda: metrics.cohen_kappa(weighting="cubic"), "weighting='cubic'"),
        (lambda: metrics.calibration_error(norm="l3"), "norm='l3'"),
    ],
)
def test_options_that_there_are_not(make, found):
    with pytest.raises(ParameterError, match=found):
        make()


def test_scores_that_are_nan_are_not_ranked():
    scores, target = np.array([0.1, 0.8, NAN, 0.6, 0.3]), np.array([0, 1, 1, 0, 1])
    kept = np.isfinite(scores)
    for make, oracle in ((metrics.roc_auc, roc_auc_score), (metrics.average_precision, average_precision_score)):
        for metric in (make(), make(bins=40)):
            assert np.isnan(once(metric, scores, target))
            # What has no weight does not count, and so need not be a number.
            found = once(metric, scores, target, weights=kept.astype(float))
            np.testing.assert_allclose(found, oracle(target[kept], scores[kept]), rtol=1e-12)
    assert np.isnan(once(metrics.spearman(), scores, np.arange(5.0)))


@pytest.mark.parametrize("bins", [None, 40])
def test_one_nan_among_the_scores_of_several_classes(bins):
    rng = np.random.default_rng(0)
    scores = rng.uniform(size=(12, 3))
    scores, target = scores / scores.sum(axis=1, keepdims=True), np.arange(12) % 3
    for option in ({"multi_class": "ovr"}, {"multi_class": "ovo"}, {"multi_class": "ovr", "average": "micro"}):
        metric = metrics.roc_auc(3, bins=bins, **option)
        assert np.isfinite(once(metric, scores, target))
        for column in range(3):
            bad = scores.copy()
            bad[4, column] = NAN
            assert np.isnan(once(metric, bad, target))
    # The class of example 4 is 1: neither a missing score of its own nor that of another class is a place.
    for column in range(3):
        bad = scores.copy()
        bad[4, column] = NAN
        assert np.isnan(once(metrics.top_k_accuracy(2), bad, target))


def test_scores_are_neither_classes_nor_probabilities():
    with pytest.raises(
        DtypeError, match=r"(?s)accuracy takes class numbers.*float64 and shape \(2,\).*prediction > 0\.5"
    ):
        once(metrics.accuracy(), np.array([0.9, 0.2]), np.array([1, 0]))
    assert once(metrics.accuracy(), np.array([0.9, 0.2]) > 0.5, np.array([1, 0])) == 1
    for metric in (metrics.log_loss(), metrics.calibration_error()):
        with pytest.raises(ParameterError, match=r"(?s)takes probabilities.*from -1 to 5.*xp\.softmax\(scores\)"):
            once(metric, np.array([[3.0, -1.0], [2.0, 5.0]]), np.array([0, 1]))


def test_lists_are_no_arrays():
    x, y = np.array([0.5, 0.25]), np.array([1, 0])
    for metric in (metrics.mse(), metrics.roc_auc(), metrics.log_loss(), metrics.r2(), metrics.spearman()):
        for arguments in ((x.tolist(), y), (x, y.tolist())):
            with pytest.raises(DtypeError, match=r"(?s)takes arrays.*found:  list.*xp\.asarray\(x\)"):
                once(metric, *arguments)
    for metric in (metrics.accuracy(), metrics.confusion_matrix(2), metrics.f_beta()):
        with pytest.raises(DtypeError, match=r"takes arrays"):
            once(metric, y.tolist(), y)
    with pytest.raises(DtypeError, match=r"takes arrays"):
        once(metrics.mse(), x, x, weights=[1, 1])
    with pytest.raises(ParameterError, match=r"(?s)top_k_accuracy got a k.*k=True"):
        metrics.top_k_accuracy(True)
