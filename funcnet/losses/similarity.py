"""Losses of embeddings: what is alike is to be near."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.core.arguments import check_array
from funcnet.errors import ShapeError
from funcnet.losses.checks import check_floating, check_number, check_signs, matched, summed_axes
from funcnet.losses.reduction import check_reduction, reduced
from funcnet.transforms import stop_gradient

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["circle", "cosine_distance", "cosine_embedding", "cosine_similarity", "nt_xent", "triplet_margin"]


def _unit(x: Any, axis: Any, epsilon: float) -> Any:
    return x / xp.maximum(xp.linalg.vector_norm(x, axis=axis, keepdims=True), epsilon)


def cosine_similarity(a: Any, b: Any, *, axis: int = -1, epsilon: float = 1e-8) -> Any:
    r"""Cosine of the angle between vectors, from -1 to 1; it is no loss and is not reduced.

    :math:`\frac{a}{\max(|a|, \varepsilon)} \cdot \frac{b}{\max(|b|, \varepsilon)}`. A vector of zeros has similarity 0
    with every other.

    Parameters
    ----------
    a, b : array
        Vectors of the same shape, of a floating-point data type.
    axis : int, default -1
        The axis of a vector.
    epsilon : float, default 1e-8
        What shorter vectors are divided by; positive.

    Returns
    -------
    array
        Of the shape of `a` without `axis`.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the vectors are not floating-point.
    ParameterError
        If `epsilon` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.cosine_similarity(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 2.0], [3.0, 3.0]])).round(6)
    array([0., 1.])
    """
    return _cosine("cosine_similarity", a, b, axis, epsilon)


def _cosine(name: str, a: Any, b: Any, axis: int, epsilon: float = 1e-8) -> Any:
    check_number(name, "epsilon", epsilon, 0, open_low=True)
    b = matched(name, a, b, "two arrays of vectors", "vectors")
    axes = summed_axes(name, a, axis)
    return xp.sum(xp.multiply(_unit(a, axes, epsilon), _unit(b, axes, epsilon)), axis=axes)


def cosine_distance(
    prediction: Any,
    target: Any,
    *,
    axis: int = -1,
    epsilon: float = 1e-8,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""One less the cosine of the angle between prediction and target: 0 for the same direction, 2 for the opposite.

    Parameters
    ----------
    prediction : array
        Vectors, of a floating-point data type.
    target : array
        Of the same shape: nothing is broadcast.
    axis : int, default -1
        The axis of a vector.
    epsilon : float, default 1e-8
        What shorter vectors are divided by; positive.
    weights : array, optional
        One weight per pair, of the shape without `axis`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the pairs, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `prediction` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the prediction is not floating-point.
    ParameterError
        If the reduction is unknown, or `epsilon` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.cosine_distance(np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]])))
    1.0
    """
    check_reduction("cosine_distance", reduction)
    values = 1 - _cosine("cosine_distance", prediction, target, axis, epsilon)
    return reduced(values, reduction, weights, "cosine_distance")


def cosine_embedding(
    first: Any,
    second: Any,
    labels: Any,
    *,
    margin: float = 0.0,
    axis: int = -1,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Cosine distance of similar pairs; of others the cosine as far as it exceeds a margin.

    :math:`1 - \cos(a, b)` for :math:`y = 1`, :math:`\max(0, \cos(a, b) - m)` for :math:`y = -1`. Its derivative at the
    kink is 0.

    Parameters
    ----------
    first, second : array
        Vectors of the same shape, of a floating-point data type.
    labels : array
        1 for similar pairs, -1 for others, of the shape without `axis`.
    margin : float, default 0.0
        The margin :math:`m`, from -1 to 1.
    axis : int, default -1
        The axis of a vector.
    weights : array, optional
        One weight per pair, of the shape of `labels`, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the pairs, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `labels` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes do not fit or the vectors are not floating-point.
    ParameterError
        If a label that can be read is neither -1 nor 1, the margin is out of its range, or the reduction is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> a, b = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> losses.cosine_embedding(a, b, np.array([1, -1]), reduction="none")
    array([1., 1.])
    """
    name = "cosine_embedding"
    check_reduction(name, reduction)
    check_number(name, "margin", margin, -1, 1)
    cosine = _cosine(name, first, second, axis)
    labels = matched(name, cosine, labels, "pairs and labels", "vectors")
    check_signs(name, labels)
    values = xp.where(labels == 1, 1 - cosine, xp.relu(cosine - margin))
    return reduced(values, reduction, weights, name)


def triplet_margin(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    margin: float = 1.0,
    distance: Callable[[Any, Any], Any] | None = None,
    swap: bool = False,
    axis: int = -1,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Loss of triplets: an anchor is to be nearer to what is like it than to what is not, by a margin.

    :math:`\max(0, d(a, p) - d(a, n) + m)`. Its derivative at the kink is 0, and so is that of the Euclidean distance
    of two equal vectors.

    Parameters
    ----------
    anchor, positive, negative : array
        Vectors of the same shape, of a floating-point data type.
    margin : float, default 1.0
        The margin :math:`m`; positive.
    distance : callable, optional
        ``distance(a, b)``, which takes arrays of vectors and returns an array of distances; the Euclidean distance
        along `axis` without one, to which nothing is added (PyTorch adds 1e-6 to each difference).
    swap : bool, default False
        Whether to take the distance of the positive from the negative where that is smaller than the anchor's.
    axis : int, default -1
        The axis of a vector, for the Euclidean distance.
    weights : array, optional
        One weight per triplet, of the shape of the distances, in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the triplets, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of the distances for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes differ or the vectors are not floating-point.
    ParameterError
        If the margin is not positive, or the reduction is unknown.

    References
    ----------
    V. Balntas et al., Learning local feature descriptors with triplets and shallow convolutional neural networks,
    BMVC (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> a, p, n = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.array([[0.0, 5.5]])
    >>> float(losses.triplet_margin(a, p, n))
    0.5
    """
    name = "triplet_margin"
    check_reduction(name, reduction)
    check_number(name, "margin", margin, 0, open_low=True)
    positive = matched(name, anchor, positive, "anchors and positives", "vectors")
    negative = matched(name, anchor, negative, "anchors and negatives", "vectors")
    axes = summed_axes(name, anchor, axis)

    def euclidean(a: Any, b: Any) -> Any:
        return xp.linalg.vector_norm(xp.subtract(a, b), axis=axes)

    between = euclidean if distance is None else distance
    near, far = between(anchor, positive), between(anchor, negative)
    if swap:
        far = xp.minimum(far, between(positive, negative))
    return reduced(xp.relu(xp.subtract(near, far) + margin), reduction, weights, name)


def _pairs(name: str, embeddings: Any, labels: Any) -> tuple[Any, Any, Any]:
    """Return cosines of all pairs of a batch, which pairs are alike, and which are not."""
    check_floating(name, embeddings, "embeddings")
    check_array(f"losses.{name}", labels, "labels")
    shape = tuple(embeddings.shape)
    if len(shape) != 2 or tuple(labels.shape) != shape[:1]:
        raise ShapeError(
            f"losses.{name} takes one label for each embedding of a batch.",
            found=f"embeddings {shape} and labels {tuple(labels.shape)}",
            needed="embeddings (n, features) and labels (n,)",
        )
    unit = _unit(embeddings, (1,), 1e-8)
    index = xp.arange(shape[0], device=labels.device)
    same = xp.expand_dims(labels, axis=1) == xp.expand_dims(labels, axis=0)
    other = xp.expand_dims(index, axis=1) != xp.expand_dims(index, axis=0)
    return xp.matmul(unit, xp.matrix_transpose(unit)), xp.logical_and(same, other), xp.logical_not(same)


def nt_xent(
    embeddings: Any, labels: Any, *, temperature: float = 0.07, weights: Any = None, reduction: str = "mean"
) -> Any:
    r"""Normalised, temperature-scaled cross-entropy of all pairs of a batch that are alike.

    For each ordered pair :math:`(i, j)` with the same label, :math:`-\log \frac{e^{s_{ij}}}{e^{s_{ij}} +
    \sum_k e^{s_{ik}}}` with the cosines :math:`s` over the temperature and the sum over all :math:`k` of another label.

    Parameters
    ----------
    embeddings : array, shape (n, features)
        Of a floating-point data type.
    labels : array, shape (n,)
        Integers; what has the same one is alike. For the views of SimCLR, ``xp.tile(xp.arange(n // 2), (2,))``.
    temperature : float, default 0.07
        What the cosines are divided by; positive.
    weights : array, optional
        One weight per pair, of shape (n, n), in which any size may be 1.
    reduction : str, default "mean"
        ``"mean"`` over the pairs that are alike, weighted by `weights`, NaN if there are none; ``"sum"``; or
        ``"none"``.

    Returns
    -------
    array
        Of shape ``()``; for ``"none"`` of shape (n, n), with 0 for pairs that do not count.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes do not fit or the embeddings are not floating-point.
    ParameterError
        If the temperature is not positive, or the reduction is unknown.

    References
    ----------
    T. Chen et al., A simple framework for contrastive learning of visual representations, ICML (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> embeddings = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> float(losses.nt_xent(embeddings, np.array([0, 0, 1, 1]), temperature=1.0).round(4))
    0.5514
    """
    name = "nt_xent"
    check_reduction(name, reduction)
    check_number(name, "temperature", temperature, 0, open_low=True)
    cosines, alike, apart = _pairs(name, embeddings, labels)
    scores = cosines / temperature
    rest = xp.logsumexp(xp.where(apart, scores, -inf), axis=1, keepdims=True)
    values = xp.where(alike, xp.softplus(rest - scores), 0.0)
    if reduction != "mean":
        return reduced(values, reduction, weights, name)
    count = xp.astype(alike, values.dtype)
    return reduced(values, "sum", weights, name) / reduced(count, "sum", weights, name)


def circle(
    embeddings: Any,
    labels: Any,
    *,
    margin: float = 0.25,
    gamma: float = 256.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    r"""Circle loss of each embedding of a batch beside all others, by cosines that count by how far off they are.

    :math:`\log \left( 1 + \sum_n e^{\gamma \alpha_n (s_n - m)} \sum_p e^{-\gamma \alpha_p (s_p - 1 + m)} \right)` with
    :math:`\alpha_n = \max(0, s_n + m)` and :math:`\alpha_p = \max(0, 1 + m - s_p)`, where :math:`s_p` are the cosines
    with embeddings of the same label and :math:`s_n` those with others. The weights :math:`\alpha` carry no derivative,
    as in the gradients of the paper. An embedding without any of either kind costs 0.

    Parameters
    ----------
    embeddings : array, shape (n, features)
        Of a floating-point data type.
    labels : array, shape (n,)
        Integers; what has the same one is alike.
    margin : float, default 0.25
        The margin :math:`m`, from 0 to 1.
    gamma : float, default 256.0
        The scale; positive.
    weights : array, optional
        One weight per embedding, of shape (n,) or (1,).
    reduction : str, default "mean"
        ``"mean"`` over the embeddings, weighted by `weights`, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or (n,) for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError
        If the shapes do not fit or the embeddings are not floating-point.
    ParameterError
        If the margin or the scale is out of its range, or the reduction is unknown.

    References
    ----------
    Y. Sun et al., Circle loss: a unified perspective of pair similarity optimization, CVPR (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> embeddings = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    >>> losses.circle(embeddings, np.array([0, 0, 1]), gamma=2.0, reduction="none").round(4)
    array([0.7288, 1.5805, 0.    ])
    """
    name = "circle"
    check_reduction(name, reduction)
    check_number(name, "margin", margin, 0, 1)
    check_number(name, "gamma", gamma, 0, open_low=True)
    s, alike, apart = _pairs(name, embeddings, labels)
    held = stop_gradient(s)
    near = (s - (1 - margin)) * (-gamma * xp.relu(1 + margin - held))
    far = (s - margin) * (gamma * xp.relu(held + margin))
    pull = xp.logsumexp(xp.where(alike, near, -inf), axis=1)
    push = xp.logsumexp(xp.where(apart, far, -inf), axis=1)
    return reduced(xp.softplus(pull + push), reduction, weights, name)
