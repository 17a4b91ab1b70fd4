"""NumPy's own functions under the standard's names.

The reference implementations call through `array_api_compat`, which costs an import and a Python frame a call. The
functions here are NumPy's, wherever NumPy 2.0 and later agree with the standard on values, data types and shapes; the
other modules of this package hold kernels with code of their own.
Results of rank 0 are NumPy scalars, as everywhere in NumPy.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

_SAME_NAME = (
    "ceil",
    "copysign",
    "cos",
    "cosh",
    "exp",
    "expm1",
    "floor",
    "hypot",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "nextafter",
    "real",
    "reciprocal",
    "round",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
)

_RENAMED: dict[str, Callable[..., Any]] = {
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "conj": np.conjugate,
}


def _concat(*arrays: Any, axis: int | None = 0) -> np.ndarray:
    return np.concatenate(arrays, axis=axis)


def _imag(x: Any) -> Any:
    # Of real arrays NumPy's zeros cannot be written to.
    return np.imag(x) if x.dtype.kind == "c" else np.zeros(x.shape, x.dtype)[()]


def _stack(*arrays: Any, axis: int = 0) -> np.ndarray:
    return np.stack(arrays, axis=axis)


KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {name: getattr(np, name) for name in _SAME_NAME} | _RENAMED | {"concat": _concat, "imag": _imag, "stack": _stack}
)
