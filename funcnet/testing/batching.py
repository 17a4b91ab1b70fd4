"""``check_batching``: a primitive's batching rule against a loop over the elements."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.core import bind
from funcnet.errors import FuncnetError, GradientCheckError
from funcnet.ops import stack
from funcnet.testing.arrays import place_of
from funcnet.transforms.batch import vmap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from funcnet.core import Primitive

__all__ = ["check_batching", "every_combination", "two_combinations"]

# A loop and its batched form round differently, but not by more. Integers and draws are equal to the last bit.
_TOLERANCE = {"float32": 2e-5, "complex64": 2e-5, "float64": 1e-12, "complex128": 1e-12}


def every_combination(count: int) -> list[tuple[bool, ...]]:
    """Say which arguments are batched: every combination of up to three, then each alone, and all.

    Examples
    --------
    >>> from funcnet.testing.batching import every_combination
    >>> every_combination(2)
    [(False, True), (True, False), (True, True)]
    """
    if count <= 3:
        return [c for c in itertools.product([False, True], repeat=count) if any(c)]
    return [tuple(i == k for i in range(count)) for k in range(count)] + [(True,) * count]


def two_combinations(count: int) -> list[tuple[bool, ...]]:
    """Say which arguments are batched: all, and the first alone.

    Examples
    --------
    >>> from funcnet.testing.batching import two_combinations
    >>> two_combinations(3)
    [(True, True, True), (True, False, False)]
    """
    found = [(True,) * count, (True,) + (False,) * (count - 1)]
    return found[: min(count, 2)]


def check_batching(
    primitive: Primitive,
    args: Sequence[Sequence[Any]],
    params: dict[str, Any],
    combinations: Iterable[tuple[bool, ...]] | None = None,
) -> None:
    """Compare ``fn.vmap`` of a primitive with a loop.

    Parameters
    ----------
    primitive : Primitive
        The operation.
    args : sequence of sequences
        The arguments of each element of the batch; shapes, dtypes and Python scalars are the same in all.
    params : dict
        The parameters, the same for all elements.
    combinations : iterable of tuples of bool, optional
        Which of the arguments that are arrays are batched; the others have the first element's values. By default
        `every_combination`.

    Raises
    ------
    GradientCheckError
        If shapes, dtypes or values differ, or the rule raises; the message says which arguments were batched.
    """
    first = args[0]
    arrays = [i for i, a in enumerate(first) if hasattr(a, "shape")]
    stacked = {i: stack([a[i] for a in args]) for i in arrays}
    for combination in every_combination(len(arrays)) if combinations is None else combinations:
        chosen = {i for i, c in zip(arrays, combination, strict=True) if c}
        in_axes = tuple(0 if i in chosen else None for i in range(len(first)))
        given = [stacked[i] if i in chosen else a for i, a in enumerate(first)]
        try:
            found = vmap(lambda *a: bind(primitive, *a, **params), in_axes)(*given)
        except FuncnetError as error:
            raise GradientCheckError(
                f"The batching rule of {primitive.name!r} fails.",
                found=f"in_axes={in_axes}: {error}",
                needed="what a loop over the elements gives",
            ) from error
        except Exception as error:
            error.add_note(f"in the batching rule of {primitive.name!r} with in_axes={in_axes}")
            raise
        wanted = [bind(primitive, *(e[i] if i in chosen else a for i, a in enumerate(first)), **params) for e in args]
        outputs = list(found) if primitive.multiple else [found]
        parts = list(zip(*wanted, strict=True)) if primitive.multiple else [wanted]
        if len(outputs) != len(parts):
            _differ(primitive, in_axes, "number of arrays", len(outputs), len(parts))
        exact = primitive.meta.get("dtypes") == "key"
        for y, part in zip(outputs, parts, strict=True):
            _compare(primitive, in_axes, _host(y), np.stack([_host(p) for p in part]), exact)


def _host(y: Any) -> np.ndarray:
    return np.asarray(place_of(y).to_host(y))


def _compare(
    primitive: Primitive, in_axes: tuple[int | None, ...], found: np.ndarray, wanted: np.ndarray, exact: bool
) -> None:
    for what in ("shape", "dtype"):
        if getattr(found, what) != getattr(wanted, what):
            _differ(primitive, in_axes, what, getattr(found, what), getattr(wanted, what))
    tolerance = 0.0 if exact else _TOLERANCE.get(found.dtype.name, 0.0)
    same = np.array_equal(found, wanted)
    if not same and not np.allclose(found, wanted, rtol=tolerance, atol=tolerance, equal_nan=True):
        _differ(primitive, in_axes, "values", repr(found), repr(wanted))


def _differ(primitive: Primitive, in_axes: tuple[int | None, ...], what: str, found: Any, wanted: Any) -> None:
    raise GradientCheckError(
        f"The batching rule of {primitive.name!r} does not give what a loop gives: other {what}.",
        found=f"{found} with in_axes={in_axes}",
        needed=str(wanted),
    )
