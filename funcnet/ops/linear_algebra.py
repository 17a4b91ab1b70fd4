"""Products of matrices and vectors: the linear algebra of the standard's main namespace."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.core import bind, case, linear
from funcnet.core.dtypes import kind
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.arithmetic import multiply
from funcnet.ops.axes import one_axis, rank
from funcnet.ops.batching import as_it_is, broadcasting, matrix_product
from funcnet.ops.broadcasting import reshaped, sum_to
from funcnet.ops.complex import conj
from funcnet.ops.manipulation import permute_dims
from funcnet.ops.outer_products import outer_of
from funcnet.ops.views import View, viewed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Pull = Callable[[Any], Any]

__all__ = ["matmul", "matrix_transpose", "tensordot", "vecdot"]


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
        needed = f"the last dimension of x1 equal to the {'second-last' if len(b) > 1 else 'only'} one of x2"
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
    m, k, n = *shape[-2:], other[-1]
    if len(shape) == 2 and m * k > (m + k) * n:
        # A stack of products would be more to write than both operands side by side.
        return lambda g: matmul(_beside(g), matrix_transpose(_beside(x2)))
    return lambda g: sum_to(matmul(g, matrix_transpose(x2)), shape)


def _beside(x: Any) -> Any:
    """Return a stack of matrices as one, with the columns of all of them."""
    last = len(x.shape) - 1
    rows = permute_dims(x, (last - 1, *range(last - 1), last))
    return reshaped(rows, (x.shape[-2], prod(x.shape[:-2]) * x.shape[-1]))


def _second(y: Any, x1: Any, x2: Any) -> Pull:
    """Return the transpose of ``x2 -> x1 @ x2``."""
    other, shape = x1.shape, x2.shape
    if len(shape) == 1:
        if len(other) == 1:
            return lambda g: multiply(x1, g)
        if len(other) == 2:
            return lambda g: matmul(g, x1)
        rows = (prod(other[:-1]), other[-1])
        return lambda g: matmul(reshaped(g, rows[:1]), reshaped(x1, rows))
    if len(other) == 1:
        return lambda g: outer_of(x1, g)
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
    batch=matrix_product,
    dtypes="numeric",
    cases=(
        case((3,), (3,)),
        case((2, 3), (3,)),
        case((3,), (3, 2)),
        case((2, 3), (3, 4)),
        case((4, 1), (1, 2)),
        case((5, 2, 3), (3, 4)),
        case((2, 3), (5, 3, 4)),
        case((3, 4), (5, 4, 1)),
        case((3,), (5, 3, 4)),
        case((5, 2, 3), (3,)),
        case((5, 1, 2, 3), (4, 3, 2)),
        case((2, 0), (0, 3)),
        case((0, 2, 3), (3, 2)),
    ),
)

matrix_transpose_p = linear(
    "matrix_transpose",
    transpose=(lambda y, x: matrix_transpose,),  # noqa: ARG005  # the rule's form
    shape=lambda x: (*x.shape[:-2], x.shape[-1], x.shape[-2]),
    batch=as_it_is,
    dtypes="all",
    cases=(case((2, 3)), case((4, 2, 3)), case((0, 3))),
)


def _vecdot_impl(xp: Any, x1: Any, x2: Any, *, axis: int) -> Any:
    return xp.vecdot(x1, x2, axis=axis)


def _vecdot_shape(x1: Any, x2: Any, *, axis: int) -> tuple[int, ...]:
    full = list(_broadcast(tuple(x1.shape), tuple(x2.shape)) or ())
    del full[axis]
    return tuple(full)


def _vecdot_rule(position: int) -> Callable[..., Pull]:
    def maker(y: Any, x1: Any, x2: Any, *, axis: int) -> Pull:
        other, shape = (x2, x1.shape) if position == 0 else (x1, x2.shape)
        at = len(y.shape) + 1 + axis
        kept = (*y.shape[:at], 1, *y.shape[at:])
        # conj(x1) x2 is linear in x1 over the real numbers only; the plain transpose of Re(g conj(t) x2) is conj(g x2).
        conjugated = kind(y.dtype) == "c"

        def pull(g: Any) -> Any:
            ct = reshaped(g, kept) * (conj(other) if conjugated and position else other)
            return sum_to(conj(ct) if conjugated and not position else ct, shape)

        return pull

    return maker


vecdot_p = linear(
    "vecdot",
    _vecdot_impl,
    transpose=(_vecdot_rule(0), _vecdot_rule(1)),
    shape=_vecdot_shape,
    batch=broadcasting,
    dtypes="numeric",
    analytic=False,
    cases=(
        case((3,), (3,), axis=-1),
        case((2, 3), (3,), axis=-1),
        case((3, 2), (4, 3, 1), axis=-2),
        case((2, 0), (2, 0), axis=-1),
    ),
)


def matmul(x1: Any, x2: Any, /) -> Any:
    r"""Matrix product, over stacks of matrices with broadcasting; what ``x1 @ x2`` means.

    :math:`y_{\dots ij} = \sum_k a_{\dots ik}\, b_{\dots kj}`. A vector on the left counts as one row, on the right as
    one column, and its dimension is dropped from the result.

    Derivative: linear in each argument; the cotangents are :math:`g\, b^T` and :math:`a^T g`, summed over dimensions
    that were broadcast. Nothing is conjugated for complex arrays. The cotangent of a matrix that multiplied a stack is
    formed by one product over all leading dimensions.

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
    a: Any = getattr(x1, "shape", ())
    b: Any = getattr(x2, "shape", ())
    m, n = len(a), len(b)
    if m == 0 or n == 0 or (m > 2 and n > 2) or a[-1] != b[-2 if n > 1 else -1]:
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
    if rank("matrix_transpose", x) < 2:
        raise ShapeError(
            "xp.matrix_transpose needs matrices.",
            found=f"shape {tuple(x.shape)}",
            needed="at least two dimensions",
            write="xp.expand_dims(x, axis=0), or xp.permute_dims for other orders",
        )
    return viewed(bind(matrix_transpose_p, x), x, _TRANSPOSED)


_TRANSPOSED = View(
    lambda x, _: bind(matrix_transpose_p, x),
    lambda _x, _how, part: bind(matrix_transpose_p, part),
    lie=lambda x, _: np.matrix_transpose(x),
)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    r"""Dot products of vectors along an axis.

    :math:`y = \sum_i \overline{a_i}\, b_i`, over the other dimensions with broadcasting.

    Derivative: the cotangents are :math:`\overline{g\, b}` and :math:`g\, \overline{a}`, by the convention of the
    plain transpose: the conjugate makes the product linear in `x1` over the real numbers only.

    Parameters
    ----------
    x1, x2 : array
        Of a numeric data type, of the same size along `axis`; the other dimensions broadcast.
    axis : int, default -1
        Counted from the last dimension, so negative.

    Returns
    -------
    array
        Of the broadcast shape without `axis`, and the promoted data type.

    Raises
    ------
    ShapeError
        If the sizes along the axis differ, the other dimensions do not broadcast, or there is no such axis.

    References
    ----------
    Python Array API standard, ``vecdot``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.vecdot(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0]))
    array([21., 43.])
    """
    a, b = tuple(getattr(x1, "shape", ())), tuple(getattr(x2, "shape", ()))
    if axis.__class__ is not int or not -min(len(a), len(b)) <= axis < 0:
        raise ShapeError(
            "xp.vecdot got an axis that the arrays do not have.",
            found=f"axis={axis!r} for shapes {a} and {b}",
            needed=f"an integer from {-min(len(a), len(b))} to -1" if a and b else "at least one dimension in each",
            write="xp.vecdot(xp.moveaxis(x1, i, -1), xp.moveaxis(x2, j, -1))" if a and b else "x1 * x2",
        )
    if a[axis] != b[axis] or _broadcast(a, b) is None:
        raise ShapeError(
            "xp.vecdot got shapes that do not fit.",
            found=f"{a} and {b} along axis {axis}",
            needed="the same size along the axis, and other dimensions that broadcast",
            write="xp.sum(x1 * x2, axis=...) to broadcast along the axis too",
        )
    return bind(vecdot_p, x1, x2, axis=axis)


def tensordot(x1: Any, x2: Any, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Any:
    r"""Contraction of two arrays over several dimensions.

    Derivative: linear in each argument; computed as one matrix product, and differentiated as such.

    Parameters
    ----------
    x1, x2 : array
        Of a numeric data type.
    axes : int or pair of sequences of int, default 2
        A number N contracts the last N dimensions of `x1` with the first N of `x2`; 0 gives the outer product.
        A pair names the dimensions of `x1` and of `x2`.

    Returns
    -------
    array
        Its dimensions are those of `x1` that are left, then those of `x2`.

    Raises
    ------
    ShapeError
        If an axis does not exist, occurs twice, or the contracted sizes differ.
    ParameterError
        If `axes` is neither a number nor a pair of sequences of one length.

    References
    ----------
    Python Array API standard, ``tensordot``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.tensordot(np.ones((2, 3, 4)), np.ones((4, 3)), axes=((1, 2), (1, 0)))
    array([12., 12.])
    """
    first, second = _contracted(x1, x2, axes)
    a, b = tuple(x1.shape), tuple(x2.shape)
    if [a[i] for i in first] != [b[i] for i in second]:
        raise ShapeError(
            "xp.tensordot got sizes that do not fit.",
            found=f"shape {a} over axes {first} and {b} over axes {second}",
            needed="the same sizes, in order",
            write="axes=((axes of x1), (axes of x2))",
        )
    left = tuple([i for i in range(len(a)) if i not in first])
    right = tuple([i for i in range(len(b)) if i not in second])
    inner = prod([a[i] for i in first])
    rows, columns = tuple([a[i] for i in left]), tuple([b[i] for i in right])
    m1 = reshaped(_arranged(x1, left + first), (prod(rows), inner))
    m2 = reshaped(_arranged(x2, second + right), (inner, prod(columns)))
    return reshaped(matmul(m1, m2), rows + columns)


def _arranged(x: Any, order: tuple[int, ...]) -> Any:
    return x if order == tuple(range(len(order))) else permute_dims(x, order)


def _contracted(x1: Any, x2: Any, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the dimensions of each array that `axes` means."""
    a, b = rank("tensordot", x1), rank("tensordot", x2)
    if isinstance(axes, int) and not isinstance(axes, bool):
        if not 0 <= axes <= min(a, b):
            raise ShapeError(
                "xp.tensordot cannot contract that many dimensions.",
                found=f"axes={axes} for shapes {tuple(x1.shape)} and {tuple(x2.shape)}",
                needed=f"a number from 0 to {min(a, b)}",
            )
        return tuple(range(a - axes, a)), tuple(range(axes))
    pair: Any = axes if isinstance(axes, (tuple, list)) and len(axes) == 2 else (None, None)
    if not all(isinstance(p, (tuple, list)) for p in pair) or len(pair[0]) != len(pair[1]):
        raise ParameterError(
            "xp.tensordot does not understand these axes.",
            found=f"axes={axes!r}",
            needed="a number, or two sequences of the same length",
            write="axes=((1,), (0,))",
        )
    first = tuple([one_axis("tensordot", x1, i) for i in pair[0]])
    second = tuple([one_axis("tensordot", x2, i) for i in pair[1]])
    if len(set(first)) != len(first) or len(set(second)) != len(second):
        raise ShapeError("xp.tensordot was given the same axis twice.", found=f"axes={axes!r}", needed="each axis once")
    return first, second
