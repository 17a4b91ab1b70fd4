"""Layers that convolve one, two or three spatial axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.nn.initializers import variance_scaling, zeros
from funcnet.nn.kernels import kernel_and_bias, made, spatial_shape, who, window_of
from funcnet.nn.layer import Layer, without_key
from funcnet.nn.spec import beside
from funcnet.ops.nn.convolution import check_conv, convolved
from funcnet.ops.nn.convolution_arguments import check_groups, positive_int
from funcnet.ops.nn.convolution_transpose import check_transposed, transposed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Integers = int | Sequence[int]
    Padding = str | int | Sequence[Any]
    Init = Callable[..., Any]

__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]


def conv(
    features: int,
    kernel_size: Integers,
    *,
    stride: Integers = 1,
    padding: Padding = "VALID",
    padding_mode: str = "zeros",
    dilation: Integers = 1,
    input_dilation: Integers = 1,
    groups: int = 1,
    bias: bool = True,
    data_format: str | None = None,
    kernel_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Layer:
    r"""Convolution over one, two or three spatial axes; see `funcnet.nn.functional.conv` for what it computes.

    Parameters
    ----------
    features : int
        Number of output channels.
    kernel_size : int or sequence of int
        Size of the window along each spatial axis. One number means all axes that the input of ``init`` has.
    stride, padding, padding_mode, dilation, input_dilation, groups, data_format
        As in `funcnet.nn.functional.conv`; channels come last unless `data_format` puts them first.
    bias : bool, default True
        Whether to add a number to each output channel.
    kernel_init, bias_init : callable, optional
        ``init(key, shape, dtype)``, see `funcnet.nn.initializers`; `lecun_normal` and `zeros` if omitted. The fan of
        the kernel counts all elements of the window and the input channels of a group.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameters ``kernel`` of shape ``(*window, in / groups, features)`` and ``bias`` of shape
        ``(features,)``.

    Raises
    ------
    ParameterError
        If a parameter has no such form; by ``apply``: if the parameters are those of another layer.
    ShapeError
        By ``init`` and ``apply``: if the input does not fit.
    DtypeError
        By ``apply``: if the input is not floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.conv(16, 3, stride=2, padding="SAME")
    >>> params, state = layer.init(random.key(0), (8, 28, 28, 3))
    >>> params["kernel"].shape, params["bias"].shape
    ((3, 3, 3, 16), (16,))
    >>> layer.apply(params, state, np.ones((8, 28, 28, 3), dtype="float32"))[0].shape
    (8, 14, 14, 16)
    """
    out = positive_int("nn.conv", "features", features)
    parts = positive_int("nn.conv", "groups", groups)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            shape = spatial_shape("conv", spec, data_format)
            window = window_of("conv", "kernel_size", kernel_size, shape)
            check_groups(who("conv"), parts, shape[-1], out)
            kernel = (*window, shape[-1] // parts, out)
            check_conv(who("conv"), shape, kernel, stride, padding, padding_mode, dilation, input_dilation, parts)
            shapes = {"kernel": kernel} | ({"bias": (out,)} if bias else {})
            return made(key, shapes, {"kernel": kernel_init, "bias": bias_init}, dtype), {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        kernel, shift = kernel_and_bias("conv", params, ("kernel",), "kernel", -1, out, bias)
        y = convolved(
            who("conv"),
            x,
            kernel,
            shift,
            stride,
            padding,
            padding_mode,
            dilation,
            input_dilation,
            parts,
            data_format,
        )
        return y, state

    return Layer(init, apply)


def depthwise_conv(
    kernel_size: Integers,
    *,
    multiplier: int = 1,
    stride: Integers = 1,
    padding: Padding = "VALID",
    padding_mode: str = "zeros",
    dilation: Integers = 1,
    bias: bool = True,
    data_format: str | None = None,
    kernel_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Layer:
    """Convolution of each channel by itself: as many groups as input channels.

    Parameters
    ----------
    kernel_size : int or sequence of int
        Size of the window along each spatial axis.
    multiplier : int, default 1
        How many output channels each input channel gives; those of one channel are neighbours.
    stride, padding, padding_mode, dilation, bias, data_format, kernel_init, bias_init, dtype
        As in `conv`.

    Returns
    -------
    Layer
        With the parameters ``kernel`` of shape ``(*window, 1, in * multiplier)`` and ``bias`` of shape
        ``(in * multiplier,)``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.depthwise_conv(3, multiplier=2, padding="SAME")
    >>> params, state = layer.init(random.key(0), (8, 28, 28, 3))
    >>> params["kernel"].shape
    (3, 3, 1, 6)
    >>> layer.apply(params, state, np.ones((8, 28, 28, 3), dtype="float32"))[0].shape
    (8, 28, 28, 6)
    """
    times = positive_int("nn.depthwise_conv", "multiplier", multiplier)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            shape = spatial_shape("depthwise_conv", spec, data_format)
            window = window_of("depthwise_conv", "kernel_size", kernel_size, shape)
            channels = shape[-1]
            kernel = (*window, 1, channels * times)
            check_conv(who("depthwise_conv"), shape, kernel, stride, padding, padding_mode, dilation, 1, channels)
            shapes = {"kernel": kernel} | ({"bias": (channels * times,)} if bias else {})
            return made(key, shapes, {"kernel": kernel_init, "bias": bias_init}, dtype), {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        kernel, shift = kernel_and_bias("depthwise_conv", params, ("kernel",), "kernel", -2, 1, bias)
        y = convolved(
            who("depthwise_conv"),
            x,
            kernel,
            shift,
            stride,
            padding,
            padding_mode,
            dilation,
            1,
            max(kernel.shape[-1] // times, 1),
            data_format,
        )
        return y, state

    return Layer(init, apply)


def separable_conv(
    features: int,
    kernel_size: Integers,
    *,
    multiplier: int = 1,
    stride: Integers = 1,
    padding: Padding = "VALID",
    padding_mode: str = "zeros",
    dilation: Integers = 1,
    bias: bool = True,
    data_format: str | None = None,
    depthwise_init: Init | None = None,
    pointwise_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Layer:
    """Convolution of each channel by itself, then a mixture of the channels at each place.

    Parameters
    ----------
    features : int
        Number of output channels.
    kernel_size : int or sequence of int
        Size of the window along each spatial axis.
    multiplier : int, default 1
        How many channels each input channel gives before they are mixed.
    stride, padding, padding_mode, dilation, data_format
        Of the first convolution, as in `conv`.
    bias : bool, default True
        Whether to add a number to each output channel.
    depthwise_init, pointwise_init, bias_init : callable, optional
        ``init(key, shape, dtype)``; `lecun_normal` for both kernels and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameters ``depthwise`` of shape ``(*window, 1, in * multiplier)``, ``pointwise`` of shape
        ``(1, ..., in * multiplier, features)`` and ``bias`` of shape ``(features,)``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `conv`.

    References
    ----------
    .. [1] F. Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.separable_conv(16, 3, padding="SAME")
    >>> params, state = layer.init(random.key(0), (8, 28, 28, 3))
    >>> {name: p.shape for name, p in params.items()}
    {'depthwise': (3, 3, 1, 3), 'pointwise': (1, 1, 3, 16), 'bias': (16,)}
    >>> layer.apply(params, state, np.ones((8, 28, 28, 3), dtype="float32"))[0].shape
    (8, 28, 28, 16)
    """
    out = positive_int("nn.separable_conv", "features", features)
    times = positive_int("nn.separable_conv", "multiplier", multiplier)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            shape = spatial_shape("separable_conv", spec, data_format)
            window = window_of("separable_conv", "kernel_size", kernel_size, shape)
            channels = shape[-1]
            depthwise = (*window, 1, channels * times)
            check_conv(who("separable_conv"), shape, depthwise, stride, padding, padding_mode, dilation, 1, channels)
            shapes = {"depthwise": depthwise, "pointwise": (*(1,) * len(window), channels * times, out)}
            inits = {"depthwise": depthwise_init, "pointwise": pointwise_init, "bias": bias_init}
            return made(key, shapes | ({"bias": (out,)} if bias else {}), inits, dtype), {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        names = ("depthwise", "pointwise")
        mixture, shift = kernel_and_bias("separable_conv", params, names, "pointwise", -1, out, bias)
        kernel = params["depthwise"]
        name = who("separable_conv")
        channels = max(kernel.shape[-1] // times, 1)
        y = convolved(name, x, kernel, None, stride, padding, padding_mode, dilation, 1, channels, data_format)
        return convolved(name, y, mixture, shift, 1, "VALID", "zeros", 1, 1, 1, data_format), state

    return Layer(init, apply)


def conv_transpose(
    features: int,
    kernel_size: Integers,
    *,
    stride: Integers = 1,
    padding: Padding = "VALID",
    output_padding: Integers = 0,
    dilation: Integers = 1,
    groups: int = 1,
    bias: bool = True,
    data_format: str | None = None,
    kernel_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Layer:
    """Transposed convolution, the adjoint of `conv`; see `funcnet.nn.functional.conv_transpose`.

    Parameters
    ----------
    features : int
        Number of output channels.
    kernel_size : int or sequence of int
        Size of the window along each spatial axis.
    stride, padding, output_padding, dilation, groups, data_format
        As in `funcnet.nn.functional.conv_transpose`.
    bias : bool, default True
        Whether to add a number to each output channel.
    kernel_init, bias_init : callable, optional
        ``init(key, shape, dtype)``; `lecun_normal` with the fan of the input channels, and `zeros`, if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameters ``kernel`` of shape ``(*window, features / groups, in)``, that of the convolution whose
        adjoint this is, and ``bias`` of shape ``(features,)``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.conv_transpose(3, 4, stride=2, padding=1)
    >>> params, state = layer.init(random.key(0), (8, 14, 14, 16))
    >>> params["kernel"].shape
    (4, 4, 3, 16)
    >>> layer.apply(params, state, np.ones((8, 14, 14, 16), dtype="float32"))[0].shape
    (8, 28, 28, 3)
    """
    out = positive_int("nn.conv_transpose", "features", features)
    parts = positive_int("nn.conv_transpose", "groups", groups)
    # The inputs of a group only.
    of_inputs = variance_scaling(float(parts), "fan_in", "truncated_normal", in_axis=-1, out_axis=-2)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            shape = spatial_shape("conv_transpose", spec, data_format)
            window = window_of("conv_transpose", "kernel_size", kernel_size, shape)
            check_groups(who("conv_transpose"), parts, shape[-1], out)
            kernel = (*window, out // parts, shape[-1])
            check_transposed(who("conv_transpose"), shape, kernel, stride, padding, output_padding, dilation, parts)
            shapes = {"kernel": kernel} | ({"bias": (out,)} if bias else {})
            return made(key, shapes, {"kernel": kernel_init or of_inputs, "bias": bias_init}, dtype), {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        per_group = out // parts if out % parts == 0 else None
        kernel, shift = kernel_and_bias("conv_transpose", params, ("kernel",), "kernel", -2, per_group, bias)
        name = who("conv_transpose")
        y = transposed(name, x, kernel, shift, stride, padding, output_padding, dilation, parts, data_format)
        return y, state

    return Layer(init, apply)
