"""The primitives of indexing: taking elements by a key, and their transposes that put elements back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends
from funcnet.backends.keys import ARRAY, layout
from funcnet.core import Arg, Tracer, bind, case, general, linear
from funcnet.ops.broadcasting import broadcast_to
from funcnet.ops.fresh import zeros_raw

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Scattered", "added", "placed", "taken"]

_FULL = (None, None, None)


def taken(x: Any, key: tuple[Any, ...], indices: tuple[Any, ...] = (), *, unique: bool = False) -> Any:
    """Return the elements of `x` at a canonical key."""
    if indices:
        return bind(gather_p, x, *indices, key=key, unique=unique)
    return bind(getitem_p, x, key=key)


def added(x: Any, v: Any, key: tuple[Any, ...], indices: tuple[Any, ...] = (), *, unique: bool = False) -> Any:
    """Return `x` with `v`, of the key's shape, added at the key; repeated positions add up."""
    return bind(index_add_p, x, v, *indices, key=key, unique=unique)


def placed(x: Any, v: Any, key: tuple[Any, ...], indices: tuple[Any, ...] = (), *, unique: bool = False) -> Any:
    """Return `x` with `v`, of the key's shape, put at the key; the last of repeated positions stays."""
    return bind(index_set_p, x, v, *indices, key=key, unique=unique)


class Scattered:
    """A cotangent that is zero but for `g` at a key.

    The sweep adds it into a buffer of its own, so that an array from which n elements are taken one by one does not
    cost n arrays of zeros.
    """

    __slots__ = ("g", "indices", "key", "shape", "unique")

    def __init__(
        self, g: Any, shape: tuple[int, ...], key: tuple[Any, ...], indices: tuple[Any, ...] = (), unique: bool = True
    ) -> None:
        self.g = g
        self.shape = shape
        self.key = key
        self.indices = indices
        self.unique = unique

    def dense(self) -> Any:
        """Return it as an array of its own."""
        return self.added_to(zeros_raw(self.g, self.shape), owned=True)

    def added_to(self, buffer: Any, *, owned: bool) -> Any:
        """Return the sum of `buffer` and this; with `owned` the buffer, which nobody else holds, may be written."""
        g = self.g
        if owned and g.__class__ is not Tracer and buffer.__class__ is not Tracer:
            indices = self.indices
            if not any([i.__class__ is Tracer for i in indices]):
                backend = backends.backend_of_type(buffer.__class__)
                kernel = None if backend is None else backend.kernel("index_add_into")
                if kernel is not None:
                    return kernel(buffer, g, *indices, key=self.key, unique=self.unique)
        return added(buffer, g, self.key, self.indices, unique=self.unique)


# ---------------------------------------------------------------------- taking


def _getitem(xp: Any, x: Any, *, key: tuple[Any, ...]) -> Any:
    plan = layout(x.shape, key)
    y = x[plan.basic]
    return xp.flip(y, axis=plan.flipped) if plan.flipped else y


def _getitem_transpose(y: Any, x: Any, *, key: tuple[Any, ...]) -> Callable[[Any], Any]:  # noqa: ARG001  # the rule's form
    shape = x.shape
    return lambda g: Scattered(g, shape, key)


getitem_p = linear(
    "getitem",
    _getitem,
    transpose=(_getitem_transpose,),
    shape=lambda x, *, key: layout(x.shape, key).shape,
    dtypes="all",
    cases=(
        case((3,), key=(1,)),
        case((3, 4), key=(-1, (None, None, -2))),
        case((3, 4), key=(None, Ellipsis, 2)),
        case((3, 4), key=((5, None, None), (3, 0, -1))),
        case((), key=(None,)),
        case((), key=(Ellipsis,)),
    ),
)


def positions(xp: Any, x: Any, indices: tuple[Any, ...], key: tuple[Any, ...]) -> Any:
    """Return the places in the flattened `x` that a key names, in the shape of its result."""
    shape = x.shape
    plan = layout(shape, key, tuple([tuple(i.shape) for i in indices]))
    ndim, device = len(plan.shape), x.device
    wide = ndim - sum(isinstance(k, slice) or k is None for k in plan.basic) + len(plan.dims)
    total: Any = xp.zeros(plan.shape, dtype=xp.int64, device=device)
    kept = axis = array = column = 0
    for item in plan.basic:
        if item is None:
            kept += 1
            column += 1
            continue
        size, stride = shape[axis], _product(shape[axis + 1 :])
        axis += 1
        if not isinstance(item, slice):
            total = total + item % size * stride
            continue
        if column in plan.dims:
            index = xp.astype(_wrapped(xp, indices[array], size), xp.int64)
            total = total + xp.reshape(index, index.shape + (1,) * (ndim - plan.place - wide)) * stride
            array += 1
        else:
            at = kept if kept < plan.place else kept + wide
            steps = xp.arange(item.start or 0, item.stop, item.step or 1, dtype=xp.int64, device=device)
            steps = xp.flip(steps) if at in plan.flipped else steps
            total = total + xp.reshape(steps, steps.shape + (1,) * (ndim - at - 1)) * stride
            kept += 1
        column += 1
    return total


def _wrapped(xp: Any, index: Any, size: int) -> Any:
    """Return an index array without negative entries."""
    if not xp.isdtype(index.dtype, "unsigned integer"):
        if bool(xp.any((index < -size) | (index >= size))):
            raise IndexError(f"an index is out of bounds for a dimension of size {size}")
        return xp.where(index < 0, index + size, index)
    if bool(xp.any(index >= size)):
        raise IndexError(f"an index is out of bounds for a dimension of size {size}")
    return index


def _product(shape: tuple[int, ...]) -> int:
    out = 1
    for n in shape:
        out *= n
    return out


def _gather(xp: Any, x: Any, *indices: Any, key: tuple[Any, ...], unique: bool) -> Any:  # noqa: ARG001  # for the transpose
    places = positions(xp, x, indices, key)
    found = xp.take(xp.reshape(x, (-1,)), xp.reshape(places, (-1,)), axis=0)
    return xp.reshape(found, places.shape)


def _gather_transpose(
    position: int,  # noqa: ARG001  # indices are integers, so it is 0
    y: Any,  # noqa: ARG001  # the rule's form
    x: Any,
    *indices: Any,
    key: tuple[Any, ...],
    unique: bool,
) -> Callable[[Any], Any]:
    shape = x.shape
    return lambda g: Scattered(g, shape, key, indices, unique)


def _gather_shape(x: Any, *indices: Any, key: tuple[Any, ...], unique: bool) -> tuple[int, ...]:  # noqa: ARG001
    return layout(x.shape, key, tuple([tuple(i.shape) for i in indices])).shape


def _index(*shape: int, n: int) -> Arg:
    return Arg(shape, kind="int", low=-n, high=n)


gather_p = linear(
    "gather",
    _gather,
    transpose=_gather_transpose,
    shape=_gather_shape,
    dtypes="all",
    result="first",
    cases=(
        case((3,), _index(5, n=3), key=(ARRAY,), unique=False),
        case((3, 4), _index(2, 2, n=3), key=(ARRAY, (None, None, -1)), unique=False),
        case((2, 3, 4), _index(3, n=2), _index(2, 1, n=4), key=(ARRAY, _FULL, ARRAY), unique=False),
        case((2, 3, 4), _index(3, n=4), key=(0, _FULL, ARRAY), unique=False),
        case((2, 3, 4), _index(n=3), key=(Ellipsis, ARRAY, None, (1, None, None)), unique=False),
        case((3, 2), _index(0, n=3), key=(ARRAY,), unique=False),
    ),
)


# ---------------------------------------------------------------------- putting


def _scatter(combine: Callable[[Any, Any, Any], Any] | None) -> Callable[..., Any]:
    """Return the reference of an update: as many rounds as the most repeated position has; one if the last stays."""

    def impl(xp: Any, x: Any, v: Any, *indices: Any, key: tuple[Any, ...], unique: bool) -> Any:  # noqa: ARG001
        places = positions(xp, x, indices, key)
        values = xp.reshape(xp.broadcast_to(v, places.shape), (-1,))
        places = xp.reshape(places, (-1,))
        out = xp.reshape(x, (-1,), copy=True)
        size = out.shape[0]
        if size == 0 or places.shape[0] == 0:
            return xp.reshape(out, x.shape)
        order = xp.argsort(places, stable=True)
        places, values = xp.take(places, order, axis=0), xp.take(values, order, axis=0)
        targets = xp.arange(size, dtype=places.dtype, device=x.device)
        first = xp.searchsorted(places, targets, side="left")
        counts = xp.searchsorted(places, targets, side="right") - first
        zero = xp.zeros_like(first)
        if combine is None:
            hit = counts > 0
            out = xp.where(hit, xp.take(values, xp.where(hit, first + counts - 1, zero), axis=0), out)
        else:
            for turn in range(int(xp.max(counts))):
                hit = counts > turn
                value = xp.take(values, xp.where(hit, first + turn, zero), axis=0)
                out = xp.where(hit, combine(xp, out, value), out)
        return xp.reshape(out, x.shape)

    return impl


def _update_shape(x: Any, v: Any, *indices: Any, key: tuple[Any, ...], unique: bool) -> tuple[int, ...]:  # noqa: ARG001
    return x.shape


def _add_vjp(position: int, y: Any, x: Any, v: Any, *indices: Any, key: tuple[Any, ...], unique: bool) -> Any:  # noqa: ARG001
    if position == 0:
        return None
    return lambda g: taken(g, key, indices, unique=unique)


def _tangent(t: Any, primal: Any) -> Any:
    return zeros_raw(primal, tuple(primal.shape)) if t is None else t


def _add_jvp(
    tangents: list[Any],
    y: Any,  # noqa: ARG001  # the rule's form
    x: Any,
    v: Any,
    *indices: Any,
    key: tuple[Any, ...],
    unique: bool,
) -> Any:
    if tangents[1] is None:
        return tangents[0]
    return added(_tangent(tangents[0], x), tangents[1], key, indices, unique=unique)


_UPDATES = (
    case((3,), (), key=(1,), unique=True),
    case((3, 4), (3, 2), key=(Ellipsis, (None, None, -2)), unique=True),
    case((3,), (5,), _index(5, n=3), key=(ARRAY,), unique=False),
    case((2, 3, 4), (2, 3, 3), _index(3, n=2), _index(2, 1, n=4), key=(ARRAY, _FULL, ARRAY), unique=False),
    case((2, 3, 4), (3, 3), _index(3, n=4), key=(0, _FULL, ARRAY), unique=False),
    case((3, 2), (0, 2), _index(0, n=3), key=(ARRAY,), unique=False),
)

index_add_p = general(
    "index_add",
    _scatter(lambda xp, a, b: a + b),  # noqa: ARG005  # one signature for all updates
    vjp=_add_vjp,
    jvp=_add_jvp,
    shape=_update_shape,
    result="first",
    dtypes="numeric",
    cases=_UPDATES,
)


def _set_vjp(position: int, y: Any, x: Any, v: Any, *indices: Any, key: tuple[Any, ...], unique: bool) -> Any:  # noqa: ARG001
    if position == 0:
        shape = v.shape
        return lambda g: placed(g, zeros_raw(g, shape), key, indices, unique=unique)
    if unique or not indices:
        return lambda g: taken(g, key, indices, unique=unique)
    raise NotImplementedError


index_set_p = general(
    "index_set",
    _scatter(None),
    vjp=_set_vjp,
    shape=_update_shape,
    result="first",
    dtypes="all",
    cases=_UPDATES,
)
