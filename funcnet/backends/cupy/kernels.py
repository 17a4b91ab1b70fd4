"""CuPy's own elementwise functions under the standard's names."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["kernels"]

# Those on which CuPy agrees with the standard. Left out, because `array_api_compat` corrects them: ceil, floor and
# trunc (integers became floats before CuPy 14), sign (which loses NaN), round and clip.
_NAMES = {
    "abs": "absolute",
    "acos": "arccos",
    "acosh": "arccosh",
    "add": "add",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "bitwise_and": "bitwise_and",
    "bitwise_invert": "invert",
    "bitwise_left_shift": "left_shift",
    "bitwise_or": "bitwise_or",
    "bitwise_right_shift": "right_shift",
    "bitwise_xor": "bitwise_xor",
    "copysign": "copysign",
    "cos": "cos",
    "cosh": "cosh",
    "divide": "divide",
    "equal": "equal",
    "exp": "exp",
    "expm1": "expm1",
    "floor_divide": "floor_divide",
    "greater": "greater",
    "greater_equal": "greater_equal",
    "hypot": "hypot",
    "isfinite": "isfinite",
    "isinf": "isinf",
    "isnan": "isnan",
    "less": "less",
    "less_equal": "less_equal",
    "log": "log",
    "log10": "log10",
    "log1p": "log1p",
    "log2": "log2",
    "logaddexp": "logaddexp",
    "logical_and": "logical_and",
    "logical_not": "logical_not",
    "logical_or": "logical_or",
    "logical_xor": "logical_xor",
    "maximum": "maximum",
    "minimum": "minimum",
    "multiply": "multiply",
    "negative": "negative",
    "nextafter": "nextafter",
    "not_equal": "not_equal",
    "positive": "positive",
    "pow": "power",
    "reciprocal": "reciprocal",
    "remainder": "remainder",
    "signbit": "signbit",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "square": "square",
    "subtract": "subtract",
    "tan": "tan",
    "tanh": "tanh",
}


def kernels(cupy: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels of CuPy by primitive name."""
    return {name: getattr(cupy, own) for name, own in _NAMES.items()}
