"""The source of a whole loop over steps, and where its arrays lie."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.scan_arguments import ENDLESS, Argument, Packed, Texts
from funcnet.compiler.kernels.scan_body import Body, Product, Term
from funcnet.compiler.kernels.scan_calls import argument_of, write_branch, write_joined, write_kernel, write_moves
from funcnet.compiler.kernels.scan_parts import Branch, Kernel, Moves
from funcnet.compiler.kernels.scan_scalars import NESTED, TURN, ended
from funcnet.compiler.kernels.scan_text import CHUNK, COPY, products, sums
from funcnet.compiler.kernels.special import type_of
from funcnet.compiler.loops.emit import emitted
from funcnet.compiler.loops.group import Group
from funcnet.compiler.loops.narrow import loop_of
from funcnet.compiler.loops.templates import type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.graph import Value

__all__ = ["Source"]


class Source(Texts):
    """A loop over all steps as the source of a function ``loop(lo, hi, part, *arrays)``.

    It goes through all steps for the parts `lo` to `hi` of the arrays.

    Attributes
    ----------
    text : str
        The source.
    arguments : list of Argument
        The arrays.
    packed : list of Packed
        The matrices.
    sizes : list of int
        The first of the arrays.
    work : int
        How many element operations it does, with weights.
    """

    def __init__(
        self, body: Body, call: Any, columns: dict[str, int], zeros: Sequence[bool], count: int, nested: bool
    ) -> None:
        super().__init__(call.length)
        self.body = body
        self.call = call
        self.columns = columns
        self.arguments: list[Argument] = []
        #: Arrays that kernels have for themselves, and the names of functions by their sources.
        self.arrays: list[np.ndarray] = []
        self.kernels: dict[str, str] = {}
        #: What is not 0 where an index was wrong, and whether there are any.
        self.flag = np.zeros(1, np.int64)
        self.checked = False
        #: Of a loop without a known end: whether it goes on, and with which step if the second of its sizes is 1. One
        #: that is nested goes on for longer, and it is wrong if it has not come to its end then.
        self.unfinished, self._reached = np.zeros(1, np.int64), np.zeros(1, np.int64)
        self.packed: list[Packed] = []
        self.work = 0
        self._names: dict[Argument, str] = {}
        self._many = body.kernels
        #: Definitions of functions, lines before the steps, of one step, and after.
        self._before: list[str] = []
        self._head: list[str] = []
        self.lines: list[str] = []
        self._after: list[str] = []
        self._views: dict[Any, str] = {}
        #: Which sums begin with zeros, and on how many threads they are added up at most.
        self._zeros = zeros
        self._count = min(count, body.units)
        graph = body.graph
        #: Carries that are no sums. They come before those that are.
        self._carried = call.carried - len(body.sums)
        first = call.held + self._carried
        self._held = {v: i for i, v in enumerate(graph.inputs[: call.held])}
        self._carries = list(graph.inputs[call.held : first])
        self._elements = {v: call.held + call.carried + i for i, v in enumerate(graph.inputs[first:])}
        # The last result of a loop without a known end says whether it goes on.
        self._results = [body.root(v) for v in (graph.outputs[:-1] if call.length == ENDLESS else graph.outputs)]
        #: Of each carry: the stack it is read from, and whether that is of what comes in or of what goes out.
        self._stack: list[tuple[int, bool] | None] = []
        #: Where values that a step makes are written: to the place of a result, or nowhere else.
        self._home: dict[Value, int] = {}
        #: What waits for a few steps before it is added up.
        self._waiting: set[Value] = set()
        self._chunk = 1
        self._place()
        if call.length == ENDLESS:
            self.sizes.append(0)
        first = 0
        for k, node in enumerate(body.nodes):
            if k == body.first:
                first = len(self.lines)
            if isinstance(node, Group):
                self._group(node, k)
            elif isinstance(node, Product):
                self._product(node)
            elif isinstance(node, Kernel):
                write_kernel(self, node)
            elif isinstance(node, Branch):
                write_branch(self, node)
            elif isinstance(node, Moves):
                write_moves(self, node)
            else:
                write_joined(self, node)
        self._copies()
        self._sums()
        if call.length == ENDLESS:
            self._ends(graph.outputs[-1], first if body.first < len(body.nodes) else len(self.lines), nested)
        self.text = self._text()
        self.sizes += self.places

    # ------------------------------------------------------------------ where values lie

    def _place(self) -> None:
        carried, results = self._carried, self._results
        outside = {*self._held, *self._carries, *self._elements, *self.body.graph.constants}
        for i, v in enumerate(results[carried:], carried):
            if v not in outside:
                self._home.setdefault(v, i)
        taken: set[int] = set()
        for i, carry in enumerate(self._carries):
            home = self._home.get(results[i])
            came = [k for k in range(carried, len(results)) if results[k] is carry and k not in taken]
            if self._stays(i):
                self._stack.append(None)
                continue
            if home is not None and home >= carried:
                self._stack.append((home, False))
            elif came:
                self._stack.append((came[0], True))
                taken.add(came[0])
            else:
                self._stack.append(None)
            if results[i] not in outside:
                self._home.setdefault(results[i], i)
        summed = [self.body.root(v) for v in self.body.summed]
        self._waiting = {v for v in summed if v not in outside and v not in self._home}
        if summed:
            rows = max(1, summed[0].shape[0] // self._count)
            self._chunk = min(self.call.length, -(-CHUNK // rows))

    def _name(self, kind: str, which: Any, shape: tuple[int, ...], dtype: Any) -> str:
        if kind == "output" and which >= self._carried:
            which += len(self.body.sums)
        argument = Argument(kind, which, shape, str(np.dtype(dtype)))
        name = self._names.get(argument)
        if name is None:
            name = self._names[argument] = f"m{len(self.arguments)}"
            self.arguments.append(argument)
        return name

    def _stacked(self, kind: str, which: int, shape: tuple[int, ...], v: Value) -> str:
        return self._name(kind, which, (self.call.length, *shape), v.dtype)

    def _line(self, key: Any, text: str) -> str:
        """Return the variable of a view that each step makes anew."""
        name = self._views.get(key)
        if name is None:
            name = self._views[key] = f"e{len(self._views)}"
            self._head.append(f"{name} = {text}")
        return name

    def read(self, v: Value, shape: tuple[int, ...]) -> str:
        """Return an expression for the array of a value."""
        v = self.body.root(v)
        if v in self._held:
            return self._name("input", self._held[v], shape, v.dtype)
        if v in self.body.graph.constants:
            return self._name("constant", v, shape, v.dtype)
        if v in self._elements:
            return self._line((v, shape), f"{self._stacked('input', self._elements[v], shape, v)}[t]")
        if v in self._carries:
            return self._carry(self._carries.index(v), shape)
        home = self._home.get(v)
        if v in self._waiting:
            place = self._name("own", v, (self._chunk, *shape), v.dtype)
            return self._line((v, shape), f"{place}[k % {self.number(self._chunk)}]")
        if home is None:
            return self._name("own", v, shape, v.dtype)
        return self._result(home, shape)

    def _result(self, i: int, shape: tuple[int, ...]) -> str:
        """Return the place of a result in this step."""
        v = self._results[i]
        if i >= self._carried:
            return self._line((i, shape), f"{self._stacked('output', i, shape, v)}[t]")
        last = self._name("output", i, shape, v.dtype)
        stack = self._stack[i]
        if stack is None:
            other = f"{self._two(i, shape)}[(k + 1) % 2]"
        else:
            other = f"{self._stacked('output', stack[0], shape, v)}[after]"
        return self._line((i, shape), f"{last} if k == steps - 1 else {other}")

    def _carry(self, i: int, shape: tuple[int, ...]) -> str:
        """Return what a carry is at the beginning of this step."""
        v, stack = self._carries[i], self._stack[i]
        if self._stays(i):
            return self._name("output", i, shape, v.dtype)
        if stack is not None and stack[1]:
            return self._result(stack[0], shape)
        first = self._name("input", self.call.held + i, shape, v.dtype)
        other = (
            f"{self._two(i, shape)}[k % 2]"
            if stack is None
            else f"{self._stacked('output', stack[0], shape, v)}[before]"
        )
        return self._line(("carry", i, shape), f"{first} if k == 0 else {other}")

    def _stays(self, i: int) -> bool:
        """Whether a carry is in one place in all steps, that of what it becomes."""
        # A loop that stops on the way begins again with what it has come to.
        return self._results[i] is self._carries[i] and self.call.length != ENDLESS

    def _two(self, i: int, shape: tuple[int, ...]) -> str:
        """Return two places for a carry, of which one is read and the other written."""
        return self._name("own", self._carries[i], (2, *shape), self._carries[i].dtype)

    def fixed(self, array: np.ndarray) -> str:
        """Return the name of an array of a kernel."""
        if not any([a is array for a in self.arrays]):
            self.arrays.append(array)
        which = next(i for i, a in enumerate(self.arrays) if a is array)
        return self._name("fixed", which, array.shape, array.dtype)

    def bounds(self, rows: int) -> str:
        d = self.number(rows // self.body.units)
        return f"lo * {d}, hi * {d}"

    # ------------------------------------------------------------------ the nodes

    def _group(self, group: Group, k: int) -> None:
        write = emitted if self.body.units > 1 else loop_of
        loop = write(group, self.body.graph, self.body.needed)
        self.work += loop.work
        head, _, rest = loop.source.partition("\n")
        self.define(f"stage{k}", f"{head.replace('def loop(', f'def stage{k}(')}\n{rest}", alone=self._many)
        given = [argument_of(self, v, role, group) for v, role in loop.inputs]
        if loop.period is not None:
            given.append(self.number(loop.period))
        after: list[str] = []
        for v, role in loop.outputs:
            given.append(self._output(v, role, group, after))
        rows = prod(group.shape) if loop.flat else group.rows // (loop.period or 1)
        self.lines.append(f"stage{k}({self.bounds(rows)}, 0, {', '.join(given)})")
        self.lines += after

    def _output(self, v: Value, role: str, group: Group, after: list[str]) -> str:
        shape = self.body.shape(role, v, group)
        place = self.read(v, shape)
        equation = next(e for e in group.equations if v in e.outputs)
        typed = type_name(str(v.dtype))
        mean = equation.primitive.name == "mean"
        if role == "total":
            total = self._name("own", equation, (1,), "float64")
            count = f" / {self.number(prod(group.shape))}" if mean else ""
            after.append(f"{place}[0] = {typed}({total}[0]{count})")
            return total
        if role == "column sum" and mean:
            after += [
                f"for j in range({place}.shape[1]):",
                f"    {place}[0, j] = {typed}({place}[0, j] / {self.number(group.rows)})",
            ]
        return place

    def _product(self, node: Product) -> None:
        typed = type_of(node.out.dtype)
        size = np.dtype(node.out.dtype).itemsize
        columns = self.columns[typed]
        count = len(node.terms)
        name = f"product_{typed}_{count}"
        self.functions[name] = products(name, typed, count, columns)
        factors = [self._factors(t, node, columns) for t in node.terms]
        c = self.read(node.out, (node.rows * node.width,))
        s, s_row = "0", "0"
        if node.added is not None:
            whole = node.added.shape == node.out.shape
            s = f"address({self.read(node.added, (prod(node.added.shape),))})"
            s_row = f"{self.number(node.width)} * {size}" if whole else "0"
        width = self.number(node.width)
        self.lines.append(
            f"{name}({self.bounds(node.rows)}, {width}, address({c}), {s}, {s_row}, {', '.join(factors)})"
        )

    def _factors(self, term: Term, node: Product, columns: int) -> str:
        lies = (node.width, term.depth) if term.turned else (term.depth, node.width)
        b = self.body.root(term.b)
        kind, which = ("input", self._held[b]) if b in self._held else ("constant", b)
        packed = Packed(Argument(kind, which, lies, str(b.dtype)), term.turned, term.depth, node.width)
        if packed not in self.packed:
            self.packed.append(packed)
        space = -(-node.width // columns) * columns * term.depth
        matrix = self._name("packed", self.packed.index(packed), (space,), b.dtype)
        a = self.read(term.a, (node.rows * term.depth,))
        self.work += node.rows * term.depth * node.width // 16
        return f"{self.number(term.depth)}, address({a}), address({matrix})"

    def _sums(self) -> None:
        """Add up products and rows of some steps."""
        # The same memory may have rows of several widths.
        alike: dict[tuple[Value, int, int], list[int]] = {}
        for i, s in enumerate(self.body.sums):
            rows, width = s.y.shape
            alike.setdefault((self.body.root(s.y), rows, width), []).append(i)
        if not alike:
            return
        chunk = self.number(self._chunk)
        # The name of a carry's place would be one of the step that is computed.
        lines = [f"slots = k % {chunk} + 1"]
        for (y, rows, width), which in alike.items():
            typed = type_of(y.dtype)
            columns = self.columns[typed]
            name = f"summed_{typed}_{len(which)}"
            self.functions[name] = sums(name, typed, len(which), columns)
            space = -(-rows // self._count) * self._chunk * columns
            w = self._name("own", ("panel", space), (self._count, space), y.dtype)
            parts = [self._addend(i, rows, width) for i in which]
            call = f"{name}({self.bounds(rows)}, slots, k >= {chunk}, {self.number(width)}, {self._slots(y)}"
            lines.append(f"{call}, address({w}[part]), {', '.join(parts)})")
        self.lines.append(f"if (k + 1) % {chunk} == 0 or k == steps - 1:")
        self.lines += [f"    {line}" for line in lines]

    def _addend(self, i: int, rows: int, width: int) -> str:
        """Return what a sum adds up products with, and where."""
        x, y = self.body.sums[i]
        size = np.dtype(y.dtype).itemsize
        depth = 1 if x is None else x.shape[1]
        if x is None:
            one = self._name("own", ("one", size), (1,), y.dtype)
            self._before.append(f"{one}[0] = 1")
            given = f"address({one}), 0, 0"
        else:
            given = f"{self._slots(self.body.root(x))}, {self.number(depth)} * {size}"
        total = self._name("sum", i, (1, depth * width), y.dtype)
        start = "0"
        if not self._zeros[i]:
            start = self._name("input", self.call.held + self._carried + i, (depth * width,), y.dtype)
            start = f"address({start}) if part == 0 else 0"
        self.work += rows * depth * width // 16
        return f"{given}, {self.number(depth)}, address({total}[part]), {start}"

    def _slots(self, v: Value) -> str:
        """Return where the rows of the first of some steps are, and how far those of the next are from there."""
        shape = (prod(v.shape),)
        step = f"{self.number(shape[0])} * {np.dtype(v.dtype).itemsize}"
        if v in self._waiting:
            place = self._name("own", v, (self._chunk, *shape), v.dtype)
            return f"address({place}), {step}"
        step = f"-{step}" if self.call.reverse_order else step
        return f"address({self.read(v, shape)}) - (slots - 1) * ({step}), {step}"

    def _copies(self) -> None:
        """Copy what a step does not write to its place, and what comes before and after all steps."""
        for i, v in enumerate(self._results):
            carried = i < self._carried
            size = prod(v.shape)
            if carried and self._stays(i):
                first = self._name("input", self.call.held + i, (size,), v.dtype)
                self._copy(self._before, size, self._name("output", i, (size,), v.dtype), first)
                continue
            stack = self._stack[i] if carried else None
            if stack is not None and not stack[1]:
                source = self._stacked("output", stack[0], (size,), v)
                self._copy(self._after, size, self._name("output", i, (size,), v.dtype), f"{source}[t]")
                continue
            if stack is not None:
                start = self._stacked("output", stack[0], (size,), v)
                first = self._name("input", self.call.held + i, (size,), v.dtype)
                self._copy(self._before, size, f"{start}[t]", first)
            came = not carried and any([s == (i, True) for s in self._stack])
            if not came and self._home.get(v) != i:
                self._copy(self.lines, size, self._result(i, (size,)), self.read(v, (size,)))

    def _copy(self, lines: list[str], size: int, place: str, source: str) -> None:
        self.functions["copied"] = COPY
        lines.append(f"copied({self.bounds(size)}, {place}, {source})")

    def _ends(self, flag: Value, first: int, nested: bool) -> None:
        """Go on as long as a value says so, and take the carries from where they are then.

        `first` is how many lines of a step come before.
        """
        self.checked = self.checked or nested
        wrong = f" or {self.fixed(self.flag)}[0] != 0" if self.checked else ""
        turns = self.number(max(1, (NESTED if nested else TURN) // max(1, self.work)))
        reached = self.fixed(self._reached)
        self._before += [f"begin = {reached}[0] if d1 != 0 else 0", f"end = begin + {turns}"]
        self._before += [f"{reached}[0] = end", "going = 1"]
        last: list[str] = []
        for i, v in enumerate(self._results):
            size = prod(v.shape)
            self._copy(last, size, self._name("output", i, (size,), v.dtype), self._carry(i, (size,)))
        asked = [f"if not {self.read(flag, (1,))}[0]{wrong}:", *[f"    {line}" for line in last]]
        self.lines[first:first] = [*asked, "    going = 0", "    break"]
        ends = ended(nested)
        place = self.fixed(self.flag if nested else self.unfinished)
        self._after += [line.removeprefix("    ").replace("unfinished", place) for line in ends]

    def _text(self) -> str:
        back = self.call.reverse_order
        names = ["lo", "hi", "part", "sizes", *self._names.values()]
        lines = [*self.alone.values(), f"def loop({', '.join(names)}):", *self.functions.values()]
        lines += ["    steps = sizes[0]"]
        lines += [f"    d{i} = sizes[{i}]" for i in range(1, len(self.sizes))]
        lines += [f"    places = {len(self.sizes)}"]
        lines += [f"    t = {'steps - 1' if back else '0'}", *[f"    {line}" for line in self._before]]
        every = "range(begin, end)" if self.call.length == ENDLESS else "range(steps)"
        lines += [f"    for k in {every}:", f"        t = {'steps - 1 - k' if back else 'k'}"]
        text = "\n".join([*self._head, *self.lines])
        for name, step in (("before", -1), ("after", 1)):
            if f"[{name}]" in text:
                lines.append(f"        {name} = t {'-' if (step < 0) != back else '+'} 1")
        lines += [f"        {line}" for line in (*self._head, *self.lines)]
        lines += [f"    {line}" for line in self._after]
        return "\n".join([*lines, ""])
