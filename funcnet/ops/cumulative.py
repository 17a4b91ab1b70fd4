r"""Cumulative sums and products, and the linear recurrence that their derivatives are made of.

The derivative of a cumulative product is a recurrence :math:`s_i = a_i s_{i-1} + b_i`, which holds at zeros, where
quotients would fail. The recurrence is a primitive whose rules are recurrences again, so every order is exact, with
memory proportional to the array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.core import bind, case, general, linear
from funcnet.core.dtypes import is_inexact
from funcnet.errors import ParameterError
from funcnet.ops.arithmetic import multiply
from funcnet.ops.axes import check_accumulator, native_dtype, one_axis, rank
from funcnet.ops.batching import along_axis
from funcnet.ops.broadcasting import cast
from funcnet.ops.slicing import taken
from funcnet.ops.strong import strong_multiply

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cumulative_prod", "cumulative_sum", "linear_recurrence", "products_of_others", "shifted"]

_FULL = (None, None, None)


def _flipped(xp: Any, x: Any, axis: int, reverse: bool) -> Any:
    return xp.flip(x, axis=axis) if reverse else x


def _part(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """Return ``x[start:stop]`` along `axis`."""
    return taken(x, (*(_FULL,) * axis, (start, stop, None)))


def _along(axis: int, start: int | None, stop: int | None) -> tuple[Any, ...]:
    """Return the key of ``start:stop`` along `axis` of a raw array."""
    return (*(slice(None),) * axis, slice(start, stop), ...)


def _scanned(name: str) -> Callable[..., Any]:
    def impl(xp: Any, x: Any, *, axis: int, initial: bool, reverse: bool) -> Any:
        y = getattr(xp, name)(_flipped(xp, x, axis, reverse), axis=axis, include_initial=initial)
        return _flipped(xp, y, axis, reverse)

    return impl


def _scan_shape(x: Any, *, axis: int, initial: bool, reverse: bool) -> tuple[int, ...]:  # noqa: ARG001  # the rule's form
    return tuple([n + (initial and i == axis) for i, n in enumerate(x.shape)])


_SCANS = (
    case((4,), axis=0, initial=False, reverse=False),
    case((2, 3), axis=1, initial=True, reverse=False),
    case((3, 2), axis=0, initial=False, reverse=True),
    case((3, 2), axis=0, initial=True, reverse=True),
    case((0, 2), axis=0, initial=True, reverse=False),
)


# ---------------------------------------------------------------------- shift and recurrence


def _shift_impl(xp: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    n = x.shape[axis]
    if not n:
        return x
    zero = xp.zeros_like(x[_along(axis, 0, 1)])
    if reverse:
        return xp.concat([x[_along(axis, 1, None)], zero], axis=axis)
    return xp.concat([zero, x[_along(axis, 0, n - 1)]], axis=axis)


shift_p = linear(
    "shift",
    _shift_impl,
    transpose=(lambda y, x, *, axis, reverse: lambda g: shifted(g, axis, not reverse),),  # noqa: ARG005  # the rule's form
    shape=lambda x, *, axis, reverse: x.shape,  # noqa: ARG005  # the rule's form
    internal=True,
    batch=along_axis,
    dtypes="numeric",
    cases=(case((4,), axis=0, reverse=False), case((2, 3), axis=1, reverse=True), case((0, 2), axis=0, reverse=False)),
)


def shifted(x: Any, axis: int, reverse: bool = False) -> Any:
    """Return `x` moved by one place along `axis`, backwards if `reverse`, with a zero moved in."""
    return bind(shift_p, x, axis=axis, reverse=reverse)


def _recurrence_impl(xp: Any, a: Any, b: Any, *, axis: int, reverse: bool, lagged: bool) -> Any:
    """Solve by doubling: after step k each element holds the sum over the 2**k places before it."""
    a, s = _flipped(xp, a, axis, reverse), _flipped(xp, b, axis, reverse)
    n = s.shape[axis]
    if lagged:
        a = _shift_impl(xp, a, axis=axis, reverse=False)
    step = 1
    while step < n:
        head, tail, start = _along(axis, 0, step), _along(axis, step, None), _along(axis, 0, n - step)
        # A zero stays zero, though the product of the factors may have overflowed.
        carried = xp.where(s[start] == 0, s[start], a[tail] * s[start])
        s = xp.concat([s[head], s[tail] + carried], axis=axis)
        a = xp.concat([a[head], a[tail] * a[start]], axis=axis)
        step *= 2
    return _flipped(xp, s, axis, reverse)


def _factor_vjp(s: Any, a: Any, b: Any, *, axis: int, reverse: bool, lagged: bool) -> Callable[[Any], Any]:  # noqa: ARG001
    def pull(g: Any) -> Any:
        back = linear_recurrence(a, g, axis, not reverse, not lagged)
        return multiply(s, shifted(back, axis, not reverse)) if lagged else multiply(shifted(s, axis, reverse), back)

    return pull


def _term_vjp(s: Any, a: Any, b: Any, *, axis: int, reverse: bool, lagged: bool) -> Callable[[Any], Any]:  # noqa: ARG001
    return lambda g: linear_recurrence(a, g, axis, not reverse, not lagged)


def _recurrence_jvp(ts: Any, s: Any, a: Any, b: Any, *, axis: int, reverse: bool, lagged: bool) -> Any:  # noqa: ARG001
    ta, t = ts
    if ta is not None:
        moved = shifted(ta * s, axis, reverse) if lagged else ta * shifted(s, axis, reverse)
        t = moved if t is None else t + moved
    return linear_recurrence(a, t, axis, reverse, lagged)


recurrence_p = general(
    "linear_recurrence",
    _recurrence_impl,
    vjp=(_factor_vjp, _term_vjp),
    jvp=_recurrence_jvp,
    shape=lambda a, b, *, axis, reverse, lagged: b.shape,  # noqa: ARG005  # the rule's form
    internal=True,
    batch=along_axis,
    dtypes="floating",
    cases=(
        case((4,), (4,), axis=0, reverse=False, lagged=False),
        case((3, 2), (3, 2), axis=0, reverse=True, lagged=True),
        case((2, 3), (2, 3), axis=1, reverse=True, lagged=False),
        case((2, 3), (2, 3), axis=1, reverse=False, lagged=True),
    ),
)


def linear_recurrence(a: Any, b: Any, axis: int, reverse: bool = False, lagged: bool = False) -> Any:
    r"""Return the solution of :math:`s_i = a_i s_{i-1} + b_i` along `axis`, for `a` and `b` of one shape.

    `lagged` means :math:`a_{i-1}` in place of :math:`a_i`; `reverse` runs from the last element to the first, so that
    "before" is the place after. The transpose with respect to b changes both.
    """
    return bind(recurrence_p, a, b, axis=axis, reverse=reverse, lagged=lagged)


# ---------------------------------------------------------------------- cumulative sum and product


def _sum_transpose(y: Any, x: Any, *, axis: int, initial: bool, reverse: bool) -> Callable[[Any], Any]:  # noqa: ARG001
    def pull(g: Any) -> Any:
        return _scan(sum_p, _without_initial(g, axis, reverse) if initial else g, axis, False, not reverse)

    return pull


def _without_initial(y: Any, axis: int, reverse: bool) -> Any:
    return _part(y, axis, None, -1) if reverse else _part(y, axis, 1, None)


sum_p = linear(
    "cumulative_sum",
    _scanned("cumulative_sum"),
    transpose=(_sum_transpose,),
    shape=_scan_shape,
    result="sum",
    batch=along_axis,
    dtypes="numeric",
    cases=_SCANS,
)


def _products_before(x: Any, axis: int, reverse: bool) -> Any:
    """Return the product of the elements before each one, after it if `reverse`."""
    full = _scan(prod_p, x, axis, True, reverse)
    return _part(full, axis, 1, None) if reverse else _part(full, axis, None, -1)


def _prod_vjp(y: Any, x: Any, *, axis: int, initial: bool, reverse: bool) -> Callable[[Any], Any]:  # noqa: ARG001
    def pull(g: Any) -> Any:
        if initial:
            g = _without_initial(g, axis, reverse)
        # What follows an element: g_i + x_(i+1) (g_(i+1) + x_(i+2) (...)).
        later = linear_recurrence(x, g, axis, not reverse, True)
        return strong_multiply(later, _products_before(x, axis, reverse))

    return pull


def _prod_jvp(ts: Any, y: Any, x: Any, *, axis: int, initial: bool, reverse: bool) -> Any:  # noqa: ARG001
    t = linear_recurrence(x, strong_multiply(ts[0], _products_before(x, axis, reverse)), axis, reverse)
    return _with_initial_zero(t, axis, reverse) if initial else t


def _with_initial_zero(t: Any, axis: int, reverse: bool) -> Any:
    return bind(lead_p, t, axis=axis, reverse=reverse)


def _lead_impl(xp: Any, x: Any, *, axis: int, reverse: bool) -> Any:
    shape = tuple([1 if i == axis else n for i, n in enumerate(x.shape)])
    zero = xp.zeros(shape, dtype=x.dtype, device=x.device)
    return xp.concat([x, zero] if reverse else [zero, x], axis=axis)


lead_p = linear(
    "lead",
    _lead_impl,
    transpose=(lambda y, x, *, axis, reverse: lambda g: _without_initial(g, axis, reverse),),  # noqa: ARG005
    shape=lambda x, *, axis, reverse: tuple([n + (i == axis) for i, n in enumerate(x.shape)]),  # noqa: ARG005
    internal=True,
    batch=along_axis,
    dtypes="numeric",
    cases=(case((3,), axis=0, reverse=False), case((2, 3), axis=1, reverse=True), case((0, 2), axis=0, reverse=False)),
)

prod_p = general(
    "cumulative_prod",
    _scanned("cumulative_prod"),
    vjp=(_prod_vjp,),
    jvp=_prod_jvp,
    shape=_scan_shape,
    result="sum",
    batch=along_axis,
    dtypes="numeric",
    cases=_SCANS,
)


def _scan(primitive: Any, x: Any, axis: int, initial: bool, reverse: bool) -> Any:
    return bind(primitive, x, axis=axis, initial=initial, reverse=reverse)


def products_of_others(x: Any, axis: int) -> Any:
    """Return, in place of each element, the product of the others along `axis`."""
    return _products_before(x, axis, False) * _products_before(x, axis, True)


def _cumulative(primitive: Any, x: Any, axis: int | None, dtype: Any, include_initial: bool) -> Any:
    name = primitive.name
    if axis is None:
        if rank(name, x) != 1:
            raise ParameterError(
                f"xp.{name} needs an axis unless the array has one dimension.",
                found=f"axis=None for shape {tuple(x.shape)}",
                needed="an integer",
                write=f"xp.{name}(x, axis=-1), or xp.reshape(x, (-1,)) first",
            )
        axis = 0
    axis = one_axis(name, x, axis)
    if dtype is not None:
        dtype = native_dtype(x, dtype)
        check_accumulator(name, x, dtype)
        x = cast(x, dtype)
        if not is_inexact(dtype):
            return cast(_scan(primitive, x, axis, bool(include_initial), False), dtype)
    return _scan(primitive, x, axis, bool(include_initial), False)


def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """Sum of the elements up to each one.

    Derivative: linear; each element gets the sum of the cotangents from it on.

    Parameters
    ----------
    x : array
        Of a numeric data type, with at least one dimension.
    axis : int, optional
        Along which to sum; optional for one dimension only.
    dtype : data type, optional
        To which `x` is converted first. Without it, integers are summed in the default integer data type, or a larger
        one of theirs.
    include_initial : bool, default False
        Whether the result begins with the sum of nothing, 0, and is longer by one.

    Returns
    -------
    array
        Of the shape of `x`, but for the initial value.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.
    ParameterError
        If the axis is left out and `x` does not have exactly one dimension.
    DtypeError
        If `dtype` is real and `x` is complex.

    References
    ----------
    Python Array API standard, ``cumulative_sum``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.cumulative_sum(np.array([1.0, 2.0, 3.0]), include_initial=True)
    array([0., 1., 3., 6.])
    """
    return _cumulative(sum_p, x, axis, dtype, include_initial)


def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """Product of the elements up to each one.

    Derivative: exact at zeros in every order, since nothing is divided; it takes time and memory proportional to `x`.

    Parameters
    ----------
    x : array
        Of a numeric data type, with at least one dimension.
    axis : int, optional
        Along which to multiply; optional for one dimension only.
    dtype : data type, optional
        To which `x` is converted first. Without it, integers are multiplied in the default integer data type, or a
        larger one of theirs.
    include_initial : bool, default False
        Whether the result begins with the product of nothing, 1, and is longer by one.

    Returns
    -------
    array
        Of the shape of `x`, but for the initial value.

    Raises
    ------
    ShapeError
        If `x` does not have the axis.
    ParameterError
        If the axis is left out and `x` does not have exactly one dimension.
    DtypeError
        If `dtype` is real and `x` is complex.

    References
    ----------
    Python Array API standard, ``cumulative_prod``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.cumulative_prod(np.array([1.0, 2.0, 3.0]))
    array([1., 2., 6.])
    """
    return _cumulative(prod_p, x, axis, dtype, include_initial)
