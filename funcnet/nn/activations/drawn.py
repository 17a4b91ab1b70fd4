"""Activation functions that draw random numbers in training."""

from __future__ import annotations

from typing import Any

from funcnet.nn import functional
from funcnet.nn.layer import Layer
from funcnet.nn.plain import drawn
from funcnet.nn.sampled import check_bounds, relaxed
from funcnet.ops.axes import one_axis
from funcnet.ops.nn.declare import floating, greater

__all__ = [
    "gumbel_softmax",
    "rrelu",
]


def gumbel_softmax(*, temperature: float = 1.0, hard: bool = False, axis: int = -1) -> Layer:
    """Return the layer of `nn.functional.gumbel_softmax`, without noise outside of training.

    Parameters
    ----------
    temperature : float, default 1.0
        Above 0.
    hard : bool, default False
        Whether to return one-hot vectors.
    axis : int, default -1
        The axis of the classes.

    Returns
    -------
    Layer
        Without parameters; ``apply`` needs ``key`` in training.

    Raises
    ------
    ParameterError
        If the temperature is not positive; by ``apply``: if the key is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.gumbel_softmax(hard=True).apply({}, {}, np.array([0.1, 0.5, 0.2]))[0]
    array([0., 1., 0.])
    """
    greater("gumbel_softmax", "temperature", temperature)

    def draw(x: Any, key: Any) -> Any:
        return functional.gumbel_softmax(x, key=key, temperature=temperature, hard=hard, axis=axis)

    def without_noise(x: Any) -> Any:
        x = floating("gumbel_softmax", x)
        return relaxed(x / temperature, one_axis("gumbel_softmax", x, axis), hard)

    return drawn("gumbel_softmax", draw, without_noise)


def rrelu(lower: float = 1 / 8, upper: float = 1 / 3) -> Layer:
    """Return the layer of `nn.functional.rrelu`, with the mean slope outside of training.

    Parameters
    ----------
    lower, upper : float, optional
        The slopes are uniform in between.

    Returns
    -------
    Layer
        Without parameters; ``apply`` needs ``key`` in training.

    Raises
    ------
    ParameterError
        If the bounds are not in order; by ``apply``: if the key is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.rrelu(0.1, 0.3).apply({}, {}, np.array([-1.0, 2.0]))[0]
    array([-0.2,  2. ])
    """
    check_bounds(lower, upper)

    return drawn(
        "rrelu",
        lambda x, key: functional.rrelu(x, key=key, lower=lower, upper=upper),
        lambda x: functional.leaky_relu(x, (lower + upper) / 2),
    )
