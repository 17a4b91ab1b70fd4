"""Operations on the bits of integers, and on booleans."""

from __future__ import annotations

from typing import Any

from funcnet.ops.functions import binary, unary

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
]


def _bits(name: str, summary: str, example: str, dtypes: str = "integer or boolean") -> Any:
    return binary(
        name,
        summary,
        partials=(None, None),
        derivative=("0", "0"),
        dtypes=dtypes,
        analytic=False,
        notes="The result is not floating-point and carries no derivative.",
        example=example,
    )


bitwise_and = _bits(
    "bitwise_and",
    "Bits that are set in both arrays.",
    """>>> xp.bitwise_and(np.array([6, 5]), 3)
array([2, 1])""",
)

bitwise_or = _bits(
    "bitwise_or",
    "Bits that are set in at least one of two arrays.",
    """>>> xp.bitwise_or(np.array([6, 5]), 3)
array([7, 7])""",
)

bitwise_xor = _bits(
    "bitwise_xor",
    "Bits that are set in exactly one of two arrays.",
    """>>> xp.bitwise_xor(np.array([6, 5]), 3)
array([5, 6])""",
)

bitwise_left_shift = _bits(
    "bitwise_left_shift",
    "First array with its bits moved to higher places by the second.",
    """>>> xp.bitwise_left_shift(np.array([1, 3]), 2)
array([ 4, 12])""",
    "integer",
)

bitwise_right_shift = _bits(
    "bitwise_right_shift",
    "First array with its bits moved to lower places by the second; the sign bit is repeated.",
    """>>> xp.bitwise_right_shift(np.array([8, -8]), 2)
array([ 2, -2])""",
    "integer",
)

bitwise_invert = unary(
    "bitwise_invert",
    "Every bit inverted; the negation of booleans.",
    partial=None,
    derivative="0",
    dtypes="integer or boolean",
    analytic=False,
    notes="The result is not floating-point and carries no derivative.",
    example=""">>> xp.bitwise_invert(np.array([0, 5]))
array([-1, -6])""",
)
