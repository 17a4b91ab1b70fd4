"""Activation functions whose shape a number decides."""

from __future__ import annotations

from funcnet.nn import functional
from funcnet.nn.layer import Layer
from funcnet.nn.plain import applied
from funcnet.ops.nn.declare import greater, not_negative

__all__ = [
    "celu",
    "elu",
    "gelu",
    "hard_shrink",
    "hard_tanh",
    "leaky_relu",
    "snake",
    "soft_shrink",
    "softplus",
    "squareplus",
    "swish",
    "threshold",
]


def celu(alpha: float = 1.0) -> Layer:
    """Return the layer of `funcnet.nn.functional.celu`.

    Parameters
    ----------
    alpha : float, default 1.0
        Minus the limit on the left, above 0.

    Raises
    ------
    ParameterError
        If it is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.celu().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.63212056,  0.        ,  2.        ])
    """
    greater("celu", "alpha", alpha)
    return applied("celu", lambda x: functional.celu(x, alpha))


def elu(alpha: float = 1.0) -> Layer:
    """Return the layer of `funcnet.nn.functional.elu`.

    Parameters
    ----------
    alpha : float, default 1.0
        Minus the limit on the left.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.elu().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.63212056,  0.        ,  2.        ])
    """
    return applied("elu", lambda x: functional.elu(x, alpha))


def gelu(*, approximate: bool = False) -> Layer:
    """Return the layer of the Gaussian error linear unit. See `funcnet.nn.functional.gelu`.

    Parameters
    ----------
    approximate : bool, default False
        Whether to replace the normal distribution by a hyperbolic tangent.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.gelu().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.15865525,  0.        ,  1.95449974])
    """
    return applied("gelu", lambda x: functional.gelu(x, approximate=approximate))


def hard_shrink(bound: float = 0.5) -> Layer:
    """Return the layer of `funcnet.nn.functional.hard_shrink`.

    Parameters
    ----------
    bound : float, default 0.5
        Half the width of the gap, at least 0.

    Raises
    ------
    ParameterError
        If it is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.hard_shrink().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-1.,  0.,  2.])
    """
    not_negative("hard_shrink", "bound", bound)
    return applied("hard_shrink", lambda x: functional.hard_shrink(x, bound))


def hard_tanh(low: float = -1.0, high: float = 1.0) -> Layer:
    """Return the layer ``min(max(x, low), high)``. See `funcnet.nn.functional.hard_tanh`.

    Parameters
    ----------
    low, high : float, optional
        The bounds.

    Raises
    ------
    ParameterError
        If they are not in order.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.hard_tanh().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-1.,  0.,  1.])
    """
    functional.hard_tanh(0.0, low, high)
    return applied("hard_tanh", lambda x: functional.hard_tanh(x, low, high))


def leaky_relu(slope: float = 0.01) -> Layer:
    """Return the layer of `funcnet.nn.functional.leaky_relu`.

    Parameters
    ----------
    slope : float, default 0.01
        Derivative on the left, and at 0.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.leaky_relu().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.01,  0.  ,  2.  ])
    """
    return applied("leaky_relu", lambda x: functional.leaky_relu(x, slope))


def snake(alpha: float = 1.0) -> Layer:
    """Return the layer of `funcnet.nn.functional.snake`.

    Parameters
    ----------
    alpha : float, default 1.0
        Frequency, above 0.

    Raises
    ------
    ParameterError
        If it is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.snake().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.29192658,  0.        ,  2.82682181])
    """
    greater("snake", "alpha", alpha)
    return applied("snake", lambda x: functional.snake(x, alpha))


def soft_shrink(bound: float = 0.5) -> Layer:
    """Return the layer of `funcnet.nn.functional.soft_shrink`.

    Parameters
    ----------
    bound : float, default 0.5
        What is taken off, at least 0.

    Raises
    ------
    ParameterError
        If it is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.soft_shrink().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.5,  0. ,  1.5])
    """
    not_negative("soft_shrink", "bound", bound)
    return applied("soft_shrink", lambda x: functional.soft_shrink(x, bound))


def softplus(beta: float = 1.0) -> Layer:
    """Return the layer of `funcnet.nn.functional.softplus`.

    Parameters
    ----------
    beta : float, default 1.0
        Sharpness, above 0.

    Raises
    ------
    ParameterError
        If it is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.softplus().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([0.31326169, 0.69314718, 2.12692801])
    """
    greater("softplus", "beta", beta)
    return applied("softplus", lambda x: functional.softplus(x, beta))


def squareplus(b: float = 4.0) -> Layer:
    """Return the layer of `funcnet.nn.functional.squareplus`.

    Parameters
    ----------
    b : float, default 4.0
        Width of the bend, at least 0.

    Raises
    ------
    ParameterError
        If it is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.squareplus().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([0.61803399, 1.        , 2.41421356])
    """
    not_negative("squareplus", "b", b)
    return applied("squareplus", lambda x: functional.squareplus(x, b))


def swish(beta: float = 1.0) -> Layer:
    """Return the layer of `funcnet.nn.functional.swish`.

    Parameters
    ----------
    beta : float, default 1.0
        Sharpness; at 1 it is `silu`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.swish().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.26894142,  0.        ,  1.76159416])
    """
    return applied("swish", lambda x: functional.swish(x, beta))


def threshold(level: float = 0.0, value: float = 0.0) -> Layer:
    """Return the layer that replaces x by `value` where it is not above `level`.

    Parameters
    ----------
    level : float, default 0.0
        The bound.
    value : float, default 0.0
        What replaces x.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.threshold(1.0, 5.0).apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([5., 5., 2.])
    """
    return applied("threshold", lambda x: functional.threshold(x, level, value))
