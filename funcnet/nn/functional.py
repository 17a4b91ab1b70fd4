"""What layers compute, as functions of arrays: without parameters of their own, without state."""

from funcnet.nn.dense import affine as affine
from funcnet.nn.lookup import embedding as embedding
from funcnet.nn.lookup import embedding_bag as embedding_bag
from funcnet.ops.nn.positions import alibi_bias as alibi_bias
from funcnet.ops.nn.positions import rotary as rotary
from funcnet.ops.nn.positions import sinusoidal_positions as sinusoidal_positions
from funcnet.xp import log_softmax as log_softmax
from funcnet.xp import relu as relu
from funcnet.xp import sigmoid as sigmoid
from funcnet.xp import softmax as softmax
from funcnet.xp import tanh as tanh

__all__ = [
    "affine",
    "alibi_bias",
    "embedding",
    "embedding_bag",
    "log_softmax",
    "relu",
    "rotary",
    "sigmoid",
    "sinusoidal_positions",
    "softmax",
    "tanh",
]
