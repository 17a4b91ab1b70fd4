"""Random programs: compositions of array functions over a random pytree, for any namespace of the standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet import backends, tree, xp
from funcnet.testing.families import FAMILIES, OWN_FAMILIES, SHAPES, Namespace, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Program", "Step", "namespace", "random_family_program", "random_program"]

_SIDES = (1, 2, 3)
_MAX_SIZE = 36
_MAX_VALUE = 30.0
# Kinks and ties are at least this far away, unless they are exact ties of copies of one number.
_GAP = 1e-3


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


def _axis(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    return (int(rng.integers(x.ndim)),) if x.ndim else None


def _axis_or_all(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...]:
    axis = None if not x.ndim or rng.random() < 0.3 else int(rng.integers(x.ndim))
    return axis, bool(rng.random() < 0.5)


def _product(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    del rng
    try:
        np.matmul(a, b)
    except ValueError:
        return None
    return ()


def _broadcasts(rng: np.random.Generator, *arrays: np.ndarray) -> tuple[Any, ...] | None:
    del rng
    try:
        np.broadcast_shapes(*[a.shape for a in arrays])
    except ValueError:
        return None
    return ()


def _joined(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    fitting = [
        k
        for k in range(a.ndim)
        if a.ndim == b.ndim and a.shape[:k] + a.shape[k + 1 :] == b.shape[:k] + b.shape[k + 1 :]
    ]
    return (int(rng.choice(fitting)),) if fitting else None


def _stacked(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    return (int(rng.integers(a.ndim + 1)),) if a.shape == b.shape else None


def _index(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    if not x.ndim:
        return None
    parts: list[Any] = []
    for n in x.shape:
        choice = rng.integers(4)
        if choice == 0:
            parts.append(int(rng.integers(-n, n)))
        elif choice == 1 and n > 1:
            parts.append(slice(int(rng.integers(0, n - 1)), None, None))
        elif choice == 2:
            parts.append(slice(None, None, 2))
        else:
            parts.append(slice(None))
    return (tuple(parts),)


def _positions(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    if not x.ndim:
        return None
    axis = int(rng.integers(x.ndim))
    # Repeated positions: their cotangents add up.
    return tuple(int(i) for i in rng.integers(0, x.shape[axis], int(rng.integers(1, 5)))), axis


def _reshaped(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...]:
    options = [(x.size,), (1, x.size), (x.size, 1), x.shape[::-1]]
    return (options[int(rng.integers(len(options)))],)


def _widened(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...]:
    return ((int(rng.choice(_SIDES)), *x.shape),)


def _permutation(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...]:
    return (tuple(int(i) for i in rng.permutation(x.ndim)),)


def _differ(a: Any, b: Any, *_: Any) -> bool:
    gap = np.abs(np.subtract(a, b))
    return bool(np.all((gap > _GAP) | (gap == 0.0)))


def _differ_strictly(a: Any, b: Any, *_: Any) -> bool:
    return bool(np.all(np.abs(np.subtract(a, b)) > _GAP))


def _spread(x: np.ndarray, *params: Any) -> bool:
    values = np.unique(x)
    del params
    return values.size < 2 or bool(np.min(np.diff(values)) > _GAP)


def _take(xp: Any, x: Any, positions: tuple[int, ...], axis: int) -> Any:
    return xp.take(x, xp.asarray(list(positions)), axis=axis)


_OPERATIONS: dict[str, Operation] = {
    "sin": Operation(1, lambda xp, x: xp.sin(x)),
    "cos": Operation(1, lambda xp, x: xp.cos(x)),
    "tanh": Operation(1, lambda xp, x: xp.tanh(x)),
    "atan": Operation(1, lambda xp, x: xp.atan(x)),
    "square": Operation(1, lambda xp, x: xp.square(x)),
    "exp": Operation(1, lambda xp, x: xp.exp(-0.3 * x)),
    "expm1": Operation(1, lambda xp, x: xp.expm1(0.2 * x)),
    "log": Operation(1, lambda xp, x: xp.log(x * x + 0.7)),
    "log1p": Operation(1, lambda xp, x: xp.log1p(xp.square(x))),
    "sqrt": Operation(1, lambda xp, x: xp.sqrt(x * x + 0.5)),
    "asinh": Operation(1, lambda xp, x: xp.asinh(x)),
    "reciprocal": Operation(1, lambda xp, x: 1.0 / (1.5 + x * x)),  # noqa: ARG005  # one signature
    "power": Operation(1, lambda xp, x: (x * x + 0.3) ** 0.75),  # noqa: ARG005  # one signature
    "negative": Operation(1, lambda xp, x: -x),  # noqa: ARG005  # one signature
    "abs": Operation(1, lambda xp, x: xp.abs(x), smooth=lambda x: _differ_strictly(x, 0.0)),
    "relu": Operation(1, lambda xp, x: xp.where(x > 0.1, x, 0.0 * x), smooth=lambda x: _differ_strictly(x, 0.1)),
    "clip": Operation(
        1,
        lambda xp, x: xp.clip(x, -0.9, 1.1),
        smooth=lambda x: _differ_strictly(x, -0.9) and _differ_strictly(x, 1.1),
    ),
    "add": Operation(2, lambda xp, a, b: a + b, _broadcasts),  # noqa: ARG005  # one signature
    "subtract": Operation(2, lambda xp, a, b: a - b, _broadcasts),  # noqa: ARG005  # one signature
    "multiply": Operation(2, lambda xp, a, b: a * b, _broadcasts),  # noqa: ARG005  # one signature
    "divide": Operation(2, lambda xp, a, b: a / (b * b + 0.6), _broadcasts),  # noqa: ARG005  # one signature
    "atan2": Operation(2, lambda xp, a, b: xp.atan2(a, b * b + 0.4), _broadcasts),
    "hypot": Operation(
        2,
        lambda xp, a, b: xp.hypot(a, b + 0.1 * a),
        _broadcasts,
        lambda a, b: _differ_strictly(a, 0.0),  # noqa: ARG005  # one signature
    ),
    "logaddexp": Operation(2, lambda xp, a, b: xp.logaddexp(a, b), _broadcasts),
    "maximum": Operation(2, lambda xp, a, b: xp.maximum(a, b), _broadcasts, _differ),
    "minimum": Operation(2, lambda xp, a, b: xp.minimum(a, b), _broadcasts, _differ),
    "where": Operation(2, lambda xp, a, b: xp.where(a > b, xp.sin(a), b * b), _broadcasts, _differ_strictly),
    "matmul": Operation(2, lambda xp, a, b: xp.matmul(a, b), _product),
    "sum": Operation(1, lambda xp, x, axis, keep: xp.sum(x, axis=axis, keepdims=keep), _axis_or_all),
    "mean": Operation(1, lambda xp, x, axis, keep: xp.mean(x, axis=axis, keepdims=keep), _axis_or_all),
    "max": Operation(1, lambda xp, x, axis, keep: xp.max(x, axis=axis, keepdims=keep), _axis_or_all, _spread),
    "min": Operation(1, lambda xp, x, axis, keep: xp.min(x, axis=axis, keepdims=keep), _axis_or_all, _spread),
    "prod": Operation(1, lambda xp, x, axis, keep: xp.prod(x, axis=axis, keepdims=keep), _axis_or_all),
    "var": Operation(1, lambda xp, x, axis, keep: xp.var(x, axis=axis, keepdims=keep), _axis_or_all),
    "cumulative_sum": Operation(1, lambda xp, x, axis: xp.cumulative_sum(x, axis=axis), _axis),
    "sort": Operation(1, lambda xp, x, axis: xp.sort(x, axis=axis), _axis, _spread),
    "flip": Operation(1, lambda xp, x, axis: xp.flip(x, axis=axis), _axis),
    "roll": Operation(1, lambda xp, x, axis: xp.roll(x, 1, axis=axis), _axis),
    "concat": Operation(2, lambda xp, a, b, axis: xp.concat([a, b, a], axis=axis), _joined),
    "stack": Operation(2, lambda xp, a, b, axis: xp.stack([a, b], axis=axis), _stacked),
    "index": Operation(1, lambda xp, x, key: x[key], _index),  # noqa: ARG005  # one signature
    "take": Operation(1, _take, _positions),
    "reshape": Operation(1, lambda xp, x, shape: xp.reshape(x, shape), _reshaped),
    "permute_dims": Operation(1, lambda xp, x, axes: xp.permute_dims(x, axes), _permutation),
    "expand_dims": Operation(1, lambda xp, x: xp.expand_dims(x, axis=0)),
    "broadcast_to": Operation(1, lambda xp, x, shape: xp.broadcast_to(x, shape), _widened),
    "tensordot": Operation(
        2,
        lambda xp, a, b: xp.tensordot(a, b, axes=1),
        lambda rng, a, b: () if a.ndim and b.ndim and a.shape[-1] == b.shape[0] else None,  # noqa: ARG005
    ),
}


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
    names = list(_OPERATIONS)
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
_PLAIN = (
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
    return _FAMILY_STEPS[name] if name in _FAMILY_STEPS else _OPERATIONS[name]


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
    return _drawn(rng, arguments, steps, lambda: names if rng.random() < 0.65 else _PLAIN, namespace())


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
        shape = tuple(int(n) for n in rng.choice(_SIDES, int(rng.integers(0, 4))))
        return np.asarray(rng.uniform(0.15, 1.9, shape) * rng.choice([-1.0, 1.0], shape))

    forms: list[Callable[[], Any]] = [
        lambda: {"a": leaf(), "b": [leaf(), leaf()]},
        lambda: [leaf(), (leaf(), {"c": leaf()})],
        lambda: ({"w": leaf(), "x": leaf()}, leaf(), None),
        lambda: {"deep": {"er": (leaf(), [leaf()])}, "z": leaf()},
    ]
    return forms[int(rng.integers(len(forms)))]()
