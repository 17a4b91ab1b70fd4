"""Trees as vectors."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet import tree, xp
from funcnet.errors import ShapeError
from funcnet.ops import cast
from funcnet.optim.leaves import first_leaf

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ravel"]


def ravel(params: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return all elements of a tree as one vector, and the function back.

    Both are differentiable.

    Parameters
    ----------
    params : pytree of arrays
        Real floating-point, at least one, of one library.

    Returns
    -------
    vector : array, shape (n,)
        The elements of the leaves one after the other, in the data type to which all can be promoted.
    unravel : callable
        From a vector of n elements to a tree with the structure, the shapes and the data types of `params`.

    Raises
    ------
    DtypeError, TreeError
        If a leaf is no real floating-point array, or there is none.
    ShapeError
        By ``unravel``: if the vector has another length.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> vector, unravel = optim.ravel({"a": np.array([[1.0, 2.0]]), "b": np.array(3.0, "float32")})
    >>> vector
    array([1., 2., 3.])
    >>> unravel(vector * 2)
    {'a': array([[2., 4.]]), 'b': array(6., dtype=float32)}
    """
    first_leaf(params, "ravel")
    found, structure = tree.flatten(params)
    dtype = found[0].dtype
    for leaf in found[1:]:
        dtype = dtype if leaf.dtype == dtype else xp.result_type(dtype, leaf.dtype)
    shapes = [tuple(leaf.shape) for leaf in found]
    dtypes = [leaf.dtype for leaf in found]
    sizes = [prod(shape) for shape in shapes]
    flat = [cast(xp.reshape(leaf, (-1,)), dtype) for leaf in found]
    vector = flat[0] if len(flat) == 1 else xp.concat(flat)

    def unravel(vector: Any) -> Any:
        if tuple(vector.shape) != (sum(sizes),):
            raise ShapeError(
                "A vector does not fit the tree that it stands for.",
                found=f"shape {tuple(vector.shape)}",
                needed=f"shape ({sum(sizes)},)",
                write="vector, unravel = optim.ravel(params)",
            )
        parts: list[Any] = []
        start = 0
        for shape, size, own in zip(shapes, sizes, dtypes, strict=True):
            parts.append(cast(xp.reshape(vector[start : start + size], shape), own))
            start += size
        return tree.unflatten(structure, parts)

    return vector, unravel
