"""Bounds of each element."""

from __future__ import annotations

from typing import Any

from funcnet import tree, xp
from funcnet.optim.projections.common import check_scale, like

__all__ = ["box", "hypercube", "linf_ball", "non_negative"]


def non_negative(params: Any) -> Any:
    """Return the nearest tree without negative elements.

    Parameters
    ----------
    params : pytree of arrays
        What to project.

    Returns
    -------
    pytree of arrays
        Of the same structure, shapes and data types.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.optim import projections
    >>> projections.non_negative(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return tree.map(_non_negative, params)


def _non_negative(x: Any) -> Any:
    return xp.clip(x, 0.0)


def box(params: Any, lower: Any, upper: Any) -> Any:
    """Return the nearest tree with elements between bounds.

    Parameters
    ----------
    params : pytree of arrays
        What to project.
    lower, upper : float, array, or pytree of them
        The bounds, each a tree like `params` or a prefix of it.

    Returns
    -------
    pytree of arrays
        Of the same structure, shapes and data types.

    Raises
    ------
    TreeError
        If a tree of bounds is no prefix of `params`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.optim import projections
    >>> projections.box(np.array([-3.0, 0.5, 3.0]), -1.0, np.array([1.0, 1.0, 2.0]))
    array([-1. ,  0.5,  2. ])
    """
    found, structure = tree.flatten(params)
    lows = tree.broadcast_prefix(lower, params, name="the lower bounds")
    highs = tree.broadcast_prefix(upper, params, name="the upper bounds")
    inside = [xp.clip(x, like(a, x), like(b, x)) for x, a, b in zip(found, lows, highs, strict=True)]
    return tree.unflatten(structure, inside)


def hypercube(params: Any, scale: Any = 1.0) -> Any:
    """Return the nearest tree with elements from 0 to `scale`.

    Parameters
    ----------
    params : pytree of arrays
        What to project.
    scale : float, array, or pytree of them, default 1
        The upper bound, as for `box`.

    Returns
    -------
    pytree of arrays
        Of the same structure, shapes and data types.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.optim import projections
    >>> projections.hypercube(np.array([-3.0, 0.5, 3.0]))
    array([0. , 0.5, 1. ])
    """
    return box(params, 0.0, scale)


def linf_ball(params: Any, scale: Any = 1.0) -> Any:
    """Return the nearest tree whose elements have absolute values of at most `scale`.

    Parameters
    ----------
    params : pytree of arrays
        What to project.
    scale : float or array of shape (), default 1
        The radius, not negative.

    Returns
    -------
    pytree of arrays
        Of the same structure, shapes and data types.

    Raises
    ------
    ParameterError
        If the radius is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.optim import projections
    >>> projections.linf_ball(np.array([-3.0, 0.5]))
    array([-1. ,  0.5])
    """
    check_scale("linf_ball", scale)
    return box(params, -scale, scale)
