"""AdaHessian: Adam with the diagonal of the Hessian in the second moment."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import random
from funcnet.optim.building import Number, Step, build, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Mask
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.sophia import hutchinson_diagonal
from funcnet.optim.transform import Transform, chain
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = ["ScaleByAdahessianState", "adahessian", "scale_by_adahessian"]


class ScaleByAdahessianState(NamedTuple):
    """State of `scale_by_adahessian`."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    power: Any
    mu: Any
    nu: Any
    diagonal: Any


def scale_by_adahessian(
    *, diagonal: Transform, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-8, power: Rate = 1.0
) -> Transform:
    r"""Return the transform of AdaHessian without a learning rate.

    With an estimate :math:`d_t` of the diagonal of the Hessian,

    .. math::

        m_t = b_1 m_{t-1} + (1 - b_1) g_t, \quad v_t = b_2 v_{t-1} + (1 - b_2) d_t^2, \quad
        u_t = \frac{m_t / (1 - b_1^t)}{(v_t / (1 - b_2^t))^{k/2} + \epsilon}

    The estimate is not averaged over parts of an array, as the paper does for kernels of convolutions; a `diagonal`
    that does so may be given.

    Parameters
    ----------
    diagonal : Transform
        What gives :math:`d_t`, such as `hutchinson_diagonal`.
    b1, b2, eps : float, array of shape () or callable
        As for `adam`; a function gets the number of updates made before.
    power : float, array of shape () or callable
        k, from 0 to 1 usually.

    Returns
    -------
    Transform
        Its state is a `ScaleByAdahessianState`. Its ``update`` takes the keyword arguments of `diagonal`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] Z. Yao et al., "ADAHESSIAN: an adaptive second order optimizer for machine learning", AAAI 2021,
       arXiv:2006.00719.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, random
    >>> opt = optim.scale_by_adahessian(diagonal=optim.hutchinson_diagonal(random.key(0)))
    >>> params = np.array([1.0, 2.0])
    >>> opt.update(3 * params**2, opt.init(params), params, loss_fn=lambda p: (p**3).sum())[0].round(4)
    array([0.5, 1. ])
    """

    def rule(
        d: Any, g: Any, mu: Any, nu: Any, b1: Any, b2: Any, eps: Any, power: Any, of_mean: Any, of_square: Any
    ) -> tuple[Any, Any, Any]:
        mu = mu * b1 + g * (1 - b1)
        nu = nu * b2 + d * d * (1 - b2)
        return mu * of_mean / ((nu * of_square) ** (power * 0.5) + eps), mu, nu

    def whole(step: Step) -> list[Any]:
        b1, b2, eps, power = step.numbers
        found, step.inner[0] = step.run(diagonal, step.inner[0], step.grads, step.params)
        # The rule gets the estimates in the place of gradients, and those in the place of parameters.
        step.params, step.grads = step.grads, found
        factors = 1 / (1 - b1**step.t), 1 / (1 - b2**step.t)
        return step.each(rule, b1, b2, eps, power, *factors, params=True)

    return build(
        "scale_by_adahessian",
        ScaleByAdahessianState,
        whole,
        numbers={
            "b1": Number(b1, 0.0, 1.0),
            "b2": Number(b2, 0.0, 1.0),
            "eps": Number(eps),
            "power": Number(power),
        },
        columns={"mu": zeros, "nu": zeros},
        inner={"diagonal": diagonal},
    )


def adahessian(
    learning_rate: Rate,
    key: Any = None,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.999,
    eps: Rate = 1e-8,
    power: Rate = 1.0,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
    diagonal: Transform | None = None,
) -> Transform:
    r"""AdaHessian: momentum divided by a mean of the Hessian's diagonal.

    :math:`\theta_t = \theta_{t-1} - \eta (u_t + w \theta_{t-1})` with :math:`u_t` from `scale_by_adahessian`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    key : array of uint32, shape (2,), optional
        The random key of `hutchinson_diagonal`, if that is to be the estimate; by default ``random.key(0)``.
    b1, b2, eps, power
        As for `scale_by_adahessian`.
    weight_decay, mask
        As for `adamw`.
    diagonal : Transform, optional
        Another estimate.

    Returns
    -------
    Transform
        A chain. Its ``update`` needs ``loss_fn=``, the function from parameters to the loss, or what `diagonal` takes.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] Z. Yao et al., "ADAHESSIAN: an adaptive second order optimizer for machine learning", AAAI 2021,
       arXiv:2006.00719.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, random
    >>> opt = optim.adahessian(1.0, random.key(0))
    >>> params = np.array([1.0, 2.0])
    >>> opt.update(3 * params**2, opt.init(params), params, loss_fn=lambda p: (p**3).sum())[0].round(4)
    array([-0.5, -1. ])
    """
    if diagonal is None:
        diagonal = hutchinson_diagonal(random.key(0) if key is None else key)
    return chain(
        scale_by_adahessian(diagonal=diagonal, b1=b1, b2=b2, eps=eps, power=power),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )
