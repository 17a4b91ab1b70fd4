"""Schedules that fall with the root of the step."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.optim.schedules.common import Schedule, as_step, check_count, check_value, number

__all__ = ["inverse_sqrt", "noam"]


def inverse_sqrt(peak_value: Any, warmup_steps: Any, *, init_value: Any = 0.0) -> Schedule:
    r"""Return the schedule that rises on a line and falls with the root of the step.

    :math:`a + (p - a) t / W` up to step W, then :math:`p \sqrt{W / t}`.

    Parameters
    ----------
    peak_value : float or array of shape ()
        The rate p at step W.
    warmup_steps : int or array of shape ()
        W, at least 1.
    init_value : float or array of shape (), default 0
        The rate a at step 0.

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
    >>> optim.schedules.inverse_sqrt(1.0, 4)(np.array([0, 2, 4, 16]))
    array([0. , 0.5, 1. , 0.5])
    """
    check_value("inverse_sqrt", "peak value", peak_value)
    check_value("inverse_sqrt", "first rate", init_value)
    check_count("inverse_sqrt", "number of warm-up steps", warmup_steps)

    def schedule(step: Any) -> Any:
        t, w, p, a = as_step(step), number(warmup_steps), number(peak_value), number(init_value)
        rise = t / w * (p - a) + a
        return xp.where(t < w, rise, xp.sqrt(w / xp.maximum(t, w)) * p)

    return schedule


def noam(scale: Any, model_size: Any, warmup_steps: Any) -> Schedule:
    r"""Return the schedule of the first transformer.

    :math:`s d^{-1/2} \min(n^{-1/2}, n W^{-3/2})` with n = 1 at the first step.

    Parameters
    ----------
    scale : float or array of shape ()
        The factor s.
    model_size : int
        The width d of the model.
    warmup_steps : int or array of shape ()
        W, at least 1.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If a number is out of range.

    References
    ----------
    .. [1] A. Vaswani et al., "Attention is all you need", NeurIPS 2017, arXiv:1706.03762.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.schedules.noam(1.0, 16, 4)(np.array([0, 1, 3, 15]))
    array([0.03125, 0.0625 , 0.125  , 0.0625 ])
    """
    check_value("noam", "scale", scale)
    check_count("noam", "model size", model_size)
    check_count("noam", "number of warm-up steps", warmup_steps)

    def schedule(step: Any) -> Any:
        n = as_step(step) + 1
        w = number(warmup_steps)
        return xp.minimum(1 / xp.sqrt(n), n * w**-1.5) * number(model_size) ** -0.5 * number(scale)

    return schedule
