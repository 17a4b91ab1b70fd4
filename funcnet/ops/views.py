"""Views: arrays that show the same elements stay the same under assignment, as outside of a transformation.

On plain arrays ``a[0][1] = v`` changes ``a``, since ``a[0]`` shows its memory. A tracer has no memory to share, so a
part of a traced array remembers the array and how to put itself back, and the array knows its parts while they live.
An assignment to any of them gives all of them new values. Whether the library makes a view or a copy is asked of the
arrays inside, so that traced code does what the same code does on plain arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from funcnet.core import Spec, Tracer, owner, raw

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["View", "assigned", "viewed"]


class View:
    """A way to show elements of an array: ``take(x, how)`` shows them, ``put(x, how, part)`` puts them back."""

    __slots__ = ("certain", "put", "take")

    def __init__(
        self, take: Callable[[Any, Any], Any], put: Callable[[Any, Any, Any], Any], *, certain: bool = True
    ) -> None:
        self.take = take
        self.put = put
        #: Whether no library ever makes a copy.
        self.certain = certain


def viewed(out: Any, x: Any, view: View, how: Any = None) -> Any:
    """Return `out`, which shows the elements of `x`, after a note of that if both are traced."""
    if out.__class__ is Tracer and x.__class__ is Tracer and out is not x and _same_memory(out, x, view.certain):
        out.base = (x, view, how)
        views = getattr(x, "views", None)
        if views is None:
            x.views = [ref(out)]
        else:
            count = len(views)
            if count > 15 and not count & (count - 1):
                views[:count] = [r for r in views[:count] if r() is not None]
            views.append(ref(out))
    return out


def _same_memory(out: Any, x: Any, certain: bool) -> bool:
    y = raw(out)
    if y.__class__ is np.ndarray:
        return certain or np.may_share_memory(y, raw(x))
    if isinstance(y, np.generic):
        return False
    wrapped = getattr(y, "_array", None)
    if wrapped is not None:
        return np.may_share_memory(wrapped, raw(x)._array)
    # Where only shapes are known there is no memory.
    return y.__class__ is not Spec and (certain or owner(out).storage(y)[0] == owner(x).storage(raw(x))[0])


def assigned(target: Tracer) -> None:
    """Give the arrays that show the elements of `target`, which was assigned to, their new values."""
    root = target
    while (base := getattr(root, "base", None)) is not None:
        x, view, how = base
        x.rebind(view.put(x, how, root))
        root = x
    changed = [root]
    while changed:
        x = changed.pop()
        for r in getattr(x, "views", ()):
            part = r()
            if part is not None:
                # The target, too: later views of it depend on how its elements lie in memory.
                _, view, how = part.base
                part.rebind(view.take(x, how))
                changed.append(part)
