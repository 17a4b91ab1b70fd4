"""Functions in the source of a loop over steps: products with fixed matrices, their sums, and copies."""

from __future__ import annotations

__all__ = ["ADDED", "BESIDE", "CHUNK", "COPY", "MOVED", "products", "sums"]

#: Terms of a sum that a product adds up in registers before they go to memory: their part of a matrix stays in the
#: cache.
_DEPTH = 256
#: Rows of some steps that are multiplied at once.
CHUNK = 128

# An index that might be negative would keep the compiler from moving vectors.
COPY = """    def copied(first, last, y, x):
        p, q = x[first:last], y[first:last]
        for i in range(p.shape[0]):
            q[i] = p[i]
"""
BESIDE = """def beside(first, last, y, x, start):
    for r in range(first, last):
        p = x[r]
        q = y[r, start : start + p.shape[0]]
        for j in range(p.shape[0]):
            q[j] = p[j]
"""
#: Elements at places that four loops go through; a compiler makes vectors of the innermost where it has no strides.
MOVED = """def moved(x, y, d, at):
    size, near, far = d[at + 3], d[at + 7], d[at + 11]
    for i in range(d[at]):
        for j in range(d[at + 1]):
            for k in range(d[at + 2]):
                a = d[at + 12] + i * d[at + 4] + j * d[at + 5] + k * d[at + 6]
                b = d[at + 13] + i * d[at + 8] + j * d[at + 9] + k * d[at + 10]
                if near == 1 and far == 1:
                    p, q = x[a : a + size], y[b : b + size]
                    for l in range(p.shape[0]):
                        q[l] = p[l]
                else:
                    for l in range(size):
                        y[b + l * far] = x[a + l * near]
"""
ADDED = MOVED.replace("def moved", "def added").replace("] = ", "] += ")
_PRODUCT = """    def {name}(first, last, width, c, s, s_row, {given}):
        line = width * {size}
        for j in range(0, width, {columns}):
            n = min({columns}, width - j)
            y = c + first * line + j * {size}
            z = s + first * s_row + j * {size} if s else 0
            z_row = s_row
{terms}"""
_TERM = """            for k in range(0, depth{i}, {most}):
                x = a{i} + (first * depth{i} + k) * {size}
                m = min({most}, depth{i} - k)
                w = b{i} + (j * depth{i} + k * {columns}) * {size}
                tile_{typed}(last - first, n, 1, m, x, depth{i} * {size}, 0, {size}, w, 0, {part}, y, line, z, z_row, 0)
                z, z_row = y, line
"""
_SUMMED = """    def {name}(first, last, slots, begun, width, y, y_slot, w, {given}):
        rows = last - first
        line = width * {size}
        for j in range(0, width, {columns}):
            n = min({columns}, width - j)
            for q in range(slots):
                copy_{typed}(rows, n, y + q * y_slot + first * line + j * {size}, line, w + q * rows * {part}, {part})
{terms}"""
_PART = """            c = c{i} + j * {size}
            s = c if begun else s{i} + j * {size} if s{i} else 0
            x = x{i} + first * x{i}_step
            slot, step = x{i}_slot, x{i}_step
            tile_{typed}(m{i}, n, slots, rows, x, {size}, slot, step, w, rows * {part}, {part}, c, line, s, line, 0)
"""


def products(name: str, typed: str, count: int, columns: int) -> str:
    """Return a function that adds up some products.

    ``(first, last, width, c, s, s_row, *terms)`` has for each product its depth, rows and matrix in columns side by
    side.
    """
    numbers = _numbers(typed, columns)
    terms = "".join([_TERM.format(i=i, most=_DEPTH, **numbers) for i in range(count)])
    given = ", ".join([f"depth{i}, a{i}, b{i}" for i in range(count)])
    return _PRODUCT.format(name=name, terms=terms, given=given, **numbers)


def sums(name: str, typed: str, count: int, columns: int) -> str:
    """Return a function that adds ``x.T @ y`` of some steps to what it was for steps before, for some x.

    ``(first, last, slots, begun, width, y, y_slot, w, *terms)`` takes the rows from `first` to `last` of as many steps
    as there are slots, and has for each x its rows, their distances from step to step and from row to row, its width,
    the sum, and where the sum begins if it has not `begun`, or 0.
    """
    numbers = _numbers(typed, columns)
    terms = "".join([_PART.format(i=i, **numbers) for i in range(count)])
    given = ", ".join([f"x{i}, x{i}_slot, x{i}_step, m{i}, c{i}, s{i}" for i in range(count)])
    return _SUMMED.format(name=name, terms=terms, given=given, **numbers)


def _numbers(typed: str, columns: int) -> dict[str, object]:
    size = int(typed[1])
    return {"typed": typed, "size": size, "columns": columns, "part": columns * size}
