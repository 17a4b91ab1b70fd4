"""Keys: arrays of two 32-bit words."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends
from funcnet.core import Tracer, bind, constant, raw
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.random.dtypes import dtype_name, kind
from funcnet.random.primitives import random_fold_in, random_split
from funcnet.random.reuse import used

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.core import Primitive

__all__ = ["check_key", "described", "draw", "fold_in", "key", "shape_of", "split"]

_WORD = 0xFFFFFFFF


def key(seed: int) -> Any:
    """Make a random key from a seed.

    Parameters
    ----------
    seed : int
        An integer from -2**63 to 2**64 - 1. Its upper and lower 32 bits are the words of the key; negative seeds count
        in two's complement. This equals ``jax.random.key_data(jax.random.key(seed))`` for seeds from 0 to 2**32 - 1,
        and for other 64-bit ones where JAX runs with 64-bit types; without them JAX drops the upper word.

    Returns
    -------
    array of uint32, shape (2,)
        The key: a plain array of the current backend, on its current device.

    Raises
    ------
    ParameterError
        The seed is no integer, or too large.

    Examples
    --------
    >>> from funcnet import random
    >>> random.key(42)
    array([ 0, 42], dtype=uint32)
    >>> random.key(2**32 + 5)
    array([1, 5], dtype=uint32)
    """
    try:
        number = index(raw(seed))
    except TypeError:
        raise ParameterError(
            "A random key is made from an integer.",
            found=described(seed),
            needed="an integer from -2**63 to 2**64 - 1",
            write="fn.random.key(0)",
        ) from None
    if not -(1 << 63) <= number < 1 << 64:
        raise ParameterError(
            "The seed of a random key is too large.",
            found=str(number),
            needed="an integer from -2**63 to 2**64 - 1",
            write="fn.random.key(seed % 2**64)",
        )
    context = backends.current()
    words = np.array([number >> 32 & _WORD, number & _WORD], dtype=np.uint32)
    return constant(context.backend.from_numpy(words, device=context.device))


def split(key: Any, num: int | Sequence[int] = 2) -> Any:
    """Derive independent keys from a key, which should not be used again.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    num : int or sequence of int, optional
        How many keys, or the shape in which they are arranged.

    Returns
    -------
    array of uint32, shape (num, 2), or the shape `num` and a dimension of 2
        The keys, on the key's device. They equal those of ``jax.random.split``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key is none, or the shape is.

    Examples
    --------
    >>> from funcnet import random
    >>> k1, k2 = random.split(random.key(0))
    >>> k1
    array([1797259609, 2579123966], dtype=uint32)
    """
    check_key(key, "split")
    shape = shape_of(num, "split")
    used(key, "split")
    return draw(random_split, key, shape=shape)


def fold_in(key: Any, data: Any) -> Any:
    """Derive a key from a key and a number, such as the number of a step or of a worker.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The key.
    data : int or array of integers, shape ()
        The number, from 0 to 2**32 - 1; of arrays the lowest 32 bits count.

    Returns
    -------
    array of uint32, shape (2,)
        The key, on the device of `key`. It equals that of ``jax.random.fold_in``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        The key is none, or the number is not one.

    Examples
    --------
    >>> from funcnet import random
    >>> random.fold_in(random.key(0), 7)
    array([2716826189,  292468403], dtype=uint32)
    """
    check_key(key, "fold_in")
    if hasattr(data, "shape") and hasattr(data, "dtype") and not isinstance(data, np.generic):
        if tuple(data.shape):
            raise ShapeError(
                "fold_in takes one number.",
                found=described(data),
                needed="an integer, or an array of shape ()",
                write="fn.random.fold_in(key, data[0])",
            )
        if kind(data.dtype) not in ("i", "u"):
            raise DtypeError("fold_in takes an integer.", found=described(data), needed="an integer data type")
    else:
        try:
            data = index(data)  # type: ignore[arg-type]  # asking is how to find out
        except TypeError:
            raise ParameterError(
                "fold_in takes an integer.", found=described(data), needed="an integer from 0 to 2**32 - 1"
            ) from None
        if not 0 <= data <= _WORD:
            raise ParameterError(
                "The number that is folded into a key does not fit into 32 bits.",
                found=str(data),
                needed="an integer from 0 to 2**32 - 1",
                write="fn.random.fold_in(key, data % 2**32)",
            )
    used(key, "fold_in", data)
    return draw(random_fold_in, key, data)


def draw(primitive: Primitive, key: Any, *arrays: Any, **params: Any) -> Any:
    """Apply a primitive to a key; inside a transformation the result is a traced constant."""
    value = bind(primitive, key, *arrays, **params)
    return value if value.__class__ is Tracer else constant(value)


def check_key(key: Any, what: str) -> None:
    """Raise unless `key` is one key."""
    shape = getattr(key, "shape", None)
    dtype = getattr(key, "dtype", None)
    if shape is None or dtype is None:
        raise ParameterError(
            f"random.{what} takes a key first.",
            found=described(key),
            needed="a key, which is an array of two 32-bit words",
            write=f"fn.random.key({key})" if isinstance(key, int) else "fn.random.key(0)",
        )
    if dtype_name(dtype) != "uint32":
        raise DtypeError(
            f"random.{what} takes a key first.",
            found=described(key),
            needed="an array of uint32 of shape (2,)",
            write="fn.random.key(0)",
        )
    if tuple(shape) != (2,):
        several = len(shape) > 1 and shape[-1] == 2
        raise ShapeError(
            f"random.{what} takes one key.",
            found=described(key) + (", which is several keys" if several else ""),
            needed="an array of uint32 of shape (2,)",
            write="keys[0], or a loop: for key in keys" if several else "fn.random.key(0)",
        )


def shape_of(shape: Any, what: str) -> tuple[int, ...]:
    """Return `shape`, an integer or a sequence of them, as a tuple; raise if it is none."""
    try:
        sizes = tuple([index(n) for n in shape]) if hasattr(shape, "__iter__") else (index(shape),)
    except TypeError:
        raise ParameterError(
            f"random.{what} takes a shape.",
            found=described(shape),
            needed="an integer or a sequence of integers",
            write=f"fn.random.{what}(key, (2, 3), ...)",
        ) from None
    if any(n < 0 for n in sizes):
        raise ShapeError(
            f"random.{what} got a shape with a negative size.", found=str(sizes), needed="sizes of 0 or more"
        )
    return sizes


def described(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{dtype_name(value.dtype)} array of shape {tuple(value.shape)}"
    return f"{value!r} ({type(value).__name__})"
