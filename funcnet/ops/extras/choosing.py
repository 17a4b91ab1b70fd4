"""Values chosen by conditions and classes: `select`, `apply_where`, `one_hot`."""

from __future__ import annotations

from operator import index as as_integer
from typing import TYPE_CHECKING, Any

from funcnet.core import Spec, raw
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError
from funcnet.ops.bitwise import bitwise_invert
from funcnet.ops.broadcasting import broadcast_to, cast, reshaped
from funcnet.ops.comparison import equal, where
from funcnet.ops.dtypes import result_type
from funcnet.ops.extras.inputs import arrays_of, differs, flattened, one_array
from funcnet.ops.fresh import backend_like, foreign_dtype, integers_like, zeros_raw
from funcnet.ops.indexing import getitem, index_set
from funcnet.ops.manipulation import expand_dims
from funcnet.ops.searching import argmax
from funcnet.ops.shapes import broadcast_shapes, new_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["apply_where", "one_hot", "select"]


def select(condlist: Sequence[Any], choicelist: Sequence[Any], /, default: Any = 0) -> Any:
    """Take each element from the first array whose condition is true.

    Derivative: goes to what is chosen; what is not gets exactly 0.

    Parameters
    ----------
    condlist : sequence of array
        Conditions, of a boolean data type.
    choicelist : sequence of array or number
        As many values; all broadcast against each other.
    default : array or number, default 0
        What to take where no condition is true.

    Returns
    -------
    array
        Of the broadcast shape and promoted data type.

    Raises
    ------
    ParameterError
        If there are no conditions, or not one value for each.
    DtypeError
        If a condition is not boolean.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> x = np.array([-2.0, 0.5, 3.0])
    >>> xp.select([x < 0, x > 1], [-x, x * 10], 7.0)
    array([ 2.,  7., 30.])
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ParameterError(
            "xp.select takes one value for each condition.",
            found=f"{len(condlist)} conditions and {len(choicelist)} values",
            needed="the same number, of at least one",
        )
    for condition in condlist:
        if not isinstance(condition, bool) and kind(condition.dtype) != "b":
            raise DtypeError(
                "xp.select takes booleans as conditions.",
                found=f"an array of dtype {condition.dtype}",
                needed="a boolean data type",
                write="x != 0",
            )
    arrays = [v for v in (*choicelist, default) if hasattr(v, "dtype")]
    if any([v.dtype != arrays[0].dtype for v in arrays]):
        # Before they meet: beside small integers alone, a number for the rest would wrap around.
        dtype = result_type(*arrays)
        *choicelist, default = [cast(v, dtype) if hasattr(v, "dtype") else v for v in (*choicelist, default)]
    y = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        y = where(condition, choice, y)
    return y


def apply_where(
    cond: Any,
    args: Any,
    f1: Callable[..., Any],
    f2: Callable[..., Any] | None = None,
    /,
    *,
    fill_value: Any = None,
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Compute one function where a condition is true, and another one where it is not.

    Each function sees only the elements that it is for, so neither value nor derivative is spoilt by what it would give
    elsewhere. Under `vmap` over the condition and under `jit` they see as many elements each, with others of their
    own in place of those of the other function, and the result is chosen from theirs.

    Derivative: through the function that computed the element.

    Parameters
    ----------
    cond : array
        Of a boolean data type.
    args : array or tuple of array
        Arguments of the functions; they broadcast against `cond`.
    f1 : callable
        Called with the elements of `args` for which `cond` is true, as vectors; elementwise.
    f2 : callable, optional
        The same for the other elements.
    fill_value : number or array without dimensions, optional
        What the other elements are, in place of `f2`.
    kwargs : dict, optional
        Further keyword arguments of both functions.

    Returns
    -------
    array
        Of the broadcast shape and the promoted data type of the functions' results.

    Raises
    ------
    ParameterError
        If not exactly one of `f2` and `fill_value` is given.

    References
    ----------
    array-api-extra, ``apply_where``.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import xp
    >>> x = np.array([-1.0, 0.0, 4.0])
    >>> f = lambda x: xp.apply_where(x > 0, x, xp.sqrt, fill_value=0.0)
    >>> f(x)
    array([0., 0., 2.])
    >>> fn.grad(lambda x: f(x).sum())(x)
    array([0.  , 0.  , 0.25])
    """
    if (f2 is None) == (fill_value is None):
        raise ParameterError(
            "xp.apply_where takes a second function or a value.",
            found="both f2 and fill_value" if f2 is not None else "neither f2 nor fill_value",
            needed="exactly one of them",
            write="xp.apply_where(cond, x, f1, fill_value=0.0)",
        )
    options = kwargs or {}
    cond, *arrays = arrays_of(cond, *(args if isinstance(args, (tuple, list)) else (args,)))
    shape = broadcast_shapes(cond.shape, *[a.shape for a in arrays])
    cond = broadcast_to(cond, shape)
    arrays = [broadcast_to(a, shape) for a in arrays]
    if differs(cond) or raw(cond).__class__ is Spec:
        return _applied_everywhere(cond, arrays, f1, f2, fill_value, options)
    first = f1(*[getitem(a, cond) for a in arrays], **options)
    if f2 is None:
        dtype = result_type(first, fill_value)
        _, fill = arrays_of(first, fill_value)
        return index_set(broadcast_to(cast(fill, dtype), shape), cond, cast(first, dtype))
    other = bitwise_invert(cond)
    second = f2(*[getitem(a, other) for a in arrays], **options)
    dtype = result_type(first, second)
    y = index_set(zeros_raw(cast(first, dtype), shape), cond, cast(first, dtype))
    return index_set(y, other, cast(second, dtype))


def _applied_everywhere(cond: Any, arrays: list[Any], f1: Any, f2: Any, fill_value: Any, options: Any) -> Any:
    """Compute both functions for all elements: how many are for one differs in a batch, or is not known."""
    shape = tuple(cond.shape)
    flat = [flattened(a) for a in arrays]
    chosen = flattened(cond)
    first = f1(*_only(chosen, flat), **options)
    second = fill_value if f2 is None else f2(*_only(bitwise_invert(chosen), flat), **options)
    dtype = result_type(first, second)
    first, second = arrays_of(first, second)
    count = flat[0].shape if flat else (1,)
    first, second = (reshaped(broadcast_to(cast(y, dtype), tuple(count)), shape) for y in (first, second))
    # Neither derivative gets more than zeros where the other function was chosen.
    return where(cond, first, second)


def _only(chosen: Any, vectors: list[Any]) -> list[Any]:
    """Return vectors with one of the chosen elements in place of all others, if any is chosen."""
    if not chosen.shape[0]:
        return vectors
    place = argmax(cast(chosen, integers_like(chosen, "arange", 0).dtype), axis=0)
    return [where(chosen, v, getitem(v, place)) for v in vectors]


def one_hot(x: Any, /, num_classes: int, *, dtype: Any = None, axis: int = -1) -> Any:
    """Vectors with a one at the place of each class, and zeros elsewhere.

    Derivative: none, the classes are integers.

    Parameters
    ----------
    x : array
        Classes, of an integer data type. Those that are not from 0 to ``num_classes - 1`` give zeros only.
    num_classes : int
        How many there are.
    dtype : data type or its name, optional
        The default floating-point one if omitted.
    axis : int, default -1
        The place of the new dimension in the result.

    Returns
    -------
    array
        Of one dimension more than `x`.

    Raises
    ------
    DtypeError
        If `x` is not of an integer data type.
    ShapeError
        If the result does not have the axis.

    References
    ----------
    array-api-extra, ``one_hot``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    x = one_array(x)
    if kind(x.dtype) not in "iu":
        raise DtypeError(
            "xp.one_hot takes integers as classes.",
            found=f"an array of dtype {x.dtype}",
            needed="an integer data type",
            write="xp.astype(x, xp.int64)",
        )
    ndim = len(x.shape) + 1
    place = new_axes("one_hot", ndim, (axis,))[0]
    classes = integers_like(x, "arange", as_integer(num_classes))
    classes = cast(reshaped(classes, (classes.shape[0],) + (1,) * (ndim - 1 - place)), x.dtype)
    return cast(equal(expand_dims(x, axis=place), classes), foreign_dtype(backend_like(x), dtype or float))
