"""Division by what all gradients so far add up to: Adagrad, FTRL; and Adadelta."""

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
    "FtrlState",
    "ScaleByAdadeltaState",
    "ScaleByRssState",
    "adadelta",
    "adagrad",
    "ftrl",
    "scale_by_adadelta",
    "scale_by_rss",
]


class ScaleByRssState(NamedTuple):
    """State of `scale_by_rss`."""

    count: Any
    eps: Any
    sum_of_squares: Any


class ScaleByAdadeltaState(NamedTuple):
    """State of `scale_by_adadelta`: means of the squares of gradients and of updates."""

    count: Any
    rho: Any
    eps: Any
    of_gradients: Any
    of_updates: Any


class FtrlState(NamedTuple):
    """State of `ftrl`: ``linear`` is the paper's z, ``sum_of_squares`` its n."""

    count: Any
    learning_rate: Any
    l1: Any
    l2: Any
    beta: Any
    linear: Any
    sum_of_squares: Any


def scale_by_rss(*, initial_accumulator_value: float = 0.1, eps: Rate = 1e-7, eps_in_sqrt: bool = True) -> Transform:
    r"""Return the transform that divides updates by the root of the sum of the squares of all so far.

    .. math:: a_t = a_{t-1} + g_t^2, \quad u_t = g_t / \sqrt{a_t + \epsilon}

    Parameters
    ----------
    initial_accumulator_value : float, default 0.1
        :math:`a_0`.
    eps : float, array of shape () or callable
        :math:`\epsilon`, not negative; a function gets the number of updates made before.
    eps_in_sqrt : bool, default True
        Whether it is inside of the root, as in Optax; PyTorch adds it outside. Where :math:`a_t = 0` the update is 0.

    Returns
    -------
    Transform
        Its state is a `ScaleByRssState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic
       optimization", JMLR 12, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_rss(initial_accumulator_value=0.0, eps=0.0)
    >>> opt.update(np.array([3.0, -0.5, 0.0]), opt.init(np.zeros(3)), np.zeros(3))[0]
    array([ 1., -1.,  0.])
    """

    def rule(g: Any, total: Any, eps: Any) -> tuple[Any, Any]:
        total = total + g * g
        empty = total <= 0
        safe = xp.where(empty, total + 1, total)
        root = xp.sqrt(safe + eps) if eps_in_sqrt else xp.sqrt(safe) + eps
        return xp.where(empty, g * 0, g / root), total

    def begin(p: Any) -> Any:
        return zeros(p) + initial_accumulator_value

    numbers = {"eps": Number(eps)}
    return per_leaf("scale_by_rss", ScaleByRssState, rule, numbers=numbers, columns={"sum_of_squares": begin})


def adagrad(
    learning_rate: Rate, *, initial_accumulator_value: float = 0.1, eps: Rate = 1e-7, eps_in_sqrt: bool = True
) -> Transform:
    r"""Adagrad.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_rss`. PyTorch's Adagrad is this with
    ``initial_accumulator_value=0, eps=1e-10, eps_in_sqrt=False``.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    initial_accumulator_value, eps, eps_in_sqrt
        As for `scale_by_rss`.

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
    .. [1] J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic
       optimization", JMLR 12, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.adagrad(0.1, initial_accumulator_value=0.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.1,  0.1])
    """
    return chain(
        scale_by_rss(initial_accumulator_value=initial_accumulator_value, eps=eps, eps_in_sqrt=eps_in_sqrt),
        scale_by_learning_rate(learning_rate),
    )


def scale_by_adadelta(*, rho: Rate = 0.9, eps: Rate = 1e-6) -> Transform:
    r"""Return the transform of Adadelta without a learning rate.

    .. math::

        a_t = \rho a_{t-1} + (1 - \rho) g_t^2, \quad u_t = g_t \sqrt{\frac{b_{t-1} + \epsilon}{a_t + \epsilon}}, \quad
        b_t = \rho b_{t-1} + (1 - \rho) u_t^2

    Parameters
    ----------
    rho, eps : float, array of shape () or callable
        :math:`\rho`, from 0 to below 1, and :math:`\epsilon`, not negative; a function gets the number of updates made
        before.

    Returns
    -------
    Transform
        Its state is a `ScaleByAdadeltaState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] M. D. Zeiler, "ADADELTA: an adaptive learning rate method", 2012, arXiv:1212.5701.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_adadelta(rho=0.75, eps=1e-2)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(3)
    array([ 0.2 , -0.186])
    """

    def rule(g: Any, of_gradients: Any, of_updates: Any, rho: Any, eps: Any) -> tuple[Any, Any, Any]:
        of_gradients = of_gradients * rho + g * g * (1 - rho)
        step = xp.sqrt(of_updates + eps) / xp.sqrt(of_gradients + eps) * g
        return step, of_gradients, of_updates * rho + step * step * (1 - rho)

    return per_leaf(
        "scale_by_adadelta",
        ScaleByAdadeltaState,
        rule,
        numbers={"rho": Number(rho, 0.0, 1.0), "eps": Number(eps)},
        columns={"of_gradients": zeros, "of_updates": zeros},
    )


def adadelta(
    learning_rate: Rate = 1.0,
    *,
    rho: Rate = 0.9,
    eps: Rate = 1e-6,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
) -> Transform:
    r"""Adadelta.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_adadelta` of
    :math:`g_t + \lambda \theta_{t-1}`. This equals PyTorch's and Optax's.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable, default 1
        :math:`\eta`; a function gets the number of updates made before.
    rho, eps
        As for `scale_by_adadelta`.
    weight_decay : float, array of shape () or callable
        :math:`\lambda`, a penalty of the loss.
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
    .. [1] M. D. Zeiler, "ADADELTA: an adaptive learning rate method", 2012, arXiv:1212.5701.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.adadelta(rho=0.75, eps=1e-2)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(3)
    array([-0.2  ,  0.186])
    """
    return chain(
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_adadelta(rho=rho, eps=eps),
        scale_by_learning_rate(learning_rate),
    )


def ftrl(
    learning_rate: Rate,
    *,
    l1: Rate = 0.0,
    l2: Rate = 0.0,
    beta: Rate = 0.0,
    initial_accumulator_value: float = 0.1,
) -> Transform:
    r"""FTRL-Proximal: follow the regularised leader, element by element.

    .. math::

        n_t &= n_{t-1} + g_t^2, \quad \sigma_t = (\sqrt{n_t} - \sqrt{n_{t-1}}) / \eta, \quad
        z_t = z_{t-1} + g_t - \sigma_t \theta_{t-1} \\
        \theta_t &= \begin{cases} 0 & |z_t| \le \lambda_1 \\
        -\dfrac{z_t - \mathrm{sign}(z_t) \lambda_1}{(\beta + \sqrt{n_t}) / \eta + \lambda_2} & \text{else} \end{cases}

    which minimises the sum of all linear losses so far, :math:`\lambda_1 |\theta| + \tfrac{\lambda_2}{2} \theta^2`, and
    a quadratic term around the parameters so far. :math:`z_0` is such that the first parameters are a fixed point.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta` (the paper's :math:`\alpha`), above 0; a function gets the number of updates made before.
    l1, l2, beta : float, array of shape () or callable
        :math:`\lambda_1, \lambda_2, \beta`, not negative.
    initial_accumulator_value : float, default 0.1
        :math:`n_0`.

    Returns
    -------
    Transform
        Its state is an `FtrlState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] H. B. McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.ftrl(0.5, l1=1.0, initial_accumulator_value=0.0)
    >>> params = np.zeros(2)
    >>> updates, state = opt.update(np.array([3.0, -0.5]), opt.init(params), params)
    >>> updates.round(4)
    array([-0.3333, -0.    ])
    """

    def rule(
        g: Any, p: Any, linear: Any, total: Any, rate: Any, l1: Any, l2: Any, beta: Any, first: Any
    ) -> tuple[Any, Any, Any]:
        before = xp.sqrt(total)
        total = total + g * g
        root = xp.sqrt(total)
        # Where the first parameters are the minimum: -z_0 = sign(p) l1 + p ((beta + sqrt(n_0)) / rate + l2).
        start = -(xp.sign(p) * l1 + p * ((beta + before) / rate + l2))
        linear = xp.where(first > 0, start, linear) + g - (root - before) / rate * p
        curvature = (beta + root) / rate + l2
        safe = xp.where(curvature > 0, curvature, curvature * 0 + 1)
        shrunk = xp.sign(linear) * xp.maximum(xp.abs(linear) - l1, linear * 0)
        return -shrunk / safe - p, linear, total

    def prepare(t: Any, *numbers: Any) -> tuple[Any, ...]:
        return *numbers, xp.where(t > 1, t * 0, t * 0 + 1)

    def begin(p: Any) -> Any:
        return zeros(p) + initial_accumulator_value

    return per_leaf(
        "ftrl",
        FtrlState,
        rule,
        numbers={
            "learning_rate": Number(learning_rate, open_low=True),
            "l1": Number(l1),
            "l2": Number(l2),
            "beta": Number(beta),
        },
        columns={"linear": zeros, "sum_of_squares": begin},
        prepare=prepare,
        params=True,
    )
