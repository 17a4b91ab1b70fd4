"""Optimizers that reckon from the first parameters: MADGRAD, COCOB."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, copied, per_leaf, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Mask
from funcnet.optim.sgd import scale, scale_by_learning_rate
from funcnet.optim.transform import Transform, chain
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = [
    "ScaleByCocobState",
    "ScaleByMadgradState",
    "cocob",
    "madgrad",
    "scale_by_cocob",
    "scale_by_madgrad",
]


class ScaleByMadgradState(NamedTuple):
    """State of `scale_by_madgrad`."""

    count: Any
    learning_rate: Any
    momentum: Any
    eps: Any
    squares: Any
    sum: Any
    start: Any


class ScaleByCocobState(NamedTuple):
    """State of `scale_by_cocob`."""

    count: Any
    alpha: Any
    sum: Any
    scale: Any
    sizes: Any
    reward: Any
    start: Any


def scale_by_madgrad(learning_rate: Rate, *, momentum: Rate = 0.9, eps: Rate = 1e-6) -> Transform:
    r"""Return the transform of MADGRAD; its updates are to be added as they are.

    .. math::

        \lambda_t = (\eta + \epsilon) \sqrt{t}, \quad s_t = s_{t-1} + \lambda_t g_t, \quad
        v_t = v_{t-1} + \lambda_t g_t^2, \quad
        \theta_t = m \theta_{t-1} + (1 - m) \left( \theta_0 - \frac{s_t}{\sqrt[3]{v_t} + \epsilon} \right)

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    momentum, eps : float, array of shape () or callable
        :math:`m`, from 0 to below 1, and :math:`\epsilon`, not negative.

    Returns
    -------
    Transform
        Its state is a `ScaleByMadgradState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] A. Defazio, S. Jelassi, "Adaptivity without compromise: a momentumized, adaptive, dual averaged gradient
       method for stochastic optimization", JMLR 23, 2022, arXiv:2101.11075.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_madgrad(0.1, momentum=0.0)
    >>> opt.update(np.array([8.0, -1.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(3)
    array([-0.431,  0.215])
    """

    def prepare(t: Any, rate: Any, momentum: Any, eps: Any) -> tuple[Any, ...]:
        return (rate + eps) * xp.sqrt(t), 1 - momentum, eps

    def rule(
        g: Any, p: Any, squares: Any, total: Any, start: Any, rate: Any, share: Any, eps: Any
    ) -> tuple[Any, Any, Any, Any]:
        squares = squares + g * g * rate
        total = total + g * rate
        # A cube root's slope is infinite at 0, where there was no gradient and nothing depends on it.
        empty = squares <= 0
        root = xp.where(empty, squares, xp.where(empty, squares + 1, squares) ** (1 / 3)) + eps
        ahead = start - xp.where(empty, total * 0, total / xp.where(empty, root * 0 + 1, root))
        return (ahead - p) * share, squares, total, start

    return per_leaf(
        "scale_by_madgrad",
        ScaleByMadgradState,
        rule,
        numbers={
            "learning_rate": Number(learning_rate, float("-inf")),
            "momentum": Number(momentum, 0.0, 1.0),
            "eps": Number(eps),
        },
        columns={"squares": zeros, "sum": zeros, "start": copied},
        prepare=prepare,
        params=True,
    )


def madgrad(learning_rate: Rate, *, momentum: Rate = 0.9, weight_decay: Rate = 0.0, eps: Rate = 1e-6) -> Transform:
    r"""MADGRAD: dual averaging with momentum and cube roots.

    `scale_by_madgrad` of :math:`g_t + w \theta_{t-1}`.

    Parameters
    ----------
    learning_rate, momentum, eps
        As for `scale_by_madgrad`.
    weight_decay : float, array of shape () or callable
        :math:`w`, a penalty of the loss.

    Returns
    -------
    Transform
        A chain.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] A. Defazio, S. Jelassi, "Adaptivity without compromise: a momentumized, adaptive, dual averaged gradient
       method for stochastic optimization", JMLR 23, 2022, arXiv:2101.11075.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.madgrad(0.1, momentum=0.0)
    >>> opt.update(np.array([8.0, -1.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(3)
    array([-0.431,  0.215])
    """
    return chain(add_decayed_weights(weight_decay), scale_by_madgrad(learning_rate, momentum=momentum, eps=eps))


def scale_by_cocob(*, alpha: Rate = 100.0, eps: float = 1e-8) -> Transform:
    r"""Return the transform of COCOB; its updates are to be added as they are.

    Each element bets on the sign of its gradients. With :math:`L_0 = \epsilon` and all else 0 at first,

    .. math::

        L_t &= \max(L_{t-1}, |g_t|), \quad G_t = G_{t-1} + |g_t|, \quad
        R_t = \max(R_{t-1} - g_t (\theta_{t-1} - \theta_0), 0), \quad C_t = C_{t-1} - g_t \\
        \theta_t &= \theta_0 + \frac{C_t}{L_t \max(G_t + L_t, \alpha L_t)} (L_t + R_t)

    Parameters
    ----------
    alpha : float, array of shape () or callable
        How careful the first bets are; a function gets the number of updates made before.
    eps : float, default 1e-8
        :math:`\epsilon`.

    Returns
    -------
    Transform
        Its state is a `ScaleByCocobState`.

    Raises
    ------
    ParameterError
        If `alpha` is out of range.

    References
    ----------
    .. [1] F. Orabona, T. Tommasi, "Training deep networks without learning rates through coin betting", NeurIPS 2017,
       arXiv:1705.07795.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_cocob()
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([-0.01,  0.01])
    """

    def rule(
        g: Any, p: Any, total: Any, scale: Any, sizes: Any, reward: Any, start: Any, alpha: Any
    ) -> tuple[Any, ...]:
        size = xp.abs(g)
        scale = xp.maximum(scale, size)
        sizes = sizes + size
        reward = xp.maximum(reward - g * (p - start), g * 0)
        total = total - g
        bet = total / (scale * xp.maximum(sizes + scale, scale * alpha)) * (scale + reward)
        return start - p + bet, total, scale, sizes, reward, start

    return per_leaf(
        "scale_by_cocob",
        ScaleByCocobState,
        rule,
        numbers={"alpha": Number(alpha)},
        columns={
            "sum": zeros,
            "scale": lambda p: zeros(p) + eps,
            "sizes": zeros,
            "reward": zeros,
            "start": copied,
        },
        params=True,
    )


def cocob(
    learning_rate: Rate = 1.0,
    *,
    alpha: Rate = 100.0,
    eps: float = 1e-8,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
) -> Transform:
    r"""COCOB: no learning rate to choose.

    `scale_by_cocob` of :math:`\eta (g_t + w \theta_{t-1})`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable, default 1
        :math:`\eta`; a function gets the number of updates made before.
    alpha, eps
        As for `scale_by_cocob`.
    weight_decay : float, array of shape () or callable
        :math:`w`, a penalty of the loss.
    mask : callable or pytree of bools, optional
        Which parameters decay; see `add_decayed_weights`.

    Returns
    -------
    Transform
        A chain.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] F. Orabona, T. Tommasi, "Training deep networks without learning rates through coin betting", NeurIPS 2017,
       arXiv:1705.07795.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.cocob()
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([-0.01,  0.01])
    """
    return chain(
        add_decayed_weights(weight_decay, mask=mask),
        # The one after it takes gradients, not steps: twice minus.
        scale_by_learning_rate(learning_rate),
        scale(-1.0),
        scale_by_cocob(alpha=alpha, eps=eps),
    )
