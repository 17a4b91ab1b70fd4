"""Sharpness-aware minimisation."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import control, xp
from funcnet.optim.building import Step, build, check_count, copied, missing
from funcnet.optim.leaves import flat_like
from funcnet.optim.transform import Transform

__all__ = ["SamState", "sam"]


class SamState(NamedTuple):
    """State of `sam`; ``cache`` has the parameters that the adversary began from."""

    count: Any
    cache: Any
    optimizer: Any
    adversary: Any


def sam(
    optimizer: Transform,
    adversary: Transform,
    *,
    sync_period: int = 2,
    reset_state: bool = True,
    opaque: bool = False,
) -> Transform:
    r"""Return an optimizer that takes gradients where the loss is worst nearby.

    .. math:: \epsilon = - \mathrm{adversary}(g(\theta)), \quad
        \theta \leftarrow \theta + \mathrm{optimizer}(g(\theta + \epsilon))

    Parameters
    ----------
    optimizer : Transform
        What makes the steps.
    adversary : Transform
        What makes the steps upwards, such as
        ``optim.chain(optim.normalize_by_update_norm(eps=0.0), optim.sgd(0.05))``.
    sync_period : int, default 2
        The adversary makes one step less than this between two of the optimizer.
    reset_state : bool, default True
        Whether the adversary begins anew after each step of the optimizer, its hyperparameters included.
    opaque : bool, default False
        Whether one update makes all the steps of a period, which needs ``grad_fn=``. Otherwise each update makes one:
        the parameters between are the adversary's, and gradients must be taken there.

    Returns
    -------
    Transform
        Its state is a `SamState`. Its ``update`` takes the keyword arguments of both, and if `opaque`, it needs
        ``grad_fn=``, a function from parameters and the number of the adversary's step to gradients.

    Raises
    ------
    ParameterError
        If `sync_period` is no positive integer; by ``update``: if there is no ``grad_fn=`` though it is needed.

    References
    ----------
    .. [1] P. Foret et al., "Sharpness-aware minimization for efficiently improving generalization", ICLR 2021,
       arXiv:2010.01412.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import optim
    >>> adversary = optim.chain(optim.normalize_by_update_norm(eps=0.0), optim.sgd(0.5))
    >>> opt = optim.sam(optim.sgd(0.1), adversary, opaque=True)
    >>> params = np.array([3.0, 4.0])
    >>> gradient = fn.grad(lambda p: (p * p).sum() / 2)
    >>> updates, _ = opt.update(gradient(params), opt.init(params), params, grad_fn=lambda p, i: gradient(p))
    >>> updates.round(4)
    array([-0.33, -0.44])
    """
    check_count("sam", "sync_period", sync_period)

    def climbed(step: Step, state: Any, grads: list[Any], params: list[Any]) -> tuple[list[Any], Any]:
        steps, state = step.run(adversary, state, grads, params)
        return [None if u is None else -u for u in steps], state

    def at_once(step: Step) -> list[Any]:
        grad_fn = step.extras.get("grad_fn")
        if grad_fn is None:
            raise missing("sam", "grad_fn", "a function from parameters and the number of a step to gradients")
        own, state = step.inner
        grads, params = step.grads, step.params
        for i in range(sync_period - 1):
            steps, state = climbed(step, state, grads, params)
            params = [p if u is None else p + u for p, u in zip(params, steps, strict=True)]
            found = flat_like(step.structure, grad_fn(step.tree(params), i), "the gradients of grad_fn")[0]
            grads = [None if g is None else other for g, other in zip(step.grads, found, strict=True)]
        updates, own = step.run(optimizer, own, grads, step.params)
        step.inner = [own, adversary.init(step.tree(step.params)) if reset_state else state]
        return updates

    def by_turns(step: Step) -> list[Any]:
        own, state = step.inner
        turn = xp.remainder(step.before, sync_period)
        (cache,) = step.columns
        begin = turn == 0
        for i, g in enumerate(step.grads):
            if g is not None:
                cache[i] = xp.where(begin, step.params[i], cache[i])

        def down(grads: Any, own: Any, state: Any) -> tuple[Any, Any, Any]:
            back = [xp.astype(c, p.dtype) if p is not None else None for c, p in zip(cache, step.params, strict=True)]
            steps, own = step.run(optimizer, own, grads, back)
            moved = [None if u is None else u + (c - p) for u, c, p in zip(steps, back, step.params, strict=True)]
            return moved, own, adversary.init(step.tree(step.params)) if reset_state else state

        def up(grads: Any, own: Any, state: Any) -> tuple[Any, Any, Any]:
            steps, state = climbed(step, state, grads, step.params)
            return steps, own, state

        updates, *step.inner = control.cond(turn == sync_period - 1, down, up, step.grads, own, state)
        return updates

    return build(
        "sam",
        SamState,
        at_once if opaque else by_turns,
        numbers={},
        columns={"cache": copied},
        inner={"optimizer": optimizer, "adversary": adversary},
        extras=("grad_fn",) if opaque else (),
    )
