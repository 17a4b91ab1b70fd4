"""Scaling of the loss, so that gradients in half precision do not underflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import tree, xp
from funcnet.core import owner
from funcnet.errors import ParameterError
from funcnet.ops import cast

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LossScale", "LossScaleState", "all_finite", "choose", "dynamic_loss_scale", "static_loss_scale"]


class LossScaleState(NamedTuple):
    """State of a loss scale: arrays of shape ().

    Attributes
    ----------
    scale : array
        The factor of the loss.
    good : array of integers
        How many finite steps there have been since the scale changed.
    growth, backoff : array
        By what the scale is multiplied after `interval` finite steps, and after one that is not.
    interval : array of integers
        Number of finite steps.
    """

    scale: Any
    good: Any
    growth: Any
    backoff: Any
    interval: Any


class LossScale(NamedTuple):
    """Pure functions of a state.

    Attributes
    ----------
    init : callable
        ``init() -> state``.
    scale : callable
        ``scale(state, loss)``, the loss times the scale; call it inside of the function that is differentiated.
    unscale : callable
        ``unscale(state, grads)``, the gradients divided by the scale, in float32 where they were narrower.
    adjust : callable
        ``adjust(state, finite) -> state``, with whether the gradients were finite, a bool or an array of shape ().
    """

    init: Callable[[], LossScaleState]
    scale: Callable[[LossScaleState, Any], Any]
    unscale: Callable[[LossScaleState, Any], Any]
    adjust: Callable[[LossScaleState, Any], LossScaleState]


def dynamic_loss_scale(
    initial: float = 65536.0, *, growth: float = 2.0, backoff: float = 0.5, interval: int = 2000
) -> LossScale:
    r"""Return a loss scale that grows while gradients are finite and shrinks when they are not.

    After `interval` finite steps in a row the scale is multiplied by `growth`, unless that is infinite; after a step
    that is not finite it is multiplied by `backoff`, and the count begins anew.

    Parameters
    ----------
    initial : float, default 65536.0
        The first scale.
    growth : float, default 2.0
        Greater than 1.
    backoff : float, default 0.5
        Between 0 and 1.
    interval : int, default 2000
        At least 1.

    Returns
    -------
    LossScale
        Its numbers are leaves of the state, which is saved and restored like any other.

    Raises
    ------
    ParameterError
        If a number is out of range.

    References
    ----------
    .. [1] P. Micikevicius et al., "Mixed Precision Training", arXiv:1710.03740, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import optim, xp
    >>> scaling = optim.dynamic_loss_scale(1024.0)
    >>> opt = optim.sgd(0.1)
    >>> params = {"w": np.float32([1.0, 2.0])}
    >>> state, scaled = opt.init(params), scaling.init()
    >>> grads = fn.grad(lambda p: scaling.scale(scaled, xp.sum(p["w"] ** 2)))(params)
    >>> grads = scaling.unscale(scaled, grads)
    >>> finite = optim.all_finite(grads)
    >>> updates, new = opt.update(grads, state, params)
    >>> params, state = optim.choose(finite, (optim.apply_updates(params, updates), new), (params, state))
    >>> scaled = scaling.adjust(scaled, finite)
    >>> params["w"]
    array([0.8, 1.6], dtype=float32)
    """
    _check("initial", initial, 0 < initial < float("inf"), "a positive number")
    _check("growth", growth, growth > 1, "a number greater than 1")
    _check("backoff", backoff, 0 < backoff < 1, "a number between 0 and 1")
    _check("interval", interval, interval >= 1 and interval == int(interval), "a positive integer")

    def init() -> LossScaleState:
        return _state(initial, growth, backoff, interval)

    def adjust(state: LossScaleState, finite: Any) -> LossScaleState:
        finite = xp.asarray(finite)
        good = state.good + 1
        due = xp.logical_and(finite, good >= state.interval)
        grown = state.scale * state.growth
        grown = xp.where(xp.isfinite(grown), grown, state.scale)
        scale = xp.where(finite, xp.where(due, grown, state.scale), state.scale * state.backoff)
        kept = xp.logical_and(finite, xp.logical_not(due))
        return state._replace(scale=scale, good=xp.where(kept, good, xp.zeros_like(good)))

    return LossScale(init, _scaled, _unscaled, adjust)


def static_loss_scale(scale: float) -> LossScale:
    """Return a loss scale that stays as it is.

    Parameters
    ----------
    scale : float
        The factor.

    Returns
    -------
    LossScale
        Of which ``adjust`` returns the state unchanged.

    Raises
    ------
    ParameterError
        If the factor is no positive number.

    Examples
    --------
    >>> from funcnet import optim
    >>> scaling = optim.static_loss_scale(128.0)
    >>> float(scaling.adjust(scaling.init(), False).scale)
    128.0
    """
    _check("scale", scale, 0 < scale < float("inf"), "a positive number")

    def init() -> LossScaleState:
        return _state(scale, 1.0, 1.0, 1)

    def adjust(state: LossScaleState, finite: Any) -> LossScaleState:  # noqa: ARG001  # as that of the dynamic scale
        return state

    return LossScale(init, _scaled, _unscaled, adjust)


def all_finite(leaves: Any) -> Any:
    """Return whether all floating-point numbers of a pytree are finite.

    Parameters
    ----------
    leaves : pytree of arrays
        Such as gradients; None stands for no gradient.

    Returns
    -------
    array of bool, shape ()
        True where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> bool(optim.all_finite({"w": np.array([1.0, np.inf])}))
    False
    """
    found: Any = None
    for leaf in tree.leaves(leaves):
        if leaf is not None:
            here = xp.all(xp.isfinite(leaf))
            found = here if found is None else xp.logical_and(found, here)
    return xp.asarray(True) if found is None else found


def choose(condition: Any, one: Any, other: Any) -> Any:
    """Return one of two pytrees of the same structure, whole: the step of an optimizer or none.

    Parameters
    ----------
    condition : bool or array of bool, shape ()
        Whether it is the first one.
    one, other : pytree of arrays
        Of the same shapes.

    Returns
    -------
    pytree of arrays
        Numbers that are not finite do not get from one to the other.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> optim.choose(False, {"w": np.array([np.nan])}, {"w": np.array([1.0])})
    {'w': array([1.])}
    """
    condition = xp.asarray(condition)

    def chosen(a: Any, b: Any) -> Any:
        return None if a is None else xp.where(condition, a, b)

    return tree.map(chosen, one, other)


def _state(scale: float, growth: float, backoff: float, interval: int) -> LossScaleState:
    scale, growth, backoff = (xp.asarray(v, dtype="float32") for v in (scale, growth, backoff))
    return LossScaleState(scale, xp.asarray(0, dtype="int32"), growth, backoff, xp.asarray(interval, dtype="int32"))


def _scaled(state: LossScaleState, loss: Any) -> Any:
    # A loss in half precision would overflow.
    narrow = owner(loss).dtype_name(loss.dtype) in ("float16", "bfloat16")
    return loss * (state.scale if narrow else cast(state.scale, loss.dtype))


def _unscaled(state: LossScaleState, grads: Any) -> Any:
    def divided(g: Any) -> Any:
        if g is None:
            return None
        if owner(g).dtype_name(g.dtype) in ("float16", "bfloat16"):
            g = cast(g, state.scale.dtype)
        return g / cast(state.scale, g.dtype)

    return tree.map(divided, grads)


def _check(name: str, value: Any, good: bool, needed: str) -> None:
    if not good or isinstance(value, bool):
        raise ParameterError(
            "A loss scale got a number that is out of range.",
            found=f"{name}={value!r}",
            needed=needed,
            write="optim.dynamic_loss_scale(65536.0, growth=2.0, backoff=0.5, interval=2000)",
        )
