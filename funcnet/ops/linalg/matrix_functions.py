"""Functions of matrices: exponential, square root and logarithm.

The derivative of any of them along E is a block of the same function of a matrix twice as large, Higham (2008), theorem
3.6: ``f([[X, E], [0, X]]) = [[f(X), L(X, E)], [0, f(X)]]``. Its transpose is the derivative at the transposed matrix.
"""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING, Any

from funcnet.core import Arg, bind, case, general
from funcnet.core.dtypes import kind
from funcnet.errors import ParameterError
from funcnet.ops.arithmetic import maximum
from funcnet.ops.arithmetic import pow as power
from funcnet.ops.batching import as_it_is
from funcnet.ops.broadcasting import cast
from funcnet.ops.comparison import greater, where
from funcnet.ops.complex import abs as absolute
from funcnet.ops.creation import zeros_like
from funcnet.ops.exponential import log2 as log2_of
from funcnet.ops.extremes import max as maximum_of
from funcnet.ops.joining import concat
from funcnet.ops.linalg.common import check_matrices, eps_of
from funcnet.ops.linear_algebra import matrix_transpose
from funcnet.ops.rounding import floor

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.core import Primitive

    Pull = Callable[[Any], Any]

__all__ = ["expm", "logm", "sqrtm"]

#: Norms up to which approximants of these degrees are exact to the last digit, Higham (2005), tables 2.3 and 2.2.
_DOUBLE = ((3, 0.01495585217958292), (5, 0.253939833006323), (7, 0.9504178996162932), (9, 2.097847961257068))
_SINGLE = ((3, 0.4258730016922831), (5, 1.880152677804762))
_LAST = {False: (13, 5.371920351148152), True: (7, 3.925724783138660)}
_MOST_STEPS = 100
#: Nodes and weights of Gauss and Legendre on the interval from 0 to 1, and the norm up to which they suffice.
_NODES = (
    (0.019855071751231912, 0.05061426814518853),
    (0.10166676129318664, 0.11119051722668721),
    (0.2372337950418355, 0.15685332293894344),
    (0.4082826787521751, 0.18134189168918083),
)
_NEAR = 0.25


def _norms(xp: Any, x: Any) -> Any:
    """Return the largest sum of a column's absolute values, of each matrix."""
    return xp.max(xp.sum(xp.abs(x), axis=-2), axis=-1)


def _identity(xp: Any, x: Any) -> Any:
    return xp.broadcast_to(xp.eye(x.shape[-1], dtype=x.dtype, device=x.device), x.shape)


def _coefficients(degree: int) -> list[float]:
    """Return those of the numerator of the diagonal approximant of the exponential, the first of which is 1."""
    found = [1.0]
    for k in range(1, degree + 1):
        found.append(found[-1] * (degree - k + 1) / (k * (2 * degree - k + 1)))
    return found


def _expm_impl(xp: Any, x: Any) -> Any:
    if 0 in x.shape:
        return x + 0
    norms = _norms(xp, x)
    largest = float(xp.max(norms))
    if not largest < float("inf"):
        return x * float("nan")
    single = eps_of(x) > 1e-10
    degree, limit = next((d for d in (_SINGLE if single else _DOUBLE) if largest <= d[1]), _LAST[single])
    squarings = max(0, ceil(log2(largest / limit))) if largest > limit else 0
    if squarings:
        # Each matrix by its own power of two, which is exact.
        own = xp.clip(xp.ceil(xp.log2(xp.where(norms > 0, norms, 1.0) / limit)), 0.0, float(squarings))[..., None, None]
        x = x * xp.astype(2.0**-own, x.dtype)
    one = _identity(xp, x)
    square = xp.matmul(x, x)
    c = _coefficients(degree)
    even, odd = one * c[degree - 1], one * c[degree]
    for k in range(degree - 3, -1, -2):
        even = xp.matmul(even, square) + one * c[k]
        odd = xp.matmul(odd, square) + one * c[k + 1]
    odd = xp.matmul(x, odd)
    y = xp.linalg.solve(even - odd, even + odd)
    for k in range(squarings):
        y = xp.where(own > k, xp.matmul(y, y), y)
    return y


def _root(xp: Any, x: Any, name: str) -> Any:
    if 0 in x.shape:
        return x + 0
    one = _identity(xp, x)
    n, small = x.shape[-1], 20 * x.shape[-1] * eps_of(x)
    m, y, before = x, x, float("inf")
    for _ in range(_MOST_STEPS):
        inverse = xp.linalg.inv(m)
        # Scaled by the determinant as long as that is far from 1.
        size = xp.linalg.slogdet(m)[1]
        by = xp.astype(xp.exp(size * (-0.5 / n if before > 0.1 else 0.0)), x.dtype)[..., None, None]
        inverse = inverse / (by * by)
        y = 0.5 * by * xp.matmul(y, one + inverse)
        m = 0.5 * (one + 0.5 * (by * by * m + inverse))
        distance = float(xp.max(_norms(xp, m - one)))
        if distance <= small or (distance < 1e-2 and distance >= before):
            return y
        before = distance
    raise _off_branch(name, x)


def _logm_impl(xp: Any, x: Any) -> Any:
    if 0 in x.shape:
        return x + 0
    one = _identity(xp, x)
    halvings = 0
    while not float(xp.max(_norms(xp, rest := x - one))) <= _NEAR:
        if halvings == _MOST_STEPS:
            raise _off_branch("logm", x)
        x = _root(xp, x, "logm")
        halvings += 1
    y = x * 0
    for node, weight in (*_NODES, *[(1.0 - node, weight) for node, weight in _NODES]):
        y = y + weight * xp.linalg.solve(one + node * rest, rest)
    return y * 2.0**halvings


def _off_branch(name: str, x: Any) -> ParameterError:
    real = kind(x.dtype) != "c"
    return ParameterError(
        f"xp.linalg.{name} found no principal value.",
        found=f"matrices of dtype {x.dtype} with eigenvalues on the negative real axis, or too close to it",
        needed="matrices without negative real eigenvalues, and not singular",
        write=f"xp.linalg.{name}(xp.astype(x, xp.complex128) * xp.exp(1e-6j)) for one side of the branch cut"
        if real
        else "a matrix turned a little to one side of the branch cut",
    )


def _along(primitive: Primitive, x: Any, e: Any) -> Any:
    """Return the derivative of a function of x along e."""
    n = x.shape[-1]
    if not n:
        return e
    # Of a size like that of x; a power of two, which is exact, and constant for derivatives.
    sizes = [maximum_of(absolute(a), axis=(-2, -1), keepdims=True) for a in (e, x)]
    if primitive is expm_p:
        sizes[1] = maximum(sizes[1], 1.0)
    positive = [where(greater(s, 0), s, 1.0) for s in sizes]
    scale = cast(power(2.0, floor(log2_of(positive[0] / positive[1]))), e.dtype)
    top, bottom = concat([x, e / scale], axis=-1), concat([zeros_like(x), x], axis=-1)
    return bind(primitive, concat([top, bottom], axis=-2))[..., :n, n:] * scale


def _declared(name: str, impl: Callable[..., Any], cases: Any) -> Primitive:
    def rule(y: Any, x: Any) -> Pull:  # noqa: ARG001  # the form of every rule
        return lambda g: _along(primitive, matrix_transpose(x), g)

    def forward(tangents: Any, y: Any, x: Any) -> Any:  # noqa: ARG001
        return _along(primitive, x, tangents[0])

    primitive = general(
        name,
        impl,
        vjp=(rule,),
        jvp=forward,
        shape=lambda x: x.shape,
        batch=as_it_is,
        dtypes="floating",
        cases=cases,
    )
    return primitive


_EMPTY = (case((0, 0)), case((0, 2, 2)))
_REGULAR = (case(Arg((3, 3), "definite")), case(Arg((2, 2, 2), "definite")), *_EMPTY)
expm_p = _declared("expm", _expm_impl, (case((3, 3)), case((2, 2, 2)), case((1, 1)), *_EMPTY))
sqrtm_p = _declared("sqrtm", lambda xp, x: _root(xp, x, "sqrtm"), _REGULAR)
logm_p = _declared("logm", _logm_impl, _REGULAR)


def expm(x: Any, /) -> Any:
    r"""Exponential of square matrices: :math:`e^X = \sum_k X^k / k!`.

    By scaling and squaring of rational approximants. Derivative:
    :math:`dY = \int_0^1 e^{(1 - s) X}\, dX\, e^{s X}\, ds`, from the exponential of a matrix twice as large; right for
    every matrix, with repeated eigenvalues or without independent eigenvectors too.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``.

    Returns
    -------
    array
        Of the shape and data type of `x`; NaN where a matrix of the stack is not finite.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.

    References
    ----------
    N. J. Higham, The scaling and squaring method for the matrix exponential revisited, SIAM J. Matrix Anal. Appl. 26
    (2005) 1179-1193. N. J. Higham, Functions of matrices, SIAM (2008), theorem 3.6 and section 10.6. As SciPy's
    ``linalg.expm`` and PyTorch's ``linalg.matrix_exp``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.expm(np.array([[0.0, 1.0], [0.0, 0.0]]))
    array([[1., 1.],
           [0., 1.]])
    """
    check_matrices("expm", x, square=True)
    return bind(expm_p, x)


def sqrtm(x: Any, /) -> Any:
    r"""Principal square root of square matrices: :math:`Y Y = X`, with eigenvalues of positive real part.

    By the iteration of Denman and Beavers in its product form. Derivative: :math:`Y\, dY + dY\, Y = dX`, from the root
    of a matrix twice as large; right for repeated eigenvalues too.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``, without eigenvalues on the negative real axis.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.
    ParameterError
        If there is no principal root: where an eigenvalue is real and negative.
    LinAlgError
        The array library's own, of singular matrices, at which the root has no derivative.

    References
    ----------
    N. J. Higham, Functions of matrices, SIAM (2008), equation 6.29 and theorem 3.6. As SciPy's ``linalg.sqrtm``, which
    turns to complex numbers where needed.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.sqrtm(np.array([[4.0, 0.0], [0.0, 9.0]]))
    array([[2., 0.],
           [0., 3.]])
    """
    check_matrices("sqrtm", x, square=True)
    return bind(sqrtm_p, x)


def logm(x: Any, /) -> Any:
    r"""Principal logarithm of square matrices: :math:`e^Y = X`, eigenvalues with imaginary parts between -pi and pi.

    By repeated square roots, and Gauss-Legendre quadrature of
    :math:`\log X = \int_0^1 (X - 1) (1 + s (X - 1))^{-1} ds` near 1. Derivative: from the logarithm of a matrix twice
    as large; right for repeated eigenvalues too.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``, without eigenvalues on the negative real axis.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.
    ParameterError
        If there is no principal logarithm: where an eigenvalue is real and negative.
    LinAlgError
        The array library's own, of singular matrices.

    References
    ----------
    N. J. Higham, Functions of matrices, SIAM (2008), sections 11.4 and 11.5 and theorem 3.6. As SciPy's
    ``linalg.logm``, which turns to complex numbers where needed.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.logm(np.eye(2))
    array([[0., 0.],
           [0., 0.]])
    """
    check_matrices("logm", x, square=True)
    return bind(logm_p, x)
