"""The primitive under `resize`: each element along an axis is a weighted sum of a few elements.

The transpose of such a sum is one again, with the table of places and weights transposed, so one primitive serves every
order of derivative, and no derivative needs to scatter.
"""

from __future__ import annotations

from functools import lru_cache
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.core import bind, case, linear
from funcnet.ops.batching import along_axis

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["METHODS", "resample", "table"]

METHODS = ("nearest", "nearest-exact", "linear", "cubic")
# The parameter of the cubic convolution kernel, PyTorch's for example.
_CUBIC = -0.75


def resample(x: Any, axis: int, size: int, method: str, align_corners: bool, scale: float | None) -> Any:
    """Return an array with `size` elements along an axis, made of those that it has there."""
    sizes = (x.shape[axis], size)
    return bind(
        resample_p, x, axis=axis, sizes=sizes, method=method, align=align_corners, scale=scale, transposed=False
    )


@lru_cache(maxsize=256)
def table(
    sizes: tuple[int, int], method: str, align: bool, scale: float | None, transposed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return which elements each result is made of, and their weights: two arrays with a row for each result."""
    if transposed:
        return _transposed(sizes[0], *table(sizes, method, align, scale, False))
    n, m = sizes
    # Unless told otherwise the first and the last edge of both grids meet, so the step is the ratio of the sizes.
    if method == "nearest" and scale is None:
        return _clipped([[i * n // m] for i in range(m)], n), np.ones((m, 1))
    if method == "nearest-exact" and scale is None:
        return _clipped([[(2 * i + 1) * n // (2 * m)] for i in range(m)], n), np.ones((m, 1))
    step = n / m if scale is None else 1 / scale
    if method.startswith("nearest"):
        shift = 0.5 if method == "nearest-exact" else 0.0
        return _clipped([[floor((i + shift) * step)] for i in range(m)], n), np.ones((m, 1))
    if align:
        source = [i * (n - 1) / (m - 1) if m > 1 else 0.0 for i in range(m)]
    else:
        source = [(i + 0.5) * step - 0.5 for i in range(m)]
    if method == "linear":
        source = [min(max(s, 0.0), n - 1.0) for s in source]
        below = [floor(s) for s in source]
        share = np.array([s - b for s, b in zip(source, below, strict=True)])
        return _clipped([[b, b + 1] for b in below], n), np.stack([1 - share, share], axis=1)
    below = [floor(s) for s in source]
    share = np.array([s - b for s, b in zip(source, below, strict=True)])
    weights = [_cubic(share + 1), _cubic(share), _cubic(1 - share), _cubic(2 - share)]
    return _clipped([[b - 1, b, b + 1, b + 2] for b in below], n), np.stack(weights, axis=1)


def _clipped(places: list[list[int]], n: int) -> np.ndarray:
    width = len(places[0]) if places else 1
    return np.clip(np.array(places, dtype=np.int64).reshape(-1, width), 0, n - 1)


def _cubic(t: np.ndarray) -> np.ndarray:
    """Return the cubic convolution kernel at distances from 0 to 2."""
    near = ((_CUBIC + 2) * t - (_CUBIC + 3)) * t * t + 1
    far = ((_CUBIC * t - 5 * _CUBIC) * t + 8 * _CUBIC) * t - 4 * _CUBIC
    return np.where(t <= 1, near, far)


def _transposed(n: int, places: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the table of the transpose; rows that are shorter than others end in weights of zero."""
    rows = np.repeat(np.arange(places.shape[0]), places.shape[1])
    order = np.argsort(places.ravel(), kind="stable")
    sources, counts = places.ravel()[order], np.bincount(places.ravel(), minlength=n)
    width = max(1, int(counts.max(initial=0)))
    at = np.arange(sources.size) - np.repeat(np.cumsum(counts) - counts, counts)
    found = np.zeros((n, width), dtype=np.int64)
    shares = np.zeros((n, width))
    found[sources, at] = rows[order]
    shares[sources, at] = weights.ravel()[order]
    return found, shares


def _resample_impl(
    xp: Any,
    x: Any,
    *,
    axis: int,
    sizes: tuple[int, int],
    method: str,
    align: bool,
    scale: float | None,
    transposed: bool,
) -> Any:
    places, weights = table(sizes, method, align, scale, transposed)
    shape = (-1, *(1,) * (len(x.shape) - axis - 1))
    y: Any = None
    for i in range(places.shape[1]):
        share = xp.reshape(xp.asarray(weights[:, i].tolist(), dtype=x.dtype, device=x.device), shape)
        term = xp.take(x, xp.asarray(places[:, i].tolist(), device=x.device), axis=axis) * share
        y = term if y is None else y + term
    return y


def _resample_transpose(y: Any, x: Any, *, transposed: bool, **params: Any) -> Callable[[Any], Any]:  # noqa: ARG001
    return lambda g: bind(resample_p, g, transposed=not transposed, **params)


def _resample_shape(x: Any, *, axis: int, sizes: tuple[int, int], transposed: bool, **params: Any) -> tuple[int, ...]:  # noqa: ARG001
    return (*x.shape[:axis], sizes[0 if transposed else 1], *x.shape[axis + 1 :])


def _case(shape: tuple[int, ...], axis: int, sizes: tuple[int, int], method: str, **params: Any) -> Any:
    options = {"align": False, "scale": None, "transposed": False} | params
    return case(shape, axis=axis, sizes=sizes, method=method, **options)


resample_p = linear(
    "resample",
    _resample_impl,
    transpose=(_resample_transpose,),
    shape=_resample_shape,
    batch=along_axis,
    dtypes="floating",
    cases=(
        _case((2, 3, 2), 1, (3, 7), "nearest"),
        _case((4,), 0, (4, 3), "nearest-exact"),
        _case((2, 3), 1, (3, 5), "linear"),
        _case((3, 2), 0, (3, 5), "linear", align=True),
        _case((5, 1), 0, (5, 2), "cubic"),
        _case((1, 4), 1, (4, 6), "cubic", scale=1.5),
        _case((1, 7), 1, (3, 7), "linear", transposed=True),
    ),
)
