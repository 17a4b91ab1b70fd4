"""Schedules that go one way: constant, polynomial, exponential, cosine, in steps."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.optim.schedules.common import Schedule, as_step, check_count, check_value, number

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "constant",
    "cosine",
    "cosine_to",
    "exponential",
    "linear",
    "multi_step",
    "polynomial",
    "step",
]


def constant(value: Any) -> Schedule:
    """Return the schedule that is the same at every step.

    Parameters
    ----------
    value : float or array of shape ()
        The rate.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Examples
    --------
    >>> from funcnet import optim
    >>> float(optim.schedules.constant(0.1)(7))
    0.1
    """
    check_value("constant", "value", value)

    def schedule(step: Any) -> Any:
        return xp.zeros_like(as_step(step)) + number(value)

    return schedule


def polynomial(
    init_value: Any, end_value: Any, power: Any, transition_steps: Any, *, transition_begin: Any = 0
) -> Schedule:
    r"""Return a schedule along a power of the progress.

    :math:`(a - b) (1 - t / T)^p + b` with t counted from `transition_begin` and held in 0 to T.

    Parameters
    ----------
    init_value, end_value : float or array of shape ()
        The rates a and b before and after.
    power : float or array of shape ()
        The exponent p, not negative.
    transition_steps : int or array of shape ()
        The number T of steps between, at least 1.
    transition_begin : int, default 0
        The step up to which the rate is `init_value`.

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
    >>> optim.schedules.polynomial(1.0, 0.0, 2, 4)(np.arange(6))
    array([1.    , 0.5625, 0.25  , 0.0625, 0.    , 0.    ])
    """
    check_value("polynomial", "power", power, 0.0)
    return _polynomial("polynomial", init_value, end_value, power, transition_steps, transition_begin)


def linear(init_value: Any, end_value: Any, transition_steps: Any, *, transition_begin: Any = 0) -> Schedule:
    """Return the schedule that goes from one rate to another on a line.

    Parameters
    ----------
    init_value, end_value, transition_steps, transition_begin
        As for `polynomial`.

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
    >>> optim.schedules.linear(1.0, 0.0, 4, transition_begin=1)(np.arange(6))
    array([1.  , 1.  , 0.75, 0.5 , 0.25, 0.  ])
    """
    return _polynomial("linear", init_value, end_value, 1, transition_steps, transition_begin)


def _polynomial(name: str, start: Any, end: Any, power: Any, steps: Any, begin: Any) -> Schedule:
    check_value(name, "first rate", start)
    check_value(name, "last rate", end)
    check_count(name, "number of steps", steps)
    check_count(name, "first step", begin, 0)

    def schedule(step: Any) -> Any:
        a, b, total = number(start), number(end), number(steps)
        t = xp.minimum(xp.maximum(as_step(step) - number(begin), 0.0), total)
        left = 1 - t / total
        if hasattr(power, "shape") or power != 1:
            left = left ** number(power)
        return left * (a - b) + b

    return schedule


def exponential(
    init_value: Any,
    transition_steps: Any,
    decay_rate: Any,
    *,
    transition_begin: Any = 0,
    staircase: bool = False,
    end_value: Any = None,
) -> Schedule:
    r"""Return the schedule :math:`a r^{t / T}`, with t counted from `transition_begin`.

    Parameters
    ----------
    init_value : float or array of shape ()
        The rate a before.
    transition_steps : int or array of shape ()
        T, in which the rate is multiplied by `decay_rate` once.
    decay_rate : float or array of shape ()
        The factor r, above 0.
    transition_begin : int, default 0
        The step up to which the rate is `init_value`.
    staircase : bool, default False
        Whether the exponent is rounded down, so that the rate changes every T steps only.
    end_value : float or array of shape (), optional
        What the rate never passes: a floor where `decay_rate` is below 1, else a ceiling.

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
    >>> optim.schedules.exponential(1.0, 2, 0.25, end_value=0.1)(np.arange(5))
    array([1.   , 0.5  , 0.25 , 0.125, 0.1  ])
    """
    check_value("exponential", "first rate", init_value)
    check_count("exponential", "number of steps", transition_steps)
    check_count("exponential", "first step", transition_begin, 0)
    check_value("exponential", "decay rate", decay_rate, 0.0, open_low=True)
    if end_value is not None:
        check_value("exponential", "last rate", end_value)

    def schedule(step: Any) -> Any:
        t = xp.maximum(as_step(step) - number(transition_begin), 0.0) / number(transition_steps)
        if staircase:
            t = xp.floor(t)
        rate = number(decay_rate)
        value = rate**t * number(init_value)
        if end_value is None:
            return value
        end = number(end_value)
        if hasattr(rate, "shape"):
            return xp.where(rate < 1, xp.maximum(value, end), xp.minimum(value, end))
        return xp.maximum(value, end) if rate < 1 else xp.minimum(value, end)

    return schedule


def cosine(init_value: Any, decay_steps: Any, *, alpha: Any = 0.0, exponent: Any = 1.0) -> Schedule:
    r"""Return the schedule that falls along half a wave of the cosine.

    :math:`a ((1 - \alpha) c^p + \alpha)` with :math:`c = (1 + \cos(\pi t / T)) / 2`, and t held at T.

    Parameters
    ----------
    init_value : float or array of shape ()
        The rate a at first.
    decay_steps : int or array of shape ()
        T, at least 1.
    alpha : float or array of shape (), default 0
        The last rate, as a part of the first one.
    exponent : float or array of shape (), default 1
        The exponent p.

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
    .. [1] I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
       arXiv:1608.03983.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.schedules.cosine(1.0, 4, alpha=0.1)(np.array([0, 2, 4, 6]))
    array([1.  , 0.55, 0.1 , 0.1 ])
    """
    check_value("cosine", "first rate", init_value)
    check_value("cosine", "alpha", alpha)
    check_value("cosine", "power", exponent, 0.0)
    return cosine_to("cosine", init_value, init_value * alpha, decay_steps, exponent)


def cosine_to(name: str, start: Any, end: Any, steps: Any, exponent: Any) -> Schedule:
    """Return the cosine from one rate to another, for the schedule `name`."""
    check_count(name, "number of steps", steps)

    def schedule(step: Any) -> Any:
        total = number(steps)
        t = xp.minimum(as_step(step), total)
        part = 0.5 * (1 + xp.cos(pi * t / total))
        if hasattr(exponent, "shape") or exponent != 1:
            part = part ** number(exponent)
        last = number(end)
        return part * (number(start) - last) + last

    return schedule


def step(init_value: Any, step_size: Any, gamma: Any = 0.1) -> Schedule:
    r"""Return the schedule :math:`a \gamma^{\lfloor t / T \rfloor}`.

    Parameters
    ----------
    init_value : float or array of shape ()
        The rate a at first.
    step_size : int or array of shape ()
        The number T of steps between changes, at least 1.
    gamma : float or array of shape (), default 0.1
        The factor.

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
    >>> optim.schedules.step(1.0, 2, 0.5)(np.arange(5))
    array([1.  , 1.  , 0.5 , 0.5 , 0.25])
    """
    check_value("step", "first rate", init_value)
    check_count("step", "step size", step_size)
    check_value("step", "gamma", gamma, 0.0)

    def schedule(step: Any) -> Any:
        return number(gamma) ** xp.floor(as_step(step) / number(step_size)) * number(init_value)

    return schedule


def multi_step(init_value: Any, milestones: Sequence[Any], gamma: Any = 0.1) -> Schedule:
    """Return the schedule that is multiplied by a factor at each of some steps.

    Parameters
    ----------
    init_value : float or array of shape ()
        The rate at first.
    milestones : sequence of int
        The steps from which the rate is a further `gamma` times what it was. A step that is given twice counts twice.
    gamma : float or array of shape (), default 0.1
        The factor.

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
    >>> optim.schedules.multi_step(1.0, [1, 3], 0.5)(np.arange(5))
    array([1.  , 0.5 , 0.5 , 0.25, 0.25])
    """
    check_value("multi_step", "first rate", init_value)
    check_value("multi_step", "gamma", gamma, 0.0)
    for m in milestones:
        check_count("multi_step", "milestone", m, 0)

    def schedule(step: Any) -> Any:
        t = as_step(step)
        value = xp.zeros_like(t) + number(init_value)
        for m in milestones:
            value = xp.where(t < number(m), value, value * number(gamma))
        return value

    return schedule
