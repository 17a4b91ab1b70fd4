"""Operators, attributes and methods of traced arrays, attached to the tracer class."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends, ops
from funcnet.core import Tracer, owner, raw
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.absent import REFUSALS
from funcnet.ops.lists import array_of
from funcnet.ops.native import native_dtype, native_floating
from funcnet.ops.views import View, assigned, is_number, viewed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["assign", "dot"]

_BINARY = {
    "add": ops.add,
    "sub": ops.subtract,
    "mul": ops.multiply,
    "truediv": ops.divide,
    "floordiv": ops.floor_divide,
    "mod": ops.remainder,
    "pow": ops.pow,
    "matmul": ops.matmul,
    "and": ops.bitwise_and,
    "or": ops.bitwise_or,
    "xor": ops.bitwise_xor,
    "lshift": ops.bitwise_left_shift,
    "rshift": ops.bitwise_right_shift,
}
_COMPARISONS = {
    "eq": ops.equal,
    "ne": ops.not_equal,
    "lt": ops.less,
    "le": ops.less_equal,
    "gt": ops.greater,
    "ge": ops.greater_equal,
}
_UNARY = {"neg": ops.negative, "pos": ops.positive, "abs": ops.abs, "invert": ops.bitwise_invert}

# A lower position casts to a higher one in place, as with NumPy's "same_kind".
_KINDS = "buifc"


def _operand(value: Any) -> bool:
    cls = value.__class__
    return cls is Tracer or cls in (int, float, bool, complex) or backends.backend_of_type(cls) is not None


def _converted(self: Tracer, other: Any) -> Any:
    """Return an operand that is no array as one, which NumPy's arrays do with lists, or NotImplemented."""
    return array_of(other) if isinstance(other, (list, tuple)) and owner(raw(self)).name == "numpy" else NotImplemented


def _operator(function: Callable[..., Any]) -> Callable[..., Any]:
    def operator(self: Tracer, other: Any) -> Any:
        if other.__class__ is Tracer or _operand(other) or (other := _converted(self, other)) is not NotImplemented:
            return function(self, other)
        return NotImplemented

    return operator


def _reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    def operator(self: Tracer, other: Any) -> Any:
        if other.__class__ is Tracer or _operand(other) or (other := _converted(self, other)) is not NotImplemented:
            return function(other, self)
        return NotImplemented

    return operator


def _in_place(symbol: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def operator(self: Tracer, other: Any) -> Any:
        if not _operand(other) and (other := _converted(self, other)) is NotImplemented:
            return NotImplemented
        value = function(self, other)
        if not self.shape and is_number(self):
            return value
        assign(self, value, symbol)
        return self

    return operator


def assign(target: Tracer, value: Tracer, what: str) -> None:
    """Rebind `target` to `value`, which must have its shape and a dtype that casts to its dtype."""
    if tuple(value.shape) != tuple(target.shape):
        raise ShapeError(
            f"An in-place operation ({what}) cannot change the shape of an array.",
            found=f"{tuple(value.shape)}",
            needed=f"{tuple(target.shape)}, the shape of the array on the left",
            write="x = x + y in place of x += y",
        )
    if value.dtype != target.dtype:
        if _KINDS.index(kind(value.dtype)) > _KINDS.index(kind(target.dtype)):
            raise DtypeError(
                f"An in-place operation ({what}) cannot change the kind of number in an array.",
                found=f"{value.dtype} into {target.dtype}",
                needed="a result that casts to the array's dtype",
                write="x = x + y in place of x += y, or xp.astype(x, ...) before it",
            )
        value = ops.cast(value, target.dtype)
    assigned(target, value)


def _both_parts(x1: Any, x2: Any) -> tuple[Any, Any]:
    return ops.floor_divide(x1, x2), ops.remainder(x1, x2)


def _setitem(self: Tracer, key: Any, value: Any) -> None:
    assigned(self, ops.setitem(self, key, value))


def _round(self: Any, decimals: int | None = None, **options: Any) -> Any:
    if options:
        return np.round(self, decimals or 0, **options)
    if not decimals:
        return ops.round(self)
    scale = 10.0**decimals
    return ops.round(self * scale) / scale


_power = _operator(ops.pow)


def _pow(self: Tracer, other: Any, modulo: None = None) -> Any:
    return NotImplemented if modulo is not None else _power(self, other)


def _shape_arguments(args: tuple[Any, ...]) -> Any:
    return args[0] if len(args) == 1 and not isinstance(args[0], int) else args


def _reshape(self: Tracer, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
    wanted = _shape_arguments(shape)
    wanted = (wanted,) if isinstance(wanted, int) else tuple(wanted)
    if order == "F":
        return _transpose(ops.reshape(_transpose(self), wanted[::-1], copy=copy))
    # The other two are C's where the elements lie in that order.
    if order != "C" and not (order in ("A", "K") and _in_order(raw(self))):
        raise ParameterError(
            "Traced arrays are reshaped in an order that does not depend on how they lie in memory.",
            found=f"order={order!r}",
            needed="order='C' or order='F'",
            write="order='C'",
        )
    return ops.reshape(self, wanted, copy=copy)


def _in_order(x: Any) -> bool:
    flags = getattr(x, "flags", None)
    return flags is not None and flags.c_contiguous


def _transpose(self: Tracer, *axes: Any) -> Any:
    if not axes or axes == (None,):
        return ops.permute_dims(self, tuple(range(self.ndim))[::-1])
    return ops.permute_dims(self, tuple(_shape_arguments(axes)))


def _transposed(self: Tracer) -> Any:
    return _transpose(self)


def _swapaxes(self: Tracer, axis1: int, axis2: int) -> Any:
    axes = list(range(self.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return ops.permute_dims(self, tuple(axes))


def _ravel(self: Tracer, order: str = "C") -> Any:
    return _reshape(self, -1, order=order)


def _flatten(self: Tracer, order: str = "C") -> Any:
    # Always a copy, where `ravel` gives a view if it can.
    return _reshape(self, -1, order=order).copy()


def _conj(self: Tracer) -> Any:
    return ops.conj(self) if kind(self.dtype) == "c" else self


# Options that only NumPy's methods have (``where=``, ``initial=``, ``out=``) go to its functions, which know them here.


def _statistic(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Tracer, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, **options: Any) -> Any:
        if options:
            return getattr(np, function.__name__)(self, axis=axis, dtype=dtype, keepdims=keepdims, **options)
        extra = {} if dtype is None else {"dtype": native_dtype(self, dtype)}
        return function(self, axis=axis, keepdims=keepdims, **extra)

    return method


def _extremum(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Tracer, axis: Any = None, *, keepdims: bool = False, **options: Any) -> Any:
        if options:
            return getattr(np, function.__name__)(self, axis=axis, keepdims=keepdims, **options)
        return function(self, axis=axis, keepdims=keepdims)

    return method


def _mean(self: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, **options: Any) -> Any:
    if options:
        return np.mean(self, axis=axis, dtype=dtype, keepdims=keepdims, **options)
    x = native_floating(self) if dtype is None else ops.cast(self, native_dtype(self, dtype))
    return ops.mean(x, axis=axis, keepdims=keepdims)


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(
        self: Any,
        axis: Any = None,
        dtype: Any = None,
        *,
        ddof: float = 0,
        correction: float | None = None,
        keepdims: bool = False,
        **options: Any,
    ) -> Any:
        given = ddof if correction is None else correction
        if options:
            return getattr(np, function.__name__)(
                self, axis=axis, dtype=dtype, ddof=given, keepdims=keepdims, **options
            )
        x = native_floating(self) if dtype is None else ops.cast(self, native_dtype(self, dtype))
        return function(x, axis=axis, correction=given, keepdims=keepdims)

    return method


def _sort(self: Tracer, axis: int = -1, kind: Any = None, order: None = None, *, stable: Any = None) -> None:  # noqa: ARG001  # order of equals only
    assigned(self, ops.sort(self, axis=axis))


def _clip(self: Any, min: Any = None, max: Any = None, **options: Any) -> Any:
    if options:
        return np.clip(self, min, max, **options)
    return ops.clip(self, min, max)


def _astype(self: Tracer, dtype: Any, *, copy: bool = True) -> Any:
    return ops.astype(self, native_dtype(self, dtype), copy=copy)


def _real_part(self: Tracer) -> Any:
    return viewed(ops.real(self), self, _REAL) if kind(self.dtype) == "c" else self


def _imaginary_part(self: Tracer) -> Any:
    return viewed(ops.imag(self), self, _IMAGINARY) if kind(self.dtype) == "c" else ops.zeros_like(self)


def _set_real_part(self: Tracer, value: Any) -> None:
    self.real[...] = value  # pyright: ignore[reportAttributeAccessIssue]  # attached below


def _set_imaginary_part(self: Tracer, value: Any) -> None:
    if kind(self.dtype) != "c":
        raise DtypeError(
            "A real array has no imaginary part to assign to.",
            found=f"an array of dtype {self.dtype}",
            needed="a complex array",
            write="x = x + 0j",
        )
    self.imag[...] = value  # pyright: ignore[reportAttributeAccessIssue]  # attached below


def _flat(self: Tracer) -> Any:
    return import_module("funcnet.ops.flat").Flat(self)


def _set_flat(self: Any, value: Any) -> None:
    self.flat[:] = value


def _turned(x: Any) -> Any:
    return ops.multiply(ops.cast(x, ops.result_type(x, 1j)), 1j)


_REAL = View(lambda x, _: ops.real(x), lambda x, _, part: part + _turned(ops.imag(x)), lie=lambda x, _: x.real)
_IMAGINARY = View(lambda x, _: ops.imag(x), lambda x, _, part: ops.real(x) + _turned(part), lie=lambda x, _: x.imag)


def _squeeze(self: Tracer, axis: Any = None) -> Any:
    return ops.squeeze(self, axis=tuple(i for i, n in enumerate(self.shape) if n == 1) if axis is None else axis)


def _take(self: Any, indices: Any, axis: int | None = None, **options: Any) -> Any:
    if options:
        return np.take(self, indices, axis, **options)
    if axis is None:
        return _reshape(self, -1)[indices]
    return self[indices] if axis == 0 else ops.take(self, indices, axis=axis)


def dot(a: Any, b: Any) -> Any:
    """Return NumPy's product: over the last axis of `a` and the second last of `b`."""
    a, b = array_of(a), array_of(b)
    if not getattr(a, "shape", ()) or not getattr(b, "shape", ()):
        return ops.multiply(a, b)
    if len(b.shape) <= 2:
        return ops.matmul(a, b)
    return ops.tensordot(a, b, axes=((len(a.shape) - 1,), (len(b.shape) - 2,)))


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, axis: int | None = None, dtype: Any = None, **options: Any) -> Any:
        if options:
            return getattr(np, function.__name__)(self, axis=axis, dtype=dtype, **options)
        x = self if dtype is None else ops.cast(self, native_dtype(self, dtype))
        return function(_reshape(x, -1), axis=0) if axis is None else function(x, axis=axis)

    return method


def _diagonal(self: Tracer, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    if (axis1 % self.ndim, axis2 % self.ndim) != (self.ndim - 2, self.ndim - 1):
        self = ops.moveaxis(self, (axis1, axis2), (-2, -1))
    return import_module("funcnet.ops.linalg.products").diagonal(self, offset=offset)


def _fill(self: Any, value: Any) -> None:
    self[...] = value


def _searchsorted(self: Tracer, v: Any, side: str = "left", sorter: Any = None) -> Any:
    return ops.searchsorted(self, v, side=side, sorter=sorter)


def _itemsize(self: Tracer) -> int:
    """Return the number of bytes of an element."""
    return self.dtype.itemsize


def _nbytes(self: Tracer) -> int:
    """Return the number of bytes of all elements."""
    return self.size * self.dtype.itemsize


def _to_device(self: Tracer, device: Any, /, *, stream: Any = None) -> Any:  # noqa: ARG001  # the standard's signature
    if backends.backend_of(raw(self)) is not None and raw(self).device == device:
        return self
    raise ParameterError(
        "A traced array cannot be moved to another device.",
        found=f"from {self.device} to {device}",
        needed="arrays that are on the right device before the transformation",
        write="fn.device_put(x, device) before the call",
    )


def _install() -> None:
    methods: dict[str, Any] = {f"__{name}__": _operator(f) for name, f in (_BINARY | _COMPARISONS).items()}
    methods |= {f"__r{name}__": _reflected(f) for name, f in _BINARY.items()}
    methods |= {f"__i{name}__": _in_place(f"__i{name}__", f) for name, f in _BINARY.items()}
    methods |= {f"__{name}__": f for name, f in _UNARY.items()}
    methods |= REFUSALS
    methods |= {
        "__divmod__": _operator(_both_parts),
        "__rdivmod__": _reflected(_both_parts),
        "__pow__": _pow,
        "__round__": _round,
        "__getitem__": ops.getitem,
        "__setitem__": _setitem,
        "T": property(_transposed, doc="The array with its dimensions reversed."),
        "mT": property(ops.matrix_transpose, doc="The array with its last two dimensions exchanged."),
        "real": property(_real_part, _set_real_part, doc="Real part of each element."),
        "imag": property(_imaginary_part, _set_imaginary_part, doc="Imaginary part of each element."),
        "all": _extremum(ops.all),
        "any": _extremum(ops.any),
        "argmax": _extremum(ops.argmax),
        "argmin": _extremum(ops.argmin),
        "argsort": ops.argsort,
        "astype": _astype,
        "clip": _clip,
        "conj": _conj,
        "conjugate": _conj,
        "cumprod": _cumulative(ops.cumulative_prod),
        "cumsum": _cumulative(ops.cumulative_sum),
        "diagonal": _diagonal,
        "dot": dot,
        "fill": _fill,
        "flat": property(_flat, _set_flat, doc="The elements in C's order."),
        "flatten": _flatten,
        "itemsize": property(_itemsize),
        "max": _extremum(ops.max),
        "mean": _mean,
        "min": _extremum(ops.min),
        "nbytes": property(_nbytes),
        "nonzero": ops.nonzero,
        "prod": _statistic(ops.prod),
        "ravel": _ravel,
        "repeat": ops.repeat,
        "reshape": _reshape,
        "round": _round,
        "searchsorted": _searchsorted,
        "sort": _sort,
        "squeeze": _squeeze,
        "std": _spread(ops.std),
        "sum": _statistic(ops.sum),
        "swapaxes": _swapaxes,
        "take": _take,
        "to_device": _to_device,
        "transpose": _transpose,
        "var": _spread(ops.var),
    }
    for name, method in methods.items():
        if callable(method) and getattr(method, "__name__", "") in ("operator", "method"):
            method.__name__ = name
        setattr(Tracer, name, method)


_install()
