"""The source of a loop over many rows of a few columns: vectors go along the rows, columns are written out.

Sums and extremes of a row are then expressions, and nothing has to be kept between stages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.loops.emit import BLOCK, Emitter, Loop, emitted
from funcnet.compiler.loops.group import (
    CYCLE,
    JOINED,
    REPEAT,
    REPEAT_ROW,
    RUN_SUM,
    TURN_SUM,
    WIDE,
    repetition,
)
from funcnet.compiler.loops.templates import TEMPLATES, type_name
from funcnet.compiler.loops.windows import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.graph import Equation, Graph, Value
    from funcnet.compiler.loops.groups import Group

__all__ = ["loop_of", "reduced"]

#: Columns up to which LLVM takes vectors of rows apart.
_TAKEN_APART = 8
_REDUCTIONS = ("sum", "mean", "max", "min", "any", "all")


def loop_of(group: Group, graph: Graph, needed: set[Value]) -> Loop:
    """Return the loop of a group, along rows or along columns."""
    run = group.run if group.narrow else None
    return emitted(group, graph, needed) if run is None else _Narrow(group, graph, needed, run).loop()


def reduced(name: str, parts: Sequence[str], typed: str, body: list[str]) -> str:
    """Return the expression of a sum, a count or an extreme of some expressions, after lines that it needs."""
    if name in ("any", "all"):
        return (" | " if name == "any" else " & ").join(parts)
    if name == "count_nonzero":
        return " + ".join([f"{typed}({part})" for part in parts])
    if name in ("sum", "mean"):
        total = " + ".join(parts)
        return f"{typed}(({total}) / {len(parts)})" if name == "mean" else f"{typed}({total})"
    template = TEMPLATES["maximum" if name == "max" else "minimum"]
    result = parts[0]
    for part in parts[1:]:
        label = f"v{len(body)}"
        body.append(f"{label} = {template.format(result, part, T=typed)}")
        result = label
    return result


class _Narrow(Emitter):
    def __init__(self, group: Group, graph: Graph, needed: set[Value], period: int) -> None:
        super().__init__(group, graph, needed)
        self.period = period
        #: Whether all rows are of one unit.
        self.whole = False
        #: The expressions of values, for each column.
        self.columns: list[dict[Value, str]] = []
        #: Lines after the blocks of a unit.
        self.done: list[str] = []
        #: Lines before everything, for each unit, for each block, and for each row.
        self.head: list[str] = []
        self.unit: list[str] = []
        self.block: list[str] = []
        self.body: list[str] = []
        #: What follows the rows of a block, and everything.
        self.tail: list[str] = []
        self.end: list[str] = []

    def loop(self) -> Loop:
        self._read_inputs()
        whole = self.whole = self._whole()
        # The number of rows that belong together is an argument, so that other shapes share the machine code.
        names = [f"a{i}" for i in range(len(self.inputs))]
        self._places()
        for e in self.group.equations:
            self._equation(e)
        for i, (v, role) in enumerate(self.outputs):
            self._write(i, v, role)
        lines = list(self.head)
        if whole:
            lines.append(f"for start in range(lo, hi, {BLOCK}):")
            lines.append(f"    n = min({BLOCK}, hi - start)")
            pad = "    "
        else:
            lines += ["for u in range(lo, hi):", *["    " + line for line in self.unit]]
            lines.append(f"    for begin in range(0, period, {BLOCK}):")
            lines += ["        start = u * period + begin", f"        n = min({BLOCK}, period - begin)"]
            pad = "        "
        lines += [pad + line for line in (*self.block, "for j in range(n):")]
        lines += [f"{pad}    {line}" for line in self.body]
        lines += [pad + line for line in self.tail]
        lines += ["    " + line for line in self.done] + self.end
        if not whole:
            names.append("period")
        names += [f"o{i}" for i in range(len(self.outputs))]
        source = f"def loop({', '.join(['lo', 'hi', 'part', *names])}):\n" + "".join([f"    {x}\n" for x in lines])
        loop = Loop(self.group, source, self.inputs, self.outputs, self._work())
        loop.period = None if whole else self.period
        return loop

    def _whole(self) -> bool:
        """Return whether there is one unit, whose rows threads share; what changes with the unit keeps it from that."""
        changing = {CYCLE, REPEAT, REPEAT_ROW, RUN_SUM}
        return self.period == self.group.rows and not any(
            [role in changing for _, role in (*self.inputs, *self.outputs)]
        )

    def _places(self) -> None:
        """Write where inputs and outputs lie, and set the expressions of inputs."""
        width = range(self.group.columns)
        shared = dict(self.text)
        self.columns = [dict(shared) for _ in width]
        for i, (v, role) in enumerate(self.inputs):
            if role in ("full", WIDE, "row"):
                self.block.append(f"x{i} = {self._rows(f'a{i}', self._width(v, role))}")
            elif role == "scalar":
                self.head.append(f"u{i} = a{i}[0]")
            elif role == "column":
                self.head += [f"x{i}_{c} = a{i}[{c}]" for c in width]
            elif role in (CYCLE, REPEAT, REPEAT_ROW):
                self._turn(i, v, role)
                continue
            for c in width:
                if role == "full":
                    self.columns[c][v] = self._at(f"x{i}", c)
                elif role == "row":
                    self.columns[c][v] = f"x{i}[j]"
                elif role == "column":
                    self.columns[c][v] = f"x{i}_{c}"
        for e in self.group.equations:
            if e.primitive.name == "getitem":
                i = next(i for i, (v, _) in enumerate(self.inputs) if v is e.inputs[0])
                first = (columns_of(e) or (0, 0))[0]
                for c in width:
                    self.columns[c][e.outputs[0]] = self._at(f"x{i}", first + c, e.inputs[0].shape[-1])
        for i, (v, role) in enumerate(self.outputs):
            if role in ("full", "row", JOINED):
                self.block.append(f"y{i} = {self._rows(f'o{i}', self._width(v, role))}")

    def _width(self, v: Value, role: str) -> int:
        """Return how many columns an array of rows has."""
        return {"row": 1, WIDE: v.shape[-1], JOINED: v.shape[-1]}.get(role, self.group.columns)

    @staticmethod
    def _rows(array: str, width: int, first: str = "start") -> str:
        """Return rows of a block, one after the other.

        Of a matrix LLVM makes vectors in case its rows are as far from each other as its elements, and takes a number
        after the other if they are not; but it knows what to do where the distance is a number in the source.
        """
        if width > _TAKEN_APART:
            return f"{array}[{first} : {first} + n]"
        return f"flat({array})[({first}) * {width} : ({first} + n) * {width}]"

    def _at(self, array: str, column: int, width: int | None = None) -> str:
        """Return the expression of an element of row j."""
        width = width or self.group.columns
        return f"{array}[j, {column}]" if width > _TAKEN_APART else f"{array}[{width} * j + {column}]"

    def _turn(self, i: int, v: Value, role: str) -> None:
        """Write where a value lies that repeats, or stays, while an inner loop goes over its rows."""
        turns = repetition(v.shape, self.group.shape, self.group.split or 0)
        assert turns is not None
        each, _ = turns
        width = range(self.group.columns)
        flat = role == REPEAT_ROW
        if each == 1:
            # Its rows are a multiple of the inner loop's.
            self.unit.append(f"b{i} = u % (a{i}.shape[0] // period) * period")
            self.block.append(f"x{i} = {self._rows(f'a{i}', 1 if flat else len(width), f'b{i} + begin')}")
            for c in width:
                self.columns[c][v] = f"x{i}[j]" if flat else self._at(f"x{i}", c)
            return
        self.unit.append(f"b{i} = u // (a{i + 1} // period) % a{i}.shape[0]")
        self.unit += [f"x{i} = a{i}[b{i}]"] if flat else [f"x{i}_{c} = a{i}[b{i}, {c}]" for c in width]
        for c in width:
            self.columns[c][v] = f"x{i}" if flat else f"x{i}_{c}"

    def _equation(self, e: Equation) -> None:
        out = e.outputs[0]
        role = self.group.roles[out]
        name = e.primitive.name
        if name == "getitem" or role in (JOINED, RUN_SUM, TURN_SUM, "column sum", "total"):
            return
        label = f"v{len(self.body)}"
        if role == "full":
            for c, texts in enumerate(self.columns):
                self.text = texts
                self.body.append(f"{label}_{c} = {self._expression(e, self.made, {})}")
                texts[out] = f"{label}_{c}"
            return
        if name in _REDUCTIONS and self.group.roles[e.inputs[0]] == "full":
            parts = [texts[e.inputs[0]] for texts in self.columns]
            text = reduced(name, parts, type_name(str(out.dtype)) or "", self.body)
        else:
            self.text = self.columns[0]
            text = self._expression(e, self.made, {})
        self.body.append(f"{label} = {text}")
        for texts in self.columns:
            texts[out] = label

    def _write(self, i: int, v: Value, role: str) -> None:
        if role == "row":
            self.body.append(f"y{i}[j] = {self.columns[0][v]}")
        elif role == "full":
            self.body += [f"{self._at(f'y{i}', c)} = {texts[v]}" for c, texts in enumerate(self.columns)]
        else:
            e: Any = next(e for e in self.group.equations if v in e.outputs)
            if role == JOINED:
                width = self.group.columns
                self.body += [
                    f"{self._at(f'y{i}', p * width + c, v.shape[-1])} = {texts[a]}"
                    for p, a in enumerate(e.inputs)
                    for c, texts in enumerate(self.columns)
                ]
            elif role == TURN_SUM:
                self._turn_sum(i, e.inputs[0])
            else:
                self._sums(i, e, role)

    def _turn_sum(self, i: int, v: Value) -> None:
        """Add rows to those at the same place of other turns."""
        self.head.append(f"o{i}[part, :] = 0")
        # A sum over a dimension of size one has one turn, which begins with the first row.
        row = "start" if self.whole else "begin"
        self.block.append(f"y{i} = o{i}[part, {row} * {len(self.columns)} : ({row} + n) * {len(self.columns)}]")
        width = len(self.columns)
        self.block.append(f"z{i} = y{i}" if width <= _TAKEN_APART else f"z{i} = in_rows(y{i}, {width})")
        self.body += [f"{self._at(f'z{i}', c)} += {texts[v]}" for c, texts in enumerate(self.columns)]

    def _sums(self, i: int, e: Equation, role: str) -> None:
        """Add up columns, or everything: in vectors within a block, in double precision beyond."""
        terms = [texts[e.inputs[0]] for texts in self.columns]
        typed, mean = type_name(str(e.outputs[0].dtype)) or "", e.primitive.name == "mean"
        if role == "total":
            terms = [" + ".join(terms)]
        for c, term in enumerate(terms):
            (self.unit if role == RUN_SUM else self.head).append(f"s{i}_{c} = 0.0")
            self.block.append(f"p{i}_{c} = {typed}(0)")
            self.body.append(f"p{i}_{c} = joined(p{i}_{c}, {typed}({term}))")
            self.tail.append(f"s{i}_{c} += p{i}_{c}")
            if role == RUN_SUM:
                self.done.append(f"o{i}[u, {c}] = s{i}_{c}" + (" / period" if mean else ""))
            else:
                self.end.append(f"o{i}[part] = s{i}_{c}" if role == "total" else f"o{i}[part, {c}] = s{i}_{c}")
