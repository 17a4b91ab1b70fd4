"""NumPy kernels of windows as arrays, and of interpolation along an axis."""

from __future__ import annotations

from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from funcnet.backends.numpy.frames import padded
from funcnet.backends.resampling import table
from funcnet.backends.windows import inside_of, places_of, taps

if TYPE_CHECKING:
    from collections.abc import Callable

    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]

__all__ = ["KERNELS"]

# Bytes of a block of interpolated values.
_BLOCK = 1 << 18


def _unfold(x: Any, *, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Any:
    x = padded(x, padding)
    out = places_of(x.shape[1:-1], window, stride, ((0, 0),) * len(window), dilation)
    steps = x.strides
    moves = [t * s for t, s in zip(steps[1:-1], stride, strict=True)]
    taps = [t * d for t, d in zip(steps[1:-1], dilation, strict=True)]
    view = as_strided(
        x, (x.shape[0], *out, *window, x.shape[-1]), (steps[0], *moves, *taps, steps[-1]), writeable=False
    )
    return np.array(view, order="C")


def _fold(y: Any, *, size: Sizes, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Any:
    ndim = len(size)
    out = y.shape[1 : ndim + 1]
    sizes = [n + low + high for n, (low, high) in zip(size, padding, strict=True)]
    buffer = np.zeros((y.shape[0], *sizes, y.shape[-1]), y.dtype)
    lead = (slice(None),) * (ndim + 1)
    for tap, part in taps(window, out, stride, dilation):
        buffer[part] += y[(*lead, *tap)]
    return np.ascontiguousarray(buffer[inside_of(size, padding)])


def _resample(
    x: Any,
    *,
    axis: int,
    sizes: tuple[int, int],
    method: str,
    align: bool,
    scale: float | None,
    transposed: bool,
) -> Any:
    places, weights = table(sizes, method, align, scale, transposed)
    weights = weights.astype(x.dtype)
    lead, size, rest = prod(x.shape[:axis]), places.shape[0], prod(x.shape[axis + 1 :])
    source = np.ascontiguousarray(x).reshape(lead, x.shape[axis], rest)
    y = np.empty((lead, size, rest), x.dtype)
    # In blocks that stay in the cache.
    many = max(1, min(lead, _BLOCK // max(1, size * rest * x.itemsize)))
    taken = np.empty((many, size, rest), x.dtype)
    for start in range(0, lead, many):
        block, part = source[start : start + many], y[start : start + many]
        term = taken[: part.shape[0]]
        for i in range(places.shape[1]):
            into = term if i else part
            # With the default mode NumPy would go through a buffer; all places exist.
            np.take(block, places[:, i], axis=1, out=into, mode="clip")
            into *= weights[:, i, None]
            if i:
                part += into
    return y.reshape(*x.shape[:axis], size, *x.shape[axis + 1 :])


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {"fold": _fold, "resample": _resample, "unfold": _unfold}
)
