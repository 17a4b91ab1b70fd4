"""NumPy's functions on traced arrays that have no counterpart, as compositions of funcnet's, in NumPy's signatures.

`funcnet.xp.numpy_protocol` loads this table last. What numbers NumPy only looks at, such as a data type, is answered
here as well.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import ops
from funcnet.core import Tracer
from funcnet.core.dtypes import kind
from funcnet.errors import ShapeError
from funcnet.ops import extras
from funcnet.ops.lists import array_of
from funcnet.ops.methods import assign
from funcnet.ops.views import View, viewed
from funcnet.xp import numpy_linalg
from funcnet.xp.numpy_extras import FUNCTIONS as EXTRAS
from funcnet.xp.numpy_polynomials import POLYNOMIALS
from funcnet.xp.numpy_protocol import counterpart
from funcnet.xp.numpy_refusals import receives, unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS", "UFUNCS"]

_LN2 = math.log(2.0)


def _known(name: str) -> Callable[..., Any]:
    handler = counterpart(name)
    assert handler is not None
    return handler


# Universal functions


def _fmax(x1: Any, x2: Any) -> Any:
    return ops.where(ops.isnan(x1), x2, ops.where(ops.isnan(x2), x1, ops.maximum(x1, x2)))


def _fmin(x1: Any, x2: Any) -> Any:
    return ops.where(ops.isnan(x1), x2, ops.where(ops.isnan(x2), x1, ops.minimum(x1, x2)))


def _fmod(x1: Any, x2: Any) -> Any:
    # The sign of the dividend, where `remainder` has that of the divisor.
    negative = ops.less(x1, 0)
    # Python's `abs`: a number alone would become one of the default precision.
    rest = ops.remainder(ops.where(negative, -x1, x1), abs(x2))
    return ops.where(negative, -rest, rest)


def _heaviside(x1: Any, x2: Any) -> Any:
    step = ops.where(ops.less(x1, 0), ops.zeros_like(x1), ops.where(ops.greater(x1, 0), ops.ones_like(x1), x2))
    return ops.where(ops.isnan(x1), x1, step)


def _modf(x: Any) -> tuple[Any, Any]:
    whole = ops.trunc(x)
    return ops.where(ops.isinf(x), ops.zeros_like(x), x - whole), whole


def _ldexp(x1: Any, x2: Any) -> Any:
    return ops.multiply(x1, ops.pow(2.0, ops.cast(x2, x1.dtype) if hasattr(x2, "dtype") else float(x2)))


UFUNCS: dict[str, Callable[..., Any]] = {
    "divmod": lambda x1, x2: (ops.floor_divide(x1, x2), ops.remainder(x1, x2)),
    "fmax": _fmax,
    "fmin": _fmin,
    "fmod": _fmod,
    "heaviside": _heaviside,
    "ldexp": _ldexp,
    "logaddexp2": lambda x1, x2: ops.logaddexp(x1 * _LN2, x2 * _LN2) / _LN2,
    "matvec": lambda x1, x2: ops.matmul(x1, x2[..., None])[..., 0],
    "modf": _modf,
    "vecmat": lambda x1, x2: ops.matmul(ops.conj(x1)[..., None, :], x2)[..., 0, :],
}


# Functions along axes


def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    axis %= len(arr.shape)
    moved = ops.moveaxis(arr, axis, -1)
    lead = tuple(moved.shape[:-1])
    rows = ops.reshape(moved, (-1, moved.shape[-1]))
    parts = [func1d(rows[i], *args, **kwargs) for i in range(rows.shape[0])]
    parts = [part if hasattr(part, "shape") else ops.full_like(rows[0, 0], part) for part in parts]
    inner = tuple(parts[0].shape)
    y = ops.reshape(ops.stack(parts, axis=0), lead + inner)
    places = range(len(lead), len(lead) + len(inner))
    return ops.moveaxis(y, tuple(places), tuple(range(axis, axis + len(inner))))


def _apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    ndim = len(a.shape)
    for axis in (axes,) if isinstance(axes, int) else tuple(axes):
        reduced = func(a, axis % ndim)
        a = reduced if len(reduced.shape) == ndim else ops.expand_dims(reduced, axis=axis % ndim)
    return a


def _nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,  # noqa: ARG001  # taken out by the caller
    overwrite_input: bool = False,  # noqa: ARG001  # a permission
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
    interpolation: Any = None,
) -> Any:
    if method != "linear" or weights is not None or interpolation is not None:
        raise unsupported("numpy.nanquantile with another method than 'linear', or weights")
    ndim = len(a.shape)
    axes = range(ndim) if axis is None else [i % ndim for i in ((axis,) if isinstance(axis, int) else axis)]
    kept = [i for i in range(ndim) if i not in axes]
    x = ops.reshape(ops.permute_dims(a, (*kept, *axes)), (*[a.shape[i] for i in kept], -1))
    # NaN comes last.
    ordered, count = ops.sort(x, axis=-1), ops.sum(ops.cast(~ops.isnan(x), x.dtype), axis=-1)
    levels = q if hasattr(q, "shape") else np.asarray(q, dtype=np.dtype(float))
    shape = tuple(levels.shape)
    place = ops.multiply(ops.reshape(levels, (-1,)), ops.expand_dims(count - 1, axis=-1))
    below = ops.floor(place)
    index = ops.cast(ops.maximum(below, 0.0), np.dtype(np.int64))
    above = ops.cast(ops.maximum(ops.ceil(place), 0.0), np.dtype(np.int64))
    low, high = ops.take_along_axis(ordered, index, axis=-1), ops.take_along_axis(ordered, above, axis=-1)
    y = low + (high - low) * ops.cast(place - below, x.dtype)
    y = ops.reshape(ops.moveaxis(y, -1, 0), (*shape, *[a.shape[i] for i in kept]))
    if keepdims is True:
        y = ops.reshape(y, (*shape, *[n if i in kept else 1 for i, n in enumerate(a.shape)]))
    return y


def _nanpercentile(a: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
    return _nanquantile(a, ops.divide(q, 100.0) if isinstance(q, Tracer) else np.asarray(q) / 100.0, *args, **kwargs)


def _without_nan(function: str, fill: float) -> Callable[..., Any]:
    def handler(a: Any, axis: int | None = None, **options: Any) -> Any:
        given = {name: value for name, value in options.items() if value.__class__.__name__ != "_NoValueType"}
        filled = ops.where(ops.isnan(a), ops.full_like(a, fill), a)
        return _known(function)(filled, axis, **given)

    return handler


def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    parts = [to_begin, ops.diff(extras.ravel(ary)), to_end]
    ends = [extras.ravel(p) if hasattr(p, "shape") else extras.ravel(np.asarray(p)) for p in parts if p is not None]
    return ops.concat([ops.cast(p, ary.dtype) for p in ends], axis=0)


def _unwrap(p: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * math.pi) -> Any:
    step = ops.diff(p, axis=axis)
    turned = ops.remainder(step + period / 2, period) - period / 2
    turned = ops.where((turned == -period / 2) & (step > 0), ops.full_like(turned, period / 2), turned)
    jump = ops.where(ops.abs(step) < (period / 2 if discont is None else discont), ops.zeros_like(step), turned - step)
    first = ops.zeros_like(ops.moveaxis(ops.moveaxis(p, axis, 0)[:1], 0, axis))
    return p + ops.concat([first, ops.cumulative_sum(jump, axis=axis)], axis=axis)


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    axisa, axisb, axisc = (axis,) * 3 if axis is not None else (axisa, axisb, axisc)
    c = numpy_linalg.FUNCTIONS["cross"](ops.moveaxis(a, axisa, -1), ops.moveaxis(b, axisb, -1))
    return ops.moveaxis(c, -1, axisc)


# Writing into an array


def _target(a: Any) -> Any:
    if a.__class__ is not Tracer:
        raise receives(a)
    return a


def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:  # noqa: ARG001  # as assignment
    y = ops.broadcast_to(src, dst.shape) if hasattr(src, "shape") else ops.full_like(dst, src)
    assign(_target(dst), ops.cast(y if where is True else ops.where(where, y, dst), dst.dtype), "numpy.copyto")


def _putmask(a: Any, mask: Any, values: Any) -> None:
    if getattr(values, "shape", ()) not in ((), tuple(a.shape)):
        # In the order of the elements, again and again; not by broadcasting.
        values = _resize(values, tuple(a.shape))
    assign(_target(a), ops.cast(ops.where(mask, values, a), a.dtype), "numpy.putmask")


def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    if wrap or len(a.shape) != 2:
        raise unsupported("numpy.fill_diagonal of other than two dimensions, or with wrap=")
    n = min(a.shape)
    _target(a)[np.arange(n), np.arange(n)] = val


def _put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None = -1) -> None:
    if axis is None:
        raise unsupported("numpy.put_along_axis with axis=None")
    axis %= len(arr.shape)
    grid = [np.arange(n).reshape([-1 if i == j else 1 for j in range(len(arr.shape))]) for i, n in enumerate(arr.shape)]
    _target(arr)[tuple([indices if i == axis else g for i, g in enumerate(grid)])] = values


def _put(a: Any, ind: Any, v: Any) -> None:
    places = ind if hasattr(ind, "shape") else np.asarray(ind)
    values = _resize(array_of(v), tuple(places.shape)) if np.shape(v) else v
    _target(a).flat[places] = values


def _place(arr: Any, mask: Any, vals: Any) -> None:
    mask = mask if hasattr(mask, "shape") else np.asarray(mask)
    _target(arr)[mask] = _resize(array_of(vals), (int(ops.sum(ops.cast(mask, np.dtype(int)))),))


# Selecting and shaping


def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kwargs: Any) -> Any:
    # As NumPy tells them apart: a list of truths is one condition.
    several = isinstance(condlist, (list, tuple)) and (
        not x.shape or isinstance(condlist[0], (list, np.ndarray, Tracer))
    )
    conditions = [array_of(condition) for condition in condlist] if several else [array_of(condlist)]
    if len(funclist) == len(conditions) + 1:
        rest = conditions[0]
        for condition in conditions[1:]:
            rest = rest | condition
        conditions.append(~rest)
    y = ops.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        y[condition] = function(x[condition], *args, **kwargs) if callable(function) else function
    return y


def _choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    if mode != "raise":
        raise unsupported("numpy.choose with mode=")
    a = a if hasattr(a, "shape") else np.asarray(a)
    shape = np.broadcast_shapes(tuple(a.shape), *[np.shape(c) for c in choices])
    every = ops.stack([ops.broadcast_to(c, shape) for c in choices], axis=-1)
    return ops.take_along_axis(every, ops.expand_dims(ops.broadcast_to(a, shape), axis=-1), axis=-1)[..., 0]


def _compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    (places,) = ops.nonzero(condition) if isinstance(condition, Tracer) else np.nonzero(condition)
    return a.take(places, axis=axis)


def _lexsort(keys: Any, axis: int = -1) -> Any:
    order = None
    # The last key counts most, so it is sorted by last; equals keep their order.
    for key in ops.unstack(keys, axis=0) if hasattr(keys, "shape") else [array_of(key) for key in keys]:
        by = key if order is None else ops.take_along_axis(key, order, axis=axis)
        turn = ops.argsort(by, axis=axis)
        order = turn if order is None else ops.take_along_axis(order, turn, axis=axis)
    return order


def _digitize(x: Any, bins: Any, right: bool = False) -> Any:
    side = "left" if right else "right"
    if bool(bins[0] <= bins[-1]):
        return ops.searchsorted(bins, x, side=side)
    return bins.shape[0] - ops.searchsorted(ops.flip(bins), x, side="right" if right else "left")


def _isin(
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,  # noqa: ARG001  # a permission
    invert: bool = False,
    *,
    kind: Any = None,  # noqa: ARG001  # how to search
) -> Any:
    tests = test_elements if hasattr(test_elements, "shape") else np.asarray(test_elements)
    found = ops.any(ops.equal(ops.expand_dims(element, axis=-1), extras.ravel(tests)), axis=-1)
    return ~found if invert else found


def _floating(*numbers: Any) -> list[Any]:
    """Return numbers in double precision, in which NumPy takes Python's."""
    return [n if hasattr(n, "shape") else np.asarray(n, dtype=np.dtype(float)) for n in numbers]


def _geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    start, stop = _floating(start, stop)
    sign = ops.sign(start)
    exponents = EXTRAS["linspace"](ops.log(sign * start), ops.log(sign * stop), num, endpoint, False, None, 0)
    y = ops.moveaxis(sign * ops.exp(exponents), 0, axis)
    return y if dtype is None else ops.cast(y, dtype)


def _logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    start, stop, base = _floating(start, stop, base)
    y = ops.moveaxis(ops.pow(base, EXTRAS["linspace"](start, stop, num, endpoint, False, None, 0)), 0, axis)
    return y if dtype is None else ops.cast(y, dtype)


def _resize(a: Any, new_shape: Any) -> Any:
    shape = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    size, flat = math.prod(shape), extras.ravel(a)
    times = -(-size // flat.shape[0]) if flat.shape[0] else 0
    return ops.reshape(ops.tile(flat, (times,))[:size], shape).copy()


def _sliding_window_view(
    x: Any,
    window_shape: Any,
    axis: Any = None,
    *,
    subok: bool = False,  # noqa: ARG001  # says nothing here
    writeable: bool = False,
) -> Any:
    if writeable:
        raise unsupported("numpy.lib.stride_tricks.sliding_window_view with writeable=")
    windows = (window_shape,) if isinstance(window_shape, int) else tuple(window_shape)
    axes = range(len(x.shape)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if len(axes) != len(windows) or any(not 0 < w <= x.shape[a] for a, w in zip(axes, windows, strict=False)):
        raise ShapeError(
            "numpy.lib.stride_tricks.sliding_window_view got windows that do not fit.",
            found=f"windows {windows} along {tuple(axes)} of shape {tuple(x.shape)}",
            needed="a positive size for each axis, no larger than the array's",
        )
    return viewed(_windows(x, (windows, axes)), x, _WINDOWS, (windows, axes))


def _windows(x: Any, how: Any) -> Any:
    ndim = len(x.shape)
    for window, a in zip(*how, strict=True):
        places = np.arange(x.shape[a] - window + 1)[:, None] + np.arange(window)
        x = ops.moveaxis(x[(*[slice(None)] * (a % ndim), places)], a % ndim + 1, -1)
    return x


# An element is shown in several windows, so nothing can be put back.
_WINDOWS = View(_windows, None, lie=lambda x, how: np.lib.stride_tricks.sliding_window_view(x, *how))


def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    ndim = len(a.shape)
    axis, start = axis % ndim, start + ndim if start < 0 else start
    return ops.moveaxis(a, axis, start - 1 if axis < start else start)


def _isreal(x: Any) -> Any:
    return ops.equal(x.imag, 0) if kind(x.dtype) == "c" else ops.ones_like(x, dtype=np.dtype(bool))


def _types(args: tuple[Any, ...]) -> list[Any]:
    return [a.dtype if a.__class__ is Tracer else a for a in args]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **POLYNOMIALS,
    "apply_along_axis": _apply_along_axis,
    "apply_over_axes": _apply_over_axes,
    "argpartition": lambda a, kth, axis=-1, kind=None, order=None: _known("argsort")(a, axis),  # noqa: ARG005
    "array2string": lambda a, *_, **__: repr(a),
    "array_repr": lambda arr, *_, **__: repr(arr),
    "array_str": lambda a, *_, **__: repr(a),
    "astype": lambda x, dtype, copy=True, device=None: x.astype(dtype, copy=copy),  # noqa: ARG005
    "can_cast": lambda from_, to, **options: np.can_cast(*_types((from_, to)), **options),
    "choose": _choose,
    "common_type": lambda *arrays: np.common_type(*[np.empty(0, dtype=a.dtype) for a in arrays]),
    "compress": _compress,
    "copyto": _copyto,
    "correlate": lambda a, v, mode="valid": extras.convolve(a, ops.conj(ops.flip(v)), mode=mode),
    "cross": _cross,
    "cumulative_prod": lambda x, /, *, axis=None, dtype=None, include_initial=False: ops.cumulative_prod(
        x, axis=axis, dtype=dtype, include_initial=include_initial
    ),
    "cumulative_sum": lambda x, /, *, axis=None, dtype=None, include_initial=False: ops.cumulative_sum(
        x, axis=axis, dtype=dtype, include_initial=include_initial
    ),
    "diag_indices_from": lambda arr: tuple(np.arange(arr.shape[0]) for _ in arr.shape),
    "diagflat": lambda v, k=0: EXTRAS["diag"](extras.ravel(v), k),
    "digitize": _digitize,
    "ediff1d": _ediff1d,
    "extract": lambda condition, arr: extras.ravel(arr)[ops.nonzero(extras.ravel(condition))[0]],
    "fill_diagonal": _fill_diagonal,
    "fix": lambda x: ops.trunc(x),
    "geomspace": _geomspace,
    "i0": lambda x: import_module("funcnet.xp.special").i0(x),
    "iscomplex": lambda x: (
        ops.not_equal(x.imag, 0) if kind(x.dtype) == "c" else ops.zeros_like(x, dtype=np.dtype(bool))
    ),
    "isin": _isin,
    "isneginf": lambda x: ops.isinf(x) & (x < 0),
    "isposinf": lambda x: ops.isinf(x) & (x > 0),
    "isreal": _isreal,
    "lexsort": _lexsort,
    "logspace": _logspace,
    "min_scalar_type": lambda a: a.dtype,
    "nanargmax": _without_nan("argmax", -math.inf),
    "nanargmin": _without_nan("argmin", math.inf),
    "nancumprod": _without_nan("cumprod", 1.0),
    "nancumsum": _without_nan("cumsum", 0.0),
    "nanpercentile": _nanpercentile,
    "nanquantile": _nanquantile,
    # The whole order is one of those that are allowed.
    "partition": lambda a, kth, axis=-1, kind=None, order=None: _known("sort")(a, axis),  # noqa: ARG005
    "piecewise": _piecewise,
    "place": _place,
    "put": _put,
    "put_along_axis": _put_along_axis,
    "putmask": _putmask,
    "resize": _resize,
    "sliding_window_view": _sliding_window_view,
    "result_type": lambda *args: np.result_type(*_types(args)),
    "rollaxis": _rollaxis,
    "tril_indices_from": lambda arr, k=0: np.tril_indices(arr.shape[-2], k, arr.shape[-1]),
    "triu_indices_from": lambda arr, k=0: np.triu_indices(arr.shape[-2], k, arr.shape[-1]),
    "union1d": lambda ar1, ar2: ops.unique_values(ops.concat([extras.ravel(ar1), extras.ravel(ar2)])),
    "unique_all": lambda x: ops.unique_all(x),
    "unique_counts": lambda x: ops.unique_counts(x),
    "unique_inverse": lambda x: ops.unique_inverse(x),
    "unique_values": lambda x: ops.unique_values(x),
    "unwrap": _unwrap,
}
