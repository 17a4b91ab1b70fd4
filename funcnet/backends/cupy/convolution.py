"""CuPy's convolutions: one matrix product over a copy of all windows."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.backends.windows import inside_of, places_of, taps

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]

__all__ = ["kernels"]


def kernels(cupy: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name.

    Parameters
    ----------
    cupy : module
        CuPy, or another library with NumPy's functions.
    """
    return {
        "conv": partial(_conv, cupy),
        "conv_bias": partial(_conv_bias, cupy),
        "conv_adjoint": partial(_conv_adjoint, cupy),
        "conv_kernel": partial(_conv_kernel, cupy),
    }


def _padded(cupy: ModuleType, x: Any, padding: Pairs) -> Any:
    if not any([low or high for low, high in padding]):
        return x
    spatial = x.shape[1:-1]
    sizes = [n + low + high for n, (low, high) in zip(spatial, padding, strict=True)]
    buffer = cupy.zeros((x.shape[0], *sizes, x.shape[-1]), dtype=x.dtype)
    buffer[inside_of(spatial, padding)] = x
    return buffer


def _windows(cupy: ModuleType, x: Any, window: Sizes, out: Sizes, stride: Sizes, dilation: Sizes, groups: int) -> Any:
    """Return a matrix with a row for each place; a stack of them, one for each group, where there are several."""
    count, channels = x.shape[0], x.shape[-1] // groups
    steps = x.strides
    moves = [s * n for s, n in zip(steps[1:-1], stride, strict=True)]
    taps = [s * n for s, n in zip(steps[1:-1], dilation, strict=True)]
    places, width = count * prod(out), prod(window) * channels
    strided = cupy.lib.stride_tricks.as_strided
    if groups == 1:
        view = strided(x, (count, *out, *window, channels), (steps[0], *moves, *taps, steps[-1]))
        return view.reshape(places, width)
    shape = (groups, count, *out, *window, channels)
    view = strided(x, shape, (steps[-1] * channels, steps[0], *moves, *taps, steps[-1]))
    return view.reshape(groups, places, width)


def _by_group(matrix: Any, groups: int) -> Any:
    return matrix.reshape(matrix.shape[0], groups, -1).transpose(1, 0, 2)


def _joined(stack: Any) -> Any:
    return stack.transpose(1, 0, 2).reshape(stack.shape[1], -1)


def _conv(cupy: ModuleType, x: Any, kernel: Any, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    window, features = kernel.shape[:-2], kernel.shape[-1]
    out = places_of(x.shape[1:-1], window, stride, padding, dilation)
    shape = (x.shape[0], *out, features)
    if not x.size:
        return cupy.zeros(shape, dtype=cupy.result_type(x.dtype, kernel.dtype))
    x = _padded(cupy, x, padding)
    if kernel.shape[-2] == 1 and groups > 1:
        # One input channel in each group: a sum over the window.
        wide = x[..., None]
        weights = kernel.reshape(*window, groups, -1)
        y: Any = None
        for tap, where in taps(window, out, stride, dilation):
            term = wide[where] * weights[tap]
            y = term if y is None else cupy.add(y, term, out=y)
        return y.reshape(shape)
    matrix = _windows(cupy, x, window, out, stride, dilation, groups)
    weights = kernel.reshape(-1, features)
    if groups == 1:
        return cupy.matmul(matrix, weights).reshape(shape)
    return _joined(cupy.matmul(matrix, _by_group(weights, groups))).reshape(shape)


def _conv_bias(cupy: ModuleType, x: Any, kernel: Any, bias: Any, **params: Any) -> Any:
    y = _conv(cupy, x, kernel, **params)
    if y.dtype != bias.dtype:
        return y + bias
    y += bias
    return y


def _conv_adjoint(
    cupy: ModuleType,
    g: Any,
    kernel: Any,
    *,
    size: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Any:
    window, (inputs, features) = kernel.shape[:-2], kernel.shape[-2:]
    count, out = g.shape[0], g.shape[1:-1]
    sizes = [n + low + high for n, (low, high) in zip(size, padding, strict=True)]
    dtype = cupy.result_type(g.dtype, kernel.dtype)
    buffer = cupy.zeros((count, *sizes, groups, inputs), dtype=dtype)
    if g.size:
        rows, weights = g.reshape(-1, features), kernel.reshape(-1, features)
        if groups == 1:
            terms = cupy.matmul(rows, weights.T)
        else:
            terms = cupy.matmul(_by_group(rows, groups), _by_group(weights, groups).transpose(0, 2, 1))
        terms = terms.reshape(groups, count, *out, *window, inputs)
        lead = (slice(None),) * (len(out) + 2)
        for tap, where in taps(window, out, stride, dilation):
            buffer[where] += cupy.moveaxis(terms[(*lead, *tap)], 0, -2)
    return buffer.reshape(count, *sizes, groups * inputs)[inside_of(size, padding)]


def _conv_kernel(
    cupy: ModuleType,
    x: Any,
    g: Any,
    *,
    size: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Any:
    out, features = g.shape[1:-1], g.shape[-1]
    inputs = x.shape[-1] // groups
    shape = (*size, inputs, features)
    if not g.size:
        return cupy.zeros(shape, dtype=cupy.result_type(x.dtype, g.dtype))
    matrix = _windows(cupy, _padded(cupy, x, padding), size, out, stride, dilation, groups)
    rows = g.reshape(-1, features)
    if groups == 1:
        return cupy.matmul(matrix.T, rows).reshape(shape)
    return _joined(cupy.matmul(matrix.transpose(0, 2, 1), _by_group(rows, groups))).reshape(shape)
