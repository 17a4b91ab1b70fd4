"""Branches in a graph, with rules for every transformation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Spec, bind
from funcnet.core.dtypes import is_inexact
from funcnet.ops import broadcast_to
from funcnet.transforms.regions import Region, chosen, recomputed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.graph import Graph

__all__ = ["BranchCall"]


class BranchCall(Region):
    """One of several functions: ``(index, *operands) -> results``; the index is in range.

    With another `name` than that of a choice, plans know by it that all of them compute the same.
    """

    __slots__ = ()

    def __init__(self, branches: Sequence[Graph], name: str = "switch") -> None:
        super().__init__(name, branches)

    def with_regions(self, regions: Sequence[Graph]) -> BranchCall:
        return BranchCall(regions, self.name)

    def specs(self, args: Sequence[Any]) -> list[Spec]:  # noqa: ARG002  # the graph knows
        return [v.spec for v in self.regions[0].outputs]

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        return self.programs[int(values[0])].run(*values[1:])

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:  # noqa: ARG002
        return bind(self, *values), list(values)

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:
        live = [i for i in active if i and is_inexact(kept[i].dtype)]
        given = [g for g in gs if g is not None]
        # The forward part is computed once more, in the branch that is chosen only.
        call = self.programs[0].derived(
            ("branches", tuple(live)),
            lambda: self.with_regions([recomputed(g, [i - 1 for i in live])[1] for g in self.regions]),
        )
        cts = dict(zip(live, bind(call, *kept, *given), strict=True))
        return [cts.get(i) for i in active]

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        live = tuple([i - 1 for i, t in enumerate(tangents) if i and t is not None and is_inexact(values[i].dtype)])
        call = self.programs[0].derived(
            ("push branches", live), lambda: self.with_regions([p.pushed(live).graph for p in self.programs])
        )
        found = bind(call, *values, *[tangents[i + 1] for i in live])
        kinds = [is_inexact(v.dtype) for v in self.regions[0].outputs]
        rest = iter(found[len(kinds) :])
        return found[: len(kinds)], [next(rest) if kind else None for kind in kinds]

    def in_batch(self, size: int, batched: Sequence[bool], values: Sequence[Any]) -> tuple[Any, ...]:
        if any(batched[1:]):
            programs = [p.batched(size, tuple(batched[1:])) for p in self.programs]
            if not batched[0]:
                return bind(self.with_regions([p.graph for p in programs]), *values)
            results = [p(*values[1:]) for p in programs]
        else:
            # Only the index differs: each branch is computed once.
            results = [[broadcast_to(y, (size, *y.shape)) for y in p(*values[1:])] for p in self.programs]
        out = tuple(results[-1])
        for k in range(len(results) - 2, -1, -1):
            out = tuple([chosen(values[0] == k, a, b) for a, b in zip(results[k], out, strict=True)])
        return out
