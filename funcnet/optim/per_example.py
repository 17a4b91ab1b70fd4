"""Sums of gradients of each example, cut to size one by one."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet import tree, xp
from funcnet.core import owner, raw
from funcnet.errors import ShapeError, TreeError
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.clipping import factor_to, widened

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["examples", "per_example_global_norm_clip", "per_example_layer_norm_clip"]


def per_example_global_norm_clip(grads: Any, max_norm: Any) -> tuple[Any, Any]:
    """Return the sum over examples of gradients that are scaled so that no example's norm is above a bound.

    Parameters
    ----------
    grads : pytree of arrays
        Gradients of each example, such as ``fn.vmap(fn.grad(loss), (None, 0, 0))(params, x, y)``: examples first.
    max_norm : float or array of shape ()
        The bound of the norm over all arrays.

    Returns
    -------
    sums : pytree of arrays
        Without the first dimension.
    clipped : array of shape ()
        The number of examples that were scaled, an integer.

    Raises
    ------
    ShapeError
        If the arrays do not have a first dimension of one size.

    References
    ----------
    .. [1] M. Abadi et al., "Deep learning with differential privacy", CCS 2016, arXiv:1607.00133.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> total, clipped = optim.per_example_global_norm_clip(np.array([[3.0, 4.0], [0.3, 0.4]]), 1.0)
    >>> total, int(clipped)
    (array([0.9, 1.2]), 1)
    """
    found, structure = tree.flatten(grads)
    examples("per_example_global_norm_clip", grads)
    dtype = leaves.wide_dtype(found[0])
    sums, clipped = _clip_examples(found, leaves.float_of(max_norm, found[0], dtype))
    return tree.unflatten(structure, sums), clipped


def per_example_layer_norm_clip(grads: Any, max_norm: Any, *, uniform: bool = True) -> tuple[Any, Any]:
    """Return sums over examples of gradients that are scaled for each array by itself.

    Parameters
    ----------
    grads : pytree of arrays
        As for `per_example_global_norm_clip`.
    max_norm : float or array of shape ()
        The bound of the norm over all arrays, of which each array gets a share.
    uniform : bool, default True
        Whether squares of the shares are equal; else they are in proportion to the number of elements.

    Returns
    -------
    sums : pytree of arrays
        Without the first dimension.
    clipped : pytree of arrays of shape ()
        The number of examples that were scaled, for each array.

    Raises
    ------
    ShapeError
        If the arrays do not have a first dimension of one size.

    References
    ----------
    .. [1] H. B. McMahan, D. Ramage, K. Talwar, L. Zhang, "Learning differentially private recurrent language models",
       ICLR 2018, arXiv:1710.06963.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> grads = {"a": np.array([[3.0], [0.1]]), "b": np.array([[0.1], [0.1]])}
    >>> total, clipped = optim.per_example_layer_norm_clip(grads, 2**0.5)
    >>> total["a"].round(3), int(clipped["a"]), int(clipped["b"])
    (array([1.1]), 1, 0)
    """
    found, structure = tree.flatten(grads)
    examples("per_example_layer_norm_clip", grads)
    dtype = leaves.wide_dtype(found[0])
    limit = leaves.float_of(max_norm, found[0], dtype)
    sizes = [1 if uniform else prod(leaf.shape[1:]) for leaf in found]
    parts = [
        _clip_examples([leaf], limit * (size / max(sum(sizes), 1)) ** 0.5)
        for leaf, size in zip(found, sizes, strict=True)
    ]
    return (
        tree.unflatten(structure, [sums[0] for sums, _ in parts]),
        tree.unflatten(structure, [clipped for _, clipped in parts]),
    )


def examples(name: str, grads: Any) -> int:
    """Return the number of examples: the size of the first dimension of every array."""
    pairs = tree.flatten_with_paths(grads)[0]
    size = pairs[0][1].shape[0] if pairs and pairs[0][1].shape else None
    for path, leaf in pairs:
        if not leaf.shape or leaf.shape[0] != size:
            raise ShapeError(
                f"optim.{name} takes gradients of each example.",
                found=f"shape {tuple(leaf.shape)} at {path or 'the root'}",
                needed="a first dimension of one size, that of the batch, in every array"
                + ("" if size is None else f": {size} as at {pairs[0][0] or 'the root'}"),
                write="grads = fn.vmap(fn.grad(loss), (None, 0, 0))(params, x, y)",
            )
    if size is None:
        raise TreeError(f"optim.{name} got no gradients.", found="a tree without leaves", needed="at least one array")
    return size


def _clip_examples(found: Sequence[Any], limit: Any) -> tuple[list[Any], Any]:
    norms = [
        cast(
            xp.linalg.vector_norm(widened(leaf), axis=tuple(range(1, leaf.ndim))) if leaf.ndim > 1 else xp.abs(leaf),
            limit.dtype,
        )
        for leaf in found
    ]
    norm = norms[0] if len(norms) == 1 else xp.linalg.vector_norm(xp.stack(norms), axis=0)
    factor = factor_to(norm, limit)
    sums = [xp.tensordot(cast(factor, leaf.dtype), leaf, axes=1) for leaf in found]
    return sums, xp.sum(cast(factor < 1, _int(found[0])))


def _int(leaf: Any) -> Any:
    backend = owner(leaf)
    return backend.dtype(backend.default_int(backend.device_of(raw(leaf))))
