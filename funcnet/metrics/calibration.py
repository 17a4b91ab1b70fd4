"""Whether what is said to be likely is true as often."""

from __future__ import annotations

from math import nan
from typing import Any

from funcnet import xp
from funcnet.metrics.metric import (
    Metric,
    check_choice,
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

__all__ = ["calibration_error"]


def calibration_error(bins: int = 15, *, norm: str = "l1") -> Metric:
    r"""Expected calibration error: how far confidence is from accuracy, over bins of confidence.

    :math:`\sum_b \frac{n_b}{n} \left| a_b - c_b \right|` with the share :math:`a_b` of right predictions and the mean
    confidence :math:`c_b` in bins of equal width, which contain their upper bound.

    Parameters
    ----------
    bins : int, default 15
        The number of bins.
    norm : str, default "l1"
        ``"l1"`` for the weighted mean; ``"l2"`` for the root of the weighted mean of squares; ``"max"`` for the
        largest.

    Returns
    -------
    Metric
        ``update`` takes probabilities of the classes on the last axis, and class numbers, where the highest probability
        is the confidence; or the probabilities of a yes and the targets, booleans or 0 and 1, of the same shape.

    Raises
    ------
    ParameterError
        If `bins` is no positive integer or `norm` unknown.

    References
    ----------
    C. Guo et al., On calibration of modern neural networks, ICML (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.calibration_error(bins=2)
    >>> state = metric.update(metric.init(), np.array([0.9, 0.9, 0.2]), np.array([1, 0, 0]))
    >>> float(metric.compute(state).round(6))
    0.333333
    """
    name = "calibration_error"
    check_count(name, "bins", bins)
    check_choice(name, "norm", norm, ("l1", "l2", "max"))

    def init() -> dict[str, Any]:
        return {"count": zeros(bins), "confidence": zeros(bins), "right": zeros(bins)}

    def update(state: dict[str, Any], prediction: Any, target: Any, *, weights: Any = None) -> dict[str, Any]:
        like = state["count"]
        shape = shape_of(name, prediction)
        check_probabilities(name, prediction)
        if shape == shape_of(name, target):
            labels, count = paired(name, shape, target, weights, like)
            right = class_numbers(name, labels, 2) == 1
            confidence = xp.reshape(floating(name, prediction, like), (-1,))
        else:
            labels, count = paired(name, shape[:-1], target, weights, like)
            labels = class_numbers(name, labels, shape[-1])
            right = xp.equal(integers(xp.reshape(xp.argmax(prediction, axis=-1), (-1,))), integers(labels))
            confidence = xp.reshape(floating(name, xp.max(prediction, axis=-1), like), (-1,))
        edges = xp.astype(xp.arange(1, bins, device=like.device), like.dtype) / bins
        place = xp.searchsorted(edges, confidence, side="left")
        found = {
            "count": xp.segment_sum(count, place, num_segments=bins),
            "confidence": xp.segment_sum(count * confidence, place, num_segments=bins),
            "right": xp.segment_sum(xp.where(right, count, 0.0), place, num_segments=bins),
        }
        return summed(state, found)

    def compute(state: dict[str, Any]) -> Any:
        count = state["count"]
        gaps = xp.abs(quotient(state["right"] - state["confidence"], count, 0.0))
        if norm == "max":
            return xp.max(gaps)
        share = quotient(count, xp.sum(count), nan)
        return xp.sum(share * gaps) if norm == "l1" else xp.sqrt(xp.sum(share * xp.square(gaps)))

    return Metric(init, update, summed, compute)
