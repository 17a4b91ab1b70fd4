"""Manipulation functions: the same elements in another arrangement."""

from __future__ import annotations

from operator import index as as_integer
from typing import TYPE_CHECKING, Any

from funcnet.core import bind, case, linear
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.axes import one_axis
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.fresh import zeros_raw
from funcnet.ops.slicing import taken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["concat", "expand_dims", "permute_dims", "reshape", "squeeze", "stack"]

_FULL = (None, None, None)


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    out = [0] * len(axes)
    for i, a in enumerate(axes):
        out[a] = i
    return tuple(out)


permute_dims_p = linear(
    "permute_dims",
    lambda xp, x, *, axes: xp.permute_dims(x, axes),
    transpose=(lambda y, x, *, axes: lambda g: bind(permute_dims_p, g, axes=_inverse(axes)),),
    shape=lambda x, *, axes: tuple(x.shape[a] for a in axes),
    dtypes="all",
    cases=(case((2, 3, 4), axes=(2, 0, 1)), case((2, 3), axes=(0, 1)), case((), axes=())),
)


def _concat_transpose(position: int, y: Any, *arrays: Any, axis: int) -> Callable[[Any], Any]:  # noqa: ARG001
    start = sum([a.shape[axis] for a in arrays[:position]])
    key = (_FULL,) * axis + ((start, start + arrays[position].shape[axis], None),)
    return lambda g: taken(g, key)


def _concat_shape(*arrays: Any, axis: int) -> tuple[int, ...]:
    shape = list(arrays[0].shape)
    shape[axis] = sum(a.shape[axis] for a in arrays)
    return tuple(shape)


concat_p = linear(
    "concat",
    lambda xp, *arrays, axis: xp.concat(list(arrays), axis=axis),
    transpose=_concat_transpose,
    joint=True,
    shape=_concat_shape,
    dtypes="all",
    cases=(case((2, 3), (1, 3), axis=0), case((2, 1), (2, 0), (2, 2), axis=1), case((2,), axis=0)),
)


def _stack_transpose(position: int, y: Any, *arrays: Any, axis: int) -> Callable[[Any], Any]:  # noqa: ARG001
    key = (_FULL,) * axis + (position,)
    return lambda g: taken(g, key)


stack_p = linear(
    "stack",
    lambda xp, *arrays, axis: xp.stack(list(arrays), axis=axis),
    transpose=_stack_transpose,
    joint=True,
    shape=lambda *arrays, axis: (*arrays[0].shape[:axis], len(arrays), *arrays[0].shape[axis:]),
    dtypes="all",
    cases=(case((2, 3), (2, 3), axis=0), case((2, 3), (2, 3), axis=2), case((), (), (), axis=0)),
)


def concat(arrays: Sequence[Any], /, *, axis: int | None = 0) -> Any:
    """Join arrays along a dimension."""
    arrays = list(arrays)
    if axis is None:
        arrays, axis = [reshape(a, (-1,)) for a in arrays], 0
    axis = one_axis("concat", arrays[0], axis)
    return bind(concat_p, *arrays, axis=axis)


def stack(arrays: Sequence[Any], /, *, axis: int = 0) -> Any:
    """Join arrays along a new dimension."""
    arrays = list(arrays)
    axis = as_integer(axis)
    return bind(stack_p, *arrays, axis=axis % (len(arrays[0].shape) + 1))


def reshape(x: Any, /, shape: Sequence[int], *, copy: bool | None = None) -> Any:
    """Give an array another shape."""
    wanted = (shape,) if shape.__class__ is int else tuple(shape)
    if -1 in wanted:
        size = known = 1
        for n in x.shape:
            size *= n
        for n in wanted:
            known *= n if n != -1 else 1
        wanted = tuple([size // known if n == -1 else n for n in wanted])
    return reshaped(x, wanted)


def permute_dims(x: Any, /, axes: Sequence[int]) -> Any:
    """Reorder the dimensions of an array."""
    return bind(permute_dims_p, x, axes=tuple([one_axis("permute_dims", x, a) for a in axes]))


def expand_dims(x: Any, /, axis: int | Sequence[int] = 0) -> Any:
    """Insert dimensions of size 1."""
    axes = (axis,) if axis.__class__ is int else tuple(axis)
    ndim = len(x.shape) + len(axes)
    places = {a % ndim for a in axes}
    sizes = iter(x.shape)
    return reshaped(x, tuple([1 if i in places else next(sizes) for i in range(ndim)]))


def squeeze(x: Any, /, axis: int | Sequence[int]) -> Any:
    """Remove dimensions of size 1."""
    axes = {one_axis("squeeze", x, a) for a in ((axis,) if axis.__class__ is int else axis)}
    return reshaped(x, tuple([n for i, n in enumerate(x.shape) if i not in axes]))
