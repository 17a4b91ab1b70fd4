"""Distances of probability distributions."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.losses.checks import matched, summed_axes
from funcnet.losses.reduction import check_reduction, reduced

__all__ = ["gaussian_kl", "js_divergence", "kl_divergence"]


def kl_divergence(
    log_prediction: Any,
    target: Any,
    *,
    axis: int | tuple[int, ...] = -1,
    log_target: bool = False,
    generalized: bool = False,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Kullback-Leibler divergence of a predicted distribution from the target.

    :math:`\sum_c t_c (\log t_c - \log p_c)`, with `generalized` plus :math:`\sum_c (p_c - t_c)`, which makes it convex
    and not negative for vectors that do not sum to 1. A target of 0 contributes nothing, whatever the prediction.

    Parameters
    ----------
    log_prediction : array
        Logarithms :math:`\log p` of the predicted probabilities, of a floating-point data type.
    target : array
        The probabilities :math:`t`, or their logarithms, of the same shape. They are differentiated too.
    axis : int or tuple of int, default -1
        The axes of a distribution, which are summed.
    log_target : bool, default False
        Whether `target` holds logarithms; -inf is a probability of 0.
    generalized : bool, default False
        Whether to add the difference of the sums.
    weights : array, optional
        One weight per distribution, of the shape without `axis`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the distributions, weighted by `weights`, ``"sum"``, or ``"none"``. The mean is what PyTorch
        calls ``"batchmean"``; its ``"mean"`` divides by the number of classes as well.

    Returns
    -------
    array
        Of shape ``()``, or that of `target` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the prediction is not floating-point.
    ParameterError
        If the reduction is unknown.

    References
    ----------
    S. Kullback and R. A. Leibler, On information and sufficiency, Annals of Mathematical Statistics 22 (1951).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> p, t = np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])
    >>> float(losses.kl_divergence(np.log(p), t).round(6))
    0.693147
    """
    name = "kl_divergence"
    check_reduction(name, reduction)
    target = matched(name, log_prediction, target, "a prediction and a target")
    axes = summed_axes(name, log_prediction, axis)
    t = xp.exp(target) if log_target else target
    # Of an impossible class neither logarithm counts, infinite as they may be.
    none = t == 0
    own = t * xp.where(none, 0.0, target) if log_target else xp.special.xlogy(t, t)
    logp = xp.where(xp.logical_and(none, xp.isinf(log_prediction)), 0.0, log_prediction)
    values = xp.subtract(own, xp.multiply(t, logp))
    if generalized:
        values = values + xp.subtract(xp.exp(log_prediction), t)
    return reduced(xp.sum(values, axis=axes), reduction, weights, name)


def js_divergence(
    prediction: Any,
    target: Any,
    *,
    axis: int | tuple[int, ...] = -1,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Jensen-Shannon divergence of two distributions: symmetric, and at most log 2.

    :math:`\tfrac12 \mathrm{KL}(p \| m) + \tfrac12 \mathrm{KL}(t \| m)` with :math:`m = (p + t) / 2`. A probability of 0
    contributes nothing; the derivative to it is -inf where the other one is not 0, and 0 where both are.

    Parameters
    ----------
    prediction : array
        Probabilities, of a floating-point data type.
    target : array
        Probabilities of the same shape. They are differentiated too.
    axis : int or tuple of int, default -1
        The axes of a distribution, which are summed.
    weights : array, optional
        One weight per distribution, of the shape without `axis`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the distributions, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `target` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the prediction is not floating-point.
    ParameterError
        If the reduction is unknown.

    References
    ----------
    J. Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 37 (1991).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.js_divergence(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).round(6))
    0.693147
    """
    name = "js_divergence"
    check_reduction(name, reduction)
    target = matched(name, prediction, target, "a prediction and a target")
    axes = summed_axes(name, prediction, axis)
    # What is impossible in both contributes nothing, and has a derivative of 0.
    none = xp.logical_and(prediction == 0, target == 0)
    p, q = xp.where(none, 1.0, prediction), xp.where(none, 1.0, target)
    middle = 0.5 * xp.add(p, q)
    values = xp.add(xp.special.rel_entr(p, middle), xp.special.rel_entr(q, middle))
    return reduced(0.5 * xp.sum(values, axis=axes), reduction, weights, name)


def gaussian_kl(
    mean: Any,
    log_variance: Any,
    *,
    axis: int | tuple[int, ...] = -1,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Divergence of a normal distribution from the standard one: the second term of a variational autoencoder.

    :math:`\tfrac12 \sum_i \left( \mu_i^2 + \sigma_i^2 - 1 - \log \sigma_i^2 \right)`.

    Parameters
    ----------
    mean : array
        The means :math:`\mu`, of a floating-point data type.
    log_variance : array
        The logarithms :math:`\log \sigma^2` of the variances, of the same shape.
    axis : int or tuple of int, default -1
        The axes of the latent variables, which are summed.
    weights : array, optional
        One weight per example, of the shape without `axis`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the examples, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `mean` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the mean is not floating-point.
    ParameterError
        If the reduction is unknown.

    References
    ----------
    D. P. Kingma and M. Welling, Auto-encoding variational Bayes, ICLR (2014), appendix B.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.gaussian_kl(np.array([[1.0, 2.0]]), np.zeros((1, 2))))
    2.5
    """
    name = "gaussian_kl"
    check_reduction(name, reduction)
    log_variance = matched(name, mean, log_variance, "a mean and a log_variance", "means")
    axes = summed_axes(name, mean, axis)
    values = 0.5 * xp.sum(xp.square(mean) + (xp.expm1(log_variance) - log_variance), axis=axes)
    return reduced(values, reduction, weights, name)
