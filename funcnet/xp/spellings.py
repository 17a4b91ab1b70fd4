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
    **{
        name: f"nn.functional.{name}"
        for name in ("celu", "elu", "gelu", "glu", "leaky_relu", "log_sigmoid", "relu6", "selu", "silu", "swish")
    },
    "argwhere": "xp.stack(xp.nonzero(x), axis=-1)",
    "astensor": "xp.asarray",
    "average": "xp.mean(x), xp.sum(w * x) / xp.sum(w) with weights",
    "bincount": "xp.segment_sum(xp.ones_like(x), x)",
    "cumlogsumexp": "fn.associative_scan(xp.logaddexp, x)",
    "cummax": "fn.associative_scan(xp.maximum, x)",
    "cummin": "fn.associative_scan(xp.minimum, x)",
    "diag": "xp.linalg.diagonal(x) of a matrix, x[:, None] * xp.eye(n) of a vector",
    "exp2": "xp.pow(2.0, x)",
    "fliplr": "xp.flip(x, axis=1)",
    "flipud": "xp.flip(x, axis=0)",
    "heaviside": "xp.where(x > 0, 1.0, 0.0)",
    "logspace": "10.0 ** xp.linspace(start, stop, n)",
    "matvec": "(x1 @ x2[..., None])[..., 0]",
    "ptp": "xp.max(x) - xp.min(x)",
    "rsqrt": "1 / xp.sqrt(x)",
    "segment_max": "xp.at(xp.full((n, *x.shape[1:]), -xp.inf), segment_ids).max(x)",
    "segment_min": "xp.at(xp.full((n, *x.shape[1:]), xp.inf), segment_ids).min(x)",
    "tensor": "xp.asarray",
    "top_k": "xp.argsort(x, descending=True)[..., :k]",
    "topk": "xp.argsort(x, descending=True)[..., :k]",
}
