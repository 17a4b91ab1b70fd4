r"""Initialisers of parameters: ``init(key, shape, dtype=None)``.

They give the numbers of ``jax.nn.initializers`` for the same key, up to rounding. The fans of a kernel are those of its
last two axes, ``(..., in, out)``, each times the product of the sizes before them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random, xp
from funcnet.nn.scaled_initializers import gain as gain
from funcnet.nn.scaled_initializers import glorot_normal as glorot_normal
from funcnet.nn.scaled_initializers import glorot_uniform as glorot_uniform
from funcnet.nn.scaled_initializers import he_normal as he_normal
from funcnet.nn.scaled_initializers import he_uniform as he_uniform
from funcnet.nn.scaled_initializers import kaiming_normal as kaiming_normal
from funcnet.nn.scaled_initializers import kaiming_uniform as kaiming_uniform
from funcnet.nn.scaled_initializers import lecun_normal as lecun_normal
from funcnet.nn.scaled_initializers import lecun_uniform as lecun_uniform
from funcnet.nn.scaled_initializers import variance_scaling as variance_scaling
from funcnet.nn.scaled_initializers import xavier_normal as xavier_normal
from funcnet.nn.scaled_initializers import xavier_uniform as xavier_uniform
from funcnet.nn.spec import beside
from funcnet.nn.structured_initializers import delta_orthogonal as delta_orthogonal
from funcnet.nn.structured_initializers import dirac as dirac
from funcnet.nn.structured_initializers import identity as identity
from funcnet.nn.structured_initializers import orthogonal as orthogonal
from funcnet.nn.structured_initializers import sparse as sparse
from funcnet.surface import listing as _listing

if TYPE_CHECKING:
    from collections.abc import Callable

    Initializer = Callable[..., Any]

__all__ = [
    "constant",
    "delta_orthogonal",
    "dirac",
    "gain",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "sparse",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

__dir__ = _listing(__name__)


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


def normal(stddev: float = 1e-2, *, mean: float = 0.0) -> Initializer:
    """Return an initialiser from the normal distribution.

    Parameters
    ----------
    stddev : float, default 0.01
        Standard deviation.
    mean : float, default 0
        Mean.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.normal(0.1)(random.key(0), (2, 3)).shape
    (2, 3)
    """

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return _moved(random.normal(key, shape, dtype=dtype) * stddev, mean)

    return init


def _moved(x: Any, by: float) -> Any:
    return x + by if by else x


def truncated_normal(
    stddev: float = 1e-2, *, lower: float = -2.0, upper: float = 2.0, mean: float = 0.0
) -> Initializer:
    """Return an initialiser from a normal distribution that is cut off.

    Parameters
    ----------
    stddev : float, default 0.01
        Standard deviation before the cut.
    lower, upper : float
        Where it is cut off, in units of `stddev` from the mean.
    mean : float, default 0
        Mean before the cut.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> x = nn.initializers.truncated_normal(1.0)(random.key(0), (1000,))
    >>> float(abs(x).max()) <= 2
    True
    """

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return _moved(random.truncated_normal(key, lower, upper, shape, dtype=dtype) * stddev, mean)

    return init


def uniform(scale: float = 1e-2, *, lower: float = 0.0) -> Initializer:
    """Return an initialiser from the uniform distribution on ``[lower, scale)``.

    Parameters
    ----------
    scale : float, default 0.01
        Upper bound.
    lower : float, default 0
        Lower bound.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.initializers.uniform(2.0)(random.key(0), (3,)).shape
    (3,)
    """

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        if lower:
            return random.uniform(key, shape, dtype=dtype, minval=lower, maxval=scale)
        return random.uniform(key, shape, dtype=dtype) * scale

    return init


def _full(key: Any, shape: tuple[int, ...], dtype: Any, value: float) -> Any:
    with beside(key):
        return xp.full(shape, float(value), dtype=dtype)
