"""The one intermediate form: typed values, and equations in single assignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Spec, owner
from funcnet.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from funcnet.core import Primitive

__all__ = ["Equation", "Graph", "Value", "spec_of"]

_SCALARS = (bool, int, float, complex)


class Value:
    """A value of a graph: an input, a constant, or a result of an equation; known by identity.

    Attributes
    ----------
    spec : Spec
        Its shape, dtype, backend and device.
    """

    __slots__ = ("spec",)

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each dimension."""
        return self.spec.shape

    @property
    def dtype(self) -> Any:
        """Data type of the elements."""
        return self.spec.dtype

    def __repr__(self) -> str:
        return _typed(self)


class Equation:
    """One operation: ``outputs = primitive(*inputs, **params)``.

    Attributes
    ----------
    primitive : Primitive
        The operation; a `Call` that holds graphs of its own is a region, such as a loop.
    inputs : tuple of Value or Python scalar
        The arguments.
    params : dict
        Keyword parameters.
    outputs : tuple of Value
        The results; one unless ``primitive.multiple``.
    line : str
        Where in the user's code it arose.
    again : int
        0, or the number of the recomputation that it belongs to, whose equations must not be merged with others.
    """

    __slots__ = ("again", "inputs", "line", "outputs", "params", "primitive")

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Any, ...],
        params: dict[str, Any],
        outputs: tuple[Value, ...],
        line: str = "",
        again: int = 0,
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.params = params
        self.outputs = outputs
        self.line = line
        self.again = again

    @property
    def values(self) -> list[Value]:
        """The inputs that are values."""
        return [v for v in self.inputs if v.__class__ is Value]

    def replaced(self, inputs: tuple[Any, ...]) -> Equation:
        """Return the same operation on other inputs."""
        return Equation(self.primitive, inputs, self.params, self.outputs, self.line, self.again)


class Graph:
    """A function of arrays as data.

    Attributes
    ----------
    inputs : tuple of Value
        What it is a function of.
    constants : dict of Value to array
        Arrays that it holds.
    equations : tuple of Equation
        In an order in which they can be run.
    outputs : tuple of Value or Python scalar
        What it returns.

    Examples
    --------
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> print(fn.trace(lambda x: xp.sin(x) * 2.0, fn.Spec((3,))))
    graph(a: float32[3])
      b: float32[3] = sin(a)
      c: float32[3] = multiply(b, 2.0)
      return c
    """

    __slots__ = ("constants", "equations", "inputs", "outputs")

    def __init__(
        self,
        inputs: Sequence[Value],
        equations: Iterable[Equation],
        outputs: Sequence[Any],
        constants: dict[Value, Any] | None = None,
    ) -> None:
        self.inputs = tuple(inputs)
        self.constants = {} if constants is None else constants
        self.equations = tuple(equations)
        self.outputs = tuple(outputs)

    def __repr__(self) -> str:
        return f"<Graph of {len(self.inputs)} inputs, {len(self.equations)} equations and {len(self.outputs)} outputs>"

    def __str__(self) -> str:
        return "\n".join(_lines(self, _Names()))

    def __len__(self) -> int:
        return len(self.equations)

    @property
    def specs(self) -> tuple[Any, ...]:
        """The specs of the outputs; Python scalars as they are."""
        return tuple([v.spec if v.__class__ is Value else v for v in self.outputs])

    def users(self) -> dict[Value, list[Equation]]:
        """Return the equations that read each value."""
        found: dict[Value, list[Equation]] = {}
        for e in self.equations:
            for v in dict.fromkeys(e.values):
                found.setdefault(v, []).append(e)
        return found

    def with_equations(self, equations: Iterable[Equation], outputs: Sequence[Any] | None = None) -> Graph:
        """Return a graph with other equations, and only the constants that these use."""
        equations = tuple(equations)
        outputs = self.outputs if outputs is None else tuple(outputs)
        used = {v for e in equations for v in e.values} | {v for v in outputs if v.__class__ is Value}
        constants = {v: a for v, a in self.constants.items() if v in used}
        return Graph(self.inputs, equations, outputs, constants)

    def verify(self) -> None:
        """Check the graph.

        Raises
        ------
        GraphError
            If a value is used before or without being defined, is defined twice, or an equation has another number of
            results than its primitive; if a constant does not have its spec.
        """
        defined: set[Value] = set()
        for what, values in (("input", self.inputs), ("constant", self.constants)):
            for v in values:
                _define(defined, v, what)
        for v, array in self.constants.items():
            if tuple(array.shape) != v.shape or array.dtype != v.dtype:
                raise GraphError(
                    "A constant of a graph is not what its value says.",
                    found=f"{array.dtype}{list(array.shape)}",
                    needed=_typed(v),
                )
        for i, e in enumerate(self.equations):
            where = f"equation {i}, {e.primitive.name}"
            for v in e.inputs:
                if v.__class__ is Value and v not in defined:
                    raise GraphError(f"A value is used before it is defined, in {where}.", found=_typed(v))
                if v.__class__ is not Value and v.__class__ not in _SCALARS:
                    raise GraphError(
                        f"An input is neither a value nor a Python scalar, in {where}.",
                        found=type(v).__name__,
                        needed="arrays among the constants",
                    )
            if not e.primitive.multiple and len(e.outputs) != 1:
                raise GraphError(f"One result is needed, in {where}.", found=str(len(e.outputs)))
            for v in e.outputs:
                _define(defined, v, f"a result of {where}")
        for i, v in enumerate(self.outputs):
            if v.__class__ is Value and v not in defined:
                raise GraphError(f"Output {i} is not defined.", found=_typed(v))


def spec_of(array: Any) -> Spec:
    """Return the spec of a plain array or of a tracer."""
    if array.__class__ is Spec:
        return array
    backend = owner(array)
    return Spec(array.shape, array.dtype, backend, backend.device_of(array) if backend.owns(array.__class__) else None)


def _define(defined: set[Value], v: Value, what: str) -> None:
    if v in defined:
        raise GraphError(f"A value is defined twice, the second time as {what}.", found=_typed(v))
    defined.add(v)


def _typed(v: Value) -> str:
    spec = v.spec
    return f"{spec.backend.dtype_name(spec.dtype)}[{','.join(map(str, spec.shape))}]"


class _Names:
    """Short names for values, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.known: dict[Value, str] = {}

    def __call__(self, v: Any) -> str:
        if v.__class__ is not Value:
            return repr(v)
        name = self.known.get(v)
        if name is None:
            n, name = len(self.known), ""
            while True:
                name = chr(97 + n % 26) + name
                n = n // 26 - 1
                if n < 0:
                    break
            self.known[v] = name
        return name

    def typed(self, v: Any) -> str:
        return f"{self(v)}: {_typed(v)}"


def _lines(graph: Graph, names: _Names, indent: str = "") -> list[str]:
    lines = [f"{indent}graph({', '.join([names.typed(v) for v in graph.inputs])})"]
    lines += [f"{indent}  {names.typed(v)} = constant" for v in graph.constants]
    for e in graph.equations:
        regions = getattr(e.primitive, "regions", ())
        given = [names(v) for v in e.inputs]
        given += [f"{k}={v!r}" for k, v in e.params.items()]
        left = ", ".join([names.typed(v) for v in e.outputs])
        lines.append(f"{indent}  {left} = {e.primitive.name}({', '.join(given)})" + (" {" if regions else ""))
        for region in regions:
            lines += _lines(region, names, indent + "    ")
        if regions:
            lines.append(f"{indent}  }}")
    lines.append(f"{indent}  return {', '.join([names(v) for v in graph.outputs])}")
    return lines
