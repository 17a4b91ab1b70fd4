"""Relatives of Adam with more than one mean of gradients: Adan, AdEMAMix."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, per_leaf, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Mask
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = [
    "ScaleByAdanState",
    "ScaleByAdemamixState",
    "adan",
    "ademamix",
    "scale_by_adan",
    "scale_by_ademamix",
]


class ScaleByAdanState(NamedTuple):
    """State of `scale_by_adan`: means of gradients, of their differences, of squares; and the last gradient."""

    count: Any
    b1: Any
    b2: Any
    b3: Any
    eps: Any
    eps_root: Any
    mu: Any
    delta: Any
    nu: Any
    last: Any


class ScaleByAdemamixState(NamedTuple):
    """State of `scale_by_ademamix`."""

    count: Any
    b1: Any
    b2: Any
    b3: Any
    alpha: Any
    eps: Any
    mu: Any
    slow: Any
    nu: Any


def scale_by_adan(
    *, b1: Rate = 0.98, b2: Rate = 0.92, b3: Rate = 0.99, eps: Rate = 1e-8, eps_root: Rate = 1e-8
) -> Transform:
    r"""Return the transform of Adan without a learning rate.

    With :math:`d_t = g_t - g_{t-1}`, and :math:`d_1 = 0`,

    .. math::

        m_t &= b_1 m_{t-1} + (1 - b_1) g_t, \quad v_t = b_2 v_{t-1} + (1 - b_2) d_t, \quad
        n_t = b_3 n_{t-1} + (1 - b_3) (g_t + (1 - b_2) d_t)^2 \\
        u_t &= \frac{m_t / (1 - b_1^t) + (1 - b_2) v_t / (1 - b_2^t)}
        {\sqrt{n_t / (1 - b_3^t) + \bar\epsilon} + \epsilon}

    Parameters
    ----------
    b1, b2, b3 : float, array of shape () or callable
        Decay of the means, from 0 to below 1; a function gets the number of updates made before. The paper's
        :math:`\beta` are 1 minus these.
    eps, eps_root : float, array of shape () or callable
        :math:`\epsilon` and :math:`\bar\epsilon`, not negative.

    Returns
    -------
    Transform
        Its state is a `ScaleByAdanState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] X. Xie et al., "Adan: adaptive Nesterov momentum algorithm for faster optimizing deep models", 2022,
       arXiv:2208.06677.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_adan()
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([ 1., -1.])
    """

    def prepare(t: Any, b1: Any, b2: Any, b3: Any, eps: Any, eps_root: Any) -> tuple[Any, ...]:
        later = xp.where(t > 1, t * 0 + 1, t * 0)
        factors = 1 / (1 - b1**t), (1 - b2) / (1 - b2**t), 1 / (1 - b3**t)
        return b1, b2, b3, eps, eps_root, later, *factors

    def rule(
        g: Any,
        mu: Any,
        delta: Any,
        nu: Any,
        last: Any,
        b1: Any,
        b2: Any,
        b3: Any,
        eps: Any,
        eps_root: Any,
        later: Any,
        of_mean: Any,
        of_delta: Any,
        of_square: Any,
    ) -> tuple[Any, ...]:
        difference = (g - last) * later
        mu = mu * b1 + g * (1 - b1)
        delta = delta * b2 + difference * (1 - b2)
        ahead = g + difference * (1 - b2)
        nu = nu * b3 + ahead * ahead * (1 - b3)
        return (mu * of_mean + delta * of_delta) / (xp.sqrt(nu * of_square + eps_root) + eps), mu, delta, nu, g

    return per_leaf(
        "scale_by_adan",
        ScaleByAdanState,
        rule,
        numbers={
            "b1": Number(b1, 0.0, 1.0),
            "b2": Number(b2, 0.0, 1.0),
            "b3": Number(b3, 0.0, 1.0),
            "eps": Number(eps),
            "eps_root": Number(eps_root),
        },
        columns={"mu": zeros, "delta": zeros, "nu": zeros, "last": zeros},
        prepare=prepare,
    )


def adan(
    learning_rate: Rate,
    *,
    b1: Rate = 0.98,
    b2: Rate = 0.92,
    b3: Rate = 0.99,
    eps: Rate = 1e-8,
    eps_root: Rate = 1e-8,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
) -> Transform:
    r"""Adan: Nesterov's momentum by differences of gradients, and division by the root of a mean of squares.

    :math:`\theta_t = \theta_{t-1} - \eta (u_t + \lambda \theta_{t-1})` with :math:`u_t` from `scale_by_adan`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, b3, eps, eps_root
        As for `scale_by_adan`.
    weight_decay, mask
        As for `adamw`.

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
    .. [1] X. Xie et al., "Adan: adaptive Nesterov momentum algorithm for faster optimizing deep models", 2022,
       arXiv:2208.06677.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.adan(0.1)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.1,  0.1])
    """
    return chain(
        scale_by_adan(b1=b1, b2=b2, b3=b3, eps=eps, eps_root=eps_root),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )


def scale_by_ademamix(
    *, b1: Rate = 0.9, b2: Rate = 0.999, b3: Rate = 0.9999, alpha: Rate = 5.0, eps: Rate = 1e-8
) -> Transform:
    r"""Return the transform of AdEMAMix without a learning rate.

    With the moments of `adam` and :math:`s_t = b_3 s_{t-1} + (1 - b_3) g_t`,

    .. math:: u_t = \frac{m_t / (1 - b_1^t) + \alpha s_t}{\sqrt{v_t / (1 - b_2^t)} + \epsilon}

    Parameters
    ----------
    b1, b2, b3 : float, array of shape () or callable
        Decay of the means, from 0 to below 1; a function gets the number of updates made before. The paper warms
        :math:`b_3` and :math:`\alpha` up.
    alpha : float, array of shape () or callable
        The weight of the slow mean; not negative.
    eps : float, array of shape () or callable
        Not negative.

    Returns
    -------
    Transform
        Its state is a `ScaleByAdemamixState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] M. Pagliardini, P. Ablin, D. Grangier, "The AdEMAMix optimizer: better, faster, older", ICLR 2025,
       arXiv:2409.03137.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_ademamix(b3=0.5, alpha=2.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([ 2., -2.])
    """

    def prepare(t: Any, b1: Any, b2: Any, b3: Any, alpha: Any, eps: Any) -> tuple[Any, ...]:
        return b1, b2, b3, alpha, eps, 1 / (1 - b1**t), 1 / (1 - b2**t)

    def rule(
        g: Any,
        mu: Any,
        slow: Any,
        nu: Any,
        b1: Any,
        b2: Any,
        b3: Any,
        alpha: Any,
        eps: Any,
        of_mean: Any,
        of_square: Any,
    ) -> tuple[Any, ...]:
        mu = mu * b1 + g * (1 - b1)
        slow = slow * b3 + g * (1 - b3)
        nu = nu * b2 + g * g * (1 - b2)
        return (mu * of_mean + slow * alpha) / (xp.sqrt(nu * of_square) + eps), mu, slow, nu

    return per_leaf(
        "scale_by_ademamix",
        ScaleByAdemamixState,
        rule,
        numbers={
            "b1": Number(b1, 0.0, 1.0),
            "b2": Number(b2, 0.0, 1.0),
            "b3": Number(b3, 0.0, 1.0),
            "alpha": Number(alpha),
            "eps": Number(eps),
        },
        columns={"mu": zeros, "slow": zeros, "nu": zeros},
        prepare=prepare,
    )


def ademamix(
    learning_rate: Rate,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.999,
    b3: Rate = 0.9999,
    alpha: Rate = 5.0,
    eps: Rate = 1e-8,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
) -> Transform:
    r"""AdEMAMix: Adam with a second, slow mean of gradients.

    :math:`\theta_t = \theta_{t-1} - \eta (u_t + \lambda \theta_{t-1})` with :math:`u_t` from `scale_by_ademamix`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, b3, alpha, eps
        As for `scale_by_ademamix`.
    weight_decay, mask
        As for `adamw`.

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
    .. [1] M. Pagliardini, P. Ablin, D. Grangier, "The AdEMAMix optimizer: better, faster, older", ICLR 2025,
       arXiv:2409.03137.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.ademamix(0.1, b3=0.5, alpha=2.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.2,  0.2])
    """
    return chain(
        scale_by_ademamix(b1=b1, b2=b2, b3=b3, alpha=alpha, eps=eps),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )
