"""Activation functions as layers. In `sequential` a plain function, such as ``xp.tanh``, does as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.core.dtypes import is_inexact
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.nn import functional
from funcnet.nn.layer import Layer, layer_path, without_key
from funcnet.nn.sampled import check_bounds, relaxed
from funcnet.nn.spec import beside, features_of
from funcnet.ops import full
from funcnet.ops.axes import one_axis
from funcnet.ops.nn.declare import floating, greater
from funcnet.ops.nn.gates import check_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "celu",
    "elu",
    "entmax15",
    "exponential",
    "geglu",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "identity",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "maxout",
    "mish",
    "prelu",
    "quick_gelu",
    "reglu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "snake",
    "soft_shrink",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swiglu",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]


def applied(name: str, f: Callable[[Any], Any]) -> Layer:
    """Return the layer that calls `f`, without parameters; its kind is `name`."""

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001  # the signature of every init
        return {}, {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        return f(x), state

    init.__qualname__ = f"{name}.<locals>.init"
    return Layer(init, apply)


def exponential() -> Layer:
    """Return the layer ``exp(x)``. See `funcnet.nn.functional.exponential`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.exponential().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([0.36787944, 1.        , 7.3890561 ])
    """
    return applied("exponential", functional.exponential)


def hard_sigmoid() -> Layer:
    """Return the layer ``relu6(x + 3) / 6``. See `funcnet.nn.functional.hard_sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.hard_sigmoid().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([0.33333333, 0.5       , 0.83333333])
    """
    return applied("hard_sigmoid", functional.hard_sigmoid)


def hard_swish() -> Layer:
    """Return the layer ``x * relu6(x + 3) / 6``. See `funcnet.nn.functional.hard_swish`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.hard_swish().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.33333333,  0.        ,  1.66666667])
    """
    return applied("hard_swish", functional.hard_swish)


def log_sigmoid() -> Layer:
    """Return the layer ``log(sigmoid(x))``. See `funcnet.nn.functional.log_sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.log_sigmoid().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-1.31326169, -0.69314718, -0.12692801])
    """
    return applied("log_sigmoid", functional.log_sigmoid)


def mish() -> Layer:
    """Return the layer ``x * tanh(softplus(x))``. See `funcnet.nn.functional.mish`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.mish().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.30340146,  0.        ,  1.94395896])
    """
    return applied("mish", functional.mish)


def quick_gelu() -> Layer:
    """Return the layer ``x * sigmoid(1.702 * x)``. See `funcnet.nn.functional.quick_gelu`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.quick_gelu().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.15420423,  0.        ,  1.93565862])
    """
    return applied("quick_gelu", functional.quick_gelu)


def relu() -> Layer:
    """Return the layer ``max(x, 0)``; its derivative at 0 is 0. See `funcnet.xp.relu`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.relu().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([0., 0., 2.])
    """
    return applied("relu", functional.relu)


def relu6() -> Layer:
    """Return the layer ``min(max(x, 0), 6)``. See `funcnet.nn.functional.relu6`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.relu6().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([0., 0., 2.])
    """
    return applied("relu6", functional.relu6)


def selu() -> Layer:
    """Return the layer of the scaled exponential linear unit. See `funcnet.nn.functional.selu`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.selu().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-1.11133074,  0.        ,  2.10140197])
    """
    return applied("selu", functional.selu)


def sigmoid() -> Layer:
    """Return the layer ``1 / (1 + exp(-x))``. See `funcnet.xp.sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.sigmoid().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([0.26894142, 0.5       , 0.88079708])
    """
    return applied("sigmoid", functional.sigmoid)


def silu() -> Layer:
    """Return the layer ``x * sigmoid(x)``. See `funcnet.nn.functional.silu`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.silu().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.26894142,  0.        ,  1.76159416])
    """
    return applied("silu", functional.silu)


def softsign() -> Layer:
    """Return the layer ``x / (1 + abs(x))``. See `funcnet.nn.functional.softsign`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.softsign().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.5       ,  0.        ,  0.66666667])
    """
    return applied("softsign", functional.softsign)


def sparse_plus() -> Layer:
    """Return the layer of the parabola between 0 and x. See `funcnet.nn.functional.sparse_plus`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.sparse_plus().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([0.  , 0.25, 2.  ])
    """
    return applied("sparse_plus", functional.sparse_plus)


def sparse_sigmoid() -> Layer:
    """Return the layer ``min(max((x + 1) / 2, 0), 1)``. See `funcnet.nn.functional.sparse_sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.sparse_sigmoid().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([0. , 0.5, 1. ])
    """
    return applied("sparse_sigmoid", functional.sparse_sigmoid)


def tanh() -> Layer:
    """Return the layer of the hyperbolic tangent. See `funcnet.xp.tanh`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.tanh().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.76159416,  0.        ,  0.96402758])
    """
    return applied("tanh", functional.tanh)


def tanh_shrink() -> Layer:
    """Return the layer ``x - tanh(x)``. See `funcnet.nn.functional.tanh_shrink`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.tanh_shrink().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
    array([-0.23840584,  0.        ,  1.03597242])
    """
    return applied("tanh_shrink", functional.tanh_shrink)


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
    greater("hard_shrink", "bound", bound, -1e-300)
    return applied("hard_shrink", lambda x: functional.hard_shrink(x, bound))


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
    greater("soft_shrink", "bound", bound, -1e-300)
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
    greater("squareplus", "b", b, -1e-300)
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


def softmin(*, axis: int | Sequence[int] | None = -1) -> Layer:
    """Return the layer of `softmax` of ``-x``.

    Parameters
    ----------
    axis : int, sequence of int or None, default -1
        Axis or axes whose exponentials sum to 1; None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.softmin().apply({}, {}, np.array([1000.0, 1000.0]))[0]
    array([0.5, 0.5])
    """
    return applied("softmin", lambda x: functional.softmin(x, axis=axis))


def log_softmax(*, axis: int | Sequence[int] | None = -1) -> Layer:
    """Return the layer of the logarithm of `softmax`, exact where that underflows.

    Parameters
    ----------
    axis : int, sequence of int or None, default -1
        Axis or axes whose exponentials sum to 1; None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.log_softmax().apply({}, {}, np.array([1000.0, 1000.0]))[0]
    array([-0.69314718, -0.69314718])
    """
    return applied("log_softmax", lambda x: functional.log_softmax(x, axis=axis))


def entmax15(*, axis: int = -1) -> Layer:
    """Return the layer that is between softmax and `sparsemax`. See `funcnet.nn.functional.entmax15`.

    Parameters
    ----------
    axis : int, default -1
        The axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.entmax15().apply({}, {}, np.array([1.0, 0.5, -3.0]))[0]
    array([0.67399264, 0.32600736, 0.        ])
    """
    return applied("entmax15", lambda x: functional.entmax15(x, axis=axis))


def sparsemax(*, axis: int = -1) -> Layer:
    """Return the layer that projects an axis on the probability simplex. See `funcnet.nn.functional.sparsemax`.

    Parameters
    ----------
    axis : int, default -1
        The axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.sparsemax().apply({}, {}, np.array([1.0, 0.5, -3.0]))[0]
    array([0.75, 0.25, 0.  ])
    """
    return applied("sparsemax", lambda x: functional.sparsemax(x, axis=axis))


def glu(*, axis: int = -1) -> Layer:
    """Return the layer ``a * sigmoid(b)`` of the two halves a and b of an axis.

    Parameters
    ----------
    axis : int, default -1
        The axis, of even size; half of it is left.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.glu().apply({}, {}, np.array([1.0, 2.0, 0.0, 100.0]))[0]
    array([0.5, 2. ])
    """
    return applied("glu", lambda x: functional.glu(x, axis=axis))


def reglu(*, axis: int = -1) -> Layer:
    """Return the layer ``a * relu(b)`` of the two halves a and b of an axis.

    Parameters
    ----------
    axis : int, default -1
        The axis, of even size; half of it is left.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.reglu().apply({}, {}, np.array([1.0, 2.0, 0.0, 100.0]))[0]
    array([  0., 200.])
    """
    return applied("reglu", lambda x: functional.reglu(x, axis=axis))


def swiglu(*, axis: int = -1) -> Layer:
    """Return the layer ``a * silu(b)`` of the two halves a and b of an axis.

    Parameters
    ----------
    axis : int, default -1
        The axis, of even size; half of it is left.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.swiglu().apply({}, {}, np.array([1.0, 2.0, 0.0, 100.0]))[0]
    array([  0., 200.])
    """
    return applied("swiglu", lambda x: functional.swiglu(x, axis=axis))


def geglu(*, axis: int = -1, approximate: bool = False) -> Layer:
    """Return the layer ``a * gelu(b)`` of the two halves a and b of an axis.

    Parameters
    ----------
    axis : int, default -1
        The axis, of even size; half of it is left.
    approximate : bool, default False
        As in `gelu`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.geglu().apply({}, {}, np.array([1.0, 2.0, 0.0, 100.0]))[0]
    array([  0., 200.])
    """
    return applied("geglu", lambda x: functional.geglu(x, axis=axis, approximate=approximate))


def maxout(pieces: int, *, axis: int = -1) -> Layer:
    """Return the layer of the greatest of every `pieces` neighbours along an axis.

    Parameters
    ----------
    pieces : int
        How many neighbours compete.
    axis : int, default -1
        The axis; `pieces` divides its size.

    Raises
    ------
    ParameterError
        If `pieces` is no positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.maxout(2).apply({}, {}, np.array([1.0, 2.0, -1.0, -3.0]))[0]
    array([ 2., -1.])
    """
    pieces = check_pieces(pieces)
    return applied("maxout", lambda x: functional.maxout(x, pieces, axis=axis))


def identity() -> Layer:
    """Return a layer that gives back its input, whatever it is.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.identity().apply({}, {}, 3.0)
    (3.0, {})
    """
    return applied("identity", lambda x: x)


def softmax(*, axis: int | Sequence[int] | None = -1) -> Layer:
    """Return a layer that makes an axis positive with the sum 1. See `funcnet.xp.softmax`.

    For training, leave it out and give the logits to `funcnet.losses.softmax_cross_entropy`, which is exact where
    probabilities underflow.

    Parameters
    ----------
    axis : int, sequence of int or None, default -1
        Axis or axes that sum to 1; None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.softmax().apply({}, {}, np.array([[1000.0, 1000.0]]))[0]
    array([[0.5, 0.5]])
    """
    return applied("softmax", lambda x: xp.softmax(x, axis=axis))


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

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001  # the signature of every init
        return {}, {}

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        if not train:
            return functional.leaky_relu(x, (lower + upper) / 2), state
        return functional.rrelu(x, key=_needed(key, "rrelu"), lower=lower, upper=upper), state

    return Layer(init, apply)


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

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001  # the signature of every init
        return {}, {}

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        if train:
            found = _needed(key, "gumbel_softmax")
            return functional.gumbel_softmax(x, key=found, temperature=temperature, hard=hard, axis=axis), state
        x = floating("gumbel_softmax", x)
        return relaxed(x / temperature, one_axis("gumbel_softmax", x, axis), hard), state

    return Layer(init, apply)


def prelu(slope: float = 0.25, *, axis: int | None = None, dtype: Any = None) -> Layer:
    """Return the layer that is x where that is positive, and elsewhere x times a slope that is learned.

    Parameters
    ----------
    slope : float, default 0.25
        The slope at the beginning.
    axis : int, optional
        The axis of the channels, each of which gets a slope; one slope for all if omitted.
    dtype : str or dtype, optional
        Data type of the slope; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameter ``slope`` of shape ``()`` or ``(channels,)``.

    Raises
    ------
    ShapeError
        If the input does not have the axis, or another number of channels than in ``init``.
    DtypeError
        If the input is not floating-point.
    ParameterError
        By ``apply``: if the parameters are those of another layer.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, arXiv:1502.01852, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> params, state = nn.prelu(axis=-1).init(random.key(0), (4, 2))
    >>> params
    {'slope': array([0.25, 0.25], dtype=float32)}
    >>> nn.prelu(axis=-1).apply(params, state, np.array([[-4.0, 4.0]], dtype="float32"))[0]
    array([[-1.,  4.]], dtype=float32)
    """

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            if axis is None:
                return {"slope": full((), slope, dtype=dtype)}, {}
            found = features_of(spec, layer_path("prelu"))
            return {"slope": full((found.shape[one_axis("prelu", found, axis)],), slope, dtype=dtype)}, {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        value = params.get("slope") if isinstance(params, dict) and len(params) == 1 else None
        if value is None or len(value.shape) != (axis is not None):
            raise ParameterError(
                f"Layer {layer_path('prelu')} got parameters that are not its own.",
                found=repr(sorted(params)) if isinstance(params, dict) else type(params).__name__,
                needed="{'slope': ()}" if axis is None else "{'slope': (channels,)}",
                write="params, state = layer.init(key, x.shape) with this very layer",
            )
        if not is_inexact(x.dtype):
            raise DtypeError(
                f"Layer {layer_path('prelu')} got an input that is not floating-point.",
                found=f"an array of dtype {x.dtype}",
                needed="a floating-point data type",
                write="xp.astype(x, xp.float32)",
            )
        if axis is not None:
            at = one_axis("prelu", x, axis)
            if x.shape[at] != value.shape[0]:
                raise ShapeError(
                    f"Layer {layer_path('prelu')} got an input with the wrong number of channels.",
                    found=f"{x.shape[at]} on axis {axis}, in shape {tuple(x.shape)}",
                    needed=f"{value.shape[0]}, as its slope has shape {tuple(value.shape)}",
                    write="layer.init(key, x.shape) for an input of this shape",
                )
            value = xp.reshape(value, tuple([value.shape[0] if i == at else 1 for i in range(len(x.shape))]))
        return functional.prelu(x, value), state

    return Layer(init, apply)


def _needed(key: Any, name: str) -> Any:
    if key is None:
        raise ParameterError(
            f"Layer {layer_path(name)} needs a random key in training.",
            found="train=True and key=None",
            needed="a key, a new one for every step",
            write="apply(params, state, x, key=random.fold_in(key, step), train=True)",
        )
    return key
