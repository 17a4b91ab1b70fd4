"""Negative log-likelihoods of distributions of numbers."""

from __future__ import annotations

from math import log, pi
from typing import Any

from funcnet import xp
from funcnet.core.arguments import check_array
from funcnet.losses.checks import matched
from funcnet.losses.reduction import check_reduction, reduced

__all__ = ["gaussian_nll", "poisson_nll"]


def gaussian_nll(
    mean: Any,
    target: Any,
    variance: Any,
    *,
    full: bool = False,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Negative log-likelihood of a normal distribution with predicted mean and variance.

    :math:`\tfrac12 \left( \log \sigma^2 + (t - \mu)^2 / \sigma^2 \right)`, with `full` plus
    :math:`\tfrac12 \log 2 \pi`. The variance is not clamped: predict its logarithm and pass ``xp.exp`` of it.

    Parameters
    ----------
    mean : array
        The predicted means :math:`\mu`, of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
    variance : array
        The predicted variances, positive, of the same shape, or with sizes of 1 in it.
    full : bool, default False
        Whether to add the constant.
    weights : array, optional
        One weight per element, of the shape of `mean`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all elements, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `mean` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes do not fit or the mean is not floating-point.
    ParameterError
        If the reduction is unknown.

    References
    ----------
    D. A. Nix and A. S. Weigend, Estimating the mean and variance of the target distribution, ICNN (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.gaussian_nll(np.array([1.0]), np.array([3.0]), np.array([4.0])).round(6))
    1.193147
    """
    name = "gaussian_nll"
    check_reduction(name, reduction)
    target = matched(name, mean, target, "a mean and a target", "means")
    check_array(f"losses.{name}", variance, "variance")
    if len(variance.shape) != len(mean.shape) or any(
        v not in (1, n) for v, n in zip(variance.shape, mean.shape, strict=True)
    ):
        variance = matched(name, mean, variance, "a mean and a variance", "means")
    values = 0.5 * xp.add(xp.log(variance), xp.divide(xp.square(xp.subtract(target, mean)), variance))
    return reduced(values + 0.5 * log(2 * pi) if full else values, reduction, weights, name)


def poisson_nll(
    prediction: Any,
    target: Any,
    *,
    log_input: bool = True,
    full: bool = False,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Negative log-likelihood of counts under a Poisson distribution with a predicted rate.

    :math:`\lambda - t \log \lambda`, with `full` plus :math:`\log t!`, exactly and not by Stirling's approximation.

    Parameters
    ----------
    prediction : array
        The logarithm of the rate :math:`\lambda`, or the rate, of a floating-point data type.
    target : array
        The counts, of the same shape.
    log_input : bool, default True
        Whether the prediction is the logarithm of the rate. A rate of 0 costs nothing where the count is 0, infinity
        elsewhere.
    full : bool, default False
        Whether to add the term that does not depend on the prediction.
    weights : array, optional
        One weight per element, of the shape of `prediction`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all elements, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `prediction` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the prediction is not floating-point.
    ParameterError
        If the reduction is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.poisson_nll(np.array([2.0]), np.array([3.0]), log_input=False).round(6))
    -0.079442
    """
    name = "poisson_nll"
    check_reduction(name, reduction)
    target = matched(name, prediction, target, "a prediction and a target")
    if log_input:
        values = xp.exp(prediction) - xp.multiply(target, prediction)
    else:
        values = prediction - xp.special.xlogy(target, prediction)
    if full:
        values = values + xp.special.gammaln(target + 1)
    return reduced(values, reduction, weights, name)
