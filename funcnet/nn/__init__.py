"""Layers: pairs of pure functions over nested dicts of arrays.

``params, state = layer.init(key, x.shape)`` and ``y, state = layer.apply(params, state, x, key=key, train=True)``, for
every layer and every model. `sequential` puts layers together; `stateless` drops the state where there is none.
"""

from funcnet.nn import functional as functional
from funcnet.nn import initializers as initializers
from funcnet.nn.activations import identity as identity
from funcnet.nn.activations import relu as relu
from funcnet.nn.activations import sigmoid as sigmoid
from funcnet.nn.activations import softmax as softmax
from funcnet.nn.activations import tanh as tanh
from funcnet.nn.dense import affine as affine
from funcnet.nn.dense import dense as dense
from funcnet.nn.dropout import dropout as dropout
from funcnet.nn.flatten import flatten as flatten
from funcnet.nn.layer import Layer as Layer
from funcnet.nn.layer import Stateless as Stateless
from funcnet.nn.layer import named as named
from funcnet.nn.layer import stateless as stateless
from funcnet.nn.sequential import sequential as sequential
from funcnet.nn.spec import as_spec as as_spec

__all__ = [
    "Layer",
    "Stateless",
    "affine",
    "as_spec",
    "dense",
    "dropout",
    "flatten",
    "functional",
    "identity",
    "initializers",
    "named",
    "relu",
    "sequential",
    "sigmoid",
    "softmax",
    "stateless",
    "tanh",
]
