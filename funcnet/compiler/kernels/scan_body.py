"""What one step of a loop consists of, where it is made of loops over elements and of products with fixed matrices."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels.crosswise import crosswise
from funcnet.compiler.kernels.scan_added import Sum, without_sums
from funcnet.compiler.kernels.scan_in_place import changed_in_place, made_by
from funcnet.compiler.kernels.scan_indexed import indexed_of
from funcnet.compiler.kernels.scan_integers import integers_of
from funcnet.compiler.kernels.scan_parts import (
    Branch,
    Kernel,
    Moves,
    kernel_of,
    moves_of,
    product_of,
    rows_last,
    with_kernels,
)
from funcnet.compiler.kernels.scan_plain import plain_of
from funcnet.compiler.kernels.special import Special
from funcnet.compiler.loops.group import CYCLE, JOINED, REPEAT, REPEAT_ROW, RUN_SUM, TURN_SUM, WIDE, Group
from funcnet.compiler.loops.groups import grouped
from funcnet.compiler.loops.lowering import lowered
from funcnet.compiler.loops.templates import type_name
from funcnet.compiler.loops.windows import WINDOW
from funcnet.compiler.passes import optimised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Inner = Callable[[Equation], Branch | Kernel | None]

__all__ = ["Body", "Inner", "Joined", "Product", "Term", "body_of"]

#: What values are in loops whose rows belong together.
_TOGETHER = frozenset([REPEAT, REPEAT_ROW, RUN_SUM, TURN_SUM])
#: What gives arrays in another order, which products read as they lie.
_TURNS = frozenset(["matrix_transpose", "permute_dims"])
#: Results of these are their argument in another shape, where arrays are contiguous.
_RESHAPED = frozenset(["reshape", "expand_dims", "squeeze"])
#: A product, and what is added to it.
_SUM: Any = Special("product and sum", lambda: None)
_PRODUCTS = ("matmul", _SUM.name)


class Term(NamedTuple):
    """The matrix product of all rows of `a` with a matrix that is the same in each step."""

    a: Value
    b: Value
    turned: bool
    depth: int


class Product(NamedTuple):
    """The sum of some products, and what is added to it."""

    terms: tuple[Term, ...]
    out: Value
    #: Of the shape of the result, or a row that is added to each.
    added: Value | None
    rows: int
    width: int


class Joined(NamedTuple):
    """Arrays side by side along the last dimension."""

    parts: tuple[Value, ...]
    out: Value


class Body:
    """A step.

    Attributes
    ----------
    graph : Graph
        The step, in operations that loops are made of.
    nodes : list of Group, Product, Joined, Kernel or Moves
        In an order in which they can run.
    needed : set of Value
        What has a place in memory.
    whole : Graph
        The step before kernels took the place of its operations.
    sums : tuple of Sum
        What the last carries add up, which the graph does not show any more.
    first : int
        How many of the nodes say whether there is a step at all.
    units : int
        Into how many parts the arrays fall, along their first dimension, that have nothing to do with each other.
    """

    def __init__(self, graph: Graph, held: int, inner: Inner, sums: Sequence[Sum] = ()) -> None:
        self.graph = self.whole = graph
        self.sums = tuple(sums)
        self._inner = inner
        #: What is the same in each step.
        self.held = {*graph.inputs[:held], *graph.constants}
        self.nodes: list[Any] = []
        self.needed: set[Value] = set()
        self.units = 1
        self.first = 0
        #: What takes the place of equations that there is nothing for.
        self.again: dict[Equation, list[Equation]] = {}
        self._alias: dict[Value, Value] = {}

    def root(self, v: Value) -> Value:
        """Return the value whose memory one is in."""
        while v in self._alias:
            v = self._alias[v]
        return v

    @property
    def kernels(self) -> bool:
        """Whether there is anything beside loops over elements and products with fixed matrices."""
        return any([isinstance(n, Branch | Kernel | Moves) for n in self.nodes])

    @property
    def size(self) -> int:
        """How many elements a step makes."""
        return sum([prod(v.shape) for e in self.graph.equations for v in e.outputs])

    @property
    def summed(self) -> list[Value]:
        """What sums read."""
        return [v for s in self.sums for v in s if v is not None]

    def find_nodes(self) -> bool:
        """Find the nodes; return whether there are such for everything."""
        made = {v: e for e in self.graph.equations for v in e.outputs}
        graph = self.graph = _added_to_products(self.graph, lambda e: self._terms(e, made) is not None)
        made = {v: e for e in graph.equations for v in e.outputs}
        users = graph.users()
        if not all([_supported(v) for v in (*graph.inputs, *graph.constants, *made)]):
            return False
        for n in grouped(graph):
            node: Any = n
            if not isinstance(n, Group):
                name = n.primitive.name
                out = n.outputs[0] if len(n.outputs) == 1 else None
                if n.primitive.kind == "call" or out is None:
                    node = self._inner(n) if n.primitive.kind == "call" else kernel_of(n)
                    if node is None:
                        return False
                    self.nodes.append(node)
                    continue
                if name in _RESHAPED and n.values:
                    self._alias[out] = n.values[0]
                    continue
                if name in _TURNS and out not in graph.outputs:
                    if all([u.primitive.name in _PRODUCTS for u in users.get(out, ())]):
                        # Only products read it, which take it as it lies.
                        continue
                node = self._other(n, made)
                if node is None:
                    again = rows_last(n)
                    if again is None:
                        return False
                    self.again[n] = again
                    continue
            self.nodes.append(node)
        if self.again:
            return False
        self._join_products(users)
        self.needed = {self.root(v) for v in graph.outputs}
        for n in self.nodes:
            self.needed |= {self.root(v) for v in self.read(n)}
        # Steps do not return what sums read.
        self.graph = graph.with_equations(graph.equations, graph.outputs[: len(graph.outputs) - len(self.summed)])
        self.units = self._units()
        return True

    def stay(self, carries: Sequence[Value]) -> None:
        """Leave carries where they are of which only some elements change."""
        self._alias |= changed_in_place(self, carries)

    def ask_first(self, flag: Value) -> None:
        """Have the nodes that a value depends on come before all others."""
        found, rest = {self.root(flag)}, list(self.nodes)
        for n in reversed(self.nodes):
            if not found.isdisjoint(made_by(n)):
                found |= {self.root(v) for v in self.read(n)}
                rest.remove(n)
        first = [n for n in self.nodes if n not in rest]
        self.first, self.nodes = len(first), [*first, *rest]

    def read(self, node: Any) -> list[Value]:
        """Return what a node reads of what others make."""
        if isinstance(node, Group):
            own = node.made
            return [v for e in node.equations for v in e.values if v not in own]
        if isinstance(node, Joined):
            return list(node.parts)
        if isinstance(node, Branch | Kernel):
            return list(node.read)
        if isinstance(node, Moves):
            return [p.x for p in node.pieces]
        factors = [v for t in node.terms for v in (t.a, t.b)]
        return factors if node.added is None else [*factors, node.added]

    def _other(self, e: Equation, made: dict[Value, Equation]) -> Any:
        """Return what does an equation that is no loop over elements, None if nothing here does."""
        name = e.primitive.name
        if name in _PRODUCTS:
            turns = {v: t for v, t in made.items() if t.primitive.name in _TURNS}
            return self._product(e, made) or product_of(e, turns)
        if name == "concat" and (joined := _joined(e)) is not None:
            return joined
        return kernel_of(e) or moves_of(e) or indexed_of(e) or integers_of(e) or plain_of(e)

    def _product(self, e: Equation, made: dict[Value, Equation]) -> Product | None:
        """Return the product with a matrix that is the same in each step."""
        terms = self._terms(e, made)
        if terms is None:
            return None
        a, b, turned = terms
        out = e.outputs[0]
        before = made.get(b)
        if before is not None:
            b, turned = before.inputs[0], not turned
        depth = a.shape[-1]
        added = e.values[2] if len(e.values) > 2 else None
        return Product((Term(a, b, turned, depth),), out, added, prod(a.shape[:-1]), prod(b.shape) // depth)

    def _terms(self, e: Equation, made: dict[Value, Equation]) -> tuple[Value, Value, bool] | None:
        """Return what is multiplied by which matrix that is the same in each step, and whether that is turned."""
        if len(e.inputs) != len(e.values):
            return None
        a, b, *_ = e.values
        out = e.outputs[0]
        if str(out.dtype) not in ("float32", "float64") or not a.dtype == b.dtype == out.dtype:
            return None
        if len(a.shape) == 2 and len(b.shape) == 1 and self._matrix(a, made):
            # A matrix times a vector: the vector times the matrix, turned.
            return b, a, True
        before = made.get(a)
        if a in self.held or (before is not None and before.primitive.name in _TURNS):
            # What is turned may be nowhere in memory.
            return None
        return (a, b, False) if len(b.shape) == 2 and self._matrix(b, made) else None

    def _join_products(self, users: dict[Value, list[Equation]]) -> None:
        """Have products of which one is added to the other go through the result together."""
        made: dict[Value, Product] = {}
        for i, node in enumerate(self.nodes):
            if not isinstance(node, Product):
                continue
            before = made.get(node.added) if node.added is not None else None
            if before is not None and len(users[before.out]) == 1 and before.out not in self.graph.outputs:
                # One that is multiplied as well has to be there first.
                if before.out.shape == node.out.shape and all([t.a is not before.out for t in node.terms]):
                    node = node._replace(terms=(*before.terms, *node.terms), added=before.added)
                    self.nodes[i] = node
                    self.nodes[self.nodes.index(before)] = None
            made[node.out] = node
        self.nodes = [n for n in self.nodes if n is not None]

    def _matrix(self, v: Value, made: dict[Value, Equation]) -> bool:
        """Whether a value is a matrix from outside, or one of them transposed."""
        e = made.get(v)
        return v in self.held or (e is not None and e.primitive.name == "matrix_transpose" and e.inputs[0] in self.held)

    # ------------------------------------------------------------------ independent parts

    def _units(self) -> int:
        """Return the size of the first dimension if no step mixes what lies at different places of it, else 1."""
        inputs = [v for v in self.graph.inputs if v not in self.held]
        values = [*inputs, *self.graph.outputs, *self.summed]
        if not values or not values[0].shape:
            return 1
        size = values[0].shape[0]
        if any([not v.shape or v.shape[0] != size for v in values]):
            return 1
        return size if all([self._separate(n, size) for n in self.nodes]) else 1

    def _separate(self, node: Any, size: int) -> bool:
        if isinstance(node, Product):
            shapes = [t.a.shape for t in node.terms]
            both = all([s[0] == node.out.shape[0] == size and len(s) == len(node.out.shape) >= 2 for s in shapes])
            return both and (node.added is None or node.added in self.held or node.added.shape == node.out.shape)
        if isinstance(node, Joined):
            return len(node.out.shape) >= 2 and all([v.shape[0] == size for v in (*node.parts, node.out)])
        if not isinstance(node, Group) or not node.shape or node.shape[0] != size or node.split == 0 or node.windows:
            return False
        if not _TOGETHER.isdisjoint(node.roles.values()):
            return False
        made = node.made
        for v, role in node.roles.items():
            if role in ("column sum", "total"):
                return False
            if v not in made and v not in self.held and role in ("column", "scalar", CYCLE):
                return False
            if v in made and v in self.needed and (not v.shape or v.shape[0] != size):
                return False
        return True

    @staticmethod
    def shape(role: str, v: Value, group: Group) -> tuple[int, ...]:
        """Return the shape that a value has in the loop of a group."""
        if role == "full":
            return (prod(group.shape),) if group.split is None else (group.rows, group.columns)
        if role in (WIDE, JOINED):
            return (group.rows, v.shape[-1])
        if role in (CYCLE, REPEAT):
            return (prod(v.shape) // group.columns, group.columns)
        if role == "column sum":
            return (1, group.columns)
        if role == REPEAT_ROW:
            return (prod(v.shape),)
        if role == RUN_SUM:
            return (group.rows // (group.period or 1), group.columns)
        if role == TURN_SUM:
            return (1, prod(v.shape))
        if role == WINDOW:
            return (
                (prod(v.shape),)
                if group.split is None
                else (prod(v.shape[: group.split]), prod(v.shape[group.split :]))
            )
        return {"column": (group.columns,), "row": (group.rows,)}.get(role, (1,))


def body_of(step: Graph, held: int, carried: int, inner: Inner) -> Body | None:
    """Return what a step consists of, None if there is more to it.

    `inner` finds what loops and branches in it are.
    """
    if any([v.__class__ is not Value for v in step.outputs]):
        return None
    if any([e.primitive.meta.get("effect") for e in step.equations]):
        return None
    graph = optimised(lowered(step))
    if any([v.__class__ is not Value for v in graph.outputs]):
        return None
    whole, held, sums = without_sums(graph, held, carried)
    body = Body(with_kernels(crosswise(whole, written=True)), held, inner, sums)
    found = body.find_nodes()
    if not found and body.again:
        graph, again = body.graph, body.again
        body = Body(graph.with_equations([t for e in graph.equations for t in again.get(e, [e])]), held, inner, sums)
        found = body.find_nodes()
    if not found:
        return None
    body.whole = whole
    carried -= len(body.sums)
    body.stay(body.graph.inputs[held : held + carried])
    # What is carried does not stay in place for some steps, as what is summed up has to.
    moves = {*body.graph.inputs[: held + carried], *[body.root(v) for v in body.graph.outputs[:carried]]}
    return body if moves.isdisjoint([body.root(v) for v in body.summed]) else None


def _added_to_products(graph: Graph, fixed: Callable[[Equation], bool]) -> Graph:
    """Have products with fixed matrices start from what is added to them."""
    users = graph.users()
    made = {v: e for e in graph.equations for v in e.outputs}
    kept: dict[Equation, Equation] = {}
    for e in graph.equations:
        kept[e] = e
        if e.primitive.name != "add" or len(e.values) != 2:
            continue
        out = e.outputs[0]
        for v, other in (e.values, e.values[::-1]):
            product = made.get(v)
            if product is None or product.primitive.name != "matmul" or not fixed(product):
                continue
            fits = other.shape in (out.shape, out.shape[-1:]) and v.shape == out.shape and other.dtype == out.dtype
            alone = len(users[v]) == 1 and v not in graph.outputs and other is not v
            if fits and alone and (other not in made or made[other].primitive.name not in _TURNS):
                del kept[product]
                kept[e] = Equation(_SUM, (*product.values, other), {}, e.outputs, e.line, e.again)
                break
    return graph.with_equations(kept.values())


def _supported(v: Value) -> bool:
    name = str(np.dtype(v.dtype))
    # Keys go from kernel to kernel; loops over elements do not hold any.
    typed = type_name(name) is not None or name == "uint32"
    return v.spec.backend.name == "numpy" and typed and prod(v.shape) > 0


def _joined(e: Equation) -> Joined | None:
    rank = len(e.outputs[0].shape)
    if e.params.get("axis") not in (rank - 1, -1) or any([v.__class__ is not Value for v in e.inputs]):
        return None
    same = all([v.dtype == e.outputs[0].dtype for v in e.values])
    return Joined(tuple(e.values), e.outputs[0]) if same else None
