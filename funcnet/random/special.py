"""The error function, its inverse and the scaling of draws, in the Array API standard."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from funcnet.backends.fused import fused_multiply_add, split_factor
from funcnet.backends.polynomials import ERF_LARGE, ERF_MIDDLE, ERF_SMALL, ERFINV_DOUBLE, ERFINV_SINGLE, horner
from funcnet.random.dtypes import dtype_name

__all__ = ["affine", "erf", "erfinv"]


def affine(xp: Any, u: Any, span: Any, low: Any) -> Any:
    """Return ``u * span + low``, rounded once, as XLA's processors do it; bfloat16 rounds twice, as there."""
    dtype = xp.result_type(u, span, low)
    name = dtype_name(dtype)
    if name == "bfloat16":
        return u * span + low
    if name == "float64" or not _has_double(xp, u):
        y = fused_multiply_add(u, span, low, split_factor(53 if name == "float64" else 24))
        return xp.where(xp.isfinite(y), y, u * span + low)
    # The product of two numbers is exact in a type with twice their digits, so only the sum rounds, and the cast.
    wide = xp.float32 if name == "float16" else xp.float64
    return xp.astype(xp.astype(u, wide) * xp.astype(span, wide) + xp.astype(low, wide), dtype)


def erfinv(xp: Any, x: Any) -> Any:
    r"""Return the inverse error function by Giles's polynomials, evaluated as ``jax.random`` does.

    The square is rounded before it is taken from one, which costs digits where ``abs(x)`` is near one.
    """
    dtype = x.dtype
    double = dtype == getattr(xp, "float64", None)
    if not double:
        x = xp.astype(x, xp.float32)
    pieces = ERFINV_DOUBLE if double else ERFINV_SINGLE
    inside = xp.abs(x) < 1
    w = -xp.log(1 - xp.where(inside, x * x, xp.zeros_like(x)))
    root = xp.sqrt(w)
    y = horner(pieces[0].coefficients, w - pieces[0].centre)
    for before, piece in pairwise(pieces):
        y = xp.where(w < before.limit, y, horner(piece.coefficients, root - piece.centre))
    # x / 0 is infinite with the sign of x at the ends of the interval, and beyond them there is nothing.
    nowhere = xp.where(xp.abs(x) == 1, x * math.inf, xp.full_like(x, math.nan))
    return xp.astype(xp.where(inside, x * y, nowhere), dtype)


def erf(xp: Any, x: Any) -> Any:
    """Return the error function by Cody's rational approximations, to about two units in the last place."""
    dtype = x.dtype
    wide = xp.float64 if _has_double(xp, x) else xp.float32
    z = xp.abs(xp.astype(x, wide))
    # Where a piece is not used its argument is one, so that nothing overflows there.
    one = xp.ones_like(z)
    small = z <= 0.46875
    large = z > 4.0
    t = xp.where(small, z, one)
    near = t * ERF_SMALL(t * t)
    t = xp.where(small | large, one, z)
    middle = 1 - xp.exp(-t * t) * ERF_MIDDLE(t)
    t = xp.where(large & (z < 30.0), z, one * 30.0)
    inverse = 1 / (t * t)
    far = 1 - xp.exp(-t * t) / t * (1 / math.sqrt(math.pi) - inverse * ERF_LARGE(inverse))
    y = xp.where(small, near, xp.where(large, far, middle))
    y = xp.where(x < 0, -y, y)
    return xp.where(xp.isnan(x), x, xp.astype(y, dtype))


def _has_double(xp: Any, x: Any) -> bool:
    """Whether the device of `x` has float64."""
    key = xp.__name__, str(x.device)
    found = _doubles.get(key)
    if found is None:
        known = xp.__array_namespace_info__().dtypes(device=x.device, kind="real floating")
        found = _doubles[key] = "float64" in known
    return found


_doubles: dict[tuple[str, str], bool] = {}
