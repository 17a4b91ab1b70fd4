"""Loops of known length in a graph, with rules for every transformation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.capture import capture, interpret
from funcnet.compiler.graph import Graph
from funcnet.core import Spec, bind
from funcnet.core.dtypes import is_inexact
from funcnet.ops import broadcast_to, moveaxis
from funcnet.transforms.call import Zero
from funcnet.transforms.program import split_vjp
from funcnet.transforms.regions import Region, recomputed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ScanCall"]


class ScanCall(Region):
    """A loop of known length: ``(*constants, *carry, *xs) -> (*carry, *ys)``.

    The graph is that of one step, with an element of each of the `xs` in its place. With `again`, reverse mode keeps
    only the carries and computes each step once more. `back` says that the carries are cotangents.
    """

    __slots__ = ("again", "back", "carried", "held", "length", "reverse_order")

    def __init__(
        self,
        step: Graph,
        *,
        held: int,
        carried: int,
        length: int,
        reverse: bool = False,
        again: bool = False,
        back: bool = False,
    ) -> None:
        super().__init__("scan", [step])
        self.held = held
        self.carried = carried
        self.length = length
        self.reverse_order = reverse
        self.again = again
        self.back = back

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
            back=self.back or flip,
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
            forward, backward = recomputed(step, live)
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


def _present(values: Sequence[Any]) -> list[Any]:
    return [v for v in values if v is not None]


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
