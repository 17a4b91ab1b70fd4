"""Functions with random numbers in them: dropout, and activation functions."""

from __future__ import annotations

from typing import Any

from funcnet import random, xp
from funcnet.core import owner
from funcnet.errors import ParameterError
from funcnet.nn.dropout import check_rate, dropped
from funcnet.ops.axes import one_axis
from funcnet.ops.nn.declare import floating, greater
from funcnet.ops.nn.piecewise import leaky_relu
from funcnet.transforms import stop_gradient

__all__ = ["check_bounds", "dropout", "gumbel_softmax", "relaxed", "rrelu"]


def dropout(x: Any, /, rate: float, *, key: Any) -> Any:
    r"""Zero elements at random, and scale the others so that the expectation stays.

    :math:`y = m x / (1 - \mathrm{rate})` with independent :math:`m \in \{0, 1\}` that are 0 with probability `rate`. It
    drops whatever the phase is: call it in training only, or use the layer `funcnet.nn.dropout`.

    Derivative: :math:`m / (1 - \mathrm{rate})`.

    Parameters
    ----------
    x : array
        Of a real data type; integers become floating-point.
    rate : float
        Share of the elements that is dropped, from 0 to 1. At 0 the result is `x`, at 1 it is 0.
    key : array of uint32, shape (2,)
        Key of the draw. The same key drops the same elements on every backend. It may be None where `rate` is 0.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    ParameterError
        If `rate` is out of range, or the key is missing.
    DtypeError
        If `x` is complex or no array.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> y = nn.functional.dropout(np.ones(6), 0.5, key=random.key(1))
    >>> sorted(set(y.tolist()))
    [0.0, 2.0]
    """
    check_rate("functional.dropout", rate)
    x = floating("dropout", x)
    if rate == 0:
        return x
    if key is None:
        raise ParameterError(
            "nn.functional.dropout needs a random key.",
            found="key=None",
            needed="a key, a new one for every call",
            write="nn.functional.dropout(x, 0.5, key=random.fold_in(key, step))",
        )
    return dropped(x, rate, key, tuple(x.shape))


def rrelu(x: Any, /, *, key: Any, lower: float = 1 / 8, upper: float = 1 / 3) -> Any:
    """x where it is positive; elsewhere x times a slope that is drawn for each element.

    Derivative: 1 where x > 0, the drawn slope elsewhere, at 0 too.

    Parameters
    ----------
    x : array
        Of a real data type; integers become floating-point.
    key : array of uint32, shape (2,)
        Key of the draw. The same key gives the same slopes on every backend.
    lower, upper : float, optional
        The slopes are uniform in between.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    ParameterError
        If the bounds are not in order.
    DtypeError
        If `x` is complex or no array.

    References
    ----------
    .. [1] B. Xu, N. Wang, T. Chen, M. Li, arXiv:1505.00853, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> y = nn.functional.rrelu(np.array([-8.0, 3.0]), key=random.key(0))
    >>> bool(-8 / 3 <= y[0] <= -1), float(y[1])
    (True, 3.0)
    """
    check_bounds(lower, upper)
    x = floating("rrelu", x)
    slope = random.uniform(key, tuple(x.shape), dtype="float32", minval=lower, maxval=upper)
    return leaky_relu(x, xp.astype(slope, x.dtype))


def gumbel_softmax(logits: Any, /, *, key: Any, temperature: Any = 1.0, hard: bool = False, axis: int = -1) -> Any:
    r"""Draw from a categorical distribution so that derivatives flow through the draw.

    :math:`y = \mathrm{softmax}((x + g) / T)` with independent :math:`g` of the standard Gumbel distribution. The
    greatest entry is that of class i with the probability :math:`\mathrm{softmax}(x)_i`.

    Derivative: that of the softmax; with ``hard=True`` too, although the result then is 1 at the greatest entry and 0
    elsewhere (the straight-through estimator).

    Parameters
    ----------
    logits : array
        Of a real data type.
    key : array of uint32, shape (2,)
        Key of the draw.
    temperature : float or array, default 1.0
        Above 0; the smaller, the nearer to one-hot.
    hard : bool, default False
        Whether to return one-hot vectors.
    axis : int, default -1
        The axis of the classes.

    Returns
    -------
    array
        Of the shape of `logits`; it sums to 1 along the axis.

    Raises
    ------
    ParameterError
        If the temperature is not positive.
    ShapeError
        If there is no such axis.
    DtypeError
        If `logits` is complex or no array.

    References
    ----------
    .. [1] E. Jang, S. Gu, B. Poole, arXiv:1611.01144, 2016.
    .. [2] C. J. Maddison, A. Mnih, Y. W. Teh, arXiv:1611.00712, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> y = nn.functional.gumbel_softmax(np.zeros((2, 3)), key=random.key(0), hard=True)
    >>> y.sum(axis=-1)
    array([1., 1.])
    """
    greater("gumbel_softmax", "temperature", temperature)
    x = floating("gumbel_softmax", logits)
    at = one_axis("gumbel_softmax", x, axis)
    noise = random.gumbel(key, tuple(x.shape), dtype=owner(x).dtype_name(x.dtype))
    return relaxed((x + noise) / temperature, at, hard)


def relaxed(x: Any, at: int, hard: bool) -> Any:
    """Return the softmax along an axis; with `hard` one-hot vectors with the derivative of the softmax."""
    y = xp.softmax(x, axis=at)
    if not hard:
        return y
    classes = x.shape[at]
    order = xp.arange(classes, device=x.device)
    order = xp.reshape(order, tuple([classes if i == at else 1 for i in range(x.ndim)]))
    one_hot = xp.astype(xp.equal(xp.expand_dims(xp.argmax(y, axis=at), axis=at), order), y.dtype)
    return y + stop_gradient(one_hot - y)


def check_bounds(lower: Any, upper: Any) -> None:
    """Raise `ParameterError` unless the bounds of the slopes are in order."""
    if not lower <= upper:
        raise ParameterError(
            "nn.rrelu takes the bounds of the slopes in order.",
            found=f"lower={lower!r}, upper={upper!r}",
            needed="lower <= upper",
            write="nn.rrelu(1 / 8, 1 / 3)",
        )
