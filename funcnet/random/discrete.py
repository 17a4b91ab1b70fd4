"""Draws of integers, truth values, orders and choices."""

from __future__ import annotations

import math
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends, xp
from funcnet.core import raw
from funcnet.errors import ParameterError, ShapeError
from funcnet.random.distributions import gumbel_from, uniform_from
from funcnet.random.dtypes import dtype_name, kind
from funcnet.random.keys import check_key, described, draw, shape_of
from funcnet.random.parameters import check_real, fits, integer_name, is_number, number, rounded
from funcnet.random.primitives import random_integers, random_integers_between, random_order, random_orders
from funcnet.random.reuse import used
from funcnet.random.threefry import integer_range

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bernoulli", "categorical", "choice", "permutation", "randint"]


def bernoulli(key: Any, p: Any = 0.5, shape: int | Sequence[int] | None = None) -> Any:
    """Draw truth values.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    p : float or array of floats, optional
        Probability of True, which broadcasts to `shape`. Its data type, the current context's default for a number,
        sets the resolution: with float32 probabilities are multiples of 2**-23.
    shape : int or sequence of int, optional
        Shape of the result; that of `p` if omitted.

    Returns
    -------
    array of bool
        The values, equal to those of ``jax.random.bernoulli``. No derivative flows through them.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key, the shape or `p` is none, `p` does not broadcast to the shape, or is a number or NumPy array with
        values outside [0, 1].

    Examples
    --------
    >>> from funcnet import random
    >>> random.bernoulli(random.key(1), 0.5, (5,))
    array([ True, False,  True,  True, False])
    """
    check_key(key, "bernoulli")
    chance = number(p, "bernoulli", "p")
    if isinstance(chance, float):
        name = backends.current().dtype
        inside = 0.0 <= chance <= 1.0
        chance = rounded(chance, name)
    else:
        check_real(chance, "bernoulli")
        name = dtype_name(chance.dtype)
        values = raw(chance)
        # Where the values are on the host it costs little to look at them.
        inside = not isinstance(values, np.ndarray) or bool(((values >= 0) & (values <= 1)).all())
    if not inside:
        raise ParameterError(
            "A probability of random.bernoulli lies outside [0, 1].",
            found=repr(p),
            needed="0 <= p <= 1",
            write="xp.sigmoid(p) if these are logits",
        )
    sizes = fits("bernoulli", None if shape is None else shape_of(shape, "bernoulli"), chance)
    used(key, "bernoulli")
    return xp.less(uniform_from(key, sizes, name, 0.0, 1.0), chance)


def randint(key: Any, shape: int | Sequence[int], minval: Any, maxval: Any, dtype: Any = "int32") -> Any:
    """Draw integers uniformly from ``[minval, maxval)``.

    Twice as many bits are drawn as the type has (types narrower than 32 bits are drawn with 32), and the remainder is
    taken; the values that this makes more likely are so by less than ``(maxval - minval) / 2**32``.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    shape : int or sequence of int
        Shape of the result.
    minval, maxval : int or array of integers
        Bounds, which broadcast to `shape`. They are clipped to the data type, of whose largest number `maxval` may lie
        above. Where ``maxval <= minval`` the result is `minval`.
    dtype : str or dtype, optional
        An integer type. The numbers depend on it: those of int32 and int64 differ.

    Returns
    -------
    array of `dtype`
        The integers, equal to those of ``jax.random.randint``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key, the shape or a bound is none, or the bounds do not broadcast to the shape.

    Examples
    --------
    >>> from funcnet import random
    >>> random.randint(random.key(0), (5,), 0, 10)
    array([9, 0, 2, 3, 1], dtype=int32)
    """
    check_key(key, "randint")
    sizes = shape_of(shape, "randint")
    name = integer_name(dtype, key, "randint", "int32")
    low, high = _bound(minval, "minval"), _bound(maxval, "maxval")
    fits("randint", sizes, low, high)
    used(key, "randint")
    return _integers(key, sizes, name, low, high)


def _integers(key: Any, shape: tuple[int, ...], dtype: str, low: Any, high: Any) -> Any:
    if isinstance(low, int) and isinstance(high, int):
        smallest, largest = integer_range(dtype)
        low, high = (min(max(low, smallest), largest), min(max(high, smallest), largest + 1))
        return draw(random_integers, key, shape=shape, dtype=dtype, low=low, high=high)
    return draw(random_integers_between, key, low, high, shape=shape, dtype=dtype)


def _bound(value: Any, name: str) -> Any:
    if hasattr(value, "dtype") and not isinstance(value, np.generic):
        if kind(value.dtype) in ("i", "u"):
            return value
    else:
        try:
            return index(value)  # type: ignore[arg-type]  # asking is how to find out
        except TypeError:
            pass
    raise ParameterError(
        f"Parameter {name!r} of random.randint is no integer.",
        found=described(value),
        needed="an integer, or an array of integers that broadcasts to the shape of the draw",
        write=f"{name}=int({name})" if is_number(value) else 'xp.astype(x, "int32")',
    )


def permutation(key: Any, x: Any, axis: int = 0, independent: bool = False) -> Any:
    """Draw an order, or put an array into one.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    x : int or array
        The number of elements, for a random order of ``0 ... x - 1``; or the array to shuffle. Derivatives flow
        through it.
    axis : int, optional
        The axis along which an array is shuffled.
    independent : bool, optional
        Whether each line along the axis gets an order of its own; otherwise they are moved together.

    Returns
    -------
    array
        The order, in the backend's default integer type, or an array like `x`. They equal those of
        ``jax.random.permutation``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key is none, `x` is neither a number nor an array, or has no such axis.

    Examples
    --------
    >>> from funcnet import random
    >>> random.permutation(random.key(0), 5)
    array([0, 1, 4, 3, 2])
    """
    check_key(key, "permutation")
    if not _is_array(x):
        size = _size(x, "permutation", "x")
        used(key, "permutation")
        return draw(random_order, key, size=size)
    axis = _axis(axis, len(x.shape), "permutation")
    used(key, "permutation")
    return _shuffled(key, x, axis, independent)


def _shuffled(key: Any, x: Any, axis: int, independent: bool = False) -> Any:
    shape = tuple(x.shape)
    if independent and len(shape) > 1:
        return xp.take_along_axis(x, draw(random_orders, key, shape=shape, axis=axis), axis=axis)
    return xp.take(x, draw(random_order, key, size=shape[axis]), axis=axis)


def choice(
    key: Any,
    a: Any,
    shape: int | Sequence[int] = (),
    replace: bool = True,
    p: Any = None,
    axis: int = 0,
) -> Any:
    """Choose elements of an array.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    a : int or array
        The number of elements, for a choice from ``0 ... a - 1``; or the array to choose from. Derivatives flow
        through it.
    shape : int or sequence of int, optional
        Shape of the choice.
    replace : bool, optional
        Whether an element may be chosen more than once.
    p : array of floats, shape (n,), optional
        Weights of the n elements, all equal if omitted. They need not add up to 1. Without replacement as many of them
        as are drawn must be above 0.
    axis : int, optional
        The axis of `a` from which is chosen.

    Returns
    -------
    array
        Integers, or elements of `a`: its shape with `axis` replaced by `shape`. They equal those of
        ``jax.random.choice``; with weights, but for rounding.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key, the shape, `a` or `p` is none; there is nothing to choose from; more elements are wanted without
        replacement than there are; or `p` has another length or, in a NumPy array, negative weights.

    Examples
    --------
    >>> from funcnet import random
    >>> random.choice(random.key(0), 10, (3,), replace=False)
    array([0, 1, 8])
    """
    check_key(key, "choice")
    sizes = shape_of(shape, "choice")
    wanted = math.prod(sizes)
    if _is_array(a):
        axis = _axis(axis, len(a.shape), "choice")
        size = a.shape[axis]
    else:
        a = size = _size(a, "choice", "a")
    if size == 0 and wanted:
        raise ParameterError(
            "random.choice has nothing to choose from.", found="0 elements", needed="1 element or more"
        )
    if not replace and wanted > size:
        raise ParameterError(
            "random.choice cannot choose that many elements without replacement.",
            found=f"{wanted} from {size}",
            needed=f"{size} or fewer",
            write="replace=True",
        )
    if p is not None:
        p = _weights(p, size)
    used(key, "choice")
    result = _shape_chosen(a, axis, sizes)
    if p is None and not replace:
        if isinstance(a, int):
            return xp.reshape(draw(random_order, key, size=size)[:wanted], result)
        chosen = _shuffled(key, a, axis)
        return xp.reshape(chosen[(slice(None),) * axis + (slice(wanted),)], result)
    if p is None:
        # Beyond 32 bits the draw needs wider numbers; which those are does not show where they fit.
        where = _integers(key, (wanted,), "int32" if size < 1 << 31 else "int64", 0, max(size, 1))
    elif replace:
        name = dtype_name(p.dtype)
        total = xp.cumulative_sum(p)
        level = total[-1] * (1 - uniform_from(key, (wanted,), name, 0.0, 1.0)) if size else total
        where = xp.searchsorted(total, level)
    else:
        positive = p > 0
        weight = xp.where(positive, xp.log(xp.where(positive, p, 1)), -math.inf)
        score = xp.add(gumbel_from(key, (size,), dtype_name(p.dtype)), weight)
        where = xp.argsort(score, descending=True, stable=True)[:wanted]
    if isinstance(a, int):
        return xp.reshape(where, result)
    return xp.reshape(xp.take(a, where, axis=axis), result)


def _shape_chosen(a: Any, axis: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if isinstance(a, int) else (*a.shape[:axis], *shape, *a.shape[axis + 1 :])


def _weights(p: Any, size: int) -> Any:
    if not _is_array(p):
        raise ParameterError(
            "The weights of random.choice are no array.",
            found=described(p),
            needed=f"an array of floating-point numbers of shape ({size},)",
            write="xp.asarray(p)",
        )
    check_real(p, "choice")
    if tuple(p.shape) != (size,):
        raise ShapeError(
            "random.choice needs one weight for each element.", found=described(p), needed=f"shape ({size},)"
        )
    values = raw(p)
    if isinstance(values, np.ndarray) and not bool((values >= 0).all()):
        raise ParameterError(
            "A weight of random.choice is negative.", found=repr(p), needed="weights of 0 or more", write="xp.exp(p)"
        )
    return p


def categorical(key: Any, logits: Any, axis: int = -1, shape: int | Sequence[int] | None = None) -> Any:
    r"""Draw the numbers of categories.

    Category i has the probability :math:`\exp(l_i) / \sum_j \exp(l_j)`; the draw is the largest of
    :math:`l_i + g_i`, with :math:`g_i` from the Gumbel distribution.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    logits : array of floats
        Logarithms of the probabilities, but for a constant.
    axis : int, optional
        The axis of the categories.
    shape : int or sequence of int, optional
        Shape of the result: that of `logits` without `axis`, which is the default, possibly behind further axes.

    Returns
    -------
    array of integers
        The categories, in the backend's default integer type; but for rounding they equal those of
        ``jax.random.categorical``. No derivative flows through them.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key, the logits or the axis is none, or the shape does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import random
    >>> random.categorical(random.key(0), np.log(np.array([0.1, 0.2, 0.7])), shape=(5,))
    array([2, 2, 2, 1, 1])
    """
    check_key(key, "categorical")
    if not _is_array(logits):
        raise ParameterError(
            "The logits of random.categorical are no array.",
            found=described(logits),
            needed="an array of floating-point numbers with an axis of categories",
            write="xp.asarray(logits)",
        )
    check_real(logits, "categorical")
    ndim = len(logits.shape)
    axis = _axis(axis, ndim, "categorical")
    categories = logits.shape[axis]
    batch = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    sizes = batch if shape is None else shape_of(shape, "categorical")
    split_at = len(sizes) - len(batch)
    if split_at < 0 or any(b not in (1, n) for b, n in zip(batch, sizes[max(split_at, 0) :], strict=True)):
        raise ShapeError(
            "The logits of random.categorical do not fit the shape of the draw.",
            found=f"shape={sizes} for {described(logits)}, categories along axis {axis}",
            needed=f"a shape to which {batch} broadcasts",
        )
    if categories == 0 and math.prod(sizes):
        raise ShapeError("random.categorical has no categories.", found=described(logits), needed="1 category or more")
    used(key, "categorical")
    full = list(sizes)
    full.insert(split_at + axis, categories)
    noise = gumbel_from(key, tuple(full), dtype_name(logits.dtype))
    return xp.argmax(xp.add(noise, logits), axis=split_at + axis)


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype") and len(x.shape) > 0


def _size(x: Any, what: str, name: str) -> int:
    try:
        size = index(raw(x))
    except TypeError:
        raise ParameterError(
            f"Parameter {name!r} of random.{what} is neither an integer nor an array.",
            found=described(x),
            needed="the number of elements, or an array",
            write=f"xp.asarray({name})",
        ) from None
    if size < 0:
        raise ParameterError(f"random.{what} got a negative number of elements.", found=str(size), needed="0 or more")
    return size


def _axis(axis: int, ndim: int, what: str) -> int:
    if not -ndim <= axis < ndim:
        raise ShapeError(
            f"random.{what} got an axis that its array does not have.",
            found=f"axis={axis} for {ndim} dimensions",
            needed=f"{-ndim} <= axis < {ndim}",
        )
    return axis % ndim
