"""Normalisation layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random, xp
from funcnet.core import owner
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.initializers import ones, zeros
from funcnet.nn.layer import Layer, layer_path, without_key
from funcnet.nn.spec import beside, features_of
from funcnet.ops.nn import local_norm
from funcnet.ops.nn import normalization as norms
from funcnet.transforms.stop import stop_gradient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "rms_norm",
    "unit_norm",
]


def batch_norm(
    *,
    axis: int = -1,
    decay: float | None = 0.9,
    eps: float = 1e-5,
    scale: bool = True,
    bias: bool = True,
    track: bool = True,
    scale_init: Callable[..., Any] = ones,
    bias_init: Callable[..., Any] = zeros,
    dtype: Any = None,
) -> Layer:
    r"""Batch normalisation, of inputs with any number of axes.

    In training each channel is normalised by its mean and biased variance over all other axes, and the state follows
    them: ``new = decay * old + (1 - decay) * batch``, for the variance with the unbiased one, as in PyTorch. Otherwise
    the statistics in the state are used.

    Parameters
    ----------
    axis : int, default -1
        The axis of the channels; 1 where they come first.
    decay : float or None, default 0.9
        What part of the old statistics stays: 1 minus PyTorch's ``momentum``, and what Keras and Flax call
        ``momentum``. None gives the average over all steps.
    eps : float, default 1e-5
        Added to the variance.
    scale, bias : bool, default True
        Whether there is a factor, and a shift, for each channel.
    track : bool, default True
        Whether there are statistics in the state. Without, those of the batch are used in any case.
    scale_init, bias_init : callable, optional
        ``init(key, shape, dtype)``, see `funcnet.nn.initializers`.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted. The statistics
        have it as well, but at least float32.

    Returns
    -------
    Layer
        With the parameters ``scale`` and ``bias``, and the state ``mean`` and ``var``, all of shape ``(channels,)``;
        without `decay` also ``count``. ``apply`` returns the new state and leaves the old one alone. No derivative
        flows into the state.

    Raises
    ------
    ParameterError
        If an argument is out of range; by ``apply``: if parameters or state are those of another layer.
    ShapeError
        By ``init`` and ``apply``: if the input does not fit; in training, if a channel has a single element.
    DtypeError
        By ``apply``: if the input is not floating-point.

    References
    ----------
    .. [1] S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
       shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.batch_norm(decay=0.75)
    >>> params, state = layer.init(random.key(0), (2, 1))
    >>> y, state = layer.apply(params, state, np.array([[1.0], [3.0]], dtype="float32"), train=True)
    >>> y.ravel().round(4), state["mean"], state["var"]
    (array([-1.,  1.], dtype=float32), array([0.5], dtype=float32), array([1.25], dtype=float32))
    """
    norms.check_eps("nn.batch_norm", eps)
    if decay is not None and (isinstance(decay, bool) or not isinstance(decay, (int, float)) or not 0 <= decay <= 1):
        raise ParameterError(
            "nn.batch_norm takes the part of the old statistics that stays.",
            found=f"decay={decay!r}",
            needed="a number from 0 to 1, or None for the average over all steps",
            write="nn.batch_norm(decay=0.9)",
        )
    entries = _entries(scale, bias)
    statistics = (("mean", "var") if decay is not None else ("count", "mean", "var")) if track else ()

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            found = features_of(spec, layer_path("batch_norm"))
            name = f"Layer {layer_path('batch_norm')}"
            channels = (found.shape[norms.channel_in(name, found.shape, axis)],)
            params = _parameters(key, entries, channels, scale_init, bias_init, dtype)
            if not track:
                return params, {}
            # A running average in half precision would stand still.
            wide = _at_least_single(zeros(key, (), dtype))
            state = {"mean": xp.zeros(channels, dtype=wide), "var": xp.ones(channels, dtype=wide)}
            if decay is None:
                state["count"] = xp.zeros((), dtype=wide)
        return params, state

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        path = layer_path("batch_norm")
        name = f"Layer {path}"
        channel = norms.channel_of(name, x, axis)
        channels = (x.shape[channel],)
        _check_entries(path, "parameters", params, dict.fromkeys(entries, channels))
        shapes = {entry: () if entry == "count" else channels for entry in statistics}
        _check_entries(path, "state", state, shapes)
        factor, shift = params.get("scale"), params.get("bias")
        if track and not train:
            return norms.fixed_norm(x, state["mean"], state["var"], factor, shift, axis=axis, eps=eps), state
        count = 1
        for i, n in enumerate(x.shape):
            count *= 1 if i == channel else n
        if train and count < 2:
            raise ShapeError(
                f"{name} needs more than one element in each channel in training.",
                found=f"shape {tuple(x.shape)}, with the channels along axis {channel}",
                needed="a larger batch, or spatial axes",
                write="train=False, or nn.layer_norm(), which does not look at other examples",
            )
        y, mean, var = norms.batch_norm(x, factor, shift, axis=axis, eps=eps)
        if not (track and train):
            return y, state
        new = {"mean": mean, "var": var * (count / (count - 1))}
        after = {}
        if decay is None:
            after["count"] = state["count"] + 1.0
            weight = 1.0 / after["count"]
        else:
            weight = 1.0 - decay
        for entry, value in new.items():
            old = state[entry]
            after[entry] = old + weight * (xp.astype(stop_gradient(value), old.dtype) - old)
        return y, {entry: after[entry] for entry in state}

    return Layer(init, apply)


def layer_norm(
    *,
    axis: int | Sequence[int] = -1,
    eps: float = 1e-5,
    scale: bool = True,
    bias: bool = True,
    scale_init: Callable[..., Any] = ones,
    bias_init: Callable[..., Any] = zeros,
    dtype: Any = None,
) -> Layer:
    """Layer normalisation: of each example by its mean and variance over some axes.

    Parameters
    ----------
    axis : int or sequence of int, default -1
        Axes over which to normalise.
    eps : float, default 1e-5
        Added to the variance.
    scale, bias : bool, default True
        Whether there is a factor, and a shift, for each element along `axis`.
    scale_init, bias_init : callable, optional
        ``init(key, shape, dtype)``, see `funcnet.nn.initializers`.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameters ``scale`` and ``bias``, of the sizes of the input along `axis` in ascending order.

    Raises
    ------
    ParameterError
        If `eps` is negative; by ``apply``: if the parameters are those of another layer.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit.

    References
    ----------
    .. [1] J. Ba, J. Kiros, G. Hinton, "Layer normalization", 2016, arXiv:1607.06450.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.layer_norm()
    >>> params, state = layer.init(random.key(0), (1, 2))
    >>> layer.apply(params, state, np.array([[1.0, 3.0]]))[0].round(4)
    array([[-1.,  1.]])
    """
    norms.check_eps("nn.layer_norm", eps)

    def normalise(x: Any, factor: Any, shift: Any) -> Any:
        return norms.layer_norm(x, factor, shift, axis=axis, eps=eps)

    def sizes(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        return _sizes_along(name, shape, axis)

    return _stateless("layer_norm", _entries(scale, bias), sizes, normalise, scale_init, bias_init, dtype)


def rms_norm(
    *,
    axis: int | Sequence[int] = -1,
    eps: float = 1e-6,
    scale: bool = True,
    scale_init: Callable[..., Any] = ones,
    dtype: Any = None,
) -> Layer:
    """Division of each example by its root mean square over some axes.

    Parameters
    ----------
    axis : int or sequence of int, default -1
        Axes over which to normalise.
    eps : float, default 1e-6
        Added to the mean square.
    scale : bool, default True
        Whether there is a factor for each element along `axis`.
    scale_init : callable, optional
        ``init(key, shape, dtype)``, see `funcnet.nn.initializers`.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameter ``scale``, of the sizes of the input along `axis` in ascending order.

    Raises
    ------
    ParameterError
        If `eps` is negative; by ``apply``: if the parameters are those of another layer.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit.

    References
    ----------
    .. [1] B. Zhang, R. Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.rms_norm()
    >>> params, state = layer.init(random.key(0), (1, 2))
    >>> layer.apply(params, state, np.array([[3.0, -3.0]]))[0].round(4)
    array([[ 1., -1.]])
    """
    norms.check_eps("nn.rms_norm", eps)

    def normalise(x: Any, factor: Any, shift: Any) -> Any:  # noqa: ARG001  # as those of the other layers
        return norms.rms_norm(x, factor, axis=axis, eps=eps)

    def sizes(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        return _sizes_along(name, shape, axis)

    return _stateless("rms_norm", _entries(scale, False), sizes, normalise, scale_init, zeros, dtype)


def group_norm(
    groups: int,
    *,
    axis: int = -1,
    eps: float = 1e-5,
    scale: bool = True,
    bias: bool = True,
    scale_init: Callable[..., Any] = ones,
    bias_init: Callable[..., Any] = zeros,
    dtype: Any = None,
) -> Layer:
    """Group normalisation: of each group of channels of an example by its mean and variance.

    Parameters
    ----------
    groups : int
        Number of groups, which divides the number of channels.
    axis : int, default -1
        The axis of the channels; 1 where they come first.
    eps : float, default 1e-5
        Added to the variance.
    scale, bias : bool, default True
        Whether there is a factor, and a shift, for each channel.
    scale_init, bias_init : callable, optional
        ``init(key, shape, dtype)``, see `funcnet.nn.initializers`.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameters ``scale`` and ``bias`` of shape ``(channels,)``.

    Raises
    ------
    ParameterError
        If `groups` is no positive integer, or `eps` is negative; by ``apply``: if the parameters are those of another
        layer.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit, or `groups` does not divide the number of channels.

    References
    ----------
    .. [1] Y. Wu, K. He, "Group normalization", ECCV 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.group_norm(2)
    >>> params, state = layer.init(random.key(0), (1, 4))
    >>> layer.apply(params, state, np.array([[1.0, 3.0, 6.0, 2.0]]))[0].round(4)
    array([[-1.,  1.,  1., -1.]])
    """
    norms.check_eps("nn.group_norm", eps)
    norms.group_size("nn.group_norm", 0, groups)

    def normalise(x: Any, factor: Any, shift: Any) -> Any:
        return norms.group_norm(x, groups, factor, shift, axis=axis, eps=eps)

    def sizes(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        channels = _channels(name, shape, axis)
        norms.group_size(name, channels[0], groups)
        return channels

    return _stateless("group_norm", _entries(scale, bias), sizes, normalise, scale_init, bias_init, dtype)


def instance_norm(
    *,
    axis: int = -1,
    eps: float = 1e-5,
    scale: bool = True,
    bias: bool = True,
    scale_init: Callable[..., Any] = ones,
    bias_init: Callable[..., Any] = zeros,
    dtype: Any = None,
) -> Layer:
    """Instance normalisation: of each channel of an example by its mean and variance over the spatial axes.

    Parameters
    ----------
    axis : int, default -1
        The axis of the channels; 1 where they come first.
    eps : float, default 1e-5
        Added to the variance.
    scale, bias : bool, default True
        Whether there is a factor, and a shift, for each channel.
    scale_init, bias_init : callable, optional
        ``init(key, shape, dtype)``, see `funcnet.nn.initializers`.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameters ``scale`` and ``bias`` of shape ``(channels,)``.

    Raises
    ------
    ParameterError
        If `eps` is negative; by ``apply``: if the parameters are those of another layer.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit, or has no spatial axis.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization: the missing ingredient for fast stylization",
       2016, arXiv:1607.08022.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.instance_norm()
    >>> params, state = layer.init(random.key(0), (1, 2, 1))
    >>> layer.apply(params, state, np.array([[[1.0], [3.0]]]))[0].ravel().round(4)
    array([-1.,  1.])
    """
    norms.check_eps("nn.instance_norm", eps)

    def normalise(x: Any, factor: Any, shift: Any) -> Any:
        return norms.instance_norm(x, factor, shift, axis=axis, eps=eps)

    def sizes(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) < 3:
            raise ShapeError(
                f"{name} got an input without spatial axes.",
                found=f"shape {shape}",
                needed="a batch axis, at least one spatial axis, and a channel axis",
                write="nn.layer_norm()",
            )
        return _channels(name, shape, axis)

    return _stateless("instance_norm", _entries(scale, bias), sizes, normalise, scale_init, bias_init, dtype)


def local_response_norm(
    size: int = 5, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0, axis: int = -1
) -> Layer:
    """Local response normalisation: by the mean square of neighbouring channels.

    Parameters
    ----------
    size : int, default 5
        Number of neighbouring channels.
    alpha, beta, k : float
        Constants of the formula; see `funcnet.nn.functional.local_response_norm`.
    axis : int, default -1
        The axis of the channels; 1 where they come first.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ParameterError
        If `size` is no positive integer.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.local_response_norm(2, alpha=2.0, beta=0.5, k=0.0).apply({}, {}, np.array([[3.0, 4.0]]))[0]
    array([[1. , 0.8]])
    """
    local_norm.check_size("nn.local_response_norm", size)

    def normalise(x: Any, factor: Any, shift: Any) -> Any:  # noqa: ARG001  # as those of the other layers
        return local_norm.local_response_norm(x, size, alpha=alpha, beta=beta, k=k, axis=axis)

    def sizes(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[norms.channel_in(name, shape, axis)],)

    return _stateless("local_response_norm", (), sizes, normalise, ones, zeros, None)


def unit_norm(*, axis: int | Sequence[int] = -1, eps: float = 1e-12) -> Layer:
    """Division of vectors by their Euclidean length.

    Parameters
    ----------
    axis : int or sequence of int, default -1
        Axes along which the vectors lie.
    eps : float, default 1e-12
        The least length to divide by.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ParameterError
        If `eps` is not positive.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.unit_norm().apply({}, {}, np.array([[3.0, 4.0]]))[0]
    array([[0.6, 0.8]])
    """
    local_norm.check_length("nn.unit_norm", eps)

    def normalise(x: Any, factor: Any, shift: Any) -> Any:  # noqa: ARG001  # as those of the other layers
        return local_norm.unit_norm(x, axis=axis, eps=eps)

    def sizes(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        return _sizes_along(name, shape, axis)

    return _stateless("unit_norm", (), sizes, normalise, ones, zeros, None)


# ---------------------------------------------------------------------- parts


def _stateless(
    kind: str,
    entries: tuple[str, ...],
    sizes: Callable[[str, tuple[int, ...]], tuple[int, ...]],
    normalise: Callable[[Any, Any, Any], Any],
    scale_init: Callable[..., Any],
    bias_init: Callable[..., Any],
    dtype: Any,
) -> Layer:
    """Return a layer without state whose parameters have the shape that `sizes` makes of that of the input."""

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path(kind)
        if not entries:
            sizes(f"Layer {path}", features_of(spec, path).shape)
            return {}, {}
        with beside(key):
            shape = sizes(f"Layer {path}", features_of(spec, path).shape)
            return _parameters(key, entries, shape, scale_init, bias_init, dtype), {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        path = layer_path(kind)
        shape = sizes(f"Layer {path}", tuple(x.shape))
        _check_entries(path, "parameters", params, dict.fromkeys(entries, shape))
        return normalise(x, params.get("scale"), params.get("bias")), state

    # Containers call the layer by the name before ".<locals>".
    init.__qualname__ = f"{kind}.<locals>.init"
    return Layer(init, apply)


def _entries(scale: bool, bias: bool) -> tuple[str, ...]:
    return tuple([name for name, there in (("bias", bias), ("scale", scale)) if there])


def _parameters(
    key: Any,
    entries: tuple[str, ...],
    shape: tuple[int, ...],
    scale_init: Callable[..., Any],
    bias_init: Callable[..., Any],
    dtype: Any,
) -> dict[str, Any]:
    keys = random.split(key)
    makers = {"scale": (scale_init, keys[0, :]), "bias": (bias_init, keys[1, :])}
    return {name: makers[name][0](makers[name][1], shape, dtype) for name in entries}


def _at_least_single(x: Any) -> Any:
    backend = owner(x)
    return backend.dtype("float32") if backend.dtype_name(x.dtype) in ("float16", "bfloat16") else x.dtype


def _channels(name: str, shape: tuple[int, ...], axis: Any) -> tuple[int]:
    """Return the number of channels, which are not along the axis of the batch."""
    channel = norms.channel_in(name, shape, axis)
    norms.check_not_batch(name, shape, channel)
    return (shape[channel],)


def _sizes_along(name: str, shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """Return the sizes of a shape along some axes, in ascending order."""
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    ndim = len(shape)
    if any(isinstance(a, bool) or not isinstance(a, int) for a in axes):
        raise ParameterError(f"{name} takes integers as axes.", found=f"axis={axis!r}", needed="an integer or several")
    found = sorted({a % ndim for a in axes if -ndim <= a < ndim})
    if len(found) != len(axes) or not axes:
        raise ShapeError(
            f"{name} got an input without the axes over which it normalises.",
            found=f"shape {shape} and axis={axis!r}",
            needed="each axis once, and there",
        )
    return tuple([shape[a] for a in found])


def _check_entries(path: str, what: str, entries: Any, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise `ParameterError` unless a dict has just these entries, of these shapes."""
    if isinstance(entries, dict) and len(entries) == len(shapes):
        for name, shape in shapes.items():
            if name not in entries or tuple(getattr(entries[name], "shape", (-1,))) != shape:
                break
        else:
            return
    found = type(entries).__name__
    if isinstance(entries, dict):
        found = str({name: tuple(getattr(value, "shape", ())) for name, value in entries.items()})
    raise ParameterError(
        f"Layer {path} needs its own {what}, made for an input of this shape.",
        found=found,
        needed=str(shapes),
        write="params, state = layer.init(key, x.shape) with this very layer, for an input of this shape",
    )
