"""Batch normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.errors import ShapeError
from funcnet.nn.initializers import ones, zeros
from funcnet.nn.layer import Layer, layer_path, without_key
from funcnet.nn.normalization.parts import check_entries, entry_names, made_parameters
from funcnet.nn.normalization.running import check_decay, first_statistics, followed, statistic_shapes
from funcnet.nn.spec import beside, features_of
from funcnet.ops.nn import normalization as norms
from funcnet.ops.nn.norm_arguments import channel_in, channel_of, check_eps

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["batch_norm"]


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
    check_eps("nn.batch_norm", eps)
    check_decay("batch_norm", decay)
    entries = entry_names(scale, bias)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            found = features_of(spec, layer_path("batch_norm"))
            name = f"Layer {layer_path('batch_norm')}"
            channels = (found.shape[channel_in(name, found.shape, axis)],)
            params = made_parameters(key, entries, channels, scale_init, bias_init, dtype)
            if not track:
                return params, {}
            return params, first_statistics(key, channels, decay, dtype)

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        path = layer_path("batch_norm")
        name = f"Layer {path}"
        channel = channel_of(name, x, axis)
        channels = (x.shape[channel],)
        check_entries(path, "parameters", params, dict.fromkeys(entries, channels))
        check_entries(path, "state", state, statistic_shapes(channels, decay) if track else {})
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
        return y, followed(state, new, decay)

    return Layer(init, apply)
