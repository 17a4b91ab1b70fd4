"""Lists of numbers as arrays, as NumPy takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet.core import Tracer
from funcnet.ops.joining import stack

__all__ = ["array_of"]


def array_of(x: Any) -> Any:
    """Return a list of numbers, or nested ones, as an array; a traced one where a number is traced."""
    if not isinstance(x, (list, tuple)):
        return x
    return stack([_wholly(e) for e in x]) if _traced(x) else np.asarray(x)


def _wholly(x: Any) -> Any:
    return array_of(x) if isinstance(x, (list, tuple)) else x if hasattr(x, "shape") else np.asarray(x)


def _traced(x: Any) -> bool:
    return any([_traced(e) if isinstance(e, (list, tuple)) else e.__class__ is Tracer for e in x])
