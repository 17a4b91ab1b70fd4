"""References of the indexing primitives in nothing but the standard: positions in the flattened array, and rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.backends.keys import layout

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["positions", "scatter", "scatter_flat", "wrapped"]


def positions(xp: Any, x: Any, indices: tuple[Any, ...], key: tuple[Any, ...]) -> Any:
    """Return the places in the flattened `x` that a key names, in the shape of the key's result."""
    shape = x.shape
    plan = layout(shape, key, tuple([tuple(i.shape) for i in indices]))
    ndim, device = len(plan.shape), x.device
    # Dimensions that the broadcast index arrays have in the result.
    wide = ndim - sum([k is None or isinstance(k, slice) for k in plan.basic]) + len(plan.dims)
    # Not every device has 64-bit integers.
    integer = xp.arange(0, device=device).dtype
    total: Any = xp.zeros(plan.shape, dtype=integer, device=device)
    strides = [1]
    for n in reversed(shape[1:]):
        strides.append(strides[-1] * n)
    rest = iter(zip(shape, reversed(strides), strict=bool(shape)))
    arrays = iter(indices)
    kept = column = 0
    for item in plan.basic:
        if item is None:
            kept += 1
            column += 1
            continue
        size, stride = next(rest)
        if not isinstance(item, slice):
            total = total + item % size * stride
            continue
        if column in plan.dims:
            index = xp.astype(wrapped(xp, next(arrays), size), integer)
            total = total + xp.reshape(index, index.shape + (1,) * (ndim - plan.place - wide)) * stride
        else:
            at = kept if kept < plan.place else kept + wide
            steps = xp.arange(item.start, item.stop, item.step, dtype=integer, device=device)
            steps = xp.flip(steps) if at in plan.flipped else steps
            total = total + xp.reshape(steps, steps.shape + (1,) * (ndim - at - 1)) * stride
            kept += 1
        column += 1
    return total


def wrapped(xp: Any, index: Any, size: int) -> Any:
    """Return an index array with its negative entries counted from the front; raise `IndexError` outside the bounds."""
    signed = not xp.isdtype(index.dtype, "unsigned integer")
    outside = (index < -size) | (index >= size) if signed else index >= size
    if bool(xp.any(outside)):
        raise IndexError(f"an index is out of bounds for a dimension of size {size}")
    return xp.where(index < 0, index + size, index) if signed else index


def scatter(combine: Callable[[Any, Any, Any], Any] | None) -> Callable[..., Any]:
    """Return the reference of an update: ``combine(xp, old, new)`` at each position, or None to put the last one."""

    def impl(xp: Any, x: Any, v: Any, *indices: Any, key: tuple[Any, ...], unique: bool) -> Any:  # noqa: ARG001
        if not indices:
            done = _assigned(xp, combine, x, v, key)
            if done is not None:
                return done
        places = positions(xp, x, indices, key)
        values = xp.reshape(xp.broadcast_to(v, places.shape), (-1,))
        return xp.reshape(
            scatter_flat(xp, combine, xp.reshape(x, (-1,)), values, xp.reshape(places, (-1,))), tuple(x.shape)
        )

    return impl


def _assigned(xp: Any, combine: Callable[[Any, Any, Any], Any] | None, x: Any, v: Any, key: tuple[Any, ...]) -> Any:
    """Return the update at a key without arrays, by the library's own assignment; None if its arrays have none."""
    plan = layout(x.shape, key)
    place = tuple([k for k in plan.basic if k is not None])
    old = x[place]
    values = xp.broadcast_to(v, plan.shape)
    values = xp.reshape(xp.flip(values, axis=plan.flipped) if plan.flipped else values, old.shape)
    out = xp.asarray(x, copy=True)
    try:
        out[place] = values if combine is None else combine(xp, old, values)
    except TypeError:
        return None
    return out


def scatter_flat(xp: Any, combine: Callable[[Any, Any, Any], Any] | None, x: Any, values: Any, places: Any) -> Any:
    """Update the one-dimensional `x`, in as many rounds as the most repeated place has; in one if the last stays."""
    out = xp.asarray(x, copy=True)
    size = out.shape[0]
    if size == 0 or places.shape[0] == 0:
        return out
    # A stable sort keeps repeated places in the order in which they were given.
    order = xp.argsort(places, stable=True)
    places, values = xp.take(places, order, axis=0), xp.take(values, order, axis=0)
    targets = xp.arange(size, dtype=places.dtype, device=x.device)
    first = xp.searchsorted(places, targets, side="left")
    counts = xp.searchsorted(places, targets, side="right") - first
    zero = xp.zeros_like(first)
    if combine is None:
        hit = counts > 0
        return xp.where(hit, xp.take(values, xp.where(hit, first + counts - 1, zero), axis=0), out)
    for turn in range(int(xp.max(counts))):
        hit = counts > turn
        value = xp.take(values, xp.where(hit, first + turn, zero), axis=0)
        out = xp.where(hit, combine(xp, out, value), out)
    return out
