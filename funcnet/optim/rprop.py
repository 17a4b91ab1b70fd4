"""Resilient backpropagation."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim import leaves
from funcnet.optim.building import Number, per_leaf, zeros
from funcnet.optim.sgd import scale
from funcnet.optim.transform import Transform, chain

__all__ = ["ScaleByRpropState", "rprop", "scale_by_rprop"]


class ScaleByRpropState(NamedTuple):
    """State of `scale_by_rprop`: the step of each element, and the last gradient that counted."""

    count: Any
    eta_minus: Any
    eta_plus: Any
    min_step_size: Any
    max_step_size: Any
    step_sizes: Any
    last: Any


def scale_by_rprop(
    learning_rate: float,
    *,
    eta_minus: leaves.Rate = 0.5,
    eta_plus: leaves.Rate = 1.2,
    min_step_size: leaves.Rate = 1e-6,
    max_step_size: leaves.Rate = 50.0,
) -> Transform:
    r"""Return the transform of Rprop, up to the sign.

    Each element has a step :math:`s` of its own:

    .. math::

        s_t = \mathrm{clip}\left( s_{t-1} \cdot
        \begin{cases} \eta^+ & g_{t-1} g_t > 0 \\ \eta^- & g_{t-1} g_t < 0 \\ 1 & \text{else} \end{cases} \right),
        \quad u_t = \begin{cases} 0 & g_{t-1} g_t < 0 \\ s_t \, \mathrm{sign}(g_t) & \text{else} \end{cases}

    After a change of sign :math:`g_t` counts as 0 at the next step.

    Parameters
    ----------
    learning_rate : float or array of shape ()
        :math:`s_0`. The steps in the state take its place: change those.
    eta_minus, eta_plus : float, array of shape () or callable
        By how much steps shrink and grow; a function gets the number of updates made before.
    min_step_size, max_step_size : float, array of shape () or callable
        The bounds of steps.

    Returns
    -------
    Transform
        Its state is a `ScaleByRpropState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] M. Riedmiller, H. Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm",
       IEEE International Conference on Neural Networks 1993.
    .. [2] C. Igel, M. Huesken, "Improving the Rprop learning algorithm", NC 2000: the variant called iRprop-.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_rprop(0.1)
    >>> state = opt.init(np.zeros(2))
    >>> _, state = opt.update(np.array([3.0, -0.5]), state, np.zeros(2))
    >>> opt.update(np.array([3.0, 0.5]), state, np.zeros(2))[0]
    array([0.12, 0.  ])
    """
    leaves.check_number("scale_by_rprop", "learning rate", learning_rate, 0.0, float("inf"))

    def rule(g: Any, size: Any, last: Any, minus: Any, plus: Any, low: Any, high: Any) -> tuple[Any, Any, Any]:
        agreement = g * last
        changed = xp.minimum(xp.maximum(size * xp.where(agreement > 0, plus, minus), low), high)
        size = xp.where(agreement == 0, size, changed)
        counted = xp.where(agreement < 0, g * 0, g)
        return size * xp.sign(counted), size, counted

    def begin(p: Any) -> Any:
        blank = zeros(p)
        return blank + leaves.float_of(learning_rate, p, blank.dtype)

    return per_leaf(
        "scale_by_rprop",
        ScaleByRpropState,
        rule,
        numbers={
            "eta_minus": Number(eta_minus, 0.0, 1.0),
            "eta_plus": Number(eta_plus, 1.0),
            "min_step_size": Number(min_step_size),
            "max_step_size": Number(max_step_size),
        },
        columns={"step_sizes": begin, "last": zeros},
    )


def rprop(
    learning_rate: float,
    *,
    eta_minus: leaves.Rate = 0.5,
    eta_plus: leaves.Rate = 1.2,
    min_step_size: leaves.Rate = 1e-6,
    max_step_size: leaves.Rate = 50.0,
) -> Transform:
    r"""Rprop, for gradients of all the data: only their signs count.

    :math:`\theta_t = \theta_{t-1} - u_t` with :math:`u_t` from `scale_by_rprop`. This equals PyTorch's; Optax
    makes each step one update later.

    Parameters
    ----------
    learning_rate : float or array of shape ()
        The first step of each element. The steps in the state take its place: change those.
    eta_minus, eta_plus, min_step_size, max_step_size
        As for `scale_by_rprop`.

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
    .. [1] M. Riedmiller, H. Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm",
       IEEE International Conference on Neural Networks 1993.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.rprop(0.1)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([-0.1,  0.1])
    """
    return chain(
        scale_by_rprop(
            learning_rate,
            eta_minus=eta_minus,
            eta_plus=eta_plus,
            min_step_size=min_step_size,
            max_step_size=max_step_size,
        ),
        scale(-1.0),
    )
