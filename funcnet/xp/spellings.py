"""What functions of NumPy and PyTorch are called here, for the error that a name without a function raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SPELLINGS"]

_NAMES = {
    "absolute": "abs",
    "amax": "max",
    "amin": "min",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "around": "round",
    "array": "asarray",
    "bool_": "bool",
    "cat": "concat",
    "clamp": "clip",
    "concatenate": "concat",
    "conjugate": "conj",
    "cross": "linalg.cross",
    "cumprod": "cumulative_prod",
    "cumsum": "cumulative_sum",
    "degrees": "rad2deg",
    "div": "divide",
    "expit": "special.expit",
    "fabs": "abs",
    "fix": "trunc",
    "identity": "eye",
    "invert": "bitwise_invert",
    "left_shift": "bitwise_left_shift",
    "mm": "matmul",
    "mod": "remainder",
    "mul": "multiply",
    "neg": "negative",
    "norm": "linalg.vector_norm",
    "permute": "permute_dims",
    "power": "pow",
    "radians": "deg2rad",
    "right_shift": "bitwise_right_shift",
    "rint": "round",
    "row_stack": "vstack",
    "sub": "subtract",
    "transpose": "permute_dims",
    "trapz": "trapezoid",
    "true_divide": "divide",
    "unique": "unique_values",
    "unsqueeze": "expand_dims",
    "view": "reshape",
}

#: Another library's name -> what to write.
SPELLINGS: Mapping[str, str] = {
    **{name: f"xp.{ours}" for name, ours in _NAMES.items()},
    "argwhere": "xp.stack(xp.nonzero(x), axis=-1)",
    "astensor": "xp.asarray",
    "diag": "xp.linalg.diagonal(x) of a matrix, x[:, None] * xp.eye(n) of a vector",
    "exp2": "xp.pow(2.0, x)",
    "fliplr": "xp.flip(x, axis=1)",
    "flipud": "xp.flip(x, axis=0)",
    "ptp": "xp.max(x) - xp.min(x)",
    "rsqrt": "1 / xp.sqrt(x)",
    "tensor": "xp.asarray",
}
