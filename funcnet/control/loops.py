"""Loops: ``while_loop`` and ``fori_loop``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree
from funcnet.backends import default_int_dtype
from funcnet.compiler.capture import running_capture
from funcnet.control.captured import repeat, scan_steps
from funcnet.control.kinds import (
    abstract,
    check_callable,
    check_same,
    integer,
    is_abstract,
    trace_without_values,
)
from funcnet.control.mapped import as_array, holds_somewhere, is_mapped, select
from funcnet.control.private import handles, private
from funcnet.core.dtypes import kind
from funcnet.errors import ParameterError
from funcnet.ops import arange, astype

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["fori_loop", "while_loop"]

#: Ranges up to this length are written out in a captured function, with Python integers as in eager code.
_UNROLLED = 8

_WRITE = "xp.astype or xp.broadcast_to in the body, or an initial value of that shape and dtype"


def while_loop(cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any) -> Any:
    """Apply a function again and again as long as a condition holds.

    The number of steps is that of the values at hand, and each step is recorded, so both forward and reverse mode go
    through the loop (in JAX only forward mode does). Where only shapes are known (`eval_shape`), the condition and the
    body run once. Where the condition differs from element to element of a batch (`vmap`), the loop ends with the last
    of them, and the others keep their value from the step at which their condition became false.

    Parameters
    ----------
    cond_fun : callable
        Function of the value that returns a boolean scalar.
    body_fun : callable
        Function of the value that returns the next one: of the same structure, shapes and dtypes.
    init_val : pytree
        The first value.

    Returns
    -------
    pytree
        The first value for which `cond_fun` is false.

    Raises
    ------
    ParameterError
        If the condition is not a boolean scalar.
    TreeError, ShapeError, DtypeError
        If the body changes the structure, a shape or a dtype; names the path.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> f = lambda x: fn.while_loop(lambda y: y < 100.0, lambda y: y * y, x)
    >>> fn.value_and_grad(f)(np.array(3.0))
    (np.float64(6561.0), array(17496.))
    """
    check_callable(cond_fun, "fn.while_loop", "cond_fun")
    check_callable(body_fun, "fn.while_loop", "body_fun")
    trace = trace_without_values(init_val)
    if trace is not None:
        value = tree.map(lambda leaf: abstract(trace, leaf), init_val)
        _checked_condition(cond_fun(value))
        return _next("fn.while_loop", value, body_fun(value))
    if running_capture() is not None:
        return repeat(
            lambda value: _checked_condition(cond_fun(value)),
            lambda value: _next("fn.while_loop", value, body_fun(value)),
            init_val,
        )
    value = private(init_val)
    while True:
        condition = _checked_condition(cond_fun(value))
        mapped = is_mapped(condition)
        if not (holds_somewhere(condition) if mapped else condition):
            return value
        new = _next("fn.while_loop", value, body_fun(handles(value)))
        value = select(condition, new, value) if mapped else new


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """Apply a function for each integer of a range.

    Parameters
    ----------
    lower, upper : int or integer array without dimensions
        The range; `upper` is not part of it.
    body_fun : callable
        ``body_fun(i, value)`` returns the next value: of the same structure, shapes and dtypes. `i` is a Python
        integer, unless `vmap` maps over `lower`; under `jit` it is an integer array where there are more than 8 steps
        or a bound is not known.
    init_val : pytree
        The first value.

    Returns
    -------
    pytree
        The last value; `init_val` if the range is empty.

    Raises
    ------
    ParameterError
        If a bound is not an integer.
    TreeError, ShapeError, DtypeError
        If the body changes the structure, a shape or a dtype; names the path.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> fn.grad(lambda x: fn.fori_loop(0, 3, lambda i, y: y * x + i, x))(np.array(2.0))
    array(33.)
    """
    check_callable(body_fun, "fn.fori_loop", "body_fun")
    start = integer(lower, "fn.fori_loop", "the lower bound")
    stop = integer(upper, "fn.fori_loop", "the upper bound")
    trace = trace_without_values(init_val, lower, upper)
    if trace is not None:
        value = tree.map(lambda leaf: abstract(trace, leaf), init_val)
        if not (is_abstract(start) or is_abstract(stop)) and start >= stop:
            return value
        # The index stays a Python integer, which does not change the dtypes of what it is combined with.
        return _next("fn.fori_loop", value, body_fun(0 if is_abstract(start) else start, value))
    if running_capture() is not None and (_open(start) or _open(stop) or stop - start > _UNROLLED):
        return _captured_range(start, stop, body_fun, init_val)
    if is_mapped(start) or is_mapped(stop):
        return _mapped_range(start, stop, body_fun, init_val)
    value = private(init_val) if start < stop else init_val
    for i in range(start, stop):
        value = _next("fn.fori_loop", value, body_fun(i, value))
    return value


def _open(bound: Any) -> bool:
    """Whether a graph cannot know a bound: it has no value yet, or `vmap` outside of the graph maps over it."""
    return is_abstract(bound) or is_mapped(bound)


def _captured_range(start: Any, stop: Any, body_fun: Callable[[Any, Any], Any], init: Any) -> Any:
    """Run the steps as one equation; the index is an array, of the default integer dtype."""
    if _open(start) or _open(stop):
        first = astype(as_array(start), default_int_dtype())

        def step(state: Any) -> Any:
            i, value = state
            return i + 1, _next("fn.fori_loop", value, body_fun(i, value))

        return repeat(lambda state: state[0] < stop, step, (first, init))[1]
    return scan_steps(
        lambda value, i: (_next("fn.fori_loop", value, body_fun(i, value)), None),
        init,
        arange(start, stop),
        stop - start,
        reverse=False,
        again=False,
    )[0]


def _mapped_range(start: Any, stop: Any, body_fun: Callable[[Any, Any], Any], value: Any) -> Any:
    """Run the steps of all elements of a batch; those that are through keep their value."""
    i = start
    while holds_somewhere(active := i < stop):
        value = select(active, _next("fn.fori_loop", value, body_fun(i, handles(value))), value)
        i = i + 1
    return value


def _next(name: str, old: Any, new: Any) -> Any:
    check_same(old, new, name, "the result of the body", _WRITE)
    return new


def _checked_condition(value: Any) -> Any:
    """Return a condition as a bool, or as it is if it is mapped."""
    dtype = getattr(value, "dtype", None)
    if value.__class__ is bool or (dtype is not None and kind(dtype) == "b" and tuple(value.shape) == ()):
        return value if is_mapped(value) else bool(value)
    raise ParameterError(
        "The condition of fn.while_loop must be a boolean scalar.",
        found=type(value).__name__ if dtype is None else f"an array of dtype {dtype} and shape {tuple(value.shape)}",
        needed="a bool, or a boolean array without dimensions",
        write="x > 0 in place of x; xp.any(...) or xp.all(...) to reduce it",
    )
