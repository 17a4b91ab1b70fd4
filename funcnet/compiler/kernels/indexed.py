"""Elements and rows that index arrays name along neighbouring axes: taken, and added where they came from.

An array is a stack of tables here, whose rows the indices name: the rows of a matrix as the embeddings of tokens,
columns, which are rows of one element, or single elements, where there is an index array for each axis. Where rows are
taken to be added up at once, as in a bag of words, nobody writes them, and nobody repeats the row that all of them get
in the derivative.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.kernels.block import registers, spec
from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.graph import Equation, Value
    from funcnet.compiler.kernels.special import Compile

__all__ = ["inside", "rows_added", "rows_summed", "rows_taken", "same_rows"]

_SIZES = {"float32": 4, "float64": 8}
_INDICES = frozenset(["int32", "int64"])
#: Elements that a thread has to have, and vectors of a row that are in registers at a time.
_PARALLEL, _VECTORS = 50_000, 8
_FULL = (None, None, None)
#: What is done with rows that are taken; others are added, to zeros or to what is there.
_TAKING = ("gather", "sum", "mean")


class _Tables(NamedTuple):
    """A stack of tables.

    Attributes
    ----------
    count : int
        How many tables there are.
    sizes : tuple of int
        The axes that are indexed, whose places together are the rows of a table.
    picks : int
        How many rows are named.
    width : int
        The elements of a row.
    """

    count: int
    sizes: tuple[int, ...]
    picks: int
    width: int

    @property
    def rows(self) -> int:
        return prod(self.sizes)


def rows_taken(e: Equation) -> Special | None:
    """Return the kernel of a `gather` from neighbouring axes, None where it does not apply."""
    x, *places = e.values
    if any([v.__class__ is not type(x) for v in e.inputs]):
        return None
    t = _tables(e, x, places)
    if t is None or str(e.outputs[0].dtype) != str(x.dtype) or prod(e.outputs[0].shape) != t.count * t.picks * t.width:
        return None
    return _special(e, t, str(x.dtype), [str(v.dtype) for v in places], "gather")


def rows_summed(e: Equation, after: Equation) -> Special | None:
    """Return the kernel of a `gather` and of the sum or mean of neighbouring rows of it, None if it has none."""
    if after.primitive.name not in ("sum", "mean") or after.params.get("dtype") is not None:
        return None
    x, *places = e.values
    if any([v.__class__ is not type(x) for v in e.inputs]):
        return None
    t = _tables(e, x, places)
    (taken,), axis = e.outputs, after.params["axis"]
    if t is None or t.count != 1 or t.width == 1 or not x.dtype == taken.dtype == after.outputs[0].dtype:
        return None
    n, shape = len(places[0].shape), taken.shape
    axes = tuple(sorted([k % len(shape) for k in ((axis,) if isinstance(axis, int) else axis or range(len(shape)))]))
    # The last axes of the indices.
    if axes != tuple(range(axes[0], n)) or axes[0] == 0:
        return None
    mode = "sum" if after.primitive.name == "sum" else "mean"
    return _special(e, t, str(x.dtype), [str(v.dtype) for v in places], mode, prod(shape[axes[0] : n]))


def rows_added(e: Equation, empty: bool, each: int = 1) -> Special | None:
    """Return the kernel of an `index_add`; rows that are named more than once get all that is theirs.

    It is not given an `empty` array, whose elements are 0, and one of `each` rows that are the same.
    """
    if len(e.values) != len(e.inputs) or len(e.values) < 3:
        return None
    x, v, *places = e.values
    t = _tables(e, x, places)
    if t is None or not v.dtype == x.dtype == e.outputs[0].dtype:
        return None
    axis = e.params["key"].index("array")
    if v.shape != (*x.shape[:axis], *places[0].shape, *x.shape[axis + len(places) :]):
        return None
    if each > 1 and (t.count != 1 or t.width == 1):
        return None
    return _special(e, t, str(x.dtype), [str(v.dtype) for v in places], "empty" if empty else "add", each)


def same_rows(e: Equation, repeated: Equation) -> int:
    """Return how many neighbouring rows that an `index_add` adds are one row before a `broadcast_to`, 0 if none are."""
    (v,), (out,) = repeated.values, repeated.outputs
    if len(e.inputs) < 3 or e.inputs[1] is not out or len(v.shape) != len(out.shape):
        return 0
    n = len(e.values[-1].shape)
    k = next((k for k, (a, b) in enumerate(zip(v.shape, out.shape, strict=True)) if a != b), n)
    whole = v.shape[:n] == (*out.shape[:k], *(1,) * (n - k)) and v.shape[n:] == out.shape[n:]
    return prod(out.shape[k:n]) if whole and k < n and e.params["key"][0] == "array" else 0


def _tables(e: Equation, x: Value, places: Sequence[Value]) -> _Tables | None:
    """Return what a key of index arrays at neighbouring axes, and of nothing else, makes of an array."""
    key = e.params["key"]
    if not places or str(x.dtype) not in _SIZES or len(key) > len(x.shape):
        return None
    axis = next((k for k, part in enumerate(key) if part.__class__ is str), 0)
    stop = axis + len(places)
    if key[axis:stop] != ("array",) * len(places) or any([part != _FULL for part in (*key[:axis], *key[stop:])]):
        return None
    if any([str(v.dtype) not in _INDICES or v.shape != places[0].shape for v in places]):
        return None
    t = _Tables(prod(x.shape[:axis]), x.shape[axis:stop], prod(places[0].shape), prod(x.shape[stop:]))
    return t if t.count * t.rows * t.picks * t.width else None


def _special(e: Equation, t: _Tables, dtype: str, kinds: list[str], mode: str, each: int = 1) -> Special:
    taking = mode in _TAKING
    large, moved = t.count * t.rows * t.width, t.count * t.picks * t.width
    small = moved // each
    # In the order of the kernel's arrays: what is given, the index arrays, the result.
    first = [large] if taking else [small] if mode == "empty" else [large, small]
    shapes = [*first, *[t.picks] * len(kinds), small if taking else large]
    axis = e.params["key"].index("array")

    def build(compile: Compile, threads: int) -> Steps:
        parts = max(1, min(threads, (large * (mode == "add") + moved) // _PARALLEL))
        writer = _Writer(t, _SIZES[dtype], mode, each)
        if parts == 1 or t.count >= parts:
            share, units = "tables", t.count
        else:
            share, units = ("picks", t.picks // each) if taking else ("panels", writer.panels)
        parts = min(parts, units)
        bounds = tuple([units * i // parts * (each if share == "picks" else 1) for i in range(parts + 1)])
        vector = f"{dtype}[::1]"
        types = [
            *[vector] * len(first),
            *[f"{kind}[::1]" for kind in kinds],
            vector,
            "int64[:,::1]",
            *["int64"] * (2 + len(kinds)),
        ]
        loop = compile(writer.source(share), f"void(int64, int64, int64, {', '.join(types)})")
        bad = np.zeros((parts, 3), np.int64)
        given = [Of(i, (n,)) for i, n in enumerate(shapes)]
        return Steps([Step(loop, bounds, [*given, bad, t.count, t.picks, *t.sizes])], inside(bad, axis, t.sizes))

    name = f"{mode} of rows" if mode in ("sum", "mean") else f"{e.primitive.name}, row by row"
    return Special(name, build, zeroed=mode in ("empty", "sum", "mean"))


def inside(bad: np.ndarray, axis: int, sizes: tuple[int, ...]) -> Callable[[], None]:
    """Return what raises if there were wrong indices.

    Parameters
    ----------
    bad : ndarray
        For each part of the work how many there were, the last of them, and which index array it is from.
    axis : int
        The first axis that is indexed.
    sizes : tuple of int
        How many places each axis has.
    """
    words: Any = bad.reshape(-1)
    found = memoryview(words)

    def check() -> None:
        if any(found):
            _, index, which = next(row for row in bad.tolist() if row[0])
            raise IndexError(f"index {index} is out of bounds for axis {axis + which} with size {sizes[which]}")

    return check


class _Writer:
    """Writes the source of a kernel."""

    def __init__(self, t: _Tables, size: int, mode: str, each: int) -> None:
        self.t, self.size, self.mode, self.each = t, size, mode, each
        whole = registers().bytes // size
        # Short rows take narrow vectors.
        self.lanes = next((n for n in (2, 4, 8) if t.width <= n < whole), whole)
        self.panel = min(t.width, _VECTORS * self.lanes)
        self.panels = -(-t.width // self.panel)

    def source(self, share: str) -> str:
        """Return the source of a loop over the tables, the rows that are named, or panels of the columns."""
        t = self.t
        axes = range(len(t.sizes))
        arrays = {"add": ["x", "v"], "empty": ["v"]}.get(self.mode, ["x"])
        names = [*arrays, *[f"i{d}" for d in axes], "y", "bad", "count", "m", *[f"n{d}" for d in axes]]
        tables = "range(lo, hi)" if share == "tables" else "range(count)"
        picks = "range(lo, hi)" if share == "picks" else "range(m)"
        panels = ("lo", "hi") if share == "panels" else ("0", str(self.panels))
        lines = [f"def loop(lo, hi, part, {', '.join(names)}):", *self._tested(picks)]
        lines.append(f"    n = {' * '.join([f'n{d}' for d in axes])}")
        if t.width > 1:
            source = "x" if self.mode in _TAKING else "v"
            lines += [f"    A = address({source})", "    C = address(y)"]
        if self.mode == "add":
            lines += self._begun(share)
        lines.append(f"    for t in {tables}:")
        if t.width == 1:
            # Negative indices are Numba's business where there is one table at a time.
            large, small = ("x", "y") if self.mode == "gather" else ("y", "v")
            lines += [f"        p = {large}[t * n : (t + 1) * n]", f"        q = {small}[t * m : (t + 1) * m]"]
        lines.append(f"        for i in {picks}:")
        lines += ["            " + line for line in (*self._row(), *self._moved(*panels))]
        if self.mode == "mean":
            first, stop = ("lo", "hi") if share == "picks" else ("0", "m")
            of_all = f"range({first} // {self.each} * {t.width}, {stop} // {self.each} * {t.width})"
            lines += [f"    for j in {of_all}:", f"        y[j] = y[j] / f{self.size}({self.each})"]
        return "\n".join([*lines, ""])

    def _tested(self, picks: str) -> list[str]:
        """Return lines that note an index that is out of range, and end."""
        lines = ["    bad[part, :] = 0"]
        for d in range(len(self.t.sizes)):
            wrong = f"(i{d}[i] < -n{d}) | (i{d}[i] >= n{d})"
            lines += ["    wrong = 0", f"    for i in {picks}:", f"        wrong += {wrong}", "    if wrong:"]
            lines += [f"        for i in {picks}:", f"            if {wrong}:", "                bad[part, 0] = 1"]
            lines += [
                f"                bad[part, 1] = i{d}[i]",
                f"                bad[part, 2] = {d}",
                "        return",
            ]
        return lines

    def _begun(self, share: str) -> list[str]:
        """Return lines that copy what rows are added to."""
        w = self.t.width
        if share == "tables":
            lines = [f"    {b} = {a}[lo * n * {w} : hi * n * {w}]" for a, b in ("xp", "yq")]
            return [*lines, f"    for j in range((hi - lo) * n * {w}):", "        q[j] = p[j]"]
        lines = [f"    stop = min(hi * {self.panel}, {w})", "    for r in range(count * n):"]
        lines += [f"        {b} = {a}[r * {w} + lo * {self.panel} : r * {w} + stop]" for a, b in ("xp", "yq")]
        return [*lines, "        for j in range(q.shape[0]):", "            q[j] = p[j]"]

    def _row(self) -> list[str]:
        """Return lines that find row `k`."""
        if self.t.width == len(self.t.sizes) == 1:
            return ["k = i0[i]"]
        lines: list[str] = []
        for d in range(len(self.t.sizes)):
            name = f"k{d}" if d else "k"
            lines += [f"{name} = i8(i{d}[i])", f"{name} = {name} + n{d} if {name} < 0 else {name}"]
            if d:
                lines.append(f"k = k * n{d} + {name}")
        return lines

    def _moved(self, start: str, stop: str) -> list[str]:
        """Return lines that take or add row `k` of table `t`."""
        t = self.t
        if t.width == 1:
            return ["q[i] = p[k]" if self.mode == "gather" else "p[k] += q[i]"]
        row = t.width * self.size
        own, other = "t * n + k", "t * m + i" if self.each == 1 else f"i // {self.each}"
        source, target = (own, other) if self.mode in _TAKING else (other, own)
        lines = [f"a = A + ({source}) * {row}", f"c = C + ({target}) * {row}"]
        whole, rest = divmod(t.width, self.panel)
        if self.panels == 1:
            return [*lines, self._block(self.panel, "0")]
        step = self.panel * self.size
        if whole:
            lines += [
                f"for p in range({start}, min({stop}, {whole})):",
                "    " + self._block(self.panel, f"p * {step}"),
            ]
        if rest:
            lines += [f"if {stop} > {whole}:", "    " + self._block(rest, f"{whole * step}")]
        return lines

    def _block(self, columns: int, offset: str) -> str:
        mode = "set" if self.mode == "gather" else "add"
        text = spec(size=self.size, width=self.lanes, columns=columns, a=[0], c=[0], loops=[], mode=mode, kind="row")
        return f"block({text!r}, a + {offset}, 0, c + {offset}, 0, 0)"
