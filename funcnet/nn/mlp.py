"""The multi-layer perceptron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError
from funcnet.nn.activation import activation as activation_layer
from funcnet.nn.dense import dense
from funcnet.nn.layer import Layer, of_kind
from funcnet.nn.sequential import sequential

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["mlp"]


def mlp(
    sizes: Sequence[int],
    *,
    activation: str | Callable[[Any], Any] | Layer = "relu",
    last: str | Callable[[Any], Any] | Layer | None = None,
    bias: bool = True,
    kernel_init: Callable[..., Any] | None = None,
    dtype: Any = None,
) -> Layer:
    """Return dense layers with an activation function between them.

    Parameters
    ----------
    sizes : sequence of int
        The numbers of features, from the first dense layer's to the last one's; that of the input is found by ``init``.
    activation : str, callable or Layer, default "relu"
        What stands between them; see `activation`.
    last : str, callable or Layer, optional
        What stands after the last one; nothing if omitted.
    bias, kernel_init, dtype
        As in `dense`.

    Returns
    -------
    Layer
        A `sequential` with the children ``dense_0``, ``relu_0``, ``dense_1``, ...

    Raises
    ------
    ParameterError
        If there are no sizes, one is no positive integer, or there is no such activation.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> model = nn.mlp([64, 10], activation="gelu")
    >>> params, state = model.init(random.key(0), (1, 784))
    >>> list(params)
    ['dense_0', 'dense_1']
    """
    try:
        features = list(sizes)
    except TypeError:
        features = []
    if not features:
        raise ParameterError(
            "nn.mlp takes the numbers of features.",
            found=repr(sizes),
            needed="a sequence of at least one positive integer",
            write="nn.mlp([128, 64, 10])",
        )
    layers: list[Layer] = []
    for size in features:
        layers += [dense(size, bias=bias, kernel_init=kernel_init, dtype=dtype), activation_layer(activation)]
    layers.pop()
    if last is not None:
        layers.append(activation_layer(last))
    return of_kind("mlp", sequential(*layers))
