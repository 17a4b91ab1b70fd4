"""The largest and the smallest element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import bind, case, general
from funcnet.ops.axes import check_elements, check_kind, kept_shape, reduced_axes, reduced_shape
from funcnet.ops.batching import along_axis
from funcnet.ops.broadcasting import cast, reshaped, sum_over
from funcnet.ops.searching import count_nonzero_p
from funcnet.ops.strong import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Axes = tuple[int, ...]
    Axis = int | Sequence[int] | None

__all__ = ["max", "min"]


def _hits(y: Any, x: Any, axis: Axes, keepdims: bool) -> tuple[Any, Any]:
    """Return where `x` attains its extreme `y`, and how often along `axis`, with the dimensions kept."""
    kept = y if keepdims else reshaped(y, kept_shape(x.shape, axis))
    # A NaN is the extreme of its group.
    hits = (x == kept) | (x != x)
    return hits, cast(bind(count_nonzero_p, hits, axis=axis, keepdims=True), x.dtype)


def _vjp(y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Callable[[Any], Any]:
    # Kept are the places, one byte each, and not x.
    hits, count = _hits(y, x, axis, keepdims)
    kept = count.shape
    return lambda g: masked((g if keepdims else reshaped(g, kept)) / count, hits)


def _jvp(ts: Any, y: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    hits, count = _hits(y, x, axis, keepdims)
    total = sum_over(masked(ts[0], hits), axis, keepdims=True) / count
    return total if keepdims else reshaped(total, y.shape)


def _shape(x: Any, *, axis: Axes, keepdims: bool) -> tuple[int, ...]:
    return reduced_shape(x.shape, axis, keepdims)


_CASES = (
    case((2, 3), axis=(0, 1), keepdims=False),
    case((2, 3), axis=(1,), keepdims=True),
    case((2, 3, 2), axis=(0, 2), keepdims=False),
    case((), axis=(), keepdims=False),
    case((2, 3), axis=(), keepdims=False),
    case((0, 2), axis=(1,), keepdims=False),
)
# Where the largest element changes, the derivative jumps.
_CASES = tuple([c._replace(args=tuple([a._replace(distinct=True) for a in c.args])) for c in _CASES])

max_p = general(
    "max", vjp=(_vjp,), jvp=_jvp, shape=_shape, result="first", batch=along_axis, dtypes="real", cases=_CASES
)
min_p = general(
    "min", vjp=(_vjp,), jvp=_jvp, shape=_shape, result="first", batch=along_axis, dtypes="real", cases=_CASES
)


def _extreme(primitive: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    name = primitive.name
    axes = reduced_axes(name, x, axis)
    check_kind(name, x, "fiu", "a real data type", "xp.abs(x) or xp.real(x) of complex numbers, xp.any(x) of booleans")
    if 0 in x.shape:
        check_elements(name, x, axes)
    return bind(primitive, x, axis=axes, keepdims=bool(keepdims))


def max(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element.

    Derivative: the cotangent goes to the largest element; several that are equal share it evenly, in both modes.
    If an element is NaN the result is NaN, and the NaN elements share the cotangent.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all, an empty sequence for none.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    DtypeError
        If `x` is complex or boolean.
    ShapeError
        If `x` does not have the axis, or there are no elements to choose from.

    References
    ----------
    Python Array API standard, ``max``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.max(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=0)
    array([3., 5.])
    """
    return _extreme(max_p, x, axis, keepdims)


def min(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element.

    Derivative: the cotangent goes to the smallest element; several that are equal share it evenly, in both modes.
    If an element is NaN the result is NaN, and the NaN elements share the cotangent.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, sequence of int or None, default None
        Dimensions to reduce; None for all, an empty sequence for none.
    keepdims : bool, default False
        Whether reduced dimensions stay, with size 1.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    DtypeError
        If `x` is complex or boolean.
    ShapeError
        If `x` does not have the axis, or there are no elements to choose from.

    References
    ----------
    Python Array API standard, ``min``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.min(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=0)
    array([1., 4.])
    """
    return _extreme(min_p, x, axis, keepdims)
