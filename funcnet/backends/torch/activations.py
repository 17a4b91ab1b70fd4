"""PyTorch's own activation functions, where they are as exact as the reference implementations."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["kernels"]


def kernels(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name."""

    def probability(x: Any) -> Any:
        if x.dtype in (torch.float16, torch.bfloat16):
            return torch.special.ndtr(x.float()).to(x.dtype)
        return torch.special.ndtr(x)

    def gelu(x: Any) -> Any:
        # PyTorch's own has no digits left where x is very negative.
        return x * probability(x)

    def gelu_tanh(x: Any) -> Any:
        return torch.nn.functional.gelu(x, approximate="tanh")

    return {
        "gaussian_probability": probability,
        "gelu": gelu,
        "gelu_tanh": gelu_tanh,
        "silu": torch.nn.functional.silu,
    }
