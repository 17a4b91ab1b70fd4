"""What NumPy takes beside arrays: lists of numbers, and Python's classes and short names as data types."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet.core import Tracer
from funcnet.ops.lists import array_of
from funcnet.ops.native import native_dtype, native_floating

__all__ = ["with_arrays", "with_native_dtypes"]

#: Where functions take an array: positions and keywords.
_PLACES: dict[str, tuple[int | str, ...]] = {
    "append": (0, 1, "arr", "values"),
    "average": (0, 2, "a", "weights"),
    "bincount": (0, 1, "x", "weights"),
    "broadcast_arrays": tuple(range(32)),
    "choose": (0, "a"),
    "clip": (1, 2, "a_min", "a_max", "min", "max"),
    "compress": (0, "condition"),
    "convolve": (0, 1, "a", "v"),
    "correlate": (0, 1, "a", "v"),
    "corrcoef": (0, 1, "x", "y"),
    "cov": (0, 1, "m", "y", "fweights", "aweights"),
    "cross": (0, 1, "a", "b"),
    "diff": (3, 4, "prepend", "append"),
    "digitize": (0, 1, "x", "bins"),
    "dot": (0, 1, "a", "b"),
    "extract": (0, 1),
    "inner": (0, 1),
    "interp": (0, 1, 2, "x", "xp", "fp"),
    "isin": (0, 1, "element", "test_elements"),
    "kron": (0, 1, "a", "b"),
    "lstsq": (0, 1, "a", "b"),
    "meshgrid": tuple(range(32)),
    "nanpercentile": (0, 1, "a", "q"),
    "nanquantile": (0, 1, "a", "q"),
    "outer": (0, 1, "a", "b"),
    "percentile": (0, 1, "a", "q"),
    "polyadd": (0, 1, "a1", "a2"),
    "polyfit": (0, 1, 5, "x", "y", "w"),
    "polymul": (0, 1, "a1", "a2"),
    "polysub": (0, 1, "a1", "a2"),
    "polyval": (0, 1, "p", "x"),
    "putmask": (1, 2, "mask", "values"),
    "quantile": (0, 1, "a", "q"),
    "searchsorted": (0, 1, "a", "v"),
    "select": (2, "default"),
    "solve": (0, 1, "a", "b"),
    "take_along_axis": (1, "indices"),
    "tensordot": (0, 1, "a", "b"),
    "trapezoid": (0, 1, "y", "x"),
    "union1d": (0, 1, "ar1", "ar2"),
    "vdot": (0, 1),
    "vecdot": (0, 1, "x1", "x2"),
    "where": (0, 1, 2),
}
#: Where they take a sequence of arrays.
_SEQUENCES: dict[str, tuple[int | str, ...]] = {
    "choose": (1, "choices"),
    "column_stack": (0, "tup"),
    "concatenate": (0, "arrays"),
    "dstack": (0, "tup"),
    "hstack": (0, "tup"),
    "multi_dot": (0, "arrays"),
    "select": (0, 1, "condlist", "choicelist"),
    "stack": (0, "arrays"),
    "vstack": (0, "tup"),
}

#: Which make numbers of double precision of integers and booleans.
_FLOATING = frozenset(
    (
        "average cov corrcoef mean median nanmean nanmedian nanpercentile nanquantile nanstd nanvar percentile "
        "quantile sinc std var"
    ).split()
)

_PLAIN = np.empty(0)


def with_arrays(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a NumPy function with arrays in place of lists of numbers."""
    for places, convert in ((_PLACES.get(name), array_of), (_SEQUENCES.get(name), _all_of)):
        if places is not None:
            args = tuple([convert(a) if i in places else a for i, a in enumerate(args)])
            kwargs = {option: convert(a) if option in places else a for option, a in kwargs.items()}
    return args, kwargs


def _all_of(x: Any) -> Any:
    return [array_of(e) for e in x] if isinstance(x, (list, tuple)) else x


def with_native_dtypes(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a NumPy function with its own reading of data types, and of integers as numbers."""
    first = args[0] if args else None
    like = first if first.__class__ is Tracer else _PLAIN
    if name in _FLOATING and first.__class__ is Tracer and kwargs.get("dtype") is None:
        args = (native_floating(first), *args[1:])
    if kwargs.get("dtype") is not None:
        kwargs = kwargs | {"dtype": native_dtype(like, kwargs["dtype"])}
    for a in args:
        if a.__class__ is type:
            args = tuple([native_dtype(like, a) if a.__class__ is type else a for a in args])
            break
    return args, kwargs
