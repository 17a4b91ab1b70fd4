"""Cholesky and QR factorisations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.core import Arg, bind, case, general
from funcnet.errors import ParameterError
from funcnet.ops.arithmetic import add, subtract
from funcnet.ops.batching import as_it_is
from funcnet.ops.broadcasting import cast, real
from funcnet.ops.creation import zeros_like
from funcnet.ops.joining import concat
from funcnet.ops.linalg.common import check_matrices, conjugated, dagger, hermitian
from funcnet.ops.linalg.products import diagonal, diagonal_matrix
from funcnet.ops.linalg.solving import solve
from funcnet.ops.linear_algebra import matmul
from funcnet.ops.triangles import tril, triu

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["QRResult", "cholesky", "qr"]


class QRResult(NamedTuple):
    """What `qr` returns: the unitary factor and the upper triangular one."""

    Q: Any
    R: Any


def _half(x: Any) -> Any:
    """Return the lower triangle with half the diagonal."""
    return (tril(x) + tril(x, k=-1)) * 0.5


def _cholesky_impl(xp: Any, x: Any) -> Any:
    return xp.linalg.cholesky(hermitian(xp, x))


def _cholesky_rule(y: Any, x: Any) -> Pull:  # noqa: ARG001  # the form of every rule
    def pull(g: Any) -> Any:
        adjoint = dagger(y)
        inner = solve(adjoint, _half(matmul(adjoint, conjugated(g))))
        a = solve(adjoint, dagger(inner))
        return conjugated((a + dagger(a)) * 0.5)

    return pull


def _cholesky_forward(tangents: Any, y: Any, x: Any) -> Any:  # noqa: ARG001
    t = (tangents[0] + dagger(tangents[0])) * 0.5
    return matmul(y, _half(solve(y, dagger(solve(y, t)))))


cholesky_p = general(
    "cholesky",
    _cholesky_impl,
    vjp=(_cholesky_rule,),
    jvp=_cholesky_forward,
    shape=lambda x: x.shape,
    batch=as_it_is,
    dtypes="floating",
    cases=(case(Arg((3, 3), "definite")), case(Arg((2, 2, 2), "definite")), case((0, 0)), case((0, 2, 2))),
)


def _qr_impl(xp: Any, x: Any, *, complete: bool) -> tuple[Any, Any]:
    q, r = xp.linalg.qr(x, mode="complete" if complete else "reduced")
    return q, r


def _qr_shape(x: Any, *, complete: bool) -> tuple[tuple[int, ...], ...]:
    *lead, m, n = x.shape
    k = m if complete else min(m, n)
    return (*lead, m, k), (*lead, k, n)


def _qr_rule(y: Any, x: Any, *, complete: bool) -> Pull:  # noqa: ARG001  # seen in the shapes
    q, r = y
    wide = x if x.shape[-1] > x.shape[-2] else None

    def pull(gs: Any) -> Any:
        gq, gr = [None if g is None else conjugated(g) for g in gs]
        if wide is None:
            return conjugated(_tall(q, r, gq, gr))
        # The right part of R is Q^H times the right part of A; the rest is the factorisation of a square matrix.
        m = q.shape[-1]
        left, right = r[..., :m], None
        if gr is not None:
            right, gr = gr[..., m:], gr[..., :m]
            more = matmul(wide[..., m:], dagger(right))
            gq = more if gq is None else add(gq, more)
            right = matmul(q, right)
        found = _tall(q, left, gq, gr)
        rest = zeros_like(wide[..., m:]) if right is None else right
        return conjugated(concat((found, rest), axis=-1))

    return pull


def _tall(q: Any, r: Any, gq: Any, gr: Any) -> Any:
    """Return the cotangent of a matrix with at least as many rows as columns, in the convention of the literature."""
    n = r.shape[-1]
    if q.shape[-1] > n:
        q, others, r = q[..., :n], q[..., n:], r[..., :n, :]
        gr = None if gr is None else gr[..., :n, :]
        if gq is not None:
            # The further columns span the complement of the first, so they turn as those do.
            gq = subtract(gq[..., :n], matmul(others, matmul(dagger(gq[..., n:]), q)))
    k: Any = None
    if gq is not None:
        k = matmul(dagger(q), gq)
    if gr is not None:
        product = matmul(triu(gr), dagger(r))
        k = -product if k is None else subtract(k, product)
    upper = triu(k, k=1)
    # The diagonal of R is real.
    total = -matmul(q, upper + dagger(upper) + cast(diagonal_matrix(real(diagonal(k))), k.dtype))
    if gq is not None:
        total = add(gq, total)
    return dagger(solve(r, dagger(total)))


def _qr_invariant(q: Any, r: Any) -> tuple[Any, ...]:
    n = r.shape[-1]
    if q.shape[-1] <= n:
        return q, r
    others = q[..., n:]
    return q[..., :n], r, matmul(others, dagger(others))


qr_p = general(
    "qr",
    _qr_impl,
    vjp=(_qr_rule,),
    shape=_qr_shape,
    batch=as_it_is,
    multiple=True,
    dtypes="floating",
    invariant=_qr_invariant,
    cases=(
        case(Arg((3, 3), "regular"), complete=False),
        case(Arg((2, 4, 2), "regular"), complete=False),
        case(Arg((4, 2), "regular"), complete=True),
        case(Arg((2, 2, 4), "regular"), complete=False),
        case(Arg((2, 3), "regular"), complete=True),
        case((0, 3, 2), complete=False),
    ),
)


def cholesky(x: Any, /, *, upper: bool = False) -> Any:
    r"""Cholesky factor of Hermitian positive definite matrices: :math:`X = L L^H`, or :math:`X = U^H U`.

    The function is that of the Hermitian part :math:`(X + X^H)/2`, so gradients are Hermitian.

    Derivative: :math:`dL = L\,\Phi(L^{-1} dX L^{-H})`, where :math:`\Phi` takes the lower triangle with half the
    diagonal; the cotangent is the Hermitian part of :math:`L^{-H}\,\Phi(L^H \bar L)\,L^{-1}`.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``.
    upper : bool, default False
        Whether the upper triangular factor is returned instead of the lower one.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.
    LinAlgError
        The array library's own, if a matrix is not positive definite.

    References
    ----------
    Python Array API standard, ``linalg.cholesky``. I. Murray, Differentiation of the Cholesky decomposition,
    arXiv:1602.07527 (2016). M. B. Giles, Oxford report 08/01 (2008).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.cholesky(np.array([[4.0, 2.0], [2.0, 2.0]]))
    array([[2., 0.],
           [1., 1.]])
    """
    check_matrices("cholesky", x, square=True)
    y = bind(cholesky_p, x)
    return dagger(y) if upper else y


def qr(x: Any, /, *, mode: str = "reduced") -> QRResult:
    r"""QR factorisation: :math:`X = Q R` with orthonormal columns of Q and an upper triangular R.

    Derivative: for at least as many rows as columns, with :math:`K = Q^H \bar Q - \bar R R^H` and W its upper triangle
    made Hermitian, the cotangent is :math:`(\bar Q - Q W) R^{-H}`; for wide matrices :math:`[X_1\; X_2]` the right part
    of R is :math:`Q^H X_2`, and the rest the factorisation of the square :math:`X_1`. The diagonal of R stays real, as
    LAPACK has it. The first ``min(M, N)`` columns of `x` must be independent.

    With ``mode="complete"`` and more rows than columns, the further columns of Q are any orthonormal basis of the
    complement; derivatives are right for functions that do not depend on which.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, N)``.
    mode : {"reduced", "complete"}
        Whether Q has K = ``min(M, N)`` columns or K = M.

    Returns
    -------
    QRResult
        The named tuple (Q, R) of shapes ``(..., M, K)`` and ``(..., K, N)``.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of floating-point matrices.
    ParameterError
        If the mode is another.
    LinAlgError
        The array library's own, in the derivative, if the first ``min(M, N)`` columns are dependent.

    References
    ----------
    Python Array API standard, ``linalg.qr``. S. F. Walter and L. Lehmann, Algorithmic differentiation of linear algebra
    functions with application in optimum experimental design, arXiv:1001.1654 (2010). D. A. O. Roberts and
    L. R. Roberts, QR and LQ decomposition matrix backpropagation algorithms for square, wide, and deep matrices,
    arXiv:2009.10071 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> q, r = xp.linalg.qr(np.array([[3.0, 1.0], [4.0, 2.0]]))
    >>> np.abs(r).round(6)
    array([[5. , 2.2],
           [0. , 0.4]])
    """
    check_matrices("qr", x)
    if mode not in ("reduced", "complete"):
        raise ParameterError(
            "xp.linalg.qr does not know that mode.", found=f"mode={mode!r}", needed="'reduced' or 'complete'"
        )
    m, n = x.shape[-2:]
    return QRResult(*bind(qr_p, x, complete=mode == "complete" and m > n))
