"""The linear operations that every derived rule is made of: broadcast, its transpose the sum, reshape, and cast."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.core import Arg, bind, case, elementwise, general, linear
from funcnet.core.dtypes import is_inexact, kind
from funcnet.errors import ShapeError
from funcnet.ops.axes import rank
from funcnet.ops.batching import along_axis, as_it_is, reshaping, stretching
from funcnet.ops.views import View, viewed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["broadcast_to", "cast", "real", "reshaped", "sum_over", "sum_to"]


def _sum_impl(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool, dtype: Any) -> Any:
    return xp.sum(x, axis=axis, keepdims=keepdims, dtype=dtype)


def _sum_transpose(y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool, dtype: Any) -> Callable[[Any], Any]:  # noqa: ARG001
    shape = x.shape
    kept = y.shape if keepdims else tuple([1 if i in axis else n for i, n in enumerate(shape)])
    return lambda g: broadcast_to(g if keepdims or not kept else reshaped(g, kept), shape)


def _sum_shape(x: Any, *, axis: tuple[int, ...], keepdims: bool, dtype: Any) -> tuple[int, ...]:  # noqa: ARG001
    if keepdims:
        return tuple(1 if i in axis else n for i, n in enumerate(x.shape))
    return tuple(n for i, n in enumerate(x.shape) if i not in axis)


sum_p = linear(
    "sum",
    _sum_impl,
    transpose=(_sum_transpose,),
    shape=_sum_shape,
    result="sum",
    batch=along_axis,
    dtypes="numeric",
    cases=(
        case((2, 3), axis=(0, 1), keepdims=False, dtype=None),
        case((2, 3), axis=(1,), keepdims=True, dtype=None),
        case((2, 0, 3), axis=(1,), keepdims=False, dtype=None),
        case((), axis=(), keepdims=False, dtype=None),
    ),
)

broadcast_to_p = linear(
    "broadcast_to",
    lambda xp, x, *, shape: xp.broadcast_to(x, shape),
    transpose=(lambda y, x, *, shape: (lambda s: lambda g: sum_to(g, s))(x.shape),),  # noqa: ARG005
    shape=lambda x, *, shape: shape,  # noqa: ARG005
    batch=stretching,
    dtypes="all",
    cases=(case((3,), shape=(2, 3)), case((2, 1), shape=(4, 2, 3)), case((), shape=(2,)), case((1,), shape=(0,))),
)

reshape_p = linear(
    "reshape",
    lambda xp, x, *, shape: xp.reshape(x, shape),
    transpose=(lambda y, x, *, shape: (lambda s: lambda g: reshaped(g, s))(x.shape),),  # noqa: ARG005
    shape=lambda x, *, shape: shape,  # noqa: ARG005
    batch=reshaping,
    dtypes="all",
    cases=(case((2, 3), shape=(6,)), case((), shape=(1, 1)), case((0, 2), shape=(0,))),
)

astype_p = linear(
    "astype",
    lambda xp, x, *, dtype: xp.astype(x, dtype),
    # The cast back to the argument's dtype is part of every derived reverse rule.
    transpose=(lambda y, x, *, dtype: None,),  # noqa: ARG005
    shape=lambda x, *, dtype: x.shape,  # noqa: ARG005
    batch=as_it_is,
    dtypes="all",
    cases=(case((2, 3), dtype="complex128"), case((), dtype="complex128"), case((0, 2), dtype="complex128")),
)

# A separate primitive, because its result carries no derivative.
to_exact_p = general(
    "astype_exact",
    lambda xp, x, *, dtype: xp.astype(x, dtype),
    vjp=None,
    shape=lambda x, *, dtype: x.shape,  # noqa: ARG005
    batch=as_it_is,
    dtypes="real",
    cases=(case(Arg((2, 3), low=0.0), dtype="int32"), case(Arg((), low=0.0), dtype="uint8"), case((0,), dtype="bool")),
)

real_p = elementwise(
    "real",
    # The plain transpose of the real part: Re(g * t) = Re((g + 0j) * t).
    partials=(lambda g, x: cast(g, x.dtype),),
    forwards=(lambda g: real(g),),
    domain=((-inf, inf),),
    derivative=("1",),
    dtypes="numeric",
    analytic=False,
)


def sum_over(x: Any, axis: tuple[int, ...], *, keepdims: bool = False, dtype: Any = None) -> Any:
    """Sum over `axis`, a tuple of non-negative dimensions."""
    return bind(sum_p, x, axis=axis, keepdims=keepdims, dtype=dtype)


def reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """Reshape to a shape without -1."""
    return viewed(bind(reshape_p, x, shape=shape), x, _RESHAPED, shape)


_RESHAPED = View(
    lambda x, shape: bind(reshape_p, x, shape=shape),
    lambda x, _, part: bind(reshape_p, part, shape=tuple(x.shape)),
    lie=lambda x, shape: np.reshape(x, shape, copy=False),
    certain=False,
)


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the dimensions along which `shape` was broadcast to the shape of `x`: the transpose of broadcasting."""
    found = x.shape
    if found == shape:
        return x
    lead = len(found) - len(shape)
    axis = tuple([i for i, n in enumerate(found) if i < lead or (shape[i - lead] == 1 and n != 1)])
    if not lead:
        return sum_over(x, axis, keepdims=True)
    summed = sum_over(x, axis)
    return summed if summed.shape == shape else reshaped(summed, shape)


def broadcast_to(x: Any, /, shape: tuple[int, ...]) -> Any:
    """Broadcast an array to a shape.

    Derivative: linear; its transpose sums over the dimensions that were added or stretched.

    Parameters
    ----------
    x : array
        Of any data type.
    shape : tuple of int
        The result's shape, to which that of `x` broadcasts.

    Returns
    -------
    array
        Of shape `shape`; it may share memory with `x`.

    Raises
    ------
    ShapeError
        If `x` does not broadcast to `shape`.

    References
    ----------
    Python Array API standard, ``broadcast_to``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.broadcast_to(np.array([1.0, 2.0]), (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    shape = tuple(shape)
    rank("broadcast_to", x)
    found = tuple(x.shape)
    if found == shape:
        return x
    lead = len(shape) - len(found)
    if lead < 0 or any(n not in (1, m) for n, m in zip(found, shape[lead:], strict=True)):
        raise ShapeError(
            "xp.broadcast_to got a shape that the array does not broadcast to.",
            found=f"{found} and shape={shape}",
            needed="each dimension of the array equal to the target's, or 1, counted from the last",
            write="xp.expand_dims(x, axis=-1) to add a dimension on the right",
        )
    return viewed(bind(broadcast_to_p, x, shape=shape), x, _BROADCAST, shape)


# An element is shown in many places, so nothing can be put back.
_BROADCAST = View(
    lambda x, shape: bind(broadcast_to_p, x, shape=shape), None, lie=lambda x, shape: np.broadcast_to(x, shape)
)


def real(x: Any, /) -> Any:
    """Real part of each element; a real array is returned as it is.

    Derivative: the real part is linear over the real numbers; its plain transpose embeds the cotangent as ``g + 0j``.

    Parameters
    ----------
    x : array
        Of a numeric data type.

    Returns
    -------
    array
        Of the real data type with the precision of `x`.

    References
    ----------
    Python Array API standard, ``real``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.real(np.array([1 + 2j]))
    array([1.])
    """
    rank("real", x)
    return bind(real_p, x) if kind(x.dtype) == "c" else x


def cast(x: Any, dtype: Any) -> Any:
    """Convert to a dtype; from complex to real the imaginary part is dropped, as the transpose of the embedding."""
    if x.dtype == dtype:
        return x
    if kind(x.dtype) == "c" and kind(dtype) != "c":
        x = real(x)
        if x.dtype == dtype:
            return x
    return bind(astype_p if is_inexact(dtype) else to_exact_p, x, dtype=dtype)
