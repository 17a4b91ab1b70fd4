"""Taylor series of any function along a curve, by differentiating it again and again."""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING, Any

from funcnet.core import Trace, raw
from funcnet.core.dtypes import is_inexact

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.ops.linalg.series import Series

__all__ = ["taylor"]


def taylor(f: Callable[..., Any], nodes: list[Series], count: int) -> dict[int, Any]:
    """Return the Taylor coefficients of ``f`` along a curve, from derivatives of derivatives along it."""
    slopes = [[n.term(k) * factorial(k) if k > 1 else n.term(k) for n in nodes] for k in range(count + 1)]

    def deeper(g: Callable[..., Any], k: int) -> Callable[..., Any]:
        return lambda *points: Trace.along(g, points[:k], points[1:])

    def g(values: Any) -> Any:
        return f(*values)

    for k in range(1, count + 1):
        g = deeper(g, k)
    found = g(*slopes)
    parts = {}
    for k in range(count, -1, -1):
        y = found
        for level in range(count, 0, -1):
            y = y[1] if level <= k else y[0]
        parts[k] = _scaled(y, factorial(k))
    return parts


def _scaled(y: Any, by: int) -> Any:
    if isinstance(y, (tuple, list)):
        return tuple([_scaled(v, by) for v in y])
    # Zeros come as constants of the transformation that runs.
    y = raw(y)
    return y / by if by > 1 and is_inexact(y.dtype) else y
