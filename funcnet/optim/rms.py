"""Division by the root of the mean of squares: RMSProp."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, per_leaf, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.trace import trace
from funcnet.optim.transform import Transform, chain

__all__ = ["ScaleByRmsState", "ScaleByStddevState", "rmsprop", "scale_by_rms", "scale_by_stddev"]


class ScaleByRmsState(NamedTuple):
    """State of `scale_by_rms`."""

    count: Any
    decay: Any
    eps: Any
    nu: Any


class ScaleByStddevState(NamedTuple):
    """State of `scale_by_stddev`."""

    count: Any
    decay: Any
    eps: Any
    mu: Any
    nu: Any


def scale_by_rms(
    *,
    decay: Rate = 0.9,
    eps: Rate = 1e-8,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> Transform:
    r"""Return the transform that divides updates by the root of the mean of their squares.

    .. math:: v_t = d v_{t-1} + (1 - d) g_t^2, \quad u_t = g_t / \sqrt{v_t + \epsilon}

    Parameters
    ----------
    decay, eps : float, array of shape () or callable
        :math:`d`, from 0 to below 1, and :math:`\epsilon`; a function gets the number of updates made before.
    initial_scale : float, default 0
        :math:`v_0`.
    eps_in_sqrt : bool, default True
        Whether :math:`\epsilon` is inside of the root, as in Optax and TensorFlow; PyTorch adds it outside.
    bias_correction : bool, default False
        Whether :math:`v_t` is divided by :math:`1 - d^t`, as in Adam.

    Returns
    -------
    Transform
        Its state is a `ScaleByRmsState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", Coursera: Neural networks for machine learning, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_rms(decay=0.75, eps=0.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([ 2., -2.])
    """

    def prepare(t: Any, decay: Any, eps: Any) -> tuple[Any, ...]:
        return decay, eps, _correction(t, decay, bias_correction)

    def rule(g: Any, nu: Any, decay: Any, eps: Any, factor: Any) -> tuple[Any, Any]:
        nu = nu * decay + g * g * (1 - decay)
        return g / _root(nu * factor, eps, eps_in_sqrt), nu

    return per_leaf(
        "scale_by_rms",
        ScaleByRmsState,
        rule,
        numbers={"decay": Number(decay, 0.0, 1.0), "eps": Number(eps)},
        columns={"nu": lambda p: zeros(p) + initial_scale},
        prepare=prepare,
    )


def scale_by_stddev(
    *,
    decay: Rate = 0.9,
    eps: Rate = 1e-8,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> Transform:
    r"""Return the transform that divides updates by their standard deviation over the steps.

    .. math::

        m_t = d m_{t-1} + (1 - d) g_t, \quad v_t = d v_{t-1} + (1 - d) g_t^2, \quad
        u_t = g_t / \sqrt{v_t - m_t^2 + \epsilon}

    Parameters
    ----------
    decay, eps, initial_scale, eps_in_sqrt, bias_correction
        As for `scale_by_rms`; the correction is that of both means.

    Returns
    -------
    Transform
        Its state is a `ScaleByStddevState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] A. Graves, "Generating sequences with recurrent neural networks", 2013, arXiv:1308.0850.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_stddev(decay=0.5, eps=0.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([ 2., -2.])
    """

    def prepare(t: Any, decay: Any, eps: Any) -> tuple[Any, ...]:
        return decay, eps, _correction(t, decay, bias_correction)

    def rule(g: Any, mu: Any, nu: Any, decay: Any, eps: Any, factor: Any) -> tuple[Any, Any, Any]:
        mu = mu * decay + g * (1 - decay)
        nu = nu * decay + g * g * (1 - decay)
        mean = mu * factor
        return g / _root(nu * factor - mean * mean, eps, eps_in_sqrt), mu, nu

    return per_leaf(
        "scale_by_stddev",
        ScaleByStddevState,
        rule,
        numbers={"decay": Number(decay, 0.0, 1.0), "eps": Number(eps)},
        columns={"mu": zeros, "nu": lambda p: zeros(p) + initial_scale},
        prepare=prepare,
    )


def rmsprop(
    learning_rate: Rate,
    *,
    decay: Rate = 0.9,
    eps: Rate = 1e-8,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool = True,
    centered: bool = False,
    momentum: Rate | None = None,
    nesterov: bool = False,
    bias_correction: bool = False,
) -> Transform:
    r"""RMSProp.

    .. math:: v_t = d v_{t-1} + (1 - d) g_t^2, \quad \theta_t = \theta_{t-1} - \eta g_t / \sqrt{v_t + \epsilon}

    PyTorch's RMSprop is this with ``decay=0.99, eps_in_sqrt=False``.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    decay, eps, initial_scale, eps_in_sqrt, bias_correction
        As for `scale_by_rms`.
    centered : bool, default False
        Whether to divide by the standard deviation (`scale_by_stddev`) instead.
    momentum : float, array of shape () or callable, optional
        Decay of a `trace` of the updates, learning rate included.
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
    .. [1] T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", Coursera: Neural networks for machine learning, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.rmsprop(0.1, decay=0.75, eps=0.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([-0.2,  0.2])
    """
    parts = [
        (scale_by_stddev if centered else scale_by_rms)(
            decay=decay,
            eps=eps,
            initial_scale=initial_scale,
            eps_in_sqrt=eps_in_sqrt,
            bias_correction=bias_correction,
        ),
        scale_by_learning_rate(learning_rate),
    ]
    if momentum is not None:
        parts.append(trace(momentum, nesterov=nesterov))
    return chain(*parts)


def _correction(t: Any, decay: Any, wanted: bool) -> Any:
    return 1 / (1 - decay**t) if wanted else t * 0 + 1


def _root(square: Any, eps: Any, inside: bool) -> Any:
    return xp.sqrt(square + eps) if inside else xp.sqrt(square) + eps
