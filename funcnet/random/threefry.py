r"""Threefry-2x32 and what is made of its words, in the Array API standard: the reference for every backend's kernels.

A key is two 32-bit words. The element at flat index i of a draw depends on the key and i alone: the counter is the pair
``(i >> 32, i & 0xffffffff)``, and twenty rounds turn it into two words :math:`w_0, w_1`. From these,

- unsigned integers of 32 bits are :math:`w_0 \oplus w_1`, of 8 and 16 bits the lowest bits of that, of 64 bits
  :math:`2^{32} w_0 + w_1`;
- floating-point numbers in [0, 1) are the leading bits of the integer of their own width, as many as the type stores
  after the binary point (23 for float32), times :math:`2^{-23}`;
- keys split off are the pairs :math:`(w_0, w_1)` themselves.

Keys of shape (..., 2) are several keys, whose draws lie side by side in the result of shape (..., \*shape).

These are the conventions of ``jax.random`` with its default, partitionable, generator.

References
----------
.. [1] J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC '11.
   https://doi.org/10.1145/2063384.2063405
"""

from __future__ import annotations

import math
from typing import Any

from funcnet.random.dtypes import dtype_name

__all__ = [
    "FRACTIONS",
    "Ring",
    "bits",
    "carrier",
    "fold_in",
    "hash_words",
    "integer_range",
    "integers",
    "integers_between",
    "order",
    "orders",
    "sort_rounds",
    "split",
    "uniform",
]

_WORD = 0xFFFFFFFF
_PARITY = 0x1BD11BDA
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))

#: Bits that a floating-point data type draws, and how many of them are kept.
FRACTIONS = {"bfloat16": (8, 7), "float16": (16, 10), "float32": (32, 23), "float64": (64, 52)}

_carriers: dict[str, str] = {}


def carrier(xp: Any, key: Any) -> str:
    """Return the data type in which a namespace computes with 32-bit words: ``"uint32"``, or ``"int64"`` with masks.

    Some libraries store unsigned integers but do not add or shift them; which ones do is found by trying once.
    """
    name = xp.__name__
    found = _carriers.get(name)
    if found is None:
        try:
            _ = (key + key) >> 1
            found = "uint32"
        except (NotImplementedError, RuntimeError, TypeError):
            found = "int64"
        _carriers[name] = found
    return found


def _rounds(key: Any, c0: Any, c1: Any, masked: bool) -> tuple[Any, Any]:
    """Hash counters under keys of shape (..., 2); with `masked` all are 64-bit integers that hold 32-bit words."""
    # One-element slices, not elements: NumPy's scalars warn where its arrays wrap around.
    k0, k1 = key[..., 0:1], key[..., 1:2]
    schedule = (k0, k1, k0 ^ k1 ^ _PARITY)

    def wrap(x: Any) -> Any:
        return x & _WORD if masked else x

    x0, x1 = wrap(c0 + k0), wrap(c1 + k1)
    for i in range(5):
        for r in _ROTATIONS[i & 1]:
            x0 = wrap(x0 + x1)
            x1 = (wrap(x1 << r) | (x1 >> (32 - r))) ^ x0
        x0 = wrap(x0 + schedule[(i + 1) % 3])
        x1 = wrap(x1 + wrap(schedule[(i + 2) % 3] + (i + 1)))
    return x0, x1


def hash_words(xp: Any, key: Any, size: int, first: int = 0) -> tuple[Any, Any]:
    """Return both output words for the counters ``first ... first + size - 1``.

    Parameters
    ----------
    xp : module
        The key's namespace.
    key : array of uint32, shape (..., 2)
        The keys.
    size : int
        How many counters.
    first : int, optional
        The first counter, below 2**64.

    Returns
    -------
    tuple of array, shape (..., size)
        The words, in the namespace's `carrier`.
    """
    name = carrier(xp, key)
    dtype = getattr(xp, name)
    low = first & _WORD
    if name == "uint32" and low + size <= 1 << 32:
        # One upper word for all, and no need of 64 bits, which some devices do not have.
        c0 = xp.full((1,), first >> 32, dtype=dtype, device=key.device)
        c1 = xp.arange(low, low + size, dtype=dtype, device=key.device)
    else:
        index = xp.arange(low, low + size, dtype=xp.int64, device=key.device)
        c0, c1 = xp.astype((index >> 32) + (first >> 32), dtype), xp.astype(index & _WORD, dtype)
    return _rounds(xp.astype(key, dtype), c0, c1, name == "int64")


def split(xp: Any, key: Any, *, shape: tuple[int, ...]) -> Any:
    """Return keys of shape ``(*shape, 2)``."""
    words = hash_words(xp, key, math.prod(shape))
    return xp.reshape(xp.astype(xp.stack(words, axis=-1), xp.uint32), (*key.shape[:-1], *shape, 2))


def fold_in(xp: Any, key: Any, data: Any) -> Any:
    """Return the key hashed with the integer `data`, a Python integer or an array of one for each key."""
    name = carrier(xp, key)
    dtype = getattr(xp, name)
    zero = xp.zeros(1, dtype=dtype, device=key.device)
    if isinstance(data, int):
        low = zero + data
    else:
        low = xp.expand_dims(xp.astype(data, dtype), axis=-1)
        low = low & _WORD if name == "int64" else low
    return xp.astype(xp.concat(_rounds(xp.astype(key, dtype), zero, low, name == "int64"), axis=-1), xp.uint32)


def bits(xp: Any, key: Any, *, shape: tuple[int, ...], dtype: str) -> Any:
    """Return random bits as unsigned integers."""
    w0, w1 = hash_words(xp, key, math.prod(shape))
    if dtype == "uint64":
        # Where the words travel in signed integers, the upper one runs into the sign, and the cast undoes that.
        wide = xp.uint64 if carrier(xp, key) == "uint32" else xp.int64
        value = (xp.astype(w0, wide) << 32) | xp.astype(w1, wide)
    else:
        value = (w0 ^ w1) & ((1 << int(dtype[4:])) - 1)
    return xp.reshape(xp.astype(value, getattr(xp, dtype)), _full(key, shape))


def uniform(xp: Any, key: Any, *, shape: tuple[int, ...], dtype: str) -> Any:
    """Return floating-point numbers in [0, 1). Every step is exact."""
    w0, w1 = hash_words(xp, key, math.prod(shape))
    native = getattr(xp, dtype)
    if dtype == "float64":
        value = xp.astype(w0, native) * 2.0**-32 + xp.astype(w1 >> 12, native) * 2.0**-52
    else:
        drawn, kept = FRACTIONS[dtype]
        word = ((w0 ^ w1) & ((1 << drawn) - 1)) >> (drawn - kept)
        value = xp.astype(word, native) * 2.0**-kept
    return xp.reshape(value, _full(key, shape))


def _full(key: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of draws of that shape from each of several keys."""
    return (*key.shape[:-1], *shape)


def integers(xp: Any, key: Any, *, shape: tuple[int, ...], dtype: str, low: int, high: int) -> Any:
    """Return integers in ``[low, high)``, or `low` where that is empty; `high` may be one above the largest."""
    ring = Ring(xp, key, _width(dtype))
    span = ring.one * ring.constant((high - low) if high > low else 1)
    return _draw_integers(ring, key, shape, dtype, ring.one * ring.constant(low), span)


def integers_between(xp: Any, key: Any, minval: Any, maxval: Any, *, shape: tuple[int, ...], dtype: str) -> Any:
    """Return integers in ``[minval, maxval)`` for bounds that are arrays, or one of them a Python integer."""
    ring = Ring(xp, key, _width(dtype))
    smallest, largest = integer_range(dtype)
    low, _ = _bound(ring, minval, smallest, largest)
    # Narrow types are drawn in a wider one, where the number after the largest is still a number.
    narrow = dtype[-2:] not in ("32", "64")
    high, above = _bound(ring, maxval, smallest, largest + narrow)
    above = above & (not narrow)
    low, high, above = xp.broadcast_arrays(low, high, above)
    signed = dtype[0] != "u"
    filled = ring.ordered(high, signed) > ring.ordered(low, signed)
    one = xp.ones_like(low)
    span = xp.where(filled, ring.wrap(high - low + xp.astype(above, low.dtype)), one)
    return _draw_integers(ring, key, shape, dtype, low, span)


def _draw_integers(ring: Ring, key: Any, shape: tuple[int, ...], dtype: str, low: Any, span: Any) -> Any:
    xp = ring.xp
    keys = split(xp, key, shape=(2,))
    full = _full(key, shape)
    upper, lower = (xp.reshape(ring.words(keys[..., i, :], math.prod(shape)), full) for i in range(2))
    base = ring.remainder(ring.constant(1 << ring.width // 2) * xp.ones_like(span), span)
    weight = ring.remainder(ring.wrap(base * base), span)
    offset = ring.wrap(ring.remainder(upper, span) * weight + ring.remainder(lower, span))
    value = ring.wrap(ring.remainder(offset, span) + low)
    # One-element arrays stand for numbers: NumPy's numbers would warn where its arrays wrap around.
    return xp.reshape(xp.astype(value, getattr(xp, dtype)), full)


class Ring:
    """Unsigned integers of 32 or 64 bits, on a library that may not compute with them.

    Where it does not, 32-bit ones travel in int64 as they are, and 64-bit ones with the highest bit as the sign.
    """

    def __init__(self, xp: Any, key: Any, width: int) -> None:
        self.xp = xp
        self.width = width
        self.native = carrier(xp, key) == "uint32"
        self.dtype = getattr(xp, f"uint{width}") if self.native else xp.int64
        self.one = xp.ones((1,), dtype=self.dtype, device=key.device)

    def constant(self, value: int) -> int:
        """Return a Python integer as it travels."""
        value %= 1 << self.width
        return value if self.native or value < 1 << 63 else value - (1 << 64)

    def wrap(self, x: Any) -> Any:
        """Take the remainder by ``2**width``."""
        return x if self.native or self.width == 64 else x & _WORD

    def ordered(self, x: Any, signed: bool) -> Any:
        """Return integers in the order of what x stands for, numbers with or without a sign."""
        travels_signed = self.width == 64 and not self.native
        return x if signed == travels_signed else x ^ self.constant(1 << (self.width - 1))

    def words(self, key: Any, size: int) -> Any:
        """Draw words."""
        w0, w1 = hash_words(self.xp, key, size)
        if self.width == 32:
            return w0 ^ w1
        return (self.xp.astype(w0, self.dtype) << 32) | self.xp.astype(w1, self.dtype)

    def remainder(self, x: Any, span: Any) -> Any:
        """Return the remainder; dividing by 0, which stands for ``2**width``, changes nothing."""
        xp = self.xp
        one = xp.ones_like(span)
        if self.native or self.width == 32:
            return xp.where(span == 0, x, x % xp.where(span == 0, one, span))
        # Half of x, rounded down, is not negative; twice its remainder, and the lowest bit, is below twice the span.
        positive = xp.where(span > 0, span, one)
        half = ((x >> 1) & ((1 << 63) - 1)) % positive
        below = half - (positive - half) + (x & 1)
        small = xp.where(below >= 0, below, below + positive)
        # A span with the sign set is at least 2**63: it fits at most once, and only into an x with the sign set.
        large = xp.where((x < 0) & (x >= span) & (span < 0), x - span, x)
        return xp.where(span > 0, small, large)


def _width(dtype: str) -> int:
    """Bits that an integer type is drawn with: narrow types are drawn with 32, for less bias."""
    return 64 if dtype in ("int64", "uint64") else 32


def integer_range(dtype: str) -> tuple[int, int]:
    """Return the smallest and the largest number of an integer data type."""
    digits = int(dtype.lstrip("uint"))
    return (0, (1 << digits) - 1) if dtype[0] == "u" else (-(1 << digits - 1), (1 << digits - 1) - 1)


def _bound(ring: Ring, value: Any, lowest: int, limit: int) -> tuple[Any, Any]:
    """Return a bound as it travels, clipped, and whether it lay above the limit."""
    xp = ring.xp
    if isinstance(value, int):
        clipped = ring.one * ring.constant(min(max(value, lowest), limit))
        return clipped, xp.full_like(clipped, value > limit, dtype=xp.bool)
    own = dtype_name(value.dtype)
    least, most = integer_range(own)
    value = xp.reshape(value, value.shape or (1,))
    if own == "uint64" and not ring.native:
        # As int64, what is too large shows as a negative number. It is above every limit but that of uint64.
        value = xp.astype(value, xp.int64)
        if limit == most:
            return value, xp.zeros_like(value, dtype=xp.bool)
        above = (value < 0) | (value > limit)
        return ring.wrap(xp.where(above, xp.full_like(value, limit), value)), above
    if not ring.native:
        value = xp.astype(value, xp.int64)
    above = xp.zeros_like(value, dtype=xp.bool)
    if limit < most:
        above = value > limit
        value = xp.where(above, xp.full_like(value, limit), value)
    if lowest > least:
        value = xp.where(value < lowest, xp.full_like(value, lowest), value)
    return ring.wrap(xp.astype(value, ring.dtype)), above


def order(xp: Any, key: Any, *, size: int) -> Any:
    """Return the numbers ``0 ... size - 1`` in random order."""
    return orders(xp, key, shape=(size,), axis=0)


def orders(xp: Any, key: Any, *, shape: tuple[int, ...], axis: int) -> Any:
    """Return an array of that shape in which each line along `axis` is a random order of its positions.

    Every round sorts by fresh 32-bit words; enough rounds are made for the words of two elements to differ in one.
    """
    ramp = [1] * len(shape)
    ramp[axis] = shape[axis]
    full = _full(key, shape)
    axis += len(full) - len(shape)
    found = xp.broadcast_to(xp.reshape(xp.arange(full[axis], device=key.device), tuple(ramp)), full)
    for _ in range(sort_rounds(math.prod(shape))):
        pair = split(xp, key, shape=(2,))
        key = pair[..., 0, :]
        w0, w1 = hash_words(xp, pair[..., 1, :], math.prod(shape))
        place = xp.argsort(xp.reshape(w0 ^ w1, full), axis=axis, stable=True)
        found = xp.take_along_axis(found, place, axis=axis)
    return found


def sort_rounds(size: int) -> int:
    """Return how many rounds of sorting shuffle `size` elements."""
    return math.ceil(3 * math.log(max(1, size)) / math.log(_WORD))
