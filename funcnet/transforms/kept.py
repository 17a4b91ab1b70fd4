"""Plain NumPy arrays that a tape keeps: who writes into them later does not change derivatives.

``t += dt`` on a plain array would change what the rules of earlier operations have kept of it, and derivatives would
silently be those of other values. So rules get a copy of a small array. Of a large one they get a view, and before
every way back some of its elements are compared with what they were: there a derivative is refused. Other libraries'
arrays are not watched.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

from funcnet.errors import ChangedArrayError

__all__ = ["Watch"]

_SMALL = 1024
#: How many elements are compared along each axis, by the number of axes.
_SAMPLES = (1, 61, 8, 4, 3, 2)


class Watch:
    """The large plain arrays that a tape keeps."""

    __slots__ = ("_by_id", "_views")

    def __init__(self) -> None:
        #: A view that rules may keep, some of its elements as they were, and the operation that used it first.
        self._views: list[tuple[Any, bytes, str]] = []
        #: Identity of an array -> the array and its view.
        self._by_id: dict[int, tuple[Any, Any]] = {}

    def kept(self, x: Any, name: str) -> Any:
        """Return what the rules of the operation `name` may keep of `x`, a NumPy array."""
        if x.nbytes <= _SMALL:
            # In the same layout, on which the last digits of products depend.
            return x.copy(order="K") if x.flags.writeable else x
        found = self._by_id.get(id(x))
        if found is not None and found[0]() is x and (view := found[1]()) is not None:
            return view
        view = x[...]
        # Of a view that no rule has kept nothing is left when it is checked.
        r = ref(view)
        self._views.append((r, _samples(view), name))
        self._by_id[id(x)] = (ref(x), r)
        return view

    def check(self) -> None:
        """Raise `ChangedArrayError` if an array that the tape keeps was written to."""
        for r, samples, name in self._views:
            x = r()
            if x is not None and _samples(x) != samples:
                raise ChangedArrayError(
                    f"A plain array was written to after the operation {name!r} had used it, which its derivative "
                    "needs.",
                    found=f"other elements in an array of shape {x.shape} and dtype {x.dtype}",
                    needed="arrays that stay as they are until derivatives have been computed",
                    write="a = a + b in place of a += b; a = fn.lift(a), whose changes are followed; f(x, a.copy())",
                )


def _samples(x: Any) -> bytes:
    count = _SAMPLES[min(x.ndim, 5)]
    return x[tuple([slice(None, None, max(1, n // count)) for n in x.shape])].tobytes()
