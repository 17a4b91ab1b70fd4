"""Which equations have a compiled kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.graph import Equation, Graph
from funcnet.compiler.kernels.winograd import winograd

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.kernels.special import Special

__all__ = ["specialised"]

#: Primitive -> what makes its kernel.
_MAKERS: dict[str, Callable[[Equation], Special | None]] = {
    "conv": winograd,
    "conv_adjoint": winograd,
    "conv_bias": winograd,
    "conv_kernel": winograd,
}


def specialised(graph: Graph) -> Graph:
    """Return a graph in which kernels take the place of the primitives that they are for."""
    kept: list[Equation] = []
    changed = False
    for e in graph.equations:
        maker = _MAKERS.get(e.primitive.name)
        special: Any = maker(e) if maker is not None else None
        if special is not None:
            e = Equation(special, e.inputs, {}, e.outputs, e.line, e.again)
            changed = True
        kept.append(e)
    return graph.with_equations(kept) if changed else graph
