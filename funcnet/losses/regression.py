"""Losses of real-valued predictions."""

from __future__ import annotations

from math import log
from typing import Any

from funcnet import xp
from funcnet.losses.checks import check_number, matched
from funcnet.losses.reduction import check_reduction, reduced

__all__ = ["expectile", "huber", "log_cosh", "mae", "mape", "mse", "msle", "quantile", "smooth_l1"]

_PAIR = "a prediction and a target"


def mse(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Squared error.

    :math:`(p - t)^2`, whose mean over all elements is the mean squared error. There is no factor 1/2.

    Parameters
    ----------
    prediction : array
        Of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
    weights : array, optional
        One weight per element, of the shape of `prediction`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all elements (not over the batch only), weighted by `weights`; ``"sum"``, or ``"none"``.

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
    >>> float(losses.mse(np.array([1.0, 2.0]), np.array([0.0, 0.0])))
    2.5
    """
    return reduced(xp.square(_error("mse", prediction, target, reduction)), reduction, weights, "mse")


def _error(name: str, prediction: Any, target: Any, reduction: str) -> Any:
    check_reduction(name, reduction)
    return xp.subtract(prediction, matched(name, prediction, target, _PAIR))


def mae(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Absolute error.

    :math:`|p - t|`. Its derivative where both are equal is 0.

    Parameters
    ----------
    prediction : array
        Of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
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
    >>> float(losses.mae(np.array([1.0, -2.0]), np.array([0.0, 0.0])))
    1.5
    """
    return reduced(xp.abs(_error("mae", prediction, target, reduction)), reduction, weights, "mae")


def huber(prediction: Any, target: Any, *, delta: float = 1.0, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Huber's loss: half the squared error up to `delta`, linear beyond.

    :math:`e^2 / 2` for :math:`|e| \le \delta`, else :math:`\delta (|e| - \delta / 2)`, with :math:`e = p - t`. Its
    derivative is :math:`e` clipped to :math:`[-\delta, \delta]`, so it has no kink.

    Parameters
    ----------
    prediction : array
        Of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
    delta : float, default 1.0
        Where the linear part begins; positive.
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
        If the reduction is unknown, or `delta` is not positive.

    References
    ----------
    P. J. Huber, Robust estimation of a location parameter, Annals of Mathematical Statistics 35 (1964).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.huber(np.array([0.5, 3.0]), np.array([0.0, 0.0]), reduction="none")
    array([0.125, 2.5  ])
    """
    check_number("huber", "delta", delta, 0, open_low=True)
    return reduced(_huber(_error("huber", prediction, target, reduction), delta), reduction, weights, "huber")


def _huber(error: Any, delta: Any) -> Any:
    size = xp.abs(error)
    near = xp.minimum(size, delta)
    return 0.5 * xp.square(near) + delta * (size - near)


def smooth_l1(prediction: Any, target: Any, *, beta: float = 1.0, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Absolute error with a parabola at its tip: Huber's loss divided by its `delta`.

    :math:`e^2 / (2 \beta)` for :math:`|e| < \beta`, else :math:`|e| - \beta / 2`, with :math:`e = p - t`. For
    :math:`\beta = 0` it is `mae`.

    Parameters
    ----------
    prediction : array
        Of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
    beta : float, default 1.0
        Half the width of the parabola; not negative.
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
        If the reduction is unknown, or `beta` is negative.

    References
    ----------
    R. Girshick, Fast R-CNN, ICCV (2015).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.smooth_l1(np.array([0.5, 3.0]), np.array([0.0, 0.0]), reduction="none")
    array([0.125, 2.5  ])
    """
    check_number("smooth_l1", "beta", beta, 0)
    error = _error("smooth_l1", prediction, target, reduction)
    flat = beta.__class__ in (int, float) and beta == 0
    return reduced(xp.abs(error) if flat else _huber(error, beta) / beta, reduction, weights, "smooth_l1")


def log_cosh(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Logarithm of the hyperbolic cosine of the error: like half the squared error near 0, linear far away.

    :math:`\log \cosh (p - t)`, without overflow for large errors and without cancellation for small ones. Its
    derivative is :math:`\tanh(p - t)`.

    Parameters
    ----------
    prediction : array
        Of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
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
    >>> losses.log_cosh(np.array([1e-4, 1e4]), np.array([0.0, 0.0]), reduction="none").round(12)
    array([5.00000000e-09, 9.99930685e+03])
    """
    error = _error("log_cosh", prediction, target, reduction)
    size = xp.abs(error)
    small = size < 1
    near = xp.log1p(2 * xp.square(xp.sinh(0.5 * xp.where(small, error, 0.0))))
    far = size + xp.log1p(xp.exp(-2 * size)) - log(2)
    return reduced(xp.where(small, near, far), reduction, weights, "log_cosh")


def msle(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Squared error of logarithms.

    :math:`(\log(1 + p) - \log(1 + t))^2`, for predictions and targets above -1: NaN below.

    Parameters
    ----------
    prediction : array
        Of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
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
    >>> float(losses.msle(np.array([0.0]), np.array([np.e - 1])).round(6))
    1.0
    """
    check_reduction("msle", reduction)
    target = matched("msle", prediction, target, _PAIR)
    return reduced(xp.square(xp.subtract(xp.log1p(prediction), xp.log1p(target))), reduction, weights, "msle")


def mape(prediction: Any, target: Any, *, epsilon: float = 1e-7, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Absolute error relative to the target, as a fraction: times 100 it is in percent.

    :math:`|p - t| / \max(|t|, \varepsilon)`. Its derivative where both are equal is 0.

    Parameters
    ----------
    prediction : array
        Of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
    epsilon : float, default 1e-7
        What the smallest targets count as; positive.
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
        If the reduction is unknown, or `epsilon` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.mape(np.array([1.5, 3.0]), np.array([1.0, 4.0])))
    0.375
    """
    check_number("mape", "epsilon", epsilon, 0, open_low=True)
    check_reduction("mape", reduction)
    target = matched("mape", prediction, target, _PAIR)
    values = xp.divide(xp.abs(xp.subtract(prediction, target)), xp.maximum(xp.abs(target), epsilon))
    return reduced(values, reduction, weights, "mape")


def quantile(prediction: Any, target: Any, *, level: float = 0.5, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Pinball loss, which a quantile of the targets minimises.

    :math:`\max(\tau e, (\tau - 1) e)` with :math:`e = t - p`. The derivative to :math:`p` is :math:`-\tau` below the
    target, :math:`1 - \tau` above, and their mean :math:`1/2 - \tau` where both are equal.

    Parameters
    ----------
    prediction : array
        Of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
    level : float, default 0.5
        The level :math:`\tau` of the quantile, from 0 to 1; an array of one per element serves several.
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
        If the reduction is unknown, or `level` is not from 0 to 1.

    References
    ----------
    R. Koenker and G. Bassett, Regression quantiles, Econometrica 46 (1978).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.quantile(np.array([0.0, 2.0]), np.array([1.0, 1.0]), level=0.9, reduction="none").round(6)
    array([0.9, 0.1])
    """
    check_number("quantile", "level", level, 0, 1)
    error = _error("quantile", prediction, target, reduction)
    values = xp.maximum(-level * error, (1 - level) * error)
    return reduced(values, reduction, weights, "quantile")


def expectile(prediction: Any, target: Any, *, level: float = 0.5, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Asymmetric squared error, which an expectile of the targets minimises.

    :math:`|\tau - [e < 0]| \, e^2` with :math:`e = t - p`. For :math:`\tau = 1/2` it is half the squared error. Its
    derivative is continuous.

    Parameters
    ----------
    prediction : array
        Of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
    level : float, default 0.5
        The level :math:`\tau`, from 0 to 1; an array of one per element serves several.
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
        If the reduction is unknown, or `level` is not from 0 to 1.

    References
    ----------
    W. K. Newey and J. L. Powell, Asymmetric least squares estimation and testing, Econometrica 55 (1987).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.expectile(np.array([0.0, 3.0]), np.array([1.0, 1.0]), level=0.9, reduction="none").round(6)
    array([0.9, 0.4])
    """
    check_number("expectile", "level", level, 0, 1)
    error = _error("expectile", prediction, target, reduction)
    share = level + (1 - 2 * level) * xp.astype(error > 0, error.dtype)
    values = xp.square(error) * share
    return reduced(values, reduction, weights, "expectile")
