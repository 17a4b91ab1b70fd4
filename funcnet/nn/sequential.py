"""Layers one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.nn.children import Children
from funcnet.nn.layer import Layer
from funcnet.nn.spec import as_spec, beside

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["sequential"]


def sequential(*layers: Layer | Callable[[Any], Any], **named_layers: Layer | Callable[[Any], Any]) -> Layer:
    """Return a layer that applies others one after the other.

    Each child has a name: its kind and its number among the children of that kind (``dense_0``, ``relu_0``,
    ``dense_1``), the name that `named` gave it, or the keyword it was passed by. Parameters and state are dicts with
    these names; a child without has no entry.

    Parameters
    ----------
    *layers : Layer or callable
        The children, the first one first; a plain function of one array is applied as it is.
    **named_layers : Layer or callable
        More children, called by the keyword.

    Returns
    -------
    Layer
        Child i gets the key ``fold_in(key, i)``, both in ``init`` and in ``apply``.

    Raises
    ------
    ParameterError
        If a child is neither layer nor function, or two have one name; by ``apply``: if the parameters or the state
        have an entry that is no child's.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random, tree, xp
    >>> model = nn.sequential(nn.dense(8), xp.tanh, nn.dense(8), nn.relu(), head=nn.dense(2))
    >>> params, state = model.init(random.key(0), (1, 4))
    >>> tree.map(lambda p: p.shape, params)["head"]
    {'bias': (2,), 'kernel': (8, 2)}
    >>> list(params)
    ['dense_0', 'dense_1', 'head']
    >>> y, state = model.apply(params, state, np.ones((3, 4), dtype="float32"))
    >>> y.shape
    (3, 2)
    """
    children = Children("sequential", layers, named_layers)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        params: dict[str, Any] = {}
        state: dict[str, Any] = {}
        path = children.path()
        with beside(key):
            spec = as_spec(spec)
            for i in range(len(children)):
                spec = children.init(path, i, key, spec, params, state)
        return params, state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = children.path()
        children.check(path, params, state)
        after: dict[str, Any] = {}
        for i in range(len(children)):
            x = children.apply(path, i, params, state, after, x, key, train)
        return x, after

    apply.uses_key = children.uses_key  # type: ignore[attr-defined]
    return Layer(init, apply)
