"""Schedule-free learning: an average of the parameters instead of a schedule."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import tree, xp
from funcnet.errors import ParameterError
from funcnet.optim.building import Number, Step, build, copied
from funcnet.optim.leaves import Rate, Scalars
from funcnet.optim.rms import scale_by_rms
from funcnet.optim.schedules import warmup_constant
from funcnet.optim.sgd import scale_by_learning_rate, sgd
from funcnet.optim.transform import Transform, chain
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = [
    "ScheduleFreeState",
    "schedule_free",
    "schedule_free_adamw",
    "schedule_free_eval_params",
    "schedule_free_sgd",
]


class ScheduleFreeState(NamedTuple):
    """State of `schedule_free`; ``z`` is where the inner optimizer is, ``inner`` its state."""

    count: Any
    learning_rate: Any
    b1: Any
    weight_lr_power: Any
    weight_sum: Any
    max_rate: Any
    z: Any
    inner: Any


def schedule_free(inner: Transform, learning_rate: Rate, *, b1: Rate = 0.9, weight_lr_power: Rate = 2.0) -> Transform:
    r"""Return an optimizer whose gradients are taken between another's iterates and their average.

    With the update :math:`u_t` of the inner optimizer,

    .. math::

        z_t = z_{t-1} + u_t, \quad x_t = (1 - c_t) x_{t-1} + c_t z_t, \quad
        c_t = \frac{\bar\eta_t^p}{\sum_{i \le t} \bar\eta_i^p}, \quad y_t = b_1 x_t + (1 - b_1) z_t

    The parameters are :math:`y`, where gradients are taken; `schedule_free_eval_params` gives :math:`x`, which is what
    to use. :math:`\bar\eta_t` is the largest learning rate so far.

    Parameters
    ----------
    inner : Transform
        The optimizer, without momentum, learning rate included.
    learning_rate : float, array of shape () or callable
        The rate of `inner`, for the weights :math:`c_t`. A function gets the number of this update, from 1, so that a
        warm-up from 0 does not begin with a weight of 0.
    b1 : float, array of shape () or callable
        :math:`b_1`, above 0 and below 1.
    weight_lr_power : float, array of shape () or callable
        p, not negative.

    Returns
    -------
    Transform
        Its state is a `ScheduleFreeState`. Its ``update`` takes the keyword arguments of `inner`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] A. Defazio et al., "The road less scheduled", NeurIPS 2024, arXiv:2405.15682.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.schedule_free(optim.sgd(0.5), 0.5)
    >>> params = np.array([1.0])
    >>> state = opt.init(params)
    >>> for _ in range(2):
    ...     updates, state = opt.update(np.array([1.0]), state, params)
    ...     params = optim.apply_updates(params, updates)
    >>> params, optim.schedule_free_eval_params(state, params)
    (array([0.225]), array([0.25]))
    """

    def whole(step: Step) -> list[Any]:
        rate, b1, power = step.numbers
        weights, top = step.totals
        top = xp.maximum(top, rate)
        weight = top**power
        weights = weights + weight
        empty = weights <= 0
        share = xp.where(empty, weight * 0, weight / xp.where(empty, weights + 1, weights))
        step.totals = [weights, top]
        steps, step.inner[0] = step.run(inner, step.inner[0], step.grads, step.params)
        step.grads = steps
        return step.each(_between, b1, share, params=True)

    given: Any = learning_rate

    def of_this_update(count: Any) -> Any:
        return given(count + 1)

    return build(
        "schedule_free",
        ScheduleFreeState,
        whole,
        numbers={
            "learning_rate": Number(of_this_update if callable(given) else given),
            "b1": Number(b1, 0.0, 1.0, open_low=True),
            "weight_lr_power": Number(weight_lr_power),
        },
        totals={"weight_sum": 0.0, "max_rate": 0.0},
        columns={"z": copied},
        inner={"inner": inner},
    )


def _between(u: Any, y: Any, z: Any, b1: Any, share: Any) -> tuple[Any, Any]:
    average = (y - z * (1 - b1)) / b1
    z = z + u
    average = average * (1 - share) + z * share
    return average * b1 + z * (1 - b1) - y, z


def schedule_free_eval_params(state: ScheduleFreeState, params: Any) -> Any:
    r"""Return the averaged parameters, which are what to evaluate and keep: :math:`x = (y - (1 - b_1) z) / b_1`.

    Parameters
    ----------
    state : ScheduleFreeState
        The state of `schedule_free`.
    params : pytree of arrays
        The parameters :math:`y`.

    Returns
    -------
    pytree of arrays
        Of the data types of `params`.

    Raises
    ------
    ParameterError
        If the state is that of another optimizer.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.schedule_free_sgd(0.5)
    >>> params = np.array([1.0])
    >>> updates, state = opt.update(np.array([1.0]), opt.init(params), params)
    >>> optim.schedule_free_eval_params(state, optim.apply_updates(params, updates))
    array([0.5])
    """
    given: Any = state
    if not isinstance(given, ScheduleFreeState):
        raise ParameterError(
            "optim.schedule_free_eval_params got the state of another optimizer.",
            found=type(given).__name__,
            needed="the ScheduleFreeState of optim.schedule_free",
            write="the member of the tuple that is one, if it is part of a chain",
        )
    scalars = Scalars(state.b1)

    def average(y: Any, z: Any) -> Any:
        (b1,) = scalars.of(z.dtype)
        return xp.astype((xp.astype(y, z.dtype) - z * (1 - b1)) / b1, y.dtype)

    return tree.map(average, params, state.z)


def _warm(learning_rate: Any, warmup_steps: int | None) -> Any:
    return learning_rate if warmup_steps is None else warmup_constant(0.0, learning_rate, warmup_steps)


def schedule_free_sgd(
    learning_rate: float = 1.0,
    *,
    warmup_steps: int | None = None,
    b1: Rate = 0.9,
    weight_decay: Rate = 0.0,
    weight_lr_power: Rate = 2.0,
) -> Transform:
    r"""Schedule-free gradient descent.

    `schedule_free` around `sgd` of :math:`g_t + w y_{t-1}`.

    Parameters
    ----------
    learning_rate : float or array of shape ()
        The rate.
    warmup_steps : int, optional
        Over how many steps it grows from 0.
    b1, weight_lr_power
        As for `schedule_free`.
    weight_decay : float, array of shape () or callable
        :math:`w`, a penalty of the loss.

    Returns
    -------
    Transform
        Its state is a `ScheduleFreeState`; see `schedule_free_eval_params`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] A. Defazio et al., "The road less scheduled", NeurIPS 2024, arXiv:2405.15682.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.schedule_free_sgd(0.5)
    >>> params = np.array([1.0])
    >>> opt.update(np.array([1.0]), opt.init(params), params)[0]
    array([-0.5])
    """
    rate = _warm(learning_rate, warmup_steps)
    inner = chain(add_decayed_weights(weight_decay), sgd(rate))
    return schedule_free(inner, rate, b1=b1, weight_lr_power=weight_lr_power)


def schedule_free_adamw(
    learning_rate: float = 0.0025,
    *,
    warmup_steps: int | None = None,
    b1: Rate = 0.9,
    b2: Rate = 0.999,
    eps: Rate = 1e-8,
    weight_decay: Rate = 0.0,
    weight_lr_power: Rate = 2.0,
) -> Transform:
    r"""Schedule-free AdamW.

    `schedule_free` around `adamw` without a first moment, for which :math:`b_1` of the average stands in.

    Parameters
    ----------
    learning_rate : float or array of shape ()
        The rate.
    warmup_steps : int, optional
        Over how many steps it grows from 0.
    b1, weight_lr_power
        As for `schedule_free`.
    b2, eps, weight_decay
        As for `adamw`.

    Returns
    -------
    Transform
        Its state is a `ScheduleFreeState`; see `schedule_free_eval_params`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] A. Defazio et al., "The road less scheduled", NeurIPS 2024, arXiv:2405.15682.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.schedule_free_adamw(0.5)
    >>> params = np.array([1.0])
    >>> opt.update(np.array([3.0]), opt.init(params), params)[0].round(4)
    array([-0.5])
    """
    rate = _warm(learning_rate, warmup_steps)
    inner = chain(
        scale_by_rms(decay=b2, eps=eps, eps_in_sqrt=False, bias_correction=True),
        add_decayed_weights(weight_decay),
        scale_by_learning_rate(rate),
    )
    return schedule_free(inner, rate, b1=b1, weight_lr_power=weight_lr_power)
