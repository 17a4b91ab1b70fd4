"""Indexing by arrays for libraries whose own rules differ from NumPy's.

A key is split: its integers, slices and new dimensions give a view, whose dimensions that index arrays address come
first. On such a view all libraries agree. What is taken from it is then put in the order that NumPy has.
"""

from types import ModuleType
from typing import Any

from funcnet.backends.keys import Layout, layout

__all__ = ["Selection"]


class Selection:
    """A key with index arrays, worked out for one array.

    Parameters
    ----------
    library : module
        Any with ``moveaxis`` and ``flip``.
    x : array
        What is indexed.
    indices : tuple of array
        The index arrays, of a signed data type.
    key : tuple
        The key; see `funcnet.backends.keys`.

    Attributes
    ----------
    plan : Layout
        The key worked out.

    Raises
    ------
    IndexError
        An index is out of bounds. This waits for the device.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.backends.advanced import Selection
    >>> x, i = np.arange(12).reshape(3, 4), np.array([3, 3])
    >>> one = Selection(np, x, (i,), ((None, None, 2), "array"))
    >>> one.placed(one.view(x)[i])
    array([[ 3,  3],
           [11, 11]])
    """

    __slots__ = ("_library", "_ndim", "plan")

    def __init__(self, library: ModuleType, x: Any, indices: tuple[Any, ...], key: tuple[Any, ...]) -> None:
        self._library = library
        self._ndim = max([index.ndim for index in indices])
        self.plan: Layout = layout(tuple(x.shape), key, tuple([tuple(index.shape) for index in indices]))
        sizes = self.view(x).shape
        outside = None
        for index, size in zip(indices, sizes, strict=False):
            wrong = ((index < -size) | (index >= size)).any()
            outside = wrong if outside is None else outside | wrong
        # One question to the device for all index arrays.
        if bool(outside):
            for index, size in zip(indices, sizes, strict=False):
                if bool(((index < -size) | (index >= size)).any()):
                    raise IndexError(f"an index is out of bounds for a dimension of size {size}")

    def view(self, x: Any) -> Any:
        """Return a view of `x` whose first dimensions are those that the index arrays address."""
        count = len(self.plan.dims)
        view = x[self.plan.basic]
        front = tuple(range(count))
        return view if self.plan.dims == front else self._library.moveaxis(view, self.plan.dims, front)

    def placed(self, taken: Any) -> Any:
        """Return what was taken from `view`, in NumPy's order of dimensions and the right way round."""
        place = self.plan.place
        if place:
            taken = self._library.moveaxis(taken, *self._moves())
        return self._library.flip(taken, self.plan.flipped) if self.plan.flipped else taken

    def unplaced(self, values: Any) -> Any:
        """Return values in NumPy's order as they go into `view`: the reverse of `placed`."""
        if self.plan.flipped:
            values = self._library.flip(values, self.plan.flipped)
        if self.plan.place:
            values = self._library.moveaxis(values, *reversed(self._moves()))
        return values

    def _moves(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        place = self.plan.place
        return tuple(range(self._ndim)), tuple(range(place, place + self._ndim))
