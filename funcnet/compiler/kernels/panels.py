r"""Matrix products by tiles, for generated loops to call: operands with any strides, in pieces that stay in the cache.

Sources that :func:`funcnet.compiler.loops.build.compiled` is given may call, for float32 and float64 (`_f8`),

    product_f4(m, n, k, a, a_row, a_step, b, b_row, b_step, c, c_row, s, s_row, relu, w)
    pack_f4(k, n, b, b_row, b_step, w)
    multiply_f4(m, n, k, a, a_row, a_step, w, c, c_row, s, s_row, relu)

with int64 for all arguments. `product` computes ``C = f(S + A B)`` for A of m rows and k columns and B of k rows and
n columns. A[i, l] is at ``a + i * a_row + l * a_step`` and B[l, j] at ``b + l * b_row + j * b_step``, in bytes, with
strides that may be anything; a transposed matrix has its strides swapped. C and S have neighbouring columns: C[i, j] is
at ``c + i * c_row + j * itemsize``. As for a tile (:mod:`funcnet.compiler.kernels.tile`), S is 0 if `s` is 0, C itself
if it is `c`, and the same for all rows if `s_row` is 0; f is the rectifier if `relu` is 1. `w` is the address of
:func:`scratch_size` bytes, for one thread at a time, aligned to 64 bytes.

Where a matrix B takes part in many products, `pack` brings it into the order that the tiles read it in, once, and
`multiply` takes it from there. The memory at `w` has :func:`packed_size` bytes.

Sums over k are cut into pieces of at most 384 terms (512 where B is read in place), and each piece of B, of 512 columns
(256 for float64), is packed into panels as wide as a tile, unless it is read too few times for that to pay. Where a
product has at most eight rows or columns, and the terms of the other operand are neighbours, results are scalar
products.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels import tile

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["environment", "packed_size", "rows_size", "scratch_size", "source", "used", "version"]

#: Terms of a sum between visits to memory.
_DEPTH = 384
#: Bytes of a row of packed panels.
_WIDTH = 2048
#: Bytes of the rows of A that are brought together: eight blocks of at most 14.
_ROWS = 8 * 14 * _DEPTH * 8
#: Bytes of the results that are turned: as many rows as two tiles have columns, at most 64.
_TURNED = 64 * _WIDTH
#: Columns that are multiplied with rows of the left operand one by one.
_THIN = 8
#: Terms of their sums between visits to memory; all such columns lie in the room for panels.
_LONG = 4096
_NAMES = re.compile(r"\b((?:product|pack|multiply)_f[48])\(")

_SOURCE = """
def panels_{T}(kk, nn, b, b_row, b_step, w):
    # Bring a piece of B into panels.
    if b_step == {SZ}:
        # Row by row, as memory is read fastest.
        count = nn // {NR}
        rest = nn - count * {NR}
        for i in range(kk):
            copy_{T}(count, {NR}, b + i * b_row, {NR} * {SZ}, w + i * {NR} * {SZ}, kk * {NR} * {SZ})
        if rest > 0:
            copy_{T}(kk, rest, b + count * {NR} * {SZ}, b_row, w + count * kk * {NR} * {SZ}, {NR} * {SZ})
        return
    for j in range(0, nn, {NR}):
        jj = min({NR}, nn - j)
        x = b + j * b_step
        y = w + j * kk * {SZ}
        if b_row == {SZ}:
            turn_{T}(jj, kk, x, b_step, y, {NR} * {SZ})
        else:
            for i in range(jj):
                copy_{T}(kk, 1, x + i * b_step, b_row, y + i * {SZ}, {NR} * {SZ})

def rows_{T}(m, nn, kk, a, a_row, a_step, w, c, c_row, s, s_row, relu, v):
    # Multiply by a piece of B in panels: each block of rows of A stays in the nearest cache for all of them.
    h = (m + (m + {MR} - 1) // {MR} - 1) // ((m + {MR} - 1) // {MR})
    for i in range(0, m, h):
        hh = min(h, m - i)
        x, x_row, x_step = a + i * a_row, a_row, a_step
        if v != 0:
            # Rows side by side, each of whose columns would take a page of its own.
            x_row, x_step = {SZ}, h * {SZ}
            if i % (8 * h) == 0:
                count = min(8, (m - i) // h)
                # Whole vectors where those of the next row follow in memory, from which the gaps are read.
                whole = max(0, (kk * h - (h + {V} - 1) // {V} * {V}) // h + 1) if a_step > 0 else 0
                spread_{T}(whole, count, h, x, a_step, v, x_step, kk * x_step)
                for l in range(whole, kk):
                    copy_{T}(count, h, x + l * a_step, h * {SZ}, v + l * x_step, kk * x_step)
                rest = m - i - count * h
                if count < 8:
                    copy_{T}(kk, rest, x + count * x_step, a_step, v + count * kk * x_step, x_step)
            x = v + i % (8 * h) * kk * {SZ}
        for j in range(0, nn, {NR}):
            above = s + i * s_row + j * {SZ} if s != 0 else 0
            tile_{T}(
                hh, min({NR}, nn - j), 1, kk, x, x_row, 0, x_step, w + j * kk * {SZ}, 0, {NR} * {SZ},
                c + i * c_row + j * {SZ}, c_row, above, s_row, relu,
            )

def pack_{T}(k, n, b, b_row, b_step, w):
    pieces = max(1, (k + {KC} - 1) // {KC})
    wide = (n + {NR} - 1) // {NR} * {NR}
    p = 0
    for r in range(pieces):
        kk = (k - p + pieces - r - 1) // (pieces - r)
        panels_{T}(kk, n, b + p * b_row, b_row, b_step, w + p * wide * {SZ})
        p += kk

def multiply_{T}(m, n, k, a, a_row, a_step, w, c, c_row, s, s_row, relu):
    pieces = max(1, (k + {KC} - 1) // {KC})
    wide = (n + {NR} - 1) // {NR} * {NR}
    p = 0
    for r in range(pieces):
        kk = (k - p + pieces - r - 1) // (pieces - r)
        x = a + p * a_step
        y = w + p * wide * {SZ}
        last = relu if r == pieces - 1 else 0
        if r == 0:
            rows_{T}(m, n, kk, x, a_row, a_step, y, c, c_row, s, s_row, last, 0)
        else:
            rows_{T}(m, n, kk, x, a_row, a_step, y, c, c_row, c, c_row, last, 0)
        p += kk

def thin_{T}(m, n, k, a, a_row, b, b_row, b_step, c, c_row, c_step, w):
    # Scalar products of rows of A with the few columns of B, which are brought in order if they have gaps.
    pieces = (k + {LONG} - 1) // {LONG}
    p = 0
    for r in range(pieces):
        kk = (k - p + pieces - r - 1) // (pieces - r)
        v, v_row = b + p * b_row, b_step
        if b_row != {SZ}:
            turn_{T}(kk, n, v, b_row, w, kk * {SZ})
            v, v_row = w, kk * {SZ}
        for i in range(0, m, {DR}):
            for j in range(0, n, {DC}):
                dot_{T}(
                    min({DR}, m - i), min({DC}, n - j), kk, a + i * a_row + p * {SZ}, a_row, v + j * v_row, v_row,
                    c + i * c_row + j * c_step, c_row, c_step, 1 if r > 0 else 0,
                )
        p += kk

def product_{T}(m, n, k, a, a_row, a_step, b, b_row, b_step, c, c_row, s, s_row, relu, w):
    if a_row == {SZ} and s == 0 and relu == 0 and n <= 2 * {NR} and m >= 2 * {NR} and k >= 8:
        # Few columns fill vectors badly, and numbers of a transposed A are read one by one from far apart. Its columns
        # are the right operand's of the transposed product, which is turned in the end.
        empty = 4 * (-n % {V}) >= n
        if n < {V} or (m >= 8 * {NR} and (n == {V} or (empty and k >= 64) or k >= 512)):
            x = w + {TURNED}
            for q in range(0, m, {NC}):
                mm = min({NC}, m - q)
                straight_{T}(n, mm, k, b, b_step, b_row, a + q * {SZ}, a_step, {SZ}, x, mm * {SZ}, 0, 0, 0, w)
                turn_{T}(n, mm, x, mm * {SZ}, c + q * c_row, c_row)
            return
    straight_{T}(m, n, k, a, a_row, a_step, b, b_row, b_step, c, c_row, s, s_row, relu, w)

def straight_{T}(m, n, k, a, a_row, a_step, b, b_row, b_step, c, c_row, s, s_row, relu, w):
    if n == 1:
        b_step = {SZ}
    if m == 1:
        a_row = {SZ}
    if s == 0 and relu == 0 and k >= min(16 * min(m, n), 64):
        if n <= {THIN} and a_step == {SZ} and (b_row == {SZ} or (b_step == {SZ} and m >= 16)):
            thin_{T}(m, n, k, a, a_row, b, b_row, b_step, c, c_row, {SZ}, w)
            return
        if m <= {THIN} and b_row == {SZ} and (a_step == {SZ} or (a_row == {SZ} and n >= 16)):
            thin_{T}(n, m, k, b, b_step, a, a_step, a_row, c, {SZ}, c_row, w)
            return
    if m == 1 and b_step != {SZ}:
        # One row of results is one column of the transposed product, whose B is the row.
        if s == 0:
            tile_{T}(n, 1, 1, k, b, b_step, 0, b_row, a, 0, a_step, c, {SZ}, 0, 0, relu)
        else:
            tile_{T}(n, 1, 1, k, b, b_step, 0, b_row, a, 0, a_step, c, {SZ}, s, {SZ}, relu)
        return
    few = m <= 2 * {MR}
    if b_step == {SZ} and (few or (m < {MANY} and abs(b_row) * min(k, 512) <= 262144)):
        # B is read in place: a panel of it is read few times, or lies in few pages. With few rows of A, in pieces whose
        # rows lie in few pages.
        most = 32 if few and abs(b_row) >= 4096 else 512
        pieces = max(1, (k + most - 1) // most)
        p = 0
        for r in range(pieces):
            kk = (k - p + pieces - r - 1) // (pieces - r)
            last = relu if r == pieces - 1 else 0
            if r == 0:
                tile_{T}(m, n, 1, kk, a, a_row, 0, a_step, b, 0, b_row, c, c_row, s, s_row, last)
            else:
                x = a + p * a_step
                tile_{T}(m, n, 1, kk, x, a_row, 0, a_step, b + p * b_row, 0, b_row, c, c_row, c, c_row, last)
            p += kk
        return
    pieces = max(1, (k + {KC} - 1) // {KC})
    far = a_row == {SZ} and abs(a_step) >= 256
    v = w + {PANELS} if far and n >= 4 * {NR} and k >= 16 else 0
    for q in range(0, n, {NC}):
        nn = min({NC}, n - q)
        y = c + q * {SZ}
        p = 0
        for r in range(pieces):
            kk = (k - p + pieces - r - 1) // (pieces - r)
            last = relu if r == pieces - 1 else 0
            panels_{T}(kk, nn, b + p * b_row + q * b_step, b_row, b_step, w)
            if r == 0:
                above = s + q * {SZ} if s != 0 else 0
                rows_{T}(m, nn, kk, a, a_row, a_step, w, y, c_row, above, s_row, last, v)
            else:
                rows_{T}(m, nn, kk, a + p * a_step, a_row, a_step, w, y, c_row, y, c_row, last, v)
            p += kk
"""


def source(typed: str) -> str:
    """Return the functions for a dtype, "f4" or "f8"."""
    rows, vectors, width = tile.shape(typed)
    size = int(typed[1])
    values = {"T": typed, "SZ": size, "MR": rows, "NR": vectors * width, "KC": _DEPTH, "NC": _WIDTH // size}
    values.update(zip(("DR", "DC"), tile.dot_shape(typed), strict=True))
    places = {"PANELS": _DEPTH * _WIDTH, "TURNED": _DEPTH * _WIDTH + _ROWS}
    return _SOURCE.format(**values, **places, V=width, MANY=192, THIN=_THIN, LONG=_LONG)


def packed_size(k: int, n: int, dtype: Any) -> int:
    """Return how many bytes `pack` writes of a matrix of k rows and n columns."""
    columns = tile.shape(dtype).columns
    return k * (-(-n // columns) * columns) * np.dtype(dtype).itemsize


def rows_size() -> int:
    """Return how many bytes rows of A take at most that are brought together."""
    return _ROWS


def scratch_size() -> int:
    """Return how many bytes `product` may write to."""
    return _DEPTH * _WIDTH + _ROWS + _TURNED


def used(text: str) -> tuple[str, ...]:
    """Return which of these functions a text calls."""
    return tuple(sorted(set(_NAMES.findall(text))))


def version(names: Sequence[str]) -> str:
    """Return a digest of what some of the functions are."""
    types = sorted({name[-2:] for name in names})
    parts = [source(typed) + tile.version((f"tile_{typed}",)) for typed in types]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest() if types else ""


def environment(names: Sequence[str]) -> dict[str, Any]:
    """Return functions by their names in generated code.

    Raises
    ------
    ImportError
        If Numba is not installed.
    """
    found: dict[str, Any] = {}
    for typed in sorted({name[-2:] for name in names}):
        found.update(_functions(typed))
    return {name: found[name] for name in names}


@cache
def _functions(typed: str) -> dict[str, Any]:
    import numba

    njit: Any = numba.njit
    names: dict[str, Any] = {"__name__": __name__, **tile.environment((f"tile_{typed}",))}
    text = source(typed)
    exec(compile(text, "<funcnet products>", "exec"), names)
    for name in re.findall(r"^def (\w+)\(", text, re.MULTILINE):
        names[name] = njit(error_model="numpy", _nrt=False)(names[name])
    return names
