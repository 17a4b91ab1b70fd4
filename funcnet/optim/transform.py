"""What an optimizer is, chains of them, and their use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import tree, xp
from funcnet.errors import ParameterError
from funcnet.ops import cast
from funcnet.optim.leaves import paired

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Transform", "apply_updates", "chain"]


class Transform(NamedTuple):
    """A pair of pure functions that turns gradients into updates.

    Attributes
    ----------
    init : callable
        ``init(params) -> state``, a pytree of arrays. Hyperparameters are leaves of it, so they can change between
        steps, be saved, and be differentiated.
    update : callable
        ``update(gradients, state, params) -> (updates, state)``. Nothing that is passed in is written to. A gradient of
        None leaves its parameter and the state that belongs to it as they are.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import optim
    >>> opt = optim.sgd(0.1)
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> state = opt.init(params)
    >>> grads = fn.grad(lambda p: (p["w"] ** 2).sum())(params)
    >>> updates, state = opt.update(grads, state, params)
    >>> optim.apply_updates(params, updates)
    {'w': array([0.8, 1.6])}
    """

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]


def chain(*transforms: Transform) -> Transform:
    """Return the transform that applies others one after the other.

    Parameters
    ----------
    *transforms : Transform
        The first one gets the gradients, the next one what it makes of them, and so on.

    Returns
    -------
    Transform
        Its state is the tuple of their states.

    Raises
    ------
    ParameterError
        If an argument is no transform; by ``update``: if the state is that of another chain.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.chain(optim.scale_by_adam(), optim.scale(-0.1))
    >>> params = np.array([1.0, -2.0])
    >>> updates, state = opt.update(np.array([3.0, -0.5]), opt.init(params), params)
    >>> updates.round(4)
    array([-0.1,  0.1])
    """
    members: tuple[Any, ...] = transforms
    for t in members:
        if not isinstance(t, Transform):
            raise ParameterError(
                "optim.chain takes transforms.",
                found=f"{type(t).__name__}: {t!r}",
                needed="an optim.Transform",
                write="optim.chain(optim.scale_by_adam(), optim.scale(-1e-3)), or *transforms for a list of them",
            )

    def init(params: Any) -> tuple[Any, ...]:
        return tuple([t.init(params) for t in transforms])

    def update(updates: Any, state: Any, params: Any) -> tuple[Any, Any]:
        length = len(state) if state.__class__ is tuple else None
        if length != len(transforms):
            raise ParameterError(
                "optim.chain got a state that is not its own.",
                found=f"a {type(state).__name__}" + (f" of length {length}" if length is not None else ""),
                needed=f"a tuple with the states of {len(transforms)} transforms",
                write="state = opt.init(params)",
            )
        states: list[Any] = []
        for t, before in zip(transforms, state, strict=True):
            updates, after = t.update(updates, before, params)
            states.append(after)
        return updates, tuple(states)

    return Transform(init, update)


def apply_updates(params: Any, updates: Any) -> Any:
    """Return the parameters plus their updates.

    Parameters
    ----------
    params : pytree of arrays
        The parameters.
    updates : pytree of arrays
        Of the same structure; where it has None, the parameter stays what it is.

    Returns
    -------
    pytree of arrays
        New arrays, of the data types of `params`.

    Raises
    ------
    TreeError
        If the structures differ; names the path.
    ShapeError
        If a shape differs; names the path.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.apply_updates({"a": np.ones(2), "b": np.ones(1)}, {"a": np.array([1.0, 2.0]), "b": None})
    {'a': array([2., 3.]), 'b': array([1.])}
    """
    leaves, structure, given = paired(params, updates, "the updates")
    new: list[Any] = []
    for p, u in zip(leaves, given, strict=True):
        if p is not None and u is not None:
            p = cast(xp.add(p, u), p.dtype)
        new.append(p)
    return tree.unflatten(structure, new)
