"""Of which elements, and with which weights, an interpolation along an axis is made."""

from functools import lru_cache
from math import floor

import numpy as np

__all__ = ["METHODS", "table"]

METHODS = ("nearest", "nearest-exact", "linear", "cubic")
# The parameter of the cubic convolution kernel, PyTorch's for example.
_CUBIC = -0.75


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
    # Of weight zero is an element that has weight there anyway, so that an infinite one elsewhere does no harm.
    first = np.cumsum(counts) - counts
    found = np.repeat(np.append(rows[order], 0)[np.where(counts > 0, first, sources.size)][:, None], width, axis=1)
    shares = np.zeros((n, width))
    found[sources, at] = rows[order]
    shares[sources, at] = weights.ravel()[order]
    return found, shares
