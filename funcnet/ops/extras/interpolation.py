"""`interp`: values between points, on straight lines."""

from __future__ import annotations

from typing import Any

from funcnet.errors import ShapeError
from funcnet.ops.along import take
from funcnet.ops.arithmetic import add, multiply, remainder, subtract
from funcnet.ops.comparison import equal, greater, less, logical_or, where
from funcnet.ops.extras.inputs import along, arrays_of, inexact
from funcnet.ops.joining import concat
from funcnet.ops.searching import searchsorted
from funcnet.ops.sorting import argsort
from funcnet.ops.strong import divide_or_zero

__all__ = ["interp"]


def interp(x: Any, xp: Any, fp: Any, /, *, left: Any = None, right: Any = None, period: float | None = None) -> Any:
    r"""Interpolate linearly between points.

    Between :math:`x_i` and :math:`x_{i+1}` it is :math:`f_i + (f_{i+1} - f_i) (x - x_i) / (x_{i+1} - x_i)`.

    Derivative: with respect to `x` the slope of the line, at a point that of the line on its right, at the last point
    that of the last line, and 0 outside of the points; with respect to `xp` and `fp` that of the formula. Where points
    coincide there is no line between them, and the value is the last one's.

    Parameters
    ----------
    x : array
        Where to interpolate, of a real data type.
    xp : array
        The points' places, in ascending order unless there is a period; a vector.
    fp : array
        The points' values, real or complex; a vector of the same size.
    left, right : number or array, optional
        The values before the first and after the last point; those points' own if omitted.
    period : float, optional
        If given the places are taken modulo the period, and `left` and `right` do not count.

    Returns
    -------
    array
        Of the shape of `x`.

    Raises
    ------
    ShapeError
        If `xp` and `fp` are not vectors of one size, or are empty.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> px, py = np.array([0.0, 1.0, 3.0]), np.array([0.0, 10.0, 0.0])
    >>> xp.interp(np.array([-1.0, 0.5, 2.0]), px, py)
    array([0., 5., 5.])
    >>> fn.grad(lambda x: xp.interp(x, px, py))(np.array(1.0))
    array(-5.)
    """
    x, xp, fp = [inexact(a) for a in arrays_of(x, xp, fp)]
    if len(xp.shape) != 1 or tuple(xp.shape) != tuple(fp.shape) or not xp.shape[0]:
        raise ShapeError(
            "xp.interp takes points as two vectors.",
            found=f"shapes {tuple(xp.shape)} and {tuple(fp.shape)}",
            needed="one dimension each, of one size, of at least one element",
        )
    if period is not None:
        period = abs(float(period))
        x, xp = remainder(x, period), remainder(xp, period)
        order = argsort(xp)
        xp, fp = take(xp, order), take(fp, order)
        xp = concat([along(xp, 0, -1, None) - period, xp, along(xp, 0, None, 1) + period])
        fp = concat([along(fp, 0, -1, None), fp, along(fp, 0, None, 1)])
    n = xp.shape[0]
    first, last = xp[0], xp[n - 1]
    low, high = less(x, first), greater(x, last)
    if n == 1:
        y = multiply(fp[0], add(multiply(where(logical_or(low, high), 0.0, x), 0.0), 1.0))
    else:
        after = searchsorted(xp, x, side="right")
        after = where(less(after, 1), 1, where(greater(after, n - 1), n - 1, after))
        x0, x1, f0, f1 = [take(p, i) for p in (xp, fp) for i in (after - 1, after)]
        # Outside of the points the line does not count; what is put there keeps infinities out of it.
        offset = subtract(where(logical_or(low, high), x0, x), x0)
        line = add(f0, multiply(subtract(f1, f0), divide_or_zero(offset, subtract(x1, x0))))
        y = where(equal(x0, x1), f1, line)
    if period is not None:
        return y
    y = where(low, fp[0] if left is None else left, y)
    return where(high, fp[n - 1] if right is None else right, y)
