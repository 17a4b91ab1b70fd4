"""Utility functions: tests of all or any elements, and differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import bind, case, general
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.arithmetic import subtract
from funcnet.ops.axes import one_axis, reduced_axes, reduced_shape
from funcnet.ops.batching import along_axis
from funcnet.ops.comparison import not_equal
from funcnet.ops.joining import concat
from funcnet.ops.slicing import taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    Axis = int | Sequence[int] | None

__all__ = ["all", "any", "diff"]

_TESTS: dict[str, Any] = {
    "vjp": None,
    "shape": lambda x, *, axis, keepdims: reduced_shape(x.shape, axis, keepdims),
    "batch": along_axis,
    "result": "bool",
    "dtypes": "all",
    "cases": (
        case((2, 3), axis=(0, 1), keepdims=False),
        case((2, 3), axis=(1,), keepdims=True),
        case((), axis=(), keepdims=False),
        case((2, 0), axis=(1,), keepdims=False),
    ),
}

all_p = general("all", **_TESTS)
any_p = general("any", **_TESTS)


def all(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether all elements are true; numbers are if they are not zero.

    Derivative: none, the result is boolean.

    Parameters
    ----------
    x : array
        Of any data type; NaN is true.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of bool; true where there are no elements.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.

    References
    ----------
    Python Array API standard, ``all``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.all(np.array([[1.0, 0.0], [1.0, 1.0]]), axis=1)
    array([False,  True])
    """
    return bind(all_p, x, axis=reduced_axes("all", x, axis), keepdims=bool(keepdims))


def any(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether any element is true; numbers are if they are not zero.

    Derivative: none, the result is boolean.

    Parameters
    ----------
    x : array
        Of any data type; NaN is true.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of bool; false where there are no elements.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.

    References
    ----------
    Python Array API standard, ``any``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.any(np.array([[1.0, 0.0], [0.0, 0.0]]), axis=1)
    array([ True, False])
    """
    return bind(any_p, x, axis=reduced_axes("any", x, axis), keepdims=bool(keepdims))


def diff(x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Any:
    """Differences of neighbouring elements.

    Derivative: linear in `x`, `prepend` and `append`.

    Parameters
    ----------
    x : array
        Of a numeric data type; of booleans the result says where neighbours are not equal.
    axis : int, default -1
        Along which to take differences.
    n : int, default 1
        How many times.
    prepend, append : array, optional
        Put before and after `x` first; of its shape, but for the size along the axis.

    Returns
    -------
    array
        Shorter than what goes in by `n` along the axis.

    Raises
    ------
    ShapeError
        If `x` does not have the axis, or `prepend` or `append` does not fit.
    ParameterError
        If `n` is not a non-negative integer.

    References
    ----------
    Python Array API standard, ``diff``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.diff(np.array([1.0, 4.0, 9.0]), prepend=np.array([0.0]))
    array([1., 3., 5.])
    """
    axis = one_axis("diff", x, axis)
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ParameterError(
            "xp.diff takes the number of times as a non-negative integer.",
            found=f"n={n!r}",
            needed="0, 1, 2, ...",
            write="n=1",
        )
    if n == 0:
        return x
    parts = [_fitting(x, part, axis, name) for name, part in (("prepend", prepend), ("", x), ("append", append))]
    parts = [part for part in parts if part is not None]
    y = concat(parts, axis=axis) if len(parts) > 1 else x
    before = ((None, None, None),) * axis
    difference = not_equal if kind(y.dtype) == "b" else subtract
    for _ in range(n):
        if not y.shape[axis]:
            break
        y = difference(taken(y, (*before, (1, None, None))), taken(y, (*before, (None, -1, None))))
    return y


def _fitting(x: Any, part: Any, axis: int, name: str) -> Any:
    if part is None or not name:
        return part
    if not hasattr(part, "shape"):
        raise DtypeError(
            f"xp.diff takes an array as {name}.",
            found=f"{type(part).__name__}: {part!r}",
            needed=f"an array of {len(x.shape)} dimensions",
            write=f"xp.diff(x, {name}=xp.asarray([...]))",
        )
    expected, found = list(x.shape), list(part.shape)
    if len(expected) != len(found) or expected[:axis] != found[:axis] or expected[axis + 1 :] != found[axis + 1 :]:
        raise ShapeError(
            f"xp.diff got an array as {name} that does not fit.",
            found=f"shape {tuple(found)} beside {tuple(expected)}",
            needed=f"the same shape but for axis {axis}",
            write=f"xp.broadcast_to({name}, {tuple(1 if i == axis else m for i, m in enumerate(expected))})",
        )
    return part
