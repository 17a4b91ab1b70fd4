"""Creation functions."""

from __future__ import annotations

from typing import Any

from funcnet import backends
from funcnet.core import constant, raw

__all__ = ["ones_like", "zeros_like"]


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    v = raw(x)
    import numpy as np
    return constant(np.zeros(v.shape, v.dtype))


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    v = raw(x)
    import numpy as np
    return constant(np.ones(v.shape, v.dtype))
