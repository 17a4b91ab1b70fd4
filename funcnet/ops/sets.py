"""Set functions: unique elements and membership."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet.backends.keys import ARRAY
from funcnet.core import Arg, bind, case, general
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError
from funcnet.ops.axes import index_dtype
from funcnet.ops.batched_search import membership
from funcnet.ops.batching import data_dependent
from funcnet.ops.broadcasting import cast
from funcnet.ops.shapes import no_shape
from funcnet.ops.slicing import taken

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "UniqueAllResult",
    "UniqueCountsResult",
    "UniqueInverseResult",
    "isin",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]


class UniqueAllResult(NamedTuple):
    """What `unique_all` returns.

    Attributes
    ----------
    values, indices, inverse_indices, counts : array
        The unique elements, where each occurs first, which of them each element is, and how often each occurs.
    """

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCountsResult(NamedTuple):
    """What `unique_counts` returns.

    Attributes
    ----------
    values, counts : array
        The unique elements, and how often each occurs.
    """

    values: Any
    counts: Any


class UniqueInverseResult(NamedTuple):
    """What `unique_inverse` returns.

    Attributes
    ----------
    values, inverse_indices : array
        The unique elements, and which of them each element is.
    """

    values: Any
    inverse_indices: Any


# ---------------------------------------------------------------------- declarations


def _keys(xp: Any, x: Any) -> Any:
    """Return what every library can sort: booleans as integers."""
    return xp.astype(x, xp.uint8) if x.dtype == xp.bool else x


def _order(xp: Any, flat: Any) -> Any:
    """Return indices that sort; complex numbers by their real, then by their imaginary parts."""
    if kind(flat.dtype) != "c":
        return xp.argsort(_keys(xp, flat), stable=True)
    order = xp.argsort(xp.imag(flat), stable=True)
    return xp.take(order, xp.argsort(xp.take(xp.real(flat), order, axis=0), stable=True), axis=0)


def _runs(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    """Return the sorted elements, their order, and where a new one begins. NaN is unlike itself."""
    flat = xp.reshape(x, (-1,))
    order = _order(xp, flat)
    ordered = xp.take(flat, order, axis=0)
    first = xp.ones((1,), dtype=xp.bool, device=x.device)
    return ordered, order, xp.concat([first, ordered[1:] != ordered[:-1]])


def _unique_all_impl(xp: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    if 0 in x.shape:
        none = xp.zeros((0,), dtype=index_dtype(xp, x), device=x.device)
        return xp.reshape(x, (0,)), none, xp.reshape(none, x.shape), none
    ordered, order, new = _runs(xp, x)
    starts = xp.nonzero(new)[0]
    indices = xp.take(order, starts, axis=0)
    group = xp.cumulative_sum(xp.astype(new, index_dtype(xp, x)), axis=0) - 1
    inverse = xp.reshape(xp.take(group, xp.argsort(order, stable=True), axis=0), x.shape)
    end = xp.full((1,), ordered.shape[0], dtype=starts.dtype, device=x.device)
    counts = xp.concat([starts[1:], end]) - starts
    return xp.take(ordered, starts, axis=0), indices, inverse, counts


def _unique_values_impl(xp: Any, x: Any) -> Any:
    if 0 in x.shape:
        return xp.reshape(x, (0,))
    ordered, _, new = _runs(xp, x)
    return xp.take(ordered, xp.nonzero(new)[0], axis=0)


def _shared(g: Any, x: Any) -> Any:
    """Return the cotangent of `x` for that of its unique elements: an even share for each of those that are equal."""
    _, _, inverse, counts = bind(unique_all_p, x)
    return taken(g / cast(counts, g.dtype), (ARRAY,), (inverse,))


def _values_vjp(y: Any, x: Any) -> Callable[[Any], Any]:  # noqa: ARG001  # the rule's form
    return lambda g: _shared(g, x)


def _first_vjp(y: Any, x: Any) -> Callable[[Any], Any]:  # noqa: ARG001  # the rule's form
    return lambda g: None if g[0] is None else _shared(g[0], x)


#: What to write where `vmap` cannot have unique elements.
_SORTED = "xp.sort(x), and comparisons of neighbours"
_CASES = (case(Arg((5,), distinct=True)), case(Arg((2, 2), distinct=True)), case((0,)), case(()))

unique_all_p = general(
    "unique_all",
    _unique_all_impl,
    vjp=(_first_vjp,),
    shape=no_shape("unique_all"),
    data_dependent=True,
    multiple=True,
    batch=data_dependent("xp.unique_all", _SORTED),
    dtypes="all",
    cases=_CASES,
)

unique_counts_p = general(
    "unique_counts",
    lambda xp, x: _unique_all_impl(xp, x)[::3],
    vjp=(_first_vjp,),
    shape=no_shape("unique_counts"),
    data_dependent=True,
    multiple=True,
    batch=data_dependent("xp.unique_counts", _SORTED),
    dtypes="all",
    cases=_CASES,
)

unique_inverse_p = general(
    "unique_inverse",
    lambda xp, x: _unique_all_impl(xp, x)[::2],
    vjp=(_first_vjp,),
    shape=no_shape("unique_inverse"),
    data_dependent=True,
    multiple=True,
    batch=data_dependent("xp.unique_inverse", _SORTED),
    dtypes="all",
    cases=_CASES,
)

unique_values_p = general(
    "unique_values",
    _unique_values_impl,
    vjp=(_values_vjp,),
    shape=no_shape("unique_values"),
    data_dependent=True,
    batch=data_dependent("xp.unique_values", _SORTED),
    dtypes="all",
    cases=_CASES,
)


def _isin_impl(xp: Any, x1: Any, x2: Any, *, invert: bool) -> Any:
    if not hasattr(x1, "shape"):
        x1 = xp.asarray(x1, dtype=_scalar_dtype(x1, x2), device=x2.device)
    if not hasattr(x2, "shape"):
        x2 = xp.asarray(x2, dtype=_scalar_dtype(x2, x1), device=x1.device)
    x1, x2 = _keys(xp, x1), _keys(xp, x2)
    dtype = xp.result_type(x1, x2)
    x1, x2 = xp.astype(x1, dtype, copy=False), xp.reshape(xp.astype(x2, dtype, copy=False), (-1,))
    n = x2.shape[0]
    if not n:
        found = xp.zeros(x1.shape, dtype=xp.bool, device=x1.device)
    elif kind(dtype) == "c":
        found = xp.any(xp.expand_dims(x1, axis=-1) == x2, axis=-1)
    else:
        flat = xp.reshape(x1, (-1,))
        endless = None
        if kind(dtype) == "f":
            # NaN is equal to nothing, and not every library searches beside it: infinity stands in.
            endless = xp.any(x2 == inf) | (flat != inf)
            x2 = xp.where(xp.isnan(x2), xp.full_like(x2, inf), x2)
        x2 = xp.sort(x2)
        place = xp.searchsorted(x2, flat)
        found = xp.take(x2, xp.clip(place, max=n - 1), axis=0) == flat
        found = xp.reshape(found if endless is None else found & endless, x1.shape)
    return ~found if invert else found


def _scalar_dtype(scalar: Any, array: Any) -> Any:
    """Return the data type of the array for a number that it can hold, else None."""
    held = {bool: "biufc", int: "iufc", float: "fc", complex: "c"}[scalar.__class__]
    return array.dtype if kind(array.dtype) in held else None


isin_p = general(
    "isin",
    _isin_impl,
    vjp=None,
    shape=lambda x1, x2, *, invert: getattr(x1, "shape", ()),  # noqa: ARG005  # the rule's form
    result="bool",
    batch=membership,
    dtypes="all",
    cases=(
        case((2, 3), (4,), invert=False),
        case((3,), (0,), invert=True),
        case((), (2, 2), invert=False),
    ),
)


# ---------------------------------------------------------------------- public functions


def unique_all(x: Any, /) -> UniqueAllResult:
    """Unique elements, with where each occurs first, which of them each element is, and how often each occurs.

    Derivative: that of `unique_values`; the other results are integers.

    Parameters
    ----------
    x : array
        Of any data type; it is flattened.

    Returns
    -------
    values, indices, inverse_indices, counts : array
        The unique elements in ascending order; `indices` are of the flattened `x`; ``values[inverse_indices]`` is `x`.

    References
    ----------
    Python Array API standard, ``unique_all``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.unique_all(np.array([3.0, 1.0, 3.0])).counts
    array([1, 2])
    """
    return UniqueAllResult(*bind(unique_all_p, x))


def unique_counts(x: Any, /) -> UniqueCountsResult:
    """Unique elements, and how often each occurs.

    Derivative: that of `unique_values`; the counts are integers.

    Parameters
    ----------
    x : array
        Of any data type; it is flattened.

    Returns
    -------
    values, counts : array
        The unique elements in ascending order, and their numbers.

    References
    ----------
    Python Array API standard, ``unique_counts``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.unique_counts(np.array([3.0, 1.0, 3.0])).values
    array([1., 3.])
    """
    return UniqueCountsResult(*bind(unique_counts_p, x))


def unique_inverse(x: Any, /) -> UniqueInverseResult:
    """Unique elements, and which of them each element is.

    Derivative: that of `unique_values`; the indices are integers.

    Parameters
    ----------
    x : array
        Of any data type; it is flattened.

    Returns
    -------
    values, inverse_indices : array
        The unique elements in ascending order; ``values[inverse_indices]`` is `x`.

    References
    ----------
    Python Array API standard, ``unique_inverse``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.unique_inverse(np.array([3.0, 1.0, 3.0])).inverse_indices
    array([1, 0, 1])
    """
    return UniqueInverseResult(*bind(unique_inverse_p, x))


def unique_values(x: Any, /) -> Any:
    """Unique elements, in ascending order.

    Derivative: each cotangent goes back to the element that its value came from; elements that are equal share it
    evenly, as they do in `max`. Each NaN is unique.

    Parameters
    ----------
    x : array
        Of any data type; it is flattened. Complex numbers are ordered by their real, then by their imaginary parts.

    Returns
    -------
    array
        Of one dimension, as long as there are different elements.

    References
    ----------
    Python Array API standard, ``unique_values``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.unique_values(np.array([[3.0, 1.0], [3.0, 2.0]]))
    array([1., 2., 3.])
    """
    return bind(unique_values_p, x)


def isin(x1: Any, x2: Any, /, *, invert: bool = False) -> Any:
    """Whether each element is among those of another array.

    Derivative: none, the result is boolean.

    Parameters
    ----------
    x1 : array or Python number
        The elements to test.
    x2 : array or Python number
        Those to test against, of any shape. NaN is in no array.
    invert : bool, default False
        Whether the answer is inverted.

    Returns
    -------
    array
        Of bool, in the shape of `x1`.

    Raises
    ------
    DtypeError
        If neither argument is an array.

    References
    ----------
    Python Array API standard, ``isin``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.isin(np.array([[1, 2], [3, 4]]), np.array([2, 3, 5]))
    array([[False,  True],
           [ True, False]])
    """
    if not hasattr(x1, "shape") and not hasattr(x2, "shape"):
        raise DtypeError(
            "xp.isin needs an array.",
            found=f"{x1!r} and {x2!r}",
            needed="an array as one of the arguments",
            write="xp.isin(xp.asarray(x1), x2)",
        )
    return bind(isin_p, x1, x2, invert=bool(invert))
