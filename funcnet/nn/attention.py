"""Multi-head attention as a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random, xp
from funcnet.core import Spec
from funcnet.core.arguments import check_array
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.nn.attention_cache import Config, decoded, empty_cache
from funcnet.nn.dense import affine
from funcnet.nn.initializers import glorot_uniform, ones, zeros
from funcnet.nn.layer import Layer, layer_path
from funcnet.nn.misfits import foreign
from funcnet.nn.plain import needed_key
from funcnet.nn.scaled_dot_product import scaled_dot_product_attention
from funcnet.nn.spec import as_spec, beside
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.fresh import integers_like
from funcnet.ops.nn.convolution_arguments import positive_int
from funcnet.ops.nn.normalization import rms_norm
from funcnet.ops.nn.positions import alibi_bias, rotary

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["multi_head_attention"]

_PARTS = ("query", "key", "value", "out")


def multi_head_attention(
    heads: int,
    *,
    kv_heads: int | None = None,
    head_features: int | None = None,
    out_features: int | None = None,
    bias: bool = True,
    causal: bool = False,
    window: int | None = None,
    rope: str | None = None,
    rope_base: float = 10000.0,
    alibi: bool = False,
    qk_norm: bool = False,
    dropout: float = 0.0,
    cache: int | None = None,
    chunk: int | None = None,
    kernel_init: Callable[..., Any] | None = None,
    bias_init: Callable[..., Any] = zeros,
    dtype: Any = None,
) -> Layer:
    r"""Attention with several heads, each on projections of its own: the layer of transformers.

    :math:`y = [h_1, \dots, h_n] W_o` with :math:`h_i = \mathrm{attention}(x_q W_{q,i}, x_k W_{k,i}, x_v W_{v,i})`; see
    `funcnet.nn.functional.scaled_dot_product_attention`.

    With `cache` the layer can decode: ``init`` gives a state with room for so many keys and values, and ``apply`` with
    that state appends the positions of its input to those before, which it sees as well. With the state ``{}`` it acts
    as if there were no cache, as in training. Step by step or at once, a causal layer gives the same.

    Parameters
    ----------
    heads : int
        Number of heads.
    kv_heads : int, optional
        Number of heads of keys and values, a divisor of `heads`; the same if omitted.
    head_features : int, optional
        Features of a head; those of the queries' input, divided by `heads`, if omitted.
    out_features : int, optional
        Features of the result; those of the queries' input if omitted.
    bias : bool, default True
        Whether the four projections have biases.
    causal : bool, default False
        Whether a position sees only itself and those before.
    window : int, optional
        If given, a position sees only those at a distance less than this.
    rope : str, optional
        ``"half"`` or ``"interleaved"``: rotates queries and keys by their positions; see
        `funcnet.nn.functional.rotary`.
    rope_base : float, default 10000
        Its base.
    alibi : bool, default False
        Whether scores fall linearly with the distance, see `funcnet.nn.functional.alibi_bias`.
    qk_norm : bool, default False
        Whether queries and keys of each head are normalised by their root mean square, before the rotation.
    dropout : float, default 0
        Share of the weights to drop in training.
    cache : int, optional
        Number of positions that the state has room for.
    chunk : int, optional
        Size of the blocks of long sequences.
    kernel_init, bias_init : callable, optional
        ``init(key, shape, dtype)``; `glorot_uniform` and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameters ``query``, ``key``, ``value`` and ``out``, each with a ``kernel`` of shape ``(in, out)`` and
        a ``bias``, and ``query_norm`` and ``key_norm`` with a ``scale``. Its input is one array of shape
        (batch, length, features), a pair (queries, memory), or a triple (queries, keys, values). ``apply`` also takes
        the keywords ``mask`` and ``bias``, which broadcast to (batch, heads, queries, keys).

    Raises
    ------
    ParameterError
        If an argument is out of range; by ``apply``: if parameters or state are not the layer's own, a random key is
        missing, or the cache is full.
    ShapeError, DtypeError
        By ``init`` and ``apply``: if the input does not fit.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017. A. Henry et al., "Query-key normalization for
    transformers", EMNLP 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.multi_head_attention(2, causal=True, cache=8)
    >>> x = random.normal(random.key(1), (1, 3, 4))
    >>> params, state = layer.init(random.key(0), x)
    >>> whole, _ = layer.apply(params, {}, x)
    >>> steps = []
    >>> for t in range(3):
    ...     y, state = layer.apply(params, state, x[:, t : t + 1])
    ...     steps.append(y)
    >>> bool(np.allclose(np.concatenate(steps, axis=1), whole, atol=1e-6))
    True
    """
    config = Config(
        _count("heads", heads),
        _count("kv_heads", heads if kv_heads is None else kv_heads),
        None if head_features is None else _count("head_features", head_features),
        None if out_features is None else _count("out_features", out_features),
        bias,
        causal,
        window,
        rope,
        rope_base,
        alibi,
        qk_norm,
        dropout,
        chunk,
    )
    _check_config(config)
    size = None if cache is None else _count("cache", cache)
    make = glorot_uniform() if kernel_init is None else kernel_init

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        path = layer_path("multi_head_attention")
        with beside(key):
            specs = _three(as_spec(spec), path)
            for s in specs:
                _check_input(s, path)
            q, k, v = (s.shape[-1] for s in specs)
            features = _head_features(config, q, path)
            inner, shared = config.heads * features, config.kv_heads * features
            shapes = (q, inner), (k, shared), (v, shared), (inner, config.out_features or q)
            keys = random.split(key, 4)
            params: dict[str, Any] = {}
            for i, (name, shape) in enumerate(zip(_PARTS, shapes, strict=True)):
                pair = random.split(keys[i, :])
                params[name] = {"kernel": make(pair[0, :], shape, dtype)}
                if bias:
                    params[name]["bias"] = bias_init(pair[1, :], shape[1:], dtype)
            if qk_norm:
                params["query_norm"] = {"scale": ones(key, (features,), dtype)}
                params["key_norm"] = {"scale": ones(key, (features,), dtype)}
            return params, {} if size is None else empty_cache(specs[0].shape[0], size, config, params)

    def apply(
        params: Any, state: Any, x: Any, *, mask: Any = None, bias: Any = None, key: Any = None, train: bool = False
    ) -> tuple[Any, Any]:
        path = layer_path("multi_head_attention")
        _check_params(params, config, path)
        arrays = _three(x, path)
        for a in arrays:
            _check_input(a, path)
        features = params["query"]["kernel"].shape[1] // config.heads
        parts = []
        for name, a, count in zip(_PARTS, arrays, (config.heads, config.kv_heads, config.kv_heads), strict=False):
            if a.shape[-1] != params[name]["kernel"].shape[0]:
                raise _misfit(path, name, a, params[name]["kernel"])
            projected = affine(a, params[name]["kernel"], params[name].get("bias"))
            parts.append(reshaped(projected, (*a.shape[:-1], count, features)))
        q, k, v = parts
        if config.qk_norm:
            q, k = (rms_norm(a, params[f"{name}_norm"]["scale"]) for name, a in (("query", q), ("key", k)))
        rate = config.dropout if train else 0.0
        if rate:
            needed_key(path, key)
        options = {"dropout": rate, "key": key if rate else None, "chunk": config.chunk, "mask": mask}
        if state == {}:
            if config.rope is not None:
                q, k = (rotary(a, base=config.rope_base, interleaved=config.rope == "interleaved") for a in (q, k))
            if config.alibi:
                slopes = alibi_bias(config.heads, _places(q), _places(k), dtype=q.dtype)
                bias = slopes if bias is None else xp.add(bias, slopes)
            y = scaled_dot_product_attention(q, k, v, causal=config.causal, window=config.window, bias=bias, **options)
            after = state
        else:
            y, after = decoded(config, state, q, k, v, bias, options, path)
        y = reshaped(y, (*y.shape[:-2], config.heads * features))
        return affine(y, params["out"]["kernel"], params["out"].get("bias")), after

    apply.uses_key = bool(dropout)  # type: ignore[attr-defined]
    return Layer(init, apply)


def _places(x: Any) -> Any:
    return integers_like(x, "arange", x.shape[1])


def _three(x: Any, path: str) -> tuple[Any, Any, Any]:
    """Return queries, keys and values."""
    if not isinstance(x, (tuple, list)):
        return x, x, x
    if len(x) == 2:
        return x[0], x[1], x[1]
    if len(x) != 3:
        raise ShapeError(
            f"Layer {path} takes one, two or three arrays.",
            found=f"{len(x)} of them",
            needed="x, (queries, memory) or (queries, keys, values)",
        )
    return x[0], x[1], x[2]


def _check_input(x: Any, path: str) -> None:
    check_array(f"Layer {path}", x)
    if len(x.shape) != 3:
        raise ShapeError(
            f"Layer {path} got an input of a wrong number of dimensions.",
            found=f"shape {tuple(x.shape)}",
            needed="shape (batch, length, features)",
            write="xp.expand_dims(x, axis=0) for a single sequence",
        )
    if x.__class__ is not Spec and kind(x.dtype) != "f":
        raise DtypeError(
            f"Layer {path} got an input that is not floating-point.",
            found=f"an array of dtype {x.dtype} and shape {tuple(x.shape)}",
            needed="a real floating-point data type",
            write="xp.astype(x, xp.float32)",
        )


def _head_features(config: Config, features: int, path: str) -> int:
    if config.head_features is not None:
        return config.head_features
    if features % config.heads:
        raise ShapeError(
            f"Layer {path} cannot share its features among the heads.",
            found=f"{features} features for {config.heads} heads",
            needed="a number of features that the number of heads divides",
            write=f"head_features={max(features // config.heads, 1)}",
        )
    return features // config.heads


def _misfit(path: str, name: str, x: Any, kernel: Any) -> ShapeError:
    return ShapeError(
        f"Layer {path} got an input with the wrong number of features for its {name} projection.",
        found=f"{x.shape[-1]} features, in shape {tuple(x.shape)}",
        needed=f"{kernel.shape[0]} features on the last axis, as its kernel has shape {tuple(kernel.shape)}",
        write="layer.init(key, x.shape) for an input of this shape",
    )


def _check_params(params: Any, config: Config, path: str) -> None:
    names = {*_PARTS, "query_norm", "key_norm"} if config.qk_norm else set(_PARTS)
    try:
        inner, shared = params["query"]["kernel"].shape[1], params["key"]["kernel"].shape[1]
        fits = set(params) == names and inner % config.heads == 0 and inner * config.kv_heads == shared * config.heads
        fits = fits and all(("bias" in params[name]) == config.bias for name in _PARTS)
    except (KeyError, TypeError, AttributeError, IndexError):
        fits = False
    if not fits:
        needed = f"{', '.join(sorted(names))}, for {config.heads} heads, {config.kv_heads} of them with keys"
        raise foreign(path, params, needed)


def _count(name: str, n: Any) -> int:
    return positive_int("nn.multi_head_attention", name, n)


def _check_config(config: Config) -> None:
    if config.heads % config.kv_heads:
        raise ParameterError(
            "nn.multi_head_attention cannot share its heads of keys among those of queries.",
            found=f"heads={config.heads}, kv_heads={config.kv_heads}",
            needed="a number of kv_heads that divides the number of heads",
        )
    if config.rope not in (None, "half", "interleaved"):
        raise ParameterError(
            "nn.multi_head_attention does not know this form of rotation.",
            found=f"rope={config.rope!r}",
            needed="None, 'half' or 'interleaved'",
        )
    rate = config.dropout
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate < 1:
        raise ParameterError(
            "nn.multi_head_attention takes the share of weights to drop.",
            found=f"dropout={rate!r}",
            needed="a number from 0 to below 1",
        )
