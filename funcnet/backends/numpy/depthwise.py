"""Convolution of each channel by itself on NumPy: sums of products over the window, by `numpy.einsum`.

There is no matrix product in it, but einsum multiplies and adds in one pass over memory. Its inner loop should be long:
without a stride along the last axis it runs over places and channels together, with the weights repeated to match.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from funcnet.backends.numpy.frames import mirrored_padding, padded

if TYPE_CHECKING:
    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]

__all__ = ["depthwise", "depthwise_adjoint", "depthwise_kernel"]

# Numbers that the inner loop runs over, at most.
_RUN = 4096


def depthwise(x: Any, kernel: Any, out: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    """Return the convolution with a kernel ``(*window, 1, channels * multiplier)``."""
    window, features = kernel.shape[:-2], kernel.shape[-1]
    view, run = _windows(_widened(x, features // groups), window, out, stride, padding, dilation)
    ndim = len(out)
    # Indices: the examples, the places, the window, the run.
    places, taps = list(range(1 + ndim)), list(range(1 + ndim, 1 + 2 * ndim))
    weights = np.tile(kernel.reshape(*window, features), (1,) * ndim + (run,))
    at = [*places, 2 * ndim + 1]
    y = np.einsum(view, [*places, *taps, 2 * ndim + 1], weights, [*taps, 2 * ndim + 1], at)
    return np.ascontiguousarray(y).reshape(x.shape[0], *out, features)


def depthwise_adjoint(
    g: Any, kernel: Any, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    """Return the transpose of `depthwise` with respect to the input."""
    window, features = kernel.shape[:-2], kernel.shape[-1]
    around = mirrored_padding(window, padding, dilation)
    if set(stride) != {1}:
        # The cotangent of the convolution without stride is that one with zeros between its elements.
        full = [n + sum(p) - d * (k - 1) for n, p, d, k in zip(size, padding, dilation, window, strict=True)]
        apart = np.zeros((g.shape[0], *full, features), g.dtype)
        spans = [slice(0, (o - 1) * s + 1, s) for o, s in zip(g.shape[1:-1], stride, strict=True)]
        apart[(slice(None), *spans)] = g
        g = apart
    mirrored = kernel[tuple([slice(None, None, -1)] * len(window))]
    x = depthwise(g, mirrored, size, (1,) * len(window), around, dilation, features)
    multiplier = features // groups
    return x if multiplier == 1 else np.add.reduce(x.reshape(*x.shape[:-1], groups, multiplier), axis=-1)


def depthwise_kernel(x: Any, g: Any, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    """Return the transpose of `depthwise` with respect to the kernel."""
    out, features = g.shape[1:-1], g.shape[-1]
    ndim = len(out)
    view, run = _windows(_widened(x, features // groups), size, out, stride, padding, dilation)
    g = np.ascontiguousarray(g).reshape(*view.shape[: ndim + 1], run * features)
    total = np.empty((prod(size), run * features), g.dtype)
    axes = list(range(ndim + 2))
    for i, tap in enumerate(np.ndindex(*size)):
        part = view[(slice(None),) * (ndim + 1) + tap]
        np.einsum(part, axes, g, axes, [ndim + 1], out=total[i])
    return np.add.reduce(total.reshape(*size, run, features), axis=-2).reshape(*size, 1, features)


def _widened(x: Any, multiplier: int) -> Any:
    """Repeat each channel for each of the features that it gives."""
    return x if multiplier == 1 else np.repeat(x, multiplier, axis=-1)


def _windows(x: Any, window: Sizes, out: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> tuple[Any, int]:
    """Return a view ``(n, *places, *window, run * channels)``, and how many places of the last axis a run has."""
    x = np.ascontiguousarray(padded(x, padding))
    channels, steps = x.shape[-1], x.strides
    run = 1
    if stride[-1] == 1:
        run = max([r for r in range(1, out[-1] + 1) if out[-1] % r == 0 and (r == 1 or r * channels <= _RUN)])
    taps = [t * d for t, d in zip(steps[1:-1], dilation, strict=True)]
    moves = [t * s for t, s in zip(steps[1:-1], stride, strict=True)]
    shape = (x.shape[0], *out[:-1], out[-1] // run, *window, run * channels)
    strides = (steps[0], *moves[:-1], moves[-1] * run, *taps, steps[-1])
    return as_strided(x, shape, strides, writeable=False), run
