"""Normalisation of each example over axes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.nn.initializers import ones, zeros
from funcnet.nn.layer import Layer
from funcnet.nn.normalization.parts import entry_names, sizes_along, stateless_norm
from funcnet.ops.nn import normalization as norms
from funcnet.ops.nn.norm_arguments import check_eps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["layer_norm", "rms_norm"]


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
    check_eps("nn.layer_norm", eps)

    def normalise(x: Any, factor: Any, shift: Any) -> Any:
        return norms.layer_norm(x, factor, shift, axis=axis, eps=eps)

    def sizes(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        return sizes_along(name, shape, axis)

    return stateless_norm("layer_norm", entry_names(scale, bias), sizes, normalise, scale_init, bias_init, dtype)


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
    check_eps("nn.rms_norm", eps)

    def normalise(x: Any, factor: Any, shift: Any) -> Any:  # noqa: ARG001  # as those of the other layers
        return norms.rms_norm(x, factor, axis=axis, eps=eps)

    def sizes(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        return sizes_along(name, shape, axis)

    return stateless_norm("rms_norm", entry_names(scale, False), sizes, normalise, scale_init, zeros, dtype)
