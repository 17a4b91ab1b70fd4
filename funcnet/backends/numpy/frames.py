"""Arrays with zeros around their spatial axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.windows import inside_of

if TYPE_CHECKING:
    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]

__all__ = ["framed", "mirrored_padding", "padded"]


def padded(x: Any, padding: Pairs) -> Any:
    """Return an array with zeros around its spatial axes; less of it where a padding is negative."""
    if not any([low or high for low, high in padding]):
        return x
    if min([min(pair) for pair in padding]) < 0:
        spans = [slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(x.shape[1:-1], padding, strict=True)]
        x = x[(slice(None), *spans)]
        padding = tuple([(max(low, 0), max(high, 0)) for low, high in padding])
    buffer = framed(x.shape[0], x.shape[1:-1], padding, x.shape[-1], x.dtype)
    buffer[inside_of(x.shape[1:-1], padding)] = x
    return buffer


def framed(count: int, spatial: Sizes, padding: Pairs, channels: int, dtype: Any) -> Any:
    """Return a buffer whose padding is 0, and whose inside is not set."""
    sizes = [n + low + high for n, (low, high) in zip(spatial, padding, strict=True)]
    buffer = np.empty((count, *sizes, channels), dtype)
    for axis, (n, (low, high)) in enumerate(zip(spatial, padding, strict=True), 1):
        lead = (slice(None),) * axis
        if low:
            buffer[(*lead, slice(None, low))] = 0
        if high:
            buffer[(*lead, slice(low + n, None))] = 0
    return buffer


def mirrored_padding(window: Sizes, padding: Pairs, dilation: Sizes) -> Pairs:
    """Return the padding with which a convolution with the mirrored kernel is the transpose of one without stride."""
    reach = [d * (k - 1) for k, d in zip(window, dilation, strict=True)]
    return tuple([(r - low, r - high) for r, (low, high) in zip(reach, padding, strict=True)])
