"""PyTorch's own activations, each one pass over the elements where the reference implementation takes several."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["kernels"]


def kernels(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name."""
    # Not its softplus, which is linear from 20 on.
    return {"relu": torch.relu, "sigmoid": torch.sigmoid}
