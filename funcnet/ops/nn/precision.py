"""Half precision: what sums many elements is computed in float32."""

from __future__ import annotations

from typing import Any

from funcnet.core import owner
from funcnet.ops.broadcasting import cast

__all__ = ["widened"]


def widened(x: Any) -> Any:
    """Return an array of half precision as float32, any other as it is.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.ops.nn.precision import widened
    >>> widened(np.ones(2, dtype="float16")).dtype, widened(np.ones(2)).dtype
    (dtype('float32'), dtype('float64'))
    """
    backend = owner(x)
    # float16 overflows at 65,504, and loses the third digit of a sum of a thousand elements.
    return cast(x, backend.dtype("float32")) if backend.dtype_name(x.dtype) in ("float16", "bfloat16") else x
