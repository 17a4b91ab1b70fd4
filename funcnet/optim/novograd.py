"""NovoGrad: one second moment for each layer."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, per_leaf, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain

__all__ = ["ScaleByNovogradState", "novograd", "scale_by_novograd"]


class ScaleByNovogradState(NamedTuple):
    """State of `scale_by_novograd`; ``nu`` has one number for each array."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    weight_decay: Any
    mu: Any
    nu: Any


def scale_by_novograd(*, b1: Rate = 0.9, b2: Rate = 0.25, eps: Rate = 1e-8, weight_decay: Rate = 0.0) -> Transform:
    r"""Return the transform of NovoGrad without a learning rate.

    With one number :math:`v` for each array, and :math:`v_1 = \|g_1\|^2`,

    .. math::

        v_t = b_2 v_{t-1} + (1 - b_2) \|g_t\|^2, \quad
        u_t = m_t = b_1 m_{t-1} + \frac{g_t}{\sqrt{v_t} + \epsilon} + \lambda \theta_{t-1}

    Parameters
    ----------
    b1, b2 : float, array of shape () or callable
        From 0 to below 1; a function gets the number of updates made before.
    eps, weight_decay : float, array of shape () or callable
        :math:`\epsilon` and :math:`\lambda`, not negative.

    Returns
    -------
    Transform
        Its state is a `ScaleByNovogradState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] B. Ginsburg et al., "Stochastic gradient methods with layer-wise adaptive moments for training of deep
       networks", 2019, arXiv:1905.11286.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_novograd()
    >>> opt.update(np.array([0.3, -0.4]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([ 0.6, -0.8])
    """

    def prepare(t: Any, b1: Any, b2: Any, eps: Any, decay: Any) -> tuple[Any, ...]:
        return b1, xp.where(t > 1, b2, b2 * 0), eps, decay

    def rule(g: Any, p: Any, mu: Any, nu: Any, b1: Any, b2: Any, eps: Any, decay: Any) -> tuple[Any, Any, Any]:
        nu = nu * b2 + xp.sum(g * g) * (1 - b2)
        mu = mu * b1 + g / (xp.sqrt(nu) + eps) + p * decay
        return mu, mu, nu

    return per_leaf(
        "scale_by_novograd",
        ScaleByNovogradState,
        rule,
        numbers={
            "b1": Number(b1, 0.0, 1.0),
            "b2": Number(b2, 0.0, 1.0),
            "eps": Number(eps),
            "weight_decay": Number(weight_decay),
        },
        columns={"mu": zeros, "nu": lambda p: xp.sum(zeros(p))},
        prepare=prepare,
        params=True,
    )


def novograd(
    learning_rate: Rate, *, b1: Rate = 0.9, b2: Rate = 0.25, eps: Rate = 1e-6, weight_decay: Rate = 0.0
) -> Transform:
    r"""NovoGrad: Adam with one second moment for each layer.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_novograd`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps, weight_decay
        As for `scale_by_novograd`.

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
    .. [1] B. Ginsburg et al., "Stochastic gradient methods with layer-wise adaptive moments for training of deep
       networks", 2019, arXiv:1905.11286.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.novograd(0.1)
    >>> opt.update(np.array([0.3, -0.4]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.06,  0.08])
    """
    return chain(
        scale_by_novograd(b1=b1, b2=b2, eps=eps, weight_decay=weight_decay), scale_by_learning_rate(learning_rate)
    )
