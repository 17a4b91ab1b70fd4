"""NumPy's Fourier transforms and SciPy's universal functions on traced arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core.dtypes import kind
from funcnet.ops.broadcasting import cast
from funcnet.ops.dtypes import result_type
from funcnet.xp import fft, special

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FFT", "ufunc"]


def ufunc(name: str) -> Callable[..., Any] | None:
    """Return the counterpart of the universal function of that name, None if there is none."""
    return getattr(special, name) if name in special.__all__ else None


def _inexact(x: Any) -> Any:
    return x if kind(x.dtype) in "fc" else cast(x, result_type(x, 1.0))


def _one(function: Callable[..., Any]) -> Callable[..., Any]:
    def handler(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Any:
        return function(_inexact(a), n=n, axis=axis, norm=norm or "backward")

    return handler


def _several(function: Callable[..., Any], last: int | None = None) -> Callable[..., Any]:
    def handler(a: Any, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
        if axes is None and last is not None:
            axes = tuple(range(-last, 0))
        return function(_inexact(a), s=s, axes=axes, norm=norm or "backward")

    return handler


#: Functions of ``numpy.fft`` by name, in NumPy's signature.
FFT: dict[str, Callable[..., Any]] = {
    **{name: _one(getattr(fft, name)) for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")},
    **{name: _several(getattr(fft, name)) for name in ("fftn", "ifftn", "rfftn", "irfftn")},
    **{name: _several(getattr(fft, f"{name[:-1]}n"), 2) for name in ("fft2", "ifft2", "rfft2", "irfft2")},
    "fftshift": lambda x, axes=None: fft.fftshift(x, axes=axes),
    "ifftshift": lambda x, axes=None: fft.ifftshift(x, axes=axes),
}
