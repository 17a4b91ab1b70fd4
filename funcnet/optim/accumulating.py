"""Several gradients for one update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import tree, xp
from funcnet.control import cond
from funcnet.errors import ParameterError
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.building import Number, Step, build, zeros
from funcnet.optim.conditional import Predicate, check_predicate, paired_with_none, settled
from funcnet.optim.transform import Transform, takes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AccumulateState", "ApplyEveryState", "accumulate", "apply_every"]


class AccumulateState(NamedTuple):
    """State of `accumulate`.

    ``mini_step`` gradients have been taken in since the last of ``gradient_step`` updates; ``skipped`` were left out in
    all.
    """

    mini_step: Any
    gradient_step: Any
    skipped: Any
    every: Any
    total: Any
    inner: Any


class ApplyEveryState(NamedTuple):
    """State of `apply_every`."""

    count: Any
    every: Any
    total: Any


def accumulate(
    inner: Transform, every: int | Callable[[Any], Any], *, mean: bool = True, skip: Predicate | None = None
) -> Transform:
    """Return the optimizer that takes in some gradients before each update of another one.

    With ``mean=True`` and losses that are means, k batches of n examples give the update of one batch of k n examples.

    Parameters
    ----------
    inner : Transform
        The optimizer, which sees every k-th call only.
    every : int or callable
        k, at least 1; a function gets the number of updates of `inner` made before, a floating-point array of shape ().
    mean : bool, default True
        Whether `inner` gets the mean of the gradients, not their sum.
    skip : callable, optional
        ``skip(gradients, gradient_step, params)`` says, by a boolean array of shape (), whether gradients are left out,
        so that another call is needed: `skip_not_finite` or ``skip_large_updates(limit)``, for example.

    Returns
    -------
    Transform
        Its state is an `AccumulateState`. Updates in between are 0.

    Raises
    ------
    ParameterError
        If `every` is less than 1, or `skip` is no function.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, params = optim.accumulate(optim.sgd(1.0), 2), np.zeros(1)
    >>> one, state = opt.update(np.array([1.0]), opt.init(params), params)
    >>> two, state = opt.update(np.array([3.0]), state, params)
    >>> one, two
    (array([0.]), array([-2.]))
    """
    if not callable(every):
        leaves.check_number("accumulate", "number of gradients", every, 1, float("inf"))
    if skip is not None:
        check_predicate("accumulate", skip)

    def init(params: Any) -> AccumulateState:
        leaf = leaves.first_leaf(params, "accumulate")
        number = leaves.count_of(leaf)
        k = leaves.first_rate(every, leaf, number, leaves.wide_dtype(leaf))
        return AccumulateState(number, number, number, k, tree.map(zeros, params), inner.init(params))

    @takes(*inner.extras)
    def update(updates: Any, state: AccumulateState, params: Any, **extras: Any) -> tuple[Any, AccumulateState]:
        structure, given = paired_with_none(params, updates)
        k = leaves.rate_at(every, state.every, state.gradient_step)

        def take(state: AccumulateState) -> tuple[Any, AccumulateState]:
            total, own = leaves.flat_like(structure, state.total, "the accumulated gradients")
            scalars = leaves.Scalars(1 / (cast(state.mini_step, k.dtype) + 1))
            for i, g in enumerate(given):
                if g is not None:
                    wide = cast(g, total[i].dtype)
                    total[i] = (wide - total[i]) * scalars.of(wide.dtype)[0] + total[i] if mean else wide + total[i]
            last = cast(state.mini_step, k.dtype) >= k - 1
            return cond(last, apply, wait, state._replace(total=tree.unflatten(own, total)))

        def apply(state: AccumulateState) -> tuple[Any, AccumulateState]:
            total, own = leaves.flat_like(structure, state.total, "the accumulated gradients")
            # What has no gradient now waits for the next update.
            use = [None if g is None else cast(a, g.dtype) for a, g in zip(total, given, strict=True)]
            left = [a if g is None else xp.zeros_like(a) for a, g in zip(total, given, strict=True)]
            new, after = inner.update(tree.unflatten(structure, use), state.inner, params, **extras)
            number = xp.add(state.gradient_step, 1)
            counted = state._replace(mini_step=xp.zeros_like(state.mini_step), gradient_step=number)
            return settled(structure, given, new), counted._replace(total=tree.unflatten(own, left), inner=after)

        def wait(state: AccumulateState) -> tuple[Any, AccumulateState]:
            return settled(structure, given, None), state._replace(mini_step=xp.add(state.mini_step, 1))

        state = state._replace(every=k)
        if skip is None:
            return take(state)

        def leave(state: AccumulateState) -> tuple[Any, AccumulateState]:
            return settled(structure, given, None), state._replace(skipped=xp.add(state.skipped, 1))

        return cond(skip(updates, state.gradient_step, params), leave, take, state)

    return Transform(init, update)


def apply_every(every: int) -> Transform:
    """Return the transform that adds updates up and lets the sum pass every so many calls.

    Unlike `accumulate`, what comes before and after it in a chain sees every call.

    Parameters
    ----------
    every : int or array of shape ()
        How many calls, at least 1.

    Returns
    -------
    Transform
        Its state is an `ApplyEveryState`. Updates in between are 0.

    Raises
    ------
    ParameterError
        If `every` is less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, params = optim.apply_every(2), np.zeros(1)
    >>> one, state = opt.update(np.array([1.0]), opt.init(params), params)
    >>> two, state = opt.update(np.array([3.0]), state, params)
    >>> one, two
    (array([0.]), array([4.]))
    """
    if callable(every):
        raise ParameterError(
            "optim.apply_every takes a number.",
            found="a function",
            needed="an int of at least 1",
            write="optim.accumulate(inner, schedule)",
        )

    def rule(step: Step) -> list[Any]:
        every = step.numbers[0]
        position = step.t - 1 - xp.floor((step.t - 1) / every) * every
        kept = cast(position != 0, every.dtype)
        passed = cast(position == every - 1, every.dtype)

        def one(u: Any, total: Any, kept: Any, passed: Any) -> tuple[Any, Any]:
            total = total * kept + u
            return total * passed, total

        return step.each(one, kept, passed)

    return build("apply_every", ApplyEveryState, rule, numbers={"every": Number(every, 1.0)}, columns={"total": zeros})
