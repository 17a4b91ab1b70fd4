"""Moments and norms of single precision, with sums of double precision in place of passes that keep sums in range.

The reference implementations take the mean of what is left of a mean, and scale by the largest element, so that nothing
is rounded away, overflows or vanishes. Sums of double precision need neither, and take one pass.
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
    f = _FUNCTIONS.get(e.primitive.name)
    x = e.values[0] if e.values else None
    if f is None or x is None or str(x.dtype) != "float32" or e.params.get("ord", 2) != 2:
        return None
    axis, n = e.params["axis"], len(x.shape)
    if prod(x.shape) == 0 or not axis or prod([x.shape[k] for k in axis]) <= e.params.get("correction", 0):
        return None
    # Sums over axes in the middle are kernels of their own, for which converted arrays would have to be written.
    k = len(axis)
    outside = sorted(axis) in (list(range(n - k, n)), list(range(k)))
    return f if outside else _std_inside if e.primitive.name == "std" else None


def _wide(x: Any, axis: tuple[int, ...]) -> Any:
    wide = xp.astype(x, xp.float64)
    return wide - xp.mean(wide, axis=axis, keepdims=True)


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


_FUNCTIONS: dict[str, Callable[..., Any]] = {"centered": _centered, "std": _std, "var": _var, "vector_norm": _norm}
