"""Noise in training: dropout that preserves mean and variance, and Gaussian noise."""

from __future__ import annotations

from math import sqrt
from typing import Any

from funcnet import random, xp
from funcnet.errors import ParameterError
from funcnet.nn.dropout import channel_shape, check_axis, check_rate, kept, training_only
from funcnet.nn.layer import Layer

__all__ = ["alpha_dropout", "feature_alpha_dropout", "gaussian_dropout", "gaussian_noise"]

# The limit of selu at minus infinity, with the sign changed: the product of its two constants.
_ALPHA = 1.6732632423543772848170429916717 * 1.0507009873554804934193349852946


def alpha_dropout(rate: float) -> Layer:
    r"""Return a layer that drops elements to the lower limit of selu in training, and does nothing otherwise.

    :math:`y = a\,(m x - (1 - m)\,\alpha) + b` with independent :math:`m \in \{0, 1\}` that are 0 with probability
    p = `rate`, :math:`\alpha \approx 1.7581`, :math:`a = ((1 - p)(1 + p \alpha^2))^{-1/2}` and :math:`b = a p \alpha`.
    Inputs with mean 0 and variance 1 keep both, which is what networks of selu need.

    Parameters
    ----------
    rate : float
        Share of the elements that is dropped, from 0 to 1. At 0 the layer is the identity, at 1 the output is 0.

    Returns
    -------
    Layer
        Without parameters. ``apply`` needs ``key`` where ``train`` is true and `rate` is not 0. The same key drops the
        same elements on every backend.

    Raises
    ------
    ParameterError
        If `rate` is out of range; by ``apply``: if the key is missing.

    References
    ----------
    .. [1] G. Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> y, _ = nn.alpha_dropout(0.5).apply({}, {}, np.zeros(6), key=random.key(1), train=True)
    >>> sorted(set(y.round(4).tolist()))
    [-0.7792, 0.7792]
    """
    return _alpha("alpha_dropout", rate, lambda shape: shape)


def feature_alpha_dropout(rate: float, *, axis: int = -1) -> Layer:
    """Return a layer that does what `alpha_dropout` does, to whole channels of an example together.

    Parameters
    ----------
    rate : float
        Share of the channels that is dropped, from 0 to 1. At 0 the layer is the identity, at 1 the output is 0.
    axis : int, default -1
        The axis of the channels; 1 for images whose channels come first. Axis 0 is the batch.

    Returns
    -------
    Layer
        Without parameters. ``apply`` needs ``key`` where ``train`` is true and `rate` is not 0.

    Raises
    ------
    ParameterError
        If `rate` is out of range, or `axis` no integer; by ``apply``: if the key is missing.
    ShapeError
        By ``init`` and ``apply``: if the input does not have the axis next to that of the batch.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.feature_alpha_dropout(0.5)
    >>> y, _ = layer.apply({}, {}, np.zeros((1, 2, 2, 4)), key=random.key(3), train=True)
    >>> np.ptp(y, axis=(1, 2))
    array([[0., 0., 0., 0.]])
    """
    check_axis("feature_alpha_dropout", axis)
    return _alpha("feature_alpha_dropout", rate, lambda shape: channel_shape("feature_alpha_dropout", shape, axis))


def gaussian_dropout(rate: float) -> Layer:
    r"""Return a layer that multiplies elements by Gaussian noise in training, and does nothing otherwise.

    :math:`y = x\,(1 + \sigma z)` with independent standard normal z and :math:`\sigma^2 = p / (1 - p)` for p = `rate`:
    the mean and the variance that `dropout` gives.

    Parameters
    ----------
    rate : float
        From 0 to 1. At 0 the layer is the identity; at 1, where the variance would be infinite, the output is 0 as
        that of `dropout` is.

    Returns
    -------
    Layer
        Without parameters. ``apply`` needs ``key`` where ``train`` is true and `rate` is not 0.

    Raises
    ------
    ParameterError
        If `rate` is out of range; by ``apply``: if the key is missing.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014),
       section 10.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> y, _ = nn.gaussian_dropout(0.2).apply({}, {}, np.ones(10_000), key=random.key(1), train=True)
    >>> round(float(y.mean()), 1), round(float(y.std()), 1)
    (1.0, 0.5)
    """
    check_rate("gaussian_dropout", rate)
    if rate == 1:
        return training_only("gaussian_dropout", lambda key, x, shape: xp.zeros_like(x), tuple, idle=False)  # noqa: ARG005
    stddev = sqrt(rate / (1 - rate))
    return training_only(
        "gaussian_dropout", lambda key, x, shape: x * (1.0 + stddev * _normal(key, x, shape)), tuple, idle=rate == 0
    )


def gaussian_noise(stddev: float) -> Layer:
    """Return a layer that adds Gaussian noise in training, and does nothing otherwise.

    Parameters
    ----------
    stddev : float
        Standard deviation of the noise, at least 0; its mean is 0.

    Returns
    -------
    Layer
        Without parameters. ``apply`` needs ``key`` where ``train`` is true and `stddev` is not 0.

    Raises
    ------
    ParameterError
        If `stddev` is negative or infinite; by ``apply``: if the key is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> y, _ = nn.gaussian_noise(0.5).apply({}, {}, np.ones(10_000), key=random.key(1), train=True)
    >>> round(float(y.mean()), 1), round(float(y.std()), 1)
    (1.0, 0.5)
    """
    if isinstance(stddev, bool) or not isinstance(stddev, (int, float)) or not 0 <= stddev < float("inf"):
        raise ParameterError(
            "nn.gaussian_noise takes a standard deviation.",
            found=repr(stddev),
            needed="a finite number of at least 0",
            write="nn.gaussian_noise(0.1)",
        )
    return training_only(
        "gaussian_noise", lambda key, x, shape: x + stddev * _normal(key, x, shape), tuple, idle=stddev == 0
    )


def _alpha(kind: str, rate: float, mask_shape: Any) -> Layer:
    check_rate(kind, rate)
    # At rate 1 nothing is left of the input but its mean.
    slope = 0.0 if rate == 1 else 1 / sqrt((1 - rate) * (1 + rate * _ALPHA**2))
    shift = slope * rate * _ALPHA

    def change(key: Any, x: Any, shape: tuple[int, ...]) -> Any:
        if rate == 1:
            return xp.zeros_like(x)
        # Not a product: what is dropped is forgotten even where it was infinite.
        return xp.where(kept(key, rate, shape), x * slope + shift, shift - slope * _ALPHA)

    return training_only(kind, change, mask_shape, idle=rate == 0)


def _normal(key: Any, x: Any, shape: tuple[int, ...]) -> Any:
    """Return standard normal noise, which depends on the key alone and not on the data type of `x`."""
    return xp.astype(random.normal(key, shape, dtype="float32"), x.dtype)
