"""Derivatives of a density by its parameters, of any order."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Slope = Callable[[int, int], Any]

__all__ = ["leibniz"]


def leibniz(m: int, n: int, by_a: Slope, by_b: Slope | None = None) -> Any:
    """Return the derivative of a density of order m by a and n by b, over the density.

    ``by_a(i, j)`` is the derivative of order i by the first and j by the second parameter of the derivative of the
    density's logarithm by the first one, ``by_b`` the same for the second. Leibniz's rule gives one order from the
    lower ones.

    Examples
    --------
    >>> leibniz(3, 0, lambda i, j: 2.0 if i == 0 else 0.0)  # of exp(2 * a)
    8.0
    """
    known: dict[tuple[int, int], Any] = {(0, 0): 1.0}
    for i in range(m + 1):
        for j in range(n + 1):
            if i == j == 0:
                continue
            by, i0, j0 = (by_a, i - 1, j) if i else (by_b, i, j - 1)
            assert by is not None, "a second parameter needs its slope"
            known[i, j] = sum(
                comb(i0, p) * comb(j0, q) * known[i0 - p, j0 - q] * by(p, q)
                for p in range(i0 + 1)
                for q in range(j0 + 1)
            )
    return known[m, n]
