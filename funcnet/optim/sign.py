"""Steps by the sign of a gradient or of a mean of gradients: sign descent, Signum, Lion."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, check_choice, per_leaf, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Mask
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = [
    "ScaleByLionState",
    "ScaleBySignState",
    "ScaleBySignumState",
    "lion",
    "scale_by_lion",
    "scale_by_sign",
    "scale_by_signum",
    "sign_sgd",
    "signum",
]


class ScaleBySignState(NamedTuple):
    """State of `scale_by_sign`."""

    count: Any


class ScaleBySignumState(NamedTuple):
    """State of `scale_by_signum`."""

    count: Any
    beta: Any
    mu: Any


class ScaleByLionState(NamedTuple):
    """State of `scale_by_lion`."""

    count: Any
    b1: Any
    b2: Any
    mu: Any


def scale_by_sign() -> Transform:
    """Return the transform that replaces updates by their signs, which are -1, 0 or 1.

    Returns
    -------
    Transform
        Its state is a `ScaleBySignState`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_sign()
    >>> opt.update(np.array([3.0, -0.5, 0.0]), opt.init(np.zeros(3)), np.zeros(3))[0]
    array([ 1., -1.,  0.])
    """

    def rule(g: Any) -> tuple[Any]:
        return (xp.sign(g),)

    return per_leaf("scale_by_sign", ScaleBySignState, rule, numbers={})


def sign_sgd(learning_rate: Rate) -> Transform:
    r"""Descent along the signs of the gradients: :math:`\theta_t = \theta_{t-1} - \eta \, \mathrm{sign}(g_t)`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.

    Returns
    -------
    Transform
        A chain.

    Raises
    ------
    ParameterError
        If the learning rate is no number.

    References
    ----------
    .. [1] J. Bernstein et al., "signSGD: compressed optimisation for non-convex problems", ICML 2018, arXiv:1802.04434.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.sign_sgd(0.1)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([-0.1,  0.1])
    """
    return chain(scale_by_sign(), scale_by_learning_rate(learning_rate))


def scale_by_signum(*, beta: Rate = 0.9) -> Transform:
    r"""Return the transform to the sign of the mean of updates.

    .. math:: m_t = \beta m_{t-1} + (1 - \beta) g_t, \quad u_t = \mathrm{sign}(m_t)

    Parameters
    ----------
    beta : float, array of shape () or callable
        :math:`\beta`, from 0 to below 1; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is a `ScaleBySignumState`.

    Raises
    ------
    ParameterError
        If `beta` is out of range.

    References
    ----------
    .. [1] J. Bernstein et al., "signSGD: compressed optimisation for non-convex problems", ICML 2018, arXiv:1802.04434.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_signum()
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([ 1., -1.])
    """

    def rule(g: Any, mu: Any, beta: Any) -> tuple[Any, Any]:
        mu = mu * beta + g * (1 - beta)
        return xp.sign(mu), mu

    numbers = {"beta": Number(beta, 0.0, 1.0)}
    return per_leaf("scale_by_signum", ScaleBySignumState, rule, numbers=numbers, columns={"mu": zeros})


def signum(learning_rate: Rate, *, beta: Rate = 0.9) -> Transform:
    r"""Descent along the signs of the means of gradients.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_signum`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    beta
        As for `scale_by_signum`.

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
    .. [1] J. Bernstein et al., "signSGD: compressed optimisation for non-convex problems", ICML 2018, arXiv:1802.04434.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.signum(0.1)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([-0.1,  0.1])
    """
    return chain(scale_by_signum(beta=beta), scale_by_learning_rate(learning_rate))


def scale_by_lion(*, b1: Rate = 0.9, b2: Rate = 0.99, mode: str = "hard") -> Transform:
    r"""Return the transform of Lion without a learning rate.

    .. math::

        u_t = \mathrm{sign}(b_1 m_{t-1} + (1 - b_1) g_t), \quad m_t = b_2 m_{t-1} + (1 - b_2) g_t

    Parameters
    ----------
    b1, b2 : float, array of shape () or callable
        From 0 to below 1; a function gets the number of updates made before.
    mode : {"hard", "smooth", "refined"}
        Instead of the sign: the hyperbolic tangent, or the number itself where it is below 1 in size.

    Returns
    -------
    Transform
        Its state is a `ScaleByLionState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range, or the mode unknown.

    References
    ----------
    .. [1] X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, arXiv:2302.06675.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_lion()
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([ 1., -1.])
    """
    check_choice("scale_by_lion", "mode", mode, ("hard", "smooth", "refined"))

    def rule(g: Any, mu: Any, b1: Any, b2: Any) -> tuple[Any, Any]:
        mixed = mu * b1 + g * (1 - b1)
        if mode == "smooth":
            step = xp.tanh(mixed)
        elif mode == "refined":
            step = xp.where(xp.abs(mixed) < 1, mixed, xp.sign(mixed))
        else:
            step = xp.sign(mixed)
        return step, mu * b2 + g * (1 - b2)

    return per_leaf(
        "scale_by_lion",
        ScaleByLionState,
        rule,
        numbers={"b1": Number(b1, 0.0, 1.0), "b2": Number(b2, 0.0, 1.0)},
        columns={"mu": zeros},
    )


def lion(
    learning_rate: Rate,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.99,
    mode: str = "hard",
    weight_decay: Rate = 1e-3,
    mask: Mask = None,
) -> Transform:
    r"""Lion.

    :math:`\theta_t = \theta_{t-1} - \eta (u_t + \lambda \theta_{t-1})` with :math:`u_t` from `scale_by_lion`. Its
    learning rate is usually 3 to 10 times smaller than that of `adamw`, and the weight decay that much larger.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, mode
        As for `scale_by_lion`.
    weight_decay, mask
        As for `adamw`.

    Returns
    -------
    Transform
        A chain.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range, or the mode unknown.

    References
    ----------
    .. [1] X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, arXiv:2302.06675.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.lion(0.1, weight_decay=0.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([-0.1,  0.1])
    """
    return chain(
        scale_by_lion(b1=b1, b2=b2, mode=mode),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )
