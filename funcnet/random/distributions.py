"""Draws from distributions over the reals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.core import bind
from funcnet.errors import ParameterError
from funcnet.random.keys import check_key, draw, shape_of
from funcnet.random.parameters import as_array, fits, float_name, integer_name, neighbour, number, rounded
from funcnet.random.primitives import (
    random_affine,
    random_bits,
    random_erf,
    random_erfinv,
    random_normal,
    random_truncated_normal,
    random_uniform,
)
from funcnet.random.reuse import used
from funcnet.transforms import stop_gradient

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bits", "exponential", "gumbel", "gumbel_from", "normal", "truncated_normal", "uniform", "uniform_from"]

#: The smallest normal number of each data type.
_TINY = {"bfloat16": 2.0**-126, "float16": 2.0**-14, "float32": 2.0**-126, "float64": 2.0**-1022}


def bits(key: Any, shape: int | Sequence[int] = (), dtype: Any = "uint32") -> Any:
    """Draw random bits.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    shape : int or sequence of int, optional
        Shape of the result.
    dtype : str or dtype, optional
        An unsigned integer type.

    Returns
    -------
    array of `dtype`
        Every value of the type is equally likely. The bits equal those of ``jax.random.bits``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key, the shape or the data type is none.

    Examples
    --------
    >>> from funcnet import random
    >>> random.bits(random.key(0), (2,))
    array([4070199207, 4202968722], dtype=uint32)
    """
    check_key(key, "bits")
    sizes = shape_of(shape, "bits")
    name = integer_name(dtype, key, "bits", "uint32", kinds="u")
    used(key, "bits")
    return draw(random_bits, key, shape=sizes, dtype=name)


def uniform(key: Any, shape: int | Sequence[int] = (), dtype: Any = None, minval: Any = 0.0, maxval: Any = 1.0) -> Any:
    r"""Draw uniformly from ``[minval, maxval)``.

    With u the draw from [0, 1), the result is ``max(minval, u * (maxval - minval) + minval)``, in which product and sum
    are rounded once, together (but for rare cases with bounds of very different sizes, where the last digit may differ
    from JAX's).

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    shape : int or sequence of int, optional
        Shape of the result.
    dtype : str or dtype, optional
        A floating-point type; the current context's default if omitted.
    minval, maxval : float or array, optional
        Bounds, which broadcast to `shape`. Derivatives flow through them. Where ``maxval <= minval`` the result is
        `minval`.

    Returns
    -------
    array of `dtype`
        The numbers, equal to those of ``jax.random.uniform`` on a CPU.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key, the shape or a parameter is none, or the bounds do not broadcast to the shape.

    Examples
    --------
    >>> from funcnet import random
    >>> random.uniform(random.key(0), (2,), minval=-1.0)
    array([0.895334  , 0.95715976], dtype=float32)
    """
    check_key(key, "uniform")
    sizes = shape_of(shape, "uniform")
    name = float_name(dtype, key, "uniform")
    low, high = number(minval, "uniform", "minval"), number(maxval, "uniform", "maxval")
    fits("uniform", sizes, low, high)
    used(key, "uniform")
    return uniform_from(key, sizes, name, low, high)


def uniform_from(key: Any, shape: tuple[int, ...], dtype: str, low: Any, high: Any) -> Any:
    """Draw uniformly between bounds that are floats or arrays, without checking the arguments."""
    if isinstance(low, float) and isinstance(high, float):
        return draw(random_uniform, key, shape=shape, dtype=dtype, low=low, high=high)
    u = draw(random_uniform, key, shape=shape, dtype=dtype)
    low, high = as_array(low, dtype, key), as_array(high, dtype, key)
    return xp.maximum(low, bind(random_affine, u, xp.subtract(high, low), low))


def normal(key: Any, shape: int | Sequence[int] = (), dtype: Any = None) -> Any:
    r"""Draw from the standard normal distribution.

    The result is :math:`\sqrt 2\,\mathrm{erf}^{-1}(u)`, u uniform on (-1, 1), by Giles's polynomial [1]_.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    shape : int or sequence of int, optional
        Shape of the result.
    dtype : str or dtype, optional
        A floating-point type; the current context's default if omitted.

    Returns
    -------
    array of `dtype`
        The numbers, within a few units in the last place of those of ``jax.random.normal``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key, the shape or the data type is none.

    References
    ----------
    .. [1] M. Giles, "Approximating the erfinv function", GPU Computing Gems Jade Edition, 2011, pp. 109-116.

    Examples
    --------
    >>> from funcnet import random
    >>> random.normal(random.key(0), (2,)).round(4)
    array([1.6226, 2.0253], dtype=float32)
    """
    check_key(key, "normal")
    sizes = shape_of(shape, "normal")
    name = float_name(dtype, key, "normal")
    used(key, "normal")
    return draw(random_normal, key, shape=sizes, dtype=name)


def truncated_normal(
    key: Any, lower: Any, upper: Any, shape: int | Sequence[int] | None = None, dtype: Any = None
) -> Any:
    r"""Draw from the standard normal distribution between two bounds.

    The result is :math:`\sqrt 2\,\mathrm{erf}^{-1}(u)`, u uniform between
    :math:`\mathrm{erf}(\mathrm{lower}/\sqrt 2)` and :math:`\mathrm{erf}(\mathrm{upper}/\sqrt 2)`.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    lower, upper : float or array
        Bounds, which broadcast to `shape`; they may be infinite. Derivatives flow through them.
    shape : int or sequence of int, optional
        Shape of the result; that of the bounds if omitted.
    dtype : str or dtype, optional
        A floating-point type; the current context's default if omitted.

    Returns
    -------
    array of `dtype`
        The numbers, strictly between the bounds, within a few units in the last place of those of
        ``jax.random.truncated_normal``; where both bounds lie far out on one side, where the error function has few
        digits left, the two differ more.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key, the shape or a parameter is none, the bounds do not broadcast to the shape, or the upper one is not
        above the lower one (which is checked for numbers, not for arrays).

    Examples
    --------
    >>> from funcnet import random
    >>> random.truncated_normal(random.key(0), -2.0, 2.0, (2,)).round(4)
    array([1.456 , 1.7147], dtype=float32)
    """
    check_key(key, "truncated_normal")
    name = float_name(dtype, key, "truncated_normal")
    low, high = number(lower, "truncated_normal", "lower"), number(upper, "truncated_normal", "upper")
    sizes = fits("truncated_normal", None if shape is None else shape_of(shape, "truncated_normal"), low, high)
    if isinstance(low, float) and isinstance(high, float):
        low, high = rounded(low, name), rounded(high, name)
        if not low < high:
            raise ParameterError(
                "The bounds of random.truncated_normal leave nothing between them.",
                found=f"lower={low!r}, upper={high!r}",
                needed="lower < upper",
                write=f"fn.random.truncated_normal(key, {min(low, high)!r}, {max(low, high) + (low == high)!r}, ...)",
            )
        used(key, "truncated_normal")
        return draw(
            random_truncated_normal,
            key,
            shape=sizes,
            dtype=name,
            low=math.erf(low / math.sqrt(2.0)),
            high=math.erf(high / math.sqrt(2.0)),
            least=neighbour(low, name, True),
            most=neighbour(high, name, False),
        )
    used(key, "truncated_normal")
    low, high = as_array(low, name, key), as_array(high, name, key)
    root = math.sqrt(2.0)
    u = uniform_from(key, sizes, name, bind(random_erf, low / root), bind(random_erf, high / root))
    y = root * bind(random_erfinv, u)
    # Where rounding reached a bound the draw is moved inside, and does not depend on the bounds any more.
    return xp.clip(y, _beside(low, math.inf), _beside(high, -math.inf))


def _beside(bound: Any, towards: float) -> Any:
    """Return the number next to each bound, without its derivative."""
    inner = stop_gradient(bound)
    return xp.nextafter(inner, xp.full_like(inner, towards))


def gumbel(key: Any, shape: int | Sequence[int] = (), dtype: Any = None) -> Any:
    r"""Draw from the standard Gumbel distribution.

    The result is :math:`-\log(-\log u)`, u uniform on (0, 1).

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    shape : int or sequence of int, optional
        Shape of the result.
    dtype : str or dtype, optional
        A floating-point type; the current context's default if omitted.

    Returns
    -------
    array of `dtype`
        The numbers, as near to those of ``jax.random.gumbel`` as the two logarithms are.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key, the shape or the data type is none.

    Examples
    --------
    >>> from funcnet import random
    >>> random.gumbel(random.key(0), (2,)).round(4)
    array([2.9234, 3.8326], dtype=float32)
    """
    check_key(key, "gumbel")
    sizes = shape_of(shape, "gumbel")
    name = float_name(dtype, key, "gumbel")
    used(key, "gumbel")
    return gumbel_from(key, sizes, name)


def gumbel_from(key: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """Draw from the standard Gumbel distribution, without checking the arguments."""
    return -xp.log(-xp.log(draw(random_uniform, key, shape=shape, dtype=dtype, low=_TINY[dtype], high=1.0)))


def exponential(key: Any, shape: int | Sequence[int] = (), dtype: Any = None) -> Any:
    r"""Draw from the exponential distribution of mean 1.

    The result is :math:`-\log(1 - u)`, u uniform on [0, 1).

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    shape : int or sequence of int, optional
        Shape of the result.
    dtype : str or dtype, optional
        A floating-point type; the current context's default if omitted.

    Returns
    -------
    array of `dtype`
        The numbers, as near to those of ``jax.random.exponential`` as the two logarithms are.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key, the shape or the data type is none.

    Examples
    --------
    >>> from funcnet import random
    >>> random.exponential(random.key(0), (2,)).round(4)
    array([2.9501, 3.8434], dtype=float32)
    """
    check_key(key, "exponential")
    sizes = shape_of(shape, "exponential")
    name = float_name(dtype, key, "exponential")
    used(key, "exponential")
    # Exact: the draw has no more digits behind the point than the type has.
    return -xp.log(1 - draw(random_uniform, key, shape=sizes, dtype=name))
