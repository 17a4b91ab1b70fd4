"""Graphs of a few numbers as straight code: each element of an array is a variable, and moving it costs nothing."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels.scalar_memory import CHANGES, READS, Memory, changed, lazily, read
from funcnet.compiler.kernels.scan_integers import INTEGERS
from funcnet.compiler.layout import basic_key
from funcnet.compiler.loops.expressions import Expressions
from funcnet.compiler.loops.group import function_of
from funcnet.compiler.loops.groups import fusable
from funcnet.compiler.loops.lowering import lowered
from funcnet.compiler.loops.templates import (
    FUNCTIONS,
    LIMITS,
    SCALAR_FUNCTIONS,
    cast,
    literal,
    template_of,
    type_name,
)
from funcnet.compiler.passes import optimised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ELEMENTS", "OPERATIONS", "Scalars", "TooLong", "few", "named"]

#: Elements of an array, and operations with weights, up to which code is written out.
ELEMENTS, OPERATIONS = 64, 600
#: What a function weighs that is a polynomial.
_FUNCTION = 8


class TooLong(Exception):  # noqa: N818  # nobody sees it
    """Code that is too long, or an operation that there is none for."""


def few(graph: Graph, length: int, *, memory: bool = False) -> bool:
    """Whether a graph that is written so many times might be short enough; it is asked before anything is written.

    With `memory`, what comes in may have more elements, and what is that with some changed.
    """
    values = [v for e in graph.equations for v in e.outputs]
    if any([v.__class__ is not Value for v in graph.outputs]) or len(values) * length > OPERATIONS:
        return False
    large = {*graph.inputs, *[e.outputs[0] for e in graph.equations if e.primitive.name in CHANGES]} if memory else ()
    return all([_held(v, any_size=v in large) for v in (*graph.inputs, *graph.constants, *values)])


def _held(v: Value, *, any_size: bool = False) -> bool:
    named = type_name(str(np.dtype(v.dtype)))
    size = prod(v.shape)
    return v.spec.backend.name == "numpy" and named is not None and 0 < size and (any_size or size <= ELEMENTS)


class Scalars(Expressions):
    """Writes graphs as assignments to variables.

    Attributes
    ----------
    lines : list of str
        The assignments.
    work : int
        How many operations they are, with weights.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.work = 0
        self.checked = set()
        #: What values are where an expression is written.
        self._names: dict[Any, str] = {}
        self._count = 0

    def run(self, graph: Graph, given: Sequence[Any]) -> list[Any]:
        """Write a graph of inputs, arrays of the names of their elements; return those of its outputs.

        Some may be `Memory`.
        """
        graph = optimised(lowered(graph))
        if not few(graph, 1, memory=any([g.__class__ is Memory for g in given])):
            raise TooLong
        known: dict[Any, Any] = dict(zip(graph.inputs, given, strict=True))
        for v, constant in graph.constants.items():
            array = np.asarray(constant)
            known[v] = named([literal(n, str(v.dtype)) for n in array.reshape(-1).tolist()], array.shape)
        for e in lazily(graph.equations):
            found = self._equation(e, [known[v] if v.__class__ is Value else v for v in e.inputs])
            for v, y in zip(e.outputs, found, strict=True):
                assert y.shape == v.shape
                known[v] = y
        return [known[v] for v in graph.outputs]

    def name(self, text: str) -> str:
        """Return a new variable that is an expression."""
        name = f"s{self._count}"
        self._count += 1
        self.lines.append(f"{name} = {text}")
        return name

    def _equation(self, e: Equation, given: list[Any]) -> list[np.ndarray]:
        p = e.primitive
        if any([v.__class__ is Memory for v in given]):
            return [self._memory(e, given)]
        if p.kind == "call":
            return self._region(e, given)
        out = e.outputs[0]
        if len(e.outputs) > 1 or p.meta.get("effect"):
            raise TooLong
        moved = _MOVED.get(p.name)
        if moved is not None:
            if any([v.__class__ is not np.ndarray for v in given]) or any([v.dtype != out.dtype for v in e.values]):
                raise TooLong
            return [self._checked(moved(e, given), out)]
        if p.name in _REDUCED:
            reduced = _REDUCED[p.name]
            return [self._reduced(e, given[0], reduced or template_of("add", str(out.dtype)))]
        if p.name == "matmul":
            return [self._product(e, *given)]
        if p.name in ("index_add", "index_set"):
            return [self._put(e, given)]
        if p.name in ("argmax", "argmin"):
            return [self._place(e, given[0])]
        integers = p.name in INTEGERS and np.dtype(out.dtype).kind == "i"
        if not fusable(e) and not integers:
            raise TooLong
        return [self._elementwise(e, given, INTEGERS[p.name] if integers else None)]

    def _memory(self, e: Equation, given: list[Any]) -> Any:
        """Write what reads or changes an array that is in memory."""
        name, out = e.primitive.name, e.outputs[0]
        first = given[0].__class__ is Memory and all([v.__class__ is np.ndarray for v in given[1:]])
        if not first or e.values[0].dtype != out.dtype or any([v.__class__ is not Value for v in e.inputs]):
            raise TooLong
        if any([str(v.dtype) not in ("int32", "int64") for v in e.values[1 if name in READS else 2 :]]):
            raise TooLong
        found: Any = None
        if name in READS:
            found = read(e, given, self.name, self.lines)
            self._weigh(4 * prod(out.shape))
        elif name in CHANGES and e.values[1].dtype == out.dtype:
            found = changed(e, given, self.name, self.lines)
            self._weigh(4 * prod(e.values[1].shape))
        if found is None:
            raise TooLong
        return found

    @staticmethod
    def _checked(y: np.ndarray | None, out: Value) -> np.ndarray:
        if y is None or y.shape != out.shape:
            raise TooLong
        return y

    # ------------------------------------------------------------------ operations

    def _elementwise(self, e: Equation, given: list[Any], template: str | None) -> np.ndarray:
        out = e.outputs[0]
        values = e.values
        arrays = [np.broadcast_to(a, out.shape) for a in given if a.__class__ is np.ndarray]
        typed, name = str(out.dtype), function_of(e)

        def one(*names: str) -> str:
            self._names = dict(zip(values, names, strict=True))
            if template is None and name in LIMITS:
                # As in loops: derivatives ask whether what is computed again is the same.
                found, _ = self._arguments(e, set(), {})
                beyond, other = LIMITS[name][typed].format(*found), SCALAR_FUNCTIONS[name].format(*found)
                return self.name(f"{other} if {beyond} else {FUNCTIONS[name, typed]}({', '.join(found)})")
            if template is None:
                return self.name(self._expression(e, set(), {}))
            rest = iter(names)
            texts = [
                cast(next(rest), str(v.dtype), typed) if v.__class__ is Value else literal(v, typed) for v in e.inputs
            ]
            return self.name(f"{type_name(typed)}({template.format(*texts)})")

        weight = _FUNCTION if name in SCALAR_FUNCTIONS or (name, typed) in FUNCTIONS else 1
        self._weigh(weight * prod(out.shape))
        found = [one(*names) for names in zip(*[a.reshape(-1) for a in arrays], strict=True)]
        return named(found, out.shape)

    def _read(self, v: Value, here: Any, stored: Any) -> str:  # noqa: ARG002  # an emitter's
        return self._names[v]

    def _weigh(self, work: int) -> None:
        self.work += work
        if self.work > OPERATIONS:
            raise TooLong

    def _reduced(self, e: Equation, x: np.ndarray, template: str) -> np.ndarray:
        out = e.outputs[0]
        if e.primitive.name == "count_nonzero":
            bool_ = str(e.values[0].dtype) == "bool"
            numbers = [self.name(f"i8({n})" if bool_ else f"i8({n} != 0)") for n in x.reshape(-1)]
            x = named(numbers, x.shape)
        elif e.params.get("dtype") is not None or e.inputs[0].dtype != out.dtype:
            raise TooLong
        axis = e.params["axis"]
        axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        kept = [k for k in range(x.ndim) if k not in [a % x.ndim for a in axes]]
        order = [*kept, *[k for k in range(x.ndim) if k not in kept]]
        rows = x.transpose(order).reshape(prod([x.shape[k] for k in kept]), -1)
        self._weigh(x.size)
        typed = type_name(str(out.dtype))
        found = []
        for row in rows:
            total = self._tree(list(row), template)
            if e.primitive.name == "mean":
                total = self.name(f"{typed}({total} / {typed}({len(row)}))")
            found.append(total)
        return named(found, out.shape)

    def _tree(self, terms: list[str], template: str) -> str:
        """Return what is made of terms by twos, which neither waits long nor rounds often."""
        while len(terms) > 1:
            pairs = [self.name(template.format(*terms[i : i + 2])) for i in range(0, len(terms) - 1, 2)]
            terms = [*pairs, *terms[2 * len(pairs) :]]
        return terms[0]

    def _product(self, e: Equation, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        out = e.outputs[0]
        if str(out.dtype) not in ("float32", "float64") or any([v.dtype != out.dtype for v in e.values]):
            raise TooLong
        left, right = a if a.ndim > 1 else a[None], b if b.ndim > 1 else b[:, None]
        stack = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        left = np.broadcast_to(left, (*stack, *left.shape[-2:])).reshape(-1, *left.shape[-2:])
        right = np.broadcast_to(right, (*stack, *right.shape[-2:])).reshape(-1, *right.shape[-2:])
        self._weigh(2 * left.size * right.shape[-1])
        found = [
            self._tree([self.name(f"{p} * {q}") for p, q in zip(row, column, strict=True)], "{0} + {1}")
            for x, y in zip(left, right, strict=True)
            for row in x
            for column in y.T
        ]
        return named(found, out.shape)

    def _put(self, e: Equation, given: list[Any]) -> np.ndarray:
        key = basic_key(e.params["key"])
        out = e.outputs[0]
        if key is None or len(given) != 2 or any([v.dtype != out.dtype for v in e.values]):
            raise TooLong
        x, v = given
        y = np.array(x, dtype=object)
        part = y[(*key, ...)]
        v = np.broadcast_to(v, part.shape)
        if e.primitive.name == "index_add":
            self._weigh(part.size)
            pairs = zip(part.reshape(-1), v.reshape(-1), strict=True)
            typed, plus = type_name(str(out.dtype)), template_of("add", str(out.dtype))
            v = named([self.name(f"{typed}({plus.format(p, q)})") for p, q in pairs], part.shape)
        y[(*key, ...)] = v
        return y

    def _place(self, e: Equation, x: np.ndarray) -> np.ndarray:
        out, axis = e.outputs[0], e.params["axis"]
        if str(e.inputs[0].dtype) not in ("float32", "float64", "int32", "int64"):
            raise TooLong
        axis = -1 if axis is None else axis
        rows = np.moveaxis(x.reshape(-1) if e.params["axis"] is None else x, axis, -1)
        rows = rows.reshape(-1, rows.shape[-1])
        sign = ">" if e.primitive.name == "argmax" else "<"
        self._weigh(3 * x.size)
        found = []
        for row in rows:
            best, place = row[0], "i8(0)"
            for k, other in enumerate(row[1:], 1):
                # The first NaN stays, like the first of several extremes.
                better = self.name(f"({other} {sign} {best}) | (({other} != {other}) & ({best} == {best}))")
                best = self.name(f"{other} if {better} else {best}")
                place = self.name(f"i8({k}) if {better} else {place}")
            found.append(place)
        return named(found, out.shape)

    def _region(self, e: Equation, given: list[Any]) -> list[np.ndarray]:
        """Write a loop step by step."""
        call: Any = e.primitive
        if call.name == "switch":
            return self._branches(e, given)
        if call.name != "scan" or any([v.__class__ is not np.ndarray for v in given]):
            raise TooLong
        if not few(call.regions[0], call.length) or any([not _held(v) for v in e.outputs]):
            raise TooLong
        first = call.held + call.carried
        held, carry, elements = given[: call.held], given[call.held : first], given[first:]
        stacks: list[list[np.ndarray]] = []
        order = range(call.length)
        for t in reversed(order) if call.reverse_order else order:
            found = self.run(call.regions[0], [*held, *carry, *[x[t, ...] for x in elements]])
            carry = found[: call.carried]
            stacks.append(found[call.carried :])
        stacks = stacks[::-1] if call.reverse_order else stacks
        return [*carry, *[np.stack(column) for column in zip(*stacks, strict=True)]]

    def _branches(self, e: Equation, given: list[Any]) -> list[np.ndarray]:
        """Write all branches, none of which takes long, and choose of their results."""
        call: Any = e.primitive
        if any([v.__class__ is not np.ndarray for v in given]) or not all([few(g, 1) for g in call.regions]):
            raise TooLong
        results = [self.run(graph, given[1:]) for graph in call.regions]
        index = given[0].item()
        found = results[-1]
        for k in reversed(range(len(results) - 1)):
            found = [
                named(
                    [self.name(f"{p} if {index} == {k} else {q}") for p, q in zip(x.flat, y.flat, strict=True)], y.shape
                )
                for x, y in zip(results[k], found, strict=True)
            ]
        return found


def named(names: Sequence[str], shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of names."""
    found = np.empty(len(names), dtype=object)
    found[:] = names
    return found.reshape(shape)


def _part(e: Equation, given: list[Any]) -> np.ndarray | None:
    key = basic_key(e.params["key"])
    return None if key is None or len(given) != 1 else given[0][(*key, ...)]


def _reshaped(e: Equation, given: list[Any]) -> np.ndarray:
    return given[0].reshape(e.outputs[0].shape)


_MOVED: dict[str, Callable[[Equation, list[Any]], np.ndarray | None]] = {
    "broadcast_to": lambda e, given: np.broadcast_to(given[0], e.outputs[0].shape),
    "concat": lambda e, given: None if e.params["axis"] is None else np.concatenate(given, axis=e.params["axis"]),
    "expand_dims": _reshaped,
    "flip": lambda e, given: np.flip(given[0], e.params["axis"]),
    "getitem": _part,
    "matrix_transpose": lambda e, given: given[0].swapaxes(-1, -2),  # noqa: ARG005
    "permute_dims": lambda e, given: given[0].transpose(e.params["axes"]),
    "reshape": _reshaped,
    "roll": lambda e, given: np.roll(given[0], e.params["shift"], axis=e.params["axis"]),
    "squeeze": _reshaped,
    "stack": lambda e, given: np.stack(given, axis=e.params["axis"]),
}
#: What two elements become; None for their sum.
_REDUCED: dict[str, str | None] = {
    "all": "({0} & {1})",
    "any": "({0} | {1})",
    "count_nonzero": None,
    "max": "({0} if ({0} > {1}) | ({0} != {0}) else {1})",
    "mean": None,
    "min": "({0} if ({0} < {1}) | ({0} != {0}) else {1})",
    "sum": None,
}
