"""Prefixes of an associative operation: in turn where that is one compiled loop, pair by pair elsewhere."""

from __future__ import annotations

from typing import Any

from funcnet.compiler.graph import Equation, Graph
from funcnet.compiler.kernels.scan import whole_scan
from funcnet.compiler.passes import expanded, with_regions

__all__ = ["prefixes_in_turn"]


def prefixes_in_turn(graph: Graph) -> Graph:
    """Put the loop or the pairs of each associative scan in its place, which it holds both.

    A loop combines each element once and leaves the carry where it is, pairs go through memory twice for each of
    their levels. The order in which elements are combined differs, so the last digits may.
    """
    return expanded(with_regions(graph, prefixes_in_turn), _way)


def _way(e: Equation) -> tuple[Graph, tuple[Any, ...]] | None:
    if e.primitive.name != "associative_scan":
        return None
    call: Any = e.primitive
    pairs, loop = call.regions
    scans = [q for q in loop.equations if q.primitive.name == "scan"]
    whole = not call.meta.get("effect") and all([whole_scan(q, loop.constants) is not None for q in scans])
    return loop if whole else pairs, e.inputs[1:]
