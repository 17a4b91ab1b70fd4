"""Generated loops as steps of a fused plan: their arguments, results and division among threads."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from funcnet.compiler.graph import Value
from funcnet.compiler.inplace import written_in_place
from funcnet.compiler.kernels.small import added
from funcnet.compiler.loops.emit import Loop
from funcnet.compiler.loops.group import (
    CYCLE,
    EACH,
    JOINED,
    REPEAT,
    REPEAT_ROW,
    RUN_SUM,
    TURN_SUM,
    WIDE,
    Group,
    repetition,
)
from funcnet.compiler.loops.narrow import loop_of
from funcnet.compiler.loops.subnormal import to_zero
from funcnet.compiler.loops.templates import type_name
from funcnet.compiler.loops.windows import PLACES, WINDOW, window_of
from funcnet.compiler.steps import Fixed, Given
from funcnet.compiler.team.groups import EACH as SHARE
from funcnet.compiler.team.uses import READ

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.fusion.arrays import Arrays
    from funcnet.compiler.inplace import Readers

    Compile = Callable[[str, str], Callable[..., None]]

__all__ = ["LoopSteps", "Ready"]

#: Weighted element operations that a thread has to have.
_PARALLEL = SHARE
#: What a row takes beside its elements, in the same measure: vectors that are filled and emptied at each stage.
_ROW = 400
#: Bounds between threads are multiples of this where a loop takes elements one by one: of a line of the cache.
_LINE = 64

_NUMBA_TYPES = {"f4": "float32", "f8": "float64", "i4": "int32", "i8": "int64", "b1": "boolean"}


class Ready(NamedTuple):
    """A loop with what it is given.

    Attributes
    ----------
    loop : Loop
        What it computes.
    function : callable
        Compiled.
    arguments : list of Fixed or Given
        What it takes after its bounds and the number of its part.
    after : list of callable
        Write what follows it.
    """

    loop: Loop
    function: Callable[..., None]
    arguments: list[Fixed | Given]
    after: list[Callable[[], None]]


class LoopSteps:
    """Writes the loops of a plan.

    Parameters
    ----------
    arrays : Arrays
        Where values lie.
    compile : callable
        Makes functions of the sources of loops.
    count : int
        How many threads there are.
    needed : set of Value
        What other steps read.
    readers : Readers
        Which inputs may be written to.

    Attributes
    ----------
    loops : list of Loop
        What was written.
    in_place : dict of Value to Value
        Results that are written to the memory of inputs.
    """

    __slots__ = ("arrays", "compile", "count", "in_place", "loops", "needed", "readers", "writer")

    def __init__(self, arrays: Arrays, compile: Compile, count: int, needed: set[Value], readers: Readers) -> None:
        self.arrays, self.writer = arrays, arrays.writer
        self.compile = compile
        self.count = count
        self.needed = needed
        self.readers = readers
        self.loops: list[Loop] = []
        self.in_place: dict[Value, Value] = {}

    def write(self, group: Group, step: int) -> None:
        """Write the step that is a loop."""
        loop = loop_of(group, self.arrays.graph, self.needed)
        rows = prod(group.shape) if loop.flat else group.rows // (loop.period or 1)
        bounds = self._bounds(loop, rows)
        ready = self._ready(loop, step, len(bounds) - 1)
        made = [v for v, _ in loop.outputs]
        self.writer.step(ready.function, bounds, ready.arguments, made, amount=self._work(loop, rows))
        for write in ready.after:
            write()

    def ready(self, group: Group, step: int, parts: int) -> Ready:
        """Return what there is to write for the step that is a loop, whose sums come in some parts."""
        return self._ready(loop_of(group, self.arrays.graph, self.needed), step, parts)

    def _ready(self, loop: Loop, step: int, parts: int) -> Ready:
        self._write_in_place(loop, step)
        self.loops.append(loop)
        types = [self._numba_type(v, role, loop) for v, role in (*loop.inputs, *loop.outputs)]
        outputs = range(len(loop.inputs), len(types))
        for k in outputs:
            if loop.outputs[k - len(loop.inputs)][1] == "total":
                types[k] = "float64[::1]"
        arguments = [self._input(v, role, loop) for v, role in loop.inputs]
        if loop.period is not None:
            types.insert(len(loop.inputs), "int64")
            arguments.append(Fixed(loop.period))
        function = self.compile(loop.source, f"void(int64, int64, int64, {', '.join(types)})")
        after: list[Callable[[], None]] = []
        for v, role in loop.outputs:
            arguments.append(self._output(v, role, loop, parts, after))
        return Ready(loop, function, arguments, after)

    def _write_in_place(self, loop: Loop, step: int) -> None:
        found = written_in_place(loop, self.readers.free(step), self.arrays.graph.outputs)
        if found:
            loop.source = to_zero(loop)
        for out, v in found.items():
            self.in_place[out] = v
            self.readers.take(v)

    def _bounds(self, loop: Loop, rows: int) -> tuple[int, ...]:
        step = _LINE if loop.flat else 1
        units = -(-rows // step)
        parts = max(1, min(self.count, units, self._work(loop, rows) // _PARALLEL))
        return tuple([min(units * i // parts * step, rows) for i in range(parts)] + [rows])

    @staticmethod
    def _work(loop: Loop, rows: int) -> int:
        return loop.work if loop.flat or loop.group.narrow else loop.work + _ROW * rows

    @staticmethod
    def _numba_type(v: Value, role: str, loop: Loop) -> str:
        typed = _NUMBA_TYPES[type_name(str(v.dtype)) or ""]
        if role == EACH or role in PLACES:
            return "int64"
        rows = ("column sum", WIDE, JOINED, CYCLE, REPEAT, RUN_SUM, TURN_SUM)
        two = (role in ("full", WINDOW) and not loop.flat) or role in rows
        return f"{typed}[:,::1]" if two else f"{typed}[::1]"

    def _shape(self, role: str, loop: Loop) -> tuple[int, ...]:
        group = loop.group
        if role == "full":
            return (prod(group.shape),) if loop.flat else (group.rows, group.columns)
        if role == RUN_SUM:
            return group.rows // (loop.period or 1), group.columns
        return (group.columns,) if role == "column" else (group.rows,)

    def _input(self, v: Value, role: str, loop: Loop) -> Fixed | Given:
        if role == "scalar":
            shape: tuple[int, ...] = (1,)
        elif role == EACH:
            found = repetition(v.shape, loop.group.shape, loop.group.split or 0)
            assert found is not None
            return Fixed(found[0])
        elif role in PLACES:
            equation = next(e for e in loop.group.equations if e.outputs[0] is v)
            window = window_of(equation, loop.group.split)
            assert window is not None
            return Fixed(getattr(window[0], role))
        elif role == WINDOW:
            k = loop.group.split
            shape = (prod(v.shape),) if k is None else (prod(v.shape[:k]), prod(v.shape[k:]))
        elif role == WIDE:
            shape = (loop.group.rows, v.shape[-1])
        elif role in (CYCLE, REPEAT):
            shape = (prod(v.shape) // loop.group.columns, loop.group.columns)
        elif role == REPEAT_ROW:
            shape = (prod(v.shape),)
        else:
            shape = self._shape(role, loop)
        array = self.arrays.at_hand(v)
        if array is not None:
            return Fixed(array.reshape(shape), READ)
        return Given(self.arrays.once(v), shape, READ)

    def _output(self, v: Value, role: str, loop: Loop, parts: int, after: list[Callable[[], None]]) -> Fixed | Given:
        group = loop.group
        if role in ("full", "row", JOINED, RUN_SUM):
            shape = (group.rows, v.shape[-1]) if role == JOINED else self._shape(role, loop)
            if v in self.arrays.planned:
                return Fixed(self.arrays.planned[v].reshape(shape))
            if v in self.in_place:
                # Under the donated array's name, so that the call takes one address of both.
                name = self.writer.names[v] = self.writer.name(self.in_place[v])
                self.arrays.fresh.add(v)
            else:
                name = self.arrays.make(v)
            return Given(name, shape)
        equation = next(e for e in group.equations if v in e.outputs)
        mean = equation.primitive.name == "mean"
        if role == "total":
            partial = np.empty(parts)
            text = f"{self.writer.constant(partial)}.sum()" if parts > 1 else f"{self.writer.constant(partial)}[0]"
            if mean:
                text += f" / {prod(group.shape)}"
            scalar = self.writer.constant(np.dtype(v.dtype).type)
            text = f"{scalar}({text})"
            if v.shape:
                text = f"{self.writer.constant(np.full)}({v.shape!r}, {text})"
            line = f"{self.writer.name(v)} = {text}"
            self.writer.shows(self.writer.name(v))
            after.append(lambda: self.writer.after([line], [v]))
            return Fixed(partial)
        target = self.arrays.planned.get(v)

        def seen_as(*shape: int) -> Fixed | Given:
            return Given(name, shape) if target is None else Fixed(target.reshape(shape))

        name = self.arrays.make(v) if target is None else ""
        columns = prod(v.shape)
        if parts == 1 and not mean:
            return seen_as(1, columns)
        sums = Fixed(np.empty((parts, columns), v.dtype))
        total = added(self.compile, _NUMBA_TYPES[type_name(str(v.dtype)) or ""], mean)
        given = [sums, Fixed(prod(group.shape) // columns), seen_as(columns)]
        after.append(lambda: self.writer.step(total, (0, columns), given, [v]))
        return sums
