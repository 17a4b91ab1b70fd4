"""Lines, planes and half-spaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import tree, xp
from funcnet.errors import TreeError
from funcnet.ops import cast
from funcnet.optim.projections.common import like, together

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["halfspace", "hyperplane", "vector"]


def vector(params: Any, a: Any) -> Any:
    """Return the nearest multiple of a tree.

    Parameters
    ----------
    params, a : pytrees of arrays
        What to project, and on what; not 0.

    Returns
    -------
    pytree of arrays
        Of the structure of `params`.

    Raises
    ------
    TreeError
        If the structures differ.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.optim import projections
    >>> projections.vector(np.array([1.0, 2.0]), np.array([2.0, 0.0]))
    array([1., 0.])
    """
    found, structure, normal = _pair(params, a)
    factor = _dot(found, normal) / _dot(normal, normal)
    return tree.unflatten(structure, [cast(factor, n.dtype) * n for n in normal])


def hyperplane(params: Any, a: Any, b: Any) -> Any:
    """Return the nearest tree x with ``dot(a, x) == b``.

    Parameters
    ----------
    params, a : pytrees of arrays
        What to project, and the normal of the plane; not 0.
    b : float or array of shape ()
        The product.

    Returns
    -------
    pytree of arrays
        Of the structure of `params`.

    Raises
    ------
    TreeError
        If the structures differ.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.optim import projections
    >>> projections.hyperplane(np.array([1.0, 2.0]), np.array([1.0, 1.0]), 1.0)
    array([0., 1.])
    """
    return _moved(params, a, b, _all)


def halfspace(params: Any, a: Any, b: Any) -> Any:
    """Return the nearest tree x with ``dot(a, x) <= b``.

    Parameters
    ----------
    params, a, b
        As for `hyperplane`.

    Returns
    -------
    pytree of arrays
        Of the structure of `params`.

    Raises
    ------
    TreeError
        If the structures differ.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.optim import projections
    >>> projections.halfspace(np.array([1.0, 2.0]), np.array([1.0, 1.0]), 1.0)
    array([0., 1.])
    >>> projections.halfspace(np.array([-1.0, 1.0]), np.array([1.0, 1.0]), 1.0)
    array([-1.,  1.])
    """
    return _moved(params, a, b, _towards)


def _all(factor: Any) -> Any:
    return factor


def _towards(factor: Any) -> Any:
    return xp.clip(factor, None, 0.0)


def _moved(params: Any, a: Any, b: Any, limit: Callable[[Any], Any]) -> Any:
    found, structure, normal = _pair(params, a)
    product = _dot(found, normal)
    factor = limit((like(b, product) - product) / _dot(normal, normal))
    return tree.unflatten(structure, [n * cast(factor, n.dtype) + x for x, n in zip(found, normal, strict=True)])


def _pair(params: Any, a: Any) -> tuple[list[Any], Any, list[Any]]:
    found, structure = tree.flatten(params)
    other = tree.flatten_like(structure, a, name="the normal")
    if not found:
        raise TreeError("A projection got no arrays.", found="a tree without leaves", needed="at least one array")
    pairs = [together(x, n) for x, n in zip(found, other, strict=True)]
    return [x for x, _ in pairs], structure, [n for _, n in pairs]


def _dot(one: list[Any], other: list[Any]) -> Any:
    total: Any = None
    for x, y in zip(one, other, strict=True):
        part = xp.sum(x * y)
        total = part if total is None else total + part
    return total
