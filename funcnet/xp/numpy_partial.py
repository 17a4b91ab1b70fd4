"""NumPy's reductions with ``where=`` and ``initial=``, and the ``reduce`` and ``at`` of its universal functions.

`funcnet.xp.numpy_protocol` loads these tables when one of them is asked for. Elements that are left out become the
identity of the reduction, so that no derivative reaches them, whatever they are.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import ops
from funcnet.core import Tracer
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.axes import kept_shape, reduced_axes
from funcnet.ops.lists import array_of
from funcnet.ops.methods import assign
from funcnet.ops.softmax import logsumexp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ACCUMULATE", "AT", "FUNCTIONS", "REDUCE", "reduceat"]


def _said(option: Any) -> bool:
    # NumPy passes a sentinel where the caller said nothing.
    return option is not None and option.__class__.__name__ != "_NoValueType"


def _mask(name: str, x: Any, where: Any) -> Any:
    """Return `where` as an array that broadcasts to the shape of `x`, None for all elements."""
    if where is True or not _said(where):
        return None
    where = array_of(where) if isinstance(where, (list, tuple)) else where
    where = where if hasattr(where, "shape") else np.asarray(where)
    shape, found = tuple(x.shape), tuple(where.shape)
    if len(found) > len(shape) or any(n not in (1, m) for n, m in zip(found[::-1], shape[::-1], strict=False)):
        raise ShapeError(
            f"numpy.{name} got a where= that does not fit the array.",
            found=f"where of shape {found} for an array of shape {shape}",
            needed="a shape that broadcasts to that of the array",
        )
    return where


def _chosen(x: Any, mask: Any, identity: Any) -> Any:
    return x if mask is None else ops.where(mask, x, ops.full_like(x, identity))


def _summed(name: str, reduce: Callable[..., Any], combine: Callable[..., Any], identity: float) -> Callable[..., Any]:
    def handler(
        a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = None, where: Any = True
    ) -> Any:
        extra = {} if dtype is None else {"dtype": dtype}
        y = reduce(_chosen(a, _mask(name, a, where), identity), axis=axis, keepdims=keepdims is True, **extra)
        return combine(y, initial) if _said(initial) else y

    return handler


def _extreme(name: str, reduce: Callable[..., Any], combine: Callable[..., Any]) -> Callable[..., Any]:
    def handler(a: Any, axis: Any = None, *, keepdims: Any = False, initial: Any = None, where: Any = True) -> Any:
        mask = _mask(name, a, where)
        if not _said(initial):
            if mask is None:
                return reduce(a, axis=axis, keepdims=keepdims is True)
            raise ParameterError(
                f"numpy.{name} with where= needs a value for where there is nothing.",
                found="where= without initial=",
                needed="the result over no elements",
                write=f"numpy.{name}(x, where=..., initial=...)",
            )
        axes = reduced_axes(name, a, axis)
        if any(a.shape[i] == 0 for i in axes):
            # The sum over nothing has the shape.
            return ops.sum(a, axis=axis, keepdims=keepdims is True) + initial
        kept = a if mask is None else ops.where(mask, a, initial)
        return combine(reduce(kept, axis=axis, keepdims=keepdims is True), initial)

    return handler


def _logical(name: str, reduce: Callable[..., Any], identity: bool) -> Callable[..., Any]:
    def handler(a: Any, axis: Any = None, *, keepdims: Any = False, where: Any = True) -> Any:
        mask = _mask(name, a, where)
        truth = a if mask is None else ops.where(mask, ops.astype(a, bool), identity)
        return reduce(truth, axis=axis, keepdims=keepdims is True)

    return handler


def _count(a: Any, mask: Any, axis: Any) -> Any:
    """Return how many elements are left along `axis`, with the dimensions kept."""
    ones = ops.ones_like(a) if mask is None else ops.cast(ops.broadcast_to(mask, a.shape), a.dtype)
    return ops.sum(ops.real(ones), axis=axis, keepdims=True)


def _mean_of(a: Any, mask: Any, axis: Any) -> Any:
    return ops.sum(_chosen(a, mask, 0), axis=axis, keepdims=True) / _count(a, mask, axis)


def _final(y: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    """Drop the dimensions that were kept, unless they are wanted."""
    if keepdims is True:
        return y
    axes = reduced_axes("mean", a, axis)
    return ops.reshape(y, tuple([n for i, n in enumerate(a.shape) if i not in axes]))


def _inexact(a: Any, dtype: Any) -> Any:
    return ops.cast(a, ops.result_type(a, 1.0) if dtype is None else dtype)


def _mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, where: Any = True) -> Any:
    a = _inexact(a, dtype)
    return _final(_mean_of(a, _mask("mean", a, where), axis), a, axis, keepdims)


def _spread(name: str, root: bool) -> Callable[..., Any]:
    def handler(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        *,
        ddof: float = 0,
        keepdims: Any = False,
        where: Any = True,
        mean: Any = None,
        correction: Any = None,
    ) -> Any:
        a = _inexact(a, dtype)
        mask = _mask(name, a, where)
        center = mean if _said(mean) else _mean_of(a, mask, axis)
        off = _chosen(a - center, mask, 0)
        free = _count(a, mask, axis) - (correction if isinstance(correction, (int, float)) else ddof)
        free = ops.where(free > 0, free, math.nan)
        if root:
            # A norm has a derivative of 0 where everything is equal; the root of a sum of squares has none.
            axes = reduced_axes(name, a, axis)
            norm = import_module("funcnet.xp.linalg").vector_norm
            y = norm(off, axis=axes, keepdims=True) / ops.sqrt(free)
        else:
            y = ops.sum(ops.real(off * ops.conj(off)), axis=axis, keepdims=True) / free
        return _final(y, a, axis, keepdims)

    return handler


_sum = _summed("sum", ops.sum, ops.add, 0)
_prod = _summed("prod", ops.prod, ops.multiply, 1)
_max = _extreme("max", ops.max, ops.maximum)
_min = _extreme("min", ops.min, ops.minimum)
_all = _logical("all", ops.all, True)
_any = _logical("any", ops.any, False)

#: By the names in NumPy's main namespace, for calls with ``where=``, ``initial=`` or ``mean=``.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "all": _all,
    "amax": _max,
    "amin": _min,
    "any": _any,
    "max": _max,
    "mean": _mean,
    "min": _min,
    "prod": _prod,
    "std": _spread("std", True),
    "sum": _sum,
    "var": _spread("var", False),
}


def _logsumexp(a: Any, axis: Any = None, *, keepdims: Any = False, initial: Any = None, where: Any = True) -> Any:
    kept = _chosen(a, _mask("logaddexp.reduce", a, where), -math.inf)
    y = logsumexp(kept, axis=axis, keepdims=keepdims is True)
    return ops.logaddexp(y, initial) if _said(initial) else y


def _norm(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    axes = reduced_axes("hypot.reduce", a, axis)
    return import_module("funcnet.xp.linalg").vector_norm(a, axis=axes, keepdims=keepdims is True) if axes else a


def _folded(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the reduction of an operation that takes the first element and then the others from the left."""

    def handler(a: Any, axis: int = 0, *, keepdims: Any = False) -> Any:
        parts = ops.unstack(a, axis=axis)
        y = parts[0]
        for part in parts[1:]:
            y = f(y, part)
        return ops.reshape(y, kept_shape(tuple(a.shape), reduced_axes("reduce", a, axis))) if keepdims is True else y

    return handler


#: ``ufunc.reduce`` by the name of the universal function.
REDUCE: dict[str, Callable[..., Any]] = {
    "add": _sum,
    "divide": _folded(ops.divide),
    "hypot": _norm,
    "logaddexp": _logsumexp,
    "logical_and": _all,
    "logical_or": _any,
    "maximum": _max,
    "minimum": _min,
    "multiply": _prod,
    "power": _folded(ops.pow),
    "subtract": _folded(ops.subtract),
}


def reduceat(name: str, a: Any, indices: Any, axis: int = 0) -> Any:
    """Return ``ufunc.reduceat``: what each part comes to that begins at an index and ends at the next one.

    Where the next one is not larger, NumPy takes the element at the index alone.
    """
    x = ops.moveaxis(a, axis, 0)
    starts = np.asarray(indices)
    if (starts < 0).any():  # what is too large is refused where it is read
        raise IndexError(
            f"numpy.{name}.reduceat takes indices from 0 on; found {starts.min()}. Count it from the start: "
            f"{starts.min()} + x.shape[{axis}]."
        )
    stops = [*starts[1:], x.shape[0]]
    parts = [REDUCE[name](x[i:j], 0) if i < j else x[i] for i, j in zip(starts, stops, strict=True)]
    return ops.moveaxis(ops.stack(parts, axis=0), 0, axis)


def _running(combine: Callable[..., Any]) -> Callable[..., Any]:
    """Return what an associative operation comes to so far, in as many steps as the length has bits."""

    def handler(a: Any, axis: int = 0) -> Any:
        y, width = ops.moveaxis(a, axis, 0), 1
        while width < y.shape[0]:
            # Each element stands for `width` of them, and meets the one for those before: none is counted twice.
            y, width = ops.concat([y[:width], combine(y[width:], y[:-width])], axis=0), 2 * width
        return ops.moveaxis(y, 0, axis)

    return handler


#: ``ufunc.accumulate`` of what is no cumulative sum or product.
ACCUMULATE: dict[str, Callable[..., Any]] = {
    "logaddexp": _running(ops.logaddexp),
    "maximum": _running(ops.maximum),
    "minimum": _running(ops.minimum),
}


def _at(name: str, method: str) -> Callable[..., Any]:
    def update(a: Tracer, indices: Any, b: Any) -> None:
        b = array_of(b)
        assign(a, getattr(ops.at(a, array_of(indices) if isinstance(indices, list) else indices), method)(b), name)

    return update


#: ``ufunc.at`` by the name of the universal function, for a traced array to write to.
AT: dict[str, Callable[..., Any]] = {
    "add": _at("numpy.add.at", "add"),
    "maximum": _at("numpy.maximum.at", "max"),
    "minimum": _at("numpy.minimum.at", "min"),
    "multiply": _at("numpy.multiply.at", "multiply"),
    "subtract": _at("numpy.subtract.at", "subtract"),
}
