"""ADOPT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, per_leaf, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ScaleByAdoptState", "adopt", "scale_by_adopt"]


class ScaleByAdoptState(NamedTuple):
    """State of `scale_by_adopt`."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    mu: Any
    nu: Any


def _fourth_root(count: Any) -> Any:
    return count**0.25


def scale_by_adopt(
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.9999,
    eps: Rate = 1e-6,
    nesterov: bool = False,
    clip_value: Callable[[Any], Any] | None = _fourth_root,
) -> Transform:
    r"""Return the transform of ADOPT without a learning rate.

    .. math::

        c_t = \mathrm{clip}\left( \frac{g_t}{\max(\sqrt{v_{t-1}}, \epsilon)}, \pm c(t - 1) \right), \quad
        u_t = m_t = b_1 m_{t-1} + (1 - b_1) c_t, \quad v_t = b_2 v_{t-1} + (1 - b_2) g_t^2

    for t > 1; the first step only sets :math:`v_1 = g_1^2`, and does not move.

    Parameters
    ----------
    b1, b2, eps : float, array of shape () or callable
        As for `adam`; a function gets the number of updates made before.
    nesterov : bool, default False
        Whether :math:`u_t = b_1 m_t + (1 - b_1) c_t`.
    clip_value : callable, optional
        :math:`c`, of the number of updates made before, a floating-point array of shape (); by default its fourth root.
        None: no clipping.

    Returns
    -------
    Transform
        Its state is a `ScaleByAdoptState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] S. Taniguchi et al., "ADOPT: modified Adam can converge with any beta2 with the optimal rate", NeurIPS 2024,
       arXiv:2411.02853.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_adopt(b1=0.5)
    >>> state = opt.init(np.zeros(2))
    >>> for _ in range(2):
    ...     updates, state = opt.update(np.array([3.0, -0.5]), state, np.zeros(2))
    >>> updates
    array([ 0.5, -0.5])
    """

    def prepare(t: Any, b1: Any, b2: Any, eps: Any) -> tuple[Any, ...]:
        later = xp.where(t > 1, t * 0 + 1, t * 0)
        bound = t if clip_value is None else clip_value(t - 1)
        return b1, 1 - b1, b2 * later, eps, later, bound

    def rule(
        g: Any, mu: Any, nu: Any, b1: Any, rest: Any, b2: Any, eps: Any, later: Any, bound: Any
    ) -> tuple[Any, Any, Any]:
        # At the first step there is nothing to divide by.
        scaled = g / xp.maximum(xp.sqrt(nu + (1 - later)), eps) * later
        if clip_value is not None:
            scaled = xp.minimum(xp.maximum(scaled, -bound), bound)
        mu = mu * b1 + scaled * rest
        step = mu * b1 + scaled * rest if nesterov else mu
        return step, mu, nu * b2 + g * g * (1 - b2)

    return per_leaf(
        "scale_by_adopt",
        ScaleByAdoptState,
        rule,
        numbers={"b1": Number(b1, 0.0, 1.0), "b2": Number(b2, 0.0, 1.0), "eps": Number(eps)},
        columns={"mu": zeros, "nu": zeros},
        prepare=prepare,
    )


def adopt(
    learning_rate: Rate,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.9999,
    eps: Rate = 1e-6,
    nesterov: bool = False,
    clip_value: Callable[[Any], Any] | None = _fourth_root,
) -> Transform:
    r"""ADOPT: Adam that divides a gradient by the second moment of those before it, and takes the mean afterwards.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_adopt`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps, nesterov, clip_value
        As for `scale_by_adopt`.

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
    .. [1] S. Taniguchi et al., "ADOPT: modified Adam can converge with any beta2 with the optimal rate", NeurIPS 2024,
       arXiv:2411.02853.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.adopt(0.1)
    >>> state = opt.init(np.zeros(2))
    >>> for _ in range(2):
    ...     updates, state = opt.update(np.array([3.0, -0.5]), state, np.zeros(2))
    >>> updates.round(4)
    array([-0.01,  0.01])
    """
    return chain(
        scale_by_adopt(b1=b1, b2=b2, eps=eps, nesterov=nesterov, clip_value=clip_value),
        scale_by_learning_rate(learning_rate),
    )
