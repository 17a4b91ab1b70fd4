"""Activation functions that look along an axis: softmax and its relatives, gates, and maxout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from funcnet import xp
from funcnet.nn import functional
from funcnet.nn.layer import Layer
from funcnet.nn.plain import applied
from funcnet.ops.nn.gates import check_pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "entmax15",
    "geglu",
    "glu",
    "log_softmax",
    "maxout",
    "reglu",
    "softmax",
    "softmin",
    "sparsemax",
    "swiglu",
]


def entmax15(*, axis: int = -1) -> Layer:
    """Return the layer that is between softmax and `sparsemax`. See `funcnet.nn.functional.entmax15`.

    Parameters
    ----------
    axis : int, default -1
        The axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.entmax15().apply({}, {}, np.array([1.0, 0.5, -3.0]))[0]
    array([0.67399264, 0.32600736, 0.        ])
    """
    return applied("entmax15", lambda x: functional.entmax15(x, axis=axis))


def geglu(*, axis: int = -1, approximate: bool = False) -> Layer:
    """Return the layer ``a * gelu(b)`` of the two halves a and b of an axis.

    Parameters
    ----------
    axis : int, default -1
        The axis, of even size; half of it is left.
    approximate : bool, default False
        As in `gelu`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.geglu().apply({}, {}, np.array([1.0, 2.0, 0.0, 100.0]))[0]
    array([  0., 200.])
    """
    return applied("geglu", lambda x: functional.geglu(x, axis=axis, approximate=approximate))


def glu(*, axis: int = -1) -> Layer:
    """Return the layer ``a * sigmoid(b)`` of the two halves a and b of an axis.

    Parameters
    ----------
    axis : int, default -1
        The axis, of even size; half of it is left.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.glu().apply({}, {}, np.array([1.0, 2.0, 0.0, 100.0]))[0]
    array([0.5, 2. ])
    """
    return applied("glu", lambda x: functional.glu(x, axis=axis))


def log_softmax(*, axis: int | Sequence[int] | None = -1) -> Layer:
    """Return the layer of the logarithm of `softmax`, exact where that underflows.

    Parameters
    ----------
    axis : int, sequence of int or None, default -1
        Axis or axes whose exponentials sum to 1; None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.log_softmax().apply({}, {}, np.array([1000.0, 1000.0]))[0]
    array([-0.69314718, -0.69314718])
    """
    return applied("log_softmax", lambda x: functional.log_softmax(x, axis=axis))


def maxout(pieces: int, *, axis: int = -1) -> Layer:
    """Return the layer of the greatest of every `pieces` neighbours along an axis.

    Parameters
    ----------
    pieces : int
        How many neighbours compete.
    axis : int, default -1
        The axis; `pieces` divides its size.

    Raises
    ------
    ParameterError
        If `pieces` is no positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.maxout(2).apply({}, {}, np.array([1.0, 2.0, -1.0, -3.0]))[0]
    array([ 2., -1.])
    """
    pieces = check_pieces(pieces)
    return applied("maxout", lambda x: functional.maxout(x, pieces, axis=axis))


def reglu(*, axis: int = -1) -> Layer:
    """Return the layer ``a * relu(b)`` of the two halves a and b of an axis.

    Parameters
    ----------
    axis : int, default -1
        The axis, of even size; half of it is left.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.reglu().apply({}, {}, np.array([1.0, 2.0, 0.0, 100.0]))[0]
    array([  0., 200.])
    """
    return applied("reglu", lambda x: functional.reglu(x, axis=axis))


def softmax(*, axis: int | Sequence[int] | None = -1) -> Layer:
    """Return a layer that makes an axis positive with the sum 1. See `funcnet.xp.softmax`.

    For training, leave it out and give the logits to `funcnet.losses.softmax_cross_entropy`, which is exact where
    probabilities underflow.

    Parameters
    ----------
    axis : int, sequence of int or None, default -1
        Axis or axes that sum to 1; None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.softmax().apply({}, {}, np.array([[1000.0, 1000.0]]))[0]
    array([[0.5, 0.5]])
    """
    return applied("softmax", lambda x: xp.softmax(x, axis=axis))


def softmin(*, axis: int | Sequence[int] | None = -1) -> Layer:
    """Return the layer of `softmax` of ``-x``.

    Parameters
    ----------
    axis : int, sequence of int or None, default -1
        Axis or axes whose exponentials sum to 1; None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.softmin().apply({}, {}, np.array([1000.0, 1000.0]))[0]
    array([0.5, 0.5])
    """
    return applied("softmin", lambda x: functional.softmin(x, axis=axis))


def sparsemax(*, axis: int = -1) -> Layer:
    """Return the layer that projects an axis on the probability simplex. See `funcnet.nn.functional.sparsemax`.

    Parameters
    ----------
    axis : int, default -1
        The axis.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.sparsemax().apply({}, {}, np.array([1.0, 0.5, -3.0]))[0]
    array([0.75, 0.25, 0.  ])
    """
    return applied("sparsemax", lambda x: functional.sparsemax(x, axis=axis))


def swiglu(*, axis: int = -1) -> Layer:
    """Return the layer ``a * silu(b)`` of the two halves a and b of an axis.

    Parameters
    ----------
    axis : int, default -1
        The axis, of even size; half of it is left.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.swiglu().apply({}, {}, np.array([1.0, 2.0, 0.0, 100.0]))[0]
    array([  0., 200.])
    """
    return applied("swiglu", lambda x: functional.swiglu(x, axis=axis))
