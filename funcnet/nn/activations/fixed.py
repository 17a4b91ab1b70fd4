"""Activation functions without parameters.

Each layer applies the function of `funcnet.nn.functional` that has its name.

Examples
--------
>>> import numpy as np
>>> from funcnet import nn
>>> nn.relu().apply({}, {}, np.array([-1.0, 0.0, 2.0]))[0]
array([0., 0., 2.])
"""

from __future__ import annotations

from funcnet.nn import functional
from funcnet.nn.layer import Layer
from funcnet.nn.plain import applied

__all__ = [
    "exponential",
    "hard_sigmoid",
    "hard_swish",
    "identity",
    "log_sigmoid",
    "mish",
    "quick_gelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "tanh",
    "tanh_shrink",
]


def exponential() -> Layer:
    """Return the layer ``exp(x)``. See `funcnet.nn.functional.exponential`."""
    return applied("exponential", functional.exponential)


def hard_sigmoid() -> Layer:
    """Return the layer ``relu6(x + 3) / 6``. See `funcnet.nn.functional.hard_sigmoid`."""
    return applied("hard_sigmoid", functional.hard_sigmoid)


def hard_swish() -> Layer:
    """Return the layer ``x * relu6(x + 3) / 6``. See `funcnet.nn.functional.hard_swish`."""
    return applied("hard_swish", functional.hard_swish)


def identity() -> Layer:
    """Return a layer that gives back its input, whatever it is."""
    return applied("identity", lambda x: x)


def log_sigmoid() -> Layer:
    """Return the layer ``log(sigmoid(x))``. See `funcnet.nn.functional.log_sigmoid`."""
    return applied("log_sigmoid", functional.log_sigmoid)


def mish() -> Layer:
    """Return the layer ``x * tanh(softplus(x))``. See `funcnet.nn.functional.mish`."""
    return applied("mish", functional.mish)


def quick_gelu() -> Layer:
    """Return the layer ``x * sigmoid(1.702 * x)``. See `funcnet.nn.functional.quick_gelu`."""
    return applied("quick_gelu", functional.quick_gelu)


def relu() -> Layer:
    """Return the layer ``max(x, 0)``; its derivative at 0 is 0. See `funcnet.xp.relu`."""
    return applied("relu", functional.relu)


def relu6() -> Layer:
    """Return the layer ``min(max(x, 0), 6)``. See `funcnet.nn.functional.relu6`."""
    return applied("relu6", functional.relu6)


def selu() -> Layer:
    """Return the layer of the scaled exponential linear unit. See `funcnet.nn.functional.selu`."""
    return applied("selu", functional.selu)


def sigmoid() -> Layer:
    """Return the layer ``1 / (1 + exp(-x))``. See `funcnet.xp.sigmoid`."""
    return applied("sigmoid", functional.sigmoid)


def silu() -> Layer:
    """Return the layer ``x * sigmoid(x)``. See `funcnet.nn.functional.silu`."""
    return applied("silu", functional.silu)


def softsign() -> Layer:
    """Return the layer ``x / (1 + abs(x))``. See `funcnet.nn.functional.softsign`."""
    return applied("softsign", functional.softsign)


def sparse_plus() -> Layer:
    """Return the layer of the parabola between 0 and x. See `funcnet.nn.functional.sparse_plus`."""
    return applied("sparse_plus", functional.sparse_plus)


def sparse_sigmoid() -> Layer:
    """Return the layer ``min(max((x + 1) / 2, 0), 1)``. See `funcnet.nn.functional.sparse_sigmoid`."""
    return applied("sparse_sigmoid", functional.sparse_sigmoid)


def tanh() -> Layer:
    """Return the layer of the hyperbolic tangent. See `funcnet.xp.tanh`."""
    return applied("tanh", functional.tanh)


def tanh_shrink() -> Layer:
    """Return the layer ``x - tanh(x)``. See `funcnet.nn.functional.tanh_shrink`."""
    return applied("tanh_shrink", functional.tanh_shrink)
