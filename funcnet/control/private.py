"""Arrays that the function of a loop may write into without changing those of the caller or of other steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet import backends, tree
from funcnet.core import Tracer, raw

__all__ = ["apart", "handles", "private"]


def private(value: Any) -> Any:
    """Return a tree with arrays of its own."""
    return tree.map(_own, value)


def handles(value: Any) -> Any:
    """Return a tree whose traced arrays may be assigned to, for a function that is called on several such trees."""
    return tree.map(lambda leaf: leaf.copy() if leaf.__class__ is Tracer else leaf, value)


def apart(value: Any, other: Any) -> Any:
    """Return a tree with arrays of its own where they show memory of those in another tree, or are the same."""
    others = tree.leaves(other)

    def own(leaf: Any) -> Any:
        return _own(leaf) if any([_together(leaf, x) for x in others]) else leaf

    return tree.map(own, value)


def _own(leaf: Any) -> Any:
    value = raw(leaf)
    if value.__class__ is np.ndarray and not value.ndim:
        # One of NumPy's scalars, as what operations return in later steps.
        return leaf[()]
    if leaf.__class__ is Tracer:
        return leaf.copy()
    backend = backends.backend_of_type(leaf.__class__)
    if backend is None or isinstance(leaf, np.generic):
        return leaf
    return backend.asarray(leaf, copy=True)


def _together(x: Any, y: Any) -> bool:
    if x.__class__ is Tracer or y.__class__ is Tracer:
        # A handle of one, or a view, which remembers the other.
        return x is y or hasattr(x, "base") or hasattr(y, "base")
    one = backends.backend_of_type(x.__class__)
    if one is None or one is not backends.backend_of_type(y.__class__):
        return False
    if x.__class__ is np.ndarray and y.__class__ is np.ndarray:
        return np.may_share_memory(x, y)
    return x is y or one.storage(raw(x))[0] == one.storage(raw(y))[0]
