"""Rectifiers behind the pooling that follows them, where they have less to do."""

from __future__ import annotations

from typing import Any

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.core import Spec, registry

__all__ = ["rectify_pooled"]

_POOLED = ("max_pool", "max_pool_places")


def rectify_pooled(graph: Graph) -> Graph:
    """Pool before a rectifier, and mask cotangents before they are spread; values stay what they are.

    The maximum of rectified numbers is the rectified maximum. Where it is positive, it stands in the same place, and
    where it is not, the cotangent is masked to 0 wherever it goes. A sum of spread cotangents is the sum of what was
    spread, up to the order of its terms.
    """
    users = graph.users()
    held = set(graph.outputs)
    made = {v: e for e in graph.equations for v in e.outputs}
    replaced: dict[Equation, list[Equation]] = {}
    for e in graph.equations:
        if e.primitive.name != "relu" or e.outputs[0] in held:
            continue
        found = _pattern(e, users, held)
        if found is None:
            continue
        pool, places, mask, masked = found
        if mask is not None and masked is not None and places is not None:
            spread = made[masked.inputs[0]]
            _mask_before(pool, mask, masked, spread, users, replaced)
        x, y = e.inputs[0], pool.outputs[0]
        before = Value(y.spec)
        replaced[e] = []
        replaced[pool] = [
            Equation(pool.primitive, (x,), pool.params, (before,), pool.line, pool.again),
            Equation(e.primitive, (before,), e.params, (y,), e.line, e.again),
        ]
        if places is not None:
            replaced[places] = [
                Equation(places.primitive, (x, before), places.params, places.outputs, places.line, places.again)
            ]
    if not replaced:
        return graph
    kept: list[Equation] = []
    for e in graph.equations:
        kept += replaced.get(e, [e])
    return graph.with_equations(kept)


def _pattern(e: Equation, users: dict[Value, list[Equation]], held: set[Any]) -> Any:
    """Return the pooling of a rectifier's result, and what its derivative is made of; None if more depends on it."""
    after = {u.primitive.name: u for u in users.get(e.outputs[0], [])}
    if len(after) != len(users.get(e.outputs[0], [])) or not set(after) <= {*_POOLED, "greater"}:
        return None
    pool, places, mask = after.get("max_pool"), after.get("max_pool_places"), after.get("greater")
    if pool is None or (places is None) is not (mask is None) or any(pool.params["low"]):
        return None
    if places is None or mask is None:
        return pool, None, None, None
    if places.inputs[1] is not pool.outputs[0] or places.params != pool.params:
        return None
    if mask.inputs[1].__class__ not in (int, float) or mask.inputs[1] != 0 or held & {*places.outputs, *mask.outputs}:
        return None
    # The places may serve the one spread that is masked, and nothing else.
    spreads, masks = users.get(places.outputs[0], []), users.get(mask.outputs[0], [])
    if [u.primitive.name for u in spreads] != ["max_pool_spread"] or [u.primitive.name for u in masks] != ["masked"]:
        return None
    spread, masked = spreads[0], masks[0]
    alone = users.get(spread.outputs[0], []) == [masked] and spread.outputs[0] not in held
    if not alone or masked.inputs[0] is not spread.outputs[0] or spread.inputs[1] is not places.outputs[0]:
        return None
    return pool, places, mask, masked


def _mask_before(
    pool: Equation,
    mask: Equation,
    masked: Equation,
    spread: Equation,
    users: dict[Value, list[Equation]],
    replaced: dict[Equation, list[Equation]],
) -> None:
    y, g = pool.outputs[0], spread.inputs[0]
    spec = mask.outputs[0].spec
    positive, small = Value(Spec(y.shape, spec.dtype, spec.backend, spec.device)), Value(g.spec)
    compare = Equation(mask.primitive, (y, *mask.inputs[1:]), mask.params, (positive,), mask.line, mask.again)
    shield = Equation(masked.primitive, (g, positive), masked.params, (small,), masked.line, masked.again)
    last = Equation(
        spread.primitive, (small, *spread.inputs[1:]), spread.params, masked.outputs, spread.line, spread.again
    )
    replaced[mask] = []
    replaced[spread] = []
    replaced[masked] = [compare, shield, last]
    n = len(y.shape)
    for u in users.get(masked.outputs[0], []):
        axes = u.params.get("axis")
        whole = isinstance(axes, tuple) and set(pool.params["axes"]) <= set(axes) and len(axes) < n
        if u.primitive.name == "sum" and whole and not u.params.get("keepdims") and u.params.get("dtype") is None:
            replaced[u] = [Equation(registry["sum"], (small,), u.params, u.outputs, u.line, u.again)]
