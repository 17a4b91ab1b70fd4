r"""Attention of one head at a time, whose scores never leave the cache, and its derivative.

A band of queries is taken to all keys at once: a product of tiles gives its scores, loops over rows make probabilities
of them in place, and another product of tiles averages the values. The derivative makes the probabilities again, to the
bit, from the largest score and the sum of each row, which are all that is kept: with :math:`X = f(Q K^T)`,
:math:`P = \mathrm{softmax}(X)` and the cotangent G of :math:`P V`,

.. math:: \bar V = P^T G, \quad \bar X = P \circ (G V^T - \delta), \quad \delta_i = \sum_j P_{ij} (G V^T)_{ij},
    \quad \bar Q = \bar S K, \quad \bar K = \bar S^T Q.

A mask that is known beforehand leaves blocks out whose probabilities are exactly 0. Whether they are depends on the
numbers too: each head is looked at first, and computed whole if its products could outweigh the mask, or if anything is
not finite.
"""

from __future__ import annotations

from math import inf, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.kernels import tile
from funcnet.compiler.kernels.special import Of, Special, type_of
from funcnet.compiler.kernels.special import Step as Call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Compile = Callable[[str, str], Callable[..., None]]
    #: Shape and strides of each array.
    Layouts = Sequence[tuple[tuple[int, ...], tuple[int, ...]]]

__all__ = ["Problem", "Step", "attention", "slopes"]

#: Queries that are computed together, and keys.
BAND = 16
#: Terms of a sum that is taken at once.
_TERMS = 512
#: Bytes of probabilities and their cotangents that the derivative keeps at a time: half of a cache of the second level.
_CACHED = 1 << 19
#: Products below which a second thread costs more than it saves.
_PARALLEL = 200_000
#: What a mask has to take from a score to count as hiding it.
_HIDDEN = 1e4


class Step(NamedTuple):
    """What is done to scores before the softmax: ``kind`` is scale, divide, add or where."""

    kind: str
    #: The factor, or what is written where the condition does not hold.
    number: float
    #: Which of the further inputs is added, or is the condition; -1 for none.
    extra: int


class Problem(NamedTuple):
    """Attention of one shape.

    ``lead`` are the dimensions before (queries, keys), which all arrays broadcast to, and ``extras`` the shapes of the
    arrays that steps name. ``hides`` is what a constant mask takes from each score, of shape (queries, keys), or None.
    """

    dtype: str
    lead: tuple[int, ...]
    queries: int
    keys: int
    features: int
    out_features: int
    steps: tuple[Step, ...]
    extras: tuple[tuple[int, ...], ...]
    conditions: tuple[bool, ...]
    hides: Any

    @property
    def units(self) -> int:
        """The number of heads, over all examples."""
        return prod(self.lead)

    @property
    def work(self) -> int:
        """The number of products."""
        return self.units * self.queries * self.keys * (self.features + self.out_features)


def attention(problem: Problem) -> Special:
    """Return the kernel of (q, k, v, *extras), whose results are the attention, the largest scores and the shares."""

    def build(compile: Compile, threads: int, layouts: Layouts) -> Call:
        return _built(problem, _forward_source(problem), compile, threads, layouts, backward=False)

    return Special("attention, head by head", build, strided=True)


def slopes(problem: Problem) -> Special:
    """Return the kernel of (q, k, v, *extras, g, largest scores, shares), whose results are the cotangents."""

    def build(compile: Compile, threads: int, layouts: Layouts) -> Call:
        return _built(problem, _backward_source(problem), compile, threads, layouts, backward=True)

    return Special("attention's slopes, head by head", build, strided=True)


# ---------------------------------------------------------------------- numbers that the loop gets


def _built(problem: Problem, source: str, compile: Compile, threads: int, layouts: Layouts, *, backward: bool) -> Call:
    p = problem
    size = np.dtype(p.dtype).itemsize
    number = f"{p.dtype}[::1]"
    kinds = ["boolean[::1]" if c else number for c in p.conditions]
    after = [number] * (6 if backward else 3)
    further = ["int64[::1]", "float64[::1]", "int64[:,::1]", "int64[:,::1]", f"{p.dtype}[:,::1]"]
    types = [number, number, number, *kinds, *after, *further]
    loop = compile(source, f"void(int64, int64, int64, {', '.join(types)})")
    places = np.empty((p.units, len(layouts)), np.int64)
    rows = []
    for i, (shape, strides) in enumerate(layouts):
        steps = [0 if n == 1 else s for n, s in zip(shape, strides, strict=True)]
        steps = [0] * (len(p.lead) + 2 - len(steps)) + steps
        places[:, i] = _places(p.lead, steps[:-2])
        rows.append(steps[-2])
    # Arrays that are indexed count in elements, those whose address is taken in bytes.
    for i in range(3, 3 + len(p.extras)):
        unit = 1 if p.conditions[i - 3] else size
        places[:, i] //= unit
        rows[i] //= unit
    for i in (4, 5):
        places[:, len(p.extras) + i] //= size
    panel = tile.shape(p.dtype).columns
    # An odd number of lines of the cache, so that a column does not fall onto few of its sets.
    line = -(-p.keys // panel) * panel + 64 // size
    strip = p.queries
    if backward:
        strip = max(BAND, min(p.queries, _CACHED // (2 * line * size)) // BAND * BAND)
        strip = min(strip, p.queries)
    spans = _spans(p)
    # Transposed keys and values by panels, then scores, then their cotangents.
    kt = line * p.features
    vt = line * p.out_features
    scores = (2 * strip if backward else BAND) * line
    width = -(-(kt + vt + scores) // 16) * 16
    meta = np.array([p.queries, p.keys, p.features, p.out_features, strip, line, *rows], np.int64)
    parts = max(1, min(threads, p.units)) if p.work > _PARALLEL else 1
    # Vectors lie in one line of the cache each.
    memory = np.empty(parts * width + 64 // size, p.dtype)
    shift = -memory.ctypes.data % 64 // size
    work = memory[shift : shift + parts * width].reshape(parts, width)
    bounds = tuple([p.units * i // parts for i in range(parts + 1)])
    numbers = np.array([_most(p), *[step.number for step in p.steps]])
    given = [Of(i, ()) for i in range(len(layouts))]
    return Call(loop, bounds, (*given, meta, numbers, places, spans, work))


def _places(lead: tuple[int, ...], steps: Sequence[int]) -> np.ndarray:
    """Return where the matrices of a stack begin, in bytes."""
    found = np.zeros((), np.int64)
    for n, s in zip(lead, steps, strict=True):
        found = found[..., None] + np.arange(n, dtype=np.int64) * s
    return found.reshape(-1)


def _limit(p: Problem) -> tuple[np.ndarray, float]:
    """Return which scores a mask leaves, and how large scores may be so that the others have probability 0."""
    hides = p.hides
    if hides is None or not hides.size:
        return np.ones((p.queries, p.keys), bool), 0.0
    with np.errstate(invalid="ignore"):
        below = np.max(hides, axis=-1, keepdims=True) - hides
    # A row of which everything is hidden has to be computed.
    below = np.where(np.isnan(below), 0.0, below)
    hidden = below >= _HIDDEN
    if not np.any(hidden):
        return ~hidden, 0.0
    # Exponentials below that of -104 are 0 in single precision, below that of -746 in double precision.
    return ~hidden, float((np.min(below[hidden]) - 800.0) / 2)


def _most(p: Problem) -> float:
    """Return the largest product of squared norms of queries and keys at which the mask decides; 0 without one."""
    limit = _limit(p)[1]
    if limit <= 0 or limit == inf:
        return 1e300 if limit > 0 else 0.0
    scale = 1.0
    for step in p.steps:
        scale *= step.number if step.kind == "scale" else 1 / step.number if step.kind == "divide" else 1
    # A score is at most the product of the norms.
    return (limit / max(abs(scale), 1e-30)) ** 2


def _spans(p: Problem) -> np.ndarray:
    """Return the keys that each band of queries sees, and the queries that see each band of keys."""
    seen, _ = _limit(p)
    rows, columns = -(-p.queries // BAND), -(-p.keys // BAND)
    spans = np.zeros((rows + columns, 2), np.int64)
    # By whole bands of keys, so that both agree on what is computed.
    blocks = np.zeros((rows, columns), bool)
    for i in range(rows):
        band = np.any(seen[i * BAND : (i + 1) * BAND], axis=0)
        for j in range(columns):
            blocks[i, j] = np.any(band[j * BAND : (j + 1) * BAND])
        found = np.flatnonzero(blocks[i])
        if found.size:
            blocks[i, found[0] : found[-1] + 1] = True
            spans[i] = found[0] * BAND, min((found[-1] + 1) * BAND, p.keys)
    for j in range(columns):
        found = np.flatnonzero(blocks[:, j])
        if found.size:
            spans[rows + j] = found[0] * BAND, min((found[-1] + 1) * BAND, p.queries)
    return spans


# ---------------------------------------------------------------------- sources


def _forward_source(p: Problem) -> str:
    return _source(p, backward=False)


def _backward_source(p: Problem) -> str:
    return _source(p, backward=True)


def _source(p: Problem, *, backward: bool) -> str:
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
    if _limit(p)[1] <= 0:
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
