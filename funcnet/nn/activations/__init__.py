"""Activation functions as layers. In `sequential` a plain function, such as ``xp.tanh``, does as well."""

from funcnet.nn.activations.along import entmax15 as entmax15
from funcnet.nn.activations.along import geglu as geglu
from funcnet.nn.activations.along import glu as glu
from funcnet.nn.activations.along import log_softmax as log_softmax
from funcnet.nn.activations.along import maxout as maxout
from funcnet.nn.activations.along import reglu as reglu
from funcnet.nn.activations.along import softmax as softmax
from funcnet.nn.activations.along import softmin as softmin
from funcnet.nn.activations.along import sparsemax as sparsemax
from funcnet.nn.activations.along import swiglu as swiglu
from funcnet.nn.activations.drawn import gumbel_softmax as gumbel_softmax
from funcnet.nn.activations.drawn import rrelu as rrelu
from funcnet.nn.activations.fixed import exponential as exponential
from funcnet.nn.activations.fixed import hard_sigmoid as hard_sigmoid
from funcnet.nn.activations.fixed import hard_swish as hard_swish
from funcnet.nn.activations.fixed import identity as identity
from funcnet.nn.activations.fixed import log_sigmoid as log_sigmoid
from funcnet.nn.activations.fixed import mish as mish
from funcnet.nn.activations.fixed import quick_gelu as quick_gelu
from funcnet.nn.activations.fixed import relu as relu
from funcnet.nn.activations.fixed import relu6 as relu6
from funcnet.nn.activations.fixed import selu as selu
from funcnet.nn.activations.fixed import sigmoid as sigmoid
from funcnet.nn.activations.fixed import silu as silu
from funcnet.nn.activations.fixed import softsign as softsign
from funcnet.nn.activations.fixed import sparse_plus as sparse_plus
from funcnet.nn.activations.fixed import sparse_sigmoid as sparse_sigmoid
from funcnet.nn.activations.fixed import tanh as tanh
from funcnet.nn.activations.fixed import tanh_shrink as tanh_shrink
from funcnet.nn.activations.learned import prelu as prelu
from funcnet.nn.activations.shaped import celu as celu
from funcnet.nn.activations.shaped import elu as elu
from funcnet.nn.activations.shaped import gelu as gelu
from funcnet.nn.activations.shaped import hard_shrink as hard_shrink
from funcnet.nn.activations.shaped import hard_tanh as hard_tanh
from funcnet.nn.activations.shaped import leaky_relu as leaky_relu
from funcnet.nn.activations.shaped import snake as snake
from funcnet.nn.activations.shaped import soft_shrink as soft_shrink
from funcnet.nn.activations.shaped import softplus as softplus
from funcnet.nn.activations.shaped import squareplus as squareplus
from funcnet.nn.activations.shaped import swish as swish
from funcnet.nn.activations.shaped import threshold as threshold

__all__ = [
    "celu",
    "elu",
    "entmax15",
    "exponential",
    "geglu",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "identity",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "maxout",
    "mish",
    "prelu",
    "quick_gelu",
    "reglu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "snake",
    "soft_shrink",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swiglu",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]
