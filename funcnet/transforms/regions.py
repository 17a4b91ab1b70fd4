"""What loops and branches in a graph have in common: equations that hold graphs of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from funcnet.compiler.capture import capture, interpret
from funcnet.compiler.graph import Graph
from funcnet.core import Tracer
from funcnet.core.dtypes import is_inexact
from funcnet.ops import where
from funcnet.transforms.call import Arguments, Call
from funcnet.transforms.program import Program, split_vjp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.core import Primitive, Trace

__all__ = ["Region", "chosen", "recomputed"]


class Region(Call, ABC):
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

    @abstractmethod
    def specs(self, args: Sequence[Any]) -> Sequence[Any]:
        """Return the specs of the leaves of the result."""

    @abstractmethod
    def in_batch(self, size: int, batched: Sequence[bool], values: Sequence[Any]) -> tuple[Any, ...]:
        """Return the results for a batch, each with the batch as its first dimension."""

    @abstractmethod
    def with_regions(self, regions: Sequence[Graph]) -> Region:
        """Return the same call of rewritten graphs, of the same inputs and outputs."""


def recomputed(step: Graph, live: Sequence[int]) -> tuple[Graph, Graph]:
    """Return the two graphs of `split_vjp` with the inputs as residuals, and everything else computed once more."""
    onward, back = split_vjp(step, live)
    count = len(step.outputs)
    n = len(step.inputs)

    def f(*args: Any) -> list[Any]:
        return interpret(back, [*interpret(onward, args[:n])[count:], *args[n:]])

    seeds = [v.spec for v in step.outputs if is_inexact(v.dtype)]
    again, _ = capture(f, [*[v.spec for v in step.inputs], *seeds])
    return Graph(step.inputs, step.equations, [*step.outputs, *step.inputs], step.constants), again


def chosen(condition: Any, a: Any, b: Any) -> Any:
    """Choose for each element of a batch, the first dimension."""
    shape = (*condition.shape, *[1] * (len(a.shape) - 1))
    return where(condition.reshape(shape) if len(shape) > 1 else condition, a, b)
