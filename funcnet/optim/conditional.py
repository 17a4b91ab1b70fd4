"""Updates that are made or left out as a condition says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import tree, xp
from funcnet.control import cond
from funcnet.errors import ParameterError
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.clipping import global_norm
from funcnet.optim.transform import Transform, takes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ApplyIfFiniteState",
    "ConditionalState",
    "Predicate",
    "apply_if_finite",
    "conditionally_mask",
    "conditionally_transform",
    "skip_large_updates",
    "skip_not_finite",
]

#: ``predicate(updates, step, params)``, a boolean array of shape ().
Predicate = Any


class ConditionalState(NamedTuple):
    """State of `conditionally_transform` and `conditionally_mask`."""

    count: Any
    inner: Any


class ApplyIfFiniteState(NamedTuple):
    """State of `apply_if_finite`: how many updates were not finite in a row, in all, and whether the last one was."""

    errors: Any
    total_errors: Any
    last_finite: Any
    inner: Any


def check_predicate(name: str, predicate: Any) -> None:
    """Raise `ParameterError` if a condition is no function."""
    if not callable(predicate):
        raise ParameterError(
            f"optim.{name} takes its condition as a function.",
            found=f"{type(predicate).__name__}: {predicate!r}",
            needed="a function that returns a boolean array of shape ()",
            write="optim.skip_not_finite",
        )


def settled(structure: Any, given: list[Any], updates: Any) -> Any:
    """Return updates with 0 where there is a gradient and no update, so that all branches of a choice agree.

    Without updates, all are 0.
    """
    if updates is None:
        found = [None] * len(given)
    else:
        found = tree.flatten_like(structure, updates, is_leaf=leaves.is_none, name="the updates")
    return tree.unflatten(
        structure,
        [xp.zeros_like(g) if u is None and g is not None else u for u, g in zip(found, given, strict=True)],
    )


def paired_with_none(params: Any, updates: Any) -> tuple[Any, list[Any]]:
    """Return the structure of the parameters with None as a leaf, and the leaves of gradients that fit them."""
    # With None as a leaf always: what a transform inside returns may have more of them.
    structure = tree.structure(params, is_leaf=leaves.is_none)
    leaves.paired(params, updates, "the gradients")
    return structure, tree.flatten_like(structure, updates, is_leaf=leaves.is_none, name="the gradients")


def skip_not_finite(updates: Any, step: Any, params: Any) -> Any:  # noqa: ARG001  # the signature of predicates
    """Say whether an element of the updates is not finite: a condition for `accumulate`.

    Parameters
    ----------
    updates : pytree of arrays
        The gradients.
    step, params
        Not used.

    Returns
    -------
    bool array of shape ()
        True if there is a NaN or an infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> bool(optim.skip_not_finite({"a": np.array([1.0, np.inf])}, 0, None))
    True
    """
    bad: Any = False
    for leaf in tree.leaves(updates):
        bad = xp.any(xp.logical_not(xp.isfinite(leaf))) | bad
    return bad


def skip_large_updates(max_squared_norm: Any) -> Predicate:
    """Return the condition for `accumulate` that leaves updates with a large norm out.

    Parameters
    ----------
    max_squared_norm : float or array of shape ()
        The square of the norm of all arrays from which on updates are left out; those that are not finite are as well.

    Returns
    -------
    callable
        ``predicate(updates, step, params)``, a boolean array of shape ().

    Raises
    ------
    ParameterError
        If the bound is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> bool(optim.skip_large_updates(25.0)({"a": np.array([3.0, 4.0])}, 0, None))
    True
    """
    leaves.check_number("skip_large_updates", "bound", max_squared_norm, 0.0, float("inf"))

    def predicate(updates: Any, step: Any, params: Any) -> Any:  # noqa: ARG001  # the signature of predicates
        if not tree.leaves(updates):
            return False
        # Not the comparison the other way round: NaN is left out.
        return xp.logical_not(global_norm(updates) ** 2 < max_squared_norm)

    return predicate


def apply_if_finite(inner: Transform, max_consecutive_errors: int) -> Transform:
    """Return the optimizer that leaves out updates for gradients with NaN or infinity.

    Parameters
    ----------
    inner : Transform
        The optimizer; its state stays as it is where an update is left out.
    max_consecutive_errors : int
        How many updates may be left out in a row. The next one is made whatever the gradients are, so that a model
        which is lost does not go on unnoticed.

    Returns
    -------
    Transform
        Its state is an `ApplyIfFiniteState`.

    Raises
    ------
    ParameterError
        If the number is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, params = optim.apply_if_finite(optim.sgd(0.5), 5), np.ones(1)
    >>> updates, state = opt.update(np.array([np.nan]), opt.init(params), params)
    >>> updates, int(state.errors)
    (array([0.]), 1)
    """
    leaves.check_number("apply_if_finite", "number of errors", max_consecutive_errors, 0, float("inf"))

    def init(params: Any) -> ApplyIfFiniteState:
        number = leaves.count_of(leaves.first_leaf(params, "apply_if_finite"))
        return ApplyIfFiniteState(number, number, number == 0, inner.init(params))

    @takes(*inner.extras)
    def update(updates: Any, state: ApplyIfFiniteState, params: Any, **extras: Any) -> tuple[Any, ApplyIfFiniteState]:
        structure, given = paired_with_none(params, updates)
        bad = skip_not_finite(updates, None, params) | xp.not_equal(xp.zeros_like(state.errors), 0)
        one = cast(bad, state.errors.dtype)
        errors = (state.errors + one) * one

        def apply(inside: Any) -> tuple[Any, Any]:
            new, after = inner.update(updates, inside, params, **extras)
            return settled(structure, given, new), after

        def leave(inside: Any) -> tuple[Any, Any]:
            return settled(structure, given, None), inside

        new, after = cond(
            xp.logical_or(xp.logical_not(bad), errors > max_consecutive_errors), apply, leave, state.inner
        )
        return new, ApplyIfFiniteState(errors, state.total_errors + one, xp.logical_not(bad), after)

    return Transform(init, update)


def conditionally_transform(
    inner: Transform, condition: Callable[..., Any], *, forward_extras: tuple[str, ...] = ()
) -> Transform:
    """Return the transform that applies another one where a condition holds, and else passes the gradients on.

    Parameters
    ----------
    inner : Transform
        What to apply; its state stays as it is where it is not.
    condition : callable
        ``condition(step)``, a boolean array of shape (), from the number of updates made before.
    forward_extras : tuple of str, optional
        Names of keyword arguments of ``update`` that the condition gets as well, such as ``("value",)``.

    Returns
    -------
    Transform
        Its state is a `ConditionalState`.

    Raises
    ------
    ParameterError
        If the condition is no function.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, params = optim.conditionally_transform(optim.clip(1.0), lambda step: step < 1), np.zeros(1)
    >>> one, state = opt.update(np.array([3.0]), opt.init(params), params)
    >>> two, state = opt.update(np.array([3.0]), state, params)
    >>> one, two
    (array([1.]), array([3.]))
    """
    return _conditional("conditionally_transform", inner, condition, forward_extras, False)


def conditionally_mask(
    inner: Transform, condition: Callable[..., Any], *, forward_extras: tuple[str, ...] = ()
) -> Transform:
    """Return the transform that applies another one where a condition holds, and else makes updates 0.

    Parameters
    ----------
    inner, condition, forward_extras
        As for `conditionally_transform`.

    Returns
    -------
    Transform
        Its state is a `ConditionalState`.

    Raises
    ------
    ParameterError
        If the condition is no function.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt, params = optim.conditionally_mask(optim.clip(1.0), lambda step: step < 1), np.zeros(1)
    >>> one, state = opt.update(np.array([3.0]), opt.init(params), params)
    >>> two, state = opt.update(np.array([3.0]), state, params)
    >>> one, two
    (array([1.]), array([0.]))
    """
    return _conditional("conditionally_mask", inner, condition, forward_extras, True)


def _conditional(
    name: str, inner: Transform, condition: Callable[..., Any], forward: tuple[str, ...], zero: bool
) -> Transform:
    check_predicate(name, condition)

    def init(params: Any) -> ConditionalState:
        return ConditionalState(leaves.count_of(leaves.first_leaf(params, name)), inner.init(params))

    @takes(*inner.extras, *forward)
    def update(updates: Any, state: ConditionalState, params: Any, **extras: Any) -> tuple[Any, ConditionalState]:
        structure, given = paired_with_none(params, updates)

        def apply(inside: Any) -> tuple[Any, Any]:
            own = {key: value for key, value in extras.items() if key in inner.extras}
            new, after = inner.update(updates, inside, params, **own)
            return settled(structure, given, new), after

        def leave(inside: Any) -> tuple[Any, Any]:
            return (settled(structure, given, None) if zero else updates), inside

        chosen = condition(state.count, **{key: extras[key] for key in forward if key in extras})
        new, after = cond(chosen, apply, leave, state.inner)
        return new, ConditionalState(xp.add(state.count, 1), after)

    return Transform(init, update)
