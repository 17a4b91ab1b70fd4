"""Normalisation by neighbouring channels, and by the length of a vector."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from funcnet.core import bind
from funcnet.errors import ParameterError
from funcnet.ops import divide, maximum, pow, square
from funcnet.ops.broadcasting import cast
from funcnet.ops.linalg.norms import vector_norm
from funcnet.ops.nn.norm_arguments import channel_of
from funcnet.ops.nn.pool_primitives import sum_pool_p
from funcnet.ops.nn.precision import widened
from funcnet.ops.nn.windows import check_floating

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["local_response_norm", "unit_norm"]


def local_response_norm(
    x: Any, size: int = 5, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0, axis: int = -1
) -> Any:
    r"""Divide each element by a power of the mean square of neighbouring channels.

    :math:`y_c = x_c\, (k + \frac{\alpha}{n} \sum_{c'} x_{c'}^2)^{-\beta}`, the sum over the n = `size` channels from
    :math:`c - \lfloor n / 2 \rfloor` on, of which those that there are not count as 0, as in PyTorch. (TensorFlow's
    ``alpha`` is :math:`\alpha / n` here.)

    Derivative: that of the formula.

    Parameters
    ----------
    x : array
        Of a real floating-point data type and at least two axes.
    size : int, default 5
        Number of neighbouring channels.
    alpha, beta, k : float
        Constants of the formula.
    axis : int, default -1
        The axis of the channels.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    ParameterError
        If `size` is no positive integer.
    ShapeError
        If `x` does not have the axis and another one.
    DtypeError
        If `x` is not real floating-point.

    References
    ----------
    .. [1] A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks",
       NeurIPS 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.local_response_norm(np.array([[3.0, 4.0]]), 2, alpha=2.0, beta=0.5, k=0.0)
    array([[1. , 0.8]])
    """
    name = "nn.functional.local_response_norm"
    channel = channel_of(name, x, axis)
    check_size(name, size)
    wide = widened(x)
    total = bind(
        sum_pool_p,
        square(wide),
        axes=(channel,),
        window=(size,),
        strides=(1,),
        dilation=(1,),
        low=(size // 2,),
        sizes=(x.shape[channel],),
    )
    return cast(divide(wide, pow(k + (alpha / size) * total, beta)), x.dtype)


def check_size(name: str, size: Any) -> None:
    """Raise `ParameterError` unless `size` is a number of channels."""
    try:
        wrong = isinstance(size, bool) or index(size) < 1
    except TypeError:
        wrong = True
    if wrong:
        raise ParameterError(
            f"{name} takes a number of neighbouring channels.", found=repr(size), needed="a positive integer"
        )


def unit_norm(x: Any, *, axis: int | Sequence[int] = -1, eps: float = 1e-12) -> Any:
    r"""Divide vectors by their Euclidean length.

    :math:`y = x / \max(\lVert x \rVert, \epsilon)`. The length is computed without overflow.

    Derivative: :math:`(g - y\, (g \cdot y)) / \lVert x \rVert`; for vectors shorter than `eps`,
    :math:`g / \epsilon`.

    Parameters
    ----------
    x : array
        Of a real floating-point data type.
    axis : int or sequence of int, default -1
        Axes along which the vectors lie.
    eps : float, default 1e-12
        The least length to divide by, above 0; where float32 and half precision cannot hold the quotient's derivative,
        choose a larger one.

    Returns
    -------
    array
        Of the shape and data type of `x`.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.
    ParameterError
        If `eps` is not positive.
    DtypeError
        If `x` is not real floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.unit_norm(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    name = "nn.functional.unit_norm"
    check_floating(name, x)
    check_length(name, eps)
    wide = widened(x)
    length = vector_norm(wide, axis=axis, keepdims=True)
    return cast(divide(wide, maximum(length, float(eps))), x.dtype)


def check_length(name: str, eps: Any) -> None:
    """Raise `ParameterError` unless `eps` is a length to divide by."""
    if isinstance(eps, bool) or not isinstance(eps, (int, float)) or not 0 < eps < float("inf"):
        raise ParameterError(
            f"{name} takes the least length to divide by.", found=f"eps={eps!r}", needed="a positive number"
        )
