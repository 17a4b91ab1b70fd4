"""From a graph to something that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.passes import optimised
from funcnet.compiler.plain import plain_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Graph

__all__ = ["executable"]


def executable(graph: Graph) -> Callable[..., tuple[Any, ...]]:
    """Return a function of plain arrays, one for each input, that returns the outputs as a tuple."""
    return plain_plan(optimised(graph))
