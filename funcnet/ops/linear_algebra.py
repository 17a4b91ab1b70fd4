"""Products of matrices and vectors: the linear algebra of the standard's main namespace."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.core import bind, case, linear
from funcnet.errors import ShapeError
from funcnet.ops.broadcasting import reshaped, sum_to

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["matmul", "matrix_transpose"]


def _broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape that two shapes broadcast to, None if they do not."""
    if len(a) < len(b):
        a, b = b, a
    out = list(a)
    for i, n in enumerate(b, len(a) - len(b)):
        if out[i] == 1:
            out[i] = n
        elif n not in (1, out[i]):
            return None
    return tuple(out)


def _product_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    if a and b:
        lead = _broadcast(a[:-2], b[:-2])
        if lead is not None and a[-1] == b[-2 if len(b) > 1 else -1]:
            return lead + a[-2:-1] + (b[-1:] if len(b) > 1 else ())
    raise _no_product(a, b)


def _no_product(a: tuple[int, ...], b: tuple[int, ...]) -> ShapeError:
    write = ""
    if not a or not b:
        needed = "arrays of at least one dimension"
        write = "x1 * x2 for a product with a number"
    elif a[-1] != b[-2 if len(b) > 1 else -1]:
        needed = f"the last dimension of x1, {a[-1]}, equal to that of x2 {'before the last' if len(b) > 1 else ''}".rstrip()
        needed += f", {b[-2 if len(b) > 1 else -1]}"
        if len(b) > 1 and a[-1] == b[-1]:
            write = "xp.matmul(x1, xp.matrix_transpose(x2))"
    else:
        needed = "leading dimensions that are equal, or 1, counted from the third-last"
    return ShapeError("xp.matmul got shapes that do not fit.", found=f"{a} and {b}", needed=needed, write=write)


def _first(y: Any, x1: Any, x2: Any) -> Pull:
    """Return the transpose of ``x1 -> x1 @ x2``."""
    shape, other = x1.shape, x2.shape
    if len(other) == 1:
        # The dimension of x2 is the one that is summed: g times x2 along a new last dimension.
        if len(shape) == 1:
            return lambda g: g * x2
        return lambda g: reshaped(g, (*g.shape, 1)) * x2
    if len(shape) == 1:
        if len(other) == 2:
            return lambda g: matmul(x2, g)

        def vector(g: Any) -> Any:
            rows = reshaped(matmul(x2, reshaped(g, (*g.shape, 1))), other[:-1])
            return sum_to(rows, shape)

        return vector
    if len(other) == 2 or shape[:-2] == y.shape[:-2]:
        return lambda g: matmul(g, matrix_transpose(x2))
    return lambda g: sum_to(matmul(g, matrix_transpose(x2)), shape)


def _second(y: Any, x1: Any, x2: Any) -> Pull:
    """Return the transpose of ``x2 -> x1 @ x2``."""
    other, shape = x1.shape, x2.shape
    if len(shape) == 1:
        if len(other) == 1:
            return lambda g: x1 * g
        if len(other) == 2:
            return lambda g: matmul(g, x1)
        rows = (prod(other[:-1]), other[-1])
        return lambda g: matmul(reshaped(g, rows[:1]), reshaped(x1, rows))
    if len(other) == 1:

        return lambda g: reshaped(x1, (*other, 1)) * reshaped(g, (*g.shape[:-1], 1, g.shape[-1]))
    if len(shape) == 2:
        if len(other) == 2:
            return lambda g: matmul(matrix_transpose(x1), g)
        # One product over all leading dimensions in place of a stack of products and its sum.
        rows = (prod(other[:-1]), other[-1])
        columns = (rows[0], shape[1])
        return lambda g: matmul(matrix_transpose(reshaped(x1, rows)), reshaped(g, columns))
    if shape[:-2] == y.shape[:-2]:
        return lambda g: matmul(matrix_transpose(x1), g)
    return lambda g: sum_to(matmul(matrix_transpose(x1), g), shape)


matmul_p = linear(
    "matmul",
    transpose=(_first, _second),
    shape=lambda x1, x2: _product_shape(tuple(x1.shape), tuple(x2.shape)),
    dtypes="numeric",
    cases=(
        case((3,), (3,)),
        case((2, 3), (3,)),
        case((3,), (3, 2)),
        case((2, 3), (3, 4)),
        case((5, 2, 3), (3, 4)),
        case((2, 3), (5, 3, 4)),
        case((3,), (5, 3, 4)),
        case((5, 2, 3), (3,)),
        case((5, 1, 2, 3), (4, 3, 2)),
        case((2, 0), (0, 3)),
        case((0, 2, 3), (3, 2)),
    ),
)

matrix_transpose_p = linear(
    "matrix_transpose",
    transpose=(lambda y, x: matrix_transpose,),
    shape=lambda x: (*x.shape[:-2], x.shape[-1], x.shape[-2]),
    dtypes="all",
    cases=(case((2, 3)), case((4, 2, 3)), case((0, 3))),
)


def matmul(x1: Any, x2: Any, /) -> Any:
    r"""Matrix product, over stacks of matrices with broadcasting; what ``x1 @ x2`` means.

    :math:`y_{\dots ij} = \sum_k a_{\dots ik}\, b_{\dots kj}`. A vector on the left counts as one row, on the right as
    one column, and its dimension is dropped from the result.

    Derivative: linear in each argument; the cotangents are :math:`g\, b^T` and :math:`a^T g`, summed over dimensions that
    were broadcast. Nothing is conjugated for complex arrays. The cotangent of a matrix that multiplied a stack is formed
    by one product over all leading dimensions.

    Parameters
    ----------
    x1 : array
        Of a numeric data type and shape ``(..., m, k)`` or ``(k,)``.
    x2 : array
        Of a numeric data type and shape ``(..., k, n)`` or ``(k,)``.

    Returns
    -------
    array
        Of shape ``(..., m, n)``, without the dimensions of vectors, and the promoted data type.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    References
    ----------
    Python Array API standard, ``matmul``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.matmul(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0]))
    array([21., 43.])
    """
    a, b = getattr(x1, "shape", ()), getattr(x2, "shape", ())
    if not (len(a) == len(b) == 2 and a[1] == b[0]):
        _product_shape(tuple(a), tuple(b))
    return bind(matmul_p, x1, x2)


def matrix_transpose(x: Any, /) -> Any:
    """Transpose each matrix of a stack: swap the last two dimensions.

    Derivative: linear; it is its own transpose.

    Parameters
    ----------
    x : array
        Of any data type and shape ``(..., m, n)``.

    Returns
    -------
    array
        Of shape ``(..., n, m)``; it may share memory with `x`.

    Raises
    ------
    ShapeError
        If `x` has fewer than two dimensions.

    References
    ----------
    Python Array API standard, ``matrix_transpose``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.matrix_transpose(np.array([[1, 2, 3]])).shape
    (3, 1)
    """
    if len(x.shape) < 2:
        raise ShapeError(
            "xp.matrix_transpose needs matrices.",
            found=f"shape {tuple(x.shape)}",
            needed="at least two dimensions",
            write="xp.expand_dims(x, axis=0), or xp.permute_dims for other orders",
        )
    return bind(matrix_transpose_p, x)
