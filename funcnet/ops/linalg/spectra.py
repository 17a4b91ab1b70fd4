"""Eigenvalues and eigenvectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.core import Arg, bind, carries_derivative, case, general
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
    separated,
)
from funcnet.ops.linalg.products import diagonal, diagonal_matrix
from funcnet.ops.linalg.repeated import check_joint, guarded, with_value
from funcnet.ops.linalg.solving import solve
from funcnet.ops.linalg.sylvester import divided
from funcnet.ops.linear_algebra import matmul
from funcnet.ops.strong import divide_or_zero

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


def _gaps(w: Any) -> Any:
    """Return ``w_j - w_i``, with exact zeros where eigenvalues are equal but for rounding."""
    return separated(as_row(w) - as_column(w), w)


def _invariant(w: Any, v: Any) -> tuple[Any, Any]:
    return w, pairs_of(v, dagger(v))


# ---------------------------------------------------------------- Hermitian matrices


def _eigh_impl(xp: Any, x: Any) -> tuple[Any, Any]:
    w, v = xp.linalg.eigh(hermitian(xp, x))
    return w, v


def _within(x: Any, v: Any) -> Any:
    """Return the Hermitian part of x in the basis v."""
    return matmul(matmul(dagger(v), add(x, dagger(x)) * 0.5), v)


def _eigh_rule(y: Any, x: Any) -> Pull:
    w, v = y

    def pull(gs: Any) -> Any:
        gw, gv = gs
        inner = None
        adjoint = dagger(v)
        if gv is not None:
            turning = matmul(adjoint, conjugated(gv))
            if gw is not None:
                check_joint("eigh", w, gw, turning)
            inner = divided(turning, w, -1, lambda: _within(x, v))
        if gw is not None:
            gw = guarded("eigh", gw, w, lambda: _within(x, v))
            if gv is None:
                return conjugated(matmul(multiply(v, as_row(gw)), adjoint))
            on = cast(diagonal_matrix(gw), v.dtype)
            inner = on if inner is None else add(inner, on)
        a = matmul(matmul(v, inner), adjoint)
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
        v = bind(eigh_p, x)[1]
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

    def pull(gs: Any) -> Any:
        gw, gv = gs
        inner = None
        adjoint = dagger(v)
        if gv is not None:
            along = matmul(adjoint, conjugated(gv))
            # Eigenvectors keep their length.
            along = subtract(along, multiply(matmul(adjoint, v), as_row(real(diagonal(along)))))
            inner = divide_or_zero(along, conjugated(_gaps(w)))
        if gw is not None:
            on = diagonal_matrix(conjugated(gw))
            inner = on if inner is None else add(inner, on)
        return conjugated(solve(adjoint, matmul(inner, adjoint)))

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
        v = bind(eig_p, x)[1]
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


def eigh(x: Any, /) -> EighResult:
    r"""Eigenvalues and eigenvectors of Hermitian matrices: :math:`X = V \operatorname{diag}(w) V^H`.

    The function is that of the Hermitian part :math:`(X + X^H)/2`, so gradients are Hermitian.

    Derivative: with :math:`E = V^H dX\, V`, :math:`dw_i = E_{ii}` and :math:`dV = V (F \circ E)`, where
    :math:`F_{ij} = 1/(w_j - w_i)`, and 0 on the diagonal and where eigenvalues are equal but for rounding. Eigenvectors
    are determined up to a phase each, and up to a rotation where eigenvalues are equal. So derivatives are finite
    everywhere. Where eigenvalues are equal they are right, in both modes and at every order, for functions of the
    vectors alone that do not depend on the choice of them, such as :math:`V V^H` and projectors on the space of equal
    eigenvalues. Functions of the values alone are those of `eigvalsh`. A function that mixes both, :math:`V f(w) V^H`,
    depends there on more than the derivatives of values and vectors show: reverse mode refuses it where the cotangents
    of equal eigenvalues or of their vectors do not treat them alike, if values and vectors are of one call. Forward
    mode cannot see it: its tangent lacks what turns within a group of equal eigenvalues.

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
        In reverse mode, of a function of values and vectors together where eigenvalues are equal.
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
    return EighResult(*bind(eigh_p, x))


def eigvalsh(x: Any, /) -> Any:
    r"""Eigenvalues of Hermitian matrices, in ascending order.

    The function is that of the Hermitian part :math:`(X + X^H)/2`, so gradients are Hermitian.

    Derivative: :math:`dw_i = v_i^H dX\, v_i`, right at equal eigenvalues for functions that treat them alike.
    Second derivatives at equal eigenvalues are right for sums of eigenvalues that treat these alike, such as the trace.
    Those of other functions depend on more than derivatives of eigenvalues show: reverse over any mode refuses them
    unless all cotangents of the equal eigenvalues and of their vectors are zero, forward over reverse mode unless the
    direction changes the function's derivatives by equal eigenvalues alike. Where they are not refused, and in forward
    over forward mode, they lack what turns within a group of equal eigenvalues.

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
        In the second derivative at equal eigenvalues, of other than linear functions.

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
    w = bind(eigvalsh_p, x)
    if carries_derivative(x):
        # Further derivatives go to values and vectors of one decomposition, which sees what depends on both.
        return with_value(bind(eigh_p, x)[0], w)
    return w


def eig(x: Any, /) -> EigResult:
    r"""Eigenvalues and eigenvectors of any square matrices: :math:`X V = V \operatorname{diag}(w)`.

    Results are complex, also where all of them happen to be real.

    Derivative: with :math:`E = V^{-1} dX\, V`, :math:`dw_i = E_{ii}` and
    :math:`dV = V (F \circ E - \operatorname{diag}(c))`, where :math:`F_{ij} = 1/(w_j - w_i)` off the diagonal and the
    real :math:`c_i` keep each eigenvector at length 1. The phase of an eigenvector is arbitrary: derivatives are right
    for functions that do not depend on it. Eigenvalues must differ, but for functions that do not look at
    the eigenvectors.

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
    LinAlgError
        The array library's own, if the iteration does not converge, or in the derivative of a defective matrix.

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
    return EigResult(*bind(eig_p, x))


def eigvals(x: Any, /) -> Any:
    r"""Eigenvalues of any square matrices.

    Results are complex, also where all of them happen to be real.

    Derivative: :math:`dw_i = (V^{-1} dX\, V)_{ii}`.

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
    LinAlgError
        The array library's own, if the iteration does not converge, or in the derivative of a defective matrix.

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
    return bind(eigvals_p, x)
