"""Sums and extremes of a row, and what else generated loops call that is no function of one number."""

from __future__ import annotations

__all__ = ["FLAGS", "SOURCE"]

SOURCE = """
def clipped(x, low, high):
    y = x if (x > low) | (x != x) else low
    return y if (y < high) | (y != y) else high

def row_max(row, start):
    m = start
    for j in range(row.shape[0]):
        m = larger(row[j], m)
    return m

def row_min(row, start):
    m = start
    for j in range(row.shape[0]):
        m = smaller(row[j], m)
    return m

def has_nan(row):
    # Counted in numbers of the row's own size, of which a vector has as many.
    n = row.dtype.type(0)
    for j in range(row.shape[0]):
        n += row.dtype.type(1) if row[j] != row[j] else row.dtype.type(0)
    return n > 0

def any_row(row):
    n = 0
    for j in range(row.shape[0]):
        n += row[j]
    return n > 0

def all_row(row):
    n = 0
    for j in range(row.shape[0]):
        n += row[j]
    return n == row.shape[0]

def part_sum(row):
    s = row.dtype.type(0)
    for j in range(row.shape[0]):
        s += row[j]
    return s

def square_sum(row):
    s = row.dtype.type(0)
    for j in range(row.shape[0]):
        s += row[j] * row[j]
    return s

def product_sum(row, other):
    s = row.dtype.type(0)
    for j in range(row.shape[0]):
        s += row[j] * other[j]
    return s

def part_product(row):
    s = 1.0
    for j in range(row.shape[0]):
        s *= row[j]
    return s

def careful_product(row):
    # Fractions and exponents by themselves; in order, where there are zeros, subnormal numbers, infinities and NaN.
    s = 1.0
    e = i8(0)
    plain = True
    for start in range(0, row.shape[0], 1000):
        for j in range(start, min(start + 1000, row.shape[0])):
            b = as_bits64(f8(row[j]))
            k = (b >> i8(52)) & i8(2047)
            plain &= (k != i8(0)) & (k != i8(2047))
            e += k - i8(1023)
            s *= as_float64((b & i8(-9218868437227405313)) | i8(4607182418800017408))
        b = as_bits64(s)
        e += ((b >> i8(52)) & i8(2047)) - i8(1023)
        s = as_float64((b & i8(-9218868437227405313)) | i8(4607182418800017408))
    if plain:
        e = min(max(e, i8(-1200)), i8(1200))
        half = e >> i8(1)
        return s * as_float64((half + i8(1023)) << i8(52)) * as_float64((e - half + i8(1023)) << i8(52))
    t = row.dtype.type(1)
    for j in range(row.shape[0]):
        t *= row[j]
    return f8(t)

def ordinary(p):
    return (abs(p) > 1e-290) & (abs(p) < np.inf)

def row_product(row):
    # Vectors multiply in another order, in which factors may leave the range of numbers.
    s = 1.0
    for start in range(0, row.shape[0], 256):
        p = part_product(row[start : min(start + 256, row.shape[0])])
        s *= p
        if not (ordinary(p) & ordinary(s)):
            return careful_product(row)
    return s

def row_sum(row):
    n = row.shape[0]
    if n <= 4096:
        return part_sum(row)
    total = 0.0
    for start in range(0, n, 4096):
        total += part_sum(row[start : min(start + 4096, n)])
    return total
"""

#: What the compiler may do in a function: change the order of operations so that it runs on vectors, ignore NaN. In
#: those that are not named it may join products and sums, which rounds once instead of twice.
FLAGS: dict[str, tuple[str, ...]] = {
    "has_nan": ("nsz", "reassoc"),
    "part_product": ("reassoc",),
    "part_sum": ("nsz", "reassoc"),
    "product_sum": ("nsz", "reassoc"),
    "row_max": ("nnan", "nsz"),
    "row_min": ("nnan", "nsz"),
    "square_sum": ("nsz", "reassoc"),
}
