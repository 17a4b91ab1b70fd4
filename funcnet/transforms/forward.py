"""Forward mode: ``jvp``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.core import Refused, Trace, Tracer, bind, current_trace, determined, settled
from funcnet.core.bind import check_hashable
from funcnet.core.dtypes import is_inexact
from funcnet.errors import NonScalarOutputError, ParameterError, TreeError
from funcnet.ops import add, broadcast_to, cast, zeros_like
from funcnet.transforms import leaves as leaf_rules
from funcnet.transforms.reverse import vjp
from funcnet.transforms.rules import reverse_makers, scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

__all__ = ["jvp"]


class ForwardTrace(Trace):
    """Carries a tangent with every value; a tracer's node is its tangent, None for zero."""

    __slots__ = ()
    name = "forward-mode"

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        if primitive.kind == "call":
            return primitive.in_forward(self, args)  # type: ignore[attr-defined]  # see call.py
        raws = list(args)
        tangents: list[Any] = [None] * len(args)
        for i, a in enumerate(args):
            if a.__class__ is Tracer and a.trace is self:
                raws[i] = a.value
                tangents[i] = a.node
        if params:
            check_hashable(primitive, params)
        y = bind(primitive, *raws, **params)
        active = any(t is not None for t in tangents)
        if primitive.multiple:
            ts = _tangents(self, primitive, tangents, raws, y, params) if active else [None] * len(y)
            return tuple([Tracer(self, v, _like(self, t, v)) for v, t in zip(y, ts, strict=True)])
        t = _tangents(self, primitive, tangents, raws, y, params) if active else None
        return Tracer(self, y, _like(self, t, y))


def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False
) -> tuple[Any, ...]:
    """Evaluate a function and its directional derivative, the Jacobian-vector product.

    Parameters
    ----------
    f : callable
        Function of the primals; returns a pytree of arrays, or a pair of it and auxiliary data with `has_aux`.
    primals : sequence of pytrees of arrays
        The arguments of `f`; leaves are floating-point.
    tangents : sequence of pytrees of arrays
        One direction per primal, of the same structure, shapes and dtypes; None stands for zero.
    has_aux : bool, default False
        Whether `f` returns ``(output, auxiliary data)``.

    Returns
    -------
    y : pytree of arrays
        The output of `f`.
    tangent : pytree of arrays
        The derivative of the output in the direction `tangents`.
    aux : pytree
        Only with `has_aux`.

    Raises
    ------
    ParameterError
        If `f` cannot be called, or `primals` and `tangents` are not sequences of one length.
    ShapeError, DtypeError, TreeError
        If a tangent does not match its primal.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.jvp(np.sin, (np.array(0.0),), (np.array(2.0),))
    (np.float64(0.0), np.float64(2.0))
    """
    leaf_rules.check_function(f, "fn.jvp", "primals, tangents")
    if (
        not isinstance(primals, (tuple, list))
        or not isinstance(tangents, (tuple, list))
        or len(primals) != len(tangents)
    ):
        raise ParameterError(
            "fn.jvp takes one tangent for each primal.",
            found=f"primals: {_count(primals)}; tangents: {_count(tangents)}",
            needed="two tuples or lists of the same length",
            write="fn.jvp(f, (x,), (t,))",
        )
    trace = ForwardTrace()
    arguments = [_paired(trace, p, t, i) for i, (p, t) in enumerate(zip(primals, tangents, strict=True))]
    out = trace.run(f, tuple(arguments), {})
    aux = None
    if has_aux:
        if not (isinstance(out, tuple) and len(out) == 2):
            raise NonScalarOutputError(
                "fn.jvp with has_aux=True needs a function that returns a pair.",
                found=type(out).__name__,
                needed="(output, auxiliary data)",
                write="return y, {'hidden': h}",
            )
        out, aux = out
        aux = leaf_rules.strip(trace, aux)
    # Rules differentiate parts of a computation, which need not be determined one by one.
    if current_trace() is None:
        for leaf in tree.leaves(out):
            if leaf.__class__ is Tracer and leaf.trace is trace and leaf.node is not None:
                determined(leaf.value)
    y = leaf_rules.strip(trace, out)
    tangent = tree.map(lambda leaf: _tangent_of(trace, leaf), out)
    return (y, tangent, aux) if has_aux else (y, tangent)


def _count(value: Any) -> str:
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, (tuple, list)) else type(value).__name__


def _paired(trace: ForwardTrace, primal: Any, tangent: Any, position: int) -> Any:
    paths, structure = tree.flatten_with_paths(primal)
    if tangent is None:
        flat: list[Any] = [None] * len(paths)
    else:
        # None stands for a zero tangent, or for None in the primal.
        slots = tree.leaves(primal, is_leaf=_is_none)
        flat, given = tree.flatten(tangent, is_leaf=_is_none)
        wanted = structure if len(slots) == len(paths) else tree.structure(primal, is_leaf=_is_none)
        if given != wanted and tree.structure(tangent) != structure:
            difference = tree.first_difference(wanted, given)
            assert difference is not None
            raise TreeError(
                f"The tangent of argument {position} has another structure than the argument"
                + (f", leaf {difference.path}." if difference.path else "."),
                found=difference.found,
                needed=f"{difference.needed}, or None for zero",
                write="the structure of the value that it belongs to",
            )
        if given != wanted:
            flat = tree.leaves(tangent)
        elif wanted is not structure:
            flat = [t for t, p in zip(flat, slots, strict=True) if p is not None]
    leaves = []
    for (path, leaf), t in zip(paths, flat, strict=True):
        where = f"argument {position}" + (f", leaf {path}" if path else "")
        value = leaf_rules.as_leaf(leaf, "fn.jvp", lambda: where)  # noqa: B023  # called now
        leaves.append(
            Tracer(trace, value, None if t is None else leaf_rules.check_like(t, value, "tangent", f" of {where}"))
        )
    return tree.unflatten(structure, leaves)


def _is_none(node: Any) -> bool:
    return node is None


def _tangent_of(trace: ForwardTrace, leaf: Any) -> Any:
    if leaf.__class__ is Tracer and leaf.trace is trace:
        return settled(zeros_like(leaf.value) if leaf.node is None else leaf.node, derivative=True)
    return zeros_like(leaf)


def _like(trace: ForwardTrace, t: Any, y: Any) -> Any:
    """Return a tangent with the shape and dtype of its value; None where the value carries no derivative."""
    if t is None or not is_inexact(y.dtype):
        return None
    while t.__class__ is Tracer and t.trace.level >= trace.level:
        # Rules run inside the transformations, so an array that one creates is a constant of the innermost.
        t = t.value
    if t.shape != y.shape:
        t = broadcast_to(t, y.shape)
    return t if t.dtype == y.dtype else cast(t, y.dtype)


def _tangents(
    trace: ForwardTrace, primitive: Primitive, tangents: list[Any], args: list[Any], y: Any, params: dict[str, Any]
) -> Any:
    if primitive.kind == "elementwise":
        return _elementwise(primitive, tangents, args, y)
    if primitive.vjp is None:
        return [None] * len(y) if primitive.multiple else None
    if not callable(primitive.vjp):
        for i, (t, rule) in enumerate(zip(tangents, primitive.vjp, strict=True)):
            if t is not None and rule.__class__ is Refused:
                makers = reverse_makers(primitive)
                makers[i](None, y, args, params)  # type: ignore[index]  # raises, with the reason
    # The zeros that a rule makes are none of the step of a loop that is being captured.
    return trace.inside(lambda: _by_rule(primitive, tangents, args, y, params))


def _by_rule(primitive: Primitive, tangents: list[Any], args: list[Any], y: Any, params: dict[str, Any]) -> Any:
    if primitive.jvp is not None:
        return primitive.jvp(tangents, y, *args, **params)
    if primitive.kind == "linear":
        return _linear(primitive, tangents, args, params)
    return _transposed(primitive, tangents, args, y, params)


def _elementwise(primitive: Primitive, tangents: list[Any], args: list[Any], y: Any) -> Any:
    if primitive.forward is None:
        primitive.forward = tuple(scaled(primitive, p) for p in primitive.forwards or primitive.partials)
    total = None
    for t, apply in zip(tangents, primitive.forward, strict=True):
        if t is None or apply is None:
            continue
        term = apply(t, y, args)
        total = term if total is None else add(total, term)
    return total


def _linear(primitive: Primitive, tangents: list[Any], args: list[Any], params: dict[str, Any]) -> Any:
    if primitive.joint:
        return bind(
            primitive, *[zeros_like(a) if t is None else t for t, a in zip(tangents, args, strict=True)], **params
        )
    total: Any = None
    for i, t in enumerate(tangents):
        if t is None or (not callable(primitive.vjp) and primitive.vjp[i] is None):  # type: ignore[index]
            continue
        term = bind(primitive, *args[:i], t, *args[i + 1 :], **params)
        if total is None:
            total = term
        elif primitive.multiple:
            total = tuple([add(a, b) for a, b in zip(total, term, strict=True)])
        else:
            total = add(total, term)
    return [None] * 0 if total is None and primitive.multiple else total


def _transposed(primitive: Primitive, tangents: list[Any], args: list[Any], y: Any, params: dict[str, Any]) -> Any:
    """Return the tangent as the transpose of the reverse rule, which is linear in the cotangent."""
    makers = reverse_makers(primitive)
    pulls, directions = [], []
    for i, t in enumerate(tangents):
        maker = None if t is None else makers[i] if makers.__class__ is tuple else makers(i)  # type: ignore[operator,index]
        if maker is not None:
            pulls.append(maker(None, y, args, params)[1])
            directions.append(t)
    if not pulls:
        return [None] * len(y) if primitive.multiple else None

    def pullback(*gs: Any) -> list[Any]:
        g = list(gs) if primitive.multiple else gs[0]
        return [g if pull is None else pull(g) for pull in pulls]

    outs = y if primitive.multiple else (y,)
    live = [i for i, v in enumerate(outs) if is_inexact(v.dtype)]

    def of_live(*gs: Any) -> list[Any]:
        full: list[Any] = [None] * len(outs)
        for i, g in zip(live, gs, strict=True):
            full[i] = g
        return pullback(*full)

    cts, transpose = vjp(of_live, *[zeros_like(outs[i]) for i in live])
    found = transpose([d if ct is not None else None for ct, d in zip(cts, directions, strict=True)])
    if not primitive.multiple:
        return found[0]
    result: list[Any] = [None] * len(outs)
    for i, t in zip(live, found, strict=True):
        result[i] = t
    return result


Trace.along = staticmethod(jvp)
