"""The plan for NumPy with Numba: compiled loops, products into planned memory, and plain calls for the rest."""

from __future__ import annotations

from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.arena import offsets
from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.inplace import Readers, written_in_place
from funcnet.compiler.kernels.attending import attended
from funcnet.compiler.kernels.products import Matrices, product, scratch, signature, source
from funcnet.compiler.kernels.rewrites import rectify_pooled
from funcnet.compiler.kernels.small import added
from funcnet.compiler.kernels.special import Of, Special, Steps
from funcnet.compiler.kernels.table import specialised
from funcnet.compiler.layout import Layout, contiguous, flattened, placed_as, readable, turned_products, view_of
from funcnet.compiler.loops.build import compiled
from funcnet.compiler.loops.emit import Loop, emitted
from funcnet.compiler.loops.groups import CYCLE, JOINED, WIDE, Group, grouped
from funcnet.compiler.loops.lowering import lowered
from funcnet.compiler.loops.templates import type_name
from funcnet.compiler.passes import optimised
from funcnet.compiler.plain import call, fresh_outputs
from funcnet.compiler.steps import Fixed, Given, StepWriter
from funcnet.compiler.team.driver import LIMIT
from funcnet.compiler.workers import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Compile = Callable[[str, str], Callable[..., None]]

__all__ = ["FusedPlan"]

#: Results of these show the memory of their first argument.
_VIEWS = frozenset(["matrix_transpose", "permute_dims", "reshape", "expand_dims", "squeeze", "broadcast_to", "getitem"])
#: Results of these show all of their argument in another order.
_TURNS = frozenset(["matrix_transpose", "permute_dims"])
#: Results of loops that are arrays.
_ARRAYS = ("full", "row", "column sum", JOINED)
#: Results of these are arrays of their own.
_FRESH = frozenset(["matmul", "sum", "mean", "max", "min", "affine", "concat", "stack", "einsum"])
#: Weighted element operations that a thread has to have, some 3 microseconds: posting and waiting take 1.5.
_PARALLEL = 50_000
#: What a row takes beside its elements, in the same measure: vectors that are filled and emptied at each stage.
_ROW = 400
#: Bounds between threads are multiples of this where a loop takes elements one by one: of a line of the cache.
_LINE = 64

_NUMBA_TYPES = {"f4": "float32", "f8": "float64", "i4": "int32", "i8": "int64", "b1": "boolean"}


class FusedPlan:
    """An optimised graph whose arrays are NumPy's, ready to run.

    Parameters
    ----------
    graph : Graph
        The graph.
    compile : callable, optional
        Makes functions of the sources of loops.
    donated : sequence of int
        Inputs that it may write to.

    Attributes
    ----------
    graph : Graph
        What it computes, in operations that loops are made of.
    loops : list of Loop
        What is compiled.
    calls : list of str
        The operations that stay calls.
    planned : int
        Bytes of the block that holds intermediate arrays.
    reused : dict of int to int
        Input that is written to, a C-contiguous array that nobody else needs -> the output that it becomes.
    """

    def __init__(self, graph: Graph, compile: Compile = compiled, *, donated: Sequence[int] = ()) -> None:
        self.loops: list[Loop] = []
        self.calls: list[str] = []
        self.planned = 0
        self.reused: dict[int, int] = {}
        self._compile = compile
        self._donated = tuple(donated)
        # Lowering may leave repeated and unused operations behind.
        self.graph = specialised(optimised(turned_products(lowered(attended(rectify_pooled(graph))))))
        # A call writes to the memory of its plan, so a plan serves one call at a time.
        self._idle = [_Builder(self.graph, compile, self, donated=self._donated).build()]
        self._idle_into: list[Callable[..., tuple[Any, ...]]] = []

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        try:
            plan = self._idle.pop()
        except IndexError:
            plan = _Builder(self.graph, self._compile, None, donated=self._donated).build()
        try:
            return plan(*values)
        finally:
            self._idle.append(plan)

    @contextmanager
    def into(self) -> Iterator[Callable[..., tuple[Any, ...]]]:
        """Give a function of the inputs and of one array for each output, which it writes to, for a ``with`` block.

        The arrays for the outputs are contiguous, and share no memory with the inputs or each other.
        """
        try:
            plan = self._idle_into.pop()
        except IndexError:
            plan = _Builder(self.graph, self._compile, None, targets=True).build()
        try:
            yield plan
        finally:
            self._idle_into.append(plan)


class _Builder:
    def __init__(
        self,
        graph: Graph,
        compile: Compile,
        report: FusedPlan | None,
        *,
        targets: bool = False,
        donated: Sequence[int] = (),
    ) -> None:
        self.graph = graph
        #: Whether the caller gives the arrays that results are written to.
        self.targets = targets
        self.compile = compile
        self.report = report
        self.writer = StepWriter()
        self.nodes: list[Group | Equation] = [_unwrapped(n) for n in grouped(graph)]
        self.needed = {v for v in graph.outputs if v.__class__ is Value}
        for n in self.nodes:
            if isinstance(n, Group):
                made = n.made
                self.needed |= {v for e in n.equations for v in e.values if v not in made}
            else:
                self.needed |= set(n.values)
        self.results = {v for v in graph.outputs if v.__class__ is Value}
        self.count = min(max(1, threads()), LIMIT)
        #: Arrays of the block, by value.
        self.planned: dict[Value, np.ndarray] = {}
        #: Expressions that were written already.
        self.known: dict[tuple[Value, str], str] = {}
        self.temporaries = 0
        #: Results that were made for this call and that nothing else shows.
        self.fresh: set[Value] = set()
        self.readers = Readers(self.nodes, [graph.inputs[i] for i in donated], self.results, _shares)
        #: Results that are written to the memory of inputs.
        self.in_place: dict[Value, Value] = {}
        #: Transposes of what is not in the block.
        self.view_makers = {n.outputs[0]: n for n in self._plain() if n.primitive.name in _TURNS}
        #: Where products rearrange their operands.
        self.scratch: np.ndarray | None = None
        self.layout = Layout(self._plain(), self.results, self._written_in_block())

    def build(self) -> Callable[..., tuple[Any, ...]]:
        for v, array in self.graph.constants.items():
            self.writer.names[v] = self.writer.constant(array)
        for v in self.graph.inputs:
            self.writer.name(v)
        self._place()
        for i, node in enumerate(self.nodes):
            if isinstance(node, Group):
                self._loop(node, i)
            else:
                self._equation(node)
            self.writer.drop([self.writer.name(v) for v in self.dying.get(i, ()) if v not in self.planned])
        self.writer.flush()
        if self.targets:
            return self._finish_into()
        return self.writer.finish(self.graph.inputs, self._outputs())

    def _finish_into(self) -> Callable[..., tuple[Any, ...]]:
        """Copy what was not written to its place, and end the function."""
        done: set[Any] = set()
        places = [Value(v.spec) for v in self.graph.outputs]
        for k, (v, place) in enumerate(zip(self.graph.outputs, places, strict=True)):
            self.writer.names[place] = f"o{k}"
            if v not in self.fresh or v in done:
                self.writer.lines.append(f"o{k}[...] = {self.writer.name(v)}")
            done.add(v)
        return self.writer.finish([*self.graph.inputs, *places], [])

    def _outputs(self) -> list[str]:
        out = fresh_outputs(self.writer, self.graph, {*self.fresh, *self.planned})
        # What lies in the block is copied; results proper are made fresh from the start.
        seen: set[Any] = set()
        for i, v in enumerate(self.graph.outputs):
            if v in self.fresh and v not in seen:
                out[i] = self.writer.name(v)
            seen.add(v)
            if v.__class__ is Value and v in self.planned:
                out[i] = f"{self.writer.constant(np.array)}({self.writer.name(v)})"
        return out

    # ------------------------------------------------------------------ memory

    def _place(self) -> None:
        """Find the arrays that lie in the block, and where."""
        made: dict[Value, int] = {}
        base: dict[Value, Value] = {}
        last: dict[Value, int] = {}
        candidates: list[Value] = []
        for i, node in enumerate(self.nodes):
            equations = node.equations if isinstance(node, Group) else [node]
            for e in equations:
                for v in e.values:
                    last[v] = i
                    if not isinstance(node, Group) and _product(e):
                        last[self._seen_through(v)[0]] = i
                for v in e.outputs:
                    last.setdefault(v, i)
                    made[v] = i
                if isinstance(node, Group):
                    continue
                # Anything else may return what it was given: then both live as long as the longer.
                if _shares(e):
                    for v in e.outputs:
                        for a in e.values:
                            base.setdefault(v, base.get(a, a))
            if isinstance(node, Group):
                candidates += [
                    v
                    for e in node.equations
                    for v in e.outputs
                    if v in self.needed
                    and v not in self.results
                    and node.roles[v] in ("full", "row", "column sum", JOINED)
                ]
            elif _product(node) or node.primitive.__class__ is Special:
                candidates += [v for v in node.outputs if v not in self.results and v not in self.layout.parts]
        ends = dict(last)
        for e in self._plain():
            for v in e.outputs:
                for a in e.values:
                    if v in base:
                        ends[base.get(a, a)] = max(ends.get(base.get(a, a), 0), last.get(v, 0))
        # Once more in reverse, so that chains of views reach their root.
        for e in reversed(self._plain()):
            for v in e.outputs:
                if v in base:
                    for a in e.values:
                        ends[a] = max(ends.get(a, 0), ends.get(v, 0))
        final = len(self.nodes)
        for v in self.results:
            for a in self._sources(v):
                ends[a] = final
        first = dict(made)
        for v, (joint, _) in self.layout.parts.items():
            first[joint] = min(first[joint], made[v])
            ends[joint] = max(ends.get(joint, 0), ends.get(v, 0))
        candidates += self.layout.joints
        order = sorted(candidates, key=lambda v: (first[v], made[v]))
        sizes = [_bytes(v) for v in order]
        starts, total = offsets([(first[v], ends.get(v, made[v]), s) for v, s in zip(order, sizes, strict=True)])
        block = np.empty(total + 64, np.uint8)
        shift = -block.ctypes.data % 64
        if self.report is not None:
            self.report.planned = total
        for v, start, size in zip(order, starts, sizes, strict=True):
            memory = block[shift + start : shift + start + size]
            self._keep(v, placed_as(memory, v, self.layout.orders.get(v)))
        for v, (joint, key) in self.layout.parts.items():
            self._keep(v, self.planned[joint][key])
        self.dying: dict[int, list[Value]] = {}
        for v, i in last.items():
            if v in made and v not in self.planned and v not in self.results and made[v] != i and v in self.needed:
                self.dying.setdefault(i, []).append(v)

    def _keep(self, v: Value, array: np.ndarray) -> None:
        self.planned[v] = array
        self.writer.names[v] = self.writer.constant(array)

    def _written_in_block(self) -> Callable[[Value], bool]:
        """Return whether a value is made by something that writes to any memory that it is given."""
        # One product of all rows in place of a stack of them needs its rows side by side.
        made = {
            e.outputs[0] for e in self._plain() if _product(e) and len(e.inputs[1].shape) == len(e.outputs[0].shape)
        }
        made |= {v for e in self._plain() if getattr(e.primitive, "strided", False) for v in e.outputs}
        return lambda v: v in made and v not in self.results

    def _plain(self) -> list[Equation]:
        return [n for n in self.nodes if isinstance(n, Equation)]

    def _sources(self, v: Value) -> set[Value]:
        """Return what a value may show the memory of."""
        found = {v}
        for e in reversed(self._plain()):
            if _shares(e) and not found.isdisjoint(e.outputs):
                found.update(e.values)
        return found

    # ------------------------------------------------------------------ steps

    def _equation(self, e: Equation) -> None:
        if self.report is not None:
            self.report.calls.append(e.primitive.name)
        if e.primitive.__class__ is Special:
            self._special(e, e.primitive)
            return
        if not e.outputs:
            self.writer.flush()
            call(self.writer, e)
            return
        out = e.outputs[0]
        first: Any = e.inputs[0] if e.inputs else None
        if out in self.layout.joints:
            # Its parts are there already.
            return
        view = view_of(e, self.planned[first]) if first in self.planned else None
        if view is not None:
            self._view(out, view)
        elif e.primitive.name == "matrix_transpose" and not self.writer.waits(first):
            self.writer.lines.append(f"{self.writer.name(out)} = {self.writer.name(first)}.swapaxes(-1, -2)")
        elif _product(e) and (out in self.planned or out in self.results):
            if out not in self.planned:
                self._fresh(out)
            if self._multiply(e):
                return
            self.writer.flush()
            a, b, y = e.inputs[0], e.inputs[1], out
            if len(b.shape) == 2 and (y not in self.planned or self.planned[y].flags.c_contiguous):
                # One product of all rows in place of a stack of products.
                names = [self._rows(a), self.writer.name(b), self._rows(y)]
                self.writer.lines.append(f"{self.writer.constant(np.dot)}({', '.join(names)})")
            else:
                names = [self.writer.name(v) for v in (a, b, y)]
                self.writer.lines.append(f"{self.writer.constant(np.matmul)}({', '.join(names)})")
        else:
            if e.primitive.kind == "call" or e.primitive.meta.get("effect") or any([self._later(v) for v in e.values]):
                self.writer.flush()
            call(self.writer, e)

    def _later(self, v: Value) -> bool:
        """Return whether steps that wait may have to write to what a value shows."""
        return v in self.planned or self.writer.waits(v)

    def _multiply(self, e: Equation) -> bool:
        """Write the call of the compiled product; return False if this one is left to BLAS."""
        out = e.outputs[0]
        (a, left), (b, right), (c, result) = (self._matrices(v) for v in (*e.inputs, out))
        found = product(left, right, result, out.dtype, self.count)
        if found is None:
            return False
        if self.scratch is None:
            self.scratch = scratch(self.count)
        if found.turned:
            a, b = b, a
        function = self.compile(source(out.dtype), signature(out.dtype))
        self.writer.step(function, found.bounds, [a, b, c, Fixed(self.scratch), Fixed(found.description)], [out])
        return True

    def _matrices(self, v: Value) -> tuple[Fixed | Given, Matrices]:
        """Return a flat array that begins with or holds a value, and where in it the value lies."""
        array = self.planned.get(v)
        if array is None:
            array = self.graph.constants.get(v)
        if isinstance(array, np.ndarray):
            return Fixed(array[(slice(0, 1),) * array.ndim].reshape(-1)), Matrices.of(array)
        if v in self.fresh:
            return Given(self.writer.name(v), (prod(v.shape),)), Matrices.of(np.empty(v.shape, v.dtype))
        base, views = self._seen_through(v)
        inside = whole = np.empty(base.shape, base.dtype)
        for e in views:
            found = view_of(e, inside)
            assert found is not None
            inside = found
        text = f"{self.writer.constant(np.ascontiguousarray)}({self.writer.name(base)})"
        return Given(self._once(base, "contiguous", text), (prod(base.shape),)), Matrices.of(inside, whole)

    def _seen_through(self, v: Value) -> tuple[Value, list[Equation]]:
        """Return what a value shows part of, and the views from there to it."""
        views: list[Equation] = []
        while (e := self.view_makers.get(v)) is not None:
            views.insert(0, e)
            v = e.inputs[0]
        return v, views

    def _rows(self, v: Value) -> str:
        """Return an expression for a matrix of the rows of an array."""
        if len(v.shape) == 2:
            return self.writer.name(v)
        shape = (prod(v.shape[:-1]), v.shape[-1])
        array = self.planned.get(v)
        if array is not None and array.flags.c_contiguous:
            return self.writer.constant(array.reshape(shape))
        return f"{self.writer.name(v)}.reshape({shape!r})"

    def _special(self, e: Equation, special: Any) -> None:
        if special.strided:
            self._strided(e, special)
            return
        given = [self._contiguous(v) for v in e.inputs]
        for v in e.outputs:
            if v not in self.planned:
                self._fresh(v)
        kernel = special.build(self.compile, self.count)
        if isinstance(kernel, Steps):
            arrays = (*e.inputs, *e.outputs)
            names = (*given, *[self.writer.name(v) for v in e.outputs])
            for function, bounds, arguments in kernel.steps:
                seen = [
                    self._seen(arrays[a.index], names[a.index], a) if isinstance(a, Of) else Fixed(a) for a in arguments
                ]
                self.writer.step(function, bounds, seen, e.outputs)
            return
        given += [self.writer.name(v) for v in e.outputs]
        self.writer.flush()
        self.writer.lines.append(f"{self.writer.constant(kernel)}({', '.join(given)})")

    def _strided(self, e: Equation, special: Any) -> None:
        given: list[Fixed | Given] = []
        layouts, copies = [], []
        for v in e.outputs:
            if v not in self.planned:
                self._fresh(v)
        for v in (*e.inputs, *e.outputs):
            array = self.planned.get(v)
            if array is None and v in self.graph.constants:
                array = np.asarray(self.graph.constants[v])
            strides = contiguous(v.shape, np.dtype(v.dtype).itemsize)
            if array is not None and readable(array):
                given.append(Fixed(flattened(array)))
                strides = array.strides
            elif v in e.inputs:
                given.append(Given(self._contiguous(v), (prod(v.shape),)))
            elif array is None:
                given.append(Given(self.writer.name(v), (prod(v.shape),)))
            else:
                scratch = np.empty(v.shape, v.dtype)
                given.append(Fixed(scratch.reshape(-1)))
                copies.append(
                    f"{self.writer.constant(np.copyto)}({self.writer.name(v)}, {self.writer.constant(scratch)})"
                )
            layouts.append((v.shape, strides))
        function, bounds, arguments = special.build(self.compile, self.count, layouts)
        seen = [given[a.index] if isinstance(a, Of) else Fixed(a) for a in arguments]
        self.writer.step(function, bounds, seen, e.outputs)
        if copies:
            self.writer.flush()
            self.writer.lines += copies

    def _seen(self, v: Value, name: str, a: Of) -> Fixed | Given:
        """Return an array as an argument of a kernel's step."""
        array = self._at_hand(v)
        return Given(name, a.shape) if array is None else Fixed(array.reshape(a.shape))

    def _at_hand(self, v: Value) -> np.ndarray | None:
        """Return the array of a value that is the same in every call, if it is contiguous."""
        array = self.planned.get(v)
        if array is None:
            array = self.graph.constants.get(v)
        return array if isinstance(array, np.ndarray) and array.flags.c_contiguous else None

    def _contiguous(self, v: Value) -> str:
        if self._at_hand(v) is not None:
            return self.writer.name(v)
        return self._once(v, "contiguous", f"{self.writer.constant(np.ascontiguousarray)}({self.writer.name(v)})")

    def _view(self, out: Value, array: np.ndarray) -> None:
        if out in self.results:
            self.writer.lines.append(f"{self.writer.name(out)} = {self.writer.constant(array)}")
        else:
            self._keep(out, array)

    def _loop(self, group: Group, step: int) -> None:
        loop = emitted(group, self.graph, self.needed)
        self._write_in_place(loop, step)
        if self.report is not None:
            self.report.loops.append(loop)
        rows = prod(group.shape) if loop.flat else group.rows
        bounds = self._bounds(loop, rows)
        parts = len(bounds) - 1
        types = [self._numba_type(v, role, loop) for v, role in (*loop.inputs, *loop.outputs)]
        outputs = range(len(loop.inputs), len(types))
        for k in outputs:
            if loop.outputs[k - len(loop.inputs)][1] == "total":
                types[k] = "float64[::1]"
        function = self.compile(loop.source, f"void(int64, int64, int64, {', '.join(types)})")
        arguments = [self._input(v, role, loop) for v, role in loop.inputs]
        after: list[Callable[[], None]] = []
        for v, role in loop.outputs:
            arguments.append(self._output(v, role, loop, parts, after))
        self.writer.step(function, bounds, arguments, [v for v, _ in loop.outputs])
        for write in after:
            write()

    def _write_in_place(self, loop: Loop, step: int) -> None:
        for out, v in written_in_place(loop, self.readers.free(step), self.graph.outputs).items():
            self.in_place[out] = v
            self.readers.take(v)
            if self.report is not None:
                self.report.reused[self.graph.inputs.index(v)] = self.graph.outputs.index(out)

    def _bounds(self, loop: Loop, rows: int) -> tuple[int, ...]:
        step = _LINE if loop.flat else 1
        units = -(-rows // step)
        work = loop.work if loop.flat else loop.work + _ROW * rows
        parts = max(1, min(self.count, units, work // _PARALLEL))
        return tuple([min(units * i // parts * step, rows) for i in range(parts)] + [rows])

    @staticmethod
    def _numba_type(v: Value, role: str, loop: Loop) -> str:
        typed = _NUMBA_TYPES[type_name(str(v.dtype)) or ""]
        if role == "scalar":
            return {"f": "float64", "i": "int64", "b": "boolean"}[np.dtype(v.dtype).kind]
        two = (role == "full" and not loop.flat) or role in ("column sum", WIDE, JOINED, CYCLE)
        return f"{typed}[:,::1]" if two else f"{typed}[::1]"

    def _shape(self, role: str, loop: Loop) -> tuple[int, ...]:
        group = loop.group
        if role == "full":
            return (prod(group.shape),) if loop.flat else (group.rows, group.columns)
        return (group.columns,) if role == "column" else (group.rows,)

    def _input(self, v: Value, role: str, loop: Loop) -> Fixed | Given:
        if role == "scalar":
            return Given(self._once(v, "item", f"{self.writer.name(v)}.item()"))
        if role == WIDE:
            shape: tuple[int, ...] = (loop.group.rows, v.shape[-1])
        elif role == CYCLE:
            shape = (prod(v.shape) // loop.group.columns, loop.group.columns)
        else:
            shape = self._shape(role, loop)
        array = self._at_hand(v)
        if array is not None:
            return Fixed(array.reshape(shape))
        # A scalar becomes an array of one element.
        text = f"{self.writer.constant(np.ascontiguousarray)}({self.writer.name(v)})"
        return Given(self._once(v, "contiguous", text), shape)

    def _fresh(self, v: Value) -> str:
        """Return the variable of a result, an array that the function makes or is given."""
        self.fresh.add(v)
        if self.targets:
            name = self.writer.names[v] = f"o{self.graph.outputs.index(v)}"
        else:
            name = self.writer.name(v)
            dtype = self.writer.constant(np.dtype(v.dtype))
            self.writer.lines.append(f"{name} = {self.writer.constant(np.empty)}({v.shape!r}, {dtype})")
        return name

    def _once(self, v: Value, kind: str, text: str) -> str:
        name = self.known.get((v, kind))
        if name is None:
            if self._later(v):
                # It reads what a step may yet have to write.
                self.writer.flush()
            name = self.known[v, kind] = f"t{self.temporaries}"
            self.temporaries += 1
            self.writer.lines.append(f"{name} = {text}")
        return name

    def _output(self, v: Value, role: str, loop: Loop, parts: int, after: list[Callable[[], None]]) -> Fixed | Given:
        group = loop.group
        if role in ("full", "row", JOINED):
            shape = (group.rows, v.shape[-1]) if role == JOINED else self._shape(role, loop)
            if v in self.planned:
                return Fixed(self.planned[v].reshape(shape))
            if v in self.in_place:
                name = self.writer.name(v)
                self.fresh.add(v)
                self.writer.lines.append(f"{name} = {self.writer.name(self.in_place[v])}")
            else:
                name = self._fresh(v)
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
            after.append(lambda: self.writer.after([line], [v]))
            return Fixed(partial)
        target = self.planned.get(v)

        def seen_as(*shape: int) -> Fixed | Given:
            return Given(name, shape) if target is None else Fixed(target.reshape(shape))

        name = self._fresh(v) if target is None else ""
        if parts == 1 and not mean:
            return seen_as(1, group.columns)
        sums = Fixed(np.empty((parts, group.columns), v.dtype))
        total = added(self.compile, _NUMBA_TYPES[type_name(str(v.dtype)) or ""], mean)
        given = [sums, Fixed(group.rows), seen_as(group.columns)]
        after.append(lambda: self.writer.step(total, (0, group.columns), given, [v]))
        return sums


def _shares(e: Equation) -> bool:
    """Whether results may show the memory of arguments."""
    p = e.primitive
    return p.name not in _FRESH and p.kind != "elementwise" and p.__class__ is not Special


def _unwrapped(node: Group | Equation) -> Group | Equation:
    """Return a loop of one operation as the operation, but for sums over rows, which NumPy is slow at."""
    if not isinstance(node, Group) or len(node.equations) > 1:
        return node
    (e,) = node.equations
    return node if node.roles[e.outputs[0]] == "column sum" else e


def _product(e: Equation) -> bool:
    """Whether an equation is a matrix product that can write into memory that it is given."""
    if e.primitive.name != "matmul" or len(e.values) != 2:
        return False
    a, b = e.values
    floating = np.dtype(a.dtype).kind == "f" and np.dtype(a.dtype).itemsize >= 4
    return floating and a.dtype == b.dtype and len(a.shape) >= 2 and len(b.shape) >= 2


def _bytes(v: Value) -> int:
    return prod(v.shape) * np.dtype(v.dtype).itemsize
