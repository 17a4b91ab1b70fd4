"""Losses of class scores."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet import backends, xp
from funcnet.core import bind, case, general, raw, registry
from funcnet.core.case import Arg
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.losses.reduction import check_reduction, check_same_shape, reduced
from funcnet.ops.batching import as_it_is

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["accuracy", "binary_cross_entropy", "sigmoid_cross_entropy", "softmax_cross_entropy"]


def _chosen(xp: Any, labels: Any, shape: tuple[int, ...]) -> Any:
    """Return where the class is the label, as an array of `shape`; nowhere for a label that is no class."""
    classes = xp.arange(shape[-1], dtype=labels.dtype, device=labels.device)
    return xp.expand_dims(labels, axis=-1) == classes


def _loss_impl(xp: Any, logits: Any, labels: Any) -> Any:
    logp = registry["log_softmax"].impl(xp, logits, axis=(len(logits.shape) - 1,))  # type: ignore[misc]
    chosen = _chosen(xp, labels, logits.shape)
    # Not a negation: a loss of zero is not to be -0.
    loss = 0.0 - xp.sum(xp.where(chosen, logp, xp.zeros_like(logp)), axis=-1)
    # A label that is no class, where the check of the values was left out.
    return xp.where(xp.any(chosen, axis=-1), loss, xp.full_like(loss, nan))


def _slope_impl(xp: Any, logits: Any, labels: Any, g: Any) -> Any:
    p = registry["softmax"].impl(xp, logits, axis=(len(logits.shape) - 1,))  # type: ignore[misc]
    chosen = xp.astype(_chosen(xp, labels, logits.shape), p.dtype)
    return (p - chosen) * xp.expand_dims(g, axis=-1)


def _loss_vjp(y: Any, logits: Any, labels: Any) -> Callable[[Any], Any]:  # noqa: ARG001  # one signature
    return lambda g: bind(slope_p, logits, labels, g)


def _loss_jvp(ts: Any, y: Any, logits: Any, labels: Any) -> Any:
    return xp.sum(bind(slope_p, logits, labels, xp.ones_like(y)) * ts[0], axis=-1)


def _slope_to_logits(y: Any, logits: Any, labels: Any, g: Any) -> Callable[[Any], Any]:  # noqa: ARG001
    def pull(c: Any) -> Any:
        p = xp.softmax(logits)
        c = c * xp.expand_dims(g, axis=-1)
        # Traced values to the left: not every library lets another class of array answer for its operators.
        return (c - xp.sum(c * p, axis=-1, keepdims=True)) * p

    return pull


def _slope_to_g(y: Any, logits: Any, labels: Any, g: Any) -> Callable[[Any], Any]:  # noqa: ARG001
    return lambda c: xp.sum(c * bind(slope_p, logits, labels, xp.ones_like(g)), axis=-1)


# The loss of each example, and its gradient times a cotangent: classes on the last axis, integer labels.
loss_p = general(
    "softmax_cross_entropy",
    _loss_impl,
    vjp=(_loss_vjp, None),
    jvp=_loss_jvp,
    shape=lambda logits, labels: logits.shape[:-1],  # noqa: ARG005  # one signature for all rules
    batch=as_it_is,
    result="first",
    dtypes="real floating",
    cases=(
        case((2, 3), Arg((2,), "int", 0, 3)),
        case((3,), Arg((), "int", 0, 3)),
        case((2, 1, 4), Arg((2, 1), "int", 0, 4)),
        case((0, 3), Arg((0,), "int", 0, 3)),
    ),
)

slope_p = general(
    "softmax_cross_entropy_slope",
    _slope_impl,
    vjp=(_slope_to_logits, None, _slope_to_g),
    shape=lambda logits, labels, g: logits.shape,  # noqa: ARG005
    batch=as_it_is,
    result="first",
    dtypes="real floating",
    cases=(
        case((2, 3), Arg((2,), "int", 0, 3), (2,)),
        case((3,), Arg((), "int", 0, 3), ()),
        case((0, 3), Arg((0,), "int", 0, 3), (0,)),
    ),
)


def softmax_cross_entropy(logits: Any, labels: Any, *, axis: int = -1, reduction: str = "mean") -> Any:
    r"""Cross-entropy between labels and the softmax of class scores.

    :math:`-\sum_c q_c \log p_c` with :math:`p = \mathrm{softmax}(z)`, computed from the logits :math:`z`, so that it is
    finite and exact for scores of any size. Its gradient is :math:`p - q`, divided by the number of examples for the
    mean.

    Parameters
    ----------
    logits : array
        Scores, of a floating-point data type.
    labels : array
        Either class numbers: integers, of the shape of `logits` without `axis`; or the probabilities :math:`q` of all
        classes, such as one-hot vectors: of the shape of `logits`. Probabilities are differentiated too.
    axis : int, default -1
        The axis of `logits` that holds the classes.
    reduction : str, default "mean"
        ``"mean"`` over the examples, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `logits` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    DtypeError
        If the logits are not floating-point.
    ParameterError
        If a class number is none of the classes, or the reduction is unknown. Numbers on another device than the CPU
        are not read, since that would wait for it: the loss of such an example is NaN there, and inside ``jit``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> logits = np.array([[2.0, 0.0], [0.0, 10_000.0]])
    >>> losses.softmax_cross_entropy(logits, np.array([0, 1]), reduction="none").round(4)
    array([0.1269, 0.    ])
    >>> float(losses.softmax_cross_entropy(logits, np.eye(2)).round(4))
    0.0635
    """
    check_reduction("softmax_cross_entropy", reduction)
    if kind(logits.dtype) != "f":
        raise DtypeError(
            "losses.softmax_cross_entropy takes floating-point logits.",
            found=f"an array of dtype {logits.dtype}",
            needed="a real floating-point data type",
            write="xp.astype(logits, xp.float32)",
        )
    shape = tuple(logits.shape)
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(
            "losses.softmax_cross_entropy got logits without the axis of the classes.",
            found=f"axis={axis} for shape {shape}",
            needed="an axis that the logits have",
            write="axis=-1",
        )
    axis %= len(shape)
    if tuple(labels.shape) == shape:
        return reduced(_of_probabilities(logits, labels, axis), reduction)
    if tuple(labels.shape) != shape[:axis] + shape[axis + 1 :]:
        raise _misfit(shape, tuple(labels.shape), axis)
    if kind(labels.dtype) not in "iu":
        raise DtypeError(
            "losses.softmax_cross_entropy takes class numbers as integers.",
            found=f"labels of dtype {labels.dtype} and shape {tuple(labels.shape)} for logits of shape {shape}",
            needed="an integer data type, or probabilities of the shape of the logits",
            write="xp.astype(labels, xp.int64)",
        )
    _check_classes(labels, shape[axis])
    if axis != len(shape) - 1:
        logits = xp.moveaxis(logits, axis, -1)
    return reduced(bind(loss_p, logits, labels), reduction)


def _of_probabilities(logits: Any, labels: Any, axis: int) -> Any:
    if labels.dtype != logits.dtype:
        labels = xp.astype(labels, logits.dtype)
    logp = xp.log_softmax(logits, axis=axis)
    # A class that is masked out by a score of -inf costs nothing where its probability is 0.
    logp = xp.where((labels == 0) & xp.isinf(logp), 0.0, logp)
    return 0.0 - xp.sum(labels * logp, axis=axis)


def _misfit(shape: tuple[int, ...], labels: tuple[int, ...], axis: int) -> ShapeError:
    needed = shape[:axis] + shape[axis + 1 :]
    squeezable = len(labels) == len(shape) and labels[axis] == 1
    return ShapeError(
        "losses.softmax_cross_entropy got labels that do not fit the logits.",
        found=f"labels {labels} for logits {shape} with the classes on axis {axis}",
        needed=f"class numbers {needed}, or probabilities {shape}",
        write=f"xp.squeeze(labels, axis={axis})" if squeezable else "",
    )


def _check_classes(labels: Any, count: int) -> None:
    values = raw(labels)
    backend = backends.backend_of_type(values.__class__)
    # Reading is free on the CPU; elsewhere it would wait for the device, and inside `jit` there is nothing to read.
    if backend is None or 0 in values.shape or not backend.device_of(values).startswith(("cpu", "CPU")):
        return
    host = np.asarray(backend.to_numpy(values))
    # As unsigned numbers negative ones are large: one pass finds both.
    if host.astype(np.uint64, copy=False).max() >= count:
        low, high = int(host.min()), int(host.max())
        raise ParameterError(
            "losses.softmax_cross_entropy got a label that is no class.",
            found=f"labels from {low} to {high}",
            needed=f"integers from 0 to {count - 1}, for {count} classes",
            write="labels - 1 for classes that are counted from 1",
        )


def sigmoid_cross_entropy(logits: Any, labels: Any, *, reduction: str = "mean") -> Any:
    r"""Cross-entropy of independent yes-or-no labels with the sigmoid of scores.

    :math:`\log(1 + e^z) - q z`, which is :math:`-q \log \sigma(z) - (1 - q) \log(1 - \sigma(z))`, finite for scores of
    any size. Its gradient is :math:`\sigma(z) - q`.

    Parameters
    ----------
    logits : array
        Scores, of a floating-point data type.
    labels : array
        Probabilities :math:`q` from 0 to 1, of the same shape; booleans and integers count as numbers.
    reduction : str, default "mean"
        ``"mean"`` over all elements, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `logits` for ``"none"``.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ParameterError
        If the reduction is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.sigmoid_cross_entropy(np.array([800.0, -800.0]), np.array([0.0, 0.0]), reduction="none")
    array([800.,   0.])
    """
    check_reduction("sigmoid_cross_entropy", reduction)
    check_same_shape("sigmoid_cross_entropy", logits, labels, "logits and labels")
    if labels.dtype != logits.dtype:
        labels = xp.astype(labels, logits.dtype)
    return reduced(xp.softplus(logits) - labels * logits, reduction)


def binary_cross_entropy(probabilities: Any, labels: Any, *, reduction: str = "mean") -> Any:
    r"""Cross-entropy of yes-or-no labels with probabilities.

    :math:`-q \log p - (1 - q) \log(1 - p)`. Nothing is clipped: a certain and wrong prediction costs infinity, and one
    that is certain and right costs 0. Where the probabilities come from scores, `sigmoid_cross_entropy` is exact.

    Parameters
    ----------
    probabilities : array
        From 0 to 1, of a floating-point data type.
    labels : array
        Probabilities :math:`q` from 0 to 1, of the same shape. They are differentiated too.
    reduction : str, default "mean"
        ``"mean"`` over all elements, ``"sum"``, or ``"none"``.

    Returns
    -------
    array
        Of shape ``()``, or that of `probabilities` for ``"none"``.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ParameterError
        If the reduction is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.binary_cross_entropy(np.array([0.5, 1.0]), np.array([1.0, 1.0]), reduction="none").round(4)
    array([0.6931, 0.    ])
    """
    check_reduction("binary_cross_entropy", reduction)
    check_same_shape("binary_cross_entropy", probabilities, labels, "probabilities and labels")
    if labels.dtype != probabilities.dtype:
        labels = xp.astype(labels, probabilities.dtype)
    rest = 1 - labels
    # What cannot happen costs nothing: a logarithm of 0 whose weight is 0 counts as 0.
    yes = xp.log(xp.where((labels == 0) & (probabilities == 0), 1.0, probabilities))
    no = xp.log1p(-xp.where((rest == 0) & (probabilities == 1), 0.0, probabilities))
    return reduced(0.0 - (labels * yes + rest * no), reduction)


def accuracy(logits: Any, labels: Any, *, axis: int = -1) -> Any:
    """Share of the examples whose highest score is at the label; it carries no derivative.

    Parameters
    ----------
    logits : array
        Scores or probabilities. Of equal scores the first counts.
    labels : array
        Class numbers, of the shape of `logits` without `axis`; or one-hot vectors, of the shape of `logits`.
    axis : int, default -1
        The axis of the classes.

    Returns
    -------
    array, shape ()
        From 0 to 1, of the data type of `logits`.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> float(losses.accuracy(np.array([[2.0, 0.0], [3.0, 1.0]]), np.array([0, 1])))
    0.5
    """
    shape = tuple(logits.shape)
    if tuple(labels.shape) == shape:
        labels = xp.argmax(labels, axis=axis)
    elif tuple(labels.shape) != tuple(n for i, n in enumerate(shape) if i != axis % max(len(shape), 1)):
        raise ShapeError(
            "losses.accuracy got labels that do not fit the logits.",
            found=f"labels {tuple(labels.shape)} for logits {shape} with the classes on axis {axis}",
            needed="class numbers of the shape of the logits without that axis, or one-hot vectors of their shape",
        )
    return xp.mean(xp.astype(xp.argmax(logits, axis=axis) == labels, logits.dtype))
