"""Attention in a graph: products, a softmax and products, and what their derivative is made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels.attention import attention, slopes
from funcnet.compiler.kernels.attention_problem import Problem, Step
from funcnet.core import Spec, registry

__all__ = ["attended"]

#: Fewer queries than this are not worth the transposition of the keys.
_QUERIES = 8


class _Forward(NamedTuple):
    """The equations of an attention."""

    q: Value
    k: Value
    v: Value
    extras: tuple[Value, ...]
    problem: Problem
    chain: tuple[Equation, ...]
    softmax: Equation
    mean: Equation


class _Backward(NamedTuple):
    """The equations of its derivative; ``dk`` is the transpose of the cotangent of the keys if `turned`."""

    g: Value
    dq: Equation | None
    dk: Equation | None
    dv: Equation | None
    turned: bool


def attended(graph: Graph) -> Graph:
    """Return a graph in which kernels take the place of attention and of its derivative.

    Sums may be taken in another order.
    """
    return _Search(graph).result() if any([e.primitive.name == "softmax" for e in graph.equations]) else graph


class _Search:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.users = graph.users()
        self.held = set(graph.outputs)
        self.made = {v: e for e in graph.equations for v in e.outputs}
        self.index = {e: i for i, e in enumerate(graph.equations)}
        #: Equations to be put in after the one of this number, -1 for those at the beginning.
        self.added: dict[int, list[Equation]] = {}
        self.gone: set[Equation] = set()

    def result(self) -> Graph:
        for e in self.graph.equations:
            if e.primitive.name == "softmax":
                self._replace(e)
        if not self.gone:
            return self.graph
        equations = list(self.added.get(-1, ()))
        for i, e in enumerate(self.graph.equations):
            if e not in self.gone:
                equations.append(e)
            equations += self.added.get(i, ())
        return self.graph.with_equations(equations)

    def _replace(self, softmax: Equation) -> None:
        forward = self._forward(softmax)
        if forward is None:
            return
        backward = self._backward(forward)
        others = [u for u in self.users[softmax.outputs[0]] if u is not forward.mean]
        if others and backward is None:
            return
        p, mean = forward.problem, forward.mean
        at = self.index[mean]
        row = Spec((*p.lead, p.queries, 1), p.dtype, softmax.outputs[0].spec.backend)
        top, share = Value(row), Value(row)
        k = self._turned(forward.k, at)
        given = (forward.q, k, forward.v, *forward.extras)
        kernel: Any = attention(p)
        new = Equation(kernel, given, {}, (*mean.outputs, top, share), mean.line, mean.again)
        self._add(at, new)
        self.gone |= {mean, softmax, *forward.chain}
        if backward is None:
            return
        at = max(at, self._defined(backward.g))
        shapes = (p.queries, p.features), (p.keys, p.features), (p.keys, p.out_features)
        outputs = [Value(Spec((*p.lead, *shape), p.dtype, row.backend)) for shape in shapes]
        after: list[Equation] = []
        for i, e in enumerate((backward.dq, backward.dk, backward.dv)):
            if e is None:
                continue
            if i == 1 and backward.turned:
                after.append(Equation(registry["matrix_transpose"], (outputs[1],), {}, e.outputs, e.line, e.again))
            else:
                outputs[i] = e.outputs[0]
        args = (*given, backward.g, top, share)
        kernel = slopes(p)
        self._add(at, Equation(kernel, args, {}, tuple(outputs), mean.line, mean.again))
        self._add(at, *after)

    def _add(self, at: int, *equations: Equation) -> None:
        self.added.setdefault(at, []).extend(equations)

    def _defined(self, v: Value) -> int:
        e = self.made.get(v)
        return -1 if e is None else self.index[e]

    def _turned(self, kt: Value, at: int) -> Value:
        """Return the keys whose transpose a value is."""
        before = self.made.get(kt)
        if before is not None and before.primitive.name == "matrix_transpose":
            return before.inputs[0]
        *lead, features, keys = kt.shape
        out = Value(Spec((*lead, keys, features), kt.dtype, kt.spec.backend))
        self._add(at, Equation(registry["matrix_transpose"], (kt,), {}, (out,)))
        return out

    # ------------------------------------------------------------------ forward

    def _forward(self, softmax: Equation) -> _Forward | None:
        p = softmax.outputs[0]
        n = len(p.shape)
        if n < 2 or softmax.params.get("axis") != (n - 1,) or str(p.dtype) not in ("float32", "float64"):
            return None
        if p in self.held or p.shape[-2] < _QUERIES or 0 in p.shape:
            return None
        means = [u for u in self.users.get(p, ()) if u.primitive.name == "matmul" and u.inputs[0] is p]
        if len(means) != 1 or not _two(means[0]) or means[0].inputs[1] is p:
            return None
        (mean,) = means
        steps: list[Step] = []
        extras: list[Value] = []
        chain: list[Equation] = []
        hides: list[Any] = []
        x = softmax.inputs[0]
        while True:
            e = self.made.get(x) if x.__class__ is Value else None
            if e is None or x in self.held or len(self.users[x]) != 1 or x.shape != p.shape or x.dtype != p.dtype:
                return None
            chain.append(e)
            if e.primitive.name == "matmul":
                break
            found = self._step(e, extras, hides)
            if found is None:
                return None
            x, step = found
            steps.append(step)
        product = chain[-1]
        if not _two(product):
            return None
        q, kt, v = product.inputs[0], product.inputs[1], mean.inputs[1]
        lead = p.shape[:-2]
        if mean.outputs[0].shape[:-2] != lead or any([a.dtype != p.dtype for a in (q, kt, v)]):
            return None
        if 0 in q.shape or 0 in v.shape:
            return None
        shapes = tuple([(1,) * (2 - len(v.shape)) + v.shape for v in extras])
        conditions = tuple([str(v.dtype) == "bool" for v in extras])
        # Only one mask, and nothing of unknown size beside it, tells beforehand what has probability 0.
        alone = len(hides) == 1 and hides[0] is not None
        problem = Problem(
            str(p.dtype),
            lead,
            p.shape[-2],
            p.shape[-1],
            q.shape[-1],
            v.shape[-1],
            tuple(reversed(steps)),
            shapes,
            conditions,
            hides[0] if alone else None,
        )
        return _Forward(q, kt, v, tuple(extras), problem, tuple(chain), softmax, mean)

    def _step(self, e: Equation, extras: list[Value], hides: list[Any]) -> tuple[Any, Step] | None:
        """Return the scores that an equation changes, and how."""
        name, out = e.primitive.name, e.outputs[0]
        if name in ("multiply", "divide", "add", "subtract") and len(e.inputs) == 2:
            x, other = e.inputs
            number = self._number(other)
            if number is None and name in ("multiply", "add") and (self._number(x) is not None or not _like(x, out)):
                x, other = other, x
                number = self._number(other)
            if not _like(x, out):
                return None
            if number is not None and name in ("multiply", "divide") and np.isfinite(number) and number != 0:
                return x, Step("scale" if name == "multiply" else "divide", number, -1)
            if name == "add" and other.__class__ is Value and _fits(other, out) and other.dtype == out.dtype:
                extras.append(other)
                hides.append(self._known(other, out))
                return x, Step("add", 0.0, len(extras) - 1)
            return None
        if name == "where" and len(e.inputs) == 3 and e.inputs[0].__class__ is Value:
            condition, x, other = e.inputs
            number = self._number(other)
            if number is None or not _like(x, out) or not _fits(condition, out) or str(condition.dtype) != "bool":
                return None
            extras.append(condition)
            seen = self._known(condition, out)
            hides.append(None if seen is None or not number < 0 else np.where(seen, 0.0, number))
            return x, Step("where", number, len(extras) - 1)
        return None

    def _number(self, v: Any) -> float | None:
        """Return the number that an input is."""
        if v.__class__ in (int, float):
            return float(v)
        array = self.graph.constants.get(v) if v.__class__ is Value else None
        return None if array is None or array.size != 1 or array.dtype.kind != "f" else float(array.reshape(()))

    def _known(self, v: Value, out: Value) -> Any:
        """Return a constant that all heads share as a matrix, None if it is not known."""
        array = self.graph.constants.get(v)
        if array is None or any([n != 1 for n in v.shape[:-2]]) or len(v.shape) > len(out.shape):
            return None
        return np.broadcast_to(np.asarray(array).reshape(v.shape[-2:]), out.shape[-2:])

    # ------------------------------------------------------------------ backward

    def _backward(self, f: _Forward) -> _Backward | None:
        p = f.softmax.outputs[0]
        others = [u for u in self.users[p] if u is not f.mean]
        turns = [u for u in others if u.primitive.name == "matrix_transpose"]
        pulled = self._pulled(p, [u for u in others if u not in turns])
        if pulled is None or len(turns) > 1:
            return None
        slope, ds, middle = pulled
        # G V^T
        if not _two(slope) or not self._transposes(slope.inputs[1], f.v):
            return None
        g = slope.inputs[0]
        if g.shape != f.mean.outputs[0].shape or g.dtype != p.dtype:
            return None
        dv = None
        if turns:
            dv = self._alone(turns[0].outputs[0])
            if dv is None or not _product(dv, turns[0].outputs[0], g):
                return None
        # Back through the steps.
        for step in reversed(f.problem.steps):
            if step.kind == "add":
                continue
            e = self._alone(ds)
            if e is None or not self._undoes(e, ds, step, f):
                return None
            middle.append(e)
            ds = e.outputs[0]
        dq = dk = None
        turned = False
        if ds in self.held:
            return None
        for u in self.users.get(ds, ()):
            if u.primitive.name == "matmul" and _two(u) and u.inputs[0] is ds and dq is None:
                if not self._transposes(f.k, u.inputs[1]):
                    return None
                dq = u
            elif u.primitive.name == "matmul" and _two(u) and u.inputs[1] is ds and dk is None:
                if not self._transposes(u.inputs[0], f.q):
                    return None
                dk, turned = u, True
            else:
                return None
        if dq is None and dk is None:
            return None
        found = [e for e in (dq, dk, dv) if e is not None]
        lead = f.problem.lead
        if any([e.outputs[0].shape[:-2] != lead for e in found]):
            return None
        # What is computed at once has to come before all that needs it.
        start = max(self.index[f.mean], self._defined(g))
        readers = [u for e in found for u in self.users.get(e.outputs[0], ())]
        if any([self.index[u] <= start for u in readers]):
            return None
        self.gone |= {slope, *middle, *turns, *found}
        return _Backward(g, dq, dk, dv, turned)

    def _pulled(self, p: Value, users: list[Equation]) -> tuple[Equation, Value, list[Equation]] | None:
        """Return what makes the cotangent of the probabilities, that of the scores, and what is in between."""
        if len(users) != 2 or any([u.primitive.name != "multiply" or len(u.values) != 2 for u in users]):
            return None
        for weighted, scaled in (users, users[::-1]):
            dp = next((v for v in weighted.inputs if v is not p), None)
            total = self._alone(weighted.outputs[0])
            if dp is None or total is None or total.primitive.name != "sum":
                continue
            wanted = {"axis": (len(p.shape) - 1,), "keepdims": True, "dtype": None}
            less = self._alone(total.outputs[0])
            if total.params != wanted or less is None or less.primitive.name != "subtract":
                continue
            if less.inputs[0] is not dp or less.inputs[1] is not total.outputs[0] or dp in self.held:
                continue
            if self._alone(less.outputs[0]) is not scaled or less.outputs[0] not in scaled.inputs:
                continue
            slope = self.made.get(dp)
            if slope is None or slope.primitive.name != "matmul" or set(self.users[dp]) != {weighted, less}:
                continue
            if dp.shape != p.shape or scaled.outputs[0] in self.held:
                continue
            return slope, scaled.outputs[0], [weighted, total, less, scaled]
        return None

    def _undoes(self, e: Equation, ds: Value, step: Step, f: _Forward) -> bool:
        """Whether an equation takes the cotangent of scores back through a step."""
        name = e.primitive.name
        if step.kind == "where":
            return name == "masked" and e.inputs[0] is ds and e.inputs[1] is f.extras[step.extra]
        names = ("multiply", "strong_multiply") if step.kind == "scale" else ("divide", "strong_divide")
        return name in names and e.inputs[0] is ds and self._number(e.inputs[1]) == step.number

    def _alone(self, v: Value) -> Equation | None:
        """Return the only equation that reads a value."""
        found = self.users.get(v, ())
        return found[0] if len(found) == 1 and v not in self.held else None

    def _transposes(self, a: Value, b: Value) -> bool:
        """Whether one value is made as the transpose of the other."""
        for x, y in ((a, b), (b, a)):
            e = self.made.get(x)
            if e is not None and e.primitive.name == "matrix_transpose" and e.inputs[0] is y:
                return True
        return False


def _two(e: Equation) -> bool:
    """Whether a product is one of matrices."""
    return len(e.values) == 2 and min([len(v.shape) for v in e.values]) >= 2


def _product(e: Equation, a: Value, b: Value) -> bool:
    return e.primitive.name == "matmul" and _two(e) and e.inputs[0] is a and e.inputs[1] is b


def _like(x: Any, out: Value) -> bool:
    return x.__class__ is Value and x.shape == out.shape and x.dtype == out.dtype


def _fits(v: Value, out: Value) -> bool:
    """Whether a value broadcasts to the scores."""
    shape = (1,) * (len(out.shape) - len(v.shape)) + v.shape
    return len(shape) == len(out.shape) and all([n in (1, m) for n, m in zip(shape, out.shape, strict=True)])
