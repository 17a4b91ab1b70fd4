"""The same elements in another arrangement: axes swapped, arrays flattened, turned and split."""

from __future__ import annotations

from operator import index as as_integer
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.axes import one_axis
from funcnet.ops.extras.inputs import flattened, one_array
from funcnet.ops.indexing import getitem
from funcnet.ops.manipulation import flip, permute_dims

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["array_split", "ravel", "rot90", "split", "swapaxes"]


def swapaxes(x: Any, axis1: int, axis2: int, /) -> Any:
    """Exchange two dimensions.

    Derivative: linear; it is its own transpose.

    Parameters
    ----------
    x : array
        Of any data type.
    axis1, axis2 : int
        The dimensions, negative ones counted from the last.

    Returns
    -------
    array
        It may share memory with `x`.

    Raises
    ------
    ShapeError
        If there is no such dimension.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.swapaxes(np.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    first, second = one_axis("swapaxes", x, axis1), one_axis("swapaxes", x, axis2)
    order = list(range(len(x.shape)))
    order[first], order[second] = second, first
    return permute_dims(x, tuple(order))


def ravel(x: Any, /) -> Any:
    """Return the elements in one dimension, the last index changing fastest.

    Derivative: linear, a reshape.

    Parameters
    ----------
    x : array
        Of any data type.

    Returns
    -------
    array
        Of one dimension; it may share memory with `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.ravel(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 2., 3., 4.])
    """
    return flattened(one_array(x))


def rot90(x: Any, /, *, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """Turn an array by right angles.

    Derivative: linear; its transpose turns back.

    Parameters
    ----------
    x : array
        Of at least two dimensions and any data type.
    k : int, default 1
        How many times, from the first towards the second dimension.
    axes : pair of int, default (0, 1)
        The plane.

    Returns
    -------
    array
        It may share memory with `x`.

    Raises
    ------
    ShapeError
        If `axes` are not two different dimensions of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.rot90(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 4.],
           [1., 3.]])
    """
    plane = [one_axis("rot90", x, a) for a in axes]
    if len(plane) != 2 or plane[0] == plane[1]:
        raise ShapeError(
            "xp.rot90 turns in a plane.",
            found=f"axes={tuple(axes)!r} for shape {tuple(x.shape)}",
            needed="two different dimensions",
            write="axes=(0, 1)",
        )
    first, second = plane
    turns = as_integer(k) % 4
    if turns == 0:
        return x
    if turns == 2:
        return flip(x, axis=(first, second))
    return flip(swapaxes(x, first, second), axis=first if turns == 1 else second)


def split(x: Any, indices_or_sections: int | Sequence[int], /, *, axis: int = 0) -> list[Any]:
    """Cut an array along a dimension.

    Derivative: linear; its transpose joins the cotangents of the parts.

    Parameters
    ----------
    x : array
        Of any data type.
    indices_or_sections : int or sequence of int
        The number of equal parts, or the indices at which to cut.
    axis : int, default 0
        The dimension, negative ones counted from the last.

    Returns
    -------
    list of array
        They may share memory with `x`.

    Raises
    ------
    ShapeError
        If there is no such dimension, or it cannot be divided evenly.
    ParameterError
        If the number of parts is not positive.

    See Also
    --------
    array_split : for parts that differ by one element.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.split(np.array([1.0, 2.0, 3.0, 4.0]), 2)
    [array([1., 2.]), array([3., 4.])]
    """
    if not isinstance(indices_or_sections, (list, tuple, np.ndarray)):
        place = one_axis("split", x, axis)
        count = _sections("split", indices_or_sections)
        if x.shape[place] % count:
            raise ShapeError(
                "xp.split cannot divide the dimension evenly.",
                found=f"{x.shape[place]} elements along axis {place}, {count} parts",
                needed="a number of parts that divides the number of elements",
                write=f"xp.array_split(x, {count}, axis={place})",
            )
    return array_split(x, indices_or_sections, axis=axis)


def array_split(x: Any, indices_or_sections: int | Sequence[int], /, *, axis: int = 0) -> list[Any]:
    """Cut an array along a dimension, into parts that may differ by one element.

    Derivative: linear; its transpose joins the cotangents of the parts.

    Parameters
    ----------
    x : array
        Of any data type.
    indices_or_sections : int or sequence of int
        The number of parts, the first of which are larger where it does not divide the size; or the indices at which to
        cut.
    axis : int, default 0
        The dimension, negative ones counted from the last.

    Returns
    -------
    list of array
        They may share memory with `x`.

    Raises
    ------
    ShapeError
        If there is no such dimension.
    ParameterError
        If the number of parts is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> [part.shape for part in xp.array_split(np.arange(8.0), 3)]
    [(3,), (3,), (2,)]
    """
    place = one_axis("array_split", x, axis)
    n = x.shape[place]
    if isinstance(indices_or_sections, (list, tuple, np.ndarray)):
        cuts = [as_integer(i) for i in indices_or_sections]
    else:
        count = _sections("array_split", indices_or_sections)
        small, larger = divmod(n, count)
        cuts = [small * i + min(i, larger) for i in range(1, count)]
    lead = [slice(None)] * place
    return [getitem(x, (*lead, slice(start, stop))) for start, stop in zip([0, *cuts], [*cuts, n], strict=True)]


def _sections(name: str, count: Any) -> int:
    count = as_integer(count)
    if count < 1:
        raise ParameterError(
            f"xp.{name} makes at least one part.", found=f"{count} parts", needed="a positive integer", write="1"
        )
    return count
