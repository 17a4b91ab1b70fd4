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
    n = 0
    for j in range(row.shape[0]):
        n += row[j] != row[j]
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
    "part_sum": ("nsz", "reassoc"),
    "product_sum": ("nsz", "reassoc"),
    "row_max": ("nnan", "nsz"),
    "row_min": ("nnan", "nsz"),
    "square_sum": ("nsz", "reassoc"),
}
