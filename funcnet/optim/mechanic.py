"""Mechanic: finds the rate of another optimizer."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, Step, build, check_count, copied
from funcnet.optim.leaves import Rate
from funcnet.optim.transform import Transform

__all__ = ["MechanicState", "mechanize"]


class MechanicState(NamedTuple):
    """State of `mechanize`; ``r``, ``m``, ``v`` and ``s`` have one number for each decay."""

    count: Any
    weight_decay: Any
    eps: Any
    s_init: Any
    r: Any
    m: Any
    v: Any
    s: Any
    start: Any
    inner: Any


def mechanize(
    inner: Transform,
    *,
    weight_decay: Rate = 1e-2,
    eps: Rate = 1e-8,
    s_init: float = 1e-6,
    num_betas: int = 6,
) -> Transform:
    r"""Return an optimizer that scales all that another one did, by a factor that it finds.

    With the updates :math:`u_t` of the inner optimizer, :math:`\Delta_t = - \sum_{i \le t} u_i`, decays
    :math:`\beta_k = 1 - 10^{-k}`, and :math:`\bar s = \sum_k s_k`,

    .. math::

        h_t &= \left\langle g_t + w \bar s \frac{\|g_t\|}{\|\theta_{t-1}\|} \theta_{t-1}, \Delta_{t-1} \right\rangle,
        \quad m_t = \max(\beta m_{t-1}, |h_t| + \epsilon), \quad v_t = \beta^2 v_{t-1} + h_t^2 \\
        r_t &= \beta r_{t-1} + s_{t-1} \, \mathrm{clip}(h_t, \pm m_{t-1}), \quad
        s_t = \frac{s_0 m_t / K + \max(r_t, 0)}{\sqrt{v_t} + \epsilon}, \quad
        \theta_t = \theta_0 - \bar s_t \Delta_t

    Parameters
    ----------
    inner : Transform
        The optimizer, learning rate included: a schedule without a scale.
    weight_decay, eps : float, array of shape () or callable
        :math:`w` and :math:`\epsilon`, not negative; a function gets the number of updates made before.
    s_init : float or array of shape ()
        :math:`s_0`, the first scale, which should be too small.
    num_betas : int, default 6
        The number K of decays.

    Returns
    -------
    Transform
        Its state is a `MechanicState`. Its ``update`` takes the keyword arguments of `inner`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] A. Cutkosky, A. Defazio, H. Mehta, "Mechanic: a learning rate tuner", NeurIPS 2023, arXiv:2306.00144.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import optim
    >>> opt = optim.mechanize(optim.sgd(1.0), weight_decay=0.0)
    >>> params = np.array([3.0, 4.0])
    >>> state = opt.init(params)
    >>> for _ in range(300):
    ...     updates, state = opt.update(params, state, params)  # of the loss |p|^2 / 2
    ...     params = optim.apply_updates(params, updates)
    >>> bool((params * params).sum() < 1.0)
    True
    """
    check_count("mechanize", "num_betas", num_betas)

    def row(values: list[Any]) -> Any:
        return xp.stack(values)

    def blank(params: list[Any]) -> Any:
        return row([xp.sum(params[0] * 0)] * num_betas)

    def first(params: list[Any]) -> Any:
        return blank(params) + (1e-6 if callable(s_init) else s_init)

    def whole(step: Step) -> list[Any]:
        decay, eps, s_init = step.numbers
        r, m, v, s = step.totals
        size = xp.sum(s)
        push = decay * size * xp.sqrt(step.squared_norm(step.grads))
        push = push / (xp.sqrt(step.squared_norm(step.params)) + eps)
        gain = step.total(_gain, step.grads, step.params, step.columns[0], numbers=(push, size + eps))
        betas = row([step.constant(1.0 - 0.1**k) for k in range(1, num_betas + 1)])
        clipped = xp.minimum(xp.maximum(gain, -m), m)
        m = xp.maximum(m * betas, xp.abs(gain) + eps)
        v = v * betas * betas + gain * gain
        r = r * betas + s * clipped
        s = (m * (s_init / num_betas) + xp.maximum(r, r * 0)) / (xp.sqrt(v) + eps)
        step.totals = [r, m, v, s]
        step.grads, step.inner[0] = step.run(inner, step.inner[0], step.grads, step.params)
        return step.each(_moved, size + eps, xp.sum(s), params=True)

    return build(
        "mechanize",
        MechanicState,
        whole,
        numbers={"weight_decay": Number(weight_decay), "eps": Number(eps), "s_init": Number(s_init)},
        totals={"r": blank, "m": blank, "v": blank, "s": first},
        columns={"start": copied},
        inner={"inner": inner},
    )


def _gain(g: Any, p: Any, start: Any, push: Any, size: Any) -> Any:
    return xp.sum((g + p * push) * (start - p)) / size


def _moved(u: Any, p: Any, start: Any, before: Any, size: Any) -> tuple[Any, Any]:
    return start - ((start - p) / before - u) * size - p, start
