"""Draws of random numbers on the CPU by NumPy's kernels, whose results PyTorch takes over without a copy.

PyTorch has no sums and shifts of unsigned integers, so that its own operations take several times as long.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from funcnet.backends.kernels import Kernel, KernelTable
from funcnet.backends.numpy import bfloat16, draws, threefry

__all__ = ["kernels"]


def kernels(torch: ModuleType, backend: Any) -> dict[str, KernelTable]:
    """Return the kernels by primitive name; other devices than the CPU are left to the reference."""
    return {
        name: KernelTable(name, backend, [Kernel(_shared(torch, backend, kernel), device_kinds=frozenset({"cpu"}))])
        for part in (threefry, draws)
        for name, kernel in part.KERNELS.items()
    }


def _shared(torch: ModuleType, backend: Any, kernel: Callable[..., Any]) -> Callable[..., Any]:
    def draw(key: Any, *numbers: Any, **params: Any) -> Any:
        if params.get("dtype") == "bfloat16":
            # NumPy has it from another package only, and PyTorch takes over its bits.
            bfloat16()
            return backend.from_numpy(kernel(key.numpy(), *numbers, **params))
        return torch.from_numpy(kernel(key.numpy(), *numbers, **params))

    return draw
