"""Metrics that are a mean over the examples, or a function of one."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ShapeError
from funcnet.metrics.metric import (
    Metric,
    check_count,
    check_probabilities,
    class_numbers,
    floating,
    integers,
    paired,
    quotient,
    shape_of,
    summed,
    zeros,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["accuracy", "log_loss", "mae", "mean", "mse", "perplexity", "rmse", "top_k_accuracy"]


def _init() -> dict[str, Any]:
    return {"total": zeros(), "count": zeros()}


def _average(state: dict[str, Any]) -> Any:
    return quotient(state["total"], state["count"], nan)


def _metric(
    values_of: Callable[[Any, Any, Any, Any], tuple[Any, Any]], finish: Callable[[Any], Any] | None = None
) -> Metric:
    """Return the metric of a mean; the function returns values and weights as vectors."""

    def update(state: dict[str, Any], prediction: Any, target: Any, *, weights: Any = None) -> dict[str, Any]:
        values, count = values_of(state["total"], prediction, target, weights)
        # What has no weight does not count, infinite as it may be.
        values = xp.multiply(xp.where(count == 0, 0.0, values), count)
        return {
            "total": xp.add(state["total"], xp.sum(values)),
            "count": xp.add(state["count"], xp.sum(count)),
        }

    return Metric(_init, update, summed, _average if finish is None else lambda state: finish(_average(state)))


def mean() -> Metric:
    """Mean of numbers, such as the losses of examples.

    ``update(state, values, *, weights=None)`` takes numbers of any shape and no target. The mean of nothing is NaN.

    Returns
    -------
    Metric
        Its value is the weighted mean of all elements.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.mean()
    >>> state = metric.update(metric.init(), np.array([1.0, 2.0]))
    >>> float(metric.compute(metric.update(state, np.array([6.0]), weights=np.array([2.0]))))
    3.75
    """
    inner = _metric(lambda like, values, _, weights: _flat("mean", like, values, values, weights))
    return inner._replace(
        update=lambda state, values, *, weights=None: inner.update(state, values, values, weights=weights)
    )


def _flat(name: str, like: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any]:
    values = floating(name, prediction, like)
    _, count = paired(name, tuple(values.shape), target, weights, like)
    return xp.reshape(values, (-1,)), count


def _of_errors(name: str, of_error: Callable[[Any], Any], finish: Callable[[Any], Any] | None = None) -> Metric:
    def values(like: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any]:
        flat, count = _flat(name, like, prediction, target, weights)
        error = xp.subtract(flat, xp.reshape(floating(name, target, like), (-1,)))
        return of_error(error), count

    return _metric(values, finish)


def mse() -> Metric:
    """Mean squared error.

    Returns
    -------
    Metric
        ``update`` takes predictions and targets of the same shape; the mean is over all elements.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.mse()
    >>> float(metric.compute(metric.update(metric.init(), np.array([1.0, 4.0]), np.array([0.0, 1.0]))))
    5.0
    """
    return _of_errors("mse", xp.square)


def rmse() -> Metric:
    """Root of the mean squared error.

    Returns
    -------
    Metric
        ``update`` takes predictions and targets of the same shape; the mean is over all elements.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.rmse()
    >>> float(metric.compute(metric.update(metric.init(), np.array([3.0, 4.0]), np.array([0.0, 4.0]))).round(4))
    2.1213
    """
    return _of_errors("rmse", xp.square, xp.sqrt)


def mae() -> Metric:
    """Mean absolute error.

    Returns
    -------
    Metric
        ``update`` takes predictions and targets of the same shape; the mean is over all elements.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.mae()
    >>> float(metric.compute(metric.update(metric.init(), np.array([1.0, 4.0]), np.array([0.0, 1.0]))))
    2.0
    """
    return _of_errors("mae", xp.abs)


def accuracy() -> Metric:
    """Share of the examples whose predicted class is the target's.

    Returns
    -------
    Metric
        ``update(state, prediction, target, *, weights=None)`` takes class numbers of the shape of the targets, or
        scores of the classes on a further last axis, of which the first of the highest counts.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.accuracy()
    >>> scores = np.array([[2.0, 0.0], [3.0, 1.0]])
    >>> float(metric.compute(metric.update(metric.init(), scores, np.array([0, 1]))))
    0.5
    """

    def values(like: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any]:
        if len(shape_of("accuracy", prediction)) == len(shape_of("accuracy", target)) + 1:
            prediction = xp.argmax(prediction, axis=-1)
        elif kind(prediction.dtype) not in "biu":
            raise DtypeError(
                "metrics.accuracy takes class numbers, or scores on a further last axis.",
                found=f"an array of dtype {prediction.dtype} and shape {tuple(prediction.shape)}",
                needed="integers or booleans where predictions have the shape of the targets",
                write="prediction > 0.5 for the probabilities of a yes, prediction > 0 for their logits",
            )
        labels, count = paired("accuracy", tuple(prediction.shape), target, weights, like)
        return xp.astype(xp.equal(xp.reshape(prediction, (-1,)), labels), like.dtype), count

    return _metric(values)


def top_k_accuracy(k: int) -> Metric:
    """Share of the examples whose target is among the k classes with the highest scores.

    Parameters
    ----------
    k : int
        How many classes count. Of equal scores those of the later classes count first, as in scikit-learn.

    Returns
    -------
    Metric
        ``update`` takes scores of the classes on the last axis, and class numbers.

    Raises
    ------
    ParameterError
        If `k` is no positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.top_k_accuracy(2)
    >>> scores = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    >>> float(metric.compute(metric.update(metric.init(), scores, np.array([1, 2]))))
    0.5
    """
    name = "top_k_accuracy"
    check_count(name, "k", k)

    def values(like: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any]:
        scores, labels, count = _scores(name, like, prediction, target, weights)
        column = xp.expand_dims(integers(labels), axis=-1)
        own = xp.take_along_axis(scores, column, axis=-1)
        classes = xp.arange(scores.shape[-1], dtype=column.dtype, device=labels.device)
        tied = xp.logical_and(xp.equal(scores, own), xp.greater(classes, column))
        before = xp.sum(xp.astype(xp.logical_or(xp.greater(scores, own), tied), like.dtype), axis=-1)
        right = xp.astype(before < k, like.dtype)
        return xp.where(xp.any(xp.isnan(scores), axis=-1), nan, right), count

    return _metric(values)


def _scores(name: str, like: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Return scores as a matrix, and class numbers and weights as vectors."""
    shape = shape_of(name, prediction)
    if len(shape) < 1:
        raise ShapeError(
            f"metrics.{name} takes scores of the classes.",
            found="predictions of shape ()",
            needed="the classes on the last axis",
        )
    labels, count = paired(name, shape[:-1], target, weights, like)
    labels = class_numbers(name, labels, shape[-1])
    return xp.reshape(floating(name, prediction, like), (-1, shape[-1])), labels, count


def log_loss() -> Metric:
    """Mean negative logarithm of the probability of the target.

    Probabilities are clipped to what the data type of the predictions can tell from 0 and 1, as in scikit-learn, and
    are not normalised. From scores, `perplexity` is exact.

    Returns
    -------
    Metric
        ``update`` takes probabilities of the classes on the last axis, and class numbers; or the probabilities of a yes
        and the targets, booleans or 0 and 1, of the same shape.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.log_loss()
    >>> p = np.array([[0.9, 0.1], [0.5, 0.5]])
    >>> float(metric.compute(metric.update(metric.init(), p, np.array([0, 1]))).round(6))
    0.399254
    """

    def values(like: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any]:
        shape = shape_of("log_loss", prediction)
        check_probabilities("log_loss", prediction)
        eps = float(xp.finfo(prediction.dtype).eps) if kind(prediction.dtype) == "f" else 0.0
        if shape == shape_of("log_loss", target):
            labels, count = paired("log_loss", shape, target, weights, like)
            yes = class_numbers("log_loss", labels, 2) == 1
            p = xp.reshape(floating("log_loss", prediction, like), (-1,))
            p = xp.where(yes, p, 1 - p)
        else:
            scores, labels, count = _scores("log_loss", like, prediction, target, weights)
            p = xp.squeeze(xp.take_along_axis(scores, xp.expand_dims(labels, axis=-1), axis=-1), axis=-1)
        return -xp.log(xp.clip(p, eps, 1 - eps)), count

    return _metric(values)


def perplexity(*, ignore_index: int | None = None) -> Metric:
    """Exponential of the mean cross-entropy of scores: how many equally likely classes a model hesitates between.

    Parameters
    ----------
    ignore_index : int, optional
        A class number that marks examples to leave out, such as padding.

    Returns
    -------
    Metric
        ``update`` takes scores (logits, or logarithms of probabilities) of the classes on the last axis, and class
        numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.perplexity(ignore_index=-1)
    >>> state = metric.update(metric.init(), np.zeros((2, 5, 8)), np.array([[0, 1, 2, -1, -1], [3, 4, 5, 6, 7]]))
    >>> float(metric.compute(state).round(6))
    8.0
    """

    def values(like: Any, prediction: Any, target: Any, weights: Any) -> tuple[Any, Any]:
        kept = None
        if ignore_index is not None and shape_of("perplexity", target) == shape_of("perplexity", prediction)[:-1]:
            kept = target != ignore_index
            target = xp.where(kept, target, xp.zeros_like(target))
        scores, labels, count = _scores("perplexity", like, prediction, target, weights)
        logp = xp.log_softmax(scores)
        values = -xp.squeeze(xp.take_along_axis(logp, xp.expand_dims(labels, axis=-1), axis=-1), axis=-1)
        if kept is not None:
            count = xp.where(xp.reshape(kept, (-1,)), count, 0.0)
        return values, count

    return _metric(values, xp.exp)
