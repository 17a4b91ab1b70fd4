"""How well scores tell each two classes apart, whatever the others are."""

from __future__ import annotations

from math import nan
from typing import Any

from funcnet import xp
from funcnet.metrics.areas import bin_of, binned, ranked, roc_area, unknown
from funcnet.metrics.metric import Metric, joined, one_hot, scores_of, summed, zeros

__all__ = ["pairwise_roc_auc"]


def pairwise_roc_auc(name: str, classes: int, average: str, bins: int | None, low: float, high: float) -> Metric:
    """Return the metric of areas of each two classes, averaged over those pairs of which there are both."""

    def init() -> dict[str, Any]:
        if bins is None:
            return {"scores": zeros(0, classes), "yes": zeros(0, classes)}
        # For each class a table: how many of each class (last axis) have the scores of a bin.
        return {"yes": zeros(classes, bins, classes)}

    def update(state: dict[str, Any], prediction: Any, target: Any, *, weights: Any = None) -> dict[str, Any]:
        scores, labels, count = scores_of(name, classes, prediction, target, weights, state["yes"])
        lost = xp.any(xp.isnan(scores), axis=-1, keepdims=True)
        yes = xp.where(one_hot(labels, classes), unknown(lost, xp.expand_dims(count, axis=-1)), 0.0)
        if bins is None:
            return joined(state, {"scores": scores, "yes": yes})
        place = bin_of(scores, bins, low, high)
        found = [xp.segment_sum(yes, place[:, c], num_segments=bins) for c in range(classes)]
        return summed(state, {"yes": xp.stack(found)})

    def compute(state: dict[str, Any]) -> Any:
        yes = state["yes"]
        # Row a: the area for each class b in the place of the no, by the scores of a.
        if bins is None:
            areas = [roc_area(ranked(state["scores"][:, a], yes[:, a], yes)) for a in range(classes)]
            count = xp.sum(yes, axis=0)
        else:
            areas = [roc_area(binned(yes[a, :, a], yes[a, ...])) for a in range(classes)]
            count = xp.sum(yes[0, ...], axis=0)
        found = xp.stack(areas)
        found = 0.5 * (found + xp.matrix_transpose(found))
        share = xp.expand_dims(count, axis=0) + xp.expand_dims(count, axis=1)
        there = count > 0
        pairs = xp.triu(xp.astype(xp.logical_and(there[:, None], there[None, :]), found.dtype), k=1)
        weight = pairs * share if average == "weighted" else pairs
        total = xp.sum(weight)
        mean = xp.divide(xp.sum(xp.where(weight == 0, 0.0, found * weight)), xp.where(total == 0, 1.0, total))
        return xp.where(xp.logical_or(total == 0, xp.isnan(xp.sum(count))), nan, mean)

    return Metric(init, update, joined if bins is None else summed, compute)
