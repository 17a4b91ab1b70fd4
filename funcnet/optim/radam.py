"""Rectified Adam."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, per_leaf, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain

__all__ = ["ScaleByRadamState", "radam", "scale_by_radam"]


class ScaleByRadamState(NamedTuple):
    """State of `scale_by_radam`."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    threshold: Any
    mu: Any
    nu: Any


def scale_by_radam(*, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-8, threshold: Rate = 5.0) -> Transform:
    r"""Return the transform of rectified Adam without a learning rate.

    With the moments of `adam`, :math:`\rho_\infty = 2 / (1 - b_2) - 1` and
    :math:`\rho_t = \rho_\infty - 2 t b_2^t / (1 - b_2^t)`,

    .. math::

        u_t = \frac{m_t}{1 - b_1^t} \cdot \begin{cases}
        \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}} \Big/
        \left( \sqrt{v_t / (1 - b_2^t)} + \epsilon \right) & \rho_t \ge \text{threshold} \\ 1 & \text{else}
        \end{cases}

    Parameters
    ----------
    b1, b2, eps : float, array of shape () or callable
        As for `adam`; a function gets the number of updates made before.
    threshold : float, array of shape () or callable
        From which :math:`\rho_t` on gradients are divided; at least 4.

    Returns
    -------
    Transform
        Its state is a `ScaleByRadamState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] L. Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020, arXiv:1908.03265.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_radam()
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]  # too early to divide
    array([ 3. , -0.5])
    """

    def prepare(t: Any, b1: Any, b2: Any, eps: Any, threshold: Any) -> tuple[Any, ...]:
        end = 2 / (1 - b2) - 1
        power = b2**t
        now = end - 2 * t * power / (1 - power)
        # Below the threshold the root may be that of a negative number.
        late = xp.maximum(now, threshold)
        root = xp.sqrt(1 - power)
        size = xp.sqrt((late - 4) * (late - 2) * end / ((end - 4) * (end - 2) * late))
        flag = xp.where(now >= threshold, t * 0 + 1, t * 0)
        return b1, b2, eps * root, 1 / (1 - b1**t), size * root, flag

    def rule(
        g: Any, mu: Any, nu: Any, b1: Any, b2: Any, eps: Any, of_mean: Any, size: Any, flag: Any
    ) -> tuple[Any, Any, Any]:
        mu = mu * b1 + g * (1 - b1)
        nu = nu * b2 + g * g * (1 - b2)
        mean = mu * of_mean
        return xp.where(flag > 0, mean * size / (xp.sqrt(nu) + eps), mean), mu, nu

    return per_leaf(
        "scale_by_radam",
        ScaleByRadamState,
        rule,
        numbers={
            "b1": Number(b1, 0.0, 1.0),
            "b2": Number(b2, 0.0, 1.0),
            "eps": Number(eps),
            "threshold": Number(threshold, 4.0),
        },
        columns={"mu": zeros, "nu": zeros},
        prepare=prepare,
    )


def radam(
    learning_rate: Rate, *, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-8, threshold: Rate = 5.0
) -> Transform:
    r"""Rectified Adam: momentum until the second moment is known well enough to divide by it.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_radam`. This equals Optax's, and
    PyTorch's but for the place of `eps`, which PyTorch adds before the correction of the bias.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps, threshold
        As for `scale_by_radam`.

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
    .. [1] L. Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020, arXiv:1908.03265.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.radam(0.1)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.3 ,  0.05])
    """
    return chain(scale_by_radam(b1=b1, b2=b2, eps=eps, threshold=threshold), scale_by_learning_rate(learning_rate))
