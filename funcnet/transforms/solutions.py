"""Whether what a solver returned fulfils its condition, as the implicit function theorem asks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import tree
from funcnet.core import owner, raw
from funcnet.core.frames import user_frame
from funcnet.errors import NotDifferentiableError
from funcnet.ops import abs, maximum, multiply, ones_like
from funcnet.transforms.forward import jvp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_solution"]


def check_solution(condition: Callable[[Any], Any], y: Any, tolerance: float, name: str) -> None:
    """Refuse what does not fulfil a condition.

    A residual has no size of its own: it is compared with how much the condition changes, to first order, as the
    solution does by its own size, or by 1 where that is smaller. That costs one derivative in one direction.

    Parameters
    ----------
    condition : callable
        ``condition(y)`` returns a tree like `y`, of zeros where that is a solution.
    y : pytree of arrays
        What the solver returned.
    tolerance : float
        Which part of the change a residual may be.
    name : str
        The solver's name.
    """
    steps = tree.map(lambda leaf: multiply(_direction(leaf), maximum(abs(leaf), ones_like(leaf))), y)
    found, change = jvp(condition, (y,), (steps,))
    pairs = zip(tree.leaves(found), tree.leaves(change), tree.structure(y).paths(), strict=True)
    for left, most, path in pairs:
        residual, scale = _largest(left), _largest(most)
        if not residual <= tolerance * scale:
            raise NotDifferentiableError(
                f"The solver {name!r} returned what is no solution{path and f' at {path}'}, so it has no derivative, "
                f"in {user_frame()}.",
                found=f"a residual of {residual:.1e}; the condition changes by {scale:.1e} as the solution does by its "
                "size",
                needed=f"a residual of at most {tolerance:.1g} times that change",
                write="a solver that goes on until it converges, or tolerance=None in the decorator",
            )


def _direction(y: Any) -> Any:
    """Return numbers of both signs, from 1/2 to 1, like an array: hardly a function is constant in that direction."""
    waves = np.reshape(np.cos(np.arange(1.0, math.prod(y.shape) + 1.0)), y.shape)
    backend = owner(y)
    values = np.copysign(0.5 + 0.5 * np.abs(waves), waves)
    return backend.asarray(values, dtype=y.dtype, device=backend.device_of(y))


def _largest(x: Any) -> float:
    """Return the largest magnitude in an array; NaN if it holds one."""
    values = owner(raw(x)).to_numpy(raw(x))
    return float(np.max(np.abs(values), initial=0.0))
