"""The arguments of convolutions and patches in the forms that people write, and in the one that primitives take."""

from __future__ import annotations

from functools import lru_cache
from operator import index
from typing import TYPE_CHECKING, Any

from funcnet.core.arguments import check_array
from funcnet.core.dtypes import is_inexact
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.manipulation import permute_dims

if TYPE_CHECKING:
    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]

__all__ = [
    "FORMATS",
    "MODES",
    "check_bias",
    "check_floating",
    "check_groups",
    "check_ranks",
    "check_window",
    "first_channels",
    "frozen",
    "last_channels",
    "padding_pairs",
    "per_axis",
    "positive_int",
    "puts_channels_first",
    "resolved_padding",
    "spatial_rank",
]

#: What padding may hold.
MODES = ("zeros", "circular", "reflect", "replicate")
#: By the number of spatial axes: channels last, and channels first.
FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}


def frozen(value: Any) -> Any:
    """Return lists, at any depth, as tuples, so that what is made of them can be remembered."""
    return tuple([frozen(v) for v in value]) if isinstance(value, (list, tuple)) else value


def positive_int(who: str, name: str, value: Any, least: int = 1) -> int:
    """Return an integer of at least `least`.

    Raises
    ------
    ParameterError
        If `value` is none.
    """
    try:
        number = least - 1 if isinstance(value, bool) else index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ParameterError(
            f"{who} got a {name} that it cannot have.",
            found=f"{name}={value!r}",
            needed=f"an integer of at least {least}",
            write=f"{name}={max(least, 1)}",
        )
    return number


def per_axis(who: str, name: str, value: Any, ndim: int, least: int = 1) -> Sizes:
    """Return one integer for each spatial axis, from one for all of them or one for each.

    Raises
    ------
    ParameterError
        If there are more or fewer, or one is less than `least`.
    """
    try:
        found = tuple([index(v) for v in value]) if isinstance(value, (list, tuple)) else (index(value),) * ndim
    except TypeError:
        found = ()
    if len(found) != ndim or min(found) < least or isinstance(value, bool):
        raise ParameterError(
            f"{who} got a {name} that does not fit.",
            found=f"{name}={value!r} for {ndim} spatial {_axes(ndim)}",
            needed=f"an integer of at least {least}, or a tuple of {ndim}",
            write=f"{name}={(max(least, 1),) * ndim}",
        )
    return found


def _axes(ndim: int) -> str:
    return "axis" if ndim == 1 else "axes"


def padding_pairs(who: str, padding: Any, ndim: int) -> Pairs:
    """Return explicit padding as a pair for each spatial axis: of an integer, one for each axis, or pairs.

    Raises
    ------
    ParameterError
        If it is none of these, or negative.
    """
    pairs: Any = ()
    try:
        if isinstance(padding, (list, tuple)):
            pairs = tuple([(index(p[0]), index(p[1])) if _is_pair(p) else (index(p),) * 2 for p in padding])
        else:
            pairs = ((index(padding),) * 2,) * ndim
    except TypeError:
        pairs = ()
    if len(pairs) != ndim or isinstance(padding, bool) or min([min(pair) for pair in pairs]) < 0:
        raise ParameterError(
            f"{who} got a padding that does not fit.",
            found=f"padding={padding!r} for {ndim} spatial {_axes(ndim)}",
            needed="'SAME', 'VALID', 'circular', 'reflect', 'replicate', a non-negative integer, one for each spatial "
            "axis, or a pair (before, after) for each",
            write=f"padding={((1, 1),) * ndim}",
        )
    return pairs


def _is_pair(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2


@lru_cache(maxsize=1024, typed=True)
def resolved_padding(
    who: str,
    padding: Any,
    mode: str,
    spatial: Sizes,
    window: Sizes,
    stride: Sizes,
    dilation: Sizes,
) -> tuple[Pairs, str]:
    """Return how much to pad each spatial axis, and with what.

    Raises
    ------
    ParameterError
        If the padding or its mode is unknown.
    """
    if mode not in MODES:
        raise ParameterError(
            f"{who} does not know this padding mode.",
            found=f"padding_mode={mode!r}",
            needed=" or ".join(map(repr, MODES)),
            write="padding_mode='zeros'",
        )
    ndim = len(spatial)
    if not isinstance(padding, str):
        return padding_pairs(who, padding, ndim), mode
    name = padding.lower()
    if name == "valid":
        return ((0, 0),) * ndim, mode
    if name in MODES[1:]:
        mode = name
    elif name != "same":
        padding_pairs(who, padding, ndim)
    pairs = []
    for n, k, s, d in zip(spatial, window, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs), mode


def check_ranks(who: str, x: Any, kernel: Any) -> int:
    """Return the number of spatial axes; raise `ShapeError` if the arrays have different ones."""
    check_array(who, x)
    check_array(who, kernel, "kernel")
    ndim = len(kernel.shape) - 2
    if not 1 <= ndim <= 3 or len(x.shape) != ndim + 2:
        raise ShapeError(
            f"{who} got arrays whose ranks do not fit.",
            found=f"x {tuple(x.shape)}, kernel {tuple(kernel.shape)}",
            needed="one, two or three spatial axes: x (n, *spatial, channels) and a kernel (*window, in, out) of the "
            "same rank",
            write="x[None, ...] for a single example",
        )
    return ndim


def spatial_rank(who: str, x: Any) -> int:
    """Return the number of spatial axes; raise `ShapeError` if there are not one, two or three."""
    check_array(who, x)
    ndim = len(x.shape) - 2
    if not 1 <= ndim <= 3:
        raise ShapeError(
            f"{who} needs one, two or three spatial axes.",
            found=f"shape {tuple(x.shape)}",
            needed="(n, *spatial, channels)",
            write="x[None, ...] for a single example",
        )
    return ndim


def check_floating(who: str, **arrays: Any) -> None:
    """Raise `DtypeError` if one of the arrays is not floating-point."""
    for name, x in arrays.items():
        if not is_inexact(x.dtype):
            raise DtypeError(
                f"{who} got an array that is not floating-point.",
                found=f"{name} of dtype {x.dtype} and shape {tuple(x.shape)}",
                needed="a floating-point data type",
                write=f"xp.astype({name}, xp.float32)",
            )


def check_window(who: str, spatial: Sizes, window: Sizes, padding: Pairs, dilation: Sizes) -> None:
    """Raise `ShapeError` if a window is larger than the padded input."""
    for axis, (n, k, (low, high), d) in enumerate(zip(spatial, window, padding, dilation, strict=True)):
        if d * (k - 1) + 1 > n + low + high:
            reach = f"{k}" if d == 1 else f"{k}, dilated to {d * (k - 1) + 1},"
            raise ShapeError(
                f"{who} got a window that is larger than the padded input.",
                found=f"a window of {reach} on {n} + {low} + {high} elements along spatial axis {axis}",
                needed="a window of at most the padded size",
                write="padding='SAME', or a smaller window or dilation",
            )


def check_bias(who: str, bias: Any, features: int) -> None:
    """Raise `ShapeError` if a bias has not one number for each output channel."""
    if bias is not None and tuple(bias.shape) != (features,):
        raise ShapeError(
            f"{who} got a bias that does not fit.",
            found=f"a bias of shape {tuple(bias.shape)}",
            needed=f"shape ({features},), one number for each output channel",
        )


def check_groups(who: str, groups: int, inputs: int, features: int) -> None:
    """Raise `ShapeError` if the groups do not divide the channels."""
    if inputs % groups or features % groups:
        raise ShapeError(
            f"{who} got channels that cannot be divided into groups.",
            found=f"{inputs} input channels and {features} output channels in {groups} groups",
            needed="numbers of channels that are multiples of the number of groups",
            write="groups=1, or numbers of channels that it divides",
        )


def puts_channels_first(who: str, data_format: str | None, ndim: int) -> bool:
    """Return whether the channels come before the spatial axes.

    Raises
    ------
    ParameterError
        If the format is none of arrays with `ndim` spatial axes.
    """
    if data_format is None:
        return False
    known = FORMATS[ndim]
    if data_format not in known:
        raise ParameterError(
            f"{who} got a data format that does not fit.",
            found=f"data_format={data_format!r} for {ndim} spatial {_axes(ndim)}",
            needed=" or ".join(map(repr, known)),
            write=f"data_format={known[0]!r}",
        )
    return data_format == known[1]


def last_channels(x: Any) -> Any:
    """Return an array with its second axis last."""
    ndim = len(x.shape)
    return permute_dims(x, (0, *range(2, ndim), 1))


def first_channels(x: Any) -> Any:
    """Return an array with its last axis second."""
    ndim = len(x.shape)
    return permute_dims(x, (0, ndim - 1, *range(1, ndim - 1)))
