"""Relatives of Adam that bound the second moment: Adamax, AMSGrad."""

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
    "ScaleByAdamaxState",
    "ScaleByAmsgradState",
    "adamax",
    "adamaxw",
    "amsgrad",
    "scale_by_adamax",
    "scale_by_amsgrad",
]


class ScaleByAdamaxState(NamedTuple):
    """State of `scale_by_adamax`."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    mu: Any
    nu: Any


class ScaleByAmsgradState(NamedTuple):
    """State of `scale_by_amsgrad`."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    mu: Any
    nu: Any
    nu_max: Any


def scale_by_adamax(*, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-8) -> Transform:
    r"""Return the transform of Adamax without a learning rate.

    .. math::

        m_t = b_1 m_{t-1} + (1 - b_1) g_t, \quad v_t = \max(b_2 v_{t-1}, |g_t| + \epsilon), \quad
        u_t = \frac{m_t}{(1 - b_1^t) v_t}

    Parameters
    ----------
    b1, b2, eps : float, array of shape () or callable
        As for `adam`; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is a `ScaleByAdamaxState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, arXiv:1412.6980, section 7.1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_adamax()
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([ 1., -1.])
    """

    def prepare(t: Any, b1: Any, b2: Any, eps: Any) -> tuple[Any, ...]:
        return b1, b2, eps, 1 / (1 - b1**t)

    def rule(g: Any, mu: Any, nu: Any, b1: Any, b2: Any, eps: Any, factor: Any) -> tuple[Any, Any, Any]:
        mu = mu * b1 + g * (1 - b1)
        nu = xp.maximum(nu * b2, xp.abs(g) + eps)
        return mu / nu * factor, mu, nu

    return per_leaf(
        "scale_by_adamax",
        ScaleByAdamaxState,
        rule,
        numbers={"b1": Number(b1, 0.0, 1.0), "b2": Number(b2, 0.0, 1.0), "eps": Number(eps)},
        columns={"mu": zeros, "nu": zeros},
        prepare=prepare,
    )


def adamax(learning_rate: Rate, *, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-8) -> Transform:
    r"""Adamax: Adam with the maximum norm.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_adamax`. This equals PyTorch's and
    Optax's.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps
        As for `scale_by_adamax`.

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
    .. [1] D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, arXiv:1412.6980, section 7.1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.adamax(0.1)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.1,  0.1])
    """
    return chain(scale_by_adamax(b1=b1, b2=b2, eps=eps), scale_by_learning_rate(learning_rate))


def adamaxw(
    learning_rate: Rate,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.999,
    eps: Rate = 1e-8,
    weight_decay: Rate = 1e-4,
    mask: Mask = None,
) -> Transform:
    r"""Adamax with decoupled weight decay.

    :math:`\theta_t = \theta_{t-1} - \eta (u_t + \lambda \theta_{t-1})` with :math:`u_t` from `scale_by_adamax`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps
        As for `scale_by_adamax`.
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
    .. [1] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019, arXiv:1711.05101.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.adamaxw(0.1, weight_decay=0.5)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.ones(2)), np.ones(2))[0].round(4)
    array([-0.15,  0.05])
    """
    return chain(
        scale_by_adamax(b1=b1, b2=b2, eps=eps),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )


def scale_by_amsgrad(
    *, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-8, corrected_maximum: bool = True
) -> Transform:
    r"""Return the transform of AMSGrad without a learning rate.

    With the moments of `adam`,

    .. math::

        \bar v_t = \max\left( \bar v_{t-1}, \frac{v_t}{1 - b_2^t} \right), \quad
        u_t = \frac{m_t / (1 - b_1^t)}{\sqrt{\bar v_t} + \epsilon}

    Parameters
    ----------
    b1, b2, eps : float, array of shape () or callable
        As for `adam`; a function gets the number of updates made before.
    corrected_maximum : bool, default True
        Whether the maximum is that of the corrected moments, as in Optax. PyTorch corrects the maximum of :math:`v_t`
        instead.

    Returns
    -------
    Transform
        Its state is a `ScaleByAmsgradState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] S. J. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", ICLR 2018, arXiv:1904.09237.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_amsgrad()
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([ 1., -1.])
    """

    def prepare(t: Any, b1: Any, b2: Any, eps: Any) -> tuple[Any, ...]:
        return b1, b2, eps, 1 / (1 - b1**t), 1 / (1 - b2**t)

    def rule(
        g: Any, mu: Any, nu: Any, top: Any, b1: Any, b2: Any, eps: Any, of_mean: Any, of_square: Any
    ) -> tuple[Any, Any, Any, Any]:
        mu = mu * b1 + g * (1 - b1)
        nu = nu * b2 + g * g * (1 - b2)
        top = xp.maximum(top, nu * of_square if corrected_maximum else nu)
        root = xp.sqrt(top if corrected_maximum else top * of_square)
        return mu * of_mean / (root + eps), mu, nu, top

    return per_leaf(
        "scale_by_amsgrad",
        ScaleByAmsgradState,
        rule,
        numbers={"b1": Number(b1, 0.0, 1.0), "b2": Number(b2, 0.0, 1.0), "eps": Number(eps)},
        columns={"mu": zeros, "nu": zeros, "nu_max": zeros},
        prepare=prepare,
    )


def amsgrad(
    learning_rate: Rate, *, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-8, corrected_maximum: bool = True
) -> Transform:
    r"""AMSGrad: Adam whose steps do not grow when the second moment shrinks.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_amsgrad`. PyTorch's
    ``Adam(amsgrad=True)`` is this with ``corrected_maximum=False``.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps, corrected_maximum
        As for `scale_by_amsgrad`.

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
    .. [1] S. J. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", ICLR 2018, arXiv:1904.09237.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.amsgrad(0.1)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.1,  0.1])
    """
    return chain(
        scale_by_amsgrad(b1=b1, b2=b2, eps=eps, corrected_maximum=corrected_maximum),
        scale_by_learning_rate(learning_rate),
    )
