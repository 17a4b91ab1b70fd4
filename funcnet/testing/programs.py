"""Random programs: compositions of array functions over a random pytree, for any namespace of the standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet import backends, tree, xp
from funcnet.testing.families import FAMILIES, OWN_FAMILIES, SHAPES, Namespace, Operation
from funcnet.testing.families.plain import PLAIN, SIDES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Program", "Step", "namespace", "random_family_program", "random_program"]

_MAX_SIZE = 36
_MAX_VALUE = 30.0


class Step(NamedTuple):
    """One operation of a program.

    Attributes
    ----------
    name : str
        Which one.
    operands : tuple of int
        Values that it takes: the arguments come first, then the results of the steps.
    params : tuple
        What else it takes.
    """

    name: str
    operands: tuple[int, ...]
    params: tuple[Any, ...] = ()


class Program:
    """A function of one pytree of arrays to a scalar, given as a list of steps.

    Parameters
    ----------
    arguments : pytree of numpy.ndarray
        Where to evaluate it, in float64.
    steps : list of Step
        The operations, in order.
    weights : list of (int, numpy.ndarray)
        The result is the sum of the products of these values with these weights.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> from funcnet.testing.programs import Program, Step
    >>> program = Program({"a": np.array([1.0, 2.0])}, [Step("square", (0,))], [(1, np.array([1.0, 10.0]))])
    >>> float(program(xp, program.arguments))
    41.0
    >>> print(program)
    v1 = square(v0)
    return sum(v1 * w1)
    """

    def __init__(self, arguments: Any, steps: list[Step], weights: list[tuple[int, np.ndarray]]) -> None:
        self.arguments = arguments
        self.steps = steps
        self.weights = weights
        self.count = len(tree.leaves(arguments))

    def __call__(self, xp: Any, arguments: Any, asarray: Callable[[np.ndarray], Any] | None = None) -> Any:
        """Run the program.

        Parameters
        ----------
        xp : module
            A namespace of the standard; funcnet's, JAX's or PyTorch's.
        arguments : pytree of arrays
            Like `arguments` of the program.
        asarray : callable, optional
            Turns the weights into arrays; ``xp.asarray`` by default.
        """
        make = xp.asarray if asarray is None else asarray
        values = list(tree.leaves(arguments))
        for step in self.steps:
            run = _operation(step.name).run
            values.append(run(xp, *[values[i] for i in step.operands], *step.params))
        total: Any = None
        for i, weight in self.weights:
            term = xp.sum(values[i] * make(weight))
            # A complex weight takes both parts of a complex value.
            term = xp.real(term) if "complex" in str(term.dtype) else term
            total = term if total is None else total + term
        return total

    def __str__(self) -> str:
        lines = []
        for i, step in enumerate(self.steps, start=self.count):
            inside = [f"v{k}" for k in step.operands] + [repr(p) for p in step.params]
            lines.append(f"v{i} = {step.name}({', '.join(inside)})")
        lines.append("return " + " + ".join(f"sum(v{i} * w{i})" for i, _ in self.weights))
        return "\n".join(lines)

    __repr__ = __str__


def random_program(seed: int, *, steps: int = 10) -> Program:
    """Return a random program, the same for the same seed.

    Its arguments are a nested pytree of arrays of up to three dimensions. Operations broadcast, reduce, multiply
    matrices, index, join, select, sort and accumulate; kinks are kept away from, exact ties are not.

    Parameters
    ----------
    seed : int
        Which one.
    steps : int, default 10
        The number of operations.

    Returns
    -------
    Program

    Examples
    --------
    >>> from funcnet.testing.programs import random_program
    >>> len(random_program(7, steps=4).steps)
    4
    """
    rng = np.random.default_rng((91, seed))
    arguments = _random_tree(rng)
    names = list(PLAIN)
    return _drawn(rng, arguments, steps, lambda: names, backends.get("numpy").namespace)


def _drawn(rng: np.random.Generator, arguments: Any, steps: int, names: Callable[[], Any], namespace: Any) -> Program:
    """Return a program of steps of these names that apply to what there is, and stay away from kinks."""
    values: list[np.ndarray] = list(tree.leaves(arguments))
    count = len(values)
    done: list[Step] = []
    used: set[int] = set()
    while len(done) < steps:
        options = names()
        name = options[int(rng.integers(len(options)))]
        operation = _operation(name)
        operands = tuple(_choose(rng, len(values), used) for _ in range(operation.count))
        inputs = [values[i] for i in operands]
        if not (operation.complex or name in _COMPLEX_TOO) and any(np.iscomplexobj(x) for x in inputs):
            continue
        params = operation.draw(rng, *inputs)
        if params is None or not operation.smooth(*inputs, *params):
            continue
        y = np.asarray(operation.run(namespace, *inputs, *params))
        if y.size > _MAX_SIZE or not y.size or not np.all(np.isfinite(y)) or np.max(np.abs(y)) > _MAX_VALUE:
            continue
        values.append(y)
        used.update(operands)
        done.append(Step(name, operands, params))
    ends = [i for i in range(len(values)) if i not in used or i < count]
    return Program(arguments, done, [(i, _weight(rng, values[i])) for i in ends])


#: Steps that any family's are mixed with; those that take complex numbers, too.
_ARITHMETIC = (
    "sin",
    "tanh",
    "square",
    "log",
    "sqrt",
    "reciprocal",
    "negative",
    "add",
    "subtract",
    "multiply",
    "sum",
    "mean",
)
_COMPLEX_TOO = frozenset({"negative", "add", "subtract", "multiply", "sum", "mean"})
_ALL_FAMILIES = {**FAMILIES, **OWN_FAMILIES}
_FAMILY_STEPS = {
    f"{family}.{name}": operation for family, steps in _ALL_FAMILIES.items() for name, operation in steps.items()
}


def _operation(name: str) -> Operation:
    return _FAMILY_STEPS[name] if name in _FAMILY_STEPS else PLAIN[name]


def namespace() -> Any:
    """Return what programs of the families need of funcnet: `funcnet.xp`, and assignment as a function."""

    def assigned(x: Any, key: Any, value: Any) -> Any:
        y = xp.asarray(x, copy=True)
        y[key] = value
        return y

    return Namespace(xp, assigned=assigned)


def random_family_program(family: str, seed: int, *, steps: int = 5) -> Program:
    """Return a random program of steps of one family, mixed with plain arithmetic.

    What it needs beyond the standard are attributes of the namespace that it runs in: the modules ``linalg``, ``fft``
    and ``special``, the functions of `funcnet.xp` beside the standard's that it uses, such as ``einsum``, and
    ``at(x, key)`` and ``assigned(x, key, value)`` for updates. `namespace` is funcnet's.

    Parameters
    ----------
    family : {"linalg", "fft", "special", "indexing", "complex", "arranging", "layers", "control", "updates", "drawing"}
        Which steps. Those of the last four are funcnet's own: other libraries cannot run them.
    seed : int
        Which one; the same seed gives the same program.
    steps : int, default 5
        The number of operations.

    Returns
    -------
    Program
        In the families ``"fft"`` and ``"complex"`` with complex values, in the latter with complex arguments, too.

    Examples
    --------
    >>> from funcnet.testing.programs import namespace, random_family_program
    >>> program = random_family_program("fft", 3, steps=2)
    >>> program(namespace(), program.arguments).shape
    ()
    """
    names = [f"{family}.{name}" for name in _ALL_FAMILIES[family]]
    rng = np.random.default_rng((92, list(_ALL_FAMILIES).index(family), seed))
    arguments = [_argument(rng, family) for _ in range(3)]
    return _drawn(rng, arguments, steps, lambda: names if rng.random() < 0.65 else _ARITHMETIC, namespace())


def _argument(rng: np.random.Generator, family: str) -> np.ndarray:
    shape = SHAPES[family][int(rng.integers(len(SHAPES[family])))]
    x = rng.uniform(0.15, 1.9, shape) * rng.choice([-1.0, 1.0], shape)
    return np.asarray(x + 1j * rng.uniform(-1.5, 1.5, shape) if family == "complex" and rng.random() < 0.4 else x)


def _weight(rng: np.random.Generator, value: np.ndarray) -> np.ndarray:
    weight = rng.uniform(0.5, 1.5, value.shape) * rng.choice([-1.0, 1.0], value.shape)
    return weight + 1j * rng.uniform(-1.0, 1.0, value.shape) if np.iscomplexobj(value) else weight


def _choose(rng: np.random.Generator, count: int, used: set[int]) -> int:
    """Return a value to use, one that nothing uses yet if possible, so that programs are deep."""
    fresh = [i for i in range(count) if i not in used]
    return int(rng.choice(fresh)) if fresh and rng.random() < 0.6 else int(rng.integers(count))


def _random_tree(rng: np.random.Generator) -> Any:
    def leaf() -> np.ndarray:
        shape = tuple(int(n) for n in rng.choice(SIDES, int(rng.integers(0, 4))))
        return np.asarray(rng.uniform(0.15, 1.9, shape) * rng.choice([-1.0, 1.0], shape))

    forms: list[Callable[[], Any]] = [
        lambda: {"a": leaf(), "b": [leaf(), leaf()]},
        lambda: [leaf(), (leaf(), {"c": leaf()})],
        lambda: ({"w": leaf(), "x": leaf()}, leaf(), None),
        lambda: {"deep": {"er": (leaf(), [leaf()])}, "z": leaf()},
    ]
    return forms[int(rng.integers(len(forms)))]()
