"""Cross-entropies that weigh easy examples less."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.core import bind
from funcnet.losses.binary import sigmoid_loss_p
from funcnet.losses.checks import check_number, class_axis, matched
from funcnet.losses.classification import loss_p, softmax_cross_entropy
from funcnet.losses.examples import class_numbers, of_label, over_examples, per_class
from funcnet.losses.reduction import check_reduction, reduced

__all__ = ["poly_cross_entropy", "sigmoid_focal", "softmax_focal"]


def sigmoid_focal(
    logits: Any,
    labels: Any,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Focal loss of independent yes-or-no labels: cross-entropy times a power of how wrong the score is.

    :math:`(1 - p_t)^\gamma \, \mathrm{CE}(z, q)` with :math:`1 - p_t = q (1 - \sigma(z)) + (1 - q) \sigma(z)`, and, if
    `alpha` is given, times :math:`\alpha q + (1 - \alpha)(1 - q)`. With :math:`\gamma = 0` it is
    `sigmoid_cross_entropy`. It is finite, and so is its gradient, for scores of any size.

    Parameters
    ----------
    logits : array
        Scores, of a floating-point data type.
    labels : array
        Probabilities :math:`q` from 0 to 1, of the same shape. They are differentiated too.
    gamma : float, default 2.0
        How much less easy examples count; not negative.
    alpha : float, optional
        The weight of a yes, from 0 to 1, beside that of a no, which is the rest.
    weights : array, optional
        One weight per score, of the shape of `logits`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all elements, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `logits` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the logits are not floating-point.
    ParameterError
        If the reduction is unknown, or `gamma` or `alpha` is out of its range.

    References
    ----------
    T.-Y. Lin et al., Focal loss for dense object detection, ICCV (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.sigmoid_focal(np.array([0.0, 3.0]), np.array([1.0, 1.0]), reduction="none").round(4)
    array([1.733e-01, 1.000e-04])
    """
    name = "sigmoid_focal"
    check_reduction(name, reduction)
    check_number(name, "gamma", gamma, 0)
    check_number(name, "alpha", alpha, 0, 1)
    labels = matched(name, logits, labels, "logits and labels", "logits")
    # Each of the two is exact where the other one rounds to 1.
    wrong = xp.multiply(labels, xp.sigmoid(-logits)) + xp.multiply(1 - labels, xp.sigmoid(logits))
    values = wrong**gamma * bind(sigmoid_loss_p, logits, labels)
    if alpha is not None:
        values = xp.multiply(alpha * labels + (1 - alpha) * (1 - labels), values)
    return reduced(values, reduction, weights, name)


def softmax_focal(
    logits: Any,
    labels: Any,
    *,
    gamma: float = 2.0,
    axis: int = -1,
    weights: Any = None,
    class_weights: Any = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Any:
    r"""Focal loss of class numbers: cross-entropy times a power of the probability of all other classes.

    :math:`-w_y (1 - p_y)^\gamma \log p_y` with :math:`p = \mathrm{softmax}(z)`. With :math:`\gamma = 0` it is
    `softmax_cross_entropy`. It is finite, and so is its gradient, for scores of any size.

    Parameters
    ----------
    logits : array
        Scores, of a floating-point data type.
    labels : array
        Class numbers: integers, of the shape of `logits` without `axis`.
    gamma : float, default 2.0
        How much less easy examples count; not negative.
    axis : int, default -1
        The axis of `logits` that holds the classes.
    weights, class_weights, ignore_index, reduction
        As for `softmax_cross_entropy`; the class weights are often called :math:`\alpha`.

    Returns
    -------
    array
        Of shape ``()``, or that of `labels` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        As `softmax_cross_entropy` does, and if `gamma` is negative.

    References
    ----------
    T.-Y. Lin et al., Focal loss for dense object detection, ICCV (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> logits, labels = np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([0, 0])
    >>> losses.softmax_focal(logits, labels, reduction="none").round(4)
    array([1.733e-01, 1.000e-04])
    """
    name = "softmax_focal"
    check_reduction(name, reduction)
    check_number(name, "gamma", gamma, 0)
    axis = class_axis(name, logits, axis)
    if class_weights is not None:
        class_weights = per_class(name, class_weights, logits, axis)
    labels, ignored = class_numbers(name, logits, labels, axis, ignore_index, soft=False)
    if axis != len(logits.shape) - 1:
        logits = xp.moveaxis(logits, axis, -1)
    if ignored is not None:
        logits = xp.where(xp.expand_dims(ignored, axis=-1), 0.0, logits)
    cost = bind(loss_p, logits, labels)
    # 1 - p, without the cancellation near p = 1.
    values = (-xp.expm1(-cost)) ** gamma * cost
    if class_weights is not None:
        values = values * of_label(class_weights, labels)
    return over_examples(name, values, labels, ignored, class_weights, weights, reduction)


def poly_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    epsilon: float = 2.0,
    axis: int = -1,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Cross-entropy plus a multiple of the probability of the wrong classes.

    :math:`-\sum_c q_c \log p_c + \varepsilon \sum_c q_c (1 - p_c)` with :math:`p = \mathrm{softmax}(z)`: the first
    coefficient of the series of :math:`-\log p` in powers of :math:`1 - p` is raised.

    Parameters
    ----------
    logits : array
        Scores, of a floating-point data type.
    labels : array
        Class numbers, or the probabilities :math:`q` of all classes, as for `softmax_cross_entropy`.
    epsilon : float, default 2.0
        The coefficient; 0 gives `softmax_cross_entropy`. At least -1.
    axis : int, default -1
        The axis of `logits` that holds the classes.
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
    ShapeError, DtypeError, ParameterError
        As `softmax_cross_entropy` does, and if `epsilon` is below -1.

    References
    ----------
    Z. Leng et al., PolyLoss: a polynomial expansion perspective of classification loss functions, ICLR (2022).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.poly_cross_entropy(np.array([[0.0, 0.0]]), np.array([0])).round(4))
    1.6931
    """
    name = "poly_cross_entropy"
    check_reduction(name, reduction)
    check_number(name, "epsilon", epsilon, -1)
    values = softmax_cross_entropy(logits, labels, axis=axis, reduction="none")
    if len(labels.shape) < len(logits.shape):
        # A class has probability exp(-cost).
        return reduced(values - epsilon * xp.expm1(-values), reduction, weights, name)
    rest = xp.sum(xp.multiply(xp.astype(labels, logits.dtype), 1 - xp.softmax(logits, axis=axis)), axis=axis)
    return reduced(values + epsilon * rest, reduction, weights, name)
