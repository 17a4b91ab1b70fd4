"""NumPy's functions on traced arrays: the ``__array_ufunc__`` and ``__array_function__`` protocols (NEP 13 and 18).

Each NumPy function that the standard has a counterpart for is given here in NumPy's signature. The others are refused
by name: falling back on NumPy would drop the derivative.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from funcnet import ops
from funcnet.core import Tracer
from funcnet.core.dtypes import kind
from funcnet.core.frames import user_frame
from funcnet.errors import TracerConversionError, UnsupportedFunctionError
from funcnet.ops.methods import assign, dot
from funcnet.xp.numpy_lists import array_of, with_arrays

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UFUNCS", "array_function", "array_ufunc", "counterpart", "receives", "unsupported"]

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
    "float_power": ops.pow,
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
    "sign signbit sin sinh sqrt square subtract tan tanh trunc vecdot"
).split():
    UFUNCS[_name] = getattr(ops, _name)

#: Reductions without options, which are most of them; the others are in a table that is loaded when it is needed.
_REDUCE: dict[str, Callable[..., Any]] = {
    "add": ops.sum,
    "maximum": ops.max,
    "minimum": ops.min,
    "multiply": ops.prod,
}
_ACCUMULATE: dict[str, Callable[..., Any]] = {"add": ops.cumulative_sum, "multiply": ops.cumulative_prod}


def array_ufunc(
    self: Tracer,  # noqa: ARG001  # the protocol's signature
    ufunc: Any,
    method: str,
    *inputs: Any,
    out: Any = None,
    where: Any = True,
    **kwargs: Any,
) -> Any:
    """Apply the counterpart of a NumPy or CuPy universal function."""
    name = ufunc.__name__.removeprefix("cupy_")
    if method == "__call__":
        function = (
            UFUNCS.get(name)
            or import_module("funcnet.xp.numpy_special").ufunc(name)
            or import_module("funcnet.xp.numpy_further").UFUNCS.get(name)
        )
        if function is None or (where is not True and out is None):
            raise unsupported(f"numpy.{name}" + ("" if where is True else " with where="))
        dtype = kwargs.pop("dtype", None)
        _refuse_options(f"numpy.{name}", kwargs, ("casting", "order", "subok"))
        result = function(*[array_of(x) for x in inputs])
        if dtype is not None:
            result = ops.cast(result, dtype)
        if where is not True:
            result = ops.where(where, result, out[0])
    elif method == "reduce" and where is True and name in _REDUCE and kwargs.keys() <= {"axis"}:
        result = _REDUCE[name](inputs[0], axis=kwargs.get("axis", 0))
    elif method == "reduce":
        result = _reduced(f"numpy.{name}.reduce", _partial("REDUCE").get(name), inputs[0], where, kwargs)
    elif where is not True:
        raise unsupported(f"numpy.{name}.{method} with where=")
    elif method == "accumulate" and name in _ACCUMULATE:
        result = _ACCUMULATE[name](inputs[0], axis=kwargs.pop("axis", 0))
        _refuse_options(f"numpy.{name}.accumulate", {k: v for k, v in kwargs.items() if v is not None}, ())
    elif method == "outer" and name in UFUNCS:
        a, b = inputs
        result = UFUNCS[name](ops.reshape(a, (*a.shape, *(1,) * len(b.shape))), b)
    elif method == "at" and name in _partial("AT"):
        if inputs[0].__class__ is not Tracer:
            raise receives(inputs[0])
        return _partial("AT")[name](*inputs)
    else:
        raise unsupported(f"numpy.{name}.{method}")
    if out is None:
        return result
    target = out[0] if isinstance(out, tuple) else out
    if target.__class__ is not Tracer:
        raise receives(target)
    assign(target, result, "out=")
    return target


def _partial(table: str) -> dict[str, Callable[..., Any]]:
    return getattr(import_module("funcnet.xp.numpy_partial"), table)


def _reduced(name: str, handler: Callable[..., Any] | None, x: Any, where: Any, kwargs: dict[str, Any]) -> Any:
    """Apply ``ufunc.reduce``, which goes along the first axis where nothing is said."""
    options = {k: v for k, v in kwargs.items() if v is not None or k == "axis"}
    if where is not True:
        options["where"] = where
    if handler is None:
        raise unsupported(name)
    try:
        return handler(x, options.pop("axis", 0), **options)
    except TypeError as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise
        raise unsupported(f"{name} with {', '.join(f'{option}=' for option in options)}") from error


def array_function(self: Tracer, function: Any, types: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """Apply the counterpart of a NumPy function."""
    name = function.__name__
    if function.__module__ in _MODULES:
        handler = counterpart(name)
        if not _PARTIAL.isdisjoint(kwargs):
            handler = _partial("FUNCTIONS").get(name, handler)
        if handler is not None:
            out = kwargs.pop("out", None) if "out" in kwargs else None
            result = _called(handler, function, args, kwargs)
            if out is None:
                return result
            if out.__class__ is not Tracer:
                raise receives(out)
            assign(out, result, "out=")
            return out
    if function.__module__.startswith(_LINALG):
        handler = import_module("funcnet.xp.numpy_linalg").FUNCTIONS.get(name)
        if handler is not None:
            return _called(handler, function, args, kwargs)
    if function.__module__ in ("numpy.fft", "cupy.fft"):
        handler = import_module("funcnet.xp.numpy_special").FFT.get(name)
        if handler is not None and kwargs.get("out") is None:
            given = {option: value for option, value in kwargs.items() if option != "out"}
            return _called(handler, function, args, given)
    raise unsupported(f"{function.__module__}.{name}")


def _called(handler: Callable[..., Any], function: Any, args: Any, kwargs: Any) -> Any:
    # What only says how the result lies in memory.
    if "order" in kwargs or "subok" in kwargs:
        ordinary = kwargs.get("order") != "F" and function.__name__ not in ("ravel", "reshape")
        kwargs = {name: v for name, v in kwargs.items() if name != "subok" and not (ordinary and name == "order")}
    args, kwargs = with_arrays(function.__name__, args, kwargs)
    try:
        return handler(*args, **kwargs)
    except TypeError as error:
        # No frame below this one: the arguments were refused, not what the function did with them.
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise
        options = ", ".join(f"{option}=" for option in kwargs)
        raise unsupported(f"{function.__module__}.{function.__name__} with {options or 'so many arguments'}") from error


def counterpart(name: str) -> Callable[..., Any] | None:
    """Return what stands for a function of NumPy's main namespace, or None."""
    # Beyond the standard's functions, which are here, larger tables are loaded at their first use.
    return (
        _FUNCTIONS.get(name)
        or import_module("funcnet.xp.numpy_extras").FUNCTIONS.get(name)
        or import_module("funcnet.xp.numpy_further").FUNCTIONS.get(name)
    )


def receives(target: Any) -> TracerConversionError:
    return TracerConversionError(
        f"A plain array cannot receive traced values, in {user_frame()}.",
        found=f"{type(target).__module__}.{type(target).__qualname__} of shape {tuple(target.shape)}",
        needed="an array that the transformation follows",
        write="a = fn.lift(a) before the assignment; or a = xp.at(a, index).set(x)",
    )


_OUTSIDE = "return the array from the transformed function, and {} it outside"
_BINS = "xp.segment_sum(weights, xp.searchsorted(edges, x), num_segments=n), or xp.histogram over one dimension"
_INTEGERS = "numpy.{0}(fn.stop_gradient(x)); it has no derivative"
#: What to write in place of functions that people meet most.
_WRITE = {
    **{name: _INTEGERS.format(name) for name in ("bitwise_count", "frexp", "gcd", "lcm", "spacing", "unravel_index")},
    **{name: _OUTSIDE.format("save") for name in ("save", "savetxt", "savez", "savez_compressed")},
    "einsum_path": "funcnet.xp.einsum(..., optimize=True), which finds the order itself",
    "histogram2d": _BINS,
    "histogramdd": _BINS,
    "lexsort": "xp.argsort(x, stable=True), by the last key first",
    "shares_memory": "nothing: traced arrays share no memory that can be written to",
    "may_share_memory": "nothing: traced arrays share no memory that can be written to",
    "trim_zeros": "x[a:b], with bounds that do not depend on traced values",
}


def unsupported(name: str) -> UnsupportedFunctionError:
    return UnsupportedFunctionError(
        f"{name} cannot be traced, in {user_frame()}.",
        found="a function without a counterpart in the Array API standard",
        needed="a function of funcnet.xp, or a composition of them",
        write=_WRITE.get(name.partition(" ")[0].rpartition(".")[2])
        or "the same computation with funcnet.xp; fn.stop_gradient(x) where no derivative is wanted",
    )


def _refuse_options(name: str, given: dict[str, Any], ignored: tuple[str, ...]) -> None:
    for option in given:
        if option not in ignored:
            raise unsupported(f"{name} with {option}=")


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


def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    if isinstance(indices, int):
        if axis is None:
            return ops.reshape(a, (-1,))[indices]
        return ops.moveaxis(a, axis, 0)[indices, ...]
    return a.take(indices, axis=axis)


def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    return ops.repeat(a, repeats, axis=axis)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return ops.clip(a, a_min if min is None else min, a_max if max is None else max)


def _full_like(a: Any, fill_value: Any, dtype: Any = None) -> Any:
    return ops.full_like(a, fill_value, dtype=dtype)


def _filled_like(function: Callable[..., Any]) -> Callable[..., Any]:
    def handler(a: Any, dtype: Any = None) -> Any:
        return function(a, dtype=dtype)

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


#: Options by which a reduction takes a part of the elements, or more than them.
_PARTIAL = frozenset(("initial", "mean", "where"))
_MODULES = ("numpy", "cupy", "numpy.lib.stride_tricks")
_LINALG = ("numpy.linalg", "cupy.linalg")

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "all": _extremum(ops.all),
    "amax": _extremum(ops.max),
    "amin": _extremum(ops.min),
    "any": _extremum(ops.any),
    "argmax": _extremum(ops.argmax),
    "argmin": _extremum(ops.argmin),
    "argsort": _argsort,
    "around": _round,
    "broadcast_arrays": lambda *arrays: ops.broadcast_arrays(*arrays),
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
    "size": lambda a: a.size,
    "sort": _sort,
    "squeeze": _squeeze,
    "stack": lambda arrays, axis=0: ops.stack(list(arrays), axis=axis),
    "std": _spread(ops.std),
    "sum": _reduction(ops.sum, dtypes=True),
    "take": _take,
    "take_along_axis": lambda arr, indices, axis=-1: ops.take_along_axis(arr, indices, axis=axis),
    "tensordot": lambda a, b, axes=2: ops.tensordot(a, b, axes=axes),
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
