"""Strategies for hypothesis: arrays of any backend, and what functions of arrays take beside them.

This module needs hypothesis, which the extra ``test`` brings.
"""

from __future__ import annotations

from math import inf, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.errors import MissingExtraError, ParameterError
from funcnet.surface import listing as _listing
from funcnet.testing.backends import BackendCase, case
from funcnet.testing.programs import Program, random_program

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise MissingExtraError(
        "funcnet.testing.strategies needs hypothesis.",
        found=str(error),
        write='pip install "funcnet[test]"',
    ) from error

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "arrays",
    "axes",
    "broadcastable_shapes",
    "dtypes",
    "functions",
    "indices",
    "pytrees",
    "shapes",
]

__dir__ = _listing(__name__)

_KINDS = {
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
    "floating": ("float32", "float64", "complex64", "complex128"),
    "integer": ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    "boolean": ("bool",),
}


def dtypes(
    kinds: str | Sequence[str] = "real floating", *, backend: str | BackendCase = "numpy"
) -> st.SearchStrategy[str]:
    """Return a strategy for names of dtypes that a backend has.

    Parameters
    ----------
    kinds : str or sequence of str
        Among ``"real floating"``, ``"complex floating"``, ``"floating"`` (both), ``"integer"`` and ``"boolean"``.
    backend : str or BackendCase
        The backend, or variant of one.

    Examples
    --------
    >>> from hypothesis import given
    >>> from funcnet.testing import strategies
    >>> @given(strategies.dtypes())
    ... def check(dtype):
    ...     assert dtype in ("float32", "float64")
    >>> check()
    """
    wanted = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    unknown = [k for k in wanted if k not in _KINDS]
    if unknown:
        raise ParameterError(
            "strategies.dtypes got an unknown kind of dtype.",
            found=repr(unknown[0]),
            needed="one of " + ", ".join(repr(k) for k in _KINDS),
        )
    there = _case(backend).dtypes()
    return st.sampled_from([name for k in wanted for name in _KINDS[k] if name in there])


def shapes(
    *, min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4
) -> st.SearchStrategy[tuple[int, ...]]:
    """Return a strategy for shapes; with ``min_side=0`` arrays may be empty.

    Examples
    --------
    >>> from hypothesis import given
    >>> from funcnet.testing import strategies
    >>> @given(strategies.shapes(max_dims=2))
    ... def check(shape):
    ...     assert len(shape) <= 2
    >>> check()
    """
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable_shapes(
    draw: st.DrawFn, count: int = 2, *, max_dims: int = 3, min_side: int = 0, max_side: int = 4
) -> tuple[tuple[int, ...], ...]:
    """Strategy for tuples of shapes that broadcast with each other.

    Parameters
    ----------
    count : int
        How many.
    max_dims, min_side, max_side : int
        Bounds of the common shape.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from funcnet.testing import strategies
    >>> @given(strategies.broadcastable_shapes(3))
    ... def check(three):
    ...     np.broadcast_shapes(*three)
    >>> check()
    """
    result = draw(shapes(max_dims=max_dims, min_side=min_side, max_side=max_side))
    found = []
    for _ in range(count):
        dims = draw(st.integers(0, len(result)))
        tail = result[len(result) - dims :]
        found.append(tuple(1 if draw(st.booleans()) else n for n in tail))
    return tuple(found)


@st.composite
def arrays(
    draw: st.DrawFn,
    *,
    backend: str | BackendCase = "numpy",
    dtype: str | st.SearchStrategy[str] = "float64",
    shape: tuple[int, ...] | st.SearchStrategy[tuple[int, ...]] | None = None,
    domain: tuple[float, float] = (-inf, inf),
    exclude: Sequence[float] = (),
    margin: float = 0.05,
    distinct: bool = False,
    size: float = 4.0,
) -> Any:
    """Strategy for arrays with finite elements.

    Parameters
    ----------
    backend : str or BackendCase
        Whose arrays: a backend's name or that of a variant, such as ``"numpy-readonly"``.
    dtype : str or strategy
        Name of the dtype.
    shape : tuple of int or strategy, optional
        The shape; any small one by default.
    domain : tuple of float
        Interval of the elements; where it is infinite, elements stay within `size` of its finite end, or of 0.
    exclude : sequence of float
        Points that elements keep away from, such as kinks and poles.
    margin : float
        How far: from those points, and with `distinct` from each other.
    distinct : bool
        Whether elements keep away from each other.
    size : float
        See `domain`.

    Returns
    -------
    strategy of array
        Parts of complex elements each lie in `domain`; integers ignore `exclude` and `distinct`.

    Raises
    ------
    ParameterError
        On drawing, if the margins leave nothing of the domain.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from funcnet.testing import strategies
    >>> @given(strategies.arrays(shape=(3,), domain=(0.0, np.inf), exclude=(0.0, 1.0)))
    ... def check(x):
    ...     assert np.all(x >= 0.05) and np.all(abs(x - 1.0) >= 0.05)
    >>> check()
    """
    one = _case(backend)
    name = dtype if isinstance(dtype, str) else draw(dtype)
    where = draw(shapes()) if shape is None else shape if isinstance(shape, tuple) else draw(shape)
    count = prod(where)
    if name == "bool":
        values: np.ndarray = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=bool)
    elif not name.startswith(("float", "complex", "bfloat")):
        values = _integers(draw, name, domain, size, count)
    else:
        values = _reals(draw, domain, exclude, margin, distinct, size, count)
        if name.startswith("complex"):
            values = values + 1j * _reals(draw, domain, exclude, margin, distinct, size, count)
    return one.asarray(values.reshape(where), name)


def _reals(
    draw: st.DrawFn,
    domain: tuple[float, float],
    exclude: Sequence[float],
    margin: float,
    distinct: bool,
    size: float,
    count: int,
) -> np.ndarray:
    pieces = _pieces(domain, exclude, margin, size)
    width = sum(high - low for low, high in pieces)
    if distinct:
        slots = int(width / (2.0 * margin))
        if slots < count:
            raise ParameterError(
                "strategies.arrays cannot keep so many elements apart.",
                found=f"{count} elements, margin {margin}, domain {domain}",
                needed=f"at most {slots} elements",
                write="a smaller margin or shape, or a larger size",
            )
        chosen = draw(st.permutations(range(slots)))[:count]
        places = [(2.0 * k + 0.5 + draw(st.floats(0.0, 1.0, width=16))) * margin for k in chosen]
    else:
        places = draw(st.lists(st.floats(0.0, 1.0, width=32), min_size=count, max_size=count))
        places = [p * width for p in places]
    return np.array([_at(pieces, p) for p in places], dtype=np.float64)


def _pieces(
    domain: tuple[float, float], exclude: Sequence[float], margin: float, size: float
) -> list[tuple[float, float]]:
    """Return the parts of the domain that are left when the excluded points and their surroundings are cut out."""
    low, high = domain
    if low == -inf:
        low = -size if high == inf else high - size
    if high == inf:
        high = max(size, low + size)
    pieces = [(low, high)]
    for point in exclude:
        cut: list[tuple[float, float]] = []
        for a, b in pieces:
            cut += [(a, min(b, point - margin)), (max(a, point + margin), b)]
        pieces = [(a, b) for a, b in cut if b > a]
    if not pieces:
        raise ParameterError(
            "strategies.arrays has nowhere to draw elements from.",
            found=f"domain {domain}, exclude {tuple(exclude)}, margin {margin}",
            needed="an interval that the excluded points leave something of",
        )
    return pieces


def _at(pieces: list[tuple[float, float]], place: float) -> float:
    for a, b in pieces:
        if place <= b - a:
            return a + place
        place -= b - a
    return pieces[-1][1]


def _integers(draw: st.DrawFn, name: str, domain: tuple[float, float], size: float, count: int) -> np.ndarray:
    info = np.iinfo(name)
    low = max(info.min, -int(size) if domain[0] == -inf else int(np.ceil(domain[0])))
    high = min(info.max, max(low, int(size)) if domain[1] == inf else int(np.floor(domain[1])))
    return np.array(draw(st.lists(st.integers(low, high), min_size=count, max_size=count)), dtype=name)


def axes(
    ndim: int, *, none: bool = True, single: bool = True, min_size: int = 0, max_size: int | None = None
) -> st.SearchStrategy[int | tuple[int, ...] | None]:
    """Return a strategy for what ``axis`` may be: None, an integer, or a tuple of different ones; negative ones too.

    Parameters
    ----------
    ndim : int
        Number of dimensions of the array.
    none, single : bool
        Whether None and single integers are among them.
    min_size, max_size : int
        Bounds of the number of axes in a tuple; ``max_size=0`` without `none` leaves single integers only.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from funcnet.testing import strategies
    >>> @given(strategies.axes(3))
    ... def check(axis):
    ...     np.sum(np.ones((2, 3, 4)), axis=axis)
    >>> check()
    """
    most = ndim if max_size is None else min(max_size, ndim)
    options: list[st.SearchStrategy[Any]] = []
    if none:
        options.append(st.none())
    if single and ndim:
        options.append(st.integers(-ndim, ndim - 1))
    if most >= min_size and (most or not options):
        chosen = st.permutations(range(ndim)).flatmap(
            lambda order: st.integers(min_size, most).flatmap(
                lambda n: st.tuples(*[st.sampled_from((a, a - ndim)) for a in order[:n]])
            )
        )
        options.append(chosen)
    return st.one_of(options)


@st.composite
def indices(
    draw: st.DrawFn,
    shape: tuple[int, ...],
    *,
    backend: str | BackendCase = "numpy",
    advanced: bool = True,
    newaxis: bool = True,
) -> Any:
    """Strategy for everything that may stand between the brackets of ``x[...]``.

    Integers, slices with steps of both signs, ``...``, None, integer arrays that broadcast with each other, boolean
    masks, and tuples that mix them.

    Parameters
    ----------
    shape : tuple of int
        The shape of `x`.
    backend : str or BackendCase
        Whose arrays index arrays and masks are.
    advanced : bool
        Whether arrays and masks are among them.
    newaxis : bool
        Whether None is.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from funcnet.testing import strategies
    >>> @given(strategies.indices((2, 3, 4)))
    ... def check(key):
    ...     np.ones((2, 3, 4))[key]
    >>> check()
    """
    one = _case(backend)
    if advanced and draw(st.integers(0, 5)) == 0:
        covered = draw(st.integers(min(1, len(shape)), len(shape)))
        mask = np.array(
            draw(st.lists(st.booleans(), min_size=prod(shape[:covered]), max_size=prod(shape[:covered]))), bool
        )
        return one.asarray(mask.reshape(shape[:covered]), "bool")
    used = draw(st.integers(0, len(shape)))
    ellipsis_at = draw(st.integers(0, used)) if draw(st.booleans()) else None
    # Those after the ellipsis index the last dimensions.
    where = list(range(used if ellipsis_at is None else ellipsis_at))
    if ellipsis_at is not None:
        where += range(len(shape) - (used - ellipsis_at), len(shape))
    common = draw(shapes(max_dims=2, min_side=1, max_side=3))
    parts: list[Any] = []
    for position, dim in enumerate(where):
        if position == ellipsis_at:
            parts.append(...)
        if newaxis and draw(st.integers(0, 6)) == 0:
            parts.append(None)
        parts.append(_part(draw, shape[dim], common, one, advanced))
    if ellipsis_at is not None and not any(p is ... for p in parts):
        parts.append(...)
    if len(parts) == 1 and draw(st.booleans()):
        return parts[0]
    return tuple(parts)


def _part(draw: st.DrawFn, n: int, common: tuple[int, ...], one: BackendCase, advanced: bool) -> Any:
    choices = ["slice", "slice"]
    if n:
        choices += ["integer"] + ["array"] * advanced
    choice = draw(st.sampled_from(choices))
    if choice == "integer":
        return draw(st.integers(-n, n - 1))
    if choice == "array":
        tail = common[draw(st.integers(0, len(common))) :]
        count = prod(tail)
        values = draw(st.lists(st.integers(-n, n - 1), min_size=count, max_size=count))
        return one.asarray(
            np.array(values, dtype=np.int64).reshape(tail), "int64" if "int64" in one.dtypes() else "int32"
        )
    bound = st.none() | st.integers(-n, n)
    step = draw(st.sampled_from([None, 1, 2, -1, -2]))
    start, stop = draw(bound), draw(bound)
    if step is not None and step < 0:
        # The standard leaves bounds beyond the ends open.
        start = None if start is not None and not -n <= start < n else start
        stop = None if stop is not None and not -n <= stop < n else stop
    return slice(start, stop, step)


def pytrees(leaves: st.SearchStrategy[Any], *, max_leaves: int = 5, min_leaves: int = 1) -> st.SearchStrategy[Any]:
    """Return a strategy for nested dicts, lists, tuples and None with leaves of another strategy.

    Examples
    --------
    >>> from hypothesis import given, strategies as st
    >>> from funcnet import tree
    >>> from funcnet.testing import strategies
    >>> @given(strategies.pytrees(st.floats()))
    ... def check(params):
    ...     assert len(tree.leaves(params)) >= 1
    >>> check()
    """
    names = st.sampled_from(["kernel", "bias", "a b", "0", "w"])

    def wrap(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return (
            st.lists(inner | st.none(), max_size=3)
            | st.lists(inner | st.none(), max_size=3).map(tuple)
            | st.dictionaries(names, inner, max_size=3)
        )

    found = st.recursive(leaves, wrap, max_leaves=max_leaves)
    return found.filter(lambda one: _count(one) >= min_leaves) if min_leaves else found


def _count(one: Any) -> int:
    if isinstance(one, (list, tuple)):
        return sum(map(_count, one))
    if isinstance(one, dict):
        return sum(map(_count, one.values()))
    return one is not None


def functions(*, max_steps: int = 8) -> st.SearchStrategy[Program]:
    """Return a strategy for random programs: scalar functions of a pytree, smooth at their own arguments.

    Examples
    --------
    >>> from hypothesis import given
    >>> from funcnet import xp
    >>> from funcnet.testing import strategies
    >>> @given(strategies.functions(max_steps=2))
    ... def check(program):
    ...     assert program(xp, program.arguments).shape == ()
    >>> check()
    """
    return st.builds(
        lambda seed, steps: random_program(seed, steps=steps), st.integers(0, 2**20), st.integers(1, max_steps)
    )


def _case(backend: str | BackendCase) -> BackendCase:
    return case(backend) if isinstance(backend, str) else backend
