"""The errors for what NumPy's functions cannot do with traced arrays, with what to write instead."""

from __future__ import annotations

from typing import Any

from funcnet.core.frames import user_frame
from funcnet.errors import TracerConversionError, UnsupportedFunctionError

__all__ = ["receives", "unsupported"]


def receives(target: Any) -> TracerConversionError:
    """Return the error for a plain array that traced values are to be written into."""
    return TracerConversionError(
        f"A plain array cannot receive traced values, in {user_frame()}.",
        found=f"{type(target).__module__}.{type(target).__qualname__} of shape {tuple(target.shape)}",
        needed="an array that the transformation follows",
        write="a = fn.lift(a) before the assignment; or a = xp.at(a, index).set(x)",
    )


_OUTSIDE = "return the array from the transformed function, and {} it outside"
_BINS = "xp.segment_sum(weights, xp.searchsorted(edges, x), num_segments=n), or xp.histogram over one dimension"
_INTEGERS = "numpy.{0}(fn.stop_gradient(x)); it has no derivative"
#: What to write in place of functions that people meet most.
_WRITE = {
    **{name: _INTEGERS.format(name) for name in ("bitwise_count", "gcd", "lcm", "spacing", "unravel_index")},
    **{name: _OUTSIDE.format("save") for name in ("save", "savetxt", "savez", "savez_compressed")},
    "frexp": "x * 2.0**-e for the mantissa, with e = numpy.frexp(fn.stop_gradient(x))[1]",
    "einsum_path": "funcnet.xp.einsum(..., optimize=True), which finds the order itself",
    "histogram2d": _BINS,
    "histogramdd": _BINS,
    "shares_memory": "nothing: traced arrays share no memory that can be written to",
    "may_share_memory": "nothing: traced arrays share no memory that can be written to",
    "trim_zeros": "x[a:b], with bounds that do not depend on traced values",
}


def unsupported(name: str) -> UnsupportedFunctionError:
    """Return the error for a function, or for options of it, without a counterpart."""
    return UnsupportedFunctionError(
        f"{name} cannot be traced, in {user_frame()}.",
        found="a function without a counterpart in the Array API standard",
        needed="a function of funcnet.xp, or a composition of them",
        write=_WRITE.get(name.partition(" ")[0].rpartition(".")[2])
        or "the same computation with funcnet.xp; fn.stop_gradient(x) where no derivative is wanted",
    )
