r"""Initialisers of parameters: ``init(key, shape, dtype=None)``.

They give the numbers of ``jax.nn.initializers`` for the same key, up to rounding. The fans of a kernel are those of its
last two axes, ``(..., in, out)``, each times the product of the sizes before them.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any

from funcnet import random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.spec import beside

if TYPE_CHECKING:
    from collections.abc import Callable

    Initializer = Callable[..., Any]

__all__ = [
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "zeros",
]

# The standard deviation of a standard normal distribution that is cut off at -2 and 2.
_TRUNCATED_STD = 0.87962566103423978


def zeros(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Zeros, on the device of `key`, which is not used otherwise.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.zeros(random.key(0), (2,))
    array([0., 0.], dtype=float32)
    """
    return _full(key, shape, dtype, 0.0)


def ones(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Ones, on the device of `key`, which is not used otherwise.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.ones(random.key(0), (2,), "float64")
    array([1., 1.])
    """
    return _full(key, shape, dtype, 1.0)


def constant(value: float) -> Initializer:
    """Return an initialiser that gives `value` everywhere.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.constant(0.5)(random.key(0), (2,))
    array([0.5, 0.5], dtype=float32)
    """

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return _full(key, shape, dtype, value)

    return init


def normal(stddev: float = 1e-2) -> Initializer:
    """Return an initialiser from the normal distribution with mean 0.

    Parameters
    ----------
    stddev : float, default 0.01
        Standard deviation.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.normal(0.1)(random.key(0), (2, 3)).shape
    (2, 3)
    """

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return random.normal(key, shape, dtype=dtype) * stddev

    return init


def truncated_normal(stddev: float = 1e-2, *, lower: float = -2.0, upper: float = 2.0) -> Initializer:
    """Return an initialiser from a normal distribution with mean 0 that is cut off.

    Parameters
    ----------
    stddev : float, default 0.01
        Standard deviation before the cut.
    lower, upper : float
        Where it is cut off, in units of `stddev`.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> x = nn.initializers.truncated_normal(1.0)(random.key(0), (1000,))
    >>> float(abs(x).max()) <= 2
    True
    """

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return random.truncated_normal(key, lower, upper, shape, dtype=dtype) * stddev

    return init


def uniform(scale: float = 1e-2) -> Initializer:
    """Return an initialiser from the uniform distribution on ``[0, scale)``.

    Parameters
    ----------
    scale : float, default 0.01
        Upper bound.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.uniform(2.0)(random.key(0), (3,)).shape
    (3,)
    """

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return random.uniform(key, shape, dtype=dtype) * scale

    return init


def variance_scaling(
    scale: float, mode: str, distribution: str, *, in_axis: int = -2, out_axis: int = -1
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
        fan_in, fan_out = _fans(shape, in_axis, out_axis)
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


def _full(key: Any, shape: tuple[int, ...], dtype: Any, value: float) -> Any:
    with beside(key):
        return xp.full(shape, float(value), dtype=dtype)


def _fans(shape: tuple[int, ...], in_axis: int, out_axis: int) -> tuple[float, float]:
    ndim = len(shape)
    if ndim < 2 or not (-ndim <= in_axis < ndim and -ndim <= out_axis < ndim):
        raise ShapeError(
            "A shape has no fans.",
            found=f"{tuple(shape)} with in_axis={in_axis} and out_axis={out_axis}",
            needed="at least two dimensions, among them those axes",
            write="nn.initializers.normal(0.01) for a vector of parameters",
        )
    in_size, out_size = shape[in_axis], shape[out_axis]
    total = prod(shape)
    return (total / out_size if out_size else 0.0), (total / in_size if in_size else 0.0)


def _unknown(what: str, value: Any, needed: str) -> ParameterError:
    return ParameterError(
        f"nn.initializers.variance_scaling got an unknown {what}.",
        found=repr(value),
        needed=needed,
        write='nn.initializers.variance_scaling(2.0, "fan_in", "truncated_normal")',
    )
