"""Transposes of rules, which have to be linear: the derivative at zero of one that is not means nothing."""

from __future__ import annotations

import math
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from funcnet import tree
from funcnet.core import Spec, Trace, Tracer, bind, owner, raw
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError
from funcnet.ops import multiply
from funcnet.transforms.leaves import function_of_p
from funcnet.transforms.reverse import vjp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

__all__ = ["opposite", "point", "transposed"]


class _Like(Protocol):
    """What arrays of one kind have in common."""

    backend: Any
    device: Any
    shape: tuple[int, ...]
    dtype: Any

    def array(self) -> Any:
        """Return zeros."""


#: What a trace knows of an array: that it depends on the direction, or that it may.
_DEPENDS, _MAY_DEPEND = "depends", "may depend"


class _Direction(Trace):
    """Follows which values depend on a direction: those of a linear function's derivative do not."""

    __slots__ = ()
    name = "rule"
    remembers = False

    def process(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> Any:
        # What says that a derivative is a function of its argument does not make it depend on that.
        followed = args[:1] if primitive is function_of_p else args
        known = {a.node for a in followed if a.__class__ is Tracer and a.trace is self}
        node = _DEPENDS if _DEPENDS in known else _MAY_DEPEND if _MAY_DEPEND in known else None
        if node is not None and primitive.kind == "call":
            # Not all results of a graph depend on all arguments: it hands on what its derivative needs.
            node = _MAY_DEPEND
        y = bind(primitive, *[_below(self, a) for a in args], **params)
        return tuple([Tracer(self, v, node) for v in y]) if primitive.multiple else Tracer(self, y, node)


def _below(trace: Trace, value: Any) -> Any:
    return value.value if value.__class__ is Tracer and value.trace is trace else value


def transposed(
    f: Callable[..., tuple[list[Any], Any]], likes: Sequence[_Like], what: str, write: str
) -> tuple[list[Any], Callable[[list[Any]], list[Any]], Any]:
    """Evaluate a linear function at zero and return its result and its transpose.

    Parameters
    ----------
    f : callable
        Takes arrays, and returns a list of arrays and anything else.
    likes : sequence
        What the arguments are like.
    what, write : str
        How a message begins that refuses a function that is not linear, and its remedy.

    Returns
    -------
    list of array, callable, anything
        What `f` returned, with the transpose, from a list of cotangents to that of the arguments', in between.

    Raises
    ------
    NotDifferentiableError
        If `f` is seen not to be linear: here if it is not zero at zero, from the transpose otherwise.
    """
    trace = _Direction()
    _, pullback, (out, aux) = vjp(
        lambda *ts: ((found := f(*ts))[0], found),
        *[Tracer(trace, like.array(), _DEPENDS) for like in likes],
        has_aux=True,
    )

    def refuse(found: str) -> NotDifferentiableError:
        return NotDifferentiableError(
            f"{what} is not linear, in {user_frame()}.",
            found=found,
            needed="a function that is linear in the direction: sums, and products with what does not depend on it",
            write=write,
        )

    if any([_some(raw(leaf)) for leaf in out]):
        raise refuse("a derivative that is not zero in a direction of zeros: a constant is part of it")

    turns = RLock()

    def transpose(gs: list[Any]) -> list[Any]:
        # The cotangents may be traced by transformations that started later: they must not see what is followed here,
        # or they would keep it. One thread at a time, since another's transformation would come to lie further out.
        with turns:
            trace.innermost()
            cts = pullback(gs)
        known = {ct.node for ct in cts if ct.__class__ is Tracer and ct.trace is trace}
        if _DEPENDS in known or (_MAY_DEPEND in known and not _seems_linear(lambda *ts: f(*ts)[0], likes)):
            raise refuse("a derivative that depends on the direction in which it is taken")
        return [_below(trace, ct) for ct in cts]

    return tree.map(lambda leaf: _below(trace, leaf), out), transpose, tree.map(lambda leaf: _below(trace, leaf), aux)


def _some(x: Any) -> bool:
    """Whether an array has elements that are known not to be zero; NaN is no such."""
    return hasattr(x, "dtype") and not isinstance(x, Spec) and bool((abs(owner(x).to_numpy(x)) > 0).any())


def _seems_linear(f: Callable[..., list[Any]], likes: Sequence[_Like]) -> bool:
    points = [point(like) for like in likes]
    values = [f(*points), f(*[multiply(p, -2.0) for p in points])]
    if any(isinstance(raw(v), Spec) for v in values[0]):
        return True
    return all(opposite(a, b) for a, b in zip(*values, strict=True))


def point(like: _Like) -> Any:
    """Return values of both signs."""
    values = np.reshape(np.cos(np.arange(1.0, math.prod(like.shape) + 1.0)), like.shape)
    return like.backend.asarray(values, dtype=like.dtype, device=like.device)


def opposite(a: Any, b: Any) -> bool:
    """Whether `b`, the value at -2 times the point of `a`, is what a linear function has there."""
    a, b = (owner(v).to_numpy(raw(v)) if hasattr(v, "dtype") else np.asarray(v) for v in (raw(a), raw(b)))
    return bool(np.all(np.abs(b + 2.0 * a) <= 1e-4 * np.max(np.abs(a), initial=0.0)))
