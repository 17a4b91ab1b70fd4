"""Draws for NumPy: each block of words becomes numbers of the wanted kind while it is still in the cache.

The references that these follow, and equal bit for bit, are in `funcnet.random`.
"""

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from funcnet.backends.numpy.special import erfinv_block, fma
from funcnet.backends.numpy.threefry import hash_words, run

__all__ = ["KERNELS"]


def _uniform(key: np.ndarray, *, shape: tuple[int, ...], dtype: str, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    out = np.empty(math.prod(shape), dtype)
    fill = _FILL[dtype]
    kind = out.dtype.type
    lowest, span = kind(low), kind(high) - kind(low)
    plain = low == 0.0 and high == 1.0

    def finish(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, begin: int, end: int) -> None:
        target = out[begin:end]
        fill(x0, x1, spare, target)
        if not plain:
            np.maximum(lowest, fma(target, span, lowest), out=target)

    run(key, out.size, finish)
    return out.reshape(shape)


def _normal(key: np.ndarray, *, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    out = np.empty(math.prod(shape), dtype)
    fill = _FILL[dtype]
    kind = out.dtype.type
    lowest, scale = np.nextafter(kind(-1), kind(0)), kind(math.sqrt(2.0))

    def finish(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, begin: int, end: int) -> None:
        target = out[begin:end]
        fill(x0, x1, spare, target)
        # Twice a draw is exact, so this rounds once, as a fused multiply-add does.
        np.multiply(target, 2, out=target)
        np.add(target, lowest, out=target)
        _erfinv_in_place(target, x0, x1)
        np.multiply(target, scale, out=target)

    run(key, out.size, finish)
    return out.reshape(shape)


def _truncated_normal(
    key: np.ndarray, *, shape: tuple[int, ...], dtype: str, low: float, high: float, least: float, most: float
) -> np.ndarray:
    out = np.empty(math.prod(shape), dtype)
    fill = _FILL[dtype]
    kind = out.dtype.type
    lowest, span, scale = kind(low), kind(high) - kind(low), kind(math.sqrt(2.0))
    smallest, largest = kind(least), kind(most)

    def finish(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, begin: int, end: int) -> None:
        target = out[begin:end]
        fill(x0, x1, spare, target)
        np.maximum(lowest, fma(target, span, lowest), out=target)
        # The quantile is infinite at the ends of (-1, 1), to which the bounds may round: the clip brings it back.
        ends = np.flatnonzero(np.abs(target) >= 1)
        sides = target[ends]
        target[ends] = 0
        _erfinv_in_place(target, x0, x1)
        np.multiply(target, scale, out=target)
        target[ends] = np.copysign(np.inf, sides)
        np.minimum(np.maximum(target, smallest, out=target), largest, out=target)

    run(key, out.size, finish)
    return out.reshape(shape)


def _erfinv_in_place(x: np.ndarray, x0: np.ndarray, x1: np.ndarray) -> None:
    """Replace x by its inverse error function; x0 and x1 are scratch."""
    if x.dtype == np.float32:
        erfinv_block(x, x0.view(np.float32), x1.view(np.float32))
    elif x.dtype == np.float64:
        erfinv_block(x, np.empty_like(x), np.empty_like(x))
    else:
        wide = x.astype(np.float32)
        erfinv_block(wide, x0.view(np.float32), x1.view(np.float32))
        x[...] = wide


def _integers(key: np.ndarray, *, shape: tuple[int, ...], dtype: str, low: int, high: int) -> np.ndarray:
    out = np.empty(math.prod(shape), dtype)
    # Narrow types are drawn with 32 bits, for less bias.
    width = max(32, 8 * out.dtype.itemsize)
    word = np.uint32 if width == 32 else np.uint64
    span = (high - low) % (1 << width) if high > low else 1
    base = (1 << width // 2) % span if span else 0
    weight = word((base * base % (1 << width)) % span if span else 0)
    start = word(low % (1 << width))
    upper_key, lower_key = _keys(key)
    lower = _words(lower_key, out.size, word)

    def finish(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, begin: int, end: int) -> None:
        upper = _joined(x0, x1, word)
        scratch = spare if width == 32 else np.empty_like(upper)
        rest = lower[begin:end]
        if span:
            _remainder(rest, word(span), scratch)
            if weight:
                _remainder(upper, word(span), scratch)
                np.multiply(upper, weight, out=upper)
                np.add(rest, upper, out=rest)
                _remainder(rest, word(span), scratch)
        np.add(rest, start, out=rest)
        np.copyto(out[begin:end], rest, casting="unsafe")

    run(upper_key, out.size, finish)
    return out.reshape(shape)


def _order(key: np.ndarray, *, size: int) -> np.ndarray:
    order = np.arange(size)
    for _ in range(_rounds(size)):
        key, subkey = _keys(key)
        words = _words(subkey, size, np.uint32)
        if size <= 1 << 32:
            # Sorting words with their positions below them is a stable sort, by NumPy's fastest one.
            packed = words.astype(np.uint64)
            np.left_shift(packed, 32, out=packed)
            np.bitwise_or(packed, np.arange(size, dtype=np.uint64), out=packed)
            packed.sort()
            np.bitwise_and(packed, 0xFFFFFFFF, out=packed)
            order = order[packed.view(np.int64)]
        else:
            order = order[np.argsort(words, kind="stable")]
    return order


def _orders(key: np.ndarray, *, shape: tuple[int, ...], axis: int) -> np.ndarray:
    ramp = [1] * len(shape)
    ramp[axis] = shape[axis]
    order = np.broadcast_to(np.arange(shape[axis]).reshape(ramp), shape)
    for _ in range(_rounds(math.prod(shape))):
        key, subkey = _keys(key)
        words = _words(subkey, math.prod(shape), np.uint32).reshape(shape)
        order = np.take_along_axis(order, np.argsort(words, axis=axis, kind="stable"), axis=axis)
    return np.array(order)


def _rounds(size: int) -> int:
    return math.ceil(3 * math.log(max(1, size)) / math.log(0xFFFFFFFF))


def _keys(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    words = np.stack(hash_words(key, 2), axis=-1)
    return words[0], words[1]


def _words(key: np.ndarray, size: int, word: Any) -> np.ndarray:
    """Return uniform words of 32 or 64 bits."""
    out = np.empty(size, word)

    def finish(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, begin: int, end: int) -> None:  # noqa: ARG001
        out[begin:end] = _joined(x0, x1, word)

    run(key, size, finish)
    return out


def _joined(x0: np.ndarray, x1: np.ndarray, word: Any) -> np.ndarray:
    if word is np.uint32:
        return np.bitwise_xor(x0, x1, out=x0)
    wide = x0.astype(np.uint64)
    np.left_shift(wide, 32, out=wide)
    return np.bitwise_or(wide, x1, out=wide)


def _remainder(x: np.ndarray, span: Any, scratch: np.ndarray) -> None:
    """Take the remainder in place; NumPy's division by one number is vectorised, its remainder is not."""
    np.floor_divide(x, span, out=scratch)
    np.multiply(scratch, span, out=scratch)
    np.subtract(x, scratch, out=x)


def _fill_single(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, out: np.ndarray) -> None:  # noqa: ARG001
    """Set 23 bits as the fraction of a number in [1, 2), and take one off."""
    np.bitwise_xor(x0, x1, out=x0)
    np.right_shift(x0, np.uint32(9), out=x0)
    np.bitwise_or(x0, np.uint32(0x3F800000), out=x0)
    np.subtract(x0.view(np.float32), np.float32(1), out=out)


def _fill_double(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, out: np.ndarray) -> None:  # noqa: ARG001
    """Put 32 bits of the first word and 20 of the second behind the binary point: 52 bits, so every step is exact."""
    np.right_shift(x1, np.uint32(12), out=x1)
    np.multiply(x1, 2.0**-52, out=out)
    np.add(out, x0 * 2.0**-32, out=out)


def _fill_half(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, out: np.ndarray) -> None:  # noqa: ARG001
    np.bitwise_xor(x0, x1, out=x0)
    np.bitwise_and(x0, np.uint32(0xFFFF), out=x0)
    np.right_shift(x0, np.uint32(6), out=x0)
    out[...] = x0 * np.float32(2.0**-10)


def _fill_brain(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, out: np.ndarray) -> None:  # noqa: ARG001
    np.bitwise_xor(x0, x1, out=x0)
    np.bitwise_and(x0, np.uint32(0xFF), out=x0)
    np.right_shift(x0, np.uint32(1), out=x0)
    out[...] = x0 * np.float32(2.0**-7)


_FILL: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], None]] = {
    "bfloat16": _fill_brain,
    "float16": _fill_half,
    "float32": _fill_single,
    "float64": _fill_double,
}

KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "random_integers": _integers,
        "random_normal": _normal,
        "random_order": _order,
        "random_orders": _orders,
        "random_truncated_normal": _truncated_normal,
        "random_uniform": _uniform,
    }
)
