"""SciPy's solvers on trees of parameters, with exact derivatives."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from funcnet import backends, tree
from funcnet.core import owner, raw
from funcnet.errors import MissingExtraError, ParameterError, TreeError
from funcnet.optim.leaves import is_none
from funcnet.optim.lines import check_function
from funcnet.optim.raveling import ravel
from funcnet.transforms import hessian, hvp, jacobian, value_and_grad

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["ScipyResult", "least_squares", "minimize", "root"]

_WITHOUT_GRADIENT = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")
_WITH_GRADIENT = ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP")
_WITH_PRODUCTS = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr")
_WITH_HESSIAN = ("dogleg", "trust-exact")
_METHODS = (*_WITHOUT_GRADIENT, *_WITH_GRADIENT, *_WITH_PRODUCTS, *_WITH_HESSIAN)
_ROOT_WITH_JACOBIAN = ("hybr", "lm")
_ROOT_METHODS = (
    *_ROOT_WITH_JACOBIAN,
    "broyden1",
    "broyden2",
    "anderson",
    "linearmixing",
    "diagbroyden",
    "excitingmixing",
    "krylov",
    "df-sane",
)


class ScipyResult(NamedTuple):
    """What one of SciPy's solvers found.

    Attributes
    ----------
    params : pytree of arrays
        Like the ones it began with: structure, data types, library and device.
    value : float or numpy.ndarray
        The function there; for `least_squares`, half the sum of the losses; for `root`, the vector of what is left.
    converged : bool
        Whether the solver says so.
    steps : int
        The number of its iterations, or of evaluations where it does not count iterations.
    message : str
        What it says.
    raw : scipy.optimize.OptimizeResult
        Its result on vectors.
    """

    params: Any
    value: Any
    converged: bool
    steps: int
    message: str
    raw: Any


class _Space:
    """Parameters as vectors of float64 in main memory."""

    __slots__ = ("start", "unravel", "vector")

    def __init__(self, params: Any) -> None:
        vector, self.unravel = ravel(tree.map(raw, params))
        self.vector = vector
        self.start = _host(vector)

    def there(self, x: Any) -> Any:
        """Return a vector where the parameters are."""
        backend = owner(self.vector)
        # A copy: solvers write into their vectors.
        return backend.asarray(np.array(x), dtype=self.vector.dtype, device=backend.device_of(self.vector))

    def tree(self, x: Any) -> Any:
        """Return the parameters that a vector stands for."""
        return self.unravel(self.there(x))

    def flat(self, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a function of the vector from one of the parameters."""

        def of_vector(v: Any) -> Any:
            return f(self.unravel(v))

        return of_vector

    def flat_to_vector(self, f: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """Return the vector-valued function of host vectors from a function to a tree, and its Jacobian."""

        def of_vector(v: Any) -> Any:
            return ravel(f(self.unravel(v)))[0]

        slopes = jacobian(of_vector)

        def value(x: Any) -> Any:
            return _host(of_vector(self.there(x)))

        def matrix(x: Any) -> Any:
            return _host(slopes(self.there(x)))

        return value, matrix

    def bounds(self, bounds: Any) -> tuple[Any, Any] | None:
        """Return vectors of lower and upper bounds from a pair of trees."""
        if bounds is None:
            return None
        pair: Any = list(cast("Any", bounds)) if isinstance(bounds, (tuple, list)) else None
        if pair is None or len(pair) != 2:
            raise ParameterError(
                "Bounds are a pair.",
                found=repr(cast("Any", bounds)),
                needed="(lower, upper), each None, a number, or a tree like the parameters or a prefix of it",
                write="bounds=(0.0, None)",
            )
        return self._bound(pair[0], -np.inf, "the lower bounds"), self._bound(pair[1], np.inf, "the upper bounds")

    def _bound(self, bound: Any, default: float, name: str) -> Any:
        example = self.tree(self.start)
        found = tree.leaves(example)
        given = tree.broadcast_prefix(bound, example, is_none, name=name)
        parts = [
            np.broadcast_to(default if b is None else np.asarray(backends.to_numpy(b), "float64"), tuple(leaf.shape))
            for b, leaf in zip(given, found, strict=True)
        ]
        return np.concatenate([part.ravel() for part in parts])


def _host(array: Any) -> Any:
    return np.array(backends.to_numpy(raw(array)), dtype="float64")


def _scipy(name: str) -> Any:
    try:
        return import_module("scipy.optimize")
    except ImportError as error:
        raise MissingExtraError(
            f"optim.{name} needs the package scipy.",
            found=f"{type(error).__name__}: {error}",
            needed="scipy",
            write="pip install scipy",
        ) from error


def _check_method(name: str, method: Any, known: Sequence[str]) -> str:
    for one in known:
        if isinstance(method, str) and method.lower() == one.lower():
            return one
    raise ParameterError(
        f"optim.{name} does not know this method.",
        found=repr(method),
        needed=", ".join(known),
        write=f"optim.{name}(f, params, method={known[0]!r})",
    )


def minimize(
    f: Callable[[Any], Any],
    params: Any,
    *,
    method: str = "BFGS",
    bounds: Any = None,
    constraints: Sequence[Mapping[str, Any]] = (),
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    callback: Callable[[Any], Any] | None = None,
) -> ScipyResult:
    """Find a minimum with ``scipy.optimize.minimize``, on a tree and with exact derivatives.

    Gradients are those of `grad`, products with the Hessian those of `hvp`. The solver works on one vector of float64
    in main memory; the function is called with arrays like `params`.

    Parameters
    ----------
    f : callable
        From a tree like `params` to a real scalar.
    params : pytree of arrays
        Where to begin.
    method : str, default "BFGS"
        One of SciPy's: ``"L-BFGS-B"``, ``"Newton-CG"``, ``"trust-ncg"``, ``"trust-exact"``, ``"SLSQP"``, ...
    bounds : pair, optional
        ``(lower, upper)``, each None, a number, or a tree like `params` or a prefix of it, in which None is no bound.
    constraints : sequence of dict, optional
        As in SciPy: ``type`` is ``"eq"`` or ``"ineq"``, ``fun`` a function of the tree, which is to be 0 or not
        negative. Its derivative is added.
    tol : float, optional
        As in SciPy.
    options : dict, optional
        As in SciPy, for each method.
    callback : callable, optional
        Called with the tree after each iteration.

    Returns
    -------
    ScipyResult
        Look at ``converged``.

    Raises
    ------
    MissingExtraError
        If SciPy is not installed.
    ParameterError
        If `f` is no function, or the method or the bounds are none.
    DtypeError, TreeError
        If a parameter is no real floating-point array, or bounds do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> f = lambda p: 100 * (p["y"] - p["x"] ** 2) ** 2 + (1 - p["x"]) ** 2
    >>> result = optim.minimize(f, {"x": np.array(-1.2), "y": np.array(1.0)}, method="trust-ncg")
    >>> {k: float(v.round(5)) for k, v in result.params.items()}, result.converged
    ({'x': 1.0, 'y': 1.0}, True)
    """
    check_function("minimize", f)
    method = _check_method("minimize", method, _METHODS)
    optimize = _scipy("minimize")
    space = _Space(params)
    flat = space.flat(f)
    given: dict[str, Any] = {}
    if method in _WITHOUT_GRADIENT:

        def fun(x: Any) -> Any:
            return float(_host(flat(space.there(x))))

    else:
        both: Any = value_and_grad(flat)
        given["jac"] = True

        def fun(x: Any) -> Any:
            value, slope = both(space.there(x))
            return float(_host(value)), _host(slope)

    if method in _WITH_PRODUCTS:

        def product(x: Any, v: Any) -> Any:
            return _host(hvp(flat, (space.there(x),), (space.there(v),))[0])

        given["hessp"] = product
    if method in _WITH_HESSIAN:
        curvature = hessian(flat)

        def matrix(x: Any) -> Any:
            return _host(curvature(space.there(x)))

        given["hess"] = matrix
    pair = space.bounds(bounds)
    if pair is not None:
        given["bounds"] = optimize.Bounds(*pair)
    if constraints:
        given["constraints"] = [_constraint(space, one) for one in constraints]
    if callback is not None:

        def after(x: Any, *_: Any) -> Any:
            return callback(space.tree(x))

        given["callback"] = after
    found = optimize.minimize(
        fun, space.start, method=method, tol=tol, options=None if options is None else dict(options), **given
    )
    return _result(space, found, float(found.fun))


def _constraint(space: _Space, constraint: Mapping[str, Any]) -> dict[str, Any]:
    if not {"type", "fun"} <= set(constraint) or constraint["type"] not in ("eq", "ineq"):
        raise ParameterError(
            "optim.minimize got a constraint that it cannot use.",
            found=repr(dict(constraint)),
            needed='a dict with "type", which is "eq" or "ineq", and "fun"',
            write='constraints=[{"type": "eq", "fun": lambda p: xp.sum(p["w"]) - 1}]',
        )
    value, matrix = space.flat_to_vector(constraint["fun"])
    return {"type": constraint["type"], "fun": value, "jac": matrix}


def _result(space: _Space, found: Any, value: Any) -> ScipyResult:
    steps = found.get("nit", found.get("nfev", 0))
    return ScipyResult(space.tree(found.x), value, bool(found.success), int(steps), str(found.message), found)


def least_squares(
    residuals: Callable[[Any], Any],
    params: Any,
    *,
    method: str = "trf",
    bounds: Any = None,
    loss: str = "linear",
    **options: Any,
) -> ScipyResult:
    """Find a minimum of a sum of squares with ``scipy.optimize.least_squares``, on a tree and with exact derivatives.

    Parameters
    ----------
    residuals : callable
        From a tree like `params` to an array or a tree of them.
    params : pytree of arrays
        Where to begin.
    method : str, default "trf"
        ``"trf"``, ``"dogbox"`` or ``"lm"``.
    bounds : pair, optional
        As for `minimize`.
    loss : str, default "linear"
        What of the squares is summed: ``"linear"``, ``"soft_l1"``, ``"huber"``, ``"cauchy"`` or ``"arctan"``.
    **options
        Further arguments of SciPy's function, such as ``xtol=1e-12``.

    Returns
    -------
    ScipyResult
        Look at ``converged``.

    Raises
    ------
    MissingExtraError
        If SciPy is not installed.
    ParameterError
        If `residuals` is no function, or the method or the bounds are none.

    See Also
    --------
    levenberg_marquardt : where the parameters are, without the Jacobian.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, xp
    >>> t = np.linspace(0, 1, 20)
    >>> result = optim.least_squares(lambda p: p["a"] * xp.exp(-t) - 2 * np.exp(-t), {"a": np.array(0.5)})
    >>> float(result.params["a"].round(6))
    2.0
    """
    check_function("least_squares", residuals)
    method = _check_method("least_squares", method, ("trf", "dogbox", "lm"))
    optimize = _scipy("least_squares")
    space = _Space(params)
    value, matrix = space.flat_to_vector(residuals)
    pair = space.bounds(bounds)
    if pair is not None:
        options["bounds"] = pair
    found = optimize.least_squares(value, space.start, jac=matrix, method=method, loss=loss, **options)
    return _result(space, found, float(found.cost))


def root(
    f: Callable[[Any], Any],
    params: Any,
    *,
    method: str = "hybr",
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> ScipyResult:
    """Find a root with ``scipy.optimize.root``, on a tree and with exact derivatives.

    Parameters
    ----------
    f : callable
        From a tree like `params` to an array, or a tree of them, of as many elements.
    params : pytree of arrays
        Where to begin.
    method : str, default "hybr"
        One of SciPy's; ``"hybr"`` and ``"lm"`` use derivatives.
    tol : float, optional
        As in SciPy.
    options : dict, optional
        As in SciPy, for each method.

    Returns
    -------
    ScipyResult
        Look at ``converged``.

    Raises
    ------
    MissingExtraError
        If SciPy is not installed.
    ParameterError
        If `f` is no function, or the method is none.
    TreeError
        If there are not as many equations as unknowns.

    See Also
    --------
    funcnet.transforms.implicit.root : makes the solution differentiable.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim, xp
    >>> result = optim.root(lambda p: xp.stack([p["x"] + p["y"] - 3, p["x"] - p["y"] ** 2 + 3]),
    ...                     {"x": np.array(0.5), "y": np.array(1.0)})
    >>> {k: float(v.round(6)) for k, v in result.params.items()}
    {'x': 1.0, 'y': 2.0}
    """
    check_function("root", f)
    method = _check_method("root", method, _ROOT_METHODS)
    optimize = _scipy("root")
    space = _Space(params)
    value, matrix = space.flat_to_vector(f)
    size = value(space.start).size
    if size != space.start.size:
        raise TreeError(
            "optim.root needs as many equations as unknowns.",
            found=f"{size} equations for {space.start.size} unknowns",
            needed=f"{space.start.size} equations",
            write="optim.least_squares(f, params) where there are more of them",
        )
    given: dict[str, Any] = {"jac": matrix} if method in _ROOT_WITH_JACOBIAN else {}
    found = optimize.root(
        value, space.start, method=method, tol=tol, options=None if options is None else dict(options), **given
    )
    return _result(space, found, np.asarray(found.fun))
