"""Minima by second derivatives: Newton's method, Gauss and Newton's, Levenberg and Marquardt's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet import xp
from funcnet.control import while_loop
from funcnet.ops import cast
from funcnet.optim import conjugate, leaves
from funcnet.optim.backtracking import backtrack
from funcnet.optim.building import check_count
from funcnet.optim.lines import Line, check_function, dot
from funcnet.optim.raveling import ravel
from funcnet.transforms import grad, linearize, value_and_grad, vjp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Result", "gauss_newton", "levenberg_marquardt", "newton_cg"]


class Result(NamedTuple):
    """What a solver found.

    Attributes
    ----------
    params : pytree of arrays
        Like the ones it began with.
    value : array of shape ()
        The function there; for least squares, half the sum of the squares.
    grad_norm : array of shape ()
        The largest absolute value of the gradient's elements.
    steps : int array of shape ()
        The number of steps.
    converged : bool array of shape ()
        Whether the gradient's norm is below the tolerance.
    """

    params: Any
    value: Any
    grad_norm: Any
    steps: Any
    converged: Any


class _Search(NamedTuple):
    x: Any
    value: Any
    grad: Any
    steps: Any
    stuck: Any


class _Damped(NamedTuple):
    x: Any
    value: Any
    grad: Any
    steps: Any
    stuck: Any
    damping: Any
    growth: Any


def newton_cg(f: Callable[[Any], Any], params: Any, *, tol: float = 1e-8, max_steps: int = 100) -> Result:
    """Find a minimum by Newton's method, without the Hessian.

    Newton's equations are solved by conjugate gradients on products with the Hessian, more and more exactly, up to a
    direction of negative curvature; Armijo's condition shortens the step.

    Parameters
    ----------
    f : callable
        From a tree to a real scalar, twice differentiable.
    params : pytree of arrays
        Where to begin.
    tol : float, default 1e-8
        Bound of the largest element of the gradient.
    max_steps : int, default 100
        The largest number of steps.

    Returns
    -------
    Result
        Look at ``converged``.

    Raises
    ------
    ParameterError
        If `f` is no function, or a number is out of range.

    References
    ----------
    .. [1] J. Nocedal, S. J. Wright, "Numerical optimization", 2nd edition, Springer 2006, algorithm 7.1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> f = lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    >>> result = optim.newton_cg(f, np.array([-1.2, 1.0]))
    >>> result.params.round(6), bool(result.converged)
    (array([1., 1.]), True)
    """
    _check("newton_cg", f, tol, max_steps)
    vector, unravel = ravel(params)
    most = 2 * vector.shape[0] + 10

    def flat(v: Any) -> Any:
        return f(unravel(v))

    both: Any = value_and_grad(flat)
    slopes: Any = grad(flat)

    def once(s: _Search) -> _Search:
        norm = xp.linalg.vector_norm(s.grad)
        limit = xp.minimum(xp.sqrt(norm), 0.1) * norm
        _, curvature = linearize(slopes, s.x)
        step = conjugate.solve(curvature, -s.grad, xp.zeros_like(s.grad), limit, most).x
        return _Search(*_along(flat, both, s, step))

    return _run(once, _begin(vector, both), unravel, tol, max_steps)


def gauss_newton(residuals: Callable[[Any], Any], params: Any, *, tol: float = 1e-8, max_steps: int = 100) -> Result:
    r"""Find a minimum of half the sum of squares by Gauss and Newton's method, without the Jacobian.

    Each step solves :math:`J^\top J d = -J^\top r` by conjugate gradients on products with J and its transpose;
    Armijo's condition shortens it.

    Parameters
    ----------
    residuals : callable
        From a tree to an array or a tree of them, differentiable.
    params : pytree of arrays
        Where to begin.
    tol : float, default 1e-8
        Bound of the largest element of the gradient :math:`J^\top r`.
    max_steps : int, default 100
        The largest number of steps.

    Returns
    -------
    Result
        Look at ``converged``.

    Raises
    ------
    ParameterError
        If `residuals` is no function, or a number is out of range.

    See Also
    --------
    levenberg_marquardt : where J is not of full rank, or the start is far off.

    References
    ----------
    .. [1] J. Nocedal, S. J. Wright, "Numerical optimization", 2nd edition, Springer 2006, section 10.3.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, xp
    >>> r = lambda p: xp.stack([10 * (p["y"] - p["x"] ** 2), 1 - p["x"]])
    >>> result = optim.gauss_newton(r, {"x": np.array(-1.2), "y": np.array(1.0)})
    >>> {k: float(v.round(6)) for k, v in result.params.items()}
    {'x': 1.0, 'y': 1.0}
    """
    _check("gauss_newton", residuals, tol, max_steps)
    vector, unravel = ravel(params)
    flat, both, at = _squares(residuals, unravel)
    most = 4 * vector.shape[0] + 10

    def once(s: _Search) -> _Search:
        push, pull = at(s.x)

        def normal(v: Any) -> Any:
            return pull(push(v))

        limit = xp.linalg.vector_norm(s.grad) * 1e-10
        step = conjugate.solve(normal, -s.grad, xp.zeros_like(s.grad), limit, most).x
        return _Search(*_along(flat, both, s, step))

    return _run(once, _begin(vector, both), unravel, tol, max_steps)


def levenberg_marquardt(
    residuals: Callable[[Any], Any], params: Any, *, damping: float = 1e-3, tol: float = 1e-8, max_steps: int = 200
) -> Result:
    r"""Find a minimum of half the sum of squares by Levenberg and Marquardt's method, without the Jacobian.

    Each step solves :math:`(J^\top J + \lambda I) d = -J^\top r` by conjugate gradients. :math:`\lambda` falls where
    the sum falls as the linear model says, and rises where it does not.

    Parameters
    ----------
    residuals : callable
        From a tree to an array or a tree of them, differentiable.
    params : pytree of arrays
        Where to begin.
    damping : float, default 1e-3
        The first :math:`\lambda`, as a part of the curvature along the gradient; above 0.
    tol : float, default 1e-8
        Bound of the largest element of the gradient :math:`J^\top r`.
    max_steps : int, default 200
        The largest number of steps, those that are not taken included.

    Returns
    -------
    Result
        Look at ``converged``.

    Raises
    ------
    ParameterError
        If `residuals` is no function, or a number is out of range.

    References
    ----------
    .. [1] D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", J. SIAM 11 (1963)
       431-441.
    .. [2] H. B. Nielsen, "Damping parameter in Marquardt's method", report IMM-REP-1999-05, Technical University of
       Denmark 1999.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, xp
    >>> t = np.linspace(0, 1, 20)
    >>> y = 2.0 * np.exp(-3.0 * t)
    >>> result = optim.levenberg_marquardt(lambda p: p[0] * xp.exp(p[1] * t) - y, np.array([1.0, 0.0]))
    >>> result.params.round(6), bool(result.converged)
    (array([ 2., -3.]), True)
    """
    _check("levenberg_marquardt", residuals, tol, max_steps)
    leaves.check_number("levenberg_marquardt", "damping", damping, 0.0, float("inf"), open_low=True)
    vector, unravel = ravel(params)
    _, both, at = _squares(residuals, unravel)
    most = 4 * vector.shape[0] + 10

    def once(s: _Damped) -> _Damped:
        push, pull = at(s.x)

        def normal(v: Any) -> Any:
            return pull(push(v)) + v * s.damping

        limit = xp.linalg.vector_norm(s.grad) * 1e-10
        step = conjugate.solve(normal, -s.grad, xp.zeros_like(s.grad), limit, most).x
        with np.errstate(all="ignore"):  # Steps out of the domain are not taken.
            value, slope = both(s.x + step)
        model = -xp.sum(step * s.grad) - 0.5 * xp.sum(xp.square(push(step)))
        gain = (s.value - value) / xp.where(model > 0, model, 1.0)
        # Where rounding hides what is gained, the gradient shows it.
        hidden = model <= _slack(s.value)
        flatter = xp.linalg.vector_norm(slope) < xp.linalg.vector_norm(s.grad)
        good = xp.where(hidden, flatter, gain > 1e-4) & (model > 0)
        rise = xp.where(good & xp.logical_not(hidden), 2 * xp.where(good, gain, 1.0) - 1, 0.0)
        falls = s.damping * xp.maximum(1 - rise * rise * rise, 1 / 3)
        return _Damped(
            xp.where(good, s.x + step, s.x),
            xp.where(good, value, s.value),
            xp.where(good, slope, s.grad),
            xp.add(s.steps, 1),
            xp.logical_not(good) & hidden,
            xp.where(good, falls, s.damping * s.growth),
            xp.where(good, xp.full_like(s.growth, 2.0), s.growth * 2),
        )

    value, slope = both(vector)
    square = xp.sum(slope * slope)
    push, _ = at(vector)
    curvature = xp.sum(xp.square(push(slope))) / xp.where(square > 0, square, 1.0)
    first = xp.where(curvature > 0, curvature, 1.0) * damping
    begin = _Damped(
        vector, value, slope, leaves.count_of(vector), _no(vector), cast(first, vector.dtype), xp.full_like(first, 2.0)
    )
    return _run(once, begin, unravel, tol, max_steps)


def _squares(residuals: Callable[[Any], Any], unravel: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
    """Return half the sum of squares, with its gradient, and the products with the Jacobian and its transpose."""

    def vector_of(v: Any) -> Any:
        return ravel(residuals(unravel(v)))[0]

    def flat(v: Any) -> Any:
        return 0.5 * xp.sum(xp.square(vector_of(v)))

    def at(v: Any) -> tuple[Any, Any]:
        _, push = linearize(vector_of, v)
        _, pull = vjp(vector_of, v)

        def back(u: Any) -> Any:
            return pull(u)[0]

        return push, back

    return flat, value_and_grad(flat), at


def _along(flat: Callable[[Any], Any], both: Any, s: _Search, step: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Return where a search is after a step that Armijo's condition shortens."""
    line = Line(flat, s.x, step)
    slope = dot([s.grad], [step], line.dtype)
    value = cast(s.value, line.dtype)
    found = backtrack(
        line,
        value,
        slope,
        xp.ones_like(value),
        slope_rtol=1e-4,
        factor=0.5,
        atol=_slack(s.value),
        rtol=0.0,
        steps=40,
    )
    stuck = found.error > _slack(s.value)
    x = xp.where(stuck, s.x, line.point(found.learning_rate))
    value, slopes = both(x)
    return x, value, slopes, xp.add(s.steps, 1), stuck


def _slack(value: Any) -> Any:
    """Return by how much the value may rise through rounding."""
    return xp.abs(value) * (10 * float(xp.finfo(value.dtype).eps))


def _begin(vector: Any, both: Any) -> _Search:
    value, slopes = both(vector)
    return _Search(vector, value, slopes, leaves.count_of(vector), _no(vector))


def _no(vector: Any) -> Any:
    return xp.any(xp.isnan(vector[:0]))


def _run(once: Callable[[Any], Any], begin: Any, unravel: Callable[[Any], Any], tol: float, most: int) -> Result:
    def largest(s: Any) -> Any:
        return xp.max(xp.abs(s.grad))

    def go_on(s: Any) -> Any:
        return (largest(s) > tol) & (s.steps < most) & xp.logical_not(s.stuck)

    s = while_loop(go_on, once, begin)
    norm = largest(s)
    return Result(unravel(s.x), s.value, norm, s.steps, norm <= tol)


def _check(name: str, f: Any, tol: Any, max_steps: Any) -> None:
    check_function(name, f)
    leaves.check_number(name, "tolerance", tol, 0.0, float("inf"))
    check_count(name, "number of steps", max_steps)
