"""The primitives of discrete Fourier transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Spec, bind, case, linear, owner
from funcnet.ops.batching import along_axes, along_axis
from funcnet.ops.complex import conj

if TYPE_CHECKING:
    from collections.abc import Callable

    Axes = tuple[int, ...]

__all__ = ["TURNED", "fft_p", "fit_length_p", "irfft_p", "rfft_p"]

#: The normalisation of the transposed transform: the other direction with the same factor.
TURNED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
#: Real data type -> complex one of its precision, and back.
_PARTNER = {"float32": "complex64", "float64": "complex128", "complex64": "float32", "complex128": "float64"}


def _spec(x: Any, axis: int, n: int) -> Spec:
    backend = owner(x)
    return Spec(_with_length(x.shape, axis, n), _PARTNER[backend.dtype_name(x.dtype)], backend)


def _fft_impl(xp: Any, x: Any, *, axes: Axes, norm: str, inverse: bool) -> Any:
    return (xp.fft.ifftn if inverse else xp.fft.fftn)(x, axes=axes, norm=norm)


def _fft_transpose(y: Any, x: Any, *, axes: Axes, norm: str, inverse: bool) -> Callable[[Any], Any]:  # noqa: ARG001
    # The matrix of the transform is symmetric.
    return lambda g: bind(fft_p, g, axes=axes, norm=norm, inverse=inverse)


fft_p = linear(
    "fft",
    _fft_impl,
    transpose=(_fft_transpose,),
    shape=lambda x, **_: x.shape,
    batch=along_axes,
    dtypes="complex",
    cases=(
        case((2, 4), axes=(1,), norm="backward", inverse=False),
        case((3, 2), axes=(0,), norm="ortho", inverse=True),
        case((2, 3), axes=(0, 1), norm="forward", inverse=True),
        case((0, 2), axes=(1,), norm="backward", inverse=True),
    ),
)


def _rfft_transpose(y: Any, x: Any, *, axis: int, norm: str) -> Callable[[Any], Any]:  # noqa: ARG001
    n = x.shape[axis]
    # The real part of the sum over half of the bins: that over all of them, with the inner ones halved.
    return lambda g: bind(
        irfft_p, bind(weigh_bins_p, conj(g), axis=axis, n=n, inner=0.5), n=n, axis=axis, norm=TURNED[norm]
    )


rfft_p = linear(
    "rfft",
    lambda xp, x, *, axis, norm: xp.fft.rfft(x, axis=axis, norm=norm),
    transpose=(_rfft_transpose,),
    shape=lambda x, *, axis, norm: _spec(x, axis, x.shape[axis] // 2 + 1),  # noqa: ARG005
    batch=along_axis,
    dtypes="real floating",
    cases=(
        case((2, 5), axis=1, norm="backward"),
        case((4, 2), axis=0, norm="forward"),
        case((1,), axis=0, norm="ortho"),
        case((0, 3), axis=1, norm="ortho"),
    ),
)


def _irfft_transpose(y: Any, x: Any, *, n: int, axis: int, norm: str) -> Callable[[Any], Any]:  # noqa: ARG001
    # Every inner bin stands for itself and its mirror image.
    return lambda g: bind(weigh_bins_p, conj(bind(rfft_p, g, axis=axis, norm=TURNED[norm])), axis=axis, n=n, inner=2.0)


irfft_p = linear(
    "irfft",
    lambda xp, x, *, n, axis, norm: xp.fft.irfft(x, n=n, axis=axis, norm=norm),
    transpose=(_irfft_transpose,),
    shape=lambda x, *, n, axis, norm: _spec(x, axis, n),  # noqa: ARG005
    batch=along_axis,
    dtypes="complex",
    cases=(
        case((2, 3), n=5, axis=1, norm="backward"),
        case((3, 2), n=4, axis=0, norm="forward"),
        case((1,), n=1, axis=0, norm="ortho"),
        case((0, 2), n=2, axis=1, norm="ortho"),
    ),
)


def _weigh_bins(xp: Any, x: Any, *, axis: int, n: int, inner: float) -> Any:
    k = xp.arange(x.shape[axis], device=x.device)
    single = xp.astype((k == 0) | (2 * k == n), xp.float32 if x.dtype == xp.complex64 else xp.float64)
    weights = inner + (1.0 - inner) * single
    return x * xp.reshape(weights, (-1,) + (1,) * (x.ndim - axis - 1))


def _weigh_bins_transpose(y: Any, x: Any, **params: Any) -> Callable[[Any], Any]:  # noqa: ARG001  # the rule's form
    return lambda g: bind(weigh_bins_p, g, **params)


# Multiplies the bins of a half spectrum that have a mirror image by `inner`; n is the length of the whole.
weigh_bins_p = linear(
    "weigh_bins",
    _weigh_bins,
    transpose=(_weigh_bins_transpose,),
    shape=lambda x, **_: x.shape,
    internal=True,
    batch=along_axis,
    dtypes="complex",
    cases=(case((2, 3), axis=1, n=5, inner=0.5), case((3, 2), axis=0, n=4, inner=2.0)),
)


def _fit_length(xp: Any, x: Any, *, axis: int, n: int) -> Any:
    missing = n - x.shape[axis]
    if missing <= 0:
        return xp.asarray(x[(slice(None),) * axis + (slice(0, n), ...)], copy=True)
    zeros = xp.zeros(_with_length(x.shape, axis, missing), dtype=x.dtype, device=x.device)
    return xp.concat([x, zeros], axis=axis)


def _fit_length_transpose(y: Any, x: Any, *, axis: int, n: int) -> Callable[[Any], Any]:  # noqa: ARG001
    size = x.shape[axis]
    return lambda g: bind(fit_length_p, g, axis=axis, n=size)


# Cuts the end off, or appends zeros.
fit_length_p = linear(
    "fit_length",
    _fit_length,
    transpose=(_fit_length_transpose,),
    shape=lambda x, *, axis, n: _with_length(x.shape, axis, n),
    internal=True,
    batch=along_axis,
    dtypes="floating",
    cases=(case((2, 3), axis=1, n=5), case((3, 2), axis=0, n=2), case((0,), axis=0, n=2)),
)


def _with_length(shape: tuple[int, ...], axis: int, n: int) -> tuple[int, ...]:
    return (*shape[:axis], n, *shape[axis + 1 :])
