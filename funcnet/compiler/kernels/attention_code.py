"""The sources of attention and of its derivative, head by head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels import tile
from funcnet.compiler.kernels.attention_problem import BAND, limit
from funcnet.compiler.kernels.special import type_of

if TYPE_CHECKING:
    from funcnet.compiler.kernels.attention_problem import Problem

__all__ = ["source"]

#: Terms of a sum that is taken at once.
_TERMS = 512


def source(p: Problem, *, backward: bool) -> str:
    """Write the function of units ``lo`` to ``hi``."""
    typed = type_of(p.dtype)
    extras = [f"e{i}" for i in range(len(p.extras))]
    after = ["g", "top", "share", "dq", "dk", "dv"] if backward else ["o", "top", "share"]
    names = ["q", "k", "v", *extras, *after]
    lines = [
        f"def loop(lo, hi, part, {', '.join(names)}, meta, numbers, places, spans, work):",
        "    n, m, d, e, strip, line = meta[0], meta[1], meta[2], meta[3], meta[4], meta[5]",
        *[f"    z{i} = {typed}(numbers[{i + 1}])" for i in range(len(p.steps))],
        *[f"    {name}_row = meta[{6 + i}]" for i, name in enumerate(names)],
        "    w = work[part]",
        f"    base = address(work) + part * work.shape[1] * {np.dtype(p.dtype).itemsize}",
        "    vs = line * d",
        "    ss = vs + line * e",
        "    ds = ss + strip * line",
        f"    bands = (n + {BAND - 1}) // {BAND}",
        "    for u in range(lo, hi):",
        *[f"        {name}_at = places[u, {i}]" for i, name in enumerate(names)],
        *[
            f"        {name}_in = address({name}) + {name}_at"
            for name in names
            if name not in (*extras, "top", "share")
        ],
    ]
    lines += [8 * " " + text for text in _packed(p, typed, backward)]
    lines += [8 * " " + text for text in (_backward(p, typed) if backward else _forward(p, typed))]
    return "\n".join([*lines, ""])


def _packed(p: Problem, typed: str, backward: bool) -> list[str]:
    """Write how keys and values are laid out for tiles, and whether the numbers allow to leave blocks out."""
    size, panel = np.dtype(p.dtype).itemsize, tile.shape(p.dtype).columns
    lines = [
        f"for j in range(0, m, {panel}):",
        f"    turn_{typed}(min({panel}, m - j), d, k_in + j * k_row, k_row, base + j * d * {size}, {panel * size})",
    ]
    if backward:
        lines += [
            f"    turn_{typed}(min({panel}, m - j), e, v_in + j * v_row, v_row, "
            f"base + (vs + j * e) * {size}, {panel * size})"
        ]
    else:
        lines += [
            "for j in range(m):",
            f"    vj = v[(v_at + j * v_row) // {size} :]",
            "    wj = w[vs + j * e : vs + j * e + e]",
            "    for c in range(e):",
            "        wj[c] = vj[c]",
        ]
    lines.append("sparse = False")
    if limit(p)[1] <= 0:
        return lines
    checked = [("q", "n", "d"), ("k", "m", "d"), ("v", "m", "e"), *[("g", "n", "e")] * backward]
    for name, count, width in checked:
        lines += [
            f"{name}_norm = {typed}(0)",
            "finite = True",
            f"for i in range({count}):",
            f"    s = square_sum({name}[({name}_at + i * {name}_row) // {size} : ][:{width}])",
            # Neither NaN nor infinity is less.
            f"    finite = finite and s < {typed}({1e30 if typed == 'f4' else 1e200})",
            f"    {name}_norm = s if s > {name}_norm else {name}_norm",
            f"{name}_finite = finite",
        ]
    every = " and ".join([f"{name}_finite" for name, _, _ in checked])
    lines.append(f"sparse = {every} and f8(q_norm) * f8(k_norm) < numbers[0]")
    return lines


def _chain(p: Problem, typed: str) -> list[str]:
    """Write what is done to the score ``x`` in column ``j``."""
    lines = []
    for i, step in enumerate(p.steps):
        where = "[j]" if step.extra < 0 or p.extras[step.extra][-1] != 1 else "[0]"
        if step.kind == "scale":
            lines.append(f"x = {typed}(x * z{i})")
        elif step.kind == "divide":
            lines.append(f"x = {typed}(x / z{i})")
        elif step.kind == "add":
            lines.append(f"x = {typed}(x + r{step.extra}{where})")
        else:
            lines.append(f"x = x if r{step.extra}{where} else z{i}")
    return lines


def _chain_back(p: Problem, typed: str) -> list[str]:
    """Write what is done to the cotangent ``x`` in column ``j``."""
    lines = []
    for i, step in reversed(list(enumerate(p.steps))):
        where = "[j]" if step.extra < 0 or p.extras[step.extra][-1] != 1 else "[0]"
        if step.kind == "scale":
            lines.append(f"x = {typed}(x * z{i})")
        elif step.kind == "divide":
            lines.append(f"x = {typed}(x / z{i})")
        elif step.kind == "where":
            lines.append(f"x = x if r{step.extra}{where} else {typed}(0)")
    return lines


def _scores(p: Problem, typed: str, first: str) -> list[str]:
    """Write the products of queries ``i0`` to ``i1`` with keys ``c0`` to ``c1``, the first row number ``first``."""
    size, panel = np.dtype(p.dtype).itemsize, tile.shape(p.dtype).columns
    return [
        f"for j in range(c0 - c0 % {panel}, c1, {panel}):",
        f"    tile_{typed}(i1 - i0, min({panel}, m - j), 1, d, q_in + i0 * q_row, q_row, 0, {size}, "
        f"base + j * d * {size}, 0, {panel * size}, base + (ss + {first} * line + j) * {size}, line * {size}, 0, 0, 0)",
    ]


def _rows_of_extras(p: Problem) -> list[str]:
    return [
        f"r{i} = e{i}[e{i}_at + i * e{i}_row{' + c0' if shape[-1] != 1 else ''} :]" for i, shape in enumerate(p.extras)
    ]


def _indented(lines: list[str], depth: int = 1) -> list[str]:
    return [4 * depth * " " + line for line in lines]


def _exp(p: Problem, x: str) -> str:
    return f"exp32({x})" if p.dtype == "float32" else f"exp64({x})"


def _forward(p: Problem, typed: str) -> list[str]:
    size = np.dtype(p.dtype).itemsize
    rows = [
        "row = w[ss + (i - i0) * line + c0 : ss + (i - i0) * line + c1]",
        *_rows_of_extras(p),
        f"most = {typed}(-np.inf)",
        "for j in range(c1 - c0):",
        "    x = row[j]",
        *_indented(_chain(p, typed)),
        "    row[j] = x",
        # NaN among the scores makes the sum NaN.
        "    most = larger(x, most)",
        *_infinite(typed),
        f"level = {typed}(0) if abs(most) == {typed}(np.inf) else most",
        f"total = {typed}(0)",
        "for j in range(c1 - c0):",
        f"    x = {_exp(p, f'{typed}(row[j] - level)')}",
        "    row[j] = x",
        "    total = joined(total, x)",
        f"part_of = {typed}(1) if total == {typed}(0) else {typed}({typed}(1) / total)",
        "for j in range(c1 - c0):",
        f"    row[j] = {typed}(row[j] * part_of)",
        "top[top_at + i] = most",
        "share[share_at + i] = part_of",
    ]
    return [
        "for b in range(bands):",
        f"    i0 = b * {BAND}",
        f"    i1 = min(i0 + {BAND}, n)",
        "    c0, c1 = 0, m",
        "    if sparse:",
        "        c0, c1 = spans[b, 0], spans[b, 1]",
        *_indented(_scores(p, typed, "0")),
        "    for i in range(i0, i1):",
        *_indented(rows, 2),
        f"    for c in range(c0, max(c1, c0 + 1), {_TERMS}):",
        "        after = o_in + i0 * o_row if c > c0 else 0",
        f"        tile_{typed}(i1 - i0, e, 1, min({_TERMS}, c1 - c), base + (ss + c) * {size}, line * {size}, 0, "
        f"{size}, base + (vs + c * e) * {size}, 0, e * {size}, o_in + i0 * o_row, o_row, after, o_row, 0)",
    ]


def _infinite(typed: str) -> list[str]:
    """Write that infinite scores share what there is, as in the limit."""
    return [
        f"if most == {typed}(np.inf):",
        "    for j in range(c1 - c0):",
        "        x = row[j]",
        f"        row[j] = {typed}(0) if x == {typed}(np.inf) else ({typed}(-np.inf) if x == x else x)",
    ]


def _backward(p: Problem, typed: str) -> list[str]:
    size, panel = np.dtype(p.dtype).itemsize, tile.shape(p.dtype).columns
    rows = [
        "row = w[ss + (i - s0) * line + c0 : ss + (i - s0) * line + c1]",
        "slope = w[ds + (i - s0) * line + c0 : ds + (i - s0) * line + c1]",
        *_rows_of_extras(p),
        "most = top[top_at + i]",
        "part_of = share[share_at + i]",
        f"level = {typed}(0) if abs(most) == {typed}(np.inf) else most",
        f"if most == {typed}(np.inf):",
        "    for j in range(c1 - c0):",
        "        x = row[j]",
        *_indented(_chain(p, typed), 2),
        "        row[j] = x",
        *_indented(_infinite(typed)),
        "    for j in range(c1 - c0):",
        f"        row[j] = {typed}({_exp(p, 'row[j]')} * part_of)",
        "else:",
        "    for j in range(c1 - c0):",
        "        x = row[j]",
        *_indented(_chain(p, typed), 2),
        f"        row[j] = {typed}({_exp(p, f'{typed}(x - level)')} * part_of)",
        f"delta = {typed}(product_sum(row, slope))",
        "for j in range(c1 - c0):",
        f"    x = {typed}(row[j] * {typed}(slope[j] - delta))",
        *_indented(_chain_back(p, typed)),
        "    slope[j] = x",
        "if sparse:",
        # Products over queries read these columns, too.
        "    for at in (ss, ds):",
        f"        w[at + (i - s0) * line : at + (i - s0) * line + c0] = {typed}(0)",
        f"        w[at + (i - s0) * line + c1 : at + (i - s0) * line + m] = {typed}(0)",
    ]

    def over_keys(left: str, right: str, out: str, width: str) -> list[str]:
        place = f"{out}_in + j0 * {out}_row"
        return [
            f"for c in range(r0, max(r1, r0 + 1), {_TERMS}):",
            f"    after = {place} if s0 > 0 or c > r0 else 0",
            f"    tile_{typed}(j1 - j0, {width}, 1, min({_TERMS}, r1 - c), "
            f"base + ({left} + (c - s0) * line + j0) * {size}, {size}, 0, line * {size}, "
            f"{right}_in + c * {right}_row, 0, {right}_row, {place}, {out}_row, after, {out}_row, 0)",
        ]

    return [
        "for s0 in range(0, n, strip):",
        "    s1 = min(s0 + strip, n)",
        f"    for i0 in range(s0, s1, {BAND}):",
        f"        i1 = min(i0 + {BAND}, s1)",
        "        c0, c1 = 0, m",
        "        if sparse:",
        f"            c0, c1 = spans[i0 // {BAND}, 0], spans[i0 // {BAND}, 1]",
        *_indented(_scores(p, typed, "(i0 - s0)"), 2),
        f"        for j in range(c0 - c0 % {panel}, c1, {panel}):",
        f"            tile_{typed}(i1 - i0, min({panel}, m - j), 1, e, g_in + i0 * g_row, g_row, 0, {size}, "
        f"base + (vs + j * e) * {size}, 0, {panel * size}, "
        f"base + (ds + (i0 - s0) * line + j) * {size}, line * {size}, 0, 0, 0)",
        "        for i in range(i0, i1):",
        *_indented(rows, 3),
        f"        for c in range(c0, max(c1, c0 + 1), {_TERMS}):",
        "            after = dq_in + i0 * dq_row if c > c0 else 0",
        f"            tile_{typed}(i1 - i0, d, 1, min({_TERMS}, c1 - c), base + (ds + (i0 - s0) * line + c) * {size}, "
        f"line * {size}, 0, {size}, k_in + c * k_row, 0, k_row, dq_in + i0 * dq_row, dq_row, after, dq_row, 0)",
        f"    for j0 in range(0, m, {BAND}):",
        f"        j1 = min(j0 + {BAND}, m)",
        "        r0, r1 = s0, s1",
        "        if sparse:",
        f"            r0 = max(s0, spans[bands + j0 // {BAND}, 0])",
        f"            r1 = max(r0, min(s1, spans[bands + j0 // {BAND}, 1]))",
        *_indented(over_keys("ss", "g", "dv", "e"), 2),
        *_indented(over_keys("ds", "q", "dk", "d"), 2),
    ]
