"""PyTorch's kernels of pooling."""

from collections.abc import Callable
from functools import partial
from math import inf, prod
from types import ModuleType
from typing import Any

__all__ = ["kernels"]

Ints = tuple[int, ...]


def kernels(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name."""
    return {"max_pool": partial(_max_pool, torch), "sum_pool": partial(_sum_pool, torch)}


def _after(n: int, w: int, s: int, d: int, low: int, size: int) -> int:
    """Return the number of places after the last element over which windows extend; negative if they stop before it."""
    return (size - 1) * s + (w - 1) * d + 1 - n - low


def _max_pool(
    torch: ModuleType, x: Any, *, axes: Ints, window: Ints, strides: Ints, dilation: Ints, low: Ints, sizes: Ints
) -> Any:
    others = [i for i in range(x.ndim) if i not in axes]
    order = (*others, *axes)
    lead = [x.shape[i] for i in others]
    back = sorted(range(x.ndim), key=order.__getitem__)
    if not x.numel():
        return x.new_empty((*lead, *sizes)).permute(back)
    spatial = [x.shape[a] for a in axes]
    z = x.permute(order)
    if len(lead) != 2:
        z = z.reshape(1, prod(lead), *spatial)
    # The last axis first, as `pad` takes them.
    pads: list[int] = []
    for n, w, s, d, before, size in reversed(list(zip(spatial, window, strides, dilation, low, sizes, strict=True))):
        pads += [before, _after(n, w, s, d, before, size)]
    f = torch.nn.functional
    z = f.pad(z, pads, value=-inf) if any(pads) else z
    y = getattr(f, f"max_pool{len(axes)}d")(z, window, strides, 0, dilation)
    return y.reshape(*lead, *sizes).permute(back)


def _sum_pool(
    torch: ModuleType, x: Any, *, axes: Ints, window: Ints, strides: Ints, dilation: Ints, low: Ints, sizes: Ints
) -> Any:
    for axis, w, s, d, before, size in zip(axes, window, strides, dilation, low, sizes, strict=True):
        after = _after(x.shape[axis], w, s, d, before, size)
        if before or after:
            x = torch.nn.functional.pad(x, [0, 0] * (x.ndim - axis - 1) + [before, after])
        x = x.unfold(axis, (w - 1) * d + 1, s)[..., ::d].sum(-1)
    return x
