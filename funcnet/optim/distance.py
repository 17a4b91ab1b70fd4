"""Rates from the distance gone so far: DoG, DoWG."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.optim.building import Number, Step, build, check_choice, copied
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Mask
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = ["ScaleByDogState", "ScaleByDowgState", "dog", "dowg", "scale_by_dog", "scale_by_dowg"]


class ScaleByDogState(NamedTuple):
    """State of `scale_by_dog`."""

    count: Any
    first: Any
    eps: Any
    distance: Any
    squares: Any
    start: Any


class ScaleByDowgState(NamedTuple):
    """State of `scale_by_dowg`."""

    count: Any
    eps: Any
    distance: Any
    squares: Any
    start: Any


def _squared_distance(p: Any, start: Any) -> Any:
    """Return the squared distance of two arrays."""
    difference = p - start
    return xp.sum(difference * difference)


def _scaled(g: Any, start: Any, factor: Any) -> tuple[Any, Any]:
    """Return a gradient times a number, and the first parameter as it was."""
    return g * factor, start


def scale_by_dog(*, init_step: tuple[str, float] = ("heuristic", 1e-6), eps: Rate = 1e-8) -> Transform:
    r"""Return the transform of DoG: the rate is distance over gradients.

    With norms over all parameters together,

    .. math::

        \bar r_t = \max(\bar r_{t-1}, \|\theta_{t-1} - \theta_0\|), \quad
        u_t = \frac{\bar r_t}{\sqrt{\sum_{i \le t} \|g_i\|^2 + \epsilon}} \, g_t

    Parameters
    ----------
    init_step : tuple of str and float
        How to begin: ``("heuristic", a)`` with :math:`\bar r_0 = a (1 + \|\theta_0\|)`, ``("distance", r)`` with
        :math:`\bar r_0 = r`, or ``("learning_rate", e)`` with a rate of e at the first step.
    eps : float, array of shape () or callable
        Not negative; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is a `ScaleByDogState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range, or the way to begin is unknown.

    References
    ----------
    .. [1] M. Ivgi, O. Hinder, Y. Carmon, "DoG is SGD's best friend: a parameter-free dynamic step size schedule", ICML
       2023, arXiv:2302.12022.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_dog(init_step=("distance", 0.5))
    >>> opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([0.3, 0.4])
    """
    if init_step.__class__ is not tuple or len(init_step) != 2:
        raise ParameterError(
            "optim.scale_by_dog got an init_step that it cannot use.",
            found=repr(init_step),
            needed="a tuple of a way to begin and a number",
            write='optim.scale_by_dog(init_step=("heuristic", 1e-6))',
        )
    way, value = init_step
    check_choice("scale_by_dog", "init_step", way, ("heuristic", "distance", "learning_rate"))

    def first_distance(params: list[Any]) -> Any:
        if way == "heuristic":
            return value * (1 + xp.sqrt(sum([xp.sum(p * p) for p in params])))
        return xp.sum(params[0] * 0) + (value if way == "distance" else 0.0)

    def whole(step: Step) -> list[Any]:
        first, eps = step.numbers
        distance, squares = step.totals
        gone = step.total(_squared_distance, step.params, step.columns[0])
        distance = xp.maximum(distance, xp.sqrt(gone))
        squares = squares + step.squared_norm(step.grads)
        step.totals = [distance, squares]
        rate = distance / xp.sqrt(squares + eps)
        if way == "learning_rate":
            rate = xp.where(step.t > 1, rate, first)
        return step.each(_scaled, rate)

    return build(
        "scale_by_dog",
        ScaleByDogState,
        whole,
        numbers={"init_step": Number(value), "eps": Number(eps)},
        totals={"distance": first_distance, "squares": 0.0},
        columns={"start": copied},
    )


def dog(
    learning_rate: Rate = 1.0,
    *,
    init_step: tuple[str, float] = ("heuristic", 1e-6),
    eps: Rate = 1e-8,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
) -> Transform:
    r"""DoG: gradient descent whose rate is distance over gradients.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_dog` of :math:`g_t + w \theta_{t-1}`. Use
    an average of the parameters at the end.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable, default 1
        :math:`\eta`; a function gets the number of updates made before.
    init_step, eps
        As for `scale_by_dog`.
    weight_decay : float, array of shape () or callable
        :math:`w`, a penalty of the loss.
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
    .. [1] M. Ivgi, O. Hinder, Y. Carmon, "DoG is SGD's best friend: a parameter-free dynamic step size schedule", ICML
       2023, arXiv:2302.12022.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.dog(init_step=("learning_rate", 0.1))
    >>> opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.3, -0.4])
    """
    return chain(
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_dog(init_step=init_step, eps=eps),
        scale_by_learning_rate(learning_rate),
    )


def scale_by_dowg(*, init_squared_distance: float | None = None, eps: Rate = 1e-4) -> Transform:
    r"""Return the transform of DoWG: the rate is squared distance over weighted gradients.

    With norms over all parameters together,

    .. math::

        r_t = \max(r_{t-1}, \|\theta_{t-1} - \theta_0\|^2), \quad v_t = v_{t-1} + r_t \|g_t\|^2, \quad
        u_t = \frac{r_t}{\sqrt{v_t} + \epsilon} \, g_t

    Parameters
    ----------
    init_squared_distance : float, optional
        :math:`r_0`; by default `eps`.
    eps : float, array of shape () or callable
        Not negative; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is a `ScaleByDowgState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] A. Khaled, K. Mishchenko, C. Jin, "DoWG unleashed: an efficient universal parameter-free gradient descent
       method", NeurIPS 2023, arXiv:2305.16284.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_dowg(init_squared_distance=0.25, eps=0.0)
    >>> opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([0.3, 0.4])
    """
    begin = init_squared_distance
    if begin is None:
        begin = 1e-4 if callable(eps) else eps

    def whole(step: Step) -> list[Any]:
        (eps,) = step.numbers
        distance, squares = step.totals
        distance = xp.maximum(distance, step.total(_squared_distance, step.params, step.columns[0]))
        squares = squares + distance * step.squared_norm(step.grads)
        step.totals = [distance, squares]
        return step.each(_scaled, distance / (xp.sqrt(squares) + eps))

    return build(
        "scale_by_dowg",
        ScaleByDowgState,
        whole,
        numbers={"eps": Number(eps)},
        totals={"distance": begin, "squares": 0.0},
        columns={"start": copied},
    )


def dowg(
    learning_rate: Rate = 1.0,
    *,
    init_squared_distance: float | None = None,
    eps: Rate = 1e-4,
    weight_decay: Rate = 0.0,
    mask: Mask = None,
) -> Transform:
    r"""DoWG: gradient descent whose rate is distance over weighted gradients.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_dowg` of :math:`g_t + w \theta_{t-1}`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable, default 1
        :math:`\eta`; a function gets the number of updates made before.
    init_squared_distance, eps
        As for `scale_by_dowg`.
    weight_decay, mask
        As for `dog`.

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
    .. [1] A. Khaled, K. Mishchenko, C. Jin, "DoWG unleashed: an efficient universal parameter-free gradient descent
       method", NeurIPS 2023, arXiv:2305.16284.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.dowg(init_squared_distance=0.25, eps=0.0)
    >>> opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.3, -0.4])
    """
    return chain(
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_dowg(init_squared_distance=init_squared_distance, eps=eps),
        scale_by_learning_rate(learning_rate),
    )
