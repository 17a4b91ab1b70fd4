"""NumPy's functions on traced arrays whose counterparts are beyond the standard, in NumPy's signatures.

`funcnet.xp.numpy_protocol` loads this table when NumPy calls a function that it does not have itself; each counterpart
is loaded at its first use.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import ops
from funcnet.ops import extras
from funcnet.ops.methods import assign
from funcnet.xp.numpy_refusals import unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS"]


def _renamed(name: str, *parameters: str, **defaults: Any) -> Callable[..., Any]:
    """Return NumPy's form of an extra: the first parameters by place or name, the others by the names given.

    `parameters` are NumPy's names in order; ``numpy:ours`` renames one, ``numpy/`` passes it by place.
    """
    order = [p.partition(":")[0].rstrip("/") for p in parameters]
    ours = {p.partition(":")[0]: p.partition(":")[2] or p for p in parameters if not p.endswith("/")}
    placed = [p.rstrip("/") for p in parameters if p.endswith("/")]

    def handler(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(order):
            raise unsupported(f"numpy.{name} with {len(args)} arguments by place")
        given = dict(zip(order, args, strict=False))
        for key, value in kwargs.items():
            if key not in order or key in given:
                raise unsupported(f"numpy.{name} with {key}=")
            given[key] = value
        # NumPy passes a sentinel where the caller said nothing.
        given = {k: v for k, v in given.items() if v.__class__.__name__ != "_NoValueType"}
        places = [given.pop(k) for k in placed if k in given]
        return getattr(extras, name)(*places, **{ours[k]: v for k, v in given.items()}, **defaults)

    return handler


def _mean_like(name: str) -> Callable[..., Any]:
    """Return NumPy's form of a reduction that takes a data type to compute in."""
    plain = _renamed(name, "a/", "axis", "keepdims")

    def handler(a: Any, axis: Any = None, dtype: Any = None, **kwargs: Any) -> Any:
        return plain(a if dtype is None else ops.cast(a, dtype), axis, **kwargs)

    return handler


def _spread_like(name: str) -> Callable[..., Any]:
    plain = _renamed(name, "a/", "axis", "ddof:correction", "keepdims", "correction")

    def handler(a: Any, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, **kwargs: Any) -> Any:
        if isinstance(kwargs.get("correction"), (int, float)):
            ddof = kwargs["correction"]
        kwargs.pop("correction", None)
        return plain(a if dtype is None else ops.cast(a, dtype), axis, ddof, **kwargs)

    return handler


def _quantile(name: str) -> Callable[..., Any]:
    return _renamed(name, "a/", "q/", "axis", "method", "keepdims")


def _pad(array: Any, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Any:
    if isinstance(pad_width, dict):
        ndim = len(array.shape)
        widths = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            widths[axis] = (width, width) if isinstance(width, int) else tuple(width)
        pad_width = widths
    for option in kwargs:
        if option != "constant_values":
            raise unsupported(f"numpy.pad with {option}=")
    return extras.pad(array, pad_width, mode, **kwargs).copy()


def _nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    y = extras.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
    if copy:
        return y
    assign(x, y, "copy=False")
    return x


def _cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: float | None = None,
    fweights: Any = None,
    aweights: Any = None,
) -> Any:
    correction = (0 if bias else 1) if ddof is None else ddof
    return extras.cov(m, y, rowvar=rowvar, correction=correction, fweights=fweights, aweights=aweights)


def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    return extras.gradient(f, *varargs, axis=axis, edge_order=edge_order)


def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return a.diagonal(offset, axis1, axis2)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    return ops.sum(_diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


def _diag(v: Any, k: int = 0) -> Any:
    if len(v.shape) == 2:
        return _diagonal(v, k)
    n = v.shape[0] + abs(k)
    # One row of the result after the other: n + 1 places lie between neighbours on a diagonal.
    first = k if k >= 0 else -k * n
    return ops.reshape(
        ops.index_set(ops.zeros_like(ops.broadcast_to(v[:1], (n * n,))), slice(first, n * (n - max(k, 0)), n + 1), v),
        (n, n),
    )


def _angle(z: Any, deg: bool = False) -> Any:
    y = extras.angle(z)
    return extras.rad2deg(y) if deg else y


def _scalar(name: str) -> Callable[..., Any]:
    def handler(*args: Any, **kwargs: Any) -> bool:
        names = ("rtol", "atol", "equal_nan") if name == "allclose" else ("equal_nan",)
        return bool(getattr(extras, name)(*args[:2], **dict(zip(names, args[2:], strict=False)), **kwargs))

    return handler


def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    largest = int(ops.max(x)) + 1 if x.shape[0] else 0
    # NumPy adds weights in double precision.
    values = ops.ones_like(x) if weights is None else ops.cast(weights, np.dtype(float))
    return extras.segment_sum(values, x, num_segments=largest if largest > minlength else minlength)


def _linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    y = ops.linspace(start, stop, num, endpoint=endpoint, dtype=dtype)
    y = ops.moveaxis(y, 0, axis) if axis else y
    return (y, (stop - start) / (num - 1 if endpoint else num)) if retstep else y


def _histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> tuple[Any, Any]:
    return extras.histogram(a, bins, range=range, weights=weights, density=bool(density))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "allclose": _scalar("allclose"),
    "angle": _angle,
    "append": _renamed("append", "arr/", "values/", "axis"),
    "argwhere": lambda a: ops.stack(list(ops.nonzero(a)), axis=1),
    "array_equal": _scalar("array_equal"),
    "array_split": _renamed("array_split", "ary/", "indices_or_sections/", "axis"),
    "atleast_1d": lambda *xs: _each(extras.atleast_1d, xs),
    "atleast_2d": lambda *xs: _each(extras.atleast_2d, xs),
    "atleast_3d": lambda *xs: _each(extras.atleast_3d, xs),
    "average": lambda a, axis=None, weights=None, returned=False, *, keepdims=False: _average(
        a, axis, weights, returned, keepdims is True
    ),
    "bincount": _bincount,
    "block": _renamed("block", "arrays/"),
    "column_stack": lambda tup: extras.column_stack(list(tup)),
    "convolve": _renamed("convolve", "a/", "v/", "mode"),
    "corrcoef": _renamed("corrcoef", "x/", "y/", "rowvar"),
    "cov": _cov,
    "delete": _renamed("delete", "arr/", "obj/", "axis"),
    "diag": _diag,
    "diagonal": _diagonal,
    "dsplit": lambda ary, indices_or_sections: extras.split(ary, indices_or_sections, axis=2),
    "dstack": lambda tup: extras.dstack(list(tup)),
    # NumPy's default contracts all arrays at once; here it is two at a time, in a cheap order unless told otherwise.
    "einsum": lambda *operands, optimize=True: extras.einsum(*operands, optimize=optimize),
    "flatnonzero": lambda a: ops.nonzero(extras.ravel(a))[0],
    "fliplr": lambda m: ops.flip(m, axis=1),
    "flipud": lambda m: ops.flip(m, axis=0),
    "gradient": _gradient,
    "histogram": _histogram,
    "hsplit": lambda ary, indices_or_sections: extras.split(
        ary, indices_or_sections, axis=1 if len(ary.shape) > 1 else 0
    ),
    "hstack": lambda tup: extras.hstack(list(tup)),
    "inner": _renamed("inner", "a/", "b/"),
    "insert": _renamed("insert", "arr/", "obj/", "values/", "axis"),
    "interp": _renamed("interp", "x/", "xp/", "fp/", "left", "right", "period"),
    "isclose": _renamed("isclose", "a/", "b/", "rtol", "atol", "equal_nan"),
    "kron": _renamed("kron", "a/", "b/"),
    "meshgrid": lambda *xi, indexing="xy", copy=True, sparse=False: _grid(xi, indexing, sparse, copy),
    "linspace": _linspace,
    "median": _renamed("median", "a/", "axis", "keepdims"),
    "nan_to_num": _nan_to_num,
    "nanmax": _renamed("nanmax", "a/", "axis", "keepdims"),
    "nanmean": _mean_like("nanmean"),
    "nanmedian": _renamed("nanmedian", "a/", "axis", "keepdims"),
    "nanmin": _renamed("nanmin", "a/", "axis", "keepdims"),
    "nanprod": _mean_like("nanprod"),
    "nanstd": _spread_like("nanstd"),
    "nansum": _mean_like("nansum"),
    "nanvar": _spread_like("nanvar"),
    "outer": _renamed("outer", "a/", "b/"),
    "pad": _pad,
    "percentile": _quantile("percentile"),
    "polyval": _renamed("polyval", "p/", "x/"),
    "ptp": lambda a, axis=None, *, keepdims=False: (
        ops.max(a, axis=axis, keepdims=keepdims is True) - ops.min(a, axis=axis, keepdims=keepdims is True)
    ),
    "quantile": _quantile("quantile"),
    "rot90": _renamed("rot90", "m/", "k", "axes"),
    "select": _renamed("select", "condlist/", "choicelist/", "default"),
    "sinc": _renamed("sinc", "x/"),
    "split": _renamed("split", "ary/", "indices_or_sections/", "axis"),
    "swapaxes": _renamed("swapaxes", "a/", "axis1/", "axis2/"),
    "trace": _trace,
    "trapezoid": _renamed("trapezoid", "y/", "x/", "dx", "axis"),
    "vander": _renamed("vander", "x/", "N:n", "increasing"),
    "vdot": lambda a, b: ops.sum(ops.multiply(ops.conj(extras.ravel(a)), extras.ravel(b))),
    "vsplit": lambda ary, indices_or_sections: extras.split(ary, indices_or_sections, axis=0),
    "vstack": lambda tup: extras.vstack(list(tup)),
}


def _each(function: Callable[..., Any], arrays: tuple[Any, ...]) -> Any:
    return function(arrays[0]) if len(arrays) == 1 else tuple([function(a) for a in arrays])


def _average(a: Any, axis: Any, weights: Any, returned: bool, keepdims: bool) -> Any:
    if weights is None:
        average = ops.mean(a, axis=axis, keepdims=keepdims)
        if not returned:
            return average
        total = math.prod(a.shape) / max(math.prod(average.shape), 1)
        return average, ops.full_like(average, total)
    if tuple(weights.shape) != tuple(a.shape):
        place = axis % len(a.shape)
        weights = ops.reshape(weights, (-1,) + (1,) * (len(a.shape) - 1 - place))
    total = ops.sum(ops.multiply(weights, ops.ones_like(a)), axis=axis, keepdims=keepdims)
    average = ops.divide(ops.sum(ops.multiply(a, weights), axis=axis, keepdims=keepdims), total)
    return (average, total) if returned else average


def _grid(xi: tuple[Any, ...], indexing: str, sparse: bool, copy: bool) -> list[Any]:
    if copy and not sparse:
        return list(ops.meshgrid(*xi, indexing=indexing))
    places = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        places[:2] = [1, 0]
    apart = [
        ops.reshape(x, tuple([-1 if i == place else 1 for i in range(len(xi))]))
        for x, place in zip(xi, places, strict=True)
    ]
    if copy:
        return [a.copy() for a in apart]
    return apart if sparse else list(ops.broadcast_arrays(*apart))
