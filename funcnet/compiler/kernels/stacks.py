"""Stacks of small matrix products: a loop over the stack, whose body is written for one shape.

A product that is described to its loop by numbers takes longer to begin than a few vectors take to multiply. Here sizes
and strides are part of the instructions (:mod:`funcnet.compiler.kernels.block`).
"""

from __future__ import annotations

from typing import NamedTuple

from funcnet.compiler.kernels.block import spec
from funcnet.compiler.kernels.windows import cycles, tile_of, vectors_of

__all__ = ["Sizes", "Stack", "stack"]

#: Terms and columns up to which the loop for all sizes is the slower one, and multiplications of one product.
_LONG = 64
_LARGE = 65_536
#: Numbers of a transposed operand that are taken one by one; more of them are brought in order first.
_TAKEN = 128
#: Terms of a scalar product from which on vectors lie along them.
_ALONG = 16
#: Cycles that the loop over the stack and the addresses take.
_STEP = 8

_HEAD = """def loop(lo, hi, part, a, b, c, w, d):
    x, y, z = address(a) + d[0], address(b) + d[1], address(c) + d[2]
    space = address(w) + part * d[3]
"""


class Sizes(NamedTuple):
    """What a product of the stack is: sizes, and strides in bytes."""

    m: int
    n: int
    k: int
    a_row: int
    a_step: int
    b_row: int
    b_step: int
    c_row: int

    def swapped(self, size: int) -> Sizes:
        """Return the transposed product, whose one row is the column of this one."""
        m, n, k, a_row, a_step, b_row, b_step, _ = self
        return Sizes(n, m, k, b_step, b_row, a_step, a_row, size)


class Stack(NamedTuple):
    """A loop ``loop(lo, hi, part, a, b, c, w, d)`` over the products from `lo` to `hi`, and the cycles of each.

    `d` holds, in bytes, where A, B and C begin and the room of each thread in `w`; then, for each dimension of the
    stack, innermost first, its length and its strides in A, B and C.
    """

    source: str
    cycles: float


def stack(sizes: Sizes, dimensions: int, size: int) -> Stack | None:
    """Return the loop over a stack of so many dimensions of products, None where they are too large for it."""
    m, n, k = sizes[:3]
    if k > _LONG or n > _LONG or m * n * k > _LARGE:
        return None
    names = ("p", "q")
    if n == 1 and m > 1:
        if sizes.c_row != size or m > _LONG or (k >= _ALONG and sizes.a_step == size):
            return None
        sizes, names = sizes.swapped(size), ("q", "p")
    return _Writer(sizes, names, size).loop(dimensions)


class _Writer:
    def __init__(self, sizes: Sizes, names: tuple[str, str], size: int) -> None:
        self.sizes, self.size = sizes, size
        self.a, self.b = names
        m, n, k = sizes[:3]
        self.width, self.vectors = vectors_of(n, size)
        tile = tile_of((1, 1, m), n, size, k)
        self.rows, self.panel = tile.columns, min(tile.vectors * self.width, n)
        # Columns of B that are rows in memory.
        self.turned = sizes.b_step != size and n > 1
        self.packed = self.turned and (n * k > _TAKEN or m > self.rows)

    def loop(self, dimensions: int) -> Stack:
        m, n, k = self.sizes[:3]
        lines = ["p, q, r, left = x, y, z, t"]
        for s in range(dimensions):
            index = "left"
            if s < dimensions - 1:
                lines += [f"i = left % d[{4 + 4 * s}]", f"left //= d[{4 + 4 * s}]"]
                index = "i"
            for name, place in zip("pqr", range(5 + 4 * s, 8 + 4 * s), strict=True):
                lines.append(f"{name} += {index} * d[{place}]")
        if self.packed:
            row, step = self.sizes.b_row, self.sizes.b_step
            if row == self.size:
                lines.append(f"turn_f{self.size}({n}, {k}, {self.b}, {step}, space, {n * self.size})")
            else:
                # Neither rows nor columns are neighbours, as where the stack is the last dimension in memory.
                lines.append(f"for j in range({n}):")
                places = f"{self.b} + j * {step}, {row}, space + j * {self.size}, {n * self.size}"
                lines.append(f"    copy_f{self.size}({k}, 1, {places})")
        total = _STEP + (n * k if self.turned else 0.0)
        for first in range(0, n, self.panel):
            columns = min(self.panel, n - first)
            vectors = -(-columns // self.width)
            whole, rest = divmod(m, self.rows)
            total += whole * cycles(self.rows, vectors, k) + cycles(rest, vectors, k)
            if whole > 1:
                lines.append(f"for i in range(0, {whole * self.rows}, {self.rows}):")
                lines.append("    " + self.block(self.rows, first, columns, "i"))
            else:
                lines.append(self.block(self.rows, first, columns, "0"))
            if rest:
                lines.append(self.block(rest, first, columns, str(whole * self.rows)))
        body = "".join([f"        {line}\n" for line in lines])
        return Stack(f"{_HEAD}    for t in range(lo, hi):\n{body}", total)

    def block(self, rows: int, first: int, columns: int, row: str) -> str:
        """Return the call for some rows and columns, from a row on that is known when it runs."""
        s, size = self.sizes, self.size
        b, b_row, b_step = self.b, s.b_row, s.b_step if self.turned else size
        if self.packed:
            b, b_row, b_step = "space", s.n * size, size
        text = spec(
            size=size,
            width=self.width,
            columns=columns,
            a=[i * s.a_row for i in range(rows)],
            c=[i * s.c_row for i in range(rows)],
            loops=[(s.k, s.a_step, b_row)],
            apart=b_step,
        )
        places = f"{self.a} + {row} * {s.a_row}, {b} + {first * b_step}, r + {row} * {s.c_row} + {first * size}"
        return f"block({text!r}, {places}, 0, 0)"
