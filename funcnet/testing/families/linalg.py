"""Linear algebra, of matrices that are well-conditioned by construction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.testing.families.operation import GAP, Operation, is_complex, matrices, one_of

if TYPE_CHECKING:
    pass

__all__ = ["LINALG"]

_VECTOR = 3


def _solvable(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    if matrices(())(rng, a) is None or not b.ndim or b.shape[-2:][0] != a.shape[-1]:
        return None
    return () if b.ndim in (1, a.ndim) and (b.ndim == 1 or a.shape[:-2] == b.shape[:-2]) else None


def _small(xp: Any, x: Any) -> Any:
    return xp.tanh(xp.real(x)) + 1j * xp.tanh(xp.imag(x)) if is_complex(x) else xp.tanh(x)


def _well(xp: Any, x: Any) -> Any:
    return 0.3 * _small(xp, x) + xp.asarray(2.0 * np.eye(*x.shape[-2:]))


def _adjoint(xp: Any, x: Any) -> Any:
    return xp.conj(xp.matrix_transpose(x)) if is_complex(x) else xp.matrix_transpose(x)


def _positive_definite(xp: Any, x: Any) -> Any:
    return 0.2 * xp.matmul(x, _adjoint(xp, x)) + xp.asarray(np.eye(x.shape[-2]))


def _distinct(xp: Any, x: Any) -> Any:
    return 0.15 * _small(xp, x) + xp.asarray(np.eye(*x.shape[-2:]) * np.arange(1.0, x.shape[-1] + 1.0))


def _hermitian(xp: Any, x: Any) -> Any:
    y = _distinct(xp, x)
    return 0.5 * (y + _adjoint(xp, y))


def _eigh(xp: Any, x: Any, what: str) -> Any:
    w, v = xp.linalg.eigh(_hermitian(xp, x))
    if what == "values":
        return w
    if what == "vectors":
        # Independent of the signs of the vectors, which are anybody's choice.
        return xp.square(xp.abs(v))
    return xp.matmul(v * xp.sin(w)[..., None, :], _adjoint(xp, v))


def _svd(xp: Any, x: Any, what: str) -> Any:
    u, s, vh = xp.linalg.svd(_distinct(xp, x), full_matrices=False)
    if what == "values":
        return s
    if what == "left":
        return xp.square(xp.abs(u))
    return xp.matmul(u * xp.cos(s)[..., None, :], vh)


def _qr(xp: Any, x: Any, part: int) -> Any:
    return xp.linalg.qr(_well(xp, x))[part]


def _norm_smooth(x: Any, order: Any) -> bool:
    if order in ("fro", "nuc", 2, -2):
        return True
    y = np.abs(_well(np, x))
    sums = np.sort(np.sum(y, axis=-2 if order in (1, -1) else -1), axis=-1)
    return bool(np.all(y > GAP)) and bool(np.all(np.diff(sums) > GAP))


def _spread(x: Any, *_: Any) -> bool:
    values = np.sort(np.abs(x).reshape(-1))
    return bool(np.all(values > GAP)) and bool(np.all(np.diff(values) > GAP))


LINALG: dict[str, Operation] = {
    "solve": Operation(2, lambda xp, a, b: xp.linalg.solve(_well(xp, a), b), _solvable, complex=True),
    "inv": Operation(1, lambda xp, x: xp.linalg.inv(_well(xp, x)), matrices(()), complex=True),
    "det": Operation(1, lambda xp, x: 0.2 * xp.linalg.det(_well(xp, x)), matrices(()), complex=True),
    "slogdet": Operation(1, lambda xp, x: xp.linalg.slogdet(_well(xp, x))[1], matrices(()), complex=True),
    "cholesky": Operation(
        1,
        lambda xp, x, upper: xp.linalg.cholesky(_positive_definite(xp, x), upper=upper),
        matrices((False,), (True,), square=False),
        complex=True,
    ),
    "qr": Operation(1, _qr, matrices((0,), (1,), square=False)),
    "eigh": Operation(1, _eigh, matrices(("values",), ("vectors",), ("function",)), complex=True),
    "eigvalsh": Operation(1, lambda xp, x: xp.linalg.eigvalsh(_hermitian(xp, x)), matrices(()), complex=True),
    "svd": Operation(1, _svd, matrices(("values",), ("left",), ("function",), square=False), complex=True),
    "svdvals": Operation(1, lambda xp, x: xp.linalg.svdvals(_distinct(xp, x)), matrices((), square=False)),
    "pinv": Operation(1, lambda xp, x: xp.linalg.pinv(_well(xp, x)), matrices((), square=False), complex=True),
    "matrix_power": Operation(
        1,
        lambda xp, x, n: xp.linalg.matrix_power(0.6 * _well(xp, x), n),
        matrices((-3,), (-1,), (2,), (3,)),
        complex=True,
    ),
    "matrix_norm": Operation(
        1,
        lambda xp, x, order: xp.linalg.matrix_norm(
            _distinct(xp, x) if order in ("nuc", 2, -2) else _well(xp, x), ord=order
        ),
        matrices(("fro",), ("nuc",), (2,), (-2,), (1,), (-1,), (np.inf,), (-np.inf,), square=False),
        _norm_smooth,
    ),
    "vector_norm": Operation(
        1,
        lambda xp, x, order: xp.linalg.vector_norm(x, axis=-1, ord=order),
        lambda rng, x: one_of((2,), (1,), (3,), (2.5,), (np.inf,), (-np.inf,))(rng) if x.ndim else None,
        _spread,
    ),
    "trace": Operation(1, lambda xp, x, k: xp.linalg.trace(x, offset=k), matrices((0,), (1,), (-1,)), complex=True),
    "diagonal": Operation(
        1, lambda xp, x, k: xp.linalg.diagonal(x, offset=k), matrices((0,), (1,), (-1,)), complex=True
    ),
    "outer": Operation(
        2,
        lambda xp, a, b: xp.linalg.outer(a, b),
        lambda rng, a, b: () if a.ndim == b.ndim == 1 else None,  # noqa: ARG005  # one signature
        complex=True,
    ),
    "cross": Operation(
        2,
        lambda xp, a, b: xp.linalg.cross(a, b),
        lambda rng, a, b: () if a.shape == b.shape and a.shape[-1:] == (_VECTOR,) else None,  # noqa: ARG005
    ),
    "vecdot": Operation(
        2,
        lambda xp, a, b: xp.linalg.vecdot(a, b),
        lambda rng, a, b: () if a.shape == b.shape and a.ndim else None,  # noqa: ARG005  # one signature
        complex=True,
    ),
}
