"""Dropout."""

from __future__ import annotations

from typing import Any

from funcnet import backends, random, xp
from funcnet.errors import ParameterError
from funcnet.nn.layer import Layer, layer_path

__all__ = ["dropout"]


def dropout(rate: float) -> Layer:
    r"""Return a layer that zeroes elements at random in training, and does nothing otherwise.

    :math:`y = m x / (1 - \mathrm{rate})` with independent :math:`m \in \{0, 1\}` that are 0 with probability `rate`, so
    that the expectation of the output is the input.

    Parameters
    ----------
    rate : float
        Share of the elements that is dropped, from 0 to 1. At 0 the layer is the identity, at 1 the output is 0.

    Returns
    -------
    Layer
        Without parameters. ``apply`` needs ``key`` where ``train`` is true and `rate` is not 0. The same key drops the
        same elements on every backend.

    Raises
    ------
    ParameterError
        If `rate` is out of range; by ``apply``: if the key is missing.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.dropout(0.5)
    >>> layer.apply({}, {}, np.ones(6))[0]
    array([1., 1., 1., 1., 1., 1.])
    >>> y, _ = layer.apply({}, {}, np.ones(6), key=random.key(1), train=True)
    >>> sorted(set(y.tolist()))
    [0.0, 2.0]
    """
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise ParameterError(
            "nn.dropout takes the share of elements to drop.",
            found=repr(rate),
            needed="a number from 0 to 1",
            write="nn.dropout(0.5)",
        )
    # At rate 1 everything is dropped, and nothing is left to be scaled.
    scale = 1.0 if rate == 1 else 1 / (1 - rate)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001  # the signature of every init
        return {}, {}

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        if not train or rate == 0:
            return x, state
        if key is None:
            raise ParameterError(
                f"Layer {layer_path('dropout')} needs a random key in training.",
                found="train=True and key=None",
                needed="a key, a new one for every step",
                write="apply(params, state, x, key=random.fold_in(key, step), train=True)",
            )
        # In one data type everywhere, so that the mask depends on the key alone.
        with backends.use_backend(dtype="float32"):
            kept = random.bernoulli(key, 1 - rate, tuple(x.shape))
        # Not a product: what is dropped is 0 even where it was infinite.
        return xp.where(kept, x * scale, 0.0), state

    return Layer(init, apply)
