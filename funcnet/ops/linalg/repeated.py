"""Refusal of derivatives that equal eigenvalues or singular values leave undetermined.

Where values are equal, a change of the matrix makes a matrix of each group of them. A function of the values and of the
vectors at once may depend on all of that matrix, but its cotangents with respect to the values show the diagonal only.
So what such a function's cotangents say of a group is right only if they treat its members alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Spec, Tracer, bind, case, general, owner, raw
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError
from funcnet.ops.arithmetic import add, subtract
from funcnet.ops.batching import as_it_is
from funcnet.ops.bitwise import bitwise_and, bitwise_or
from funcnet.ops.comparison import equal, greater
from funcnet.ops.complex import abs as absolute
from funcnet.ops.extremes import max as maximum_of
from funcnet.ops.linalg.common import as_column, as_row, dagger, eps_of, identity_like, separated
from funcnet.ops.utility import any as any_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_joint", "check_zeros", "guarded", "with_value"]


def with_value(x: Any, value: Any) -> Any:
    """Return what has the value of `value`, equal to x but for rounding, and the derivative of `x`."""
    known = raw(value)
    if x.__class__ is not Tracer:
        return known
    if isinstance(known, Spec) or known.shape != raw(x).shape:
        return x
    return Tracer(x.trace, with_value(x.value, known), x.node)


def _holds(condition: Any) -> bool:
    """Whether a condition is true anywhere, for any element of a batch; False where values are not known."""
    found = raw(condition)
    return not isinstance(found, Spec) and bool(any_of(found))


def _repeated(values: Any) -> bool:
    """Whether sorted values repeat."""
    values = raw(values)
    if isinstance(values, Spec) or values.shape[-1] < 2:
        return False
    return _holds(equal(separated(values[..., 1:] - values[..., :-1], values), 0))


def _pairs(values: Any) -> Any:
    """Return where two different ones of the values are equal."""
    same = equal(separated(as_row(values) - as_column(values), values), 0)
    return bitwise_and(same, equal(identity_like(values, values.shape[-1]), 0))


def _large(x: Any, scale: Any, axes: tuple[int, ...]) -> Any:
    """Return where x is more than a rounding error, compared with the largest element of `scale`."""
    tolerance = maximum_of(absolute(scale), axis=axes, keepdims=True) * (1000 * (x.shape[-1] + 2) * eps_of(x))
    return greater(absolute(x), tolerance)


def check_joint(name: str, values: Any, g: Any, turning: Any) -> None:
    """Raise if a function of values and vectors together does not treat equal values alike.

    `g` is the cotangent of the values, `turning` that of the vectors, in the basis of the vectors.
    """
    if not _repeated(values):
        return
    pairs = _pairs(values)
    by_vectors = _large(add(turning, dagger(turning)) * 0.5, turning, (-2, -1))
    row = as_row(g)
    by_values = _large(subtract(row, as_column(g)), row, (-2, -1))
    if _holds(bitwise_and(pairs, bitwise_or(by_vectors, by_values))):
        raise _undetermined(name, values)


def check_zeros(name: str, s: Any, g: Any, *, single: bool) -> None:
    """Raise if the cotangent of singular values that are zero does not determine the derivative.

    With `single`, that of a single zero does: its vectors turn no further than to the opposite sign.
    """
    if not s.shape[-1]:
        return
    known = raw(s)
    if isinstance(known, Spec) or not _holds(equal(separated(known, known), 0)):
        return
    row = as_row(g)
    some = bitwise_and(as_row(equal(separated(s, s), 0)), _large(row, row, (-2, -1)))
    if _holds(bitwise_and(_pairs(s), some) if single else some):
        raise _undetermined(name, s)


def guarded(name: str, g: Any, values: Any, matrix: Callable[[], Any]) -> Any:
    """Return g, a cotangent of the values, so that forward mode refuses to differentiate what it cannot see of it.

    `matrix` returns the matrix that is the diagonal one of the values in the basis of the vectors.
    """
    if g.__class__ is not Tracer or not _repeated(values):
        return g
    return bind(guarded_p, g, matrix(), values, name=name)


def _guard(tangents: Any, y: Any, g: Any, e: Any, values: Any, *, name: str) -> Any:  # noqa: ARG001  # as all rules
    t, along = tangents[0], tangents[1]
    if t is not None and along is not None:
        lost = bitwise_and(_pairs(values), _large(along, along, (-2, -1)))
        row = as_row(t)
        # Right where g moves alike for equal values, as for sums of them; no movement at all tells nothing.
        unlike = _large(subtract(row, as_column(t)), row, (-2, -1))
        unmoved = bitwise_and(equal(row, 0), greater(absolute(as_row(g)), 0))
        if _repeated(values) and _holds(bitwise_and(lost, bitwise_or(unlike, unmoved))):
            raise _undetermined(name, values)
    return t


guarded_p = general(
    "guarded_spectrum",
    lambda xp, g, e, values, *, name: g,  # noqa: ARG005
    vjp=(lambda y, g, e, values, *, name: lambda ct: ct, None, None),  # noqa: ARG005
    jvp=_guard,
    shape=lambda g, e, values, *, name: g.shape,  # noqa: ARG005
    batch=as_it_is,
    dtypes="real floating",
    internal=True,
    cases=(case((3,), (3, 3), (3,), name="eigh"), case((2, 3), (2, 3, 3), (2, 3), name="svd")),
)


def _undetermined(name: str, values: Any) -> NotDifferentiableError:
    singular = name == "svd"
    what = "singular values" if singular else "eigenvalues"
    shown = owner(values).to_numpy(raw(values)).reshape(-1, values.shape[-1])
    found = [row for row in shown if _repeated(row) or (singular and _holds(equal(separated(row, row), 0)))]
    return NotDifferentiableError(
        f"The derivative through the {what} and vectors of xp.linalg.{name} is not determined, in {user_frame()}.",
        found=f"{what} that are repeated{' or zero' if singular else ''}: {found[0] if found else shown}",
        needed="distinct values, or a function of the vectors alone, or of the values alone and differentiated once",
        write="a function of the matrix that has a rule of its own, such as xp.linalg.matrix_power, solve or pinv; or "
        "a slightly perturbed matrix",
    )
