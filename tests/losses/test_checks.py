"""What losses require of their arguments."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.losses import checks

Z, Y = np.zeros((2, 3)), np.zeros((2, 3))


def test_numbers_out_of_range():
    checks.check_number("huber", "delta", np.array(-1.0), 0)  # arrays are not read
    with pytest.raises(ParameterError, match=r"losses\.huber got a delta") as error:
        checks.check_number("huber", "delta", 0, 0, open_low=True)
    assert "found:  delta=0" in str(error.value)
    assert "needed: a number above 0" in str(error.value)
    with pytest.raises(ParameterError, match="a number of at least 0 and at most 1"):
        checks.check_number("quantile", "level", 1.5, 0, 1)
    with pytest.raises(ParameterError, match="found:  level=nan"):
        checks.check_number("quantile", "level", float("nan"), 0, 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: losses.huber(Z, Y, delta=-1.0),
        lambda: losses.smooth_l1(Z, Y, beta=-1.0),
        lambda: losses.mape(Z, Y, epsilon=0.0),
        lambda: losses.quantile(Z, Y, level=2.0),
        lambda: losses.expectile(Z, Y, level=-1.0),
        lambda: losses.sigmoid_focal(Z, Y, gamma=-1.0),
        lambda: losses.sigmoid_focal(Z, Y, alpha=2.0),
        lambda: losses.softmax_focal(Z, np.array([0, 1]), gamma=-1.0),
        lambda: losses.poly_cross_entropy(Z, Y, epsilon=-2.0),
        lambda: losses.multi_margin(Z, np.array([0, 1]), p=0),
        lambda: losses.multiclass_hinge(Z, np.array([0, 1]), margin=-1.0),
        lambda: losses.cosine_embedding(Z, Y, np.array([1, 1]), margin=2.0),
        lambda: losses.cosine_similarity(Z, Y, epsilon=0.0),
        lambda: losses.triplet_margin(Z, Y, Y, margin=0.0),
        lambda: losses.nt_xent(Z, np.array([0, 1]), temperature=0.0),
        lambda: losses.circle(Z, np.array([0, 1]), margin=-1.0),
        lambda: losses.circle(Z, np.array([0, 1]), gamma=0.0),
        lambda: losses.dice(Z, Y, smooth=-1.0),
        lambda: losses.tversky(Z, Y, alpha=-1.0),
        lambda: losses.tversky(Z, Y, gamma=0.0),
        lambda: losses.pairwise_ranking(Z, Y, margin=-1.0),
        lambda: losses.perturbed_fenchel_young(Z, Y, None, key=None, sigma=0.0),
        lambda: losses.perturbed_fenchel_young(Z, Y, None, key=None, samples=0),
    ],
)
def test_every_option_is_checked(call):
    with pytest.raises(ParameterError, match="that it cannot have"):
        call()


TWO = [
    "binary_cross_entropy",
    "binary_sparsemax",
    "cosine_distance",
    "dice",
    "expectile",
    "gaussian_kl",
    "hinge",
    "hinge_embedding",
    "huber",
    "jaccard",
    "js_divergence",
    "kl_divergence",
    "log_cosh",
    "mae",
    "mape",
    "msle",
    "multilabel_margin",
    "multilabel_soft_margin",
    "pairwise_ranking",
    "poisson_nll",
    "quantile",
    "ranking_softmax",
    "sigmoid_cross_entropy",
    "sigmoid_focal",
    "smooth_l1",
    "soft_margin",
    "squared_hinge",
    "tversky",
]


@pytest.mark.parametrize("name", TWO)
def test_nothing_is_broadcast(name):
    with pytest.raises(ShapeError, match=rf"losses\.{name} got .* of different shapes"):
        getattr(losses, name)(np.full((3, 1), 0.5), np.ones(3))


@pytest.mark.parametrize("name", TWO)
def test_predictions_are_floating_point(name):
    with pytest.raises(DtypeError, match=rf"losses\.{name} takes floating-point"):
        getattr(losses, name)(np.ones((2, 3), dtype=int), np.ones((2, 3)))


@pytest.mark.parametrize("name", TWO)
def test_targets_of_another_precision_do_not_widen(name):
    args = np.full((2, 3), 0.5, dtype="float32"), np.ones((2, 3))
    assert getattr(losses, name)(*args).dtype == np.float32
    assert fn.grad(getattr(losses, name))(*args).dtype == np.float32


@pytest.mark.parametrize("name", ["hinge", "squared_hinge", "soft_margin", "hinge_embedding"])
def test_labels_of_0_and_1_are_refused(name):
    with pytest.raises(ParameterError, match="takes labels of -1 and 1") as error:
        getattr(losses, name)(np.zeros(2), np.array([0, 1]))
    assert "2 * labels - 1" in str(error.value)


def test_axes():
    x = np.zeros((2, 3, 4))
    assert checks.summed_axes("dice", x, None) == (1, 2)
    assert checks.summed_axes("dice", x, -1) == (2,)
    assert checks.summed_axes("dice", x, (0, -2)) == (0, 1)
    with pytest.raises(ShapeError, match=r"losses\.dice got an axis"):
        losses.dice(x, x, axis=(1, 3))
    with pytest.raises(ShapeError, match="without the axis of the classes"):
        losses.multi_margin(x, np.zeros((2, 3), dtype=int), axis=3)


def test_pairs_need_one_label_per_embedding():
    for loss in (losses.nt_xent, losses.circle):
        with pytest.raises(ShapeError, match="one label for each embedding"):
            loss(np.zeros((3, 2)), np.zeros(2, dtype=int))


def test_fenchel_young_checks_what_it_is_given():
    with pytest.raises(ShapeError, match="a maximum that does not remove the last axis"):
        losses.fenchel_young(Z, Y, lambda s: s)
    with pytest.raises(ShapeError, match="perturbed scores and solutions of different shapes"):
        losses.perturbed_fenchel_young(Z, Y, lambda s: s[0], key=fn.random.key(0))


def test_values_are_not_read_where_there_are_none():
    specs = fn.Spec((2, 3), "float64"), fn.Spec((2,), "int64")
    assert fn.eval_shape(losses.softmax_cross_entropy, *specs).shape == ()


def test_lists_are_no_arrays():
    x, y = np.zeros((2, 3)), np.array([0, 2])
    for name in ("softmax_cross_entropy", "nll", "softmax_focal", "multi_margin", "sparsemax", "accuracy", "nt_xent"):
        with pytest.raises(DtypeError, match=rf"(?s)losses\.{name} takes labels as an array.*found:  list"):
            getattr(losses, name)(x, y.tolist())
    with pytest.raises(DtypeError, match=r"softmax_cross_entropy takes weights as an array"):
        losses.softmax_cross_entropy(x, y, weights=[1.0, 2.0])
    with pytest.raises(DtypeError, match=r"nll takes class_weights as an array"):
        losses.nll(x, y, class_weights=[1.0, 2.0, 3.0])
    with pytest.raises(DtypeError, match=r"(?s)gaussian_nll takes variance as an array.*found:  float"):
        losses.gaussian_nll(x, x, 1.0)
    with pytest.raises(DtypeError, match=r"ctc takes label_lengths as an array"):
        losses.ctc(np.zeros((1, 3, 4)), np.array([[1, 2]]), label_lengths=[2])


def test_axes_are_integers():
    p = np.full((2, 3), 1 / 3)
    assert losses.kl_divergence(np.log(p), p, axis=np.int64(1)) == losses.kl_divergence(np.log(p), p, axis=1)
    for loss, target in ((losses.softmax_cross_entropy, np.array([0, 1])), (losses.kl_divergence, p)):
        with pytest.raises(ParameterError, match=r"(?s)an axis that is no integer.*axis=1\.0"):
            loss(p, target, axis=1.0)  # type: ignore[operator]
