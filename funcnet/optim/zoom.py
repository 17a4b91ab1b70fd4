"""Steps that satisfy Wolfe's conditions: a bracket, and interpolation inside of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from funcnet import tree, xp
from funcnet.control import cond, while_loop
from funcnet.errors import ParameterError
from funcnet.optim import leaves
from funcnet.optim.backtracking import scaled
from funcnet.optim.building import check_choice, check_count
from funcnet.optim.lines import Line, dot, given_value, required, where
from funcnet.optim.transform import Transform, takes
from funcnet.transforms import value_and_grad

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ScaleByZoomLinesearchState", "scale_by_zoom_linesearch", "value_and_grad_from_state"]


class ScaleByZoomLinesearchState(NamedTuple):
    """State of `scale_by_zoom_linesearch`.

    ``value`` and ``grad`` are those after the step, so that `value_and_grad_from_state` need not compute them again.
    """

    tol: Any
    increase_factor: Any
    slope_rtol: Any
    curv_rtol: Any
    approx_dec_rtol: Any
    stepsize_precision: Any
    max_learning_rate: Any
    learning_rate: Any
    value: Any
    grad: Any
    steps: Any
    decrease_error: Any
    curvature_error: Any


class _Point(NamedTuple):
    """A step with the value and the slope there."""

    step: Any
    value: Any
    slope: Any


class _Safe(NamedTuple):
    """The best step so far with enough decrease; 0 before there is one."""

    step: Any
    value: Any
    grad: tuple[Any, ...]


class _Search(NamedTuple):
    count: Any
    at: _Point
    grad: tuple[Any, ...]
    low: _Point
    high: _Point
    reference: _Point
    safe: _Safe
    decrease_error: Any
    curvature_error: Any
    bracketed: Any
    done: Any
    failed: Any


class _Rules:
    """The two conditions of a search, and its moves."""

    def __init__(self, line: Line, start: _Point, first: Any, state: ScaleByZoomLinesearchState, most: int) -> None:
        self.line, self.start, self.first, self.state, self.most = line, start, first, state, most

    def errors(self, at: _Point) -> tuple[Any, Any]:
        """Return by how much a point misses the conditions of decrease and of curvature."""
        start, state = self.start, self.state
        rise = at.value - start.value
        decrease = rise - state.slope_rtol * at.step * start.slope
        if state.approx_dec_rtol is not None:
            # Near an optimum differences of values drown in rounding errors; slopes do not.
            by_slope = at.slope - (2 * state.slope_rtol - 1.0) * start.slope
            near = rise - state.approx_dec_rtol * xp.abs(start.value)
            decrease = xp.minimum(xp.maximum(by_slope, near), decrease)
        curvature = xp.abs(at.slope) - state.curv_rtol * xp.abs(start.slope)
        return _positive(decrease), _positive(curvature)

    def look(self, step: Any) -> tuple[_Point, tuple[Any, ...], Any, Any]:
        value, grad, slope = self.line.full(step)
        at = _Point(step, value, slope)
        return at, grad, *self.errors(at)

    def widen(self, s: _Search) -> _Search:
        """Try longer and longer steps until an interval is sure to hold one that will do."""
        step = xp.where(s.count == 0, self.first, self.state.increase_factor * s.at.step)
        longest = step >= self.state.max_learning_rate
        new, grad, decrease, curvature = self.look(xp.minimum(step, self.state.max_learning_rate))
        safe = where(decrease <= self.state.tol, _Safe(new.step, new.value, grad), s.safe)
        too_far = (decrease > 0.0) | ((new.value >= s.at.value) & (s.count > 0))
        past = (new.slope >= 0.0) & xp.logical_not(too_far)
        good = xp.maximum(decrease, curvature) <= self.state.tol
        bracketed = too_far | past | good
        done = good | (longest & xp.logical_not(bracketed))
        low, high = where(past, (new, s.at), (s.at, new))
        failed = (s.count + 1 >= self.most) & xp.logical_not(done)
        return _Search(
            xp.add(s.count, 1), new, grad, low, high, low, safe, decrease, curvature, bracketed, done, failed
        )

    def narrow(self, s: _Search) -> _Search:
        """Try a step inside of the interval."""
        low, high = s.low, s.high
        width = xp.abs(high.step - low.step)
        new, grad, decrease, curvature = self.look(_inside(low, high, s.reference, width))
        better = (decrease <= self.state.tol) & (new.value < s.safe.value)
        safe = where(better, _Safe(new.step, new.value, grad), s.safe)
        done = xp.maximum(decrease, curvature) <= self.state.tol
        to_high = (decrease > 0.0) | (new.value >= low.value)
        turned = (new.slope * (high.step - low.step) >= 0.0) & xp.logical_not(to_high)
        next_low = where(to_high, low, new)
        next_high = where(turned, low, where(to_high, new, high))
        reference = where(to_high | turned, high, low)
        small = (width <= self.state.stepsize_precision) & (safe.step > 0.0)
        failed = ((s.count + 1 >= self.most) | small) & xp.logical_not(done)
        count = xp.add(s.count, 1)
        return _Search(
            count, new, grad, next_low, next_high, reference, safe, decrease, curvature, s.bracketed, done, failed
        )


def _positive(error: Any) -> Any:
    return xp.where(xp.isnan(error), xp.inf, xp.maximum(error, 0.0))


def _inside(low: _Point, high: _Point, reference: _Point, width: Any) -> Any:
    """Return the minimum of a cubic, else of a parabola, else the middle, where it is not near an end."""
    left, right = xp.minimum(low.step, high.step), xp.maximum(low.step, high.step)
    b, c = high.step - low.step, reference.step - low.step
    # value(t) = value(low) + slope t + quadratic t^2 + cubic t^3, through high and the reference.
    at_b, at_c = high.value - low.value - low.slope * b, reference.value - low.value - low.slope * c
    scale = (b * c) ** 2 * (b - c)
    cubic = _ratio(c**2 * at_b - b**2 * at_c, scale)
    quadratic = _ratio(b**3 * at_c - c**3 * at_b, scale)
    square = quadratic * quadratic - 3.0 * cubic * low.slope
    square_root = xp.where(square >= 0, xp.sqrt(xp.maximum(square, 0.0)), xp.nan)
    by_cubic = low.step + _ratio(square_root - quadratic, 3.0 * cubic)
    by_parabola = low.step - _ratio(low.slope, 2.0 * _ratio(at_b, b**2))
    # Comparisons with NaN, where a formula does not apply, are false.
    step = (low.step + high.step) / 2.0
    step = xp.where((by_parabola > left + 0.1 * width) & (by_parabola < right - 0.1 * width), by_parabola, step)
    return xp.where((by_cubic > left + 0.2 * width) & (by_cubic < right - 0.2 * width), by_cubic, step)


def _ratio(a: Any, b: Any) -> Any:
    """Return a quotient, NaN where the divisor is 0, without the warning of a division by it."""
    zero = b == 0
    return xp.where(zero, xp.nan, a / xp.where(zero, 1.0, b))


def _search(rules: _Rules, grad: tuple[Any, ...]) -> _Search:
    start = rules.start
    zero, infinity = start.step, xp.full_like(start.value, xp.inf)
    no = xp.isnan(zero)
    begin = _Search(
        leaves.count_of(zero), start, grad, start, start, start, _Safe(zero, start.value, grad),
        infinity, infinity, no, no, no,
    )  # fmt: skip

    def go_on(s: _Search) -> Any:
        return xp.logical_not(s.done | s.failed)

    def once(s: _Search) -> _Search:
        return cond(s.bracketed, rules.narrow, rules.widen, s)

    with np.errstate(all="ignore"):  # Steps out of the domain are part of the search.
        s = while_loop(go_on, once, begin)
    fall_back = s.failed & ((s.safe.step > 0.0) | xp.isinf(s.decrease_error))
    at, kept = where(fall_back, (_Point(s.safe.step, s.safe.value, s.at.slope), s.safe.grad), (s.at, s.grad))
    return s._replace(at=at, grad=kept)


def scale_by_zoom_linesearch(
    max_linesearch_steps: int,
    *,
    max_learning_rate: Any = None,
    tol: Any = 0.0,
    increase_factor: Any = 2.0,
    slope_rtol: Any = 1e-4,
    curv_rtol: Any = 0.9,
    approx_dec_rtol: Any = 1e-6,
    stepsize_precision: Any = 1e-5,
    initial_guess_strategy: str = "keep",
) -> Transform:
    r"""Return the transform that scales updates to a step with Wolfe's strong conditions: the last one of a chain.

    For the step :math:`\eta` along u, with :math:`\phi(\eta) = f(\theta + \eta u)`,

    .. math::

        \phi(\eta) \le \phi(0) + c_1 \eta \phi'(0), \qquad |\phi'(\eta)| \le c_2 |\phi'(0)|.

    Steps grow until an interval holds one, then cubic and quadratic interpolation narrow it down.

    Parameters
    ----------
    max_linesearch_steps : int
        How often value and gradient may be evaluated.
    max_learning_rate : float or array of shape (), optional
        The longest step.
    tol : float or array of shape (), default 0
        By how much the conditions may be missed.
    increase_factor : float or array of shape (), default 2
        By what steps grow.
    slope_rtol, curv_rtol : float or array of shape ()
        :math:`c_1` and :math:`c_2`.
    approx_dec_rtol : float, array of shape () or None, default 1e-6
        Where the value rises by no more than this part of it, slopes decide over the decrease, as Hager and Zhang
        propose. None leaves this out.
    stepsize_precision : float or array of shape (), default 1e-5
        The length of the interval below which a search ends.
    initial_guess_strategy : str, default "keep"
        The first step: ``"keep"`` for the last one, ``"one"`` for 1, as quasi-Newton methods want it.

    Returns
    -------
    Transform
        Its state is a `ScaleByZoomLinesearchState`. Its ``update`` needs ``value=`` and ``grad=``, those at the
        parameters, and ``value_fn=``, a function of the parameters alone. Where the conditions cannot be met, the step
        is the best one with enough decrease, or else the last one tried, 0 if that is out of the domain.

    Raises
    ------
    ParameterError
        If a hyperparameter is out of range; by ``update``: if a keyword argument is missing.

    References
    ----------
    .. [1] J. Nocedal, S. J. Wright, "Numerical optimization", 2nd edition, Springer 2006, algorithms 3.5 and 3.6.
    .. [2] W. W. Hager, H. Zhang, "Algorithm 851: CG_DESCENT, a conjugate gradient method with guaranteed descent",
       ACM Trans. Math. Softw. 32 (2006) 113-137.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import optim
    >>> f = lambda x: ((x - 3) ** 2).sum()
    >>> opt = optim.chain(optim.sgd(1.0), optim.scale_by_zoom_linesearch(20))
    >>> x = np.zeros(2)
    >>> value, grad = fn.value_and_grad(f)(x)
    >>> updates, state = opt.update(grad, opt.init(x), x, value=value, grad=grad, value_fn=f)
    >>> optim.apply_updates(x, updates), float(state[1].learning_rate)
    (array([3., 3.]), 0.5)
    """
    name = "scale_by_zoom_linesearch"
    check_count(name, "number of steps", max_linesearch_steps)
    check_choice(name, "initial_guess_strategy", initial_guess_strategy, ("keep", "one"))
    infinite = float("inf")
    numbers = [
        ("tol", tol, 0.0, infinite),
        ("increase_factor", increase_factor, 1.0, infinite),
        ("slope_rtol", slope_rtol, 0.0, 1.0),
        ("curv_rtol", curv_rtol, 0.0, 1.0),
        ("approx_dec_rtol", approx_dec_rtol, 0.0, infinite),
        ("stepsize_precision", stepsize_precision, 0.0, infinite),
        ("max_learning_rate", max_learning_rate, 0.0, infinite),
    ]
    for what, value, low, high in numbers:
        if value is not None:
            leaves.check_number(name, what, value, low, high, closed_high=what == "curv_rtol")

    def init(params: Any) -> ScaleByZoomLinesearchState:
        leaf = leaves.first_leaf(params, name)
        dtype = leaves.wide_dtype(leaf)
        given = [None if value is None else leaves.float_of(value, leaf, dtype) for _, value, _, _ in numbers]
        one, infinity = [leaves.float_of(v, leaf, dtype) for v in (1.0, infinite)]
        if given[-1] is None:
            given[-1] = infinity
        zeros = tree.map(xp.zeros_like, params)
        number = leaves.count_of(leaf)
        return ScaleByZoomLinesearchState._make([*given, one, infinity, zeros, number, infinity, infinity])

    @takes("value", "grad", "value_fn")
    def update(
        updates: Any, state: ScaleByZoomLinesearchState, params: Any, **extras: Any
    ) -> tuple[Any, ScaleByZoomLinesearchState]:
        given_grad: Any = extras.get("grad")
        value_fn: Callable[[Any], Any] | None = extras.get("value_fn")
        required(name, value=extras.get("value"), grad=given_grad, value_fn=value_fn)
        assert value_fn is not None
        line = Line(value_fn, params, updates)
        grad = line.gradient(given_grad)
        zero = xp.zeros_like(state.learning_rate)
        value = given_value(extras["value"], zero, line.dtype)
        start = _Point(zero, value, dot(line.directions, grad, line.dtype))
        first = xp.ones_like(zero) if initial_guess_strategy == "one" else state.learning_rate
        found = _search(_Rules(line, start, first, state, max_linesearch_steps), grad)
        new = state._replace(
            learning_rate=found.at.step,
            value=found.at.value,
            grad=line.rebuilt(found.grad, given_grad),
            steps=found.count,
            decrease_error=found.decrease_error,
            curvature_error=found.curvature_error,
        )
        return scaled(updates, params, found.at.step), new

    return Transform(init, update)


def value_and_grad_from_state(value_fn: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Return a function for value and gradient that takes them from the state of a line search, where they are there.

    Parameters
    ----------
    value_fn : callable
        From parameters, and further arguments, to a real scalar.

    Returns
    -------
    callable
        ``f(params, *args, state=opt_state) -> (value, grad)``. They are computed where the state has none that is
        finite, as at the first step.

    Raises
    ------
    ParameterError
        When it is called: if the state is not that of a chain with a line search that stores gradients.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> f = lambda x: ((x - 3) ** 2).sum()
    >>> opt, x = optim.lbfgs(), np.zeros(2)
    >>> state, both = opt.init(x), optim.value_and_grad_from_state(f)
    >>> for _ in range(3):
    ...     value, grad = both(x, state=state)
    ...     updates, state = opt.update(grad, state, x, value=value, grad=grad, value_fn=f)
    ...     x = optim.apply_updates(x, updates)
    >>> x
    array([3., 3.])
    """
    compute = value_and_grad(value_fn)

    def f(params: Any, *args: Any, state: Any) -> tuple[Any, Any]:
        found = _with_value_and_grad(state)
        if found is None:
            raise ParameterError(
                "optim.value_and_grad_from_state found no value and gradient in the state.",
                found=type(state).__name__,
                needed="the state of a line search that stores the gradient",
                write="optim.lbfgs(), or scale_by_backtracking_linesearch(20, store_grad=True)",
            )

        def again(params: Any) -> tuple[Any, Any]:
            value, grad = compute(params, *args)
            return given_value(value, found.value, found.value.dtype), grad

        def stored(params: Any) -> tuple[Any, Any]:  # noqa: ARG001  # one signature for both branches
            return found.value, found.grad

        return cond(xp.isfinite(found.value), stored, again, params)

    return f


def _with_value_and_grad(state: Any) -> Any:
    """Return the first part of a state that has both."""
    if getattr(state, "value", None) is not None and getattr(state, "grad", None) is not None:
        return state
    members: list[Any] = []
    if isinstance(state, dict):
        members.extend(cast("dict[Any, Any]", state).values())
    elif isinstance(state, (tuple, list)):
        members.extend(cast("list[Any]", state))
    for member in members:
        found = _with_value_and_grad(member)
        if found is not None:
            return found
    return None
