"""Gradient descent, with momentum."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import tree, xp
from funcnet.errors import ParameterError
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.transform import Transform

__all__ = ["ScaleState", "SgdState", "scale", "scale_by_learning_rate", "sgd"]


class ScaleState(NamedTuple):
    """State of `scale` and `scale_by_learning_rate`."""

    count: Any
    factor: Any


class SgdState(NamedTuple):
    """State of `sgd`; the velocity is None without momentum."""

    count: Any
    learning_rate: Any
    momentum: Any
    velocity: Any


def scale(factor: float) -> Transform:
    """Return the transform that multiplies updates by a number.

    Parameters
    ----------
    factor : float or array of shape ()
        The number, a leaf of the state.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale(-0.5)
    >>> opt.update(np.array([2.0]), opt.init(np.array([1.0])), np.array([1.0]))[0]
    array([-1.])
    """
    leaves.check_number("scale", "factor", factor, float("-inf"), float("inf"))
    return _scaled("scale", factor, 1)


def scale_by_learning_rate(learning_rate: leaves.Rate) -> Transform:
    """Return the transform that multiplies updates by minus the learning rate: the last one of a chain.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        As for `sgd`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_learning_rate(lambda step: 0.5 / (step + 1))
    >>> state = opt.init(np.array([1.0]))
    >>> u0, state = opt.update(np.array([2.0]), state, np.array([1.0]))
    >>> u1, state = opt.update(np.array([2.0]), state, np.array([1.0]))
    >>> u0, u1
    (array([-1.]), array([-0.5]))
    """
    leaves.check_rate("scale_by_learning_rate", learning_rate)
    return _scaled("scale_by_learning_rate", learning_rate, -1)


def _scaled(name: str, factor: Any, sign: int) -> Transform:
    def init(params: Any) -> ScaleState:
        leaf = leaves.first_leaf(params, name)
        return ScaleState(*_count_and_rate(leaf, factor))

    def update(updates: Any, state: ScaleState, params: Any) -> tuple[Any, ScaleState]:
        _, structure, given = leaves.paired(params, updates, "the updates")
        rate = leaves.rate_at(factor, state.factor, state.count)
        scalars = leaves.Scalars(rate if sign == 1 else xp.negative(rate))
        scaled = [None if u is None else u * scalars.of(u.dtype)[0] for u in given]
        return tree.unflatten(structure, scaled), ScaleState(xp.add(state.count, 1), rate)

    return Transform(init, update)


def sgd(learning_rate: leaves.Rate, *, momentum: float = 0.0, nesterov: bool = False) -> Transform:
    r"""Stochastic gradient descent.

    :math:`v_t = m v_{t-1} + g_t`, and :math:`\theta_t = \theta_{t-1} - \eta v_t`; with Nesterov's momentum
    :math:`\theta_t = \theta_{t-1} - \eta (g_t + m v_t)`. The velocity begins as 0. This equals PyTorch's and Optax's.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before, a floating-point array
        of shape ().
    momentum : float, default 0
        :math:`m`, from 0 to below 1. At 0 there is no velocity to keep.
    nesterov : bool, default False
        Whether to look ahead.

    Returns
    -------
    Transform
        Its state is an `SgdState`: the learning rate and the momentum are leaves of it.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep
       learning", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.sgd(0.1, momentum=0.9)
    >>> params = np.array([1.0])
    >>> state = opt.init(params)
    >>> for _ in range(2):
    ...     updates, state = opt.update(np.array([1.0]), state, params)
    ...     params = optim.apply_updates(params, updates)
    >>> params
    array([0.71])
    """
    leaves.check_rate("sgd", learning_rate)
    leaves.check_number("sgd", "momentum", momentum, 0.0, 1.0)
    plain = not hasattr(momentum, "shape") and momentum == 0
    if nesterov and plain:
        raise ParameterError(
            "optim.sgd got nesterov=True without momentum.",
            found=f"momentum={momentum!r}",
            needed="a momentum above 0",
            write="optim.sgd(learning_rate, momentum=0.9, nesterov=True)",
        )

    def init(params: Any) -> SgdState:
        leaf = leaves.first_leaf(params, "sgd")
        count, rate = _count_and_rate(leaf, learning_rate)
        if plain:
            return SgdState(count, rate, None, None)
        return SgdState(count, rate, leaves.float_of(momentum, leaf, rate.dtype), leaves.moments(params))

    def update(updates: Any, state: SgdState, params: Any) -> tuple[Any, SgdState]:
        _, structure, given = leaves.paired(params, updates, "the gradients")
        rate = leaves.rate_at(learning_rate, state.learning_rate, state.count)
        count = xp.add(state.count, 1)
        if plain:
            scalars = leaves.Scalars(xp.negative(rate))
            steps = [None if g is None else g * scalars.of(g.dtype)[0] for g in given]
            return tree.unflatten(structure, steps), SgdState(count, rate, None, None)
        scalars = leaves.Scalars(xp.negative(rate), state.momentum)
        velocity, velocities = leaves.flat_like(structure, state.velocity, "the velocity")
        steps: list[Any] = []
        for i, g in enumerate(given):
            if g is None:
                steps.append(None)
                continue
            v = velocity[i]
            step, m = scalars.of(v.dtype)
            wide = cast(g, v.dtype)
            v = velocity[i] = m * v + wide
            u = (wide + m * v if nesterov else v) * step
            steps.append(cast(u, g.dtype))
        new = SgdState(count, rate, state.momentum, tree.unflatten(velocities, velocity))
        return tree.unflatten(structure, steps), new

    return Transform(init, update)


def _count_and_rate(leaf: Any, rate: Any) -> tuple[Any, Any]:
    """Return the count 0 and the first learning rate, beside a leaf of the parameters."""
    count, dtype = leaves.count_of(leaf), leaves.wide_dtype(leaf)
    return count, leaves.first_rate(rate, leaf, count, dtype)
