"""Steps in proportion to the size of each layer's parameters: LARS, LAMB, Fromage."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.adam import scale_by_adam
from funcnet.optim.building import Number, Step, build, per_leaf
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Choice, Mask
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.trace import trace
from funcnet.optim.transform import Transform, chain
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = [
    "FromageState",
    "ScaleByTrustRatioState",
    "fromage",
    "lamb",
    "lars",
    "scale_by_trust_ratio",
]


class ScaleByTrustRatioState(NamedTuple):
    """State of `scale_by_trust_ratio`."""

    count: Any
    trust_coefficient: Any
    min_norm: Any
    eps: Any


class FromageState(NamedTuple):
    """State of `fromage`."""

    count: Any
    learning_rate: Any
    min_norm: Any


def _ratio(u: Any, p: Any, coefficient: Any, min_norm: Any, eps: Any) -> Any:
    """Return the norm of a parameter over that of its update, 1 where one of them is 0."""
    of_p = xp.maximum(xp.linalg.vector_norm(p), min_norm)
    of_u = xp.maximum(xp.linalg.vector_norm(u), min_norm)
    empty = xp.logical_or(of_p == 0, of_u == 0)
    one = of_u * 0 + 1
    return xp.where(empty, one, of_p * coefficient / xp.where(empty, one, of_u + eps))


def scale_by_trust_ratio(
    *, trust_coefficient: Rate = 1.0, min_norm: Rate = 0.0, eps: Rate = 0.0, mask: Mask = None
) -> Transform:
    r"""Return the transform that gives the update of each array the size of the array.

    .. math:: u_t = c \, \frac{\|\theta_{t-1}\|}{\|g_t\| + \epsilon} \, g_t

    and :math:`u_t = g_t` where one of the norms is 0.

    Parameters
    ----------
    trust_coefficient : float, array of shape () or callable
        :math:`c`; a function gets the number of updates made before.
    min_norm, eps : float, array of shape () or callable
        The smallest norm that is reckoned with, and :math:`\epsilon`.
    mask : callable or pytree of bools, optional
        Which arrays are scaled, others keep their updates; see `add_decayed_weights`.

    Returns
    -------
    Transform
        Its state is a `ScaleByTrustRatioState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range, or the mask none.

    References
    ----------
    .. [1] Y. You, I. Gitman, B. Ginsburg, "Large batch training of convolutional networks", 2017, arXiv:1708.03888.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_trust_ratio()
    >>> params = np.array([6.0, 8.0])
    >>> opt.update(np.array([0.3, -0.4]), opt.init(params), params)[0]
    array([ 6., -8.])
    """
    choice = Choice("scale_by_trust_ratio", mask)

    def rule(u: Any, p: Any, coefficient: Any, min_norm: Any, eps: Any) -> tuple[Any]:
        return (u * _ratio(u, p, coefficient, min_norm, eps),)

    def whole(step: Step) -> list[Any]:
        return step.each(rule, *step.numbers, params=True, only=choice.of(step.structure))

    numbers = {
        "trust_coefficient": Number(trust_coefficient),
        "min_norm": Number(min_norm),
        "eps": Number(eps),
    }
    return build("scale_by_trust_ratio", ScaleByTrustRatioState, whole, numbers=numbers)


def lars(
    learning_rate: Rate,
    *,
    weight_decay: Rate = 0.0,
    weight_decay_mask: Mask = None,
    trust_coefficient: Rate = 0.001,
    eps: Rate = 0.0,
    trust_ratio_mask: Mask = None,
    momentum: Rate = 0.9,
    nesterov: bool = False,
) -> Transform:
    r"""LARS: momentum with a rate for each layer.

    .. math::

        h_t = g_t + \lambda \theta_{t-1}, \quad
        v_t = m v_{t-1} + \eta c \frac{\|\theta_{t-1}\|}{\|h_t\| + \epsilon} h_t, \quad \theta_t = \theta_{t-1} - v_t

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    weight_decay : float, array of shape () or callable
        :math:`\lambda`.
    weight_decay_mask, trust_ratio_mask : callable or pytree of bools, optional
        Which parameters decay, and which get a rate of their own; see `add_decayed_weights`.
    trust_coefficient, eps
        :math:`c` and :math:`\epsilon`, as for `scale_by_trust_ratio`.
    momentum : float, array of shape () or callable
        :math:`m`.
    nesterov : bool, default False
        Whether the momentum is Nesterov's.

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
    .. [1] Y. You, I. Gitman, B. Ginsburg, "Large batch training of convolutional networks", 2017, arXiv:1708.03888.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.lars(0.5, trust_coefficient=0.1)
    >>> params = np.array([6.0, 8.0])
    >>> opt.update(np.array([0.3, -0.4]), opt.init(params), params)[0].round(4)
    array([-0.3,  0.4])
    """
    return chain(
        add_decayed_weights(weight_decay, mask=weight_decay_mask),
        scale_by_trust_ratio(trust_coefficient=trust_coefficient, eps=eps, mask=trust_ratio_mask),
        scale_by_learning_rate(learning_rate),
        trace(momentum, nesterov=nesterov),
    )


def lamb(
    learning_rate: Rate,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-6,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
) -> Transform:
    r"""LAMB: AdamW with a rate for each layer.

    :math:`\theta_t = \theta_{t-1} - \eta \frac{\|\theta_{t-1}\|}{\|h_t\|} h_t` with
    :math:`h_t = u_t + \lambda \theta_{t-1}` and :math:`u_t` from `scale_by_adam`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps
        As for `adam`.
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
    .. [1] Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR 2020,
       arXiv:1904.00962.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.lamb(0.1)
    >>> params = np.array([3.0, 3.0])
    >>> opt.update(np.array([3.0, -0.5]), opt.init(params), params)[0].round(4)
    array([-0.3,  0.3])
    """
    return chain(
        scale_by_adam(b1=b1, b2=b2, eps=eps),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_trust_ratio(),
        scale_by_learning_rate(learning_rate),
    )


def fromage(learning_rate: Rate, *, min_norm: Rate = 1e-6) -> Transform:
    r"""Fromage: steps in proportion to the layer, and a shrinkage that keeps its size.

    .. math::

        \theta_t = \frac{1}{\sqrt{1 + \eta^2}} \left( \theta_{t-1}
        - \eta \frac{\|\theta_{t-1}\|}{\|g_t\|} g_t \right)

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    min_norm : float, array of shape () or callable
        The smallest norm that is reckoned with.

    Returns
    -------
    Transform
        Its state is a `FromageState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] J. Bernstein et al., "On the distance between two neural networks and the stability of learning", NeurIPS
       2020, arXiv:2002.03432.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.fromage(0.75)
    >>> params = np.array([6.0, 8.0])
    >>> updates, _ = opt.update(np.array([0.3, -0.4]), opt.init(params), params)
    >>> (params + updates).round(4)
    array([ 1.2, 11.2])
    """

    def prepare(t: Any, rate: Any, min_norm: Any) -> tuple[Any, ...]:  # noqa: ARG001  # one signature for all
        shrinkage = 1 / xp.sqrt(1 + rate * rate)
        return rate * shrinkage, 1 - shrinkage, min_norm

    def rule(g: Any, p: Any, rate: Any, loss: Any, min_norm: Any) -> tuple[Any]:
        return (-(g * (_ratio(g, p, rate * 0 + 1, min_norm, rate * 0) * rate) + p * loss),)

    return per_leaf(
        "fromage",
        FromageState,
        rule,
        numbers={"learning_rate": Number(learning_rate, float("-inf")), "min_norm": Number(min_norm)},
        prepare=prepare,
        params=True,
    )
