"""Scaled dot-product attention as a function of arrays."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

from funcnet import backends, random, xp
from funcnet.backends.attention import Rule, spans
from funcnet.core import bind, owner
from funcnet.core.arguments import check_array
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.nn.attention import attention_p, curvature, delta_of, hidden, slopes_p
from funcnet.transforms import checkpoint, custom_vjp

__all__ = ["scaled_dot_product_attention"]

_NAME = "nn.functional.scaled_dot_product_attention"
#: Up to so many scores of one head they are computed at once, beyond in blocks.
_PLAIN = 128 * 128
#: So many scores fit into a cache.
_CACHED = 2**18


def scaled_dot_product_attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    mask: Any = None,
    bias: Any = None,
    causal: bool = False,
    window: int | None = None,
    scale: float | None = None,
    dropout: float = 0.0,
    key: Any = None,
    chunk: int | None = None,
) -> Any:
    r"""Averages of values, weighted by the softmax of the products of queries with keys.

    :math:`y_i = \sum_j p_{ij} v_j` with :math:`p_i = \mathrm{softmax}_j(s\, q_i \cdot k_j + b_{ij})` over the keys that
    query i may see, for each head. A query that may see no key gets 0, and its derivatives are 0.

    Long sequences are computed block by block, by the online softmax, and the backward pass computes the blocks again,
    so that memory is proportional to the length, in both passes and for second derivatives by reverse mode. With
    dropout each block of queries is a checkpoint (`funcnet.checkpoint`) instead.

    Derivative: with :math:`\delta_i = g_i \cdot y_i`, the scores get :math:`p_{ij} (g_i \cdot v_j - \delta_i)`;
    queries, keys, values and bias are differentiated, in every order.

    Parameters
    ----------
    q : array, shape (..., queries, heads, features)
        Of a real floating-point data type.
    k : array, shape (..., keys, kv_heads, features)
        The number of heads is that of `q` or a divisor of it: then `heads / kv_heads` neighbouring heads of `q` share
        one (grouped-query attention; multi-query for 1).
    v : array, shape (..., keys, kv_heads, out_features)
        The values.
    mask : array, optional
        Of a shape that broadcasts to (..., heads, queries, keys). Boolean: true where a query may see a key; or
        floating-point: added to the scores, -inf where it may not.
    bias : array, optional
        Added to the scores; of a shape that broadcasts to (..., heads, queries, keys).
    causal : bool, default False
        Whether query i sees the keys up to number i only.
    window : int, optional
        If given, query i sees only keys j with :math:`|i - j|` less than this.
    scale : float, optional
        Factor s of the products; :math:`1/\sqrt{\mathrm{features}}` if omitted.
    dropout : float, default 0
        Share of the weights to drop, from 0 to below 1; those that stay are scaled up.
    key : array, optional
        Random key, needed for dropout. Which weights are dropped depends on it and on `chunk`.
    chunk : int, optional
        Number of queries and keys in a block. If omitted, small problems are computed at once, larger ones in blocks
        of 64 to 512: so many that the scores of a block fit into the cache of a CPU.

    Returns
    -------
    array, shape (..., queries, heads, out_features)

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    DtypeError
        If the data types are not floating-point, or differ.
    ParameterError
        If a number is out of range, or the random key is missing.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017. J. Ainslie et al., "GQA: training generalized
    multi-query transformer models from multi-head checkpoints", EMNLP 2023. T. Dao et al., "FlashAttention: fast and
    memory-efficient exact attention with IO-awareness", NeurIPS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> q = k = np.zeros((1, 3, 1, 2))
    >>> v = np.arange(3.0).reshape(1, 3, 1, 1)
    >>> nn.functional.scaled_dot_product_attention(q, k, v, causal=True)[0, :, 0, 0]
    array([0. , 0.5, 1. ])
    >>> nn.functional.scaled_dot_product_attention(q, k, v, mask=np.array([[True], [False], [True]]))[0, :, 0, 0]
    array([1., 0., 1.])
    """
    _check(q, k, v, window, dropout, key, chunk)
    *lead, queries, heads, features = q.shape
    keys, groups = k.shape[-3], heads // k.shape[-2]
    if mask is not None and kind(mask.dtype) == "f":
        # Additive masks and biases are the same.
        mask, bias = None, mask if bias is None else xp.add(bias, mask)
    full = (*lead, heads, queries, keys)
    mask = _scores("mask", mask, full, groups)
    bias = _scores("bias", bias, full, groups)
    if mask is not None and kind(mask.dtype) != "b":
        raise DtypeError(
            f"{_NAME} got a mask of integers.",
            found=f"dtype {mask.dtype}",
            needed="booleans, true where a query may see a key; or floating-point numbers to be added",
            write="mask != 0",
        )
    if bias is not None and bias.dtype != q.dtype:
        bias = cast(bias, q.dtype)
    n = len(lead)
    front = tuple(range(n))
    # (..., kv_heads, group, queries, features) and (..., kv_heads, keys, features).
    q = xp.permute_dims(
        reshaped(q, (*lead, queries, heads // groups, groups, features)), (*front, n + 1, n + 2, n, n + 3)
    )
    k, v = (xp.permute_dims(x, (*front, n + 1, n, n + 2)) for x in (k, v))
    plain = queries * keys <= _PLAIN if chunk is None else False
    rule = Rule(
        bool(causal),
        0 if window is None else window,
        1 / sqrt(features) if scale is None else float(scale),
        _chunk(q, prod(lead) * heads) if chunk is None else chunk,
    )
    if dropout:
        y = _with_dropout(rule._replace(chunk=max(queries, 1)) if plain else rule, q, k, v, bias, mask, dropout, key)
    elif plain:
        y = _plain(rule, q, k, v, bias, mask)
    else:
        y = _blockwise(rule, q, k, v, bias, mask)[0]
    y = xp.permute_dims(y, (*front, n + 2, n, n + 1, n + 3))
    return reshaped(y, (*lead, queries, heads, v.shape[-1]))


# ---------------------------------------------------------------------- ways to compute it


def _plain(
    rule: Rule, q: Any, k: Any, v: Any, bias: Any, mask: Any, start: int = 0, rate: float = 0.0, key: Any = None
) -> Any:
    """Return the attention of queries, the first of which is number `start`, from all their scores at once."""
    k, v = (xp.expand_dims(x, axis=-3) for x in (k, v))
    scores = xp.matmul(q * rule.scale, xp.matrix_transpose(k))
    if bias is not None:
        scores = xp.add(scores, bias)
    weights = xp.softmax(hidden(rule, scores, mask, start)) if k.shape[-2] else scores
    if rate:
        # In one data type everywhere, so that the mask depends on the key alone.
        with backends.use_backend(dtype="float32"):
            kept = random.bernoulli(key, 1 - rate, tuple(weights.shape))
        weights = xp.where(kept, weights * (1 / (1 - rate)), 0.0)
    return xp.matmul(weights, v)


def _with_dropout(rule: Rule, q: Any, k: Any, v: Any, bias: Any, mask: Any, rate: float, key: Any) -> Any:
    again = checkpoint(_plain)
    parts = []
    for i, (start, stop) in enumerate(spans(q.shape[-2], rule.chunk)):
        b, m = [None if x is None else x if x.shape[-2] == 1 else x[..., start:stop, :] for x in (bias, mask)]
        call = _plain if (start, stop) == (0, q.shape[-2]) else again
        parts.append(call(rule, q[..., start:stop, :], k, v, b, m, start, rate, random.fold_in(key, i)))
    if not parts:
        return _plain(rule, q, k, v, bias, mask)
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=-2)


# Calls with rules of their own, so that one backward pass over the blocks serves all arguments.


def _bound(primitive: Any, rule: Rule, args: tuple[Any, ...], bias: Any, mask: Any, rest: tuple[Any, ...] = ()) -> Any:
    extras = [x for x in (bias, mask) if x is not None]
    return bind(primitive, *args, *extras, *rest, biased=bias is not None, masked=mask is not None, **rule._asdict())


def _forward(rule: Rule, q: Any, k: Any, v: Any, bias: Any, mask: Any) -> Any:
    return _bound(attention_p, rule, (q, k, v), bias, mask)


def _forward_and_kept(rule: Rule, q: Any, k: Any, v: Any, bias: Any, mask: Any) -> Any:
    out, log = _blockwise(rule, q, k, v, bias, mask)
    return (out, log), (q, k, v, bias, mask, out, log)


def _backward(rule: Rule, kept: Any, gs: Any) -> Any:
    *args, out, log = kept
    found = _slopes(rule, *args, log, delta_of(out, *gs), gs[0])
    return (*found, *(None,) * (5 - len(found)))


def _slopes_forward(rule: Rule, q: Any, k: Any, v: Any, bias: Any, mask: Any, log: Any, delta: Any, g: Any) -> Any:
    return _bound(slopes_p, rule, (q, k, v), bias, mask, (log, delta, g))


def _slopes_kept(rule: Rule, *args: Any) -> Any:
    return _slopes(rule, *args), args


def _slopes_backward(rule: Rule, args: Any, cts: Any) -> Any:
    *found, dlog, ddelta, dg = curvature(rule, *args, *cts)
    return (*found, None, dlog, ddelta, dg)


_blockwise = custom_vjp(_forward, nondiff_argnums=0)
_blockwise.defvjp(_forward_and_kept, _backward)
_slopes = custom_vjp(_slopes_forward, nondiff_argnums=0)
_slopes.defvjp(_slopes_kept, _slopes_backward)


# ---------------------------------------------------------------------- arguments


def _scores(what: str, x: Any, full: tuple[int, ...], groups: int) -> Any:
    """Return a mask or bias with one size per dimension of the scores: (..., kv_heads, group, queries, keys)."""
    if x is None:
        return None
    shape = tuple(x.shape)
    missing = len(full) - len(shape)
    wide = (1,) * missing + shape
    if missing < 0 or any(n not in (1, m) for n, m in zip(wide, full, strict=True)):
        raise ShapeError(
            f"{_NAME} got a {what} that does not fit.",
            found=f"shape {shape}",
            needed=f"a shape that broadcasts to (..., heads, queries, keys) = {full}",
        )
    *lead, heads, queries, keys = wide
    if heads == 1:
        return reshaped(x, (*lead, 1, 1, queries, keys))
    return reshaped(x, (*lead, heads // groups, groups, queries, keys))


def _chunk(q: Any, heads: int) -> int:
    """Return the size of the blocks."""
    chunk = 512
    if owner(q).name == "numpy":
        while chunk > 64 and heads * chunk * chunk > _CACHED:
            chunk //= 2
    return chunk


def _check(q: Any, k: Any, v: Any, window: Any, dropout: Any, key: Any, chunk: Any) -> None:
    for what, x in (("q", q), ("k", k), ("v", v)):
        check_array(_NAME, x, what)
    shapes: list[tuple[int, ...]] = [tuple(x.shape) for x in (q, k, v)]
    a, b, c = shapes
    fits = min(map(len, shapes)) >= 3 and a[:-3] == b[:-3] == c[:-3]
    if not fits or b[-3:-1] != c[-3:-1] or a[-1] != b[-1] or not b[-2] or a[-2] % b[-2]:
        raise ShapeError(
            f"{_NAME} got shapes that do not fit.",
            found=f"q {a}, k {b}, v {c}",
            needed="q (..., queries, heads, features), k (..., keys, kv_heads, features), "
            "v (..., keys, kv_heads, out_features), where kv_heads divides heads",
        )
    if kind(q.dtype) != "f" or q.dtype != k.dtype or q.dtype != v.dtype:
        raise DtypeError(
            f"{_NAME} takes floating-point arrays of one data type.",
            found=f"q {q.dtype}, k {k.dtype}, v {v.dtype}",
            needed="the same data type, such as float32",
            write="xp.astype(k, q.dtype)",
        )
    for name, n in (("window", window), ("chunk", chunk)):
        if n is not None and (n.__class__ is not int or n < 1):
            raise ParameterError(
                f"{_NAME} got a bad {name}.", found=f"{name}={n!r}", needed="a positive integer, or None"
            )
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ParameterError(
            f"{_NAME} takes the share of weights to drop.", found=repr(dropout), needed="a number from 0 to below 1"
        )
    if dropout and key is None:
        raise ParameterError(
            f"{_NAME} needs a random key for dropout.",
            found=f"dropout={dropout} and key=None",
            needed="a key, a new one for every step",
            write="key=random.fold_in(key, step)",
        )
