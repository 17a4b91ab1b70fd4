"""Cross-entropies of independent yes-or-no labels."""

from __future__ import annotations

from math import inf
from typing import Any

from funcnet import xp
from funcnet.core import bind, elementwise
from funcnet.losses.checks import check_number, matched
from funcnet.losses.reduction import check_reduction, reduced

__all__ = ["binary_cross_entropy", "sigmoid_cross_entropy"]


def _impl(xp: Any, z: Any, q: Any) -> Any:
    # The share of |z| that is lost: exactly none where a score of any size, infinity included, is on the right side.
    lost = xp.where(z > 0, 1.0 - q, q)
    size = xp.abs(z)
    return xp.where(lost == 0, 0.0, size) * lost + xp.log1p(xp.exp(-size))


# The loss of each score; only the arguments are kept for its derivative.
sigmoid_loss_p = elementwise(
    "sigmoid_cross_entropy",
    _impl,
    partials=(lambda g, x1, x2: g * (xp.sigmoid(x1) - x2), lambda g, x1: -(g * x1)),
    derivative=("1/(1 + exp(-x1)) - x2", "-x1"),
    domain=((-inf, inf), (0.0, 1.0)),
    dtypes="real floating",
    analytic=False,
    internal=True,
)


def sigmoid_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    weights: Any = None,
    pos_weight: Any = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Any:
    r"""Cross-entropy of independent yes-or-no labels with the sigmoid of scores.

    :math:`-w q \log \sigma(z) - (1 - q) \log(1 - \sigma(z))`, which without :math:`w` is
    :math:`\log(1 + e^z) - q z`, finite for scores of any size, and 0 for infinite ones on the side of the label. Its
    gradient is :math:`\sigma(z) - q`.

    Parameters
    ----------
    logits : array
        Scores, of a floating-point data type.
    labels : array
        Probabilities :math:`q` from 0 to 1, of the same shape; booleans and integers count as numbers. They are
        differentiated too.
    weights : array, optional
        One weight per score, of the shape of `logits`, in which any size may be 1.
    pos_weight : float or array, optional
        The weight :math:`w` of a yes beside a no; an array broadcasts to `logits`, as one weight per column does.
    label_smoothing : float, default 0.0
        The share :math:`\varepsilon` of the label that becomes undecided:
        :math:`(1 - \varepsilon) q + \varepsilon / 2`.
    reduction : str, default "mean"
        ``"mean"`` over all elements, ``"sum"``, or ``"none"``. The mean is divided by the sum of `weights`; PyTorch's
        is divided by their number.

    Returns
    -------
    array
        Of shape ``()``, or that of `logits` for ``"none"``.

    Raises
    ------
    ShapeError
        If the shapes differ.
    DtypeError
        If the logits are not floating-point.
    ParameterError
        If the reduction is unknown, or `label_smoothing` is not from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.sigmoid_cross_entropy(np.array([800.0, -800.0]), np.array([0.0, 0.0]), reduction="none")
    array([800.,   0.])
    """
    name = "sigmoid_cross_entropy"
    check_reduction(name, reduction)
    labels = _smoothed(name, matched(name, logits, labels, "logits and labels", "logits"), label_smoothing)
    if pos_weight is None:
        return reduced(bind(sigmoid_loss_p, logits, labels), reduction, weights, name)
    zeros = xp.zeros_like(logits)
    yes, no = bind(sigmoid_loss_p, logits, zeros + 1.0), bind(sigmoid_loss_p, logits, zeros)
    return reduced(_mixed(xp.multiply(labels, pos_weight), yes) + _mixed(1 - labels, no), reduction, weights, name)


def binary_cross_entropy(
    probabilities: Any,
    labels: Any,
    *,
    weights: Any = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Any:
    r"""Cross-entropy of yes-or-no labels with probabilities.

    :math:`-q \log p - (1 - q) \log(1 - p)`. Nothing is clipped: a certain and wrong prediction costs infinity, and one
    that is certain and right costs 0. Where the probabilities come from scores, `sigmoid_cross_entropy` is exact.

    Parameters
    ----------
    probabilities : array
        From 0 to 1, of a floating-point data type.
    labels : array
        Probabilities :math:`q` from 0 to 1, of the same shape. They are differentiated too.
    weights : array, optional
        One weight per probability, of their shape, in which any size may be 1.
    label_smoothing : float, default 0.0
        The share :math:`\varepsilon` of the label that becomes undecided:
        :math:`(1 - \varepsilon) q + \varepsilon / 2`.
    reduction : str, default "mean"
        ``"mean"`` over all elements, ``"sum"``, or ``"none"``. The mean is divided by the sum of `weights`; PyTorch's
        is divided by their number.

    Returns
    -------
    array
        Of shape ``()``, or that of `probabilities` for ``"none"``.

    Raises
    ------
    ShapeError
        If the shapes differ.
    DtypeError
        If the probabilities are not floating-point.
    ParameterError
        If the reduction is unknown, or `label_smoothing` is not from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.binary_cross_entropy(np.array([0.5, 1.0]), np.array([1.0, 1.0]), reduction="none").round(4)
    array([0.6931, 0.    ])
    """
    name = "binary_cross_entropy"
    check_reduction(name, reduction)
    labels = matched(name, probabilities, labels, "probabilities and labels", "probabilities")
    labels = _smoothed(name, labels, label_smoothing)
    rest = 1 - labels
    # What cannot happen costs nothing: a logarithm of 0 whose weight is 0 counts as 0.
    yes = xp.log(xp.where(xp.logical_and(labels == 0, probabilities == 0), 1.0, probabilities))
    no = xp.log1p(-xp.where(xp.logical_and(rest == 0, probabilities == 1), 0.0, probabilities))
    return reduced(0.0 - (xp.multiply(labels, yes) + xp.multiply(rest, no)), reduction, weights, name)


def _smoothed(name: str, labels: Any, label_smoothing: float) -> Any:
    if label_smoothing.__class__ is float and not label_smoothing:
        return labels
    check_number(name, "label_smoothing", label_smoothing, 0, 1)
    return (1 - label_smoothing) * labels + 0.5 * label_smoothing


def _mixed(share: Any, value: Any) -> Any:
    """Return a share of a value, where none of an infinite one is nothing."""
    return xp.multiply(share, xp.where(xp.logical_and(share == 0, xp.isinf(value)), 0.0, value))
