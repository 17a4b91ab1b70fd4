"""Taking elements by a key, and its transpose, which adds them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import backends
from funcnet.backends.keys import ARRAY, layout
from funcnet.core import Arg, Tracer, bind, case, general, linear
from funcnet.ops.batching import index_update, indexed
from funcnet.ops.fresh import zeros_raw
from funcnet.ops.places import positions, scatter

if TYPE_CHECKING:
    from collections.abc import Callable

    Key = tuple[Any, ...]
    Indices = tuple[Any, ...]

__all__ = ["UPDATES", "Scattered", "added", "getitem_p", "index_arg", "taken"]

_FULL = (None, None, None)


def taken(x: Any, key: Key, indices: Indices = (), *, unique: bool = False) -> Any:
    """Return the elements of `x` at a canonical key; `unique` says that no position is named twice."""
    if indices:
        return bind(gather_p, x, *indices, key=key, unique=unique)
    return bind(getitem_p, x, key=key)


def added(x: Any, v: Any, key: Key, indices: Indices = (), *, unique: bool = False) -> Any:
    """Return `x` with `v`, which has the key's shape, added at the key; repeated positions add up."""
    return bind(index_add_p, x, v, *indices, key=key, unique=unique)


class Scattered:
    """A cotangent that is zero but for `g` at a key.

    The sweep adds it into a buffer of its own, so that taking n elements one by one does not cost n arrays of zeros.
    """

    __slots__ = ("g", "indices", "key", "shape", "unique")

    def __init__(self, g: Any, shape: tuple[int, ...], key: Key, indices: Indices = (), unique: bool = True) -> None:
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
        g, indices = self.g, self.indices
        if owned and g.__class__ is not Tracer and buffer.__class__ is not Tracer:
            if not indices or not any([i.__class__ is Tracer for i in indices]):
                backend = backends.backend_of_type(buffer.__class__)
                kernel = None if backend is None else backend.kernel("index_add_into")
                if kernel is not None:
                    return kernel(buffer, g, *indices, key=self.key, unique=self.unique)
        return added(buffer, g, self.key, indices, unique=self.unique)


# ---------------------------------------------------------------------- taking


def _getitem(xp: Any, x: Any, *, key: Key) -> Any:
    plan = layout(x.shape, key)
    y = x[plan.basic]
    return xp.flip(y, axis=plan.flipped) if plan.flipped else y


def _getitem_transpose(y: Any, x: Any, *, key: Key) -> Callable[[Any], Any]:  # noqa: ARG001  # the form of every rule
    shape = x.shape
    return lambda g: Scattered(g, shape, key)


getitem_p = linear(
    "getitem",
    _getitem,
    transpose=(_getitem_transpose,),
    shape=lambda x, *, key: layout(x.shape, key).shape,
    batch=indexed,
    dtypes="all",
    result="first",
    cases=(
        case((3,), key=(1,)),
        case((3, 4), key=(-1, (None, None, -2))),
        case((3, 4), key=(None, Ellipsis, 2)),
        case((3, 4), key=((5, None, None), (3, 0, -1))),
        case((2, 3), key=((None, None, None), None, (-1, -9, -1))),
        case((), key=(None,)),
        case((), key=(Ellipsis,)),
    ),
)


def _gather(xp: Any, x: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001  # for the transpose
    places = positions(xp, x, indices, key)
    found = xp.take(xp.reshape(x, (-1,)), xp.reshape(places, (-1,)), axis=0)
    return xp.reshape(found, places.shape)


def _gather_transpose(position: int, y: Any, x: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001
    # Index arrays are integers, so `position` is 0.
    shape = x.shape
    return lambda g: Scattered(g, shape, key, indices, unique)


def _gather_shape(x: Any, *indices: Any, key: Key, unique: bool) -> tuple[int, ...]:  # noqa: ARG001
    return layout(x.shape, key, tuple([tuple(i.shape) for i in indices])).shape


def index_arg(*shape: int, n: int) -> Arg:
    """Return an index array for a dimension of size `n`, for a case."""
    return Arg(shape, kind="int", low=-n, high=n)


gather_p = linear(
    "gather",
    _gather,
    transpose=_gather_transpose,
    shape=_gather_shape,
    batch=indexed,
    dtypes="all",
    result="first",
    cases=(
        case((3,), index_arg(5, n=3), key=(ARRAY,), unique=False),
        case((3, 4), index_arg(2, 2, n=3), key=(ARRAY, (None, None, -1)), unique=False),
        case((2, 3, 4), index_arg(3, n=2), index_arg(2, 1, n=4), key=(ARRAY, _FULL, ARRAY), unique=False),
        case((2, 3, 4), index_arg(3, n=4), key=(0, _FULL, ARRAY), unique=False),
        case((2, 3, 4), index_arg(n=3), key=((1, None, None), ARRAY, None), unique=True),
        case((2, 3, 4), index_arg(2, n=2), index_arg(2, n=3), key=(ARRAY, ARRAY, (None, 2, None)), unique=False),
        case((3, 2), index_arg(0, n=3), key=(ARRAY,), unique=False),
    ),
)


# ---------------------------------------------------------------------- adding back

#: Cases of every update: an array, values of the key's shape, index arrays.
UPDATES = (
    case((3,), (), key=(1,), unique=True),
    case((3, 4), (3, 2), key=(Ellipsis, (None, None, -2)), unique=True),
    case((3,), (2,), index_arg(2, n=3), key=(ARRAY,), unique=False),
    case((2, 3, 4), (2, 2, 3), index_arg(2, n=2), index_arg(2, 1, n=4), key=(ARRAY, _FULL, ARRAY), unique=False),
    case((2, 3, 4), (3, 3), index_arg(3, n=4), key=(0, _FULL, ARRAY), unique=False),
    case((3, 2), (0, 2), index_arg(0, n=3), key=(ARRAY,), unique=False),
)


def _add_vjp(position: int, y: Any, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001
    return None if position == 0 else lambda g: taken(g, key, indices, unique=unique)


def _add_jvp(tangents: Any, y: Any, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001
    tx, tv = tangents[:2]
    if tv is None:
        return tx
    return added(zeros_raw(x, x.shape) if tx is None else tx, tv, key, indices, unique=unique)


def _add_shape(x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> tuple[int, ...]:  # noqa: ARG001
    return x.shape


index_add_p = general(
    "index_add",
    scatter(lambda xp, a, b: a + b),  # noqa: ARG005  # one signature for all updates
    vjp=_add_vjp,
    jvp=_add_jvp,
    shape=_add_shape,
    batch=index_update,
    dtypes="numeric",
    result="first",
    cases=UPDATES,
)
