"""Manipulation functions that join, take apart and repeat arrays."""

from __future__ import annotations

from operator import index as as_integer
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.keys import ARRAY
from funcnet.core import Arg, Tracer, bind, case, general
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops import rearranging as primitives
from funcnet.ops.axes import one_axis, rank
from funcnet.ops.batching import data_dependent
from funcnet.ops.broadcasting import broadcast_to, reshaped
from funcnet.ops.fresh import array_like
from funcnet.ops.shapes import broadcast_shapes, new_axes, no_shape, several, size_of
from funcnet.ops.slicing import taken
from funcnet.ops.views import View, viewed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["broadcast_arrays", "concat", "repeat", "stack", "tile", "unstack"]

repeat_positions_p = general(
    "repeat_positions",
    lambda xp, repeats: xp.repeat(xp.arange(repeats.shape[0], device=repeats.device), repeats),
    vjp=None,
    shape=no_shape("repeat", "one number of repetitions, or a list of them"),
    data_dependent=True,
    batch=data_dependent("xp.repeat", "the same number of repetitions for every element"),
    dtypes="integer",
    cases=(case(Arg((3,), kind="int", low=0, high=3)), case(Arg((0,), kind="int", low=0, high=3))),
)


def broadcast_arrays(*arrays: Any) -> tuple[Any, ...]:
    """Broadcast arrays against one another.

    Derivative: linear; see `broadcast_to`.

    Parameters
    ----------
    *arrays : array
        Of any data types; their shapes broadcast.

    Returns
    -------
    tuple of array
        Each of the common shape and of its own data type; they may share memory with the arguments.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast against one another.

    References
    ----------
    Python Array API standard, ``broadcast_arrays``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> a, b = xp.broadcast_arrays(np.array([1.0, 2.0]), np.array([[3.0], [4.0]]))
    >>> a.shape, b.shape
    ((2, 2), (2, 2))
    """
    _check_arrays("broadcast_arrays", arrays, empty=True)
    shape = broadcast_shapes(*[a.shape for a in arrays])
    return tuple([broadcast_to(a, shape) for a in arrays])


def concat(arrays: Sequence[Any], /, *, axis: int | None = 0) -> Any:
    """Join arrays along a dimension that they have.

    Derivative: linear; its transpose cuts the cotangent into the arrays' parts.

    Parameters
    ----------
    arrays : sequence of array
        At least one; shapes are equal but for dimension `axis`, data types are promoted.
    axis : int or None, default 0
        The dimension, negative ones counted from the last; None flattens each array first.

    Returns
    -------
    array
        Of the promoted data type.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there is no such dimension.

    References
    ----------
    Python Array API standard, ``concat``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.concat([np.array([1.0, 2.0]), np.array([3.0])])
    array([1., 2., 3.])
    """
    arrays = _check_arrays("concat", arrays)
    if axis is None:
        arrays, axis = [reshaped(a, (size_of(a.shape),)) for a in arrays], 0
    first = arrays[0]
    axis = one_axis("concat", first, axis)
    for a in arrays:
        if len(a.shape) != len(first.shape) or any(
            [n != m for i, (n, m) in enumerate(zip(a.shape, first.shape, strict=True)) if i != axis]
        ):
            raise ShapeError(
                "xp.concat got shapes that do not fit.",
                found=" and ".join([str(tuple(b.shape)) for b in arrays[:6]])
                + (" and more" if len(arrays) > 6 else ""),
                needed=f"shapes that are equal but for dimension {axis}",
                write="xp.stack to join along a new dimension",
            )
    return primitives.concatenated(arrays, axis)


def stack(arrays: Sequence[Any], /, *, axis: int = 0) -> Any:
    """Join arrays of one shape along a new dimension.

    Derivative: linear; its transpose takes the cotangent apart along `axis`.

    Parameters
    ----------
    arrays : sequence of array
        At least one; all of one shape, data types are promoted.
    axis : int, default 0
        Where the new dimension is in the result, negative ones counted from the last.

    Returns
    -------
    array
        Of one dimension more, and the promoted data type.

    Raises
    ------
    ShapeError
        If the shapes differ, or the result has no such dimension.

    References
    ----------
    Python Array API standard, ``stack``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])], axis=1)
    array([[1., 3.],
           [2., 4.]])
    """
    arrays = _check_arrays("stack", arrays)
    shape = tuple(arrays[0].shape)
    if any([tuple(a.shape) != shape for a in arrays]):
        raise ShapeError(
            "xp.stack got arrays of different shapes.",
            found=" and ".join(sorted({str(tuple(a.shape)) for a in arrays})),
            needed="arrays of one shape",
            write="xp.concat to join along a dimension that they have, or xp.broadcast_arrays before",
        )
    return primitives.stacked(arrays, new_axes("stack", len(shape) + 1, (axis,))[0])


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Take an array apart along a dimension.

    Derivative: linear; its transpose stacks the cotangents.

    Parameters
    ----------
    x : array
        Of at least one dimension and any data type.
    axis : int, default 0
        The dimension, negative ones counted from the last.

    Returns
    -------
    tuple of array
        One for each index along `axis`, of one dimension less; they may share memory with `x`.

    Raises
    ------
    ShapeError
        If there is no such dimension.

    References
    ----------
    Python Array API standard, ``unstack``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> a, b = xp.unstack(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> b
    array([3., 4.])
    """
    place = one_axis("unstack", x, axis)
    parts = primitives.unstacked(x, place)
    return tuple([viewed(part, x, _UNSTACKED, (place, i)) for i, part in enumerate(parts)])


def _put_part(x: Any, how: tuple[int, int], part: Any) -> Any:
    axis, place = how
    parts = list(primitives.unstacked(x, axis))
    parts[place] = part
    return stack(parts, axis=axis)


_UNSTACKED = View(
    lambda x, how: primitives.unstacked(x, how[0])[how[1]],
    _put_part,
    lie=lambda x, how: np.moveaxis(x, how[0], 0)[how[1]],
    certain=False,
    scalar=lambda _: True,
)


def tile(x: Any, repetitions: Sequence[int], /) -> Any:
    """Repeat a whole array along dimensions.

    Derivative: linear; its transpose sums over the copies.

    Parameters
    ----------
    x : array
        Of any data type.
    repetitions : tuple of int
        How often along each dimension, counted from the last. If there are more of them than dimensions, `x` gets
        leading dimensions of size 1; if there are fewer, the leading dimensions are not repeated.

    Returns
    -------
    array
        Each size is that of `x` times the repetitions.

    Raises
    ------
    ShapeError
        If a number of repetitions is negative.

    References
    ----------
    Python Array API standard, ``tile``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.tile(np.array([1.0, 2.0]), (2, 2))
    array([[1., 2., 1., 2.],
           [1., 2., 1., 2.]])
    """
    times = [as_integer(r) for r in several(repetitions)]
    if any([r < 0 for r in times]):
        raise ShapeError(
            "xp.tile cannot repeat less than no times.",
            found=f"repetitions={tuple(times)!r}",
            needed="non-negative integers",
        )
    shape = tuple(x.shape)
    shape = (1,) * (len(times) - len(shape)) + shape
    times = [1] * (len(shape) - len(times)) + times
    apart = tuple([k for n in shape for k in (1, n)])
    copies = tuple([k for r, n in zip(times, shape, strict=True) for k in (r, n)])
    wanted = tuple([r * n for r, n in zip(times, shape, strict=True)])
    y = reshaped(broadcast_to(reshaped(x, apart), copies), wanted)
    # Where there is one copy it is still none of the array itself.
    return y.copy() if y.__class__ is Tracer else y


def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Any:
    """Repeat each element along a dimension.

    Derivative: linear; its transpose sums over the copies.

    Parameters
    ----------
    x : array
        Of any data type.
    repeats : int, sequence of int or integer array
        How often: one number for all, or one for each index along `axis`. It is not differentiated.
    axis : int, optional
        The dimension, negative ones counted from the last; if omitted the flattened array is repeated.

    Returns
    -------
    array
        Of the shape of `x` but for dimension `axis`.

    Raises
    ------
    ShapeError
        If there is no such dimension, or not one number for each of its indices, or a negative one.
    DtypeError
        If `repeats` is no integer array.

    References
    ----------
    Python Array API standard, ``repeat``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.repeat(np.array([1.0, 2.0]), 2)
    array([1., 1., 2., 2.])
    >>> xp.repeat(np.array([1.0, 2.0]), [1, 3])
    array([1., 2., 2., 2.])
    """
    if axis is None and rank("repeat", x) != 1:
        x = reshaped(x, (size_of(x.shape),))
    axis = one_axis("repeat", x, 0 if axis is None else axis)
    size = x.shape[axis]
    if isinstance(repeats, (list, tuple)):
        counts = tuple([as_integer(r) for r in repeats])
        if len(counts) != 1:
            _check_repeats(size, len(counts), min(counts, default=0))
            places = np.repeat(np.arange(size), counts)
            return taken(x, _along(axis), (array_like(x, places),))
        repeats = counts[0]
    elif hasattr(repeats, "dtype"):
        if kind(repeats.dtype) not in "iu":
            raise DtypeError(
                "xp.repeat takes integers as numbers of repetitions.",
                found=f"an array of dtype {repeats.dtype}",
                needed="an integer dtype",
                write="xp.astype(repeats, xp.int64)",
            )
        if repeats.shape not in ((), (1,)):
            if len(repeats.shape) != 1:
                _check_repeats(size, -1, 0)
            _check_repeats(size, repeats.shape[0], 0)
            return _gathered(x, repeats, axis)
        repeats = reshaped(repeats, ())
    count = as_integer(repeats) if not hasattr(repeats, "dtype") else int(repeats)
    _check_repeats(size, size, count)
    return primitives.repeated(x, count, axis)


def _gathered(x: Any, repeats: Any, axis: int) -> Any:
    return taken(x, _along(axis), (bind(repeat_positions_p, repeats),))


def _along(axis: int) -> tuple[Any, ...]:
    return ((None, None, None),) * axis + (ARRAY,)


def _check_repeats(size: int, count: int, least: int) -> None:
    if count != size or least < 0:
        raise ShapeError(
            "xp.repeat got numbers of repetitions that do not fit.",
            found="more than one dimension" if count < 0 else f"{count} numbers, the least of them {least}",
            needed=f"one non-negative integer, or {size} of them in one dimension",
        )


def _check_arrays(name: str, arrays: Any, *, empty: bool = False) -> list[Any]:
    """Return a sequence of arrays as a list."""
    if not isinstance(arrays, (list, tuple)) or not all([hasattr(a, "shape") for a in arrays]):
        kinds = {type(a).__name__ for a in arrays} if isinstance(arrays, (list, tuple)) else {type(arrays).__name__}
        raise ParameterError(
            f"xp.{name} takes arrays.",
            found=", ".join(sorted(kinds)),
            needed="arrays" if empty else "a list or tuple of arrays",
            write=f"xp.{name}([xp.asarray(a), xp.asarray(b)])",
        )
    if not arrays and not empty:
        raise ParameterError(
            f"xp.{name} needs at least one array.", found="an empty sequence", needed="a list or tuple of arrays"
        )
    return list(arrays)
