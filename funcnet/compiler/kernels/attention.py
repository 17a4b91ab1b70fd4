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

from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels import tile
from funcnet.compiler.kernels.attention_code import source
from funcnet.compiler.kernels.attention_problem import BAND, most, spans_of
from funcnet.compiler.kernels.special import Of, Special
from funcnet.compiler.kernels.special import Step as Call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.kernels.attention_problem import Problem

    Compile = Callable[[str, str], Callable[..., None]]
    #: Shape and strides of each array.
    Layouts = Sequence[tuple[tuple[int, ...], tuple[int, ...]]]

__all__ = ["attention", "slopes"]

#: Bytes of probabilities and their cotangents that the derivative keeps at a time: half of a cache of the second level.
_CACHED = 1 << 19
#: Products below which a second thread costs more than it saves.
_PARALLEL = 200_000


def attention(problem: Problem) -> Special:
    """Return the kernel of (q, k, v, *extras), whose results are the attention, the largest scores and the shares."""

    def build(compile: Compile, threads: int, layouts: Layouts) -> Call:
        return _built(problem, source(problem, backward=False), compile, threads, layouts, backward=False)

    return Special("attention, head by head", build, strided=True)


def slopes(problem: Problem) -> Special:
    """Return the kernel of (q, k, v, *extras, g, largest scores, shares), whose results are the cotangents."""

    def build(compile: Compile, threads: int, layouts: Layouts) -> Call:
        return _built(problem, source(problem, backward=True), compile, threads, layouts, backward=True)

    return Special("attention's slopes, head by head", build, strided=True)


def _built(problem: Problem, text: str, compile: Compile, threads: int, layouts: Layouts, *, backward: bool) -> Call:
    p = problem
    size = np.dtype(p.dtype).itemsize
    number = f"{p.dtype}[::1]"
    kinds = ["boolean[::1]" if c else number for c in p.conditions]
    after = [number] * (6 if backward else 3)
    further = ["int64[::1]", "float64[::1]", "int64[:,::1]", "int64[:,::1]", f"{p.dtype}[:,::1]"]
    types = [number, number, number, *kinds, *after, *further]
    loop = compile(text, f"void(int64, int64, int64, {', '.join(types)})")
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
    spans = spans_of(p)
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
    numbers = np.array([most(p), *[step.number for step in p.steps]])
    given = [Of(i, ()) for i in range(len(layouts))]
    return Call(loop, bounds, (*given, meta, numbers, places, spans, work))


def _places(lead: tuple[int, ...], steps: Sequence[int]) -> np.ndarray:
    """Return where the matrices of a stack begin, in bytes."""
    found = np.zeros((), np.int64)
    for n, s in zip(lead, steps, strict=True):
        found = found[..., None] + np.arange(n, dtype=np.int64) * s
    return found.reshape(-1)
