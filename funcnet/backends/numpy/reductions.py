"""NumPy kernels of reductions along axes, and of the softmax family."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

_add = np.add.reduce
_maximum = np.maximum.reduce
_minimum = np.minimum.reduce
_multiply = np.multiply.reduce
_and = np.logical_and.reduce
_or = np.logical_or.reduce
_HALF = np.dtype(np.float16)


def _sum(x: Any, *, axis: tuple[int, ...], keepdims: bool, dtype: Any) -> Any:
    return _add(x, axis, dtype, None, keepdims)


def _count(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    n = 1
    for a in axis:
        n *= shape[a]
    return n


def _mean(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    n = _count(x.shape, axis)
    if x.dtype is _HALF:
        # A sum of float16 overflows at 65,504.
        return (_add(x, axis, np.float32, None, keepdims) / (n or np.nan)).astype(_HALF)
    total = _add(x, axis, None, None, keepdims)
    # The mean of nothing is NaN, without NumPy's warning about 0 / 0.
    return total / n if n else total + np.nan


def _prod(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return _multiply(x, axis, None, None, keepdims)


def _centered(x: Any, *, axis: tuple[int, ...]) -> Any:
    if not x.size:
        return x
    if x.dtype is _HALF:
        return _centered(x.astype(np.float32), axis=axis).astype(_HALF)
    n = _count(x.shape, axis)
    d = np.subtract(x, _add(x, axis, None, None, True) / n)
    # The mean of the differences is the rounding error of the first mean. Without it, a constant would be off by that.
    error = np.asarray(_add(d, axis, None, None, True) / n)
    if error.any():
        d -= error
    return d


def _square(d: Any) -> Any:
    """Return the squared magnitude, in the memory of `d` where that is real."""
    if d.dtype.kind == "c":
        return d.real * d.real + d.imag * d.imag
    return np.multiply(d, d, out=d) if d.shape else d * d


def _var(x: Any, *, axis: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    if x.dtype is _HALF:
        return _var(x.astype(np.float32), axis=axis, correction=correction, keepdims=keepdims).astype(_HALF)
    free = _count(x.shape, axis) - correction
    total = _add(_square(_centered(x, axis=axis)), axis, None, None, keepdims)
    return total / free if free > 0 else total + np.nan


def _std(x: Any, *, axis: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    if x.dtype is _HALF:
        return _std(x.astype(np.float32), axis=axis, correction=correction, keepdims=keepdims).astype(_HALF)
    free = _count(x.shape, axis) - correction
    d = _centered(x, axis=axis)
    if not free > 0 or not d.size:
        return _add(_square(d), axis, None, None, keepdims) + np.nan
    real = np.finfo(d.dtype)
    # Squares are formed in units of the largest difference if they could overflow or vanish otherwise.
    unit = np.asarray(_maximum(np.absolute(d), axis, None, None, True))
    largest = unit.max()
    if largest < real.max**0.5 / max(1, d.size) and unit.min() > real.tiny**0.25:
        return np.sqrt(_add(_square(d), axis, None, None, keepdims) / free)
    unit[(unit == 0) | ~np.isfinite(unit)] = 1
    y = unit * np.sqrt(_add(_square(d / unit), axis, None, None, True) / free)
    return y[()] if keepdims else np.squeeze(y, axis)[()]


def _all(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return _and(x, axis, None, None, keepdims)


def _any(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return _or(x, axis, None, None, keepdims)


def _max(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return _maximum(x, axis, None, None, keepdims)


def _min(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return _minimum(x, axis, None, None, keepdims)


def _shifted(x: Any, axis: tuple[int, ...]) -> tuple[Any, Any]:
    """Return x less its maximum, in a buffer of its own, and the maximum; infinite maxima are left out of the shift.

    Along an axis with an entry of +inf only such entries count, all alike; along one of -inf alone nothing is shifted.
    """
    peak = _maximum(x, axis, None, None, True, -np.inf)
    infinite = np.isinf(peak)
    if infinite.any():
        x = np.where(peak == np.inf, np.where(x == np.inf, x.dtype.type(0), x.dtype.type(-np.inf)), x)
        return np.subtract(x, np.where(infinite, x.dtype.type(0), peak)), peak
    return np.subtract(x, peak, dtype=x.dtype), peak


def _softmax(x: Any, *, axis: tuple[int, ...]) -> Any:
    e, _ = _shifted(x, axis)
    if not e.shape:
        return np.where(e > -np.inf, np.exp(e), e.dtype.type(0))[()]
    np.exp(e, out=e)
    total = _add(e, axis, None, None, True)
    if not total.all():
        total[total == 0] = 1
    return np.divide(e, total, out=e)


def _log_softmax(x: Any, *, axis: tuple[int, ...]) -> Any:
    d, _ = _shifted(x, axis)
    total = np.asarray(_add(np.exp(d), axis, None, None, True))
    if not total.all():
        total[total == 0] = 1
    return np.subtract(d, np.log(total), out=d if d.shape else None)


def _logsumexp(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    e, peak = _shifted(x, axis)
    e = np.exp(e, out=e if e.shape else None)
    total = np.asarray(_add(e, axis, None, None, True))
    if not total.all():
        total[total == 0] = 1
    y = np.log(total) + peak
    return y[()] if keepdims else np.squeeze(y, axis)[()]


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "sum": _sum,
        "mean": _mean,
        "prod": _prod,
        "centered": _centered,
        "var": _var,
        "std": _std,
        "all": _all,
        "any": _any,
        "max": _max,
        "min": _min,
        "softmax": _softmax,
        "log_softmax": _log_softmax,
        "logsumexp": _logsumexp,
    }
)
