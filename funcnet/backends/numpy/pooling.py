"""NumPy kernels of pooling: one pass over the array for each place in a window, without a padded copy.

Maxima and sums are taken along one axis after the other, which needs as many passes as the window has places along all
axes together, not their product.
"""

from collections.abc import Callable, Iterator
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

Ints = tuple[int, ...]

_BITS = {2: np.dtype(np.int16), 4: np.dtype(np.int32), 8: np.dtype(np.int64)}


def _places(n: int, size: int, stride: int, dilation: int, low: int, offset: int) -> tuple[slice, slice] | None:
    """Return which windows have their element of this offset on the array, and where these elements are."""
    shift = offset * dilation - low
    first = max(0, -(shift // stride))
    last = min(size - 1, (n - 1 - shift) // stride)
    if last < first:
        return None
    start = first * stride + shift
    return slice(first, last + 1), slice(start, (last - first) * stride + start + 1, stride)


def _shifts(
    shape: Ints, axes: Ints, window: Ints, strides: Ints, dilation: Ints, low: Ints, sizes: Ints
) -> Iterator[tuple[int, tuple[slice, ...], tuple[slice, ...]]]:
    """Yield each place in a window with the keys of the windows and of the elements that it concerns."""
    for i, offset in enumerate(product(*map(range, window))):
        ours, theirs = [slice(None)] * len(shape), [slice(None)] * len(shape)
        for axis, o, n, s, d, before in zip(axes, offset, sizes, strides, dilation, low, strict=True):
            found = _places(shape[axis], n, s, d, before, o)
            if found is None:
                break
            ours[axis], theirs[axis] = found
        else:
            yield i, tuple(ours), tuple(theirs)


def _along(ufunc: Any, fill: float, x: Any, axis: int, w: int, s: int, d: int, low: int, size: int) -> Any:
    """Reduce windows along one axis."""
    lead = (slice(None),) * axis
    if size == 1 and low == 0 and d == 1 and w == x.shape[axis]:
        return ufunc.reduce(x, axis, None, None, True)
    found = [_places(x.shape[axis], size, s, d, low, o) for o in range(w)]
    views = [((*lead, ours), x[(*lead, theirs)]) for ours, theirs in (f for f in found if f is not None)]
    whole = [view for _, view in views if view.shape[axis] == size]
    if len(whole) > 1:
        y = ufunc(whole[0], whole[1])
        rest = whole[2:]
    else:
        y = np.full((*x.shape[:axis], size, *x.shape[axis + 1 :]), fill, x.dtype)
        rest = whole
    for view in rest:
        ufunc(y, view, out=y)
    for key, view in views:
        if view.shape[axis] != size:
            part = y[key]
            ufunc(part, view, out=part)
    return y


def _reduced(ufunc: Any, fill: float) -> Callable[..., Any]:
    def kernel(x: Any, *, axes: Ints, window: Ints, strides: Ints, dilation: Ints, low: Ints, sizes: Ints) -> Any:
        y = x
        for axis, w, s, d, before, size in zip(axes, window, strides, dilation, low, sizes, strict=True):
            if w > 1 or s > 1 or before or size != y.shape[axis]:
                y = _along(ufunc, fill, y, axis, w, s, d, before, size)
        return x.copy() if y is x else y

    return kernel


def _max_places(x: Any, y: Any, *, window: Ints, **params: Ints) -> Any:
    count = 1
    for w in window:
        count *= w
    dtype = np.dtype(np.uint8 if count < 256 else np.int32)
    places, misses = np.zeros(y.shape, dtype), np.ones(y.shape, np.bool_)
    # A NaN equals nothing, so windows with one are searched for it.
    nan = bool(np.isnan(y).any())
    # The place is the number of elements before the first that is the maximum, those outside of the array included.
    passed = 0
    for i, ours, theirs in _shifts(x.shape, window=window, **params):
        if i > passed:
            places += misses * dtype.type(i - passed)
        if i == count - 1:
            return places
        passed = i + 1
        element = x[theirs]
        other = element != y[ours]
        if nan:
            other &= ~np.isnan(element)
        part = misses[ours]
        np.logical_and(part, other, out=part)
        places += misses
    places += misses * dtype.type(count - 1 - passed)
    return places


def _chosen(places: Any, i: int, bits: np.dtype) -> Any:
    """Return integers whose bits are all set where a place is `i`, and all clear elsewhere.

    They select numbers many times faster than a mask does and, unlike a product, keep infinities to themselves.
    """
    hit = places == i
    return np.negative(hit.view(np.int8), dtype=bits)


def _max_spread(g: Any, places: Any, *, axes: Ints, lengths: Ints, low: Ints, **params: Ints) -> Any:
    shape = _with_sizes(g.shape, axes, lengths)
    apart = _apart(**params)
    if not apart and g.dtype.itemsize > 2:
        return _added(g, places, axes, lengths, low, **params)
    out = np.zeros(shape, g.dtype)
    bits = _BITS[g.dtype.itemsize]
    g_bits, out_bits = g.view(bits), out.view(bits)
    for i, ours, theirs in _shifts(shape, axes, low=low, **params):
        mask = _chosen(places[ours], i, bits)
        if apart:
            np.bitwise_and(mask, g_bits[ours], out=out_bits[theirs])
        else:
            np.bitwise_and(mask, g_bits[ours], out=mask)
            part = out[theirs]
            np.add(part, mask.view(g.dtype), out=part)
    return out


def _added(
    g: Any, places: Any, axes: Ints, lengths: Ints, low: Ints, window: Ints, strides: Ints, dilation: Ints, sizes: Ints
) -> Any:
    """Return the sums of the cotangents that go to each element, in one pass over the windows, which overlap."""
    # With room for places outside of the array, so that all of them exist.
    needed = [(n - 1) * s + (w - 1) * d + 1 for n, s, w, d in zip(sizes, strides, window, dilation, strict=True)]
    room = tuple([max(n, before + length) for n, before, length in zip(needed, low, lengths, strict=True)])
    padded = np.zeros(_with_sizes(g.shape, axes, room), g.dtype)
    if not padded.size:
        return np.zeros(_with_sizes(g.shape, axes, lengths), g.dtype)
    steps = [s // padded.itemsize for s in padded.strides]
    # Where the place is in the window, then where the window begins.
    inside = np.zeros(1, np.intp)
    for axis, w, d in zip(axes, window, dilation, strict=True):
        inside = (inside[:, None] + np.arange(w) * (d * steps[axis])).reshape(-1)
    flat = inside[places]
    for i, n in enumerate(g.shape):
        step = steps[i] * (strides[axes.index(i)] if i in axes else 1)
        flat += (np.arange(n) * step).reshape([-1 if k == i else 1 for k in range(g.ndim)])
    np.add.at(padded.reshape(-1), flat.reshape(-1), g.reshape(-1))
    key = [slice(None)] * g.ndim
    for axis, before, length in zip(axes, low, lengths, strict=True):
        key[axis] = slice(before, before + length)
    return padded[tuple(key)]


def _max_pick(t: Any, places: Any, **params: Ints) -> Any:
    out = np.zeros(places.shape, t.dtype)
    bits = _BITS[t.dtype.itemsize]
    t_bits, out_bits = t.view(bits), out.view(bits)
    for i, ours, theirs in _shifts(t.shape, **params):
        mask = _chosen(places[ours], i, bits)
        np.bitwise_and(mask, t_bits[theirs], out=mask)
        part = out_bits[ours]
        np.bitwise_or(part, mask, out=part)
    return out


def _sum_spread(g: Any, *, axes: Ints, lengths: Ints, **params: Ints) -> Any:
    for k, axis in enumerate(axes):
        one = {name: value[k : k + 1] for name, value in params.items()}
        shape = (*g.shape[:axis], lengths[k], *g.shape[axis + 1 :])
        out = np.zeros(shape, g.dtype)
        for _, ours, theirs in _shifts(shape, (axis,), **one):
            part = out[theirs]
            np.add(part, g[ours], out=part)
        g = out
    return g


def _apart(window: Ints, strides: Ints, dilation: Ints, **rest: Ints) -> bool:  # noqa: ARG001
    """Whether no element belongs to two windows."""
    return all((w - 1) * d < s for w, s, d in zip(window, strides, dilation, strict=True))


def _with_sizes(shape: Ints, axes: Ints, sizes: Ints) -> Ints:
    out = list(shape)
    for axis, n in zip(axes, sizes, strict=True):
        out[axis] = n
    return tuple(out)


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "max_pool": _reduced(np.maximum, -np.inf),
        "max_pool_pick": _max_pick,
        "max_pool_places": _max_places,
        "max_pool_spread": _max_spread,
        "sum_pool": _reduced(np.add, 0.0),
        "sum_pool_spread": _sum_spread,
    }
)
