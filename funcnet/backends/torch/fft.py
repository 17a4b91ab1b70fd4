"""PyTorch's Fourier transforms, also of tensors without elements, which some of its libraries refuse."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

__all__ = ["kernels"]


def kernels(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name."""
    return {
        "fft": partial(_fft, torch),
        "rfft": partial(_rfft, torch),
        "irfft": partial(_irfft, torch),
    }


def _fft(torch: ModuleType, x: Any, *, axes: tuple[int, ...], norm: str, inverse: bool) -> Any:
    if not x.numel():
        return x.clone()
    return (torch.fft.ifftn if inverse else torch.fft.fftn)(x, dim=axes, norm=norm)


def _rfft(torch: ModuleType, x: Any, *, axis: int, norm: str) -> Any:
    if not x.numel():
        shape = (*x.shape[:axis], x.shape[axis] // 2 + 1, *x.shape[axis + 1 :])
        return x.new_empty(shape, dtype=torch.complex64 if x.dtype == torch.float32 else torch.complex128)
    return torch.fft.rfft(x, dim=axis, norm=norm)


def _irfft(torch: ModuleType, x: Any, *, n: int, axis: int, norm: str) -> Any:
    if not x.numel():
        return x.real.new_empty((*x.shape[:axis], n, *x.shape[axis + 1 :]))
    return torch.fft.irfft(x, n=n, dim=axis, norm=norm)
