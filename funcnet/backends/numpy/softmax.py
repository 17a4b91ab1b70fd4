"""NumPy kernels of softmax, its logarithm, and the logarithm of a sum of exponentials.

NumPy reduces a short last dimension slowly, one row at a time. So up to `_NARROW` columns the work is done on the
transpose, where the same operations run along the long dimension; the two copies cost less than they save.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

_NARROW = 32

_add: Any = np.add.reduce
_maximum: Any = np.maximum.reduce
_all: Any = np.logical_and.reduce


def _columns(x: Any, axis: tuple[int, ...]) -> Any:
    """Return a transposed copy of `x`, of two dimensions, if that is worth it."""
    last = x.ndim - 1
    if last > 0 and axis == (last,) and 0 < x.shape[last] <= _NARROW:
        return np.array(x.reshape(-1, x.shape[last]).T, order="C")
    return None


def _restored(y: Any, shape: tuple[int, ...]) -> Any:
    return np.array(y.T, order="C").reshape(shape)


def _shifted(x: Any, axis: tuple[int, ...], out: Any) -> tuple[Any, Any]:
    """Return x less its maximum, in `out` or a buffer of its own, and the maximum.

    Infinite maxima are left out of the shift. Beside an entry of +inf nothing else counts, and such entries are alike.
    """
    peak = _maximum(x, axis, None, None, True, -np.inf)
    if _all(np.isfinite(peak), None):
        return np.subtract(x, peak, out=out), peak
    zero, nothing = x.dtype.type(0), x.dtype.type(-np.inf)
    x = np.where(peak == np.inf, np.where(x == np.inf, zero, nothing), x)
    return np.subtract(x, np.where(np.isinf(peak), zero, peak), out=out), peak


def _total(e: Any, axis: tuple[int, ...], peak: Any) -> Any:
    """Return the sum of exponentials, 1 where all of them are zero, since all entries are -inf."""
    total = _add(e, axis, None, None, True)
    return total if _all(peak > -np.inf, None) else np.where(peak == -np.inf, total.dtype.type(1), total)


def _probabilities(x: Any, axis: tuple[int, ...], out: Any = None) -> Any:
    d, peak = _shifted(x, axis, out)
    own = d if d.shape else None
    e = np.exp(d, out=own)
    return np.divide(e, _total(e, axis, peak), out=own)


def _log_probabilities(x: Any, axis: tuple[int, ...], out: Any = None) -> Any:
    d, peak = _shifted(x, axis, out)
    return np.subtract(d, np.log(_total(np.exp(d), axis, peak)), out=d if d.shape else None)


def _log_total(x: Any, axis: tuple[int, ...], out: Any = None) -> Any:
    d, peak = _shifted(x, axis, out)
    return np.log(_total(np.exp(d, out=d if d.shape else None), axis, peak)) + peak


def _softmax(x: Any, *, axis: tuple[int, ...]) -> Any:
    columns = _columns(x, axis)
    return _probabilities(x, axis) if columns is None else _restored(_probabilities(columns, (0,), columns), x.shape)


def _log_softmax(x: Any, *, axis: tuple[int, ...]) -> Any:
    columns = _columns(x, axis)
    if columns is None:
        return _log_probabilities(x, axis)
    return _restored(_log_probabilities(columns, (0,), columns), x.shape)


def _logsumexp(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    columns = _columns(x, axis)
    y = _log_total(x, axis) if columns is None else _log_total(columns, (0,), columns)
    if keepdims:
        return y if columns is None else y.reshape(*x.shape[:-1], 1)
    return y.reshape(tuple([n for i, n in enumerate(x.shape) if i not in axis]))[()]


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {"softmax": _softmax, "log_softmax": _log_softmax, "logsumexp": _logsumexp}
)
