"""Laurent series in one small number, with arrays as coefficients.

A spectrum whose values are equal is followed to a matrix nearby in which they are not: values that were equal are apart
by a multiple of a small number h, and what is computed from them is a series in h. Derivatives of eigenvectors have
poles there, ``1 / h``. In a function that does not depend on the choice of the vectors the poles cancel, and the term
without h is its derivative where the values are equal.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet.core import raw
from funcnet.ops.arithmetic import add, multiply
from funcnet.ops.complex import abs as absolute
from funcnet.ops.creation import zeros_like
from funcnet.ops.extremes import max as maximum_of
from funcnet.ops.linalg.common import eps_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Series", "inverse", "largest", "multiplied", "zeros"]


#: Rounding errors in units of the spacing of numbers of the size that they come from.
_ROUNDING = 1000


def largest(x: Any) -> float:
    """Return the largest absolute value of a plain array; 0 of an empty one."""
    return 0.0 if 0 in x.shape else float(maximum_of(absolute(x)))


def zeros(x: Any) -> Any:
    """Return zeros like a plain array, not traced."""
    return raw(zeros_like(x))


class Series:
    """Coefficients of the powers of h, none of them traced.

    Attributes
    ----------
    terms : dict of int to array
        Coefficients by power; those that are missing are zero. At least one is there, for shape and data type.
    top : float
        The power up to which coefficients are known; infinite for a polynomial.
    order : int
        The power up to which they are worked out.
    scale : float
        How large the numbers were of which the terms were computed, to tell a pole from a rounding error.
    origin : tuple
        Name of the decomposition, and the values that are equal, for messages.
    """

    __slots__ = ("order", "origin", "scale", "terms", "top")

    def __init__(self, terms: dict[int, Any], top: float, order: int, origin: tuple[str, Any], scale: float) -> None:
        self.terms = terms
        self.top = top
        self.order = order
        self.origin = origin
        self.scale = scale

    @property
    def low(self) -> int:
        """The lowest power, at most 0."""
        return min(0, *self.terms)

    def zero(self) -> Any:
        """Return a coefficient that is zero."""
        return zeros(next(iter(self.terms.values())))

    def value(self) -> Any:
        """Return the coefficient without h."""
        return self.terms[0] if 0 in self.terms else self.zero()

    def term(self, power: int) -> Any:
        """Return a coefficient."""
        return self.terms[power] if power in self.terms else self.zero()

    def shifted(self, by: int) -> Series:
        """Return the series times a power of h."""
        return self.like({k + by: c for k, c in self.terms.items()}, self.top + by)

    def like(self, terms: dict[int, Any], top: float) -> Series:
        """Return a series of the same origin and scale."""
        return Series(terms, top, self.order, self.origin, self.scale)

    def mapped(self, f: Callable[[Any], Any]) -> Series:
        """Return the series of a linear function of the coefficients."""
        return self.like({k: f(c) for k, c in self.terms.items()}, self.top)

    def agrees(self, other: Series) -> bool:
        """Whether another series has the same term without h, but for rounding."""
        a, b = self.value(), other.value()
        scale = max(self.scale, other.scale, largest(a), largest(b))
        return not largest(a - b) > scale * _ROUNDING * eps_of(a)

    def cleaned(self) -> Series:
        """Return the series without what is not known, not wanted, or only the rounding error of poles."""
        terms = {k: c for k, c in self.terms.items() if k <= min(self.top, self.order)}
        top = self.top if len(terms) == len(self.terms) else min(self.top, self.order)
        if not terms:
            terms[0] = self.zero()
        for k in sorted(k for k in terms if k < 0):
            if largest(terms[k]) > self.scale * _ROUNDING * eps_of(terms[k]):
                break
            if len(terms) == 1:
                return self.like({0: zeros(terms[k])}, top)
            del terms[k]
        return self.like(terms, top)


def multiplied(a: Series, b: Series, product: Callable[[Any, Any], Any] = multiply) -> Series:
    """Return the series of a product of two."""
    order = max(a.order, b.order)
    top = min(a.top + b.low, b.top + a.low)
    limit = min(top, order)
    terms: dict[int, Any] = {}
    for i, x in a.terms.items():
        for j, y in b.terms.items():
            if i + j <= limit:
                z = product(x, y)
                terms[i + j] = z if i + j not in terms else add(terms[i + j], z)
            else:
                top = min(top, limit)
    if not terms:
        terms[0] = zeros(product(a.value(), b.value()))
    return Series(terms, top, order, a.origin, a.scale * b.scale).cleaned()


def inverse(a: Series, limit: int) -> Series:
    """Return the elementwise inverse of a series whose first term is nowhere zero, up to a power."""
    first = 1.0 / a.terms[0]
    found = {0: first}
    exact = len(a.terms) == 1 and a.top == inf
    for k in range(1, 1 if exact else limit + 1):
        total = None
        for j in range(1, k + 1):
            if j in a.terms and k - j in found:
                term = multiply(a.terms[j], found[k - j])
                total = term if total is None else add(total, term)
        if total is not None:
            found[k] = -multiply(total, first)
    return a.like(found, a.top if exact else min(a.top, limit))
