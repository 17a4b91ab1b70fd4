"""Activation functions that take an axis in parts: gated linear units and maxout."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.activations import relu, sigmoid
from funcnet.ops.axes import one_axis
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.extremes import max as maximum_over
from funcnet.ops.nn.declare import floating
from funcnet.ops.nn.logistic_units import gelu, silu

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_pieces", "geglu", "glu", "maxout", "reglu", "swiglu"]


def _halves(name: str, x: Any, axis: int) -> tuple[Any, Any]:
    x = floating(name, x)
    at = one_axis(name, x, axis)
    size = x.shape[at]
    if size % 2:
        raise ShapeError(
            f"nn.functional.{name} takes an axis in two halves.",
            found=f"size {size} of axis {axis} in shape {tuple(x.shape)}",
            needed="an even size",
            write="a layer before it with twice the features that are to come out",
        )
    before = (slice(None),) * at
    return x[(*before, slice(0, size // 2), ...)], x[(*before, slice(size // 2, size), ...)]


def _gated(name: str, act: Callable[[Any], Any], x: Any, axis: int) -> Any:
    value, gate = _halves(name, x, axis)
    return value * act(gate)


def glu(x: Any, /, *, axis: int = -1) -> Any:
    """Gated linear unit ``a * sigmoid(b)`` of the two halves a and b of an axis.

    Derivative: with respect to a it is sigmoid(b), with respect to b it is a times that of sigmoid.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, default -1
        The axis, of even size.

    Returns
    -------
    array
        With half the size along the axis.

    Raises
    ------
    ShapeError
        If there is no such axis, or its size is odd.
    DtypeError
        If `x` is complex.

    References
    ----------
    .. [1] Y. N. Dauphin, A. Fan, M. Auli, D. Grangier, arXiv:1612.08083, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.glu(np.array([1.0, 2.0, 0.0, 1e4]))
    array([0.5, 2. ])
    """
    return _gated("glu", sigmoid, x, axis)


def geglu(x: Any, /, *, axis: int = -1, approximate: bool = False) -> Any:
    """Gated linear unit ``a * gelu(b)`` of the two halves a and b of an axis.

    Derivative: with respect to a it is gelu(b), with respect to b it is a times that of gelu.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, default -1
        The axis, of even size.
    approximate : bool, default False
        As in `gelu`.

    Returns
    -------
    array
        With half the size along the axis.

    Raises
    ------
    ShapeError
        If there is no such axis, or its size is odd.
    DtypeError
        If `x` is complex.

    References
    ----------
    .. [1] N. Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.geglu(np.array([1.0, 2.0, 0.0, 10.0]))
    array([ 0., 20.])
    """
    return _gated("geglu", lambda b: gelu(b, approximate=approximate), x, axis)


def swiglu(x: Any, /, *, axis: int = -1) -> Any:
    """Gated linear unit ``a * silu(b)`` of the two halves a and b of an axis.

    Derivative: with respect to a it is silu(b), with respect to b it is a times that of silu.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, default -1
        The axis, of even size.

    Returns
    -------
    array
        With half the size along the axis.

    Raises
    ------
    ShapeError
        If there is no such axis, or its size is odd.
    DtypeError
        If `x` is complex.

    References
    ----------
    .. [1] N. Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.swiglu(np.array([1.0, 2.0, 0.0, 100.0]))
    array([  0., 200.])
    """
    return _gated("swiglu", silu, x, axis)


def reglu(x: Any, /, *, axis: int = -1) -> Any:
    """Gated linear unit ``a * relu(b)`` of the two halves a and b of an axis.

    Derivative: with respect to a it is relu(b), with respect to b it is a times that of relu.

    Parameters
    ----------
    x : array
        Of a real data type.
    axis : int, default -1
        The axis, of even size.

    Returns
    -------
    array
        With half the size along the axis.

    Raises
    ------
    ShapeError
        If there is no such axis, or its size is odd.
    DtypeError
        If `x` is complex.

    References
    ----------
    .. [1] N. Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.reglu(np.array([1.0, 2.0, -1.0, 3.0]))
    array([0., 6.])
    """
    return _gated("reglu", relu, x, axis)


def maxout(x: Any, /, pieces: int, *, axis: int = -1) -> Any:
    """Greatest of every `pieces` neighbours along an axis.

    Derivative: 1 for the greatest, 0 for the others; equal ones share it evenly.

    Parameters
    ----------
    x : array
        Of a real data type.
    pieces : int
        How many neighbours compete.
    axis : int, default -1
        The axis; `pieces` divides its size.

    Returns
    -------
    array
        With the size along the axis divided by `pieces`.

    Raises
    ------
    ShapeError
        If there is no such axis, or its size does not divide.
    ParameterError
        If `pieces` is no positive integer.
    DtypeError
        If `x` is complex.

    References
    ----------
    .. [1] I. Goodfellow et al., "Maxout Networks", arXiv:1302.4389, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.maxout(np.array([1.0, 2.0, -1.0, -3.0]), 2)
    array([ 2., -1.])
    """
    count = check_pieces(pieces)
    x = floating("maxout", x)
    at = one_axis("maxout", x, axis)
    shape = tuple(x.shape)
    if shape[at] % count:
        raise ShapeError(
            "nn.functional.maxout takes an axis in equal pieces.",
            found=f"size {shape[at]} of axis {axis}, {count} pieces",
            needed="a size that the number of pieces divides",
        )
    return maximum_over(reshaped(x, (*shape[:at], shape[at] // count, count, *shape[at + 1 :])), axis=at + 1)


def check_pieces(pieces: Any) -> int:
    """Return the number of pieces of `maxout`.

    Raises
    ------
    ParameterError
        If it is no positive integer.
    """
    try:
        count = index(pieces)
    except TypeError:
        count = 0
    if count < 1 or isinstance(pieces, bool):
        raise ParameterError(
            "nn.maxout takes the number of pieces.",
            found=repr(pieces),
            needed="a positive integer",
            write="nn.maxout(2)",
        )
    return count
