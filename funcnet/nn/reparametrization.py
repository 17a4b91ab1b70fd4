"""Layers whose parameters are functions of others: weight and spectral normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.layer import Layer, layer_path, scope, uses_key
from funcnet.nn.spec import beside
from funcnet.ops.strong import divide_or_zero
from funcnet.transforms.stop import stop_gradient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["reparametrize", "spectral_norm", "weight_norm"]


def reparametrize(layer: Layer, split: Callable[[Any], Any], join: Callable[[Any], Any]) -> Layer:
    """Return a layer that keeps other parameters, of which those of a given layer are a function.

    Parameters
    ----------
    layer : Layer
        The layer.
    split : callable
        ``split(params)``: the parameters to keep, from those that `layer` makes in its ``init``.
    join : callable
        ``join(kept)``: the parameters of `layer`, in every ``apply``; derivatives flow through it.

    Returns
    -------
    Layer
        With the state of `layer`.

    Raises
    ------
    ParameterError
        If `layer` is no layer, or the others are no functions.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random, xp
    >>> positive = nn.reparametrize(
    ...     nn.dense(2, bias=False),
    ...     lambda p: {"log_kernel": xp.log(xp.abs(p["kernel"]))},
    ...     lambda p: {"kernel": xp.exp(p["log_kernel"])},
    ... )
    >>> params, state = positive.init(random.key(0), (1, 3))
    >>> list(params), bool((positive.apply(params, state, np.ones((1, 3)))[0] > 0).all())
    (['log_kernel'], True)
    """
    _check_layer("reparametrize", layer)
    for what, f in (("split", split), ("join", join)):
        if not callable(f):
            raise ParameterError("nn.reparametrize takes two functions.", found=f"{what}={f!r}", needed="a function")

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with scope(layer_path("reparametrize")):
            params, state = layer.init(key, spec)
            with beside(key):
                return split(params), state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        with scope(layer_path("reparametrize")):
            return layer.apply(join(params), state, x, key=key, train=train)

    apply.uses_key = uses_key(layer)  # type: ignore[attr-defined]
    return Layer(init, apply)


def weight_norm(layer: Layer, *, name: str = "kernel", axis: int | None = -1) -> Layer:
    r"""Return a layer whose kernels are kept as directions and lengths.

    :math:`W = \ell\, V / \lVert V \rVert`, with a length for each output, so that the length of a kernel's columns and
    their direction are trained apart. At first the kernels are those of `layer`. Where a direction is 0 so is the
    kernel.

    Parameters
    ----------
    layer : Layer
        The layer, which may contain others.
    name : str, default "kernel"
        The name of the parameters to replace, wherever in `layer` they are.
    axis : int or None, default -1
        The axis with a length for each element, that of the outputs; None for one length of the whole kernel.

    Returns
    -------
    Layer
        In place of each such parameter it has a dict of ``direction``, of its shape, and ``length``, which has size 1
        along all other axes.

    Raises
    ------
    ParameterError
        If `layer` is no layer; by ``init``: if it has no such parameter; by ``apply``: if the parameters are those of
        another layer.

    References
    ----------
    .. [1] T. Salimans, D. Kingma, "Weight normalization: a simple reparameterization to accelerate training of deep
       neural networks", NeurIPS 2016.

    Examples
    --------
    >>> from funcnet import nn, random, tree
    >>> params, state = nn.weight_norm(nn.dense(5)).init(random.key(0), (1, 3))
    >>> tree.map(lambda p: p.shape, params)
    {'bias': (5,), 'kernel': {'direction': (3, 5), 'length': (1, 5)}}
    """
    _check_layer("weight_norm", layer)

    def lengths(kernel: Any) -> Any:
        ndim = len(kernel.shape)
        if axis is not None and not -ndim <= axis < ndim:
            raise ShapeError(
                f"Layer {layer_path('weight_norm')} has a parameter without the axis of its lengths.",
                found=f"{name} of shape {tuple(kernel.shape)} and axis={axis}",
                needed="an axis that it has, or None",
            )
        others = tuple([i for i in range(ndim) if axis is None or i != axis % ndim])
        return xp.linalg.vector_norm(kernel, axis=others, keepdims=True) if others else xp.abs(kernel)

    def split(kernel: Any) -> dict[str, Any]:
        return {"direction": kernel, "length": lengths(kernel)}

    def join(kept: Any) -> Any:
        direction, length = kept["direction"], kept["length"]
        return direction * divide_or_zero(length, lengths(direction))

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path("weight_norm")
        with scope(path):
            params, state = layer.init(key, spec)
            _check_found(path, name, params)
            with beside(key):
                return _replaced(params, name, split), state

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = layer_path("weight_norm")
        _check_kept(path, params, name, ("direction", "length"))
        with scope(path):
            return layer.apply(_replaced(params, name, join), state, x, key=key, train=train)

    apply.uses_key = uses_key(layer)  # type: ignore[attr-defined]
    return Layer(init, apply)


def spectral_norm(
    layer: Layer, *, name: str = "kernel", axis: int = -1, power_iterations: int = 1, eps: float = 1e-12
) -> Layer:
    r"""Return a layer whose kernels are divided by their largest singular value.

    The kernel as a matrix :math:`W`, with all axes but `axis` in one, is divided by :math:`\sigma = u^T W v`. The
    vectors are in the state: in training each ``apply`` improves them by power iteration, otherwise they stay. They are
    constants to derivatives, which flow through :math:`W` in :math:`\sigma`.

    Parameters
    ----------
    layer : Layer
        The layer, which may contain others.
    name : str, default "kernel"
        The name of the parameters to divide, wherever in `layer` they are.
    axis : int, default -1
        The axis of the outputs.
    power_iterations : int, default 1
        Number of iterations in every ``apply`` in training. ``init`` makes 15 more.
    eps : float, default 1e-12
        The least length to divide a vector by.

    Returns
    -------
    Layer
        With the parameters of `layer`. The state is ``{"vectors": ..., "layer": ...}``: the vectors ``left`` (of the
        outputs) and ``right``, under the names of the parameters, and the state of `layer`.

    Raises
    ------
    ParameterError
        If an argument is out of range; by ``init``: if `layer` has no such parameter; by ``apply``: if parameters or
        state are those of another layer.

    References
    ----------
    .. [1] T. Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.spectral_norm(nn.dense(5, bias=False))
    >>> params, state = layer.init(random.key(0), (1, 3))
    >>> for step in range(50):
    ...     y, state = layer.apply(params, state, np.eye(3, dtype="float32"), train=True)
    >>> round(float(np.linalg.norm(y, 2)), 4)
    1.0
    """
    _check_layer("spectral_norm", layer)
    if isinstance(power_iterations, bool) or not isinstance(power_iterations, int) or power_iterations < 1:
        raise ParameterError(
            "nn.spectral_norm takes the number of its power iterations.",
            found=repr(power_iterations),
            needed="a positive integer",
        )
    if isinstance(eps, bool) or not isinstance(eps, (int, float)) or not 0 < eps < float("inf"):
        raise ParameterError(
            "nn.spectral_norm takes the least length to divide by.", found=f"eps={eps!r}", needed="> 0"
        )

    def matrix(kernel: Any) -> Any:
        shape = tuple(kernel.shape)
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(
                f"Layer {layer_path('spectral_norm')} has a parameter without the axis of its outputs.",
                found=f"{name} of shape {shape} and axis={axis}",
                needed="an axis that it has",
            )
        size = shape[axis]
        return xp.reshape(xp.moveaxis(kernel, axis, 0), (size, -1) if size else (0, 0))

    def unit(v: Any) -> Any:
        return v / xp.maximum(xp.linalg.vector_norm(v), eps)

    def improved(w: Any, left: Any, right: Any, times: int) -> tuple[Any, Any]:
        for _ in range(times):
            left = unit(xp.matmul(w, right))
            right = unit(xp.matmul(left, w))
        return left, right

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path("spectral_norm")
        with scope(path):
            params, state = layer.init(key, spec)
            _check_found(path, name, params)
            vectors: dict[str, Any] = {}
            with beside(key):
                # A key that the layer's own parameters do not come from.
                own = random.fold_in(key, 0x5EC)
                for i, (place, kernel) in enumerate(_named(params, name)):
                    w = matrix(kernel)
                    dtype = kernel.dtype
                    keys = random.split(random.fold_in(own, i))
                    left = unit(xp.astype(random.normal(keys[0, :], (w.shape[0],), dtype="float32"), dtype))
                    right = unit(xp.astype(random.normal(keys[1, :], (w.shape[1],), dtype="float32"), dtype))
                    left, right = improved(w, left, right, 15)
                    _put(vectors, place, {"left": left, "right": right})
        return params, {"vectors": vectors, "layer": state}

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        path = layer_path("spectral_norm")
        places = dict(_named(params, name)) if isinstance(params, dict) else {}
        if not isinstance(state, dict) or set(state) != {"vectors", "layer"} or not places:
            raise _foreign(path, "state" if places else "parameters", state if places else params, name)
        divided: dict[str, Any] = {}
        vectors: dict[str, Any] = {}
        for place, kernel in places.items():
            kept = _get(state["vectors"], place)
            w = matrix(kernel)
            if not _fits(kept, w):
                raise _foreign(path, "state", state, name)
            left, right = kept["left"], kept["right"]
            if train:
                left, right = stop_gradient(improved(stop_gradient(w), left, right, power_iterations))
            sigma = xp.vecdot(left, xp.matmul(w, right))
            _put(vectors, place, {"left": left, "right": right})
            _put(divided, place, kernel / sigma)
        with scope(path):
            y, after = layer.apply(_merged(params, divided), state["layer"], x, key=key, train=train)
        return y, {"vectors": vectors if train else state["vectors"], "layer": after}

    apply.uses_key = uses_key(layer)  # type: ignore[attr-defined]
    return Layer(init, apply)


# ---------------------------------------------------------------------- named parameters


def _named(params: Any, name: str, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the places and values of all parameters of a name in nested dicts."""
    if isinstance(params, dict):
        for entry, value in params.items():
            if entry == name:
                yield (*place, entry), value
            else:
                yield from _named(value, name, (*place, entry))


def _replaced(params: Any, name: str, f: Callable[[Any], Any]) -> Any:
    """Return nested dicts with a function of each parameter of a name in its place."""
    if not isinstance(params, dict):
        return params
    return {entry: f(value) if entry == name else _replaced(value, name, f) for entry, value in params.items()}


def _merged(params: Any, changed: Any) -> Any:
    return {
        entry: (_merged(value, changed[entry]) if isinstance(changed[entry], dict) else changed[entry])
        if entry in changed
        else value
        for entry, value in params.items()
    }


def _put(entries: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    for entry in place[:-1]:
        entries = entries.setdefault(entry, {})
    entries[place[-1]] = value


def _get(entries: Any, place: tuple[str, ...]) -> Any:
    for entry in place:
        entries = entries.get(entry) if isinstance(entries, dict) else None
    return entries


def _fits(kept: Any, w: Any) -> bool:
    if not isinstance(kept, dict) or set(kept) != {"left", "right"}:
        return False
    return tuple(kept["left"].shape) == tuple(w.shape[:1]) and tuple(kept["right"].shape) == tuple(w.shape[1:])


def _check_layer(maker: str, layer: Any) -> None:
    if not isinstance(layer, Layer):
        raise ParameterError(
            f"nn.{maker} takes a layer.",
            found=type(layer).__name__,
            needed="an nn.Layer",
            write=f"nn.{maker}(nn.dense(10), ...)",
        )


def _check_found(path: str, name: str, params: Any) -> None:
    if not any(True for _ in _named(params, name)):
        raise ParameterError(
            f"Layer {path} has nothing to normalise.",
            found=f"no parameter named {name!r}",
            needed="a layer with such a parameter, or another name",
            write="nn.weight_norm(nn.dense(10))",
        )


def _check_kept(path: str, params: Any, name: str, entries: tuple[str, ...]) -> None:
    found = list(_named(params, name))
    if not found or not all(isinstance(value, dict) and set(value) == set(entries) for _, value in found):
        raise _foreign(path, "parameters", params, name)


def _foreign(path: str, what: str, entries: Any, name: str) -> ParameterError:
    return ParameterError(
        f"Layer {path} needs its own {what}.",
        found=f"a dict with the entries {sorted(entries)}" if isinstance(entries, dict) else type(entries).__name__,
        needed=f"what its init returned, with an entry for each {name}",
        write="params, state = layer.init(key, x.shape) with this very layer",
    )
