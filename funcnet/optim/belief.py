"""Relatives of Adam with another second moment: AdaBelief, ACProp, Yogi."""

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
    "ScaleByBeliefState",
    "ScaleByYogiState",
    "acprop",
    "adabelief",
    "scale_by_acprop",
    "scale_by_belief",
    "scale_by_yogi",
    "yogi",
]


class ScaleByBeliefState(NamedTuple):
    """State of `scale_by_belief` and `scale_by_acprop`."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    eps_root: Any
    mu: Any
    nu: Any


class ScaleByYogiState(NamedTuple):
    """State of `scale_by_yogi`."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    mu: Any
    nu: Any


def _numbers(b1: Rate, b2: Rate, eps: Rate, eps_root: Rate) -> dict[str, Number]:
    return {
        "b1": Number(b1, 0.0, 1.0),
        "b2": Number(b2, 0.0, 1.0),
        "eps": Number(eps),
        "eps_root": Number(eps_root),
    }


def scale_by_belief(*, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-16, eps_root: Rate = 1e-16) -> Transform:
    r"""Return the transform of AdaBelief without a learning rate.

    .. math::

        m_t = b_1 m_{t-1} + (1 - b_1) g_t, \quad s_t = b_2 s_{t-1} + (1 - b_2) (g_t - m_t)^2 + \bar\epsilon, \quad
        u_t = \frac{m_t / (1 - b_1^t)}{\sqrt{s_t / (1 - b_2^t)} + \epsilon}

    Parameters
    ----------
    b1, b2 : float, array of shape () or callable
        Decay of the moments, from 0 to below 1; a function gets the number of updates made before.
    eps, eps_root : float, array of shape () or callable
        :math:`\epsilon` and :math:`\bar\epsilon`, not negative.

    Returns
    -------
    Transform
        Its state is a `ScaleByBeliefState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] J. Zhuang et al., "AdaBelief optimizer: adapting stepsizes by the belief in observed gradients", NeurIPS
       2020, arXiv:2010.07468.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_belief(b1=0.5)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([ 2., -2.])
    """

    def prepare(t: Any, b1: Any, b2: Any, eps: Any, eps_root: Any) -> tuple[Any, ...]:
        return b1, b2, eps, eps_root, 1 / (1 - b1**t), 1 / (1 - b2**t)

    def rule(
        g: Any, mu: Any, nu: Any, b1: Any, b2: Any, eps: Any, eps_root: Any, of_mean: Any, of_square: Any
    ) -> tuple[Any, Any, Any]:
        mu = mu * b1 + g * (1 - b1)
        error = g - mu
        nu = nu * b2 + error * error * (1 - b2) + eps_root
        return mu * of_mean / (xp.sqrt(nu * of_square) + eps), mu, nu

    numbers = _numbers(b1, b2, eps, eps_root)
    columns = {"mu": zeros, "nu": zeros}
    return per_leaf("scale_by_belief", ScaleByBeliefState, rule, numbers=numbers, columns=columns, prepare=prepare)


def adabelief(
    learning_rate: Rate, *, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-16, eps_root: Rate = 1e-16
) -> Transform:
    r"""AdaBelief: Adam that divides by how much gradients differ from their mean.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_belief`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps, eps_root
        As for `scale_by_belief`.

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
    .. [1] J. Zhuang et al., "AdaBelief optimizer: adapting stepsizes by the belief in observed gradients", NeurIPS
       2020, arXiv:2010.07468.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.adabelief(0.1, b1=0.5)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.2,  0.2])
    """
    return chain(scale_by_belief(b1=b1, b2=b2, eps=eps, eps_root=eps_root), scale_by_learning_rate(learning_rate))


def scale_by_acprop(*, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-16, eps_root: Rate = 1e-16) -> Transform:
    r"""Return the transform of ACProp without a learning rate.

    .. math::

        u_t = \frac{g_t}{\sqrt{s_{t-1} / (1 - b_2^{t-1})} + \epsilon}, \quad
        s_t = b_2 s_{t-1} + (1 - b_2) (g_t - m_{t-1})^2 + \bar\epsilon, \quad
        m_t = b_1 m_{t-1} + (1 - b_1) g_t

    At the first step the root is 1.

    Parameters
    ----------
    b1, b2, eps, eps_root
        As for `scale_by_belief`.

    Returns
    -------
    Transform
        Its state is a `ScaleByBeliefState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] J. Zhuang et al., "Momentum centering and asynchronous update for adaptive gradient methods", NeurIPS 2021,
       arXiv:2110.05454.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_acprop()
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([ 3. , -0.5])
    """

    def prepare(t: Any, b1: Any, b2: Any, eps: Any, eps_root: Any) -> tuple[Any, ...]:
        later = xp.where(t > 1, t * 0 + 1, t * 0)
        # At the first step the exponent may be anything but 0.
        return b1, b2, eps, eps_root, later / (1 - b2 ** (t - later)), 1 - later

    def rule(
        g: Any, mu: Any, nu: Any, b1: Any, b2: Any, eps: Any, eps_root: Any, of_square: Any, first: Any
    ) -> tuple[Any, Any, Any]:
        error = g - mu
        mu = mu * b1 + g * (1 - b1)
        step = g / (xp.sqrt(nu * of_square + first) + eps)
        return step, mu, nu * b2 + error * error * (1 - b2) + eps_root

    numbers = _numbers(b1, b2, eps, eps_root)
    columns = {"mu": zeros, "nu": zeros}
    return per_leaf("scale_by_acprop", ScaleByBeliefState, rule, numbers=numbers, columns=columns, prepare=prepare)


def acprop(
    learning_rate: Rate,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.999,
    eps: Rate = 1e-16,
    eps_root: Rate = 1e-16,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
) -> Transform:
    r"""ACProp: AdaBelief that divides by the second moment of the step before.

    :math:`\theta_t = \theta_{t-1} - \eta (u_t + \lambda \theta_{t-1})` with :math:`u_t` from `scale_by_acprop`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps, eps_root
        As for `scale_by_belief`.
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
    .. [1] J. Zhuang et al., "Momentum centering and asynchronous update for adaptive gradient methods", NeurIPS 2021,
       arXiv:2110.05454.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.acprop(0.1)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.3 ,  0.05])
    """
    return chain(
        scale_by_acprop(b1=b1, b2=b2, eps=eps, eps_root=eps_root),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )


def scale_by_yogi(
    *, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-3, initial_accumulator_value: float = 1e-6
) -> Transform:
    r"""Return the transform of Yogi without a learning rate.

    .. math::

        m_t = b_1 m_{t-1} + (1 - b_1) g_t, \quad v_t = v_{t-1} - (1 - b_2) \mathrm{sign}(v_{t-1} - g_t^2) g_t^2, \quad
        u_t = \frac{m_t / (1 - b_1^t)}{\sqrt{v_t / (1 - b_2^t)} + \epsilon}

    Parameters
    ----------
    b1, b2, eps : float, array of shape () or callable
        As for `adam`; a function gets the number of updates made before.
    initial_accumulator_value : float, default 1e-6
        :math:`m_0` and :math:`v_0`.

    Returns
    -------
    Transform
        Its state is a `ScaleByYogiState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] M. Zaheer et al., "Adaptive methods for nonconvex optimization", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_yogi(eps=0.0, initial_accumulator_value=0.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([ 1., -1.])
    """

    def prepare(t: Any, b1: Any, b2: Any, eps: Any) -> tuple[Any, ...]:
        return b1, b2, eps, 1 / (1 - b1**t), 1 / (1 - b2**t)

    def rule(
        g: Any, mu: Any, nu: Any, b1: Any, b2: Any, eps: Any, of_mean: Any, of_square: Any
    ) -> tuple[Any, Any, Any]:
        square = g * g
        mu = mu * b1 + g * (1 - b1)
        nu = nu - xp.sign(nu - square) * square * (1 - b2)
        return mu * of_mean / (xp.sqrt(nu * of_square) + eps), mu, nu

    def begin(p: Any) -> Any:
        return zeros(p) + initial_accumulator_value

    return per_leaf(
        "scale_by_yogi",
        ScaleByYogiState,
        rule,
        numbers={"b1": Number(b1, 0.0, 1.0), "b2": Number(b2, 0.0, 1.0), "eps": Number(eps)},
        columns={"mu": begin, "nu": begin},
        prepare=prepare,
    )


def yogi(learning_rate: Rate, *, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-3) -> Transform:
    r"""Yogi: Adam whose second moment changes by at most a part of the squared gradient.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_yogi`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps
        As for `scale_by_yogi`.

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
    .. [1] M. Zaheer et al., "Adaptive methods for nonconvex optimization", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.yogi(0.1, eps=0.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.1   ,  0.0998])
    """
    return chain(scale_by_yogi(b1=b1, b2=b2, eps=eps), scale_by_learning_rate(learning_rate))
