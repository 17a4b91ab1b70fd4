"""The standard's functions in NumPy's names and signatures: what `funcnet.xp.numpy_protocol` looks at first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import ops
from funcnet.core.dtypes import kind
from funcnet.ops.axes import reduced_axes
from funcnet.ops.methods import dot
from funcnet.xp.numpy_refusals import unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS", "UFUNCS"]

UFUNCS: dict[str, Callable[..., Any]] = {
    "absolute": ops.abs,
    "fabs": ops.abs,
    "arccos": ops.acos,
    "arccosh": ops.acosh,
    "arcsin": ops.asin,
    "arcsinh": ops.asinh,
    "arctan": ops.atan,
    "arctan2": ops.atan2,
    "arctanh": ops.atanh,
    "conjugate": ops.conj,
    "deg2rad": lambda x: ops.deg2rad(x),
    "degrees": lambda x: ops.rad2deg(x),
    "float_power": lambda x1, x2: ops.pow(
        *[ops.cast(x, np.result_type(x.dtype, float)) if hasattr(x, "shape") else x for x in (x1, x2)]
    ),
    "invert": ops.bitwise_invert,
    "left_shift": ops.bitwise_left_shift,
    "mod": ops.remainder,
    "power": ops.pow,
    "rad2deg": lambda x: ops.rad2deg(x),
    "radians": lambda x: ops.deg2rad(x),
    "right_shift": ops.bitwise_right_shift,
    "rint": ops.round,
    "true_divide": ops.divide,
}
for _name in (
    "add bitwise_and bitwise_or bitwise_xor ceil copysign cos cosh divide equal exp expm1 floor floor_divide greater "
    "greater_equal hypot isfinite isinf isnan less less_equal log log10 log1p log2 logaddexp logical_and logical_not "
    "logical_or logical_xor matmul maximum minimum multiply negative nextafter not_equal positive reciprocal remainder "
    "sign signbit sin sinh sqrt square subtract tan tanh trunc"
).split():
    UFUNCS[_name] = getattr(ops, _name)


def vecdot(x1: Any, x2: Any, /, axis: int = -1) -> Any:
    """Dot products along an axis that each array counts for itself, from the first dimension too."""
    if axis != -1:
        x1, x2 = ops.moveaxis(x1, axis, -1), ops.moveaxis(x2, axis, -1)
    return ops.vecdot(x1, x2)


UFUNCS["vecdot"] = vecdot


def _keepdims(keepdims: Any) -> bool:
    # NumPy passes a sentinel where the caller said nothing.
    return keepdims is True


def _reduction(function: Callable[..., Any], *, dtypes: bool) -> Callable[..., Any]:
    def handler(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False) -> Any:
        extra = {"dtype": dtype} if dtypes and dtype is not None else {}
        return function(a, axis=axis, keepdims=_keepdims(keepdims), **extra)

    return handler


def _extremum(function: Callable[..., Any]) -> Callable[..., Any]:
    def handler(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
        return function(a, axis=axis, keepdims=_keepdims(keepdims))

    return handler


def _mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False) -> Any:
    return ops.mean(a if dtype is None else ops.cast(a, dtype), axis=axis, keepdims=_keepdims(keepdims))


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def handler(
        a: Any, axis: Any = None, dtype: Any = None, *, ddof: float = 0, keepdims: Any = False, correction: Any = None
    ) -> Any:
        given = correction if isinstance(correction, (int, float)) else ddof
        return function(
            a if dtype is None else ops.cast(a, dtype), axis=axis, correction=given, keepdims=_keepdims(keepdims)
        )

    return handler


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    def handler(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
        x = a if dtype is None else ops.cast(a, dtype)
        return function(ops.reshape(x, (-1,)), axis=0) if axis is None else function(x, axis=axis)

    return handler


def _transpose(a: Any, axes: Any = None) -> Any:
    return ops.permute_dims(a, tuple(range(a.ndim))[::-1] if axes is None else tuple(axes))


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return ops.nonzero(condition) if x is None else ops.where(condition, x, y)


def _sort(a: Any, axis: int | None = -1, *, stable: bool | None = None, kind: Any = None) -> Any:  # noqa: ARG001  # order of equals only
    return ops.sort(ops.reshape(a, (-1,)), axis=0) if axis is None else ops.sort(a, axis=axis)


def _argsort(a: Any, axis: int | None = -1, *, stable: bool | None = None, kind: Any = None) -> Any:  # noqa: ARG001  # always stable
    return ops.argsort(ops.reshape(a, (-1,)), axis=0) if axis is None else ops.argsort(a, axis=axis)


def _concatenate(arrays: Any, axis: int | None = 0, *, dtype: Any = None) -> Any:
    joined = ops.concat(list(arrays), axis=axis)
    return joined if dtype is None else ops.cast(joined, dtype)


def _take(a: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Any:
    if mode != "raise":
        if mode not in ("clip", "wrap"):
            raise unsupported(f"numpy.take with mode={mode!r}")
        n = math.prod(a.shape) if axis is None else a.shape[axis]
        indices = indices if hasattr(indices, "shape") else np.asarray(indices)
        indices = ops.remainder(indices, n) if mode == "wrap" else ops.clip(indices, 0, n - 1)
    if isinstance(indices, int):
        if axis is None:
            return ops.reshape(a, (-1,))[indices]
        return ops.moveaxis(a, axis, 0)[indices, ...]
    return a.take(indices, axis=axis)


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    # A pair of numbers is one axis of each, which the standard writes as a pair of sequences.
    sides: Any = axes if isinstance(axes, int) else tuple([(i,) if isinstance(i, int) else i for i in axes])
    return ops.tensordot(a, b, axes=sides)


def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    return ops.repeat(a, repeats, axis=axis)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return ops.clip(a, a_min if min is None else min, a_max if max is None else max)


def _full_like(a: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    return ops.full_like(_of_shape(a, shape), fill_value, dtype=dtype)


def _of_shape(a: Any, shape: Any) -> Any:
    """Return an array of that shape and of the data type and library of `a`, if a shape is given."""
    if shape is None:
        return a
    one = a[(0,) * len(a.shape)] if a.size else ops.sum(a)
    return ops.broadcast_to(ops.zeros_like(one), (shape,) if isinstance(shape, int) else tuple(shape))


def _filled_like(function: Callable[..., Any]) -> Callable[..., Any]:
    def handler(a: Any, dtype: Any = None, *, shape: Any = None) -> Any:
        return function(_of_shape(a, shape), dtype=dtype)

    return handler


def _expand_dims(a: Any, axis: Any) -> Any:
    return ops.expand_dims(a, axis=axis)


def _squeeze(a: Any, axis: Any = None) -> Any:
    return a.squeeze(axis)


def _round(a: Any, decimals: int = 0) -> Any:
    return round(a, decimals)


def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    return ops.roll(a, shift, axis=axis)


def _flip(m: Any, axis: Any = None) -> Any:
    return ops.flip(m, axis=axis)


def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: None = None,
) -> Any:
    if axis is not None:
        raise unsupported("numpy.unique with axis=")
    if not (return_index or return_inverse or return_counts):
        return ops.unique_values(ar)
    values, index, inverse, counts = ops.unique_all(ar)
    extra = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    return (values, *[result for wanted, result in extra if wanted])


def _searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    return ops.searchsorted(a, v, side=side, sorter=sorter)


def _count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return ops.count_nonzero(a, axis=axis, keepdims=keepdims)


def _said(option: Any) -> bool:
    # NumPy passes a sentinel where the caller said nothing.
    return option is not None and option.__class__.__name__ != "_NoValueType"


def _edge(a: Any, value: Any, axis: int) -> Any:
    if getattr(value, "shape", ()):
        return value
    first = ops.moveaxis(ops.moveaxis(a, axis, 0)[:1], 0, axis)
    return ops.full_like(first, 0) + value


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    edges = {name: _edge(a, v, axis) for name, v in (("prepend", prepend), ("append", append)) if _said(v)}
    return ops.diff(a, n=n, axis=axis, **edges)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "all": _extremum(ops.all),
    "amax": _extremum(ops.max),
    "amin": _extremum(ops.min),
    "any": _extremum(ops.any),
    "argmax": _extremum(ops.argmax),
    "argmin": _extremum(ops.argmin),
    "argsort": _argsort,
    "around": _round,
    "broadcast_arrays": lambda *arrays: ops.broadcast_arrays(
        *[a if hasattr(a, "shape") else np.asarray(a) for a in arrays]
    ),
    "broadcast_to": lambda array, shape: ops.broadcast_to(array, (shape,) if isinstance(shape, int) else tuple(shape)),
    "clip": _clip,
    "concatenate": _concatenate,
    "copy": lambda a: a.copy(),
    "count_nonzero": _count_nonzero,
    "cumprod": _cumulative(ops.cumulative_prod),
    "cumsum": _cumulative(ops.cumulative_sum),
    "diff": _diff,
    "dot": dot,
    "empty_like": _filled_like(ops.empty_like),
    "expand_dims": _expand_dims,
    "flip": _flip,
    "full_like": _full_like,
    "imag": lambda val: val.imag,
    "iscomplexobj": lambda x: kind(x.dtype) == "c",
    "isrealobj": lambda x: kind(x.dtype) != "c",
    "matrix_transpose": lambda x: x.mT,
    "max": _extremum(ops.max),
    "mean": _mean,
    "min": _extremum(ops.min),
    "moveaxis": lambda a, source, destination: ops.moveaxis(a, source, destination),
    "ndim": lambda a: a.ndim,
    "nonzero": lambda a: ops.nonzero(a),
    "ones_like": _filled_like(ops.ones_like),
    "permute_dims": _transpose,
    "prod": _reduction(ops.prod, dtypes=True),
    "ravel": lambda a, order="C": a.ravel(order),
    "real": lambda val: val.real,
    "repeat": _repeat,
    "reshape": lambda a, shape, order="C": a.reshape(shape, order=order),
    "roll": _roll,
    "round": _round,
    "searchsorted": _searchsorted,
    "shape": lambda a: tuple(a.shape),
    "size": lambda a, axis=None: math.prod([a.shape[i] for i in reduced_axes("size", a, axis)]),
    "sort": _sort,
    "squeeze": _squeeze,
    "stack": lambda arrays, axis=0: ops.stack(list(arrays), axis=axis),
    "std": _spread(ops.std),
    "sum": _reduction(ops.sum, dtypes=True),
    "take": _take,
    "take_along_axis": lambda arr, indices, axis=-1: ops.take_along_axis(arr, indices, axis=axis),
    "tensordot": _tensordot,
    "tile": lambda A, reps: ops.tile(A, (reps,) if isinstance(reps, int) else tuple(reps)),  # noqa: N803  # NumPy's name
    "transpose": _transpose,
    "tril": lambda m, k=0: ops.tril(m, k=k),
    "triu": lambda m, k=0: ops.triu(m, k=k),
    "unique": _unique,
    "unstack": lambda x, axis=0: ops.unstack(x, axis=axis),
    "var": _spread(ops.var),
    "where": _where,
    "zeros_like": _filled_like(ops.zeros_like),
}
