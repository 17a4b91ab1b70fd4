"""Division by sums and differences of a spectrum, differentiable where values repeat.

Derivatives of eigenvectors and singular vectors divide by sums and differences of values. Where values are equal, a
small change of the matrix makes a matrix of each group of them, which the vector of values does not show. So further
derivatives see the spectrum as a block-diagonal matrix D, and the division as the solution T of ``T D + c D T = Z``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import Arg, Tracer, bind, case, general
from funcnet.core.dtypes import kind
from funcnet.ops.arithmetic import add
from funcnet.ops.batching import as_it_is
from funcnet.ops.broadcasting import cast
from funcnet.ops.comparison import equal
from funcnet.ops.linalg.common import as_column, as_row, conjugated, dagger, separated
from funcnet.ops.linalg.products import diagonal_matrix
from funcnet.ops.linalg.repeated import with_value
from funcnet.ops.linear_algebra import matmul
from funcnet.ops.strong import divide_or_zero, masked

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]

__all__ = ["divided"]


def divided(z: Any, values: Any, sign: int, blocks: Callable[[], Any]) -> Any:
    """Return ``z_ij / (values_j + sign * values_i)``, and zero where the denominator is zero but for rounding.

    `blocks` returns the matrix that is the diagonal one of the values in the basis of the vectors, computed from the
    matrix that was decomposed; it is called when the result will be differentiated.
    """
    if values.__class__ is not Tracer:
        row = as_row(values)
        if sign:
            row = row + sign * as_column(values)
        return divide_or_zero(z, separated(row, values))
    # Not from the values: what the vectors do is no function of them, and its cotangent must not arrive there.
    d = masked(blocks(), equal(separated(as_row(values) - as_column(values), values), 0))
    return bind(sylvester_p, with_value(d, cast(diagonal_matrix(values), d.dtype)), z, sign=sign)


def _impl(xp: Any, d: Any, z: Any, *, sign: int) -> Any:
    values = xp.linalg.diagonal(d)
    if kind(values.dtype) == "c":
        values = xp.real(values)
    row = xp.expand_dims(values, axis=-2)
    if sign:
        row = row + sign * xp.expand_dims(values, axis=-1)
    n = values.shape[-1]
    if not n:
        return z
    eps = xp.finfo(values.dtype).eps
    scale = xp.max(xp.abs(values), axis=-1)[..., None, None]
    some = xp.abs(row) > scale * (8 * (n + 2) * eps)
    one = xp.ones((), dtype=row.dtype, device=row.device)
    quotient = z / xp.astype(xp.where(some, row, one), z.dtype)
    return xp.where(some, quotient, xp.zeros((), dtype=z.dtype, device=z.device))


def _matrix_rule(y: Any, d: Any, z: Any, *, sign: int) -> Pull:  # noqa: ARG001  # the form of every rule
    def pull(g: Any) -> Any:
        h = bind(sylvester_p, d, conjugated(g), sign=sign)
        total = matmul(dagger(y), h)
        if sign:
            total = add(total, sign * matmul(h, dagger(y)))
        return conjugated((total + dagger(total)) * -0.5)

    return pull


def _right_rule(y: Any, d: Any, z: Any, *, sign: int) -> Pull:  # noqa: ARG001
    return lambda g: conjugated(bind(sylvester_p, d, conjugated(g), sign=sign))


sylvester_p = general(
    "sylvester",
    _impl,
    vjp=(_matrix_rule, _right_rule),
    shape=lambda d, z, *, sign: z.shape,  # noqa: ARG005
    batch=as_it_is,
    dtypes="floating",
    internal=True,
    # Right for block-diagonal changes only: of a single element differences can tell.
    cases=(
        case(Arg((1, 1), low=0.5), (1, 1), sign=1),
        case(Arg((2, 1, 1), low=0.5), (2, 1, 1), sign=-1),
        case(Arg((1, 1), low=0.5), (3, 1), sign=0),
        case((0, 0), (0, 0), sign=1),
    ),
)
