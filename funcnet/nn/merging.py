"""Layers side by side, and what brings their results together again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.errors import ShapeError
from funcnet.nn.children import Children
from funcnet.nn.layer import Layer, layer_path
from funcnet.nn.plain import applied
from funcnet.nn.spec import as_spec, beside

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["add", "concatenate", "fan_out", "parallel", "residual"]


def parallel(*layers: Layer | Callable[[Any], Any], **named_layers: Layer | Callable[[Any], Any]) -> Layer:
    """Return a layer that applies each of several layers to its own input.

    Parameters
    ----------
    *layers : Layer or callable
        The children, named as in `sequential`.
    **named_layers : Layer or callable
        More children, called by the keyword.

    Returns
    -------
    Layer
        Of a tuple or list with one input for each child, in order, or of a dict with the children's names; the result
        is a tuple or such a dict. Child i gets the key ``fold_in(key, i)``.

    Raises
    ------
    ParameterError
        If a child is neither layer nor function, or two have one name.
    ShapeError
        By ``init`` and ``apply``: if the inputs are not as many as the children, or have other names.

    Notes
    -----
    Called ``parallel`` in stax as well.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.parallel(nn.dense(4), nn.identity())
    >>> params, state = layer.init(random.key(0), ((2, 3), (2, 5)))
    >>> list(params)
    ['dense_0']
    >>> (a, b), state = layer.apply(params, state, (np.ones((2, 3), "float32"), np.ones((2, 5), "float32")))
    >>> a.shape, b.shape
    ((2, 4), (2, 5))
    """
    children = Children("parallel", layers, named_layers)
    names = [name for name, _ in children.items]

    def inputs(path: str, x: Any) -> list[Any]:
        if isinstance(x, dict) and x.keys() == set(names):
            return [x[name] for name in names]
        if isinstance(x, (tuple, list)) and len(x) == len(names):
            return list(x)
        found = f"a dict with {', '.join(map(repr, x))}" if isinstance(x, dict) else type(x).__name__
        raise ShapeError(
            f"Layer {path} takes one input for each of its layers.",
            found=f"{found} of length {len(x)}" if isinstance(x, (tuple, list)) else found,
            needed=f"a tuple of length {len(names)}, or a dict with " + ", ".join(names),
            write="nn.fan_out(...) to give one input to all",
        )

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        params: dict[str, Any] = {}
        state: dict[str, Any] = {}
        path = children.path()
        with beside(key):
            for i, own in enumerate(inputs(path, as_spec(spec))):
                children.init(path, i, key, own, params, state)
        return params, state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = children.path()
        children.check(path, params, state)
        after: dict[str, Any] = {}
        ys = [children.apply(path, i, params, state, after, own, key, train) for i, own in enumerate(inputs(path, x))]
        return dict(zip(names, ys, strict=True)) if isinstance(x, dict) else tuple(ys), after

    apply.uses_key = children.uses_key  # type: ignore[attr-defined]
    return Layer(init, apply)


def fan_out(*layers: Layer | Callable[[Any], Any], **named_layers: Layer | Callable[[Any], Any]) -> Layer:
    """Return a layer that applies each of several layers to the same input.

    Parameters
    ----------
    *layers : Layer or callable
        The children, named as in `sequential`.
    **named_layers : Layer or callable
        More children, called by the keyword.

    Returns
    -------
    Layer
        Of one input; the result is a tuple with one output for each child. Child i gets the key ``fold_in(key, i)``.

    Raises
    ------
    ParameterError
        If a child is neither layer nor function, or two have one name.

    Notes
    -----
    In stax: ``serial(FanOut(n), parallel(...))``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.sequential(nn.fan_out(nn.dense(4), nn.dense(2)), nn.concatenate())
    >>> params, state = layer.init(random.key(0), (2, 3))
    >>> layer.apply(params, state, np.ones((2, 3), "float32"))[0].shape
    (2, 6)
    """
    children = Children("fan_out", layers, named_layers)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        params: dict[str, Any] = {}
        state: dict[str, Any] = {}
        path = children.path()
        with beside(key):
            spec = as_spec(spec)
            for i in range(len(children)):
                children.init(path, i, key, spec, params, state)
        return params, state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = children.path()
        children.check(path, params, state)
        after: dict[str, Any] = {}
        ys = [children.apply(path, i, params, state, after, x, key, train) for i in range(len(children))]
        return tuple(ys), after

    apply.uses_key = children.uses_key  # type: ignore[attr-defined]
    return Layer(init, apply)


def concatenate(*, axis: int = -1) -> Layer:
    """Return a layer that joins several arrays along an axis.

    Parameters
    ----------
    axis : int, default -1
        The axis.

    Returns
    -------
    Layer
        Of a tuple, list or dict of arrays.

    Raises
    ------
    ShapeError
        By ``apply``: if there are no arrays, or their shapes differ elsewhere than along the axis.

    Notes
    -----
    In stax: ``FanInConcat``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.concatenate(axis=0).apply({}, {}, (np.ones(2), np.zeros(1)))[0]
    array([1., 1., 0.])
    """

    return applied("concatenate", lambda x: xp.concat(_several("concatenate", x), axis=axis))


def add() -> Layer:
    """Return a layer that adds several arrays.

    Returns
    -------
    Layer
        Of a tuple, list or dict of arrays, of which the shapes broadcast.

    Raises
    ------
    ShapeError
        By ``apply``: if there are no arrays, or their shapes do not broadcast.

    Notes
    -----
    In stax: ``FanInSum``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.add().apply({}, {}, (np.ones(2), np.array([1.0, 2.0]), np.ones(2)))[0]
    array([3., 4.])
    """

    def total(x: Any) -> Any:
        found, *others = _several("add", x)
        for other in others:
            found = found + other
        return found

    return applied("add", total)


def residual(layer: Layer | Callable[[Any], Any], shortcut: Layer | Callable[[Any], Any] | None = None) -> Layer:
    """Return a layer that adds what a layer makes of its input to the input.

    Parameters
    ----------
    layer : Layer or callable
        The body, child ``body``, with the key ``fold_in(key, 0)``.
    shortcut : Layer or callable, optional
        What the input goes through on the other way, such as a `dense` without bias where the body changes the number
        of features; child ``shortcut``, with the key ``fold_in(key, 1)``.

    Returns
    -------
    Layer
        ``body(x) + shortcut(x)``.

    Raises
    ------
    ParameterError
        If one is neither layer nor function.
    ShapeError
        By ``init`` and ``apply``: if the two shapes differ.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.residual(np.square).apply({}, {}, np.array([1.0, 3.0]))[0]
    array([ 2., 12.])
    """
    named_layers = {"body": layer} if shortcut is None else {"body": layer, "shortcut": shortcut}
    children = Children("residual", (), named_layers)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        params: dict[str, Any] = {}
        state: dict[str, Any] = {}
        path = children.path()
        with beside(key):
            spec = as_spec(spec)
            outs = [children.init(path, i, key, spec, params, state) for i in range(len(children))]
        _check_sum(path, outs[0], spec if shortcut is None else outs[1])
        return params, state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = children.path()
        children.check(path, params, state)
        after: dict[str, Any] = {}
        body = children.apply(path, 0, params, state, after, x, key, train)
        other = x if shortcut is None else children.apply(path, 1, params, state, after, x, key, train)
        _check_sum(path, body, other)
        return body + other, after

    apply.uses_key = children.uses_key  # type: ignore[attr-defined]
    return Layer(init, apply)


def _check_sum(path: str, body: Any, other: Any) -> None:
    if not hasattr(body, "shape") or not hasattr(other, "shape") or tuple(body.shape) != tuple(other.shape):
        shapes = [str(tuple(y.shape)) if hasattr(y, "shape") else f"a {type(y).__name__}" for y in (body, other)]
        raise ShapeError(
            f"Layer {path} cannot add what its two ways return.",
            found=f"{shapes[0]} from the body, {shapes[1]} beside it",
            needed="arrays of one shape",
            write="nn.residual(body, nn.dense(features, bias=False))",
        )


def _several(kind: str, x: Any) -> list[Any]:
    arrays = list(x.values()) if isinstance(x, dict) else list(x) if isinstance(x, (tuple, list)) else []
    if not arrays:
        raise ShapeError(
            f"Layer {layer_path(kind)} takes several arrays.",
            found=f"a {type(x).__name__}" + (" without any" if isinstance(x, (dict, list, tuple)) else ""),
            needed="a tuple, list or dict of arrays",
            write=f"nn.sequential(nn.fan_out(...), nn.{kind}())",
        )
    return arrays
