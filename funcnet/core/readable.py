"""Values that can be looked at for nothing: for checks of arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet import backends
from funcnet.core.tracer import raw

__all__ = ["readable"]


def readable(x: Any) -> np.ndarray | None:
    """Return the values of an array as NumPy's where reading them is free, otherwise None.

    On another device than the CPU it would wait for that, and inside ``jit`` there is nothing to read.
    """
    value = raw(x)
    backend = backends.backend_of_type(value.__class__)
    if backend is None or not backend.device_of(value).startswith(("cpu", "CPU")):
        return None
    return np.asarray(backend.to_numpy(value))
