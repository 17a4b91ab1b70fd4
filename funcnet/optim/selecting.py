"""Transforms for some of the parameters: masks on tree paths, labels, frozen parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.errors import ParameterError
from funcnet.optim.leaves import is_none
from funcnet.optim.masks import Choice, Mask
from funcnet.optim.transform import Transform, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["freeze", "masked", "partition"]


def masked(inner: Transform, mask: Mask) -> Transform:
    """Return the transform that does something to some of the parameters, and passes the other gradients on.

    Parameters
    ----------
    inner : Transform
        What to do.
    mask : callable or pytree of bools
        To which parameters: a function from a tree path such as ``".dense_0.kernel"`` to bool, or a tree of bools that
        is like the parameters or a prefix of them.

    Returns
    -------
    Transform
        Its state is that of `inner`, for trees with None in the place of the other parameters; None where the mask
        chooses no parameter at all.

    Raises
    ------
    ParameterError
        If the mask is none; by ``init`` and ``update``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> params = {"bias": np.array([3.0]), "kernel": np.array([3.0])}
    >>> opt = optim.masked(optim.clip(1.0), lambda path: path.endswith("kernel"))
    >>> opt.update(params, opt.init(params), params)[0]
    {'bias': array([3.]), 'kernel': array([1.])}
    """
    choice = Choice("masked", mask)

    def init(params: Any) -> Any:
        found, structure = tree.flatten(params, is_leaf=is_none)
        wanted = _there(choice.of(structure), found)
        return inner.init(_only(structure, found, wanted)) if any(wanted) else None

    @takes(*inner.extras)
    def update(updates: Any, state: Any, params: Any, **extras: Any) -> tuple[Any, Any]:
        found, structure = tree.flatten(params, is_leaf=is_none)
        given = tree.flatten_like(structure, updates, is_leaf=is_none, name="the gradients")
        wanted = _there(choice.of(structure), found)
        if not any(wanted):
            return updates, state
        new, state = _apply(inner, wanted, found, structure, given, state, extras)
        return tree.unflatten(structure, new), state

    return Transform(init, update)


def _there(wanted: list[bool], found: list[Any]) -> list[bool]:
    return [one and p is not None for one, p in zip(wanted, found, strict=True)]


def _only(structure: Any, found: list[Any], wanted: list[bool]) -> Any:
    return tree.unflatten(structure, [leaf if one else None for leaf, one in zip(found, wanted, strict=True)])


def _apply(
    inner: Transform,
    wanted: list[bool],
    found: list[Any],
    structure: Any,
    given: list[Any],
    state: Any,
    extras: dict[str, Any],
) -> tuple[list[Any], Any]:
    """Return the updates of some of the parameters, the other ones as they are, and the state after it."""
    some, after = inner.update(_only(structure, given, wanted), state, _only(structure, found, wanted), **extras)
    new = tree.flatten_like(structure, some, is_leaf=is_none, name="the updates")
    return [u if one else g for u, g, one in zip(new, given, wanted, strict=True)], after


def freeze(mask: Mask) -> Transform:
    """Return the transform that takes the gradients of some parameters away, so that these stay as they are.

    As the first one of a chain it keeps what follows, weight decay included, from the frozen parameters and their
    state: updates are None there, which `apply_updates` takes as "no change".

    Parameters
    ----------
    mask : callable or pytree of bools
        Which parameters are frozen: a function from a tree path such as ``".encoder.kernel"`` to bool, or a tree of
        bools that is like the parameters or a prefix of them.

    Returns
    -------
    Transform
        Without a state of its own: an empty tuple.

    Raises
    ------
    ParameterError
        If the mask is none; by ``update`` too.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> params = {"encoder": np.array([1.0]), "head": np.array([1.0])}
    >>> opt = optim.chain(optim.freeze({"encoder": True, "head": False}), optim.sgd(0.5))
    >>> updates, _ = opt.update(params, opt.init(params), params)
    >>> optim.apply_updates(params, updates)
    {'encoder': array([1.]), 'head': array([0.5])}
    """
    choice = Choice("freeze", mask)

    def init(params: Any) -> tuple[()]:
        choice.of(tree.structure(params))
        return ()

    def update(updates: Any, state: tuple[()], params: Any) -> tuple[Any, tuple[()]]:
        structure = tree.structure(params, is_leaf=is_none)
        given = tree.flatten_like(structure, updates, is_leaf=is_none, name="the gradients")
        frozen = choice.of(structure)
        return tree.unflatten(structure, [None if f else g for f, g in zip(frozen, given, strict=True)]), state

    return Transform(init, update)


def partition(transforms: Mapping[Any, Transform], labels: Callable[[str], Any] | Any) -> Transform:
    """Return the transform that treats groups of parameters differently.

    Parameters
    ----------
    transforms : dict of Transform
        What to do with each group, by its label.
    labels : callable or pytree of labels
        The label of each parameter: a function from a tree path such as ``".dense_0.kernel"``, or a tree of labels that
        is like the parameters or a prefix of them.

    Returns
    -------
    Transform
        Its state is a dict with the state of each group that has parameters, for trees with None in the place of the
        others.

    Raises
    ------
    ParameterError
        If something in `transforms` is no transform; by ``init`` and ``update``: if a label has no transform.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> params = {"encoder": np.array([1.0]), "head": np.array([1.0])}
    >>> opt = optim.partition(
    ...     {"slow": optim.sgd(0.1), "fast": optim.sgd(0.5)}, lambda path: "fast" if path == ".head" else "slow"
    ... )
    >>> opt.update(params, opt.init(params), params)[0]
    {'encoder': array([-0.1]), 'head': array([-0.5])}
    """
    members: Mapping[Any, Any] = transforms
    for label, t in members.items():
        if not isinstance(t, Transform):
            raise ParameterError(
                "optim.partition takes a dict of transforms.",
                found=f"{type(t).__name__} for {label!r}",
                needed="an optim.Transform",
                write='optim.partition({"head": optim.adam(1e-3), "body": optim.sgd(1e-2)}, labels)',
            )
    extras = frozenset(name for t in transforms.values() for name in t.extras)

    def groups(structure: Any, found: list[Any]) -> list[Any]:
        """Return the label of each leaf, None for None."""
        paths = structure.paths()
        if callable(labels):
            given = [None if p is None else labels(path) for path, p in zip(paths, found, strict=True)]
        else:
            whole = tree.unflatten(structure, list(range(structure.num_leaves)))
            given = tree.broadcast_prefix(labels, whole, is_none, name="the labels")
        for path, p, label in zip(paths, found, given, strict=True):
            if p is not None and label not in transforms:
                raise ParameterError(
                    f"optim.partition has no transform for the parameter at {path or 'the root'}.",
                    found=f"the label {label!r}",
                    needed="one of " + ", ".join(repr(name) for name in transforms),
                    write=f"optim.partition({{{label!r}: optim.set_to_zero(), ...}}, labels)",
                )
        return [None if p is None else label for p, label in zip(found, given, strict=True)]

    def init(params: Any) -> dict[Any, Any]:
        found, structure = tree.flatten(params, is_leaf=is_none)
        own = groups(structure, found)
        return {
            label: t.init(_only(structure, found, [one == label for one in own]))
            for label, t in transforms.items()
            if label in own
        }

    @takes(*extras)
    def update(updates: Any, state: dict[Any, Any], params: Any, **more: Any) -> tuple[Any, dict[Any, Any]]:
        found, structure = tree.flatten(params, is_leaf=is_none)
        given = tree.flatten_like(structure, updates, is_leaf=is_none, name="the gradients")
        own = groups(structure, found)
        after: dict[Any, Any] = {}
        for label, t in transforms.items():
            if label not in own:
                continue
            if label not in state:
                raise ParameterError(
                    "optim.partition got a state that is not its own.",
                    found="no state of the group " + repr(label),
                    needed="the state that opt.init made for these parameters",
                    write="state = opt.init(params)",
                )
            mine = {name: more[name] for name in t.extras if name in more}
            wanted = [one == label for one in own]
            given, after[label] = _apply(t, wanted, found, structure, given, state[label], mine)
        return tree.unflatten(structure, given), after

    return Transform(init, update)
