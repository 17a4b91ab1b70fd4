"""Rates from a model of the loss: MoMo."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, Step, build, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.polyak import VALUE, quotient
from funcnet.optim.transform import Transform

__all__ = ["MomoAdamState", "MomoState", "momo", "momo_adam"]


class MomoState(NamedTuple):
    """State of `momo`."""

    count: Any
    learning_rate: Any
    beta: Any
    lower_bound: Any
    weight_decay: Any
    value: Any
    product: Any
    bound: Any
    mu: Any


class MomoAdamState(NamedTuple):
    """State of `momo_adam`."""

    count: Any
    learning_rate: Any
    b1: Any
    b2: Any
    eps: Any
    lower_bound: Any
    weight_decay: Any
    value: Any
    product: Any
    bound: Any
    mu: Any
    nu: Any


def _mean(g: Any, mu: Any, keep: Any) -> tuple[Any, Any]:
    return g, mu * keep + g * (1 - keep)


def _moments(g: Any, mu: Any, nu: Any, b1: Any, b2: Any) -> tuple[Any, Any, Any]:
    return g, mu * b1 + g * (1 - b1), nu * b2 + g * g * (1 - b2)


def _scaled(mu: Any, nu: Any, share: Any, eps: Any) -> Any:
    return mu / (xp.sqrt(nu * share) + eps)


def _scaled_norm(mu: Any, nu: Any, share: Any, eps: Any) -> Any:
    return xp.sum(mu * _scaled(mu, nu, share, eps))


def _step(g: Any, p: Any, mu: Any, size: Any, loss: Any) -> tuple[Any, Any]:  # noqa: ARG001  # one signature for all
    return -(p * loss + mu * size), mu


def _scaled_step(
    g: Any,  # noqa: ARG001  # one signature for all
    p: Any,
    mu: Any,
    nu: Any,
    size: Any,
    loss: Any,
    share: Any,
    eps: Any,
) -> tuple[Any, Any, Any]:
    return -(p * loss + _scaled(mu, nu, share, eps) * size), mu, nu


def momo(
    learning_rate: Rate = 1.0,
    *,
    beta: Rate = 0.9,
    lower_bound: Rate = 0.0,
    weight_decay: Rate = 0.0,
    adapt_lower_bound: bool = False,
) -> Transform:
    r"""MoMo: momentum with a rate from a model of the loss.

    With means :math:`m_t, \bar f_t, \gamma_t` of :math:`g_t, f_t, \langle g_t, \theta_{t-1} \rangle`, all of decay
    :math:`\beta` and beginning with their first values, a lower bound :math:`f_*` of the loss and
    :math:`a = 1 + \eta w`,

    .. math::

        \tau_t = \min\left( \eta, \frac{\max(a (\bar f_t - f_* - \gamma_t) + \langle m_t, \theta_{t-1} \rangle, 0)}
        {\|m_t\|^2} \right), \quad \theta_t = \frac{\theta_{t-1}}{a} - \tau_t m_t

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`, the largest rate; a function gets the number of updates made before.
    beta : float, array of shape () or callable
        :math:`\beta`, from 0 to below 1.
    lower_bound, weight_decay : float, array of shape () or callable
        :math:`f_*` and :math:`w`.
    adapt_lower_bound : bool, default False
        Whether the bound follows the loss, never below the one given.

    Returns
    -------
    Transform
        Its state is a `MomoState`. Its ``update`` needs ``value=``, the loss :math:`f_t`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range; by ``update``: if there is no ``value=``.

    References
    ----------
    .. [1] F. Schaipp et al., "MoMo: momentum models for adaptive learning rates", ICML 2024, arXiv:2305.07583.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.momo()
    >>> params = np.array([3.0, 4.0])  # of the loss |p|^2 / 2
    >>> opt.update(params, opt.init(params), params, value=12.5)[0]
    array([-1.5, -2. ])
    """

    def whole(step: Step) -> list[Any]:
        rate, beta, least, decay = step.numbers
        value, product, bound = step.totals
        keep = xp.where(step.t > 1, beta, beta * 0)
        value = value * keep + step.extra("momo", "value", VALUE) * (1 - keep)
        product = product * keep + step.dot(step.grads, step.params) * (1 - keep)
        step.each(_mean, keep)
        (mu,) = step.columns
        norm, inner = step.squared_norm(mu), step.dot(mu, step.params)
        a = 1 + rate * decay
        if adapt_lower_bound:
            cap = a * (value - product) + inner
            bound = xp.where(cap < a * bound, xp.maximum(cap / (2 * a), least), bound)
        model = xp.maximum(a * (value - bound - product) + inner, inner * 0)
        size = xp.minimum(rate, quotient(model, norm))
        if adapt_lower_bound:
            bound = xp.maximum(value + inner - product - 0.5 * size * norm, least)
        step.totals = [value, product, bound]
        return step.each(_step, size, rate * decay / a, params=True)

    return build(
        "momo",
        MomoState,
        whole,
        numbers={
            "learning_rate": Number(learning_rate),
            "beta": Number(beta, 0.0, 1.0),
            "lower_bound": Number(lower_bound, float("-inf")),
            "weight_decay": Number(weight_decay),
        },
        totals={"value": 0.0, "product": 0.0, "bound": 0.0 if callable(lower_bound) else lower_bound},
        columns={"mu": zeros},
        extras=("value",),
    )


def momo_adam(
    learning_rate: Rate = 1e-2,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.999,
    eps: Rate = 1e-8,
    lower_bound: Rate = 0.0,
    weight_decay: Rate = 0.0,
    adapt_lower_bound: bool = False,
) -> Transform:
    r"""MoMo-Adam: Adam with a rate from a model of the loss.

    With Adam's moments, :math:`D_t = \epsilon + \sqrt{v_t / (1 - b_2^t)}`, :math:`c = 1 - b_1^t`, and the means of
    `momo`, which begin as 0 and have the decay :math:`b_1`,

    .. math::

        \tau_t = \min\left( \frac{\eta}{c},
        \frac{\max(a (\bar f_t - c f_* - \gamma_t) + \langle m_t, \theta_{t-1} \rangle, 0)}
        {\langle m_t, m_t / D_t \rangle} \right), \quad \theta_t = \frac{\theta_{t-1}}{a} - \tau_t \frac{m_t}{D_t}

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`, the largest rate; a function gets the number of updates made before.
    b1, b2, eps : float, array of shape () or callable
        As for `adam`.
    lower_bound, weight_decay, adapt_lower_bound
        As for `momo`.

    Returns
    -------
    Transform
        Its state is a `MomoAdamState`. Its ``update`` needs ``value=``, the loss :math:`f_t`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range; by ``update``: if there is no ``value=``.

    References
    ----------
    .. [1] F. Schaipp et al., "MoMo: momentum models for adaptive learning rates", ICML 2024, arXiv:2305.07583.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.momo_adam(0.1)
    >>> params = np.array([3.0, 4.0])  # of the loss |p|^2 / 2
    >>> opt.update(params, opt.init(params), params, value=12.5)[0].round(4)
    array([-0.1, -0.1])
    """

    def whole(step: Step) -> list[Any]:
        rate, b1, b2, eps, least, decay = step.numbers
        value, product, bound = step.totals
        value = value * b1 + step.extra("momo_adam", "value", VALUE) * (1 - b1)
        product = product * b1 + step.dot(step.grads, step.params) * (1 - b1)
        step.each(_moments, b1, b2)
        mu, nu = step.columns
        share = 1 / (1 - b2**step.t)
        norm = step.total(_scaled_norm, mu, nu, numbers=(share, eps))
        inner = step.dot(mu, step.params)
        a, correction = 1 + rate * decay, 1 - b1**step.t
        if adapt_lower_bound:
            cap = a * (value - product) + inner
            low = xp.maximum(cap / (2 * correction * a), least)
            bound = xp.where(cap < a * correction * bound, low, bound)
        model = xp.maximum(a * (value - correction * bound - product) + inner, inner * 0)
        size = xp.minimum(rate / correction, quotient(model, norm))
        if adapt_lower_bound:
            bound = xp.maximum((value + inner - product - 0.5 * size * norm) / correction, least)
        step.totals = [value, product, bound]
        return step.each(_scaled_step, size, rate * decay / a, share, eps, params=True)

    return build(
        "momo_adam",
        MomoAdamState,
        whole,
        numbers={
            "learning_rate": Number(learning_rate),
            "b1": Number(b1, 0.0, 1.0),
            "b2": Number(b2, 0.0, 1.0),
            "eps": Number(eps),
            "lower_bound": Number(lower_bound, float("-inf")),
            "weight_decay": Number(weight_decay),
        },
        totals={"value": 0.0, "product": 0.0, "bound": 0.0 if callable(lower_bound) else lower_bound},
        columns={"mu": zeros, "nu": zeros},
        extras=("value",),
    )
