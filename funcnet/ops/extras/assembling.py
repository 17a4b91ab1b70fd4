"""Arrays put together: stacks and blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.extras.inputs import arrays_of, at_least, one_array, sequence_of
from funcnet.ops.joining import concat

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "column_stack",
    "dstack",
    "hstack",
    "vstack",
]


def atleast_1d(x: Any, /) -> Any:
    """Return an array of at least one dimension.

    Derivative: linear, a reshape.

    Parameters
    ----------
    x : array or number
        Of any data type.

    Returns
    -------
    array
        `x` itself, or with a dimension of size 1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.atleast_1d(np.array(2.0))
    array([2.])
    """
    return at_least(one_array(x), 1)


def atleast_2d(x: Any, /) -> Any:
    """Return an array of at least two dimensions.

    Derivative: linear, a reshape.

    Parameters
    ----------
    x : array or number
        Of any data type.

    Returns
    -------
    array
        `x` itself, or with leading dimensions of size 1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.atleast_2d(np.array([1.0, 2.0]))
    array([[1., 2.]])
    """
    return at_least(one_array(x), 2)


def atleast_3d(x: Any, /) -> Any:
    """Return an array of at least three dimensions.

    Derivative: linear, a reshape.

    Parameters
    ----------
    x : array or number
        Of any data type.

    Returns
    -------
    array
        `x` itself; a vector of n elements as ``(1, n, 1)`` and a matrix as ``(m, n, 1)``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.atleast_3d(np.ones((2, 3))).shape
    (2, 3, 1)
    """
    x = one_array(x)
    shape = tuple(x.shape)
    return x if len(shape) > 2 else reshaped(x, {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}[len(shape)])


def vstack(arrays: Sequence[Any], /) -> Any:
    """Join arrays along the first dimension; vectors become rows.

    Derivative: linear; its transpose cuts the cotangent into the arrays' parts.

    Parameters
    ----------
    arrays : sequence of array
        Of the same shape but for the first dimension.

    Returns
    -------
    array
        Of at least two dimensions.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.vstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[1., 2.],
           [3., 4.]])
    """
    return concat([at_least(a, 2) for a in sequence_of("vstack", arrays)], axis=0)


def hstack(arrays: Sequence[Any], /) -> Any:
    """Join arrays along the second dimension; vectors end to end.

    Derivative: linear; its transpose cuts the cotangent into the arrays' parts.

    Parameters
    ----------
    arrays : sequence of array
        Of the same shape but for the second dimension, or vectors.

    Returns
    -------
    array
        Of at least one dimension.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.hstack([np.array([1.0, 2.0]), np.array([3.0])])
    array([1., 2., 3.])
    """
    parts = [at_least(a, 1) for a in sequence_of("hstack", arrays)]
    return concat(parts, axis=0 if len(parts[0].shape) == 1 else 1)


def dstack(arrays: Sequence[Any], /) -> Any:
    """Join arrays along the third dimension; see `atleast_3d` for those of fewer dimensions.

    Derivative: linear; its transpose cuts the cotangent into the arrays' parts.

    Parameters
    ----------
    arrays : sequence of array
        Of the same shape but for the third dimension.

    Returns
    -------
    array
        Of at least three dimensions.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.dstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[[1., 3.],
            [2., 4.]]])
    """
    return concat([atleast_3d(a) for a in sequence_of("dstack", arrays)], axis=2)


def column_stack(arrays: Sequence[Any], /) -> Any:
    """Join vectors as the columns of a matrix; matrices side by side.

    Derivative: linear; its transpose cuts the cotangent into the arrays' parts.

    Parameters
    ----------
    arrays : sequence of array
        Vectors and matrices of the same number of rows.

    Returns
    -------
    array
        A matrix.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.column_stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[1., 3.],
           [2., 4.]])
    """
    parts = [at_least(a, 1) for a in sequence_of("column_stack", arrays)]
    return concat([reshaped(a, (a.shape[0], 1)) if len(a.shape) == 1 else a for a in parts], axis=1)


def block(arrays: Any, /) -> Any:
    """Put an array together from nested lists of blocks.

    The innermost lists are joined along the last dimension, those around them along the last but one, and so on.

    Derivative: linear; its transpose cuts the cotangent into the blocks.

    Parameters
    ----------
    arrays : nested list of arrays and numbers
        All of one depth; blocks of fewer dimensions get leading ones of size 1.

    Returns
    -------
    array
        Of as many dimensions as the lists are deep, or as the blocks have, whichever is more.

    Raises
    ------
    ParameterError
        If lists are empty, or of different depths.
    ShapeError
        If the blocks do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.block([[np.eye(2), np.zeros((2, 1))], [np.ones((1, 2)), np.array([[5.0]])]])
    array([[1., 0., 0.],
           [0., 1., 0.],
           [1., 1., 5.]])
    """
    leaves: list[Any] = []
    depth = _depth(arrays, leaves)
    blocks = iter(arrays_of(*leaves))
    found = [next(blocks) for _ in leaves]
    ndim = max([depth, *[len(b.shape) for b in found]])
    return _joined(arrays, iter([at_least(b, ndim) for b in found]), ndim - depth)


def _depth(arrays: Any, leaves: list[Any]) -> int:
    if not isinstance(arrays, list):
        leaves.append(arrays)
        return 0
    depths = {_depth(a, leaves) for a in arrays}
    if len(depths) != 1:
        raise ParameterError(
            "xp.block takes nested lists of one depth.",
            found="an empty list" if not depths else f"lists of depth {min(depths)} and {max(depths)} side by side",
            needed="blocks that are all equally deep",
            write="xp.block([[a, b], [c, d]])",
        )
    return 1 + depths.pop()


def _joined(arrays: Any, blocks: Any, axis: int) -> Any:
    if not isinstance(arrays, list):
        return next(blocks)
    return concat([_joined(a, blocks, axis + 1) for a in arrays], axis=axis)
