"""The source of kernels of tables of a few rows: vectors go along columns, rows are written out.

Sums and extremes of a column are then expressions, nothing is kept between passes, and what is broadcast along some
dimensions is read as it lies.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.crosswise_group import REDUCTIONS
from funcnet.compiler.kernels.special import Of, Special, Step, Steps
from funcnet.compiler.loops.emit import Emitter, uniform
from funcnet.compiler.loops.group import Group, name_of
from funcnet.compiler.loops.narrow import reduced
from funcnet.compiler.loops.templates import literal, type_name

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation, Value
    from funcnet.compiler.kernels.crosswise_group import Crosswise
    from funcnet.compiler.kernels.special import Compile

__all__ = ["FEW", "short", "special_of"]

#: Rows of a table that are written out at most.
FEW = 16

#: Elements that make a loop worth while whatever their number; shorter ones have to fill vectors of so many bytes.
_LONG, _VECTOR = 16, 32
#: Expressions of a kernel at most: compilers take long for many.
_EXPRESSIONS = 400


class _Lies:
    """How an array lies among the columns: the step of each dimension, and where its rows begin."""

    def __init__(self, c: Crosswise, shape: tuple[int, ...]) -> None:
        padded = (1,) * (len(c.shape) - len(shape)) + shape
        steps, size = [0] * len(padded), 1
        for k in range(len(padded) - 1, -1, -1):
            steps[k] = size if padded[k] > 1 else 0
            size *= padded[k]
        rows = range(c.first, c.stop)
        places = np.indices([c.shape[k] for k in rows]).reshape(len(rows), -1)
        self.rows = [int(n) for n in np.array([steps[k] for k in rows]) @ places]
        self.steps = [s for k, s in enumerate(steps) if k not in rows]
        self.size = size


def short(c: Crosswise) -> bool:
    """Whether all rows of a table may be written out."""
    if _along(c, _extents(c)) is None:
        return False
    return sum([c.rows if c.roles[e.outputs[0]] == "full" else 1 for e in c.equations]) <= _EXPRESSIONS


def _extents(c: Crosswise) -> list[int]:
    return [*c.shape[: c.first], *c.shape[c.stop :]]


def _along(c: Crosswise, extents: list[int]) -> int | None:
    """Return along which dimension vectors go, None if none fills any.

    The longest one, unless all elements of the table are read or written: neighbours in memory go to vectors at once.
    """
    last = len(extents) - 1
    longest = max(range(last + 1), key=extents.__getitem__)
    size = max([np.dtype(v.dtype).itemsize for v in c.roles])
    fills = extents[last] % (_VECTOR // size) == 0
    whole = any([c.roles[v] == "full" for v in (*c.given(), *c.results())])
    if extents[last] >= _LONG or (fills and (whole or extents[longest] < _LONG)):
        return last
    return longest if extents[longest] >= _LONG else None


def special_of(c: Crosswise, given: list[Value], results: list[Value]) -> Special:
    """Return the kernel."""
    arrays = [*given, *results]

    def build(compile: Compile, threads: int) -> Steps:  # noqa: ARG001  # steps of loops have one each
        writer = _Writer(c, given, results)
        source = writer.source()
        names = [name_of(v.dtype) for v in arrays]
        types = [*[f"{'boolean' if name == 'bool' else name}[::1]" for name in names], "int64"]
        loop = compile(source, f"void(int64, int64, int64, {', '.join(types)})")
        seen = [Of(i, (prod(v.shape),)) for i, v in enumerate(arrays)]
        return Steps([Step(loop, (0, writer.units), [*seen, writer.long])])

    kinds = dict.fromkeys([e.primitive.name for e in c.equations if e.primitive.name in REDUCTIONS])
    return Special(f"{', '.join(kinds)}, column by column", build)


class _Writer(Emitter):
    def __init__(self, c: Crosswise, given: list[Value], results: list[Value]) -> None:
        group = Group(c.shape)
        group.equations, group.roles, group.made = list(c.equations), c.roles, c.made
        super().__init__(group, c.graph, set(results))
        self.c = c
        self.lies = {f"a{i}": _Lies(c, v.shape) for i, v in enumerate(given)}
        columns = (*c.shape[: c.first], *[1] * (c.stop - c.first), *c.shape[c.stop :])
        for i, v in enumerate(results):
            self.lies[f"o{i}"] = _Lies(c, c.shape if c.roles[v] == "full" else columns)
        self.given, self.results = given, results
        self.extents = _extents(c)
        self._join()
        self.along = _along(c, self.extents)
        assert self.along is not None
        self.long = self.extents[self.along]
        self.units = prod(self.extents) // self.long
        #: The expressions of values, for each row.
        self.rows: list[dict[Value, str]] = [{} for _ in range(c.rows)]
        self.unit: list[str] = []
        self.body: list[str] = []

    def _join(self) -> None:
        """Take dimensions as one that lie side by side in all arrays."""
        for k in range(len(self.extents) - 1, 0, -1):
            n = self.extents[k]
            if self.extents[k - 1] == 1 or n == 1:
                drop = k - 1 if self.extents[k - 1] == 1 else k
            elif all([a.steps[k - 1] == a.steps[k] * n for a in self.lies.values()]):
                drop, self.extents[k] = k - 1, n * self.extents[k - 1]
            else:
                continue
            del self.extents[drop]
            for a in self.lies.values():
                del a.steps[drop]

    def source(self) -> str:
        """Return the source."""
        c = self.c
        for v in dict.fromkeys([v for e in c.equations for v in e.values if v not in c.made]):
            number = uniform(c.graph.constants.get(v))
            if number is not None:
                for texts in self.rows:
                    texts[v] = literal(number, name_of(v.dtype))
            else:
                self._input(v, f"a{self.given.index(v)}")
        for e in c.equations:
            self._equation(e)
        for i, v in enumerate(self.results):
            self._write(v, f"o{i}")
        lines: list[str] = []
        rest = "u"
        for k in range(len(self.extents) - 1, -1, -1):
            if k != self.along:
                lines.append(f"i{k} = {rest} % {self.extents[k]}")
                rest = f"{rest} // {self.extents[k]}"
        # How often is an argument: LLVM would unroll a short loop rather than make vectors of it.
        lines += [*self.unit, "for j in range(n):", *[f"    {x}" for x in self.body]]
        head = f"def loop({', '.join(['lo', 'hi', 'part', *self.lies, 'n'])}):"
        return "\n".join([head, "    for u in range(lo, hi):", *[f"        {x}" for x in lines], ""])

    def _view(self, name: str) -> int:
        """Write where the columns of a unit begin in an array; return how far apart they are."""
        a = self.lies[name]
        assert self.along is not None
        start = [f"i{k} * {s}" for k, s in enumerate(a.steps) if s and k != self.along]
        step = a.steps[self.along]
        count = (self.long - 1) * step + a.rows[-1] + 1
        first = " + ".join(start) or "0"
        self.unit.append(f"x{name} = {name}[{first} : {first} + {count}]")
        return step

    def _input(self, v: Value, name: str) -> None:
        step = self._view(name)
        names: dict[int, str] = {}
        for texts, at in zip(self.rows, self.lies[name].rows, strict=True):
            if at not in names:
                names[at] = f"{name}_{at}"
                # What is the same in all columns is read before them.
                lines, place = (self.body, f"{step} * j + {at}") if step else (self.unit, str(at))
                lines.append(f"{names[at]} = x{name}[{place}]")
            texts[v] = names[at]

    def _equation(self, e: Equation) -> None:
        out, name, label = e.outputs[0], e.primitive.name, f"v{len(self.body)}"
        if self.c.roles[out] == "full":
            for r, texts in enumerate(self.rows):
                self.text = texts
                self.body.append(f"{label}_{r} = {self._expression(e, self.made, {})}")
                texts[out] = f"{label}_{r}"
            return
        if name in REDUCTIONS and self.c.roles[e.values[0]] == "full":
            parts = [texts[e.values[0]] for texts in self.rows]
            text = reduced(name, parts, type_name(name_of(out.dtype)) or "", self.body)
            label = f"v{len(self.body)}"
        else:
            self.text = self.rows[0]
            text = self._expression(e, self.made, {})
        self.body.append(f"{label} = {text}")
        for texts in self.rows:
            texts[out] = label

    def _write(self, v: Value, name: str) -> None:
        step = self._view(name)
        # Numbers of columns are written once.
        many = self.c.rows if self.c.roles[v] == "full" else 1
        for texts, at in zip(self.rows[:many], self.lies[name].rows[:many], strict=True):
            self.body.append(f"x{name}[{step} * j + {at}] = {texts[v]}")
