"""Linear equations by conjugate gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet import xp
from funcnet.control import while_loop
from funcnet.optim import leaves
from funcnet.optim.building import check_count
from funcnet.optim.lines import check_function
from funcnet.optim.raveling import ravel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LinearResult", "cg", "solve"]


class LinearResult(NamedTuple):
    """The solution of linear equations.

    Attributes
    ----------
    x : pytree of arrays
        Like the right side.
    residual_norm : array of shape ()
        The norm of what is left, as the iteration keeps it.
    steps : int array of shape ()
        The number of products with the matrix.
    converged : bool array of shape ()
        Whether the norm is below the tolerance.
    """

    x: Any
    residual_norm: Any
    steps: Any
    converged: Any


class _Search(NamedTuple):
    x: Any
    residual: Any
    direction: Any
    rho: Any
    steps: Any
    stuck: Any


def cg(
    matvec: Callable[[Any], Any],
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-10,
    atol: float = 0.0,
    max_steps: int | None = None,
    preconditioner: Callable[[Any], Any] | None = None,
) -> LinearResult:
    """Solve linear equations with a symmetric positive definite matrix that is known by its products.

    Parameters
    ----------
    matvec : callable
        From a tree like `b` to the product with it.
    b : pytree of arrays
        The right side.
    x0 : pytree of arrays, optional
        Where to begin; 0 without it.
    tol, atol : float
        The norm of the residual is to fall to ``max(tol * norm(b), atol)``.
    max_steps : int, optional
        The largest number of products; without it ten times the number of unknowns.
    preconditioner : callable, optional
        An approximation of the product with the inverse, symmetric and positive definite.

    Returns
    -------
    LinearResult
        Look at ``converged``. A direction of no or negative curvature ends the iteration.

    Raises
    ------
    ParameterError
        If `matvec` is no function, or a number is out of range.
    TreeError, ShapeError
        If the product is not like `b`.

    References
    ----------
    .. [1] M. R. Hestenes, E. Stiefel, "Methods of conjugate gradients for solving linear systems", J. Res. Natl. Bur.
       Stand. 49 (1952) 409-436.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> a = np.array([[4.0, 1.0], [1.0, 3.0]])
    >>> result = optim.cg(lambda x: a @ x, np.array([1.0, 2.0]))
    >>> result.x.round(6), bool(result.converged)
    (array([0.090909, 0.636364]), True)
    """
    check_function("cg", matvec)
    leaves.check_number("cg", "tolerance", tol, 0.0, float("inf"))
    leaves.check_number("cg", "tolerance", atol, 0.0, float("inf"))
    vector, unravel = ravel(b)
    most = 10 * vector.shape[0] + 10 if max_steps is None else max_steps
    check_count("cg", "number of steps", most)

    def product(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def flat(v: Any) -> Any:
            found = f(unravel(v))
            leaves.paired(b, found, "the product")
            return ravel(found)[0]

        return flat

    start = xp.zeros_like(vector) if x0 is None else ravel(x0)[0]
    limit = xp.maximum(xp.linalg.vector_norm(vector) * tol, atol)
    precondition = None if preconditioner is None else product(preconditioner)
    found = solve(product(matvec), vector, start, limit, most, precondition, at_zero=x0 is None)
    norm = xp.linalg.vector_norm(found.residual)
    return LinearResult(unravel(found.x), norm, found.steps, norm <= limit)


def solve(
    matvec: Callable[[Any], Any],
    b: Any,
    start: Any,
    limit: Any,
    most: int,
    preconditioner: Callable[[Any], Any] | None = None,
    *,
    at_zero: bool = True,
) -> _Search:
    """Solve for vectors, until the norm of the residual is at most `limit`.

    A first direction of no positive curvature is the solution itself, so that a descent direction comes out in any
    case.
    """
    residual = b if at_zero else b - matvec(start)
    direction = residual if preconditioner is None else preconditioner(residual)
    begin = _Search(
        start, residual, direction, xp.sum(residual * direction), leaves.count_of(b), xp.any(xp.isnan(b[:0]))
    )

    def go_on(s: _Search) -> Any:
        return (xp.linalg.vector_norm(s.residual) > limit) & (s.steps < most) & xp.logical_not(s.stuck)

    def once(s: _Search) -> _Search:
        q = matvec(s.direction)
        curvature = xp.sum(s.direction * q)
        stuck = xp.logical_not(curvature > 0)
        alpha = xp.where(stuck, 0.0, s.rho / xp.where(stuck, 1.0, curvature))
        first = stuck & (s.steps == 0) & at_zero
        x = xp.where(first, s.direction, s.x + s.direction * alpha)
        residual = s.residual - q * alpha
        z = residual if preconditioner is None else preconditioner(residual)
        rho = xp.sum(residual * z)
        beta = xp.where(s.rho == 0, 0.0, rho / xp.where(s.rho == 0, 1.0, s.rho))
        return _Search(x, residual, z + s.direction * beta, rho, xp.add(s.steps, 1), stuck)

    with np.errstate(under="ignore"):
        return while_loop(go_on, once, begin)
