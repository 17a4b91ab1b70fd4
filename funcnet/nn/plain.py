"""Layers without parameters, made of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError
from funcnet.nn.layer import Layer, layer_path, of_kind, without_key

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["applied", "drawn", "needed_key"]


def applied(kind: str, f: Callable[[Any], Any], check: Callable[[Any], Any] | None = None) -> Layer:
    """Return the layer that calls `f` with its input; `check` looks at the spec that ``init`` gets."""

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        return f(x), state

    return of_kind(kind, Layer(_init(check), apply))


def drawn(
    kind: str,
    f: Callable[[Any, Any], Any],
    otherwise: Callable[[Any], Any],
    check: Callable[[Any], Any] | None = None,
) -> Layer:
    """Return the layer that calls `f` with its input and a key in training, and `otherwise` with its input."""

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        if not train:
            return otherwise(x), state
        return f(x, needed_key(layer_path(kind), key)), state

    return of_kind(kind, Layer(_init(check), apply))


def _init(check: Callable[[Any], Any] | None) -> Callable[..., tuple[Any, Any]]:
    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001  # the signature of every init
        if check is not None:
            check(spec)
        return {}, {}

    return init


def needed_key(path: str, key: Any) -> Any:
    """Return the key of the layer at `path`, or raise `ParameterError` where there is none."""
    if key is None:
        raise ParameterError(
            f"Layer {path} needs a random key in training.",
            found="train=True and key=None",
            needed="a key, a new one for every step",
            write="apply(params, state, x, key=random.fold_in(key, step), train=True)",
        )
    return key
