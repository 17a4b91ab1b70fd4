r"""Products whose rows are given to loops while they are in the cache, by one compiled function for each dtype.

The function goes through the rows of a product in panels. It computes a panel, has each loop take these rows, and goes
on: the loop's own results and arguments pass through memory once, the product's result not at all if nobody else reads
it. A loop is any compiled function ``loop(lo, hi, part, *arguments)`` (:mod:`funcnet.compiler.team.entries`), called by
its address with a table of its arguments. The tables of all loops follow the function's own arguments in its table.

Where a product's result is not kept, a thread has copies of the tables of its own, in which the array of the result is
one that begins so far before the panel that the rows have the numbers that they would have in the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.kernels import panels, tile
from funcnet.compiler.kernels.products import product
from funcnet.compiler.team.entries import DATA, Kernel, native

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.kernels.products import Matrices, Product

    Compile = Callable[[str, str], Callable[..., None]]

__all__ = ["Follower", "Panels", "called", "described", "divided", "room", "room_size", "rows_of", "with_tables"]

#: Numbers of a panel, about, and blocks of rows that it has at most: with what a loop reads beside it stays in the
#: second level of the cache, and the loop's call is short beside its work.
_PANEL, _BLOCKS = 16384, 8
#: Numbers of a block of rows from which on a panel is too large for that.
_LONGEST = 65536
#: Bytes of the right operand, all of which each panel meets.
_RIGHT = 1 << 20
#: Columns that a panel has at least.
_COLUMNS = 16
#: Multiplications for each thread, as for products alone.
_EACH = 300_000
#: Bytes of a line of the cache, and where in a thread's room its copies of tables begin.
_LINE, _TABLES = 64, 64
#: Words that the tables of all loops have at most.
_WORDS = 2048
#: Numbers of the description before those of the loops, and for each of them.
_HEAD, _LOOP = 23, 4

_SOURCE = """def loop(lo, hi, part, a, b, c, w, d, following):
    m, n, k = d[0], d[1], d[2]
    x, y, z = address(a) + d[3], address(b) + d[4], address(c) + d[5]
    a_row, a_step, b_row, b_step, c_row = d[6], d[7], d[8], d[9], d[10]
    space = address(w) + part * d[11]
    h, each, packed, kept, loops = d[12], d[13], d[14], d[15], d[16]
    panel, v, matrix = space + d[18], space + d[19], space + d[20]
    apart, many = d[21], d[22]
    tables = i8(following)
    if kept == 0:
        tables = space + {TABLES}
        for i in range(d[17]):
            store_relaxed(tables + 8 * i, load_relaxed(i8(following) + 8 * i))
        # An array whose address is in the first word.
        store_relaxed(space + 8, space - {DATA})
        for s in range(loops):
            store_relaxed(tables + 8 * d[{HEAD} + {LOOP} * s + 3], space + 8)
    if packed:
        pack_{T}(k, n, y, b_row, b_step, matrix)
    block = 0
    for u in range(lo, hi):
        i = u * each * h
        rows = min(each * h, m - i)
        place = panel
        if kept:
            place = z + i * c_row
        else:
            store_relaxed(space, panel - i * c_row)
        if apart:
            for r in range(0, rows, h):
                if block % many == 0:
                    # Rows of the next blocks side by side.
                    at = x + (i + r) * {SZ}
                    count = min(many, (m - i - r) // h)
                    rest = min(h, m - i - r - count * h)
                    for l in range(k):
                        copy_{T}(count, h, at + l * a_step, h * {SZ}, v + l * h * {SZ}, k * h * {SZ})
                    if count < many and rest > 0:
                        at += count * h * {SZ}
                        copy_{T}(k, rest, at, a_step, v + count * k * h * {SZ}, h * {SZ})
                q = v + block % many * k * h * {SZ}
                multiply_{T}(min(h, rows - r), n, k, q, {SZ}, h * {SZ}, matrix, place + r * c_row, c_row, 0, 0, 0)
                block += 1
        elif packed:
            multiply_{T}(rows, n, k, x + i * a_row, a_row, a_step, matrix, place, c_row, 0, 0, 0)
        else:
            product_{T}(rows, n, k, x + i * a_row, a_row, a_step, y, b_row, b_step, place, c_row, 0, 0, 0, matrix)
        for s in range(loops):
            entry, per, table = d[{HEAD} + {LOOP} * s], d[{HEAD} + {LOOP} * s + 1], d[{HEAD} + {LOOP} * s + 2]
            if call_entry(entry, i * per, (i + rows) * per, u, tables + 8 * table):
                raise MemoryError
"""


class Panels(NamedTuple):
    """How a product is divided.

    Attributes
    ----------
    height : int
        Rows of a block, which a tile takes.
    each : int
        Blocks of a panel.
    together : int
        Blocks whose rows of the left operand are brought side by side at a time, where they lie apart.
    bounds : tuple of int
        Which panels each thread has.
    """

    height: int
    each: int
    together: int
    bounds: tuple[int, ...]

    @property
    def count(self) -> int:
        """The number of panels."""
        return self.bounds[-1]


class Follower(NamedTuple):
    """A loop that takes a product's rows.

    Attributes
    ----------
    kernel : Kernel
        The loop.
    per : int
        By how much `lo` and `hi` grow with each row of the product.
    place : int
        Which of its arguments is the product's result.
    """

    kernel: Kernel
    per: int
    place: int


def divided(m: int, n: int, k: int, dtype: Any, threads: int) -> Panels | None:
    """Return the panels of a product of m rows, n columns and sums of k terms; None if it is not for panels."""
    dtype = np.dtype(dtype)
    most = tile.shape(dtype).rows
    if n < _COLUMNS or k * n * dtype.itemsize > _RIGHT:
        return None
    # As many blocks as without panels.
    blocks = -(-m // most)
    height = -(-m // blocks)
    together = min(_BLOCKS, panels.rows_size() // (height * k * dtype.itemsize))
    if together == 0 or height * n > _LONGEST:
        return None
    parts = max(1, min(threads, m * n * k // _EACH, blocks))
    each = -(-blocks // parts)
    each = -(-each // -(-each // max(1, min(_BLOCKS, _PANEL // (height * n)))))
    count = -(-blocks // each)
    bounds = tuple([count * i // parts for i in range(parts + 1)])
    return Panels(height, each, together, bounds) if count > parts else None


def called(compile: Compile, dtype: Any) -> Kernel | None:
    """Return the function of a product and the loops after it; None if this system has no machine code for it.

    Its arguments are flat arrays with A, B and C, room to work in, and the description; then those of the loops.
    """
    typed = f"f{np.dtype(dtype).itemsize}"
    text = _SOURCE.format(T=typed, SZ=typed[1], TABLES=_TABLES, DATA=DATA, HEAD=_HEAD, LOOP=_LOOP)
    flat = f"{np.dtype(dtype).name}[::1]"
    return native(compile(text, f"void(int64, int64, int64, {flat}, {flat}, {flat}, uint8[::1], int64[::1], uint64)"))


def with_tables(function: Kernel, followers: Sequence[Follower]) -> Kernel:
    """Return the function with the arguments of loops after its own."""
    return Kernel(function.address, (*function.kinds, *[kind for f in followers for kind in f.kernel.kinds]))


def rows_of(a: Matrices, b: Matrices, c: Matrices, dtype: Any) -> Product | None:
    """Return a product as one of a matrix whose result lies row by row in memory; None if it is not of that kind."""
    found = product(a, b, c, dtype, 1)
    if found is None or found.turned or found.bounds[-1] != 1:
        return None
    n, row = int(found.description[1]), int(found.description[10])
    return found if row == n * np.dtype(dtype).itemsize else None


def described(
    found: Product, dtype: Any, division: Panels, followers: Sequence[Follower], each: int, *, kept: bool
) -> np.ndarray:
    """Return the description of what :func:`rows_of` has found and of the loops after it.

    Parameters
    ----------
    found : Product
        The product.
    dtype : dtype
        Of the product.
    division : Panels
        How it is divided.
    followers : sequence of Follower
        The loops.
    each : int
        Bytes of memory that each thread works in.
    kept : bool
        Whether others read the product's result.
    """
    size = np.dtype(dtype).itemsize
    _, n, k, *places = [int(x) for x in found.description[:11]]
    b_row, b_step = places[5:7]
    loops: list[int] = []
    words = 0
    for f in followers:
        starts = _starts(f.kernel)
        loops += [f.kernel.address, f.per, words, words + starts[f.place]]
        words += starts[-1]
    rows = division.height * division.each * -(-division.count // (len(division.bounds) - 1))
    # As in `product`: what is read few times is read in place.
    packed = b_step != size or rows >= 192 or abs(b_row) * min(k, 512) > 262144
    a_row, a_step = places[3:5]
    apart = packed and a_row == size and abs(a_step) >= 256 and n >= 4 * tile.shape(dtype).columns and k >= 16
    starts = _parts(n, k, dtype, division)
    assert words <= _WORDS
    numbers = [*[int(x) for x in found.description[:3]], *places, each, division.height, division.each]
    numbers += [int(packed), int(kept), len(followers), words, *starts[2:5], int(apart), division.together]
    assert len(numbers) == _HEAD
    return np.array(numbers + loops, np.int64)


def room_size(n: int, k: int, dtype: Any, division: Panels) -> int:
    """Return how many bytes each thread works in."""
    return _parts(n, k, np.dtype(dtype), division)[-1]


def _parts(n: int, k: int, dtype: Any, division: Panels) -> list[int]:
    """Return where in a thread's room parts of it begin, and its size."""
    sizes = [_TABLES, 8 * _WORDS, division.height * division.each * n * np.dtype(dtype).itemsize, panels.rows_size()]
    sizes.append(max(panels.packed_size(k, n, dtype), panels.scratch_size()))
    return [sum([-(-s // _LINE) * _LINE for s in sizes[:i]]) for i in range(len(sizes) + 1)]


def room(each: int, parts: int) -> np.ndarray:
    """Return memory for some threads to work in, so many bytes for each."""
    memory = np.empty(parts * each + _LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % _LINE
    return memory[start : start + parts * each]


def _starts(kernel: Kernel) -> list[int]:
    """Return at which word of its table each of a kernel's arguments begins, and the table's length."""
    starts = [0]
    for _, dimensions in kernel.kinds:
        starts.append(starts[-1] + 1 + dimensions)
    return starts
