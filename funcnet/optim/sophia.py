"""Sophia: division by an estimate of the diagonal of the Hessian."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import control, random, tree, xp
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.building import Number, Step, build, check_count, missing, together, zeros
from funcnet.optim.leaves import Rate
from funcnet.optim.masks import Mask
from funcnet.optim.sgd import scale_by_learning_rate
from funcnet.optim.transform import Transform, chain, takes
from funcnet.optim.weight_decay import add_decayed_weights
from funcnet.transforms import grad, jvp

__all__ = ["HutchinsonState", "ScaleBySophiaState", "hutchinson_diagonal", "scale_by_sophia", "sophia"]


class HutchinsonState(NamedTuple):
    """State of `hutchinson_diagonal`."""

    key: Any


class ScaleBySophiaState(NamedTuple):
    """State of `scale_by_sophia`."""

    count: Any
    b1: Any
    b2: Any
    eps: Any
    gamma: Any
    clip_threshold: Any
    mu: Any
    nu: Any
    diagonal: Any


def hutchinson_diagonal(key: Any) -> Transform:
    r"""Return the transform from gradients to an estimate of the diagonal of the Hessian, :math:`r \odot H r`.

    Its mean over the random signs r is the diagonal.

    Parameters
    ----------
    key : array of uint32, shape (2,)
        The random key, a leaf of the state, on the device of the parameters.

    Returns
    -------
    Transform
        Its state is a `HutchinsonState`. Its ``update`` needs ``loss_fn=``, the function from parameters to the loss,
        which is differentiated twice.

    Raises
    ------
    ParameterError
        By ``update``: if there is no ``loss_fn=``.

    References
    ----------
    .. [1] C. Bekas, E. Kokiopoulou, Y. Saad, "An estimator for the diagonal of a matrix", Applied Numerical Mathematics
       57, 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, random
    >>> opt = optim.hutchinson_diagonal(random.key(0))
    >>> params = np.array([1.0, 2.0])
    >>> opt.update(params, opt.init(params), params, loss_fn=lambda p: (p**3).sum())[0]
    array([ 6., 12.])
    """

    def init(params: Any) -> HutchinsonState:
        leaves.first_leaf(params, "hutchinson_diagonal")
        return HutchinsonState(key)

    @takes("loss_fn")
    def update(updates: Any, state: HutchinsonState, params: Any, *, loss_fn: Any = None) -> Any:
        if loss_fn is None:
            raise missing("hutchinson_diagonal", "loss_fn", "the function from parameters to the loss")
        found, structure, grads = leaves.paired(params, updates, "the gradients")
        # Not unpacked: not every library's arrays can be iterated over.
        pair = random.split(state.key)
        keys = random.split(pair[1, ...], len(found))
        signs = tree.unflatten(structure, [None if p is None else _signs(keys[i, ...], p) for i, p in enumerate(found)])
        product = jvp(grad(loss_fn), (params,), (signs,))[1]
        flat, _ = leaves.flat_like(structure, product, "the product with the Hessian")
        drawn, _ = leaves.flat_like(structure, signs, "the signs")
        estimate = [None if g is None else h * r for g, h, r in zip(grads, flat, drawn, strict=True)]
        return tree.unflatten(structure, estimate), HutchinsonState(pair[0, ...])

    return Transform(init, update)


def _signs(key: Any, p: Any) -> Any:
    # The probability's data type decides how many bits are drawn: the same ones for parameters of every type.
    half = leaves.float_of(0.5, p, leaves.wide_dtype(p))
    return xp.astype(random.bernoulli(key, half, tuple(p.shape)), p.dtype) * 2 - 1


def scale_by_sophia(
    *,
    diagonal: Transform,
    b1: Rate = 0.965,
    b2: Rate = 0.99,
    eps: Rate = 1e-8,
    gamma: Rate = 0.01,
    clip_threshold: Rate | None = 1.0,
    update_interval: int = 10,
) -> Transform:
    r"""Return the transform of Sophia without a learning rate.

    With an estimate :math:`d_t` of the diagonal of the Hessian every so many updates,

    .. math::

        m_t = b_1 m_{t-1} + (1 - b_1) g_t, \quad
        u_t = \mathrm{clip}\left( \frac{m_t / (1 - b_1^t)}{\max(\gamma h_{t-1}, \epsilon)}, \pm \rho \right), \quad
        h_t = b_2 h_{t-1} + (1 - b_2) d_t

    Parameters
    ----------
    diagonal : Transform
        What gives :math:`d_t`, such as `hutchinson_diagonal`.
    b1, b2 : float, array of shape () or callable
        From 0 to below 1; a function gets the number of updates made before.
    eps, gamma : float, array of shape () or callable
        :math:`\epsilon` and :math:`\gamma`, not negative.
    clip_threshold : float, array of shape () or callable, optional
        :math:`\rho`; None does not clip.
    update_interval : int, default 10
        The number of updates from one estimate to the next.

    Returns
    -------
    Transform
        Its state is a `ScaleBySophiaState`. Its ``update`` takes the keyword arguments of `diagonal`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] H. Liu et al., "Sophia: a scalable stochastic second-order optimizer for language model pre-training", ICLR
       2024, arXiv:2305.14342.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, random
    >>> opt = optim.scale_by_sophia(diagonal=optim.hutchinson_diagonal(random.key(0)))
    >>> params = np.array([1.0, 2.0])
    >>> opt.update(params, opt.init(params), params, loss_fn=lambda p: (p * p).sum() / 2)[0]
    array([1., 1.])
    """
    check_count("scale_by_sophia", "update_interval", update_interval)

    def rule(g: Any, mu: Any, nu: Any, b1: Any, of_mean: Any, gamma: Any, eps: Any, bound: Any) -> tuple[Any, Any, Any]:
        mu = mu * b1 + g * (1 - b1)
        step = mu * of_mean / xp.maximum(nu * gamma, eps)
        if clip_threshold is not None:
            step = xp.minimum(xp.maximum(step, -bound), bound)
        return step, mu, nu

    def blend(d: Any, nu: Any, b2: Any) -> Any:
        return nu * b2 + d * (1 - b2)

    def whole(step: Step) -> list[Any]:
        b1, b2, eps, gamma, bound = step.numbers
        updates = step.each(rule, b1, 1 / (1 - b1**step.t), gamma, eps, step.constant(0.0) if bound is None else bound)

        def estimated(nus: list[Any], state: Any) -> tuple[list[Any], Any]:
            found, state = step.run(diagonal, state, step.grads, step.params)
            scalars = leaves.Scalars(b2)
            # In here, so that a graph has the same results of both branches.
            nus = [
                nu if d is None else blend(*together([cast(d, nu.dtype), nu, *scalars.of(nu.dtype)]))
                for d, nu in zip(found, nus, strict=True)
            ]
            return nus, state

        def skipped(nus: list[Any], state: Any) -> tuple[list[Any], Any]:
            return nus, state

        due = xp.remainder(step.before, update_interval) == 0
        step.columns[1], step.inner[0] = control.cond(due, estimated, skipped, step.columns[1], step.inner[0])
        return updates

    return build(
        "scale_by_sophia",
        ScaleBySophiaState,
        whole,
        numbers={
            "b1": Number(b1, 0.0, 1.0),
            "b2": Number(b2, 0.0, 1.0),
            "eps": Number(eps),
            "gamma": Number(gamma),
            "clip_threshold": Number(clip_threshold),
        },
        columns={"mu": zeros, "nu": zeros},
        inner={"diagonal": diagonal},
    )


def sophia(
    learning_rate: Rate,
    key: Any = None,
    *,
    b1: Rate = 0.965,
    b2: Rate = 0.99,
    eps: Rate = 1e-8,
    weight_decay: Rate = 1e-4,
    mask: Mask = None,
    gamma: Rate = 0.01,
    clip_threshold: Rate | None = 1.0,
    update_interval: int = 10,
    diagonal: Transform | None = None,
) -> Transform:
    r"""Sophia: momentum divided by an estimate of the diagonal of the Hessian, and clipped.

    :math:`\theta_t = \theta_{t-1} - \eta (u_t + w \theta_{t-1})` with :math:`u_t` from `scale_by_sophia`.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable
        :math:`\eta`; a function gets the number of updates made before.
    key : array of uint32, shape (2,), optional
        The random key of `hutchinson_diagonal`, if that is to be the estimate; by default ``random.key(0)``.
    b1, b2, eps, gamma, clip_threshold, update_interval
        As for `scale_by_sophia`.
    weight_decay, mask
        As for `adamw`.
    diagonal : Transform, optional
        Another estimate.

    Returns
    -------
    Transform
        A chain. Its ``update`` needs ``loss_fn=``, the function from parameters to the loss, or what `diagonal` takes.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.

    References
    ----------
    .. [1] H. Liu et al., "Sophia: a scalable stochastic second-order optimizer for language model pre-training", ICLR
       2024, arXiv:2305.14342.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, random
    >>> opt = optim.sophia(0.1, random.key(0), weight_decay=0.0)
    >>> params = np.array([1.0, 2.0])
    >>> opt.update(params, opt.init(params), params, loss_fn=lambda p: (p * p).sum() / 2)[0]
    array([-0.1, -0.1])
    """
    if diagonal is None:
        diagonal = hutchinson_diagonal(random.key(0) if key is None else key)
    return chain(
        scale_by_sophia(
            diagonal=diagonal,
            b1=b1,
            b2=b2,
            eps=eps,
            gamma=gamma,
            clip_threshold=clip_threshold,
            update_interval=update_interval,
        ),
        add_decayed_weights(weight_decay, mask=mask),
        scale_by_learning_rate(learning_rate),
    )
