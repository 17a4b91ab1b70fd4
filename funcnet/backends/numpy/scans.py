"""NumPy kernels of what runs along an axis: cumulative sums and products, and linear recurrences."""

from collections.abc import Callable
from math import isqrt
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

# Each step of a loop over rows costs about as much as 1,000 elements.
_LONG = 64
_WIDE = 1000


def _scan(operation: np.ufunc) -> Callable[..., Any]:
    identity = operation.identity

    def kernel(x: Any, *, axis: int, initial: bool, reverse: bool) -> Any:
        if reverse:
            x = np.flip(x, axis)
        if initial:
            shape = list(x.shape)
            shape[axis] += 1
            dtype = _wide(x.dtype)
            out = np.empty(shape, dtype)
            before = (slice(None),) * axis
            out[(*before, slice(0, 1))] = identity
            operation.accumulate(x, axis, dtype, out[(*before, slice(1, None))])
        else:
            out = operation.accumulate(x, axis, _wide(x.dtype))
        return np.flip(out, axis) if reverse else out

    return kernel


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the data type in which the standard accumulates numbers of `dtype`."""
    if dtype.kind in "bi" and dtype.itemsize < 8:
        return np.dtype(np.int64)
    return np.dtype(np.uint64) if dtype.kind == "u" else dtype


def _shift(x: Any, *, axis: int, reverse: bool) -> Any:
    out = np.empty_like(x)
    before = (slice(None),) * axis
    head, tail = (*before, slice(0, -1)), (*before, slice(1, None))
    if reverse:
        out[head] = x[tail]
        out[(*before, slice(-1, None))] = 0
    else:
        out[tail] = x[head]
        out[(*before, slice(0, 1))] = 0
    return out


def _lead(x: Any, *, axis: int, reverse: bool) -> Any:
    shape = list(x.shape)
    shape[axis] += 1
    out = np.empty(shape, x.dtype)
    before = (slice(None),) * axis
    if reverse:
        out[(*before, slice(0, -1))] = x
        out[(*before, slice(-1, None))] = 0
    else:
        out[(*before, slice(1, None))] = x
        out[(*before, slice(0, 1))] = 0
    return out


def _recurrence(a: Any, b: Any, *, axis: int, reverse: bool, lagged: bool) -> Any:
    s = np.empty(b.shape, np.result_type(a, b))
    if not b.size:
        return s
    factors, terms, out = [np.moveaxis(v, axis, 0)[:: -1 if reverse else 1] for v in (a, b, s)]
    if lagged:
        factors = np.concatenate([np.zeros_like(factors[:1]), factors[:-1]])
    n = b.shape[axis]
    width = b.size // n
    solved = None
    if n >= _LONG and width <= _WIDE:
        solved = _by_blocks(factors.reshape(n, width), terms.reshape(n, width), s.dtype)
    if solved is None:
        _by_rows(factors, terms, out)
    else:
        out[...] = solved.reshape(out.shape)
    return s


def _by_rows(factors: Any, terms: Any, out: Any) -> None:
    # Zeros stay zeros beside an infinite factor; the check costs a pass, so it is made once.
    finite = bool(np.isfinite(factors).all())
    out[0] = terms[0]
    for i in range(1, len(out)):
        if finite:
            out[i] = factors[i] * out[i - 1]
        else:
            out[i] = 0
            np.multiply(factors[i], out[i - 1], out=out[i : i + 1], where=out[i - 1] != 0)
        out[i] += terms[i]


def _by_blocks(factors: Any, terms: Any, dtype: Any) -> Any | None:
    """Solve blocks of about sqrt(n) rows beside each other, each from zero, then carry from one to the next.

    Return None where a product of factors is infinite, which it need not be when it is formed in order.
    """
    n, width = terms.shape
    size = isqrt(n - 1) + 1
    count = -(-n // size)

    def blocks(v: Any) -> Any:
        padded = np.zeros((count * size, width), dtype)
        padded[:n] = v
        return np.ascontiguousarray(padded.reshape(count, size, width).swapaxes(0, 1))

    factors, terms = blocks(factors), blocks(terms)
    out = np.empty_like(terms)
    _by_rows(factors, terms, out)
    with np.errstate(over="ignore", invalid="ignore"):
        # From here on, `factors` are their products since the beginning of the block.
        np.multiply.accumulate(factors, axis=0, out=factors)
    if not np.isfinite(factors).all():
        return None
    carry = np.zeros((count, width), dtype)
    for i in range(1, count):
        carry[i] = out[-1, i - 1] + factors[-1, i - 1] * carry[i - 1]
    out += factors * carry
    return out.swapaxes(0, 1).reshape(count * size, width)[:n]


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "cumulative_sum": _scan(np.add),
        "cumulative_prod": _scan(np.multiply),
        "shift": _shift,
        "lead": _lead,
        "linear_recurrence": _recurrence,
    }
)
