"""What losses have in common: how the values of the examples become one."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.core.arguments import check_array
from funcnet.errors import DtypeError, ParameterError, ShapeError

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


def reduced(values: Any, reduction: str, weights: Any = None, name: str = "loss") -> Any:
    """Return the mean or the sum of all elements, or the elements, each times its weight; the mean is the weighted one.

    Where a weight is 0 an infinite or undefined value does not count.
    """
    if weights is not None:
        weights = _fitting(name, weights, values)
        lost = xp.logical_and(weights == 0, xp.logical_not(xp.isfinite(values)))
        weighted = xp.multiply(weights, xp.where(lost, 0.0, values))
        if reduction == "mean":
            # A weight that serves several elements counts for each of them.
            return xp.sum(weighted) / xp.sum(xp.broadcast_to(weights, values.shape))
        values = weighted
    elif reduction == "mean":
        return xp.mean(values)
    return xp.sum(values) if reduction == "sum" else values


def _fitting(name: str, weights: Any, values: Any) -> Any:
    check_array(f"losses.{name}", weights, "weights")
    shape, needed = tuple(weights.shape), tuple(values.shape)
    if len(shape) != len(needed) or any(w not in (1, n) for w, n in zip(shape, needed, strict=True)):
        raise ShapeError(
            f"losses.{name} got weights that do not fit what they weigh.",
            found=f"weights {shape} for losses {needed}",
            needed=f"the shape {needed}, in which any size may be 1",
            write="xp.expand_dims(weights, axis=-1) for one weight per row",
        )
    return weights if weights.dtype == values.dtype else xp.astype(weights, values.dtype)


def check_same_shape(name: str, prediction: Any, target: Any, what: str) -> None:
    """Raise `ShapeError` unless both have one shape: broadcasting would pair every prediction with every target."""
    for array in (prediction, target):
        if not hasattr(array, "shape") and (array is prediction or not isinstance(array, (int, float))):
            raise DtypeError(
                f"losses.{name} takes arrays.",
                found=f"{type(array).__name__} among {what}",
                needed="arrays of the same shape",
                write="xp.asarray(x)",
            )
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
