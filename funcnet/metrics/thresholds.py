"""Metrics of scores over all thresholds: exact from the scores, or from how many fall in each bin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.metrics.areas import Ranking, bin_of, binned, check_bins, precision_area, ranked, roc_area, unknown
from funcnet.metrics.metric import (
    Metric,
    check_choice,
    check_count,
    class_numbers,
    floating,
    joined,
    one_hot,
    paired,
    paired_rows,
    scores_of,
    shape_of,
    summed,
    zeros,
)
from funcnet.metrics.pairs import pairwise_roc_auc

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["average_precision", "roc_auc"]

_AVERAGES = ("macro", "weighted", "micro", "none")


def _check(name: str, classes: int | None, multi_class: str, average: str, kinds: tuple[str, ...]) -> None:
    check_choice(name, "multi_class", multi_class, kinds)
    check_choice(name, "average", average, ("macro", "weighted") if multi_class == "ovo" else _AVERAGES)
    if classes is not None:
        check_count(name, "classes", classes, 1 if multi_class == "multilabel" else 2)
    elif (multi_class, average) != ("ovr", "macro"):
        raise ParameterError(
            f"metrics.{name} got options for several classes without their number.",
            found=f"multi_class={multi_class!r}, average={average!r}",
            needed="the number of classes",
            write=f"metrics.{name}(3, multi_class={multi_class!r}, average={average!r})",
        )


def _metric(
    name: str,
    classes: int | None,
    multi_class: str,
    average: str,
    bins: int | None,
    low: float,
    high: float,
    area: Callable[[Ranking], Any],
) -> Metric:
    """Return a metric whose state holds the weights of a yes and of a no: examples or bins down, classes across."""
    columns = classes or 1

    def init() -> dict[str, Any]:
        if bins is None:
            return {part: zeros(0, columns) for part in ("scores", "yes", "no")}
        return {"yes": zeros(bins, columns), "no": zeros(bins, columns)}

    def read(like: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any, Any]:
        """Return scores, where a yes is, and weights, all with classes across or with one column."""
        shape = shape_of(name, prediction)
        if classes is not None and multi_class == "ovr":
            scores, labels, count = scores_of(name, classes, prediction, target, weights, like)
            return scores, one_hot(labels, classes), xp.expand_dims(count, axis=-1)
        if classes is None:
            labels, count = paired(name, shape, target, weights, like)
        else:
            labels, count = paired_rows(name, shape, classes, target, weights, like)
        scores = xp.reshape(floating(name, prediction, like), (-1, columns))
        positive = xp.reshape(class_numbers(name, labels, 2) == 1, (-1, columns))
        return scores, positive, xp.expand_dims(count, axis=-1)

    def update(state: dict[str, Any], prediction: Any, target: Any, *, weights: Any = None) -> dict[str, Any]:
        scores, positive, count = read(state["yes"], prediction, target, weights)
        count = unknown(xp.isnan(scores), count)
        yes, no = xp.where(positive, count, 0.0), xp.where(positive, 0.0, count)
        if bins is None:
            return joined(state, {"scores": scores, "yes": yes, "no": no})
        place = bin_of(scores, bins, low, high)
        # A segment for each bin of each class.
        place = xp.reshape(place * columns + xp.arange(columns, device=place.device), (-1,))
        sums = [xp.segment_sum(xp.reshape(w, (-1,)), place, num_segments=bins * columns) for w in (yes, no)]
        return summed(
            state, {part: xp.reshape(w, (bins, columns)) for part, w in zip(("yes", "no"), sums, strict=True)}
        )

    def compute(state: dict[str, Any]) -> Any:
        yes, no = state["yes"], state["no"]
        if average == "micro":
            if bins is None:
                return area(ranked(*(xp.reshape(state[part], (-1,)) for part in ("scores", "yes", "no"))))
            return area(binned(xp.sum(yes, axis=1), xp.sum(no, axis=1)))
        if bins is None:
            found = [area(ranked(state["scores"][:, c], yes[:, c], no[:, c])) for c in range(columns)]
        else:
            found = [area(binned(yes[:, c], no[:, c])) for c in range(columns)]
        if classes is None:
            return found[0]
        return _averaged(xp.stack(found), xp.sum(yes, axis=0), average)

    return Metric(init, update, joined if bins is None else summed, compute)


def _averaged(found: Any, share: Any, average: str) -> Any:
    if average == "none":
        return found
    if average == "macro":
        return xp.mean(found)
    # A class without a yes does not count, whatever its area is.
    total = xp.sum(share)
    mean = xp.sum(xp.where(share == 0, 0.0, found * share)) / xp.where(total == 0, 1.0, total)
    return xp.where(total == 0, xp.mean(found), mean)


def roc_auc(
    classes: int | None = None,
    *,
    multi_class: str = "ovr",
    average: str = "macro",
    bins: int | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Metric:
    """Area under the receiver operating characteristic: how often a yes has a higher score than a no.

    Pairs with equal scores count half. The value is NaN where one of both is missing.

    Parameters
    ----------
    classes : int, optional
        The number of classes, or of labels; scores of a yes, of a single question, if omitted.
    multi_class : {"ovr", "ovo", "multilabel"}, default "ovr"
        With `classes`: ``"ovr"`` takes each class against all others, ``"ovo"`` each class against each other one (and
        leaves out those that are missing), ``"multilabel"`` several labels, any of which an example may have.
    average : {"macro", "weighted", "micro", "none"}, default "macro"
        With `classes`: the mean over the classes; their mean weighted by how often each is true, where classes that
        never are do not count; the area of all classes' scores together; or all areas. One against one there is the
        mean over pairs of classes, or their mean weighted by how often one of both is true.
    bins : int, optional
        Without it the state holds all scores, and the value is exact. With it the state holds how many of both are in
        each of so many bins of equal width; scores in the same bin count as equal.
    low, high : float, default 0.0, 1.0
        The bounds of the bins; what lies beyond counts for the bin at the end.

    Returns
    -------
    Metric
        ``update`` takes scores and targets, booleans or 0 and 1, of the same shape; with `classes` scores of the
        classes on a further last axis, and class numbers; of labels scores and targets with the labels on the last
        axis, and weights of the examples.

    Raises
    ------
    ParameterError
        If `classes` or `bins` is too small, the bounds are none, or an option is unknown.

    References
    ----------
    .. [1] J. A. Hanley and B. J. McNeil, The meaning and use of the area under a receiver operating characteristic
       curve, Radiology 143 (1982).
    .. [2] D. J. Hand and R. J. Till, A simple generalisation of the area under the ROC curve for multiple class
       classification problems, Machine Learning 45 (2001).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.roc_auc()
    >>> state = metric.update(metric.init(), np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    >>> float(metric.compute(state))
    0.75
    >>> metric = metrics.roc_auc(3, average="none")
    >>> scores = np.array([[0.8, 0.1, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3], [0.2, 0.2, 0.6]])
    >>> metric.compute(metric.update(metric.init(), scores, np.array([0, 1, 1, 2])))
    array([1., 1., 1.])
    """
    _check("roc_auc", classes, multi_class, average, ("ovr", "ovo", "multilabel"))
    check_bins("roc_auc", bins, low, high)
    if classes is None or multi_class != "ovo":
        return _metric("roc_auc", classes, multi_class, average, bins, low, high, roc_area)
    return pairwise_roc_auc("roc_auc", classes, average, bins, low, high)


def average_precision(
    classes: int | None = None,
    *,
    multi_class: str = "ovr",
    average: str = "macro",
    bins: int | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Metric:
    r"""Mean of the precisions at the thresholds at which each yes is found.

    :math:`\sum_n (R_n - R_{n - 1}) P_n` over all distinct scores, from the highest down, without interpolation. Without
    any yes it is 0.

    Parameters
    ----------
    classes, multi_class, average, bins, low, high
        As for `roc_auc`; there is no ``"ovo"``.

    Returns
    -------
    Metric
        ``update`` takes what that of `roc_auc` takes.

    Raises
    ------
    ParameterError
        If `classes` or `bins` is too small, the bounds are none, or an option is unknown.

    References
    ----------
    C. D. Manning et al., Introduction to Information Retrieval, Cambridge University Press (2008), section 8.4.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.average_precision()
    >>> state = metric.update(metric.init(), np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    >>> float(metric.compute(state).round(6))
    0.833333
    """
    _check("average_precision", classes, multi_class, average, ("ovr", "multilabel"))
    check_bins("average_precision", bins, low, high)
    return _metric("average_precision", classes, multi_class, average, bins, low, high, precision_area)
