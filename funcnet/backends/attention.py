"""Attention by blocks of queries and keys, on plain arrays of any library: memory does not grow with their product.

Each block of scores is made, used and forgotten. The forward pass keeps a running maximum and a running sum of
exponentials for each query (the online softmax); the backward pass makes the probabilities again from the logarithm of
that sum. Queries have the shape ``(..., groups, queries, features)``; keys and values, which the groups share, have
``(..., keys, features)``; biases and masks have the shape of the scores, or sizes of 1 that broadcast.

T. Dao et al., "FlashAttention: fast and memory-efficient exact attention with IO-awareness", NeurIPS 2022.
M. Rabe, C. Staats, "Self-attention does not need O(n^2) memory", 2021, arXiv:2112.05682.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Rule", "Tools", "attend", "seen_by_position", "separated", "slopes", "spans", "standard"]


class Rule(NamedTuple):
    """Which keys a query sees, how scores are scaled, and the size of the blocks."""

    causal: bool
    window: int
    scale: float
    chunk: int


class Tools(NamedTuple):
    """How a library computes ``exp(x)`` and hides entries; both may write to their first argument."""

    exp: Callable[[Any], Any]
    hide: Callable[[Any, Any], Any]


def standard(xp: Any) -> Tools:
    """Return the tools in functions of the standard."""
    return Tools(xp.exp, lambda s, seen: xp.where(seen, s, xp.asarray(-inf, dtype=s.dtype, device=s.device)))


def separated(extras: tuple[Any, ...], biased: bool, masked: bool) -> tuple[Any, Any, tuple[Any, ...]]:
    """Return the bias and the mask among further arguments, None where there is none, and the rest."""
    bias = extras[0] if biased else None
    mask = extras[biased] if masked else None
    return bias, mask, extras[biased + masked :]


def spans(size: int, chunk: int) -> list[tuple[int, int]]:
    """Return where the blocks of a dimension begin and end."""
    return [(i, min(i + chunk, size)) for i in range(0, size, chunk)]


def _sees(rule: Rule, rows: tuple[int, int], columns: tuple[int, int]) -> bool | None:
    """Whether all queries of a block see all its keys; None if only some do, False if none does."""
    (i0, i1), (j0, j1) = rows, columns
    nearest, farthest = i0 - (j1 - 1), (i1 - 1) - j0
    if rule.causal and farthest < 0:
        return False
    if rule.window and (nearest >= rule.window or (not rule.causal and -farthest >= rule.window)):
        return False
    if rule.causal and nearest < 0:
        return None
    if rule.window and (farthest >= rule.window or (not rule.causal and -nearest >= rule.window)):
        return None
    return True


def seen_by_position(rule: Rule, i: Any, j: Any) -> Any:
    """Return which queries see which keys, for positions ``i`` of shape (n, 1) and ``j`` of shape (1, m)."""
    seen = j <= i if rule.causal else None
    if rule.window:
        near = i - j < rule.window
        if not rule.causal:
            near = near & (j - i < rule.window)
        seen = near if seen is None else seen & near
    return seen


class _Blocks:
    """The blocks of scores of one call."""

    __slots__ = ("bias", "kt", "mask", "rule", "shape", "tools", "xp")

    def __init__(self, xp: Any, tools: Tools, rule: Rule, q: Any, k: Any, bias: Any, mask: Any) -> None:
        self.xp = xp
        self.tools = tools
        self.rule = rule
        self.kt = xp.matrix_transpose(k)
        self.bias = bias
        self.mask = mask
        self.shape = (q.shape[-2], k.shape[-2])

    def rows(self) -> list[tuple[int, int]]:
        return spans(self.shape[0], self.rule.chunk)

    def columns(self, rows: tuple[int, int]) -> Iterator[tuple[int, tuple[int, int], bool]]:
        """Yield number and place of each block of keys that queries see, and whether all see all of it."""
        for number, columns in enumerate(spans(self.shape[1], self.rule.chunk)):
            sees = _sees(self.rule, rows, columns)
            if sees is not False:
                yield number, columns, sees is True

    def scores(self, q: Any, rows: tuple[int, int], columns: tuple[int, int], *, whole: bool) -> Any:
        """Return the scores of scaled queries, -inf where hidden."""
        *lead, groups, count, features = q.shape
        xp, (j0, j1) = self.xp, columns
        s = xp.matmul(xp.reshape(q, (*lead, groups * count, features)), self.kt[..., :, j0:j1])
        s = xp.reshape(s, (*lead, groups, count, j1 - j0))
        if self.bias is not None:
            s = s + _block(self.bias, rows, columns)
        if not whole:
            i = xp.arange(*rows, device=s.device)[:, None]
            j = xp.arange(*columns, device=s.device)[None, :]
            s = self.tools.hide(s, seen_by_position(self.rule, i, j))
        return s if self.mask is None else self.tools.hide(s, _block(self.mask, rows, columns))


def _block(x: Any, rows: tuple[int, int], columns: tuple[int, int]) -> Any:
    (i0, i1), (j0, j1) = rows, columns
    if x.shape[-2] != 1:
        x = x[..., i0:i1, :]
    return x if x.shape[-1] == 1 else x[..., j0:j1]


def attend(
    xp: Any, tools: Tools, rule: Rule, q: Any, k: Any, v: Any, bias: Any = None, mask: Any = None
) -> tuple[Any, Any]:
    """Return the attention of queries, and the logarithms of their sums of exponentials; both 0 if nothing is seen."""
    blocks = _Blocks(xp, tools, rule, q, k, bias, mask)
    *lead, groups, _, _ = q.shape
    outs, logs = [], []
    for rows in blocks.rows():
        count = rows[1] - rows[0]
        qi = q[..., rows[0] : rows[1], :] * rule.scale
        shape = (*lead, groups, count)
        peak = xp.full((*shape, 1), -inf, dtype=q.dtype, device=q.device)
        total = xp.zeros((*shape, 1), dtype=q.dtype, device=q.device)
        mean = xp.zeros((*shape, v.shape[-1]), dtype=q.dtype, device=q.device)
        for _, columns, whole in blocks.columns(rows):
            s = blocks.scores(qi, rows, columns, whole=whole)
            top = xp.maximum(peak, xp.max(s, axis=-1, keepdims=True))
            level = xp.where(top == -inf, xp.zeros_like(top), top)
            s -= level
            p = tools.exp(s)
            fade = xp.exp(peak - level)
            flat = xp.reshape(p, (*lead, groups * count, columns[1] - columns[0]))
            part = xp.matmul(flat, v[..., columns[0] : columns[1], :])
            total = total * fade + xp.sum(p, axis=-1, keepdims=True)
            mean = mean * fade + xp.reshape(part, mean.shape)
            peak = top
        seen = total != 0
        total = xp.where(seen, total, xp.ones_like(total))
        outs.append(mean / total)
        logs.append((xp.where(seen, peak, xp.zeros_like(peak)) + xp.log(total))[..., 0])
    if not outs:
        shape = (*lead, groups, 0)
        nothing = xp.zeros((*shape, v.shape[-1]), dtype=q.dtype, device=q.device)
        return nothing, xp.zeros(shape, dtype=q.dtype, device=q.device)
    return _joined(xp, outs, -2), _joined(xp, logs, -1)


def slopes(
    xp: Any,
    tools: Tools,
    rule: Rule,
    q: Any,
    k: Any,
    v: Any,
    bias: Any,
    mask: Any,
    log: Any,
    delta: Any,
    g: Any,
) -> tuple[Any, ...]:
    """Return the cotangents of queries, keys and values, and of the bias if there is one.

    ``log`` are the logarithms that `attend` returned, ``g`` is the cotangent of its attention, and ``delta`` the sum of
    the products of that cotangent with the attention of each query, less the cotangent of its logarithm.
    """
    blocks = _Blocks(xp, tools, rule, q, k, bias, mask)
    vt = xp.matrix_transpose(v)
    *lead, groups, _, _ = q.shape
    log = log[..., None]
    delta = delta[..., None]
    places = spans(k.shape[-2], rule.chunk)
    dk: list[Any] = [None] * len(places)
    dv: list[Any] = [None] * len(places)
    dq, grid = [], []
    for rows in blocks.rows():
        i = slice(*rows)
        count = rows[1] - rows[0]
        qi, gi = q[..., i, :] * rule.scale, g[..., i, :]
        q_flat = xp.reshape(qi, (*lead, groups * count, q.shape[-1]))
        g_flat = xp.reshape(gi, (*lead, groups * count, v.shape[-1]))
        total = None
        line: list[Any] = [None] * len(places)
        for number, columns, whole in blocks.columns(rows):
            j = slice(*columns)
            s = blocks.scores(qi, rows, columns, whole=whole)
            s -= log[..., i, :]
            p = tools.exp(s)
            flat = (*lead, groups * count, columns[1] - columns[0])
            ds = xp.reshape(xp.matmul(g_flat, vt[..., :, j]), p.shape)
            ds -= delta[..., i, :]
            ds *= p
            p_flat, ds_flat = xp.reshape(p, flat), xp.reshape(ds, flat)
            dv[number] = _plus(dv[number], xp.matmul(xp.matrix_transpose(p_flat), g_flat))
            dk[number] = _plus(dk[number], xp.matmul(xp.matrix_transpose(ds_flat), q_flat))
            total = _plus(total, xp.matmul(ds_flat, k[..., j, :]))
            if bias is not None:
                line[number] = _reduced(xp, ds, bias.shape)
        if total is None:
            dq.append(xp.zeros_like(qi))
        else:
            dq.append(xp.reshape(total * rule.scale, qi.shape))
        grid.append(line)
    found = [
        _joined(xp, dq, -2) if dq else xp.zeros_like(q),
        _columns(xp, dk, places, k),
        _columns(xp, dv, places, v),
    ]
    if bias is not None:
        found.append(_bias(xp, grid, blocks.rows(), places, bias))
    return tuple(found)


def _plus(total: Any, part: Any) -> Any:
    return part if total is None else total + part


def _joined(xp: Any, parts: list[Any], axis: int) -> Any:
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=axis)


def _columns(xp: Any, parts: list[Any], places: list[tuple[int, int]], like: Any) -> Any:
    """Return the blocks of keys in one array, zeros where no query saw them."""
    if not places:
        return xp.zeros_like(like)
    return _joined(
        xp,
        [xp.zeros_like(like[..., j0:j1, :]) if p is None else p for p, (j0, j1) in zip(parts, places, strict=True)],
        -2,
    )


def _reduced(xp: Any, block: Any, shape: tuple[int, ...]) -> Any:
    """Return the sum of a block over the dimensions along which a bias was broadcast."""
    axes = tuple([a for a, (n, m) in enumerate(zip(shape, block.shape, strict=True)) if n == 1 and m != 1])
    return xp.sum(block, axis=axes, keepdims=True) if axes else block


def _bias(
    xp: Any, grid: list[list[Any]], rows: list[tuple[int, int]], columns: list[tuple[int, int]], bias: Any
) -> Any:
    """Return the blocks of the bias's cotangent in one array."""
    tall, wide = bias.shape[-2] != 1, bias.shape[-1] != 1
    lines = []
    for (i0, i1), line in zip(rows, grid, strict=True):
        parts = []
        for (j0, j1), part in zip(columns, line, strict=True):
            if part is not None:
                parts.append(part)
            elif wide:
                shape = (*bias.shape[:-2], i1 - i0 if tall else 1, j1 - j0)
                parts.append(xp.zeros(shape, dtype=bias.dtype, device=bias.device))
        if parts:
            lines.append(_joined(xp, parts, -1) if wide else _added(parts))
        elif tall:
            lines.append(xp.zeros((*bias.shape[:-2], i1 - i0, 1), dtype=bias.dtype, device=bias.device))
    if not lines or 0 in bias.shape:
        return xp.zeros_like(bias)
    return _joined(xp, lines, -2) if tall else _added(lines)


def _added(parts: list[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
