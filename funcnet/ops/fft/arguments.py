"""What the functions of the standard's extension ``fft`` take."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from funcnet.core import bind
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.axes import rank, reduced_axes
from funcnet.ops.broadcasting import cast
from funcnet.ops.dtypes import result_type
from funcnet.ops.fft.primitives import TURNED, fit_length_p

if TYPE_CHECKING:
    Axes = tuple[int, ...]

__all__ = [
    "as_complex",
    "check_floating",
    "check_length",
    "check_norm",
    "check_real",
    "dimensions",
    "fitted",
    "one_axis_of",
    "some_axis",
]


def check_norm(name: str, norm: Any) -> str:
    """Return the normalisation; raise `ParameterError` if there is none of that name."""
    if norm not in TURNED:
        raise ParameterError(
            f"xp.fft.{name} does not have that normalisation.",
            found=f"norm={norm!r}",
            needed="'backward', 'ortho' or 'forward'",
            write=f"xp.fft.{name}(x, norm='ortho')",
        )
    return norm


def check_length(name: str, n: Any) -> int:
    """Return a length as an integer; raise if it is none, or below 1."""
    try:
        length = index(n)
    except TypeError:
        raise ParameterError(
            f"xp.fft.{name} takes an integer as length.", found=f"{type(n).__name__}: {n!r}", needed="an integer"
        ) from None
    if length < 1:
        raise ShapeError(
            f"xp.fft.{name} needs at least one element to transform.",
            found=f"length {length}",
            needed="a length of 1 or more",
            write=f"xp.fft.{name}(x, n=...), or no call for an empty array",
        )
    return length


def fitted(name: str, x: Any, axis: int, n: Any) -> Any:
    """Return `x` cut, or filled with zeros, to a length along an axis; None is its own."""
    size = x.shape[axis]
    length = check_length(name, size if n is None else n)
    return x if length == size else bind(fit_length_p, x, axis=axis, n=length)


def check_floating(name: str, x: Any) -> Any:
    """Return `x`; raise `DtypeError` unless it is floating-point."""
    rank(f"fft.{name}", x)
    if kind(x.dtype) not in "fc":
        raise DtypeError(
            f"xp.fft.{name} does not take this data type.",
            found=f"an array of dtype {x.dtype}",
            needed="a floating-point data type",
            write=f"xp.fft.{name}(xp.astype(x, xp.float32))",
        )
    return x


def as_complex(name: str, x: Any) -> Any:
    """Return `x` as complex numbers of its own precision."""
    return x if kind(check_floating(name, x).dtype) == "c" else cast(x, result_type(x, 1j))


def check_real(name: str, x: Any) -> Any:
    """Return `x`; raise `DtypeError` unless it is real floating-point."""
    if kind(x.dtype) != "f":
        raise DtypeError(
            f"xp.fft.{name} transforms real numbers.",
            found=f"an array of dtype {x.dtype}",
            needed="a real floating-point data type",
            write="xp.fft.fft(x) for complex numbers, xp.astype(x, xp.float32) for integers",
        )
    return x


def dimensions(name: str, x: Any, s: Any, axes: Any) -> tuple[Axes, tuple[Any, ...]]:
    """Return the axes, in the caller's order, and the length along each, None for the array's own."""
    ndim = rank(f"fft.{name}", x)
    if axes is None:
        axes = range(ndim) if s is None else range(ndim - len(s), ndim)
    order = tuple(reduced_axes(f"fft.{name}", x, int(a))[0] for a in axes)
    reduced_axes(f"fft.{name}", x, order)  # raises where an axis comes twice
    if s is not None and len(s) != len(order):
        raise ShapeError(
            f"xp.fft.{name} needs one length for each axis.",
            found=f"s={tuple(s)} and axes={order}",
            needed="two sequences of the same length",
            write=f"xp.fft.{name}(x, s=(...), axes={order})",
        )
    return order, (None,) * len(order) if s is None else tuple(s)


def one_axis_of(name: str, x: Any, axis: Any) -> int:
    """Return an axis counted from the first."""
    return reduced_axes(f"fft.{name}", x, (axis,))[0]


def some_axis(name: str, axes: Axes) -> None:
    """Raise `ShapeError` if there is no axis to transform."""
    if not axes:
        raise ShapeError(
            f"xp.fft.{name} needs an axis to transform.",
            found="no axes",
            needed="at least one",
            write=f"xp.fft.{name}(x, axes=(-1,))",
        )
