"""NumPy kernels of normalisation.

Sums are products of a matrix with ones where the memory allows it, which BLAS does several times faster than NumPy
adds, and sums of products are formed without the array of products.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

Axes = tuple[int, ...]

_add: Any = np.add.reduce
_BLAS = (np.dtype(np.float32), np.dtype(np.float64))


def _kept(shape: tuple[int, ...], axis: Axes) -> tuple[int, ...]:
    return tuple([1 if i in axis else n for i, n in enumerate(shape)])


def _count(shape: tuple[int, ...], axis: Axes) -> int:
    n = 1
    for a in axis:
        n *= shape[a]
    return n


def _split(shape: tuple[int, ...], axis: Axes) -> int | None:
    """Return 0 if the axes come first and the others after them, 1 the other way round, None if they are mixed."""
    if axis == tuple(range(len(axis))):
        return 0
    return 1 if axis == tuple(range(len(shape) - len(axis), len(shape))) else None


def _total(x: Any, axis: Axes) -> Any:
    """Return the sum over the axes, which stay with size 1."""
    side = _split(x.shape, axis) if x.dtype in _BLAS and x.flags.c_contiguous and x.size else None
    if side is None:
        return _add(x, axis, None, None, True)
    n = _count(x.shape, axis)
    ones = np.ones(n, x.dtype)
    y = ones @ x.reshape(n, -1) if side == 0 else x.reshape(-1, n) @ ones
    return y.reshape(_kept(x.shape, axis))


def _inner(a: Any, b: Any, axis: Axes) -> Any:
    """Return the sum of the products over the axes, which stay with size 1."""
    labels = list(range(a.ndim))
    # Partial sums along the first of several axes: their errors are smaller than those of one long sum.
    rest = [i for i in labels if i not in axis or (i == axis[0] and len(axis) > 1)]
    part = np.einsum(a, labels, b, labels, rest)
    if len(axis) > 1:
        part = _add(part, rest.index(axis[0]))
    return part.reshape(_kept(a.shape, axis))


def _inverse_root(x: Any) -> Any:
    root = np.sqrt(x)
    if root.all():
        return np.divide(1.0, root, dtype=root.dtype)
    return np.divide(1.0, root, out=np.zeros_like(root), where=root != 0)


def _standardize(x: Any, *, axis: Axes, eps: float) -> tuple[Any, Any, Any]:
    n = x.dtype.type(_count(x.shape, axis))
    mean = _total(x, axis) / n
    d = np.subtract(x, mean)
    error = _total(d, axis) / n
    var = _inner(d, d, axis) / n
    # What the rounding of the mean has added to the variance.
    excess = error * error
    limit = np.finfo(x.dtype).eps
    if (excess > var * (64 * limit * limit)).any():
        d -= error
        mean = mean + error
        var = _inner(d, d, axis) / n
    np.multiply(d, _inverse_root(var + x.dtype.type(eps)), out=d)
    return d, mean, var


def _rescale(x: Any, *, axis: Axes, eps: float) -> tuple[Any, Any]:
    square = _inner(x, x, axis) / x.dtype.type(_count(x.shape, axis))
    return x * _inverse_root(square + x.dtype.type(eps)), square


def _rescale_pull(g: Any, y: Any, r: Any, *, axis: Axes, centered: bool) -> Any:
    n = g.dtype.type(_count(g.shape, axis))
    t = y * (_inner(g, y, axis) / n)
    np.subtract(g, t, out=t)
    if centered:
        t -= _total(g, axis) / n
    t *= r
    return t


def _product_sum(a: Any, b: Any, *, axis: Axes) -> Any:
    return _inner(a, b, axis)


def _scale_shift(x: Any, scale: Any, bias: Any) -> Any:
    y = x * scale
    if bias.dtype != y.dtype:
        return y + bias
    y += bias
    return y


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "inverse_root": _inverse_root,
        "product_sum": _product_sum,
        "rescale": _rescale,
        "rescale_pull": _rescale_pull,
        "scale_shift": _scale_shift,
        "standardize": _standardize,
    }
)
