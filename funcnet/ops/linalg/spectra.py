"""Eigenvalues and eigenvectors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.core import Arg, bind, case, general
from funcnet.core.dtypes import kind
from funcnet.ops.arithmetic import add, multiply, subtract
from funcnet.ops.batching import as_it_is
from funcnet.ops.broadcasting import cast, real
from funcnet.ops.linalg.common import (
    as_column,
    as_row,
    check_matrices,
    complex_spec,
    conjugated,
    dagger,
    hermitian,
    pairs_of,
    real_spec,
)
from funcnet.ops.linalg.gaps import by_gaps, check_linked, check_phases, repeated, split
from funcnet.ops.linalg.independence import independent
from funcnet.ops.linalg.products import diagonal, diagonal_matrix
from funcnet.ops.linalg.solving import solve
from funcnet.ops.linalg.splitting import closed, handler, of_values, separate, series
from funcnet.ops.linear_algebra import matmul

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["EigResult", "EighResult", "eig", "eigh", "eigvals", "eigvalsh"]


class EighResult(NamedTuple):
    """What `eigh` returns: eigenvalues in ascending order, and eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


class EigResult(NamedTuple):
    """What `eig` returns: eigenvalues in no particular order, and eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


def _invariant(w: Any, v: Any) -> tuple[Any, Any]:
    return w, pairs_of(v, dagger(v))


# ---------------------------------------------------------------- Hermitian matrices


def _eigh_impl(xp: Any, x: Any) -> tuple[Any, Any]:
    w, v = xp.linalg.eigh(hermitian(xp, x))
    return w, v


def _eigh_rule(y: Any, x: Any) -> Pull:  # noqa: ARG001  # the form of every rule
    w, v = y

    def pull(gs: Any) -> Any:
        gw, gv = gs
        adjoint = dagger(v)
        if gv is None:
            u = of_values(v)
            return conjugated(matmul(multiply(u, as_row(gw)), dagger(u)))
        check_linked("eigh", w, gw, gv)
        along = matmul(adjoint, conjugated(gv))
        check_phases("eigh", along)
        inner = by_gaps(along, w, -1, -1)
        if gw is not None and series(v) is None:
            inner = add(inner, cast(diagonal_matrix(gw), v.dtype))
        a = matmul(matmul(v, inner), adjoint)
        if gw is not None and series(v) is not None:
            u = of_values(v)
            a = add(a, matmul(multiply(u, as_row(gw)), dagger(u)))
        return conjugated((a + dagger(a)) * 0.5)

    return pull


eigh_p = general(
    "eigh",
    _eigh_impl,
    vjp=(_eigh_rule,),
    shape=lambda x: (real_spec(x, tuple(x.shape[:-1])), x.shape),
    batch=as_it_is,
    multiple=True,
    dtypes="floating",
    invariant=_invariant,
    cases=(case((3, 3)), case((2, 2, 2)), case((1, 1)), case((0, 0)), case((0, 2, 2))),
)


def _eigvalsh_rule(y: Any, x: Any) -> Pull:  # noqa: ARG001  # the form of every rule
    def pull(g: Any) -> Any:
        v = of_values(bind(eigh_p, x)[1])
        return conjugated(matmul(multiply(v, as_row(g)), dagger(v)))

    return pull


eigvalsh_p = general(
    "eigvalsh",
    lambda xp, x: xp.linalg.eigvalsh(hermitian(xp, x)),
    vjp=(_eigvalsh_rule,),
    shape=lambda x: real_spec(x, tuple(x.shape[:-1])),
    batch=as_it_is,
    dtypes="floating",
    cases=(case((3, 3)), case((2, 2, 2)), case((1, 1)), case((0, 0)), case((0, 2, 2))),
)

# ---------------------------------------------------------------- matrices without symmetry


def _complex(xp: Any, y: Any) -> Any:
    if kind(y.dtype) == "c":
        return y
    return xp.astype(y, xp.complex64 if y.dtype == xp.float32 else xp.complex128)


def _eig_impl(xp: Any, x: Any) -> tuple[Any, Any]:
    w, v = xp.linalg.eig(x)
    return _complex(xp, w), _complex(xp, v)


def _eig_rule(y: Any, x: Any) -> Pull:  # noqa: ARG001
    w, v = y
    v = independent(v)

    def pull(gs: Any) -> Any:
        gw, gv = gs
        inner = None
        adjoint = dagger(v)
        if gv is not None:
            along = matmul(adjoint, conjugated(gv))
            check_phases("eig", along)
            # Eigenvectors keep their length.
            along = subtract(along, multiply(matmul(adjoint, v), as_row(real(diagonal(along)))))
            check_linked("eig", w, gw, gv)
            inner = by_gaps(along, conjugated(w), -1)
        if gw is None:
            return conjugated(solve(adjoint, matmul(inner, adjoint)))
        on = diagonal_matrix(conjugated(gw))
        if inner is not None and series(v) is None:
            return conjugated(solve(adjoint, matmul(add(inner, on), adjoint)))
        u = of_values(adjoint)
        a = solve(u, matmul(on, u))
        return conjugated(a if inner is None else add(a, solve(adjoint, matmul(inner, adjoint))))

    return pull


eig_p = general(
    "eig",
    _eig_impl,
    vjp=(_eig_rule,),
    shape=lambda x: (complex_spec(x, tuple(x.shape[:-1])), complex_spec(x, tuple(x.shape))),
    batch=as_it_is,
    multiple=True,
    dtypes="floating",
    invariant=_invariant,
    cases=(case(Arg((3, 3), "regular")), case(Arg((2, 2, 2), "regular")), case((1, 1)), case((0, 0)), case((0, 2, 2))),
)


def _eigvals_rule(y: Any, x: Any) -> Pull:  # noqa: ARG001
    def pull(g: Any) -> Any:
        v = of_values(independent(bind(eig_p, x)[1]))
        adjoint = dagger(v)
        return conjugated(solve(adjoint, multiply(as_column(conjugated(g)), adjoint)))

    return pull


eigvals_p = general(
    "eigvals",
    lambda xp, x: _complex(xp, xp.linalg.eigvals(x)),
    vjp=(_eigvals_rule,),
    shape=lambda x: complex_spec(x, tuple(x.shape[:-1])),
    batch=as_it_is,
    dtypes="floating",
    cases=(case(Arg((3, 3), "regular")), case(Arg((2, 2, 2), "regular")), case((1, 1)), case((0, 0)), case((0, 2, 2))),
)


def _repeated_first(y: Any) -> Any:
    return repeated(y[0])


for _p, _name in ((eigh_p, "eigh"), (eigvalsh_p, "eigh"), (eig_p, "eig"), (eigvals_p, "eig")):
    handler(_p.name)(partial(split, _name, place=0, which=repeated))
    closed[_p.name] = _repeated_first if _p.multiple else repeated


def eigh(x: Any, /) -> EighResult:
    r"""Eigenvalues and eigenvectors of Hermitian matrices: :math:`X = V \operatorname{diag}(w) V^H`.

    The function is that of the Hermitian part :math:`(X + X^H)/2`, so gradients are Hermitian.

    Derivative: with :math:`E = V^H dX\, V`, :math:`dw_i = E_{ii}` and :math:`dV = V (F \circ E)`, where
    :math:`F_{ij} = 1/(w_j - w_i)`, and 0 on the diagonal. Eigenvectors are determined up to a phase each, and up to a
    rotation where eigenvalues are equal but for rounding. There derivatives are the limits of those at matrices nearby
    whose eigenvalues are distinct. They are right, in both modes and at every order, for functions of the matrix that
    are smooth and do not depend on the choice of the eigenvectors: :math:`V f(w) V^H`, projectors on the space of equal
    eigenvalues, sums over all of them. A function that does depend on the choice, such as one of a single eigenvector,
    is refused there: in reverse and in forward mode, at every order, and under `vmap`. So is one that depends on the
    phases of complex eigenvectors anywhere, in reverse mode; forward mode has the tangent of an eigenvector that keeps
    its phase. Of single eigenvalues, which have a kink where they are equal, the first derivative is one for this
    choice of the eigenvectors, and the second is refused.

    Under `jit` the same holds if the decomposition and its derivative are in one compiled function, as in
    ``jit(grad(f))``. In ``grad(jit(f))``, and with donated arguments, equal eigenvalues are refused when vectors are
    differentiated, and phases are not looked at in either.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``.

    Returns
    -------
    EighResult
        The named tuple (eigenvalues, eigenvectors) of shapes ``(..., M)`` and ``(..., M, M)``; eigenvalues are real and
        ascending.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.
    NotDifferentiableError
        Where eigenvalues are equal, if the derivative does not exist or depends on the choice of the eigenvectors, or
        the matrix is computed from another decomposition at equal values; where eigenvectors are complex, if the
        function depends on their phases.
    LinAlgError
        The array library's own, if the iteration does not converge.

    References
    ----------
    Python Array API standard, ``linalg.eigh``. M. B. Giles, Oxford report 08/01 (2008), section 3.1. M. Seeger et al.,
    Auto-differentiating linear algebra, arXiv:1710.08717 (2017). C. Boeddeker, P. Hanebrink, L. Drude, J. Heymann and
    R. Haeb-Umbach, On the computation of complex-valued gradients with application to statistically optimum
    beamforming, arXiv:1701.00392 (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> w, v = xp.linalg.eigh(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> w
    array([-1.,  1.])
    """
    check_matrices("eigh", x, square=True)
    return EighResult(*separate(eigh_p, x))


def eigvalsh(x: Any, /) -> Any:
    r"""Eigenvalues of Hermitian matrices, in ascending order.

    The function is that of the Hermitian part :math:`(X + X^H)/2`, so gradients are Hermitian.

    Derivative: :math:`dw_i = v_i^H dX\, v_i`, right at equal eigenvalues for functions that treat them alike, to every
    order, also under `jit`. A single one of equal eigenvalues has a kink: its first derivative is one for some choice
    of eigenvectors, the second is refused.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``.

    Returns
    -------
    array
        Of shape ``(..., M)`` and the real data type of the precision of `x`.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.
    NotDifferentiableError
        Where eigenvalues are equal, if the derivative does not exist.

    References
    ----------
    Python Array API standard, ``linalg.eigvalsh``. M. B. Giles, Oxford report 08/01 (2008), section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.eigvalsh(np.array([[0.0, 1.0], [1.0, 0.0]]))
    array([-1.,  1.])
    """
    check_matrices("eigvalsh", x, square=True)
    return separate(eigvalsh_p, x)


def eig(x: Any, /) -> EigResult:
    r"""Eigenvalues and eigenvectors of any square matrices: :math:`X V = V \operatorname{diag}(w)`.

    Results are complex, also where all of them happen to be real.

    Derivative: with :math:`E = V^{-1} dX\, V`, :math:`dw_i = E_{ii}` and
    :math:`dV = V (F \circ E - \operatorname{diag}(c))`, where :math:`F_{ij} = 1/(w_j - w_i)` off the diagonal and the
    real :math:`c_i` keep each eigenvector at length 1. The phase of an eigenvector is arbitrary: derivatives are right
    for functions that do not depend on it, and others are refused in reverse mode. At equal eigenvalues with
    independent eigenvectors they are limits, as those of `eigh`, also under `jit`, and functions that depend on the
    choice of the eigenvectors are refused. Matrices that lack eigenvectors have no derivative.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``.

    Returns
    -------
    EigResult
        The named tuple (eigenvalues, eigenvectors) of shapes ``(..., M)`` and ``(..., M, M)``, both complex.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.
    NotDifferentiableError
        Where eigenvalues are equal, if the derivative does not exist or depends on the choice of the eigenvectors; if
        the function depends on the phases of eigenvectors; if eigenvectors are not independent but for half of the
        digits, so that derivatives would not have any.
    LinAlgError
        The array library's own, if the iteration does not converge.

    References
    ----------
    Python Array API standard, ``linalg.eig``. M. B. Giles, Oxford report 08/01 (2008), section 3.1. C. Boeddeker et
    al., arXiv:1701.00392 (2017), section 4.18.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> w, v = xp.linalg.eig(np.array([[2.0, 0.0], [0.0, 3.0]]))
    >>> w
    array([2.+0.j, 3.+0.j])
    """
    check_matrices("eig", x, square=True)
    return EigResult(*separate(eig_p, x))


def eigvals(x: Any, /) -> Any:
    r"""Eigenvalues of any square matrices.

    Results are complex, also where all of them happen to be real.

    Derivative: :math:`dw_i = (V^{-1} dX\, V)_{ii}`, right at equal eigenvalues with independent eigenvectors for
    functions that treat them alike, to every order, also under `jit`. A single one of equal eigenvalues has a kink, as
    for `eigvalsh`.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``.

    Returns
    -------
    array
        Of shape ``(..., M)`` and the complex data type of the precision of `x`.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.
    NotDifferentiableError
        Where eigenvalues are equal, if the derivative does not exist; if eigenvectors are not independent.
    LinAlgError
        The array library's own, if the iteration does not converge.

    References
    ----------
    Python Array API standard, ``linalg.eigvals``. M. B. Giles, Oxford report 08/01 (2008), section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.eigvals(np.array([[2.0, 0.0], [0.0, 3.0]]))
    array([2.+0.j, 3.+0.j])
    """
    check_matrices("eigvals", x, square=True)
    return separate(eigvals_p, x)
