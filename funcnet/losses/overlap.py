"""Losses of overlapping regions, for segmentation."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.losses.checks import check_floating, check_number, matched, summed_axes
from funcnet.losses.reduction import check_reduction, reduced

__all__ = ["dice", "jaccard", "total_variation", "tversky"]


def tversky(
    probabilities: Any,
    labels: Any,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    smooth: float = 1.0,
    gamma: float = 1.0,
    axis: int | tuple[int, ...] | None = None,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""One less the Tversky index of predicted and true regions, to a power.

    :math:`\left( 1 - \frac{TP + s}{TP + \alpha FP + \beta FN + s} \right)^\gamma` with :math:`TP = \sum p q`,
    :math:`FP = \sum p (1 - q)` and :math:`FN = \sum (1 - p) q` over a region.

    Parameters
    ----------
    probabilities : array
        Predicted probabilities :math:`p`, of a floating-point data type: ``xp.sigmoid`` or ``xp.softmax`` of scores.
    labels : array
        True probabilities :math:`q` of the same shape, such as one-hot vectors; booleans and integers count as numbers.
    alpha, beta : float, default 0.3, 0.7
        How much false positives and false negatives count; not negative.
    smooth : float, default 1.0
        The constant :math:`s`, not negative; without it an empty region gives NaN.
    gamma : float, default 1.0
        The power, positive: the focal Tversky loss has 3/4. Below 1 the derivative at a perfect overlap is infinite.
    axis : int or tuple of int, optional
        The axes of a region, which are summed; all but the first without it. For one region per class of images with
        channels last, ``axis=(1, 2)``.
    weights : array, optional
        One weight per region, of the shape without `axis`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the regions, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `probabilities` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the probabilities are not floating-point.
    ParameterError
        If a number is out of its range, or the reduction is unknown.

    References
    ----------
    S. S. M. Salehi et al., Tversky loss function for image segmentation, MLMI (2017); N. Abraham and N. M. Khan, A
    novel focal Tversky loss function, ISBI (2019).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.tversky(np.array([[1.0, 1.0, 0.0]]), np.array([[1, 0, 0]])).round(6))
    0.130435
    """
    return _overlap("tversky", probabilities, labels, alpha, beta, smooth, gamma, axis, weights, reduction)


def dice(
    probabilities: Any,
    labels: Any,
    *,
    smooth: float = 1.0,
    axis: int | tuple[int, ...] | None = None,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""One less the Dice coefficient (the F1 score) of predicted and true regions.

    :math:`1 - \frac{2 \sum p q + s}{\sum p + \sum q + s}`.

    Parameters
    ----------
    probabilities : array
        Predicted probabilities :math:`p`, of a floating-point data type.
    labels : array
        True probabilities :math:`q` of the same shape; booleans and integers count as numbers.
    smooth : float, default 1.0
        The constant :math:`s`, not negative; without it an empty region gives NaN.
    axis, weights, reduction
        As for `tversky`.

    Returns
    -------
    array
        Of shape ``()``, or that of `probabilities` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        As `tversky` does.

    References
    ----------
    F. Milletari et al., V-Net: fully convolutional neural networks for volumetric medical image segmentation, 3DV
    (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.dice(np.array([[1.0, 1.0, 0.0]]), np.array([[1, 0, 0]])))
    0.25
    """
    check_number("dice", "smooth", smooth, 0)
    return _overlap("dice", probabilities, labels, 0.5, 0.5, smooth / 2, 1.0, axis, weights, reduction)


def jaccard(
    probabilities: Any,
    labels: Any,
    *,
    smooth: float = 1.0,
    axis: int | tuple[int, ...] | None = None,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""One less the Jaccard index, the intersection over the union, of predicted and true regions.

    :math:`1 - \frac{\sum p q + s}{\sum p + \sum q - \sum p q + s}`.

    Parameters
    ----------
    probabilities : array
        Predicted probabilities :math:`p`, of a floating-point data type.
    labels : array
        True probabilities :math:`q` of the same shape; booleans and integers count as numbers.
    smooth : float, default 1.0
        The constant :math:`s`, not negative; without it an empty region gives NaN.
    axis, weights, reduction
        As for `tversky`.

    Returns
    -------
    array
        Of shape ``()``, or that of `probabilities` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        As `tversky` does.

    References
    ----------
    M. A. Rahman and Y. Wang, Optimizing intersection-over-union in deep neural networks for image segmentation, ISVC
    (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.jaccard(np.array([[1.0, 1.0, 0.0]]), np.array([[1, 0, 0]]), smooth=0.0))
    0.5
    """
    return _overlap("jaccard", probabilities, labels, 1.0, 1.0, smooth, 1.0, axis, weights, reduction)


def _overlap(
    name: str,
    probabilities: Any,
    labels: Any,
    alpha: float,
    beta: float,
    smooth: float,
    gamma: float,
    axis: Any,
    weights: Any,
    reduction: str,
) -> Any:
    check_reduction(name, reduction)
    for parameter, value in (("alpha", alpha), ("beta", beta), ("smooth", smooth)):
        check_number(name, parameter, value, 0)
    check_number(name, "gamma", gamma, 0, open_low=True)
    labels = matched(name, probabilities, labels, "probabilities and labels", "probabilities")
    axes = summed_axes(name, probabilities, axis)
    both = xp.sum(xp.multiply(probabilities, labels), axis=axes)
    wrong = alpha * xp.sum(xp.multiply(probabilities, 1 - labels), axis=axes)
    wrong = wrong + beta * xp.sum(xp.multiply(1 - probabilities, labels), axis=axes)
    # Not one less a ratio, which would cancel where the overlap is near perfect.
    values = wrong / (both + wrong + smooth)
    return reduced(values if gamma.__class__ is float and gamma == 1 else values**gamma, reduction, weights, name)


def total_variation(
    images: Any, *, axis: int | tuple[int, ...] = (1, 2), weights: Any = None, reduction: str = "mean"
) -> Any:
    r"""Sum of the absolute differences of neighbouring pixels, which noise makes large.

    :math:`\sum_a \sum_i |x_{i + e_a} - x_i|` over the axes :math:`a` of an image. The derivative of a difference of 0
    is 0.

    Parameters
    ----------
    images : array
        A batch of images, the batch first, of a floating-point data type.
    axis : int or tuple of int, default (1, 2)
        The axes along which pixels are neighbours: height and width with channels last.
    weights : array, optional
        One weight per image, of shape (n,) or (1,).
    reduction : str, default "mean"
        ``"mean"`` over the images, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or (n,) for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the images do not have the axes or are not floating-point.
    ParameterError
        If the reduction is unknown.

    References
    ----------
    L. I. Rudin et al., Nonlinear total variation based noise removal algorithms, Physica D 60 (1992).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.total_variation(np.array([[[[0.0], [1.0]], [[3.0], [3.0]]]])))
    6.0
    """
    name = "total_variation"
    check_reduction(name, reduction)
    check_floating(name, images, "images")
    rest = summed_axes(name, images, None)
    values: Any = 0.0
    for a in summed_axes(name, images, axis):
        values = values + xp.sum(xp.abs(xp.diff(images, axis=a)), axis=rest)
    return reduced(values, reduction, weights, name)
