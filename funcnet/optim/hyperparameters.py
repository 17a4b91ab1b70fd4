"""Hyperparameters in the state of an optimizer: read and replaced by name."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from funcnet import tree
from funcnet.errors import ParameterError, ShapeError
from funcnet.optim import leaves

__all__ = ["get_hyperparams", "set_hyperparams"]


def get_hyperparams(state: Any) -> dict[str, Any]:
    """Return what a state has of shape (), by path.

    Parameters
    ----------
    state : pytree of arrays
        The state of an optimizer.

    Returns
    -------
    dict of str to array of shape ()
        Hyperparameters and counts.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.chain(optim.clip(1.0), optim.sgd(0.1))
    >>> {path: float(value) for path, value in optim.get_hyperparams(opt.init(np.zeros(2))).items()}
    {'[0].count': 0.0, '[0].limit': 1.0, '[1].count': 0.0, '[1].learning_rate': 0.1}
    """
    pairs = tree.flatten_with_paths(state)[0]
    return {path: leaf for path, leaf in pairs if hasattr(leaf, "shape") and not tuple(leaf.shape)}


def set_hyperparams(state: Any, values: dict[str, Any] | None = None, /, **named: Any) -> Any:
    """Return a state with other hyperparameters.

    Hyperparameters are leaves of the state, so nothing has to be made anew for another rate, and sweeps are a ``vmap``
    over states. A rate that comes from a schedule is overwritten by the next update.

    Parameters
    ----------
    state : pytree of arrays
        The state of an optimizer, of a chain as well. It is not changed.
    values : dict of str to float or array of shape (), optional
        New values by path, such as ``{"[1].learning_rate": 0.1}``, or by the end of a path.
    **named : float or array of shape ()
        New values by name, such as ``learning_rate=0.1``. A name must lead to one leaf.

    Returns
    -------
    pytree of arrays
        The new state. Values take the data type and the place of what they replace; a derivative is kept.

    Raises
    ------
    ParameterError
        If a name leads to no leaf of shape (), or to more than one: the message lists their paths.
    ShapeError
        If a value is not of shape ().

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, params = optim.chain(optim.clip(1.0), optim.sgd(0.1)), np.zeros(1)
    >>> state = optim.set_hyperparams(opt.init(params), learning_rate=0.5)
    >>> opt.update(np.array([3.0]), state, params)[0]
    array([-0.5])
    """
    pairs, structure = tree.flatten_with_paths(state)
    paths = [path for path, leaf in pairs if hasattr(leaf, "shape") and not tuple(leaf.shape)]
    new = {path: leaf for path, leaf in pairs}
    for name, value in [*(values or {}).items(), *named.items()]:
        end = name if name.startswith((".", "[")) else f".{name}"
        found = [path for path in paths if path == end] or [path for path in paths if path.endswith(end)]
        if len(found) != 1:
            raise _not_one(name, found, paths)
        if tuple(getattr(value, "shape", ())):
            raise ShapeError(
                f"optim.set_hyperparams got an array for {name}.",
                found=f"shape {tuple(value.shape)}",
                needed="a number, or an array of shape ()",
                write="fn.vmap over states for several values at once",
            )
        old = new[found[0]]
        new[found[0]] = leaves.float_of(value, old, old.dtype)
    return tree.unflatten(structure, [new[path] for path, _ in pairs])


def _not_one(name: str, found: list[str], paths: list[str]) -> ParameterError:
    if found:
        return ParameterError(
            f"optim.set_hyperparams found more than one leaf that is called {name}.",
            found=", ".join(found),
            needed="a path that only one of them has",
            write=f"optim.set_hyperparams(state, {{{found[0]!r}: value}})",
        )
    close = get_close_matches(name, [path.rpartition(".")[2] for path in paths], 1)
    return ParameterError(
        f"optim.set_hyperparams found no hyperparameter {name}.",
        found="a state with " + (", ".join(paths) or "no leaf of shape ()"),
        needed="one of these, or the end of its path",
        write=f"optim.set_hyperparams(state, {close[0] if close else 'learning_rate'}=value)",
    )
