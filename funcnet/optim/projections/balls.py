"""Balls, spheres and the simplex."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.optim.clipping import global_norm
from funcnet.optim.projections.common import as_one, check_scale, like, scaled

__all__ = ["l1_ball", "l1_sphere", "l2_ball", "l2_sphere", "simplex"]


def l2_ball(params: Any, scale: Any = 1.0) -> Any:
    """Return the nearest tree whose Euclidean norm is at most `scale`.

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
    >>> projections.l2_ball(np.array([3.0, 4.0]))
    array([0.6, 0.8])
    """
    check_scale("l2_ball", scale)
    norm = global_norm(params)
    radius = like(scale, norm)
    return scaled(params, radius / xp.maximum(xp.maximum(norm, radius), 1e-37))


def l2_sphere(params: Any, scale: Any = 1.0) -> Any:
    """Return the nearest tree whose Euclidean norm is `scale`.

    Parameters
    ----------
    params : pytree of arrays
        What to project; not 0, to which no point of the sphere is nearest.
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
    >>> projections.l2_sphere(np.array([3.0, 4.0]), 10.0)
    array([6., 8.])
    """
    check_scale("l2_sphere", scale)
    norm = global_norm(params)
    return scaled(params, like(scale, norm) / norm)


def simplex(params: Any, scale: Any = 1.0) -> Any:
    """Return the nearest tree of elements that are not negative and add up to `scale`.

    Parameters
    ----------
    params : pytree of arrays
        What to project.
    scale : float or array of shape (), default 1
        The sum, above 0.

    Returns
    -------
    pytree of arrays
        Of the same structure, shapes and data types.

    Raises
    ------
    ParameterError
        If the sum is not positive.

    References
    ----------
    .. [1] J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, "Efficient projections onto the l1-ball for learning in
       high dimensions", ICML 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.optim import projections
    >>> projections.simplex(np.array([1.0, 0.6, -3.0]))
    array([0.7, 0.3, 0. ])
    """
    check_scale("simplex", scale, positive=True)

    def inside(x: Any) -> Any:
        return xp.clip(x - _threshold(x, like(scale, x)), 0.0)

    return as_one(params, inside)


def _threshold(x: Any, scale: Any) -> Any:
    """Return what is subtracted from each element so that the positive ones add up to `scale`."""
    down = xp.flip(xp.sort(x))
    count = xp.cumulative_sum(xp.ones_like(x))
    candidates = (xp.cumulative_sum(down) - scale) / count
    # The last one that the element itself exceeds; they grow up to there and fall after it.
    return xp.max(xp.where(down > candidates, candidates, -xp.inf))


def l1_sphere(params: Any, scale: Any = 1.0) -> Any:
    """Return the nearest tree whose absolute values add up to `scale`, each element keeping its sign.

    Parameters
    ----------
    params : pytree of arrays
        What to project. Elements that are 0 stay 0.
    scale : float or array of shape (), default 1
        The radius, above 0.

    Returns
    -------
    pytree of arrays
        Of the same structure, shapes and data types.

    Raises
    ------
    ParameterError
        If the radius is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.optim import projections
    >>> projections.l1_sphere(np.array([-1.0, 0.6]))
    array([-0.7,  0.3])
    """
    check_scale("l1_sphere", scale, positive=True)

    def outside(x: Any) -> Any:
        return _shrunk(x, _threshold(xp.abs(x), like(scale, x)))

    return as_one(params, outside)


def _shrunk(x: Any, threshold: Any) -> Any:
    return xp.clip(xp.abs(x) - threshold, 0.0) * xp.sign(x)


def l1_ball(params: Any, scale: Any = 1.0) -> Any:
    """Return the nearest tree whose absolute values add up to at most `scale`.

    Parameters
    ----------
    params : pytree of arrays
        What to project.
    scale : float or array of shape (), default 1
        The radius, above 0.

    Returns
    -------
    pytree of arrays
        Of the same structure, shapes and data types.

    Raises
    ------
    ParameterError
        If the radius is not positive.

    References
    ----------
    .. [1] J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, "Efficient projections onto the l1-ball for learning in
       high dimensions", ICML 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.optim import projections
    >>> projections.l1_ball(np.array([-1.0, 0.6])), projections.l1_ball(np.array([-0.2, 0.6]))
    (array([-0.7,  0.3]), array([-0.2,  0.6]))
    """
    check_scale("l1_ball", scale, positive=True)

    def inside(x: Any) -> Any:
        size = xp.abs(x)
        radius = like(scale, x)
        return _shrunk(x, xp.where(xp.sum(size) <= radius, 0.0, _threshold(size, radius)))

    return as_one(params, inside)
