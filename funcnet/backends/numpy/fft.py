"""NumPy's Fourier transforms, loaded when one is first asked for."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]


def _fft(x: np.ndarray, *, axes: tuple[int, ...], norm: Any, inverse: bool) -> np.ndarray:
    return (np.fft.ifftn if inverse else np.fft.fftn)(x, axes=axes, norm=norm)


def _rfft(x: np.ndarray, *, axis: int, norm: Any) -> np.ndarray:
    return np.fft.rfft(x, axis=axis, norm=norm)


def _irfft(x: np.ndarray, *, n: int, axis: int, norm: Any) -> np.ndarray:
    return np.fft.irfft(x, n=n, axis=axis, norm=norm)


KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType({"fft": _fft, "rfft": _rfft, "irfft": _irfft})
