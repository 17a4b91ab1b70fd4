"""The layer that turns axes into one."""

from __future__ import annotations

from math import prod
from typing import Any

from funcnet import xp
from funcnet.errors import ShapeError
from funcnet.nn.layer import Layer, layer_path
from funcnet.nn.plain import applied

__all__ = ["flatten"]


def flatten(start: int = 1, end: int = -1) -> Layer:
    """Return a layer that turns the axes from `start` to `end`, both included, into one.

    As it stands it keeps the batch and flattens all the rest.

    Parameters
    ----------
    start, end : int
        The first and the last axis; negative ones count from the end.

    Returns
    -------
    Layer
        Without parameters. An input of shape ``(n,)`` becomes ``(n, 1)`` under the defaults.

    Raises
    ------
    ShapeError
        By ``apply``: if the input has not these axes in this order.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.flatten().apply({}, {}, np.zeros((8, 4, 4, 3)))[0].shape
    (8, 48)
    >>> nn.flatten(0, 1).apply({}, {}, np.zeros((8, 4, 3)))[0].shape
    (32, 3)
    """

    def flat(x: Any) -> Any:
        shape = tuple(x.shape)
        ndim = len(shape)
        if ndim == 1 and (start, end) == (1, -1):
            return xp.reshape(x, (shape[0], 1))
        first, last = (axis + ndim if axis < 0 else axis for axis in (start, end))
        if not 0 <= first <= last < ndim:
            raise ShapeError(
                f"Layer {layer_path('flatten')} got an input without the axes that it flattens.",
                found=f"shape {shape}, flattened from axis {start} to {end}",
                needed="a first axis that exists and does not come after the last",
                write="nn.flatten() to keep the first axis and flatten the others",
            )
        return xp.reshape(x, (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :]))

    return applied("flatten", flat)
