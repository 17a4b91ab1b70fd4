"""Composite operations as the elementwise operations and reductions that they are made of."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.compiler.capture import capture
from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.loops.gaussian import by_probability
from funcnet.compiler.loops.kept_rows import with_rows_kept
from funcnet.compiler.loops.templates import COMPARISONS, FUNCTIONS, MIXED, TEMPLATES
from funcnet.compiler.loops.wider import in_double
from funcnet.errors import FuncnetError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["lowered"]

#: Composite operations whose reference implementation becomes one loop.
_COMPOSITE = frozenset(
    [
        "adam_update",
        "centered",
        "log_softmax",
        "logsumexp",
        "mean",
        "product_sum",
        "rescale",
        "rescale_pull",
        "scale_shift",
        "softmax",
        "softmax_cross_entropy",
        "softmax_cross_entropy_slope",
        "standardize",
        "std",
        "var",
        "affine",
    ]
)
_KNOWN = frozenset([*TEMPLATES, *COMPARISONS, *MIXED, *[name for name, _ in FUNCTIONS]])


def lowered(graph: Graph) -> Graph:
    """Return a graph in which what loops can take in is made of operations that have templates."""
    replaced: dict[Value, Any] = {}
    constants = dict(graph.constants)
    kept: list[Equation] = []
    elsewhere = {v for e in graph.equations if not _in_loops(e) for v in e.values}
    for e in graph.equations:
        if replaced:
            e = e.replaced(tuple([replaced.get(v, v) if v.__class__ is Value else v for v in e.inputs]))
        inner = _vectors(e) if e.primitive.name in ("matmul", "vecdot") else _one_by_one(e) or _parts(e)
        if inner is None and e.primitive.name == "matmul" and e.outputs[0] not in elsewhere:
            inner = _outer(e)
        if inner is None:
            kept.append(e)
            continue
        here = dict(zip(inner.inputs, e.values, strict=True))
        constants.update(inner.constants)
        for part in inner.equations:
            kept.append(part.replaced(tuple([here.get(v, v) if v.__class__ is Value else v for v in part.inputs])))
        for outer, v in zip(e.outputs, inner.outputs, strict=True):
            replaced[outer] = here.get(v, v) if v.__class__ is Value else v
    outputs = [replaced.get(v, v) if v.__class__ is Value else v for v in graph.outputs]
    if any([v.__class__ is not Value for v in outputs]):
        return graph
    return with_rows_kept(Graph(graph.inputs, kept, outputs, constants).with_equations(kept, outputs))


def _in_loops(e: Equation) -> bool:
    """Whether loops can take in an equation."""
    return e.primitive.kind == "elementwise" or e.primitive.name in _COMPOSITE or e.primitive.name in _KNOWN


def _outer(e: Equation) -> Graph | None:
    """Return the product of a column and a row, as the gradient of a weight for one example is, as a multiplication.

    Loops that read such a matrix multiply as they go, and nobody writes it.
    """
    shapes, dtypes = [v.shape for v in e.values], {str(v.dtype) for v in e.values}
    if [len(s) for s in shapes] != [2, 2] or shapes[0][1] != 1 or dtypes not in ({"float32"}, {"float64"}):
        return None
    return capture(lambda a, b: (xp.multiply(a, b),), [v.spec for v in e.values])[0]


def _one_pass(e: Equation) -> bool:
    """Whether an equation is a norm that is a sum or an extreme of sizes."""
    return e.primitive.name == "vector_norm" and e.params["ord"] in (1, inf, -inf)


def _vectors(e: Equation) -> Graph | None:
    """Return a product with a vector as one with a matrix, and scalar products as sums."""
    shapes, dtypes = [v.shape for v in e.values], {str(v.dtype) for v in e.values}
    if len(shapes) != 2 or dtypes not in ({"float32"}, {"float64"}):
        return None
    if e.primitive.name == "vecdot":
        axis = e.params["axis"]
        return capture(lambda a, b: (xp.sum(xp.multiply(a, b), axis=axis),), [v.spec for v in e.values])[0]
    left, right = [len(s) == 1 for s in shapes]
    if not left and not right:
        return None
    out = e.outputs[0].shape

    def product(a: Any, b: Any) -> tuple[Any]:
        if left and right:
            return (xp.sum(xp.multiply(a, b)),)
        a = xp.reshape(a, (1, shapes[0][0])) if left else a
        b = xp.reshape(b, (shapes[1][0], 1)) if right else b
        return (xp.reshape(xp.matmul(a, b), out),)

    return capture(product, [v.spec for v in e.values])[0]


def _one_by_one(e: Equation) -> Graph | None:
    """Return a sum, mean or extreme over axes with others between them as one after the other, the last axes first."""
    name = e.primitive.name
    if name not in ("sum", "mean", "max", "min") or e.params.get("dtype") is not None:
        return None
    axes = e.params["axis"]
    if axes.__class__ is not tuple or min(axes, default=-1) < 0:
        return None
    x, (out,) = e.values[0], e.outputs
    if str(x.dtype) not in ("float32", "float64") or out.dtype != x.dtype or 0 in x.shape:
        return None
    runs: list[list[int]] = []
    kept = True
    for k, n in enumerate(x.shape):
        if n == 1:
            continue
        if k not in axes:
            kept = True
        elif kept:
            runs.append([k])
            kept = False
        else:
            # Sizes of 1 may lie between.
            runs[-1] += range(runs[-1][-1] + 1, k + 1)
    if len(runs) < 2:
        return None

    def reduced(a: Any) -> tuple[Any]:
        for run in reversed(runs):
            a = getattr(xp, name)(a, axis=tuple(run), keepdims=True)
        return (xp.reshape(a, out.shape),)

    return capture(reduced, [x.spec])[0]


def _parts(e: Equation) -> Graph | None:
    """Return the operations that an equation is made of, as a function of its values; None where it stays."""
    p = e.primitive
    other = in_double(e) or by_probability(e)
    composite = p.name in _COMPOSITE or other is not None or _one_pass(e)
    if p.kind == "call" or p.name in _KNOWN or p.impl is None or not (composite or p.kind == "elementwise"):
        return None
    if p.name == "affine" and e.inputs[2].__class__ is not Value:
        return None
    given = list(e.inputs)
    where = [i for i, v in enumerate(given) if v.__class__ is Value]
    if not where or any([str(given[i].dtype) not in ("float32", "float64", "int64", "int32", "bool") for i in where]):
        return None

    def f(*xs: Any) -> Sequence[Any]:
        args = list(given)
        for i, x in zip(where, xs, strict=True):
            args[i] = x
        assert p.impl is not None
        y = p.impl(xp, *args, **e.params) if other is None else other(*args, **e.params)
        return y if p.multiple else (y,)

    try:
        graph, free = capture(f, [given[i].spec for i in where])
    except (AssertionError, AttributeError, FuncnetError, TypeError):
        # Implementations may use whatever plain arrays have, such as methods that tracers lack, other libraries, values
        # and the backend that an array is of; the operation then stays a call of its kernel.
        return None
    same = [v.__class__ is Value and v.spec == o.spec for v, o in zip(graph.outputs, e.outputs, strict=True)]
    return None if free or not all(same) or not graph.equations else graph
