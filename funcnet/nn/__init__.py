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
from funcnet.nn.dropout import drop_path as drop_path
from funcnet.nn.dropout import dropout as dropout
from funcnet.nn.dropout import spatial_dropout as spatial_dropout
from funcnet.nn.embedding import embedding as embedding
from funcnet.nn.embedding import embedding_bag as embedding_bag
from funcnet.nn.flatten import flatten as flatten
from funcnet.nn.layer import Layer as Layer
from funcnet.nn.layer import Stateless as Stateless
from funcnet.nn.layer import named as named
from funcnet.nn.layer import stateless as stateless
from funcnet.nn.noise import alpha_dropout as alpha_dropout
from funcnet.nn.noise import feature_alpha_dropout as feature_alpha_dropout
from funcnet.nn.noise import gaussian_dropout as gaussian_dropout
from funcnet.nn.noise import gaussian_noise as gaussian_noise
from funcnet.nn.positions import learned_positions as learned_positions
from funcnet.nn.positions import rotary_positions as rotary_positions
from funcnet.nn.positions import sinusoidal_positions as sinusoidal_positions
from funcnet.nn.sequential import sequential as sequential
from funcnet.nn.spec import as_spec as as_spec

__all__ = [
    "Layer",
    "Stateless",
    "affine",
    "alpha_dropout",
    "as_spec",
    "dense",
    "drop_path",
    "dropout",
    "embedding",
    "embedding_bag",
    "feature_alpha_dropout",
    "flatten",
    "functional",
    "gaussian_dropout",
    "gaussian_noise",
    "identity",
    "initializers",
    "learned_positions",
    "named",
    "relu",
    "rotary_positions",
    "sequential",
    "sigmoid",
    "sinusoidal_positions",
    "softmax",
    "spatial_dropout",
    "stateless",
    "tanh",
]
