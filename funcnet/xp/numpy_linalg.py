"""NumPy's functions of linear algebra on traced arrays, in NumPy's signatures.

Where NumPy's meaning differs from the standard's, it is NumPy's that is kept: `eigh` and `cholesky` read one triangle,
`eig` returns real arrays where all eigenvalues of a real matrix are real, singular values count as zero from NumPy's
own limits.
"""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import ops
from funcnet.core import owner
from funcnet.core.dtypes import kind
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.linalg.common import eps_of
from funcnet.ops.linalg.spectra import EigResult
from funcnet.xp import linalg
from funcnet.xp.numpy_standard import vecdot

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS"]


def _of_triangle(a: Any, upper: bool) -> Any:
    """Return the Hermitian matrices of which `a` holds one triangle."""
    linalg.diagonal(a)
    half, strict = (ops.triu(a), ops.triu(a, k=1)) if upper else (ops.tril(a), ops.tril(a, k=-1))
    other = ops.matrix_transpose(strict)
    return half + (ops.conj(other) if kind(a.dtype) == "c" else other)


def _which(uplo: str) -> bool:
    if not isinstance(uplo, str) or uplo.upper() not in ("L", "U"):
        raise ParameterError("numpy.linalg.eigh does not know that triangle.", found=f"{uplo!r}", needed="'L' or 'U'")
    return uplo.upper() == "U"


def _cholesky(a: Any, /, *, upper: bool = False) -> Any:
    return linalg.cholesky(_of_triangle(a, upper), upper=upper)


def _eigh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803  # NumPy's name
    return linalg.eigh(_of_triangle(a, _which(UPLO)))


def _eigvalsh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803
    return linalg.eigvalsh(_of_triangle(a, _which(UPLO)))


def _all_real(a: Any, w: Any) -> bool:
    return kind(a.dtype) != "c" and not bool(ops.any(ops.not_equal(ops.imag(w), 0)))


def _eig(a: Any) -> Any:
    w, v = linalg.eig(a)
    return EigResult(ops.real(w), ops.real(v)) if _all_real(a, w) else EigResult(w, v)


def _eigvals(a: Any) -> Any:
    w = linalg.eigvals(a)
    return ops.real(w) if _all_real(a, w) else w


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    # Of Hermitian matrices too: what NumPy does otherwise is faster only.
    del hermitian
    return linalg.svd(a, full_matrices=full_matrices) if compute_uv else linalg.svdvals(a)


def _qr(a: Any, mode: str = "reduced") -> Any:
    return linalg.qr(a).R if mode == "r" else linalg.qr(a, mode=mode)


#: Stands for an argument that was not given.
_ABSENT: Any = object()


def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _ABSENT) -> Any:
    del hermitian
    if rcond is None:
        rcond = 1e-15 if rtol is _ABSENT else rtol
    elif rtol is not _ABSENT:
        raise ParameterError("numpy.linalg.pinv takes one limit.", found="rcond and rtol", needed="one of them")
    return linalg.pinv(a, rtol=rcond)


def _matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:  # noqa: N803
    del hermitian
    if tol is None:
        return linalg.matrix_rank(A, rtol=rtol)
    return ops.count_nonzero(ops.greater(linalg.svdvals(A), tol), axis=-1)


def _lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    if len(a.shape) != 2 or len(b.shape) not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ShapeError(
            "numpy.linalg.lstsq got shapes that do not fit.",
            found=f"{tuple(a.shape)} and {tuple(b.shape)}",
            needed="(M, N), and (M,) or (M, K)",
        )
    if rcond == -1:
        rcond = eps_of(a)
    x = ops.matmul(linalg.pinv(a, rtol=rcond), b)
    rank = linalg.matrix_rank(a, rtol=rcond)
    if int(rank) == a.shape[1] < a.shape[0]:
        gap = b - ops.matmul(a, x)
        squares = ops.real(gap * ops.conj(gap)) if kind(gap.dtype) == "c" else gap * gap
        residuals = ops.sum(squares, axis=0, keepdims=len(b.shape) == 1)
    else:
        residuals = ops.real(b[:0] if len(b.shape) == 1 else b[0, :0])
    return x, residuals, int(rank), linalg.svdvals(a)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    keepdims = bool(keepdims)
    ndim = len(x.shape)
    if axis is None and ord is None:
        return linalg.vector_norm(x, keepdims=keepdims)
    axes = tuple(range(ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if len(axes) == 1:
        return linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ShapeError(
            "numpy.linalg.norm takes vectors or matrices.",
            found=f"axis={axis!r} for an array of shape {tuple(x.shape)}",
            needed="one axis or two",
        )
    y = linalg.matrix_norm(ops.moveaxis(x, axes, (-2, -1)), ord=ord)
    if not keepdims:
        return y
    positions = {a % ndim for a in axes}
    return ops.reshape(y, tuple([1 if i in positions else n for i, n in enumerate(x.shape)]))


def _cond(x: Any, p: Any = None) -> Any:
    if p in (None, 2, -2):
        s = linalg.svdvals(x)
        return s[..., 0] / s[..., -1] if p != -2 else s[..., -1] / s[..., 0]
    return linalg.matrix_norm(x, ord=p) * linalg.matrix_norm(linalg.inv(x), ord=p)


def _multi_dot(arrays: Any) -> Any:
    # Whatever is multiplied first, small integers do not wrap around where the result is none.
    dtype = ops.result_type(*arrays)
    return reduce(ops.matmul, [x if x.dtype == dtype else ops.cast(x, dtype) for x in arrays])


def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    if axes is not None:
        rest = [k for k in range(len(a.shape)) if k not in [x % len(a.shape) for x in axes]]
        a = ops.permute_dims(a, (*rest, *[x % len(a.shape) for x in axes]))
    shape = tuple(a.shape[len(b.shape) :])
    y = linalg.solve(ops.reshape(a, (prod(b.shape), prod(shape))), ops.reshape(b, (-1,)))
    return ops.reshape(y, shape)


def _tensorinv(a: Any, ind: int = 2) -> Any:
    shape = tuple(a.shape)
    y = linalg.inv(ops.reshape(a, (prod(shape[:ind]), prod(shape[ind:]))))
    return ops.reshape(y, shape[ind:] + shape[:ind])


def _floating(x: Any) -> Any:
    """Return an array, or what NumPy makes one of, in a floating-point data type."""
    if not hasattr(x, "dtype"):
        x = np.asarray(x)
    return x if kind(x.dtype) in "fc" else ops.astype(x, owner(x).dtype("float64"))


def _on_floating(function: Callable[..., Any], count: int = 1) -> Callable[..., Any]:
    """Return a function whose first arguments are converted as NumPy does: lists to arrays, integers to numbers."""

    def handler(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_floating, args[:count]), *args[count:], **kwargs)

    return handler


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "cholesky": _on_floating(_cholesky),
    "cond": _on_floating(_cond),
    "cross": linalg.cross,
    "det": _on_floating(linalg.det),
    "diagonal": linalg.diagonal,
    "eig": _on_floating(_eig),
    "eigh": _on_floating(_eigh),
    "eigvals": _on_floating(_eigvals),
    "eigvalsh": _on_floating(_eigvalsh),
    "inv": _on_floating(linalg.inv),
    "lstsq": _on_floating(_lstsq, 2),
    "matmul": linalg.matmul,
    "matrix_norm": _on_floating(linalg.matrix_norm),
    "matrix_power": lambda a, n: linalg.matrix_power(a, n),
    "matrix_rank": _on_floating(_matrix_rank),
    "matrix_transpose": linalg.matrix_transpose,
    "multi_dot": _multi_dot,
    "norm": _on_floating(_norm),
    "outer": linalg.outer,
    "pinv": _on_floating(_pinv),
    "qr": _on_floating(_qr),
    "slogdet": _on_floating(linalg.slogdet),
    "solve": _on_floating(linalg.solve, 2),
    "svd": _on_floating(_svd),
    "svdvals": _on_floating(linalg.svdvals),
    "tensordot": linalg.tensordot,
    "tensorinv": _on_floating(_tensorinv),
    "tensorsolve": _on_floating(_tensorsolve, 2),
    "trace": linalg.trace,
    "vecdot": vecdot,
    "vector_norm": _on_floating(linalg.vector_norm),
}
