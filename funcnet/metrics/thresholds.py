"""Metrics of scores of a yes, over all thresholds: exact from the scores, or from how many fall in each bin."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.metrics.metric import Metric, check_count, class_numbers, floating, integers, paired, summed, zeros

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["average_precision", "roc_auc"]


def _metric(name: str, bins: int | None, low: float, high: float, area: Callable[[Any, Any, Any], Any]) -> Metric:
    """Return a metric from the weights of a yes and of a no; the area is given both and the order of the scores.

    The function gets, for each example or bin, the weight of a yes, the weight of a yes above it and with its score,
    and the same of a no.
    """
    if bins is not None:
        check_count(name, "bins", bins, 2)
        if not low < high:
            raise ParameterError(
                f"metrics.{name} got bounds of its bins that are none.",
                found=f"low={low}, high={high}",
                needed="low < high",
            )

    def init() -> dict[str, Any]:
        if bins is None:
            return {"scores": zeros(0), "yes": zeros(0), "no": zeros(0)}
        return {"yes": zeros(bins), "no": zeros(bins)}

    def update(state: dict[str, Any], prediction: Any, target: Any, *, weights: Any = None) -> dict[str, Any]:
        like = state["yes"]
        labels, count = paired(name, tuple(prediction.shape), target, weights, like)
        positive = class_numbers(name, labels, 2) == 1
        scores = xp.reshape(floating(name, prediction, like), (-1,))
        yes, no = xp.where(positive, count, 0.0), xp.where(positive, 0.0, count)
        if bins is None:
            return merge(state, {"scores": scores, "yes": yes, "no": no})
        place = xp.clip(xp.floor((scores - low) * (bins / (high - low))), 0.0, bins - 1.0)
        place = integers(place)
        found = {
            "yes": xp.segment_sum(yes, place, num_segments=bins),
            "no": xp.segment_sum(no, place, num_segments=bins),
        }
        return summed(state, found)

    def merge(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
        if bins is None:
            return {part: xp.concat([a[part], b[part]]) for part in a}
        return summed(a, b)

    def compute(state: dict[str, Any]) -> Any:
        yes, no = state["yes"], state["no"]
        if bins is None:
            order = xp.argsort(state["scores"])
            scores, yes, no = (xp.take(state[part], order, axis=0) for part in ("scores", "yes", "no"))
            first = xp.searchsorted(scores, scores, side="left")
            end = xp.searchsorted(scores, scores, side="right")
        else:
            first = xp.arange(bins, device=yes.device)
            end = first + 1
        return area(yes, _between(yes, first, end), _between(no, first, end))

    return Metric(init, update, merge, compute)


def _between(weights: Any, first: Any, end: Any) -> tuple[Any, Any]:
    """Return the weight from each place on, and that which is equal to it."""
    total = xp.concat([xp.zeros_like(weights[:1]), xp.cumulative_sum(weights, axis=0)]) if weights.shape[0] else weights
    if not weights.shape[0]:
        return weights, weights
    before, until = xp.take(total, first, axis=0), xp.take(total, end, axis=0)
    return total[-1] - before, until - before


def roc_auc(*, bins: int | None = None, low: float = 0.0, high: float = 1.0) -> Metric:
    """Area under the receiver operating characteristic: how often a yes has a higher score than a no.

    Pairs with equal scores count half. The value is NaN where one of both is missing.

    Parameters
    ----------
    bins : int, optional
        Without it the state holds all scores, and the value is exact. With it the state holds how many of both are in
        each of so many bins of equal width; scores in the same bin count as equal.
    low, high : float, default 0.0, 1.0
        The bounds of the bins; what lies beyond counts for the bin at the end.

    Returns
    -------
    Metric
        ``update`` takes scores and targets, booleans or 0 and 1, of the same shape.

    Raises
    ------
    ParameterError
        If `bins` is below 2, or the bounds are none.

    References
    ----------
    J. A. Hanley and B. J. McNeil, The meaning and use of the area under a receiver operating characteristic curve,
    Radiology 143 (1982).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.roc_auc()
    >>> state = metric.update(metric.init(), np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    >>> float(metric.compute(state))
    0.75
    """

    def area(yes: Any, _: Any, others: tuple[Any, Any]) -> Any:
        above, tied = others
        positive, negative = xp.sum(yes), above[0] if above.shape[0] else xp.sum(above)
        pairs = positive * negative
        won = xp.sum(yes * ((negative - above) + 0.5 * tied))
        return xp.where(pairs == 0, nan, xp.divide(won, xp.where(pairs == 0, 1.0, pairs)))

    return _metric("roc_auc", bins, low, high, area)


def average_precision(*, bins: int | None = None, low: float = 0.0, high: float = 1.0) -> Metric:
    r"""Mean of the precisions at the thresholds at which each yes is found.

    :math:`\sum_n (R_n - R_{n - 1}) P_n` over all distinct scores, from the highest down, without interpolation. Without
    any yes it is 0.

    Parameters
    ----------
    bins, low, high
        As for `roc_auc`.

    Returns
    -------
    Metric
        ``update`` takes scores and targets, booleans or 0 and 1, of the same shape.

    Raises
    ------
    ParameterError
        If `bins` is below 2, or the bounds are none.

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

    def area(yes: Any, found: tuple[Any, Any], others: tuple[Any, Any]) -> Any:
        above, wrong = found[0], others[0]
        reached = above + wrong
        precisions = xp.divide(above, xp.where(reached == 0, 1.0, reached))
        total = xp.sum(yes)
        return xp.divide(xp.sum(yes * precisions), xp.where(total == 0, 1.0, total))

    return _metric("average_precision", bins, low, high, area)
