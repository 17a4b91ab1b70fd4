"""NumPy's functions of polynomials on traced arrays: vectors of coefficients, that of the highest power first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import ops
from funcnet.ops import extras
from funcnet.xp.numpy_linalg import FUNCTIONS as LINALG
from funcnet.xp.numpy_refusals import unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["POLYNOMIALS"]


def _trimmed(p: Any) -> Any:
    """Return the coefficients without zeros in front, as NumPy does."""
    first = 0
    while first < p.shape[0] - 1 and bool(p[first] == 0):
        first += 1
    return p[first:]


def _aligned(p: Any, n: int) -> Any:
    return p if p.shape[0] == n else extras.pad(p, ((n - p.shape[0], 0),))


def _polyadd(a1: Any, a2: Any) -> Any:
    n = max(a1.shape[0], a2.shape[0])
    return _aligned(a1, n) + _aligned(a2, n)


def _polymul(a1: Any, a2: Any) -> Any:
    return extras.convolve(_trimmed(a1), _trimmed(a2))


def _powers(p: Any, least: int) -> Any:
    return np.arange(p.shape[0] - 1 + least, least - 1, -1).astype(np.dtype(float))


def _polyder(p: Any, m: int = 1) -> Any:
    for _ in range(m):
        p = p[:-1] * _constant(_powers(p, 0)[:-1], p)
    return p


def _polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    constants = [0.0] * m if k is None else [k] * m if np.ndim(k) == 0 else list(k)
    for c in constants:
        p = ops.concat([p / _constant(_powers(p, 1), p), ops.full_like(p[:1], 0.0) + c], axis=0)
    return p


def _constant(values: np.ndarray, like: Any) -> Any:
    """Return a constant of the data type of `like`, on its backend."""
    return ops.asarray(values.tolist(), dtype=like.dtype, device=like.device)


def _polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    if full or cov:
        raise unsupported("numpy.polyfit with full= or cov=")
    matrix = extras.vander(x, n=deg + 1)
    if w is not None:
        matrix = matrix * w[:, None]
        y = y * (w if len(y.shape) == 1 else w[:, None])
    scale = ops.sqrt(ops.sum(matrix * matrix, axis=0))
    inverse = LINALG["pinv"](matrix / scale, rcond=2.2e-16 * x.shape[0] if rcond is None else rcond)
    found = ops.matmul(inverse, y)
    return found / (scale if len(y.shape) == 1 else scale[:, None])


def _roots(p: Any) -> Any:
    p = _trimmed(p)
    n = p.shape[0] - 1
    below = _constant(np.eye(n - 1, n), p)
    companion = ops.concat([ops.expand_dims(-p[1:] / p[0], axis=0), below], axis=0)
    return LINALG["eigvals"](companion)


def _poly(seq_of_zeros: Any) -> Any:
    roots = seq_of_zeros if len(seq_of_zeros.shape) == 1 else LINALG["eigvals"](seq_of_zeros)
    y = ops.ones_like(roots[:1])
    for i in range(roots.shape[0]):
        y = extras.convolve(y, ops.stack([ops.ones_like(roots[i]), -roots[i]]))
    return y


POLYNOMIALS: dict[str, Callable[..., Any]] = {
    "poly": _poly,
    "polyadd": _polyadd,
    "polyder": _polyder,
    "polyfit": _polyfit,
    "polyint": _polyint,
    "polymul": _polymul,
    "polysub": lambda a1, a2: _polyadd(a1, -a2),
    "roots": _roots,
}
