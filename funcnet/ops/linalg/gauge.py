"""Other choices of eigenvectors and singular vectors, where these are not determined.

A decomposition gives some vectors of many: each turns by any phase, those of equal values by any rotation among
themselves, and those of the value zero, and of the complement, on each side by one of their own. `turned` returns other
vectors, as different from the given ones as can be. What is computed from them agrees if it does not depend on the
choice; if it does, it agrees for no choice but one in a set without volume.
"""

from __future__ import annotations

from typing import Any

from funcnet.core import bind, raw, registry
from funcnet.core.dtypes import kind
from funcnet.ops.arithmetic import add, multiply, subtract
from funcnet.ops.bitwise import bitwise_and
from funcnet.ops.broadcasting import cast, real, reshaped, sum_over
from funcnet.ops.comparison import equal, greater, where
from funcnet.ops.complex import abs as absolute
from funcnet.ops.cumulative import cumulative_sum
from funcnet.ops.exponential import sqrt
from funcnet.ops.fresh import array_like
from funcnet.ops.joining import concat
from funcnet.ops.linalg.common import as_column, as_row, conjugated, dagger, identity_like, separated
from funcnet.ops.linalg.factorisations import qr
from funcnet.ops.linalg.solving import solve
from funcnet.ops.linear_algebra import matmul
from funcnet.ops.trigonometric import sin

__all__ = ["alike", "turned"]


def alike(values: Any) -> Any:
    """Return, of each pair of values, 1 if they are equal but for rounding, directly or by others between; else 0."""
    real_values = absolute(values)
    apart = separated(subtract(as_row(values), as_column(values)), values)
    found = cast(equal(apart, 0), real_values.dtype)
    n, reach = values.shape[-1], 1
    while reach < n - 1:
        found = cast(greater(matmul(found, found), 0.5), real_values.dtype)
        reach *= 2
    return found


def turned(name: str, parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the results of a decomposition (`eigh`, `eig` or `svd`) with other vectors, of the same matrix."""
    if name == "svd":
        return _svd(*parts)
    w, v = parts
    v = matmul(v, _rotation(alike(w), v))
    if name == "eig":
        v = v / cast(sqrt(sum_over(absolute(v) ** 2, (len(v.shape) - 2,), keepdims=True)), v.dtype)
    return w, v


def _svd(u: Any, s: Any, vh: Any) -> tuple[Any, Any, Any]:
    k = s.shape[-1]
    rotation = _rotation(alike(s), u)
    zero = equal(s, 0)
    v = dagger(vh)
    left = _side(u, matmul(u[..., :k], rotation), zero, 0.3)
    right = _side(v, matmul(v[..., :k], rotation), zero, -0.3)
    # A rotation cannot be had without turning a side over: of the pairs with value zero, one changes its sign.
    det = registry["det"]  # declared further up
    same = real(bind(det, matmul(dagger(u), left)) * conjugated(bind(det, matmul(dagger(v), right))))
    first = bitwise_and(zero, equal(cumulative_sum(cast(zero, s.dtype), axis=-1), 1))
    flipped = bitwise_and(first, reshaped(greater(same, 0), (*same.shape, 1)))
    sign = where(flipped, s * 0 - 1, s * 0 + 1)
    left = concat([multiply(left[..., :k], cast(as_row(sign), left.dtype)), left[..., k:]], axis=-1)
    return left, s, dagger(right)


def _side(old: Any, within: Any, zero: Any, seed: float) -> Any:
    """Return singular vectors of one side with others in place of those whose values are zero or that have none."""
    *lead, m, p = old.shape
    k = within.shape[-1]
    given, free = within, zero
    if p > k:
        given = concat([within, old[..., k:]], axis=-1)
        free = concat([zero, equal(old[..., 0, k:], old[..., 0, k:])], axis=-1)
    free = reshaped(free, (*lead, 1, p))
    start = where(free, add(old * 0, cast(_numbers(old, m, p, seed), old.dtype)), given)
    # The free ones come last, so they turn within the complement of the others.
    return where(free, qr(start).Q, given)


def _rotation(together: Any, like: Any) -> Any:
    """Return unitary matrices that mix what is together, as Cayley transforms."""
    n = together.shape[-1]
    numbers = _numbers(together, n, n, 0.7)
    row = raw(array_like(together, list(range(n)), together.dtype))
    upper = cast(greater(as_row(row), as_column(row)), together.dtype)
    skew = cast(multiply(multiply(numbers, upper), together), like.dtype)
    skew = subtract(skew, dagger(skew))
    one = identity_like(like, n)
    if kind(like.dtype) == "c":
        skew = add(skew, multiply(one, cast(numbers, like.dtype)) * 1j)
    return solve(add(skew * 0, one) + skew, subtract(one, skew))


def _numbers(like: Any, m: int, n: int, seed: float) -> Any:
    """Return a matrix of numbers between 0.4 and 1.4, of both signs and without a pattern."""
    dtype = absolute(like).dtype
    row = raw(array_like(like, [12.9898 * (j + 1) for j in range(n)], dtype))
    column = raw(array_like(like, [78.233 * (i + 1) + seed for i in range(m)], dtype))
    waves = sin(add(as_row(row), as_column(column)))
    return where(greater(waves, 0), waves + 0.4, waves - 0.4)
