"""Layers: pairs of pure functions over nested dicts of arrays.

``params, state = layer.init(key, x.shape)`` and ``y, state = layer.apply(params, state, x, key=key, train=True)``, for
every layer and every model. `sequential` puts layers together; `stateless` drops the state where there is none.
"""

from typing import TYPE_CHECKING

from funcnet.nn import functional as functional
from funcnet.nn import initializers as initializers
from funcnet.nn import precision as precision
from funcnet.nn.activation import activation as activation
from funcnet.nn.activations import celu as celu
from funcnet.nn.activations import elu as elu
from funcnet.nn.activations import entmax15 as entmax15
from funcnet.nn.activations import exponential as exponential
from funcnet.nn.activations import geglu as geglu
from funcnet.nn.activations import gelu as gelu
from funcnet.nn.activations import glu as glu
from funcnet.nn.activations import gumbel_softmax as gumbel_softmax
from funcnet.nn.activations import hard_shrink as hard_shrink
from funcnet.nn.activations import hard_sigmoid as hard_sigmoid
from funcnet.nn.activations import hard_swish as hard_swish
from funcnet.nn.activations import hard_tanh as hard_tanh
from funcnet.nn.activations import identity as identity
from funcnet.nn.activations import leaky_relu as leaky_relu
from funcnet.nn.activations import log_sigmoid as log_sigmoid
from funcnet.nn.activations import log_softmax as log_softmax
from funcnet.nn.activations import maxout as maxout
from funcnet.nn.activations import mish as mish
from funcnet.nn.activations import prelu as prelu
from funcnet.nn.activations import quick_gelu as quick_gelu
from funcnet.nn.activations import reglu as reglu
from funcnet.nn.activations import relu as relu
from funcnet.nn.activations import relu6 as relu6
from funcnet.nn.activations import rrelu as rrelu
from funcnet.nn.activations import selu as selu
from funcnet.nn.activations import sigmoid as sigmoid
from funcnet.nn.activations import silu as silu
from funcnet.nn.activations import snake as snake
from funcnet.nn.activations import soft_shrink as soft_shrink
from funcnet.nn.activations import softmax as softmax
from funcnet.nn.activations import softmin as softmin
from funcnet.nn.activations import softplus as softplus
from funcnet.nn.activations import softsign as softsign
from funcnet.nn.activations import sparse_plus as sparse_plus
from funcnet.nn.activations import sparse_sigmoid as sparse_sigmoid
from funcnet.nn.activations import sparsemax as sparsemax
from funcnet.nn.activations import squareplus as squareplus
from funcnet.nn.activations import swiglu as swiglu
from funcnet.nn.activations import swish as swish
from funcnet.nn.activations import tanh as tanh
from funcnet.nn.activations import tanh_shrink as tanh_shrink
from funcnet.nn.activations import threshold as threshold
from funcnet.nn.attention import multi_head_attention as multi_head_attention
from funcnet.nn.attention_cache import init_cache as init_cache
from funcnet.nn.bilinear import bilinear as bilinear
from funcnet.nn.cell import Cell as Cell
from funcnet.nn.convolution import conv as conv
from funcnet.nn.convolution import conv_transpose as conv_transpose
from funcnet.nn.convolution import depthwise_conv as depthwise_conv
from funcnet.nn.convolution import separable_conv as separable_conv
from funcnet.nn.convolution_local import conv_local as conv_local
from funcnet.nn.dense import affine as affine
from funcnet.nn.dense import dense as dense
from funcnet.nn.dropout import drop_path as drop_path
from funcnet.nn.dropout import dropout as dropout
from funcnet.nn.dropout import spatial_dropout as spatial_dropout
from funcnet.nn.einsum_dense import einsum_dense as einsum_dense
from funcnet.nn.embedding import embedding as embedding
from funcnet.nn.embedding import embedding_bag as embedding_bag
from funcnet.nn.flatten import flatten as flatten
from funcnet.nn.layer import Layer as Layer
from funcnet.nn.layer import Stateless as Stateless
from funcnet.nn.layer import named as named
from funcnet.nn.layer import stateless as stateless
from funcnet.nn.lstm_cells import conv_lstm_cell as conv_lstm_cell
from funcnet.nn.lstm_cells import lstm_cell as lstm_cell
from funcnet.nn.merging import add as add
from funcnet.nn.merging import concatenate as concatenate
from funcnet.nn.merging import fan_out as fan_out
from funcnet.nn.merging import parallel as parallel
from funcnet.nn.merging import residual as residual
from funcnet.nn.mlp import mlp as mlp
from funcnet.nn.noise import alpha_dropout as alpha_dropout
from funcnet.nn.noise import feature_alpha_dropout as feature_alpha_dropout
from funcnet.nn.noise import gaussian_dropout as gaussian_dropout
from funcnet.nn.noise import gaussian_noise as gaussian_noise
from funcnet.nn.normalization import batch_norm as batch_norm
from funcnet.nn.normalization import group_norm as group_norm
from funcnet.nn.normalization import instance_norm as instance_norm
from funcnet.nn.normalization import layer_norm as layer_norm
from funcnet.nn.normalization import local_response_norm as local_response_norm
from funcnet.nn.normalization import rms_norm as rms_norm
from funcnet.nn.normalization import unit_norm as unit_norm
from funcnet.nn.pooling import adaptive_avg_pool as adaptive_avg_pool
from funcnet.nn.pooling import adaptive_max_pool as adaptive_max_pool
from funcnet.nn.pooling import avg_pool as avg_pool
from funcnet.nn.pooling import fractional_max_pool as fractional_max_pool
from funcnet.nn.pooling import global_avg_pool as global_avg_pool
from funcnet.nn.pooling import global_max_pool as global_max_pool
from funcnet.nn.pooling import lp_pool as lp_pool
from funcnet.nn.pooling import max_pool as max_pool
from funcnet.nn.positions import learned_positions as learned_positions
from funcnet.nn.positions import rotary_positions as rotary_positions
from funcnet.nn.positions import sinusoidal_positions as sinusoidal_positions
from funcnet.nn.precision import with_policy as with_policy
from funcnet.nn.recurrent import recurrent as recurrent
from funcnet.nn.recurrent_cells import gru_cell as gru_cell
from funcnet.nn.recurrent_cells import mgu_cell as mgu_cell
from funcnet.nn.recurrent_cells import rnn_cell as rnn_cell
from funcnet.nn.recurrent_layers import conv_lstm as conv_lstm
from funcnet.nn.recurrent_layers import gru as gru
from funcnet.nn.recurrent_layers import lstm as lstm
from funcnet.nn.recurrent_layers import mgu as mgu
from funcnet.nn.recurrent_layers import rnn as rnn
from funcnet.nn.reparametrization import reparametrize as reparametrize
from funcnet.nn.reparametrization import spectral_norm as spectral_norm
from funcnet.nn.reparametrization import weight_norm as weight_norm
from funcnet.nn.sequential import sequential as sequential
from funcnet.nn.spatial import channel_shuffle as channel_shuffle
from funcnet.nn.spatial import fold as fold
from funcnet.nn.spatial import pad as pad
from funcnet.nn.spatial import pixel_shuffle as pixel_shuffle
from funcnet.nn.spatial import pixel_unshuffle as pixel_unshuffle
from funcnet.nn.spatial import resize as resize
from funcnet.nn.spatial import unfold as unfold
from funcnet.nn.spatial import upsample as upsample
from funcnet.nn.spec import as_spec as as_spec
from funcnet.nn.summary import Summary as Summary
from funcnet.nn.summary import summary as summary
from funcnet.nn.transformer import transformer_decoder as transformer_decoder
from funcnet.nn.transformer import transformer_decoder_block as transformer_decoder_block
from funcnet.nn.transformer import transformer_encoder as transformer_encoder
from funcnet.nn.transformer import transformer_encoder_block as transformer_encoder_block
from funcnet.nn.transformer import transformer_mlp as transformer_mlp
from funcnet.nn.wrappers import at_train as at_train
from funcnet.nn.wrappers import frozen as frozen
from funcnet.nn.wrappers import lambda_ as lambda_
from funcnet.nn.wrappers import repeat as repeat
from funcnet.nn.wrappers import shared as shared
from funcnet.surface import lazily as _lazily

if TYPE_CHECKING:
    from funcnet.nn import models as models

__all__ = [
    "Cell",
    "Layer",
    "Stateless",
    "Summary",
    "activation",
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "add",
    "affine",
    "alpha_dropout",
    "as_spec",
    "at_train",
    "avg_pool",
    "batch_norm",
    "bilinear",
    "celu",
    "channel_shuffle",
    "concatenate",
    "conv",
    "conv_local",
    "conv_lstm",
    "conv_lstm_cell",
    "conv_transpose",
    "dense",
    "depthwise_conv",
    "drop_path",
    "dropout",
    "einsum_dense",
    "elu",
    "embedding",
    "embedding_bag",
    "entmax15",
    "exponential",
    "fan_out",
    "feature_alpha_dropout",
    "flatten",
    "fold",
    "fractional_max_pool",
    "frozen",
    "functional",
    "gaussian_dropout",
    "gaussian_noise",
    "geglu",
    "gelu",
    "global_avg_pool",
    "global_max_pool",
    "glu",
    "group_norm",
    "gru",
    "gru_cell",
    "gumbel_softmax",
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "identity",
    "init_cache",
    "initializers",
    "instance_norm",
    "lambda_",
    "layer_norm",
    "leaky_relu",
    "learned_positions",
    "local_response_norm",
    "log_sigmoid",
    "log_softmax",
    "lp_pool",
    "lstm",
    "lstm_cell",
    "max_pool",
    "maxout",
    "mgu",
    "mgu_cell",
    "mish",
    "mlp",
    "models",
    "multi_head_attention",
    "named",
    "pad",
    "parallel",
    "pixel_shuffle",
    "pixel_unshuffle",
    "precision",
    "prelu",
    "quick_gelu",
    "recurrent",
    "reglu",
    "relu",
    "relu6",
    "reparametrize",
    "repeat",
    "residual",
    "resize",
    "rms_norm",
    "rnn",
    "rnn_cell",
    "rotary_positions",
    "rrelu",
    "selu",
    "separable_conv",
    "sequential",
    "shared",
    "sigmoid",
    "silu",
    "sinusoidal_positions",
    "snake",
    "soft_shrink",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "spatial_dropout",
    "spectral_norm",
    "squareplus",
    "stateless",
    "summary",
    "swiglu",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
    "transformer_decoder",
    "transformer_decoder_block",
    "transformer_encoder",
    "transformer_encoder_block",
    "transformer_mlp",
    "unfold",
    "unit_norm",
    "upsample",
    "weight_norm",
    "with_policy",
]

# Models are loaded at their first use: who writes one does not need those that are there.
if not TYPE_CHECKING:  # a type checker finds names that there are not
    __getattr__, __dir__ = _lazily(
        __name__,
        {},
        ("functional", "initializers", "models", "precision"),
        {"init": "nn.initializers", "linear": "nn.dense"},
    )
