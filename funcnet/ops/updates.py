"""The updates that replace assignment: put, multiply, and take the smaller or the larger, at a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.backends.keys import ARRAY
from funcnet.core import Spec, bind, general, raw, registry
from funcnet.ops.batching import index_update
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.cumulative import products_of_others
from funcnet.ops.fresh import integers_like, zeros_raw
from funcnet.ops.places import scatter
from funcnet.ops.slicing import UPDATES, added, taken

if TYPE_CHECKING:
    from collections.abc import Callable

    Key = tuple[Any, ...]
    Indices = tuple[Any, ...]

__all__ = ["index_max_p", "index_min_p", "index_multiply_p", "placed"]


_ALONG: Any = (ARRAY,)


def placed(x: Any, v: Any, key: Key, indices: Indices = (), *, unique: bool = False) -> Any:
    """Return `x` with `v`, which has the key's shape, put at the key; the last of repeated positions stays."""
    return bind(index_set_p, x, v, *indices, key=key, unique=unique)


def _where(condition: Any, a: Any, b: Any) -> Any:
    # Declared among the searching functions, which come later.
    return bind(registry["where"], condition, a, b)


def _winners(x: Any, v: Any, key: Key, indices: Indices) -> Any:
    """Return for each element of `v` whether it is the one that stays where positions repeat."""
    shape = tuple(v.shape)
    order = reshaped(integers_like(x, "arange", _size(shape)), shape)
    none = integers_like(x, "full", tuple(x.shape), -1)
    last = bind(index_max_p, none, order, *indices, key=key, unique=False)
    return taken(last, key, indices) == order


def _size(shape: tuple[int, ...]) -> int:
    n = 1
    for s in shape:
        n *= s
    return n


def _shape(x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> tuple[int, ...]:  # noqa: ARG001
    return x.shape


# ---------------------------------------------------------------------- put


def _set_vjp(position: int, y: Any, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001
    shape = v.shape
    if position == 0:
        return lambda g: placed(g, zeros_raw(g, shape), key, indices, unique=unique)
    if unique or not indices:
        return lambda g: taken(g, key, indices, unique=unique)
    stays = _winners(x, v, key, indices)
    return lambda g: _where(stays, taken(g, key, indices), zeros_raw(g, shape))


def _set_jvp(tangents: Any, y: Any, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001
    tx, tv = [zeros_raw(p, p.shape) if t is None else t for t, p in zip(tangents[:2], (x, v), strict=True)]
    return placed(tx, tv, key, indices, unique=unique)


index_set_p = general(
    "index_set",
    scatter(None),
    vjp=_set_vjp,
    jvp=_set_jvp,
    shape=_shape,
    batch=index_update,
    dtypes="all",
    result="first",
    cases=UPDATES,
)


# ---------------------------------------------------------------------- multiply


def _multiply_vjp(position: int, y: Any, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001
    if position == 0:
        return lambda g: bind(index_multiply_p, g, v, *indices, key=key, unique=unique)
    if unique or not indices:
        return lambda g: taken(g, key, indices, unique=unique) * taken(x, key, indices, unique=unique)

    def pull(g: Any) -> Any:
        others = _other_factors(x, v, key, indices)
        return taken(g, key, indices) * taken(x, key, indices) * others

    return pull


def _other_factors(x: Any, v: Any, key: Key, indices: Indices) -> Any:
    """Return for each factor the product of the others at its place: no division, a row for each time it is named."""
    shape = tuple(x.shape)
    size, count = _size(shape), _size(tuple(v.shape))
    if not count:
        return v
    places = reshaped(taken(reshaped(integers_like(x, "arange", size), shape), key, indices), (count,))
    order = _sorted_by(places)
    ascending = taken(places, _ALONG, (order,))
    turns = integers_like(x, "arange", count) - bind(registry["searchsorted"], ascending, ascending, side="left")
    turns = taken(turns, _ALONG, (_sorted_by(order),))
    found = raw(turns)
    # Rows for as many as there can be, where values are not known.
    rows = count
    if not isinstance(found, Spec):
        flat = reshaped(found, (_size(tuple(found.shape)),))
        rows = 1 + int(bind(registry["max"], flat, axis=(0,), keepdims=False))
    table = zeros_raw(v, (rows, size)) + 1
    table = placed(table, reshaped(v, (count,)), _ALONG * 2, (turns, places), unique=True)
    return reshaped(taken(products_of_others(table, 0), _ALONG * 2, (turns, places), unique=True), tuple(v.shape))


def _sorted_by(x: Any) -> Any:
    return bind(registry["argsort"], x, axis=0, descending=False, stable=True)


index_multiply_p = general(
    "index_multiply",
    scatter(lambda xp, a, b: a * b),  # noqa: ARG005  # one signature for all updates
    vjp=_multiply_vjp,
    shape=_shape,
    batch=index_update,
    dtypes="numeric",
    result="first",
    cases=UPDATES,
)


# ---------------------------------------------------------------------- smaller and larger


def _extreme_vjp(position: int, y: Any, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Callable[[Any], Any]:
    """Split the cotangent evenly among all that tie, as for `xp.minimum` and `xp.min`."""

    def pull(g: Any) -> Any:
        dtype = x.dtype
        kept, came = x == y, v == taken(y, key, indices, unique=unique)
        ties = added(cast(kept, dtype), cast(came, dtype), key, indices, unique=unique)
        # Where NaN won nothing ties, and nothing is divided.
        share = g / (ties + cast(ties == 0, dtype))
        if position == 0:
            return _where(kept, share, zeros_raw(g, x.shape))
        return _where(came, taken(share, key, indices, unique=unique), zeros_raw(g, v.shape))

    return pull


index_min_p = general(
    "index_min",
    scatter(lambda xp, a, b: xp.minimum(a, b)),
    vjp=_extreme_vjp,
    shape=_shape,
    batch=index_update,
    dtypes="real",
    result="first",
    cases=UPDATES,
)

index_max_p = general(
    "index_max",
    scatter(lambda xp, a, b: xp.maximum(a, b)),
    vjp=_extreme_vjp,
    shape=_shape,
    batch=index_update,
    dtypes="real",
    result="first",
    cases=UPDATES,
)
