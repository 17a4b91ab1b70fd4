"""Normalisation without parameters: by neighbouring channels, and by the length of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.nn.initializers import ones, zeros
from funcnet.nn.layer import Layer
from funcnet.nn.normalization.parts import sizes_along, stateless_norm
from funcnet.ops.nn import local_norm
from funcnet.ops.nn.norm_arguments import channel_in

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["local_response_norm", "unit_norm"]


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
        return (shape[channel_in(name, shape, axis)],)

    return stateless_norm("local_response_norm", (), sizes, normalise, ones, zeros, None)


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
        return sizes_along(name, shape, axis)

    return stateless_norm("unit_norm", (), sizes, normalise, ones, zeros, None)
