"""Adam with decoupled weight decay, and with Nesterov's momentum."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.adam import scale_by_adam
from funcnet.optim.building import Number, Step, build, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Mask
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain
from funcnet.optim.weight_decay import add_decayed_weights

__all__ = ["ScaleByNadamState", "adamw", "nadam", "nadamw", "scale_by_nadam"]


class ScaleByNadamState(NamedTuple):
    """State of `scale_by_nadam`; ``product`` is that of the momenta so far."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    momentum_decay: Any
    product: Any
    mu: Any
    nu: Any


def adamw(
    learning_rate: Rate,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: Rate = 1e-4,
    mask: Mask = None,
) -> Transform:
    r"""Adam with decoupled weight decay.

    .. math::

        \theta_t = \theta_{t-1} - \eta \left( \frac{m_t / (1 - b_1^t)}{\sqrt{v_t / (1 - b_2^t)} + \epsilon}
        + \lambda \theta_{t-1} \right)

    with the moments of `adam`. The decay is multiplied by the learning rate, as in PyTorch and Optax.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps : float
        As for `adam`.
    weight_decay : float, array of shape () or callable
        :math:`\lambda`. PyTorch's default is 1e-2.
    mask : callable or pytree of bools, optional
        Which parameters decay; see `add_decayed_weights`.

    Returns
    -------
    Transform
        A chain of `scale_by_adam`, `add_decayed_weights` and `scale_by_learning_rate`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019, arXiv:1711.05101.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.adamw(0.1, weight_decay=0.5, mask=lambda path: path.endswith("kernel"))
    >>> params = {"bias": np.array([1.0]), "kernel": np.array([1.0])}
    >>> updates, _ = opt.update({"bias": np.array([3.0]), "kernel": np.array([3.0])}, opt.init(params), params)
    >>> updates["bias"].round(4), updates["kernel"].round(4)
    (array([-0.1]), array([-0.15]))
    """
    return chain(
        scale_by_adam(b1=b1, b2=b2, eps=eps),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )


def scale_by_nadam(
    *, b1: Rate = 0.9, b2: Rate = 0.999, eps: Rate = 1e-8, momentum_decay: Rate | None = None
) -> Transform:
    r"""Return the transform of Adam with Nesterov's momentum, without a learning rate.

    With :math:`\mu_t = b_1`, or :math:`\mu_t = b_1 (1 - 0.96^{t \psi} / 2)` if there is a `momentum_decay`,

    .. math::

        \hat m_t = \frac{\mu_{t+1} m_t}{1 - \prod_{i=1}^{t+1} \mu_i} + \frac{(1 - \mu_t) g_t}{1 - \prod_{i=1}^t \mu_i},
        \quad u_t = \hat m_t / \left( \sqrt{v_t / (1 - b_2^t)} + \epsilon \right)

    Parameters
    ----------
    b1, b2, eps : float, array of shape () or callable
        As for `adam`; a function gets the number of updates made before.
    momentum_decay : float, array of shape () or callable, optional
        :math:`\psi`; None keeps the momentum, as Optax does.

    Returns
    -------
    Transform
        Its state is a `ScaleByNadamState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_nadam(b1=0.5)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([ 1.3333, -1.3333])
    """

    def whole(step: Step) -> list[Any]:
        b1, b2, eps, decay = step.numbers
        now, after = b1, b1
        if decay is not None:
            now = b1 * (1 - 0.5 * 0.96 ** (step.t * decay))
            after = b1 * (1 - 0.5 * 0.96 ** ((step.t + 1) * decay))
        product = step.totals[0] = step.totals[0] * now
        # The correction of the second moment's bias, in front of the quotient and in eps: a pass over the arrays less.
        root = xp.sqrt(1 - b2**step.t)
        of_mean, of_gradient = after / (1 - product * after), (1 - now) / (1 - product)
        return step.each(_nadam, b1, b2, eps * root, of_mean * root, of_gradient * root)

    return build(
        "scale_by_nadam",
        ScaleByNadamState,
        whole,
        numbers={
            "b1": Number(b1, 0.0, 1.0),
            "b2": Number(b2, 0.0, 1.0),
            "eps": Number(eps),
            "momentum_decay": Number(momentum_decay),
        },
        totals={"product": 1.0},
        columns={"mu": zeros, "nu": zeros},
    )


def _nadam(
    g: Any, mu: Any, nu: Any, b1: Any, b2: Any, eps: Any, of_mean: Any, of_gradient: Any
) -> tuple[Any, Any, Any]:
    mu = mu * b1 + g * (1 - b1)
    nu = nu * b2 + g * g * (1 - b2)
    return (mu * of_mean + g * of_gradient) / (xp.sqrt(nu) + eps), mu, nu


def nadam(
    learning_rate: Rate,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.999,
    eps: Rate = 1e-8,
    momentum_decay: Rate | None = None,
) -> Transform:
    r"""Adam with Nesterov's momentum.

    :math:`\theta_t = \theta_{t-1} - \eta u_t` with :math:`u_t` from `scale_by_nadam`. PyTorch's NAdam is this with
    ``momentum_decay=0.004``, Optax's the default.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps, momentum_decay
        As for `scale_by_nadam`.

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
    .. [1] T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.nadam(0.3, b1=0.5)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)), np.zeros(2))[0].round(4)
    array([-0.4,  0.4])
    """
    return chain(
        scale_by_nadam(b1=b1, b2=b2, eps=eps, momentum_decay=momentum_decay), scale_by_learning_rate(learning_rate)
    )


def nadamw(
    learning_rate: Rate,
    *,
    b1: Rate = 0.9,
    b2: Rate = 0.999,
    eps: Rate = 1e-8,
    momentum_decay: Rate | None = None,
    weight_decay: Rate = 1e-4,
    mask: Mask = None,
) -> Transform:
    r"""Adam with Nesterov's momentum and decoupled weight decay.

    :math:`\theta_t = \theta_{t-1} - \eta (u_t + \lambda \theta_{t-1})` with :math:`u_t` from `scale_by_nadam`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    b1, b2, eps, momentum_decay
        As for `scale_by_nadam`.
    weight_decay, mask
        As for `adamw`.

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
    .. [1] T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop.
    .. [2] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019, arXiv:1711.05101.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.nadamw(0.3, b1=0.5, weight_decay=0.5)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.ones(2)), np.ones(2))[0].round(4)
    array([-0.55,  0.25])
    """
    return chain(
        scale_by_nadam(b1=b1, b2=b2, eps=eps, momentum_decay=momentum_decay),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )
