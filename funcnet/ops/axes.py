"""Canonical parameters: axes as tuples of non-negative integers, data types as objects of the array's library."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from funcnet import backends
from funcnet.core import raw
from funcnet.core.arguments import check_array
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "check_accumulator",
    "check_elements",
    "check_kind",
    "element_count",
    "index_dtype",
    "kept_shape",
    "native_dtype",
    "one_axis",
    "rank",
    "reduced_axes",
    "reduced_shape",
]

_RANGES: tuple[tuple[int, ...], ...] = tuple(tuple(range(n)) for n in range(9))


def rank(name: str, x: Any) -> int:
    """Return the number of dimensions of `x`; raise `DtypeError` where it is no array, such as a list."""
    try:
        return len(x.shape)
    except AttributeError:
        check_array(f"xp.{name}", x)
        raise


def one_axis(name: str, x: Any, axis: Any) -> int:
    """Return `axis` as a non-negative dimension of `x`."""
    try:
        ndim = len(x.shape)
    except AttributeError:
        ndim = rank(name, x)
    if axis.__class__ is not int:
        axis = _integer(name, axis)
    if not -ndim <= axis < ndim:
        raise _no_axis(name, x, axis)
    return axis % ndim


def reduced_axes(name: str, x: Any, axis: int | Sequence[int] | None) -> tuple[int, ...]:
    """Return the dimensions of `x` that `axis` means, in ascending order; None means all of them."""
    try:
        ndim = len(x.shape)
    except AttributeError:
        ndim = rank(name, x)
    if axis is None:
        return _RANGES[ndim] if ndim < 9 else tuple(range(ndim))
    if axis.__class__ is int:
        if not -ndim <= axis < ndim:  # type: ignore[operator]
            raise _no_axis(name, x, axis)
        return (axis % ndim,)  # type: ignore[operator]
    if not isinstance(axis, (tuple, list)):
        return (one_axis(name, x, axis),)
    found = sorted([one_axis(name, x, a) for a in axis])
    if len(set(found)) != len(found):
        raise ShapeError(
            f"xp.{name} was given the same axis twice.",
            found=f"axis={axis!r} for an array of {ndim} dimensions",
            needed="each axis once",
            write=f"axis={tuple(dict.fromkeys(found))!r}",
        )
    return tuple(found)


def reduced_shape(shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """Return the shape that a reduction over `axis` leaves."""
    if keepdims:
        return kept_shape(shape, axis)
    return tuple([n for i, n in enumerate(shape) if i not in axis])


def kept_shape(shape: tuple[int, ...], axis: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape with size 1 along `axis`."""
    return tuple([1 if i in axis else n for i, n in enumerate(shape)])


def element_count(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    """Return the number of elements along `axis`."""
    n = 1
    for a in axis:
        n *= shape[a]
    return n


def native_dtype(x: Any, dtype: Any) -> Any:
    """Return `dtype`, a data type or its name, as the object that the library of `x` has for it; None stays None."""
    if dtype is None:
        return None
    backend = backends.backend_of_type(raw(x).__class__)
    return dtype if backend is None else backend.dtype(dtype)


def check_kind(name: str, x: Any, kinds: str, needed: str, write: str = "") -> None:
    """Raise `DtypeError` unless the data type of `x` is of one of `kinds`, letters of `funcnet.core.dtypes.kind`."""
    if not hasattr(x, "dtype"):
        check_array(f"xp.{name}", x)
    if kind(x.dtype) not in kinds:
        raise DtypeError(
            f"xp.{name} does not take this data type.",
            found=f"an array of dtype {x.dtype}",
            needed=needed,
            write=write,
        )


def check_accumulator(name: str, x: Any, dtype: Any) -> None:
    """Raise `DtypeError` if complex numbers are to be accumulated in a real data type, which drops half of them."""
    if kind(x.dtype) == "c" and kind(dtype) != "c":
        raise DtypeError(
            f"xp.{name} of complex numbers cannot have a real data type.",
            found=f"an array of dtype {x.dtype} and dtype={dtype}",
            needed="a complex data type",
            write=f"xp.{name}(xp.real(x))",
        )


def check_elements(name: str, x: Any, axis: tuple[int, ...]) -> None:
    """Raise `ShapeError` if a result would have to be chosen from no elements."""
    shape = tuple(x.shape)
    if 0 in shape and not element_count(shape, axis) and 0 not in reduced_shape(shape, axis, False):
        raise ShapeError(
            f"xp.{name} of no elements has no value.",
            found=f"shape {shape}, reduced over {'axis' if len(axis) == 1 else 'axes'} {', '.join(map(str, axis))}",
            needed="at least one element along the reduced dimensions",
            write=f"xp.{name}(x) if x.size else the value that an empty array should have",
        )


def index_dtype(xp: Any, x: Any) -> Any:
    """Return the data type of indices on the device of a raw array: not every device has int64."""
    return xp.__array_namespace_info__().default_dtypes(device=x.device)["indexing"]


def _integer(name: str, axis: Any) -> int:
    if not isinstance(axis, bool):
        try:
            return index(axis)
        except TypeError:
            pass
    raise ParameterError(
        f"xp.{name} takes an integer as axis.",
        found=f"{type(axis).__name__}: {axis!r}",
        needed="an integer",
        write="axis=-1",
    )


def _no_axis(name: str, x: Any, axis: Any) -> ShapeError:
    shape = tuple(x.shape)
    ndim = len(shape)
    return ShapeError(
        f"xp.{name} got an axis that the array does not have.",
        found=f"axis={axis} for shape {shape}",
        needed=f"an integer from {-ndim} to {ndim - 1}" if ndim else "no axis, since the array has no dimensions",
        write="" if ndim else "axis=None, or xp.reshape(x, (1,))",
    )
