"""Layers made of one layer: repeated, shared, frozen, in training only; and layers made of functions."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from funcnet import control, random, tree, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.activations import identity
from funcnet.nn.children import Children, Shared, is_empty, observed
from funcnet.nn.layer import Layer, check_name, kind_of, layer_path, name_of, named, of_kind, scope, uses_key
from funcnet.nn.spec import as_spec, beside, output_spec
from funcnet.transforms import stop_gradient

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["at_train", "frozen", "lambda_", "repeat", "shared"]


def repeat(layer: Layer, times: int, *, checkpoint: bool | int = False) -> Layer:
    """Return `times` copies of a layer, one after the other, each with parameters of its own.

    The same as `sequential` of so many of them, but the parameters are stacked along a new first dimension and the
    layers run in `fn.scan`: the model and its graph do not grow with the number.

    Parameters
    ----------
    layer : Layer
        It must return an array of the shape and data type of its input.
    times : int
        How many there are.
    checkpoint : bool or int, default False
        Whether derivatives compute the layers again instead of keeping what is inside of them; see `fn.scan`.

    Returns
    -------
    Layer
        With the stacked parameters and state under the kind or the name of the layer. Copy i gets the key
        ``fold_in(key, i)``, in ``init`` and in ``apply``.

    Raises
    ------
    ParameterError
        If `layer` is no layer or `times` no positive integer; by ``apply``: if the parameters are those of another
        model.
    ShapeError
        By ``init``: if the layer does not keep the shape.
    DtypeError
        By ``apply``: if it does not keep the data type.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.repeat(nn.dense(4), 3)
    >>> params, state = layer.init(random.key(0), (2, 4))
    >>> params["dense"]["kernel"].shape
    (3, 4, 4)
    >>> layer.apply(params, state, np.ones((2, 4), "float32"))[0].shape
    (2, 4)
    """
    _check_layer("repeat", layer)
    try:
        count = index(times)
    except TypeError:
        count = 0
    if count < 1 or isinstance(times, bool):
        raise ParameterError(
            "nn.repeat takes the number of copies.",
            found=repr(times),
            needed="a positive integer",
            write="nn.repeat(layer, 12)",
        )
    name = name_of(layer) or kind_of(layer)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path("repeat")
        with beside(key), scope(f"{path}.{name}"):
            spec = as_spec(spec)
            made = [layer.init(random.fold_in(key, i), spec) for i in range(count)]
            out = output_spec(layer, *made[0], spec)
            if tree.map(_shape, out) != tree.map(_shape, spec):
                raise ShapeError(
                    f"Layer {path}.{name} cannot be repeated, as it does not return what it takes.",
                    found=f"{tree.map(_shape, out)} for {tree.map(_shape, spec)}",
                    needed="the same shape",
                    write="nn.sequential(layer, another, ...)",
                )
            params, state = tree.map(lambda *leaves: xp.stack(leaves), *made)
        return {} if is_empty(params) else {name: params}, {} if is_empty(state) else {name: state}

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = layer_path("repeat")
        for what, entries in (("parameters", params), ("state", state)):
            if not isinstance(entries, dict) or not {name}.issuperset(entries):
                raise ParameterError(
                    f"Layer {path} got {what} of another model.",
                    found=", ".join(map(repr, entries)) if isinstance(entries, dict) else type(entries).__name__,
                    needed=f"a dict with an entry only for {name!r}",
                    write="params, state = layer.init(key, x.shape) with this very layer",
                )
        stacked = params.get(name, {}), state.get(name, {})
        keys = None
        if key is not None and uses_key(layer):
            keys = xp.stack([random.fold_in(key, i) for i in range(count)])

        def step(x: Any, own: Any) -> tuple[Any, Any]:
            p, s, k = own
            return observed(f"{path}.{name}", layer, p, s, x, key=k, train=train)

        y, after = control.scan(step, x, (*stacked, keys), length=count, checkpoint=checkpoint)
        return y, {} if is_empty(after) else {name: after}

    apply.uses_key = uses_key(layer)  # type: ignore[attr-defined]
    return Layer(init, apply)


def shared(layer: Layer, *, name: str | None = None) -> Layer:
    """Return a layer that may stand at several places of one container, with the same parameters at all of them.

    Parameters
    ----------
    layer : Layer
        The layer.
    name : str, optional
        Its name there; if omitted its kind with a number, as that of any child.

    Returns
    -------
    Layer
        Use this very object at each place. Its parameters are made for the first place, and kept once; its gradient
        is the sum over the places; its state passes from place to place.

    Raises
    ------
    ParameterError
        If `layer` is no layer, or the name is not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> half = nn.shared(nn.dense(4))
    >>> params, state = nn.sequential(half, nn.relu(), half).init(random.key(0), (2, 4))
    >>> list(params)
    ['dense_0']
    """
    _check_layer("shared", layer)
    if name is not None:
        check_name(name)
    result = Shared(layer.init, layer.apply)
    result.label = name or name_of(layer)
    return result


def frozen(layer: Layer) -> Layer:
    """Return a layer with parameters that have no gradient.

    Parameters
    ----------
    layer : Layer
        The layer. The gradient of its input is what it was.

    Returns
    -------
    Layer
        Of the same kind and with the same parameters, so that models freeze and thaw without changing names.

    Raises
    ------
    ParameterError
        If `layer` is no layer.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import nn, random, xp
    >>> model = nn.sequential(nn.frozen(nn.dense(2)), nn.dense(1))
    >>> params, state = model.init(random.key(0), (1, 3))
    >>> grads = fn.grad(lambda p: xp.sum(model.apply(p, state, np.ones((1, 3), "float32"))[0]))(params)
    >>> grads["dense_0"]["bias"]
    array([0., 0.], dtype=float32)
    """
    _check_layer("frozen", layer)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        return layer.init(key, spec)

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        return layer.apply(tree.map(stop_gradient, params), state, x, key=key, train=train)

    return like(layer, init, apply)


def like(layer: Layer, init: Callable[..., Any], apply: Any) -> Layer:
    """Return a layer of other functions with the kind, the name and the use of keys of `layer`."""
    init.__qualname__ = f"{kind_of(layer)}.<locals>.init"
    apply.uses_key = uses_key(layer)
    own = name_of(layer)
    return Layer(init, apply) if own is None else named(own, Layer(init, apply))


def at_train(layer: Layer | Callable[[Any], Any], otherwise: Layer | Callable[[Any], Any] | None = None) -> Layer:
    """Return a layer that does one thing in training and another otherwise.

    Parameters
    ----------
    layer : Layer or callable
        What runs where ``train`` is true; child ``train``, with the key ``fold_in(key, 0)``.
    otherwise : Layer or callable, optional
        What runs elsewhere, the identity if omitted; child ``otherwise``, with the key ``fold_in(key, 1)``.

    Returns
    -------
    Layer
        The state of the child that does not run stays as it is.

    Raises
    ------
    ParameterError
        If one is neither layer nor function.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> layer = nn.at_train(np.negative)
    >>> layer.apply({}, {}, 2.0, train=True)[0], layer.apply({}, {}, 2.0)[0]
    (np.float64(-2.0), 2.0)
    """
    children = Children("at_train", (), {"train": layer, "otherwise": identity() if otherwise is None else otherwise})

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        params: dict[str, Any] = {}
        state: dict[str, Any] = {}
        path = children.path()
        with beside(key):
            spec = as_spec(spec)
            for i in range(2):
                children.init(path, i, key, spec, params, state)
        return params, state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = children.path()
        children.check(path, params, state)
        after = dict(state)
        y = children.apply(path, 0 if train else 1, params, state, after, x, key, train)
        return y, after

    apply.uses_key = children.uses_key  # type: ignore[attr-defined]
    return Layer(init, apply)


def lambda_(
    function: Callable[..., Any], init_params: Callable[[Any, Any], Any] | None = None, *, kind: str | None = None
) -> Layer:
    """Return the layer of a function.

    In `sequential` a plain function of one array does as it is; this gives it a kind, or parameters.

    Parameters
    ----------
    function : callable
        ``function(x)``, or ``function(params, x)`` where there is `init_params`.
    init_params : callable, optional
        ``init_params(key, spec)`` returns the parameters, a nested dict of arrays.
    kind : str, optional
        What the layer is called; the name of the function if omitted.

    Returns
    -------
    Layer
        Without state.

    Raises
    ------
    ParameterError
        If one is no function, or the kind is not fit for a name.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> def made(key, spec):
    ...     return {"by": np.full(spec.shape[-1:], 2.0)}
    >>> scale = nn.lambda_(lambda p, x: x * p["by"], made, kind="scale")
    >>> nn.sequential(scale).init(random.key(0), (1, 2))[0]
    {'scale_0': {'by': array([2., 2.])}}
    """
    for f in (function, function if init_params is None else init_params):
        if not callable(f):
            raise ParameterError(
                "nn.lambda_ takes a function, and one that makes its parameters.",
                found=f"{type(f).__name__}: {f!r}",
                needed="a function",
                write="nn.lambda_(lambda x: x * 2)",
            )
    own = kind_of(function) if kind is None else kind
    check_name(own)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        if init_params is None:
            return {}, {}
        with beside(key):
            return init_params(key, as_spec(spec)), {}

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        return (function(x) if init_params is None else function(params, x)), state

    apply.uses_key = False  # type: ignore[attr-defined]
    return of_kind(own, Layer(init, apply))


def _shape(spec: Any) -> str:
    return str(tuple(spec.shape))


def _check_layer(kind: str, layer: Any) -> None:
    if not isinstance(layer, Layer):
        raise ParameterError(
            f"nn.{kind} takes a layer.",
            found=f"{type(layer).__name__}: {layer!r}",
            needed="an nn.Layer",
            write=f"nn.{kind}(nn.dense(10))" if kind != "repeat" else "nn.repeat(nn.dense(10), 3)",
        )
