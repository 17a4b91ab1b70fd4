"""Singular values and vectors, pseudoinverses and ranks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.core import bind, case, general, owner, raw
from funcnet.core.dtypes import kind
from funcnet.errors import ShapeError
from funcnet.ops.arithmetic import add, multiply, subtract
from funcnet.ops.batching import as_it_is
from funcnet.ops.bitwise import bitwise_or
from funcnet.ops.broadcasting import cast
from funcnet.ops.comparison import equal, not_equal
from funcnet.ops.linalg.common import (
    as_row,
    check_matrices,
    conjugated,
    dagger,
    eps_of,
    pairs_of,
    real_spec,
    separated,
)
from funcnet.ops.linalg.gaps import by_gaps, check_complement, check_linked, check_phases, repeated, split
from funcnet.ops.linalg.products import diagonal_matrix
from funcnet.ops.linalg.splitting import closed, handler, of_values, separate, series
from funcnet.ops.linear_algebra import matmul, matrix_transpose
from funcnet.ops.strong import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["SVDResult", "matrix_rank", "pinv", "svd", "svdvals"]


class SVDResult(NamedTuple):
    """What `svd` returns: left singular vectors, singular values, and adjoint of the right singular vectors."""

    U: Any
    S: Any
    Vh: Any


def _svd_impl(xp: Any, x: Any, *, full: bool) -> tuple[Any, Any, Any]:
    u, s, vh = xp.linalg.svd(x, full_matrices=full)
    return u, s, vh


def _svd_shape(x: Any, *, full: bool) -> tuple[Any, ...]:
    *lead, m, n = x.shape
    k = min(m, n)
    return (*lead, m, m if full else k), real_spec(x, (*lead, k)), (*lead, n if full else k, n)


def _svd_rule(y: Any, x: Any, *, full: bool) -> Pull:  # noqa: ARG001
    u, s, vh = y
    k = s.shape[-1]

    def pull(gs: Any) -> Any:
        gu, gsv, gvh = gs
        left, p = _within(u, None if gu is None else conjugated(gu), k)
        v = dagger(vh)
        right, q = _within(v, None if gvh is None else matrix_transpose(gvh), k)
        u1, v1 = u[..., :k], v[..., :k]

        inner = alone = None
        if p is not None or q is not None:
            check_linked("svd", s, gsv, gu if gvh is None else gvh)
            total: Any = p if q is None else q if p is None else add(p, q)
            check_phases("svd", total)
            gap: Any = p if q is None else -q if p is None else subtract(p, q)
            inner = add(by_gaps(total, s, -1, -1), by_gaps(gap, s, 1, -1))
        if gsv is not None:
            if inner is None or series(s) is not None:
                alone = matmul(multiply(of_values(u1), as_row(gsv)), of_values(dagger(v1)))
                if inner is None:
                    return conjugated(alone)
            else:
                inner = add(inner, cast(diagonal_matrix(gsv), u.dtype))
        a = None if inner is None else matmul(matmul(u1, inner), dagger(v1))
        if alone is not None:
            a = add(a, alone)
        if left is not None:
            more = matmul(by_gaps(left, s, 0), dagger(v1))
            a = more if a is None else add(a, more)
        if right is not None:
            more = matmul(u1, dagger(by_gaps(right, s, 0)))
            a = more if a is None else add(a, more)
        return conjugated(a)

    return pull


def _within(u: Any, g: Any, k: int) -> tuple[Any, Any]:
    """Split the cotangent of singular vectors into what leaves the span of the first k, and what turns within it."""
    if g is None:
        return None, None
    first = u
    if u.shape[-1] > k:
        # The further columns span the complement of the first, so they turn as those do.
        first, others = u[..., :k], u[..., k:]
        further = g[..., k:]
        check_complement(matmul(dagger(others), further))
        g = subtract(g[..., :k], matmul(others, matmul(dagger(further), first)))
    p = matmul(dagger(first), g)
    return (None if u.shape[-2] == k else subtract(g, matmul(first, p))), p


def _svd_invariant(u: Any, s: Any, vh: Any) -> tuple[Any, ...]:
    k = s.shape[-1]
    found = [s, pairs_of(u[..., :k], vh[..., :k, :])]
    if u.shape[-1] > k:
        others = u[..., k:]
        found.append(matmul(others, dagger(others)))
    if vh.shape[-2] > k:
        others = vh[..., k:, :]
        found.append(matmul(dagger(others), others))
    return tuple(found)


svd_p = general(
    "svd",
    _svd_impl,
    vjp=(_svd_rule,),
    shape=_svd_shape,
    batch=as_it_is,
    multiple=True,
    dtypes="floating",
    invariant=_svd_invariant,
    cases=(
        case((3, 3), full=False),
        case((2, 4, 2), full=False),
        case((2, 3), full=False),
        case((4, 2), full=True),
        case((2, 3), full=True),
        case((0, 3, 2), full=False),
    ),
)


def repeated_or_zero(s: Any) -> Any:
    """Return which singular values are equal to others or zero, but for rounding."""
    return bitwise_or(repeated(s), equal(separated(s, s), 0))


def _svdvals_rule(y: Any, x: Any) -> Pull:  # noqa: ARG001  # the form of every rule
    def pull(g: Any) -> Any:
        u, s, vh = bind(svd_p, x, full=False)
        followed = series(s)
        if followed is None or followed.order < 2:
            # At zero a singular value has a kink, as the absolute value has.
            g = masked(g, not_equal(separated(s, s), 0))
        return conjugated(matmul(multiply(of_values(u), as_row(g)), of_values(vh)))

    return pull


svdvals_p = general(
    "svdvals",
    lambda xp, x: xp.linalg.svdvals(x),
    vjp=(_svdvals_rule,),
    shape=lambda x: real_spec(x, (*x.shape[:-2], min(x.shape[-2:]))),
    batch=as_it_is,
    dtypes="floating",
    cases=(case((3, 3)), case((2, 4, 2)), case((2, 3)), case((0, 3, 2)), case((0, 0))),
)


handler("svd")(partial(split, "svd", place=1, which=repeated_or_zero))
handler("svdvals")(partial(split, "svd", place=0, which=repeated_or_zero))
closed["svd"] = lambda found: repeated_or_zero(found[1])
closed["svdvals"] = repeated_or_zero


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


def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult:
    r"""Singular value decomposition: :math:`X = U \operatorname{diag}(S) V^H`, singular values in descending order.

    Derivative: with :math:`E = U^H dX\, V` the values move by :math:`\operatorname{Re} E_{ii}`, and the vectors turn
    among themselves by :math:`\Omega \pm \Psi = (E \pm E^H)_{ij} / (s_j \mp s_i)`. Singular vectors are determined up
    to a common phase of each pair, and up to a rotation where values are equal or zero but for rounding. There
    derivatives are the limits of those at matrices nearby whose values are distinct and not zero. They are right, in
    both modes and at every order, for functions of the matrix that are smooth and do not depend on the choice of the
    vectors: :math:`U V^H` at equal values above zero, :math:`U f(S) V^H` with an odd f at zeros too. Functions that do
    depend on the choice, as :math:`U V^H` does at zeros, are refused there, in both modes and at every order.

    With ``full_matrices=True`` the further columns are any orthonormal basis of the complement. Functions that depend
    on which, or on the phases of complex vectors, are refused in reverse mode; forward mode has the tangents of vectors
    that turn no more than they have to.

    Under `jit` the same holds at equal and zero values if the decomposition and its derivative are in one compiled
    function, as in ``jit(grad(f))``. In ``grad(jit(f))``, and with donated arguments, these are refused when vectors
    are differentiated; phases and further columns are not looked at in either.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, N)``.
    full_matrices : bool, default True
        Whether U has M columns and Vh N rows, or K = ``min(M, N)`` each.

    Returns
    -------
    SVDResult
        The named tuple (U, S, Vh) of shapes ``(..., M, M)``, ``(..., K)`` and ``(..., N, N)``, or ``(..., M, K)``,
        ``(..., K)`` and ``(..., K, N)``.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of floating-point matrices.
    NotDifferentiableError
        Where values are equal or zero, if the derivative does not exist or depends on the choice of the vectors, or the
        matrix is computed from another decomposition at equal values; if the function depends on phases of complex
        vectors, or on the basis of the complement.

    References
    ----------
    Python Array API standard, ``linalg.svd``. M. Seeger, A. Hetzel, Z. Dai, E. Meissner and N. D. Lawrence,
    Auto-differentiating linear algebra, arXiv:1710.08717 (2017). Z.-Q. Wan and S.-X. Zhang, Automatic differentiation
    for complex valued SVD, arXiv:1909.02659 (2019).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> u, s, vh = xp.linalg.svd(np.array([[0.0, 2.0], [1.0, 0.0]]))
    >>> s
    array([2., 1.])
    """
    check_matrices("svd", x)
    m, n = x.shape[-2:]
    full = bool(full_matrices) and m != n
    return SVDResult(*separate(svd_p, x, full=full))


def svdvals(x: Any, /) -> Any:
    r"""Singular values of matrices, in descending order.

    Derivative: :math:`ds_i = \operatorname{Re}(u_i^H dX\, v_i)`; 0 where a singular value is zero, as at the kink of
    the absolute value. It is right at equal values for functions that treat them alike, to every order; second
    derivatives are right at zeros for smooth functions, such as the sum of squares, and refused where there is a kink.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, N)``.

    Returns
    -------
    array
        Of shape ``(..., min(M, N))`` and the real data type of the precision of `x`.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of floating-point matrices.
    NotDifferentiableError
        Where values are equal or zero, if the derivative does not exist.

    References
    ----------
    Python Array API standard, ``linalg.svdvals``. M. B. Giles, Oxford report 08/01 (2008), section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.svdvals(np.array([[0.0, 2.0], [1.0, 0.0]]))
    array([2., 1.])
    """
    check_matrices("svdvals", x)
    return separate(svdvals_p, x)


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
