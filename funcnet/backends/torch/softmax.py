"""PyTorch's own softmax family, with this library's values where everything is masked or an entry is infinite."""

from collections.abc import Callable
from functools import partial
from math import inf, prod
from types import ModuleType
from typing import Any

__all__ = ["kernels"]


def kernels(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name."""
    return {
        "softmax": partial(_normalised, torch, torch.softmax, 0.0),
        "log_softmax": partial(_normalised, torch, torch.log_softmax, -inf),
        "logsumexp": partial(_logsumexp, torch),
    }


def _logsumexp(torch: ModuleType, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    # To PyTorch, no axes are all of them.
    return torch.logsumexp(x, axis, keepdim=keepdims) if axis else x.clone()


def _normalised(
    torch: ModuleType, function: Callable[..., Any], masked: float, x: Any, *, axis: tuple[int, ...]
) -> Any:
    if len(axis) != 1:
        # One axis of all those elements, at the end.
        order = [*(i for i in range(x.ndim) if i not in axis), *axis]
        moved = x.permute(order)
        lead = len(order) - len(axis)
        flat = moved.reshape(*moved.shape[:lead], prod(moved.shape[lead:]))
        y = _normalised(torch, function, masked, flat, axis=(lead,))
        return y.reshape(moved.shape).permute([order.index(i) for i in range(x.ndim)])
    dim = axis[0]
    if x.device.type == "cpu":
        y = function(x, dim)
        # PyTorch gives NaN where a maximum is infinite. On an accelerator this look at the values would be a wait.
        if not y.sum().isnan():
            return y
    if not x.shape[dim]:
        return x.clone()
    peak = torch.amax(x, dim, keepdim=True)
    x = torch.where(peak == inf, torch.where(x == inf, 0.0, -inf).to(x.dtype), x)
    return function(x, dim).masked_fill(peak == -inf, masked)
