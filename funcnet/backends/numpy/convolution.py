"""NumPy kernels of convolution.

A convolution is one matrix product per block of places: the part of the input that each window meets is copied into a
row of a matrix that stays in the cache, so that the copy costs little beside the product. Where a window's run of
neighbouring numbers is short (few channels), the matrix is filled by columns instead, whose runs are rows of the image.
Convolutions with one input channel in each group have no product worth the name; they are sums over the window.
"""

from __future__ import annotations

from itertools import product
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]

__all__ = ["KERNELS", "Windows", "padded"]

# Bytes of the copied windows, and rows of a block below which the product becomes slow.
_BLOCK = 1 << 21
_ROWS = 768
# Numbers in a run below which the matrix is filled by columns.
_SHORT = 12
# Bytes of a block of sums over the window.
_SUMS = 1 << 18


def padded(x: Any, padding: Pairs) -> Any:
    """Return an array with zeros around its spatial axes; less of it where a padding is negative."""
    if not any([low or high for low, high in padding]):
        return x
    if min([min(pair) for pair in padding]) < 0:
        spans = [slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in zip(x.shape[1:-1], padding, strict=True)]
        x = x[(slice(None), *spans)]
        padding = tuple([(max(low, 0), max(high, 0)) for low, high in padding])
    buffer = _frame(x.shape[0], x.shape[1:-1], padding, x.shape[-1], x.dtype)
    buffer[_inside(x.shape[1:-1], padding)] = x
    return buffer


def _inside(spatial: Sizes, padding: Pairs) -> tuple[slice, ...]:
    return (slice(None), *[slice(low, low + n) for n, (low, _) in zip(spatial, padding, strict=True)])


def _frame(count: int, spatial: Sizes, padding: Pairs, channels: int, dtype: Any) -> Any:
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


class Windows:
    """The windows of an array, as matrices with one row for each place, in blocks that fit the cache.

    Parameters
    ----------
    x : numpy.ndarray
        Channels last.
    window, out, stride, dilation : tuple of int
        Sizes of the window and numbers of its places.
    padding : tuple of pairs
        Zeros around the spatial axes; not negative.
    groups : int
        With more than one, a block is a stack of matrices, one for each group of channels.
    """

    __slots__ = ("_args", "channels", "columns", "groups", "images", "out", "rows", "taps", "x")

    def __init__(
        self, x: Any, window: Sizes, out: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
    ) -> None:
        self.x = x
        self.out = out
        self.groups = groups
        self.channels = x.shape[-1] // groups
        self.taps = prod(window)
        self._args = window, stride, padding, dilation
        run = self.channels * (window[-1] if dilation[-1] == 1 else 1)
        self.columns = groups == 1 and run <= _SHORT and out[-1] >= 8
        wide = self.taps * x.shape[-1]
        height = max(_BLOCK // (wide * x.dtype.itemsize), _ROWS)
        image = prod(out)
        self.images = max(1, min(x.shape[0], height // image))
        self.rows = out[0] if self.images > 1 else max(1, min(out[0], height // (image // out[0])))

    def __iter__(self) -> Iterator[tuple[slice, slice, Any]]:
        """Yield which images, which places of the first axis, and their matrix, which the next step overwrites."""
        window, stride, padding, dilation = self._args
        x, out, groups, channels = self.x, self.out, self.groups, self.channels
        count, spatial = x.shape[0], x.shape[1:-1]
        rest = out[1:]
        frame: Any = None
        inside: Any = None
        source: Any = None
        if self.columns:
            # Channels first, so that the copied runs are rows of the image.
            sizes = [n + low + high for n, (low, high) in zip(spatial, padding, strict=True)]
            frame = np.zeros((channels, self.images, *sizes), x.dtype)
            inside = frame[(slice(None), *_inside(spatial, padding))]
            source = x.transpose(x.ndim - 1, *range(x.ndim - 1))
        elif any([low or high for low, high in padding]):
            frame = _frame(self.images, spatial, padding, x.shape[-1], x.dtype)
            inside, source = frame[_inside(spatial, padding)], x
        buffer = np.empty(self.images * self.rows * prod(rest) * self.taps * x.shape[-1], x.dtype)
        for first in range(0, count, self.images):
            images = slice(first, min(first + self.images, count))
            many = images.stop - first
            if frame is None:
                whole = x[images]
            elif self.columns:
                inside[:, :many] = source[:, images]
                whole = frame[:, :many]
            else:
                inside[:many] = source[images]
                whole = frame[:many]
            for top in range(0, out[0], self.rows):
                rows = slice(top, min(top + self.rows, out[0]))
                high = rows.stop - top
                places = many * high * prod(rest)
                if self.columns:
                    shape = (*window, channels, many, high, *rest)
                    steps = whole.strides
                    spans = steps[2:]
                    taps = [s * d for s, d in zip(spans, dilation, strict=True)]
                    moves = [s * d for s, d in zip(spans, stride, strict=True)]
                    view = as_strided(
                        whole[:, :, top * stride[0] :], shape, (*taps, steps[0], steps[1], *moves), writeable=False
                    )
                    matrix = buffer[: places * self.taps * channels].reshape(self.taps * channels, places)
                    np.copyto(matrix.reshape(shape), view)
                    yield images, rows, matrix.T
                    continue
                steps = whole.strides
                spans = steps[1:-1]
                taps = [s * d for s, d in zip(spans, dilation, strict=True)]
                moves = [s * d for s, d in zip(spans, stride, strict=True)]
                start = whole[:, top * stride[0] :]
                filled = buffer[: places * self.taps * x.shape[-1]]
                if groups == 1:
                    shape = (many, high, *rest, *window, channels)
                    view = as_strided(start, shape, (steps[0], *moves, *taps, steps[-1]), writeable=False)
                    np.copyto(filled.reshape(shape), view)
                    yield images, rows, filled.reshape(places, self.taps * channels)
                else:
                    shape = (groups, many, high, *rest, *window, channels)
                    strides = (steps[-1] * channels, steps[0], *moves, *taps, steps[-1])
                    np.copyto(filled.reshape(shape), as_strided(start, shape, strides, writeable=False))
                    yield images, rows, filled.reshape(groups, places, self.taps * channels)


def _by_group(matrix: Any, groups: int) -> Any:
    """Return a view of a matrix as one for each group of its columns."""
    return matrix.reshape(matrix.shape[0], groups, -1).transpose(1, 0, 2)


def _ready(*arrays: Any) -> tuple[Any, list[Any]]:
    """Return the dtype of the result, and the arrays in a dtype that products are fast in."""
    dtype = np.result_type(*[a.dtype for a in arrays])
    wide = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    return dtype, [a if a.dtype == wide else a.astype(wide) for a in arrays]


def _finished(y: Any, dtype: Any) -> Any:
    return y if y.dtype == dtype else y.astype(dtype)


def _is_pointwise(window: Sizes, padding: Pairs, groups: int) -> bool:
    return groups == 1 and set(window) == {1} and not any([low or high for low, high in padding])


def _places(spatial: Sizes, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Sizes:
    return tuple(
        [
            (n + low + high - d * (k - 1) - 1) // s + 1
            for n, k, s, (low, high), d in zip(spatial, window, stride, padding, dilation, strict=True)
        ]
    )


def _spread(out: Sizes, stride: Sizes) -> tuple[slice, ...]:
    """Return the part of an array that windows of one element meet."""
    return (slice(None), *[slice(0, (o - 1) * s + 1, s) for o, s in zip(out, stride, strict=True)])


# ---------------------------------------------------------------------- forward


def _conv(x: Any, kernel: Any, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    dtype, (x, kernel) = _ready(x, kernel)
    window = kernel.shape[:-2]
    out = _places(x.shape[1:-1], window, stride, padding, dilation)
    return _finished(_forward(x, kernel, out, stride, padding, dilation, groups), dtype)


def _forward(x: Any, kernel: Any, out: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    window, (inputs, features) = kernel.shape[:-2], kernel.shape[-2:]
    y = np.empty((x.shape[0], *out, features), x.dtype)
    if _is_pointwise(window, padding, groups):
        rows = x[_spread(out, stride)].reshape(-1, inputs)
        np.matmul(rows, kernel.reshape(inputs, features), out=y.reshape(-1, features))
    elif inputs == 1 and groups > 1:
        _depthwise(x, kernel, y, stride, padding, dilation, groups)
    else:
        weights = kernel.reshape(-1, features)
        if groups > 1:
            weights = np.ascontiguousarray(_by_group(weights, groups))
        for images, places, matrix in Windows(x, window, out, stride, padding, dilation, groups):
            part = y[images, places].reshape(-1, features)
            np.matmul(matrix, weights, out=part if groups == 1 else _by_group(part, groups))
    return y


def _depthwise(x: Any, kernel: Any, y: Any, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> None:
    """Add up over the window what each channel gives to the features of its group."""
    window, out = kernel.shape[:-2], y.shape[1:-1]
    y = y.reshape(*y.shape[:-1], groups, -1)
    weights = kernel.reshape(*window, groups, -1)
    for images in _image_blocks(y):
        whole = padded(x[images], padding)[..., None]
        part = y[images]
        term: Any = None
        for tap, where in _taps(window, out, stride, dilation):
            if term is None:
                np.multiply(whole[where], weights[tap], out=part)
                term = np.empty_like(part)
            else:
                np.multiply(whole[where], weights[tap], out=term)
                part += term


def _image_blocks(y: Any) -> Iterator[slice]:
    count = y.shape[0]
    many = max(1, _SUMS // max(1, y.itemsize * prod(y.shape[1:])))
    for first in range(0, count, many):
        yield slice(first, min(first + many, count))


def _taps(window: Sizes, out: Sizes, stride: Sizes, dilation: Sizes) -> Iterator[tuple[Sizes, tuple[slice, ...]]]:
    """Yield each element of the window with the part of the padded input that it meets."""
    for tap in product(*map(range, window)):
        spans = [
            slice(k * d, k * d + (o - 1) * s + 1, s) for k, d, o, s in zip(tap, dilation, out, stride, strict=True)
        ]
        yield tap, (slice(None), *spans)


# ---------------------------------------------------------------------- transposes


def _conv_adjoint(
    g: Any, kernel: Any, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    dtype, (g, kernel) = _ready(g, kernel)
    window, (inputs, features) = kernel.shape[:-2], kernel.shape[-2:]
    if set(stride) == {1}:
        # The convolution of the cotangent with the mirrored kernel.
        mirrored = kernel[tuple([slice(None, None, -1)] * len(window))]
        weights = mirrored.reshape(*window, inputs, groups, features // groups)
        weights = weights.swapaxes(-1, -3).reshape(*window, features // groups, groups * inputs)
        reach = [d * (k - 1) for d, k in zip(dilation, window, strict=True)]
        around = tuple([(r - low, r - high) for r, (low, high) in zip(reach, padding, strict=True)])
        if min([min(pair) for pair in around]) < 0:
            g, around = padded(g, around), ((0, 0),) * len(around)
        return _finished(_forward(g, weights, size, stride, around, dilation, groups), dtype)
    count, out = g.shape[0], g.shape[1:-1]
    channels = groups * inputs
    if _is_pointwise(window, padding, groups):
        x = np.zeros((count, *size, channels), g.dtype)
        x[_spread(out, stride)] = _product(g, kernel.reshape(inputs, features).T)
        return _finished(x, dtype)
    x = np.empty((count, *size, channels), g.dtype)
    inside = _inside(size, padding)
    sizes = [n + low + high for n, (low, high) in zip(size, padding, strict=True)]
    taps = list(_taps(window, out, stride, dilation))
    depthwise = inputs == 1 and groups > 1
    if groups > 1:
        weights = kernel.reshape(*window, groups, -1) if depthwise else _by_group(kernel.reshape(-1, features), groups)
    else:
        weights = kernel.reshape(-1, features).T
    row = prod(out) * g.itemsize * max(features, channels * (1 if depthwise else prod(window)))
    many = max(1, min(count, (_SUMS if depthwise else _BLOCK) // row))
    buffer = np.empty((many, *sizes, channels), g.dtype)
    for first in range(0, count, many):
        images = slice(first, min(first + many, count))
        whole = buffer[: images.stop - first]
        whole[...] = 0
        block = g[images]
        if depthwise:
            block = block.reshape(*block.shape[:-1], groups, -1)
            for tap, where in taps:
                term = block * weights[tap]
                whole[where] += term[..., 0] if term.shape[-1] == 1 else np.add.reduce(term, axis=-1)
        else:
            rows = np.ascontiguousarray(block).reshape(-1, features)
            if groups == 1:
                terms = (rows @ weights).reshape(*block.shape[:-1], *window, inputs)
                for tap, where in taps:
                    whole[where] += terms[(*(slice(None),) * (len(out) + 1), *tap)]
            else:
                stack = _by_group(rows, groups) @ weights.transpose(0, 2, 1)
                terms = stack.reshape(groups, *block.shape[:-1], *window, inputs)
                by_group = whole.reshape(*whole.shape[:-1], groups, inputs)
                for tap, where in taps:
                    term = terms[(*(slice(None),) * (len(out) + 2), *tap)]
                    by_group[where] += np.moveaxis(term, 0, -2)
        x[images] = whole[inside]
    return _finished(x, dtype)


def _product(x: Any, matrix: Any) -> Any:
    """Return the product over the last axis."""
    rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
    return (rows @ matrix).reshape(*x.shape[:-1], matrix.shape[1])


def _conv_kernel(x: Any, g: Any, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    dtype, (x, g) = _ready(x, g)
    out, features = g.shape[1:-1], g.shape[-1]
    inputs = x.shape[-1] // groups
    if not g.size:
        return np.zeros((*size, inputs, features), dtype)
    if _is_pointwise(size, padding, groups):
        rows = x[_spread(out, stride)].reshape(-1, inputs)
        return _finished((rows.T @ g.reshape(-1, features)).reshape(*size, inputs, features), dtype)
    if inputs == 1 and groups > 1:
        return _finished(_depthwise_kernel(x, g, size, stride, padding, dilation, groups), dtype)
    g = np.ascontiguousarray(g)
    total: Any = None
    for images, places, matrix in Windows(x, size, out, stride, padding, dilation, groups):
        rows = g[images, places].reshape(-1, features)
        if groups == 1:
            term = matrix.T @ rows
        else:
            term = matrix.transpose(0, 2, 1) @ _by_group(rows, groups)
        if total is None:
            total = term
        else:
            total += term
    if groups > 1:
        total = total.transpose(1, 0, 2)
    return _finished(total.reshape(*size, inputs, features), dtype)


def _depthwise_kernel(x: Any, g: Any, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    out, features = g.shape[1:-1], g.shape[-1]
    g = g.reshape(*g.shape[:-1], groups, -1)
    total = np.zeros((*size, 1, features), g.dtype)
    taps = list(_taps(size, out, stride, dilation))
    for images in _image_blocks(g):
        whole = padded(x[images], padding)[..., None]
        block = g[images]
        term = np.empty_like(block)
        rows = term.reshape(-1, features)
        ones = np.ones((1, rows.shape[0]), g.dtype)
        for tap, where in taps:
            np.multiply(whole[where], block, out=term)
            # A product with ones is the fastest sum of rows.
            total[tap] += ones @ rows
    return total


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {"conv": _conv, "conv_adjoint": _conv_adjoint, "conv_kernel": _conv_kernel}
)
