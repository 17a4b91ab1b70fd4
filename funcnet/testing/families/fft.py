"""Discrete Fourier transforms, of odd and even lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.testing.families.operation import MATRIX, Operation, an_axis

if TYPE_CHECKING:
    pass

__all__ = ["FFT"]


def _length(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    if not x.ndim:
        return None
    axis = int(rng.integers(x.ndim))
    # The default length of the inverse of a real transform is 0 for one element.
    n = [None, 4, 5][int(rng.integers(3))] if x.shape[axis] > 1 else 4
    return n, axis, ["backward", "ortho", "forward"][int(rng.integers(3))]


def _several(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    if not x.ndim or x.shape[-1] < MATRIX:
        return None
    axes = tuple(range(x.ndim)) if rng.random() < 0.5 else (x.ndim - 1,)
    s = None if rng.random() < 0.5 else tuple(int(rng.choice((4, 5))) if a == x.ndim - 1 else x.shape[a] for a in axes)
    return s, axes, ["backward", "ortho", "forward"][int(rng.integers(3))]


def _along(name: str, takes_complex: bool) -> Operation:
    return Operation(
        1,
        lambda xp, x, n, axis, norm: getattr(xp.fft, name)(x, n=n, axis=axis, norm=norm),
        _length,
        complex=takes_complex,
    )


def _over(name: str, takes_complex: bool) -> Operation:
    return Operation(
        1,
        lambda xp, x, s, axes, norm: getattr(xp.fft, name)(x, s=s, axes=axes, norm=norm),
        _several,
        complex=takes_complex,
    )


FFT: dict[str, Operation] = {
    **{name: _along(name, True) for name in ("fft", "ifft", "irfft", "hfft")},
    **{name: _along(name, False) for name in ("rfft", "ihfft")},
    **{name: _over(name, True) for name in ("fftn", "ifftn", "irfftn")},
    "rfftn": _over("rfftn", False),
    "fftshift": Operation(1, lambda xp, x, axis: xp.fft.fftshift(x, axes=axis), an_axis, complex=True),
    "ifftshift": Operation(1, lambda xp, x, axis: xp.fft.ifftshift(x, axes=axis), an_axis, complex=True),
    "fftfreq": Operation(
        1,
        lambda xp, x: x * xp.fft.fftfreq(x.shape[-1], d=0.5, dtype=xp.float64),
        lambda rng, x: () if x.ndim else None,  # noqa: ARG005  # one signature
        complex=True,
    ),
    "rfftfreq": Operation(
        1,
        lambda xp, x: xp.fft.rfft(x) * xp.fft.rfftfreq(x.shape[-1], d=0.25, dtype=xp.float64),
        lambda rng, x: () if x.ndim else None,  # noqa: ARG005  # one signature
    ),
}
