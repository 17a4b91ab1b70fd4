"""Fenchel-Young losses: what a regularised maximum exceeds the score of the target by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random, xp
from funcnet.errors import ShapeError
from funcnet.losses.checks import check_number, class_axis, matched
from funcnet.losses.class_margins import scores_and_label
from funcnet.losses.reduction import check_reduction, reduced
from funcnet.transforms import stop_gradient

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["binary_sparsemax", "fenchel_young", "perturbed_fenchel_young", "sparsemax"]


def fenchel_young(
    scores: Any,
    targets: Any,
    maximum: Callable[[Any], Any],
    *,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Fenchel-Young loss that a regularised maximum generates.

    :math:`F(\theta) - \langle \theta, y \rangle` along the last axis, up to a constant that depends on :math:`y` only.
    Its gradient is :math:`\nabla F(\theta) - y`. With ``xp.logsumexp`` as :math:`F` it is `softmax_cross_entropy`.

    Parameters
    ----------
    scores : array
        Scores :math:`\theta`, of a floating-point data type.
    targets : array
        Targets :math:`y` of the same shape, such as one-hot vectors. They are differentiated too.
    maximum : callable
        ``maximum(scores)``, a convex function of the last axis, which it removes.
    weights : array, optional
        One weight per example, of the shape of `scores` without the last axis, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the examples, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `scores` without the last axis for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ, the scores are not floating-point, or `maximum` does not remove the last axis.
    ParameterError
        If the reduction is unknown.

    References
    ----------
    M. Blondel et al., Learning with Fenchel-Young losses, Journal of Machine Learning Research 21 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses, xp
    >>> scores, targets = np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])
    >>> float(losses.fenchel_young(scores, targets, lambda s: xp.logsumexp(s, axis=-1)).round(6))
    0.693147
    """
    name = "fenchel_young"
    check_reduction(name, reduction)
    targets = matched(name, scores, targets, "scores and targets", "scores")
    class_axis(name, scores, -1)
    best = maximum(scores)
    if tuple(best.shape) != tuple(scores.shape)[:-1]:
        raise ShapeError(
            "losses.fenchel_young got a maximum that does not remove the last axis.",
            found=f"shape {tuple(best.shape)} for scores {tuple(scores.shape)}",
            needed=f"shape {tuple(scores.shape)[:-1]}",
            write="lambda scores: xp.logsumexp(scores, axis=-1)",
        )
    return reduced(best - xp.sum(xp.multiply(targets, scores), axis=-1), reduction, weights, name)


def perturbed_fenchel_young(
    scores: Any,
    targets: Any,
    solver: Callable[[Any], Any],
    *,
    key: Any,
    sigma: float = 1.0,
    samples: int = 16,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Fenchel-Young loss of a perturbed optimiser, which may be any solver.

    :math:`F(\theta) - \langle \theta, y \rangle` with :math:`F(\theta) = E_Z \max_v \langle \theta + \sigma Z, v
    \rangle`, estimated from samples of a normal :math:`Z`. Its gradient is :math:`E_Z\, v^*(\theta + \sigma Z) - y`,
    for which the solver is not differentiated.

    Parameters
    ----------
    scores : array
        Scores :math:`\theta`, of a floating-point data type.
    targets : array
        Solutions :math:`y` of the same shape.
    solver : callable
        ``solver(scores)`` returns the solution :math:`v^*` that maximises the sum of its products with the scores, for
        scores with a new first axis of the samples.
    key : array
        A random key.
    sigma : float, default 1.0
        The size of the perturbation; positive.
    samples : int, default 16
        The number of samples.
    weights : array, optional
        One weight per example, of the shape of `scores` without the last axis, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the examples, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `scores` without the last axis for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ, the scores are not floating-point, or the solver's result does not fit.
    ParameterError
        If a number is out of its range, or the reduction is unknown.

    References
    ----------
    Q. Berthet et al., Learning with differentiable perturbed optimizers, NeurIPS (2020).

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import losses, random, xp
    >>> def one_hot_of_largest(scores):
    ...     return xp.one_hot(xp.argmax(scores, axis=-1), scores.shape[-1], dtype=scores.dtype)
    >>> def loss(scores):
    ...     return losses.perturbed_fenchel_young(
    ...         scores, np.array([[1.0, 0.0]]), one_hot_of_largest, key=random.key(0), samples=8)
    >>> fn.grad(loss)(np.array([[9.0, 0.0]]))
    array([[0., 0.]])
    """
    name = "perturbed_fenchel_young"
    check_reduction(name, reduction)
    check_number(name, "sigma", sigma, 0, open_low=True)
    check_number(name, "samples", samples, 1)
    targets = matched(name, scores, targets, "scores and targets", "scores")
    class_axis(name, scores, -1)
    noise = random.normal(key, (samples, *scores.shape), dtype=scores.dtype)
    moved = xp.expand_dims(scores, axis=0) + sigma * noise
    solution = stop_gradient(solver(stop_gradient(moved)))
    solution = matched(name, moved, solution, "perturbed scores and solutions", "scores")
    best = xp.mean(xp.sum(xp.multiply(solution, moved), axis=-1), axis=0)
    return reduced(best - xp.sum(xp.multiply(targets, scores), axis=-1), reduction, weights, name)


def sparsemax(scores: Any, labels: Any, *, axis: int = -1, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Loss of class numbers whose probabilities are the sparsemax of the scores, of which many are exactly 0.

    :math:`\tfrac12 \sum_{c \in S} (z_c^2 - \tau^2) + \tfrac12 - z_y`, where :math:`S` is the support of
    :math:`p = \max(z - \tau, 0)`, the point of the simplex that is nearest to the scores. Its gradient is :math:`p`
    less the one-hot label; it is 0 where the score of the label exceeds all others by 1.

    Parameters
    ----------
    scores : array
        Scores :math:`z`, of a floating-point data type.
    labels : array
        Class numbers: integers, of the shape of `scores` without `axis`.
    axis : int, default -1
        The axis of the classes.
    weights : array, optional
        One weight per example, of the shape of `labels`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the examples, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `labels` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes do not fit, the scores are not floating-point, or the labels not integers.
    ParameterError
        If a label is no class, or the reduction is unknown.

    References
    ----------
    A. F. T. Martins and R. F. Astudillo, From softmax to sparsemax, ICML (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.sparsemax(np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([0, 0]), reduction="none")
    array([0.25, 0.  ])
    """
    name = "sparsemax"
    scores, _, own = scores_and_label(name, scores, labels, axis, reduction)
    # The loss does not change when all scores move, so squares of large ones need not arise.
    peak = stop_gradient(xp.max(scores, axis=-1, keepdims=True))
    z, own = scores - peak, own - peak
    ordered = xp.flip(xp.sort(z, axis=-1), axis=-1)
    total = xp.cumulative_sum(ordered, axis=-1)
    count = xp.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)
    size = xp.sum(xp.astype(1 + ordered * count > total, z.dtype), axis=-1, keepdims=True)
    tau = (xp.sum(xp.where(count == size, total, 0.0), axis=-1, keepdims=True) - 1) / size
    support = xp.where(z > tau, xp.square(z) - xp.square(tau), 0.0)
    values = 0.5 * xp.sum(support, axis=-1) + 0.5 - xp.squeeze(own, axis=-1)
    return reduced(values, reduction, weights, name)


def binary_sparsemax(logits: Any, labels: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    r"""Loss of yes-or-no labels whose probabilities are the sparse sigmoid of scores, which reaches 0 and 1.

    :math:`s(z) - q z`, where :math:`s(z)` is 0 up to -1, :math:`(z + 1)^2 / 4` up to 1, and :math:`z` beyond. Its
    gradient is :math:`\mathrm{clip}((z + 1) / 2, 0, 1) - q`, without kinks.

    Parameters
    ----------
    logits : array
        Scores :math:`z`, of a floating-point data type.
    labels : array
        Probabilities :math:`q` from 0 to 1, of the same shape; booleans and integers count as numbers.
    weights : array, optional
        One weight per score, of the shape of `logits`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over all elements, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `logits` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the logits are not floating-point.
    ParameterError
        If the reduction is unknown.

    References
    ----------
    M. Blondel et al., Learning with Fenchel-Young losses, Journal of Machine Learning Research 21 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.binary_sparsemax(np.array([0.0, 3.0, -3.0]), np.array([1, 1, 1]), reduction="none")
    array([0.25, 0.  , 3.  ])
    """
    name = "binary_sparsemax"
    check_reduction(name, reduction)
    labels = matched(name, logits, labels, "logits and labels", "logits")
    near = 0.25 * xp.square(xp.clip(logits, -1.0, 1.0) + 1)
    return reduced(near + xp.relu(logits - 1) - xp.multiply(labels, logits), reduction, weights, name)
