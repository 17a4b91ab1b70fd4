"""Layers inside of a layer: their names, their keys, and where their parameters are kept.

Each child has a name: its kind and its number among the children of that kind (``dense_0``, ``relu_0``, ``dense_1``),
the name that `named` gave it, or the keyword it was passed by. A layer from `shared` that stands at several places is
one child there, with one name.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from funcnet import random
from funcnet.errors import ParameterError
from funcnet.nn.layer import Layer, check_name, kind_of, layer_path, name_of, scope, uses_key
from funcnet.nn.plain import applied
from funcnet.nn.spec import output_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Children", "Shared", "as_layer", "is_empty", "observed", "watching"]

#: Called with path, layer, parameters, state, input and output of each child that runs, while `summary` looks on.
_observer: ContextVar[Callable[..., None] | None] = ContextVar("funcnet_layer_observer", default=None)


class Shared(Layer):
    """A layer that may stand at several places of one container."""

    label: str | None


class Children:
    """The layers of a container, in order.

    Parameters
    ----------
    kind : str
        What the container is called.
    layers : iterable of Layer or callable
        Those without a keyword.
    named_layers : dict
        Those with one.

    Raises
    ------
    ParameterError
        If one is neither layer nor function, or two have one name.
    """

    __slots__ = ("items", "kind", "known", "uses_key")

    def __init__(self, kind: str, layers: Iterable[Any], named_layers: dict[str, Any]) -> None:
        self.kind = kind
        self.items = _named(kind, layers, named_layers)
        self.known = frozenset(name for name, _ in self.items)
        self.uses_key = any(uses_key(child) for _, child in self.items)

    def __len__(self) -> int:
        return len(self.items)

    def path(self) -> str:
        """Return the container's path."""
        return layer_path(self.kind)

    def init(self, path: str, i: int, key: Any, spec: Any, params: dict[str, Any], state: dict[str, Any]) -> Any:
        """Enter the parameters and the state of child `i`; return the specs of what it returns."""
        name, child = self.items[i]
        with scope(f"{path}.{name}"):
            if name in params or name in state:
                # Shared, and made at another place.
                p, s = params.get(name, {}), state.get(name, {})
            else:
                p, s = child.init(random.fold_in(key, i), spec)
            out = output_spec(child, p, s, spec)
        if not is_empty(p):
            params[name] = p
        if not is_empty(s):
            state[name] = s
        return out

    def check(self, path: str, params: Any, state: Any) -> None:
        """Raise `ParameterError` if there are entries that are no child's."""
        for what, entries in (("parameters", params), ("state", state)):
            if not isinstance(entries, dict) or not self.known.issuperset(entries):
                raise _foreign(path, what, entries, self.known)

    def apply(
        self, path: str, i: int, params: Any, before: Any, after: dict[str, Any], x: Any, key: Any, train: bool
    ) -> Any:
        """Return what child `i` returns for `x`, and enter its new state in `after`."""
        name, child = self.items[i]
        own = f"{path}.{name}"
        with scope(own):
            child_key = random.fold_in(key, i) if key is not None and uses_key(child) else None
            p, s = params.get(name, {}), after[name] if name in after else before.get(name, {})
            y, new = child.apply(p, s, x, key=child_key, train=train)
            observer = _observer.get()
            if observer is not None:
                observer(own, child, p, s, x, y)
        if not is_empty(new):
            after[name] = new
        return y


def observed(path: str, layer: Layer, params: Any, state: Any, x: Any, *, key: Any, train: bool) -> Any:
    """Return ``(y, state)`` of a layer that runs at a path, as `Children.apply` does for a child."""
    with scope(path):
        y, new = layer.apply(params, state, x, key=key, train=train)
        observer = _observer.get()
        if observer is not None:
            observer(path, layer, params, state, x, y)
    return y, new


class watching:  # noqa: N801  # it reads as a function, as the context managers of contextlib do
    """Have `observer` called for each child that runs in the ``with`` block."""

    __slots__ = ("_observer", "_token")

    def __init__(self, observer: Callable[..., None]) -> None:
        self._observer = observer

    def __enter__(self) -> None:
        self._token = _observer.set(self._observer)

    def __exit__(self, *error: object) -> None:
        _observer.reset(self._token)


def _named(kind: str, layers: Iterable[Any], named_layers: dict[str, Any]) -> list[tuple[str, Layer]]:
    counts: dict[str, int] = {}
    shared: list[tuple[Shared, str]] = []
    children: list[tuple[str, Layer]] = []

    def enter(layer: Any, name: str | None) -> None:
        _check_child(kind, layer)
        known = next((label for other, label in shared if other is layer), None) if name is None else None
        if known is None:
            known = name or name_of(layer) or (layer.label if isinstance(layer, Shared) else None)
            if known is None:
                own = kind_of(layer)
                number = counts[own] = counts.get(own, -1) + 1
                known = f"{own}_{number}"
            if any(known == other for other, _ in children):
                raise ParameterError(
                    f"nn.{kind} got two layers with the name {known!r}.",
                    found=", ".join([*(other for other, _ in children), known]),
                    needed="names that differ",
                    write='nn.named("another_name", layer), or nn.shared(layer) for one layer at several places',
                )
            if isinstance(layer, Shared):
                shared.append((layer, known))
        children.append((known, as_layer(layer)))

    for layer in layers:
        enter(layer, None)
    for name, layer in named_layers.items():
        check_name(name)
        enter(layer, name)
    return children


def _check_child(kind: str, layer: Any) -> None:
    if not isinstance(layer, Layer) and not callable(layer):
        raise ParameterError(
            f"nn.{kind} takes layers and functions.",
            found=f"{type(layer).__name__}: {layer!r}",
            needed="an nn.Layer, or a function of one array",
            write=f"nn.{kind}(nn.dense(128), nn.relu()), or *layers for a list of them",
        )
    if _makes_layers(layer):
        name = getattr(layer, "__name__", "layer")
        raise ParameterError(
            f"nn.{kind} got a function that makes a layer in place of the layer.",
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
        and name not in ("Layer", "Shared", "affine")
    )


def as_layer(layer: Layer | Callable[[Any], Any]) -> Layer:
    """Return a layer as it is, and a function of one array as a layer."""
    return layer if isinstance(layer, Layer) else _function(layer)


def _function(f: Callable[[Any], Any]) -> Layer:
    return applied(kind_of(f), f)


def is_empty(entries: Any) -> bool:
    """Whether there is nothing to keep."""
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
