"""What layers compute, as functions of arrays: without parameters of their own, without state."""

from funcnet.nn.dense import affine as affine
from funcnet.xp import log_softmax as log_softmax
from funcnet.xp import relu as relu
from funcnet.xp import sigmoid as sigmoid
from funcnet.xp import softmax as softmax
from funcnet.xp import tanh as tanh

__all__ = ["affine", "log_softmax", "relu", "sigmoid", "softmax", "tanh"]
