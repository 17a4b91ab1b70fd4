"""PyTorch's functions and operators on traced arrays: the ``__torch_function__`` protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import ops
from funcnet.core import Tracer
from funcnet.xp.numpy_refusals import receives, unsupported
from funcnet.xp.numpy_standard import UFUNCS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["torch_function"]

_OPERATORS: dict[str, Callable[..., Any]] = {
    "acos": ops.acos,
    "acosh": ops.acosh,
    "and": ops.bitwise_and,
    "asin": ops.asin,
    "asinh": ops.asinh,
    "atan": ops.atan,
    "atan2": ops.atan2,
    "atanh": ops.atanh,
    "div": ops.divide,
    "eq": ops.equal,
    "floordiv": ops.floor_divide,
    "ge": ops.greater_equal,
    "gt": ops.greater,
    "le": ops.less_equal,
    "lt": ops.less,
    "mm": ops.matmul,
    "mod": ops.remainder,
    "mul": ops.multiply,
    "ne": ops.not_equal,
    "neg": ops.negative,
    "or": ops.bitwise_or,
    "pow": ops.pow,
    "sub": ops.subtract,
    "truediv": ops.divide,
    "xor": ops.bitwise_xor,
}


def torch_function(
    cls: type,  # noqa: ARG001  # the protocol's signature
    function: Any,
    types: Any,  # noqa: ARG001
    args: tuple[Any, ...] = (),
    kwargs: Any = None,
) -> Any:
    """Apply the counterpart of a PyTorch operator or elementwise function."""
    name = function.__name__
    in_place = name in ("__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__")
    if in_place or (name.endswith("_") and not name.startswith("_")):
        raise receives(args[0]) if args[0].__class__ is not Tracer else unsupported(f"torch.{name}")
    stem = name.strip("_")
    reflected = name.startswith("__r") and stem[1:] in _OPERATORS
    operator = _OPERATORS.get(stem[1:] if reflected else stem) or UFUNCS.get(stem)
    if operator is None or kwargs:
        raise unsupported(f"torch.{name}")
    return operator(*reversed(args)) if reflected else operator(*args)
