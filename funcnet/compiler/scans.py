"""Sums over the steps of a loop, of matrix products and of rows, as one product or sum after it."""

from __future__ import annotations

from math import prod
from typing import Any

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.core import Spec, registry

__all__ = ["hoist_products"]


def hoist_products(graph: Graph) -> Graph:
    """Take carries that only sum up products ``x.T @ y`` or rows out of loops: the sum is one of all steps' rows.

    The order of the additions changes, so the last digits may.
    """
    equations: list[Equation] = []
    for e in graph.equations:
        parts = [e]
        while e.primitive.name == "scan" and (found := _hoisted(parts[0])) is not None:
            parts = [*found, *parts[1:]]
        equations += parts
    if len(equations) == len(graph.equations):
        return graph
    return graph.with_equations(equations)


def _hoisted(e: Equation) -> list[Equation] | None:
    """Return a loop with one such carry less, and what computes it afterwards; None where there is none."""
    call: Any = e.primitive
    step: Graph = call.regions[0]
    made = {v: q for q in step.equations for v in q.outputs}
    users = step.users()
    for i in range(call.carried):
        carry, out = step.inputs[call.held + i], step.outputs[i]
        if carry in step.outputs or step.outputs.count(out) != 1 or users.get(out) or len(users.get(carry, ())) != 1:
            continue
        terms = _terms(out, made, users, step)
        if terms.count(carry) != 1 or len(terms) < 2:
            continue
        # What is added to each row of a carry is no sum of its shape, and what is added up in double stays so.
        if any([t.__class__ is not Value or (t.shape, t.dtype) != (carry.shape, carry.dtype) for t in terms]):
            continue
        factors = [_factors(t, made, step, call) for t in terms if t is not carry]
        if None not in factors:
            return _rewritten(e, call, step, i, factors)
    return None


def _terms(out: Value, made: dict[Value, Equation], users: dict[Value, list[Equation]], step: Graph) -> list[Any]:
    """Return what is added up to a value, by additions whose results nobody else sees."""
    found: list[Any] = []
    waiting: list[Any] = [out]
    while waiting:
        v = waiting.pop()
        e = made.get(v) if v.__class__ is Value else None
        inner = v is out or (len(users.get(v, ())) == 1 and v not in step.outputs)
        if e is not None and e.primitive.name == "add" and inner and v.dtype == out.dtype and v.shape == out.shape:
            waiting += e.inputs
        else:
            found.append(v)
    return found


def _factors(term: Any, made: dict[Value, Equation], step: Graph, call: Any) -> tuple[Value, ...] | None:
    """Return x and y of a term ``x.T @ y``, x of a sum of rows; None if it is none or the same in every step."""
    product = made.get(term) if term.__class__ is Value else None
    if product is not None and product.primitive.name == "sum":
        return _summed(product, step, call)
    if product is None or product.primitive.name != "matmul" or len(term.shape) != 2:
        return None
    left = made.get(product.inputs[0])
    if left is None or left.primitive.name != "matrix_transpose":
        return None
    x, y = left.inputs[0], product.inputs[1]
    same = any([v in step.inputs[: call.held] for v in (x, y)])
    fits = len(x.shape) == len(y.shape) == 2 and x.dtype == y.dtype == term.dtype
    return (x, y) if fits and not same else None


def _summed(e: Equation, step: Graph, call: Any) -> tuple[Value] | None:
    """Return of what the rows are summed up, None if it is another sum."""
    x, axis = e.inputs[0], e.params["axis"]
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    rows = len(x.shape) > len(axes) and axes == tuple(range(len(axes)))
    plain = not e.params["keepdims"] and e.params.get("dtype") is None and x.dtype == e.outputs[0].dtype
    return (x,) if rows and plain and x not in step.inputs[: call.held] else None


def _rewritten(e: Equation, call: Any, step: Graph, i: int, factors: list[Any]) -> list[Equation]:
    first = call.held + call.carried
    outputs = [v for k, v in enumerate(step.outputs) if k != i]
    results = [v for k, v in enumerate(e.outputs) if k != i]
    inputs = list(step.inputs)
    del inputs[call.held + i]
    given = list(e.inputs)
    total = given.pop(call.held + i)

    def stacked(v: Value) -> Any:
        if v in step.inputs[first:]:
            return e.inputs[step.inputs.index(v)]
        if v not in outputs[call.carried - 1 :]:
            outputs.append(v)
            results.append(Value(_spec(v, (call.length, *v.shape))))
        return results[outputs.index(v, call.carried - 1)]

    tail: list[Equation] = []

    def then(name: str, to: tuple[int, ...], *values: Any, **params: Any) -> Value:
        out = Value(_spec(values[0], to))
        tail.append(Equation(registry[name], values, params, (out,), e.line, e.again))
        return out

    for factor in factors:
        if len(factor) == 1:
            stack = stacked(factor[0])
            axes = tuple(range(len(stack.shape) - len(e.outputs[i].shape)))
            part = then("sum", e.outputs[i].shape, stack, axis=axes, keepdims=False, dtype=None)
        else:
            rows = []
            for stack in [stacked(v) for v in factor]:
                matrix = (prod(stack.shape[:2]), stack.shape[2])
                rows.append(then("reshape", matrix, stack, shape=matrix))
            turned = then("matrix_transpose", rows[0].shape[::-1], rows[0])
            part = then("matmul", e.outputs[i].shape, turned, rows[1])
        total = then("add", e.outputs[i].shape, part, total)
    last = tail[-1]
    tail[-1] = Equation(last.primitive, last.inputs, last.params, (e.outputs[i],), last.line, last.again)
    inner = Graph(inputs, step.equations, outputs, step.constants).with_equations(step.equations, outputs)
    shorter = call.with_step(inner, call.held, call.carried - 1)
    return [Equation(shorter, tuple(given), {}, tuple(results), e.line, e.again), *tail]


def _spec(like: Any, shape: tuple[int, ...]) -> Spec:
    spec = like.spec
    return Spec(shape, spec.dtype, spec.backend, spec._device)  # pyright: ignore[reportPrivateUsage]  # may be open
