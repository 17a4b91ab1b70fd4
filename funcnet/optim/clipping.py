"""Gradients cut to size: by value, by norm, by root mean square, beside the parameter."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import tree, xp
from funcnet.errors import TreeError
from funcnet.ops import cast
from funcnet.optim import leaves
from funcnet.optim.building import Number, Step, build, per_leaf, wide_of
from funcnet.optim.transform import Transform

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AdaptiveClipState",
    "ClipState",
    "adaptive_grad_clip",
    "clip",
    "clip_by_block_rms",
    "clip_by_global_norm",
    "clip_by_norm",
    "factor_to",
    "global_norm",
    "norm_of",
    "times",
    "widened",
]


class ClipState(NamedTuple):
    """State of the transforms that clip: the number of updates made, and the bound."""

    count: Any
    limit: Any


class AdaptiveClipState(NamedTuple):
    """State of `adaptive_grad_clip`."""

    count: Any
    clipping: Any
    eps: Any


def global_norm(updates: Any) -> Any:
    r"""Return the Euclidean norm of all elements of a tree, as of one vector.

    Computed by scaling, so that squares neither overflow nor underflow. Its derivative at 0 is 0.

    Parameters
    ----------
    updates : pytree of arrays
        Of floating-point data types; None counts as nothing.

    Returns
    -------
    array of shape ()
        Of the widest data type among the leaves.

    Raises
    ------
    TreeError
        If there is no array.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> float(optim.global_norm({"a": np.array([3.0]), "b": np.array([[4.0]])}))
    5.0
    """
    found = tree.leaves(updates)
    if not found:
        raise TreeError(
            "optim.global_norm got no arrays.",
            found="a tree without leaves",
            needed="at least one array",
            write="optim.global_norm(grads)",
        )
    dtype = found[0].dtype
    for leaf in found[1:]:
        dtype = dtype if leaf.dtype == dtype else xp.result_type(dtype, leaf.dtype)
    return norm_of(found, dtype)


def norm_of(found: Sequence[Any], dtype: Any) -> Any:
    """Return the norm of all elements of some arrays, in a data type."""
    norms = [cast(xp.linalg.vector_norm(widened(leaf)), dtype) for leaf in found]
    return norms[0] if len(norms) == 1 else xp.linalg.vector_norm(xp.stack(norms))


def widened(leaf: Any) -> Any:
    """Return a leaf in float32 at least, where the norm of many float16 fits."""
    return cast(leaf, wide_of(leaf))


def clip(max_delta: leaves.Rate) -> Transform:
    """Return the transform that moves each element into an interval around 0.

    Parameters
    ----------
    max_delta : float, array of shape () or callable
        The largest absolute value; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is a `ClipState`.

    Raises
    ------
    ParameterError
        If the bound is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.clip(1.0)
    >>> opt.update(np.array([-3.0, 0.5]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([-1. ,  0.5])
    """

    def rule(g: Any, limit: Any) -> tuple[Any]:
        return (xp.clip(g, -limit, limit),)

    return per_leaf("clip", ClipState, rule, numbers={"max_delta": Number(max_delta)})


def clip_by_global_norm(max_norm: leaves.Rate) -> Transform:
    r"""Return the transform that scales all updates together so that their norm is not above a bound.

    :math:`u = g \min(1, c / \|g\|)`, the norm taken over all arrays as one vector.

    Parameters
    ----------
    max_norm : float, array of shape () or callable
        The bound c; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is a `ClipState`. Where the norm is not finite, updates are NaN or 0: see `apply_if_finite`.

    Raises
    ------
    ParameterError
        If the bound is negative.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> params = {"a": np.zeros(1), "b": np.zeros(1)}
    >>> opt = optim.clip_by_global_norm(1.0)
    >>> opt.update({"a": np.array([3.0]), "b": np.array([4.0])}, opt.init(params), params)[0]
    {'a': array([0.6]), 'b': array([0.8])}
    """

    def rule(step: Step) -> list[Any]:
        given = [g for g in step.grads if g is not None]
        if not given:
            return step.grads
        factor = factor_to(norm_of(given, step.numbers[0].dtype), step.numbers[0])
        return step.each(times, factor)

    return build("clip_by_global_norm", ClipState, rule, numbers={"max_norm": Number(max_norm)})


def times(g: Any, factor: Any) -> tuple[Any]:
    """Multiply: a rule for `Step.each`."""
    return (g * factor,)


def factor_to(norm: Any, limit: Any) -> Any:
    """Return by what something of this norm is multiplied to keep to the limit: 1 up to it."""
    # No division by 0 where both are.
    return limit / xp.maximum(xp.maximum(norm, limit), 1e-37)


def clip_by_norm(max_norm: leaves.Rate) -> Transform:
    r"""Return the transform that scales each array so that its norm is not above a bound.

    Parameters
    ----------
    max_norm : float, array of shape () or callable
        The bound; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is a `ClipState`.

    Raises
    ------
    ParameterError
        If the bound is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> params = {"a": np.zeros(2), "b": np.zeros(1)}
    >>> opt = optim.clip_by_norm(1.0)
    >>> opt.update({"a": np.array([3.0, 4.0]), "b": np.array([0.5])}, opt.init(params), params)[0]
    {'a': array([0.6, 0.8]), 'b': array([0.5])}
    """

    def rule(g: Any, limit: Any) -> tuple[Any]:
        return (factor_to(xp.linalg.vector_norm(g), limit) * g,)

    return per_leaf("clip_by_norm", ClipState, rule, numbers={"max_norm": Number(max_norm)})


def clip_by_block_rms(threshold: leaves.Rate) -> Transform:
    r"""Return the transform that scales each array so that its root mean square is not above a bound.

    Parameters
    ----------
    threshold : float, array of shape () or callable
        The bound; a function gets the number of updates made before.

    Returns
    -------
    Transform
        Its state is a `ClipState`.

    Raises
    ------
    ParameterError
        If the bound is negative.

    References
    ----------
    .. [1] N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost", ICML 2018,
       arXiv:1804.04235.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> opt = optim.clip_by_block_rms(1.0)
    >>> opt.update(np.array([3.0, -3.0]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([ 1., -1.])
    """

    def rule(g: Any, limit: Any) -> tuple[Any]:
        return (factor_to(xp.linalg.vector_norm(g) * max(prod(g.shape), 1) ** -0.5, limit) * g,)

    return per_leaf("clip_by_block_rms", ClipState, rule, numbers={"threshold": Number(threshold)})


def adaptive_grad_clip(
    clipping: leaves.Rate, *, eps: leaves.Rate = 1e-3, axis: int | tuple[int, ...] | None = None
) -> Transform:
    r"""Return the transform that keeps the norm of each unit's gradient below a part of the norm of its weights.

    :math:`g_i \min(1, \lambda \max(\|w_i\|, \epsilon) / \|g_i\|)` for each unit i, an output of the layer.

    Parameters
    ----------
    clipping : float, array of shape () or callable
        :math:`\lambda`; a function gets the number of updates made before.
    eps : float, default 1e-3
        :math:`\epsilon`, by which parameters that begin as 0 can move.
    axis : int or tuple of ints, optional
        The axes that norms are taken over. Without it: all of an array with one dimension, the first axis of two or
        three dimensions, and all but the last axis of more: the units are last, as in this library's kernels.

    Returns
    -------
    Transform
        Its state is an `AdaptiveClipState`.

    Raises
    ------
    ParameterError
        If a hyperparameter is negative.

    References
    ----------
    .. [1] A. Brock, S. De, S. L. Smith, K. Simonyan, "High-performance large-scale image recognition without
       normalization", ICML 2021, arXiv:2102.06171.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import optim
    >>> kernel = np.array([[3.0, 0.3], [4.0, 0.4]])
    >>> opt = optim.adaptive_grad_clip(0.1)
    >>> opt.update(np.ones((2, 2)), opt.init(kernel), kernel)[0].round(4)
    array([[0.3536, 0.0354],
           [0.3536, 0.0354]])
    """

    def rule(g: Any, p: Any, clipping: Any, eps: Any) -> tuple[Any]:
        over = _units(g.shape) if axis is None else axis
        size = xp.linalg.vector_norm(g, axis=over, keepdims=True)
        limit = xp.maximum(xp.linalg.vector_norm(p, axis=over, keepdims=True), eps) * clipping
        return (xp.where(size < limit, 1.0, limit / xp.maximum(size, 1e-6)) * g,)

    numbers = {"clipping": Number(clipping), "eps": Number(eps)}
    return per_leaf("adaptive_grad_clip", AdaptiveClipState, rule, numbers=numbers, params=True)


def _units(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    if len([n for n in shape if n != 1]) <= 1:
        return None
    return (0,) if len(shape) <= 3 else tuple(range(len(shape) - 1))
