"""SM3: Adagrad whose memory grows with the sum of an array's dimensions, not with their product."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, per_leaf, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain

__all__ = ["ScaleBySm3State", "scale_by_sm3", "sm3"]


class ScaleBySm3State(NamedTuple):
    """State of `scale_by_sm3`; ``accumulators`` has those of all axes of an array behind each other."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    accumulators: Any
    mu: Any


def scale_by_sm3(*, b1: Rate = 0.9, b2: Rate = 1.0, eps: Rate = 1e-8) -> Transform:
    r"""Return the transform of SM3 without a learning rate.

    For an array of two dimensions or more there is an accumulator :math:`a^{(k)}` with one number for each index of
    each axis k:

    .. math::

        v_t = b_2 \min_k a^{(k)}_{t-1} + (1 - b_2) g_t^2, \quad a^{(k)}_t = \max_{\text{other axes}} v_t, \quad
        u_t = b_1 u_{t-1} + (1 - b_1) g_t / \sqrt{v_t + \epsilon}

    with :math:`g_t^2` added whole if :math:`b_2 = 1`, as in Adagrad, which this is for arrays of fewer dimensions.

    Parameters
    ----------
    b1, b2 : float, array of shape () or callable
        Decay of the mean of updates, from 0 to below 1, and of the accumulators, from 0 to 1; a function gets the
        number of updates made before.
    eps : float, array of shape () or callable
        Not negative. Where :math:`v_t = 0` the update is 0.

    Returns
    -------
    Transform
        Its state is a `ScaleBySm3State`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] R. Anil et al., "Memory-efficient adaptive optimization", NeurIPS 2019, arXiv:1901.11150.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_sm3(b1=0.0, eps=0.0)
    >>> params = np.zeros((2, 3))
    >>> updates, state = opt.update(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), opt.init(params), params)
    >>> state.accumulators
    array([ 9., 36., 16., 25., 36.])
    """

    def prepare(t: Any, b1: Any, b2: Any, eps: Any) -> tuple[Any, ...]:  # noqa: ARG001  # one signature for all
        return b1, b2, eps, xp.where(b2 < 1, 1 - b2, b2 * 0 + 1)

    def rule(g: Any, accumulators: Any, mu: Any, b1: Any, b2: Any, eps: Any, share: Any) -> tuple[Any, Any, Any]:
        total = _smallest(accumulators, tuple(g.shape)) * b2 + g * g * share
        empty = total <= 0
        scaled = xp.where(empty, g * 0, g / xp.sqrt(xp.where(empty, total + 1, total) + eps))
        mu = mu * b1 + scaled * (1 - b1)
        return mu, _largest(total), mu

    return per_leaf(
        "scale_by_sm3",
        ScaleBySm3State,
        rule,
        numbers={"b1": Number(b1, 0.0, 1.0), "b2": Number(b2, 0.0, 1.0, closed_high=True), "eps": Number(eps)},
        columns={"accumulators": _begin, "mu": zeros},
        prepare=prepare,
    )


def _begin(p: Any) -> Any:
    return _largest(zeros(p))


def _largest(total: Any) -> Any:
    """Return the largest numbers along each axis, behind each other."""
    axes = range(total.ndim)
    if 0 in total.shape:
        return xp.reshape(total, (-1,))
    if total.ndim < 2:
        return total
    return xp.concat([xp.max(total, axis=tuple(j for j in axes if j != k)) for k in axes])


def _smallest(accumulators: Any, shape: tuple[int, ...]) -> Any:
    """Return what the accumulators of all axes agree on, in the shape of the array or one that broadcasts to it."""
    if len(shape) < 2 or 0 in shape:
        return xp.reshape(accumulators, shape)
    result: Any = None
    first = 0
    for k, size in enumerate(shape):
        one = xp.reshape(accumulators[first : first + size], tuple(size if j == k else 1 for j in range(len(shape))))
        result = one if result is None else xp.minimum(result, one)
        first += size
    return result


def sm3(learning_rate: Rate, *, momentum: Rate = 0.9) -> Transform:
    r"""SM3.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_sm3`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    momentum : float, array of shape () or callable
        :math:`b_1` of `scale_by_sm3`.

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
    .. [1] R. Anil et al., "Memory-efficient adaptive optimization", NeurIPS 2019, arXiv:1901.11150.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.sm3(0.1, momentum=0.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.1,  0.1])
    """
    return chain(scale_by_sm3(b1=momentum), scale_by_learning_rate(learning_rate))
