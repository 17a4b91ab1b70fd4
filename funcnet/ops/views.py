"""Views: arrays that show the same elements stay the same under assignment, as outside of a transformation.

On plain arrays ``a[0][1] = v`` changes ``a``, since ``a[0]`` shows its memory. A tracer has no memory to share, so a
part of a traced array remembers the array and how to put itself back, and the array knows its parts while they live.
An assignment to any of them gives all of them new values. Whether the library makes a view or a copy is asked of the
arrays inside, so that traced code does what the same code does on plain arrays. Where only shapes are known there is
no memory to ask: there arrays count as lying in C's order, and parts of them as the library would lay them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from numpy.lib.stride_tricks import as_strided

from funcnet.core import Spec, Tracer, owner, raw
from funcnet.core.dtypes import kind
from funcnet.core.frames import user_frame
from funcnet.errors import CopyError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["View", "assigned", "is_number", "viewed"]

#: Backends whose arrays of no dimensions are NumPy's scalars, which share no memory, where an operation returns one.
_SCALARS = ("numpy", "strict")


class View:
    """A way to show elements of an array: ``take(x, how)`` shows them, ``put(x, how, part)`` puts them back.

    Parameters
    ----------
    take, put : callable
        Without `put` nothing can be assigned to the view.
    lie : callable, optional
        ``lie(x, how)`` makes the view of a NumPy array without reading it, or raises ValueError where NumPy would have
        to copy; `take` itself where nothing is given.
    certain : bool, default True
        Whether no library ever makes a copy.
    copied_by : tuple of str
        Names of the backends that always make a copy.
    read_only_by : tuple of str
        Names of the backends that let nobody write into the view.
    scalar : callable, optional
        ``scalar(how)`` tells whether a view without dimensions is one of NumPy's scalars, which shares no memory.
    """

    __slots__ = ("certain", "copied_by", "lie", "put", "read_only_by", "scalar", "take")

    def __init__(
        self,
        take: Callable[[Any, Any], Any],
        put: Callable[[Any, Any, Any], Any] | None,
        *,
        lie: Callable[[Any, Any], Any] | None = None,
        certain: bool = True,
        copied_by: tuple[str, ...] = (),
        read_only_by: tuple[str, ...] = (),
        scalar: Callable[[Any], bool] | None = None,
    ) -> None:
        self.take = take
        self.put = put
        self.lie = take if lie is None else lie
        self.certain = certain
        self.copied_by = copied_by
        self.read_only_by = read_only_by
        self.scalar = scalar


def viewed(out: Any, x: Any, view: View, how: Any = None) -> Any:
    """Return `out`, which shows the elements of `x`, after a note of that if both are traced."""
    if out.__class__ is Tracer and x.__class__ is Tracer and out is not x and _same_memory(out, x, view, how):
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


def is_number(x: Tracer) -> bool:
    """Whether a tracer without dimensions stands for one of NumPy's scalars, which ``+=`` replaces and does not write.

    Inside of `vmap`, and where only shapes are known, that is what is not a view: operations return scalars.
    """
    value = raw(x)
    if isinstance(value, np.generic):
        return not hasattr(x, "views")
    if value.__class__ is np.ndarray:
        return bool(value.ndim) and not (hasattr(x, "base") or hasattr(x, "views"))
    return value.__class__ is Spec and value.backend.name == "numpy" and not hasattr(x, "base")


def _same_memory(out: Tracer, x: Tracer, view: View, how: Any) -> bool:
    y = raw(out)
    if y.__class__ is np.ndarray:
        # Inside of `vmap` an array without dimensions has those of the batch.
        if y.ndim and view.scalar is not None and not out.shape and view.scalar(how):
            return False
        return view.certain or np.may_share_memory(y, raw(x)) or _shows_alone(x, view, how)
    if isinstance(y, np.generic):
        return False
    wrapped = getattr(y, "_array", None)
    if wrapped is not None:
        return np.may_share_memory(wrapped, raw(x)._array) or _shows_alone(x, view, how)
    if y.__class__ is not Spec:
        if view.certain or owner(out).storage(y)[0] == owner(x).storage(raw(x))[0]:
            return True
        return owner(out).name not in view.copied_by and _shows_alone(x, view, how)
    name = y.backend.name
    if name in view.copied_by:
        return False
    if name in _SCALARS and ((not x.shape and not hasattr(x, "base")) or (not out.shape and _is_scalar(view, how))):
        return False
    return view.certain or _shows(x, view, how)


def _shows_alone(x: Tracer, view: View, how: Any) -> bool:
    """Whether the view shows memory of `x` where `x` is a batch, and each of its elements were an array of its own.

    The elements of a batch along a middle dimension lie in pieces, which is what a reshape of the batch copies for.
    """
    return raw(x).ndim != len(x.shape) and _shows(x, view, how)


def _shows(x: Tracer, view: View, how: Any) -> bool:
    try:
        view.lie(_layout(x), how)
    except ValueError:
        return False
    return True


def _is_scalar(view: View, how: Any) -> bool:
    return view.scalar is not None and view.scalar(how)


def _layout(x: Tracer) -> Any:
    """Return a NumPy array that lies like `x`, or like one element of a batch; its numbers do not exist."""
    base = getattr(x, "base", None)
    if base is not None:
        array, view, how = base
        return view.lie(_layout(array), how)
    one = np.empty(1, dtype=np.complex64 if kind(x.dtype) == "c" else np.float32)
    strides, step = [0] * len(x.shape), one.itemsize
    for i in reversed(_outermost_first(x)):
        strides[i] = step
        step *= x.shape[i]
    return as_strided(one, x.shape, strides)


def _outermost_first(x: Tracer) -> list[int]:
    """Return the dimensions of `x` in the order in which they lie in memory: C's where only the shape is known."""
    dimensions, value = list(range(len(x.shape))), raw(x)
    if value.__class__ is not Spec and dimensions:
        value = getattr(value, "_array", value)
        strides = (value.strides if hasattr(value, "strides") else value.stride())[-len(dimensions) :]
        dimensions.sort(key=lambda i: -abs(strides[i]))
    return dimensions


def assigned(target: Tracer, value: Tracer) -> None:
    """Rebind `target` to `value`, and give the arrays that show its elements their new values.

    Raises
    ------
    CopyError
        If `target` shows elements that cannot be written through it.
    """
    root = target
    while (base := getattr(root, "base", None)) is not None:
        root, view, _ = base
        if view.put is None or owner(root).name in view.read_only_by:
            raise CopyError(
                f"An array that shows the elements of another one cannot be written to, in {user_frame()}.",
                found="the result of broadcast_to, diagonal or sliding_window_view",
                needed="an array of its own, or one that shows each element once",
                write="x = x.copy() before the assignment; np.einsum('ii->i', a) for a diagonal to write to",
            )
    if not target.shape and not hasattr(target, "views"):
        # What can be written to is an array and not a number, also when its new value is one.
        target.views = []
    target.rebind(value)
    root = target
    while (base := getattr(root, "base", None)) is not None:
        x, view, how = base
        assert view.put is not None
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
