"""Metrics of class numbers, from how often each class was predicted where each was true."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.metrics.metric import (
    Metric,
    check_choice,
    check_count,
    class_numbers,
    integers,
    paired,
    quotient,
    shape_of,
    summed,
    zeros,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cohen_kappa", "confusion_matrix", "f_beta", "iou", "matthews", "precision", "recall"]

_AVERAGES = ("binary", "micro", "macro", "weighted", "none")


def _labels(name: str, like: Any, classes: int, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any, Any]:
    shape = shape_of(name, prediction)
    target, count = paired(name, shape, target, weights, like)
    predicted = class_numbers(name, xp.reshape(prediction, (-1,)), classes)
    return predicted, class_numbers(name, target, classes), count


def _table(name: str, classes: int, finish: Callable[[Any], Any]) -> Metric:
    """Return a metric whose state is a confusion matrix."""
    check_count(name, "classes", classes, 2)

    def update(state: dict[str, Any], prediction: Any, target: Any, *, weights: Any = None) -> dict[str, Any]:
        table = state["table"]
        predicted, true, count = _labels(name, table, classes, prediction, target, weights)
        place = integers(true) * classes + integers(predicted)
        found = xp.segment_sum(count, place, num_segments=classes * classes)
        return {"table": xp.add(table, xp.reshape(found, (classes, classes)))}

    def init() -> dict[str, Any]:
        return {"table": zeros(classes, classes)}

    return Metric(init, update, summed, lambda state: finish(state["table"]))


def confusion_matrix(classes: int, *, normalize: str | None = None) -> Metric:
    """How often each class was predicted where each was true.

    Parameters
    ----------
    classes : int
        The number of classes.
    normalize : str, optional
        ``"true"`` divides each row by its sum, ``"pred"`` each column, ``"all"`` everything by the total; what was
        divided by 0 is 0.

    Returns
    -------
    Metric
        Its value has shape (classes, classes): true classes down, predicted ones across. ``update`` takes class numbers
        of the same shape.

    Raises
    ------
    ParameterError
        If `classes` is below 2 or `normalize` unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.confusion_matrix(2)
    >>> metric.compute(metric.update(metric.init(), np.array([0, 1, 1]), np.array([0, 0, 1])))
    array([[1., 1.],
           [0., 1.]])
    """
    check_choice("confusion_matrix", "normalize", normalize, (None, "true", "pred", "all"))

    def finish(table: Any) -> Any:
        if normalize is None:
            return table
        axis = {"true": 1, "pred": 0, "all": (0, 1)}[normalize]
        return quotient(table, xp.sum(table, axis=axis, keepdims=True), 0.0)

    return _table("confusion_matrix", classes, finish)


def matthews(classes: int = 2) -> Metric:
    """Matthews correlation coefficient of predicted and true classes, from -1 to 1.

    Parameters
    ----------
    classes : int, default 2
        The number of classes.

    Returns
    -------
    Metric
        ``update`` takes class numbers of the same shape. Where one class is all there is the value is 0.

    Raises
    ------
    ParameterError
        If `classes` is below 2.

    References
    ----------
    J. Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, Computational Biology and
    Chemistry 28 (2004).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.matthews()
    >>> float(metric.compute(metric.update(metric.init(), np.array([1, 0, 1, 1]), np.array([1, 1, 1, 0]))).round(6))
    -0.333333
    """

    def finish(table: Any) -> Any:
        true, predicted, total = xp.sum(table, axis=1), xp.sum(table, axis=0), xp.sum(table)
        both = xp.sum(_diagonal(table)) * total - xp.sum(true * predicted)
        spread = (total * total - xp.sum(predicted * predicted)) * (total * total - xp.sum(true * true))
        return quotient(both, xp.sqrt(xp.maximum(spread, 0.0)), 0.0)

    return _table("matthews", classes, finish)


def cohen_kappa(classes: int = 2, *, weighting: str | None = None) -> Metric:
    """Cohen's kappa: the agreement of two annotators beyond what chance gives.

    Parameters
    ----------
    classes : int, default 2
        The number of classes.
    weighting : str, optional
        ``"linear"`` or ``"quadratic"``: how much a disagreement counts by the distance of the class numbers.

    Returns
    -------
    Metric
        ``update`` takes class numbers of the same shape. Where both have one class only the value is NaN.

    Raises
    ------
    ParameterError
        If `classes` is below 2 or `weighting` unknown.

    References
    ----------
    J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.cohen_kappa(3)
    >>> a, b = np.array([0, 1, 0, 2, 0]), np.array([0, 1, 0, 2, 1])
    >>> float(metric.compute(metric.update(metric.init(), a, b)))
    0.6875
    """
    check_choice("cohen_kappa", "weighting", weighting, (None, "linear", "quadratic"))

    def finish(table: Any) -> Any:
        true, predicted, total = xp.sum(table, axis=1), xp.sum(table, axis=0), xp.sum(table)
        expected = quotient(xp.expand_dims(true, axis=1) * xp.expand_dims(predicted, axis=0), total, nan)
        index = xp.arange(classes, dtype=table.dtype, device=table.device)
        distance = xp.abs(xp.expand_dims(index, axis=1) - xp.expand_dims(index, axis=0))
        if weighting is None:
            distance = xp.astype(distance > 0, table.dtype)
        elif weighting == "quadratic":
            distance = xp.square(distance)
        return 1 - quotient(xp.sum(distance * table), xp.sum(distance * expected), nan)

    return _table("cohen_kappa", classes, finish)


def _diagonal(table: Any) -> Any:
    index = xp.arange(table.shape[0], device=table.device)
    return xp.sum(xp.where(xp.expand_dims(index, axis=1) == index, table, 0.0), axis=1)


def _per_class(
    name: str,
    ratio: Callable[[Any, Any, Any], tuple[Any, Any]],
    classes: int,
    average: str,
    zero_division: float,
) -> Metric:
    """Return a metric whose state is, for each class, how often it was predicted, true, and both."""
    check_count(name, "classes", classes, 2)
    check_choice(name, "average", average, _AVERAGES)
    if average == "binary" and classes != 2:
        raise ParameterError(
            f"metrics.{name} got average='binary' for several classes.",
            found=f"classes={classes}",
            needed="an average over the classes",
            write=f'metrics.{name}({classes}, average="macro")',
        )

    def init() -> dict[str, Any]:
        return {"both": zeros(classes), "predicted": zeros(classes), "true": zeros(classes)}

    def update(state: dict[str, Any], prediction: Any, target: Any, *, weights: Any = None) -> dict[str, Any]:
        predicted, true, count = _labels(name, state["both"], classes, prediction, target, weights)
        right = xp.where(xp.equal(predicted, true), count, 0.0)
        found = {
            "both": xp.segment_sum(right, true, num_segments=classes),
            "predicted": xp.segment_sum(count, predicted, num_segments=classes),
            "true": xp.segment_sum(count, true, num_segments=classes),
        }
        return summed(state, found)

    def compute(state: dict[str, Any]) -> Any:
        both, predicted, true = state["both"], state["predicted"], state["true"]
        if average == "micro":
            both, predicted, true = xp.sum(both), xp.sum(predicted), xp.sum(true)
        values = quotient(*ratio(both, predicted, true), zero_division)
        if average == "binary":
            return values[1]
        if average in ("micro", "none"):
            return values
        # Classes whose value is NaN, as `zero_division` may be, are left out; without any true ones all count alike.
        defined = xp.astype(xp.logical_not(xp.isnan(values)), values.dtype)
        share = defined
        if average == "weighted":
            share = true * defined
            share = xp.where(xp.sum(share) == 0, defined, share)
        return quotient(xp.sum(xp.where(defined == 0, 0.0, values) * share), xp.sum(share), nan)

    return Metric(init, update, summed, compute)


def precision(classes: int = 2, *, average: str | None = None, zero_division: float = 0.0) -> Metric:
    """Share of the predictions of a class that are right.

    Parameters
    ----------
    classes : int, default 2
        The number of classes.
    average : str, optional
        ``"binary"`` for class 1 of two, the default for two classes; ``"macro"`` for the mean over the classes, the
        default for more; ``"weighted"`` for the mean weighted by how often each is true; ``"micro"`` for the share over
        all classes together; ``"none"`` for one value per class. All classes count, also those that never occur.
    zero_division : float, default 0.0
        The value of a class that was never predicted; NaN leaves it out of the mean.

    Returns
    -------
    Metric
        ``update`` takes class numbers of the same shape; booleans are classes 0 and 1.

    Raises
    ------
    ParameterError
        If `classes` is below 2 or `average` unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.precision()
    >>> float(metric.compute(metric.update(metric.init(), np.array([1, 1, 0]), np.array([1, 0, 1]))))
    0.5
    """
    return _per_class("precision", lambda both, p, _: (both, p), classes, _default(classes, average), zero_division)


def recall(classes: int = 2, *, average: str | None = None, zero_division: float = 0.0) -> Metric:
    """Share of the examples of a class that are found.

    Parameters
    ----------
    classes, average
        As for `precision`.
    zero_division : float, default 0.0
        The value of a class that is never true; NaN leaves it out of the mean.

    Returns
    -------
    Metric
        ``update`` takes class numbers of the same shape; booleans are classes 0 and 1.

    Raises
    ------
    ParameterError
        If `classes` is below 2 or `average` unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.recall(3, average="none")
    >>> metric.compute(metric.update(metric.init(), np.array([0, 1, 1]), np.array([0, 0, 1])))
    array([0.5, 1. , 0. ])
    """
    return _per_class("recall", lambda both, _, true: (both, true), classes, _default(classes, average), zero_division)


def f_beta(classes: int = 2, *, beta: float = 1.0, average: str | None = None, zero_division: float = 0.0) -> Metric:
    r"""Weighted harmonic mean of precision and recall; with :math:`\beta = 1` the F1 score.

    :math:`\frac{(1 + \beta^2) TP}{(1 + \beta^2) TP + \beta^2 FN + FP}`.

    Parameters
    ----------
    classes, average
        As for `precision`.
    beta : float, default 1.0
        How many times as much recall counts as precision; not negative.
    zero_division : float, default 0.0
        The value of a class that is never true nor predicted; NaN leaves it out of the mean.

    Returns
    -------
    Metric
        ``update`` takes class numbers of the same shape; booleans are classes 0 and 1.

    Raises
    ------
    ParameterError
        If `classes` is below 2, `average` unknown, or `beta` negative.

    References
    ----------
    C. J. van Rijsbergen, Information Retrieval, 2nd ed., Butterworths (1979), chapter 7.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.f_beta()
    >>> float(metric.compute(metric.update(metric.init(), np.array([1, 1, 0]), np.array([1, 0, 1]))))
    0.5
    """
    if not 0 <= beta < float("inf"):
        raise ParameterError(
            "metrics.f_beta got a beta that it cannot have.",
            found=f"beta={beta!r}",
            needed="a finite number of at least 0",
            write="metrics.recall(classes) for an infinite one",
        )
    square = beta * beta
    return _per_class(
        "f_beta",
        lambda both, predicted, true: ((1 + square) * both, square * true + predicted),
        classes,
        _default(classes, average),
        zero_division,
    )


def iou(classes: int = 2, *, average: str | None = None, zero_division: float = 0.0) -> Metric:
    """Intersection over union of predicted and true regions: the Jaccard index of each class.

    Parameters
    ----------
    classes, average
        As for `precision`. The mean IoU of segmentation is ``average="macro"`` with ``zero_division=float("nan")``,
        which leaves out classes that do not occur.
    zero_division : float, default 0.0
        The value of a class that is never true nor predicted; NaN leaves it out of the mean.

    Returns
    -------
    Metric
        ``update`` takes class numbers of the same shape, such as one per pixel; booleans are classes 0 and 1.

    Raises
    ------
    ParameterError
        If `classes` is below 2 or `average` unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.iou(3, average="none")
    >>> metric.compute(metric.update(metric.init(), np.array([[0, 1], [2, 2]]), np.array([[0, 1], [1, 2]])))
    array([1. , 0.5, 0.5])
    """
    return _per_class(
        "iou",
        lambda both, predicted, true: (both, predicted + true - both),
        classes,
        _default(classes, average),
        zero_division,
    )


def _default(classes: int, average: str | None) -> str:
    if average is None:
        return "binary" if classes == 2 else "macro"
    return average
