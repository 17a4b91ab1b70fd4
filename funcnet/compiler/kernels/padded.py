"""Arrays that are added to slices of another, as derivatives of slices are: in one go through the result."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels.special import Of, Special, Step, Steps
from funcnet.compiler.loops.windows import part_of, ranges_of

if TYPE_CHECKING:
    from funcnet.compiler.kernels.special import Compile

__all__ = ["only_zeros", "padded"]

_BEGIN = """def loop(lo, hi, part, {arguments}, y):
    n = y.shape[1]
    for r in range(lo, hi):
        u = y[r]
        for j in range(n):
            u[j] = {first}
"""
_TERM = """        q{i} = r % whole{i} - first{i}
        if q{i} >= 0 and q{i} < turn{i}:
            v{i} = a{i}[r // whole{i} * turn{i} + q{i}]
            w{i} = u[start{i} : start{i} + v{i}.shape[0]]
            for j in range(v{i}.shape[0]):
                w{i}[j] += v{i}[j]
"""
#: Terms of one kernel at most, and elements that a thread has to have.
_TERMS, _PARALLEL = 16, 50_000


class _Sum(NamedTuple):
    """What an array is the sum of: another, and terms at slices of it."""

    base: Value
    terms: tuple[tuple[Any, Value], ...]
    equations: tuple[Equation, ...]


def padded(graph: Graph) -> Graph:
    """Return a graph in which one kernel adds whatever is added to slices of one array."""
    users = graph.users()
    held = set(graph.outputs)
    sums: dict[Value, _Sum] = {}
    for e in graph.equations:
        term = _term(e)
        if term is None:
            continue
        base, out = e.inputs[0], e.outputs[0]
        before = sums.get(base)
        alone = base not in held and len(users.get(base, ())) == 1
        new = _Sum(base, (term,), (e,))
        if before is not None and alone and len(before.terms) < _TERMS:
            joint = _Sum(before.base, (*before.terms, term), (*before.equations, e))
            if _splits(joint, out.shape):
                del sums[base]
                new = joint
        if _splits(new, out.shape):
            sums[out] = new
    if not sums:
        return graph
    gone = {e for s in sums.values() for e in s.equations}
    kept: list[Equation] = []
    for e in graph.equations:
        found = sums.get(e.outputs[0]) if e in gone else None
        if found is not None:
            empty = only_zeros(graph.constants.get(found.base))
            values = [v for _, v in found.terms]
            inputs = tuple(values if empty else [found.base, *values])
            kernel: Any = _special(found, e.outputs[0], empty)
            kept.append(Equation(kernel, inputs, {}, e.outputs, e.line, e.again))
        elif e not in gone:
            kept.append(e)
    return graph.with_equations(kept)


def only_zeros(constant: Any) -> bool:
    """Whether a constant consists of zeros, all of them positive."""
    if not isinstance(constant, np.ndarray) or constant.dtype.kind != "f":
        return False
    return not constant.any() and not np.signbit(constant).any()


def _term(e: Equation) -> tuple[Any, Value] | None:
    """Return where an equation adds what."""
    if e.primitive.name != "index_add" or len(e.inputs) != 2 or any([v.__class__ is not Value for v in e.inputs]):
        return None
    x, v = e.values
    (out,) = e.outputs
    if str(out.dtype) not in ("float32", "float64") or not x.dtype == v.dtype == out.dtype or not out.shape:
        return None
    ranges = ranges_of(e.params["key"], out.shape)
    if ranges is None or v.shape != tuple([b - a for a, b in ranges]) or 0 in v.shape:
        return None
    return ranges, v


def _splits(s: _Sum, shape: tuple[int, ...]) -> list[int]:
    """Return how many dimensions may be rows."""
    return [k for k in range(len(shape)) if all([part_of(ranges, shape, k) is not None for ranges, _ in s.terms])]


def _special(s: _Sum, out: Value, empty: bool) -> Special:
    shape, dtype = out.shape, str(out.dtype)
    splits = _splits(s, shape)

    def build(compile: Compile, threads: int) -> Steps:
        parts = max(1, min(threads, prod(shape) * (1 + len(s.terms)) // _PARALLEL))
        # Long rows are best, but threads divide rows among them.
        k = splits[0] if parts == 1 else splits[-1]
        rows, columns = prod(shape[:k]), prod(shape[k:])
        parts = min(parts, rows)
        matrix = f"{dtype}[:,::1]"
        names, types, given = [], [], []
        if not empty:
            names, types, given = ["x"], [matrix], [Of(0, (rows, columns))]
        source = _BEGIN
        for i, (ranges, v) in enumerate(s.terms):
            window = part_of(ranges, shape, k)
            assert window is not None
            names += [f"{name}{i}" for name in ("a", "turn", "whole", "first", "start")]
            types += [matrix, *["int64"] * 4]
            place = Of(len(given) // 5 + (not empty), (prod(v.shape[:k]), prod(v.shape[k:])))
            given += [place, window.turn, window.whole, window.first, window.start]
            source += _TERM.replace("{i}", str(i))
        source = source.format(arguments=", ".join(names), first="0" if empty else "x[r, j]")
        loop = compile(source, f"void(int64, int64, int64, {', '.join([*types, matrix])})")
        bounds = tuple([rows * i // parts for i in range(parts + 1)])
        given.append(Of(len(s.terms) + (not empty), (rows, columns)))
        return Steps([Step(loop, bounds, given)])

    return Special("index_add, slices", build)
