"""Updates at an index, without assignment: ``at(x, key).add(v)``."""

from __future__ import annotations

from typing import Any

from funcnet.ops.indexing import getitem, index_add, index_max, index_min, index_multiply, index_set

__all__ = ["at"]


class at:  # noqa: N801  # it reads as a function, and array-api-extra names it so
    """The elements of an array at an index, to be updated in a copy.

    Every method returns a new array and leaves `x` alone, on every backend and inside transformations. Where an index
    names a position more than once, `add` and `multiply` apply every value; of `set` the last one stays.

    Parameters
    ----------
    x : array
        The array.
    key : int, slice, None, Ellipsis, array, or tuple of them
        As in ``x[key]``.

    See Also
    --------
    funcnet.lift : makes a plain array assignable inside a transformation.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.at(np.zeros(3), [0, 0, 2]).add(1.0)
    array([2., 0., 1.])
    >>> xp.at(np.zeros(3), slice(1, None)).set(np.array([5.0, 6.0]))
    array([0., 5., 6.])
    """

    __slots__ = ("_key", "_x")

    def __init__(self, x: Any, key: Any, /) -> None:
        self._x = x
        self._key = key

    def get(self) -> Any:
        """Return ``x[key]``."""
        return getitem(self._x, self._key)

    def set(self, v: Any, /) -> Any:
        """Return a copy of ``x`` in which ``x[key] = v``."""
        return index_set(self._x, self._key, v)

    def add(self, v: Any, /) -> Any:
        """Return a copy of ``x`` in which ``x[key] += v``."""
        return index_add(self._x, self._key, v)

    def subtract(self, v: Any, /) -> Any:
        """Return a copy of ``x`` in which ``x[key] -= v``."""
        return index_add(self._x, self._key, -v)

    def multiply(self, v: Any, /) -> Any:
        """Return a copy of ``x`` in which ``x[key] *= v``."""
        return index_multiply(self._x, self._key, v)

    def min(self, v: Any, /) -> Any:
        """Return a copy of ``x`` in which ``x[key] = minimum(x[key], v)``."""
        return index_min(self._x, self._key, v)

    def max(self, v: Any, /) -> Any:
        """Return a copy of ``x`` in which ``x[key] = maximum(x[key], v)``."""
        return index_max(self._x, self._key, v)
