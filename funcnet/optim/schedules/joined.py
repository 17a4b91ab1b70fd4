"""Schedules made of others: one after the other, with a warm-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.optim.schedules.common import Schedule, as_step, check_count, check_schedule, check_value, number
from funcnet.optim.schedules.decay import constant, cosine_to, exponential, linear

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "join",
    "sgdr",
    "warmup",
    "warmup_constant",
    "warmup_cosine",
    "warmup_exponential",
]


def join(schedules: Sequence[Schedule], boundaries: Sequence[Any]) -> Schedule:
    """Return the schedule that follows others, one after the other.

    Parameters
    ----------
    schedules : sequence of callables
        At least one. Each but the first one counts steps from its boundary.
    boundaries : sequence of int
        Where the second one begins, the third one, and so on: one fewer than schedules, in ascending order.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If the numbers of schedules and boundaries do not fit, boundaries descend, or a schedule is none.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> s = optim.schedules
    >>> s.join([s.linear(0.0, 1.0, 2), s.linear(1.0, 0.0, 4)], [2])(np.arange(7))
    array([0.  , 0.5 , 1.  , 0.75, 0.5 , 0.25, 0.  ])
    """
    members = [check_schedule("join", s) for s in schedules]
    starts = [check_count("join", "boundary", b, 0) for b in boundaries]
    if not members or len(starts) != len(members) - 1:
        raise ParameterError(
            "optim.schedules.join got schedules and boundaries that do not fit.",
            found=f"{len(members)} schedules and {len(starts)} boundaries",
            needed="one boundary fewer than schedules",
            write="optim.schedules.join([first, second], [1000])",
        )
    plain = [b for b in starts if not hasattr(b, "shape")]
    if plain != sorted(plain):
        raise ParameterError(
            "optim.schedules.join got boundaries out of order.",
            found=repr(plain),
            needed="boundaries in ascending order",
            write=f"optim.schedules.join(schedules, {sorted(plain)!r})",
        )

    def schedule(step: Any) -> Any:
        t = as_step(step)
        value = members[0](t)
        for start, member in zip(starts, members[1:], strict=True):
            begin = number(start)
            # Not before its first step: what a schedule gives there may be infinite.
            value = xp.where(t < begin, value, member(xp.maximum(t - begin, 0.0)))
        return value

    return schedule


def warmup(schedule: Schedule, warmup_steps: int, *, init_value: Any = 0.0) -> Schedule:
    """Return a schedule with a warm-up before it, on a line up to its first rate.

    Parameters
    ----------
    schedule : callable
        What follows; its steps are counted from the end of the warm-up.
    warmup_steps : int
        The number of steps of the warm-up. With 0 there is none.
    init_value : float or array of shape (), default 0
        The rate at step 0.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If a number is out of range, or `schedule` is none.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> s = optim.schedules
    >>> s.warmup(s.step(1.0, 2, 0.5), 2)(np.arange(6))
    array([0. , 0.5, 1. , 1. , 0.5, 0.5])
    """
    check_schedule("warmup", schedule)
    check_value("warmup", "first rate", init_value)
    if _no_steps("warmup", warmup_steps):
        return schedule

    def warmed(step: Any) -> Any:
        t, begin = as_step(step), number(warmup_steps)
        after = schedule(xp.maximum(t - begin, 0.0))
        # Up to the end of the warm-up `after` is the schedule's first rate.
        first = number(init_value)
        return xp.where(t < begin, t / begin * (after - first) + first, after)

    return warmed


def warmup_constant(init_value: Any, peak_value: Any, warmup_steps: int) -> Schedule:
    """Return the schedule that rises on a line and stays.

    Parameters
    ----------
    init_value, peak_value : float or array of shape ()
        The first and the last rate.
    warmup_steps : int
        The number of steps between them.

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
    >>> optim.schedules.warmup_constant(0.0, 1.0, 4)(np.arange(6))
    array([0.  , 0.25, 0.5 , 0.75, 1.  , 1.  ])
    """
    if _no_steps("warmup_constant", warmup_steps):
        return constant(peak_value)
    return linear(init_value, peak_value, warmup_steps)


def warmup_cosine(
    init_value: Any,
    peak_value: Any,
    warmup_steps: int,
    decay_steps: int,
    *,
    end_value: Any = 0.0,
    exponent: Any = 1.0,
) -> Schedule:
    """Return the schedule that rises on a line and falls along half a wave of the cosine.

    Parameters
    ----------
    init_value, peak_value, end_value : float or array of shape ()
        The rates at step 0, after the warm-up, and at the end.
    warmup_steps : int
        The number of steps up to the peak.
    decay_steps : int
        The number of all steps, those of the warm-up included.
    exponent : float or array of shape (), default 1
        As for `cosine`.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If a number is out of range, or the warm-up is as long as the whole.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.schedules.warmup_cosine(0.0, 1.0, 2, 6)(np.array([0, 1, 2, 4, 6]))
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    for what, value in (("first rate", init_value), ("peak value", peak_value), ("last rate", end_value)):
        check_value("warmup_cosine", what, value)
    check_value("warmup_cosine", "power", exponent, 0.0)
    _no_steps("warmup_cosine", warmup_steps)
    if not hasattr(decay_steps, "shape") and not hasattr(warmup_steps, "shape"):
        check_count("warmup_cosine", "number of decay steps", decay_steps, warmup_steps + 1)
    fall = cosine_to("warmup_cosine", peak_value, end_value, decay_steps - warmup_steps, exponent)
    return warmup(fall, warmup_steps, init_value=init_value)


def warmup_exponential(
    init_value: Any,
    peak_value: Any,
    warmup_steps: int,
    transition_steps: Any,
    decay_rate: Any,
    *,
    transition_begin: Any = 0,
    staircase: bool = False,
    end_value: Any = None,
) -> Schedule:
    """Return the schedule that rises on a line and falls exponentially.

    Parameters
    ----------
    init_value, peak_value : float or array of shape ()
        The rates at step 0 and after the warm-up.
    warmup_steps : int
        The number of steps up to the peak.
    transition_steps, decay_rate, transition_begin, staircase, end_value
        As for `exponential`, with steps counted from the end of the warm-up.

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
    >>> optim.schedules.warmup_exponential(0.0, 1.0, 2, 1, 0.5)(np.arange(5))
    array([0.  , 0.5 , 1.  , 0.5 , 0.25])
    """
    check_value("warmup_exponential", "first rate", init_value)
    fall = exponential(
        peak_value,
        transition_steps,
        decay_rate,
        transition_begin=transition_begin,
        staircase=staircase,
        end_value=end_value,
    )
    return warmup(fall, warmup_steps, init_value=init_value)


def sgdr(cycles: Sequence[Mapping[str, Any]]) -> Schedule:
    """Return the schedule of cosines with warm restarts, each with numbers of its own.

    Parameters
    ----------
    cycles : sequence of dicts
        The arguments of `warmup_cosine` for each cycle; one begins where the ``decay_steps`` of those before end.

    Returns
    -------
    callable
        From steps, a number or an array of any shape, to rates.

    Raises
    ------
    ParameterError
        If there is no cycle, one lacks ``decay_steps``, or a number is out of range.

    See Also
    --------
    warm_restarts : cycles that grow by a factor.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
       arXiv:1608.03983.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> cycle = {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 1, "decay_steps": 3}
    >>> optim.schedules.sgdr([cycle, {**cycle, "peak_value": 0.5}])(np.arange(6))
    array([0.  , 1.  , 0.5 , 0.  , 0.5 , 0.25])
    """
    members: list[Schedule] = []
    starts: list[Any] = []
    end: Any = 0
    for cycle in cycles:
        missing = [k for k in ("init_value", "peak_value", "warmup_steps", "decay_steps") if k not in cycle]
        if missing:
            raise ParameterError(
                f"Cycle {len(members)} of optim.schedules.sgdr lacks {', '.join(missing)}.",
                found=repr(dict(cycle)),
                needed="the arguments of optim.schedules.warmup_cosine",
                write='optim.schedules.sgdr([{"init_value": 0.0, "peak_value": 0.1, "warmup_steps": 10, '
                '"decay_steps": 100}])',
            )
        members.append(warmup_cosine(**cycle))
        starts.append(end)
        end = end + cycle["decay_steps"]
    return join(members, starts[1:])


def _no_steps(name: str, steps: Any) -> bool:
    """Whether a warm-up has no steps at all."""
    check_count(name, "number of warm-up steps", steps, 0)
    return not hasattr(steps, "shape") and steps == 0
