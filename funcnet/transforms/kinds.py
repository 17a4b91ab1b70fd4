"""What of each argument the graph of a function under ``jit`` depends on."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet.compiler.graph import spec_of
from funcnet.errors import ParameterError
from funcnet.transforms.same import Same

__all__ = ["NUMBERS", "kinds_of"]

#: NumPy's numbers, which its reductions return in place of arrays without dimensions, and their data types.
NUMBERS = {cls: np.dtype(cls) for cls in (np.float32, np.float64, np.int32, np.int64, np.bool_)}
_SCALARS = (bool, int, float, complex, str, bytes)


def kinds_of(leaves: list[Any], name: str) -> tuple[list[Any], tuple[Any, ...]]:
    """Return the arrays among leaves, and what of each leaf a graph depends on."""
    values: list[Any] = []
    kinds: list[Any] = []
    for leaf in leaves:
        cls = leaf.__class__
        if cls is np.ndarray:
            # Of another byte order there is no graph; the array is turned around.
            kinds.append((leaf.shape, leaf.dtype if leaf.dtype.isnative else np.dtype(leaf.dtype.type)))
            values.append(leaf)
        elif cls in NUMBERS:
            kinds.append(((), NUMBERS[cls]))
            values.append(leaf)
        elif cls in _SCALARS:
            # Most are equal to nothing else of their class; zeros, NaN and complex numbers may be.
            kinds.append((cls, leaf) if leaf and leaf == leaf and cls is not complex else (cls, Same(leaf)))
        elif hasattr(leaf, "dtype") and hasattr(leaf, "shape"):
            spec = spec_of(leaf)
            kinds.append((spec.shape, spec.dtype, spec.backend.name, spec._device))  # the device may be left open
            values.append(leaf)
        else:
            kinds.append(_hashable(leaf, name))
    return values, tuple(kinds)


def _hashable(leaf: Any, name: str) -> Any:
    try:
        hash(leaf)
    except TypeError:
        raise ParameterError(
            f"An argument of the fn.jit function {name!r} is neither an array nor hashable.",
            found=f"{type(leaf).__module__}.{type(leaf).__qualname__}",
            needed="arrays, numbers and strings in nested containers",
            write="xp.asarray(...); fn.tree.register(...) for a container of arrays",
        ) from None
    return leaf.__class__, Same(leaf)
