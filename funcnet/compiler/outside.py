"""What a loop over steps need not do in each step: what is the same in all, and products that wait for no carry."""

from __future__ import annotations

from math import prod
from typing import Any

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.core import Spec, registry

__all__ = ["Steps", "move_outside", "stacked"]

#: What makes more of little, which steps read just as well.
_LARGER = frozenset(["broadcast_to"])


class Steps:
    """A loop over steps, taken apart so that parts of it can be changed.

    Attributes
    ----------
    held, elements : list of (Value, Value)
        What comes in, outside and in a step: the same for all steps, and stacked.
    carries : list of (Value, Value, Value, Value)
        Of each carry what it begins with, what it is in a step before and after, and what it is in the end.
    results : list of (Value, Value)
        What a step returns beside, and what that is outside, stacked.
    equations : list of Equation
        The step.
    """

    def __init__(self, e: Equation) -> None:
        self.equation = e
        call: Any = e.primitive
        self.call = call
        step: Graph = call.regions[0]
        first = call.held + call.carried
        pairs = list(zip(e.inputs, step.inputs, strict=True))
        self.held: list[tuple[Any, Value]] = pairs[: call.held]
        self.elements: list[tuple[Any, Value]] = pairs[first:]
        ends = zip(step.outputs, e.outputs, strict=True)
        self.carries = [(*pair, *next(ends)) for pair in pairs[call.held : first]]
        self.results: list[tuple[Any, Value]] = list(ends)
        self.equations = list(step.equations)
        self.constants = step.constants
        before = len(self.held), len(self.elements)
        self.trim()
        self.changed = before != (len(self.held), len(self.elements))

    @property
    def outputs(self) -> list[Any]:
        """What a step returns."""
        return [*[c[2] for c in self.carries], *[r[0] for r in self.results]]

    def trim(self) -> None:
        """Leave out what nothing reads, unless it has an effect."""
        needed = {v for v in self.outputs if v.__class__ is Value}
        kept: list[Equation] = []
        for e in reversed(self.equations):
            if e.primitive.meta.get("effect") or not needed.isdisjoint(e.outputs):
                kept.append(e)
                needed.update(e.values)
        self.equations = kept[::-1]
        self.held = [pair for pair in self.held if pair[1] in needed]
        self.elements = [pair for pair in self.elements if pair[1] in needed]

    def rebuilt(self) -> Equation:
        """Return the loop as one equation again."""
        self.trim()
        inputs = [*[p[1] for p in self.held], *[c[1] for c in self.carries], *[p[1] for p in self.elements]]
        step = Graph(inputs, self.equations, self.outputs, self.constants)
        call = self.call.with_step(step.with_equations(self.equations), len(self.held), len(self.carries))
        given = (*[p[0] for p in self.held], *[c[0] for c in self.carries], *[p[0] for p in self.elements])
        places = (*[c[3] for c in self.carries], *[r[1] for r in self.results])
        return Equation(call, given, {}, places, self.equation.line, self.equation.again)


def stacked(v: Value, length: int) -> Value:
    """Return a value like the results of all steps, one after the other."""
    spec = v.spec
    device = spec._device  # pyright: ignore[reportPrivateUsage]  # may be open
    return Value(Spec((length, *spec.shape), spec.dtype, spec.backend, device))


def move_outside(graph: Graph) -> Graph:
    """Compute before and after loops what their steps need not compute.

    A product of all steps' rows is one product, and the last digits of its results may differ.
    """
    equations: list[Equation] = []
    constants = dict(graph.constants)
    replaced: dict[Value, Any] = {}
    changed = False
    for e in graph.equations:
        if replaced and any([v in replaced for v in e.values]):
            e = e.replaced(tuple([replaced.get(v, v) if v.__class__ is Value else v for v in e.inputs]))
        call: Any = e.primitive
        if call.name != "scan" or not call.length or call.meta.get("effect"):
            equations.append(e)
            continue
        steps = Steps(e)
        _pass_through(steps, replaced)
        before = [*_same(steps, constants), *_products_before(steps)]
        after = _products_after(steps)
        if not steps.changed:
            equations.append(e)
            continue
        changed = True
        equations += [*before, steps.rebuilt(), *after]
    if not changed:
        return graph
    outputs = [replaced.get(v, v) if v.__class__ is Value else v for v in graph.outputs]
    return Graph(graph.inputs, equations, outputs, constants).with_equations(equations, outputs)


def _pass_through(steps: Steps, replaced: dict[Value, Any]) -> None:
    """Take what comes out as it came in from where it came, and what comes out twice from its first place.

    The former are carries that stay, and elements that are returned.
    """
    stay = [c for c in steps.carries if c[2] is c[1] and _alike(c[0], c[3])]
    for given, inner, _, outer in stay:
        steps.held.append((given, inner))
        replaced[outer] = given
    steps.carries = [c for c in steps.carries if c not in stay]
    sources = {inner: outer for outer, inner in steps.elements}
    back = [r for r in steps.results if r[0] in sources and _alike(sources[r[0]], r[1])]
    for inner, outer in back:
        replaced[outer] = sources[inner]
    steps.results = [r for r in steps.results if r not in back]
    first: dict[Any, Value] = {}
    twice = [r for r in steps.results if r[0].__class__ is Value and first.setdefault(r[0], r[1]) is not r[1]]
    replaced.update({outer: first[inner] for inner, outer in twice})
    steps.results = [r for r in steps.results if r not in twice]
    steps.changed |= bool(stay or back or twice)


def _alike(given: Any, outer: Value) -> bool:
    return given.__class__ is Value and given.spec == outer.spec


def _same(steps: Steps, constants: dict[Value, Any]) -> list[Equation]:
    """Take out what is the same in each step; return it."""
    places = {inner: outer for outer, inner in steps.held}
    users: dict[Value, list[Equation]] = {}
    for e in steps.equations:
        for v in e.values:
            users.setdefault(v, []).append(e)
    returned = {v for v in steps.outputs if v.__class__ is Value}
    moved: list[Equation] = []
    kept: list[Equation] = []
    for e in steps.equations:
        values = e.values
        free = values and all([v in places or v in steps.constants for v in values])
        plain = e.primitive.kind != "call" and not e.primitive.meta.get("effect") and e.primitive.name not in _LARGER
        # Products read matrices as well transposed.
        turned = e.primitive.name == "matrix_transpose" and not returned.intersection(e.outputs)
        turned = turned and all([u.primitive.name == "matmul" for v in e.outputs for u in users.get(v, ())])
        if not free or not plain or turned:
            kept.append(e)
            continue
        constants.update({v: steps.constants[v] for v in values if v in steps.constants})
        outputs = tuple([Value(v.spec) for v in e.outputs])
        inputs = tuple([places.get(v, v) if v.__class__ is Value else v for v in e.inputs])
        moved.append(Equation(e.primitive, inputs, e.params, outputs, e.line, e.again))
        for outer, inner in zip(outputs, e.outputs, strict=True):
            places[inner] = outer
            steps.held.append((outer, inner))
    steps.equations = kept
    steps.changed |= bool(moved)
    return moved


def _matrices(steps: Steps) -> dict[Value, tuple[Any, Equation | None]]:
    """Return the matrices that are the same in each step: what they are outside, and how they are transposed."""
    found: dict[Value, tuple[Any, Equation | None]] = {inner: (outer, None) for outer, inner in steps.held}
    for e in steps.equations:
        if e.primitive.name == "matrix_transpose" and e.inputs[0] in found and found[e.inputs[0]][1] is None:
            found[e.outputs[0]] = (found[e.inputs[0]][0], e)
    return {v: f for v, f in found.items() if v.__class__ is Value and len(v.shape) == 2}


def _outside(b: Value, matrices: dict[Value, tuple[Any, Equation | None]], to: list[Equation]) -> Any:
    """Return a matrix outside, transposed there if it is in the steps."""
    outer, turned = matrices[b]
    if turned is None:
        return outer
    out = Value(b.spec)
    to.append(Equation(turned.primitive, (outer,), turned.params, (out,), turned.line, turned.again))
    return out


def _rows(e: Equation, matrices: Any) -> bool:
    """Whether an equation is the product of rows with a matrix that is the same in each step."""
    if e.primitive.name != "matmul" or len(e.values) != 2:
        return False
    a, b = e.values
    return len(a.shape) >= 1 and b in matrices and a not in matrices and a.dtype == b.dtype == e.outputs[0].dtype


def _products_before(steps: Steps) -> list[Equation]:
    """Take out products of what comes in stacked; return what computes them for all steps at once."""
    matrices = _matrices(steps)
    length = steps.call.length
    places = {inner: outer for outer, inner in steps.elements}
    moved: list[Equation] = []
    kept: list[Equation] = []
    for e in steps.equations:
        if not _rows(e, matrices) or e.inputs[0] not in places:
            kept.append(e)
            continue
        b = _outside(e.inputs[1], matrices, moved)
        out = stacked(e.outputs[0], length)
        moved.append(Equation(e.primitive, (places[e.inputs[0]], b), e.params, (out,), e.line, e.again))
        steps.elements.append((out, e.outputs[0]))
    steps.equations = kept
    steps.changed |= bool(moved)
    return moved


def _products_after(steps: Steps) -> list[Equation]:
    """Take out products that a step only returns; return what computes them for all steps at once."""
    matrices = _matrices(steps)
    made = {e.outputs[0]: e for e in steps.equations if _rows(e, matrices)}
    read = {v for e in steps.equations for v in e.values} | {c[2] for c in steps.carries}
    moved: list[Equation] = []
    places = {inner: outer for outer, inner in (*steps.elements, *[(r[1], r[0]) for r in steps.results])}
    kept: list[tuple[Any, Value]] = []
    for inner, outer in steps.results:
        e = made.get(inner)
        if e is None or inner in read or (e.inputs[0] not in places and prod(e.inputs[0].shape) > prod(inner.shape)):
            kept.append((inner, outer))
            continue
        a = e.inputs[0]
        if a not in places:
            places[a] = stacked(a, steps.call.length)
            kept.append((a, places[a]))
        b = _outside(e.inputs[1], matrices, moved)
        moved.append(Equation(registry["matmul"], (places[a], b), e.params, (outer,), e.line, e.again))
    steps.results = kept
    steps.changed |= bool(moved)
    return moved
