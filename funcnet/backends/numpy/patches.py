"""NumPy kernels of windows as arrays, and of interpolation along an axis."""

from __future__ import annotations

from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from funcnet.backends.numpy.frames import padded

if TYPE_CHECKING:
    from collections.abc import Callable

    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]

__all__ = ["KERNELS"]


def _unfold(x: Any, *, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Any:
    x = padded(x, padding)
    out = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[1:-1], window, stride, dilation, strict=True)]
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
    for tap in product(*map(range, window)):
        spans = [
            slice(k * d, k * d + (o - 1) * s + 1, s) for k, d, o, s in zip(tap, dilation, out, stride, strict=True)
        ]
        buffer[(slice(None), *spans)] += y[(*lead, *tap)]
    inside = (slice(None), *[slice(low, low + n) for n, (low, _) in zip(size, padding, strict=True)])
    return np.ascontiguousarray(buffer[inside])


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType({"fold": _fold, "unfold": _unfold})
