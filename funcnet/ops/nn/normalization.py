"""Normalisation: by the statistics of a batch, of a layer, of groups of channels, or by given ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import bind
from funcnet.errors import ShapeError
from funcnet.ops import add, multiply, subtract
from funcnet.ops.axes import element_count
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.nn.norm_arguments import (
    affine_along,
    along,
    axes_of,
    channel_of,
    check_eps,
    group_size,
    grouped_channel,
    narrowed,
)
from funcnet.ops.nn.norm_primitives import inverse_root, rescale_p, standardize_p
from funcnet.ops.nn.precision import widened

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["batch_norm", "fixed_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"]


def batch_norm(
    x: Any, scale: Any = None, bias: Any = None, *, axis: int = -1, eps: float = 1e-5
) -> tuple[Any, Any, Any]:
    r"""Normalise each channel by its mean and variance over all other axes.

    :math:`y = \gamma\, (x - \mu)(\sigma^2 + \epsilon)^{-1/2} + \beta`, with the mean :math:`\mu` and the biased
    variance :math:`\sigma^2` of a channel over the batch and all spatial axes.

    Derivative: through mean and variance as well, :math:`r (g - \bar g - \hat x\, \overline{g \hat x})` for the
    normalised :math:`\hat x`, which with the variance is all that is kept. A channel that is constant becomes 0, and
    for `eps` 0 so does its derivative. Half precision is computed in float32.

    Parameters
    ----------
    x : array
        Of a real floating-point data type, of any number of axes but one.
    scale, bias : array, shape (channels,), optional
        Factor and shift of each channel.
    axis : int, default -1
        The axis of the channels.
    eps : float, default 1e-5
        Added to the variance.

    Returns
    -------
    y : array
        Of the shape of `x`.
    mean, var : array, shape (channels,)
        The statistics; the variance is the biased one.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or a channel has no elements.
    ParameterError
        If `eps` is negative.
    DtypeError
        If `x` is not real floating-point.

    References
    ----------
    .. [1] S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
       shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> y, mean, var = nn.functional.batch_norm(np.array([[1.0, 5.0], [3.0, 5.0]]), eps=0.0)
    >>> y, mean, var
    (array([[-1.,  0.],
           [ 1.,  0.]]), array([2., 5.]), array([1., 0.]))
    """
    name = "nn.functional.batch_norm"
    channel = channel_of(name, x, axis)
    check_eps(name, eps)
    ndim = len(x.shape)
    others = tuple([i for i in range(ndim) if i != channel])
    if not element_count(x.shape, others):
        raise ShapeError(
            f"{name} got channels without elements.",
            found=f"shape {tuple(x.shape)}, with the channels along axis {channel}",
            needed="at least one element in each channel",
        )
    y, mean, var = bind(standardize_p, widened(x), axis=others, eps=float(eps))
    flat = (x.shape[channel],)
    y = affine_along(name, x, y, scale, bias, (channel,))
    return y, reshaped(mean, flat), reshaped(var, flat)


def fixed_norm(
    x: Any, mean: Any, var: Any, scale: Any = None, bias: Any = None, *, axis: int = -1, eps: float = 1e-5
) -> Any:
    r"""Normalise each channel by a mean and a variance that are given, as batch normalisation does outside of training.

    :math:`y = \gamma\, (x - \mu)(\sigma^2 + \epsilon)^{-1/2} + \beta`.

    Derivative: that of the formula, with respect to all arrays; that of x is :math:`g\, \gamma r`.
    Half precision is computed in float32.

    Parameters
    ----------
    x : array
        Of a real floating-point data type, of any number of axes but one.
    mean, var : array, shape (channels,)
        The statistics.
    scale, bias : array, shape (channels,), optional
        Factor and shift of each channel.
    axis : int, default -1
        The axis of the channels.
    eps : float, default 1e-5
        Added to the variance.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ParameterError
        If `eps` is negative.
    DtypeError
        If `x` is not real floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.fixed_norm(np.array([[1.0, 5.0]]), np.array([1.0, 1.0]), np.array([1.0, 4.0]), eps=0.0)
    array([[0., 2.]])
    """
    name = "nn.functional.fixed_norm"
    channel = channel_of(name, x, axis)
    check_eps(name, eps)
    mean, var = (along(name, what, a, x, (channel,)) for what, a in (("mean", mean), ("var", var)))
    factor = inverse_root(var + float(eps))
    if scale is not None:
        factor = multiply(factor, along(name, "scale", scale, x, (channel,)))
    y = multiply(subtract(widened(x), mean), factor)
    if bias is not None:
        y = add(y, along(name, "bias", bias, x, (channel,)))
    return narrowed(y, x)


def layer_norm(
    x: Any,
    scale: Any = None,
    bias: Any = None,
    *,
    axis: int | Sequence[int] = -1,
    eps: float = 1e-5,
) -> Any:
    r"""Normalise each example by its mean and variance over some axes.

    :math:`y = \gamma\, (x - \mu)(\sigma^2 + \epsilon)^{-1/2} + \beta`, with the mean :math:`\mu` and the biased
    variance :math:`\sigma^2` over `axis`.

    Derivative: through mean and variance as well, :math:`r (g - \bar g - \hat x\, \overline{g \hat x})` for the
    normalised :math:`\hat x`, which with the variance is all that is kept. Half precision is computed in float32.

    Parameters
    ----------
    x : array
        Of a real floating-point data type.
    scale, bias : array, optional
        Factor and shift of each element, of the sizes of `x` along `axis`, in ascending order of the axes.
    axis : int or sequence of int, default -1
        Axes over which to normalise; ``(-3, -2, -1)`` for PyTorch's ``normalized_shape`` of three sizes.
    eps : float, default 1e-5
        Added to the variance.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there are no elements along `axis`.
    ParameterError
        If `eps` is negative.
    DtypeError
        If `x` is not real floating-point.

    References
    ----------
    .. [1] J. Ba, J. Kiros, G. Hinton, "Layer normalization", 2016, arXiv:1607.06450.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.layer_norm(np.array([[1.0, 3.0], [5.0, 5.0]]), eps=0.0)
    array([[-1.,  1.],
           [ 0.,  0.]])
    """
    name = "nn.functional.layer_norm"
    axes = axes_of(name, x, axis, eps)
    y = bind(standardize_p, widened(x), axis=axes, eps=float(eps))[0]
    return affine_along(name, x, y, scale, bias, axes)


def rms_norm(x: Any, scale: Any = None, *, axis: int | Sequence[int] = -1, eps: float = 1e-6) -> Any:
    r"""Divide each example by its root mean square over some axes.

    :math:`y = \gamma\, x\, (\overline{x^2} + \epsilon)^{-1/2}`.

    Derivative: through the mean square as well, :math:`r (g - \hat x\, \overline{g \hat x})`. Half precision is
    computed in float32.

    Parameters
    ----------
    x : array
        Of a real floating-point data type.
    scale : array, optional
        Factor of each element, of the sizes of `x` along `axis`, in ascending order of the axes.
    axis : int or sequence of int, default -1
        Axes over which to normalise.
    eps : float, default 1e-6
        Added to the mean square. (PyTorch's default is the machine epsilon of the data type.)

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there are no elements along `axis`.
    ParameterError
        If `eps` is negative.
    DtypeError
        If `x` is not real floating-point.

    References
    ----------
    .. [1] B. Zhang, R. Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.rms_norm(np.array([[3.0, 3.0], [0.0, 0.0]]), eps=0.0)
    array([[1., 1.],
           [0., 0.]])
    """
    name = "nn.functional.rms_norm"
    axes = axes_of(name, x, axis, eps)
    y = bind(rescale_p, widened(x), axis=axes, eps=float(eps))[0]
    return affine_along(name, x, y, scale, None, axes)


def group_norm(x: Any, groups: int, scale: Any = None, bias: Any = None, *, axis: int = -1, eps: float = 1e-5) -> Any:
    r"""Normalise each group of channels of an example by its mean and variance, spatial axes included.

    :math:`y = \gamma\, (x - \mu)(\sigma^2 + \epsilon)^{-1/2} + \beta`, with the mean :math:`\mu` and the biased
    variance :math:`\sigma^2` of an example over neighbouring channels and all spatial axes.

    Derivative: as that of `layer_norm`. Half precision is computed in float32.

    Parameters
    ----------
    x : array, shape (batch, ..., channels)
        Of a real floating-point data type, of at least two axes.
    groups : int
        Number of groups, which divides the number of channels.
    scale, bias : array, shape (channels,), optional
        Factor and shift of each channel.
    axis : int, default -1
        The axis of the channels. Axis 0 is the batch.
    eps : float, default 1e-5
        Added to the variance.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or `groups` does not divide the number of channels.
    ParameterError
        If `groups` is no positive integer, or `eps` is negative.
    DtypeError
        If `x` is not real floating-point.

    References
    ----------
    .. [1] Y. Wu, K. He, "Group normalization", ECCV 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.group_norm(np.array([[1.0, 3.0, 6.0, 2.0]]), 2, eps=0.0)
    array([[-1.,  1.,  1., -1.]])
    """
    name = "nn.functional.group_norm"
    channel = grouped_channel(name, x, axis)
    check_eps(name, eps)
    size = group_size(name, x.shape[channel], groups)
    shape = tuple(x.shape)
    split = (*shape[:channel], shape[channel] // size, size, *shape[channel + 1 :])
    axes = tuple([i for i in range(1, len(split)) if i != channel])
    if not element_count(split, axes):
        raise ShapeError(f"{name} got groups without elements.", found=f"shape {shape}", needed="sizes above 0")
    y = bind(standardize_p, reshaped(widened(x), split), axis=axes, eps=float(eps))[0]
    return affine_along(name, x, reshaped(y, shape), scale, bias, (channel,))


def instance_norm(x: Any, scale: Any = None, bias: Any = None, *, axis: int = -1, eps: float = 1e-5) -> Any:
    r"""Normalise each channel of each example by its mean and variance over the spatial axes.

    It is `group_norm` with a group for each channel.

    Derivative: as that of `layer_norm`. Half precision is computed in float32.

    Parameters
    ----------
    x : array, shape (batch, spatial..., channels)
        Of a real floating-point data type, of at least three axes.
    scale, bias : array, shape (channels,), optional
        Factor and shift of each channel.
    axis : int, default -1
        The axis of the channels. Axis 0 is the batch.
    eps : float, default 1e-5
        Added to the variance.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there is no spatial axis.
    ParameterError
        If `eps` is negative.
    DtypeError
        If `x` is not real floating-point.

    References
    ----------
    .. [1] D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization: the missing ingredient for fast stylization",
       2016, arXiv:1607.08022.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.instance_norm(np.array([1.0, 3.0, 5.0, 5.0]).reshape(2, 2, 1), eps=0.0).ravel()
    array([-1.,  1.,  0.,  0.])
    """
    return instance_standardized("nn.functional.instance_norm", x, scale, bias, axis, eps)[0]


def instance_standardized(name: str, x: Any, scale: Any, bias: Any, axis: int, eps: float) -> tuple[Any, Any, Any]:
    """Return what `instance_norm` does, and the means and biased variances, with spatial axes of size 1."""
    channel = grouped_channel(name, x, axis)
    check_eps(name, eps)
    axes = tuple([i for i in range(1, len(x.shape)) if i != channel])
    if not axes or not element_count(x.shape, axes):
        raise ShapeError(
            f"{name} got an input without spatial axes, or without elements along one.",
            found=f"shape {tuple(x.shape)}",
            needed="a batch axis, at least one spatial axis that is not empty, and a channel axis",
            write="nn.functional.layer_norm(x)",
        )
    y, mean, var = bind(standardize_p, widened(x), axis=axes, eps=float(eps))
    return affine_along(name, x, y, scale, bias, (channel,)), mean, var
