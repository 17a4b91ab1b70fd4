"""Choices that differ from element to element of a batch: what `vmap` maps over has no single value to read."""

from __future__ import annotations

from typing import Any

from funcnet import tree
from funcnet.core import Tracer, constant, raw
from funcnet.core.bind import scalar_array
from funcnet.ops import any as any_of
from funcnet.ops import where

__all__ = ["as_array", "holds_somewhere", "is_mapped", "select"]


def is_mapped(leaf: Any) -> bool:
    """Whether a leaf has a value for each element of a batch."""
    while leaf.__class__ is Tracer:
        if not leaf.trace.concrete and leaf.trace.hidden(leaf, "") is not None:
            return True
        leaf = leaf.value
    return False


def holds_somewhere(condition: Any) -> bool:
    """Whether a mapped condition is true for some element of the batch."""
    return bool(any_of(raw(condition)))


def select(condition: Any, a: Any, b: Any) -> Any:
    """Return the leaves of `a` for the elements for which a mapped condition is true, those of `b` for the others."""
    return tree.map(lambda x, y: x if x is y else where(condition, as_array(x), as_array(y)), a, b)


def as_array(leaf: Any) -> Any:
    """Return a Python number as an array, anything else as it is."""
    return leaf if hasattr(leaf, "shape") else constant(scalar_array(leaf))
