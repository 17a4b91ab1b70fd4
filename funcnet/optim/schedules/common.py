"""What schedules have in common: the step as an array, and checks of their arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import backends
from funcnet.core import Tracer, constant, owner, raw
from funcnet.core.dtypes import kind
from funcnet.errors import ParameterError
from funcnet.ops import cast
from funcnet.optim.leaves import check_number

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Schedule", "as_step", "check_count", "check_schedule", "check_value", "number"]

if TYPE_CHECKING:
    #: From the number of updates made before to a rate.
    Schedule = Callable[[Any], Any]
else:
    Schedule = object


def as_step(step: Any) -> Any:
    """Return the number of a step, or an array of them, in floating point: float64 where the device has it."""
    if hasattr(step, "shape"):
        if step.__class__ is not Tracer:
            step = constant(step)
        if kind(step.dtype) == "f":
            return step
        backend = owner(step)
        device = backend.device_of(raw(step))
    else:
        context = backends.current()
        backend, device = context.backend, context.device
    name = "float64" if "float64" in backend.dtypes(device) else "float32"
    dtype = backend.dtype(name)
    if hasattr(step, "shape"):
        return cast(step, dtype)
    return constant(backend.asarray(step, dtype=dtype, device=device))


def number(value: Any) -> Any:
    """Return a hyperparameter so that it may meet traced steps."""
    return constant(value) if hasattr(value, "shape") and value.__class__ is not Tracer else value


def check_value(
    name: str, what: str, value: Any, low: float = float("-inf"), high: float = float("inf"), *, open_low: bool = False
) -> Any:
    """Return a hyperparameter that is an array or a number from `low` to below `high`; else raise `ParameterError`."""
    check_number(f"schedules.{name}", what, value, low, high, open_low=open_low)
    return value


def check_count(name: str, what: str, value: Any, least: int = 1) -> Any:
    """Return a number of steps that is an array or at least `least`; else raise `ParameterError`."""
    check_number(f"schedules.{name}", what, value, least, float("inf"))
    return value


def check_schedule(name: str, schedule: Any) -> Any:
    """Return a schedule; raise `ParameterError` if it is none."""
    if callable(schedule):
        return schedule
    raise ParameterError(
        f"optim.schedules.{name} takes schedules.",
        found=f"{type(schedule).__name__}: {schedule!r}",
        needed="a function from a step to a rate",
        write="optim.schedules.constant(1e-3)",
    )
