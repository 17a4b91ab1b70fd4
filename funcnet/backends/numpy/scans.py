"""NumPy kernels of what runs along an axis: cumulative sums and products, and linear recurrences."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

#: Rows with at least this many elements are computed row by row, narrower ones number by number.
_WIDE = 16


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
    dtype = np.result_type(a, b)
    s = np.empty(b.shape, dtype)
    n = b.shape[axis]
    if not b.size:
        return s
    rows = [np.moveaxis(v, axis, 0) for v in (a, b, s)]
    if reverse:
        rows = [v[::-1] for v in rows]
    factors, terms, out = rows
    if lagged:
        factors = np.concatenate([np.zeros_like(factors[:1]), factors[:-1]])
    if b.size // n >= _WIDE:
        _by_rows(factors, terms, out, n)
    else:
        factors, terms, flat = (v.reshape(n, -1) for v in (factors, terms, np.empty(out.shape, dtype)))
        for column in range(flat.shape[1]):
            flat[:, column] = _by_numbers(factors[:, column].tolist(), terms[:, column].tolist())
        out[...] = flat.reshape(out.shape)
    return s


def _by_rows(factors: Any, terms: Any, out: Any, n: int) -> None:
    # Zeros stay zeros beside an infinite factor; the check costs a pass, so it is made once.
    finite = bool(np.isfinite(factors).all())
    out[0] = terms[0]
    for i in range(1, n):
        row = out[i]
        if finite:
            np.multiply(factors[i], out[i - 1], out=row)
        else:
            row[...] = 0
            np.multiply(factors[i], out[i - 1], out=row, where=out[i - 1] != 0)
        row += terms[i]


def _by_numbers(factors: list[Any], terms: list[Any]) -> list[Any]:
    s = 0.0
    out = []
    for a, b in zip(factors, terms, strict=True):
        s = a * s + b if s else b
        out.append(s)
    return out


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
