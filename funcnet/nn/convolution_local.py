"""The layer that has a kernel of its own at each place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.nn.initializers import variance_scaling, zeros
from funcnet.nn.kernels import kernel_and_bias, made, spatial_shape, who, window_of
from funcnet.nn.layer import Layer, without_key
from funcnet.nn.spec import beside
from funcnet.ops.nn.convolution_arguments import positive_int
from funcnet.ops.nn.convolution_local import local, local_places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Integers = int | Sequence[int]

__all__ = ["conv_local"]


def conv_local(
    features: int,
    kernel_size: Integers,
    *,
    stride: Integers = 1,
    padding: str | int | Sequence[Any] = "VALID",
    padding_mode: str = "zeros",
    dilation: Integers = 1,
    bias: bool = True,
    data_format: str | None = None,
    kernel_init: Callable[..., Any] | None = None,
    bias_init: Callable[..., Any] = zeros,
    dtype: Any = None,
) -> Layer:
    """Locally connected layer; see `funcnet.nn.functional.conv_local` for what it computes.

    Parameters
    ----------
    features : int
        Number of output channels.
    kernel_size : int or sequence of int
        Size of the window along each spatial axis.
    stride, padding, padding_mode, dilation, bias, data_format, bias_init, dtype
        As in `conv`.
    kernel_init : callable, optional
        ``init(key, shape, dtype)``; if omitted, that of `conv` at each place: LeCun's with the fan of one window.

    Returns
    -------
    Layer
        With the parameters ``kernel`` of shape ``(*places, *window, in, features)`` and ``bias`` of shape
        ``(*places, features)``: the layer serves inputs of one size only.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.conv_local(4, 3, stride=2)
    >>> params, state = layer.init(random.key(0), (8, 9, 9, 2))
    >>> params["kernel"].shape
    (4, 4, 3, 3, 2, 4)
    >>> layer.apply(params, state, np.ones((8, 9, 9, 2), dtype="float32"))[0].shape
    (8, 4, 4, 4)
    """
    out = positive_int("nn.conv_local", "features", features)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            shape = spatial_shape("conv_local", spec, data_format)
            window = window_of("conv_local", "kernel_size", kernel_size, shape)
            name = who("conv_local")
            places = local_places(name, shape, window, stride, padding, padding_mode, dilation)
            count = 1
            for n in places:
                count *= n
            # The fan counts all places; each has a window of its own.
            of_one = variance_scaling(float(count), "fan_in", "truncated_normal")
            shapes = {"kernel": (*places, *window, shape[-1], out)} | ({"bias": (*places, out)} if bias else {})
            return made(key, shapes, {"kernel": kernel_init or of_one, "bias": bias_init}, dtype), {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        kernel, shift = kernel_and_bias("conv_local", params, ("kernel",), "kernel", -1, out, bias)
        name = who("conv_local")
        return local(name, x, kernel, shift, stride, padding, padding_mode, dilation, data_format), state

    return Layer(init, apply)
