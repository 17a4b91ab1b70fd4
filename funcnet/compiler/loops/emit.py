"""The source of a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.loops.counted import repeated_row, row_of_part
from funcnet.compiler.loops.expressions import Expressions, limit_of
from funcnet.compiler.loops.group import (
    CYCLE,
    EACH,
    JOINED,
    REPEAT,
    REPEAT_ROW,
    WIDE,
    function_of,
)
from funcnet.compiler.loops.templates import FUNCTIONS, SCALAR_FUNCTIONS, literal, type_name
from funcnet.compiler.loops.windows import MOVED, PLACES, WINDOW, columns_of, window_of

if TYPE_CHECKING:
    from funcnet.compiler.loops.groups import Group

__all__ = ["BLOCK", "Emitter", "Loop", "emitted", "uniform"]

#: Elements that a loop without rows takes at a time, so that what stages pass on stays in the cache.
BLOCK = 4096
#: What makes one number of a row.
_OF_ROWS = ("sum", "mean", "max", "min", "any", "all")


class Loop:
    """A group as the source of a function ``loop(lo, hi, part, *inputs, *outputs)``.

    It computes the rows from `lo` to `hi`; sums over rows go to the line `part` of their outputs.

    Attributes
    ----------
    source : str
        Depends on the operations and dtypes only, not on the shape.
    inputs : list of (Value, str)
        What it reads, and what that is in the loop.
    outputs : list of (Value, str)
        What it writes.
    flat : bool
        Whether `lo` and `hi` count elements.
    period : int or None
        How many rows are one step from `lo` to `hi`, where the function takes that number after its inputs.
    product : tuple of int or None
        Rows, columns and terms of the product whose rows it takes as they are computed.
    work : int
        How many element operations it does, with weights.
    """

    __slots__ = ("flat", "group", "inputs", "outputs", "period", "product", "source", "work")

    def __init__(self, group: Group, source: str, inputs: Any, outputs: Any, work: int) -> None:
        self.group = group
        self.source = source
        self.inputs: list[tuple[Value, str]] = inputs
        self.outputs: list[tuple[Value, str]] = outputs
        self.flat = group.split is None
        self.period: int | None = None
        self.product: tuple[int, ...] | None = None
        self.work = work


def emitted(group: Group, graph: Graph, needed: set[Value]) -> Loop:
    """Return the loop of a group; `needed` are values that are read elsewhere."""
    return Emitter(group, graph, needed).loop()


class Emitter(Expressions):
    """Writes the loop of a group."""

    def __init__(self, group: Group, graph: Graph, needed: set[Value]) -> None:
        self.group = group
        self.graph = graph
        self.made = group.made
        self.outputs = [(v, group.roles[v]) for e in group.equations for v in e.outputs if v in needed]
        self.inputs: list[tuple[Value, str]] = []
        #: The expression of each value where it is computed.
        self.text: dict[Value, str] = {}
        self.stage: dict[Value, int] = {}
        self.stages: dict[int, list[Equation]] = {}
        self.between: dict[int, list[Equation]] = {}
        #: Results of functions that are not right for all arguments: those are computed again, at the stage's end.
        self.checked = {
            e.outputs[0] for e in group.equations if limit_of(e) is not None and group.roles[e.outputs[0]] == "full"
        }
        self.temporaries: list[tuple[str, str]] = []
        #: Parts of inputs: name, and where it lies.
        self.parts: list[tuple[str, str]] = []
        #: What counts rows: a line before the first, and lines after each.
        self.counted: list[Any] = []
        self.stored: dict[Value, str] = {}

    def loop(self) -> Loop:
        """Return the loop."""
        self._read_inputs()
        self._assign_stages()
        stored = self.stored = self._stored()
        lines = self._head(stored)
        pad = "        "
        last = max([*self.stages, *self.between], default=0)
        for k in range(last + 1):
            lines += [pad + line for line in self._stage(k, stored)]
            for e in self.between.get(k, ()):
                lines += [pad + line for line in self._row(e)]
        for i, (v, role) in enumerate(self.outputs):
            if role == "row":
                lines.append(f"{pad}o{i}[r] = {self.text[v]}")
        for i, (_, role) in enumerate(self.outputs):
            if role == "total":
                lines.append(f"    o{i}[part] = t_{i}")
        if self.temporaries:
            lines.append("    give_back(held)")
        names = ["lo", "hi", "part", *[f"a{i}" for i in range(len(self.inputs))]]
        names += [f"o{i}" for i in range(len(self.outputs))]
        source = "\n".join([f"def loop({', '.join(names)}):", *lines, ""])
        return Loop(self.group, source, self.inputs, self.outputs, self._work())

    # ------------------------------------------------------------------ what goes where

    def _read_inputs(self) -> None:
        arrays = self._read_as_arrays()
        for e in self.group.equations:
            if e.outputs[0] in self.group.windows:
                continue
            for v in e.values:
                if v in self.made or v in self.text:
                    continue
                number = uniform(self.graph.constants.get(v)) if v not in arrays else None
                if number is not None:
                    self.text[v] = literal(number, str(v.dtype))
                    self.stage[v] = -1
                    continue
                i = len(self.inputs)
                role = self.group.roles[v]
                self.inputs.append((v, role))
                if role in (REPEAT, REPEAT_ROW):
                    self.inputs.append((v, EACH))
                self.stage[v] = -1
                self.text[v] = {
                    "full": f"x{i}[j]",
                    "column": f"a{i}[j]",
                    "row": f"x{i}",
                    "scalar": f"u{i}",
                    WIDE: f"a{i}",
                    CYCLE: f"x{i}[j]",
                    REPEAT: f"x{i}[j]",
                    REPEAT_ROW: f"x{i}",
                }[role]
        for e in self.group.equations:
            if e.primitive.name in MOVED:
                name = f"k{len(self.parts)}"
                self.parts.append((name, self._part(e)))
                self.text[e.outputs[0]] = f"{name}[j]"

    def _read_as_arrays(self) -> set[Value]:
        """Return what has to be there as an array, and may not be a number in its place: parts and sums are of it."""
        roles = self.group.roles
        return {
            v
            for e in self.group.equations
            for v in e.values
            if e.primitive.name in MOVED or (e.primitive.name in _OF_ROWS and roles[e.outputs[0]] in ("row", "total"))
        }

    def _part(self, e: Equation) -> str:
        """Return where a part of an input lies."""
        out = e.outputs[0]
        if out not in self.group.windows:
            start, stop = columns_of(e) or (0, 0)
            return f"{self.text[e.inputs[0]]}[r, {start}:{stop}]"
        found = window_of(e, self.group.split)
        assert found is not None
        base = (e.inputs[0], WINDOW)
        if base not in self.inputs:
            self.inputs.append(base)
        a = f"a{self.inputs.index(base)}"
        # Places are arguments, so that other shapes share the machine code.
        i = len(self.inputs)
        simple = found[0].simple
        places = PLACES[3:] if self.group.split is None else PLACES[2:] if simple else PLACES
        self.inputs += [(out, place) for place in places]
        if self.group.split is None:
            return f"{a}[a{i} + start : a{i} + stop]"
        if simple:
            return f"{a}[r + a{i}, a{i + 1} : a{i + 1} + n]"
        row, *counted = row_of_part(i)
        self.counted.append(counted)
        return f"{a}[{row}, a{i + 3} : a{i + 3} + n]"

    def _assign_stages(self) -> None:
        """Find the stage of each value: full ones are computed in it, row values after it."""
        roles = self.group.roles
        for e in self.group.equations:
            out = e.outputs[0]
            role = roles[out]
            if e.primitive.name in MOVED:
                self.stage[out] = -1
                continue
            level = 0
            for v in e.values:
                if v in self.made:
                    after = (roles[v] == "row" and role == "full") or v in self.checked
                    level = max(level, self.stage[v] + after)
            self.stage[out] = level
            (self.stages if role == "full" else self.between).setdefault(level, []).append(e)

    def _stored(self) -> dict[Value, str]:
        """Return the arrays that hold what later stages and reductions read."""
        stored: dict[Value, str] = {}
        for i, (v, role) in enumerate(self.outputs):
            if role == "full":
                stored[v] = f"y{i}"
        for e in self.group.equations:
            role = self.group.roles[e.outputs[0]]
            if e.primitive.name in MOVED:
                continue
            for v in e.values:
                if v not in self.made or self.group.roles[v] != "full" or v in stored or self.stage[v] < 0:
                    continue
                later = self.stage[e.outputs[0]] > self.stage[v] or e.outputs[0] in self.checked
                reduced = role in ("row", "total") and e.primitive.name in _OF_ROWS
                if later or (reduced and not self._summed_at_once(e)):
                    name = f"w{len(self.temporaries)}"
                    self.temporaries.append((name, type_name(str(v.dtype)) or ""))
                    stored[v] = name
        return stored

    def _summed_at_once(self, e: Equation) -> bool:
        """Whether a sum over everything adds up each number where it is computed: nobody rounds more than in a row."""
        v, out = e.inputs[0], e.outputs[0]
        if self.group.roles[out] != "total" or v not in self.made or str(out.dtype) != "float64":
            return False
        return self.stage[v] >= 0 and self.stage[v] == self.stage[out]

    # ------------------------------------------------------------------ lines

    def _head(self, stored: dict[Value, str]) -> list[str]:
        flat = self.group.split is None
        size = f"{BLOCK}" if flat else self._length()
        # In memory of this call, which begins and whose arrays begin with a line of the cache.
        places = [f"({size} * {t[1]} + 63) // 64 * 64" for _, t in self.temporaries]
        lines = [f"    held = borrow({' + '.join(['64', *places])})"] if places else []
        lines += [
            f"    {name} = lent(held, {' + '.join(places[:k]) or '0'}, {size}, {t})"
            for k, (name, t) in enumerate(self.temporaries)
        ]
        # Read once: as far as the compiler knows, the loop might write there.
        lines += [f"    u{i} = a{i}[0]" for i, (_, role) in enumerate(self.inputs) if role == "scalar"]
        for i, (v, role) in enumerate(self.outputs):
            if role == "total":
                lines.append(f"    t_{i} = 0.0")
            elif role == "column sum":
                lines += [f"    s{i} = o{i}[part]", f"    s{i}[:] = {type_name(str(v.dtype))}(0)"]
        if flat:
            lines += [f"    for start in range(lo, hi, {BLOCK}):", f"        stop = min(start + {BLOCK}, hi)"]
            lines.append("        n = stop - start")
            lines += [f"        x{i} = a{i}[start:stop]" for i, (_, role) in enumerate(self.inputs) if role == "full"]
            lines += [f"        y{i} = o{i}[start:stop]" for i, (_, role) in enumerate(self.outputs) if role == "full"]
            lines += [f"        {name}_ = {name}[:n]" for name, _ in self.temporaries]
            for v, name in stored.items():
                if name[0] == "w":
                    stored[v] = name + "_"
        else:
            rows: list[str] = []
            for i, (_, role) in enumerate(self.inputs):
                if role in ("full", "row"):
                    rows.append(f"        x{i} = a{i}[r]")
                elif role in (CYCLE, REPEAT, REPEAT_ROW):
                    row, *counted = repeated_row(i, each=role != CYCLE)
                    rows.append(f"        x{i} = a{i}[{row}]")
                    self.counted.append(counted)
            lines += [f"    {start}" for start, _ in self.counted]
            lines += ["    for r in range(lo, hi):", *rows]
            for i, (v, role) in enumerate(self.outputs):
                if role == "full":
                    lines.append(f"        y{i} = o{i}[r]")
                elif role == JOINED:
                    width = self.group.columns
                    lines += [
                        f"        y{i}_{p} = o{i}[r, {p * width}:{(p + 1) * width}]"
                        for p in range(v.shape[-1] // width)
                    ]
            lines.append(f"        n = {self._length()}")
        lines += [f"        {k} = {place}" for k, place in self.parts]
        for _, after in self.counted:
            lines += [f"        {line}" for line in after]
        return lines

    def _length(self) -> str:
        """Return an expression for the number of columns."""
        for i, (_, role) in enumerate(self.inputs):
            if role in ("full", "column", CYCLE, REPEAT):
                return f"a{i}.shape[{0 if role == 'column' else 1}]"
        for i, (_, role) in enumerate(self.outputs):
            if role in ("full", "column sum"):
                return f"o{i}.shape[1]"
        return f"{self.group.columns}"

    def _stage(self, k: int, stored: dict[Value, str]) -> list[str]:
        body: list[str] = []
        here: set[Value] = set()
        equations = self.stages.get(k, [])
        sums = [e for e in self.between.get(k, ()) if self.group.roles[e.outputs[0]] == "column sum"]
        joins = [e for e in self.between.get(k, ()) if self.group.roles[e.outputs[0]] == JOINED]
        totals = [e for e in self.between.get(k, ()) if self._summed_at_once(e)]
        for e in equations:
            out = e.outputs[0]
            name = f"v{len(self.text)}"
            body.append(f"    {name} = {self._expression(e, here, stored)}")
            self.text[out] = name
            here.add(out)
            if out in stored:
                body.append(f"    {stored[out]}[j] = {name}")
        if k == 0:
            # Columns that are needed elsewhere too.
            body += [
                f"    y{i}[j] = {self.text[v]}"
                for i, (v, role) in enumerate(self.outputs)
                if role == "full" and self.stage[v] < 0
            ]
        for e in sums:
            i = next(i for i, (v, _) in enumerate(self.outputs) if v is e.outputs[0])
            body.append(f"    s{i}[j] += {self._read(e.inputs[0], here, stored)}")
        for e in joins:
            i = next(i for i, (v, _) in enumerate(self.outputs) if v is e.outputs[0])
            body += [f"    y{i}_{p}[j] = {self._read(v, here, stored)}" for p, v in enumerate(e.inputs)]
        begin: list[str] = []
        end: list[str] = []
        for e in totals:
            i = next(i for i, (v, _) in enumerate(self.outputs) if v is e.outputs[0])
            begin.append(f"p_{i} = 0.0")
            body.append(f"    p_{i} = joined(p_{i}, {self._read(e.inputs[0], here, stored)})")
            end.append(f"t_{i} += p_{i}")
        again = [e for e in equations if e.outputs[0] in self.checked]
        if not again:
            return [*begin, "for j in range(n):", *body, *end] if body else []
        lines = [*begin, "beyond = i4(0)", "for j in range(n):", *body]
        end += ["if beyond != 0:", "    for j in range(n):"]
        for e in again:
            found, _ = self._arguments(e, set(), stored)
            outside = (limit_of(e) or "").format(*found)
            lines.append(f"    beyond = i4(beyond | i4({outside}))")
            end += [
                f"        if {outside}:",
                f"            {stored[e.outputs[0]]}[j] = {SCALAR_FUNCTIONS[function_of(e)].format(*found)}",
            ]
        return lines + end

    def _row(self, e: Equation) -> list[str]:
        out = e.outputs[0]
        role = self.group.roles[out]
        if role in ("column sum", JOINED) or self._summed_at_once(e):
            return []
        name = e.primitive.name
        typed = type_name(str(out.dtype))
        if name in _OF_ROWS and self._is_reduction(e):
            array = self._array(e.inputs[0])
            if role == "total":
                i = next(i for i, (v, _) in enumerate(self.outputs) if v is out)
                return [f"t_{i} += row_sum({array})"]
            target = f"v{len(self.text)}"
            self.text[out] = target
            if name in ("sum", "mean"):
                divided = " / n" if name == "mean" else ""
                return [f"{target} = {typed}(row_sum({array}){divided})"]
            if name in ("any", "all"):
                return [f"{target} = any_row({array})" if name == "any" else f"{target} = all_row({array})"]
            sign = "-" if name == "max" else ""
            return [
                f"{target} = row_{name}({array}, {typed}({sign}np.inf))",
                f"if has_nan({array}):",
                f"    {target} = {typed}(np.nan)",
            ]
        target = f"v{len(self.text)}"
        line = f"{target} = {self._expression(e, self.made, {})}"
        self.text[out] = target
        return [line]

    def _is_reduction(self, e: Equation) -> bool:
        v = e.inputs[0]
        return self.group.roles[v] == "full"

    def _array(self, v: Value) -> str:
        if v in self.made and self.stage[v] < 0:
            return self.text[v].removesuffix("[j]")
        if v in self.made:
            return self.stored[v]
        i = next(i for i, (a, _) in enumerate(self.inputs) if a is v)
        return f"x{i}"

    def _read(self, v: Value, here: set[Value], stored: dict[Value, str]) -> str:
        if v in self.made and self.group.roles[v] == "full" and v not in here and self.stage[v] >= 0:
            return f"{stored[v]}[j]"
        return self.text[v]

    def _work(self) -> int:
        size = 1
        for n in self.group.shape:
            size *= n
        slow = [(function_of(e), "float32") in FUNCTIONS for e in self.group.equations]
        return size * (len(slow) + 7 * sum(slow))


def uniform(constant: Any) -> Any:
    """Return the number that a constant consists of, None if it has several or is large."""
    if not isinstance(constant, (np.ndarray, np.generic)):
        return None
    array: Any = np.asarray(constant)
    if array.size == 0 or array.size > 1 << 20:
        return None
    first: Any = array.flat[0]
    if array.dtype.kind not in "fib" or (array.size > 1 and not bool(np.all(array == first))):
        return None
    if array.dtype.kind == "f" and (first == 0 and np.any(np.signbit(array) != np.signbit(first))):
        return None
    return array.reshape(-1)[:1].tolist()[0]
