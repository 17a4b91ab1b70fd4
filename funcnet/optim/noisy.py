"""Gradient descent with noise."""

from __future__ import annotations

from typing import Any

from funcnet.optim.leaves import Rate
from funcnet.optim.noise import add_noise
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain

__all__ = ["noisy_sgd"]


def noisy_sgd(learning_rate: Rate, key: Any, *, eta: Any = 0.01, gamma: Any = 0.55) -> Transform:
    r"""Gradient descent with normal noise on the gradients, less and less of it.

    :math:`\theta_t = \theta_{t-1} - \alpha (g_t + n_t)`, the variance of :math:`n_t` is :math:`\eta / t^\gamma`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\alpha`; a function gets the number of updates made before.
    key : array of uint32, shape (2,)
        The random key.
    eta, gamma
        As for `add_noise`.

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
    .. [1] A. Neelakantan et al., "Adding gradient noise improves learning for very deep networks", 2015,
       arXiv:1511.06807.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, random
    >>> opt = optim.noisy_sgd(0.1, random.key(0), eta=0.0)
    >>> opt.update(np.array([3.0]), opt.init(np.zeros(1)), np.zeros(1))[0].round(4)
    array([-0.3])
    """
    return chain(add_noise(eta, gamma, key), scale_by_learning_rate(learning_rate))
