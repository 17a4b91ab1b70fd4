"""Choices between functions: ``cond`` and ``switch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import tree
from funcnet.compiler.capture import running_capture
from funcnet.control.captured import captured_branch
from funcnet.control.kinds import abstract, check_callable, check_same, integer, is_abstract, trace_without_values
from funcnet.control.mapped import is_mapped, select
from funcnet.control.private import private
from funcnet.core.dtypes import kind
from funcnet.errors import ParameterError
from funcnet.ops import astype, clip, logical_not

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Trace

__all__ = ["cond", "switch"]


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """Apply one of two functions, as a condition says.

    With values at hand, only the function that is chosen runs, and the derivative is its derivative. Both run where
    only shapes are known (`eval_shape`), and where the condition differs from element to element of a batch (`vmap`);
    then they must return the same structure, shapes and dtypes.

    Parameters
    ----------
    pred : bool or array without dimensions
        The condition; a number is true where it is not zero.
    true_fun, false_fun : callable
        Functions of the operands.
    *operands : pytree
        Passed to the function that is chosen.

    Returns
    -------
    pytree
        What the function returns.

    Raises
    ------
    ParameterError
        If `pred` is not a scalar, or a branch not a function.
    TreeError, ShapeError, DtypeError
        If both run and do not agree; names the path.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> f = lambda x: fn.cond(x > 0, lambda x: x**2, lambda x: -x, x)
    >>> fn.grad(f)(np.array(3.0)), fn.grad(f)(np.array(-3.0))
    (array(6.), array(-1.))
    """
    check_callable(true_fun, "fn.cond", "true_fun")
    check_callable(false_fun, "fn.cond", "false_fun")
    dtype = getattr(pred, "dtype", None)
    is_number = pred.__class__ in (bool, int, float) or (
        dtype is not None and kind(dtype) in "buif" and tuple(pred.shape) == ()
    )
    if not is_number:
        raise ParameterError(
            "The condition of fn.cond must be a scalar.",
            found=type(pred).__name__ if dtype is None else f"an array of dtype {dtype} and shape {tuple(pred.shape)}",
            needed="a bool, or a boolean array without dimensions",
            write="xp.any(pred) or xp.all(pred); xp.where(pred, a, b) to choose for each element",
        )
    trace = trace_without_values(pred, operands)
    if trace is None:
        if is_abstract(pred) and running_capture() is not None:
            is_false = logical_not(pred) if dtype is not None and kind(dtype) == "b" else pred == 0
            index = astype(is_false, "int64")
            return captured_branch(index, (true_fun, false_fun), operands, lambda outs: _same(outs, "fn.cond"))
        if is_mapped(pred):
            first, second = _compared((true_fun, false_fun), operands, "fn.cond")
            return select(pred if dtype is not None and kind(dtype) == "b" else pred != 0, first, second)
        return true_fun(*operands) if bool(pred) else false_fun(*operands)
    chosen, other = (true_fun, false_fun) if is_abstract(pred) or bool(pred) else (false_fun, true_fun)
    return _agreed(trace, (chosen, other), operands, "fn.cond")


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Apply one of several functions, as an index says.

    See `cond` for which of them run.

    Parameters
    ----------
    index : int or integer array without dimensions
        The number of the function; one that is out of range is moved to the nearest that is in range.
    branches : sequence of callable
        Functions of the operands.
    *operands : pytree
        Passed to the function that is chosen.

    Returns
    -------
    pytree
        What the function returns.

    Raises
    ------
    ParameterError
        If `index` is not an integer, or `branches` not a sequence of at least one function.
    TreeError, ShapeError, DtypeError
        If all run and do not agree; names the path.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> powers = [lambda x: x, lambda x: x**2, lambda x: x**3]
    >>> fn.switch(1, powers, np.array(3.0)), fn.switch(7, powers, np.array(3.0))
    (np.float64(9.0), np.float64(27.0))
    """
    if not isinstance(branches, (tuple, list)) or not branches:
        raise ParameterError(
            "fn.switch takes at least one function.",
            found=type(branches).__name__ if not isinstance(branches, (tuple, list)) else "an empty sequence",
            needed="a list or a tuple of functions",
            write="fn.switch(index, [f, g], *operands)",
        )
    for i, branch in enumerate(branches):
        check_callable(branch, "fn.switch", f"branches[{i}]")
    position = integer(index, "fn.switch", "the index")
    trace = trace_without_values(index, operands)
    if trace is None and is_mapped(position) and not is_abstract(position):
        results = _compared(branches, operands, "fn.switch")
        out = results[-1]
        for i in range(len(results) - 2, -1, -1):
            out = select(position <= i, results[i], out)
        return out
    if trace is None and is_abstract(position) and running_capture() is not None:
        inside = clip(position, 0, len(branches) - 1)
        return captured_branch(inside, branches, operands, lambda outs: _same(outs, "fn.switch"))
    chosen = 0 if is_abstract(position) else min(max(position, 0), len(branches) - 1)
    if trace is None:
        return branches[chosen](*operands)
    ordered = (branches[chosen], *branches[:chosen], *branches[chosen + 1 :])
    return _agreed(trace, ordered, operands, "fn.switch")


def _agreed(trace: Trace, functions: Sequence[Callable[..., Any]], operands: Any, name: str) -> Any:
    """Return the shapes of the first function's result, after a check that those of all are the same."""
    return tree.map(lambda leaf: abstract(trace, leaf), _compared(functions, operands, name)[0])


def _compared(functions: Sequence[Callable[..., Any]], operands: Any, name: str) -> list[Any]:
    """Return the results of all functions, which must have the same structure, shapes and dtypes."""
    # NumPy warns of values that are not chosen.
    with np.errstate(all="ignore"):
        results = [f(*private(operands)) for f in functions]
    _same(results, name)
    return results


def _same(results: Sequence[Any], name: str) -> None:
    """Raise unless the results of all functions have the same structure, shapes and dtypes."""
    for other in results[1:]:
        check_same(
            results[0],
            other,
            name,
            "the result of a branch",
            "xp.astype or xp.broadcast_to in that branch, so that all branches return the same",
        )
