"""The updates that replace assignment: put, multiply, and take the smaller or the larger, at a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import bind, general, registry
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError
from funcnet.ops.batching import index_update
from funcnet.ops.broadcasting import cast, reshaped, sum_over
from funcnet.ops.fresh import integers_like, zeros_raw
from funcnet.ops.places import scatter
from funcnet.ops.slicing import UPDATES, added, taken

if TYPE_CHECKING:
    from collections.abc import Callable

    Key = tuple[Any, ...]
    Indices = tuple[Any, ...]

__all__ = ["index_max_p", "index_min_p", "index_multiply_p", "placed"]


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
    if indices and not unique:
        stays = _winners(x, v, key, indices)
        count = sum_over(cast(stays, integers_like(x, "arange", 0).dtype), tuple(range(len(stays.shape))))
        if int(count) != _size(tuple(v.shape)):
            raise NotDifferentiableError(
                f"xp.index_multiply is not differentiable with respect to its factors, in {user_frame()}.",
                found="positions that are named more than once",
                needed="each position once, or factors that carry no derivative",
                write="one call for each set of different positions",
            )
    return lambda g: taken(g, key, indices, unique=unique) * taken(x, key, indices, unique=unique)


index_multiply_p = general(
    "index_multiply",
    scatter(lambda xp, a, b: a * b),  # noqa: ARG005  # one signature for all updates
    vjp=_multiply_vjp,
    shape=_shape,
    batch=index_update,
    dtypes="numeric",
    result="first",
    cases=UPDATES[:2],
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
