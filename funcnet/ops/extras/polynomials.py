"""Polynomials by their coefficients: values and Vandermonde matrices."""

from __future__ import annotations

from operator import index as as_integer
from typing import Any

from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.arithmetic import add, multiply
from funcnet.ops.broadcasting import broadcast_to
from funcnet.ops.creation import ones_like, zeros_like
from funcnet.ops.extras.inputs import arrays_of, one_array
from funcnet.ops.joining import stack

__all__ = ["polyval", "vander"]


def polyval(p: Any, x: Any, /) -> Any:
    r"""Value of a polynomial, :math:`p_0 x^{n-1} + \ldots + p_{n-2} x + p_{n-1}`, by Horner's scheme.

    Derivative: with respect to `x` and to the coefficients, right where `x` is 0.

    Parameters
    ----------
    p : array
        The coefficients, that of the highest power first: a vector.
    x : array
        Of a numeric data type.

    Returns
    -------
    array
        Of the shape of `x` and the promoted data type; 0 without coefficients.

    Raises
    ------
    ShapeError
        If `p` is not a vector.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.polyval(np.array([1.0, 0.0, -2.0]), np.array([0.0, 1.0, 3.0]))
    array([-2., -1.,  7.])
    """
    p, x = arrays_of(p, x)
    if len(p.shape) != 1:
        raise ShapeError(
            "xp.polyval takes the coefficients as a vector.",
            found=f"shape {tuple(p.shape)}",
            needed="one dimension",
            write="a loop over the polynomials, or xp.vander(x) @ p",
        )
    n = p.shape[0]
    if not n:
        return zeros_like(x)
    y = broadcast_to(p[0], tuple(x.shape)) if n > 1 else add(zeros_like(x), p[0])
    for i in range(1, n):
        y = add(multiply(y, x), p[i])
    return y


def vander(x: Any, /, n: int | None = None, *, increasing: bool = False) -> Any:
    """Vandermonde matrix: the powers of the elements of a vector, in columns.

    Derivative: of each power, right where an element is 0.

    Parameters
    ----------
    x : array
        A vector of a numeric data type.
    n : int, optional
        The number of columns; that of rows if omitted.
    increasing : bool, default False
        Whether the powers ascend from the left.

    Returns
    -------
    array
        Of shape ``(len(x), n)``.

    Raises
    ------
    ShapeError
        If `x` is not a vector.
    ParameterError
        If `n` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.vander(np.array([1.0, 2.0]), 3)
    array([[1., 1., 1.],
           [4., 2., 1.]])
    """
    x = one_array(x)
    if len(x.shape) != 1:
        raise ShapeError("xp.vander takes a vector.", found=f"shape {tuple(x.shape)}", needed="one dimension")
    count = x.shape[0] if n is None else as_integer(n)
    if count < 0:
        raise ParameterError("xp.vander cannot have less than no columns.", found=f"n={count}", needed="n >= 0")
    if not count:
        return broadcast_to(zeros_like(x)[:, None], (x.shape[0], 1))[:, :0]
    columns = [ones_like(x)]
    for _ in range(1, count):
        columns.append(multiply(columns[-1], x))
    return stack(columns if increasing else columns[::-1], axis=1)
