"""Rates from the value of the loss: Polyak's step."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import xp
from funcnet.optim.building import Number, Step, build, check_choice
from funcnet.optim.clipping import times
from funcnet.optim.leaves import Rate
from funcnet.optim.sgd import sgd
from funcnet.optim.transform import Transform, chain

__all__ = ["ScaleByPolyakState", "polyak_sgd", "scale_by_polyak"]

#: What updates that need the loss say.
VALUE = "the value of the loss at the parameters, a number"
# Norms not above this count as 0, as in Optax.
_TINY = 2.0**-52


class ScaleByPolyakState(NamedTuple):
    """State of `scale_by_polyak`."""

    count: Any
    max_learning_rate: Any
    f_min: Any
    eps: Any


def quotient(numerator: Any, norm: Any) -> Any:
    """Return a quotient, 0 where the norm is next to 0."""
    small = norm <= _TINY
    return xp.where(small, norm * 0, numerator / xp.where(small, norm * 0 + 1, norm))


def scale_by_polyak(
    *, max_learning_rate: Rate = 1.0, f_min: Rate = 0.0, eps: Rate = 0.0, variant: str = "sps"
) -> Transform:
    r"""Return the transform with Polyak's step.

    .. math:: u_t = \min\left( \frac{f_t - f_*}{\|g_t\|^2 + \epsilon}, \eta \right) g_t

    with the norm over all arrays together, and 0 where it is 0.

    Parameters
    ----------
    max_learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    f_min, eps : float, array of shape () or callable
        :math:`f_*`, the smallest value of the loss, and :math:`\epsilon`.
    variant : {"sps", "sps+"}
        "sps+": no steps backwards where :math:`f_t < f_*`.

    Returns
    -------
    Transform
        Its state is a `ScaleByPolyakState`. Its ``update`` needs ``value=``, the loss :math:`f_t`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range; by ``update``: if there is no ``value=``.

    References
    ----------
    .. [1] N. Loizou et al., "Stochastic Polyak step-size for SGD: an adaptive learning rate for fast convergence",
       AISTATS 2021, arXiv:2002.10542.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_polyak()
    >>> params = np.array([3.0, 4.0])  # of the loss |p|^2 / 2
    >>> opt.update(params, opt.init(params), params, value=12.5)[0]
    array([1.5, 2. ])
    """
    check_choice("scale_by_polyak", "variant", variant, ("sps", "sps+"))

    def whole(step: Step) -> list[Any]:
        rate, least, eps = step.numbers
        gap = step.extra("scale_by_polyak", "value", VALUE) - least
        if variant == "sps+":
            gap = xp.maximum(gap, gap * 0)
        norm = step.squared_norm(step.grads) + eps
        size = xp.where(norm <= _TINY, norm * 0, xp.minimum(quotient(gap, norm), rate))
        return step.each(times, size)

    return build(
        "scale_by_polyak",
        ScaleByPolyakState,
        whole,
        numbers={
            "max_learning_rate": Number(max_learning_rate),
            "f_min": Number(f_min, float("-inf")),
            "eps": Number(eps),
        },
        extras=("value",),
    )


def polyak_sgd(
    max_learning_rate: Rate = 1.0,
    *,
    scaling: Rate = 1.0,
    f_min: Rate = 0.0,
    eps: Rate = 0.0,
    variant: str = "sps",
) -> Transform:
    r"""Gradient descent with Polyak's step.

    `scale_by_polyak` of :math:`- s g_t`.

    Parameters
    ----------
    max_learning_rate, f_min, eps, variant
        As for `scale_by_polyak`.
    scaling : float, array of shape () or callable
        s; a function gets the number of updates made before.

    Returns
    -------
    Transform
        A chain. Its ``update`` needs ``value=``, the loss.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range; by ``update``: if there is no ``value=``.

    References
    ----------
    .. [1] N. Loizou et al., "Stochastic Polyak step-size for SGD: an adaptive learning rate for fast convergence",
       AISTATS 2021, arXiv:2002.10542.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import optim
    >>> opt = optim.polyak_sgd()
    >>> params = np.array([3.0, 4.0])
    >>> value, grads = fn.value_and_grad(lambda p: (p * p).sum() / 2)(params)
    >>> opt.update(grads, opt.init(params), params, value=value)[0]
    array([-1.5, -2. ])
    """
    return chain(
        sgd(scaling),
        scale_by_polyak(max_learning_rate=max_learning_rate, f_min=f_min, eps=eps, variant=variant),
    )
