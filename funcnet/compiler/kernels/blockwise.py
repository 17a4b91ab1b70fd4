"""Attention in blocks, and its derivative, by the kernels that take a head at a time: memory grows no faster there."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels.attention import attention, slopes
from funcnet.compiler.kernels.attention_problem import Problem, Step
from funcnet.core import Spec, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["whole_heads"]

#: Fewer queries than this are not worth the transposition of the keys.
_QUERIES = 8
#: Elements up to which it is written down which keys a query sees.
_SEEN = 1 << 22


class _Found(NamedTuple):
    """An attention that a kernel computes."""

    old: Equation
    problem: Problem
    arrays: tuple[Value, ...]
    top: Value
    share: Value


def whole_heads(graph: Graph) -> Graph:
    """Return a graph in which kernels take the place of attention in blocks, where nothing is hidden by an argument.

    Sums may be taken in another order.
    """
    if not any([e.primitive.name == "attention" for e in graph.equations]):
        return graph
    return _Rewriter(graph).result()


class _Rewriter:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.made = {v: e for e in graph.equations for v in e.outputs}
        self.constants = dict(graph.constants)
        self.equations: list[Equation] = []
        #: By the logarithms that it returns.
        self.found: dict[Value, _Found] = {}
        self.seen: dict[tuple[int, int], Value] = {}

    def result(self) -> Graph:
        for e in self.graph.equations:
            if not (e.primitive.name == "attention" and self._forward(e)) and not (
                e.primitive.name == "attention_slopes" and self._backward(e)
            ):
                self.equations.append(e)
        outputs = self.graph.outputs
        return Graph(self.graph.inputs, self.equations, outputs, self.constants).with_equations(self.equations)

    def _forward(self, e: Equation) -> bool:
        q, k, v, *extras = e.inputs
        how = e.params
        dtype, backend = str(e.outputs[0].dtype), e.outputs[0].spec.backend
        if extras or any([a.__class__ is not Value or str(a.dtype) != dtype for a in (q, k, v)]):
            return False
        queries, keys = q.shape[-2], k.shape[-2]
        if dtype not in ("float32", "float64") or how["window"] or queries < _QUERIES:
            return False
        if any([0 in a.shape for a in (q, k, v)]) or (how["causal"] and queries * keys > _SEEN):
            return False
        lead = q.shape[:-2]
        if k.shape[:-2] != lead[:-1] or v.shape[:-2] != lead[:-1]:
            return False
        steps, arrays = [Step("scale", how["scale"], -1)], [q, self._each(k, e), self._each(v, e)]
        shapes, hides = [], None
        if how["causal"]:
            condition = self._condition(queries, keys, backend)
            arrays.append(condition)
            shapes.append(condition.shape)
            steps.append(Step("where", -inf, 0))
            # Few bits are enough for what is either 0 or infinite.
            hides = np.where(self.constants[condition], np.float16(0), np.float16(-inf))
        problem = Problem(
            dtype,
            lead,
            queries,
            keys,
            q.shape[-1],
            v.shape[-1],
            tuple(steps),
            tuple(shapes),
            (True,) * len(shapes),
            hides,
        )
        row = Spec((*lead, queries, 1), e.outputs[0].dtype, backend)
        top, share = Value(row), Value(row)
        out, log = e.outputs
        self._add(attention(problem), arrays, {}, (out, top, share), e)
        # Of the sum of the exponentials, whose largest is taken out of it.
        part, whole = Value(row), Value(row)
        self._add(registry["log"], (share,), {}, (part,), e)
        self._add(registry["subtract"], (top, part), {}, (whole,), e)
        self._add(registry["reshape"], (whole,), {"shape": log.shape}, (log,), e)
        self.found[log] = _Found(e, problem, tuple(arrays), top, share)
        return True

    def _backward(self, e: Equation) -> bool:
        if len(e.inputs) != 6:
            return False
        *given, log, delta, g = e.inputs
        f = self.found.get(log) if log.__class__ is Value else None
        if f is None or tuple(given) != f.old.inputs or e.params != f.old.params:
            return False
        if g.__class__ is not Value or g.shape != f.old.outputs[0].shape or not self._usual(delta, g, f.old.outputs[0]):
            return False
        p, like = f.problem, e.outputs[0]
        shapes = ((p.queries, p.features), (p.keys, p.features), (p.keys, p.out_features))
        found = [Value(Spec((*p.lead, *s), like.dtype, like.spec.backend)) for s in shapes]
        found[0] = e.outputs[0]
        self._add(slopes(p), (*f.arrays, g, f.top, f.share), {}, tuple(found), e)
        for v, out in zip(found[1:], e.outputs[1:], strict=True):
            if p.lead[-1] == 1:
                self._add(registry["reshape"], (v,), {"shape": out.shape}, (out,), e)
            else:
                axis = (len(p.lead) - 1,)
                self._add(registry["sum"], (v,), {"axis": axis, "keepdims": False, "dtype": None}, (out,), e)
        return True

    def _usual(self, delta: Any, g: Value, out: Value) -> bool:
        """Whether it is the product of the result and its cotangent, which the kernel makes itself."""
        e = self.made.get(delta) if delta.__class__ is Value else None
        if e is not None and e.primitive.name == "subtract":
            zero = self.graph.constants.get(e.inputs[1]) if e.inputs[1].__class__ is Value else None
            if zero is None or np.any(np.asarray(zero)):
                return False
            e = self.made.get(e.inputs[0])
        if e is None or e.primitive.name != "sum" or e.params["axis"] != (len(out.shape) - 1,):
            return False
        product = self.made.get(e.inputs[0])
        return product is not None and product.primitive.name == "multiply" and set(product.inputs) == {g, out}

    def _each(self, v: Value, e: Equation) -> Value:
        """Return keys or values with a dimension for the heads of queries that share them."""
        shape = (*v.shape[:-2], 1, *v.shape[-2:])
        out = Value(Spec(shape, v.dtype, v.spec.backend))
        self._add(registry["reshape"], (v,), {"shape": shape}, (out,), e)
        return out

    def _condition(self, queries: int, keys: int, backend: Any) -> Value:
        """Return which keys a query sees: those up to its own place."""
        found = self.seen.get((queries, keys))
        if found is None:
            array = np.tri(queries, keys, dtype=bool)
            found = self.seen[queries, keys] = Value(Spec(array.shape, array.dtype, backend))
            self.constants[found] = array
        return found

    def _add(self, primitive: Any, inputs: Sequence[Any], params: Any, outputs: tuple[Value, ...], e: Equation) -> None:
        self.equations.append(Equation(primitive, tuple(inputs), params, outputs, e.line, e.again))
