"""NumPy's functions on traced arrays: the ``__array_ufunc__`` and ``__array_function__`` protocols (NEP 13 and 18).

Each NumPy function that the standard has a counterpart for is given here in NumPy's signature. The others are refused
by name: falling back on NumPy would drop the derivative.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from funcnet import ops
from funcnet.core import Tracer
from funcnet.core.dtypes import is_inexact, kind
from funcnet.ops.lists import array_of
from funcnet.ops.methods import assign
from funcnet.ops.native import native_dtype
from funcnet.xp.numpy_lists import with_arrays, with_native_dtypes
from funcnet.xp.numpy_refusals import receives, unsupported
from funcnet.xp.numpy_standard import FUNCTIONS, UFUNCS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["array_function", "array_ufunc", "counterpart"]

#: Options by which a reduction takes a part of the elements, or more than them.
_PARTIAL = frozenset(("initial", "mean", "where"))
_MODULES = ("numpy", "cupy", "numpy.lib.stride_tricks")
_LINALG = ("numpy.linalg", "cupy.linalg")
#: Reductions without options, which are most of them; the others are in a table that is loaded when it is needed.
_REDUCE: dict[str, Callable[..., Any]] = {
    "add": ops.sum,
    "maximum": ops.max,
    "minimum": ops.min,
    "multiply": ops.prod,
}
_ACCUMULATE: dict[str, Callable[..., Any]] = {"add": ops.cumulative_sum, "multiply": ops.cumulative_prod}


def array_ufunc(
    self: Tracer,
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
        if function is None or (where is not True and (out is None or ufunc.nout > 1)):
            raise unsupported(f"numpy.{name}" + ("" if where is True else " with where="))
        along = {"axis": kwargs.pop("axis")} if name == "vecdot" and "axis" in kwargs else {}
        if along:
            function = partial(function, **along)
        result = _applied(f"numpy.{name}", function, self, [array_of(x) for x in inputs], kwargs)
        if where is not True:
            result = ops.where(where, result, out[0])
    elif method == "reduce" and where is True and name in _REDUCE and kwargs.keys() <= {"axis"}:
        result = _REDUCE[name](inputs[0], axis=kwargs.get("axis", 0))
    elif method == "reduce":
        result = _reduced(f"numpy.{name}.reduce", _partial("REDUCE").get(name), inputs[0], where, kwargs)
    elif where is not True:
        raise unsupported(f"numpy.{name}.{method} with where=")
    elif method == "accumulate" and (handler := _ACCUMULATE.get(name) or _partial("ACCUMULATE").get(name)):
        result = handler(inputs[0], axis=kwargs.pop("axis", 0))
        _refuse_options(f"numpy.{name}.accumulate", {k: v for k, v in kwargs.items() if v is not None}, ())
    elif method == "reduceat" and name in _partial("REDUCE") and kwargs.keys() <= {"axis"}:
        result = import_module("funcnet.xp.numpy_partial").reduceat(name, *inputs, **kwargs)
    elif method == "outer" and name in UFUNCS:
        a, b = map(array_of, inputs)
        a = ops.reshape(a, (*a.shape, *(1,) * len(b.shape)))
        result = _applied(f"numpy.{name}.outer", UFUNCS[name], self, [a, b], kwargs)
    elif method == "at" and name in _partial("AT"):
        if inputs[0].__class__ is not Tracer:
            raise receives(inputs[0])
        return _partial("AT")[name](*inputs)
    else:
        raise unsupported(f"numpy.{name}.{method}")
    if out is None:
        return result
    if ufunc.nout == 1 or method != "__call__":
        return _received(out[0] if isinstance(out, tuple) else out, result)
    return tuple([y if target is None else _received(target, y) for target, y in zip(out, result, strict=True)])


def _applied(name: str, function: Callable[..., Any], like: Tracer, inputs: list[Any], kwargs: dict[str, Any]) -> Any:
    """Apply a universal function in the data type ``dtype=``: NumPy converts numbers before it, not only the result."""
    dtype = kwargs.pop("dtype", None)
    _refuse_options(name, kwargs, ("casting", "order", "subok"))
    if dtype is None:
        return function(*inputs)
    dtype = native_dtype(like, dtype)
    if is_inexact(dtype):
        inputs = [_converted(x, dtype, whole=name == "numpy.ldexp") if hasattr(x, "dtype") else x for x in inputs]
    result = function(*inputs)
    return tuple([ops.cast(y, dtype) for y in result]) if isinstance(result, tuple) else ops.cast(result, dtype)


def _converted(x: Any, dtype: Any, *, whole: bool) -> Any:
    if whole and not is_inexact(x.dtype):
        return x  # an exponent of ldexp
    # Of complex numbers a real data type is that of the result, as in numpy.absolute.
    return ops.cast(x, ops.result_type(x.dtype, dtype) if kind(x.dtype) == "c" else dtype)


def _received(target: Any, result: Any) -> Any:
    """Write a result to the traced array that ``out=`` names."""
    if target.__class__ is not Tracer:
        raise receives(target)
    assign(target, result if result.__class__ is Tracer else ops.full_like(target, 0) + result, "out=")
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
            return result if out is None else _received(out, result)
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
    args, kwargs = with_native_dtypes(function.__name__, args, kwargs)
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
        FUNCTIONS.get(name)
        or import_module("funcnet.xp.numpy_extras").FUNCTIONS.get(name)
        or import_module("funcnet.xp.numpy_further").FUNCTIONS.get(name)
    )


def _refuse_options(name: str, given: dict[str, Any], ignored: tuple[str, ...]) -> None:
    for option in given:
        if option not in ignored:
            raise unsupported(f"{name} with {option}=")
