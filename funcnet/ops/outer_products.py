"""Products of columns with rows: what the derivative of a matrix product is for one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Spec, bind, case, linear, raw
from funcnet.ops.batching import broadcasting
from funcnet.ops.broadcasting import reshaped, sum_over, sum_to
from funcnet.ops.shapes import broadcast_shapes

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["outer_of"]


def outer_of(a: Any, b: Any) -> Any:
    """Return ``a[..., :, None] * b[..., None, :]``.

    Where values are there, in one operation of its own: libraries broadcast along rows as short as `b` one by one. A
    graph has the multiplication, which shares a loop with what is around it.
    """
    if isinstance(raw(a), Spec) or isinstance(raw(b), Spec):
        return reshaped(a, (*a.shape, 1)) * reshaped(b, (*b.shape[:-1], 1, b.shape[-1]))
    return bind(outer_p, a, b)


def _first(y: Any, a: Any, b: Any) -> Pull:
    axis = len(y.shape) - 1
    row = (*b.shape[:-1], 1, b.shape[-1])
    return lambda g: sum_to(sum_over(g * reshaped(b, row), (axis,)), a.shape)


def _second(y: Any, a: Any, b: Any) -> Pull:
    axis = len(y.shape) - 2
    return lambda g: sum_to(sum_over(g * reshaped(a, (*a.shape, 1)), (axis,)), b.shape)


def _shape(a: Any, b: Any) -> tuple[int, ...]:
    return (*broadcast_shapes(a.shape[:-1], b.shape[:-1]), a.shape[-1], b.shape[-1])


def _batch(primitive: Any, size: int, batched: Any, /, a: Any, b: Any) -> Any:
    if len(a.shape) - batched[0] == len(b.shape) - batched[1]:
        return bind(primitive, a, b)
    return broadcasting(primitive, size, batched, a, b)


outer_p = linear(
    "outer_of",
    lambda xp, a, b: xp.expand_dims(a, axis=-1) * xp.expand_dims(b, axis=-2),
    transpose=(_first, _second),
    shape=_shape,
    batch=_batch,
    dtypes="numeric",
    internal=True,
    cases=(case((3,), (2,)), case((4, 3), (4, 2)), case((4, 3), (2,)), case((0,), (2,)), case((2, 4, 3), (2, 4, 2))),
)
