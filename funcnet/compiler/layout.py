"""Memory in the order in which it is read, so that transposes, permutations and stacks are views and no copies."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.core import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Layout", "basic_key", "contiguous", "flattened", "placed_as", "readable", "turned_products", "view_of"]

#: What gives views of its argument.
_PASSING = frozenset(["matrix_transpose", "permute_dims", "getitem"])


class Layout:
    """Which values lie in memory in another order than that of their dimensions, or inside of others.

    Attributes
    ----------
    orders : dict of Value to tuple of int
        The dimensions of a value from the outermost in memory to the innermost.
    parts : dict of Value to (Value, key)
        Values that are written to where a stack or concatenation has them, and which part of it they are.
    joints : set of Value
        These stacks and concatenations.
    """

    __slots__ = ("joints", "orders", "parts")

    def __init__(self, equations: Sequence[Equation], results: set[Value], written: Callable[[Value], bool]) -> None:
        self.parts: dict[Value, tuple[Value, Any]] = {}
        self.joints: set[Value] = set()
        self.orders: dict[Value, tuple[int, ...]] = {}
        for e in equations:
            if e.primitive.name in ("stack", "concat") and e.outputs[0] not in results:
                self._join(e, written)
        users: dict[Value, list[Equation]] = {}
        for e in equations:
            for v in dict.fromkeys(e.values):
                users.setdefault(v, []).append(e)
        for e in equations:
            if e.primitive.name != "permute_dims":
                continue
            x = e.inputs[0]
            free = x in self.joints or (written(x) and x not in self.parts)
            if free and x not in results and all([u is e or _indifferent(u) for u in users[x]]):
                after = users.get(e.outputs[0], ())
                if any([u.primitive.name not in _PASSING and not _indifferent(u) for u in after]):
                    self.orders[x] = tuple(e.params["axes"])

    def _join(self, e: Equation, written: Callable[[Value], bool]) -> None:
        out = e.outputs[0]
        axis = e.params["axis"]
        if axis is None or any([v.__class__ is not Value or v.dtype != out.dtype for v in e.inputs]):
            return
        axis %= len(out.shape)
        if len(set(e.inputs)) < len(e.inputs) or not all([written(v) and v not in self.parts for v in e.values]):
            return
        self.joints.add(out)
        start = 0
        for i, v in enumerate(e.values):
            stop = start + (1 if e.primitive.name == "stack" else v.shape[axis])
            span = i if e.primitive.name == "stack" else slice(start, stop)
            self.parts[v] = (out, (*(slice(None),) * axis, span))
            start = stop


def _indifferent(e: Equation) -> bool:
    """Whether an equation reads any strides at no cost."""
    return e.primitive.name == "matmul" or getattr(e.primitive, "strided", False)


def contiguous(shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Return the strides of an array in the order of its dimensions."""
    strides: list[int] = []
    for n in reversed(shape):
        strides.insert(0, size)
        size *= n
    return tuple(strides)


def readable(array: np.ndarray) -> bool:
    """Whether the last dimension lies side by side, and the first element before all others."""
    last = array.shape[-1] == 1 or array.strides[-1] == array.itemsize if array.ndim else True
    return last and min(array.strides, default=0) >= 0


def flattened(array: np.ndarray) -> np.ndarray:
    """Return the memory from the first element to the last as an array of one dimension."""
    ends = [(n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)]
    return as_strided(array, (sum(ends) // array.itemsize + 1,), (array.itemsize,))


def placed_as(memory: np.ndarray, v: Value, order: tuple[int, ...] | None) -> np.ndarray:
    """Return bytes as the array of a value, whose dimensions lie in a given order."""
    flat = memory.view(v.dtype)[: prod(v.shape)]
    if order is None:
        return flat.reshape(v.shape)
    return flat.reshape([v.shape[k] for k in order]).transpose([order.index(k) for k in range(len(order))])


def view_of(e: Equation, array: np.ndarray) -> np.ndarray | None:
    """Return the result of an equation as a view of its argument, None if it is not one."""
    name = e.primitive.name
    if name == "matrix_transpose":
        return array.swapaxes(-1, -2)
    if name == "permute_dims":
        return array.transpose(e.params["axes"])
    if name in ("reshape", "expand_dims", "squeeze"):
        found = array.reshape(e.outputs[0].shape)
        # Sizes of 1 aside, a copy has other memory.
        return found if found.size and np.may_share_memory(found, array) else None
    if name == "getitem" and len(e.inputs) == 1:
        key = basic_key(e.params["key"])
        if key is None:
            return None
        found = array[key]
        return found if found.__class__ is np.ndarray and found.shape == e.outputs[0].shape else None
    return None


def basic_key(key: Iterable[Any]) -> tuple[Any, ...] | None:
    """Return a key of slices and integers as NumPy takes it, None if there is anything else in it."""
    found: list[Any] = []
    for k in key:
        if k is None or k.__class__ is int:
            found.append(k)
        elif k.__class__ is tuple:
            found.append(slice(*k))
        else:
            return None
    return tuple(found)


def turned_products(graph: Graph) -> Graph:
    """Compute a product whose transpose alone is wanted the other way round: its result needs no transposition then.

    Sums may be taken in another order.
    """
    users = graph.users()
    held = set(graph.outputs)
    made = {v: e for e in graph.equations for v in e.outputs}
    turned: dict[Equation, list[Equation]] = {}
    for e in graph.equations:
        before = made.get(e.inputs[0]) if e.primitive.name == "matrix_transpose" else None
        if before is None or before.primitive.name != "matmul" or e.inputs[0] in held:
            continue
        if len(users[e.inputs[0]]) > 1 or len(before.values) != 2 or min(len(v.shape) for v in before.values) < 2:
            continue
        a, b = (_transposed(v, made, turned, before) for v in before.values)
        operands = (b[0], a[0])
        product = Equation(before.primitive, operands, before.params, e.outputs, before.line, before.again)
        turned[before] = []
        turned[e] = [*a[1], *b[1], product]
    if not turned:
        return graph
    return graph.with_equations([t for e in graph.equations for t in turned.get(e, [e])])


def _transposed(
    v: Any, made: dict[Value, Equation], turned: dict[Equation, list[Equation]], near: Equation
) -> tuple[Value, list[Equation]]:
    """Return the transpose of a value, and the equation that makes it if there is none yet or not any more."""
    before = made.get(v)
    if before is not None and before.primitive.name == "matrix_transpose" and before not in turned:
        return before.inputs[0], []
    *lead, n, m = v.shape
    spec = v.spec
    out = Value(spec.__class__((*lead, m, n), spec.dtype, spec.backend, spec.device))
    return out, [Equation(registry["matrix_transpose"], (v,), {}, (out,), near.line, near.again)]
