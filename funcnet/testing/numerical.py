"""Derivatives by evaluation only: central differences extrapolated to step zero, and the complex step.

Everything is computed on the host in float64, whatever library and dtype the function's arrays have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet import backends, tree
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import DtypeError, ParameterError
from funcnet.testing.arrays import Place, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["COMPLEX_STEP", "FIRST_STEP", "Slope", "complex_slope", "numerical_grad", "numerical_jacobian", "slope"]

#: First step of the differences, relative to the size of what is changed.
FIRST_STEP = 2.0**-6
#: The complex step, relative to the size of what is changed: its error is its square, so it may be tiny.
COMPLEX_STEP = 2.0**-70

_LEVELS = 11


class Slope(NamedTuple):
    """A derivative and what is known of its error.

    Attributes
    ----------
    value : numpy.ndarray
        The derivative of each element.
    error : float
        Estimate of the error, the average over the elements with the weights that were asked for.
    size : float
        Largest weighted average of the function's values that were met.
    """

    value: np.ndarray
    error: float
    size: float


def slope(
    f: Callable[[float], np.ndarray],
    weights: np.ndarray,
    *,
    step: float = FIRST_STEP,
    enough: Callable[[np.ndarray], float] = lambda _: 0.0,
) -> Slope:
    """Differentiate a function of one real number at 0 (Ridders' method).

    Central differences at halving steps are extrapolated to step zero; of all extrapolations the one whose neighbours
    agree best is taken. Steps at which the function is not finite are passed over.

    Parameters
    ----------
    f : callable
        Maps a float to an array of one shape, real or complex.
    weights : numpy.ndarray
        Non-negative weights of the elements in the error.
    step : float
        The first step.
    enough : callable
        Maps a derivative to the error at which the search may stop.

    Returns
    -------
    Slope

    References
    ----------
    C. J. F. Ridders, Accurate computation of F'(x) and F'(x) F''(x), Advances in Engineering Software 4 (1982).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.testing.numerical import slope
    >>> round(float(slope(lambda t: np.exp(np.array([t])), np.ones(1)).value[0]), 12)
    1.0
    """
    best: np.ndarray | None = None
    error, size = np.inf, 0.0
    previous: list[np.ndarray] = []
    for level in range(_LEVELS):
        h = step / 2.0**level
        with np.errstate(all="ignore"):
            high, low = f(h), f(-h)
            row = [(high - low) / (2.0 * h)]
        if not np.all(np.isfinite(row[0])):
            previous = []
            continue
        size = max(size, _average(weights, high), _average(weights, low))
        for j, older in enumerate(previous):
            factor = 4.0 ** (j + 1)
            row.append((factor * row[j] - older) / (factor - 1.0))
            gap = max(_average(weights, row[j + 1] - row[j]), _average(weights, row[j + 1] - older))
            if gap < error:
                best, error = row[j + 1], gap
        previous = row
        if best is not None and error <= enough(best):
            break
    if best is None:
        best = previous[0] if previous else np.full(weights.shape, np.nan)
    return Slope(best, error, size)


def complex_slope(f: Callable[[complex], np.ndarray], weights: np.ndarray, *, step: float = COMPLEX_STEP) -> Slope:
    """Differentiate an analytic function of one number at 0 from its imaginary part: no difference, so no cancellation.

    References
    ----------
    W. Squire and G. Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40 (1998).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.testing.numerical import complex_slope
    >>> float(complex_slope(lambda t: np.exp(np.array([t])), np.ones(1)).value[0])
    1.0
    """
    with np.errstate(all="ignore"):
        found = f(1j * step)
    return Slope(np.imag(found) / step, 0.0, _average(weights, np.real(found)))


def _average(weights: np.ndarray, values: np.ndarray) -> float:
    return float(np.sum(weights * np.abs(values)))


def numerical_jacobian(f: Callable[..., Any], *args: Any, argnum: int = 0, step: float | None = None) -> np.ndarray:
    """Return the Jacobian of a function of arrays, by central differences in float64.

    Parameters
    ----------
    f : callable
        Maps arrays to one array of any shape.
    *args : array
        Its arguments, of any backend; floating-point ones are passed on in float64 or complex128.
    argnum : int, default 0
        The argument to differentiate.
    step : float, optional
        First step relative to the largest element of the argument; steps are halved until the result settles.

    Returns
    -------
    numpy.ndarray
        Of shape ``output.shape + argument.shape``. Of a complex argument the result has one more dimension of size 2 at
        the end: the derivatives along the real and along the imaginary direction.

    Raises
    ------
    DtypeError
        If the argument is not a floating-point array.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.testing import numerical_jacobian
    >>> numerical_jacobian(lambda x: x * x, np.array([1.0, 3.0])).round(9)
    array([[2., 0.],
           [0., 6.]])
    """
    call, x = _host_function(f, args, argnum, "numerical_jacobian")
    shape = call(x).shape
    size = scale_of(x)
    first = (FIRST_STEP if step is None else step) * size
    directions = (1.0, 1.0j) if kind(x.dtype) == "c" else (1.0,)
    columns = []
    for index in np.ndindex(x.shape):
        for direction in directions:

            def along(t: float, at: Any = index, d: complex = direction) -> np.ndarray:
                moved = x.copy()
                moved[at] += t * d
                return call(moved)

            count = max(1, int(np.prod(shape)))
            columns.append(slope(along, np.full(shape, 1.0 / count), step=first, enough=_settled).value)
    tail = x.shape if len(directions) == 1 else (*x.shape, 2)
    if not columns:
        return np.zeros(shape + tail)
    return np.stack(columns, axis=-1).reshape(shape + tail)


def numerical_grad(f: Callable[..., Any], *args: Any, argnum: int = 0, step: float | None = None) -> Any:
    """Return the gradient of a real scalar function, by central differences in float64.

    Parameters
    ----------
    f : callable
        Returns a real scalar.
    *args : pytree of arrays
        Its arguments.
    argnum : int, default 0
        The argument to differentiate; each floating-point leaf of it is.
    step : float, optional
        As in `numerical_jacobian`.

    Returns
    -------
    pytree of numpy.ndarray
        Like the argument, in float64 and complex128; None for leaves that are not floating-point. For complex leaves it
        follows the convention of the plain transpose: ``f`` changes by the real part of ``sum(gradient * change)``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.testing import numerical_grad
    >>> found = numerical_grad(lambda p: p["a"] * p["b"], {"a": np.array(2.0), "b": np.array(5.0)})
    >>> {name: round(float(value), 9) for name, value in found.items()}
    {'a': 5.0, 'b': 2.0}
    """
    leaves, structure = tree.flatten(args[argnum])
    out: list[Any] = []
    for i, leaf in enumerate(leaves):
        if not is_inexact(place_of(leaf).dtype_of(leaf)):
            out.append(None)
            continue

        def of_leaf(x: Any, at: int = i) -> Any:
            changed = tree.unflatten(structure, [*leaves[:at], x, *leaves[at + 1 :]])
            return f(*args[:argnum], changed, *args[argnum + 1 :])

        jacobian = numerical_jacobian(of_leaf, leaf, step=step)
        is_complex = kind(place_of(leaf).dtype_of(leaf)) == "c"
        wanted = np.shape(_host(leaf)) + ((2,) if is_complex else ())
        if jacobian.shape != wanted or np.iscomplexobj(jacobian):
            raise ParameterError(
                "numerical_grad needs a function that returns a real scalar.",
                found=f"a result whose Jacobian has shape {jacobian.shape} and dtype {jacobian.dtype}",
                needed="one real number",
                write="numerical_jacobian(f, x) for other results",
            )
        out.append(jacobian[..., 0] - 1j * jacobian[..., 1] if is_complex else jacobian)
    return tree.unflatten(structure, out)


def scale_of(values: np.ndarray) -> float:
    """Return the size of an array's elements, to which steps are relative: the largest, or 1 where all are zero."""
    size = float(np.max(np.abs(values))) if values.size else 1.0
    return size if 0.0 < size < np.inf else 1.0


def _settled(value: np.ndarray) -> float:
    return 1e-11 * (float(np.max(np.abs(value))) if value.size else 0.0)


def _host(leaf: Any) -> np.ndarray:
    return place_of(leaf).to_host(leaf)


def _host_function(
    f: Callable[..., Any], args: Sequence[Any], argnum: int, name: str
) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """Return `f` as a function from one host array to a host array, and where it is to be differentiated."""
    place = place_of(args[argnum])
    if not is_inexact(place.dtype_of(args[argnum])):
        raise DtypeError(
            f"{name} differentiates floating-point arrays.",
            found=f"argument {argnum} of dtype {place.dtype_of(args[argnum])}",
            needed="a real or complex floating-point dtype",
            write="xp.astype(x, xp.float64), or another argnum",
        )
    places = [place_of(a) if backends.backend_of_type(a.__class__) else None for a in args]
    wide = [None if p is None else p.wide() for p in places]
    if any(p is not None and p is not w and p.backend is not w.backend for p, w in zip(places, wide, strict=True)):  # type: ignore[union-attr]
        wide = [None if p is None else Place.host() for p in places]
    fixed = [
        a if p is None or w is None else w.widened(p.to_host(a)) for a, p, w in zip(args, places, wide, strict=True)
    ]
    target = wide[argnum] or Place.host()

    def call(x: np.ndarray) -> np.ndarray:
        return _host(f(*fixed[:argnum], target.widened(x), *fixed[argnum + 1 :]))

    return call, np.array(_host(target.widened(place.to_host(args[argnum]))))
