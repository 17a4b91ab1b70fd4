"""Reverse mode: ``vjp``, ``grad`` and ``value_and_grad``."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from numpy import ndarray

from funcnet import tree
from funcnet.core import Trace, Tracer, bind, current_trace, determined, settled
from funcnet.core.bind import check_hashable, run
from funcnet.core.dtypes import is_inexact
from funcnet.ops import ones_like
from funcnet.transforms import leaves as leaf_rules
from funcnet.transforms.holomorphic import check_input, check_output
from funcnet.transforms.kept import Watch
from funcnet.transforms.outputs import scalar_output, split_aux
from funcnet.transforms.rules import keeps, reverse_makers
from funcnet.transforms.tape import Node, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from funcnet.core import Primitive

__all__ = ["ReverseTrace", "Sweep", "grad", "value_and_grad", "vjp"]


class ReverseTrace(Trace):
    """Records every operation on its tracers as a tape node."""

    __slots__ = ("watch",)
    name = "reverse-mode"

    def __init__(self) -> None:
        super().__init__()
        #: Plain arrays that the tape may keep; see `funcnet.transforms.kept`.
        self.watch = Watch()

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        makers: Any = primitive.reverse
        if makers is None:
            makers = reverse_makers(primitive)
        count = len(args)
        if count > 2 or primitive.multiple or makers.__class__ is not tuple:
            return self._process(primitive, args, params, makers)
        # One or two arrays and one result: nearly every operation of a program, so written out.
        if params:
            check_hashable(primitive, params)
        first = second = None
        x1: Any = args[0]
        if x1.__class__ is Tracer and x1.trace is self:
            first = x1.node
            x1 = x1.value
        if count == 1:
            raws: Any = (x1,)
            nested = x1.__class__ is Tracer
        else:
            x2 = args[1]
            if x2.__class__ is Tracer and x2.trace is self:
                second = x2.node
                x2 = x2.value
            raws = (x1, x2)
            nested = x1.__class__ is Tracer or x2.__class__ is Tracer
        y = bind(primitive, *raws, **params) if nested else run(primitive, raws, params)
        edges: Any = ()
        if makers:
            # Only what came as a plain array may be written to by others.
            if second is None:
                if (
                    first is not None
                    and count == 2
                    and x2.__class__ is ndarray
                    and x2 is args[1]
                    and keeps(makers[0], 1)
                ):
                    raws = (x1, self.watch.kept(x2, primitive.name))
            elif x1.__class__ is ndarray and x1 is args[0] and keeps(makers[1], 0):
                raws = (self.watch.kept(x1, primitive.name), x2)
            if first is not None and (maker := makers[0]) is not None:
                edges = (maker(first, y, raws, params),)
            if second is not None and (maker := makers[1]) is not None:
                edge = maker(second, y, raws, params)
                edges = (edges[0], edge) if edges else (edge,)
            if edges or ((first is not None or second is not None) and is_inexact(y.dtype)):
                return Tracer(self, y, Node(edges))
        return Tracer(self, y, None)

    def _process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any], makers: Any) -> Any:
        if primitive.kind == "call":
            return primitive.in_reverse(self, args)  # type: ignore[attr-defined]  # see call.py
        raws = list(args)
        active = []
        nested = False
        for i, a in enumerate(args):
            if a.__class__ is Tracer:
                if a.trace is self:
                    raws[i] = value = a.value
                    if a.node is not None:
                        active.append(i)
                    nested = nested or value.__class__ is Tracer
                else:
                    nested = True
        if params:
            check_hashable(primitive, params)
        y = bind(primitive, *raws, **params) if nested else run(primitive, raws, params)
        if not active or not makers:
            return tuple([Tracer(self, v, None) for v in y]) if primitive.multiple else Tracer(self, y, None)
        raws = [
            self.watch.kept(v, primitive.name) if v.__class__ is ndarray and v is a else v
            for v, a in zip(raws, args, strict=True)
        ]
        edges = []
        for i in active:
            maker = makers[i] if makers.__class__ is tuple else makers(i)
            if maker is not None:
                edges.append(maker(args[i].node, y, raws, params))
        if primitive.multiple:
            node = Node(tuple(edges), len(y))
            return tuple(
                [Tracer(self, v, Node(((node, i),)) if is_inexact(v.dtype) else None) for i, v in enumerate(y)]
            )
        if edges or is_inexact(y.dtype):
            return Tracer(self, y, Node(tuple(edges)))
        return Tracer(self, y, None)


class Sweep(Trace):
    """The time of a sweep over a tape: inside of a transformation, but of none that sees new arrays."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self.alive = False


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False, holomorphic: bool = False) -> tuple[Any, ...]:
    r"""Evaluate a function and return its vector-Jacobian product.

    For :math:`y = f(x)` with Jacobian :math:`J`, the returned function maps a cotangent :math:`g` to :math:`g^T J`.
    Complex arrays follow the convention of the plain transpose: nothing is conjugated.

    Parameters
    ----------
    f : callable
        Function of the primals; returns a pytree of arrays, or a pair of it and auxiliary data with `has_aux`.
    *primals : pytree of arrays
        Where to evaluate; every leaf is differentiated and has a floating-point dtype.
    has_aux : bool, default False
        Whether `f` returns ``(output, auxiliary data)``.
    holomorphic : bool, default False
        Says that `f` is holomorphic: primals and output must be complex. The pullback is the same, and complex linear.

    Returns
    -------
    y : pytree of arrays
        The output of `f`.
    pullback : callable
        ``pullback(g)`` takes a pytree like `y` (None for an absent cotangent) and returns one pytree per primal. It
        may be called any number of times.
    aux : pytree
        Only with `has_aux`.

    Raises
    ------
    DtypeError
        If a leaf is not floating-point, or not complex with `holomorphic`.
    ParameterError
        If `f` cannot be called.
    TreeError
        If the cotangent's structure differs from the output's.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> y, pullback = fn.vjp(lambda a, b: a @ b, np.ones((2, 3)), np.ones(3))
    >>> da, db = pullback(np.array([1.0, 10.0]))
    >>> db
    array([11., 11., 11.])
    """
    leaf_rules.check_function(f, "fn.vjp", "x")
    trace = ReverseTrace()
    flats = [tree.flatten(p) for p in primals]
    leaves, tracers = _lift(trace, primals, [flat for flat, _ in flats], "fn.vjp", range(len(primals)))
    for t in tracers:
        # The pullback may be called when the caller has changed them.
        if t.value.__class__ is ndarray:
            t.value = trace.watch.kept(t.value, "fn.vjp")
    primals = tuple(_regroup([t.value for t in tracers], flats))
    if holomorphic:
        check_input(primals, "fn.vjp", holomorphic=True)
    nodes = [t.node for t in tracers]
    out = trace.run(f, tuple(_regroup(tracers, flats)), {})
    aux = None
    if has_aux:
        out, aux = split_aux(out, "fn.vjp")
        aux = leaf_rules.strip(trace, aux)
    if holomorphic:
        check_output(out, "fn.vjp", holomorphic=True)
    # Rules differentiate parts of a computation, which need not be determined one by one.
    outermost = current_trace() is None
    watch = trace.watch
    outs, structure = tree.flatten(out)
    roots = [t.node if t.__class__ is Tracer and t.trace is trace else None for t in outs]
    values = [t.value if t.__class__ is Tracer and t.trace is trace else t for t in outs]

    def pullback(g: Any) -> tuple[Any, ...]:
        gs = _cotangents(g, structure, values)
        pairs = [(n, ct) for n, ct in zip(roots, gs, strict=True) if n is not None and ct is not None]
        watch.check()
        found = leaf_rules.finish(Sweep().run(sweep, (pairs, nodes), {"free": False}), leaves)
        if outermost:
            for value, ct in zip(values, gs, strict=True):
                if ct is not None:
                    determined(value)
        return tuple(_regroup(found, flats))

    y = tree.unflatten(structure, [settled(v) for v in values])
    return (y, pullback, aux) if has_aux else (y, pullback)


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """Return a function that evaluates `f` and its gradient in one pass.

    Parameters
    ----------
    f : callable
        Returns a real floating-point scalar, or a pair of it and auxiliary data with `has_aux`.
    argnums : int or sequence of int, default 0
        Positional arguments to differentiate: pytrees of floating-point arrays.
    has_aux : bool, default False
        Whether `f` returns ``(value, auxiliary data)``.
    holomorphic : bool, default False
        Says that `f` is holomorphic: arguments and value are complex, and the gradient is the complex derivative.

    Returns
    -------
    callable
        With the arguments of `f`; returns ``(value, gradient)``, or ``((value, aux), gradient)`` with `has_aux`. The
        gradient is a pytree like the argument, or a tuple of them if `argnums` is a sequence. Each leaf has the shape,
        dtype and device of its argument, and zeros where only the other leaves matter.

    Raises
    ------
    DtypeError
        If a leaf of the arguments is not floating-point, or not complex with `holomorphic`; names its path.
    NonScalarOutputError
        If the value is not a real scalar, or not a complex one with `holomorphic`.
    IndependentOutputError
        If the value depends on none of the arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> loss = lambda params, x: ((x @ params["w"] - 1.0) ** 2).mean()
    >>> value, grads = fn.value_and_grad(loss)({"w": np.zeros(2)}, np.eye(2))
    >>> float(value), grads
    (1.0, {'w': array([-1., -1.])})
    """
    return _differentiated(f, argnums, has_aux, holomorphic, "fn.value_and_grad", with_value=True)


def grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """Return the gradient function of a scalar function.

    Parameters
    ----------
    f, argnums, has_aux, holomorphic
        As in `value_and_grad`. The gradient of a real function of complex arguments is the conjugate of the direction
        of steepest ascent.

    Returns
    -------
    callable
        With the arguments of `f`; returns the gradient, or ``(gradient, aux)`` with `has_aux`.

    Raises
    ------
    DtypeError, NonScalarOutputError, IndependentOutputError
        As in `value_and_grad`.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.grad(lambda x: np.sin(x) * x)(np.array(0.0))
    array(0.)
    >>> fn.grad(fn.grad(lambda x: x**3))(np.array(2.0))
    array(12.)
    """
    return _differentiated(f, argnums, has_aux, holomorphic, "fn.grad", with_value=False)


def _differentiated(
    f: Callable[..., Any],
    argnums: int | Sequence[int],
    has_aux: bool,
    holomorphic: bool,
    name: str,
    *,
    with_value: bool,
) -> Callable[..., Any]:
    leaf_rules.check_function(f, name)

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        where = leaf_rules.positions(argnums, len(args), name)
        trace = ReverseTrace()
        primals = [args[i] for i in where]
        flats = [tree.flatten(p) for p in primals]
        leaves, tracers = _lift(trace, primals, [flat for flat, _ in flats], name, where)
        if holomorphic:
            check_input(tuple(primals), name, holomorphic=True, where=where)
        nodes = [t.node for t in tracers]
        call = list(args)
        for i, argument in zip(where, _regroup(tracers, flats), strict=True):
            call[i] = argument
        del tracers
        out = trace.run(f, tuple(call), kwargs)
        aux = None
        if has_aux:
            out, aux = split_aux(out, name)
            aux = leaf_rules.strip(trace, aux)
        value, root = scalar_output(trace, out, name, holomorphic)
        determined(value)
        # The output and the arguments hold the tape; with them gone the sweep frees it as it passes.
        del out, call
        seed = ones_like(value)
        trace.watch.check()
        found = leaf_rules.finish(Sweep().run(sweep, ([(root, seed)], nodes), {"free": True}), leaves)
        grads = _regroup(found, flats)
        result = grads[0] if isinstance(argnums, int) else tuple(grads)
        if with_value:
            value = settled(value)
            return ((value, aux), result) if has_aux else (value, result)
        return (result, aux) if has_aux else result

    return gradient


def _lift(
    trace: Trace, primals: Sequence[Any], flats: list[list[Any]], name: str, where: Iterable[int]
) -> tuple[list[Any], list[Tracer]]:
    """Return the leaves of all primals, and a tracer with a node for each."""
    leaves: list[Any] = []
    for primal, flat, position in zip(primals, flats, where, strict=True):
        for i, leaf in enumerate(flat):
            leaves.append(leaf_rules.as_leaf(leaf, name, lambda: _path(primal, position, i)))  # noqa: B023  # called now
    return leaves, [Tracer(trace, leaf, Node(())) for leaf in leaves]


def _path(primal: Any, position: int, index: int) -> str:
    path = tree.flatten_with_paths(primal)[0][index][0]
    return f"argument {position}" + (f", leaf {path}" if path else "")


def _regroup(values: list[Any], flats: list[tuple[list[Any], Any]]) -> list[Any]:
    out, start = [], 0
    for flat, structure in flats:
        out.append(tree.unflatten(structure, values[start : start + len(flat)]))
        start += len(flat)
    return out


def _cotangents(g: Any, structure: Any, values: list[Any]) -> list[Any]:
    """Return the cotangent of each output, None where there is none."""
    y = tree.unflatten(structure, values)
    given, found = tree.flatten(g, is_leaf=_is_none)
    wanted_leaves, wanted = tree.flatten(y, is_leaf=_is_none)
    if found != wanted:
        tree.map(lambda _, ct: ct, y, g, is_leaf=_is_none)  # raises, naming the path
    several = len(values) > 1
    return [
        None if ct is None else leaf_rules.check_like(ct, value, "cotangent", f" of output {i}" if several else "")
        for i, (ct, value) in enumerate(zip(given, wanted_leaves, strict=True))
        if value is not None
    ]


def _is_none(node: Any) -> bool:
    return node is None
