"""Determinants, of singular matrices too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.core import bind, case, general
from funcnet.core.dtypes import kind
from funcnet.ops.arithmetic import add, multiply
from funcnet.ops.batching import as_it_is
from funcnet.ops.bitwise import bitwise_or
from funcnet.ops.broadcasting import broadcast_to, cast, reshaped
from funcnet.ops.comparison import equal, greater, not_equal, where
from funcnet.ops.complex import imag
from funcnet.ops.creation import zeros_like
from funcnet.ops.fresh import array_like
from funcnet.ops.joining import concat
from funcnet.ops.linalg.common import (
    as_column,
    as_row,
    check_matrices,
    conjugated,
    dagger,
    eps_of,
    identity_like,
    real_spec,
    separated,
)
from funcnet.ops.linalg.products import diagonal, diagonal_matrix
from funcnet.ops.linalg.singular import svd_p
from funcnet.ops.linalg.solving import inv
from funcnet.ops.linalg.splitting import separate, series
from funcnet.ops.linear_algebra import matmul, matrix_transpose
from funcnet.ops.statistical import prod
from funcnet.ops.statistical import sum as sum_of
from funcnet.ops.strong import divide_or_zero, strong_multiply

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["SlogdetResult", "det", "slogdet"]


class SlogdetResult(NamedTuple):
    """What `slogdet` returns: the sign of the determinant and the logarithm of its absolute value."""

    sign: Any
    logabsdet: Any


def _as_factor(x: Any) -> Any:
    return reshaped(x, (*x.shape, 1, 1))


# ---------------------------------------------------------------- the determinant and its derivative


def _det_rule(y: Any, x: Any) -> Pull:  # noqa: ARG001  # the form of every rule
    return lambda g: multiply(_as_factor(g), bind(cofactor_p, x))


det_p = general(
    "det",
    lambda xp, x: xp.linalg.det(x),
    vjp=(_det_rule,),
    shape=lambda x: x.shape[:-2],
    batch=as_it_is,
    dtypes="floating",
    cases=(case((3, 3)), case((2, 2, 2)), case((1, 1)), case((0, 0)), case((0, 2, 2))),
)


def _cofactor_impl(xp: Any, x: Any) -> Any:
    n = x.shape[-1]
    if not n:
        return xp.zeros(x.shape, dtype=x.dtype, device=x.device)
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    own = xp.eye(n, dtype=xp.bool, device=x.device)
    others = xp.prod(xp.where(own, xp.ones((), dtype=s.dtype, device=x.device), xp.expand_dims(s, axis=-2)), axis=-1)
    phase = xp.linalg.det(u) * xp.linalg.det(vh)
    y = xp.matmul(u * xp.astype(xp.expand_dims(others, axis=-2), x.dtype), vh)
    return phase[..., None, None] * (xp.conj(y) if kind(x.dtype) == "c" else y)


def _cofactor_rule(y: Any, x: Any) -> Pull:  # noqa: ARG001
    def pull(g: Any) -> Any:
        n = x.shape[-1]
        if n < 2:
            return zeros_like(g)
        u, s, vh = separate(svd_p, x, full=False)
        regular = greater(s[..., -1], s[..., 0] * eps_of(s) ** 0.25)
        regular = reshaped(regular, (*regular.shape, 1, 1))
        # The second derivative of the determinant is a symmetric bilinear form, so this is forward rule and reverse
        # rule. By the inverse it holds at every order, but is inaccurate near singular matrices.
        safe = where(regular, x, identity_like(x, n))
        a = matrix_transpose(inv(safe))
        along = _as_factor(sum_of(multiply(a, g), axis=(-2, -1)))
        by_inverse = multiply(_as_factor(det(safe)), multiply(along, a) - matmul(matmul(a, matrix_transpose(g)), a))
        # Between singular vectors the matrix is diagonal, and the form a product of the other singular values.
        phase = _as_factor(det(u) * det(vh))
        between = matmul(matmul(dagger(u), g), dagger(vh))
        q = _products_but_two(s)
        on = as_column(diagonal(between))
        inner = diagonal_matrix(reshaped(matmul(cast(q, on.dtype), on), tuple(on.shape[:-1])))
        inner = inner - multiply(q, matrix_transpose(between))
        by_values = multiply(phase, matmul(matmul(conjugated(u), inner), conjugated(vh)))
        return where(regular, by_inverse, by_values)

    return pull


def _products_but_two(s: Any) -> Any:
    """Return the products of all but each pair of the singular values, with zeros on the diagonal."""
    n = s.shape[-1]
    lead = tuple(s.shape[:-1])
    if series(s) is not None:
        # Where values are equal or zero, further derivatives look at each: no division, but a cube of numbers.
        own = equal(identity_like(s, n), 1)
        two = bitwise_or(reshaped(own, (n, 1, n)), reshaped(own, (1, n, n)))
        products = prod(where(two, 1.0, reshaped(s, (*lead, 1, 1, n))), axis=-1)
        return products - diagonal_matrix(diagonal(products))
    least, next_least = _as_factor(s[..., -1]), _as_factor(s[..., -2])
    large = separated(s, s)[..., : n - 2]
    product = _as_factor(prod(s[..., : n - 2], axis=-1))
    # Of each value but the two smallest, the inverse.
    inverse = divide_or_zero(large * 0 + 1, large)
    both = as_column(inverse) * as_row(inverse)
    both = both - diagonal_matrix(diagonal(both))
    both = both * (least * next_least)
    right = as_column(inverse)
    edge = [right * least, right * next_least]
    zero = broadcast_to(array_like(s, 0.0, s.dtype), (*lead, 1, 1))
    one = zero + 1
    edges = concat(edge, axis=-1)
    corner = concat([concat([zero, one], axis=-1), concat([one, zero], axis=-1)], axis=-2)
    top = concat([both, edges], axis=-1)
    bottom = concat([matrix_transpose(edges), corner], axis=-1)
    return product * concat([top, bottom], axis=-2)


cofactor_p = general(
    "cofactor",
    _cofactor_impl,
    vjp=(_cofactor_rule,),
    shape=lambda x: x.shape,
    batch=as_it_is,
    dtypes="floating",
    internal=True,
    cases=(case((3, 3)), case((2, 2, 2)), case((1, 1)), case((0, 0)), case((0, 2, 2))),
)

# ---------------------------------------------------------------- sign and logarithm


def _slogdet_impl(xp: Any, x: Any) -> tuple[Any, Any]:
    sign, logarithm = xp.linalg.slogdet(x)
    return sign, logarithm


def _slogdet_shape(x: Any) -> Any:
    lead = tuple(x.shape[:-2])
    return lead, real_spec(x, lead)


def _slogdet_rule(y: Any, x: Any) -> Pull:
    sign = y[0]

    def pull(gs: Any) -> Any:
        gsign, g = gs
        turning = gsign is not None and kind(x.dtype) == "c"
        if turning:
            turn = imag(multiply(gsign, sign)) * 1j
            g = turn if g is None else add(g, turn)
        if g is None:
            return zeros_like(x)
        regular = _as_factor(not_equal(sign, 0))
        inverse = matrix_transpose(inv(where(regular, x, identity_like(x, x.shape[-1]))))
        return strong_multiply(_as_factor(g), where(regular, inverse, array_like(x, float("inf"), x.dtype)))

    return pull


slogdet_p = general(
    "slogdet",
    _slogdet_impl,
    vjp=(_slogdet_rule,),
    shape=_slogdet_shape,
    batch=as_it_is,
    multiple=True,
    dtypes="floating",
    cases=(case((3, 3)), case((2, 2, 2)), case((1, 1)), case((0, 0)), case((0, 2, 2))),
)


def det(x: Any, /) -> Any:
    r"""Determinant of square matrices.

    Derivative: the cofactor matrix, :math:`\partial \det X / \partial X = \operatorname{adj}(X)^T`, which exists for
    singular matrices too: it is computed from the singular value decomposition, as
    :math:`\operatorname{adj}(U S V^H) = \det(U) \det(V^H)\, V \operatorname{adj}(S)\, U^H`. So the gradient is right
    for matrices of rank n - 1, and zero below; second derivatives are right at every rank.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``.

    Returns
    -------
    array
        Of shape ``(...)`` and the data type of `x`.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.

    References
    ----------
    Python Array API standard, ``linalg.det``. J. R. Magnus and H. Neudecker, Matrix Differential Calculus, 3rd ed.,
    Wiley (2019), section 8.3. M. B. Giles, Oxford report 08/01 (2008), section 2.2.4.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> fn.grad(xp.linalg.det)(np.array([[1.0, 0.0], [0.0, 0.0]])).round(6) + 0.0
    array([[0., 0.],
           [0., 1.]])
    """
    check_matrices("det", x, square=True)
    return bind(det_p, x)


def slogdet(x: Any, /) -> SlogdetResult:
    r"""Sign and logarithm of the absolute value of the determinant.

    Derivative: :math:`d \log|\det X| = \operatorname{Re} \operatorname{tr}(X^{-1} dX)`. The sign of a real determinant
    is constant; a complex one turns, :math:`d\,\mathrm{sign} = i\,\mathrm{sign}\,\operatorname{Im}
    \operatorname{tr}(X^{-1} dX)`. At a singular matrix the logarithm is minus infinity and its derivative infinite; a
    cotangent that is zero gives zero there.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``.

    Returns
    -------
    SlogdetResult
        The named tuple (sign, logabsdet), of shape ``(...)``; the sign has the data type of `x`, the logarithm the real
        one of its precision.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.

    References
    ----------
    Python Array API standard, ``linalg.slogdet``. M. B. Giles, Oxford report 08/01 (2008), section 2.2.4.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> sign, logarithm = xp.linalg.slogdet(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> float(sign), float(logarithm)
    (-1.0, 0.0)
    """
    check_matrices("slogdet", x, square=True)
    return SlogdetResult(*bind(slogdet_p, x))
