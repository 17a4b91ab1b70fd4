"""Schedules that rise and fall: one cycle, cycles, warm restarts."""

from __future__ import annotations

from math import pi
from typing import Any

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.optim.schedules.common import Schedule, as_step, check_count, check_value, number
from funcnet.optim.schedules.pieces import piecewise_interpolate

__all__ = ["cosine_onecycle", "cyclic", "linear_onecycle", "one_cycle", "warm_restarts"]

_MODES = ("triangular", "triangular2", "exp_range")


def cosine_onecycle(
    transition_steps: int,
    peak_value: Any,
    *,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Return the one-cycle schedule along cosines, with its boundaries where Optax has them.

    Parameters
    ----------
    transition_steps : int
        The number of all steps.
    peak_value : float or array of shape ()
        The highest rate.
    pct_start : float, default 0.3
        The share of the steps that rise.
    div_factor : float, default 25
        The first rate is the peak divided by this.
    final_div_factor : float, default 1e4
        The last rate is the first one divided by this, twice by `div_factor`: the peak's
        ``1 / (div_factor * final_div_factor)``.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If a number is out of range.

    See Also
    --------
    one_cycle : with boundaries where PyTorch has them.

    References
    ----------
    .. [1] L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large learning
       rates", 2017, arXiv:1708.07120.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.schedules.cosine_onecycle(10, 1.0, div_factor=2.0)(np.array([0, 3, 10]))
    array([5.e-01, 1.e+00, 5.e-05])
    """
    _check_cycle("cosine_onecycle", transition_steps, peak_value, pct_start, div_factor, final_div_factor)
    return piecewise_interpolate(
        "cosine",
        peak_value / div_factor,
        {int(pct_start * transition_steps): div_factor, int(transition_steps): 1.0 / (div_factor * final_div_factor)},
    )


def linear_onecycle(
    transition_steps: int,
    peak_value: Any,
    *,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Return the one-cycle schedule along lines: up, down as far, and further down.

    Parameters
    ----------
    transition_steps, peak_value, pct_start, div_factor
        As for `cosine_onecycle`.
    pct_final : float, default 0.85
        The share of the steps after which the rate is back at the first one.
    final_div_factor : float, default 1e4
        The last rate is the first one divided by this.

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
    .. [1] L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large learning
       rates", 2017, arXiv:1708.07120.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.schedules.linear_onecycle(20, 1.0, div_factor=2.0)(np.array([0, 3, 6, 17]))
    array([0.5 , 0.75, 1.  , 0.5 ])
    """
    _check_cycle("linear_onecycle", transition_steps, peak_value, pct_start, div_factor, final_div_factor)
    check_value("linear_onecycle", "pct_final", pct_final, pct_start, 1.0)
    return piecewise_interpolate(
        "linear",
        peak_value / div_factor,
        {
            int(pct_start * transition_steps): div_factor,
            int(pct_final * transition_steps): 1.0 / div_factor,
            int(transition_steps): 1.0 / final_div_factor,
        },
    )


def one_cycle(
    peak_value: Any,
    total_steps: int,
    *,
    pct_start: float = 0.3,
    anneal: str = "cosine",
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> Schedule:
    """Return the one-cycle schedule with its boundaries where PyTorch has them.

    Parameters
    ----------
    peak_value : float or array of shape ()
        The highest rate, reached at step ``pct_start * total_steps - 1``.
    total_steps : int
        The number of all steps, so that the last one is ``total_steps - 1``.
    pct_start : float, default 0.3
        The share of the steps that rise.
    anneal : str, default "cosine"
        ``"cosine"`` or ``"linear"``.
    div_factor : float, default 25
        The first rate is the peak divided by this.
    final_div_factor : float, default 1e4
        The last rate is the first one divided by this.
    three_phase : bool, default False
        Whether the rate falls to the first one in as many steps as it rose, and only then to the last one; the share
        of the steps that rise is at most a half then.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If a number is out of range, or the curve unknown.

    References
    ----------
    .. [1] L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large learning
       rates", 2017, arXiv:1708.07120.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.schedules.one_cycle(1.0, 11, pct_start=0.5454545454545454, div_factor=2.0)(np.array([0, 5, 10]))
    array([5.e-01, 1.e+00, 5.e-05])
    """
    if anneal not in ("linear", "cosine"):
        raise ParameterError(
            "optim.schedules.one_cycle does not know this curve.",
            found=repr(anneal),
            needed='"linear" or "cosine"',
            write='optim.schedules.one_cycle(0.1, 1000, anneal="cosine")',
        )
    _check_cycle("one_cycle", total_steps, peak_value, pct_start, div_factor, final_div_factor)
    top = pct_start * total_steps - 1
    if top <= 0:
        raise ParameterError(
            "optim.schedules.one_cycle has no step in which the rate can rise.",
            found=f"pct_start={pct_start!r} of {total_steps} steps",
            needed="more than one step",
            write="optim.schedules.one_cycle(peak_value, total_steps, pct_start=...) with a larger share or more steps",
        )
    if three_phase and 2 * top > total_steps - 1:
        raise ParameterError(
            "optim.schedules.one_cycle has no steps left after the rate has risen and fallen.",
            found=f"pct_start={pct_start!r} and three_phase=True",
            needed="a share of at most a half",
            write="optim.schedules.one_cycle(peak_value, total_steps, pct_start=0.3, three_phase=True)",
        )
    peak = peak_value
    first, last = peak / div_factor, peak / (div_factor * final_div_factor)
    phases = [(0.0, top, first, peak), (top, total_steps - 1.0, peak, last)]
    if three_phase:
        phases = [phases[0], (top, 2 * top, peak, first), (2 * top, total_steps - 1.0, first, last)]

    def schedule(step: Any) -> Any:
        t = as_step(step)
        value: Any = None
        for begin, end, start, stop in phases:
            part = xp.minimum(xp.maximum((t - begin) / (end - begin), 0.0), 1.0)
            if anneal == "cosine":
                part = 0.5 * (1 - xp.cos(pi * part))
            piece = part * (number(stop) - number(start)) + number(start)
            value = piece if value is None else xp.where(t <= begin, value, piece)
        return value

    return schedule


def _check_cycle(name: str, steps: Any, peak: Any, share: Any, div: Any, final: Any) -> None:
    if hasattr(steps, "shape"):
        raise ParameterError(
            f"optim.schedules.{name} needs its number of steps as a Python number.",
            found=f"an array of dtype {steps.dtype}",
            needed="an int",
            write=f"optim.schedules.{name} with int(steps)",
        )
    check_count(name, "number of steps", steps)
    check_value(name, "peak value", peak)
    check_value(name, "pct_start", share, 0.0, 1.0)
    check_value(name, "div_factor", div, 0.0, open_low=True)
    check_value(name, "final_div_factor", final, 0.0, open_low=True)


def cyclic(
    base_value: Any,
    max_value: Any,
    step_size_up: Any = 2000,
    step_size_down: Any = None,
    *,
    mode: str = "triangular",
    gamma: Any = 1.0,
) -> Schedule:
    r"""Return the schedule that goes up and down between two rates again and again.

    Parameters
    ----------
    base_value, max_value : float or array of shape ()
        The lowest and the highest rate.
    step_size_up : int or array of shape (), default 2000
        The number of steps up.
    step_size_down : int or array of shape (), optional
        The number of steps down; without it as many as up.
    mode : str, default "triangular"
        How high the cycles are: ``"triangular"`` always the same, ``"triangular2"`` half as high each time,
        ``"exp_range"`` times :math:`\gamma^t` at step t.
    gamma : float or array of shape (), default 1
        For ``"exp_range"``.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If a number is out of range, or the mode unknown.

    References
    ----------
    .. [1] L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017, arXiv:1506.01186.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.schedules.cyclic(0.0, 1.0, 2, mode="triangular2")(np.arange(7))
    array([0.  , 0.5 , 1.  , 0.5 , 0.  , 0.25, 0.5 ])
    """
    if mode not in _MODES:
        raise ParameterError(
            "optim.schedules.cyclic does not know this mode.",
            found=repr(mode),
            needed=", ".join(repr(m) for m in _MODES),
            write='optim.schedules.cyclic(1e-4, 1e-2, 2000, mode="triangular")',
        )
    check_value("cyclic", "base value", base_value)
    check_value("cyclic", "maximum", max_value)
    check_value("cyclic", "gamma", gamma, 0.0)
    check_count("cyclic", "number of steps up", step_size_up)
    down = step_size_up if step_size_down is None else step_size_down
    check_count("cyclic", "number of steps down", down)

    def schedule(step: Any) -> Any:
        t, up = as_step(step), number(step_size_up)
        total = up + number(down)
        cycle = xp.floor(t / total)
        within = t - cycle * total
        part = xp.where(within <= up, within / up, (total - within) / number(down))
        low = number(base_value)
        height = part * (number(max_value) - low)
        if mode == "triangular2":
            height = height * 0.5**cycle
        elif mode == "exp_range":
            height = height * number(gamma) ** t
        return height + low

    return schedule


def warm_restarts(init_value: Any, first_steps: Any, *, factor: Any = 1, end_value: Any = 0.0) -> Schedule:
    """Return the schedule of cosines with warm restarts, each cycle some times as long as the one before.

    Parameters
    ----------
    init_value, end_value : float or array of shape ()
        The rate at the start of each cycle, and the one that it falls to.
    first_steps : int or array of shape ()
        The length of the first cycle.
    factor : int, default 1
        How many times as long each cycle is as the one before.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If a number is out of range.

    See Also
    --------
    sgdr : cycles with numbers of their own.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
       arXiv:1608.03983.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.schedules.warm_restarts(1.0, 2, factor=2)(np.arange(7)).round(3)
    array([1.   , 0.5  , 1.   , 0.854, 0.5  , 0.146, 1.   ])
    """
    check_value("warm_restarts", "first rate", init_value)
    check_value("warm_restarts", "last rate", end_value)
    check_count("warm_restarts", "number of steps", first_steps)
    if isinstance(factor, bool) or not isinstance(factor, int) or factor < 1:
        raise ParameterError(
            "optim.schedules.warm_restarts got a factor that it cannot use.",
            found=repr(factor),
            needed="an int of at least 1",
            write="optim.schedules.warm_restarts(0.1, 100, factor=2)",
        )

    def schedule(step: Any) -> Any:
        t, length = as_step(step), number(first_steps)
        if factor == 1:
            total = length
            within = t - xp.floor(t / length) * length
        else:
            # The number of the cycle from a logarithm, which rounding can put one too low or too high.
            n = xp.floor(xp.log2(t / length * (factor - 1) + 1) / xp.log2(xp.zeros_like(t) + factor))
            n = xp.where(t >= _begin(n + 1, factor, length), n + 1, n)
            n = xp.where(t < _begin(n, factor, length), n - 1, n)
            total = factor**n * length
            within = t - _begin(n, factor, length)
        low = number(end_value)
        return 0.5 * (1 + xp.cos(pi * within / total)) * (number(init_value) - low) + low

    return schedule


def _begin(n: Any, factor: int, length: Any) -> Any:
    return (factor**n - 1) / (factor - 1) * length
