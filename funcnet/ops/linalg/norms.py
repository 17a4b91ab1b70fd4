"""Norms of vectors and matrices."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet.core import Arg, bind, case, general
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.arithmetic import multiply
from funcnet.ops.arithmetic import pow as power
from funcnet.ops.axes import kept_shape, reduced_axes, reduced_shape
from funcnet.ops.batching import along_axis
from funcnet.ops.broadcasting import cast, reshaped, sum_over
from funcnet.ops.comparison import equal, not_equal, where
from funcnet.ops.complex import abs as absolute
from funcnet.ops.complex import sign
from funcnet.ops.creation import zeros_like
from funcnet.ops.extremes import max as maximum_of
from funcnet.ops.extremes import min as minimum_of
from funcnet.ops.linalg.common import check_floating, check_matrices, conjugated, real_spec
from funcnet.ops.linalg.singular import svdvals
from funcnet.ops.statistical import sum as sum_of
from funcnet.ops.strong import divide_or_zero

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Pull = Callable[[Any], Any]

__all__ = ["matrix_norm", "vector_norm"]


def _vector_impl(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool, ord: float) -> Any:
    a = xp.abs(x)
    if not axis:
        return xp.astype(a != 0, a.dtype) if ord == 0 else a
    if ord == 0:
        return xp.sum(xp.astype(a != 0, a.dtype), axis=axis, keepdims=keepdims, dtype=a.dtype)
    if ord == -inf:
        return xp.min(a, axis=axis, keepdims=keepdims)
    empty = any(a.shape[i] == 0 for i in axis)
    if ord == inf:
        if empty:
            return xp.sum(a, axis=axis, keepdims=keepdims, dtype=a.dtype)
        return xp.max(a, axis=axis, keepdims=keepdims)
    if ord == 1 or empty:
        return xp.sum(a, axis=axis, keepdims=keepdims, dtype=a.dtype)
    # By the element that dominates the sum, so that no power overflows or vanishes that matters.
    scale = (xp.max if ord > 0 else xp.min)(a, axis=axis, keepdims=True)
    usable = (scale != 0) & xp.isfinite(scale)
    safe = xp.where(usable, scale, xp.ones((), dtype=a.dtype, device=a.device))
    ratio = a / safe
    # Where that element is zero or infinite, it is the norm.
    ratio = xp.where(usable, ratio, xp.ones((), dtype=a.dtype, device=a.device))
    total = xp.sum(ratio * ratio if ord == 2 else ratio**ord, axis=axis, keepdims=True, dtype=a.dtype)
    root = xp.sqrt(total) if ord == 2 else total ** (1.0 / ord)
    y = xp.where(usable, root * safe, scale)
    return y if keepdims else xp.squeeze(y, axis=axis)


def _vector_rule(y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool, ord: float) -> Any:
    if ord == 0:
        return lambda g: zeros_like(x)  # noqa: ARG005  # the form of every rule
    kept = tuple(y.shape) if keepdims else kept_shape(tuple(x.shape), axis)

    def pull(g: Any) -> Any:
        g = reshaped(g, kept)
        if ord == 2:
            return multiply(g, conjugated(divide_or_zero(x, reshaped(y, kept))))
        signs = conjugated(sign(x))
        if ord == 1 or not axis:
            return multiply(g, signs)
        size, norm = absolute(x), reshaped(y, kept)
        if ord in (inf, -inf):
            chosen = cast(equal(size, norm), size.dtype)
            return multiply(g, signs * divide_or_zero(chosen, sum_over(chosen, axis, keepdims=True)))
        ratio = divide_or_zero(size, norm)
        some = not_equal(ratio, 0)
        return multiply(g, signs * where(some, power(where(some, ratio, 1.0), ord - 1.0), 0.0))

    return pull


def _vector_shape(x: Any, *, axis: tuple[int, ...], keepdims: bool, ord: float) -> Any:  # noqa: ARG001
    return real_spec(x, reduced_shape(tuple(x.shape), axis, keepdims))


def _cases() -> Any:
    distinct = [Arg((2, 3), low=0.2, distinct=True), Arg((2, 3, 2), low=0.2, distinct=True)]
    yield case((2, 3), axis=(0, 1), keepdims=False, ord=2.0)
    yield case((2, 3), axis=(1,), keepdims=True, ord=2.0)
    yield case((), axis=(), keepdims=False, ord=2.0)
    yield case((2, 0), axis=(1,), keepdims=False, ord=2.0)
    yield case((2, 0), axis=(1,), keepdims=False, ord=inf)
    for ord in (1.0, 3.0, 2.5, 0.5, -1.0, inf, -inf, 0.0):
        yield case(distinct[0], axis=(1,), keepdims=False, ord=ord)
        yield case(distinct[1], axis=(0, 2), keepdims=True, ord=ord)


vector_norm_p = general(
    "vector_norm",
    _vector_impl,
    vjp=(_vector_rule,),
    shape=_vector_shape,
    batch=along_axis,
    dtypes="floating",
    cases=tuple(_cases()),
)


def vector_norm(x: Any, /, *, axis: int | Sequence[int] | None = None, keepdims: bool = False, ord: float = 2) -> Any:
    r"""Norm of vectors, over one or several dimensions.

    :math:`(\sum_i |x_i|^p)^{1/p}` for :math:`p` = `ord`; the largest absolute value for infinity, the smallest for
    minus infinity, and the number of elements that are not zero for 0. Powers are taken of the ratio to the dominating
    element, so nothing overflows or vanishes on the way: in float32 too the norm of elements of size 1e20 or 1e-25 is
    right.

    Derivative: :math:`\overline{x_i} / |x_i| \cdot (|x_i| / y)^{p-1}`, computed without powers of large or small
    numbers. At the kinks it is the subgradient of least size: 0 at the zero vector, 0 in each element that is zero for
    :math:`p \le 1`; for infinite `ord` it is split evenly among elements that tie. Zero for ``ord=0``.

    Parameters
    ----------
    x : array
        Of a floating-point data type.
    axis : int, sequence of int or None, default None
        Dimensions that together hold a vector; None for all.
    keepdims : bool, default False
        Whether these dimensions stay, with size 1.
    ord : float, default 2
        Any number, infinities included.

    Returns
    -------
    array
        Of the real data type of the precision of `x`.

    Raises
    ------
    DtypeError
        If `x` is not floating-point.
    ShapeError
        If there is no such axis, or ``ord`` is minus infinity or negative and there are no elements.
    ParameterError
        If `ord` is not a number.

    References
    ----------
    Python Array API standard, ``linalg.vector_norm``. J. L. Blue, A portable Fortran program to find the Euclidean norm
    of a vector, ACM Trans. Math. Softw. 4 (1978) 15-23.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> float(xp.linalg.vector_norm(np.array([3.0, 4.0])))
    5.0
    >>> fn.grad(xp.linalg.vector_norm)(np.zeros(2))
    array([0., 0.])
    """
    check_floating("vector_norm", x)
    if isinstance(ord, bool) or not isinstance(ord, (int, float)) or ord != ord:
        raise ParameterError(
            "xp.linalg.vector_norm takes a number as ord.",
            found=f"ord={ord!r}",
            needed="a number, inf and -inf included",
            write="xp.linalg.matrix_norm(x, ord='fro') for norms of matrices",
        )
    axes = reduced_axes("linalg.vector_norm", x, axis)
    if ord < 0 and any(x.shape[i] == 0 for i in axes):
        raise ShapeError(
            "xp.linalg.vector_norm with a negative ord needs elements.",
            found=f"shape {tuple(x.shape)} over axis {axes}, ord={ord}",
            needed="at least one element",
        )
    return bind(vector_norm_p, x, axis=axes, keepdims=bool(keepdims), ord=float(ord))


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: float | str | None = "fro") -> Any:
    r"""Norm of matrices, the last two dimensions.

    Derivative: that of the Frobenius norm is :math:`X / y`, that of the nuclear norm :math:`U V^H`, that of the
    spectral norm :math:`u_1 v_1^H`, that of the others the signs in the row or column that decides. It is 0 at the
    matrix of zeros, split evenly among singular values, rows or columns that tie, and 0 along singular values that are
    zero.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, N)``.
    keepdims : bool, default False
        Whether the last two dimensions stay, with size 1.
    ord : {"fro", "nuc", 1, -1, 2, -2, inf, -inf}, default "fro"
        Frobenius; nuclear, the sum of singular values; largest or smallest sum of a column (1, -1) or row (inf, -inf);
        largest or smallest singular value (2, -2). None means "fro".

    Returns
    -------
    array
        Of shape ``(...)`` and the real data type of the precision of `x`.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of floating-point matrices, or an extreme of no elements is asked for.
    ParameterError
        If `ord` is another.

    References
    ----------
    Python Array API standard, ``linalg.matrix_norm``. G. A. Watson, Characterization of the subdifferential of some
    matrix norms, Linear Algebra Appl. 170 (1992) 33-45.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> x = np.array([[3.0, 0.0], [0.0, 4.0]])
    >>> [float(xp.linalg.matrix_norm(x, ord=ord)) for ord in ("fro", "nuc", 2)]
    [5.0, 7.0, 4.0]
    """
    check_matrices("matrix_norm", x)
    if ord not in ("fro", "nuc", None, 1, -1, 2, -2, inf, -inf) or isinstance(ord, bool):
        raise ParameterError(
            "xp.linalg.matrix_norm does not know that norm.",
            found=f"ord={ord!r}",
            needed="one of 'fro', 'nuc', 1, -1, 2, -2, inf, -inf",
            write="xp.linalg.vector_norm(x, axis=(-2, -1), ord=p) for other powers of the elements",
        )
    ndim = len(x.shape)
    if ord in ("fro", None):
        return bind(vector_norm_p, x, axis=(ndim - 2, ndim - 1), keepdims=bool(keepdims), ord=2.0)
    if ord in ("nuc", 2, -2):
        values, axis = svdvals(x), ndim - 2
    else:
        values = sum_of(absolute(x), axis=ndim - 2 if ord in (1, -1) else ndim - 1)
        axis = ndim - 2
    y = _extreme_or_sum(values, ord, axis)
    return reshaped(y, (*y.shape, 1, 1)) if keepdims else y


def _extreme_or_sum(values: Any, ord: Any, axis: int) -> Any:
    if ord == "nuc":
        return sum_of(values, axis=axis)
    if values.shape[axis]:
        return (maximum_of if ord > 0 else minimum_of)(values, axis=axis)
    if ord > 0:
        return sum_of(values, axis=axis)
    raise ShapeError(
        "xp.linalg.matrix_norm with a negative ord needs elements.",
        found=f"ord={ord} and no rows or columns",
        needed="at least one row and one column",
    )
