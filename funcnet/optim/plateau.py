"""A learning rate that falls when the loss no longer does."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.building import Number, Step, build, missing
from funcnet.optim.clipping import times
from funcnet.optim.transform import Transform

__all__ = ["ReduceOnPlateauState", "reduce_on_plateau"]


class ReduceOnPlateauState(NamedTuple):
    """State of `reduce_on_plateau`: ``scale`` is the factor of the updates."""

    count: Any
    factor: Any
    patience: Any
    rtol: Any
    atol: Any
    cooldown: Any
    accumulation_size: Any
    min_scale: Any
    scale: Any
    best_value: Any
    plateau_count: Any
    cooldown_count: Any
    accumulated: Any
    average: Any


def reduce_on_plateau(
    factor: Any = 0.1,
    patience: Any = 10,
    *,
    rtol: Any = 1e-4,
    atol: Any = 0.0,
    cooldown: Any = 0,
    accumulation_size: Any = 1,
    min_scale: Any = 0.0,
) -> Transform:
    """Return the transform that makes updates smaller when the loss has not fallen for a while.

    A mean of losses is better if it is below ``(1 - rtol) * best - atol``.

    Parameters
    ----------
    factor : float or array of shape (), default 0.1
        By what the scale of the updates is multiplied, between 0 and 1.
    patience : int or array of shape (), default 10
        After how many means in a row that are not better.
    rtol, atol : float or array of shape ()
        How much better is better; not both 0.
    cooldown : int or array of shape (), default 0
        How many means after a reduction do not count.
    accumulation_size : int or array of shape (), default 1
        The number of losses in a mean.
    min_scale : float or array of shape (), default 0
        What the scale does not fall below.

    Returns
    -------
    Transform
        Its state is a `ReduceOnPlateauState`. Its ``update`` needs the loss as ``value=``.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range; by ``update``: if ``value`` is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, params = optim.chain(optim.sgd(1.0), optim.reduce_on_plateau(0.5, 2)), np.zeros(1)
    >>> state = opt.init(params)
    >>> for loss in (1.0, 1.0, 1.0):
    ...     updates, state = opt.update(np.ones(1), state, params, value=loss)
    >>> updates
    array([-0.5])
    """
    name = "reduce_on_plateau"
    numbers = {
        "factor": Number(factor, 0.0, 1.0),
        "patience": Number(patience, 1.0),
        "rtol": Number(rtol, 0.0, 1.0, closed_high=True),
        "atol": Number(atol),
        "cooldown": Number(cooldown),
        "accumulation size": Number(accumulation_size, 1.0),
        "min_scale": Number(min_scale),
    }
    for what, value in (("factor", factor), ("rtol and atol", rtol + atol)):
        if not hasattr(value, "shape") and value == 0:
            raise ParameterError(
                f"optim.{name} got a {what} that it cannot use.",
                found="0",
                needed="more than 0",
                write=f"optim.{name}(0.1, rtol=1e-4)",
            )

    def rule(step: Step) -> list[Any]:
        value = step.extras.get("value")
        if value is None:
            raise missing(name, "value", "the loss, an array of shape ()")
        factor, patience, rtol, atol, cooldown, size, least = step.numbers
        scale, best, waited, cooling, taken, average = step.totals
        dtype = scale.dtype
        value = cast(value, dtype) if hasattr(value, "shape") else leaves.float_of(value, scale, dtype)
        average = (value + average * taken) / (taken + 1)
        taken = taken + 1
        full = taken == size
        better = average < (1 - rtol) * best - atol
        waits = xp.where(better, 0.0, waited + 1)
        rests = cooling > 0
        reduce = full & xp.logical_not(rests) & (waits == patience)
        step.totals[:] = [
            xp.where(reduce, xp.maximum(scale * factor, least), scale),
            xp.where(full & better, average, best),
            xp.where(full, xp.where(rests | reduce, 0.0, waits), waited),
            xp.where(full, xp.where(rests, cooling - 1, xp.where(reduce, cooldown, 0.0)), cooling),
            xp.where(full, 0.0, taken),
            xp.where(full, 0.0, average),
        ]
        return step.each(times, step.totals[0])

    totals = {
        "scale": 1.0,
        "best_value": float("inf"),
        "plateau_count": 0.0,
        "cooldown_count": 0.0,
        "accumulated": 0.0,
        "average": 0.0,
    }
    return build(name, ReduceOnPlateauState, rule, numbers=numbers, totals=totals, extras=("value",))
