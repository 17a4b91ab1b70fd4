"""What a function that is differentiated in reverse mode may return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Tracer
from funcnet.core.dtypes import kind
from funcnet.errors import IndependentOutputError, NonScalarOutputError

if TYPE_CHECKING:
    from funcnet.core import Trace
    from funcnet.transforms.tape import Node

__all__ = ["scalar_output", "split_aux"]


def split_aux(out: Any, name: str) -> tuple[Any, Any]:
    """Return the output and the auxiliary data."""
    if not (isinstance(out, tuple) and len(out) == 2):
        raise NonScalarOutputError(
            f"{name} with has_aux=True needs a function that returns a pair.",
            found=type(out).__name__,
            needed="(output, auxiliary data)",
            write="return loss, {'accuracy': accuracy}",
        )
    return out


def scalar_output(trace: Trace, out: Any, name: str, holomorphic: bool) -> tuple[Any, Node]:
    """Return the value and the node of a scalar output."""
    is_array = hasattr(out, "shape")
    needed = f"one {'complex' if holomorphic else 'real'} floating-point number"
    if not (is_array or out.__class__ in (int, float)):
        raise NonScalarOutputError(
            f"{name} needs a function that returns a scalar.",
            found=f"{type(out).__name__}",
            needed=needed,
            write="has_aux=True if f returns (loss, auxiliary data); fn.vjp for other outputs",
        )
    if is_array and (tuple(out.shape) != () or kind(out.dtype) != ("c" if holomorphic else "f")):
        raise NonScalarOutputError(
            f"{name} needs a function that returns a scalar.",
            found=f"an array of dtype {out.dtype} and shape {tuple(out.shape)}",
            needed=needed,
            write="xp.sum(y) or xp.mean(y) to reduce it; fn.vjp(f, x) for any output; xp.real(y), or holomorphic=True, "
            "for a complex one",
        )
    if not (out.__class__ is Tracer and out.trace is trace and out.node is not None):
        raise IndependentOutputError(
            f"The output given to {name} does not depend on the arguments that it is differentiated with respect to.",
            found=repr(out),
            needed="an output computed from them by traced operations",
            write="fn.vjp(f, x), which gives zeros, if the derivative is meant to be zero",
        )
    return out.value, out.node
