"""Adam that finds its rate: D-Adaptation and Prodigy."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, Step, build, copied, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.transform import Transform

__all__ = ["DadaptAdamwState", "ProdigyState", "dadapt_adamw", "prodigy"]


class DadaptAdamwState(NamedTuple):
    """State of `dadapt_adamw`; ``estimate`` is that of the distance to the solution."""

    count: Any
    learning_rate: Any
    b1: Any
    b2: Any
    eps: Any
    weight_decay: Any
    estimate: Any
    numerator: Any
    mu: Any
    nu: Any
    sum: Any


class ProdigyState(NamedTuple):
    """State of `prodigy`; ``estimate`` is that of the distance to the solution."""

    count: Any
    learning_rate: Any
    b1: Any
    b2: Any
    b3: Any
    eps: Any
    coefficient: Any
    weight_decay: Any
    first: Any
    estimate: Any
    numerator: Any
    mu: Any
    nu: Any
    sum: Any
    start: Any


def _size(x: Any) -> Any:
    return xp.sum(xp.abs(x))


def _divided(numerator: Any, denominator: Any) -> Any:
    """Return a quotient, 0 where there was no gradient yet to divide by."""
    empty = denominator <= 0
    return xp.where(empty, numerator * 0, numerator / xp.where(empty, denominator + 1, denominator))


def dadapt_adamw(
    learning_rate: Rate = 1.0,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.999,
    eps: Rate = 1e-8,
    estim_lr0: float = 1e-6,
    weight_decay: Rate = 0.0,
) -> Transform:
    r"""AdamW with D-Adaptation: no learning rate to choose.

    With :math:`\beta = \sqrt{b_2}`, :math:`\lambda_t = d_{t-1} \eta \sqrt{1 - b_2^t} / (1 - b_1^t)`,

    .. math::

        m_t &= b_1 m_{t-1} + (1 - b_1) \lambda_t g_t, \quad v_t = b_2 v_{t-1} + (1 - b_2) g_t^2, \quad
        s_t = \beta s_{t-1} + (1 - \beta) \lambda_t g_t \\
        r_t &= \beta r_{t-1} + (1 - \beta) \lambda_t
        \left\langle g_t, \frac{s_{t-1}}{\sqrt{v_{t-1}} + \epsilon} \right\rangle, \quad
        d_t = \max\left( d_{t-1}, \frac{r_t}{(1 - \beta) \|s_t\|_1} \right) \\
        \theta_t &= \theta_{t-1} - \lambda_t w \theta_{t-1} - \frac{m_t}{\sqrt{v_t} + \epsilon}

    Parameters
    ----------
    learning_rate : float, array of shape () or callable, default 1
        :math:`\eta`, a schedule without a scale; a function gets the number of updates made before.
    b1, b2, eps : float, array of shape () or callable
        As for `adam`.
    estim_lr0 : float, default 1e-6
        :math:`d_0`, the first estimate, which should be too small.
    weight_decay : float, array of shape () or callable
        :math:`w`.

    Returns
    -------
    Transform
        Its state is a `DadaptAdamwState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] A. Defazio, K. Mishchenko, "Learning-rate-free learning by D-Adaptation", ICML 2023, arXiv:2301.07733.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.dadapt_adamw(estim_lr0=0.1)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.1,  0.1])
    """

    def weighted(g: Any, nu: Any, total: Any, eps: Any) -> Any:
        return xp.sum(g * total / (xp.sqrt(nu) + eps))

    def rule(
        g: Any,
        p: Any,
        mu: Any,
        nu: Any,
        total: Any,
        b1: Any,
        b2: Any,
        eps: Any,
        root: Any,
        rate: Any,
        decay: Any,
    ) -> tuple[Any, ...]:
        mu = mu * b1 + g * ((1 - b1) * rate)
        nu = nu * b2 + g * g * (1 - b2)
        total = total * root + g * ((1 - root) * rate)
        return -(p * (decay * rate) + mu / (xp.sqrt(nu) + eps)), mu, nu, total

    def whole(step: Step) -> list[Any]:
        rate, b1, b2, eps, decay = step.numbers
        estimate, numerator = step.totals
        root = xp.sqrt(b2)
        rate = estimate * rate * xp.sqrt(1 - b2**step.t) / (1 - b1**step.t)
        _, nu, total = step.columns
        gain = step.total(weighted, step.grads, nu, total, numbers=(eps,))
        updates = step.each(rule, b1, b2, eps, root, rate, decay, params=True)
        numerator = numerator * root + (1 - root) * rate * gain
        size = step.total(_size, step.columns[2])
        step.totals = [xp.maximum(estimate, _divided(numerator, (1 - root) * size)), numerator]
        return updates

    return build(
        "dadapt_adamw",
        DadaptAdamwState,
        whole,
        numbers={
            "learning_rate": Number(learning_rate, float("-inf")),
            "b1": Number(b1, 0.0, 1.0),
            "b2": Number(b2, 0.0, 1.0),
            "eps": Number(eps),
            "weight_decay": Number(weight_decay),
        },
        totals={"estimate": estim_lr0, "numerator": 0.0},
        columns={"mu": zeros, "nu": zeros, "sum": zeros},
    )


def _projected(g: Any, p: Any, start: Any) -> Any:
    return xp.sum(g * (start - p))


def prodigy(
    learning_rate: Rate = 1.0,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.999,
    b3: Rate | None = None,
    eps: Rate = 1e-8,
    estim_lr0: float = 1e-6,
    estim_lr_coef: Rate = 1.0,
    weight_decay: Rate = 0.0,
    safeguard_warmup: bool = False,
) -> Transform:
    r"""Prodigy: D-Adaptation that finds the rate sooner.

    With :math:`\lambda_t = d_{t-1} \eta \sqrt{1 - b_2^t} / (1 - b_1^t)` and :math:`b_3 = \sqrt{b_2}`,

    .. math::

        m_t &= b_1 m_{t-1} + (1 - b_1) d_{t-1} g_t, \quad v_t = b_2 v_{t-1} + (1 - b_2) d_{t-1}^2 g_t^2, \quad
        s_t = b_3 s_{t-1} + \frac{\lambda_t d_{t-1}}{d_0} g_t \\
        r_t &= b_3 r_{t-1} + \frac{\lambda_t d_{t-1}}{d_0} \langle g_t, \theta_0 - \theta_{t-1} \rangle, \quad
        d_t = \max\left( d_{t-1}, c \, r_t / \|s_t\|_1 \right) \\
        \theta_t &= \theta_{t-1} - \lambda_t \left( w \theta_{t-1} + \frac{m_t}{\sqrt{v_t} + d_t \epsilon} \right)

    Parameters
    ----------
    learning_rate : float, array of shape () or callable, default 1
        :math:`\eta`, a schedule without a scale; a function gets the number of updates made before.
    b1, b2, eps : float, array of shape () or callable
        As for `adam`.
    b3 : float, array of shape () or callable, optional
        :math:`b_3`; by default the root of `b2`.
    estim_lr0 : float, default 1e-6
        :math:`d_0`, the first estimate, which should be too small.
    estim_lr_coef : float, array of shape () or callable
        :math:`c`.
    weight_decay : float, array of shape () or callable
        :math:`w`.
    safeguard_warmup : bool, default False
        Whether :math:`s_t` has :math:`d_{t-1}^2` instead of :math:`\lambda_t d_{t-1}`, for schedules that warm up.

    Returns
    -------
    Transform
        Its state is a `ProdigyState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] K. Mishchenko, A. Defazio, "Prodigy: an expeditiously adaptive parameter-free learner", ICML 2024,
       arXiv:2306.06101.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.prodigy(estim_lr0=0.1)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.1,  0.1])
    """

    def rule(
        g: Any,
        mu: Any,
        nu: Any,
        total: Any,
        start: Any,
        b1: Any,
        b2: Any,
        b3: Any,
        estimate: Any,
        share: Any,
    ) -> tuple[Any, ...]:
        g = g * estimate
        return g, mu * b1 + g * (1 - b1), nu * b2 + g * g * (1 - b2), total * b3 + g * share, start

    def last(
        g: Any,  # noqa: ARG001  # one signature for all
        p: Any,
        mu: Any,
        nu: Any,
        total: Any,
        start: Any,
        rate: Any,
        eps: Any,
        decay: Any,
    ) -> tuple[Any, ...]:
        return -(p * (decay * rate) + mu / (xp.sqrt(nu) + eps) * rate), mu, nu, total, start

    def whole(step: Step) -> list[Any]:
        rate, b1, b2, b3, eps, coefficient, decay, first = step.numbers
        estimate, numerator = step.totals
        b3 = xp.sqrt(b2) if b3 is None else b3
        rate = estimate * rate * xp.sqrt(1 - b2**step.t) / (1 - b1**step.t)
        gain = step.total(_projected, step.grads, step.params, step.columns[3])
        step.each(rule, b1, b2, b3, estimate, (estimate if safeguard_warmup else rate) / first)
        numerator = numerator * b3 + estimate / first * rate * gain
        ahead = _divided(coefficient * numerator, step.total(_size, step.columns[2]))
        estimate = xp.maximum(estimate, ahead)
        step.totals = [estimate, numerator]
        return step.each(last, rate, estimate * eps, decay, params=True)

    return build(
        "prodigy",
        ProdigyState,
        whole,
        numbers={
            "learning_rate": Number(learning_rate, float("-inf")),
            "b1": Number(b1, 0.0, 1.0),
            "b2": Number(b2, 0.0, 1.0),
            "b3": Number(b3, 0.0, 1.0),
            "eps": Number(eps),
            "estim_lr_coef": Number(estim_lr_coef),
            "weight_decay": Number(weight_decay),
            "estim_lr0": Number(estim_lr0, open_low=True),
        },
        totals={"estimate": estim_lr0, "numerator": 0.0},
        columns={"mu": zeros, "nu": zeros, "sum": zeros, "start": copied},
    )
