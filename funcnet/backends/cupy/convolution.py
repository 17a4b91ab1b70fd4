"""CuPy's convolutions: one matrix product over a copy of all windows."""

from __future__ import annotations

from functools import partial
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
    buffer[_inside(spatial, padding)] = x
    return buffer


def _inside(spatial: Sizes, padding: Pairs) -> tuple[slice, ...]:
    return (slice(None), *[slice(low, low + n) for n, (low, _) in zip(spatial, padding, strict=True)])


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


def _places(spatial: Sizes, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Sizes:
    return tuple(
        [
            (n + low + high - d * (k - 1) - 1) // s + 1
            for n, k, s, (low, high), d in zip(spatial, window, stride, padding, dilation, strict=True)
        ]
    )


def _taps(window: Sizes, out: Sizes, stride: Sizes, dilation: Sizes) -> Iterator[tuple[Sizes, tuple[slice, ...]]]:
    for tap in product(*map(range, window)):
        spans = [
            slice(k * d, k * d + (o - 1) * s + 1, s) for k, d, o, s in zip(tap, dilation, out, stride, strict=True)
        ]
        yield tap, (slice(None), *spans)


def _conv(cupy: ModuleType, x: Any, kernel: Any, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    window, features = kernel.shape[:-2], kernel.shape[-1]
    out = _places(x.shape[1:-1], window, stride, padding, dilation)
    shape = (x.shape[0], *out, features)
    if not x.size:
        return cupy.zeros(shape, dtype=cupy.result_type(x.dtype, kernel.dtype))
    x = _padded(cupy, x, padding)
    if kernel.shape[-2] == 1 and groups > 1:
        # One input channel in each group: a sum over the window.
        wide = x[..., None]
        weights = kernel.reshape(*window, groups, -1)
        y: Any = None
        for tap, where in _taps(window, out, stride, dilation):
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
        for tap, where in _taps(window, out, stride, dilation):
            buffer[where] += cupy.moveaxis(terms[(*lead, *tap)], 0, -2)
    return buffer.reshape(count, *sizes, groups * inputs)[_inside(size, padding)]


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
