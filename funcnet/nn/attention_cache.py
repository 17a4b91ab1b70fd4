"""Attention of new positions to those before, whose keys and values a cache holds."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet import backends, random, tree, xp
from funcnet.core.readable import readable
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.layer import Layer
from funcnet.nn.scaled_dot_product import scaled_dot_product_attention
from funcnet.nn.spec import beside
from funcnet.ops.fresh import integers_like
from funcnet.ops.nn.positions import alibi_bias, rotary

__all__ = ["Config", "decoded", "empty_cache", "init_cache"]


class Config(NamedTuple):
    """What `multi_head_attention` was made with."""

    heads: int
    kv_heads: int
    head_features: int | None
    out_features: int | None
    bias: bool
    causal: bool
    window: int | None
    rope: str | None
    rope_base: float
    alibi: bool
    qk_norm: bool
    dropout: float
    chunk: int | None


def init_cache(layer: Layer, params: Any, spec: Any) -> Any:
    """Return a fresh state of a layer that decodes: caches with nothing in them, for parameters that are there already.

    Parameters
    ----------
    layer : Layer
        A layer, or a model with such layers.
    params : pytree
        Its parameters; they tell where the caches are to be, and of what data type.
    spec : shape, array, Spec or pytree of them
        An input: its batch size counts.

    Returns
    -------
    pytree
        What ``layer.init`` gives as state.

    Examples
    --------
    >>> from funcnet import nn, random, tree
    >>> layer = nn.multi_head_attention(2, causal=True, cache=8)
    >>> params, _ = layer.init(random.key(0), (1, 3, 4))
    >>> tree.map(lambda a: a.shape, nn.init_cache(layer, params, (5, 1, 4)))
    {'index': (), 'keys': (5, 8, 2, 2), 'values': (5, 8, 2, 2)}
    """
    leaf = tree.leaves(params)[0]
    with beside(leaf):
        own = backends.current().backend.dtype_name(leaf.dtype)
        with backends.use_backend(dtype=own):
            return layer.init(random.key(0), spec)[1]


def empty_cache(batch: int, size: int, config: Config, params: Any) -> dict[str, Any]:
    """Return the state of a layer before the first position, beside the current backend."""
    kernel = params["key"]["kernel"]
    shape = (batch, size, config.kv_heads, kernel.shape[1] // config.kv_heads)
    return {
        "keys": xp.zeros(shape, dtype=kernel.dtype),
        "values": xp.zeros(shape, dtype=kernel.dtype),
        "index": xp.zeros((), dtype=backends.default_int_dtype()),
    }


def decoded(
    config: Config, state: Any, q: Any, k: Any, v: Any, bias: Any, options: dict[str, Any], path: str
) -> tuple[Any, Any]:
    """Return the attention of new positions to all so far, and the state with their keys and values."""
    keys, values, count = _cache(state, k, path)
    length, room = k.shape[1], keys.shape[1]
    if q.shape[1] != length:
        raise ShapeError(
            f"Layer {path} decodes with as many queries as keys.",
            found=f"{q.shape[1]} queries, {length} keys",
            needed="one array as input, or the state {} for attention to a memory",
        )
    known = readable(count)
    if length > room or (known is not None and int(known) + length > room):
        raise ParameterError(
            f"The cache of layer {path} is full.",
            found=f"{'some' if known is None else int(known)} positions before and {length} more, with room for {room}",
            needed="at most as many as the cache has room for",
            write="multi_head_attention(..., cache=n) with a larger n, or nn.init_cache(layer, params, spec)",
        )
    new = count + xp.astype(integers_like(k, "arange", length), count.dtype)
    if config.rope is not None:
        turn = {"base": config.rope_base, "interleaved": config.rope == "interleaved"}
        q, k = rotary(q, new, **turn), rotary(k, new, **turn)
    keys = xp.at(keys, (slice(None), new)).set(k)
    values = xp.at(values, (slice(None), new)).set(v)
    old = xp.astype(integers_like(k, "arange", room), count.dtype)
    i, j = xp.expand_dims(new, axis=1), xp.expand_dims(old, axis=0)
    # What is not written yet is not seen, causal or not.
    seen = (j <= i) if config.causal else (j < count + length)
    if config.window is not None:
        seen = seen & (xp.abs(i - j) < config.window)
    mask = options.pop("mask")
    if mask is not None:
        raise ParameterError(
            f"Layer {path} takes no mask while it decodes.",
            found=f"a mask of shape {tuple(mask.shape)}",
            needed="what is seen to follow from causal, window and the cache",
            write="bias=..., -inf where a key is not to be seen",
        )
    if config.alibi:
        slopes = alibi_bias(config.heads, new, old, dtype=q.dtype)
        bias = slopes if bias is None else xp.add(bias, slopes)
    y = scaled_dot_product_attention(q, keys, values, mask=seen, bias=bias, **options)
    return y, {"keys": keys, "values": values, "index": count + length}


def _cache(state: Any, k: Any, path: str) -> tuple[Any, Any, Any]:
    try:
        keys, values, count = state["keys"], state["values"], state["index"]
        fits = len(state) == 3 and tuple(keys.shape[:1] + keys.shape[2:]) == tuple(k.shape[:1] + k.shape[2:])
    except (KeyError, TypeError, AttributeError):
        fits, keys, values, count = False, None, None, None
    if not fits:
        found = (
            {n: tuple(getattr(a, "shape", ())) for n, a in state.items()} if isinstance(state, dict) else type(state)
        )
        raise ParameterError(
            f"Layer {path} got a state that is not its own.",
            found=str(found),
            needed=f"{{}}, or a cache for keys of shape {tuple(k.shape)}",
            write="nn.init_cache(layer, params, x) for this batch",
        )
    return keys, values, count
