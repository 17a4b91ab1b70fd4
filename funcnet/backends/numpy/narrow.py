"""bfloat16 on NumPy: computed in float32, rounded once at the end of each operation.

The package ``ml_dtypes`` gives NumPy the data type and ufuncs for it, but not NumPy's promotion: beside a Python number
the result is float32 or float64, a matrix product returns float32, and a sum is accumulated with eight digits. So every
kernel that computes gets its bfloat16 arguments in float32, which holds them exactly, and its result is rounded.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from funcnet.backends.changes import changed

__all__ = ["Rounded", "begin", "in_use"]

_SINGLE = np.dtype(np.float32)
_WIDE = frozenset([np.dtype(np.float32), np.dtype(np.float64)])
_seen: list[np.dtype] = []


def in_use() -> bool:
    """Whether there can be arrays of bfloat16: somebody asked for the data type, or for the kind of one.

    That ``ml_dtypes`` is loaded says nothing, since other libraries load it, and looking out costs time in every call.
    """
    return bool(_seen)


def begin(dtype: np.dtype) -> np.dtype:
    """Return `dtype`, NumPy's bfloat16; from now on kernels look out for it."""
    if not _seen:
        _seen.append(dtype)
        changed()
    return dtype


class Rounded:
    """A kernel that computes with bfloat16 in float32.

    Where all floating-point arguments are bfloat16 the results are rounded to it; beside wider ones they stay as wide.
    """

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def __call__(self, *args: Any, **params: Any) -> Any:
        narrow = None
        others = False
        for a in args:
            dtype = getattr(a, "dtype", None)
            if dtype is None:
                continue
            # The data types of ml_dtypes are none of NumPy's kinds.
            if dtype.kind == "V" and dtype.name == "bfloat16":
                narrow = dtype
            elif dtype.kind in "fc":
                others = True
        if narrow is None:
            return self.call(*args, **params)
        wide = [a.astype(_SINGLE) if getattr(a, "dtype", None) == narrow else a for a in args]
        if params.get("dtype") == narrow:
            # A reduction to bfloat16; accumulated in float32.
            result = self.call(*wide, **{**params, "dtype": _SINGLE})
        else:
            result = self.call(*wide, **params)
            if others or params.get("dtype") is not None:
                return result
        return tuple([_rounded(y, narrow) for y in result]) if isinstance(result, tuple) else _rounded(result, narrow)


def _rounded(y: Any, dtype: np.dtype) -> Any:
    return y.astype(dtype) if getattr(y, "dtype", None) in _WIDE else y
