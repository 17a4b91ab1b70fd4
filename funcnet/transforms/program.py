"""A graph that runs: on plain arrays by a plan, under other transformations by graphs derived from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.capture import GraphTrace, capture, interpret
from funcnet.compiler.execute import Executable
from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.native import natives
from funcnet.core import Tracer, bind
from funcnet.core.dtypes import is_inexact
from funcnet.ops.linalg.undetermined import UnseenSpectrumError
from funcnet.transforms.batch import vmap
from funcnet.transforms.call import Arguments, Call
from funcnet.transforms.forward import jvp
from funcnet.transforms.repeated_spectra import followed
from funcnet.transforms.reverse import vjp

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from funcnet.core import Primitive, Trace

__all__ = ["GraphCall", "Program", "split_vjp"]


class Program:
    """A graph whose outputs are all values, the plan that runs it, and what was derived from it.

    Attributes
    ----------
    graph : Graph
        The function.
    name : str
        What errors call it.
    """

    __slots__ = ("_derived", "_run", "graph", "name")

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph = graph
        self.name = name
        self._run: Any = None
        self._derived: dict[Any, Any] = {}

    @property
    def run(self) -> Callable[..., tuple[Any, ...]]:
        """What runs it on plain arrays."""
        if self._run is None:
            self._run = Executable(self.graph)
        return self._run

    @property
    def executable(self) -> Executable | None:
        """What runs it, None as long as nothing does."""
        return self._run

    def all_derived(self) -> list[tuple[str, Any]]:
        """Return what other transformations have made of it, by name: programs, or tuples of them."""
        found = [(key[0], made) for key, made in self._derived.items()]
        return [(k, m) for k, m in found if isinstance(m[0] if isinstance(m, tuple) else m, Program)]

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        """Apply it to arrays or tracers."""
        for v in values:
            if v.__class__ is Tracer:
                return bind(GraphCall(self), *values)
        try:
            return self.run(*values)
        except UnseenSpectrumError:
            found = followed(self.graph, values)
            if found is None:
                raise
            return found

    def derived(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` makes, which is made once for each key."""
        found = self._derived.get(key)
        if found is None:
            found = self._derived[key] = make()
        return found

    def transposed(self, active: tuple[int, ...]) -> tuple[Program, Program]:
        """Return the programs of `split_vjp`."""

        def make() -> tuple[Program, Program]:
            forward, backward = split_vjp(self.graph, active)
            return Program(forward, self.name), Program(backward, self.name)

        return self.derived(("vjp", active), make)

    def pushed(self, active: tuple[int, ...]) -> Program:
        """Return the program from the inputs and the tangents of the active ones to the results and their tangents."""

        def make() -> Program:
            specs = [v.spec for v in self.graph.inputs]

            def f(*args: Any) -> list[Any]:
                values, tangents = args[: len(specs)], args[len(specs) :]

                def of_active(*xs: Any) -> list[Any]:
                    full = list(values)
                    for i, x in zip(active, xs, strict=True):
                        full[i] = x
                    return interpret(self.graph, full)

                ys, ts = jvp(of_active, [values[i] for i in active], tangents)
                return [*ys, *[t for t, y in zip(ts, ys, strict=True) if is_inexact(y.dtype)]]

            graph, _ = capture(f, [*specs, *[specs[i] for i in active]])
            return Program(graph, self.name)

        return self.derived(("jvp", active), make)

    def batched(self, size: int, batched: tuple[bool, ...]) -> Program:
        """Return the program for a batch; every result has the batch as its first dimension."""

        def make() -> Program:
            axes = tuple([0 if b else None for b in batched])
            specs = [_widened(v, size) if b else v.spec for v, b in zip(self.graph.inputs, batched, strict=True)]
            graph, _ = capture(vmap(lambda *xs: interpret(self.graph, xs), in_axes=axes), specs)
            return Program(graph, self.name)

        return self.derived(("vmap", size, batched), make)


def _widened(v: Value, size: int) -> Any:
    spec = v.spec
    return type(spec)((size, *spec.shape), spec.dtype, spec.backend, spec._device)  # the device may be left open


class GraphCall(Call):
    """A call of a program with traced arguments."""

    __slots__ = ("program",)

    def __init__(self, program: Program) -> None:
        super().__init__(program.name, Arguments(()))
        self.program = program

    @staticmethod
    def batch(primitive: Primitive, size: int, batched: Sequence[bool], /, *values: Any) -> tuple[Any, ...]:
        """Rule of `vmap`."""
        assert isinstance(primitive, GraphCall)
        return primitive.program.batched(size, tuple(batched))(*natives(values))

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        return self.program.run(*natives(values))

    def abstract(self, trace: Trace, *values: Any) -> tuple[Any, ...]:  # noqa: ARG002
        return tuple(interpret(self.program.graph, values))

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:
        live = _inexact(values, active)
        forward, backward = self.program.transposed(live)
        found = forward(*natives(values))
        count = len(self.program.graph.outputs)
        return found[:count], (found[count:], backward, live)

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:
        residuals, backward, live = kept
        given = natives([g for g in gs if g is not None])
        cts = dict(zip(live, backward(*residuals, *given), strict=True))
        return [cts.get(i) for i in active]

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        live = _inexact(values, [i for i, t in enumerate(tangents) if t is not None])
        found = self.program.pushed(live)(*natives([*values, *[tangents[i] for i in live]]))
        ys = found[: len(self.program.graph.outputs)]
        rest = iter(found[len(ys) :])
        return ys, [next(rest) if is_inexact(y.dtype) else None for y in ys]


def _inexact(values: Sequence[Any], active: Sequence[int]) -> tuple[int, ...]:
    return tuple([i for i in active if is_inexact(values[i].dtype)])


def split_vjp(graph: Graph, active: Sequence[int], *, recompute: bool = False) -> tuple[Graph, Graph]:
    """Return the graph that also returns what its derivative needs, and the graph of that derivative.

    Parameters
    ----------
    graph : Graph
        The function; its outputs are values.
    active : sequence of int
        The inputs to differentiate with respect to, of floating-point dtypes.
    recompute : bool, default False
        Whether elementwise operations are done once more, in place of keeping their results, where that saves memory.

    Returns
    -------
    forward : Graph
        Of the same inputs; its outputs are those of `graph` and residuals.
    backward : Graph
        From the residuals, and a cotangent for each output of a floating-point dtype, to one for each active input.
    """
    trace = GraphTrace()
    tracers = [trace.input(v.spec) for v in graph.inputs]
    inputs = [t.node for t in tracers]
    seeds = [trace.input(v.spec) for v in graph.outputs if is_inexact(v.dtype)]
    mark = 0

    def f() -> Any:
        nonlocal mark

        def of_active(*xs: Any) -> list[Any]:
            full: list[Any] = list(tracers)
            for i, x in zip(active, xs, strict=True):
                full[i] = x
            return interpret(graph, full)

        ys, pullback = vjp(of_active, *[tracers[i] for i in active])
        mark = len(trace.equations)
        given = iter(seeds)
        return ys, pullback([next(given) if is_inexact(y.dtype) else None for y in ys])

    found: Any = trace.run(f, (), {})
    ys, cts = found
    outputs = [trace.value_of(y) for y in ys]
    results: list[Any] = [trace.value_of(ct) for ct in cts]
    whole = trace.graph(inputs, outputs)
    before, after = whole.equations[:mark], whole.equations[mark:]
    known = set(inputs).union(*[e.outputs for e in before])
    used = [v for e in after for v in e.values] + results
    residuals = [v for v in dict.fromkeys(used) if v in known]
    if recompute:
        exact = _compared(after, set(residuals), whole.constants)
        residuals, again = _cheaper(inputs, before, residuals, exact, whole.constants)
        fresh_results = {v: Value(v.spec) for e in again for v in e.outputs}
        after = (
            *[_renamed(e, fresh_results, results=True) for e in again],
            *[_renamed(e, fresh_results) for e in after],
        )
        results = [fresh_results.get(v, v) for v in results]
    forward = Graph(inputs, before, [*outputs, *residuals], whole.constants)
    # A residual is an input of the second graph, so its value is a new one there.
    fresh = {v: Value(v.spec) for v in residuals}
    backward = Graph(
        [*fresh.values(), *[s.node for s in seeds]],
        [_renamed(e, fresh) for e in after],
        [fresh.get(v, v) for v in results],
        whole.constants,
    )
    return forward.with_equations(forward.equations), backward.with_equations(backward.equations)


def _renamed(e: Equation, names: dict[Value, Value], *, results: bool = False) -> Equation:
    new = e.replaced(tuple([names.get(v, v) if v.__class__ is Value else v for v in e.inputs]))
    if results:
        new.outputs = tuple([names[v] for v in e.outputs])
    return new


_MOVES = ("getitem", "reshape", "broadcast_to", "matrix_transpose", "astype")
_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def _simple(e: Equation) -> bool:
    return e.primitive.kind == "elementwise" or e.primitive.name in _MOVES


def _compares(e: Equation, constants: Container[Value]) -> bool:
    """Whether an equation compares results with each other."""
    return e.primitive.name in _COMPARISONS and len([v for v in e.values if v not in constants]) > 1


def _compared(equations: Sequence[Equation], residuals: set[Value], constants: Container[Value]) -> set[Value]:
    """Return the residuals whose last digits decide a comparison, such as whether an element is the largest.

    Computed once more by other code they may differ there from what the other side of the comparison is made of.
    """
    made: dict[Any, Equation] = {v: e for e in equations for v in e.outputs}
    waiting: list[Any] = [v for e in equations if _compares(e, constants) for v in e.values]
    seen: set[Any] = set()
    while waiting:
        v = waiting.pop()
        e = made.get(v)
        if v not in seen:
            seen.add(v)
            if e is not None and _simple(e):
                waiting += e.values
    return seen & residuals


def _cheaper(
    inputs: Sequence[Value],
    equations: Sequence[Equation],
    residuals: list[Value],
    exact: set[Value],
    constants: Container[Value],
) -> tuple[list[Value], list[Equation]]:
    """Return what to keep instead of the residuals, and the equations that make the residuals of it.

    What is `exact` is kept, and so are results of comparisons.
    """
    made: dict[Any, Equation] = {v: e for e in equations for v in e.outputs}
    given = set(inputs)
    roots: dict[Value, None] = {}
    chosen: set[int] = set()
    waiting: list[Any] = list(residuals)
    while waiting:
        v: Any = waiting.pop()
        e = made.get(v)
        if e is None or v in given or v in exact or not _simple(e) or _compares(e, constants):
            if v in given or e is not None:
                roots[v] = None
        elif id(e) not in chosen:
            chosen.add(id(e))
            waiting += e.values
    if _bytes(roots, given) >= _bytes(residuals, given):
        return residuals, []
    return list(roots), [e for e in equations if id(e) in chosen]


def _bytes(values: Iterable[Value], given: set[Value]) -> int:
    total = 0
    for v in values:
        if v not in given:
            size = 1
            for n in v.shape:
                size *= n
            total += size
    return total
