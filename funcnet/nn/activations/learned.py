"""Activation functions with parameters that are learned."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.core.dtypes import is_inexact
from funcnet.errors import ShapeError
from funcnet.nn import functional
from funcnet.nn.layer import Layer, layer_path, without_key
from funcnet.nn.misfits import foreign, not_floating
from funcnet.nn.spec import beside, features_of
from funcnet.ops import full
from funcnet.ops.axes import one_axis

__all__ = [
    "prelu",
]


def prelu(slope: float = 0.25, *, axis: int | None = None, dtype: Any = None) -> Layer:
    """Return the layer that is x where that is positive, and elsewhere x times a slope that is learned.

    Parameters
    ----------
    slope : float, default 0.25
        The slope at the beginning.
    axis : int, optional
        The axis of the channels, each of which gets a slope; one slope for all if omitted.
    dtype : str or dtype, optional
        Data type of the slope; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameter ``slope`` of shape ``()`` or ``(channels,)``.

    Raises
    ------
    ShapeError
        If the input does not have the axis, or another number of channels than in ``init``.
    DtypeError
        If the input is not floating-point.
    ParameterError
        By ``apply``: if the parameters are those of another layer.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, arXiv:1502.01852, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> params, state = nn.prelu(axis=-1).init(random.key(0), (4, 2))
    >>> params
    {'slope': array([0.25, 0.25], dtype=float32)}
    >>> nn.prelu(axis=-1).apply(params, state, np.array([[-4.0, 4.0]], dtype="float32"))[0]
    array([[-1.,  4.]], dtype=float32)
    """

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            if axis is None:
                return {"slope": full((), slope, dtype=dtype)}, {}
            found = features_of(spec, layer_path("prelu"))
            return {"slope": full((found.shape[one_axis("prelu", found, axis)],), slope, dtype=dtype)}, {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        value = params.get("slope") if isinstance(params, dict) and len(params) == 1 else None
        if value is None or len(value.shape) != (axis is not None):
            needed = "{'slope': ()}" if axis is None else "{'slope': (channels,)}"
            raise foreign(layer_path("prelu"), params, needed)
        if not is_inexact(x.dtype):
            raise not_floating(layer_path("prelu"), x)
        if axis is not None:
            at = one_axis("prelu", x, axis)
            if x.shape[at] != value.shape[0]:
                raise ShapeError(
                    f"Layer {layer_path('prelu')} got an input with the wrong number of channels.",
                    found=f"{x.shape[at]} on axis {axis}, in shape {tuple(x.shape)}",
                    needed=f"{value.shape[0]}, as its slope has shape {tuple(value.shape)}",
                    write="layer.init(key, x.shape) for an input of this shape",
                )
            value = xp.reshape(value, tuple([value.shape[0] if i == at else 1 for i in range(len(x.shape))]))
        return functional.prelu(x, value), state

    return Layer(init, apply)
