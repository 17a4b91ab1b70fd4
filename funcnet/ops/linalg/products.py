"""Products of vectors, powers of matrices, and their diagonals."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from funcnet.core import bind, case, linear
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.arithmetic import multiply, subtract
from funcnet.ops.batching import as_it_is
from funcnet.ops.broadcasting import broadcast_to
from funcnet.ops.comparison import where
from funcnet.ops.fresh import array_like
from funcnet.ops.joining import stack, unstack
from funcnet.ops.linalg.common import as_column, as_row, check_matrices, identity_like
from funcnet.ops.linalg.solving import inv
from funcnet.ops.linear_algebra import matmul
from funcnet.ops.shapes import broadcast_shapes
from funcnet.ops.statistical import sum as sum_of
from funcnet.ops.strong import masked
from funcnet.ops.views import View, viewed

__all__ = ["cross", "diagonal", "diagonal_matrix", "matrix_power", "outer", "trace"]


def _length(rows: int, columns: int, offset: int) -> int:
    return max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)


def _diagonal_impl(xp: Any, x: Any, *, offset: int) -> Any:
    return xp.linalg.diagonal(x, offset=offset)


def _diagonal_transpose(y: Any, x: Any, *, offset: int) -> Any:  # noqa: ARG001  # the form of every rule
    rows, columns = x.shape[-2:]
    return lambda g: bind(diagonal_matrix_p, g, rows=rows, columns=columns, offset=offset)


diagonal_p = linear(
    "diagonal",
    _diagonal_impl,
    transpose=(_diagonal_transpose,),
    shape=lambda x, *, offset: (*x.shape[:-2], _length(x.shape[-2], x.shape[-1], offset)),
    batch=as_it_is,
    dtypes="all",
    cases=(case((3, 3), offset=0), case((2, 3, 4), offset=1), case((4, 3), offset=-2), case((2, 0), offset=0)),
)


def _matrix_impl(xp: Any, x: Any, *, rows: int, columns: int, offset: int) -> Any:
    n = x.shape[-1]
    if not n:
        return xp.zeros((*x.shape[:-1], rows, columns), dtype=x.dtype, device=x.device)
    # Above the main diagonal an element's index is its row, below it its column.
    side = rows if offset >= 0 else columns
    if side > n:
        more = xp.zeros((*x.shape[:-1], side - n), dtype=x.dtype, device=x.device)
        x = xp.concat((x, more), axis=-1)
    here = xp.eye(rows, columns, k=offset, dtype=xp.bool, device=x.device)
    spread = xp.expand_dims(x, axis=-1 if offset >= 0 else -2)
    return xp.where(here, spread, xp.zeros((), dtype=x.dtype, device=x.device))


diagonal_matrix_p = linear(
    "diagonal_matrix",
    _matrix_impl,
    transpose=(lambda y, x, *, rows, columns, offset: lambda g: bind(diagonal_p, g, offset=offset),),  # noqa: ARG005
    shape=lambda x, *, rows, columns, offset: (*x.shape[:-1], rows, columns),  # noqa: ARG005
    batch=as_it_is,
    dtypes="all",
    internal=True,
    cases=(
        case((3,), rows=3, columns=3, offset=0),
        case((2, 3), rows=3, columns=5, offset=1),
        case((2, 2), rows=5, columns=2, offset=-2),
        case((0,), rows=0, columns=3, offset=1),
    ),
)


def diagonal_matrix(x: Any) -> Any:
    """Return square matrices with the vectors x on their diagonals, zeros elsewhere."""
    n = x.shape[-1]
    return bind(diagonal_matrix_p, x, rows=n, columns=n, offset=0)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """Diagonals of matrices.

    Derivative: linear; the transpose writes the cotangent onto the diagonal of a matrix of zeros.

    Parameters
    ----------
    x : array
        Of any data type and shape ``(..., M, N)``.
    offset : int, default 0
        Which diagonal: 0 the main one, positive above, negative below.

    Returns
    -------
    array
        Of shape ``(..., K)``; it may share memory with `x`.

    Raises
    ------
    ShapeError
        If `x` has fewer than two dimensions.

    References
    ----------
    Python Array API standard, ``linalg.diagonal``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.diagonal(np.array([[1, 2], [3, 4]]), offset=1)
    array([2])
    """
    check_matrices("diagonal", x, floating=False)
    offset = index(offset)
    return viewed(bind(diagonal_p, x, offset=offset), x, _DIAGONAL, offset)


def _put_diagonal(x: Any, offset: int, part: Any) -> Any:
    rows, columns = x.shape[-2:]
    here = np.eye(rows, columns, k=offset, dtype=np.bool)
    return where(array_like(x, here), bind(diagonal_matrix_p, part, rows=rows, columns=columns, offset=offset), x)


_DIAGONAL = View(
    lambda x, offset: bind(diagonal_p, x, offset=offset),
    _put_diagonal,
    lie=lambda x, offset: np.diagonal(x, offset, -2, -1),
    read_only_by=("numpy", "strict"),
)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Sum of a diagonal of matrices.

    Derivative: linear; the transpose writes the cotangent onto the diagonal of a matrix of zeros.

    Parameters
    ----------
    x : array
        Of a numeric data type and shape ``(..., M, N)``.
    offset : int, default 0
        Which diagonal: 0 the main one, positive above, negative below.
    dtype : dtype, optional
        Of the sum; by default that of `x`, or the default integer data type for smaller integers.

    Returns
    -------
    array
        Of shape ``(...)``.

    Raises
    ------
    ShapeError
        If `x` has fewer than two dimensions.

    References
    ----------
    Python Array API standard, ``linalg.trace``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> float(xp.linalg.trace(np.array([[1.0, 2.0], [3.0, 4.0]])))
    5.0
    """
    check_matrices("trace", x, floating=False)
    return sum_of(bind(diagonal_p, x, offset=index(offset)), axis=-1, dtype=dtype)


def outer(x1: Any, x2: Any, /) -> Any:
    r"""Outer product of two vectors.

    :math:`y_{ij} = a_i b_j`; nothing is conjugated. Derivative: that of the elementwise product.

    Parameters
    ----------
    x1, x2 : array
        Of a numeric data type and shapes ``(n,)`` and ``(m,)``.

    Returns
    -------
    array
        Of shape ``(n, m)``.

    Raises
    ------
    ShapeError
        If an argument does not have one dimension.

    References
    ----------
    Python Array API standard, ``linalg.outer``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.outer(np.array([1, 2]), np.array([3, 4]))
    array([[3, 4],
           [6, 8]])
    """
    shapes = [tuple(getattr(x, "shape", ())) for x in (x1, x2)]
    if [len(s) for s in shapes] != [1, 1]:
        raise ShapeError(
            "xp.linalg.outer takes two vectors.",
            found=f"shapes {shapes[0]} and {shapes[1]}",
            needed="one dimension each",
            write="xp.expand_dims(x1, axis=-1) * xp.expand_dims(x2, axis=-2) for stacks",
        )
    return multiply(as_column(x1), as_row(x2))


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    r"""Cross product of vectors of three elements.

    :math:`y = (a_2 b_3 - a_3 b_2,\; a_3 b_1 - a_1 b_3,\; a_1 b_2 - a_2 b_1)`, over the other dimensions with
    broadcasting. Derivative: that of these products.

    Parameters
    ----------
    x1, x2 : array
        Of a numeric data type, of size 3 along `axis`; the other dimensions broadcast.
    axis : int, default -1
        Counted from the last dimension, so negative.

    Returns
    -------
    array
        Of the broadcast shape and the promoted data type.

    Raises
    ------
    ShapeError
        If there is no such axis, its size is not 3 in both, or the other dimensions do not broadcast.

    References
    ----------
    Python Array API standard, ``linalg.cross``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.cross(np.array([1, 0, 0]), np.array([0, 1, 0]))
    array([0, 0, 1])
    """
    a, b = [tuple(getattr(x, "shape", ())) for x in (x1, x2)]
    least = min(len(a), len(b))
    if axis.__class__ is not int or not -least <= axis < 0:
        raise ShapeError(
            "xp.linalg.cross got an axis that the arrays do not have.",
            found=f"axis={axis!r} for shapes {a} and {b}",
            needed=f"an integer from {-least} to -1" if least else "at least one dimension in each",
        )
    if a[axis] != 3 or b[axis] != 3:
        raise ShapeError(
            "xp.linalg.cross takes vectors of three elements.",
            found=f"{a} and {b} along axis {axis}",
            needed="size 3 along the axis in both",
        )
    broadcast_shapes(a, b)
    a1, a2, a3 = unstack(x1, axis=len(a) + axis)
    b1, b2, b3 = unstack(x2, axis=len(b) + axis)
    parts = [
        subtract(multiply(a2, b3), multiply(a3, b2)),
        subtract(multiply(a3, b1), multiply(a1, b3)),
        subtract(multiply(a1, b2), multiply(a2, b1)),
    ]
    return stack(parts, axis=axis)


def matrix_power(x: Any, n: int, /) -> Any:
    """Power of square matrices with an integer exponent.

    By repeated squaring; a negative exponent takes powers of the inverse, and the zeroth power is the identity, of
    derivative zero. Derivative: that of the products.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``.
    n : int
        The exponent.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        If `x` is not a stack of square floating-point matrices, or `n` no integer.

    References
    ----------
    Python Array API standard, ``linalg.matrix_power``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.matrix_power(np.array([[1.0, 1.0], [0.0, 1.0]]), 5)
    array([[1., 5.],
           [0., 1.]])
    """
    check_matrices("matrix_power", x, square=True)
    try:
        n = index(n)
    except TypeError:
        raise ParameterError(
            "xp.linalg.matrix_power takes an integer exponent.",
            found=f"n={n!r}",
            needed="an integer, negative ones included",
        ) from None
    if n == 0:
        identity = broadcast_to(identity_like(x, x.shape[-1]), tuple(x.shape))
        # Depends on x, with derivative zero, so that it may be differentiated.
        return masked(x, array_like(x, False)) + identity
    if n < 0:
        x, n = inv(x), -n
    result = None
    while True:
        if n & 1:
            result = x if result is None else matmul(result, x)
        n >>= 1
        if not n:
            return result
        x = matmul(x, x)
