"""Activation functions as layers. In `sequential` a plain function, such as ``xp.tanh``, does as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.nn.layer import Layer, without_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["identity", "relu", "sigmoid", "softmax", "tanh"]


def identity() -> Layer:
    """Return a layer that gives back its input, whatever it is.

    Examples
    --------
    >>> from funcnet import nn
    >>> nn.identity().apply({}, {}, 3.0)
    (3.0, {})
    """

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001  # the signature of every init
        return {}, {}

    return Layer(init, _applied(_identity))


def relu() -> Layer:
    """Return the layer ``max(x, 0)``; its derivative at 0 is 0. See `funcnet.xp.relu`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.relu().apply({}, {}, np.array([-1.0, 2.0]))[0]
    array([0., 2.])
    """

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001
        return {}, {}

    return Layer(init, _applied(xp.relu))


def sigmoid() -> Layer:
    """Return the layer ``1 / (1 + exp(-x))``. See `funcnet.xp.sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.sigmoid().apply({}, {}, np.array([0.0, 1000.0]))[0]
    array([0.5, 1. ])
    """

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001
        return {}, {}

    return Layer(init, _applied(xp.sigmoid))


def tanh() -> Layer:
    """Return the layer of the hyperbolic tangent. See `funcnet.xp.tanh`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.tanh().apply({}, {}, np.array([0.0, 1000.0]))[0]
    array([0., 1.])
    """

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001
        return {}, {}

    return Layer(init, _applied(xp.tanh))


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

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001
        return {}, {}

    return Layer(init, _applied(lambda x: xp.softmax(x, axis=axis)))


def _identity(x: Any) -> Any:
    return x


def _applied(f: Callable[[Any], Any]) -> Callable[..., tuple[Any, Any]]:
    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        return f(x), state

    return apply
