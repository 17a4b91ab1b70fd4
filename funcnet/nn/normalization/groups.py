"""Normalisation of groups of channels of an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.nn.initializers import ones, zeros
from funcnet.nn.layer import Layer
from funcnet.nn.normalization.parts import channel_sizes, entry_names, stateless_norm
from funcnet.ops.nn import normalization as norms
from funcnet.ops.nn.norm_arguments import check_eps, group_size

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["group_norm"]


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
    check_eps("nn.group_norm", eps)
    group_size("nn.group_norm", 0, groups)

    def normalise(x: Any, factor: Any, shift: Any) -> Any:
        return norms.group_norm(x, groups, factor, shift, axis=axis, eps=eps)

    def sizes(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        channels = channel_sizes(name, shape, axis)
        group_size(name, channels[0], groups)
        return channels

    return stateless_norm("group_norm", entry_names(scale, bias), sizes, normalise, scale_init, bias_init, dtype)
