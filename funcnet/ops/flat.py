"""`x.flat` of a traced array: its elements in C's order, to read and to assign to, as of NumPy's arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import ops
from funcnet.ops.views import assigned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from funcnet.core import Tracer

__all__ = ["Flat"]


class Flat:
    """The elements of an array in C's order.

    Parameters
    ----------
    base : Tracer
        The array. What is read from here is a copy, as in NumPy; what is assigned is written into it.
    """

    __slots__ = ("base",)

    def __init__(self, base: Tracer) -> None:
        self.base = base

    def copy(self) -> Any:
        """Return the elements as an array of one dimension."""
        return ops.reshape(self.base, (-1,)).copy()

    def __getitem__(self, key: Any) -> Any:
        return self.copy()[key].copy()

    def __setitem__(self, key: Any, value: Any) -> None:
        x: Any = self.base
        assigned(x, ops.reshape(ops.setitem(self.copy(), key, value), tuple(x.shape)))

    def __len__(self) -> int:
        return self.base.size

    def __iter__(self) -> Iterator[Any]:
        return iter(self.copy())
