"""The source of kernels that take all passes through some columns of a table before they go on to others.

A pass is a level: full values of a level need sums and extremes of those before. In tables of short rows, several rows
are taken as one, so that vectors are full; what belongs to the same column is added up, or compared, after the pass.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.crosswise_group import LEAST, REDUCTIONS, levels_of
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, memory_of
from funcnet.compiler.loops.emit import Emitter, uniform
from funcnet.compiler.loops.group import Group, name_of
from funcnet.compiler.loops.templates import FUNCTIONS, TEMPLATES, literal, type_name

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation, Value
    from funcnet.compiler.kernels.crosswise_group import Crosswise
    from funcnet.compiler.kernels.special import Compile

__all__ = ["special_of"]

#: Operations on elements that a thread has to have.
_PARALLEL = 200_000
#: Bytes of some columns of a table, with what is kept of them, which stay in the cache.
_CACHE = 1 << 19
#: Columns that are taken at a time at most.
_MOST = 512
#: Operations that are done again in a later pass rather than kept.
_AGAIN = 3
_NUMBA = {"f4": "float32", "f8": "float64", "i4": "int32", "i8": "int64", "b1": "boolean"}


def special_of(c: Crosswise, given: list[Value], results: list[Value]) -> Special:
    """Return the kernel."""
    arrays = [*given, *results]

    def build(compile: Compile, threads: int) -> Steps:
        writer = _Writer(c, given, results)
        source = writer.source()
        block, blocks = writer.block, writer.blocks
        units = c.count * blocks
        work = prod(c.shape) * len(c.equations)
        parts = max(1, min(threads, units, work // _PARALLEL))
        bounds = tuple([units * i // parts for i in range(parts + 1)])
        types = [f"{_NUMBA[type_name(name_of(v.dtype)) or '']}[::1]" for v in arrays]
        places = {typed: (a + b * writer.rows) * block for typed, (a, b) in writer.places.items()}
        memory = [memory_of(parts, n, np.dtype(typed)) for typed, n in places.items()]
        types += [f"{_NUMBA[typed]}[:,::1]" for typed in writer.places]
        numbers = [writer.rows, writer.pitch, block, blocks, c.rows, c.width]
        types += ["int64"] * len(numbers)
        loop = compile(source, f"void(int64, int64, int64, {', '.join(types)})")
        seen = [Of(i, (prod(v.shape),)) for i, v in enumerate(arrays)]
        return Steps([Step(loop, bounds, [*seen, *memory, *numbers])])

    names = dict.fromkeys([e.primitive.name for e in c.equations if e.primitive.name in REDUCTIONS])
    return Special(f"{', '.join(names)}, pass by pass", build)


class _Writer(Emitter):
    def __init__(self, c: Crosswise, given: list[Value], results: list[Value]) -> None:
        group = Group(c.shape)
        group.equations, group.roles, group.made = list(c.equations), c.roles, c.made
        super().__init__(group, c.graph, set(results))
        self.c, self.given, self.results = c, given, results
        self.level = levels_of(c)
        self.together = c.together
        #: Rows as they are taken, and how far apart these begin.
        self.pitch = c.width * self.together
        self.rows = -(-c.rows // self.together)
        #: For each type how many arrays a thread has, of a number for each column that is taken, and for each element.
        self.places: dict[str, tuple[int, int]] = {}
        self.begin: list[str] = []
        self.kept = self._kept()
        self.block = self._columns()
        self.blocks = -(-self.pitch // self.block)

    def _columns(self) -> int:
        """Return how many columns are taken at a time."""
        if self.together > 1:
            return self.pitch
        sizes = [np.dtype(v.dtype).itemsize for v in (*self.given, *self.results) if self.c.roles[v] == "full"]
        sizes += [np.dtype(v.dtype).itemsize for v in self.kept]
        # There are none where rows and columns meet only for extremes.
        fit = _CACHE // (self.rows * max(1, sum(sizes))) // LEAST * LEAST
        # About as many in each block.
        each = -(-self.pitch // -(-self.pitch // max(LEAST, min(_MOST, fit))))
        return min(self.pitch, -(-each // LEAST) * LEAST)

    # ------------------------------------------------------------------ what is kept, and where

    def _kept(self) -> list[Value]:
        """Return full values that later passes read from memory."""
        found: list[Value] = []
        for e in self.c.equations:
            for v in e.values:
                if v in self.c.made and self.c.roles[v] == "full" and v not in found and v not in self.results:
                    later = self._pass(e) > self.level[v]
                    if later and self._cost(v) > _AGAIN:
                        found.append(v)
        return found

    def _pass(self, e: Equation) -> int:
        """Return the pass in which an equation reads full values."""
        return self.level[e.outputs[0]] - (e.primitive.name in REDUCTIONS)

    def _cost(self, v: Value) -> int:
        """Return how many operations a full value is away from memory."""
        if v not in self.c.made or self.c.roles[v] != "full" or v in self.results:
            return 0
        e = next(e for e in self.c.equations if v in e.outputs)
        if (e.primitive.name, name_of(v.dtype)) in FUNCTIONS:
            return _AGAIN + 1
        return 1 + sum([self._cost(a) for a in e.values])

    def _place(self, v: Value, *, rows: bool = False) -> str:
        """Return the name of memory for a value: a number for each column that is taken, or for each element."""
        typed = type_name(name_of(v.dtype)) or ""
        columns, tables = self.places.get(typed, (0, 0))
        name = f"w{len(self.begin)}"
        start = f"({columns} + {tables} * rows) * block"
        self.begin.append(f"{name} = s_{typed}[part, {start} : {start} + block{' * rows' if rows else ''}]")
        self.places[typed] = (columns, tables + 1) if rows else (columns + 1, tables)
        return name

    # ------------------------------------------------------------------ lines

    def source(self) -> str:
        """Return the source."""
        c = self.c
        inputs = {v: f"a{i}" for i, v in enumerate(self.given)}
        outputs = {v: f"o{i}" for i, v in enumerate(self.results)}
        memory: dict[Value, str] = {v: self._place(v, rows=True) for v in self.kept}
        lines: list[str] = []
        head: list[str] = []
        for v in dict.fromkeys([v for e in c.equations for v in e.values]):
            number = uniform(c.graph.constants.get(v)) if v not in c.made else None
            if number is not None:
                self.text[v] = literal(number, name_of(v.dtype))
            elif v in inputs:
                self._input(v, inputs[v], head, lines)
        last = max(self.level.values())
        for k in range(last + 1):
            for e in c.equations:
                v = e.outputs[0]
                if c.roles[v] == "table" and self.level[v] == k and not self._reduces(e):
                    name = self._place(v)
                    lines += ["for j in range(n):", f"    {name}[j] = {self._expression(e, c.made, {})}"]
                    self.text[v] = f"{name}[j]"
                    lines += self._written(v, name, outputs)
            lines += self._rows(k, inputs, outputs, memory)
        names = [*inputs.values(), *outputs.values(), *[f"s_{typed}" for typed in self.places]]
        arguments = ", ".join(["lo", "hi", "part", *names, "rows", "pitch", "block", "blocks", "many", "w"])
        text = [f"def loop({arguments}):", *["    " + x for x in (*self.begin, *head)], "    for u in range(lo, hi):"]
        text += ["        t = u // blocks", "        c = u % blocks * block", "        n = min(block, pitch - c)"]
        return "\n".join([*text, *["        " + x for x in lines], ""])

    def _input(self, v: Value, name: str, head: list[str], lines: list[str]) -> None:
        """Write where a value from outside lies that is no array of the table's shape."""
        role = self.c.roles[v]
        if role == "scalar":
            head.append(f"u{name} = {name}[0]")
            self.text[v] = f"u{name}"
        elif role in ("table", "column"):
            start = "t * w + c" if role == "table" else "c"
            if self.together == 1:
                lines += [f"x{name} = {name}[{start} : {start} + n]"]
                self.text[v] = f"x{name}[j]"
                return
            # Once for each of the rows that are taken as one.
            place = self._place(v)
            lines += ["for j in range(w):", f"    q = {name}[{start} + j]"]
            lines += ["    for k in range(j, n, w):", f"        {place}[k] = q"]
            self.text[v] = f"{place}[j]"

    def _reduces(self, e: Equation) -> bool:
        return e.primitive.name in REDUCTIONS and self.c.roles[e.values[0]] == "full"

    def _rows(self, k: int, inputs: dict[Value, str], outputs: dict[Value, str], memory: dict[Value, str]) -> list[str]:
        """Return the lines of pass `k`."""
        c = self.c
        reductions = [e for e in c.equations if self._reduces(e) and self.level[e.outputs[0]] == k + 1]
        computed = [e for e in c.equations if c.roles[e.outputs[0]] == "full" and self.level[e.outputs[0]] == k]
        wanted = [e.outputs[0] for e in computed if e.outputs[0] in outputs or e.outputs[0] in memory]
        wanted += [e.values[0] for e in reductions]
        if not wanted:
            return []
        begin, views, body, end = [], [], [], []
        read: set[Value] = set()
        self._full(wanted, k, read, views, body, inputs, outputs, memory)
        for v in dict.fromkeys(wanted):
            if self.level.get(v, -1) == k and v in c.made:
                for name in (outputs.get(v), memory.get(v)):
                    if name is not None:
                        views.append(self._view(f"y{name}", name, kept=name == memory.get(v)))
                        body.append(f"    y{name}[j] = {self.text[v]}")
        for e in reductions:
            v, name = e.outputs[0], self._place(e.outputs[0])
            typed = type_name(name_of(v.dtype)) or ""
            kind, text = e.primitive.name, self.text[e.values[0]]
            first = {"max": f"{typed}(-np.inf)", "min": f"{typed}(np.inf)"}.get(kind, f"{typed}(0)")
            begin += ["for j in range(block):", f"    {name}[j] = {first}"]
            if kind == "count_nonzero":
                body.append(f"    {name}[j] += i8({text})")
            elif kind in ("max", "min"):
                body += [f"    q = {text}", f"    {name}[j] = {self._extreme(kind, 'q', f'{name}[j]', typed)}"]
            else:
                body.append(f"    {name}[j] += {text}")
            end += self._combined(name, kind, typed)
            if kind == "mean":
                end += ["for j in range(n):", f"    {name}[j] = {name}[j] / {typed}(many)"]
            self.text[v] = f"{name}[j]"
            end += self._written(v, name, outputs)
        lines = [*begin, "for r in range(rows):", "    at = t * many * w + r * pitch + c"]
        # The last of the rows that are taken together may be shorter.
        lines.append("    m = n" if self.together == 1 else "    m = min(n, many * w - r * pitch)")
        lines += ["    " + x for x in views]
        return [*lines, "    for j in range(m):", *["    " + x for x in body], *end]

    def _view(self, target: str, name: str, *, kept: bool = False) -> str:
        return f"{target} = {name}[r * block : r * block + m]" if kept else f"{target} = {name}[at : at + m]"

    def _full(
        self,
        wanted: list[Value],
        k: int,
        read: set[Value],
        views: list[str],
        body: list[str],
        inputs: dict[Value, str],
        outputs: dict[Value, str],
        memory: dict[Value, str],
    ) -> None:
        """Write what full values of a pass are computed of, once each."""
        c = self.c
        # What another pass called it is no name here.
        waiting = list(dict.fromkeys(wanted))
        while waiting:
            v = waiting[-1]
            if v in read or c.roles.get(v) in ("table", "column", "scalar") or self._is_number(v):
                waiting.pop()
                continue
            if v not in c.made:
                waiting.pop()
                read.add(v)
                name = inputs[v]
                if c.roles[v] == "row":
                    views.append(f"x{name} = {name}[t * rows + r]")
                    self.text[v] = f"x{name}"
                else:
                    views.append(self._view(f"x{name}", name))
                    self.text[v] = f"x{name}[j]"
                continue
            place = outputs.get(v) or memory.get(v)
            if place is not None and self.level[v] < k:
                waiting.pop()
                read.add(v)
                views.append(self._view(f"z{place}", place, kept=v in memory))
                self.text[v] = f"z{place}[j]"
                continue
            e = next(e for e in c.equations if v in e.outputs)
            missing = [
                a for a in e.values if a not in read and c.roles.get(a) in ("full", "row") and not self._is_number(a)
            ]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            read.add(v)
            name = f"v{len(body)}"
            body.append(f"    {name} = {self._expression(e, c.made, {})}")
            self.text[v] = name

    def _is_number(self, v: Value) -> bool:
        return v not in self.c.made and uniform(self.c.graph.constants.get(v)) is not None

    @staticmethod
    def _extreme(kind: str, a: str, b: str, typed: str) -> str:
        return TEMPLATES["maximum" if kind == "max" else "minimum"].format(a, b, T=typed)

    def _combined(self, name: str, kind: str, typed: str) -> list[str]:
        """Return lines that bring what belongs to the same column together, for each of the rows taken as one."""
        if self.together == 1:
            return []
        lines = ["for j in range(w):", f"    q = {name}[j]", "    for k in range(j + w, n, w):"]
        if kind in ("max", "min"):
            lines += [f"        p = {name}[k]", f"        q = {self._extreme(kind, 'p', 'q', typed)}"]
        else:
            lines.append(f"        q += {name}[k]")
        return [*lines, "    for k in range(j, n, w):", f"        {name}[k] = q"]

    def _written(self, v: Value, name: str, outputs: dict[Value, str]) -> list[str]:
        """Return lines that write numbers of columns to a result."""
        if v not in outputs:
            return []
        # There is one block where rows are taken together.
        many = "n" if self.together == 1 else "w"
        view = f"y{name} = {outputs[v]}[t * w + c : t * w + c + {many}]"
        return [view, f"for j in range({many}):", f"    y{name}[j] = {name}[j]"]
