"""What normalisation layers have in common: their parameters, and the layers without state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random
from funcnet.core.arguments import check_array
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.layer import Layer, layer_path, of_kind, without_key
from funcnet.nn.spec import beside, features_of
from funcnet.ops.nn.norm_arguments import channel_in, check_not_batch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["channel_sizes", "check_entries", "entry_names", "made_parameters", "sizes_along", "stateless_norm"]


def stateless_norm(
    kind: str,
    entries: tuple[str, ...],
    sizes: Callable[[str, tuple[int, ...]], tuple[int, ...]],
    normalise: Callable[[Any, Any, Any], Any],
    scale_init: Callable[..., Any],
    bias_init: Callable[..., Any],
    dtype: Any,
) -> Layer:
    """Return a layer without state whose parameters have the shape that `sizes` makes of that of the input."""

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path(kind)
        if not entries:
            sizes(f"Layer {path}", features_of(spec, path).shape)
            return {}, {}
        with beside(key):
            shape = sizes(f"Layer {path}", features_of(spec, path).shape)
            return made_parameters(key, entries, shape, scale_init, bias_init, dtype), {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        path = layer_path(kind)
        check_array(f"Layer {path}", x)
        shape = sizes(f"Layer {path}", tuple(x.shape))
        check_entries(path, "parameters", params, dict.fromkeys(entries, shape))
        return normalise(x, params.get("scale"), params.get("bias")), state

    return of_kind(kind, Layer(init, apply))


def entry_names(scale: bool, bias: bool) -> tuple[str, ...]:
    return tuple([name for name, there in (("bias", bias), ("scale", scale)) if there])


def made_parameters(
    key: Any,
    entries: tuple[str, ...],
    shape: tuple[int, ...],
    scale_init: Callable[..., Any],
    bias_init: Callable[..., Any],
    dtype: Any,
) -> dict[str, Any]:
    keys = random.split(key)
    makers = {"scale": (scale_init, keys[0, :]), "bias": (bias_init, keys[1, :])}
    return {name: makers[name][0](makers[name][1], shape, dtype) for name in entries}


def channel_sizes(name: str, shape: tuple[int, ...], axis: Any) -> tuple[int]:
    """Return the number of channels, which are not along the axis of the batch."""
    channel = channel_in(name, shape, axis)
    check_not_batch(name, shape, channel)
    return (shape[channel],)


def sizes_along(name: str, shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """Return the sizes of a shape along some axes, in ascending order."""
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    ndim = len(shape)
    if any(isinstance(a, bool) or not isinstance(a, int) for a in axes):
        raise ParameterError(f"{name} takes integers as axes.", found=f"axis={axis!r}", needed="an integer or several")
    found = sorted({a % ndim for a in axes if -ndim <= a < ndim})
    if len(found) != len(axes) or not axes:
        raise ShapeError(
            f"{name} got an input without the axes over which it normalises.",
            found=f"shape {shape} and axis={axis!r}",
            needed="each axis once, and there",
        )
    return tuple([shape[a] for a in found])


def check_entries(path: str, what: str, entries: Any, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise `ParameterError` unless a dict has just these entries, of these shapes."""
    if isinstance(entries, dict) and len(entries) == len(shapes):
        for name, shape in shapes.items():
            if name not in entries or tuple(getattr(entries[name], "shape", (-1,))) != shape:
                break
        else:
            return
    found = type(entries).__name__
    if isinstance(entries, dict):
        found = str({name: tuple(getattr(value, "shape", ())) for name, value in entries.items()})
    raise ParameterError(
        f"Layer {path} needs its own {what}, made for an input of this shape.",
        found=found,
        needed=str(shapes),
        write="params, state = layer.init(key, x.shape) with this very layer, for an input of this shape",
    )
