"""Division by the sums and differences of a spectrum, which derivatives of eigenvectors and singular vectors need."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet.core import Arg, Spec, bind, case, general, raw
from funcnet.core.bind import run
from funcnet.core.dtypes import kind
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError
from funcnet.ops.arithmetic import add, multiply, subtract
from funcnet.ops.batching import as_it_is
from funcnet.ops.bitwise import bitwise_and
from funcnet.ops.broadcasting import cast, real, sum_over
from funcnet.ops.comparison import equal, greater, less_equal, not_equal, where
from funcnet.ops.complex import abs as absolute
from funcnet.ops.complex import imag
from funcnet.ops.extremes import max as maximum_of
from funcnet.ops.fresh import array_like
from funcnet.ops.linalg.common import as_column, as_row, conjugated, dagger, eps_of, separated
from funcnet.ops.linalg.gauge import turned
from funcnet.ops.linalg.products import diagonal
from funcnet.ops.linalg.series import Series, inverse, largest, multiplied, zeros
from funcnet.ops.linalg.splitting import handler, known, series, smoothly
from funcnet.ops.linalg.undetermined import undetermined, unseen
from funcnet.ops.strong import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["by_gaps", "check_complement", "check_linked", "check_phases", "repeated", "split"]


def by_gaps(t: Any, values: Any, sign: int, part: int = 0) -> Any:
    """Return ``p_ij / (values_j + sign * values_i)``, and zero where the denominator is zero but for rounding.

    With ``part=1``, p is the Hermitian part of the matrix t, with -1 the other part, and the values are real; with 0 it
    is t itself.
    """
    return bind(by_gaps_p, t, values, sign=sign, part=part)


def repeated(values: Any) -> Any:
    """Return which of the values of plain arrays are equal to others, but for rounding."""
    same = cast(equal(separated(_denominator(values, -1), values), 0), values.dtype)
    return greater(absolute(sum_over(same, (len(same.shape) - 1,))), 1.5)


def split(
    name: str,
    primitive: Any,
    args: Any,
    nodes: Any,
    params: dict[str, Any],
    choice: int,
    place: int,
    which: Callable[[Any], Any],
) -> Any:
    """Decompose what is followed as a series: where values are equal, move them apart.

    ``place`` is the position of the values among the results; ``which(values)`` tells which ones are to be moved. The
    second choice has other vectors, and moves the values by other distances.
    """
    node: Series = nodes[0]
    found = run(primitive, (node.value(),), params)
    parts = found if primitive.multiple else (found,)
    values = parts[place]
    origin = (name, values)
    if node.low < 0:
        raise undetermined(node.origin, "a decomposition of something that has no limit there")
    moving = which(values)
    small = largest(node.value()) * 1e4 * eps_of(values)
    moved = any(largest(c) > small for k, c in node.terms.items() if k)
    if moved and not known(moving):
        return smoothly(primitive, args, nodes, params, ())
    if moved:
        raise undetermined(origin, f"a decomposition of what is computed from that of xp.linalg.{node.origin[0]}")
    moved_apart = [Series({0: y}, inf, node.order, origin, largest(y)) for y in parts]
    if known(moving):
        if name == "svd":
            moved_apart[place].terms[0] = values = masked(values, not_equal(separated(values, values), 0))
        if choice and primitive.multiple:
            others = turned(name, (*parts[:place], values, *parts[place + 1 :]))
            for part, other in zip(moved_apart, others, strict=True):
                part.terms[0] = other
        moved_apart[place].terms[1] = where(moving, _distances(values, choice, name == "svd"), zeros(values))
    out = [part.cleaned() for part in moved_apart]
    return tuple(out) if primitive.multiple else out[0]


def _distances(values: Any, choice: int, descending: bool) -> Any:
    """Return distinct positive numbers of the size of the values, in their order."""
    n = values.shape[-1]
    first, second = ((1.0, 0.3), (0.45, 1.1))[choice]
    steps = [1.0 + first * i / n + second * (i / n) ** 2 for i in range(n)]
    row = raw(array_like(values, steps[::-1] if descending else steps, values.dtype))
    scale = maximum_of(absolute(values), axis=-1, keepdims=True)
    return multiply(where(greater(scale, 0), scale, scale * 0 + 1), row)


def check_linked(name: str, w: Any, gw: Any, gv: Any) -> None:
    """Raise where cotangents of values and vectors are fixed numbers, which do not tell how they vary together."""
    if gw is None or gv is None or series(w) is None or series(gv) is not None:
        return
    row = raw(gw)
    if 0 in row.shape or not known(not_equal(gv, 0)):
        return
    same = equal(separated(_denominator(raw(w), -1), raw(w)), 0)
    unlike = greater(absolute(_denominator(row, -1)), 1000 * eps_of(row) * largest(row))
    if known(bitwise_and(same, unlike)):
        raise undetermined((name, raw(w)), "cotangents of values and vectors that do not say how they vary")


def check_phases(name: str, turning: Any) -> None:
    """Raise where what is differentiated changes with the phases of vectors, which nothing determines.

    ``turning`` is the product of the adjoint of the vectors with their cotangent; its diagonal is how the phases count.
    """
    found = _visible(turning)
    if found is None or kind(found.dtype) != "c" or not _matters(imag(raw(diagonal(found))), found):
        return
    raise NotDifferentiableError(
        f"The derivative through complex vectors of xp.linalg.{name} is not determined, in {user_frame()}.",
        found="a function that depends on their phases, of which each is as good as any other",
        needed="a function that is the same for all phases",
        write="what takes a vector together with its conjugate, such as xp.abs(v) or v @ xp.conj(v.T); "
        "or v / (v[:1] / xp.abs(v[:1])), whose first row is real",
    )


def check_complement(turning: Any) -> None:
    """Raise where what is differentiated changes with the basis of a complement, which nothing determines.

    ``turning`` is the product of the adjoint of the basis with its cotangent.
    """
    found = _visible(turning)
    if found is None or not _matters(subtract(found, dagger(found)), found):
        return
    raise NotDifferentiableError(
        f"The derivative through the further vectors of xp.linalg.svd is not determined, in {user_frame()}.",
        found="a function that depends on them one by one; any basis of the complement is as good as any other",
        needed="a function that is the same for all bases",
        write="xp.linalg.svd(x, full_matrices=False), or what takes them together, such as u[:, k:] @ u[:, k:].T",
    )


def _visible(turning: Any) -> Any:
    """Return the plain array inside, None where it is not known, or where two choices are compared at the end."""
    found = raw(turning)
    return None if isinstance(found, Spec) or 0 in found.shape or series(turning) is not None else found


def _matters(part: Any, whole: Any) -> bool:
    return largest(part) > eps_of(whole) ** 0.5 * largest(whole)


def _denominator(values: Any, sign: int) -> Any:
    row = as_row(values)
    return row + sign * as_column(values) if sign else row


def _part(t: Any, part: int) -> Any:
    if not part:
        return t
    return (add(t, dagger(t)) if part > 0 else subtract(t, dagger(t))) * 0.5


def _impl(xp: Any, t: Any, values: Any, *, sign: int, part: int) -> Any:
    n = values.shape[-1]
    if part and kind(values.dtype) == "c":
        values = xp.real(values)
    if part:
        other = xp.matrix_transpose(t)
        t = (t + part * (xp.conj(other) if kind(t.dtype) == "c" else other)) * 0.5
    if not n:
        return t
    row = xp.expand_dims(values, axis=-2)
    if sign:
        row = row + sign * xp.expand_dims(values, axis=-1)
    scale = xp.max(xp.abs(values), axis=-1)[..., None, None]
    closed = xp.abs(row) <= scale * (8 * (n + 2) * eps_of(values))
    if sign < 0:
        closed = closed & ~xp.eye(n, dtype=xp.bool, device=row.device)
    if bool(xp.any(closed)):
        # Followed as series, they would be apart: `separate` does not see values that a compiled function gets later.
        raise unseen("eigh" if sign < 0 else "svd", values)
    some = row != 0
    one = xp.ones((), dtype=row.dtype, device=row.device)
    quotient = t / xp.astype(xp.where(some, row, one), t.dtype)
    return xp.where(some, quotient, xp.zeros((), dtype=t.dtype, device=t.device))


def _matrix_rule(y: Any, t: Any, values: Any, *, sign: int, part: int) -> Pull:  # noqa: ARG001  # the form of all rules
    def pull(g: Any) -> Any:
        return conjugated(by_gaps(conjugated(g), conjugated(values), sign, part * sign))

    return pull


def _values_rule(y: Any, t: Any, values: Any, *, sign: int, part: int) -> Pull:  # noqa: ARG001
    def pull(g: Any) -> Any:
        z = multiply(conjugated(by_gaps(conjugated(g), conjugated(values), sign, part * sign)), y)
        if part or kind(values.dtype) != "c":
            z = real(z)
        total = sum_over(z, (len(z.shape) - 2,))
        if sign:
            total = add(total, sign * sum_over(z, (len(z.shape) - 1,)))
        return cast(-total, values.dtype)

    return pull


by_gaps_p = general(
    "by_gaps",
    _impl,
    vjp=(_matrix_rule, _values_rule),
    shape=lambda t, values, *, sign, part: t.shape,  # noqa: ARG005
    batch=as_it_is,
    dtypes="floating",
    internal=True,
    cases=(
        case((3, 3), Arg((3,), low=0.5, distinct=True), sign=-1, part=-1),
        case((2, 2, 2), Arg((2, 2), low=0.5, distinct=True), sign=1, part=-1),
        case((2, 2), Arg((2,), low=0.5, distinct=True), sign=-1, part=0),
        case((3, 2), Arg((2,), low=0.5), sign=0, part=0),
        case((0, 0), (0,), sign=1, part=-1),
    ),
)


@handler("by_gaps")
def _of_series(primitive: Any, args: Any, nodes: Any, params: dict[str, Any], choice: int) -> Any:  # noqa: ARG001  # as all
    t, values = nodes
    followed: Any = t if values is None else values
    sign, part = params["sign"], params["part"]
    if values is None or (len(values.terms) == 1 and values.top == inf):
        plain = args[1] if values is None else values.value()
        if t is None:
            t = Series({0: args[0]}, inf, followed.order, followed.origin, largest(args[0]))
        y = t.mapped(lambda c: run(primitive, (c, plain), params))
        y.scale = max(y.scale, *map(largest, y.terms.values()))
        return y.cleaned()
    if t is None:
        t = Series({0: args[0]}, inf, followed.order, followed.origin, largest(args[0]))
    spectrum = values.value()
    denominator = values.mapped(lambda w: _denominator(w, sign))
    terms = dict(denominator.terms)
    terms[0] = separated(denominator.value(), spectrum)
    closed = equal(terms[0], 0)
    # Two values that are equal are apart by the term of first order; a value is not divided by its distance to itself.
    shift = bitwise_and(closed, not_equal(denominator.term(1), 0)) if 1 in terms else not_equal(terms[0] * 0, 0)
    # Denominators of the same form in all places: where the first term is zero, h is taken out.
    leading: dict[int, Any] = {}
    for k in range(max(terms) + 1):
        leading[k] = where(shift, denominator.term(k + 1), terms[k] if k in terms else denominator.zero())
    never = equal(leading[0], 0)
    leading[0] = where(never, leading[0] * 0 + 1, leading[0])
    limit = max(t.order, values.order) - t.low
    quotients = inverse(denominator.like(leading, denominator.top - 1 if known(shift) else denominator.top), limit)
    numerators = t.mapped(lambda c: _part(c, part))
    numerators.terms = {k: where(never, zeros(c), c) for k, c in numerators.terms.items()}
    some = known(shift)
    if some:
        # A pole comes of what is more than a rounding error. In single precision a generous limit would take small
        # numbers for errors, and poles would no longer cancel; that of an error that is let through is cleaned later.
        for k, c in numerators.terms.items():
            if k <= 0:
                small = largest(t.terms[k]) * (32 * (c.shape[-1] + 2) * eps_of(c))
                slight = bitwise_and(shift, less_equal(absolute(c), small))
                numerators.terms[k] = where(slight, zeros(c), c)
    dtype = next(iter(numerators.terms.values())).dtype
    quotients = quotients.mapped(lambda c: cast(c, dtype))
    quotients.scale = max(largest(c) for c in quotients.terms.values())
    y = multiplied(numerators, quotients)
    if not some:
        return y.cleaned()
    parts: dict[int, Any] = {}
    for k, c in y.terms.items():
        inside = where(shift, zeros(c), c)
        parts[k] = add(parts[k], inside) if k in parts else inside
        outside = where(shift, c, zeros(c))
        parts[k - 1] = add(parts[k - 1], outside) if k - 1 in parts else outside
    return Series(parts, y.top - 1, y.order, values.origin, y.scale).cleaned()
