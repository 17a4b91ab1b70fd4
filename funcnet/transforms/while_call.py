"""Loops until a condition fails in a graph, with rules for every transformation but reverse mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.capture import capture, interpret
from funcnet.core import Spec, bind
from funcnet.core.dtypes import is_inexact
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError
from funcnet.ops import any as any_of
from funcnet.ops import broadcast_to
from funcnet.transforms.call import Zero
from funcnet.transforms.regions import Region, chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.graph import Graph

__all__ = ["WhileCall"]


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
            return [chosen(active, a, b) for a, b in zip(new, args[self.held :], strict=True)]

        specs = [v.spec for v in step.inputs]
        call = WhileCall(capture(goes_on, specs)[0], capture(masked, specs)[0], held=self.held)
        return bind(call, *given)
