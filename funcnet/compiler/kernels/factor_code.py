r"""Sources of loops over square matrices of any size: factors, what follows from them, and triangular systems.

Matrices are gone through in blocks of some rows, and what earlier blocks give to later ones is a product by tiles
(:mod:`funcnet.compiler.kernels.panels`). Each source is a ``loop(lo, hi, part, ...)`` over the matrices `lo` to `hi` of
a stack.

A matrix :math:`A` is factored as :math:`P A = L U`. In place of the matrix stand U and, below its diagonal, -L, so that
all that substitution does is to add products; of a solution X what is known already is held as -X for the same reason.
Pivot k is the largest number of its column, and row k changed places with the one that is noted for k.
"""

from __future__ import annotations

__all__ = ["BLOCK", "cholesky", "factored", "filled", "read"]

#: Rows of a block.
BLOCK = 32
#: Rows that are in registers together.
_FEW = 8
_BITS = {"f4": ("as_bits", 0x7FFFFFFF), "f8": ("as_bits64", 0x7FFFFFFFFFFFFFFF)}
#: The smallest number whose inverse is finite, the largest of all, and how small a pivot may be beside another.
_LIMITS = {
    "f4": ("1.1754944e-38", "3.4028234e38", "3e-4"),
    "f8": ("2.2250738585072014e-308", "1.7976931348623157e308", "1.5e-8"),
}

_FACTORED = """def loop(lo, hi, part, x, y, q, w, s, n):
    work = address(w) + part * {SCRATCH}
    room = address(s) + part * s.shape[1] * {SZ}
    p = s[part]
    for u in range(lo, hi):
        here = address(y) + u * n * n * {SZ}
        a = y[u * n * n : (u + 1) * n * n]
        places = q[u * n : (u + 1) * n]
        {read}
        for first in range(0, n, {NB}):
            nb = min({NB}, n - first)
            m = n - first
            right = m - nb
            # The columns of the block side by side, so that vectors go along them.
            turn_{T}(m, nb, here + first * (n + 1) * {SZ}, n * {SZ}, room, n * {SZ})
            for k in range(nb):
                column = p[k * n : k * n + m]
                best = {bits}(column[k]) & {MASK}
                for i in range(k + 1, m):
                    best = max(best, {bits}(column[i]) & {MASK})
                at = k
                while {bits}(column[at]) & {MASK} != best:
                    at += 1
                places[first + k] = first + at
                if at != k:
                    for j in range(nb):
                        t = p[j * n + k]
                        p[j * n + k] = p[j * n + at]
                        p[j * n + at] = t
                pivot = column[k]
                below = room + (k * (n + 1) + 1) * {SZ}
                if abs(pivot) >= {T}({NORMAL}):
                    s[part, {NB} * n] = {T}(-1) / pivot
                    tile_{T}(1, m - k - 1, 1, 1, room + {NB} * n * {SZ}, 0, 0, 0, below, 0, 0, below, 0, 0, 0, 0)
                elif pivot != 0:
                    for i in range(k + 1, m):
                        column[i] = -(column[i] / pivot)
                # Some columns take what there is at once, the others what the some give together.
                end = min(k + {FEW} - k % {FEW}, nb)
                to = below + n * {SZ}
                tile_{T}(
                    end - k - 1, m - k - 1, 1, 1, to - {SZ}, n * {SZ}, 0, 0, below, 0, 0, to, n * {SZ}, to, n * {SZ}, 0
                )
                if k + 1 == end and end < nb:
                    start = k - k % {FEW}
                    for l in range(start, k):
                        to = room + (end * n + l + 1) * {SZ}
                        tile_{T}(
                            nb - end, k - l, 1, 1, to - {SZ}, n * {SZ}, 0, 0, room + (l * (n + 1) + 1) * {SZ}, 0, 0,
                            to, n * {SZ}, to, n * {SZ}, 0
                        )
                    to = room + end * (n + 1) * {SZ}
                    tile_{T}(
                        nb - end, m - end, 1, end - start, to - (end - start) * {SZ}, n * {SZ}, 0, {SZ},
                        room + (start * n + end) * {SZ}, 0, n * {SZ}, to, n * {SZ}, to, n * {SZ}, 0
                    )
            turn_{T}(nb, m, room, n * {SZ}, here + first * (n + 1) * {SZ}, n * {SZ})
            for k in range(first, first + nb):
                at = places[k]
                if at != k:
                    for j in range(first):
                        t = a[k * n + j]
                        a[k * n + j] = a[at * n + j]
                        a[at * n + j] = t
                    for j in range(first + nb, n):
                        t = a[k * n + j]
                        a[k * n + j] = a[at * n + j]
                        a[at * n + j] = t
            if right > 0:
                left = here + first * (n + 1) * {SZ}
                top = left + nb * {SZ}
                for k in range(1, nb):
                    few = k % {FEW}
                    to = top + k * n * {SZ}
                    if few == 0:
                        tile_{T}(
                            min({FEW}, nb - k), right, 1, k, left + k * n * {SZ}, n * {SZ}, 0, {SZ}, top, 0, n * {SZ},
                            to, n * {SZ}, to, n * {SZ}, 0
                        )
                    else:
                        tile_{T}(
                            1, right, 1, few, left + (k * (n + 1) - few) * {SZ}, 0, 0, {SZ},
                            to - few * n * {SZ}, 0, n * {SZ}, to, 0, to, 0, 0
                        )
                to = top + nb * n * {SZ}
                product_{T}(
                    right, right, nb, left + nb * n * {SZ}, n * {SZ}, {SZ}, top, n * {SZ}, {SZ}, to, n * {SZ},
                    to, n * {SZ}, 0, work
                )
"""

_CHOLESKY = """def loop(lo, hi, part, x, y, bad, w, s, n):
    work = address(w) + part * {SCRATCH}
    room = address(s) + part * s.shape[1] * {SZ}
    p = s[part]
    other = room + n * n * {SZ}
    for u in range(lo, hi):
        a = x[u * n * n : (u + 1) * n * n]
        # The upper factor, whose rows lie in memory as they are needed.
        turn_{T}(n, n, address(x) + u * n * n * {SZ}, n * {SZ}, room, n * {SZ})
        for i in range(n):
            for j in range(i * n + i, i * n + n):
                p[j] = (p[j] + a[j]) * {T}(0.5)
        for first in range(0, n, {NB}):
            nb = min({NB}, n - first)
            after = first + nb
            for r in range(first, after):
                few = (r - first) % {FEW}
                if few == 0 and r > first:
                    to = room + r * (n + 1) * {SZ}
                    tile_{T}(
                        min({FEW}, after - r), n - r, 1, r - first, other + r * {SZ}, {SZ}, 0, n * {SZ},
                        room + (first * n + r) * {SZ}, 0, n * {SZ}, to, n * {SZ}, to, n * {SZ}, 0
                    )
                row = p[r * n : (r + 1) * n]
                pivot = row[r]
                if not pivot > 0:
                    bad[8 * part] = 1
                pivot = np.sqrt(pivot)
                row[r] = pivot
                s[part, ({NB} + n) * n] = {T}(-1) / pivot
                s[part, ({NB} + n) * n + 1] = {T}(1) / pivot
                # Beside the diagonal, once more with the other sign; then what this row takes from those below.
                size = n - r - 1
                side = room + (r * (n + 1) + 1) * {SZ}
                minus = other + ((r - first) * n + r + 1) * {SZ}
                number = room + ({NB} + n) * n * {SZ}
                tile_{T}(1, size, 1, 1, number, 0, 0, 0, side, 0, 0, minus, 0, 0, 0, 0)
                tile_{T}(1, size, 1, 1, number + {SZ}, 0, 0, 0, side, 0, 0, side, 0, 0, 0, 0)
                to = side + n * {SZ}
                rest = min({FEW} - few, after - r) - 1
                tile_{T}(rest, size, 1, 1, minus, {SZ}, 0, 0, side, 0, 0, to, n * {SZ}, to, n * {SZ}, 0)
            if after < n:
                for i in range(after, n, {NB}):
                    to = room + i * (n + 1) * {SZ}
                    product_{T}(
                        min({NB}, n - i), n - i, nb, other + i * {SZ}, {SZ}, n * {SZ},
                        room + (first * n + i) * {SZ}, n * {SZ}, {SZ}, to, n * {SZ}, to, n * {SZ}, 0, work
                    )
        turn_{T}(n, n, room, n * {SZ}, address(y) + u * n * n * {SZ}, n * {SZ})
        v = y[u * n * n : (u + 1) * n * n]
        for i in range(n):
            for j in range(i * n + i + 1, i * n + n):
                v[j] = 0
"""


def filled(text: str, typed: str, scratch: int, **further: object) -> str:
    size = int(typed[1])
    bits, mask = _BITS[typed]
    values: dict[str, object] = {
        "T": typed,
        "SZ": size,
        "NB": BLOCK,
        "FEW": _FEW,
        "SCRATCH": scratch,
        "bits": bits,
        "MASK": mask,
    }
    values |= zip(("NORMAL", "LARGE", "SMALL"), _LIMITS[typed], strict=True)
    return text.format(**values, BITS=8 * size, **further)


def read(typed: str, rows: str, columns: str, place: str, to: str, *, turned: bool) -> str:
    """Return the line that copies a matrix, or the transposed one."""
    size = typed[1]
    if turned:
        return f"turn_{typed}({columns}, {rows}, {place}, {rows} * {size}, {to}, {columns} * {size})"
    return f"copy_{typed}({rows}, {columns}, {place}, {columns} * {size}, {to}, {columns} * {size})"


def factored(typed: str, scratch: int) -> str:
    """Return the source for factors `y` of matrices `x`, with exchanged rows `q`; `w` and `s` are room."""
    return filled(
        _FACTORED,
        typed,
        scratch,
        read=read(typed, "n", "n", f"address(x) + u * n * n * {typed[1]}", "here", turned=False),
    )


def cholesky(typed: str, scratch: int) -> str:
    """Return the source for Cholesky factors of the symmetric parts of matrices."""
    return filled(_CHOLESKY, typed, scratch)
