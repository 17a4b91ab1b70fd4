"""Which equations have a compiled kernel."""

from __future__ import annotations

from typing import Any

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels.along import along
from funcnet.compiler.kernels.chosen import put, taken
from funcnet.compiler.kernels.factors import factored
from funcnet.compiler.kernels.indexed import rows_added, rows_summed, same_rows
from funcnet.compiler.kernels.makers import MAKERS
from funcnet.compiler.kernels.moved import added_apart, taken_apart
from funcnet.compiler.kernels.padded import only_zeros, padded
from funcnet.compiler.kernels.permuted import permuted
from funcnet.compiler.kernels.pooling import max_with_places
from funcnet.compiler.kernels.resampled import repeated
from funcnet.compiler.kernels.scan import whole_scan
from funcnet.compiler.kernels.scan_inputs import products_inside
from funcnet.compiler.kernels.scan_sums import sums_inside
from funcnet.compiler.kernels.small_matrices import MATRICES, small_matrices
from funcnet.compiler.kernels.whole_while import whole_while

__all__ = ["specialised"]


def specialised(graph: Graph) -> Graph:
    """Return a graph in which kernels take the place of the primitives that they are for."""
    graph = factored(padded(sums_inside(products_inside(graph))))
    kept: list[Equation] = []
    changed = False
    places, users = _places(graph), graph.users()
    held = set(graph.outputs)
    made = {v: e for e in graph.equations for v in e.outputs}
    found: set[Equation] = set()
    #: What alone reads an equation's result -> the kernel of both, and what it is given.
    bags: dict[Equation, tuple[Any, ...]] = {}
    for e in graph.equations:
        if e in found:
            continue
        inputs, outputs = e.inputs, e.outputs
        if (bag := _bag(e, users, held, graph.constants)) is not None:
            bags[bag[0]] = bag[1:]
            continue
        if e in bags:
            special, inputs = bags[e]
        elif e.primitive.name == "max_pool":
            partner = places.get(e.outputs[0])
            special: Any = max_with_places(e, partner is not None)
            if special is not None and partner is not None:
                found.add(partner)
                outputs = (*outputs, *partner.outputs)
        elif e.primitive.name in MATRICES:
            special = None
            if (matrices := small_matrices(e, made)) is not None:
                special, inputs = matrices
        elif e.primitive.name == "take_along_axis":
            special = taken(e, made) or along(e)
        elif e.primitive.name == "add_along_axis":
            special = put(e, made) or along(e)
        elif e.primitive.name == "broadcast_to":
            special = None if e.outputs[0] in held else repeated(e, users.get(e.outputs[0], []))
        elif e.primitive.name in ("permute_dims", "matrix_transpose"):
            special = permuted(e, made.get(e.values[0]), users.get(e.outputs[0], []), e.outputs[0] in held)
        elif e.primitive.name == "getitem":
            special = taken_apart(e, users.get(e.outputs[0], []), e.outputs[0] in held)
        elif e.primitive.name == "scan":
            special = whole_scan(e, graph.constants)
        elif e.primitive.name == "while":
            special = whole_while(e)
        elif e.primitive.name == "index_add":
            empty = only_zeros(graph.constants.get(e.inputs[0]))
            special = rows_added(e, empty) or added_apart(e, empty)
            if special is not None and empty:
                inputs = inputs[1:]
        else:
            maker = MAKERS.get(e.primitive.name)
            special = maker(e) if maker is not None else None
            inputs = tuple(e.values)
        if special is not None:
            e = Equation(special, inputs, {}, outputs, e.line, e.again)
            changed = True
        kept.append(e)
    return graph.with_equations(kept) if changed else graph


def _bag(
    e: Equation, users: dict[Value, list[Equation]], held: set[Any], constants: Any
) -> tuple[Equation, Any, tuple[Any, ...]] | None:
    """Return what alone reads rows that are taken or repeated, with the kernel of both and what that is given."""
    if e.primitive.name not in ("gather", "broadcast_to") or e.outputs[0] in held:
        return None
    after = users.get(e.outputs[0], [])
    if len(after) != 1:
        return None
    (reader,) = after
    if e.primitive.name == "gather":
        special, given = rows_summed(e, reader), tuple(e.values)
    elif reader.primitive.name == "index_add" and (each := same_rows(reader, e)):
        empty = only_zeros(constants.get(reader.inputs[0]))
        special, given = rows_added(reader, empty, each), (*reader.inputs[empty:1], *e.values, *reader.inputs[2:])
    else:
        return None
    return None if special is None else (reader, special, given)


def _places(graph: Graph) -> dict[Value, Equation]:
    """Return, for maxima of windows, the equation that finds their places."""
    made = {v: e for e in graph.equations for v in e.outputs}
    found: dict[Value, Equation] = {}
    for e in graph.equations:
        if e.primitive.name == "max_pool_places" and str(e.outputs[0].dtype) == "uint8":
            x, y = e.inputs
            before = made.get(y)
            if before is not None and before.primitive.name == "max_pool" and before.inputs[0] is x:
                if before.params == e.params:
                    found[y] = e
    return found
