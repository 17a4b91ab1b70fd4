"""Steps that are shortened until the loss falls enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet import tree, xp
from funcnet.control import while_loop
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.building import check_count
from funcnet.optim.lines import Line, dot, given_value, required
from funcnet.optim.transform import Transform, takes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ScaleByBacktrackingLinesearchState", "backtrack", "scale_by_backtracking_linesearch", "scaled"]


class ScaleByBacktrackingLinesearchState(NamedTuple):
    """State of `scale_by_backtracking_linesearch`.

    ``value`` and ``grad`` are those after the step, so that `value_and_grad_from_state` need not compute them again.
    """

    slope_rtol: Any
    decrease_factor: Any
    increase_factor: Any
    max_learning_rate: Any
    atol: Any
    rtol: Any
    learning_rate: Any
    value: Any
    grad: Any
    steps: Any
    decrease_error: Any


class _Search(NamedTuple):
    learning_rate: Any
    value: Any
    error: Any
    steps: Any


def backtrack(
    line: Line, value: Any, slope: Any, first: Any, *, slope_rtol: Any, factor: Any, atol: Any, rtol: Any, steps: int
) -> _Search:
    """Return the first step of a falling sequence with enough decrease, or the last one.

    Enough is a value of at most ``(1 + rtol) * value + slope_rtol * step * slope + atol``.
    """

    def go_on(search: _Search) -> Any:
        return xp.logical_and(xp.logical_not(search.error <= atol), search.steps <= steps)

    def once(search: _Search) -> _Search:
        rate = xp.where(search.steps > 0, search.learning_rate * factor, search.learning_rate)
        new = line.value(rate)
        error = new - (1.0 + rtol) * value - slope_rtol * (rate * slope)
        error = xp.where(xp.isnan(error), xp.inf, error)
        return _Search(rate, new, xp.maximum(error, 0.0), xp.add(search.steps, 1))

    begin = _Search(first, value, xp.full_like(value, xp.inf), leaves.count_of(value))
    with np.errstate(all="ignore"):  # Steps out of the domain are part of the search.
        return while_loop(go_on, once, begin)


def scale_by_backtracking_linesearch(
    max_backtracking_steps: int,
    *,
    slope_rtol: Any = 1e-4,
    decrease_factor: Any = 0.8,
    increase_factor: Any = 1.5,
    max_learning_rate: Any = 1.0,
    atol: Any = 0.0,
    rtol: Any = 0.0,
    store_grad: bool = False,
) -> Transform:
    r"""Return the transform that scales updates so that the loss falls enough: the last one of a chain.

    Armijo's condition: the step :math:`\eta` along u is shortened until
    :math:`f(\theta + \eta u) \le (1 + r) f(\theta) + c \eta \langle u, \nabla f(\theta) \rangle + a`.

    Parameters
    ----------
    max_backtracking_steps : int
        How often the step may be shortened.
    slope_rtol : float or array of shape (), default 1e-4
        c, from 0 to below 1.
    decrease_factor, increase_factor : float or array of shape ()
        By what a step is shortened, and by what the first one is longer than the last one accepted.
    max_learning_rate : float or array of shape (), default 1
        The longest step.
    atol, rtol : float or array of shape (), default 0
        a and r.
    store_grad : bool, default False
        Whether the state keeps the gradient at the new point as well.

    Returns
    -------
    Transform
        Its state is a `ScaleByBacktrackingLinesearchState`. Its ``update`` needs ``value=`` and ``grad=``, those at the
        parameters, and ``value_fn=``, a function of the parameters alone. Where no step has a finite value the update
        is 0.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range; by ``update``: if a keyword argument is missing.

    References
    ----------
    .. [1] J. Nocedal, S. J. Wright, "Numerical optimization", 2nd edition, Springer 2006, algorithm 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import optim
    >>> f = lambda x: (x**4).sum()
    >>> opt = optim.chain(optim.sgd(1.0), optim.scale_by_backtracking_linesearch(20))
    >>> x = np.array([2.0])
    >>> state = opt.init(x)
    >>> for _ in range(20):
    ...     value, grad = fn.value_and_grad(f)(x)
    ...     updates, state = opt.update(grad, state, x, value=value, grad=grad, value_fn=f)
    ...     x = optim.apply_updates(x, updates)
    >>> bool(f(x) < 1e-3)
    True
    """
    name = "scale_by_backtracking_linesearch"
    check_count(name, "number of steps", max_backtracking_steps)
    numbers = (
        ("slope_rtol", slope_rtol, 0.0, 1.0),
        ("decrease_factor", decrease_factor, 0.0, 1.0),
        ("increase_factor", increase_factor, 0.0, float("inf")),
        ("max_learning_rate", max_learning_rate, 0.0, float("inf")),
        ("atol", atol, 0.0, float("inf")),
        ("rtol", rtol, 0.0, float("inf")),
    )
    for what, value, low, high in numbers:
        leaves.check_number(name, what, value, low, high)

    def init(params: Any) -> ScaleByBacktrackingLinesearchState:
        leaf = leaves.first_leaf(params, name)
        dtype = leaves.wide_dtype(leaf)
        given = [leaves.float_of(number[1], leaf, dtype) for number in numbers]
        one, infinity = [leaves.float_of(v, leaf, dtype) for v in (1.0, float("inf"))]
        grad = tree.map(xp.zeros_like, params) if store_grad else None
        number = leaves.count_of(leaf)
        return ScaleByBacktrackingLinesearchState._make([*given, one, infinity, grad, number, infinity])

    @takes("value", "grad", "value_fn")
    def update(
        updates: Any, state: ScaleByBacktrackingLinesearchState, params: Any, **extras: Any
    ) -> tuple[Any, ScaleByBacktrackingLinesearchState]:
        given_grad: Any = extras.get("grad")
        value_fn: Callable[[Any], Any] | None = extras.get("value_fn")
        required(name, value=extras.get("value"), grad=given_grad, value_fn=value_fn)
        assert value_fn is not None
        line = Line(value_fn, params, updates)
        value = given_value(extras["value"], state.learning_rate, line.dtype)
        slope = dot(line.directions, line.gradient(given_grad), line.dtype)
        first = xp.minimum(state.increase_factor * state.learning_rate, state.max_learning_rate)
        found = backtrack(
            line,
            value,
            slope,
            first,
            slope_rtol=state.slope_rtol,
            factor=state.decrease_factor,
            atol=state.atol,
            rtol=state.rtol,
            steps=max_backtracking_steps,
        )
        grad = line.rebuilt(line.full(found.learning_rate)[1], given_grad) if store_grad else None
        rate = xp.where(xp.isinf(found.error), 0.0, found.learning_rate)
        new = state._replace(
            learning_rate=rate, value=found.value, grad=grad, steps=found.steps, decrease_error=found.error
        )
        return scaled(updates, params, rate), new

    return Transform(init, update)


def scaled(updates: Any, params: Any, rate: Any) -> Any:
    """Return updates times a rate."""
    _, structure, given = leaves.paired(params, updates, "the updates")
    scalars = leaves.Scalars(rate)
    return tree.unflatten(structure, [None if u is None else cast(u * scalars.of(u.dtype)[0], u.dtype) for u in given])
