"""What an optimizer is, chains of them, and their use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from funcnet import tree, xp
from funcnet.errors import ParameterError
from funcnet.ops import cast
from funcnet.optim.leaves import paired

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Transform", "apply_updates", "chain", "check_extras", "takes"]

_F = TypeVar("_F", bound="Callable[..., Any]")


class Transform(NamedTuple):
    """A pair of pure functions that turns gradients into updates.

    Attributes
    ----------
    init : callable
        ``init(params) -> state``, a pytree of arrays. Hyperparameters are leaves of it, so they can change between
        steps, be saved, and be differentiated.
    update : callable
        ``update(gradients, state, params) -> (updates, state)``. Nothing that is passed in is written to. A gradient of
        None leaves its parameter and the state that belongs to it as they are. Some algorithms need more than the
        gradients, such as the value of the loss: those are keyword arguments, which `extras` names.

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
    update: Callable[..., tuple[Any, Any]]

    @property
    def extras(self) -> frozenset[str]:
        """Names of the keyword arguments that ``update`` takes beside gradients, state and parameters.

        Examples
        --------
        >>> from funcnet import optim
        >>> optim.sgd(0.1).extras
        frozenset()
        """
        return getattr(self.update, "extras", frozenset())


def takes(*names: str) -> Callable[[_F], _F]:
    """Return the decorator that says which keyword arguments an ``update`` takes, so that `chain` passes them on.

    Parameters
    ----------
    *names : str
        The names. What is needed and missing is for the ``update`` to refuse.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> @optim.takes("value")
    ... def update(updates, state, params, *, value):
    ...     return updates * value, state
    >>> by_loss = optim.Transform(lambda params: (), update)
    >>> opt = optim.chain(by_loss, optim.scale(-1.0))
    >>> params = np.array([1.0])
    >>> opt.extras, opt.update(np.array([2.0]), opt.init(params), params, value=0.5)[0]
    (frozenset({'value'}), array([-1.]))
    """

    def mark(update: _F) -> _F:
        function: Any = update
        function.extras = frozenset(names)
        return update

    return mark


def chain(*transforms: Transform) -> Transform:
    """Return the transform that applies others one after the other.

    Parameters
    ----------
    *transforms : Transform
        The first one gets the gradients, the next one what it makes of them, and so on.

    Returns
    -------
    Transform
        Its state is the tuple of their states. Its ``update`` takes the keyword arguments that a member takes, and
        gives each member its own.

    Raises
    ------
    ParameterError
        If an argument is no transform; by ``update``: if the state is that of another chain, or if there is a keyword
        argument that no member takes.

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

    wanted = [sorted(t.extras) for t in transforms]
    known = frozenset(name for names in wanted for name in names)

    @takes(*known)
    def update(updates: Any, state: Any, params: Any, **given: Any) -> tuple[Any, Any]:
        length = len(state) if state.__class__ is tuple else None
        if length != len(transforms):
            raise ParameterError(
                "optim.chain got a state that is not its own.",
                found=f"a {type(state).__name__}" + (f" of length {length}" if length is not None else ""),
                needed=f"a tuple with the states of {len(transforms)} transforms",
                write="state = opt.init(params)",
            )
        check_extras("chain", given, known)
        states: list[Any] = []
        for t, before, names in zip(transforms, state, wanted, strict=True):
            own = {name: given[name] for name in names if name in given} if names else {}
            updates, after = t.update(updates, before, params, **own)
            states.append(after)
        return updates, tuple(states)

    return Transform(init, update)


def check_extras(name: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    """Raise `ParameterError` if an update got a keyword argument that it does not take."""
    if given and not known.issuperset(given):
        raise ParameterError(
            f"The update of optim.{name} got a keyword argument that it does not take.",
            found=", ".join(sorted(given.keys() - known)),
            needed=", ".join(sorted(known)) or "gradients, state and parameters only",
            write="opt.update(grads, state, params), with what opt.extras names",
        )


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
