"""Losses of lists of items that are to be ranked."""

from __future__ import annotations

from math import inf
from typing import Any

from funcnet import xp
from funcnet.losses.checks import check_number, class_axis, matched
from funcnet.losses.reduction import check_reduction, check_same_shape, reduced

__all__ = ["pairwise_ranking", "ranking_softmax"]


def ranking_softmax(
    scores: Any, relevance: Any, *, mask: Any = None, axis: int = -1, weights: Any = None, reduction: str = "mean"
) -> Any:
    r"""Cross-entropy of the relevance of the items of a list with the softmax of their scores.

    :math:`-\sum_i r_i \log \mathrm{softmax}(s)_i` over the items that the mask leaves in; 0 for a list without any.

    Parameters
    ----------
    scores : array
        Scores :math:`s` of the items, of a floating-point data type.
    relevance : array
        Relevance :math:`r` of the items, not negative, of the same shape; it need not sum to 1.
    mask : array, optional
        Which items are there: booleans of the same shape.
    axis : int, default -1
        The axis of a list.
    weights : array, optional
        One weight per list, of the shape without `axis`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all lists, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `scores` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the scores are not floating-point.
    ParameterError
        If the reduction is unknown.

    References
    ----------
    Z. Cao et al., Learning to rank: from pairwise approach to listwise approach, ICML (2007).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> scores, relevance = np.array([[0.0, 0.0, 9.0]]), np.array([[1, 0, 2]])
    >>> mask = np.array([[True, True, False]])
    >>> float(losses.ranking_softmax(scores, relevance, mask=mask).round(6))
    0.693147
    """
    name = "ranking_softmax"
    check_reduction(name, reduction)
    relevance = matched(name, scores, relevance, "scores and relevance", "scores")
    axis = class_axis(name, scores, axis)
    if mask is not None:
        check_same_shape(name, scores, mask, "scores and a mask")
        scores = xp.where(mask, scores, -inf)
        relevance = xp.where(mask, relevance, 0.0)
    logp = xp.log_softmax(scores, axis=axis)
    logp = xp.where(xp.logical_and(relevance == 0, xp.isinf(logp)), 0.0, logp)
    return reduced(0.0 - xp.sum(xp.multiply(relevance, logp), axis=axis), reduction, weights, name)


def pairwise_ranking(
    scores: Any,
    relevance: Any,
    *,
    margin: float | None = None,
    mask: Any = None,
    axis: int = -1,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Loss of all pairs of items of a list of which one is more relevant than the other.

    :math:`\sum_{r_i > r_j} \log(1 + e^{-(s_i - s_j)})`, the logistic loss of RankNet; with a margin :math:`m` the hinge
    loss :math:`\sum_{r_i > r_j} \max(0, m - (s_i - s_j))`, whose derivative at the kinks is 0. The memory it takes
    grows with the square of the length of a list.

    Parameters
    ----------
    scores : array
        Scores :math:`s` of the items, of a floating-point data type.
    relevance : array
        Relevance :math:`r` of the items, of the same shape. It carries no derivative.
    margin : float, optional
        The margin of the hinge loss; the logistic loss without one.
    mask : array, optional
        Which items are there: booleans of the same shape.
    axis : int, default -1
        The axis of a list.
    weights : array, optional
        One weight per list, of the shape without `axis`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the lists, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `scores` without `axis` for ``"none"``: the sum over the pairs of each list.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the scores are not floating-point.
    ParameterError
        If the margin is negative, or the reduction is unknown.

    References
    ----------
    C. Burges et al., Learning to rank using gradient descent, ICML (2005).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> scores, relevance = np.array([[1.0, 2.0, 0.5]]), np.array([[2, 1, 1]])
    >>> losses.pairwise_ranking(scores, relevance, margin=1.0, reduction="none")
    array([2.5])
    """
    name = "pairwise_ranking"
    check_reduction(name, reduction)
    check_number(name, "margin", margin, 0)
    check_same_shape(name, scores, relevance, "scores and relevance")
    axis = class_axis(name, scores, axis)
    gaps = xp.expand_dims(scores, axis=axis + 1) - xp.expand_dims(scores, axis=axis)
    pair = xp.expand_dims(relevance, axis=axis + 1) > xp.expand_dims(relevance, axis=axis)
    if mask is not None:
        check_same_shape(name, scores, mask, "scores and a mask")
        pair = pair & xp.expand_dims(mask, axis=axis + 1) & xp.expand_dims(mask, axis=axis)
    # What is masked out may be anything, NaN included.
    gaps = xp.where(pair, gaps, 0.0)
    costs = xp.softplus(-gaps) if margin is None else xp.relu(margin - gaps)
    values = xp.sum(xp.where(pair, costs, 0.0), axis=(axis, axis + 1))
    return reduced(values, reduction, weights, name)
