"""Schedules from pieces."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.optim.schedules.common import Schedule, as_step, check_count, check_value, number

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["piecewise_constant", "piecewise_interpolate"]


def piecewise_constant(init_value: Any, boundaries_and_scales: Mapping[int, Any]) -> Schedule:
    """Return the schedule that is multiplied by a factor of its own at each of some steps.

    Parameters
    ----------
    init_value : float or array of shape ()
        The rate at first.
    boundaries_and_scales : dict of int to float or array of shape ()
        From which step on, and by what the rate before is multiplied.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If a number is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.schedules.piecewise_constant(1.0, {2: 0.5, 4: 0.1})(np.arange(6))
    array([1.  , 1.  , 0.5 , 0.5 , 0.05, 0.05])
    """
    pieces = _pieces("piecewise_constant", init_value, boundaries_and_scales)

    def schedule(step: Any) -> Any:
        t = as_step(step)
        value = xp.zeros_like(t) + number(init_value)
        for boundary, scale in pieces:
            value = xp.where(t < boundary, value, value * number(scale))
        return value

    return schedule


def piecewise_interpolate(kind: str, init_value: Any, boundaries_and_scales: Mapping[int, Any]) -> Schedule:
    """Return the schedule that goes from each of some rates to the next one.

    Parameters
    ----------
    kind : str
        ``"linear"`` or ``"cosine"``: along what curve.
    init_value : float or array of shape ()
        The rate at step 0.
    boundaries_and_scales : dict of int to float or array of shape ()
        At which step the next rate is reached, and how many times the one before it is.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If a number is out of range, or the curve unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.schedules.piecewise_interpolate("linear", 1.0, {2: 3.0, 4: 0.0})(np.arange(6))
    array([1. , 2. , 3. , 1.5, 0. , 0. ])
    """
    if kind not in ("linear", "cosine"):
        raise ParameterError(
            "optim.schedules.piecewise_interpolate does not know this curve.",
            found=repr(kind),
            needed='"linear" or "cosine"',
            write='optim.schedules.piecewise_interpolate("linear", 1.0, {100: 0.1})',
        )
    pieces = _pieces("piecewise_interpolate", init_value, boundaries_and_scales)

    def schedule(step: Any) -> Any:
        t = as_step(step)
        before: Any = 0
        last = number(init_value)
        value = xp.zeros_like(t) + last
        for boundary, scale in pieces:
            part = (t - before) / max(boundary - before, 1)
            rate = last * number(scale)
            if kind == "cosine":
                part = 0.5 * (1 - xp.cos(pi * part))
            value = xp.where(t < before, value, part * (rate - last) + last)
            value = xp.where(t < boundary, value, rate)
            before, last = boundary, rate
        return value

    return schedule


def _pieces(name: str, init_value: Any, boundaries_and_scales: Mapping[int, Any]) -> list[tuple[int, Any]]:
    check_value(name, "first rate", init_value)
    for boundary, scale in boundaries_and_scales.items():
        check_count(name, "boundary", boundary, 0)
        check_value(name, "scale", scale, 0.0)
    return sorted(boundaries_and_scales.items(), key=lambda piece: piece[0])
