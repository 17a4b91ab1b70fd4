"""L-BFGS."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import tree, xp
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.building import check_count, together
from funcnet.optim.lines import dot
from funcnet.optim.sgd import scale, scale_by_learning_rate
from funcnet.optim.transform import Transform, chain
from funcnet.optim.zoom import scale_by_zoom_linesearch

__all__ = ["ScaleByLbfgsState", "lbfgs", "scale_by_lbfgs"]


class ScaleByLbfgsState(NamedTuple):
    """State of `scale_by_lbfgs`.

    The differences of parameters and gradients are stacked, the oldest first; ``weights`` are the reciprocals of their
    inner products, 0 for what has not been yet.
    """

    count: Any
    params: Any
    updates: Any
    diff_params: Any
    diff_updates: Any
    weights: Any


def scale_by_lbfgs(*, memory_size: int = 10, scale_init_precond: bool = True) -> Transform:
    r"""Return the transform that multiplies gradients by an approximation of the inverse of the Hessian.

    .. math::

        P_{j+1} = V_j^\top P_j V_j + \rho_j s_j s_j^\top, \quad V_j = I - \rho_j y_j s_j^\top, \quad
        \rho_j = 1 / (y_j^\top s_j)

    with the last differences :math:`s_j` of parameters and :math:`y_j` of gradients, from
    :math:`P_0 = \gamma I`, :math:`\gamma = s^\top y / y^\top y` of the newest ones.

    Parameters
    ----------
    memory_size : int, default 10
        How many differences are kept.
    scale_init_precond : bool, default True
        Whether :math:`\gamma` is as above, and :math:`\min(1, 1 / \|g\|)` at first; else it is 1.

    Returns
    -------
    Transform
        Its state is a `ScaleByLbfgsState`.

    Raises
    ------
    ParameterError
        If `memory_size` is less than 1.

    References
    ----------
    .. [1] D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization", Math. Program. 45
       (1989) 503-528.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.scale_by_lbfgs()
    >>> opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([0.6, 0.8])
    """
    check_count("scale_by_lbfgs", "memory size", memory_size)

    def init(params: Any) -> ScaleByLbfgsState:
        leaf = leaves.first_leaf(params, "scale_by_lbfgs")

        def stacked(p: Any) -> Any:
            return xp.stack([xp.zeros_like(p)] * memory_size)

        weights = xp.stack([leaves.float_of(0.0, leaf, leaves.wide_dtype(leaf))] * memory_size)
        zeros = tree.map(xp.zeros_like, params)
        memory = tree.map(stacked, params)
        return ScaleByLbfgsState(leaves.count_of(leaf), zeros, zeros, memory, memory, weights)

    def update(updates: Any, state: ScaleByLbfgsState, params: Any) -> tuple[Any, ScaleByLbfgsState]:
        found, structure, given = leaves.paired(params, updates, "the gradients")
        parts = [
            leaves.flat_like(structure, part, "the state")
            for part in (state.params, state.updates, state.diff_params, state.diff_updates)
        ]
        old_params, old_updates, memory_params, memory_updates = [leaves_of for leaves_of, _ in parts]
        dtype = state.weights.dtype
        there = [i for i, g in enumerate(given) if g is not None]
        begun = cast(state.count > 0, dtype)
        scalars = leaves.Scalars(begun)

        def differences(new: list[Any], old: list[Any]) -> list[Any]:
            result: list[Any] = []
            for i in there:
                a, b, begun = together([cast(new[i], old[i].dtype), old[i], *scalars.of(old[i].dtype)])
                result.append((a - b) * begun)
            return result

        steps, changes = differences(found, old_params), differences(given, old_updates)
        curvature = dot(changes, steps, dtype) if there else 0.0 * begun
        weight = xp.where(curvature == 0, 0.0, 1 / xp.where(curvature == 0, 1.0, curvature))
        weights = xp.concat([state.weights[1:], xp.reshape(weight, (1,))])
        for memory, newest in ((memory_params, steps), (memory_updates, changes)):
            for i, new in zip(there, newest, strict=True):
                memory[i] = xp.concat([memory[i][1:, ...], xp.expand_dims(new, axis=0)])
        vector = [cast(given[i], old_updates[i].dtype) for i in there]
        gamma = None
        if scale_init_precond and there:
            square = dot(changes, changes, dtype)
            ratio = xp.where(square > 0, curvature / xp.where(square > 0, square, 1.0), 1.0)
            norm = xp.sqrt(dot(vector, vector, dtype))
            gamma = xp.where(state.count > 0, ratio, 1 / xp.maximum(norm, 1.0))
        rows = [
            ([memory_params[i][j, ...] for i in there], [memory_updates[i][j, ...] for i in there])
            for j in range(memory_size)
        ]
        direction = _multiplied(vector, rows, [weights[j, ...] for j in range(memory_size)], gamma, dtype)
        new: list[Any] = [None] * len(given)
        for i, d in zip(there, direction, strict=True):
            new[i] = cast(d, given[i].dtype)
            old_params[i], old_updates[i] = found[i], given[i]
        kept = [tree.unflatten(own, part) for part, own in parts]
        return tree.unflatten(structure, new), ScaleByLbfgsState._make([xp.add(state.count, 1), *kept, weights])

    return Transform(init, update)


def _multiplied(vector: list[Any], rows: list[Any], weights: list[Any], gamma: Any, dtype: Any) -> list[Any]:
    """Return the product of the approximation and a vector, by two loops over the differences."""
    if not vector:
        return vector
    alphas: list[Any] = []
    for (step, change), weight in zip(reversed(rows), reversed(weights), strict=True):
        alpha = weight * dot(step, vector, dtype)
        vector = _moved(vector, -alpha, change)
        alphas.append(alpha)
    if gamma is not None:
        scalars = leaves.Scalars(gamma)
        vector = [v * scalars.of(v.dtype)[0] for v in vector]
    for (step, change), weight, alpha in zip(rows, weights, reversed(alphas), strict=True):
        beta = weight * dot(change, vector, dtype)
        vector = _moved(vector, alpha - beta, step)
    return vector


def _moved(vector: list[Any], factor: Any, along: list[Any]) -> list[Any]:
    scalars = leaves.Scalars(factor)
    moved: list[Any] = []
    for v, a in zip(vector, along, strict=True):
        v, a, f = together([v, a, *scalars.of(v.dtype)])
        moved.append(a * f + v)
    return moved


_ZOOM = scale_by_zoom_linesearch(20, initial_guess_strategy="one")


def lbfgs(
    learning_rate: leaves.Rate = None,
    *,
    memory_size: int = 10,
    scale_init_precond: bool = True,
    linesearch: Transform | None = _ZOOM,
) -> Transform:
    """L-BFGS, with a line search.

    For losses without noise: the same data at every step.

    Parameters
    ----------
    learning_rate : float, array of shape () or callable, optional
        A factor of the direction in front of the line search; 1 without it.
    memory_size : int, default 10
        How many differences are kept.
    scale_init_precond : bool, default True
        As for `scale_by_lbfgs`.
    linesearch : Transform or None
        What scales the direction: by default Wolfe's conditions in up to 20 evaluations. None takes it as it is.

    Returns
    -------
    Transform
        A chain of `scale_by_lbfgs`, a factor, and the line search. Its ``update`` needs what the line search does:
        ``value=`` and ``grad=``, those at the parameters, and ``value_fn=``, a function of the parameters alone.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range; by ``update``: if a keyword argument is missing.

    See Also
    --------
    value_and_grad_from_state : takes over what the line search has computed.
    minimize : SciPy's solvers.

    References
    ----------
    .. [1] D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization", Math. Program. 45
       (1989) 503-528.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import optim
    >>> f = lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    >>> opt, x = optim.lbfgs(), np.array([-1.2, 1.0])
    >>> state = opt.init(x)
    >>> for _ in range(40):
    ...     value, grad = fn.value_and_grad(f)(x)
    ...     updates, state = opt.update(grad, state, x, value=value, grad=grad, value_fn=f)
    ...     x = optim.apply_updates(x, updates)
    >>> x.round(6)
    array([1., 1.])
    """
    factor = scale(-1.0) if learning_rate is None else scale_by_learning_rate(learning_rate)
    members = [scale_by_lbfgs(memory_size=memory_size, scale_init_precond=scale_init_precond), factor]
    return chain(*members, *([] if linesearch is None else [linesearch]))
