"""Moments and norms with sums of double precision, in place of passes that keep sums in range.

The reference implementations take the mean of what is left of a mean, and scale by the largest element, so that nothing
is rounded away, overflows or vanishes. Numbers of single precision need neither in such sums, which take one pass.
Numbers of double precision are not divided by the largest one: their squares are also added up in two other units,
powers of two, and where the plain sum is too large or too small one of these is the result.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet import xp

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Equation

__all__ = ["in_double"]


def in_double(e: Equation) -> Callable[..., Any] | None:
    """Return what computes an equation in double precision, None where the reference implementation is to be taken."""
    x = e.values[0] if e.values else None
    f = None if x is None else _FUNCTIONS.get(str(x.dtype), {}).get(e.primitive.name)
    if f is None or x is None or e.params.get("ord", 2) != 2:
        return None
    axis, n = e.params["axis"], len(x.shape)
    if prod(x.shape) == 0 or not axis or prod([x.shape[k] for k in axis]) <= e.params.get("correction", 0):
        return None
    # Sums over axes in the middle are kernels of their own, for which converted arrays would have to be written.
    k = len(axis)
    outside = sorted(axis) in (list(range(n - k, n)), list(range(k)))
    return f if outside else _std_inside if f is _std else None


def _wide(x: Any, axis: tuple[int, ...]) -> Any:
    wide = xp.astype(x, xp.float64)
    mean = xp.mean(wide, axis=axis, keepdims=True)
    # Beside an infinite number all are NaN, as what is left of an infinite mean has none.
    return wide - (mean + (mean - mean))


def _spread(x: Any, axis: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    d = _wide(x, axis)
    free = prod([x.shape[k] for k in axis]) - correction
    return xp.sum(d * d, axis=axis, keepdims=keepdims) / free


def _centered(x: Any, *, axis: tuple[int, ...]) -> Any:
    return xp.astype(_wide(x, axis), x.dtype)


def _var(x: Any, *, axis: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    return xp.astype(_spread(x, axis, correction, keepdims), x.dtype)


def _std(x: Any, *, axis: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    return xp.astype(xp.sqrt(_spread(x, axis, correction, keepdims)), x.dtype)


def _std_inside(x: Any, *, axis: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    d = x - xp.mean(x, axis=axis, keepdims=True)
    wide = xp.astype(d - xp.mean(d, axis=axis, keepdims=True), xp.float64)
    free = prod([x.shape[k] for k in axis]) - correction
    return xp.astype(xp.sqrt(xp.sum(wide * wide, axis=axis, keepdims=keepdims) / free), x.dtype)


def _norm(x: Any, *, axis: tuple[int, ...], keepdims: bool, ord: float) -> Any:  # noqa: ARG001  # the primitive's form
    wide = xp.astype(x, xp.float64)
    return xp.astype(xp.sqrt(xp.sum(wide * wide, axis=axis, keepdims=keepdims)), x.dtype)


def _length(x: Any, axis: tuple[int, ...], keepdims: bool, count: float) -> Any:
    """Return the root of the sum of squares over a count."""

    def root(unit: float) -> Any:
        y = x * (1 / unit)
        return xp.sqrt(xp.sum(y * y, axis=axis, keepdims=keepdims) / count) * unit

    y = root(1.0)
    return xp.where(y > _LARGE, root(_UNIT), xp.where(y < 1 / _LARGE, root(1 / _UNIT), y))


def _std_in_units(x: Any, *, axis: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    d = x - xp.mean(x, axis=axis, keepdims=True)
    d = d - xp.mean(d, axis=axis, keepdims=True)
    return _length(d, axis, keepdims, prod([x.shape[k] for k in axis]) - correction)


def _norm_in_units(x: Any, *, axis: tuple[int, ...], keepdims: bool, ord: float) -> Any:  # noqa: ARG001  # as above
    return _length(x, axis, keepdims, 1.0)


#: Up to which length, and from its reciprocal on, squares are added up as they are, and in which unit beyond.
_LARGE, _UNIT = 2.0**450, 2.0**600
_FUNCTIONS: dict[str, dict[str, Callable[..., Any]]] = {
    "float32": {"centered": _centered, "std": _std, "var": _var, "vector_norm": _norm},
    "float64": {"std": _std_in_units, "vector_norm": _norm_in_units},
}
