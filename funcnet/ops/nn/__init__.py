"""Operations of neural networks: each one a function of arrays, as `funcnet.nn.functional` shows them."""

from funcnet.ops.nn.activations import celu as celu
from funcnet.ops.nn.activations import elu as elu
from funcnet.ops.nn.activations import exponential as exponential
from funcnet.ops.nn.activations import log_sigmoid as log_sigmoid
from funcnet.ops.nn.activations import mish as mish
from funcnet.ops.nn.activations import selu as selu
from funcnet.ops.nn.activations import snake as snake
from funcnet.ops.nn.activations import softplus as softplus
from funcnet.ops.nn.activations import softsign as softsign
from funcnet.ops.nn.activations import squareplus as squareplus
from funcnet.ops.nn.activations import tanh_shrink as tanh_shrink
from funcnet.ops.nn.adaptive_pooling import adaptive_avg_pool as adaptive_avg_pool
from funcnet.ops.nn.adaptive_pooling import adaptive_max_pool as adaptive_max_pool
from funcnet.ops.nn.adaptive_pooling import fractional_max_pool as fractional_max_pool
from funcnet.ops.nn.convolution import conv as conv
from funcnet.ops.nn.convolution_local import conv_local as conv_local
from funcnet.ops.nn.convolution_transpose import conv_transpose as conv_transpose
from funcnet.ops.nn.gates import geglu as geglu
from funcnet.ops.nn.gates import glu as glu
from funcnet.ops.nn.gates import maxout as maxout
from funcnet.ops.nn.gates import reglu as reglu
from funcnet.ops.nn.gates import swiglu as swiglu
from funcnet.ops.nn.global_pooling import global_avg_pool as global_avg_pool
from funcnet.ops.nn.global_pooling import global_max_pool as global_max_pool
from funcnet.ops.nn.local_norm import local_response_norm as local_response_norm
from funcnet.ops.nn.local_norm import unit_norm as unit_norm
from funcnet.ops.nn.logistic_units import gelu as gelu
from funcnet.ops.nn.logistic_units import quick_gelu as quick_gelu
from funcnet.ops.nn.logistic_units import silu as silu
from funcnet.ops.nn.logistic_units import swish as swish
from funcnet.ops.nn.norm_pooling import lp_pool as lp_pool
from funcnet.ops.nn.normalization import batch_norm as batch_norm
from funcnet.ops.nn.normalization import fixed_norm as fixed_norm
from funcnet.ops.nn.normalization import group_norm as group_norm
from funcnet.ops.nn.normalization import instance_norm as instance_norm
from funcnet.ops.nn.normalization import layer_norm as layer_norm
from funcnet.ops.nn.normalization import rms_norm as rms_norm
from funcnet.ops.nn.padding import pad as pad
from funcnet.ops.nn.patches import fold as fold
from funcnet.ops.nn.patches import unfold as unfold
from funcnet.ops.nn.piecewise import hard_shrink as hard_shrink
from funcnet.ops.nn.piecewise import hard_sigmoid as hard_sigmoid
from funcnet.ops.nn.piecewise import hard_swish as hard_swish
from funcnet.ops.nn.piecewise import hard_tanh as hard_tanh
from funcnet.ops.nn.piecewise import leaky_relu as leaky_relu
from funcnet.ops.nn.piecewise import prelu as prelu
from funcnet.ops.nn.piecewise import relu6 as relu6
from funcnet.ops.nn.piecewise import soft_shrink as soft_shrink
from funcnet.ops.nn.piecewise import sparse_plus as sparse_plus
from funcnet.ops.nn.piecewise import sparse_sigmoid as sparse_sigmoid
from funcnet.ops.nn.piecewise import threshold as threshold
from funcnet.ops.nn.pooling import avg_pool as avg_pool
from funcnet.ops.nn.pooling import max_pool as max_pool
from funcnet.ops.nn.pooling import max_unpool as max_unpool
from funcnet.ops.nn.resizing import channel_shuffle as channel_shuffle
from funcnet.ops.nn.resizing import pixel_shuffle as pixel_shuffle
from funcnet.ops.nn.resizing import pixel_unshuffle as pixel_unshuffle
from funcnet.ops.nn.resizing import resize as resize
from funcnet.ops.nn.sparsemax import entmax15 as entmax15
from funcnet.ops.nn.sparsemax import softmin as softmin
from funcnet.ops.nn.sparsemax import sparsemax as sparsemax

__all__ = [
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "avg_pool",
    "batch_norm",
    "celu",
    "channel_shuffle",
    "conv",
    "conv_local",
    "conv_transpose",
    "elu",
    "entmax15",
    "exponential",
    "fixed_norm",
    "fold",
    "fractional_max_pool",
    "geglu",
    "gelu",
    "global_avg_pool",
    "global_max_pool",
    "glu",
    "group_norm",
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "local_response_norm",
    "log_sigmoid",
    "lp_pool",
    "max_pool",
    "max_unpool",
    "maxout",
    "mish",
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "prelu",
    "quick_gelu",
    "reglu",
    "relu6",
    "resize",
    "rms_norm",
    "selu",
    "silu",
    "snake",
    "soft_shrink",
    "softmin",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swiglu",
    "swish",
    "tanh_shrink",
    "threshold",
    "unfold",
    "unit_norm",
]
