"""What the rules and functions of this package share: checks, adjoints, and differences that may be zero.

Rules are written in the usual convention of the literature, where the cotangent of A pairs with its tangent as
``Re tr(conj(A_bar).T @ dA)``. The library's own convention conjugates nothing, so rules conjugate on the way in and
out.
"""

from __future__ import annotations

from typing import Any

from funcnet.core import Spec, owner, raw
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import DtypeError, ShapeError
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.comparison import greater
from funcnet.ops.complex import abs as absolute
from funcnet.ops.complex import conj
from funcnet.ops.extremes import max as maximum_of
from funcnet.ops.fresh import backend_like, created
from funcnet.ops.linear_algebra import matrix_transpose
from funcnet.ops.strong import masked

__all__ = [
    "as_column",
    "as_row",
    "check_floating",
    "check_matrices",
    "complex_spec",
    "conjugated",
    "dagger",
    "eps_of",
    "hermitian",
    "identity_like",
    "pairs_of",
    "real_spec",
    "separated",
]

_COMPLEX_OF = {"float32": "complex64", "float64": "complex128"}
_REAL_OF = {wide: real for real, wide in _COMPLEX_OF.items()}


def check_matrices(name: str, x: Any, *, square: bool = False, floating: bool = True) -> None:
    """Raise unless x is a stack of matrices: square ones, of a floating-point data type, if asked."""
    if not hasattr(x, "shape"):
        raise DtypeError(
            f"xp.linalg.{name} takes arrays.",
            found=f"{type(x).__name__}: {x!r}",
            needed="an array of at least two dimensions",
            write="xp.asarray(x)",
        )
    shape = tuple(x.shape)
    if len(shape) < 2:
        raise ShapeError(
            f"xp.linalg.{name} takes matrices.",
            found=f"an array of shape {shape}",
            needed="at least two dimensions",
            write="xp.reshape(x, (1, -1)) for one row" if shape else "xp.reshape(x, (1, 1))",
        )
    if square and shape[-1] != shape[-2]:
        raise ShapeError(
            f"xp.linalg.{name} takes square matrices.",
            found=f"an array of shape {shape}",
            needed="last two dimensions of the same size",
        )
    if floating:
        check_floating(name, x)


def check_floating(name: str, x: Any) -> None:
    """Raise unless x is an array of a real or complex floating-point data type."""
    if not hasattr(x, "dtype") or not is_inexact(x.dtype):
        raise DtypeError(
            f"xp.linalg.{name} takes floating-point arrays.",
            found=f"dtype {x.dtype}" if hasattr(x, "dtype") else f"{type(x).__name__}: {x!r}",
            needed="a real or complex floating-point data type",
            write="xp.astype(x, xp.float64)",
        )


def conjugated(x: Any) -> Any:
    """Return the conjugate; a real array is returned as it is."""
    return conj(x) if kind(x.dtype) == "c" else x


def dagger(x: Any) -> Any:
    """Return the conjugate transpose of matrices."""
    return conjugated(matrix_transpose(x))


def hermitian(xp: Any, x: Any) -> Any:
    """Return ``(x + x^H) / 2`` of a plain array in the namespace `xp`: exactly x where x is Hermitian."""
    other = xp.matrix_transpose(x)
    return (x + (xp.conj(other) if kind(x.dtype) == "c" else other)) * 0.5


def as_row(x: Any) -> Any:
    """Return vectors as matrices of one row."""
    return reshaped(x, (*x.shape[:-1], 1, x.shape[-1]))


def as_column(x: Any) -> Any:
    """Return vectors as matrices of one column."""
    return reshaped(x, (*x.shape, 1))


def eps_of(x: Any) -> float:
    """Return the spacing of the floating-point numbers at 1 in the precision of x."""
    name = str(x.dtype).rpartition(".")[2]
    return 2.0**-23 if name in ("float32", "complex64") else 2.0**-52


def identity_like(x: Any, n: int) -> Any:
    """Return the identity matrix with the data type, backend and device of x."""
    value = raw(x)
    backend = backend_like(value)
    device = backend.device_of(value) if backend.owns(value.__class__) else None
    return created(backend, device, "eye", n, dtype=value.dtype)


def separated(difference: Any, spectrum: Any) -> Any:
    """Return differences or sums within a spectrum, with exact zeros in place of those that are rounding errors."""
    n = spectrum.shape[-1]
    if not n:
        return difference
    scale = maximum_of(absolute(spectrum), axis=-1, keepdims=True)
    tolerance = reshaped(scale, (*scale.shape, 1)) if len(difference.shape) > len(spectrum.shape) else scale
    return masked(difference, greater(absolute(difference), tolerance * (8 * (n + 2) * eps_of(spectrum))))


def pairs_of(u: Any, vh: Any) -> Any:
    """Return the product of each column of u with the row of vh of the same number, stacked before the matrices."""
    columns = matrix_transpose(u)
    return reshaped(columns, (*columns.shape, 1)) * reshaped(vh, (*vh.shape[:-1], 1, vh.shape[-1]))


def real_spec(x: Any, shape: tuple[int, ...]) -> Spec:
    """Return the specification of a real result in the precision of x."""
    backend = owner(x)
    name = backend.dtype_name(x.dtype)
    return Spec(shape, _REAL_OF.get(name, name), backend)


def complex_spec(x: Any, shape: tuple[int, ...]) -> Spec:
    """Return the specification of a complex result in the precision of x."""
    backend = owner(x)
    name = backend.dtype_name(x.dtype)
    return Spec(shape, _COMPLEX_OF.get(name, name), backend)
