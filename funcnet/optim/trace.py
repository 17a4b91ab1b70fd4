"""Momentum as a part of a chain."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet.optim.building import Number, per_leaf, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.transform import Transform

__all__ = ["TraceState", "trace"]


class TraceState(NamedTuple):
    """State of `trace`."""

    count: Any
    decay: Any
    trace: Any


def trace(decay: Rate, *, nesterov: bool = False) -> Transform:
    r"""Return the transform that adds up updates, older ones with less weight: momentum.

    .. math:: v_t = d v_{t-1} + g_t, \quad u_t = v_t \quad\text{or, with Nesterov's}\quad u_t = g_t + d v_t

    Parameters
    ----------
    decay : float, array of shape () or callable
        :math:`d`, not negative; a function gets the number of updates made before.
    nesterov : bool, default False
        Whether to look ahead.

    Returns
    -------
    Transform
        Its state is a `TraceState`.

    Raises
    ------
    ParameterError
        If `decay` is out of range.

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep
       learning", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.trace(0.5)
    >>> state = opt.init(np.zeros(1))
    >>> for _ in range(3):
    ...     updates, state = opt.update(np.ones(1), state, np.zeros(1))
    >>> updates
    array([1.75])
    """

    def rule(g: Any, v: Any, decay: Any) -> tuple[Any, Any]:
        v = g + v * decay
        return (g + v * decay if nesterov else v), v

    return per_leaf("trace", TraceState, rule, numbers={"decay": Number(decay)}, columns={"trace": zeros})
