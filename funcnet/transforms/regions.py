"""Loops and branches in a graph: equations that hold graphs of their own, with rules for every transformation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.capture import capture, interpret
from funcnet.compiler.graph import Graph
from funcnet.core import Spec, Tracer, bind
from funcnet.core.dtypes import is_inexact
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError
from funcnet.ops import any as any_of
from funcnet.ops import broadcast_to, moveaxis, where
from funcnet.transforms.call import Arguments, Call, Zero
from funcnet.transforms.program import Program, split_vjp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.core import Primitive, Trace

__all__ = ["BranchCall", "Region", "ScanCall", "WhileCall"]


class Region(Call):
    """A call that stays one equation of a graph.

    Attributes
    ----------
    regions : tuple of Graph
        The graphs inside.
    """

    __slots__ = ("programs", "regions")
    region = True

    def __init__(self, name: str, regions: Sequence[Graph]) -> None:
        super().__init__(name, Arguments(()))
        self.regions = tuple(regions)
        self.programs = tuple([Program(g, name) for g in regions])
        if any([e.primitive.meta.get("effect") for g in regions for e in g.equations]):
            self.meta = {"effect": True}

    def abstract(self, trace: Trace, *values: Any) -> tuple[Any, ...]:
        return tuple([Tracer(trace, s, None) for s in self.specs(values)])

    @staticmethod
    def batch(primitive: Primitive, size: int, batched: Sequence[bool], /, *values: Any) -> tuple[Any, ...]:
        """Rule of `vmap`."""
        assert isinstance(primitive, Region)
        return primitive.in_batch(size, batched, values)

    def in_batch(self, size: int, batched: Sequence[bool], values: Sequence[Any]) -> tuple[Any, ...]:
        """Return the results for a batch, each with the batch as its first dimension."""
        raise NotImplementedError

    def with_regions(self, regions: Sequence[Graph]) -> Region:
        """Return the same call of rewritten graphs, of the same inputs and outputs."""
        raise NotImplementedError


class ScanCall(Region):
    """A loop of known length: ``(*constants, *carry, *xs) -> (*carry, *ys)``.

    The graph is that of one step, with an element of each of the `xs` in its place. With `again`, reverse mode keeps
    only the carries and computes each step once more.
    """

    __slots__ = ("again", "carried", "held", "length", "reverse_order")

    def __init__(
        self, step: Graph, *, held: int, carried: int, length: int, reverse: bool = False, again: bool = False
    ) -> None:
        super().__init__("scan", [step])
        self.held = held
        self.carried = carried
        self.length = length
        self.reverse_order = reverse
        self.again = again

    def with_regions(self, regions: Sequence[Graph]) -> ScanCall:
        return self._like(regions[0], self.held, self.carried)

    def with_step(self, step: Graph, held: int, carried: int) -> ScanCall:
        """Return the loop of another step."""
        return self._like(step, held, carried)

    def _like(self, step: Graph, held: int, carried: int, *, flip: bool = False, again: bool | None = None) -> ScanCall:
        return ScanCall(
            step,
            held=held,
            carried=carried,
            length=self.length,
            reverse=self.reverse_order != flip,
            again=self.again if again is None else again,
        )

    def specs(self, args: Sequence[Any]) -> list[Spec]:  # noqa: ARG002  # the graph knows
        outputs = self.regions[0].outputs
        ys = [_longer(v.spec, self.length) for v in outputs[self.carried :]]
        return [v.spec for v in outputs[: self.carried]] + ys

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        run = self.programs[0].run
        first = self.held + self.carried
        held, carry, xs = values[: self.held], values[self.held : first], values[first:]
        outputs = self.regions[0].outputs[self.carried :]
        order = range(self.length - 1, -1, -1) if self.reverse_order else range(self.length)
        if not order:
            carry = [v.spec.backend.asarray(c, copy=True) for v, c in zip(self.regions[0].outputs, carry, strict=False)]
        columns: list[Any] = [_column(v.spec, self.length) for v in outputs]
        count = self.carried
        if order and run.fused is not None:
            return *self._into(run.fused, held, carry, xs, columns, order), *columns
        for i in order:
            found = run(*held, *carry, *[x[i, ...] for x in xs])
            carry = found[:count]
            for column, y in zip(columns, found[count:], strict=True):
                column[i] = y
        return *carry, *[_joined(c, v.spec) for c, v in zip(columns, outputs, strict=True)]

    def _into(self, fused: Any, held: Any, carry: Any, xs: Any, columns: list[Any], order: range) -> Any:
        """Run the steps such that each writes its results where they belong; return the last carry."""
        specs = [v.spec for v in self.regions[0].outputs[: self.carried]]
        # A step reads one set of carries and writes the other.
        buffers = [[np.empty(s.shape, s.dtype) for s in specs] for _ in range(2)]
        with fused.into() as run:
            for k, i in enumerate(order):
                new = buffers[k % 2]
                run(*held, *carry, *[x[i, ...] for x in xs], *new, *[c[i, ...] for c in columns])
                carry = new
        return carry

    # ------------------------------------------------------------------ reverse mode

    def _active(self, values: Sequence[Any], active: Sequence[int]) -> list[int]:
        """Return the inputs of a step that carry a derivative: all carries do, since one step mixes them."""
        first = self.held + self.carried
        wanted = set(active) | set(range(self.held, first))
        return [i for i in sorted(wanted) if is_inexact(values[i].dtype)]

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:
        live = self._active(values, active)
        step = self.regions[0]
        count = len(step.outputs)
        forward, backward, kept = self.programs[0].derived(("scan", tuple(live)), lambda: self._transposed(live))
        found = bind(forward, *values)
        ys, stacks = found[:count], iter(found[count:])
        held = [values[k] for k in kept if k is not None and k < self.held]
        rest = [next(stacks) if k is None else values[k] for k in kept if k is None or k >= self.held]
        zeros = [Zero(values[i]) for i in live if i < self.held]
        return ys, (backward, held, rest, zeros, live)

    def _transposed(self, live: list[int]) -> tuple[ScanCall, ScanCall, list[int | None]]:
        """Return the loop that keeps residuals, the loop back, and which inputs residuals are, None for new ones."""
        step = self.regions[0]
        first = self.held + self.carried
        if self.again:
            forward, backward = _recomputed(step, live)
        else:
            forward, backward = split_vjp(step, live, recompute=True)
        count = len(step.outputs)
        # What is the same in every step, and what comes in stacked, need not be stacked.
        places = {v: i for i, v in enumerate(forward.inputs) if not self.held <= i < first}
        kept = [places.get(v) for v in forward.outputs[count:]]
        stacked = [v for v, k in zip(forward.outputs[count:], kept, strict=True) if k is None]
        onward = self._like(
            Graph(forward.inputs, forward.equations, [*forward.outputs[:count], *stacked], forward.constants),
            self.held,
            self.carried,
        )
        carries = [v for v in step.outputs[: self.carried] if is_inexact(v.dtype)]
        results = [v for v in step.outputs[self.carried :] if is_inexact(v.dtype)]
        sums = [i for i in live if i < self.held]
        fixed_or_new = [k is not None and k < self.held for k in kept]
        held = [v.spec for v, known in zip(backward.inputs, fixed_or_new, strict=False) if known]
        news = [v.spec for v, known in zip(backward.inputs, fixed_or_new, strict=False) if not known]

        def back(*args: Any) -> list[Any]:
            given = iter(args)
            fixed = iter([next(given) for _ in held])
            cts = [next(given) for _ in carries]
            totals = [next(given) for _ in sums]
            new = iter([next(given) for _ in news])
            seeds = [*cts, *given]
            residuals = [next(fixed) if known else next(new) for known in fixed_or_new]
            found = dict(zip(live, interpret(backward, [*residuals, *seeds]), strict=True))
            totals = [total + found[i] for total, i in zip(totals, sums, strict=True)]
            inner = [found[i] for i in live if self.held <= i < first]
            return [*inner, *totals, *[found[i] for i in live if i >= first]]

        specs = [*held, *[v.spec for v in carries], *[step.inputs[i].spec for i in sums], *news]
        graph, _ = capture(back, [*specs, *[v.spec for v in results]])
        backwards = self._like(graph, len(held), len(carries) + len(sums), flip=True, again=False)
        return onward, backwards, kept

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:
        backward, held, rest, zeros, live = kept
        seeds = [g for g in gs[: self.carried] if g is not None]
        totals = [z.array() for z in zeros]
        found = bind(backward, *held, *seeds, *totals, *rest, *[g for g in gs[self.carried :] if g is not None])
        first = self.held + self.carried
        order = [i for i in live if self.held <= i < first]
        order += [i for i in live if i < self.held] + [i for i in live if i >= first]
        cts = dict(zip(order, found, strict=True))
        return [cts.get(i) for i in active]

    # ------------------------------------------------------------------ forward mode and batches

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        live = self._active(values, [i for i, t in enumerate(tangents) if t is not None])
        first = self.held + self.carried
        step = self.regions[0]
        parts = [range(self.held), range(self.held, first), range(first, len(values))]
        split = [[i for i in part if i in live] for part in parts]
        double: ScanCall = self.programs[0].derived(("push", tuple(live)), lambda: self._pushed(parts, split))
        given: list[Any] = []
        for part, own in zip(parts, split, strict=True):
            given += [values[i] for i in part]
            given += [Zero(values[i]).array() if tangents[i] is None else tangents[i] for i in own]
        found = bind(double, *given)
        kinds = [is_inexact(v.dtype) for v in step.outputs]
        ys, ts, rest = [], [], iter(found)
        for part in (kinds[: self.carried], kinds[self.carried :]):
            ys += [next(rest) for _ in part]
            ts += [next(rest) if kind else None for kind in part]
        return tuple(ys), ts

    def _pushed(self, parts: list[range], split: list[list[int]]) -> ScanCall:
        step = self.regions[0]
        program = self.programs[0]
        live = tuple([i for own in split for i in own])
        inner = program.pushed(live)
        specs = [step.inputs[i].spec for part, own in zip(parts, split, strict=True) for i in (*part, *own)]
        kinds = [is_inexact(v.dtype) for v in step.outputs]

        def f(*args: Any) -> list[Any]:
            rest = iter(args)
            values: list[Any] = []
            tangents: list[Any] = []
            for part, own in zip(parts, split, strict=True):
                values += [next(rest) for _ in part]
                tangents += [next(rest) for _ in own]
            found = interpret(inner.graph, [*values, *tangents])
            ys, ts = found[: len(kinds)], iter(found[len(kinds) :])
            ts = [next(ts) if kind else None for kind in kinds]
            n = self.carried
            return [*ys[:n], *_present(ts[:n]), *ys[n:], *_present(ts[n:])]

        graph, _ = capture(f, specs)
        held = len(parts[0]) + len(split[0])
        return self._like(graph, held, self.carried + sum(kinds[: self.carried]))

    def in_batch(self, size: int, batched: Sequence[bool], values: Sequence[Any]) -> tuple[Any, ...]:
        first = self.held + self.carried
        flags = list(batched)
        # One step mixes the carries, so all of them get the batch.
        flags[self.held : first] = [True] * self.carried
        program = self.programs[0].batched(size, tuple(flags))
        given = list(values)
        for i in range(self.held, first):
            if not batched[i]:
                given[i] = broadcast_to(given[i], (size, *given[i].shape))
        for i in range(first, len(given)):
            if batched[i]:
                # The steps come first, and then the batch.
                given[i] = moveaxis(given[i], 0, 1)
        found = bind(self._like(program.graph, self.held, self.carried), *given)
        return *found[: self.carried], *[moveaxis(y, 0, 1) for y in found[self.carried :]]


class BranchCall(Region):
    """One of several functions: ``(index, *operands) -> results``; the index is in range."""

    __slots__ = ()

    def __init__(self, branches: Sequence[Graph]) -> None:
        super().__init__("switch", branches)

    def with_regions(self, regions: Sequence[Graph]) -> BranchCall:
        return BranchCall(regions)

    def specs(self, args: Sequence[Any]) -> list[Spec]:  # noqa: ARG002  # the graph knows
        return [v.spec for v in self.regions[0].outputs]

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        return self.programs[int(values[0])].run(*values[1:])

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:  # noqa: ARG002
        return bind(self, *values), list(values)

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:
        live = [i for i in active if i and is_inexact(kept[i].dtype)]
        given = [g for g in gs if g is not None]

        def backward(graph: Graph) -> Graph:
            # The forward part is computed once more, in the branch that is chosen only.
            onward, back = split_vjp(graph, [i - 1 for i in live])
            count = len(graph.outputs)
            n = len(graph.inputs)

            def f(*args: Any) -> list[Any]:
                return interpret(back, [*interpret(onward, args[:n])[count:], *args[n:]])

            seeds = [v.spec for v in graph.outputs if is_inexact(v.dtype)]
            return capture(f, [*[v.spec for v in graph.inputs], *seeds])[0]

        call = self.programs[0].derived(
            ("branches", tuple(live)), lambda: BranchCall([backward(g) for g in self.regions])
        )
        cts = dict(zip(live, bind(call, *kept, *given), strict=True))
        return [cts.get(i) for i in active]

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        live = tuple([i - 1 for i, t in enumerate(tangents) if i and t is not None and is_inexact(values[i].dtype)])
        call = self.programs[0].derived(
            ("push branches", live), lambda: BranchCall([p.pushed(live).graph for p in self.programs])
        )
        found = bind(call, *values, *[tangents[i + 1] for i in live])
        kinds = [is_inexact(v.dtype) for v in self.regions[0].outputs]
        rest = iter(found[len(kinds) :])
        return found[: len(kinds)], [next(rest) if kind else None for kind in kinds]

    def in_batch(self, size: int, batched: Sequence[bool], values: Sequence[Any]) -> tuple[Any, ...]:
        programs = [p.batched(size, tuple(batched[1:])) for p in self.programs]
        if not batched[0]:
            return bind(BranchCall([p.graph for p in programs]), *values)
        results = [p(*values[1:]) for p in programs]
        out = results[-1]
        for k in range(len(results) - 2, -1, -1):
            out = tuple([_where(values[0] == k, a, b) for a, b in zip(results[k], out, strict=True)])
        return out


class WhileCall(Region):
    """A loop until a condition fails: ``(*constants, *carry) -> carry``; both graphs get all of them."""

    __slots__ = ("held",)

    def __init__(self, condition: Graph, step: Graph, *, held: int) -> None:
        super().__init__("while", [condition, step])
        self.held = held

    def with_regions(self, regions: Sequence[Graph]) -> WhileCall:
        return WhileCall(regions[0], regions[1], held=self.held)

    def specs(self, args: Sequence[Any]) -> list[Spec]:  # noqa: ARG002  # the graph knows
        return [v.spec for v in self.regions[1].outputs]

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        condition, step = self.programs[0].run, self.programs[1].run
        held, carry = values[: self.held], values[self.held :]
        once = False
        while condition(*held, *carry)[0]:
            carry = step(*held, *carry)
            once = True
        if once:
            return tuple(carry)
        return tuple(
            [v.spec.backend.asarray(c, copy=True) for v, c in zip(self.regions[1].outputs, carry, strict=True)]
        )

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:  # noqa: ARG002
        raise NotDifferentiableError(
            f"fn.while_loop in a captured function has no derivative in reverse mode, in {user_frame()}.",
            found="a number of steps that is not known, so that there is no place for what the steps leave behind",
            needed="a number of steps that is known, or the function without fn.jit, where each step is recorded",
            write="fn.scan(..., length=n) or fn.fori_loop(0, n, ...) with xp.where for steps that do nothing; fn.jvp "
            "for forward mode",
        )

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        n = len(values)
        wanted = {i for i, t in enumerate(tangents) if t is not None} | set(range(self.held, n))
        live = [i for i in sorted(wanted) if is_inexact(values[i].dtype)]
        outer = [i for i in live if i < self.held]
        inner = [i for i in live if i >= self.held]
        pushed = self.programs[1].pushed(tuple(live)).graph
        before = self.regions[0]
        count = n - self.held

        def parted(args: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
            a = self.held
            b = a + len(outer)
            return [*args[:a], *args[b : b + count]], [*args[a:b], *args[b + count :]]

        specs = [v.spec for v in before.inputs]
        ordered = [*specs[: self.held], *[specs[i] for i in outer], *specs[self.held :], *[specs[i] for i in inner]]
        condition, _ = capture(lambda *args: interpret(before, parted(args)[0]), ordered)
        step, _ = capture(lambda *args: interpret(pushed, [*parted(args)[0], *parted(args)[1]]), ordered)
        given = [Zero(values[i]).array() if tangents[i] is None else tangents[i] for i in live]
        call = WhileCall(condition, step, held=self.held + len(outer))
        k = len(outer)
        found = bind(call, *values[: self.held], *given[:k], *values[self.held :], *given[k:])
        rest = iter(found[count:])
        return found[:count], [next(rest) if is_inexact(v.dtype) else None for v in values[self.held :]]

    def in_batch(self, size: int, batched: Sequence[bool], values: Sequence[Any]) -> tuple[Any, ...]:
        flags = tuple([*batched[: self.held], *[True] * (len(values) - self.held)])
        condition, step = (p.batched(size, flags).graph for p in self.programs)
        given = [
            v if b or i < self.held else broadcast_to(v, (size, *v.shape))
            for i, (v, b) in enumerate(zip(values, batched, strict=True))
        ]

        def goes_on(*args: Any) -> list[Any]:
            return [any_of(interpret(condition, args)[0])]

        def masked(*args: Any) -> list[Any]:
            active = interpret(condition, args)[0]
            new = interpret(step, args)
            return [_where(active, a, b) for a, b in zip(new, args[self.held :], strict=True)]

        specs = [v.spec for v in step.inputs]
        call = WhileCall(capture(goes_on, specs)[0], capture(masked, specs)[0], held=self.held)
        return bind(call, *given)


def _recomputed(step: Graph, live: Sequence[int]) -> tuple[Graph, Graph]:
    """Return the two graphs of `split_vjp` with the inputs as residuals, and everything else computed once more."""
    onward, back = split_vjp(step, live)
    count = len(step.outputs)
    n = len(step.inputs)

    def f(*args: Any) -> list[Any]:
        return interpret(back, [*interpret(onward, args[:n])[count:], *args[n:]])

    seeds = [v.spec for v in step.outputs if is_inexact(v.dtype)]
    again, _ = capture(f, [*[v.spec for v in step.inputs], *seeds])
    return Graph(step.inputs, step.equations, [*step.outputs, *step.inputs], step.constants), again


def _present(values: Sequence[Any]) -> list[Any]:
    return [v for v in values if v is not None]


def _where(condition: Any, a: Any, b: Any) -> Any:
    """Choose for each element of a batch, the first dimension."""
    shape = (*condition.shape, *[1] * (len(a.shape) - 1))
    return where(condition.reshape(shape) if len(shape) > 1 else condition, a, b)


def _longer(spec: Spec, length: int) -> Spec:
    return Spec((length, *spec.shape), spec.dtype, spec.backend, spec._device)  # the device may be left open


def _column(spec: Spec, length: int) -> Any:
    """Return a place for the results of all steps."""
    return np.empty((length, *spec.shape), spec.dtype) if spec.backend.name == "numpy" else [None] * length


def _joined(column: Any, spec: Spec) -> Any:
    if column.__class__ is not list:
        return column
    if column:
        return spec.backend.namespace.stack(column)
    device = spec._device  # the device may be left open
    return spec.backend.asarray(np.zeros((0, *spec.shape)), dtype=spec.dtype, device=device)
