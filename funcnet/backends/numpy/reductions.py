"""NumPy kernels of reductions along axes."""

from collections.abc import Callable
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

_add: Any = np.add.reduce
_maximum: Any = np.maximum.reduce
_minimum: Any = np.minimum.reduce
_multiply: Any = np.multiply.reduce
_and: Any = np.logical_and.reduce
_or: Any = np.logical_or.reduce
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
        return x.copy()
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


def _spread(x: Any, axis: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the sums of squared differences from the mean, and whether they are good to the last digits."""
    mean = _add(x, axis, None, None, True) / _count(x.shape, axis)
    d = np.subtract(x, mean)
    real = _limits(d.dtype)
    with np.errstate(over="ignore"):
        total = _add(_square(d), axis, None, None, True)
        # The mean's own rounding error must not matter, and no square may have overflowed or vanished.
        floor = np.absolute(mean) * (64.0 * real.eps)
        good = (total > x.size * floor * floor) & (total > x.size * (real.tiny / real.eps)) & (total <= real.max)
    return total, good.all()


@cache
def _limits(dtype: Any) -> Any:
    return np.finfo(dtype)


def _reshaped(y: Any, shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> Any:
    return y if keepdims else y.reshape(tuple([n for i, n in enumerate(shape) if i not in axis]))[()]


def _var(x: Any, *, axis: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    if x.dtype is _HALF:
        return _var(x.astype(np.float32), axis=axis, correction=correction, keepdims=keepdims).astype(_HALF)
    free = _count(x.shape, axis) - correction
    if not free > 0 or not x.size:
        return _add(_square(_centered(x, axis=axis)), axis, None, None, keepdims) + np.nan
    total, good = _spread(x, axis)
    if not good:
        total = _add(_square(_centered(x, axis=axis)), axis, None, None, True)
    return _reshaped(total / free, x.shape, axis, keepdims)


def _std(x: Any, *, axis: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    if x.dtype is _HALF:
        return _std(x.astype(np.float32), axis=axis, correction=correction, keepdims=keepdims).astype(_HALF)
    free = _count(x.shape, axis) - correction
    if not free > 0 or not x.size:
        return _add(_square(_centered(x, axis=axis)), axis, None, None, keepdims) + np.nan
    total, good = _spread(x, axis)
    if good:
        return _reshaped(np.sqrt(total / free), x.shape, axis, keepdims)
    # Squares are formed in units of the largest difference, so that they neither overflow nor vanish.
    d = _centered(x, axis=axis)
    unit = np.asarray(_maximum(np.absolute(d), axis, None, None, True))
    unit[(unit == 0) | ~np.isfinite(unit)] = 1
    y = unit * np.sqrt(_add(_square(d / unit), axis, None, None, True) / free)
    return _reshaped(y, x.shape, axis, keepdims)


def _all(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return _and(x, axis, None, None, keepdims)


def _any(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return _or(x, axis, None, None, keepdims)


def _max(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    if x.dtype.kind == "f":
        # With a value to begin with, NumPy compares several elements at a time from the first.
        return _maximum(x, axis, None, None, keepdims, -np.inf)
    return _maximum(x, axis, None, None, keepdims)


def _min(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    if x.dtype.kind == "f":
        return _minimum(x, axis, None, None, keepdims, np.inf)
    return _minimum(x, axis, None, None, keepdims)


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
    }
)
