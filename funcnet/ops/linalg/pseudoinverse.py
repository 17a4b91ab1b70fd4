"""Pseudoinverses and ranks: what depends on how many singular values are not negligible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import bind, case, general, owner, raw
from funcnet.core.dtypes import kind
from funcnet.errors import ShapeError
from funcnet.ops.arithmetic import add, subtract
from funcnet.ops.batching import as_it_is
from funcnet.ops.linalg.common import check_matrices, conjugated, dagger, eps_of
from funcnet.ops.linear_algebra import matmul

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["matrix_rank", "pinv"]


def _cutoff(xp: Any, s: Any, rtol: Any) -> Any:
    """Return the singular value, by matrix, up to which the others count as zero."""
    tolerance = xp.asarray(rtol, dtype=s.dtype, device=s.device)
    return tolerance * xp.max(s, axis=-1)


def _pinv_impl(xp: Any, x: Any, *, rtol: Any) -> Any:
    *lead, m, n = x.shape
    if not m or not n:
        return xp.zeros((*lead, n, m), dtype=x.dtype, device=x.device)
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    large = s > xp.expand_dims(_cutoff(xp, s, rtol), axis=-1)
    inverse = xp.where(large, 1.0 / xp.where(large, s, 1.0), 0.0)
    y = xp.matmul(u * xp.astype(xp.expand_dims(inverse, axis=-2), x.dtype), vh)
    return xp.matrix_transpose(xp.conj(y) if kind(x.dtype) == "c" else y)


def _pinv_rule(y: Any, x: Any, *, rtol: Any) -> Pull:  # noqa: ARG001
    def pull(g: Any) -> Any:
        g = conjugated(g)
        yh, gh = dagger(y), dagger(g)
        a = -matmul(matmul(yh, g), yh)
        if x.shape[-2] > 0 and x.shape[-1] > 0:
            first = matmul(matmul(gh, y), yh)
            second = matmul(matmul(yh, y), gh)
            first = subtract(first, matmul(x, matmul(y, first)))
            second = subtract(second, matmul(matmul(second, y), x))
            a = add(add(a, first), second)
        return conjugated(a)

    return pull


pinv_p = general(
    "pinv",
    _pinv_impl,
    vjp=(_pinv_rule,),
    shape=lambda x, *, rtol: (*x.shape[:-2], x.shape[-1], x.shape[-2]),  # noqa: ARG005
    batch=as_it_is,
    dtypes="floating",
    cases=(
        case((3, 3), rtol=1e-6),
        case((2, 4, 2), rtol=(1e-6, 1e-7)),
        case((2, 3), rtol=1e-6),
        case((0, 3), rtol=1e-6),
        case((0, 3, 2), rtol=1e-6),
    ),
)


def _rank_impl(xp: Any, x: Any, *, rtol: Any) -> Any:
    if not x.shape[-1] or not x.shape[-2]:
        return xp.zeros(x.shape[:-2], dtype=xp.int64, device=x.device)
    s = xp.linalg.svdvals(x)
    return xp.count_nonzero(s > xp.expand_dims(_cutoff(xp, s, rtol), axis=-1), axis=-1)


matrix_rank_p = general(
    "matrix_rank",
    _rank_impl,
    vjp=None,
    shape=lambda x, *, rtol: x.shape[:-2],  # noqa: ARG005
    result="index",
    batch=as_it_is,
    dtypes="floating",
    cases=(case((3, 3), rtol=1e-6), case((2, 4, 2), rtol=(1e-6, 1e-7)), case((0, 3, 2), rtol=1e-6)),
)


def pinv(x: Any, /, *, rtol: Any = None) -> Any:
    r"""Moore-Penrose pseudoinverse.

    Derivative: :math:`dP = -P\,dX\,P + P P^H dX^H (I - X P) + (I - P X)\, dX^H P^H P`, right for matrices of any rank
    as long as the rank does not change; where it would, the pseudoinverse jumps.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, N)``.
    rtol : float or array, optional
        Singular values up to `rtol` times the largest count as zero; ``max(M, N)`` times the precision of `x` by
        default. An array has the shape of the stack. It is not differentiated.

    Returns
    -------
    array
        Of shape ``(..., N, M)`` and the data type of `x`.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of floating-point matrices, or the shape of `rtol` is not that of the stack.

    References
    ----------
    Python Array API standard, ``linalg.pinv``. G. H. Golub and V. Pereyra, The differentiation of pseudo-inverses and
    nonlinear least squares problems whose variables separate, SIAM J. Numer. Anal. 10 (1973) 413-432.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.pinv(np.array([[2.0], [0.0]]))
    array([[0.5, 0. ]])
    """
    check_matrices("pinv", x)
    return bind(pinv_p, x, rtol=_tolerance("pinv", x, rtol))


def matrix_rank(x: Any, /, *, rtol: Any = None) -> Any:
    """Rank of matrices: the number of singular values that are not negligible.

    Derivative: none, the result is an integer.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, N)``.
    rtol : float or array, optional
        Singular values up to `rtol` times the largest count as zero; ``max(M, N)`` times the precision of `x` by
        default. An array has the shape of the stack.

    Returns
    -------
    array
        Of integers and shape ``(...)``.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of floating-point matrices, or the shape of `rtol` is not that of the stack.

    References
    ----------
    Python Array API standard, ``linalg.matrix_rank``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> int(xp.linalg.matrix_rank(np.ones((2, 2))))
    1
    """
    check_matrices("matrix_rank", x)
    return bind(matrix_rank_p, x, rtol=_tolerance("matrix_rank", x, rtol))


def _tolerance(name: str, x: Any, rtol: Any) -> Any:
    """Return a tolerance as a parameter: a number, or nested tuples of them."""
    if rtol is None:
        return max(x.shape[-2:]) * eps_of(x)
    if not hasattr(rtol, "shape"):
        return float(rtol)
    stack = tuple(x.shape[:-2])
    if tuple(rtol.shape) not in ((), stack):
        raise ShapeError(
            f"xp.linalg.{name} got a tolerance that does not fit.",
            found=f"rtol of shape {tuple(rtol.shape)} for matrices of shape {tuple(x.shape)}",
            needed=f"a number, or shape {stack}",
        )
    return _nested(owner(rtol).to_numpy(raw(rtol)).tolist())


def _nested(values: Any) -> Any:
    return tuple([_nested(v) for v in values]) if isinstance(values, list) else float(values)
