"""Layers one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random
from funcnet.errors import ParameterError
from funcnet.nn.layer import Layer, check_name, kind_of, layer_path, name_of, scope, uses_key
from funcnet.nn.spec import as_spec, beside, output_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
    children = _named_children(layers, named_layers)
    known = frozenset(name for name, _ in children)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        params: dict[str, Any] = {}
        state: dict[str, Any] = {}
        path = layer_path("sequential")
        with beside(key):
            spec = as_spec(spec)
            for i, (name, child) in enumerate(children):
                with scope(f"{path}.{name}"):
                    p, s = child.init(random.fold_in(key, i), spec)
                    spec = output_spec(child, p, s, spec)
                if not _is_empty(p):
                    params[name] = p
                if not _is_empty(s):
                    state[name] = s
        return params, state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = layer_path("sequential")
        for what, entries in (("parameters", params), ("state", state)):
            if not isinstance(entries, dict) or not known.issuperset(entries):
                raise _foreign(path, what, entries, known)
        after: dict[str, Any] = {}
        for i, (name, child) in enumerate(children):
            with scope(f"{path}.{name}"):
                child_key = random.fold_in(key, i) if key is not None and uses_key(child) else None
                x, s = child.apply(params.get(name, {}), state.get(name, {}), x, key=child_key, train=train)
            if not _is_empty(s):
                after[name] = s
        return x, after

    apply.uses_key = any(uses_key(child) for _, child in children)  # type: ignore[attr-defined]
    return Layer(init, apply)


def _named_children(layers: Iterable[Any], named_layers: dict[str, Any]) -> list[tuple[str, Layer]]:
    counts: dict[str, int] = {}
    children: list[tuple[str, Layer]] = []
    for layer in layers:
        _check_child(layer)
        name = name_of(layer)
        if name is None:
            kind = kind_of(layer)
            number = counts[kind] = counts.get(kind, -1) + 1
            name = f"{kind}_{number}"
        children.append((name, _as_layer(layer)))
    for name, layer in named_layers.items():
        _check_child(layer)
        check_name(name)
        children.append((name, _as_layer(layer)))
    names = [name for name, _ in children]
    double = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if double is not None:
        raise ParameterError(
            f"nn.sequential got two layers with the name {double!r}.",
            found=", ".join(names),
            needed="names that differ",
            write='nn.named("another_name", layer)',
        )
    return children


def _check_child(layer: Any) -> None:
    if not isinstance(layer, Layer) and not callable(layer):
        raise ParameterError(
            "nn.sequential takes layers and functions.",
            found=f"{type(layer).__name__}: {layer!r}",
            needed="an nn.Layer, or a function of one array",
            write="nn.sequential(nn.dense(128), nn.relu(), nn.dense(10)), or *layers for a list of them",
        )
    if _makes_layers(layer):
        name = getattr(layer, "__name__", "layer")
        raise ParameterError(
            "nn.sequential got a function that makes a layer in place of the layer.",
            found=name,
            needed="the result of calling it",
            write=f"nn.{name}(...)",
        )


def _makes_layers(f: Any) -> bool:
    """Whether `f` is `dense` or another function of this package, as in ``nn.sequential(nn.relu)``."""
    module, name = getattr(f, "__module__", None) or "", getattr(f, "__qualname__", "<")
    return (
        module.startswith("funcnet.nn.")
        and module not in ("funcnet.nn.functional", "funcnet.nn.sampled")
        and "<" not in name
        and name not in ("Layer", "affine")
    )


def _as_layer(layer: Any) -> Layer:
    return layer if isinstance(layer, Layer) else _function(layer)


def _function(f: Callable[[Any], Any]) -> Layer:
    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001  # the signature of every init
        return {}, {}

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        return f(x), state

    apply.uses_key = False  # type: ignore[attr-defined]
    return Layer(init, apply)


def _is_empty(entries: Any) -> bool:
    return isinstance(entries, dict) and not entries


def _foreign(path: str, what: str, entries: Any, known: frozenset[str]) -> ParameterError:
    if isinstance(entries, dict):
        found = "entries for " + ", ".join(repr(name) for name in entries if name not in known)
    else:
        found = type(entries).__name__
    return ParameterError(
        f"Layer {path} got {what} of another model.",
        found=found,
        needed="a dict with entries only for " + ", ".join(sorted(known)),
        write="params, state = layer.init(key, x.shape) with this very layer",
    )
