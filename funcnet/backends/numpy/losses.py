"""NumPy kernels of losses."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from funcnet.backends.numpy.softmax import KERNELS as FAMILY

__all__ = ["KERNELS"]

_log_softmax = FAMILY["log_softmax"]
_softmax = FAMILY["softmax"]
_add = np.add.reduce


def _rows(labels: Any, classes: int) -> tuple[Any, Any, Any]:
    """Return the labels as one axis of indices, the number of each, and where they are no class (None: nowhere)."""
    index = np.asarray(labels).reshape(-1)
    wrong = index.astype(np.uint64, copy=False) >= classes
    if wrong.any():
        return np.where(wrong, index.dtype.type(0), index), np.arange(index.size), wrong
    return index, np.arange(index.size), None


def _loss(logits: Any, labels: Any) -> Any:
    shape = logits.shape[:-1]
    classes = logits.shape[-1]
    index, row, wrong = _rows(labels, classes)
    if not classes or not index.size:
        return np.full(shape, np.nan, dtype=logits.dtype)
    z = logits.reshape(index.size, classes)
    peak = np.maximum.reduce(z, axis=1, keepdims=True)
    if np.isfinite(peak).all():
        d = z - peak
        picked = d[row, index]
        np.exp(d, out=d)
        loss = np.log(_add(d, 1))
        loss -= picked
    else:
        loss = -_log_softmax(z, axis=(1,))[row, index]
    if wrong is not None:
        loss[wrong] = np.nan
    return loss.reshape(shape)


def _slope(logits: Any, labels: Any, g: Any) -> Any:
    classes = logits.shape[-1]
    index, row, wrong = _rows(labels, classes)
    if not classes or not index.size:
        return np.zeros(logits.shape, dtype=logits.dtype)
    p = _softmax(logits.reshape(index.size, classes), axis=(1,))
    if wrong is None:
        p[row, index] -= 1
    else:
        p[row[~wrong], index[~wrong]] -= 1
    p *= np.asarray(g).reshape(index.size, 1)
    return p.reshape(logits.shape)


def _sigmoid_loss(z: Any, q: Any) -> Any:
    size = np.abs(z)
    lost = np.where(z > 0, 1 - q, q)
    rest = np.log1p(np.exp(-size))
    # An infinite score on the right side loses nothing.
    return (size if np.isfinite(size).all() else np.where(lost == 0, 0, size)) * lost + rest


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {"sigmoid_cross_entropy": _sigmoid_loss, "softmax_cross_entropy": _loss, "softmax_cross_entropy_slope": _slope}
)
