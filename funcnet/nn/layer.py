"""What a layer is, how it is named, and how its errors say where in a model they arose."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import tree
from funcnet.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Layer", "Stateless", "kind_of", "layer_path", "named", "of_kind", "scope", "stateless", "without_key"]

# The path of the layer that runs, such as "sequential.dense_0"; empty outside of containers.
_path: ContextVar[str] = ContextVar("funcnet_layer_path", default="")


class Layer(NamedTuple):
    """A pair of pure functions: one makes parameters and state, the other applies them.

    Every layer, from `dense` to a whole model, is this pair, and so is whatever you write yourself. Defined inside a
    function, ``init`` gives the layer its kind: the name of that function.

    Attributes
    ----------
    init : callable
        ``init(key, spec) -> (params, state)``. ``spec`` describes the input, batch included: a shape, an array, a
        `funcnet.Spec`, or a pytree of them; `as_spec` makes specs of all of them. ``params`` and ``state`` are nested
        dicts of arrays; ``{}`` where there are none.
    apply : callable
        ``apply(params, state, x, *, key=None, train=False) -> (y, state)``. A layer without state returns what it got.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> def scale():
    ...     def init(key, spec):
    ...         return {"factor": nn.initializers.ones(key, nn.as_spec(spec).shape[-1:])}, {}
    ...     def apply(params, state, x, *, key=None, train=False):
    ...         return x * params["factor"], state
    ...     return nn.Layer(init, apply)
    >>> model = nn.sequential(scale(), nn.relu())
    >>> params, state = model.init(random.key(0), (8, 3))
    >>> params
    {'scale_0': {'factor': array([1., 1., 1.], dtype=float32)}}
    """

    init: Callable[..., tuple[Any, Any]]
    apply: Callable[..., tuple[Any, Any]]


class Stateless(NamedTuple):
    """What `stateless` returns: the functions of a layer, without state."""

    init: Callable[..., Any]
    apply: Callable[..., Any]


class _Named(Layer):
    """A layer that a container is to call by a name of its own."""

    name: str


def named(name: str, layer: Layer) -> Layer:
    """Return the layer with a name, under which a container keeps its parameters.

    Parameters
    ----------
    name : str
        The name: not empty, without a dot.
    layer : Layer
        The layer.

    Returns
    -------
    Layer
        The same functions.

    Raises
    ------
    ParameterError
        If the name is not fit, or `layer` is no layer.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> params, _ = nn.sequential(nn.named("head", nn.dense(2))).init(random.key(0), (1, 3))
    >>> list(params)
    ['head']
    """
    check_name(name)
    if not isinstance(layer, Layer):
        raise ParameterError(
            "nn.named names layers.",
            found=type(layer).__name__,
            needed="an nn.Layer",
            write=f"nn.named({name!r}, nn.dense(10))",
        )
    result = _Named(layer.init, layer.apply)
    result.name = name
    return result


def check_name(name: Any) -> None:
    """Raise `ParameterError` if a layer cannot be called that."""
    if not isinstance(name, str) or not name or "." in name:
        raise ParameterError(
            "A layer cannot have this name.",
            found=repr(name),
            needed="a string that is not empty and has no dot, which separates names in a path",
            write='nn.named("head", layer)',
        )


def name_of(layer: Any) -> str | None:
    """Return the name that `named` gave, or None."""
    return layer.name if isinstance(layer, _Named) else None


def kind_of(layer: Any) -> str:
    """Return what a layer or a plain function is called where nobody named it.

    Examples
    --------
    >>> from funcnet import nn
    >>> from funcnet.nn.layer import kind_of
    >>> kind_of(nn.dense(3)), kind_of(abs), kind_of(lambda x: x)
    ('dense', 'abs', 'function')
    """
    if isinstance(layer, Layer):
        outer, local, _ = getattr(layer.init, "__qualname__", "").rpartition(".<locals>.")
        # Otherwise `init` is no closure of a function that could be the layer's name.
        return outer.rpartition(".")[2] if local else "layer"
    name = getattr(layer, "__name__", type(layer).__name__)
    return name if name.isidentifier() else "function"


def of_kind(kind: str, layer: Layer) -> Layer:
    """Return a layer that was just made after setting its kind, where it is not made in a function of that name."""
    layer.init.__qualname__ = f"{kind}.<locals>.init"
    return layer


def without_key(apply: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an ``apply`` that never looks at ``key``, so that containers need not derive one for it."""
    apply.uses_key = False  # type: ignore[attr-defined]
    return apply


def uses_key(layer: Layer) -> bool:
    """Whether a layer's ``apply`` may look at its key."""
    return getattr(layer.apply, "uses_key", True)


def layer_path(kind: str) -> str:
    """Return the path of the layer that runs, for error messages; `kind` if it runs by itself."""
    return _path.get() or kind


class scope:  # noqa: N801  # it reads as a function, as the context managers of contextlib do
    """Let errors that arise in the ``with`` block say that they come from the layer of that path."""

    # A class, since a generator would cost more than some layers do.
    __slots__ = ("_path", "_token")

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._token = _path.set(self._path)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        _path.reset(self._token)
        if not isinstance(error, Exception) or self._path in str(error):
            return
        # The innermost layer only, and not where the message says it already.
        if not any(note.startswith("in layer ") for note in getattr(error, "__notes__", ())):
            error.add_note(f"in layer {self._path}")


def stateless(layer: Layer) -> Stateless:
    """Return the functions of a layer that has no state, without state in their signatures.

    Parameters
    ----------
    layer : Layer
        A layer whose state is ``{}``.

    Returns
    -------
    init : callable
        ``params = init(key, spec)``.
    apply : callable
        ``y = apply(params, x, *, key=None, train=False)``.

    Raises
    ------
    ParameterError
        By ``init`` and ``apply``: the layer has state.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> init, apply = nn.stateless(nn.sequential(nn.dense(4), nn.relu(), nn.dense(2)))
    >>> params = init(random.key(0), (1, 3))
    >>> apply(params, np.ones((5, 3), dtype="float32")).shape
    (5, 2)
    """
    if not isinstance(layer, Layer):
        raise ParameterError(
            "nn.stateless takes a layer.",
            found=type(layer).__name__,
            needed="an nn.Layer",
            write="init, apply = nn.stateless(nn.dense(10))",
        )

    def init(key: Any, spec: Any) -> Any:
        params, state = layer.init(key, spec)
        _refuse_state(layer, state)
        return params

    def apply(params: Any, x: Any, *, key: Any = None, train: bool = False) -> Any:
        y, state = layer.apply(params, {}, x, key=key, train=train)
        _refuse_state(layer, state)
        return y

    return Stateless(init, apply)


def _refuse_state(layer: Layer, state: Any) -> None:
    if state != {}:
        raise ParameterError(
            f"nn.stateless got a layer with state: {kind_of(layer)}.",
            found="state at " + ", ".join(tree.paths(state)[:4]),
            needed="a layer whose state is {}",
            write="params, state = layer.init(key, spec); y, state = layer.apply(params, state, x, train=True)",
        )
