"""The primitives of manipulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.core import Tracer, bind, case, linear
from funcnet.ops.batching import along_axis, permutation
from funcnet.ops.broadcasting import reshaped, sum_over
from funcnet.ops.fresh import zeros_raw
from funcnet.ops.slicing import taken
from funcnet.ops.views import View, viewed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Axes = tuple[int, ...]

__all__ = ["concatenated", "flipped", "permuted", "repeated", "rolled", "stacked", "unstacked"]

_FULL = (None, None, None)
_MANY = 64


def permuted(x: Any, axes: Axes) -> Any:
    """Reorder the dimensions; `axes` is a permutation without negative entries."""
    return viewed(bind(permute_dims_p, x, axes=axes), x, _PERMUTED, axes)


_PERMUTED = View(
    lambda x, axes: bind(permute_dims_p, x, axes=axes),
    lambda _, axes, part: bind(permute_dims_p, part, axes=tuple([axes.index(i) for i in range(len(axes))])),
    lie=np.transpose,
)


def concatenated(arrays: Sequence[Any], axis: int) -> Any:
    """Join along dimension `axis`."""
    if len(arrays) > _MANY and any([a.__class__ is Tracer for a in arrays]):
        # Each array's rule counts the rows before it, which is quadratic in the number of arrays.
        arrays = [concatenated(arrays[i : i + _MANY], axis) for i in range(0, len(arrays), _MANY)]
        return concatenated(arrays, axis)
    return bind(concat_p, *arrays, axis=axis)


def stacked(arrays: Sequence[Any], axis: int) -> Any:
    """Join along a new dimension `axis`."""
    return bind(stack_p, *arrays, axis=axis)


def unstacked(x: Any, axis: int) -> tuple[Any, ...]:
    """Take apart along dimension `axis`."""
    return bind(unstack_p, x, axis=axis)


def flipped(x: Any, axis: Axes) -> Any:
    """Reverse along the dimensions `axis`."""
    return viewed(bind(flip_p, x, axis=axis), x, _FLIPPED, axis)


_FLIPPED = View(
    lambda x, axis: bind(flip_p, x, axis=axis),
    lambda _, axis, part: bind(flip_p, part, axis=axis),
    lie=np.flip,
    certain=False,
    copied_by=("torch",),
)


def rolled(x: Any, shift: Axes, axis: Axes) -> Any:
    """Roll along different dimensions."""
    return bind(roll_p, x, shift=shift, axis=axis)


def repeated(x: Any, repeats: int, axis: int) -> Any:
    """Repeat each element along dimension `axis`."""
    return bind(repeat_p, x, repeats=repeats, axis=axis)


def _inverse(axes: Axes) -> Axes:
    out = [0] * len(axes)
    for i, a in enumerate(axes):
        out[a] = i
    return tuple(out)


permute_dims_p = linear(
    "permute_dims",
    lambda xp, x, *, axes: xp.permute_dims(x, axes),
    transpose=(lambda y, x, *, axes: lambda g: permuted(g, _inverse(axes)),),  # noqa: ARG005  # the form of every rule
    shape=lambda x, *, axes: tuple([x.shape[a] for a in axes]),
    batch=permutation,
    dtypes="all",
    cases=(case((2, 3, 4), axes=(2, 0, 1)), case((2, 3), axes=(0, 1)), case((), axes=())),
)

flip_p = linear(
    "flip",
    lambda xp, x, *, axis: xp.flip(x, axis=axis) if axis else x,
    transpose=(lambda y, x, *, axis: lambda g: flipped(g, axis),),  # noqa: ARG005
    shape=lambda x, *, axis: x.shape,  # noqa: ARG005
    batch=along_axis,
    dtypes="all",
    cases=(case((2, 3), axis=(0, 1)), case((2, 3), axis=(1,)), case((2, 0), axis=(0,)), case((), axis=())),
)


def _roll_transpose(y: Any, x: Any, *, shift: Axes, axis: Axes) -> Callable[[Any], Any]:  # noqa: ARG001
    back = tuple([-s for s in shift])
    return lambda g: rolled(g, back, axis)


roll_p = linear(
    "roll",
    lambda xp, x, *, shift, axis: xp.roll(x, shift, axis=axis) if axis else x,
    transpose=(_roll_transpose,),
    shape=lambda x, *, shift, axis: x.shape,  # noqa: ARG005
    batch=along_axis,
    dtypes="all",
    cases=(
        case((3,), shift=(1,), axis=(0,)),
        case((2, 3), shift=(-1, 5), axis=(1, 0)),
        case((0, 2), shift=(3,), axis=(0,)),
    ),
)


def _concat_transpose(position: int, y: Any, *arrays: Any, axis: int) -> Callable[[Any], Any]:  # noqa: ARG001
    start = sum([a.shape[axis] for a in arrays[:position]])
    key = (_FULL,) * axis + ((start, start + arrays[position].shape[axis], None),)
    return lambda g: taken(g, key)


def _concat_shape(*arrays: Any, axis: int) -> tuple[int, ...]:
    shape = list(arrays[0].shape)
    shape[axis] = sum([a.shape[axis] for a in arrays])
    return tuple(shape)


concat_p = linear(
    "concat",
    lambda xp, *arrays, axis: xp.concat(list(arrays), axis=axis),
    transpose=_concat_transpose,
    joint=True,
    shape=_concat_shape,
    batch=along_axis,
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
    batch=along_axis,
    dtypes="all",
    cases=(case((2, 3), (2, 3), axis=0), case((2, 3), (2, 3), axis=2), case((), (), (), axis=0)),
)


def _unstack_transpose(y: Any, x: Any, *, axis: int) -> Callable[[Any], Any]:  # noqa: ARG001
    shape = x.shape
    part = shape[:axis] + shape[axis + 1 :]

    def pull(cotangents: list[Any]) -> Any:
        known = next(g for g in cotangents if g is not None)
        return stacked([zeros_raw(known, part) if g is None else g for g in cotangents], axis)

    return pull


unstack_p = linear(
    "unstack",
    lambda xp, x, *, axis: tuple(xp.unstack(x, axis=axis)),
    transpose=(_unstack_transpose,),
    shape=lambda x, *, axis: (x.shape[:axis] + x.shape[axis + 1 :],) * x.shape[axis],
    multiple=True,
    batch=along_axis,
    dtypes="all",
    cases=(case((2, 3), axis=0), case((2, 3), axis=1), case((3,), axis=0)),
)


def _repeat_transpose(y: Any, x: Any, *, repeats: int, axis: int) -> Callable[[Any], Any]:  # noqa: ARG001
    shape = x.shape
    apart = (*shape[: axis + 1], repeats, *shape[axis + 1 :])
    return lambda g: sum_over(reshaped(g, apart), (axis + 1,))


repeat_p = linear(
    "repeat",
    lambda xp, x, *, repeats, axis: xp.repeat(x, repeats, axis=axis),
    transpose=(_repeat_transpose,),
    shape=lambda x, *, repeats, axis: (*x.shape[:axis], x.shape[axis] * repeats, *x.shape[axis + 1 :]),
    batch=along_axis,
    dtypes="all",
    cases=(case((3,), repeats=2, axis=0), case((2, 3), repeats=3, axis=1), case((2, 3), repeats=0, axis=0)),
)
