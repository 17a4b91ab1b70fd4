"""Rounding to integers; the derivative is 0 everywhere."""

from __future__ import annotations

from typing import Any

from funcnet.ops.functions import unary

__all__ = ["ceil", "floor", "round", "trunc"]


def _rounding(name: str, summary: str, example: str, dtypes: str = "real") -> Any:
    return unary(
        name,
        summary,
        partial=None,
        derivative="0",
        dtypes=dtypes,
        analytic=False,
        notes="The derivative is 0, where the result jumps too.",
        example=example,
    )


ceil = _rounding(
    "ceil",
    "Smallest integer that is not less than each element.",
    """>>> xp.ceil(np.array([-1.5, 1.2]))
array([-1.,  2.])""",
)

floor = _rounding(
    "floor",
    "Greatest integer that is not greater than each element.",
    """>>> xp.floor(np.array([-1.5, 1.2]))
array([-2.,  1.])""",
)

round = _rounding(
    "round",
    "Nearest integer; halves go to the even one. Both parts of a complex number are rounded.",
    """>>> xp.round(np.array([0.5, 1.5, -1.2]))
array([ 0.,  2., -1.])""",
    "numeric",
)

trunc = _rounding(
    "trunc",
    "Integer part of each element: rounding towards zero.",
    """>>> xp.trunc(np.array([-1.5, 1.2]))
array([-1.,  1.])""",
)
