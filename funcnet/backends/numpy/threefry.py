"""Threefry-2x32 for NumPy, in place on blocks that stay in the processor's cache.

Each block of counters goes through the twenty rounds in place, and from there to the draw's data type, before the next
block begins, so a draw needs no temporary of its own size. Large draws are shared by two threads, which NumPy lets run
side by side inside its loops, and hashed by `funcnet.backends.numpy.compiled` where it is ready; the numbers depend on
neither, since every number follows from its index.

Which words become which numbers is described in `funcnet.random.threefry`, the reference for these kernels.
"""

import math
import os
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import numpy as np

from funcnet.backends.numpy.compiled import HASH

__all__ = ["KERNELS", "Finish", "hash_words", "run", "threads", "threefry2x32"]

_WORD = 0xFFFFFFFF
_PARITY = 0x1BD11BDA
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_SHIFTS = tuple(tuple((np.uint32(r), np.uint32(32 - r)) for r in group) for group in _ROTATIONS)

# Large enough for the cost of a call to vanish, small enough for three blocks to stay in a second-level cache.
_BLOCK = 1 << 16
# Below this many words a second thread costs more than it brings.
_SHARED = 1 << 20
# Up to this many words plain integers are quicker than arrays.
_FEW = 8

Finish = Callable[[np.ndarray, np.ndarray, np.ndarray, int, int], None]


def threads() -> int:
    """Return how many threads a large draw uses: two, or one where the environment or the machine allows only one.

    ``FUNCNET_NUM_THREADS``, else ``OMP_NUM_THREADS``, is the limit that the environment sets.
    """
    limit = os.environ.get("FUNCNET_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or ""
    if limit.isdecimal() and int(limit) < 2:
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(2, cores)


def threefry2x32(k0: int, k1: int, c0: int, c1: int) -> tuple[int, int]:
    """Hash the counter ``(c0, c1)`` under the key ``(k0, k1)``, all of them 32-bit words in plain integers."""
    schedule = (k0, k1, k0 ^ k1 ^ _PARITY)
    x0, x1 = (c0 + k0) & _WORD, (c1 + k1) & _WORD
    for i in range(5):
        for r in _ROTATIONS[i & 1]:
            x0 = (x0 + x1) & _WORD
            x1 = ((x1 << r) & _WORD | x1 >> (32 - r)) ^ x0
        x0 = (x0 + schedule[(i + 1) % 3]) & _WORD
        x1 = (x1 + schedule[(i + 2) % 3] + i + 1) & _WORD
    return x0, x1


class _Key:
    """A key's words and the constants that are added between groups of rounds."""

    __slots__ = ("injected", "k0", "k1", "words")

    def __init__(self, key: np.ndarray) -> None:
        self.k0, self.k1 = key.tolist()
        self.words = np.uint32(self.k0), np.uint32(self.k1)
        schedule = (self.k0, self.k1, self.k0 ^ self.k1 ^ _PARITY)
        self.injected = tuple(
            (np.uint32(schedule[(i + 1) % 3]), np.uint32((schedule[(i + 2) % 3] + i + 1) & _WORD)) for i in range(5)
        )


def _hash_block(key: _Key, counter: int, ramp: np.ndarray, x0: np.ndarray, x1: np.ndarray, spare: np.ndarray) -> None:
    """Fill x0 and x1 with the words of the counters from `counter` on, all of which have the same upper word."""
    add, left, right = np.add, np.left_shift, np.right_shift
    either, xor = np.bitwise_or, np.bitwise_xor
    high, low = counter >> 32, counter & _WORD
    add(ramp, np.uint32((low + key.k1) & _WORD), x1)
    # The upper word is one number for the block, so it joins in the first addition.
    add(x1, np.uint32((high + key.k0) & _WORD), x0)
    fresh = True
    for group, (inject0, inject1) in zip(_SHIFTS + _SHIFTS + _SHIFTS[:1], key.injected, strict=True):
        for by, back in group:
            if fresh:
                fresh = False
            else:
                add(x0, x1, x0)
            left(x1, by, spare)
            right(x1, back, x1)
            either(x1, spare, x1)
            xor(x1, x0, x1)
        add(x0, inject0, x0)
        add(x1, inject1, x1)


def _pieces(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cut a range of counters into blocks of which none crosses a multiple of 2**32."""
    while start < stop:
        end = min(stop, start + _BLOCK, ((start >> 32) + 1) << 32)
        yield start, end
        start = end


def _aligned(words: int) -> np.ndarray:
    """Return uninitialised words that begin a cache line."""
    raw = np.empty(4 * words + 64, np.uint8)
    begin = -raw.__array_interface__["data"][0] % 64
    return raw[begin : begin + 4 * words].view(np.uint32)


def run(key: np.ndarray, size: int, finish: Finish, first: int = 0) -> None:
    """Hash the counters ``first ... first + size - 1`` and pass each block on.

    ``finish(x0, x1, spare, begin, end)`` gets both words, which it may overwrite, scratch of the same size, and the
    indices of the block within the draw.
    """
    if size <= _FEW:
        words = _few_pairs(key, size, first)
        finish(words[:, 0].copy(), words[:, 1].copy(), np.empty(size, np.uint32), 0, size)
        return
    schedule = _Key(key)

    def work(start: int, stop: int) -> None:
        length = min(stop - start, _BLOCK)
        ramp, x0, x1, spare = (_aligned(length) for _ in range(4))
        ramp[...] = np.arange(length, dtype=np.uint32)
        for begin, end in _pieces(first + start, first + stop):
            n = end - begin
            # Asked for each time, since it may become ready in the middle of a draw.
            loop = HASH.ready
            if loop is None:
                _hash_block(schedule, begin, ramp[:n], x0[:n], x1[:n], spare[:n])
            else:
                loop(*schedule.words, np.uint32(begin >> 32 & _WORD), np.uint32(begin & _WORD), x0[:n], x1[:n])
            finish(x0[:n], x1[:n], spare[:n], begin - first, end - first)

    if size >= _SHARED:
        HASH.request()
    if size < _SHARED or threads() == 1:
        work(0, size)
        return
    # Not at the top: few programs draw this much, and all would wait for the import.
    from concurrent.futures import ThreadPoolExecutor

    half = size // 2 // _BLOCK * _BLOCK
    with ThreadPoolExecutor(max_workers=1) as pool:
        other = pool.submit(work, half, size)
        work(0, half)
        other.result()


def _few_pairs(key: np.ndarray, size: int, first: int) -> np.ndarray:
    k0, k1 = key.tolist()
    pairs = [threefry2x32(k0, k1, counter >> 32, counter & _WORD) for counter in range(first, first + size)]
    return np.array(pairs, np.uint32).reshape(size, 2)


def hash_words(key: np.ndarray, size: int, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return both output words for the counters ``first ... first + size - 1``.

    Parameters
    ----------
    key : numpy.ndarray of uint32, shape (2,)
        The key.
    size : int
        How many counters.
    first : int, optional
        The first counter, below 2**64.

    Returns
    -------
    tuple of numpy.ndarray of uint32, shape (size,)
        The words.
    """
    if size <= _FEW:
        words = _few_pairs(key, size, first)
        return words[:, 0], words[:, 1]
    out0, out1 = np.empty(size, np.uint32), np.empty(size, np.uint32)

    def finish(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, begin: int, end: int) -> None:  # noqa: ARG001
        out0[begin:end] = x0
        out1[begin:end] = x1

    run(key, size, finish, first)
    return out0, out1


def _split(key: np.ndarray, *, shape: tuple[int, ...]) -> np.ndarray:
    size = math.prod(shape)
    words = _few_pairs(key, size, 0) if size <= _FEW else np.stack(hash_words(key, size), axis=-1)
    return words.reshape(*shape, 2)


def _fold_in(key: np.ndarray, data: Any) -> np.ndarray:
    k0, k1 = key.tolist()
    return np.array(threefry2x32(k0, k1, 0, int(data) & _WORD), np.uint32)


def _bits(key: np.ndarray, *, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    out = np.empty(math.prod(shape), dtype)
    width = out.dtype.itemsize

    def finish(x0: np.ndarray, x1: np.ndarray, spare: np.ndarray, begin: int, end: int) -> None:  # noqa: ARG001
        target = out[begin:end]
        if width == 4:
            np.bitwise_xor(x0, x1, out=target)
        elif width == 8:
            target[...] = x0
            np.left_shift(target, 32, out=target)
            np.bitwise_or(target, x1, out=target)
        else:
            np.bitwise_xor(x0, x1, out=x0)
            np.copyto(target, x0, casting="unsafe")

    run(key, out.size, finish)
    return out.reshape(shape)


KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {"random_bits": _bits, "random_fold_in": _fold_in, "random_split": _split}
)
