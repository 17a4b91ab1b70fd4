"""Matrix products of plans, by one compiled loop for each dtype: stacks of matrices, any strides, several threads.

The loop takes the addresses of three arrays and a description: sizes and strides, which differ from product to product.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from funcnet.compiler.kernels import panels, stacks, tile

__all__ = ["Matrices", "Product", "product", "scratch", "signature", "source"]

#: Multiplications for each thread, some microseconds, below which it costs more than it saves.
_EACH = 300_000
#: Cycles of the same sense.
_CYCLES = 20_000

_SOURCE = """def loop(lo, hi, part, a, b, c, w, d):
    m, n, k = d[0], d[1], d[2]
    x, y, z = address(a) + d[3], address(b) + d[4], address(c) + d[5]
    a_row, a_step, b_row, b_step, c_row = d[6], d[7], d[8], d[9], d[10]
    space = address(w) + part * d[11]
    split, unit, stacks = d[12], d[13], d[14]
    first, last = (lo, hi) if split == 0 else (0, d[15])
    for t in range(first, last):
        p, q, r, left = x, y, z, t
        for s in range(stacks):
            i = left % d[16 + 4 * s]
            left //= d[16 + 4 * s]
            p += i * d[17 + 4 * s]
            q += i * d[18 + 4 * s]
            r += i * d[19 + 4 * s]
        if split == 0:
            product_{T}(m, n, k, p, a_row, a_step, q, b_row, b_step, r, c_row, 0, 0, 0, space)
        elif split == 1:
            i = lo * unit
            above = min(hi * unit, m) - i
            product_{T}(
                above, n, k, p + i * a_row, a_row, a_step, q, b_row, b_step, r + i * c_row, c_row, 0, 0, 0, space
            )
        else:
            j = lo * unit
            wide = min(hi * unit, n) - j
            product_{T}(
                m, wide, k, p, a_row, a_step, q + j * b_step, b_row, b_step, r + j * {SZ}, c_row, 0, 0, 0, space
            )
"""


class Matrices(NamedTuple):
    """Where matrices lie: an array's sizes and strides, in bytes, and the place of its first element."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @classmethod
    def of(cls, array: np.ndarray, base: np.ndarray | None = None) -> Matrices:
        """Return where an array's elements are, from its own first one or that of another array."""
        before = 0 if base is None else _address(base)
        return cls(array.shape, array.strides, 0 if base is None else _address(array) - before)

    def turned(self) -> Matrices:
        """Return the transposed matrices."""
        shape, strides = self.shape, self.strides
        return Matrices((*shape[:-2], *shape[:-3:-1]), (*strides[:-2], *strides[:-3:-1]), self.offset)

    def along(self, stack: tuple[int, ...]) -> tuple[int, ...]:
        """Return the strides along the dimensions of a stack of matrices, 0 where they are repeated."""
        own = self.shape[:-2]
        absent = len(stack) - len(own)
        return (*(0,) * absent, *[0 if n == 1 else s for n, s in zip(own, self.strides, strict=False)])


class Product(NamedTuple):
    """A product as the loop takes it.

    Attributes
    ----------
    turned : bool
        Whether the operands change places, since the result is transposed in memory.
    description : array
        Sizes and strides.
    bounds : tuple of int
        What each thread does.
    work : int
        How many multiplications that is.
    source : str
        The loop.
    """

    turned: bool
    description: np.ndarray
    bounds: tuple[int, ...]
    work: int
    source: str


def source(dtype: Any) -> str:
    """Return the source of the loop ``loop(lo, hi, part, a, b, c, w, d)`` for a dtype."""
    typed = f"f{np.dtype(dtype).itemsize}"
    return _SOURCE.format(T=typed, SZ=typed[1])


def signature(dtype: Any) -> str:
    """Return its type: three arrays, room to work in, and a description."""
    flat = f"{np.dtype(dtype).name}[::1]"
    return f"void(int64, int64, int64, {flat}, {flat}, {flat}, uint8[::1], int64[::1])"


def scratch(parts: int) -> np.ndarray:
    """Return room to work in for some threads."""
    memory = np.empty(parts * panels.scratch_size() + 64, np.uint8)
    start = -_address(memory) % 64
    return memory[start : start + parts * panels.scratch_size()]


def product(a: Matrices, b: Matrices, c: Matrices, dtype: Any, threads: int) -> Product | None:
    """Return how to compute a product of float32 or float64 matrices, or of stacks of them; None if BLAS is to.

    That is where a result's rows and columns both have gaps.
    """
    size = np.dtype(dtype).itemsize
    (m, k), n = a.shape[-2:], b.shape[-1]
    count = int(np.prod(c.shape[:-2]))
    if 0 in (m, n, k, count):
        return None
    # A matrix whose columns lie one after the other, times a vector: the tile is as wide as columns are long.
    upright = n == 1 and m > 1 and c.strides[-2] == size and a.strides[-2] == size != a.strides[-1]
    if upright or (c.strides[-1] != size and n > 1):
        if c.strides[-2] != size and m > 1:
            return None
        found = product(b.turned(), a.turned(), c.turned(), dtype, threads)
        return found._replace(turned=True) if found is not None else None
    stack = c.shape[:-2]
    along = [
        (length, *strides)
        for length, *strides in zip(stack, a.along(stack), b.along(stack), c.along(stack), strict=True)
        if length > 1
    ]
    a_row, c_row = a.strides[-2], c.strides[-2]
    # Matrices below each other that meet the same B are one.
    while along and along[-1][2] == 0 and (m == 1 or (along[-1][1], along[-1][3]) == (m * a_row, m * c_row)):
        length, over, _, under = along.pop()
        if m == 1:
            a_row, c_row = over, under
        m, count = m * length, count // length
    sizes = stacks.Sizes(m, n, k, a_row, a.strides[-1], b.strides[-2], b.strides[-1], c_row)
    small = stacks.stack(sizes, len(along), size) if along else None
    if small is not None:
        numbers = [a.offset, b.offset, c.offset, panels.scratch_size()]
        parts = max(1, min(threads, count, int(small.cycles * count) // _CYCLES))
        numbers += [number for one in reversed(along) for number in one]
        return Product(False, np.array(numbers, np.int64), _shared(count, parts), m * n * k * count, small.source)
    split, unit, bounds = _divided(m, n, k, count, tile.shape(dtype), threads)
    numbers = [m, n, k, a.offset, b.offset, c.offset, a_row, a.strides[-1], *b.strides[-2:], c_row]
    numbers += [panels.scratch_size(), split, unit, len(along), count]
    for one in reversed(along):
        numbers += one
    return Product(False, np.array(numbers, np.int64), bounds, m * n * k * count, source(dtype))


def _divided(m: int, n: int, k: int, count: int, shape: Any, threads: int) -> tuple[int, int, tuple[int, ...]]:
    """Return what threads divide (0: the stack, 1: rows, 2: columns), into units of how many, and who has which."""
    work = m * n * k * count
    parts = max(1, min(threads, work // _EACH))
    if parts == 1 or count >= 4 * parts or (count % parts == 0 and count > 1):
        parts = min(parts, count) if parts > 1 else 1
        return 0, 1, _shared(count, parts)
    wide = -(-n // shape.columns)
    # What is divided is read and packed by one thread each, the other operand by all: the larger one is divided, unless
    # its columns give some threads more than others.
    if m < parts * shape.rows or (m < n and (wide % parts == 0 or wide >= 8 * parts)):
        parts = min(parts, wide)
        return 2, shape.columns, _shared(wide, parts)
    return 1, 1, _shared(m, parts)


def _shared(units: int, parts: int) -> tuple[int, ...]:
    return tuple([units * i // parts for i in range(parts + 1)])


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]
