"""PyTorch's kernels for indexing: taking elements by a key, and adding or putting them back.

Slices run backwards in none of PyTorch's own indexing, an index out of range ends a program on a GPU, and it is open
which of repeated assignments stays: so keys are worked out first, and indices are looked at before they are used.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from funcnet.backends.advanced import Selection
from funcnet.backends.keys import layout

__all__ = ["kernels"]

Key = tuple[Any, ...]


def kernels(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name."""
    return {
        "gather": _by_bits(torch, _gather),
        "getitem": _by_bits(torch, _getitem),
        "index_add": _by_bits(torch, _index_add),
        "index_add_into": _by_bits(torch, _index_add_into),
        "index_set": _by_bits(torch, _index_set),
    }


def _by_bits(torch: ModuleType, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the kernel, with unsigned integers passed as the signed ones of the same bits.

    PyTorch has those data types, but hardly any functions on them. Moves and sums come out alike.
    """
    signed = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}

    def kernel(x: Any, *arrays: Any, **params: Any) -> Any:
        dtype = signed.get(x.dtype)
        if dtype is None:
            return function(torch, x, *arrays, **params)
        if function in _UPDATES:
            # PyTorch makes no unsigned integer of NumPy's scalars, which are what an index of NumPy's arrays may give.
            given = arrays[0].item() if isinstance(arrays[0], np.generic) else arrays[0]
            values = torch.as_tensor(given, dtype=x.dtype, device=x.device)
            arrays = (values.view(dtype), *arrays[1:])
        viewed = x.view(dtype)
        result = function(torch, viewed, *arrays, **params)
        return x if result is viewed else result.view(x.dtype)

    return kernel


def _getitem(torch: ModuleType, x: Any, *, key: Key) -> Any:
    plan = layout(tuple(x.shape), key)
    y = x[plan.basic]
    return torch.flip(y, plan.flipped) if plan.flipped else y


def _gather(torch: ModuleType, x: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001  # for the transpose
    indices = _signed(torch, indices)
    selection = Selection(torch, x, indices, key)
    return selection.placed(selection.view(x)[indices])


def _index_add(torch: ModuleType, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:
    return _index_add_into(torch, x.clone(), v, *indices, key=key, unique=unique)


def _index_add_into(torch: ModuleType, out: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001
    target, indices, values = _prepared(torch, out, v, indices, key)
    if indices:
        target.index_put_(indices, values, accumulate=True)
    else:
        target += values
    return out


def _index_set(torch: ModuleType, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:
    out = x.clone()
    target, indices, values = _prepared(torch, out, v, indices, key)
    if not indices:
        target.copy_(values)
    elif unique or not values.numel():
        target.index_put_(indices, values)
    else:
        # Each place keeps the largest number among the values that go to it, counted from 1: that of the last one.
        places = torch.arange(target.numel(), device=out.device).reshape(target.shape)[indices].reshape(-1)
        turn = torch.arange(1, values.numel() + 1, device=out.device)
        last = torch.zeros(target.numel(), dtype=torch.int64, device=out.device)
        last = last.scatter_reduce(0, places, turn, "amax").reshape(target.shape)
        target.copy_(torch.where(last > 0, values.reshape(-1)[last.clamp(min=1) - 1], target))
    return out


def _prepared(
    torch: ModuleType, out: Any, v: Any, indices: tuple[Any, ...], key: Key
) -> tuple[Any, tuple[Any, ...], Any]:
    """Return a view of `out`, the index arrays that address its first dimensions, and the values that go there."""
    values = torch.as_tensor(v, dtype=out.dtype, device=out.device)
    if indices:
        indices = _signed(torch, indices)
        selection = Selection(torch, out, indices, key)
        return selection.view(out), indices, selection.unplaced(values.broadcast_to(selection.plan.shape))
    plan = layout(tuple(out.shape), key)
    values = values.broadcast_to(plan.shape)
    return out[plan.basic], (), torch.flip(values, plan.flipped) if plan.flipped else values


def _signed(torch: ModuleType, indices: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([index.to(torch.int64) for index in indices])


# Those whose second argument is of the same data type as the first.
_UPDATES = frozenset({_index_add, _index_add_into, _index_set})
