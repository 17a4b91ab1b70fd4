"""From a Python function to a graph: run it once on arrays of which only shape and dtype are known."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends
from funcnet.compiler.graph import Equation, Graph, Value, spec_of
from funcnet.compiler.native import native
from funcnet.core import Spec, Trace, Tracer, bind, current_trace, owner
from funcnet.core.bind import check_hashable, run
from funcnet.core.frames import user_frame
from funcnet.core.inference import inferred
from funcnet.core.trace import keepers
from funcnet.errors import AbstractValueError, DtypeError, EscapedTracerError, FuncnetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from funcnet.core import Primitive

__all__ = ["GraphTrace", "capture", "effects", "interpret", "recomputing", "running_capture"]

_SCALARS = (bool, int, float, complex)
_again: ContextVar[int] = ContextVar("funcnet_recomputation", default=0)
_recomputations = count(1)


@contextmanager
def recomputing() -> Iterator[None]:
    """Mark what is captured in the ``with`` block as a recomputation, not to be merged with what it repeats."""
    token = _again.set(next(_recomputations))
    try:
        yield
    finally:
        _again.reset(token)


class GraphTrace(Trace):
    """Writes down every operation on its tracers as an equation.

    A tracer's value is a `Spec` and its node the `Value`; or its value is an array and its node None, where the value
    depends on no input, so that it is computed at once.
    """

    __slots__ = ("_constants", "_free", "equations", "keeps")
    name = "jit"
    concrete = False

    def __init__(self, keeps: Callable[[Primitive], bool] | None = None) -> None:
        super().__init__()
        self.keeps = keeps
        self.equations: list[Equation] = []
        #: What tells an array from others -> its value, a copy, and the array, which is kept so that no other comes to
        #: lie in its place.
        self._constants: dict[Any, tuple[Value, Any, Any]] = {}
        #: Identity of a tracer of an enclosing transformation -> its value and the tracer.
        self._free: dict[int, tuple[Value, Tracer]] = {}

    def run(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.keeps is None:
            return super().run(f, args, kwargs)
        keepers.append(self)
        try:
            return super().run(f, args, kwargs)
        finally:
            keepers.remove(self)

    def carries(self, tracer: Tracer) -> bool:  # noqa: ARG002  # the same for all
        """No derivative; `hidden` says what may be read."""
        return False

    def hidden(self, tracer: Tracer, what: str) -> FuncnetError | None:
        if tracer.node is None:
            return None
        return AbstractValueError(
            f"{what} needs the value of an array of which fn.jit knows only shape and dtype, in {user_frame()}.",
            found=f"{tracer.value!r}",
            needed="array operations, a value that does not depend on the arguments, or a static argument",
            write="xp.where(condition, a, b), fn.cond, fn.while_loop or fn.scan for control flow; "
            "fn.jit(f, static_argnames='n') for a Python value that shapes and loops depend on; "
            "fn.lift(a)[i] where a is a plain array",
        )

    def escaped(self, what: str) -> EscapedTracerError:
        if self.keeps is None or self.keeps is effects:
            return super().escaped(what)
        return EscapedTracerError(
            f"{what} met an array that was made in a branch or step of a graph, in {user_frame()}.",
            found="an array kept from inside of it, for example in a closure or a cache, or assigned to from there",
            needed="arrays that leave a branch or step as its result; they exist only where it runs",
            write="y = ... before fn.cond or the loop, where it is needed outside or in several branches",
        )

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if primitive.kind == "call":
            return self._call(primitive, args)
        if params:
            check_hashable(primitive, params)
        inputs: list[Any] = []
        unknown = False
        for a in args:
            if a.__class__ is Tracer:
                if a.trace is not self:
                    inputs.append(self.outer_value(a))
                    unknown = True
                elif a.node is None:
                    inputs.append(a.value)
                else:
                    inputs.append(a.node)
                    unknown = True
            else:
                inputs.append(a)
        if not unknown and (y := self._computed(primitive, inputs, params)) is not None:
            return tuple([Tracer(self, v, None) for v in y]) if primitive.multiple else Tracer(self, y, None)
        found = inferred(primitive, [v.spec if v.__class__ is Value else v for v in inputs], params)
        outputs = tuple([Value(s) for s in (found if primitive.multiple else (found,))])
        self._record(primitive, inputs, params, outputs)
        results = tuple([Tracer(self, v.spec, v) for v in outputs])
        return results if primitive.multiple else results[0]

    def _computed(self, primitive: Primitive, inputs: list[Any], params: dict[str, Any]) -> Any:
        """Return the result of an operation on known arrays, None if it fails in a branch that may not be chosen."""
        try:
            return run(primitive, inputs, params)
        except Exception:
            if self.keeps is None or not self.keeps(primitive):
                raise
            # Whatever it is comes up again, with its text, when the graph runs and chooses the branch.
            return None

    def _call(self, call: Any, args: Sequence[Any]) -> tuple[Any, ...]:
        """Handle a call of a function with rules: an equation of its own if it says so, its operations otherwise."""
        if not call.region:
            return call.abstract(self, *args)
        inputs = [self.value_of(a) for a in args]
        outputs = tuple([Value(s) for s in call.specs([v.spec if v.__class__ is Value else v for v in inputs])])
        self._record(call, inputs, {}, outputs)
        return tuple([Tracer(self, v.spec, v) for v in outputs])

    def _record(
        self, primitive: Any, inputs: Sequence[Any], params: dict[str, Any], outputs: tuple[Value, ...]
    ) -> None:
        values = tuple([v if v.__class__ is Value or v.__class__ in _SCALARS else self.constant(v) for v in inputs])
        self.equations.append(Equation(primitive, values, params, outputs, user_frame(), _again.get()))

    def value_of(self, a: Any) -> Any:
        """Return the value that stands for an array or a tracer; a Python scalar as it is."""
        if a.__class__ in _SCALARS or a.__class__ is Value:
            return a
        if a.__class__ is not Tracer:
            return self.constant(a)
        if a.trace is not self:
            return self.outer_value(a)
        return self.constant(a.value) if a.node is None else a.node

    def constant(self, array: Any) -> Value:
        """Return the value of an array that the function has got from elsewhere, as the array is now."""
        key: Any = id(array)
        if array.__class__ is np.ndarray:
            # The tape keeps views of large arrays.
            key = (array.__array_interface__["data"][0], array.strides, array.shape, array.dtype.str)
        found = self._constants.get(key)
        if found is None or (found[1] is not array and not _same(found[1], array)):
            backend = owner(array)
            # The caller may change the array later, the function itself between two uses.
            changeable = backend.owns(array.__class__) and not isinstance(array, np.generic)
            plain = native(array)
            copy = backend.asarray(plain, copy=True) if changeable else plain
            if found is not None:
                self._constants[id(found[0])] = found
            found = self._constants[key] = (Value(spec_of(array)), copy, array)
        return found[0]

    def outer_value(self, tracer: Tracer) -> Value:
        """Return the value of a tracer of an enclosing transformation, which becomes a further input."""
        found = self._free.get(id(tracer))
        if found is None:
            if not tracer.trace.alive:
                raise tracer.trace.escaped("fn.jit")
            found = self._free[id(tracer)] = (Value(spec_of(tracer)), tracer)
        return found[0]

    def input(self, spec: Spec) -> Tracer:
        """Return a tracer for a new input."""
        return Tracer(self, spec, Value(spec))

    def graph(self, inputs: Sequence[Value], outputs: Sequence[Any]) -> Graph:
        """Return what was captured; `free` are further inputs."""
        return Graph(
            [*inputs, *[v for v, _ in self._free.values()]],
            self.equations,
            outputs,
            {v: copy for v, copy, _ in self._constants.values()},
        )

    @property
    def free(self) -> list[Tracer]:
        """The tracers of enclosing transformations that were met."""
        return [t for _, t in self._free.values()]


def capture(
    f: Callable[..., Sequence[Any]], specs: Sequence[Spec], keeps: Callable[[Primitive], bool] | None = None
) -> tuple[Graph, list[Tracer]]:
    """Run a function on abstract arrays.

    Parameters
    ----------
    f : callable
        Takes one array for each spec, and returns a flat sequence of arrays and Python scalars.
    specs : sequence of Spec
        What is known of the arguments.
    keeps : callable, optional
        Which operations the graph has to hold though the function does them on arrays from outside alone; none by
        default, since they need not be done again each time the graph runs.

    Returns
    -------
    graph : Graph
        Its inputs are the arguments and, after them, what `free` names.
    free : list of Tracer
        Arrays of enclosing transformations that the function uses though they are no arguments.

    Raises
    ------
    AbstractValueError
        If the function reads a value.
    """
    trace = GraphTrace(keeps)
    tracers = [trace.input(s) for s in specs]
    inputs = [t.node for t in tracers]
    found = trace.run(f, tuple(tracers), {})
    outputs = [trace.value_of(_checked(v)) for v in found]
    return trace.graph(inputs, outputs), trace.free


def effects(primitive: Any) -> bool:
    """Whether a graph has to hold an operation however often it runs: an effect, or a function that may have one."""
    return bool(primitive.meta.get("effect")) or (primitive.kind == "call" and not primitive.region)


def running_capture() -> GraphTrace | None:
    """Return the innermost capture that runs around here, if there is one."""
    trace = current_trace()
    while trace is not None:
        if isinstance(trace, GraphTrace) and trace.alive:
            return trace
        trace = trace.outer
    return None


def _same(copy: Any, array: Any) -> bool:
    """Whether an array still is what it was when it was copied, bit by bit."""
    one, other = owner(copy).to_numpy(copy), native(owner(array).to_numpy(array))
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def _checked(leaf: Any) -> Any:
    if leaf.__class__ in _SCALARS or leaf.__class__ is Tracer or backends.backend_of_type(leaf.__class__) is not None:
        return leaf
    raise DtypeError(
        "A function under fn.jit returned something that is not an array.",
        found=f"{type(leaf).__module__}.{type(leaf).__qualname__}",
        needed="arrays, or numbers, in nested containers",
        write="xp.asarray(...), or leave it out of the result",
    )


def interpret(graph: Graph, values: Sequence[Any]) -> list[Any]:
    """Run a graph equation by equation, on arrays or tracers: what every other way of running it must agree with."""
    env: dict[Value, Any] = dict(zip(graph.inputs, values, strict=True))
    env.update(graph.constants)
    for e in graph.equations:
        y = bind(e.primitive, *[env[v] if v.__class__ is Value else v for v in e.inputs], **e.params)
        for v, part in zip(e.outputs, y if e.primitive.multiple else (y,), strict=True):
            env[v] = part
    return [env[v] if v.__class__ is Value else v for v in graph.outputs]
