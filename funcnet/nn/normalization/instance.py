"""Instance normalisation."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.errors import ShapeError
from funcnet.nn.initializers import ones, zeros
from funcnet.nn.layer import Layer, layer_path, without_key
from funcnet.nn.normalization.parts import (
    channel_sizes,
    check_entries,
    entry_names,
    made_parameters,
    stateless_norm,
)
from funcnet.nn.normalization.running import check_decay, first_statistics, followed, statistic_shapes
from funcnet.nn.spec import beside, features_of
from funcnet.ops.nn import normalization as norms
from funcnet.ops.nn.norm_arguments import check_eps

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["instance_norm"]


def instance_norm(
    *,
    axis: int = -1,
    eps: float = 1e-5,
    scale: bool = True,
    bias: bool = True,
    track: bool = False,
    decay: float | None = 0.9,
    scale_init: Callable[..., Any] = ones,
    bias_init: Callable[..., Any] = zeros,
    dtype: Any = None,
) -> Layer:
    """Instance normalisation: of each channel of an example by its mean and variance over the spatial axes.

    With `track`, the state follows the averages over the batch of these means and (unbiased) variances in training, as
    that of `batch_norm` does, and outside of training the statistics in the state are used for all examples.

    Parameters
    ----------
    axis : int, default -1
        The axis of the channels; 1 where they come first.
    eps : float, default 1e-5
        Added to the variance.
    scale, bias : bool, default True
        Whether there is a factor, and a shift, for each channel.
    track : bool, default False
        Whether there are statistics in the state: PyTorch's ``track_running_stats``.
    decay : float or None, default 0.9
        With `track`, what part of the old statistics stays: 1 minus PyTorch's ``momentum``. None gives the average over
        all steps. (Where its momentum is None, PyTorch never updates them.)
    scale_init, bias_init : callable, optional
        ``init(key, shape, dtype)``, see `funcnet.nn.initializers`.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameters ``scale`` and ``bias`` of shape ``(channels,)``; with `track`, the state ``mean`` and
        ``var`` of the same shape, without `decay` also ``count``. No derivative flows into the state.

    Raises
    ------
    ParameterError
        If `eps` is negative, or `decay` out of range; by ``apply``: if parameters or state are those of another layer.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit, or has no spatial axis; with `track` in training, if a
        channel of an example has a single element.

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
    check_eps("nn.instance_norm", eps)
    check_decay("instance_norm", decay)
    entries = entry_names(scale, bias)

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
        return channel_sizes(name, shape, axis)

    if not track:
        return stateless_norm("instance_norm", entries, sizes, normalise, scale_init, bias_init, dtype)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path("instance_norm")
        with beside(key):
            channels = sizes(f"Layer {path}", features_of(spec, path).shape)
            params = made_parameters(key, entries, channels, scale_init, bias_init, dtype)
            return params, first_statistics(key, channels, decay, dtype)

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        path = layer_path("instance_norm")
        channels = sizes(f"Layer {path}", tuple(x.shape))
        check_entries(path, "parameters", params, dict.fromkeys(entries, channels))
        check_entries(path, "state", state, statistic_shapes(channels, decay))
        factor, shift = params.get("scale"), params.get("bias")
        if not train:
            return norms.fixed_norm(x, state["mean"], state["var"], factor, shift, axis=axis, eps=eps), state
        count = prod(x.shape[1:]) // max(channels[0], 1)
        if count < 2 or not x.shape[0]:
            raise ShapeError(
                f"Layer {path} needs more than one element in each channel of an example in training.",
                found=f"shape {tuple(x.shape)}, with the channels along axis {axis}",
                needed="at least one example, and larger spatial axes",
                write="nn.instance_norm() without track=True",
            )
        y, mean, var = norms.instance_standardized(f"Layer {path}", x, factor, shift, axis, eps)
        batch = (x.shape[0], *channels)
        new = {
            "mean": xp.mean(xp.reshape(mean, batch), axis=0),
            "var": xp.mean(xp.reshape(var, batch), axis=0) * (count / (count - 1)),
        }
        return y, followed(state, new, decay)

    return Layer(init, apply)
