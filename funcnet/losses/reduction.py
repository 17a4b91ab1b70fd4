"""What losses have in common: how the values of the examples become one."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.errors import ParameterError, ShapeError

__all__ = ["check_reduction", "check_same_shape", "reduced"]


def check_reduction(name: str, reduction: str) -> None:
    """Raise `ParameterError` unless `reduction` is one of the three."""
    if reduction not in ("mean", "sum", "none"):
        raise ParameterError(
            f"losses.{name} got an unknown reduction.",
            found=repr(reduction),
            needed="'mean', 'sum' or 'none'",
            write=f'losses.{name}(..., reduction="mean")',
        )


def reduced(values: Any, reduction: str) -> Any:
    """Return the mean or the sum of all elements, or the elements."""
    if reduction == "mean":
        return xp.mean(values)
    return xp.sum(values) if reduction == "sum" else values


def check_same_shape(name: str, prediction: Any, target: Any, what: str) -> None:
    """Raise `ShapeError` unless both have one shape: broadcasting would pair every prediction with every target."""
    found: tuple[int, ...] = tuple(getattr(target, "shape", ()))
    needed: tuple[int, ...] = tuple(prediction.shape)
    if found == needed:
        return
    write = ""
    if found == (*needed, 1):
        write = "xp.squeeze(target, axis=-1)"
    elif needed == (*found, 1):
        write = "xp.expand_dims(target, axis=-1)"
    raise ShapeError(
        f"losses.{name} got {what} of different shapes.",
        found=f"{needed} and {found}",
        needed="one shape; losses do not broadcast",
        write=write or "xp.broadcast_to(target, prediction.shape) if that is meant",
    )
