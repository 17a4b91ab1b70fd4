"""Noise on gradients, and sums of clipped ones that are differentially private."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import random, tree, xp
from funcnet.errors import ShapeError, TreeError
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.per_example import examples, per_example_global_norm_clip
from funcnet.optim.transform import Transform

__all__ = [
    "AddNoiseState",
    "DifferentiallyPrivateAggregateState",
    "add_noise",
    "differentially_private_aggregate",
]


class AddNoiseState(NamedTuple):
    """State of `add_noise`."""

    count: Any
    eta: Any
    gamma: Any
    key: Any


class DifferentiallyPrivateAggregateState(NamedTuple):
    """State of `differentially_private_aggregate`."""

    l2_norm_clip: Any
    noise_multiplier: Any
    key: Any


def add_noise(eta: Any, gamma: Any, key: Any) -> Transform:
    r"""Return the transform that adds normal noise, less and less of it.

    Of variance :math:`\eta / t^\gamma` at update t, which counts from 1.

    Parameters
    ----------
    eta : float or array of shape ()
        The first variance, not negative.
    gamma : float or array of shape ()
        The exponent; 0.55 in the paper.
    key : array of uint32, shape (2,)
        The random key, a leaf of the state, on the device of the parameters.

    Returns
    -------
    Transform
        Its state is an `AddNoiseState`.

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
    >>> opt = optim.add_noise(0.01, 0.55, random.key(0))
    >>> updates, state = opt.update(np.zeros(1000), opt.init(np.zeros(1000)), np.zeros(1000))
    >>> bool(abs(updates.std() - 0.1) < 0.01)
    True
    """
    leaves.check_number("add_noise", "eta", eta, 0.0, float("inf"))
    leaves.check_number("add_noise", "gamma", gamma, float("-inf"), float("inf"))

    def init(params: Any) -> AddNoiseState:
        leaf = leaves.first_leaf(params, "add_noise")
        dtype = leaves.wide_dtype(leaf)
        numbers = [leaves.float_of(value, leaf, dtype) for value in (eta, gamma)]
        return AddNoiseState(leaves.count_of(leaf), numbers[0], numbers[1], key)

    def update(updates: Any, state: AddNoiseState, params: Any) -> tuple[Any, AddNoiseState]:
        _, structure, given = leaves.paired(params, updates, "the updates")
        count = xp.add(state.count, 1)
        deviation = xp.sqrt(state.eta / cast(count, state.eta.dtype) ** state.gamma)
        keys = random.split(state.key)
        scalars = leaves.Scalars(deviation)
        draws = random.split(keys[1, :], max(len(given), 1))
        noised = [
            None if u is None else _noise(draws[i, :], u.shape, u.dtype, scalars) + u for i, u in enumerate(given)
        ]
        return tree.unflatten(structure, noised), AddNoiseState(count, state.eta, state.gamma, keys[0, :])

    return Transform(init, update)


def _noise(key: Any, shape: tuple[int, ...], dtype: Any, scalars: leaves.Scalars) -> Any:
    return random.normal(key, tuple(shape), dtype) * scalars.of(dtype)[0]


def differentially_private_aggregate(l2_norm_clip: Any, noise_multiplier: Any, key: Any) -> Transform:
    r"""Return the transform from gradients of each example to a noisy mean that is differentially private.

    .. math::

        u = \frac{1}{B} \Bigl(\sum_{i=1}^{B} g_i \min(1, c / \|g_i\|) + \mathcal{N}(0, \sigma^2 c^2)\Bigr)

    It says nothing of the privacy that was spent, which an accountant computes from the numbers of updates, examples,
    and :math:`\sigma`.

    Parameters
    ----------
    l2_norm_clip : float or array of shape ()
        The largest norm c of one example's gradients, above 0.
    noise_multiplier : float or array of shape ()
        :math:`\sigma`, not negative.
    key : array of uint32, shape (2,)
        The random key, a leaf of the state, on the device of the parameters.

    Returns
    -------
    Transform
        The first of a chain. Its ``update`` takes gradients with the examples as first dimension, as ``vmap`` of `grad`
        gives them; its state is a `DifferentiallyPrivateAggregateState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range.
    ShapeError, TreeError
        By ``update``: if the gradients are not those of each example.

    References
    ----------
    .. [1] M. Abadi et al., "Deep learning with differential privacy", CCS 2016, arXiv:1607.00133.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, random
    >>> opt = optim.differentially_private_aggregate(1.0, 0.0, random.key(0))
    >>> params = np.zeros(2)
    >>> opt.update(np.array([[3.0, 4.0], [0.3, 0.4]]), opt.init(params), params)[0]
    array([0.45, 0.6 ])
    """
    name = "differentially_private_aggregate"
    leaves.check_number(name, "l2_norm_clip", l2_norm_clip, 0.0, float("inf"))
    leaves.check_number(name, "noise_multiplier", noise_multiplier, 0.0, float("inf"))

    def init(params: Any) -> DifferentiallyPrivateAggregateState:
        leaf = leaves.first_leaf(params, name)
        dtype = leaves.wide_dtype(leaf)
        numbers = [leaves.float_of(value, leaf, dtype) for value in (l2_norm_clip, noise_multiplier)]
        return DifferentiallyPrivateAggregateState(numbers[0], numbers[1], key)

    def update(updates: Any, state: DifferentiallyPrivateAggregateState, params: Any) -> tuple[Any, Any]:
        of_params, structure = tree.flatten(params, is_leaf=leaves.is_none)
        given = tree.flatten_like(structure, updates, is_leaf=leaves.is_none, name="the gradients")
        kept = [i for i, g in enumerate(given) if g is not None]
        if not kept:
            return updates, state
        size = examples(name, updates)
        for i in kept:
            if of_params[i] is None or tuple(given[i].shape[1:]) != tuple(of_params[i].shape):
                shape = "None" if of_params[i] is None else str((size, *of_params[i].shape))
                error = TreeError if of_params[i] is None else ShapeError
                raise error(
                    f"The shape of the gradients differs at {structure.paths()[i] or 'the root'}.",
                    found=str(tuple(given[i].shape)),
                    needed=shape,
                    write="grads = fn.vmap(fn.grad(loss), (None, 0, 0))(params, x, y)",
                )
        sums, _ = per_example_global_norm_clip([given[i] for i in kept], state.l2_norm_clip)
        keys = random.split(state.key, len(kept) + 1)
        scalars = leaves.Scalars(state.l2_norm_clip * state.noise_multiplier)
        for n, (i, total) in enumerate(zip(kept, sums, strict=True)):
            noise = _noise(keys[n + 1, :], total.shape, total.dtype, scalars)
            given[i] = (noise + total) / max(size, 1)
        return tree.unflatten(structure, given), state._replace(key=keys[0, :])

    return Transform(init, update)
