"""What operations cost: floating-point operations by primitive, from shapes alone."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.core.dtypes import is_inexact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

__all__ = ["COSTS", "flops", "moves"]


def _size(spec: Any) -> int:
    return prod(getattr(spec, "shape", ()))


def _matmul(args: Sequence[Any], out: Any) -> int:
    return 2 * _size(out) * args[0].shape[-1]


def _affine(args: Sequence[Any], out: Any) -> int:
    return 2 * _size(out) * args[0].shape[-1] + _size(out)


def _convolution(args: Sequence[Any], out: Any) -> int:
    # Of a kernel (window..., channels of a group, filters).
    return 2 * _size(out) * prod(args[1].shape[:-1])


def _biased_convolution(args: Sequence[Any], out: Any) -> int:
    return _convolution(args, out) + _size(out)


def _kernel_convolution(args: Sequence[Any], out: Any) -> int:
    return 2 * _size(args[1]) * prod(out.shape[:-1])


def _adjoint_convolution(args: Sequence[Any], out: Any) -> int:  # noqa: ARG001  # one signature for all
    return 2 * _size(args[0]) * prod(args[1].shape[:-1])


def _attention(args: Sequence[Any], out: Any) -> int:
    keys = args[1].shape[-2]
    return 2 * keys * (_size(args[0]) + _size(out[0] if isinstance(out, tuple) else out))


def _recurrence(args: Sequence[Any], out: Any) -> int:  # noqa: ARG001
    # The products with the carry; the rest is little beside them.
    return 2 * _size(args[0]) * args[1].shape[0]


def _exponentials(args: Sequence[Any], out: Any) -> int:  # noqa: ARG001
    # Shift, exponential, and sum or division.
    return 3 * _size(args[0])


#: Primitive -> function of the specs of its arguments and of its result, or results.
COSTS: dict[str, Callable[[Sequence[Any], Any], int]] = {
    "affine": _affine,
    "attention": _attention,
    "conv": _convolution,
    "conv_adjoint": _adjoint_convolution,
    "conv_bias": _biased_convolution,
    "conv_kernel": _kernel_convolution,
    "gru_sequence": _recurrence,
    "log_softmax": _exponentials,
    "logsumexp": _exponentials,
    "lstm_sequence": _recurrence,
    "matmul": _matmul,
    "softmax": _exponentials,
    "vecdot": lambda args, out: 2 * max(_size(a) for a in args),  # noqa: ARG005  # one signature for all
}


def moves(primitive: Primitive) -> bool:
    """Whether an operation moves elements without computing."""
    return primitive.kind != "elementwise" and primitive.meta.get("dtypes") == "all"


def flops(primitive: Primitive, args: Sequence[Any], out: Any) -> int:
    """Return the floating-point operations of one call.

    A product and a sum count as two. An elementwise function counts as one for each element of its result, whatever it
    is; other operations that `COSTS` does not know as one for each element of their largest array.
    """
    known = COSTS.get(primitive.name)
    if known is not None:
        return known(args, out)
    outs = out if isinstance(out, tuple) else (out,)
    if moves(primitive) or not any(is_inexact(o.dtype) for o in outs):
        return 0
    if primitive.kind == "elementwise":
        return _size(out)
    return max(map(_size, (*args, *outs)))
