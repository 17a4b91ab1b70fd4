"""Source of a loop over matrices, one after the other, for derivatives of determinants of singular ones, too.

It has the signature ``loop(lo, hi, part, x, y, s, n)`` for matrices `lo` to `hi` of n rows. Row `part` of `s` is room
to work in. Rows are neighbours in memory, so that a step of the elimination goes along vectors, where NumPy needs
singular values.
"""

from __future__ import annotations

__all__ = ["room", "source"]

#: With P A Q = L U for pivots chosen among all that is left, only the last pivot is small where one dimension is almost
#: missing, and the product of the others takes the place of a division by it. With X = adj(U) / L, det(P) det(Q) X^T is
#: the result with its rows and columns in the order of the pivots.
_COFACTOR = """def loop(lo, hi, part, x, y, s, n):
    for u in range(lo, hi):
        w = s[part]
        v = s[part, n * n :]
        rows = s[part, 2 * n * n :]
        columns = s[part, 2 * n * n + n :]
        a = x[u * n * n :]
        c = y[u * n * n :]
        for i in range(n):
            rows[i] = i
            columns[i] = i
            for j in range(n):
                w[i * n + j] = a[{place}]
        sign = {T}(1)
        for k in range(n):
            p = k
            q = k
            best = abs(w[k * n + k])
            for i in range(k, n):
                for j in range(k, n):
                    size = abs(w[i * n + j])
                    if (size > best) | ((size != size) & (best == best)):
                        best = size
                        p = i
                        q = j
            if p != k:
                for j in range(n):
                    t = w[k * n + j]
                    w[k * n + j] = w[p * n + j]
                    w[p * n + j] = t
                t = rows[k]
                rows[k] = rows[p]
                rows[p] = t
                sign = -sign
            if q != k:
                for i in range(n):
                    t = w[i * n + k]
                    w[i * n + k] = w[i * n + q]
                    w[i * n + q] = t
                t = columns[k]
                columns[k] = columns[q]
                columns[q] = t
                sign = -sign
            pivot = w[k * n + k]
            if pivot == 0:
                # Nothing is left.
                break
            row = w[k * n + k + 1 : (k + 1) * n]
            for i in range(k + 1, n):
                f = w[i * n + k] / pivot
                w[i * n + k] = f
                below = w[i * n + k + 1 : (i + 1) * n]
                for j in range(n - k - 1):
                    below[j] = fma(-f, row[j], below[j])
        product = sign
        for i in range(n - 1):
            product = product * w[i * n + i]
        last = w[n * n - 1]
        if product == 0 and last == last:
            for i in range(n * n):
                c[i] = 0
            continue
        # The inverse of U without its last row and column, and that column.
        for r in range(n):
            i = n - 1 - r
            to = v[i * n : (i + 1) * n]
            for j in range(n):
                to[j] = 0
            if i == n - 1:
                to[i] = product
                continue
            to[i] = product * last
            for k in range(i + 1, n):
                f = -w[i * n + k]
                other = v[k * n : (k + 1) * n]
                for j in range(k, n):
                    to[j] = fma(f, other[j], to[j])
            pivot = w[i * n + i]
            for j in range(i, n):
                to[j] = to[j] / pivot
        for i in range(n):
            to = v[i * n : (i + 1) * n]
            for r in range(n):
                k = n - 1 - r
                f = -to[k]
                row = w[k * n : k * n + k]
                for j in range(k):
                    to[j] = fma(f, row[j], to[j])
        for i in range(n):
            for j in range(n):
                c[np.int64(rows[i]) * n + np.int64(columns[j])] = v[j * n + i]
"""


_PLACES = ("i * n + j", "j * n + i")


def source(typed: str, *, turned: bool) -> str:
    """Return the source for matrices of a dtype, "f4" or "f8", that may be transposed."""
    return _COFACTOR.format(T=typed, place=_PLACES[turned])


def room(n: int) -> int:
    """Return how many numbers of room a thread needs."""
    return 2 * n * n + 2 * n
