"""Optimistic steps, for games and saddle points."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.adam import scale_by_adam
from funcnet.optim.adamw import scale_by_nadam
from funcnet.optim.building import Number, per_leaf, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain

__all__ = [
    "ScaleByOptimisticGradientState",
    "optimistic_adam_v2",
    "optimistic_gradient_descent",
    "scale_by_optimistic_gradient",
]


class ScaleByOptimisticGradientState(NamedTuple):
    """State of `scale_by_optimistic_gradient`."""

    count: Any
    alpha: Any
    beta: Any
    last: Any


def scale_by_optimistic_gradient(*, alpha: Rate = 1.0, beta: Rate = 1.0) -> Transform:
    r"""Return the transform that expects the gradient to change as it did: :math:`\alpha g_t + \beta (g_t - g_{t-1})`.

    Parameters
    ----------
    alpha, beta : float, array of shape () or callable
        The weights; a function gets the number of updates made before. At the first step :math:`g_0 = g_1`.

    Returns
    -------
    Transform
        Its state is a `ScaleByOptimisticGradientState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is no number.

    References
    ----------
    .. [1] A. Mokhtari, A. Ozdaglar, S. Pattathil, "A unified analysis of extra-gradient and optimistic gradient methods
       for saddle point problems", AISTATS 2020, arXiv:1901.08511.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_optimistic_gradient()
    >>> u1, state = opt.update(np.array([3.0]), opt.init(np.zeros(1)), np.zeros(1))
    >>> u2, state = opt.update(np.array([2.0]), state, np.zeros(1))
    >>> u1, u2
    (array([3.]), array([1.]))
    """

    def prepare(t: Any, alpha: Any, beta: Any) -> tuple[Any, ...]:
        return alpha, xp.where(t > 1, beta, beta * 0)

    def rule(g: Any, last: Any, alpha: Any, beta: Any) -> tuple[Any, Any]:
        return g * alpha + (g - last) * beta, g

    return per_leaf(
        "scale_by_optimistic_gradient",
        ScaleByOptimisticGradientState,
        rule,
        numbers={"alpha": Number(alpha, float("-inf")), "beta": Number(beta, float("-inf"))},
        columns={"last": zeros},
        prepare=prepare,
    )


def optimistic_gradient_descent(learning_rate: Rate, *, alpha: Rate = 1.0, beta: Rate = 1.0) -> Transform:
    r"""Optimistic gradient descent.

    :math:`\theta_t = \theta_{t-1} - \eta (\alpha g_t + \beta (g_t - g_{t-1}))`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    alpha, beta
        As for `scale_by_optimistic_gradient`.

    Returns
    -------
    Transform
        A chain.

    Raises
    ------
    ParameterError
        If a hyperparameter is no number.

    References
    ----------
    .. [1] A. Mokhtari, A. Ozdaglar, S. Pattathil, "A unified analysis of extra-gradient and optimistic gradient methods
       for saddle point problems", AISTATS 2020, arXiv:1901.08511.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.optimistic_gradient_descent(0.1)
    >>> opt.update(np.array([3.0]), opt.init(np.zeros(1)), np.zeros(1))[0].round(4)
    array([-0.3])
    """
    return chain(scale_by_optimistic_gradient(alpha=alpha, beta=beta), scale_by_learning_rate(learning_rate))


def optimistic_adam_v2(
    learning_rate: Rate,
    *,
    alpha: Rate = 1.0,
    beta: Rate = 1.0,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    nesterov: bool = True,
) -> Transform:
    r"""Optimistic Adam.

    :math:`\theta_t = \theta_{t-1} - \eta (\alpha u_t + \beta (u_t - u_{t-1}))` with :math:`u_t` from `scale_by_nadam`,
    or `scale_by_adam` without Nesterov's momentum.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    alpha, beta
        As for `scale_by_optimistic_gradient`.
    b1, b2, eps
        As for `adam`.
    nesterov : bool, default True
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
    .. [1] C. Daskalakis et al., "Training GANs with optimism", ICLR 2018, arXiv:1711.00141.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.optimistic_adam_v2(0.1, nesterov=False)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.1,  0.1])
    """
    inner = scale_by_nadam if nesterov else scale_by_adam
    return chain(
        inner(b1=b1, b2=b2, eps=eps),
        scale_by_optimistic_gradient(alpha=alpha, beta=beta),
        scale_by_learning_rate(learning_rate),
    )
