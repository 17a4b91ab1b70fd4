"""Integrals and derivatives of sampled functions: the trapezoidal rule and differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError, ShapeError
from funcnet.ops.arithmetic import add, divide, multiply, subtract
from funcnet.ops.axes import one_axis, reduced_axes
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.extras.inputs import along, arrays_of, inexact, one_array
from funcnet.ops.joining import concat
from funcnet.ops.statistical import sum
from funcnet.ops.utility import diff

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["gradient", "trapezoid"]


def trapezoid(y: Any, x: Any = None, /, *, dx: Any = 1.0, axis: int = -1) -> Any:
    r"""Integral of a sampled function by the trapezoidal rule.

    :math:`\sum_i (x_{i+1} - x_i) (y_i + y_{i+1}) / 2`.

    Derivative: linear in `y` and in the distances, with respect to which it is differentiated too.

    Parameters
    ----------
    y : array
        The values, of a numeric data type.
    x : array, optional
        Where they are taken: a vector, or an array that broadcasts against `y`.
    dx : number or array, default 1.0
        The distance between neighbours, without `x`.
    axis : int, default -1
        Along which to integrate.

    Returns
    -------
    array
        Of the shape of `y` without `axis`.

    Raises
    ------
    ShapeError
        If there is no such axis, or `x` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> float(xp.trapezoid(np.array([0.0, 1.0, 4.0]), np.array([0.0, 1.0, 2.0])))
    3.0
    """
    y = inexact(one_array(y))
    place = one_axis("trapezoid", y, axis)
    if x is not None:
        y, x = arrays_of(y, x)
        x = inexact(x)
        if len(x.shape) == 1:
            if x.shape[0] != y.shape[place]:
                raise _misfit("trapezoid", x, y, place)
            dx = reshaped(diff(x), (x.shape[0] - 1,) + (1,) * (len(y.shape) - 1 - place)) if x.shape[0] else x
        else:
            dx = diff(x, axis=one_axis("trapezoid", x, axis))
    pairs = add(along(y, place, 1, None), along(y, place, None, -1))
    return sum(multiply(pairs, dx), axis=place) * 0.5


def gradient(f: Any, /, *spacing: Any, axis: int | Sequence[int] | None = None, edge_order: int = 1) -> Any:
    r"""Derivative of a sampled function by differences of second order.

    Inside, with distances :math:`h` to the left and :math:`k` to the right,
    :math:`(h^2 f_{i+1} + (k^2 - h^2) f_i - k^2 f_{i-1}) / (h k (h + k))`; at the ends one-sided differences.

    Derivative: linear in `f`; the distances and coordinates are differentiated too.

    Parameters
    ----------
    f : array
        The values; integers are converted to the default floating-point data type.
    *spacing : number or array
        Nothing for distances of 1; one number for all axes; or one for each axis, a distance or a vector of the
        coordinates along it.
    axis : int, sequence of int or None, default None
        Along which to differentiate; None for all.
    edge_order : {1, 2}, default 1
        The order of the differences at the ends.

    Returns
    -------
    array or tuple of array
        One for each axis, a tuple unless `axis` is a number or `f` a vector.

    Raises
    ------
    ShapeError
        If there is no such axis, there are less than ``edge_order + 1`` values along it, or coordinates do not fit.
    ParameterError
        If there is not one spacing for each axis, or `edge_order` is neither 1 nor 2.

    References
    ----------
    B. Fornberg, Generation of finite difference formulas on arbitrarily spaced grids, Mathematics of Computation
    51(184) (1988).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.gradient(np.array([1.0, 2.0, 4.0, 7.0]))
    array([1. , 1.5, 2.5, 3. ])
    """
    f = inexact(one_array(f))
    axes = (one_axis("gradient", f, axis),) if isinstance(axis, int) else reduced_axes("gradient", f, axis)
    if isinstance(axis, (tuple, list)):
        axes = tuple([one_axis("gradient", f, a) for a in axis])
    given = list(spacing) if len(spacing) != 1 else [spacing[0]] * len(axes)
    if spacing and len(given) != len(axes):
        raise ParameterError(
            "xp.gradient got another number of spacings than of axes.",
            found=f"{len(given)} for {len(axes)} axes",
            needed="none, one, or one for each axis",
            write="axis=... to choose the axes",
        )
    if edge_order not in (1, 2):
        raise ParameterError(
            "xp.gradient has differences of first and second order at the ends.",
            found=f"edge_order={edge_order!r}",
            needed="1 or 2",
            write="edge_order=1",
        )
    results = [_differences(f, a, h, edge_order) for a, h in zip(axes, given or [1.0] * len(axes), strict=True)]
    return results[0] if len(results) == 1 and not isinstance(axis, (tuple, list)) else tuple(results)


def _differences(f: Any, axis: int, spacing: Any, order: int) -> Any:
    n = f.shape[axis]
    if n < order + 1:
        raise ShapeError(
            "xp.gradient needs more values.",
            found=f"{n} along axis {axis}, edge_order={order}",
            needed=f"at least {order + 1}",
        )
    if isinstance(spacing, (list, tuple)) or len(getattr(spacing, "shape", ())):
        _, places = arrays_of(f, spacing)
        if tuple(places.shape) != (n,):
            raise _misfit("gradient", places, f, axis)
        step = reshaped(diff(inexact(places)), (n - 1,) + (1,) * (len(f.shape) - 1 - axis))
        h, k = along(step, 0, None, -1), along(step, 0, 1, None)
        first, second = along(step, 0, None, 1), along(step, 0, 1, 2)
        last, before = along(step, 0, -1, None), along(step, 0, -2, -1)
    else:
        step = h = k = first = second = last = before = spacing
    slopes = divide(subtract(along(f, axis, 1, None), along(f, axis, None, -1)), step)
    if n > 2:
        left, right = along(slopes, axis, None, -1), along(slopes, axis, 1, None)
        # Each one-sided slope counts by the distance to the other side, so the second order of both is cancelled.
        middle = [divide(add(multiply(left, k), multiply(right, h)), h + k)]
    else:
        middle = []
    start, stop = along(slopes, axis, None, 1), along(slopes, axis, -1, None)
    if order == 2:
        start = add(start, multiply(subtract(start, along(slopes, axis, 1, 2)), divide(first, first + second)))
        stop = add(stop, multiply(subtract(stop, along(slopes, axis, -2, -1)), divide(last, last + before)))
    return concat([start, *middle, stop], axis=axis)


def _misfit(name: str, x: Any, y: Any, axis: int) -> ShapeError:
    return ShapeError(
        f"xp.{name} got coordinates that do not fit.",
        found=f"shape {tuple(x.shape)} for values of shape {tuple(y.shape)} along axis {axis}",
        needed=f"a vector of {y.shape[axis]} coordinates",
    )
