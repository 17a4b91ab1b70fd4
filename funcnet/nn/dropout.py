"""Dropout: of elements, of whole channels, and of whole examples."""

from __future__ import annotations

from operator import index
from typing import Any

from funcnet import backends, random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.layer import Layer, layer_path
from funcnet.nn.plain import applied, drawn

__all__ = ["drop_path", "dropout", "spatial_dropout"]


def dropout(rate: float) -> Layer:
    r"""Return a layer that zeroes elements at random in training, and does nothing otherwise.

    :math:`y = m x / (1 - \mathrm{rate})` with independent :math:`m \in \{0, 1\}` that are 0 with probability `rate`, so
    that the expectation of the output is the input.

    Parameters
    ----------
    rate : float
        Share of the elements that is dropped, from 0 to 1. At 0 the layer is the identity, at 1 the output is 0.

    Returns
    -------
    Layer
        Without parameters. ``apply`` needs ``key`` where ``train`` is true and `rate` is not 0. The same key drops the
        same elements on every backend.

    Raises
    ------
    ParameterError
        If `rate` is out of range; by ``apply``: if the key is missing.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.dropout(0.5)
    >>> layer.apply({}, {}, np.ones(6))[0]
    array([1., 1., 1., 1., 1., 1.])
    >>> y, _ = layer.apply({}, {}, np.ones(6), key=random.key(1), train=True)
    >>> sorted(set(y.tolist()))
    [0.0, 2.0]
    """
    return _scaled("dropout", rate, lambda shape: shape)


def spatial_dropout(rate: float, *, axis: int = -1) -> Layer:
    r"""Return a layer that zeroes whole channels at random in training, and does nothing otherwise.

    What `dropout` does to an element is done here to all elements of a channel of an example together: neighbours in
    an image are too much alike for independent ones to regularise. It takes inputs of any number of spatial axes.

    Parameters
    ----------
    rate : float
        Share of the channels that is dropped, from 0 to 1. At 0 the layer is the identity, at 1 the output is 0.
    axis : int, default -1
        The axis of the channels; 1 for images whose channels come first. Axis 0 is the batch.

    Returns
    -------
    Layer
        Without parameters. ``apply`` needs ``key`` where ``train`` is true and `rate` is not 0.

    Raises
    ------
    ParameterError
        If `rate` is out of range, or `axis` no integer; by ``apply``: if the key is missing.
    ShapeError
        By ``init`` and ``apply``: if the input does not have the axis next to that of the batch.

    References
    ----------
    .. [1] J. Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.spatial_dropout(0.5)
    >>> y, _ = layer.apply({}, {}, np.ones((1, 2, 2, 4)), key=random.key(3), train=True)
    >>> np.ptp(y, axis=(1, 2))
    array([[0., 0., 0., 0.]])
    """
    check_axis("spatial_dropout", axis)
    return _scaled("spatial_dropout", rate, lambda shape: channel_shape("spatial_dropout", shape, axis))


def drop_path(rate: float) -> Layer:
    r"""Return a layer that zeroes whole examples at random in training, and does nothing otherwise.

    Put at the end of the inner branch of a residual block, it skips the block for these examples: stochastic depth.
    What is kept is divided by ``1 - rate``.

    Parameters
    ----------
    rate : float
        Share of the examples that is dropped, from 0 to 1. At 0 the layer is the identity, at 1 the output is 0.

    Returns
    -------
    Layer
        Without parameters. ``apply`` needs ``key`` where ``train`` is true and `rate` is not 0.

    Raises
    ------
    ParameterError
        If `rate` is out of range; by ``apply``: if the key is missing.
    ShapeError
        By ``init`` and ``apply``: if the input has no axis.

    References
    ----------
    .. [1] G. Huang et al., "Deep networks with stochastic depth", ECCV 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> y, _ = nn.drop_path(0.5).apply({}, {}, np.ones((4, 2)), key=random.key(3), train=True)
    >>> np.ptp(y, axis=1)
    array([0., 0., 0., 0.])
    """
    return _scaled("drop_path", rate, _example_shape)


def _scaled(kind: str, rate: float, mask_shape: Any) -> Layer:
    """Return the layer that zeroes what a mask says, whose shape comes from that of the input, and scales the rest."""
    check_rate(kind, rate)
    return training_only(kind, lambda key, x, shape: dropped(x, rate, key, shape), mask_shape, idle=rate == 0)


def dropped(x: Any, rate: float, key: Any, shape: tuple[int, ...]) -> Any:
    """Return `x` without what a random mask of that shape drops, and the rest scaled."""
    # At rate 1 everything is dropped, and nothing is left to be scaled.
    scale = 1.0 if rate == 1 else 1 / (1 - rate)
    # Not a product: what is dropped is 0 even where it was infinite.
    return xp.where(kept(key, rate, shape), x * scale, 0.0)


def training_only(kind: str, change: Any, mask_shape: Any, *, idle: bool) -> Layer:
    """Return a layer that is the identity but in training, where it needs a key; never the latter if `idle`.

    The layer bears the name `kind`: it is what containers call it by.
    """

    def check(spec: Any) -> None:
        shape = getattr(spec, "shape", spec)
        if isinstance(shape, tuple):
            mask_shape(tuple(shape))

    if idle:
        return applied(kind, lambda x: x, check)
    return drawn(kind, lambda x, key: change(key, x, mask_shape(tuple(x.shape))), lambda x: x, check)


def kept(key: Any, rate: float, shape: tuple[int, ...]) -> Any:
    """Return a mask whose elements are true with probability ``1 - rate``."""
    # In one data type everywhere, so that the mask depends on the key alone.
    with backends.use_backend(dtype="float32"):
        return random.bernoulli(key, 1 - rate, shape)


def check_rate(kind: str, rate: Any) -> None:
    """Raise `ParameterError` unless `rate` is a share."""
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise ParameterError(
            f"nn.{kind} takes the share of elements to drop.",
            found=repr(rate),
            needed="a number from 0 to 1",
            write=f"nn.{kind}(0.5)",
        )


def check_axis(kind: str, axis: Any) -> None:
    """Raise `ParameterError` unless `axis` is an integer."""
    try:
        index(axis)
        fits = not isinstance(axis, bool)
    except TypeError:
        fits = False
    if not fits:
        raise ParameterError(
            f"nn.{kind} takes the axis of the channels.",
            found=repr(axis),
            needed="an integer",
            write=f"nn.{kind}(0.5, axis=1) where channels come first",
        )


def channel_shape(kind: str, shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """Return the shape of a mask with one element for each channel of each example."""
    ndim = len(shape)
    if not -ndim <= axis < ndim or axis % ndim == 0:
        raise ShapeError(
            f"Layer {layer_path(kind)} needs an axis of channels next to that of the batch.",
            found=f"shape {shape} and axis={axis}",
            needed="an input of at least two dimensions, and a channel axis other than the first",
            write=f"nn.{kind}(0.5, axis=-1)",
        )
    return tuple([n if i in (0, axis % ndim) else 1 for i, n in enumerate(shape)])


def _example_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    if not shape:
        raise ShapeError(
            f"Layer {layer_path('drop_path')} needs examples to drop.",
            found="an input without dimensions",
            needed="at least one dimension, the batch",
            write="xp.reshape(x, (1,)) for a single number",
        )
    return shape[:1] + (1,) * (len(shape) - 1)
