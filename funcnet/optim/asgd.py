"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, copied, per_leaf
from funcnet.optim.leaves import Rate
from funcnet.optim.transform import Transform

__all__ = ["AsgdState", "asgd"]


class AsgdState(NamedTuple):
    """State of `asgd`: ``average`` is what to use at the end."""

    count: Any
    learning_rate: Any
    decay: Any
    alpha: Any
    t0: Any
    weight_decay: Any
    average: Any


def asgd(
    learning_rate: Rate = 0.01, *, decay: Rate = 1e-4, alpha: Rate = 0.75, t0: Rate = 1e6, weight_decay: Rate = 0.0
) -> Transform:
    r"""Averaged stochastic gradient descent.

    .. math::

        \eta_t = \frac{\eta}{(1 + \lambda \eta t)^\alpha}, \quad
        \theta_t = (1 - \lambda \eta_{t-1}) \theta_{t-1} - \eta_{t-1} (g_t + w \theta_{t-1}), \quad
        \bar\theta_t = \bar\theta_{t-1} + \frac{\theta_t - \bar\theta_{t-1}}{\max(1, t - 1 - t_0)}

    The average, which is what to use in the end, is ``state.average``; it equals :math:`\theta_t` until
    :math:`t_0`. This equals PyTorch's.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    decay, alpha, t0 : float, array of shape () or callable
        :math:`\lambda`, :math:`\alpha` and :math:`t_0`, not negative.
    weight_decay : float, array of shape () or callable
        :math:`w`, a penalty of the loss.

    Returns
    -------
    Transform
        Its state is an `AsgdState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM Journal on
       Control and Optimization 30, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.asgd(0.1, decay=0.0, t0=0.0)
    >>> params = np.array([1.0])
    >>> state = opt.init(params)
    >>> for _ in range(4):
    ...     updates, state = opt.update(np.array([1.0]), state, params)
    ...     params = optim.apply_updates(params, updates)
    >>> params.round(4), state.average.round(4)
    (array([0.6]), array([0.7]))
    """

    def prepare(t: Any, rate: Any, decay: Any, alpha: Any, t0: Any, penalty: Any) -> tuple[Any, ...]:
        # PyTorch's first step has the whole rate, and what it computes after a step holds for the next one.
        now = rate / (1 + decay * rate * (t - 1)) ** alpha
        return now, 1 / xp.maximum(t - 1 - t0, t * 0 + 1), decay + penalty

    def rule(g: Any, p: Any, average: Any, rate: Any, share: Any, decay: Any) -> tuple[Any, Any]:
        step = (g + p * decay) * -rate
        return step, average + (p + step - average) * share

    return per_leaf(
        "asgd",
        AsgdState,
        rule,
        numbers={
            "learning_rate": Number(learning_rate, float("-inf")),
            "decay": Number(decay),
            "alpha": Number(alpha),
            "t0": Number(t0),
            "weight_decay": Number(weight_decay),
        },
        columns={"average": copied},
        prepare=prepare,
        params=True,
    )
