"""Singular values and vectors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.core import bind, case, general
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

__all__ = ["SVDResult", "svd", "svdvals"]


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
