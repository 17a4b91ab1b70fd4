"""Losses that ask for a margin of a score, or between two scores."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.losses.checks import check_signs, matched
from funcnet.losses.reduction import check_reduction, reduced

__all__ = ["hinge", "hinge_embedding", "margin_ranking", "soft_margin", "squared_hinge"]


def _signed(name: str, scores: Any, labels: Any, reduction: str, what: str = "scores") -> Any:
    check_reduction(name, reduction)
    labels = matched(name, scores, labels, f"{what} and labels", what)
    check_signs(name, labels)
    return labels


def hinge(scores: Any, labels: Any, *, margin: float = 1.0, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Hinge loss of a support-vector machine; with a margin of 0 that of the perceptron.

    :math:`\max(0, m - y z)`. Its derivative at the kink :math:`y z = m` is 0.

    Parameters
    ----------
    scores : array
        Scores :math:`z`, of a floating-point data type.
    labels : array
        -1 or 1, of the same shape.
    margin : float, default 1.0
        The margin :math:`m`.
    weights : array, optional
        One weight per score, of the shape of `scores`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all elements, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `scores` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the scores are not floating-point.
    ParameterError
        If a label that can be read is neither -1 nor 1, or the reduction is unknown.

    References
    ----------
    C. Cortes and V. Vapnik, Support-vector networks, Machine Learning 20 (1995).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.hinge(np.array([2.0, 0.5]), np.array([1, -1]), reduction="none")
    array([0. , 1.5])
    """
    labels = _signed("hinge", scores, labels, reduction)
    return reduced(xp.relu(margin - xp.multiply(labels, scores)), reduction, weights, "hinge")


def squared_hinge(
    scores: Any, labels: Any, *, margin: float = 1.0, weights: Any = None, reduction: str = "mean"
) -> Any:
    r"""Square of the hinge loss, which has no kink.

    :math:`\max(0, m - y z)^2`.

    Parameters
    ----------
    scores : array
        Scores :math:`z`, of a floating-point data type.
    labels : array
        -1 or 1, of the same shape.
    margin : float, default 1.0
        The margin :math:`m`.
    weights : array, optional
        One weight per score, of the shape of `scores`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all elements, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `scores` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        As `hinge` does.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.squared_hinge(np.array([2.0, 0.5]), np.array([1, -1]), reduction="none")
    array([0.  , 2.25])
    """
    labels = _signed("squared_hinge", scores, labels, reduction)
    return reduced(xp.square(xp.relu(margin - xp.multiply(labels, scores))), reduction, weights, "squared_hinge")


def soft_margin(scores: Any, labels: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Logistic loss of labels -1 and 1.

    :math:`\log(1 + e^{-y z})`, finite for scores of any size. `sigmoid_cross_entropy` is the same for labels 0 and 1.

    Parameters
    ----------
    scores : array
        Scores :math:`z`, of a floating-point data type.
    labels : array
        -1 or 1, of the same shape.
    weights : array, optional
        One weight per score, of the shape of `scores`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all elements, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `scores` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        As `hinge` does.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.soft_margin(np.array([0.0, -800.0]), np.array([1, 1]), reduction="none").round(4)
    array([6.931e-01, 8.000e+02])
    """
    labels = _signed("soft_margin", scores, labels, reduction)
    return reduced(xp.softplus(-(xp.multiply(labels, scores))), reduction, weights, "soft_margin")


def hinge_embedding(
    distances: Any, labels: Any, *, margin: float = 1.0, weights: Any = None, reduction: str = "mean"
) -> Any:
    r"""Loss of distances of pairs: similar pairs are to be near, others at least a margin apart.

    :math:`d` for :math:`y = 1`, :math:`\max(0, m - d)` for :math:`y = -1`. Its derivative at the kink is 0.

    Parameters
    ----------
    distances : array
        Distances :math:`d`, of a floating-point data type.
    labels : array
        1 for similar pairs, -1 for others, of the same shape.
    margin : float, default 1.0
        The margin :math:`m`.
    weights : array, optional
        One weight per pair, of the shape of `distances`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all elements, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `distances` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        As `hinge` does.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.hinge_embedding(np.array([0.25, 0.25]), np.array([1, -1]), reduction="none")
    array([0.25, 0.75])
    """
    labels = _signed("hinge_embedding", distances, labels, reduction, "distances")
    values = xp.where(labels == 1, distances, xp.relu(margin - distances))
    return reduced(values, reduction, weights, "hinge_embedding")


def margin_ranking(
    first: Any, second: Any, labels: Any, *, margin: float = 0.0, weights: Any = None, reduction: str = "mean"
) -> Any:
    r"""Loss of pairs of scores of which one is to be the larger.

    :math:`\max(0, m - y (a - b))`. Its derivative at the kink is 0.

    Parameters
    ----------
    first, second : array
        Scores :math:`a` and :math:`b` of the same shape, of a floating-point data type.
    labels : array
        1 where the first is to be larger, -1 where the second is, of the same shape.
    margin : float, default 0.0
        The margin :math:`m`.
    weights : array, optional
        One weight per pair, of the shape of `first`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all elements, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `first` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        As `hinge` does.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.margin_ranking(np.array([1.0]), np.array([3.0]), np.array([1])))
    2.0
    """
    second = matched("margin_ranking", first, second, "two arrays of scores", "scores")
    labels = _signed("margin_ranking", first, labels, reduction)
    return reduced(
        xp.relu(margin - xp.multiply(labels, xp.subtract(first, second))), reduction, weights, "margin_ranking"
    )
