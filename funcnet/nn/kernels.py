"""What layers with a kernel share: shapes of inputs, parameters and their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random
from funcnet.errors import ShapeError
from funcnet.nn.initializers import lecun_normal
from funcnet.nn.layer import layer_path
from funcnet.nn.misfits import foreign
from funcnet.nn.spec import features_of
from funcnet.ops.nn.convolution_arguments import per_axis, puts_channels_first

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["kernel_and_bias", "made", "spatial_shape", "who", "window_of"]


def who(kind: str) -> str:
    """Return how errors call the layer that runs."""
    return f"Layer {layer_path(kind)}"


def spatial_shape(kind: str, spec: Any, data_format: str | None) -> tuple[int, ...]:
    """Return the shape of an input with the channels last, after checking that it has one to three spatial axes.

    Raises
    ------
    ShapeError
        If it has not.
    """
    shape = features_of(spec, layer_path(kind)).shape
    if not 3 <= len(shape) <= 5:
        raise ShapeError(
            f"{who(kind)} needs spatial axes.",
            found=f"an input of shape {shape}",
            needed="one, two or three axes between the batch and the channels",
            write="layer.init(key, (8, 28, 28, 3)) for images of three channels",
        )
    if puts_channels_first(who(kind), data_format, len(shape) - 2):
        return (shape[0], *shape[2:], shape[1])
    return shape


def window_of(kind: str, name: str, size: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a size for each spatial axis of an input of that shape."""
    return per_axis(who(kind), name, size, len(shape) - 2)


def made(
    key: Any,
    shapes: dict[str, tuple[int, ...]],
    inits: dict[str, Callable[..., Any] | None],
    dtype: Any,
) -> dict[str, Any]:
    """Return parameters, the first from the first half of a split key, and so on."""
    keys = random.split(key, max(2, len(shapes)))
    params = {}
    for i, (name, shape) in enumerate(shapes.items()):
        init = inits[name] or lecun_normal()
        params[name] = init(keys[i, :], shape, dtype)
    return params


def kernel_and_bias(
    kind: str, params: Any, names: tuple[str, ...], kernel: str, feature_axis: int, features: int | None, bias: bool
) -> tuple[Any, Any]:
    """Return the named kernel and the bias, or None in its place, after checking that the parameters are the layer's.

    Raises
    ------
    ParameterError
        If they are another layer's.
    """
    try:
        weights, shift = params[kernel], params["bias"] if bias else None
        fits = len(params) == len(names) + bias and all([name in params for name in names])
        fits = fits and (features is None or weights.shape[feature_axis] == features)
    except (KeyError, IndexError, TypeError, AttributeError):
        fits = False
        weights = shift = None
    if fits:
        return weights, shift
    wanted = [*names, *(["bias"] if bias else [])]
    of = "" if features is None else f", for {features} features"
    raise foreign(layer_path(kind), params, f"{', '.join(map(repr, wanted))}{of}")
