"""NumPy kernels of linear algebra: NumPy's own functions, which `array_api_compat` would be imported for."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

# Attributes of numpy.linalg are looked up at the call.


def _hermitian(x: Any) -> Any:
    other = x.swapaxes(-1, -2)
    return (x + (other.conj() if x.dtype.kind == "c" else other)) * 0.5


def _complex(y: Any) -> Any:
    # NumPy's results are real where all eigenvalues happen to be.
    return y if y.dtype.kind == "c" else y.astype(np.result_type(y.dtype, np.complex64))


def _diagonal(x: Any, *, offset: int) -> Any:
    return x.diagonal(offset, -2, -1)


def _diagonal_matrix(x: Any, *, rows: int, columns: int, offset: int) -> np.ndarray:
    y = np.zeros((*x.shape[:-1], rows, columns), x.dtype)
    n = np.arange(x.shape[-1])
    y[..., n - min(offset, 0), n + max(offset, 0)] = x
    return y


def _inv(x: Any) -> Any:
    return np.linalg.inv(x)


def _solve(a: Any, b: Any) -> Any:
    return np.linalg.solve(a, b)


def _cholesky(x: Any) -> Any:
    return np.linalg.cholesky(_hermitian(x))


def _det(x: Any) -> Any:
    return np.linalg.det(x)


def _slogdet(x: Any) -> tuple[Any, Any]:
    sign, logarithm = np.linalg.slogdet(x)
    return sign, logarithm


def _qr(x: Any, *, complete: bool) -> tuple[Any, Any]:
    q, r = np.linalg.qr(x, "complete" if complete else "reduced")
    return q, r


def _svd(x: Any, *, full: bool) -> tuple[Any, Any, Any]:
    u, s, vh = np.linalg.svd(x, full_matrices=full)
    return u, s, vh


def _svdvals(x: Any) -> Any:
    return np.linalg.svd(x, compute_uv=False)


def _eigh(x: Any) -> tuple[Any, Any]:
    w, v = np.linalg.eigh(_hermitian(x))
    return w, v


def _eigvalsh(x: Any) -> Any:
    return np.linalg.eigvalsh(_hermitian(x))


def _eig(x: Any) -> tuple[Any, Any]:
    w, v = np.linalg.eig(x)
    return _complex(w), _complex(v)


def _eigvals(x: Any) -> Any:
    return _complex(np.linalg.eigvals(x))


def _cofactor(x: Any) -> Any:
    n = x.shape[-1]
    if not n:
        return np.zeros_like(x)
    u, s, vh = np.linalg.svd(x)
    others = np.where(np.eye(n, dtype=bool), s.dtype.type(1), s[..., None, :]).prod(-1)
    phase = np.linalg.det(u) * np.linalg.det(vh)
    return phase[..., None, None] * np.matmul(u * others[..., None, :], vh).conj()


def _large(s: np.ndarray, rtol: Any) -> np.ndarray:
    """Return which singular values count as more than zero."""
    return s > (np.asarray(rtol, s.dtype) * s.max(-1))[..., None]


def _pinv(x: Any, *, rtol: Any) -> np.ndarray:
    *lead, m, n = x.shape
    if not m or not n:
        return np.zeros((*lead, n, m), x.dtype)
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    inverse = np.divide(1.0, s, out=np.zeros_like(s), where=_large(s, rtol))
    return np.matmul(u * inverse[..., None, :], vh).conj().swapaxes(-1, -2)


def _matrix_rank(x: Any, *, rtol: Any) -> Any:
    if not x.shape[-1] or not x.shape[-2]:
        return np.zeros(x.shape[:-2], np.int64)
    s = np.linalg.svd(x, compute_uv=False)
    return np.count_nonzero(_large(s, rtol), axis=-1)


# ---------------------------------------------------------------------- norms


def _range(dtype: Any) -> tuple[float, float]:
    """Return between which norms the sum of squares has lost nothing."""
    info = np.finfo(dtype)
    return float(info.tiny / info.eps) ** 0.5, float(info.max)


_SAFE = {np.dtype(name): _range(name) for name in ("float32", "float64")}
_UNKNOWN = (np.inf, np.inf)


def _vector_norm(x: Any, *, axis: tuple[int, ...], keepdims: bool, ord: float) -> Any:
    if ord == 2 and axis:
        # Sums of squares are quick, and exact enough unless they overflow or vanish.
        with np.errstate(over="ignore", under="ignore"):
            squares = x * x if x.dtype.kind == "f" else x.real**2 + x.imag**2
            y = np.sqrt(np.add.reduce(squares, axis, keepdims=keepdims))
        low, high = _SAFE.get(y.dtype, _UNKNOWN)
        if low < y < high if y.ndim == 0 else not y.size or (y.min() > low and y.max() < high):
            return y
    a = np.abs(x)
    if not axis:
        return (a != 0).astype(a.dtype) if ord == 0 else a
    if ord == 0:
        return np.add.reduce(a != 0, axis, dtype=a.dtype, keepdims=keepdims)
    if ord == -np.inf:
        return a.min(axis, keepdims=keepdims)
    if ord == np.inf:
        return a.max(axis, keepdims=keepdims, initial=0)
    if ord == 1 or not a.size:
        return np.add.reduce(a, axis, keepdims=keepdims)
    scale = (a.max if ord > 0 else a.min)(axis, keepdims=True)
    usable = (scale != 0) & np.isfinite(scale)
    safe = np.where(usable, scale, a.dtype.type(1))
    ratio = np.divide(a, safe, out=np.ones_like(a), where=usable)
    total = np.add.reduce(ratio * ratio if ord == 2 else ratio**ord, axis, keepdims=True)
    y = np.where(usable, (np.sqrt(total) if ord == 2 else total ** (1.0 / ord)) * safe, scale)
    return y if keepdims else y.squeeze(axis)[()]


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "cholesky": _cholesky,
        "cofactor": _cofactor,
        "det": _det,
        "diagonal": _diagonal,
        "diagonal_matrix": _diagonal_matrix,
        "eig": _eig,
        "eigh": _eigh,
        "eigvals": _eigvals,
        "eigvalsh": _eigvalsh,
        "inv": _inv,
        "matrix_rank": _matrix_rank,
        "pinv": _pinv,
        "qr": _qr,
        "slogdet": _slogdet,
        "solve": _solve,
        "svd": _svd,
        "svdvals": _svdvals,
        "vector_norm": _vector_norm,
    }
)
