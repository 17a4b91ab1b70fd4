"""Transformers: encoder and decoder blocks, and stacks of them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError
from funcnet.nn.activation import activation as activation_layer
from funcnet.nn.attention import multi_head_attention
from funcnet.nn.dense import dense
from funcnet.nn.dropout import dropout as dropout_layer
from funcnet.nn.initializers import zeros
from funcnet.nn.layer import Layer, layer_path, named
from funcnet.nn.sequential import sequential
from funcnet.nn.spec import as_spec, beside
from funcnet.nn.transformer_blocks import block_of, features_in, norm_of, stack_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Init = Callable[..., Any]

__all__ = [
    "transformer_decoder",
    "transformer_decoder_block",
    "transformer_encoder",
    "transformer_encoder_block",
    "transformer_mlp",
]

#: Activations that multiply one half of their input with a function of the other.
_GATED = ("geglu", "glu", "reglu", "swiglu")


def transformer_mlp(
    hidden: int | None = None,
    *,
    activation: str = "relu",
    bias: bool = True,
    dropout: float = 0.0,
    kernel_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Layer:
    r"""Return the two dense layers of a transformer: :math:`y = \phi(x W_1 + b_1) W_2 + b_2`, of the features of x.

    Parameters
    ----------
    hidden : int, optional
        Number of features in between; four times those of the input if omitted.
    activation : str, default "relu"
        Name of :math:`\phi`, see `activation`. For ``"swiglu"``, ``"geglu"``, ``"reglu"`` and ``"glu"``, which multiply
        one half of their input with a function of the other, :math:`W_1` has twice as many columns.
    bias : bool, default True
        Whether the dense layers have biases.
    dropout : float, default 0
        Share of the features in between that is dropped in training.
    kernel_init, bias_init, dtype
        As in `dense`.

    Returns
    -------
    Layer
        With the parameters ``in`` and ``out``.

    Raises
    ------
    ParameterError
        If an argument is out of range or a name unknown.

    References
    ----------
    N. Shazeer, "GLU variants improve transformer", 2020, arXiv:2002.05202.

    Examples
    --------
    >>> from funcnet import nn, random, tree
    >>> params, _ = nn.transformer_mlp(8, activation="swiglu", bias=False).init(random.key(0), (1, 5, 4))
    >>> tree.map(lambda p: p.shape, params)
    {'in': {'kernel': (4, 16)}, 'out': {'kernel': (8, 4)}}
    """
    if hidden is not None and (hidden.__class__ is not int or hidden < 1):
        raise ParameterError(
            "nn.transformer_mlp takes the number of features in between.",
            found=f"hidden={hidden!r}",
            needed="a positive integer, or None",
        )
    phi, drop = activation_layer(activation), dropout_layer(dropout)
    double = 2 if activation in _GATED else 1
    options = {"bias": bias, "kernel_init": kernel_init, "bias_init": bias_init, "dtype": dtype}

    @cache
    def layers(features: int) -> Layer:
        inner = 4 * features if hidden is None else hidden
        return sequential(
            named("in", dense(double * inner, **options)), phi, drop, named("out", dense(features, **options))
        )

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path("transformer_mlp")
        with beside(key):
            return layers(features_in(as_spec(spec), path)).init(key, spec)

    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        return layers(features_in(x, layer_path("transformer_mlp"))).apply(params, state, x, key=key, train=train)

    apply.uses_key = bool(dropout)  # type: ignore[attr-defined]
    return Layer(init, apply)


def transformer_encoder_block(
    heads: int,
    *,
    hidden: int | None = None,
    activation: str = "relu",
    pre_norm: bool = False,
    norm: str = "layer",
    norm_eps: float = 1e-5,
    dropout: float = 0.0,
    bias: bool = True,
    dtype: Any = None,
    **attention: Any,
) -> Layer:
    r"""Return a block of a transformer's encoder, or of a model like GPT: attention, then two dense layers.

    After the sum, as in the paper: :math:`x \leftarrow \mathrm{norm}(x + f(x))` for both parts f. Before, which trains
    more easily: :math:`x \leftarrow x + f(\mathrm{norm}(x))`.

    Parameters
    ----------
    heads : int
        Number of heads.
    hidden, activation
        As in `transformer_mlp`.
    pre_norm : bool, default False
        Whether normalisation comes before each part.
    norm : {"layer", "rms"}, default "layer"
        Which normalisation it is.
    norm_eps : float, default 1e-5
        Added to its variance.
    dropout : float, default 0
        Share that is dropped in training: of the attention's weights, of the features between the dense layers, and of
        what each part adds.
    bias : bool, default True
        Whether projections and dense layers have biases.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.
    **attention
        More arguments of `multi_head_attention`: ``causal``, ``window``, ``kv_heads``, ``rope``, ``alibi``,
        ``qk_norm``, ``cache``, ``chunk``.

    Returns
    -------
    Layer
        For inputs of shape (batch, length, features), with the parameters ``attention``, ``attention_norm``, ``mlp``
        and ``mlp_norm``. ``apply`` also takes the keyword ``mask``, which broadcasts to (batch, heads, length, length).

    Raises
    ------
    ParameterError
        If an argument is out of range or a name unknown; by ``apply``: if the parameters are not the layer's own.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017. R. Xiong et al., "On layer normalization in the
    transformer architecture", ICML 2020.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> layer = nn.transformer_encoder_block(2, hidden=8, pre_norm=True, activation="gelu", causal=True)
    >>> params, state = layer.init(random.key(0), (1, 5, 4))
    >>> list(params)
    ['attention', 'attention_norm', 'mlp', 'mlp_norm']
    """
    what = "transformer_encoder_block"
    parts = {
        "attention": multi_head_attention(heads, bias=bias, dropout=dropout, dtype=dtype, **attention),
        "mlp": transformer_mlp(hidden, activation=activation, bias=bias, dropout=dropout, dtype=dtype),
    }
    return block_of(what, parts, norm_of(what, norm, norm_eps, bias, dtype), pre_norm, dropout)


def transformer_decoder_block(
    heads: int,
    *,
    hidden: int | None = None,
    activation: str = "relu",
    pre_norm: bool = False,
    norm: str = "layer",
    norm_eps: float = 1e-5,
    dropout: float = 0.0,
    bias: bool = True,
    causal: bool = True,
    dtype: Any = None,
    **attention: Any,
) -> Layer:
    """Return a block of a transformer's decoder: attention, attention to a memory, then two dense layers.

    Parameters
    ----------
    heads : int
        Number of heads.
    hidden, activation, pre_norm, norm, norm_eps, dropout, bias, dtype
        As in `transformer_encoder_block`.
    causal : bool, default True
        Whether a position sees only itself and those before.
    **attention
        More arguments of `multi_head_attention`. Those of positions, ``window`` and ``cache`` concern the first one
        only.

    Returns
    -------
    Layer
        For a pair (x, memory) of shapes (batch, length, features) and (batch, memory_length, memory_features), with the
        parameters ``attention``, ``cross``, ``mlp``, and ``attention_norm``, ``cross_norm``, ``mlp_norm``. ``apply``
        also takes the keywords ``mask`` and ``memory_mask``.

    Raises
    ------
    ParameterError
        If an argument is out of range or a name unknown; by ``apply``: if the parameters are not the layer's own.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.transformer_decoder_block(2, hidden=8)
    >>> x, memory = np.ones((1, 3, 4), dtype="float32"), np.ones((1, 5, 6), dtype="float32")
    >>> params, state = layer.init(random.key(0), (x, memory))
    >>> layer.apply(params, state, (x, memory))[0].shape
    (1, 3, 4)
    """
    what = "transformer_decoder_block"
    own = ("window", "cache", "rope", "rope_base", "alibi")
    shared = {name: value for name, value in attention.items() if name not in own}
    parts = {
        "attention": multi_head_attention(heads, bias=bias, dropout=dropout, causal=causal, dtype=dtype, **attention),
        "cross": multi_head_attention(heads, bias=bias, dropout=dropout, dtype=dtype, **shared),
        "mlp": transformer_mlp(hidden, activation=activation, bias=bias, dropout=dropout, dtype=dtype),
    }
    return block_of(what, parts, norm_of(what, norm, norm_eps, bias, dtype), pre_norm, dropout)


def transformer_encoder(layers: int, *, heads: int, final_norm: bool | None = None, **block: Any) -> Layer:
    """Return a stack of encoder blocks.

    Parameters
    ----------
    layers : int
        Number of blocks.
    heads : int
        Number of heads.
    final_norm : bool, optional
        Whether a normalisation follows the last block; as ``pre_norm`` if omitted.
    **block
        More arguments of `transformer_encoder_block`.

    Returns
    -------
    Layer
        For inputs of shape (batch, length, features), with the parameters ``layer_0``, ``layer_1``, ..., and ``norm``.
        ``apply`` also takes the keyword ``mask``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `transformer_encoder_block`.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> layer = nn.transformer_encoder(2, heads=2, hidden=8, pre_norm=True)
    >>> params, state = layer.init(random.key(0), (1, 5, 4))
    >>> list(params)
    ['layer_0', 'layer_1', 'norm']
    """
    return stack_of("transformer_encoder", layers, transformer_encoder_block(heads, **block), final_norm, block)


def transformer_decoder(layers: int, *, heads: int, final_norm: bool | None = None, **block: Any) -> Layer:
    """Return a stack of decoder blocks, all of which see the same memory.

    Parameters
    ----------
    layers : int
        Number of blocks.
    heads : int
        Number of heads.
    final_norm : bool, optional
        Whether a normalisation follows the last block; as ``pre_norm`` if omitted.
    **block
        More arguments of `transformer_decoder_block`.

    Returns
    -------
    Layer
        For a pair (x, memory), with the parameters ``layer_0``, ``layer_1``, ..., and ``norm``. ``apply`` also takes
        the keywords ``mask`` and ``memory_mask``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `transformer_decoder_block`.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> layer = nn.transformer_decoder(2, heads=2, hidden=8)
    >>> params, state = layer.init(random.key(0), ((1, 3, 4), (1, 5, 6)))
    >>> list(params)
    ['layer_0', 'layer_1']
    """
    return stack_of("transformer_decoder", layers, transformer_decoder_block(heads, **block), final_norm, block)
