"""The triangles of matrices."""

from __future__ import annotations

from operator import index as as_integer
from typing import Any

from funcnet.core import bind, case, linear
from funcnet.errors import ShapeError
from funcnet.ops.axes import rank
from funcnet.ops.batching import as_it_is

__all__ = ["tril", "triu"]


def _triangle(name: str) -> Any:
    return linear(
        name,
        lambda xp, x, *, k: getattr(xp, name)(x, k=k),
        transpose=(lambda y, x, *, k: lambda g: bind(triangles[name], g, k=k),),  # noqa: ARG005  # the form of every rule
        shape=lambda x, *, k: x.shape,  # noqa: ARG005
        batch=as_it_is,
        dtypes="all",
        cases=(case((3, 3), k=0), case((2, 3, 4), k=1), case((2, 3), k=-1), case((0, 2), k=0)),
    )


triangles = {name: _triangle(name) for name in ("tril", "triu")}


def tril(x: Any, /, *, k: int = 0) -> Any:
    """Return the lower triangle of matrices, with zeros above diagonal `k`.

    Derivative: linear; it is its own transpose.

    Parameters
    ----------
    x : array
        Of shape ``(..., M, N)`` and any data type.
    k : int, default 0
        The last diagonal that is kept: 0 the main one, positive above, negative below.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    ShapeError
        If `x` has fewer than two dimensions.

    References
    ----------
    Python Array API standard, ``tril``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.tril(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    return _cut("tril", x, k)


def triu(x: Any, /, *, k: int = 0) -> Any:
    """Return the upper triangle of matrices, with zeros below diagonal `k`.

    Derivative: linear; it is its own transpose.

    Parameters
    ----------
    x : array
        Of shape ``(..., M, N)`` and any data type.
    k : int, default 0
        The first diagonal that is kept: 0 the main one, positive above, negative below.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    ShapeError
        If `x` has fewer than two dimensions.

    References
    ----------
    Python Array API standard, ``triu``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.triu(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    return _cut("triu", x, k)


def _cut(name: str, x: Any, k: Any) -> Any:
    if rank(name, x) < 2:
        raise ShapeError(
            f"xp.{name} takes matrices.",
            found=f"an array of shape {tuple(x.shape)}",
            needed="at least two dimensions",
            write="xp.reshape(x, (1, -1))",
        )
    return bind(triangles[name], x, k=as_integer(k))
