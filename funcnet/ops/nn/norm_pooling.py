"""Norms of windows that slide over the spatial axes."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet import ops
from funcnet.core import bind
from funcnet.core.arguments import check_array
from funcnet.errors import ParameterError
from funcnet.ops.broadcasting import cast
from funcnet.ops.nn.pool_primitives import max_pool_p, sum_pool_p
from funcnet.ops.nn.precision import widened
from funcnet.ops.nn.windows import Windows, check_floating, windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    Sizes = int | Sequence[int]
    Padding = str | int | Sequence[int | Sequence[int]]

__all__ = ["exponent", "lp_pool", "lp_pooled"]


def lp_pool(
    x: Any,
    p: float,
    window: Sizes,
    *,
    stride: Sizes | None = None,
    padding: Padding = "VALID",
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    data_format: str | None = None,
) -> Any:
    r"""Norm of each window over one, two or three spatial axes.

    :math:`y = (\sum_i |x_i|^p)^{1/p}` over the elements of the window; their largest magnitude for infinite p. (PyTorch
    sums :math:`x_i^p`, which is the same for even p and where no element is negative.)

    Derivative: :math:`g\, \mathrm{sign}(x_i)\, |x_i|^{p - 1} / y^{p - 1}`; 0 where the whole window is 0. The elements
    are scaled, so that no power overflows, and none vanishes that matters beside the largest element of its channel.

    Parameters
    ----------
    x : array, shape (batch, spatial..., channels)
        Of a real floating-point data type.
    p : float
        The exponent, at least 1; infinity is allowed.
    window : int or tuple of int
        Size of the window, the same along each spatial axis or one for each.
    stride : int or tuple of int, optional
        Step from one window to the next; the size of the window if omitted.
    padding : {"VALID", "SAME"} or int or tuple
        As for `max_pool`; it counts as zeros.
    dilation : int or tuple of int, default 1
        Step from one element of a window to the next.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the padding, if it begins before the end of the array.
    data_format : str, optional
        ``"NCHW"`` (``"NCW"``, ``"NCDHW"``) where channels come first; channels are last otherwise.

    Returns
    -------
    array
        Of the data type of `x`.

    Raises
    ------
    ShapeError
        If `x` has the wrong number of axes, or the window is larger than the padded input.
    ParameterError
        If a parameter is none of these.
    DtypeError
        If `x` is not real floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.functional.lp_pool(np.array([3.0, -4.0, 0.0, 0.0]).reshape(1, 4, 1), 2, 2).ravel()
    array([5., 0.])
    """
    check_array("nn.functional.lp_pool", x)
    found = windows("nn.functional.lp_pool", x.shape, window, stride, padding, dilation, ceil_mode, data_format)
    return lp_pooled("nn.functional.lp_pool", x, found, exponent("nn.functional.lp_pool", p))


def exponent(name: str, p: Any) -> float:
    """Return the exponent of a norm as a float."""
    if isinstance(p, bool) or not isinstance(p, (int, float)) or not p >= 1:
        raise ParameterError(
            f"{name} takes the exponent of a norm.", found=repr(p), needed="a number of at least 1", write="p=2"
        )
    return float(p)


def lp_pooled(name: str, x: Any, found: Windows, p: float) -> Any:
    """Return the norms of windows, for a caller of that name."""
    check_floating(name, x)
    size = ops.abs(widened(x))
    if p == inf:
        peak = bind(max_pool_p, size, **found.params())
        # A window of padding alone.
        return cast(ops.where(peak < 0.0, 0.0, peak), x.dtype)
    if p == 1:
        return cast(bind(sum_pool_p, size, **found.params()), x.dtype)
    unit = ops.max(size, axis=found.axes, keepdims=True)
    # A power of two, whose exponent has no derivative, so that scaling rounds nothing and is not differentiated.
    ordinary = (unit > 0.0) & ops.isfinite(unit)
    unit = ops.pow(2.0, ops.floor(ops.log2(ops.where(ordinary, unit, 1.0))))
    size = size / unit
    total = bind(sum_pool_p, ops.square(size) if p == 2 else ops.pow(size, p), **found.params())
    empty = total == 0.0
    root = ops.pow(ops.where(empty, 1.0, total), 1 / p)
    return cast(ops.where(empty, 0.0, root) * unit, x.dtype)
