"""Losses that ask for a margin between the scores of classes."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.core import bind
from funcnet.losses.binary import sigmoid_loss_p
from funcnet.losses.checks import check_number, class_axis, matched
from funcnet.losses.examples import class_numbers, per_class
from funcnet.losses.reduction import check_reduction, reduced

__all__ = ["multi_margin", "multiclass_hinge", "multilabel_margin", "multilabel_soft_margin", "scores_and_label"]


def scores_and_label(name: str, scores: Any, labels: Any, axis: int, reduction: str) -> tuple[Any, Any, Any]:
    """Return scores with the classes last, where the class is the label, and the score of the label as a column."""
    check_reduction(name, reduction)
    axis = class_axis(name, scores, axis)
    labels, _ = class_numbers(name, scores, labels, axis, None, soft=False)
    if axis != len(scores.shape) - 1:
        scores = xp.moveaxis(scores, axis, -1)
    column = xp.expand_dims(labels, axis=-1)
    # Not in the data type of the labels, which need not hold the number of classes.
    chosen = xp.equal(column, xp.arange(scores.shape[-1], device=labels.device))
    return scores, chosen, xp.sum(xp.where(chosen, scores, 0.0), axis=-1, keepdims=True)


def multi_margin(
    scores: Any,
    labels: Any,
    *,
    p: float = 1,
    margin: float = 1.0,
    axis: int = -1,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Hinge loss of class numbers, over all wrong classes.

    :math:`\frac1C \sum_{c \ne y} \max(0, m - z_y + z_c)^p`. Its derivative at the kinks is 0. Class weights are
    `weights` of the examples, ``class_weights[labels]``.

    Parameters
    ----------
    scores : array
        Scores :math:`z`, of a floating-point data type.
    labels : array
        Class numbers: integers, of the shape of `scores` without `axis`.
    p : float, default 1
        The power, at least 1.
    margin : float, default 1.0
        The margin :math:`m`.
    axis : int, default -1
        The axis of the classes.
    weights : array, optional
        One weight per example, of the shape of `labels`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the examples, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `labels` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes do not fit, the scores are not floating-point, or the labels not integers.
    ParameterError
        If a label is no class, `p` is below 1, or the reduction is unknown.

    References
    ----------
    J. Weston and C. Watkins, Support vector machines for multi-class pattern recognition, ESANN (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.multi_margin(np.array([[0.5, 0.0, 2.0]]), np.array([0]), reduction="none").round(4)
    array([1.])
    """
    name = "multi_margin"
    check_number(name, "p", p, 1)
    scores, chosen, own = scores_and_label(name, scores, labels, axis, reduction)
    short = xp.where(chosen, 0.0, xp.relu(margin - own + scores))
    values = xp.mean(short if p == 1 else short**p, axis=-1)
    return reduced(values, reduction, weights, name)


def multiclass_hinge(
    scores: Any,
    labels: Any,
    *,
    margin: float = 1.0,
    axis: int = -1,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Hinge loss of class numbers, against the best wrong class; with a margin of 0 that of the perceptron.

    :math:`\max(0, \max_{c \ne y} z_c + m - z_y)`. At a kink its derivative is split evenly between the classes that
    attain the maximum.

    Parameters
    ----------
    scores : array
        Scores :math:`z`, of a floating-point data type.
    labels : array
        Class numbers: integers, of the shape of `scores` without `axis`.
    margin : float, default 1.0
        The margin :math:`m`; not negative.
    axis : int, default -1
        The axis of the classes.
    weights : array, optional
        One weight per example, of the shape of `labels`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the examples, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `labels` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        As `multi_margin` does, and if the margin is negative.

    References
    ----------
    K. Crammer and Y. Singer, On the algorithmic implementation of multiclass kernel-based vector machines, Journal of
    Machine Learning Research 2 (2001).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.multiclass_hinge(np.array([[0.5, 0.0, 2.0]]), np.array([0]), reduction="none")
    array([2.5])
    """
    name = "multiclass_hinge"
    check_number(name, "margin", margin, 0)
    scores, chosen, own = scores_and_label(name, scores, labels, axis, reduction)
    gaps = xp.where(chosen, 0.0, scores + margin - own)
    return reduced(xp.max(gaps, axis=-1), reduction, weights, name)


def multilabel_margin(
    scores: Any,
    labels: Any,
    *,
    margin: float = 1.0,
    axis: int = -1,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Hinge loss of sets of classes: each class of the set against each other one.

    :math:`\frac1C \sum_{j \in Y} \sum_{i \notin Y} \max(0, m - (z_j - z_i))`. Its derivative at the kinks is 0. The
    memory it takes grows with the square of the number of classes.

    Parameters
    ----------
    scores : array
        Scores :math:`z`, of a floating-point data type.
    labels : array
        Which classes the set :math:`Y` has: booleans, or 0 and 1, of the shape of `scores`. (PyTorch takes a list of
        class numbers that ends with -1.)
    margin : float, default 1.0
        The margin :math:`m`.
    axis : int, default -1
        The axis of the classes.
    weights : array, optional
        One weight per example, of the shape of `scores` without `axis`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the examples, weighted by `weights`, ``"sum"``, or ``"none"``.

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

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.multilabel_margin(np.array([[0.1, 0.2, 0.4, 0.8]]), np.array([[1, 0, 0, 1]])).round(6))
    0.85
    """
    name = "multilabel_margin"
    check_reduction(name, reduction)
    labels = matched(name, scores, labels, "scores and labels", "scores")
    axis = class_axis(name, scores, axis)
    if axis != len(scores.shape) - 1:
        scores, labels = xp.moveaxis(scores, axis, -1), xp.moveaxis(labels, axis, -1)
    gaps = xp.relu(margin - (xp.expand_dims(scores, axis=-1) - xp.expand_dims(scores, axis=-2)))
    pair = (xp.expand_dims(labels, axis=-1) != 0) & (xp.expand_dims(labels, axis=-2) == 0)
    values = xp.sum(xp.where(pair, gaps, 0.0), axis=(-2, -1)) / scores.shape[-1]
    return reduced(values, reduction, weights, name)


def multilabel_soft_margin(
    logits: Any,
    labels: Any,
    *,
    class_weights: Any = None,
    axis: int = -1,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Mean over the classes of the cross-entropy of yes-or-no labels.

    :math:`\frac1C \sum_c w_c \left( \log(1 + e^{z_c}) - q_c z_c \right)`, finite for scores of any size.

    Parameters
    ----------
    logits : array
        Scores, of a floating-point data type.
    labels : array
        Probabilities :math:`q` from 0 to 1, of the same shape; booleans and integers count as numbers.
    class_weights : array, optional
        The weight :math:`w_c` of each class, of shape ``(classes,)``; they do not change what the mean is divided by.
    axis : int, default -1
        The axis of the classes.
    weights : array, optional
        One weight per example, of the shape of `logits` without `axis`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the examples, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `logits` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes do not fit or the logits are not floating-point.
    ParameterError
        If the reduction is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.multilabel_soft_margin(np.array([[0.0, 0.0]]), np.array([[1, 0]])).round(6))
    0.693147
    """
    name = "multilabel_soft_margin"
    check_reduction(name, reduction)
    labels = matched(name, logits, labels, "logits and labels", "logits")
    axis = class_axis(name, logits, axis)
    values = bind(sigmoid_loss_p, logits, labels)
    if class_weights is not None:
        class_weights = per_class(name, class_weights, logits, axis)
        values = values * xp.reshape(class_weights, (-1,) + (1,) * (len(logits.shape) - axis - 1))
    return reduced(xp.mean(values, axis=axis), reduction, weights, name)
