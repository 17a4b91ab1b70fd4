"""The plain plan: a graph as one generated Python function that calls a kernel for each equation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.graph import Graph, Value
from funcnet.core import owner
from funcnet.core.bind import kernel_of, run

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from funcnet.backends import Backend
    from funcnet.compiler.graph import Equation

__all__ = ["Writer", "plain_plan"]


class Writer:
    """Writes a Python function line by line; objects that it refers to are its globals."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[Value, str] = {}
        self.globals: dict[str, Any] = {}
        self._known: dict[int, str] = {}

    def name(self, v: Any) -> str:
        """Return the variable of a value, or the literal of a Python scalar."""
        if v.__class__ is not Value:
            return self.constant(v) if v.__class__ in (float, complex) else repr(v)
        name = self.names.get(v)
        if name is None:
            name = self.names[v] = f"v{len(self.names)}"
        return name

    def constant(self, thing: Any) -> str:
        """Return the name of a global that holds an object."""
        name = self._known.get(id(thing))
        if name is None:
            name = self._known[id(thing)] = f"c{len(self.globals)}"
            self.globals[name] = thing
        return name

    def finish(self, inputs: Sequence[Value], outputs: Sequence[str]) -> Callable[..., tuple[Any, ...]]:
        """Return the function; it takes the inputs by position and returns a tuple."""
        head = f"def plan({', '.join([self.name(v) for v in inputs])}):"
        tail = f"    return ({''.join([o + ', ' for o in outputs])})"
        source = "\n".join([head, *[f"    {line}" for line in self.lines], tail])
        exec(compile(source, "<funcnet plan>", "exec"), self.globals)
        return self.globals["plan"]


def plain_plan(graph: Graph) -> Callable[..., tuple[Any, ...]]:
    """Return a function of the graph's inputs, as plain arrays, that returns its outputs; none is an input."""
    writer = Writer()
    for v, array in graph.constants.items():
        writer.names[v] = writer.constant(array)
    for v in graph.inputs:
        writer.name(v)
    last = last_uses(graph)
    for i, e in enumerate(graph.equations):
        call(writer, e)
        dead = [writer.name(v) for v in last.get(i, ())]
        if dead:
            writer.lines.append(" = ".join(dead) + " = None")
    return writer.finish(graph.inputs, fresh_outputs(writer, graph))


def last_uses(graph: Graph) -> dict[int, list[Value]]:
    """Return, for each equation, the values that nobody needs after it, constants and inputs aside."""
    last: dict[Value, int] = {}
    for i, e in enumerate(graph.equations):
        for v in (*e.values, *e.outputs):
            last[v] = i
    for v in (*graph.outputs, *graph.inputs, *graph.constants):
        last.pop(v, None)
    found: dict[int, list[Value]] = {}
    for v, i in last.items():
        found.setdefault(i, []).append(v)
    return found


def call(writer: Writer, e: Equation) -> None:
    """Write the call of an equation's kernel."""
    names = [writer.name(v) for v in e.inputs]
    left = "".join([writer.name(v) + ", " for v in e.outputs]) if e.primitive.multiple else writer.name(e.outputs[0])
    region = e.primitive.kind == "call"
    backend = next((v.spec.backend for v in (*e.values, *e.outputs)), None)
    kernel = e.primitive.evaluate if region else kernel_of(e.primitive, backend)  # type: ignore[attr-defined]
    if kernel is not None and not any([v.__class__ is complex for v in e.inputs]):
        names += [f"{k}={writer.constant(p)}" for k, p in e.params.items()]
        # A branch may have an effect and no result.
        target = f"{left} = " if left else ""
        writer.lines.append(f"{target}{writer.constant(kernel)}({', '.join(names)})")
    else:
        # Which kernel it is depends on the arrays.
        given = f"({''.join([n + ', ' for n in names])})"
        writer.lines.append(
            f"{left} = {writer.constant(run)}({writer.constant(e.primitive)}, {given}, {writer.constant(e.params)})"
        )


def fresh_outputs(writer: Writer, graph: Graph, done: Container[Value] = ()) -> list[str]:
    """Return an expression for each output, such that no output shares memory with an input or another output.

    The caller sees to those that are `done` itself.
    """
    held = {*graph.inputs, *graph.constants}
    arrays = dict.fromkeys([*held, *[v for v in graph.outputs if v.__class__ is Value]])
    # Written once: one list for each output would make the function grow with the square of their number.
    given = "given"
    if any([v not in held and v not in done for v in arrays]):
        writer.lines.append(f"{given} = ({''.join([writer.name(a) + ', ' for a in arrays])})")
    out = []
    for v in graph.outputs:
        name = writer.name(v)
        if v.__class__ is Value:
            backend = v.spec.backend
            if v in done and v not in held:
                pass
            elif v in held:
                name = f"{writer.constant(_copier(backend))}({name})"
            elif backend.name == "numpy":
                name = f"({name} if {name}.base is None else {writer.constant(_owned)}({name}, {given}))"
            else:
                name = f"{writer.constant(_apart)}({name}, {given})"
            held.add(v)
        out.append(name)
    return out


def _copier(backend: Backend) -> Callable[[Any], Any]:
    return np.array if backend.name == "numpy" else partial(backend.asarray, copy=True)


def _owned(y: Any, given: tuple[Any, ...]) -> Any:
    """Return a NumPy view as it is if it shows the whole of an array that nobody else has; it is one of those given."""
    owner = y.base
    if owner.__class__ is not np.ndarray or owner.nbytes != y.nbytes:
        return y.copy()
    return y.copy() if sum([a is owner or getattr(a, "base", None) is owner for a in given]) > 1 else y


def _apart(y: Any, given: tuple[Any, ...]) -> Any:
    backend = owner(y)
    memory, whole = backend.storage(y)
    shared = not whole or sum([backend.storage(a)[0] == memory for a in given if a.__class__ is y.__class__]) > 1
    return backend.asarray(y, copy=True) if shared else y
