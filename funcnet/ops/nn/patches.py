"""The windows of an array as rows (im2col), and their transpose, which adds them back (col2im)."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.backends.windows import inside_of, places_of, taps
from funcnet.core import bind, case, linear
from funcnet.core.arguments import check_array
from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.manipulation import permute_dims
from funcnet.ops.nn.convolution_arguments import (
    check_window,
    first_channels,
    frozen,
    last_channels,
    per_axis,
    puts_channels_first,
    resolved_padding,
    spatial_rank,
)
from funcnet.ops.nn.padding import pad_spatial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]
    Integers = int | Sequence[int]

__all__ = ["fold", "unfold"]


def _buffer(xp: Any, x: Any, size: Sizes, padding: Pairs) -> tuple[Any, Any]:
    """Return zeros like `x` of a padded size, and where the inside of them is."""
    sizes = [n + low + high for n, (low, high) in zip(size, padding, strict=True)]
    zeros = xp.zeros((x.shape[0], *sizes, x.shape[-1]), dtype=x.dtype, device=x.device)
    return zeros, inside_of(size, padding)


def _unfold_impl(xp: Any, x: Any, *, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Any:
    size = tuple(x.shape)[1:-1]
    out = places_of(size, window, stride, padding, dilation)
    buffer, inside = _buffer(xp, x, size, padding)
    buffer[inside] = x
    met = [buffer[part] for _, part in taps(window, out, stride, dilation)]
    return xp.reshape(xp.stack(met, axis=-2), (x.shape[0], *out, *window, x.shape[-1]))


def _fold_impl(xp: Any, y: Any, *, size: Sizes, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Any:
    out = tuple(y.shape)[1 : len(size) + 1]
    buffer, inside = _buffer(xp, y, size, padding)
    terms = xp.reshape(y, (y.shape[0], *out, prod(window), y.shape[-1]))
    for i, (_, part) in enumerate(taps(window, out, stride, dilation)):
        buffer[part] = buffer[part] + terms[..., i, :]
    return buffer[inside]


def _unfold_transpose(y: Any, x: Any, **params: Any) -> Callable[[Any], Any]:  # noqa: ARG001  # the form of every maker
    size = tuple(x.shape)[1:-1]
    return lambda g: bind(fold_p, g, size=size, **params)


def _fold_transpose(x: Any, y: Any, *, size: Sizes, **params: Any) -> Callable[[Any], Any]:  # noqa: ARG001
    return lambda g: bind(unfold_p, g, **params)


def _unfold_shape(x: Any, *, window: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Sizes:
    return (x.shape[0], *places_of(tuple(x.shape)[1:-1], window, stride, padding, dilation), *window, x.shape[-1])


def _as_examples(primitive: Primitive, size: int, batched: Sequence[bool], x: Any, /, **params: Any) -> Any:  # noqa: ARG001
    """Batching rule: the batch joins the examples."""
    shape = tuple(x.shape)
    y = bind(primitive, reshaped(x, (shape[0] * shape[1], *shape[2:])), **params)
    return reshaped(y, (*shape[:2], *y.shape[1:]))


_CASES = (
    ((2, 5, 3), (2,), (1,), ((0, 0),), (1,)),
    ((1, 5, 4, 2), (3, 2), (2, 1), ((1, 0), (0, 2)), (1, 2)),
    ((0, 4, 3, 1), (2, 2), (1, 1), ((0, 0), (0, 0)), (1, 1)),
    ((1, 3, 4, 3, 1), (2, 2, 2), (1, 2, 1), ((0, 0), (1, 0), (0, 1)), (1, 1, 2)),
)


def _cases(folded: bool) -> tuple[Any, ...]:
    found = []
    for shape, window, stride, padding, dilation in _CASES:
        params: dict[str, Any] = {"window": window, "stride": stride, "padding": padding, "dilation": dilation}
        if folded:
            out = places_of(shape[1:-1], window, stride, padding, dilation)
            found.append(case((shape[0], *out, *window, shape[-1]), size=shape[1:-1], **params))
        else:
            found.append(case(shape, **params))
    return tuple(found)


unfold_p = linear(
    "unfold",
    _unfold_impl,
    transpose=(_unfold_transpose,),
    shape=_unfold_shape,
    batch=_as_examples,
    dtypes="floating",
    cases=_cases(False),
)

fold_p = linear(
    "fold",
    _fold_impl,
    transpose=(_fold_transpose,),
    shape=lambda y, *, size, **params: (y.shape[0], *size, y.shape[-1]),  # noqa: ARG005  # one signature for all rules
    batch=_as_examples,
    dtypes="floating",
    cases=_cases(True),
)


def unfold(
    x: Any,
    window: Integers,
    *,
    stride: Integers = 1,
    padding: str | int | Sequence[Any] = "VALID",
    padding_mode: str = "zeros",
    dilation: Integers = 1,
    flat: bool = True,
    data_format: str | None = None,
) -> Any:
    r"""Return the window at each place: what a convolution multiplies with its kernel (im2col).

    ``conv(x, kernel)`` is ``unfold(x, window) @ kernel.reshape(-1, out)``.

    Derivative: linear; the cotangent is `fold` of it, which adds up what several windows share.

    Parameters
    ----------
    x : array, shape (n, \*spatial, channels)
        Of a floating-point data type, with one, two or three spatial axes.
    window : int or sequence of int
        Size of the window along each spatial axis.
    stride, padding, padding_mode, dilation
        As in `conv`.
    flat : bool, default True
        Whether the elements of a window, its channels included, are one axis.
    data_format : str, optional
        ``"NHWC"`` or ``"NCHW"`` and the like, as in `conv`.

    Returns
    -------
    array
        Of shape ``(n, *places, window elements * channels)``, channels varying fastest; of shape ``(n, *places,
        *window, channels)`` if not `flat`. With the channels first, as in PyTorch, ``(n, channels * window elements,
        places)``, or ``(n, channels, *window, *places)`` if not `flat`.

    Raises
    ------
    ShapeError
        If `x` has no such spatial axes, or the window is larger than the padded input.
    ParameterError
        If a parameter has no such form.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> x = np.arange(4.0).reshape(1, 4, 1)
    >>> nn.functional.unfold(x, 2, stride=2)[0]
    array([[0., 1.],
           [2., 3.]])
    """
    name = "nn.functional.unfold"
    ndim = spatial_rank(name, x)
    first = puts_channels_first(name, data_format, ndim)
    if first:
        x = last_channels(x)
    windows = per_axis(name, "window", window, ndim)
    strides = per_axis(name, "stride", stride, ndim)
    dilations = per_axis(name, "dilation", dilation, ndim)
    size = tuple(x.shape)[1:-1]
    pairs, mode = resolved_padding(name, frozen(padding), padding_mode, size, windows, strides, dilations)
    check_window(name, size, windows, pairs, dilations)
    if mode != "zeros":
        x, pairs = pad_spatial(name, x, pairs, mode), ((0, 0),) * ndim
    y = bind(unfold_p, x, window=windows, stride=strides, padding=pairs, dilation=dilations)
    shape = tuple(y.shape)
    if not first:
        return reshaped(y, (*shape[: ndim + 1], prod(shape[ndim + 1 :]))) if flat else y
    y = permute_dims(y, (0, 2 * ndim + 1, *range(ndim + 1, 2 * ndim + 1), *range(1, ndim + 1)))
    return reshaped(y, (shape[0], shape[-1] * prod(windows), prod(shape[1 : ndim + 1]))) if flat else y


def fold(
    y: Any,
    size: Integers,
    window: Integers,
    *,
    stride: Integers = 1,
    padding: str | int | Sequence[Any] = "VALID",
    dilation: Integers = 1,
    flat: bool = True,
    data_format: str | None = None,
) -> Any:
    r"""Add windows up where they come from: the exact adjoint of `unfold` (col2im).

    Derivative: linear; the cotangent is `unfold` of it.

    Parameters
    ----------
    y : array
        Of a floating-point data type and the shape that `unfold` gives.
    size : sequence of int
        Spatial size of the result; its length says how many spatial axes there are.
    window : int or sequence of int
        Size of the window along each spatial axis.
    stride, padding, dilation, flat, data_format
        As in `unfold`. What falls onto the padding is dropped.

    Returns
    -------
    array, shape (n, \*size, channels)
        The sums; ``(n, channels, *size)`` with the channels first.

    Raises
    ------
    ShapeError
        If the shape of `y` is not that of the windows of an array of this size.
    ParameterError
        If a parameter has no such form.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.fold(np.ones((1, 3, 2)), (4,), 2)[0, :, 0]
    array([1., 2., 2., 1.])
    """
    name = "nn.functional.fold"
    ndim = len(size) if isinstance(size, (list, tuple)) else 1
    if ndim > 3:
        raise ParameterError(
            f"{name} makes arrays of one, two or three spatial axes.",
            found=f"size={size!r}",
            needed="an integer, or a tuple of at most three",
        )
    sizes = per_axis(name, "size", size, ndim)
    first = puts_channels_first(name, data_format, ndim)
    windows = per_axis(name, "window", window, ndim)
    strides = per_axis(name, "stride", stride, ndim)
    dilations = per_axis(name, "dilation", dilation, ndim)
    pairs, _ = resolved_padding(name, frozen(padding), "zeros", sizes, windows, strides, dilations)
    check_window(name, sizes, windows, pairs, dilations)
    out = places_of(sizes, windows, strides, pairs, dilations)
    check_array("nn.functional.fold", y, "y")
    shape = tuple(y.shape)
    many = prod(windows)
    if first:
        wanted = ("n", f"channels * {many}", str(prod(out))) if flat else ("n", "channels", *windows, *out)
        fits = len(shape) == len(wanted) and (
            (shape[1] % many == 0 and shape[2] == prod(out)) if flat else shape[2:] == (*windows, *out)
        )
    else:
        wanted = ("n", *out, f"channels * {many}") if flat else ("n", *out, *windows, "channels")
        fits = len(shape) == len(wanted) and (
            (shape[1:-1] == out and shape[-1] % many == 0) if flat else shape[1:-1] == (*out, *windows)
        )
    if not fits:
        raise ShapeError(
            f"{name} got windows that do not fit.",
            found=f"shape {shape}",
            needed=f"shape ({', '.join(map(str, wanted))}), the windows of an array of size {sizes}",
            write="the stride, padding and dilation that nn.functional.unfold was given",
        )
    if first:
        y = reshaped(y, (shape[0], shape[1] // many if flat else shape[1], *windows, *out))
        y = permute_dims(y, (0, *range(ndim + 2, 2 * ndim + 2), *range(2, ndim + 2), 1))
    elif flat:
        y = reshaped(y, (*shape[:-1], *windows, shape[-1] // many))
    x = bind(fold_p, y, size=sizes, window=windows, stride=strides, padding=pairs, dilation=dilations)
    return first_channels(x) if first else x
