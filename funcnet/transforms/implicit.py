r"""Derivatives of what a solver returns, from the condition that its result fulfils.

A decorator from this module takes the place of tracing a solver: the solver may be any code, such as one of
``scipy.optimize`` or scikit-learn, and is called with plain arrays. With :math:`F(y, \theta) = 0` at the solution, the
implicit function theorem gives :math:`dy = -(\partial_y F)^{-1} \, \partial_\theta F \, d\theta`; reverse mode solves
with the transpose. Linear systems are differentiated in the same way, so derivatives of every order follow, in both
modes.

>>> import numpy as np
>>> import funcnet as fn
>>> sqrt = fn.implicit.root(lambda y, a: y * y - a)(lambda init, a: np.sqrt(a))
>>> fn.grad(lambda a: sqrt(None, a))(np.array(4.0))
array(0.25)

References
----------
M. Blondel et al.: Efficient and modular implicit differentiation, NeurIPS 2022, arXiv:2105.15183.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.core import carries_derivative, current_trace
from funcnet.errors import ParameterError
from funcnet.ops import negative, subtract
from funcnet.surface import listing as _listing
from funcnet.transforms.call import closed_over, returned
from funcnet.transforms.linear_systems import METHODS
from funcnet.transforms.reverse import grad
from funcnet.transforms.solver_call import SolverCall
from funcnet.transforms.stop import stop_gradient

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["fixed_point", "optimum", "root"]

__dir__ = _listing(__name__)


def root(
    condition: Callable[..., Any],
    *,
    solve: str | Callable[..., Any] = "dense",
    has_aux: bool = False,
    tolerance: float | None = 1e-2,
    shape: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    r"""Return a decorator for solvers of :math:`F(y, \theta) = 0`.

    Parameters
    ----------
    condition : callable
        ``condition(y, *args)``, in traced operations: a pytree like `y` that is zero at the solution.
    solve : {"dense", "cg", "normal_cg"} or callable, default "dense"
        How to solve the linear systems with the Jacobian of `condition` in `y`. ``"dense"`` makes the matrix; ``"cg"``
        is the method of conjugate gradients without a matrix, for a symmetric positive definite one; ``"normal_cg"``
        the same on the normal equations, for any that is not singular. A callable ``solve(matvec, b)`` gets a function
        of vectors and a vector, plain arrays, and returns a vector.
    has_aux : bool, default False
        Whether the solver returns ``(solution, auxiliary data)``; the data are passed on, without derivative.
    tolerance : float or None, default 0.01
        Where the solver is differentiated, its result has to fulfil the condition: each leaf may be at most this part
        of what it changes by, to first order, as the solution does by about its size, or 1 where that is smaller.
        None: no check.
    shape : callable, optional
        ``shape(init, *args)`` of `Spec` leaves returns the solution's pytree of `Spec`, or the shape alone if it is one
        array of the first floating-point argument's dtype. Needed where only shapes are known, as under `jit`, if the
        solution is not like `init`; checked there.

    Returns
    -------
    callable
        Takes ``solver(init, *args)`` and returns a function of the same arguments. The solver gets plain arrays of the
        arguments' library, copies that it may write into, and returns a pytree of arrays or numbers. `init` is not
        differentiated.

    Raises
    ------
    NotDifferentiableError
        When differentiated: if the solver returned no solution, if the Jacobian is singular there, or conjugate
        gradients do not converge.
    TreeError, ShapeError, DtypeError
        If `condition` does not return what is like the solution; the message names the path.
    AbstractValueError
        If only shapes are known, and there is neither a `shape` nor an `init` like the solution, or `has_aux`.
    ParameterError
        If `solve` is unknown, or `tolerance` no positive number.

    Notes
    -----
    Under `jit` the solver is called with plain arrays whenever the compiled function runs. One that is made of traced
    operations can be compiled itself: ``fn.implicit.root(condition)(fn.jit(solver))``. Dense linear systems are part of
    the graph.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import optimize
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> @fn.implicit.root(lambda y, a: xp.cos(y) - a * y)
    ... def solver(init, a):
    ...     return optimize.brentq(lambda y: np.cos(y) - a * y, 0.0, 2.0, xtol=1e-15)
    >>> y, dy = fn.value_and_grad(lambda a: solver(None, a))(np.array(1.0))
    >>> bool(abs(dy - -y / (np.sin(y) + 1)) < 1e-12)
    True
    """
    return _decorator(condition, solve, has_aux, tolerance, shape, "fn.implicit.root")


def fixed_point(
    iteration: Callable[..., Any],
    *,
    solve: str | Callable[..., Any] = "dense",
    has_aux: bool = False,
    tolerance: float | None = 1e-2,
    shape: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    r"""Return a decorator for solvers of :math:`y = T(y, \theta)`.

    Parameters
    ----------
    iteration : callable
        ``iteration(y, *args)``, in traced operations: a pytree like `y` that equals it at the solution.
    solve, has_aux, tolerance, shape
        As in `root`; the matrix is that of :math:`\partial_y T - 1`.

    Returns
    -------
    callable
        As in `root`.

    Raises
    ------
    NotDifferentiableError, TreeError, ShapeError, DtypeError, AbstractValueError, ParameterError
        As in `root`.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> def newton(y, a):
    ...     return (y + a / y) / 2
    >>> @fn.implicit.fixed_point(newton)
    ... def solver(init, a):
    ...     for _ in range(50):
    ...         init = newton(init, a)
    ...     return init
    >>> fn.grad(solver, argnums=1)(np.array(1.0), np.array(4.0))
    array(0.25)
    """
    _check_callable(iteration, "fn.implicit.fixed_point")

    def condition(y: Any, *args: Any) -> Any:
        found = iteration(y, *args)
        flat = returned(found, y, "What the iteration returned", lambda path: f"the solution{path and f' at {path}'}")
        leaves, structure = tree.flatten(y)
        return tree.unflatten(structure, [_minus(t, leaf) for t, leaf in zip(flat, leaves, strict=True)])

    return _decorator(condition, solve, has_aux, tolerance, shape, "fn.implicit.fixed_point")


def optimum(
    objective: Callable[..., Any],
    *,
    solve: str | Callable[..., Any] = "dense",
    has_aux: bool = False,
    tolerance: float | None = 1e-2,
    shape: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    r"""Return a decorator for solvers of :math:`\min_y f(y, \theta)`, or of a maximum or saddle point.

    Parameters
    ----------
    objective : callable
        ``objective(y, *args)``, in traced operations: a real scalar whose gradient in `y` is zero at the solution.
    solve, has_aux, tolerance, shape
        As in `root`; the matrix is the Hessian, so ``"cg"`` fits a strict minimum.

    Returns
    -------
    callable
        As in `root`.

    Raises
    ------
    NotDifferentiableError, AbstractValueError, ParameterError
        As in `root`.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> x, t = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([1.0, 2.0, 4.0])
    >>> @fn.implicit.optimum(lambda w, t: xp.sum((x @ w - t) ** 2), solve="cg")
    ... def least_squares(init, t):
    ...     return np.linalg.lstsq(x, t)[0]
    >>> g = fn.grad(lambda t: least_squares(None, t)[1])(t)
    >>> np.allclose(g, np.linalg.pinv(x)[1])
    True
    """
    _check_callable(objective, "fn.implicit.optimum")
    return _decorator(grad(objective), solve, has_aux, tolerance, shape, "fn.implicit.optimum")


def _minus(t: Any, y: Any) -> Any:
    return negative(y) if t is None else subtract(t, y)


def _check_callable(f: Any, name: str) -> None:
    if not callable(f):
        raise ParameterError(
            f"{name} takes a function that says what the solver solves.",
            found=type(f).__name__,
            needed="a callable of (y, *args)",
            write=f"@{name}(lambda y, a: ...)",
        )


def _decorator(
    condition: Any, solve: Any, has_aux: bool, tolerance: float | None, shape: Any, name: str
) -> Callable[[Callable[..., Any]], Any]:
    _check_callable(condition, name)
    if not (callable(solve) or solve in METHODS):
        raise ParameterError(
            f"{name} does not know how to solve linear systems by {solve!r}.",
            found=repr(solve),
            needed=f"one of {', '.join(map(repr, METHODS))}, or a function of (matvec, b)",
            write='solve="dense"',
        )
    if not (tolerance is None or (isinstance(tolerance, (int, float)) and tolerance > 0)):
        raise ParameterError(
            f"{name} takes a tolerance that a residual can keep.",
            found=repr(tolerance),
            needed="a positive number, or None for no check",
            write="tolerance=0.01",
        )

    if not (shape is None or callable(shape)):
        raise ParameterError(
            f"{name} takes shape as a function.",
            found=type(shape).__name__,
            needed="a callable, or None for solutions like init",
            write="shape=lambda init, a: a.shape",
        )

    def decorate(solver: Callable[..., Any]) -> Callable[..., Any]:
        _check_callable(solver, name)

        @wraps(solver)
        def solved(init: Any, *args: Any) -> Any:
            call = SolverCall(solver, condition, solve, has_aux, (stop_gradient(init), *args), tolerance, shape)
            y = call.result()
            if current_trace() is not None:
                _check_closure(condition, stop_gradient(y), stop_gradient(args), call.name)
            return (y, call.aux) if has_aux else y

        return solved

    return decorate


def _check_closure(condition: Callable[..., Any], y: Any, args: tuple[Any, ...], name: str) -> None:
    """Refuse a condition that uses a traced array from outside: with constant arguments, a derivative is left."""
    if any(carries_derivative(leaf) for leaf in tree.leaves(condition(y, *args))):
        raise closed_over(f"The condition of {name!r}")
