"""Inverses and linear systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Arg, bind, case, general
from funcnet.errors import ShapeError
from funcnet.ops.arithmetic import subtract
from funcnet.ops.batching import as_it_is, broadcasting
from funcnet.ops.broadcasting import reshaped, sum_to
from funcnet.ops.linalg.common import as_column, check_floating, check_matrices
from funcnet.ops.linear_algebra import matmul, matrix_transpose
from funcnet.ops.shapes import broadcast_shapes

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["inv", "solve"]


def _inv_rule(y: Any, x: Any) -> Pull:  # noqa: ARG001  # the form of every rule
    def pull(g: Any) -> Any:
        t = matrix_transpose(y)
        return -matmul(matmul(t, g), t)

    return pull


def _inv_forward(tangents: Any, y: Any, x: Any) -> Any:  # noqa: ARG001
    return -matmul(matmul(y, tangents[0]), y)


def _regular(*shape: int) -> Arg:
    return Arg(shape, "regular")


inv_p = general(
    "inv",
    lambda xp, x: xp.linalg.inv(x),
    vjp=(_inv_rule,),
    jvp=_inv_forward,
    shape=lambda x: x.shape,
    batch=as_it_is,
    dtypes="floating",
    cases=(case(_regular(3, 3)), case(_regular(2, 2, 2)), case((0, 0)), case((0, 2, 2))),
)


def _solve_shape(a: Any, b: Any) -> tuple[int, ...]:
    return (*broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2])), *b.shape[-2:])


def _solve_matrix(y: Any, a: Any, b: Any) -> Pull:  # noqa: ARG001
    shape = a.shape
    return lambda g: sum_to(-matmul(bind(solve_p, matrix_transpose(a), g), matrix_transpose(y)), shape)


def _solve_right(y: Any, a: Any, b: Any) -> Pull:  # noqa: ARG001
    shape = b.shape
    return lambda g: sum_to(bind(solve_p, matrix_transpose(a), g), shape)


def _solve_forward(tangents: Any, y: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    ta, tb = tangents
    right = tb if ta is None else -matmul(ta, y) if tb is None else subtract(tb, matmul(ta, y))
    return bind(solve_p, a, right)


solve_p = general(
    "solve",
    lambda xp, a, b: xp.linalg.solve(a, b),
    vjp=(_solve_matrix, _solve_right),
    jvp=_solve_forward,
    shape=_solve_shape,
    batch=broadcasting,
    dtypes="floating",
    cases=(
        case(_regular(3, 3), (3, 2)),
        case(_regular(2, 2, 2), (2, 1)),
        case(_regular(2, 2), (3, 2, 1)),
        case(_regular(2, 1, 2, 2), (3, 2, 2)),
        case((0, 0), (0, 2)),
        case(_regular(2, 2), (2, 0)),
    ),
)


def inv(x: Any, /) -> Any:
    r"""Inverse of square matrices.

    Derivative: :math:`dY = -Y\, dX\, Y`; the cotangent is :math:`-Y^T g\, Y^T`.

    Parameters
    ----------
    x : array
        Of a floating-point data type and shape ``(..., M, M)``.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    ShapeError, DtypeError
        If `x` is not a stack of square floating-point matrices.
    LinAlgError
        The array library's own, if a matrix is singular.

    Notes
    -----
    ``xp.linalg.solve(a, b)`` is faster and more accurate than ``xp.linalg.inv(a) @ b``.

    References
    ----------
    Python Array API standard, ``linalg.inv``. M. B. Giles, An extended collection of matrix derivative results for
    forward and reverse mode automatic differentiation, Oxford report 08/01 (2008), section 2.2.3.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    check_matrices("inv", x, square=True)
    return bind(inv_p, x)


def solve(x1: Any, x2: Any, /) -> Any:
    r"""Solution of linear systems: the y with ``x1 @ y = x2``.

    Derivative: :math:`dY = A^{-1}(dB - dA\, Y)`; with :math:`h = A^{-T} g` the cotangents are :math:`-h\, Y^T` and
    :math:`h`, summed over dimensions that were broadcast.

    Parameters
    ----------
    x1 : array
        Of a floating-point data type and shape ``(..., M, M)``.
    x2 : array
        Of a floating-point data type and shape ``(M,)``, one vector for all matrices, or ``(..., M, K)``; leading
        dimensions broadcast.

    Returns
    -------
    array
        Of shape ``(..., M)`` or ``(..., M, K)``.

    Raises
    ------
    ShapeError, DtypeError
        If `x1` is not a stack of square floating-point matrices, or the shapes do not fit.
    LinAlgError
        The array library's own, if a matrix is singular.

    References
    ----------
    Python Array API standard, ``linalg.solve``. M. B. Giles, An extended collection of matrix derivative results for
    forward and reverse mode automatic differentiation, Oxford report 08/01 (2008), section 2.3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.linalg.solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
    array([1. , 0.5])
    """
    check_matrices("solve", x1, square=True)
    check_floating("solve", x2)
    a, b = tuple(x1.shape), tuple(x2.shape)
    vector = len(b) == 1
    if not b or a[-1] != b[-1 if vector else -2]:
        write = ""
        if len(b) > 1 and b[-1] == a[-1]:
            write = "xp.expand_dims(x2, axis=-1) for a stack of vectors, then xp.squeeze(y, axis=-1)"
        raise ShapeError(
            "xp.linalg.solve got shapes that do not fit.",
            found=f"{a} and {b}",
            needed=f"x2 of shape ({a[-1]},) or (..., {a[-1]}, K)",
            write=write,
        )
    if not vector:
        broadcast_shapes(a[:-2], b[:-2])
        return bind(solve_p, x1, x2)
    y = bind(solve_p, x1, as_column(x2))
    return reshaped(y, tuple(y.shape[:-1]))
