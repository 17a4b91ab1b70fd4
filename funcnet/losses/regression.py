"""Losses of real-valued predictions."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.losses.reduction import check_reduction, check_same_shape, reduced

__all__ = ["mse"]


def mse(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    r"""Squared error.

    :math:`(p - t)^2`, whose mean over all elements is the mean squared error. There is no factor 1/2.

    Parameters
    ----------
    prediction : array
        Of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
    reduction : str, default "mean"
        ``"mean"`` over all elements (not over the batch only), ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `prediction` for ``"none"``.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ParameterError
        If the reduction is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.mse(np.array([1.0, 2.0]), np.array([0.0, 0.0])))
    2.5
    """
    check_reduction("mse", reduction)
    check_same_shape("mse", prediction, target, "a prediction and a target")
    return reduced(xp.square(prediction - target), reduction)
