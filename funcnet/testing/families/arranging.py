"""Contraction, padding, interpolation, accumulation and order."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet.testing.families.operation import GAP, MATRIX, Operation, an_axis

__all__ = ["ARRANGING"]

_PAIRS = (
    "ij,jk->ik",
    "ij,j->i",
    "i,j->ij",
    "ij,ij->",
    "bij,jk->bik",
    "bij,bjk->bik",
    "bij,ij->b",
    "i,i->",
    "ij,kj->ki",
)
_SINGLE = ("ij->ji", "ii->i", "ij->j", "bij->bi", "bii->b", "ii", "bij->jb", "i->", "...j->...")


def _subscripts(rng: np.random.Generator, *operands: np.ndarray) -> tuple[Any, ...] | None:
    options = _PAIRS if len(operands) > 1 else _SINGLE
    subscripts = options[int(rng.integers(len(options)))]
    try:
        np.einsum(subscripts, *operands)
    except ValueError:
        return None
    return (subscripts,)


def _padded(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    if not x.ndim or x.ndim > MATRIX or min(x.shape) < MATRIX:
        return None
    mode = ["constant", "edge", "reflect", "symmetric", "wrap"][int(rng.integers(5))]
    return tuple((int(rng.integers(2)), int(rng.integers(2))) for _ in x.shape), mode


_POINTS = np.array([-2.0, -0.7, 0.1, 1.3])
_VALUES = np.array([0.5, -1.0, 2.0, 0.3])


def _between(x: Any, *_: Any) -> bool:
    return bool(np.min(np.abs(np.asarray(x)[..., None] - _POINTS)) > GAP)


def _untied(x: Any, *_: Any) -> bool:
    values = np.unique(x)
    return values.size == x.size and (values.size == 1 or bool(np.min(np.diff(values)) > GAP))


def _unsorted(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    return (int(rng.integers(x.ndim)), bool(rng.random() < 0.5)) if x.ndim else None  # evenly


def _fraction(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    return (float(rng.choice((0.13, 0.4, 0.77))), int(rng.integers(x.ndim))) if x.ndim else None


def _by_order(xp: Any, x: Any, axis: int, descending: bool) -> Any:
    order = xp.argsort(x, axis=axis, descending=descending)
    return xp.take_along_axis(xp.cumulative_sum(x, axis=axis), order, axis=axis)


def _several(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    return (int(rng.integers(x.ndim)),) if x.ndim and max(x.shape) > 1 and min(x.shape) > 1 else None


ARRANGING: dict[str, Operation] = {
    "einsum": Operation(2, lambda xp, a, b, how: xp.einsum(how, a, b), _subscripts),
    "einsum_of_one": Operation(1, lambda xp, x, how: xp.einsum(how, x), _subscripts),
    "pad": Operation(1, lambda xp, x, width, mode: xp.pad(x, width, mode=mode), _padded),
    "interp": Operation(1, lambda xp, x: xp.interp(x, xp.asarray(_POINTS), xp.asarray(_VALUES)), smooth=_between),
    "interp_values": Operation(
        2,
        lambda xp, x, f: xp.interp(x, xp.asarray(_POINTS), f),
        lambda rng, x, f: () if f.shape == (len(_POINTS),) else None,  # noqa: ARG005  # one signature
        lambda x, f: _between(x),  # noqa: ARG005  # one signature
    ),
    "cumulative_sum": Operation(
        1, lambda xp, x, axis, first: xp.cumulative_sum(x, axis=axis, include_initial=first), _unsorted
    ),
    "cumulative_prod": Operation(
        1, lambda xp, x, axis, first: xp.cumulative_prod(x, axis=axis, include_initial=first), _unsorted
    ),
    "sort": Operation(1, lambda xp, x, axis, down: xp.sort(x, axis=axis, descending=down), _unsorted, _untied),
    "argsort": Operation(1, _by_order, _unsorted, _untied),
    "diff": Operation(1, lambda xp, x, axis: xp.diff(x, axis=axis), _several),
    "gradient": Operation(1, lambda xp, x, axis: xp.gradient(x, axis=axis), _several),
    "trapezoid": Operation(1, lambda xp, x, axis: xp.trapezoid(x, axis=axis), an_axis),
    "median": Operation(1, lambda xp, x, axis: xp.median(x, axis=axis), an_axis, _untied),
    "quantile": Operation(1, lambda xp, x, q, axis: xp.quantile(x, q, axis=axis), _fraction, _untied),
    "kron": Operation(2, lambda xp, a, b: xp.kron(a, b), lambda rng, a, b: () if a.ndim == b.ndim else None),  # noqa: ARG005
    "rot90": Operation(1, lambda xp, x: xp.rot90(x), lambda rng, x: () if x.ndim >= MATRIX else None),  # noqa: ARG005
    "triu": Operation(1, lambda xp, x: xp.triu(x), lambda rng, x: () if x.ndim >= MATRIX else None),  # noqa: ARG005
    "tril": Operation(1, lambda xp, x: xp.tril(x, k=-1), lambda rng, x: () if x.ndim >= MATRIX else None),  # noqa: ARG005
    "convolve": Operation(
        2,
        lambda xp, a, b: xp.convolve(a, b),
        lambda rng, a, b: () if a.ndim == b.ndim == 1 else None,  # noqa: ARG005
    ),
    "std": Operation(
        1,
        lambda xp, x, axis: xp.std(x, axis=axis),
        _several,
        lambda x, axis: bool(np.all(np.std(x, axis=axis) > 0.05)),
    ),
    "moveaxis": Operation(1, lambda xp, x, axis: xp.moveaxis(x, axis, 0), an_axis),
}
