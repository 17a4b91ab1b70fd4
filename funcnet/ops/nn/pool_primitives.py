"""The operations under pooling: maxima and sums of windows, and their transposes.

Each acts on any axes of an array. A maximum's derivative takes the cotangent to the element that was chosen, whose
place in its window is found once: adding to places and picking from places are each other's transposes, so that every
order of derivative follows.
"""

from __future__ import annotations

from itertools import product
from math import inf, prod
from typing import TYPE_CHECKING, Any

from funcnet.core import Arg, Spec, bind, case, general, linear, owner
from funcnet.ops.batching import along_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ints = tuple[int, ...]
    Pull = Callable[[Any], Any]

__all__ = ["max_pool_p", "max_pool_places_p", "max_pool_spread_p", "sum_pool_p"]


def _padded(xp: Any, x: Any, fill: Any, axes: Ints, needed: Ints, low: Ints) -> Any:
    """Return `x` with `fill` around it, such that each axis has at least the needed length."""
    for axis, length, before in zip(axes, needed, low, strict=True):
        after = max(length - before - x.shape[axis], 0)
        parts = [x]
        for n, place in ((before, 0), (after, len(parts) + 1)):
            if n:
                shape = tuple([n if i == axis else size for i, size in enumerate(x.shape)])
                parts.insert(place, xp.full(shape, fill, dtype=x.dtype, device=x.device))
        x = xp.concat(parts, axis=axis) if len(parts) > 1 else x
    return x


def _needed(window: Ints, strides: Ints, dilation: Ints, sizes: Ints) -> Ints:
    """Return the padded length over which all windows extend."""
    return tuple([(n - 1) * s + (w - 1) * d + 1 for n, s, w, d in zip(sizes, strides, window, dilation, strict=True)])


def _shifts(ndim: int, axes: Ints, window: Ints, strides: Ints, dilation: Ints, sizes: Ints) -> Iterator[Any]:
    """Yield for each place in a window the key of a padded array that gives this element of all windows."""
    for offset in product(*map(range, window)):
        key = [slice(None)] * ndim
        for axis, o, s, d, n in zip(axes, offset, strides, dilation, sizes, strict=True):
            key[axis] = slice(o * d, o * d + (n - 1) * s + 1, s)
        yield tuple(key)


def _elements(xp: Any, x: Any, fill: Any, *, axes: Ints, window: Ints, low: Ints, **rest: Ints) -> Iterator[Any]:
    padded = _padded(xp, x, fill, axes, _needed(window, **rest), low)
    for key in _shifts(len(x.shape), axes, window, **rest):
        yield padded[key]


def _size(x: Any, axes: Ints, sizes: Ints) -> Ints:
    return tuple([sizes[axes.index(i)] if i in axes else n for i, n in enumerate(x.shape)])


def _pooled(x: Any, *, axes: Ints, sizes: Ints, **rest: Ints) -> Ints:  # noqa: ARG001  # the rule's form
    return _size(x, axes, sizes)


def _spread_shape(g: Any, *rest: Any, axes: Ints, lengths: Ints, **params: Ints) -> Ints:  # noqa: ARG001
    return _size(g, axes, lengths)


def _lengths(x: Any, axes: Ints) -> Ints:
    return tuple([x.shape[a] for a in axes])


# ---------------------------------------------------------------------- maxima


def _max_impl(xp: Any, x: Any, **params: Ints) -> Any:
    elements = _elements(xp, x, -inf, **params)
    # Not a view of `x` where the window is a single element.
    best = xp.asarray(next(elements), copy=True)
    for element in elements:
        best = xp.maximum(best, element)
    return best


def _places_impl(xp: Any, x: Any, y: Any, **params: Ints) -> Any:
    ones = xp.ones(x.shape, dtype=xp.bool, device=x.device)
    inside = _elements(xp, ones, False, **params)
    hits = [
        there & ((element == y) | xp.isnan(element))
        for element, there in zip(_elements(xp, x, -inf, **params), inside, strict=True)
    ]
    places = xp.zeros(y.shape, dtype=getattr(xp, _place_dtype(params["window"])), device=y.device)
    missed = ~hits[0]
    # The place is the number of elements before the first that is the maximum.
    for hit in hits[1:]:
        places = places + xp.astype(missed, places.dtype)
        missed = missed & ~hit
    return places


def _spread_impl(xp: Any, g: Any, places: Any, *, axes: Ints, lengths: Ints, low: Ints, **params: Ints) -> Any:
    zero = xp.zeros_like(g)
    return _scattered(
        xp, g, lambda i: xp.where(places == i, g, zero), axes=axes, lengths=lengths, low=low, params=params
    )


def _scattered(
    xp: Any, g: Any, term: Callable[[int], Any], *, axes: Ints, lengths: Ints, low: Ints, params: dict[str, Ints]
) -> Any:
    """Add a term for each place in a window to the elements there."""
    needed = _needed(**params)
    whole = tuple([max(n, before + length) for n, before, length in zip(needed, low, lengths, strict=True)])
    out = xp.zeros(_size(g, axes, whole), dtype=g.dtype, device=g.device)
    for i, key in enumerate(_shifts(len(g.shape), axes, **params)):
        out[key] = out[key] + term(i)
    key = [slice(None)] * len(g.shape)
    for axis, before, length in zip(axes, low, lengths, strict=True):
        key[axis] = slice(before, before + length)
    return out[tuple(key)]


def _pick_impl(xp: Any, t: Any, places: Any, **params: Ints) -> Any:
    out = xp.zeros(places.shape, dtype=t.dtype, device=t.device)
    for i, element in enumerate(_elements(xp, t, 0.0, **params)):
        out = xp.where(places == i, element, out)
    return out


def _place_dtype(window: Ints) -> str:
    return "uint8" if prod(window) < 256 else "int32"


def _max_vjp(y: Any, x: Any, **params: Ints) -> Pull:
    lengths = _lengths(x, params["axes"])
    return lambda g: bind(max_pool_spread_p, g, bind(max_pool_places_p, x, y, **params), lengths=lengths, **params)


def _max_jvp(ts: Any, y: Any, x: Any, **params: Ints) -> Any:
    return bind(max_pool_pick_p, ts[0], bind(max_pool_places_p, x, y, **params), **params)


def _spread_transpose(y: Any, g: Any, places: Any, *, lengths: Ints, **params: Ints) -> Pull:  # noqa: ARG001
    return lambda t: bind(max_pool_pick_p, t, places, **params)


def _pick_transpose(y: Any, t: Any, places: Any, **params: Ints) -> Pull:  # noqa: ARG001
    lengths = _lengths(t, params["axes"])
    return lambda g: bind(max_pool_spread_p, g, places, lengths=lengths, **params)


# In one, two and three axes: windows that overlap or leave gaps, dilation, padding, and places after the last window.
_ONE = {"axes": (1,), "window": (3,), "strides": (2,), "dilation": (1,), "low": (1,), "sizes": (3,)}
_TWO = {"axes": (1, 2), "window": (2, 3), "strides": (2, 1), "dilation": (1, 2), "low": (0, 1), "sizes": (2, 2)}
_LAST = {"axes": (2, 3), "window": (2, 2), "strides": (2, 2), "dilation": (1, 1), "low": (0, 0), "sizes": (2, 1)}
_GAPS = {"axes": (0,), "window": (1,), "strides": (2,), "dilation": (1,), "low": (0,), "sizes": (2,)}
_EDGE = {"axes": (1,), "window": (5,), "strides": (1,), "dilation": (1,), "low": (2,), "sizes": (1,)}
_THREE = {
    "axes": (1, 2, 3),
    "window": (2, 1, 2),
    "strides": (1, 1, 1),
    "dilation": (1, 1, 1),
    "low": (0, 0, 1),
    "sizes": (1, 2, 2),
}
_WHOLE = {"axes": (1, 2), "window": (2, 3), "strides": (2, 3), "dilation": (1, 1), "low": (0, 0), "sizes": (1, 1)}
_CASES = (
    ((2, 5, 2), _ONE),
    ((1, 4, 5, 2), _TWO),
    ((2, 1, 5, 2), _LAST),
    ((4,), _GAPS),
    ((1, 2, 2, 2, 1), _THREE),
    ((2, 2, 3, 2), _WHOLE),
    ((0, 5, 2), _ONE),
    ((2, 2, 1), _EDGE),
)


def _distinct(shape: Ints) -> Arg:
    return Arg(shape, distinct=True)


def _output(shape: Ints, params: dict[str, Ints]) -> Ints:
    return tuple([params["sizes"][params["axes"].index(i)] if i in params["axes"] else n for i, n in enumerate(shape)])


def _places_arg(shape: Ints, params: dict[str, Ints]) -> Arg:
    return Arg(_output(shape, params), kind="int", low=0, high=prod(params["window"]))


max_pool_p = general(
    "max_pool",
    _max_impl,
    vjp=(_max_vjp,),
    jvp=_max_jvp,
    shape=_pooled,
    batch=along_axes,
    dtypes="real floating",
    cases=tuple([case(_distinct(shape), **params) for shape, params in _CASES]),
)

max_pool_places_p = general(
    "max_pool_places",
    _places_impl,
    vjp=None,
    shape=lambda x, y, *, window, **rest: Spec(y.shape, _place_dtype(window), owner(x)),  # noqa: ARG005
    internal=True,
    batch=along_axes,
    dtypes="real floating",
    cases=tuple([case(_distinct(shape), _output(shape, params), **params) for shape, params in _CASES]),
)

max_pool_spread_p = linear(
    "max_pool_spread",
    _spread_impl,
    transpose=(_spread_transpose, None),
    shape=_spread_shape,
    internal=True,
    batch=along_axes,
    dtypes="real floating",
    result="first",
    cases=tuple(
        [
            case(
                _output(shape, params),
                _places_arg(shape, params),
                lengths=tuple([shape[a] for a in params["axes"]]),
                **params,
            )
            for shape, params in _CASES
        ]
    ),
)

max_pool_pick_p = linear(
    "max_pool_pick",
    _pick_impl,
    transpose=(_pick_transpose, None),
    shape=lambda t, places, **params: places.shape,  # noqa: ARG005  # the rule's form
    internal=True,
    batch=along_axes,
    dtypes="real floating",
    result="first",
    cases=tuple([case(shape, _places_arg(shape, params), **params) for shape, params in _CASES]),
)


# ---------------------------------------------------------------------- sums


def _sum_impl(xp: Any, x: Any, **params: Ints) -> Any:
    elements = _elements(xp, x, 0.0, **params)
    total = xp.asarray(next(elements), copy=True)
    for element in elements:
        total = total + element
    return total


def _sum_spread_impl(xp: Any, g: Any, *, axes: Ints, lengths: Ints, low: Ints, **params: Ints) -> Any:
    return _scattered(xp, g, lambda i: g, axes=axes, lengths=lengths, low=low, params=params)  # noqa: ARG005


def _sum_transpose(y: Any, x: Any, **params: Ints) -> Pull:  # noqa: ARG001  # the rule's form
    lengths = _lengths(x, params["axes"])
    return lambda g: bind(sum_pool_spread_p, g, lengths=lengths, **params)


def _sum_spread_transpose(y: Any, g: Any, *, lengths: Ints, **params: Ints) -> Pull:  # noqa: ARG001
    return lambda t: bind(sum_pool_p, t, **params)


sum_pool_p = linear(
    "sum_pool",
    _sum_impl,
    transpose=(_sum_transpose,),
    shape=_pooled,
    internal=True,
    batch=along_axes,
    dtypes="real floating",
    cases=tuple([case(shape, **params) for shape, params in _CASES]),
)

sum_pool_spread_p = linear(
    "sum_pool_spread",
    _sum_spread_impl,
    transpose=(_sum_spread_transpose,),
    shape=_spread_shape,
    internal=True,
    batch=along_axes,
    dtypes="real floating",
    cases=tuple(
        [
            case(_output(shape, params), lengths=tuple([shape[a] for a in params["axes"]]), **params)
            for shape, params in _CASES
        ]
    ),
)
