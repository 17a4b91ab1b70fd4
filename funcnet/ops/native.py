"""Data types as an array's own library reads them, for code that was written for that library.

Python's ``float`` is double precision to NumPy and PyTorch, and NumPy's mean of integers is, too. The functions of
`funcnet.xp` take the default data type for both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet.backends.dtypes import OPTIONAL, STANDARD
from funcnet.core.dtypes import is_inexact
from funcnet.ops.broadcasting import cast
from funcnet.ops.fresh import backend_like

__all__ = ["native_dtype", "native_floating"]

_PRECISE = {float: "float64", complex: "complex128"}


def native_dtype(x: Any, dtype: Any) -> Any:
    """Return what `dtype` means to the library of `x`: for ``float``, ``complex``, and NumPy's short names."""
    if dtype is float or dtype is complex:
        return backend_like(x).dtype(_PRECISE[dtype])
    if dtype.__class__ is str and dtype not in STANDARD + OPTIONAL and backend_like(x).name in ("numpy", "cupy"):
        try:
            return np.dtype(dtype)
        except TypeError:
            return dtype
    return dtype


def native_floating(x: Any) -> Any:
    """Return integers and booleans in the floating-point data type that the library of `x` makes of them."""
    if is_inexact(x.dtype):
        return x
    backend = backend_like(x)
    return cast(x, backend.namespace.__array_namespace_info__().default_dtypes()["real floating"])
