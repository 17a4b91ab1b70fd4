"""Weight decay."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet.ops import cast
from funcnet.optim.building import Number, Step, build, together
from funcnet.optim.leaves import Rate, Scalars
from funcnet.optim.masks import Choice, Mask
from funcnet.optim.transform import Transform

__all__ = ["DecayState", "add_decayed_weights"]


class DecayState(NamedTuple):
    """State of `add_decayed_weights`."""

    count: Any
    weight_decay: Any


def add_decayed_weights(weight_decay: Rate = 0.0, *, mask: Mask = None) -> Transform:
    r"""Return the transform that adds a multiple of the parameters to the updates.

    .. math:: u_t = g_t + \lambda \theta_{t-1}

    In front of an optimizer this is a penalty :math:`\tfrac{\lambda}{2} \|\theta\|^2` of the loss; behind what divides
    gradients by their size and in front of the learning rate it is decoupled weight decay, as in `adamw`.

    Parameters
    ----------
    weight_decay : float, array of shape () or callable
        :math:`\lambda`; a function gets the number of updates made before.
    mask : callable or pytree of bools, optional
        Which parameters decay: a function from a tree path such as ``".dense_0.kernel"`` to bool, or a tree of bools
        that is like the parameters or a prefix of them. None: all.

    Returns
    -------
    Transform
        Its state is a `DecayState`.

    Raises
    ------
    ParameterError
        If `weight_decay` is no finite number, or `mask` no mask.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019, arXiv:1711.05101.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> params = {"bias": np.array([1.0]), "kernel": np.array([1.0])}
    >>> opt = optim.chain(
    ...     optim.add_decayed_weights(0.5, mask=lambda path: path.endswith("kernel")), optim.sgd(0.1)
    ... )
    >>> updates, _ = opt.update({"bias": np.array([2.0]), "kernel": np.array([2.0])}, opt.init(params), params)
    >>> updates
    {'bias': array([-0.2]), 'kernel': array([-0.25])}
    """
    choice = Choice("add_decayed_weights", mask)

    def rule(step: Step) -> list[Any]:
        scalars = Scalars(*step.numbers)
        wanted = choice.of(step.structure)
        return [
            u if u is None or not one else _decayed(u, p, scalars)
            for u, p, one in zip(step.grads, step.params, wanted, strict=True)
        ]

    numbers = {"weight_decay": Number(weight_decay, float("-inf"))}
    return build("add_decayed_weights", DecayState, rule, numbers=numbers)


def _decayed(update: Any, p: Any, scalars: Scalars) -> Any:
    u, p, factor = together([update, p, *scalars.of(p.dtype)])
    return cast(cast(u, p.dtype) + p * factor, update.dtype)
