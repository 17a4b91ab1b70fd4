"""Taking elements along one dimension: ``take`` and ``take_along_axis``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.backends.keys import ARRAY
from funcnet.core import bind, case, linear
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.axes import one_axis, rank
from funcnet.ops.batching import along_axis
from funcnet.ops.broadcasting import broadcast_to
from funcnet.ops.encoding import index_array
from funcnet.ops.places import scatter_flat, wrapped
from funcnet.ops.shapes import broadcast_shapes
from funcnet.ops.slicing import index_arg, taken

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["take", "take_along_axis"]


def _take_transpose(y: Any, x: Any, indices: Any, *, axis: int) -> Callable[[Any], Any]:  # noqa: ARG001
    size = x.shape[axis]
    return lambda g: bind(add_along_axis_p, g, indices, axis=axis, size=size)


take_along_axis_p = linear(
    "take_along_axis",
    lambda xp, x, indices, *, axis: xp.take_along_axis(x, indices, axis=axis),
    transpose=(_take_transpose, None),
    shape=lambda x, indices, *, axis: indices.shape,  # noqa: ARG005  # the form of every rule
    batch=along_axis,
    dtypes="all",
    result="first",
    cases=(
        case((2, 3), index_arg(2, 5, n=3), axis=1),
        case((2, 3), index_arg(1, 3, n=2), axis=0),
        case((2, 3, 2), index_arg(2, 2, 2, n=3), axis=1),
        case((3,), index_arg(0, n=3), axis=0),
    ),
)


def _add_along_axis(xp: Any, g: Any, indices: Any, *, axis: int, size: int) -> Any:
    before, count, after = _product(g.shape[:axis]), g.shape[axis], _product(g.shape[axis + 1 :])
    columns = xp.arange(after, device=g.device)
    rows = xp.reshape(xp.arange(before, device=g.device), (before, 1, 1))
    index = xp.reshape(xp.astype(wrapped(xp, indices, size), columns.dtype), (before, count, after))
    places = xp.reshape((rows * size + index) * after + columns, (-1,))
    zeros = xp.zeros((before * size * after,), dtype=g.dtype, device=g.device)
    added = scatter_flat(xp, lambda xp, a, b: a + b, zeros, xp.reshape(g, (-1,)), places)  # noqa: ARG005
    return xp.reshape(added, (*g.shape[:axis], size, *g.shape[axis + 1 :]))


def _add_transpose(y: Any, g: Any, indices: Any, *, axis: int, size: int) -> Callable[[Any], Any]:  # noqa: ARG001
    return lambda t: bind(take_along_axis_p, t, indices, axis=axis)


add_along_axis_p = linear(
    "add_along_axis",
    _add_along_axis,
    transpose=(_add_transpose, None),
    shape=lambda g, indices, *, axis, size: (*g.shape[:axis], size, *g.shape[axis + 1 :]),  # noqa: ARG005
    batch=along_axis,
    dtypes="numeric",
    result="first",
    cases=(
        case((2, 5), index_arg(2, 5, n=3), axis=1, size=3),
        case((2, 2, 2), index_arg(2, 2, 2, n=3), axis=1, size=3),
        case((0,), index_arg(0, n=3), axis=0, size=3),
    ),
)


def _product(shape: tuple[int, ...]) -> int:
    n = 1
    for s in shape:
        n *= s
    return n


def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
    """Take slices of an array along a dimension.

    Derivative: linear; its transpose adds the cotangent back at the indices, more than once where they repeat.

    Parameters
    ----------
    x : array
        Of any data type.
    indices : array or list of int
        Of an integer data type; the result has its dimensions in place of `axis`. Negative ones count from the end.
    axis : int, optional
        The dimension, negative ones counted from the last; it may be omitted if `x` has one dimension.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    ShapeError
        If there is no such dimension.
    ParameterError
        If `axis` is omitted and `x` does not have one dimension.
    DtypeError
        If the indices are no integers.
    IndexError
        If an index is out of range. On a GPU this waits for the indices.

    References
    ----------
    Python Array API standard, ``take``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.take(np.array([1.0, 2.0, 3.0]), np.array([2, 0, 2]))
    array([3., 1., 3.])
    """
    if axis is None:
        if rank("take", x) != 1:
            raise ParameterError(
                "xp.take needs an axis.",
                found=f"an array of shape {tuple(x.shape)}",
                needed="axis=..., unless the array has one dimension",
                write="xp.take(x, indices, axis=0)",
            )
        axis = 0
    axis = one_axis("take", x, axis)
    return taken(x, ((None, None, None),) * axis + (ARRAY,), (_integers("take", x, indices),))


def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    """Take elements along a dimension, by an index for each of the others.

    Derivative: linear; its transpose adds the cotangent back at the indices, more than once where they repeat.

    Parameters
    ----------
    x : array
        Of any data type.
    indices : array
        Of an integer data type and the number of dimensions of `x`; but for `axis` the shapes broadcast. Negative
        indices count from the end.
    axis : int, default -1
        The dimension.

    Returns
    -------
    array
        Of the broadcast shape, and of the size of `indices` along `axis`.

    Raises
    ------
    ShapeError
        If there is no such dimension, or the shapes do not fit.
    DtypeError
        If the indices are no integers.
    IndexError
        If an index is out of range. On a GPU this waits for the indices.

    References
    ----------
    Python Array API standard, ``take_along_axis``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> x = np.array([[3.0, 1.0, 2.0], [5.0, 6.0, 4.0]])
    >>> xp.take_along_axis(x, xp.argsort(x), axis=-1)
    array([[1., 2., 3.],
           [4., 5., 6.]])
    """
    axis = one_axis("take_along_axis", x, axis)
    indices = _integers("take_along_axis", x, indices)
    shape, wanted = tuple(x.shape), tuple(indices.shape)
    if len(shape) != len(wanted):
        raise ShapeError(
            "xp.take_along_axis needs indices of as many dimensions as the array.",
            found=f"indices of shape {wanted} for an array of shape {shape}",
            needed=f"{len(shape)} dimensions",
            write="xp.expand_dims(indices, axis=...), or xp.take for the same indices everywhere",
        )
    rest = broadcast_shapes(shape[:axis] + shape[axis + 1 :], wanted[:axis] + wanted[axis + 1 :])
    x = broadcast_to(x, (*rest[:axis], shape[axis], *rest[axis:]))
    indices = broadcast_to(indices, (*rest[:axis], wanted[axis], *rest[axis:]))
    return bind(take_along_axis_p, x, indices, axis=axis)


def _integers(name: str, x: Any, indices: Any) -> Any:
    indices = index_array(x, indices)
    if kind(indices.dtype) not in "iu":
        raise DtypeError(
            f"xp.{name} takes integers as indices.",
            found=f"an array of dtype {indices.dtype}",
            needed="an integer dtype",
            write="x[mask] for booleans",
        )
    return indices
