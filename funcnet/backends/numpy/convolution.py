"""NumPy kernels of convolution.

A convolution is one matrix product per block of places: the part of the input that each window meets is copied into a
row of a matrix that stays in the cache, so that the copy costs little beside the product. Where a window's run of
neighbouring numbers is short (few channels), the matrix is filled by columns instead, whose runs are rows of the image.
Groups of few channels are joined, with zeros between them. Convolutions with one input channel in each group have no
product worth the name; see the module ``depthwise``.
"""

from __future__ import annotations

from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from funcnet.backends.numpy.depthwise import depthwise, depthwise_adjoint, depthwise_kernel
from funcnet.backends.numpy.frames import framed, inside_of, mirrored_padding, padded
from funcnet.backends.windows import places_of, taps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]

__all__ = ["KERNELS", "Windows"]

# Bytes of the copied windows, and rows of a block below which the product becomes slow.
_BLOCK = 1 << 21
_ROWS = 768
# Numbers in a run below which the matrix is filled by columns.
_SHORT = 12
# Channels up to which groups are joined.
_GROUP = 32


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
            inside = frame[(slice(None), *inside_of(spatial, padding))]
            source = x.transpose(x.ndim - 1, *range(x.ndim - 1))
        elif any([low or high for low, high in padding]):
            frame = framed(self.images, spatial, padding, x.shape[-1], x.dtype)
            inside, source = frame[inside_of(spatial, padding)], x
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


def _merged(groups: int, inputs: int) -> int:
    """Return into how many groups to join groups of few channels, whose products would be too small."""
    many = 1
    while many * inputs < _GROUP and groups % (2 * many) == 0:
        many *= 2
    return groups // many


def _block_diagonal(kernel: Any, groups: int, merged: int) -> Any:
    """Return the kernel of fewer groups that does the same, with zeros between the channels of different ones."""
    window, (inputs, features) = kernel.shape[:-2], kernel.shape[-2:]
    many = groups // merged
    blocks = kernel.reshape(*window, inputs, merged, many, features // groups)
    wide = np.zeros((*window, many, inputs, merged, many, features // groups), kernel.dtype)
    for i in range(many):
        wide[..., i, :, :, i, :] = blocks[..., i, :]
    return wide.reshape(*window, many * inputs, features)


def _diagonal_blocks(kernel: Any, groups: int, merged: int) -> Any:
    """Return what `_block_diagonal` made the blocks of."""
    window, (inputs, features) = kernel.shape[:-2], kernel.shape[-2:]
    many = groups // merged
    wide = kernel.reshape(*window, many, inputs // many, merged, many, features // groups)
    parts = [wide[..., i, :, :, i, :] for i in range(many)]
    return np.stack(parts, axis=-2).reshape(*window, inputs // many, features)


def _ready(*arrays: Any) -> tuple[Any, list[Any]]:
    """Return the dtype of the result, and the arrays in a dtype that products are fast in."""
    dtype = np.result_type(*[a.dtype for a in arrays])
    wide = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    return dtype, [a if a.dtype == wide else a.astype(wide) for a in arrays]


def _finished(y: Any, dtype: Any) -> Any:
    return y if y.dtype == dtype else y.astype(dtype)


def _is_pointwise(window: Sizes, padding: Pairs, groups: int) -> bool:
    return groups == 1 and set(window) == {1} and not any([low or high for low, high in padding])


def _spread(out: Sizes, stride: Sizes) -> tuple[slice, ...]:
    """Return the part of an array that windows of one element meet."""
    return (slice(None), *[slice(0, (o - 1) * s + 1, s) for o, s in zip(out, stride, strict=True)])


# ---------------------------------------------------------------------- forward


def _conv(x: Any, kernel: Any, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    dtype, (x, kernel) = _ready(x, kernel)
    window = kernel.shape[:-2]
    out = places_of(x.shape[1:-1], window, stride, padding, dilation)
    return _finished(_forward(x, kernel, out, stride, padding, dilation, groups), dtype)


def _conv_bias(x: Any, kernel: Any, bias: Any, **params: Any) -> Any:
    dtype, (x, kernel) = _ready(x, kernel)
    if not x.dtype == dtype == bias.dtype:
        return _conv(x, kernel, **params).astype(dtype, copy=False) + bias
    window = kernel.shape[:-2]
    out = places_of(x.shape[1:-1], window, params["stride"], params["padding"], params["dilation"])
    return _forward(x, kernel, out, bias=bias, **params)


def _forward(
    x: Any,
    kernel: Any,
    out: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    bias: Any = None,
) -> Any:
    inputs, features = kernel.shape[-2:]
    if not x.size or 0 in out:
        y = np.zeros((x.shape[0], *out, features), x.dtype)
        return y if bias is None else y + bias
    if inputs == 1 and groups > 1:
        y = depthwise(x, kernel, out, stride, padding, dilation, groups)
        if bias is not None:
            y += bias
        return y
    merged = _merged(groups, inputs)
    if merged < groups:
        with np.errstate(invalid="ignore"):
            y = _by_windows(x, _block_diagonal(kernel, groups, merged), out, stride, padding, dilation, merged, bias)
        if _is_finite(y):
            return y
    return _by_windows(x, kernel, out, stride, padding, dilation, groups, bias)


def _is_finite(y: Any) -> bool:
    """Whether no infinity or NaN has met the zeros between groups, whose product is NaN in what it has no part in."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(y.sum()))


def _by_windows(
    x: Any, kernel: Any, out: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int, bias: Any
) -> Any:
    window, (inputs, features) = kernel.shape[:-2], kernel.shape[-2:]
    y = np.empty((x.shape[0], *out, features), x.dtype)
    if _is_pointwise(window, padding, groups):
        rows = x[_spread(out, stride)].reshape(-1, inputs)
        np.matmul(rows, kernel.reshape(inputs, features), out=y.reshape(-1, features))
        if bias is not None:
            y += bias
    else:
        weights = kernel.reshape(-1, features)
        if groups > 1:
            weights = np.ascontiguousarray(_by_group(weights, groups))
        for images, places, matrix in Windows(x, window, out, stride, padding, dilation, groups):
            part = y[images, places].reshape(-1, features)
            np.matmul(matrix, weights, out=part if groups == 1 else _by_group(part, groups))
            if bias is not None:
                # While the block is in the cache.
                part += bias
    return y


# ---------------------------------------------------------------------- transposes


def _conv_adjoint(
    g: Any, kernel: Any, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    dtype, (g, kernel) = _ready(g, kernel)
    inputs, features = kernel.shape[-2:]
    if not g.size or 0 in size:
        return np.zeros((g.shape[0], *size, groups * inputs), dtype)
    if inputs == 1 and groups > 1:
        return _finished(depthwise_adjoint(g, kernel, size, stride, padding, dilation, groups), dtype)
    merged = _merged(groups, min(inputs, features // groups))
    if merged < groups:
        with np.errstate(invalid="ignore"):
            x = _gathered(g, _block_diagonal(kernel, groups, merged), size, stride, padding, dilation, merged)
        if _is_finite(x):
            return _finished(x, dtype)
    return _finished(_gathered(g, kernel, size, stride, padding, dilation, groups), dtype)


def _gathered(g: Any, kernel: Any, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    window, (inputs, features) = kernel.shape[:-2], kernel.shape[-2:]
    if _is_pointwise(window, padding, groups):
        x = _product(g, kernel.reshape(inputs, features).T)
        if x.shape[1:-1] != size:
            whole = np.zeros((g.shape[0], *size, inputs), g.dtype)
            whole[_spread(g.shape[1:-1], stride)] = x
            x = whole
        return x
    if set(stride) == {1} and features <= 4 * inputs * groups:
        return _mirrored(g, kernel, size, padding, dilation, groups)
    return _scattered(g, kernel, size, stride, padding, dilation, groups)


def _mirrored(g: Any, kernel: Any, size: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    """Return the transpose of a convolution without stride: one with the mirrored kernel."""
    window, (inputs, features) = kernel.shape[:-2], kernel.shape[-2:]
    weights = kernel[tuple([slice(None, None, -1)] * len(window))].reshape(*window, inputs, groups, -1)
    weights = weights.swapaxes(-1, -3).reshape(*window, features // groups, groups * inputs)
    around = mirrored_padding(window, padding, dilation)
    if min([min(pair) for pair in around]) < 0:
        g, around = padded(g, around), ((0, 0),) * len(around)
    return _forward(g, weights, size, (1,) * len(window), around, dilation, groups)


def _scattered(g: Any, kernel: Any, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    """Return the transpose of a convolution by adding the windows of the result up."""
    window, (inputs, features) = kernel.shape[:-2], kernel.shape[-2:]
    count, out = g.shape[0], g.shape[1:-1]
    channels = groups * inputs
    x = np.empty((count, *size, channels), g.dtype)
    sizes = [n + low + high for n, (low, high) in zip(size, padding, strict=True)]
    inner = inside_of(size, padding)
    weights = kernel.reshape(-1, features)
    weights = weights.T if groups == 1 else _by_group(weights, groups).transpose(0, 2, 1)
    row = prod(out) * g.itemsize * max(features, channels * prod(window))
    many = max(1, min(count, _BLOCK // row))
    buffer = np.empty((many, *sizes, groups, inputs), g.dtype)
    lead = (slice(None),) * (len(out) + 2)
    for first in range(0, count, many):
        images = slice(first, min(first + many, count))
        whole = buffer[: images.stop - first]
        whole[...] = 0
        rows = np.ascontiguousarray(g[images]).reshape(-1, features)
        terms = rows @ weights if groups == 1 else _by_group(rows, groups) @ weights
        terms = terms.reshape(groups, whole.shape[0], *out, *window, inputs)
        for tap, where in taps(window, out, stride, dilation):
            # The groups come first in the stack of products.
            whole[where] += np.moveaxis(terms[(*lead, *tap)], 0, -2)
        x[images] = whole.reshape(-1, *sizes, channels)[inner]
    return x


def _product(x: Any, matrix: Any) -> Any:
    """Return the product over the last axis."""
    rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
    return (rows @ matrix).reshape(*x.shape[:-1], matrix.shape[1])


def _conv_kernel(x: Any, g: Any, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    dtype, (x, g) = _ready(x, g)
    out, features = g.shape[1:-1], g.shape[-1]
    inputs = x.shape[-1] // groups
    if not g.size or not x.size:
        return np.zeros((*size, inputs, features), dtype)
    if _is_pointwise(size, padding, groups):
        rows = x[_spread(out, stride)].reshape(-1, inputs)
        return _finished((rows.T @ g.reshape(-1, features)).reshape(*size, inputs, features), dtype)
    if inputs == 1 and groups > 1:
        return _finished(depthwise_kernel(x, g, size, stride, padding, dilation, groups), dtype)
    merged, parts = _merged(groups, inputs), groups
    groups = merged
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
    total = total.reshape(*size, x.shape[-1] // groups, features)
    return _finished(total if merged == parts else _diagonal_blocks(total, parts, merged), dtype)


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {"conv": _conv, "conv_bias": _conv_bias, "conv_adjoint": _conv_adjoint, "conv_kernel": _conv_kernel}
)
