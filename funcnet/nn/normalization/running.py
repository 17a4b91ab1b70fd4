"""Statistics in the state of a layer, which follow those of the batches in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.core import owner
from funcnet.errors import ParameterError
from funcnet.nn.initializers import zeros
from funcnet.transforms.stop import stop_gradient

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_decay", "first_statistics", "followed", "statistic_shapes"]


def check_decay(kind: str, decay: Any) -> None:
    """Raise `ParameterError` unless `decay` is what part of old statistics stays."""
    if decay is not None and (isinstance(decay, bool) or not isinstance(decay, (int, float)) or not 0 <= decay <= 1):
        raise ParameterError(
            f"nn.{kind} takes the part of the old statistics that stays.",
            found=f"decay={decay!r}",
            needed="a number from 0 to 1, or None for the average over all steps",
            write=f"nn.{kind}(decay=0.9)",
        )


def statistic_shapes(channels: tuple[int, ...], decay: float | None) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the entries of the state."""
    shapes: dict[str, tuple[int, ...]] = {"mean": channels, "var": channels}
    return shapes if decay is not None else {"count": (), **shapes}


def first_statistics(key: Any, channels: tuple[int, ...], decay: float | None, dtype: Any) -> dict[str, Any]:
    """Return the state before the first step of training, beside the key."""
    # A running average in half precision would stand still.
    wide = _at_least_single(zeros(key, (), dtype))
    state = {"mean": xp.zeros(channels, dtype=wide), "var": xp.ones(channels, dtype=wide)}
    if decay is None:
        state["count"] = xp.zeros((), dtype=wide)
    return state


def followed(state: Mapping[str, Any], new: Mapping[str, Any], decay: float | None) -> dict[str, Any]:
    """Return the state after a step whose statistics are `new`, without a derivative."""
    after = {}
    if decay is None:
        after["count"] = state["count"] + 1.0
        weight = 1.0 / after["count"]
    else:
        weight = 1.0 - decay
    for entry, value in new.items():
        old = state[entry]
        after[entry] = old + weight * (xp.astype(stop_gradient(value), old.dtype) - old)
    return {entry: after[entry] for entry in state}


def _at_least_single(x: Any) -> Any:
    backend = owner(x)
    return backend.dtype("float32") if backend.dtype_name(x.dtype) in ("float16", "bfloat16") else x.dtype
