"""The primitive under `resize`: each element along an axis is a weighted sum of a few elements.

The transpose of such a sum is one again, with the table of places and weights transposed, so one primitive serves every
order of derivative, and no derivative needs to scatter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.backends.resampling import table
from funcnet.core import bind, case, linear
from funcnet.ops.batching import along_axis

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["resample"]


def resample(x: Any, axis: int, size: int, method: str, align_corners: bool, scale: float | None) -> Any:
    """Return an array with `size` elements along an axis, made of those that it has there."""
    sizes = (x.shape[axis], size)
    return bind(
        resample_p, x, axis=axis, sizes=sizes, method=method, align=align_corners, scale=scale, transposed=False
    )


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
