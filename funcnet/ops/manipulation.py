"""Manipulation functions that rearrange one array."""

from __future__ import annotations

from operator import index as as_integer
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends
from funcnet.core import Tracer, raw
from funcnet.errors import CopyError, ShapeError
from funcnet.ops import rearranging as primitives
from funcnet.ops.axes import one_axis, rank, reduced_axes
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.fresh import backend_like
from funcnet.ops.shapes import new_axes, several, size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "expand_dims",
    "flip",
    "moveaxis",
    "permute_dims",
    "reshape",
    "roll",
    "squeeze",
]


def reshape(x: Any, /, shape: int | Sequence[int], *, copy: bool | None = None) -> Any:
    """Give the elements of an array, in row-major order, another shape.

    Derivative: linear; its transpose is the reshape back.

    Parameters
    ----------
    x : array
        Of any data type.
    shape : tuple of int
        The result's shape; one entry may be -1 and is then worked out.
    copy : bool, optional
        ``True``: the result shares no memory with `x`; ``False``: it does, or the call fails; ``None``: it may.

    Returns
    -------
    array
        Of shape `shape`.

    Raises
    ------
    ShapeError
        If the sizes differ.
    CopyError
        If a copy is needed that ``copy=False`` forbids.

    References
    ----------
    Python Array API standard, ``reshape``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.reshape(np.arange(6.0), (2, -1))
    array([[0., 1., 2.],
           [3., 4., 5.]])
    """
    wanted: Any = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in wanted:
        if n.__class__ is not int:
            wanted = tuple([as_integer(m) for m in wanted])
            break
    size = size_of(x.shape)
    if size_of(wanted) != size or (wanted and min(wanted) < 0):
        wanted = _inferred(x, wanted, size)
    if copy is None:
        return reshaped(x, wanted)
    if not copy:
        _check_view(x, wanted)
        return reshaped(x, wanted)
    y = reshaped(x, wanted)
    # The values of a traced array are never written.
    return y if y.__class__ is Tracer else backend_like(y).asarray(y, copy=True)


def permute_dims(x: Any, /, axes: Sequence[int]) -> Any:
    """Reorder the dimensions of an array.

    Derivative: linear; its transpose is the inverse permutation.

    Parameters
    ----------
    x : array
        Of any data type.
    axes : tuple of int
        The dimensions of `x` in the order of the result, negative ones counted from the last.

    Returns
    -------
    array
        It may share memory with `x`.

    Raises
    ------
    ShapeError
        If `axes` is no permutation of the dimensions.

    References
    ----------
    Python Array API standard, ``permute_dims``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.permute_dims(np.ones((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    order = tuple([one_axis("permute_dims", x, a) for a in axes])
    if len(order) != len(x.shape) or len(set(order)) != len(order):
        raise ShapeError(
            "xp.permute_dims needs every dimension once.",
            found=f"axes={tuple(axes)!r} for shape {tuple(x.shape)}",
            needed=f"a permutation of {tuple(range(len(x.shape)))}",
            write="xp.moveaxis to move some of them",
        )
    return primitives.permuted(x, order)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int], /) -> Any:
    """Move dimensions to other places; the rest keep their order.

    Derivative: linear; see `permute_dims`.

    Parameters
    ----------
    x : array
        Of any data type.
    source : int or tuple of int
        The dimensions to move, negative ones counted from the last.
    destination : int or tuple of int
        Their places in the result, as many.

    Returns
    -------
    array
        It may share memory with `x`.

    Raises
    ------
    ShapeError
        If the numbers differ, or a dimension is absent or named twice.

    References
    ----------
    Python Array API standard, ``moveaxis``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    here = [one_axis("moveaxis", x, a) for a in several(source)]
    there = [one_axis("moveaxis", x, a) for a in several(destination)]
    if len(here) != len(there) or len(set(here)) != len(here) or len(set(there)) != len(there):
        raise ShapeError(
            "xp.moveaxis needs one place for each dimension that moves.",
            found=f"{source!r} and {destination!r}",
            needed="as many dimensions as places, each once",
            write="xp.moveaxis(x, (0, 1), (-1, -2))",
        )
    order = [i for i in range(len(x.shape)) if i not in here]
    for place, axis in sorted(zip(there, here, strict=True)):
        order.insert(place, axis)
    return primitives.permuted(x, tuple(order))


def expand_dims(x: Any, /, axis: int | Sequence[int]) -> Any:
    """Insert dimensions of size 1.

    Derivative: linear; its transpose is the reshape back.

    Parameters
    ----------
    x : array
        Of any data type.
    axis : int or tuple of int
        Where the new dimensions are in the result, negative ones counted from the last.

    Returns
    -------
    array
        It may share memory with `x`.

    Raises
    ------
    ShapeError
        If the result has no such dimension, or one is named twice.

    References
    ----------
    Python Array API standard, ``expand_dims``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.expand_dims(np.ones((2, 3)), axis=(0, -1)).shape
    (1, 2, 3, 1)
    """
    axes = several(axis)
    ndim = rank("expand_dims", x) + len(axes)
    places = set(new_axes("expand_dims", ndim, axes))
    sizes = iter(x.shape)
    return reshaped(x, tuple([1 if i in places else next(sizes) for i in range(ndim)]))


def squeeze(x: Any, /, axis: int | Sequence[int]) -> Any:
    """Remove dimensions of size 1.

    Derivative: linear; its transpose is the reshape back.

    Parameters
    ----------
    x : array
        Of any data type.
    axis : int or tuple of int
        The dimensions, negative ones counted from the last.

    Returns
    -------
    array
        It may share memory with `x`.

    Raises
    ------
    ShapeError
        If a dimension is absent, named twice, or of another size.

    References
    ----------
    Python Array API standard, ``squeeze``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.squeeze(np.ones((1, 2, 1)), axis=0).shape
    (2, 1)
    """
    axes = reduced_axes("squeeze", x, several(axis))
    if any([x.shape[a] != 1 for a in axes]):
        raise ShapeError(
            "xp.squeeze removes dimensions of size 1 only.",
            found=f"axis={axis!r} for shape {tuple(x.shape)}",
            needed="dimensions of size 1",
            write="x[0] along it to take one element, or a reduction",
        )
    return reshaped(x, tuple([n for i, n in enumerate(x.shape) if i not in axes]))


def flip(x: Any, /, *, axis: int | Sequence[int] | None = None) -> Any:
    """Reverse the order of the elements along dimensions.

    Derivative: linear; it is its own transpose.

    Parameters
    ----------
    x : array
        Of any data type.
    axis : int or tuple of int, optional
        The dimensions, negative ones counted from the last; all of them if omitted.

    Returns
    -------
    array
        Of the shape of `x`; it may share memory with `x`.

    Raises
    ------
    ShapeError
        If a dimension is absent or named twice.

    References
    ----------
    Python Array API standard, ``flip``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.flip(np.array([1.0, 2.0, 3.0]))
    array([3., 2., 1.])
    """
    return primitives.flipped(x, reduced_axes("flip", x, axis))


def roll(x: Any, /, shift: int | Sequence[int], *, axis: int | Sequence[int] | None = None) -> Any:
    """Move elements along dimensions; those that leave at one end enter at the other.

    Derivative: linear; its transpose rolls back.

    Parameters
    ----------
    x : array
        Of any data type.
    shift : int or tuple of int
        How many places to the right; to the left if negative.
    axis : int or tuple of int, optional
        The dimensions, as many as there are shifts, or any number with one shift for all. If omitted the elements are
        rolled in row-major order.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    ShapeError
        If a dimension is absent, or the numbers of shifts and dimensions differ.

    References
    ----------
    Python Array API standard, ``roll``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.roll(np.array([1.0, 2.0, 3.0]), 1)
    array([3., 1., 2.])
    """
    shifts = [as_integer(s) for s in several(shift)]
    if axis is None:
        flat = reshaped(x, (size_of(x.shape),))
        return reshaped(primitives.rolled(flat, (sum(shifts),), (0,)), tuple(x.shape))
    axes = [one_axis("roll", x, a) for a in several(axis)]
    if len(shifts) == 1:
        shifts *= len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(
            "xp.roll needs one shift for each dimension.",
            found=f"shift={shift!r} and axis={axis!r}",
            needed="tuples of one length, or one shift for all",
            write="xp.roll(x, (1, 2), axis=(0, 1))",
        )
    total: dict[int, int] = {}
    for s, a in zip(shifts, axes, strict=True):
        total[a] = total.get(a, 0) + s
    return primitives.rolled(x, tuple(total.values()), tuple(total))


# ---------------------------------------------------------------------- checks


def _inferred(x: Any, wanted: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Return a shape with -1 worked out."""
    known = 1
    for n in wanted:
        known *= n if n != -1 else 1
    if wanted.count(-1) != 1 or min(wanted) < -1 or known == 0 or size % known:
        raise ShapeError(
            "xp.reshape got a shape that does not fit the number of elements.",
            found=f"shape={wanted} for an array of shape {tuple(x.shape)}",
            needed=f"sizes whose product is {size}, one of which may be -1 if the others divide it",
            write="xp.reshape(x, (-1,))",
        )
    return tuple([size // known if n == -1 else n for n in wanted])


def _check_view(x: Any, shape: tuple[int, ...]) -> None:
    """Raise `CopyError` if an array cannot have another shape without a copy."""
    value = raw(x)
    if tuple(value.shape) != tuple(x.shape):
        # Inside `vmap` the array has a dimension more, and so has the result.
        shape = (*value.shape[: len(value.shape) - len(x.shape)], *shape)
    if isinstance(value, np.ndarray):
        copied = value.size > 0 and not np.may_share_memory(value, value.reshape(shape))
    elif backends.backend_of_type(value.__class__) is None or isinstance(value, np.generic):
        # Only a shape is known, or there is one element.
        copied = False
    else:
        try:
            backend_like(value).namespace.reshape(value, shape, copy=False)
            copied = False
        except (ValueError, RuntimeError, AttributeError):
            copied = True
    if copied:
        raise CopyError(
            "xp.reshape with copy=False would have to copy.",
            found=f"an array of shape {tuple(value.shape)} whose elements do not lie in order",
            needed="an array that can be reshaped in place",
            write="copy=None",
        )
