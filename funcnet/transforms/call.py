"""Calls of functions with derivatives of their own, as single operations of a trace.

A `Call` is made for one call of one function. The innermost transformation among its arguments handles it, as it does a
primitive, by the rules that the call brings along. Rules run with traced operations one level down, so derivatives of
every order follow.
"""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from funcnet import backends, tree
from funcnet.core import Primitive, Trace, Tracer, bind, owner, raw
from funcnet.core.bind import scalar_array
from funcnet.core.dtypes import is_inexact
from funcnet.core.frames import user_frame
from funcnet.errors import DtypeError, NotDifferentiableError, ShapeError, TreeError
from funcnet.ops import broadcast_to, cast
from funcnet.transforms import leaves as leaf_rules
from funcnet.transforms.linearity import transposed
from funcnet.transforms.tape import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Arguments",
    "Call",
    "Opaque",
    "Zero",
    "call_rule",
    "closed_over",
    "is_none",
    "like",
    "lowered",
    "returned",
    "without_closure",
]


class RuleTrace(Trace):
    """Follows nothing: gives a rule arrays that behave like those of any transformed function."""

    __slots__ = ()
    name = "rule"

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        y = bind(primitive, *[a.value if a.__class__ is Tracer and a.trace is self else a for a in args], **params)
        return _constants(self, y, primitive.name) if primitive.multiple else Tracer(self, y, None)


def call_rule(f: Callable[..., Any], *args: Any) -> Any:
    """Call ``f(*args)``; the arrays in `args` are handles, so that writing into one leaves the original alone."""
    trace = RuleTrace()
    lifted = [tree.map(lambda leaf: Tracer(trace, leaf, None) if hasattr(leaf, "dtype") else leaf, a) for a in args]
    return leaf_rules.strip(trace, trace.run(f, tuple(lifted), {}))


class Arguments:
    """The arguments of a call: the traced leaves are its operands, everything else stays where it is."""

    __slots__ = ("leaves", "operands", "structure", "where")

    def __init__(self, args: tuple[Any, ...]) -> None:
        self.leaves, self.structure = tree.flatten(args)
        self.where = [i for i, leaf in enumerate(self.leaves) if leaf.__class__ is Tracer]
        self.operands = [self.leaves[i] for i in self.where]

    def filled(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return the arguments with `values` in place of the operands."""
        leaves = list(self.leaves)
        for i, value in zip(self.where, values, strict=True):
            leaves[i] = value
        return tree.unflatten(self.structure, leaves)

    def path(self, operand: int) -> str:
        """Return the argument and the path of an operand, in words."""
        return place(self.structure.paths()[self.where[operand]])

    def directions(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
        """Return the tangents of all leaves: zeros where there is none, None where none can be."""
        zeros = [Zero(leaf) if hasattr(leaf, "dtype") and is_inexact(leaf.dtype) else None for leaf in self.leaves]
        leaves = [None if z is None else z.array() for z in zeros]
        for i, value, t in zip(self.where, values, tangents, strict=True):
            if t is not None:
                leaves[i] = like(t, value)
        return tree.unflatten(self.structure, leaves)


def place(path: str) -> str:
    """Return the path of a leaf of a tuple of arguments in words."""
    head, _, tail = path.partition("]")
    return f"argument {head[1:]}" + (f", leaf {tail}" if tail else "")


class Zero:
    """What is needed to make zeros like an array, without the array."""

    __slots__ = ("backend", "device", "dtype", "shape")

    def __init__(self, x: Any) -> None:
        array = raw(x)
        self.backend = owner(array)
        self.device = self.backend.device_of(array) if hasattr(array, "device") else None
        self.shape = tuple(x.shape)
        self.dtype = x.dtype

    def array(self) -> Any:
        """Return the zeros."""
        return broadcast_to(self.backend.asarray(0, dtype=self.dtype, device=self.device), self.shape)


def like(ct: Any, x: Any) -> Any:
    """Return `ct` in the dtype of `x`."""
    return ct if ct.dtype == x.dtype else cast(ct, x.dtype)


def is_none(node: Any) -> bool:
    """Whether a place in a tree is None; makes None a leaf."""
    return node is None


def returned(value: Any, whole: Any, what: str, name: Callable[[str], str]) -> list[Any]:
    """Return the flat leaves of what a rule gave for the tree `whole`, None for absent ones.

    `what` says which rule gave what, `name` turns a path in `whole` into words.
    """
    likes, structure = tree.flatten_with_paths(whole)
    if value is None:
        return [None] * len(likes)
    slots = tree.leaves(whole, is_leaf=is_none)
    given, found = tree.flatten(value, is_leaf=is_none)
    wanted = tree.structure(whole, is_leaf=is_none)
    if found != wanted and tree.structure(value) != structure:
        difference = tree.first_difference(wanted, found)
        assert difference is not None
        raise TreeError(
            f"{what} has another structure than {name(difference.path)}.",
            found=difference.found,
            needed=f"{difference.needed}, or None for zero",
            write="the structure of the value that it belongs to",
        )
    if found == wanted:
        given = [g for g, slot in zip(given, slots, strict=True) if slot is not None]
    else:
        given = tree.leaves(value)
    out: list[Any] = []
    for (path, x), g in zip(likes, given, strict=True):
        if g is None or not hasattr(x, "dtype") or not is_inexact(x.dtype):
            out.append(None)
            continue
        try:
            out.append(like(leaf_rules.check_like(g, x, "array", " that a rule returned"), x))
        except (ShapeError, DtypeError) as error:
            is_shape = isinstance(error, ShapeError)
            raise type(error)(
                f"{what} does not have the {'shape' if is_shape else 'dtype'} of {name(path)}.",
                found=str(tuple(g.shape) if is_shape and hasattr(g, "shape") else getattr(g, "dtype", type(g))),
                needed=str(tuple(x.shape) if is_shape else x.dtype),
                write="xp.reshape, xp.sum or xp.broadcast_to in the rule" if is_shape else "xp.astype(g, x.dtype)",
            ) from None
    return out


def lowered(trace: Trace, value: Any, what: str) -> Any:
    """Return `value` without the tracers of `trace` and those inside of it; refuse a derivative that would be lost."""
    while value.__class__ is Tracer and value.trace.level >= trace.level:
        if value.trace.alive and value.node is not None:
            raise closed_over(what)
        value = value.value
    return value


def _constants(trace: Trace, values: Sequence[Any], what: str) -> tuple[Any, ...]:
    """Return the results of a call as constants of `trace`, which what the function made itself are already."""
    return tuple([Tracer(trace, lowered(trace, v, what), None) for v in values])


def without_closure(out: Any, what: str) -> Any:
    """Return the result of a function none of whose arguments is traced; refuse what it took from elsewhere."""
    for leaf in tree.leaves(out):
        value = leaf
        while value.__class__ is Tracer:
            if value.trace.carries(value):
                raise closed_over(what)
            value = value.value
    return out


def closed_over(what: str) -> NotDifferentiableError:
    """Return the error for a function with rules that uses a traced array which is no argument of it."""
    return NotDifferentiableError(
        f"{what} uses a traced array that is not among its arguments, in {user_frame()}.",
        found="an array from an enclosing function or a global, for which the rules give no derivative",
        needed="every array that is differentiated as an argument",
        write="f(x, w) in place of a function of x that sees w; fn.stop_gradient(w) if no derivative is wanted",
    )


class _Table(dict[Any, Any]):
    """Stands for a primitive's table of kernels: the same function for all arrays."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def __missing__(self, key: Any) -> Any:
        return self.call


class Call(Primitive):
    """One call of a function, with its rules.

    Subclasses implement `evaluate` and `forward`; `pull` and `push` each have a default made from the other.
    """

    __slots__ = ("arguments", "structure")
    #: Without a batching rule, `vmap` makes one call for each element.
    batch: Any = None
    #: Whether a graph keeps the call as an equation, whose results `specs` describes; else the function is traced.
    region = False

    def __init__(self, name: str, arguments: Arguments) -> None:  # not entered in the registry
        self.name = name
        self.kind = "call"
        self.impl = None
        self.partials = ()
        self.forwards = None
        self.vjp = None
        self.jvp = None
        self.joint = False
        self.shape = None
        self.multiple = True
        self.meta: Any = {}
        self.reverse = "call"
        self.forward = None
        self.arguments = arguments
        #: Structure of the result, known once the function has been called.
        self.structure: Any = None

    @property
    def table(self) -> Any:
        """What runs on plain arrays; not kept, since a call and its table would keep each other alive."""
        return _Table(self.evaluate)

    # ------------------------------------------------------------------ what subclasses say

    def evaluate(self, *values: Any) -> tuple[Any, ...]:
        """Return the leaves of the result for plain operands."""
        raise NotImplementedError

    def abstract(self, trace: Trace, *values: Any) -> tuple[Any, ...]:
        """Return the leaves of the result for operands of which `trace` knows only the shapes."""
        raise NotImplementedError

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:
        """Return the leaves of the result and whatever `pull` needs."""
        raise NotImplementedError

    def pull(self, kept: Any, gs: list[Any], active: Sequence[int]) -> list[Any]:
        """Return the cotangents of the active operands; None is zero."""
        raise NotImplementedError

    def push(self, values: Sequence[Any], tangents: Sequence[Any]) -> tuple[tuple[Any, ...], Sequence[Any]]:
        """Return the leaves of the result and their tangents: by default the transpose of `pull`, which is linear."""
        active = [i for i, t in enumerate(tangents) if t is not None]
        ys, kept = self.start(values, active)
        live = [i for i, y in enumerate(ys) if is_inexact(y.dtype)]

        def pullback(*gs: Any) -> tuple[list[Any], None]:
            full: list[Any] = [None] * len(ys)
            for i, g in zip(live, gs, strict=True):
                full[i] = g
            return self.pull(kept, full, active), None

        cts, transpose, _ = transposed(
            pullback,
            [Zero(ys[i]) for i in live],
            f"The backward rule of {self.name!r}, which forward mode transposes,",
            "fn.custom_jvp for a rule of forward mode, or reverse mode, which takes the rule as it is",
        )
        found = transpose([None if ct is None else tangents[i] for i, ct in zip(active, cts, strict=True)])
        ts: list[Any] = [None] * len(ys)
        for i, t in zip(live, found, strict=True):
            ts[i] = t
        return ys, ts

    # ------------------------------------------------------------------ what traces do

    def flat(self, out: Any) -> tuple[Any, ...]:
        """Return the leaves of a result as arrays, and remember its structure."""
        leaves, self.structure = tree.flatten(out)
        return tuple([self._array(leaf) for leaf in leaves])

    def result(self) -> Any:
        """Bind the call to its operands, and return the result as a tree."""
        operands = self.arguments.operands
        ys = bind(self, *operands) if operands else self.evaluate()
        return tree.unflatten(self.structure, ys)

    def _array(self, leaf: Any) -> Any:
        if isinstance(leaf, (bool, int, float, complex)) and not hasattr(leaf, "dtype"):
            return scalar_array(leaf)
        if leaf.__class__ is not Tracer and backends.backend_of_type(leaf.__class__) is None:
            raise DtypeError(
                f"{self.name} returned something that is not an array.",
                found=f"{type(leaf).__module__}.{type(leaf).__qualname__}",
                needed="arrays, or numbers, in nested containers",
                write="xp.asarray(...), or leave it out of the result",
            )
        return leaf

    def in_reverse(self, trace: Trace, args: Sequence[Any]) -> tuple[Any, ...]:
        """Handle the call in a reverse-mode trace."""
        values, nodes = _split(trace, args)
        active = tuple([i for i, n in enumerate(nodes) if n is not None])
        if not active:
            return _constants(trace, bind(self, *values), self.name)
        ys, kept = self.start(values, active)
        ys = [lowered(trace, y, self.name) for y in ys]
        zeros = [Zero(y) if is_inexact(y.dtype) else None for y in ys]
        gather = Node(tuple([(nodes[i], itemgetter(k)) for k, i in enumerate(active)]))
        node = Node(((gather, partial(_pull, self, kept, zeros, active)),), len(ys))
        nodes = [None if z is None else Node(((node, i),)) for i, z in enumerate(zeros)]
        return tuple([Tracer(trace, y, n) for y, n in zip(ys, nodes, strict=True)])

    def in_forward(self, trace: Trace, args: Sequence[Any]) -> tuple[Any, ...]:
        """Handle the call in a forward-mode trace."""
        values, tangents = _split(trace, args)
        if all(t is None for t in tangents):
            return _constants(trace, bind(self, *values), self.name)
        ys, ts = self.push(values, tangents)
        ys = [lowered(trace, y, self.name) for y in ys]
        return tuple([Tracer(trace, y, self._tangent(trace, t, y)) for t, y in zip(ts, ys, strict=True)])

    def _tangent(self, trace: Trace, t: Any, y: Any) -> Any:
        return None if t is None or not is_inexact(y.dtype) else like(lowered(trace, t, self.name), y)


class Opaque(Call):
    """A call that every transformation evaluates one level down, until the function gets plain arrays.

    A graph has it as an equation, whose results are as `specs` says.
    """

    __slots__ = ("promise",)
    region = True

    def __init__(self, name: str, arguments: Arguments) -> None:
        super().__init__(name, arguments)
        #: What the results are like, once a graph or shapes rely on it.
        self.promise: Sequence[Any] | None = None

    def specs(self, args: Sequence[Any]) -> Sequence[Any]:
        """Return what the results are like for operands of which some are specs."""
        raise NotImplementedError

    def abstract(self, trace: Trace, *values: Any) -> tuple[Any, ...]:
        return tuple([Tracer(trace, s, None) for s in self.specs(values)])

    def start(self, values: Sequence[Any], active: Sequence[int]) -> tuple[tuple[Any, ...], Any]:  # noqa: ARG002
        ys = bind(self, *values)
        return ys, (ys, list(values))


def _split(trace: Trace, args: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    values, nodes = [], []
    for a in args:
        own = a.__class__ is Tracer and a.trace is trace
        values.append(a.value if own else a)
        nodes.append(a.node if own else None)
    return values, nodes


def _pull(call: Call, kept: Any, zeros: list[Any], active: tuple[int, ...], gs: list[Any]) -> list[Any]:
    full = [z.array() if g is None and z is not None else g for g, z in zip(gs, zeros, strict=True)]
    return call.pull(kept, full, active)
