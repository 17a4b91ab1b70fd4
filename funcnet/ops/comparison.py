"""Comparisons, logic and tests for special values, without derivatives, and the choice between two arrays."""

from __future__ import annotations

from typing import Any

from funcnet.core import Arg, bind, case, elementwise
from funcnet.ops.functions import binary, unary
from funcnet.ops.strong import masked

__all__ = [
    "equal",
    "greater",
    "greater_equal",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
    "where",
]

_FLAT = "The result is boolean and carries no derivative."


def _comparison(name: str, summary: str, example: str, dtypes: str) -> Any:
    return binary(
        name,
        summary,
        partials=(None, None),
        derivative=("0", "0"),
        kinks=(0.0,),
        dtypes=dtypes,
        analytic=False,
        notes=_FLAT,
        example=example,
    )


def _logic(name: str, summary: str, example: str) -> Any:
    return binary(
        name,
        summary,
        partials=(None, None),
        derivative=("0", "0"),
        dtypes="boolean",
        analytic=False,
        notes=_FLAT,
        example=example,
    )


def _test(name: str, summary: str, example: str, dtypes: str = "numeric") -> Any:
    return unary(
        name, summary, partial=None, derivative="0", dtypes=dtypes, analytic=False, notes=_FLAT, example=example
    )


equal = _comparison(
    "equal",
    "Whether elements are equal; NaN equals nothing.",
    """>>> xp.equal(np.array([1, 2]), np.array([1, 3]))
array([ True, False])""",
    "all",
)

not_equal = _comparison(
    "not_equal",
    "Whether elements differ; NaN differs from everything.",
    """>>> xp.not_equal(np.array([1, 2]), np.array([1, 3]))
array([False,  True])""",
    "all",
)

less = _comparison(
    "less",
    "Whether elements of the first array are less than those of the second.",
    """>>> xp.less(np.array([1.0, 2.0]), 2.0)
array([ True, False])""",
    "real",
)

less_equal = _comparison(
    "less_equal",
    "Whether elements of the first array are at most those of the second.",
    """>>> xp.less_equal(np.array([1.0, 2.0, 3.0]), 2.0)
array([ True,  True, False])""",
    "real",
)

greater = _comparison(
    "greater",
    "Whether elements of the first array are greater than those of the second.",
    """>>> xp.greater(np.array([1.0, 2.0]), 1.0)
array([False,  True])""",
    "real",
)

greater_equal = _comparison(
    "greater_equal",
    "Whether elements of the first array are at least those of the second.",
    """>>> xp.greater_equal(np.array([1.0, 2.0, 3.0]), 2.0)
array([False,  True,  True])""",
    "real",
)

logical_and = _logic(
    "logical_and",
    "Whether both elements are true.",
    """>>> xp.logical_and(np.array([True, True]), np.array([True, False]))
array([ True, False])""",
)

logical_or = _logic(
    "logical_or",
    "Whether at least one of both elements is true.",
    """>>> xp.logical_or(np.array([True, False]), np.array([False, False]))
array([ True, False])""",
)

logical_xor = _logic(
    "logical_xor",
    "Whether exactly one of both elements is true.",
    """>>> xp.logical_xor(np.array([True, True]), np.array([True, False]))
array([False,  True])""",
)

logical_not = _test(
    "logical_not",
    "Whether each element is false.",
    """>>> xp.logical_not(np.array([True, False]))
array([False,  True])""",
    "boolean",
)

isfinite = _test(
    "isfinite",
    "Whether each element is neither infinite nor NaN.",
    """>>> xp.isfinite(np.array([1.0, np.inf, np.nan]))
array([ True, False, False])""",
)

isinf = _test(
    "isinf",
    "Whether each element is plus or minus infinity.",
    """>>> xp.isinf(np.array([1.0, -np.inf, np.nan]))
array([False,  True, False])""",
)

isnan = _test(
    "isnan",
    "Whether each element is NaN.",
    """>>> xp.isnan(np.array([1.0, np.inf, np.nan]))
array([False, False,  True])""",
)

where_p = elementwise(
    "where",
    partials=(None, lambda g, x1: masked(g, x1), lambda g, x1: masked(g, ~x1)),
    derivative=("0", "x1", "1 - x1"),
    cases=(
        case(Arg((2, 3), "bool"), (2, 3), (2, 3)),
        case(Arg((2, 1), "bool"), (3,), ()),
        case(Arg((), "bool"), (), (2,)),
        case(Arg((0,), "bool"), (1,), ()),
    ),
    dtypes="all",
    analytic=True,
)


def where(condition: Any, x1: Any, x2: Any, /) -> Any:
    """Choose elements from one of two arrays.

    Derivative: 1 for the element that was chosen and exactly 0 for the other, whatever its value. Functions whose
    derivative is infinite or NaN somewhere respect such a zero, so ``where(x > 0, log(x), 0.0)`` has the derivative 0
    at 0.

    Parameters
    ----------
    condition : array
        Boolean.
    x1, x2 : array or Python scalar
        Of any data type: what is chosen where the condition is true and where it is false. Shapes of all three
        broadcast.

    Returns
    -------
    array
        Of the broadcast shape of the arguments.

    References
    ----------
    Python Array API standard, ``where``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.where(np.array([True, False]), np.array([1.0, 2.0]), 0.0)
    array([1., 0.])
    """
    return bind(where_p, condition, x1, x2)
