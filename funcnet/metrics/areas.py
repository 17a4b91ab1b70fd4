"""Areas under curves over all thresholds, from the weights of a yes and of a no in the order of their scores."""

from __future__ import annotations

from math import nan
from typing import Any, NamedTuple

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.metrics.metric import check_count, integers

__all__ = ["Ranking", "bin_of", "binned", "check_bins", "precision_area", "ranked", "roc_area", "unknown", "won"]


class Ranking(NamedTuple):
    """Examples, or bins of them, from the lowest score to the highest.

    Attributes
    ----------
    yes, no : array
        What each counts as a yes and as a no; `no` may have columns, for several kinds of a no.
    first, end : array
        For each, the places at which those with its score begin and end.
    """

    yes: Any
    no: Any
    first: Any
    end: Any


def ranked(scores: Any, yes: Any, no: Any) -> Ranking:
    """Return examples in the order of their scores."""
    order = xp.argsort(scores)
    scores, yes, no = (xp.take(part, order, axis=0) for part in (scores, yes, no))
    first, end = (xp.searchsorted(scores, scores, side=side) for side in ("left", "right"))
    return Ranking(yes, no, first, end)


def binned(yes: Any, no: Any) -> Ranking:
    """Return bins, which are in order; scores in the same bin count as equal."""
    first = xp.arange(yes.shape[0], device=yes.device)
    return Ranking(yes, no, first, first + 1)


def check_bins(name: str, bins: int | None, low: float, high: float) -> None:
    """Raise `ParameterError` unless bins, where there are any, have a number and a width."""
    if bins is None:
        return
    check_count(name, "bins", bins, 2)
    if not low < high:
        raise ParameterError(
            f"metrics.{name} got bounds of its bins that are none.",
            found=f"low={low}, high={high}",
            needed="low < high",
        )


def bin_of(scores: Any, bins: int, low: float, high: float) -> Any:
    """Return the number of each score's bin; what lies beyond the bounds is in the bin at the end."""
    place = xp.clip(xp.floor((scores - low) * (bins / (high - low))), 0.0, bins - 1.0)
    # That of NaN does not matter: see `unknown`.
    place = xp.where(xp.isnan(scores), 0.0, place)
    return integers(place)


def unknown(lost: Any, count: Any) -> Any:
    """Return weights with NaN where scores are lost, which makes areas NaN; a weight of 0 stays."""
    return xp.where(xp.logical_and(lost, count != 0), nan, xp.broadcast_to(count, lost.shape))


def _around(ranking: Ranking, weights: Any) -> tuple[Any, Any]:
    """Return, for each example, the weight of those with a lower score, and of those with no higher one."""
    total = xp.cumulative_sum(weights, axis=0, include_initial=True)
    return xp.take(total, ranking.first, axis=0), xp.take(total, ranking.end, axis=0)


def won(ranking: Ranking) -> Any:
    """Return the weight of pairs in which a yes has a higher score than a no; those with equal scores count half."""
    lower, up_to = _around(ranking, ranking.no)
    return xp.tensordot(ranking.yes, 0.5 * (lower + up_to), axes=1)


def roc_area(ranking: Ranking) -> Any:
    """Return the area under the receiver operating characteristic; NaN where there is no yes or no no."""
    pairs = xp.sum(ranking.yes) * xp.sum(ranking.no, axis=0)
    return xp.where(pairs == 0, nan, xp.divide(won(ranking), xp.where(pairs == 0, 1.0, pairs)))


def precision_area(ranking: Ranking) -> Any:
    """Return the mean of the precisions at the thresholds at which each yes is found; 0 where there is none."""
    above, wrong = (xp.sum(w) - _around(ranking, w)[0] for w in (ranking.yes, ranking.no))
    reached = above + wrong
    precisions = xp.divide(above, xp.where(reached == 0, 1.0, reached))
    total = xp.sum(ranking.yes)
    return xp.divide(xp.sum(ranking.yes * precisions), xp.where(total == 0, 1.0, total))
