"""Layers of activation functions by name."""

from __future__ import annotations

from typing import Any

from funcnet.errors import ParameterError
from funcnet.nn import activations
from funcnet.nn.layer import Layer
from funcnet.nn.plain import applied
from funcnet.ops.nn.named import unknown_name

__all__ = ["activation"]


def activation(kind: Any, **parameters: Any) -> Layer:
    """Return the layer of an activation function that is given by name, or as what it is.

    Parameters
    ----------
    kind : str, callable or Layer
        A name, such as ``"gelu"``: that of the function in `funcnet.nn`. A function of one array becomes a layer; a
        layer is returned as it is.
    **parameters
        Those of the layer of that name, such as ``approximate=True``.

    Returns
    -------
    Layer
        Of which the kind is the name, so that names survive a round trip.

    Raises
    ------
    ParameterError
        If there is no activation function of that name (the message lists those with names like it), it does not have
        the parameters, or `kind` is something else.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.activation("leaky_relu", slope=0.1).apply({}, {}, np.array([-1.0, 2.0]))[0]
    array([-0.1,  2. ])
    """
    if isinstance(kind, str):
        if kind not in activations.__all__:
            raise unknown_name(kind, activations.__all__)
        try:
            return getattr(activations, kind)(**parameters)
        except TypeError as error:
            if isinstance(error, ParameterError):
                raise
            raise ParameterError(
                f"The activation function {kind!r} does not take these parameters.",
                found=", ".join(parameters) or "none",
                needed=str(error),
                write=f"help(nn.{kind})",
            ) from None
    if parameters or (not callable(kind) and not isinstance(kind, Layer)):
        raise ParameterError(
            "nn.activation takes a name, a function of one array, or a layer; parameters go with a name.",
            found=f"{type(kind).__name__} and parameters {', '.join(parameters) or 'none'}",
            needed="a name, such as 'gelu'",
            write="nn.activation('gelu', approximate=True)",
        )
    if isinstance(kind, Layer):
        return kind
    name = getattr(kind, "__name__", "function")
    return applied(name if name.isidentifier() else "function", kind)
