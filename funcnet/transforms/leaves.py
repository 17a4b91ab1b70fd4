"""The arrays that a transformation differentiates: taken from the arguments, and given back as plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends, tree
from funcnet.core import Tracer, bind, case, constant, general, owner, raw, settled
from funcnet.core.bind import scalar_array
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops import cast, zeros_like
from funcnet.ops.batching import as_it_is

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Trace

__all__ = ["as_leaf", "check_function", "check_like", "finish", "positions", "strip"]


def _function_of_batch(primitive: Any, size: int, batched: Any, /, y: Any, x: Any) -> Any:
    if batched[0]:
        # The tape alone asks for the argument.
        return bind(primitive, y, x) if batched[1] or x.__class__ is Tracer else y
    return as_it_is(primitive, size, batched, y, x)


function_of_p = general(
    "function_of",
    lambda xp, y, x: y,  # noqa: ARG005  # the second argument is there for the tape
    vjp=(lambda out, y, x: None, None),  # noqa: ARG005  # the identity
    jvp=lambda tangents, out, y, x: tangents[0],  # noqa: ARG005
    shape=lambda y, x: y.shape,  # noqa: ARG005
    batch=_function_of_batch,
    result="first",
    dtypes="floating",
    cases=(case((2, 3), (2, 3)), case((), ())),
)


def check_function(f: Any, name: str, arguments: str = "") -> None:
    """Refuse what cannot be called in place of the function that `name` transforms, at once or to another one."""
    if not callable(f):
        raise ParameterError(
            f"{name} transforms a function.",
            found=type(f).__name__,
            needed="a callable",
            write=f"{name}(f, {arguments})" if arguments else f"{name}(f)(x)",
        )


def positions(argnums: int | Sequence[int], count: int, name: str) -> tuple[int, ...]:
    """Return `argnums` as non-negative positions among `count` positional arguments."""
    given: tuple[Any, ...] = tuple(argnums) if isinstance(argnums, (tuple, list)) else (argnums,)
    found = []
    for a in given:
        if not isinstance(a, int) or not -count <= a < count:
            raise ParameterError(
                f"{name} was asked for argument {a!r}, which was not passed by position.",
                found=f"argnums={argnums!r} and {count} positional argument{'s' * (count != 1)}",
                needed=f"integers from {-count} to {count - 1}",
                write="f(x, y) in place of f(x=x, y=y), or another argnums",
            )
        found.append(a % count)
    if len(set(found)) != len(found):
        raise ParameterError(
            f"{name} was given the same argument twice.",
            found=f"argnums={argnums!r}",
            needed="each position once",
            write=f"argnums={tuple(dict.fromkeys(found))!r}",
        )
    return tuple(found)


def as_leaf(leaf: Any, name: str, where: Callable[[], str]) -> Any:
    """Return `leaf` as an array that can be differentiated; `where` gives its path for the error."""
    cls = leaf.__class__
    if cls is float or cls is complex:
        return scalar_array(leaf)
    if cls is not Tracer and backends.backend_of_type(cls) is None:
        if cls is int or cls is bool:
            raise DtypeError(
                f"{name} cannot differentiate with respect to {where()}.",
                found=f"the Python {cls.__name__} {leaf!r}",
                needed="a float or a floating-point array",
                write=f"{float(leaf)!r}",
            )
        raise DtypeError(
            f"{name} cannot differentiate with respect to {where()}.",
            found=f"{cls.__module__}.{cls.__qualname__}",
            needed="floating-point arrays in nested dicts, lists, tuples or registered nodes",
            write="xp.asarray(...) for a number; fn.tree.register(...) for a container; argnums=... to leave it out",
        )
    if not is_inexact(leaf.dtype):
        raise DtypeError(
            f"{name} cannot differentiate with respect to {where()}.",
            found=f"an array of dtype {leaf.dtype} and shape {tuple(leaf.shape)}",
            needed="a floating-point dtype",
            write="xp.astype(x, xp.float32) before the call, or argnums=... to leave it out",
        )
    return leaf


def strip(trace: Trace, out: Any) -> Any:
    """Return a pytree without the tracers of `trace`."""
    return tree.map(lambda leaf: settled(leaf.value) if leaf.__class__ is Tracer and leaf.trace is trace else leaf, out)


def finish(found: list[Any], leaves: list[Any]) -> list[Any]:
    """Return cotangents as arrays of their own, like their leaves: zeros for None, no views, no two the same."""
    seen: set[int] = set()
    out = []
    for ct, leaf in zip(found, leaves, strict=True):
        if ct is None:
            ct = zeros_like(leaf)
        if ct.dtype is not leaf.dtype and ct.dtype != leaf.dtype:
            # NumPy's own operators, which rules use, widen bfloat16 beside a Python number.
            ct = cast(ct, leaf.dtype)
        if leaf.__class__ is Tracer and (_remembered(leaf) or ct.__class__ is not Tracer):
            # A derivative is a function of its argument, also where it is constant: its own derivative is then zero.
            ct = bind(function_of_p, ct, leaf)
        ct = settled(ct, derivative=True)
        if ct.__class__ is not Tracer:
            if leaf.__class__ is np.ndarray:
                # Sums over everything are NumPy scalars.
                ct = np.asarray(ct)
            backend = owner(ct)
            memory, whole = backend.storage(ct)
            if not whole or memory in seen:
                ct = backend.asarray(ct, copy=True)
                memory, _ = backend.storage(ct)
            seen.add(memory)
        out.append(ct)
    return out


def _remembered(leaf: Any) -> bool:
    """Whether a derivative may be taken, now or later, with respect to an argument."""
    while leaf.__class__ is Tracer:
        if leaf.trace.remembers:
            return True
        leaf = leaf.value
    return False


def check_like(given: Any, like: Any, what: str, where: str) -> Any:
    """Return a tangent or cotangent as an array of the shape and dtype of `like`."""
    if not hasattr(given, "shape"):
        array = raw(like)
        backend = owner(like)
        given = constant(backend.asarray(given, dtype=array.dtype, device=backend.device_of(array)))
    elif given.__class__ is not Tracer:
        given = constant(given)
    if tuple(given.shape) != tuple(like.shape):
        raise ShapeError(
            f"The {what}{where} does not have the shape of its value.",
            found=str(tuple(given.shape)),
            needed=str(tuple(like.shape)),
            write="xp.broadcast_to(t, x.shape), or xp.ones_like(x)",
        )
    if given.dtype != like.dtype and (kind(given.dtype), kind(like.dtype)) != ("f", "c"):
        raise DtypeError(
            f"The {what}{where} does not have the dtype of its value.",
            found=str(given.dtype),
            needed=str(like.dtype),
            write="xp.astype(t, x.dtype)",
        )
    return given
