"""Means over steps: of gradients, of parameters, and of slow and fast weights."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import tree, xp
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.building import Number, Step, build, check_count, copied, per_leaf, together, zeros
from funcnet.optim.transform import Transform, takes

__all__ = [
    "AverageState",
    "EmaState",
    "LookaheadState",
    "StochasticWeightAveragingState",
    "average_params",
    "ema",
    "lookahead",
    "stochastic_weight_averaging",
]


class EmaState(NamedTuple):
    """State of `ema`."""

    count: Any
    decay: Any
    ema: Any


class AverageState(NamedTuple):
    """State of `average_params`: ``average`` is what to evaluate."""

    count: Any
    decay: Any
    average: Any


class StochasticWeightAveragingState(NamedTuple):
    """State of `stochastic_weight_averaging`: ``average`` is what to evaluate, the mean of ``averaged`` snapshots."""

    count: Any
    begin: Any
    every: Any
    averaged: Any
    average: Any


class LookaheadState(NamedTuple):
    """State of `lookahead`: ``slow`` is what to evaluate."""

    count: Any
    sync_period: Any
    slow_step_size: Any
    slow: Any
    inner: Any


def ema(decay: leaves.Rate, *, debias: bool = True) -> Transform:
    r"""Return the transform from gradients to their exponential moving average.

    :math:`m_t = d m_{t-1} + (1 - d) g_t`, divided by :math:`1 - d^t` where `debias` is true.

    Parameters
    ----------
    decay : float, array of shape () or callable
        d, from 0 to below 1; a function gets the number of updates made before.
    debias : bool, default True
        Whether to correct for the beginning as 0.

    Returns
    -------
    Transform
        Its state is an `EmaState`.

    Raises
    ------
    ParameterError
        If `decay` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, p = optim.ema(0.5), np.zeros(1)
    >>> u, state = opt.update(np.array([4.0]), opt.init(p), p)
    >>> v, state = opt.update(np.array([1.0]), state, p)
    >>> u, v
    (array([4.]), array([2.]))
    """

    def prepare(t: Any, decay: Any) -> tuple[Any, ...]:
        return decay, (1 / (1 - decay**t) if debias else xp.ones_like(decay))

    def rule(g: Any, m: Any, decay: Any, correction: Any) -> tuple[Any, Any]:
        m = g + (m - g) * decay
        return m * correction, m

    numbers = {"decay": Number(decay, 0.0, 1.0)}
    return per_leaf("ema", EmaState, rule, numbers=numbers, columns={"ema": zeros}, prepare=prepare)


def average_params(decay: leaves.Rate) -> Transform:
    r"""Return the transform that keeps an exponential moving average of the parameters: the last one of a chain.

    :math:`a_t = d a_{t-1} + (1 - d) \theta_t`, beginning with the first parameters. Updates pass as they are.

    Parameters
    ----------
    decay : float, array of shape () or callable
        d, from 0 to below 1; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is an `AverageState`; evaluate with its ``average``.

    Raises
    ------
    ParameterError
        If `decay` is out of range.

    References
    ----------
    .. [1] B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim.
       30 (1992) 838-855.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, params = optim.chain(optim.sgd(1.0), optim.average_params(0.5)), np.array([1.0])
    >>> updates, state = opt.update(np.array([1.0]), opt.init(params), params)
    >>> optim.apply_updates(params, updates), state[1].average
    (array([0.]), array([0.5]))
    """

    def rule(u: Any, p: Any, average: Any, decay: Any) -> tuple[Any, Any]:
        new = p + u
        return u, new + (average - new) * decay

    numbers = {"decay": Number(decay, 0.0, 1.0)}
    return per_leaf("average_params", AverageState, rule, numbers=numbers, columns={"average": copied}, params=True)


def stochastic_weight_averaging(*, begin: int = 0, every: int = 1) -> Transform:
    """Return the transform that keeps the mean of the parameters after some updates: the last one of a chain.

    Parameters
    ----------
    begin : int, default 0
        The number of updates before the first one that counts. Up to then the average is the parameters.
    every : int, default 1
        Which updates count after that: this one, and every so many.

    Returns
    -------
    Transform
        Its state is a `StochasticWeightAveragingState`; evaluate with its ``average``, after the statistics of
        batch normalisation have been computed anew with it. Updates pass as they are.

    Raises
    ------
    ParameterError
        If a number is out of range.

    References
    ----------
    .. [1] P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018,
       arXiv:1803.05407.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, params = optim.chain(optim.sgd(1.0), optim.stochastic_weight_averaging(begin=1)), np.array([0.0])
    >>> state = opt.init(params)
    >>> for g in (1.0, 1.0, 2.0):
    ...     updates, state = opt.update(np.array([g]), state, params)
    ...     params = optim.apply_updates(params, updates)
    >>> params, state[1].average
    (array([-4.]), array([-3.]))
    """
    name = "stochastic_weight_averaging"
    check_count(name, "period", every)

    def rule(step: Step) -> list[Any]:
        before, (first, every), (averaged,) = step.t - 1, step.numbers, step.totals
        hit = (before >= first) & ((before - first) % every == 0)
        # The average follows the parameters up to the first one that counts.
        weight = xp.where(hit | (before < first), 1 / (averaged + 1), 0.0)
        step.totals[0] = xp.where(hit, averaged + 1, averaged)

        def one(u: Any, p: Any, average: Any, weight: Any) -> tuple[Any, Any]:
            return u, average + (p + u - average) * weight

        return step.each(one, weight, params=True)

    numbers = {"begin": Number(begin), "every": Number(every, 1.0)}
    return build(
        name, StochasticWeightAveragingState, rule, numbers=numbers, totals={"averaged": 0}, columns={"average": copied}
    )


def lookahead(inner: Transform, sync_period: int, slow_step_size: Any, *, reset_state: bool = False) -> Transform:
    r"""Return an optimizer whose parameters are drawn back every few steps to slower ones.

    Every k updates of `inner`, :math:`\phi \leftarrow \phi + \alpha (\theta - \phi)` and
    :math:`\theta \leftarrow \phi`. The slow weights :math:`\phi` begin as the parameters :math:`\theta`.

    Parameters
    ----------
    inner : Transform
        The optimizer, learning rate included.
    sync_period : int
        The number k of updates between, at least 1.
    slow_step_size : float or array of shape ()
        :math:`\alpha`, from 0 to 1.
    reset_state : bool, default False
        Whether `inner` begins anew at each synchronisation.

    Returns
    -------
    Transform
        Its state is a `LookaheadState`; evaluate with its ``slow``. The parameters outside are the fast ones.

    Raises
    ------
    ParameterError
        If a number is out of range.

    References
    ----------
    .. [1] M. R. Zhang, J. Lucas, G. Hinton, J. Ba, "Lookahead optimizer: k steps forward, 1 step back", NeurIPS 2019,
       arXiv:1907.08610.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, params = optim.lookahead(optim.sgd(1.0), 2, 0.5), np.array([0.0])
    >>> state = opt.init(params)
    >>> for _ in range(2):
    ...     updates, state = opt.update(np.array([1.0]), state, params)
    ...     params = optim.apply_updates(params, updates)
    >>> params, state.slow
    (array([-1.]), array([-1.]))
    """
    check_count("lookahead", "period", sync_period)
    leaves.check_number("lookahead", "slow_step_size", slow_step_size, 0.0, 1.0, closed_high=True)

    def init(params: Any) -> LookaheadState:
        leaf = leaves.first_leaf(params, "lookahead")
        dtype = leaves.wide_dtype(leaf)
        numbers = [leaves.float_of(value, leaf, dtype) for value in (sync_period, slow_step_size)]
        slow = tree.map(copied, params)
        return LookaheadState(leaves.count_of(leaf), numbers[0], numbers[1], slow, inner.init(params))

    @takes(*inner.extras)
    def update(updates: Any, state: LookaheadState, params: Any, **extras: Any) -> tuple[Any, LookaheadState]:
        updates, after = inner.update(updates, state.inner, params, **extras)
        fast, structure, given = leaves.paired(params, updates, "the updates")
        slow, own = leaves.flat_like(structure, state.slow, "the slow weights")
        count = xp.add(state.count, 1)
        t = cast(count, state.sync_period.dtype)
        sync = xp.floor(t / state.sync_period) * state.sync_period == t
        scalars = leaves.Scalars(xp.where(sync, state.slow_step_size, 0.0), cast(sync, t.dtype))
        new: list[Any] = []
        for i, (p, u) in enumerate(zip(fast, given, strict=True)):
            if u is None:
                new.append(None)
                continue
            dtype = slow[i].dtype
            p, wide, s, part, drawn = together([cast(p, dtype), cast(u, dtype), slow[i], *scalars.of(dtype)])
            difference = p + wide - s
            slow[i] = s + difference * part
            new.append(cast(wide - (difference - difference * part) * drawn, u.dtype))
        if reset_state:
            first, shape = tree.flatten(inner.init(params))
            current = tree.flatten_like(shape, after, name="the state")
            after = tree.unflatten(shape, [xp.where(sync, a, b) for a, b in zip(first, current, strict=True)])
        return tree.unflatten(structure, new), LookaheadState(
            count, state.sync_period, state.slow_step_size, tree.unflatten(own, slow), after
        )

    return Transform(init, update)
