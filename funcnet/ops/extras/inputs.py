"""What the extras share: arguments as arrays, floating-point ones where they must be, and slices along a dimension."""

from __future__ import annotations

from typing import Any

from funcnet.core import Spec, Tracer, raw
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import ParameterError
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.conversion import asarray, asarray_like
from funcnet.ops.fresh import backend_like, foreign_dtype
from funcnet.ops.slicing import taken

__all__ = [
    "along",
    "arrays_of",
    "at_least",
    "complete",
    "differs",
    "flattened",
    "inexact",
    "one_array",
    "sequence_of",
    "size",
]


def one_array(x: Any) -> Any:
    """Return an array as it is, and a number or nested list as an array of the current backend."""
    return x if hasattr(x, "shape") else asarray(x)


def arrays_of(*values: Any) -> tuple[Any, ...]:
    """Return values as arrays: numbers and lists become arrays that go with the first array among them."""
    like = next((v for v in values if hasattr(v, "shape")), None)
    if like is None:
        return tuple([asarray(v) for v in values])
    return tuple([v if hasattr(v, "shape") else asarray_like(like, v) for v in values])


def inexact(x: Any) -> Any:
    """Return integers and booleans in the default floating-point data type, everything else as it is."""
    return x if is_inexact(x.dtype) else cast(x, foreign_dtype(backend_like(x), float))


def size(shape: tuple[int, ...]) -> int:
    """Return the number of elements of an array of that shape."""
    n = 1
    for m in shape:
        n *= m
    return n


def flattened(x: Any) -> Any:
    """Return an array in one dimension."""
    return x if len(x.shape) == 1 else reshaped(x, (size(x.shape),))


def along(x: Any, axis: int, start: int | None, stop: int | None, step: int | None = None) -> Any:
    """Return ``x[..., start:stop:step, ...]`` with the slice at dimension `axis`."""
    return taken(x, ((None, None, None),) * axis + ((start, stop, step),))


def complete(x: Any) -> bool:
    """Return whether an array can hold no NaN, since it is not of a floating-point data type."""
    return kind(x.dtype) not in "fc"


def sequence_of(name: str, arrays: Any) -> list[Any]:
    """Return a list or tuple of arrays, or an array taken apart along its first dimension, as a list of arrays."""
    if hasattr(arrays, "shape") and len(arrays.shape):
        return [arrays[i] for i in range(arrays.shape[0])]
    if not isinstance(arrays, (list, tuple)) or not arrays:
        raise ParameterError(
            f"xp.{name} takes a sequence of arrays.",
            found="an empty sequence" if isinstance(arrays, (list, tuple)) else type(arrays).__name__,
            needed="a list or tuple of at least one array",
            write=f"xp.{name}([a, b])",
        )
    return list(arrays_of(*arrays))


def differs(x: Any) -> bool:
    """Whether an array has a value for each element of a batch, so that no single one can be read; `vmap` maps it."""
    value = x
    while value.__class__ is Tracer:
        trace = value.trace
        if not trace.concrete and trace.hidden(value, "") is not None:
            return not isinstance(raw(value), Spec)
        value = value.value
    return False


def at_least(x: Any, ndim: int) -> Any:
    """Return an array of at least so many dimensions; the new ones come first."""
    shape = tuple(x.shape)
    return x if len(shape) >= ndim else reshaped(x, (1,) * (ndim - len(shape)) + shape)
