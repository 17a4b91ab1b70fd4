r"""Initialisers whose variance follows from the shape of the kernel.

The fans of a kernel are those of its last two axes, ``(..., in, out)``, each times the product of the sizes before
them.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any

from funcnet import random
from funcnet.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    Initializer = Callable[..., Any]

__all__ = [
    "gain",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
]

# The standard deviation of a standard normal distribution that is cut off at -2 and 2.
_TRUNCATED_STD = 0.87962566103423978


def variance_scaling(
    scale: float,
    mode: str,
    distribution: str,
    *,
    in_axis: int = -2,
    out_axis: int = -1,
    batch_axis: int | tuple[int, ...] = (),
) -> Initializer:
    r"""Return an initialiser whose variance is ``scale`` over the number of inputs or outputs.

    :math:`\sigma^2 = \mathrm{scale} / n`, with :math:`n` the fan of `mode`.

    Parameters
    ----------
    scale : float
        Positive.
    mode : str
        ``"fan_in"``, ``"fan_out"`` or ``"fan_avg"``, their mean.
    distribution : str
        ``"normal"``; ``"truncated_normal"``, cut off at two standard deviations and widened to the variance above; or
        ``"uniform"`` on the symmetric interval of that variance.
    in_axis, out_axis : int
        Axes of the kernel that hold its inputs and its outputs; all others belong to the receptive field.
    batch_axis : int or tuple of int, default ()
        Axes that number independent kernels, which do not count.

    Returns
    -------
    callable
        ``init(key, shape, dtype=None)``.

    Raises
    ------
    ParameterError
        If an argument is none of these.
    ShapeError
        By the initialiser: if the shape has not both axes.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # within 1 / sqrt(fan_in), as in PyTorch
    >>> init(random.key(0), (4, 3)).shape
    (4, 3)
    """
    if mode not in ("fan_in", "fan_out", "fan_avg"):
        raise _unknown("mode", mode, "'fan_in', 'fan_out' or 'fan_avg'")
    if distribution not in ("normal", "truncated_normal", "uniform"):
        raise _unknown("distribution", distribution, "'normal', 'truncated_normal' or 'uniform'")
    if not scale > 0:
        raise _unknown("scale", scale, "a positive number")

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        fan_in, fan_out = _fans(shape, in_axis, out_axis, batch_axis)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
        # A kernel without elements has fans of zero.
        variance = scale / max(fan, 1)
        if distribution == "normal":
            return random.normal(key, shape, dtype=dtype) * sqrt(variance)
        if distribution == "uniform":
            return random.uniform(key, shape, dtype=dtype, minval=-1.0, maxval=1.0) * sqrt(3 * variance)
        return random.truncated_normal(key, -2.0, 2.0, shape, dtype=dtype) * (sqrt(variance) / _TRUNCATED_STD)

    return init


def he_normal() -> Initializer:
    """Return `variance_scaling` with scale 2, fan_in, truncated normal: for layers followed by relu.

    References
    ----------
    .. [1] K. He et al., "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.he_normal()(random.key(0), (4, 3)).shape
    (4, 3)
    """
    return variance_scaling(2.0, "fan_in", "truncated_normal")


def he_uniform() -> Initializer:
    """Return `variance_scaling` with scale 2, fan_in, uniform: for layers followed by relu.

    References
    ----------
    .. [1] K. He et al., "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.he_uniform()(random.key(0), (4, 3)).shape
    (4, 3)
    """
    return variance_scaling(2.0, "fan_in", "uniform")


def glorot_normal() -> Initializer:
    """Return `variance_scaling` with scale 1, fan_avg, truncated normal.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
       2010.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.glorot_normal()(random.key(0), (4, 3)).shape
    (4, 3)
    """
    return variance_scaling(1.0, "fan_avg", "truncated_normal")


def glorot_uniform() -> Initializer:
    """Return `variance_scaling` with scale 1, fan_avg, uniform.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS
       2010.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.glorot_uniform()(random.key(0), (4, 3)).shape
    (4, 3)
    """
    return variance_scaling(1.0, "fan_avg", "uniform")


def lecun_normal() -> Initializer:
    """Return `variance_scaling` with scale 1, fan_in, truncated normal.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.lecun_normal()(random.key(0), (4, 3)).shape
    (4, 3)
    """
    return variance_scaling(1.0, "fan_in", "truncated_normal")


def lecun_uniform() -> Initializer:
    """Return `variance_scaling` with scale 1, fan_in, uniform.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.lecun_uniform()(random.key(0), (4, 3)).shape
    (4, 3)
    """
    return variance_scaling(1.0, "fan_in", "uniform")


def gain(activation: str, slope: float = 0.01) -> float:
    """Return the factor of the standard deviation that PyTorch recommends before an activation function.

    Parameters
    ----------
    activation : str
        ``"linear"``, ``"sigmoid"``, ``"tanh"``, ``"relu"``, ``"leaky_relu"`` or ``"selu"``.
    slope : float, default 0.01
        Slope of ``leaky_relu`` where its argument is negative.

    Raises
    ------
    ParameterError
        If the activation function is none of these.

    Examples
    --------
    >>> from funcnet import nn
    >>> round(nn.initializers.gain("tanh"), 4)
    1.6667
    """
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": sqrt(2),
        "leaky_relu": sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    if activation not in gains:
        raise ParameterError(
            "nn.initializers.gain does not know this activation function.",
            found=repr(activation),
            needed=", ".join(map(repr, gains)),
        )
    return gains[activation]


def kaiming_normal(*, slope: float = 0.0, mode: str = "fan_in") -> Initializer:
    """Return `variance_scaling` with scale ``2 / (1 + slope**2)``, normal: PyTorch's, not cut off as `he_normal` is.

    Parameters
    ----------
    slope : float, default 0
        Slope of the leaky relu that follows, where its argument is negative.
    mode : {"fan_in", "fan_out"}
        What the variance is divided by.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.kaiming_normal()(random.key(0), (4, 3)).shape
    (4, 3)
    """
    return variance_scaling(2 / (1 + slope**2), mode, "normal")


def kaiming_uniform(*, slope: float = 0.0, mode: str = "fan_in") -> Initializer:
    """Return `variance_scaling` with scale ``2 / (1 + slope**2)``, uniform.

    Parameters
    ----------
    slope : float, default 0
        Slope of the leaky relu that follows, where its argument is negative; the square root of 5 gives what PyTorch's
        layers begin with.
    mode : {"fan_in", "fan_out"}
        What the variance is divided by.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.kaiming_uniform()(random.key(0), (4, 3)).shape
    (4, 3)
    """
    return variance_scaling(2 / (1 + slope**2), mode, "uniform")


def xavier_normal(*, gain: float = 1.0) -> Initializer:
    """Return `variance_scaling` with scale ``gain**2``, fan_avg, normal: PyTorch's, not cut off as `glorot_normal` is.

    Parameters
    ----------
    gain : float, default 1
        Factor of the standard deviation; see `gain`.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.xavier_normal(gain=nn.initializers.gain("tanh"))(random.key(0), (4, 3)).shape
    (4, 3)
    """
    return variance_scaling(gain**2, "fan_avg", "normal")


def xavier_uniform(*, gain: float = 1.0) -> Initializer:
    """Return `variance_scaling` with scale ``gain**2``, fan_avg, uniform.

    Parameters
    ----------
    gain : float, default 1
        Factor of the standard deviation; see `gain`.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.xavier_uniform()(random.key(0), (4, 3)).shape
    (4, 3)
    """
    return variance_scaling(gain**2, "fan_avg", "uniform")


def _fans(
    shape: tuple[int, ...], in_axis: int, out_axis: int, batch_axis: int | tuple[int, ...]
) -> tuple[float, float]:
    ndim = len(shape)
    batch = (batch_axis,) if isinstance(batch_axis, int) else tuple(batch_axis)
    if ndim < 2 or not all(-ndim <= axis < ndim for axis in (in_axis, out_axis, *batch)):
        raise ShapeError(
            "A shape has no fans.",
            found=f"{tuple(shape)} with in_axis={in_axis}, out_axis={out_axis} and batch_axis={batch_axis}",
            needed="at least two dimensions, among them those axes",
            write="nn.initializers.normal(0.01) for a vector of parameters",
        )
    in_size, out_size = shape[in_axis], shape[out_axis]
    total = prod([n for i, n in enumerate(shape) if i not in [axis % ndim for axis in batch]])
    return (total / out_size if out_size else 0.0), (total / in_size if in_size else 0.0)


def _unknown(what: str, value: Any, needed: str) -> ParameterError:
    return ParameterError(
        f"nn.initializers.variance_scaling got an unknown {what}.",
        found=repr(value),
        needed=needed,
        write='nn.initializers.variance_scaling(2.0, "fan_in", "truncated_normal")',
    )
