"""Windows that slide over spatial axes: what users write of them, checked, and the sizes that follow."""

from __future__ import annotations

from operator import index
from typing import Any, NamedTuple

from funcnet.core.arguments import check_array
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.nn.convolution_arguments import FORMATS

__all__ = ["Windows", "channel_axis", "check_floating", "sizes_of", "spatial_axes", "windows"]


class Windows(NamedTuple):
    """Canonical parameters of a pooling operation, one entry for each spatial axis.

    Attributes
    ----------
    axes : tuple of int
        The spatial axes, not negative.
    window, strides, dilation : tuple of int
        Number of elements of a window, step from one window to the next, and step inside a window.
    low, high : tuple of int
        Number of places before the first and after the last element over which windows extend.
    sizes : tuple of int
        Number of windows.
    """

    axes: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]
    sizes: tuple[int, ...]

    def params(self) -> dict[str, tuple[int, ...]]:
        """Return the parameters of the primitives, to which the places after the last element do not matter."""
        return {name: value for name, value in self._asdict().items() if name != "high"}


def windows(
    where: str,
    shape: Any,
    window: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    data_format: str | None,
) -> Windows:
    """Return the canonical parameters of windows over an array of a shape.

    Raises
    ------
    ShapeError
        If the array has the wrong number of axes, an axis without elements, or no place for a window.
    ParameterError
        If a parameter is none; `where` says in the message of what.
    """
    axes = spatial_axes(where, shape, data_format)
    count = len(axes)
    width = _each(where, "window", window, count, 1)
    strides = width if stride is None else _each(where, "stride", stride, count, 1)
    steps = _each(where, "dilation", dilation, count, 1)
    extents = tuple([(w - 1) * d + 1 for w, d in zip(width, steps, strict=True)])
    lengths = tuple([shape[a] for a in axes])
    if 0 in lengths:
        raise ShapeError(
            f"{where} got an input without elements along a spatial axis.",
            found=f"shape {tuple(shape)}, with the spatial axes {axes}",
            needed="at least one element along each of them",
        )
    pads = _pads(where, padding, lengths, strides, extents)
    low = tuple([before for before, _ in pads])
    high = tuple([after for _, after in pads])
    sizes = []
    for n, before, after, extent, step in zip(lengths, low, high, extents, strides, strict=True):
        space = n + before + after - extent
        size = space // step + 1
        if ceil_mode:
            size = -(-space // step) + 1
            # A window has to begin on the array or in the padding before it.
            size -= (size - 1) * step >= n + before
        sizes.append(size)
    if min(sizes) < 1:
        raise _too_large(where, width, steps, lengths, pads, extents)
    return Windows(axes, width, strides, steps, low, high, tuple(sizes))


def spatial_axes(where: str, shape: Any, data_format: str | None) -> tuple[int, ...]:
    """Return the spatial axes of an array: all but that of the batch, the first, and that of the channels."""
    count = len(shape) - 2
    formats = FORMATS.get(count)
    if formats is None:
        raise ShapeError(
            f"{where} got an input with the wrong number of axes.",
            found=f"{len(shape)} axes, in shape {tuple(shape)}",
            needed="a batch axis, one to three spatial axes, and a channel axis: 3 to 5 axes",
            write="xp.expand_dims(x, axis=0) for a single example",
        )
    if data_format is not None and data_format not in formats:
        known = any(data_format in pair for pair in FORMATS.values())
        raise (ShapeError if known else ParameterError)(
            f"{where} got a data format that does not fit.",
            found=f"data_format={data_format!r} for an input of shape {tuple(shape)}",
            needed=f"{formats[0]!r}, the default, or {formats[1]!r}",
            write=f"data_format={formats[1]!r} where channels come first",
        )
    first = 2 if data_format == formats[1] else 1
    return tuple(range(first, first + count))


def channel_axis(axes: tuple[int, ...]) -> int:
    """Return the axis of the channels next to these spatial axes."""
    return 1 if axes[0] == 2 else len(axes) + 1


def check_floating(where: str, x: Any) -> None:
    """Raise `DtypeError` unless an array is real floating-point."""
    check_array(where, x)
    if kind(x.dtype) != "f":
        raise DtypeError(
            f"{where} got an input that is not floating-point.",
            found=f"an array of dtype {x.dtype} and shape {tuple(x.shape)}",
            needed="a real floating-point data type",
            write="xp.astype(x, xp.float32)",
        )


def sizes_of(where: str, what: str, sizes: Any, count: int) -> tuple[int, ...]:
    """Return spatial sizes, from an integer or one for each axis."""
    return _each(where, what, sizes, count, 1)


def _integer(value: Any, least: int) -> int | None:
    try:
        number = index(value)
    except TypeError:
        return None
    return None if isinstance(value, bool) or number < least else number


def _each(where: str, what: str, value: Any, count: int, least: int) -> tuple[int, ...]:
    """Return one integer for each spatial axis, from an integer or a sequence."""
    entries = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    found = [_integer(entry, least) for entry in entries]
    if len(found) != count or None in found:
        raise ParameterError(
            f"{where} got a {what} that it cannot use.",
            found=f"{what}={value!r} for {count} spatial axes",
            needed=f"an integer of at least {least}, or a tuple of {count} of them",
            write=f"{what}={(max(least, 2),) * count}",
        )
    return tuple([n for n in found if n is not None])


def _pads(
    where: str,
    padding: Any,
    lengths: tuple[int, ...],
    strides: tuple[int, ...],
    extents: tuple[int, ...],
) -> tuple[tuple[int, int], ...]:
    count = len(lengths)
    if isinstance(padding, str):
        word = padding.upper()
        if word == "VALID":
            return ((0, 0),) * count
        if word != "SAME":
            raise _bad_padding(where, padding, count)
        pads = []
        for n, step, extent in zip(lengths, strides, extents, strict=True):
            total = max((-(-n // step) - 1) * step + extent - n, 0)
            pads.append((total // 2, total - total // 2))
        return tuple(pads)
    entries = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * count
    pairs = [tuple(entry) if isinstance(entry, (tuple, list)) else (entry, entry) for entry in entries]
    if len(pairs) != count or any(len(pair) != 2 or None in [_integer(n, 0) for n in pair] for pair in pairs):
        raise _bad_padding(where, padding, count)
    for pair, extent in zip(pairs, extents, strict=True):
        if max(pair) >= extent:
            raise ParameterError(
                f"{where} got so much padding that a window would hold nothing else.",
                found=f"padding {pairs} for windows that extend over {extents}",
                needed="on each side less than the extent of the window",
                write='padding="SAME"',
            )
    return tuple([(index(before), index(after)) for before, after in pairs])


def _bad_padding(where: str, padding: Any, count: int) -> ParameterError:
    return ParameterError(
        f"{where} got a padding that it cannot use.",
        found=f"padding={padding!r} for {count} spatial axes",
        needed="'VALID', 'SAME', an integer of at least 0, or for each spatial axis an integer or a pair of them",
        write=f"padding={((1, 1),) * count}",
    )


def _too_large(
    where: str,
    width: tuple[int, ...],
    steps: tuple[int, ...],
    lengths: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
    extents: tuple[int, ...],
) -> ShapeError:
    padded = tuple([n + before + after for n, (before, after) in zip(lengths, pads, strict=True)])
    return ShapeError(
        f"{where} got windows larger than the padded input.",
        found=f"window {width} with dilation {steps}, which extends over {extents}, on spatial sizes {padded}",
        needed="a window that fits into the input and its padding",
        write='padding="SAME", or a smaller window',
    )
