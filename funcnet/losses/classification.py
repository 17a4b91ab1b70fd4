"""Cross-entropy with one of several classes, and accuracy."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.core import bind, case, general, registry
from funcnet.core.arguments import check_array
from funcnet.core.case import Arg
from funcnet.errors import ParameterError, ShapeError
from funcnet.losses.checks import check_number, class_axis
from funcnet.losses.examples import class_numbers, of_label, over_examples, per_class
from funcnet.losses.reduction import check_reduction, reduced
from funcnet.ops.batching import as_it_is

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["accuracy", "nll", "softmax_cross_entropy"]


def _chosen(xp: Any, labels: Any, shape: tuple[int, ...]) -> Any:
    """Return where the class is the label, as an array of `shape`; nowhere for a label that is no class."""
    # Labels of few bits need not hold the number of classes.
    dtype = labels.dtype if xp.iinfo(labels.dtype).max >= shape[-1] else None
    classes = xp.arange(shape[-1], dtype=dtype, device=labels.device)
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


def softmax_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    axis: int = -1,
    weights: Any = None,
    class_weights: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Any:
    r"""Cross-entropy between labels and the softmax of class scores.

    :math:`-\sum_c w_c q_c \log p_c` with :math:`p = \mathrm{softmax}(z)`, computed from the logits :math:`z`, so that
    it is finite and exact for scores of any size. A class that is masked out by a score of -inf costs nothing where its
    probability :math:`q_c` is 0. The gradient is :math:`p - q`, divided by the number of examples for the mean.

    Parameters
    ----------
    logits : array
        Scores, of a floating-point data type.
    labels : array
        Either class numbers: integers, of the shape of `logits` without `axis`; or the probabilities :math:`q` of all
        classes, such as one-hot vectors: of the shape of `logits`. Probabilities are differentiated too.
    axis : int, default -1
        The axis of `logits` that holds the classes.
    weights : array, optional
        One weight per example, of the shape of `logits` without `axis`, in which any size may be 1.
    class_weights : array, optional
        The weight :math:`w_c` of each class, of shape ``(classes,)``.
    ignore_index : int, optional
        A class number that marks examples to leave out: they cost 0 and do not count for the mean. It need not be one
        of the classes.
    label_smoothing : float, default 0.0
        The share :math:`\varepsilon` of the label that is spread evenly over all :math:`C` classes:
        :math:`(1 - \varepsilon) q + \varepsilon / C`.
    reduction : str, default "mean"
        ``"mean"`` over the examples, ``"sum"``, or ``"none"``. The mean is the weighted one: the sum is divided by the
        sum of the weights of the examples, each times the weight of its class where labels are class numbers, as in
        PyTorch. It is NaN where no example is left.

    Returns
    -------
    array
        Of shape ``()``, or that of `logits` without `axis` for ``"none"``.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    DtypeError
        If the logits are not floating-point, or class numbers are not integers.
    ParameterError
        If a class number is none of the classes, or an option has a value that it cannot have. Numbers on another
        device than the CPU are not read, since that would wait for it: the loss of such an example is NaN there, and
        inside ``jit``.

    References
    ----------
    Label smoothing: C. Szegedy et al., Rethinking the Inception architecture, CVPR (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> logits = np.array([[2.0, 0.0], [0.0, 10_000.0]])
    >>> losses.softmax_cross_entropy(logits, np.array([0, 1]), reduction="none").round(4)
    array([0.1269, 0.    ])
    >>> float(losses.softmax_cross_entropy(logits, np.eye(2)).round(4))
    0.0635
    >>> float(losses.softmax_cross_entropy(logits, np.array([0, -1]), ignore_index=-1).round(4))
    0.1269
    """
    name = "softmax_cross_entropy"
    check_reduction(name, reduction)
    axis = class_axis(name, logits, axis)
    if label_smoothing.__class__ is not float or label_smoothing:
        check_number(name, "label_smoothing", label_smoothing, 0, 1)
    if class_weights is not None:
        class_weights = per_class(name, class_weights, logits, axis)
    check_array(f"losses.{name}", labels, "labels")
    if tuple(labels.shape) == tuple(logits.shape):
        _only_for_numbers(name, ignore_index)
        return reduced(
            _of_probabilities(logits, labels, axis, class_weights, label_smoothing), reduction, weights, name
        )
    labels, ignored = class_numbers(name, logits, labels, axis, ignore_index)
    if axis != len(logits.shape) - 1:
        logits = xp.moveaxis(logits, axis, -1)
    if ignored is not None:
        # What is left out may be anything, NaN included.
        logits = xp.where(xp.expand_dims(ignored, axis=-1), 0.0, logits)
    values = bind(loss_p, logits, labels)
    if class_weights is not None:
        values = values * of_label(class_weights, labels)
    if label_smoothing.__class__ is not float or label_smoothing:
        spread = xp.log_softmax(logits)
        spread = 0.0 - xp.mean(spread if class_weights is None else spread * class_weights, axis=-1)
        values = (1 - label_smoothing) * values + label_smoothing * spread
    return over_examples(name, values, labels, ignored, class_weights, weights, reduction)


def nll(
    log_probabilities: Any,
    labels: Any,
    *,
    axis: int = -1,
    weights: Any = None,
    class_weights: Any = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Any:
    r"""Negative log-likelihood: the logarithm of the probability of the label's class, negated.

    :math:`-w_y \log p_y`. From scores, `softmax_cross_entropy` does the same in one step.

    Parameters
    ----------
    log_probabilities : array
        Logarithms of the probabilities of the classes, such as from `xp.log_softmax`.
    labels : array
        Class numbers: integers, of the shape of `log_probabilities` without `axis`.
    axis : int, default -1
        The axis that holds the classes.
    weights : array, optional
        One weight per example, of the shape of `labels`, in which any size may be 1.
    class_weights : array, optional
        The weight of each class, of shape ``(classes,)``.
    ignore_index : int, optional
        A class number that marks examples to leave out: they cost 0 and do not count for the mean.
    reduction : str, default "mean"
        ``"mean"``, ``"sum"``, or ``"none"``. The mean is divided by the sum of all weights, as in PyTorch.

    Returns
    -------
    array
        Of shape ``()``, or that of `labels` for ``"none"``.

    Raises
    ------
    ShapeError, DtypeError, ParameterError
        As `softmax_cross_entropy` does.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import losses
    >>> losses.nll(np.log(np.array([[0.5, 0.5], [0.1, 0.9]])), np.array([0, 1]), reduction="none").round(4)
    array([0.6931, 0.1054])
    """
    check_reduction("nll", reduction)
    axis = class_axis("nll", log_probabilities, axis)
    if class_weights is not None:
        class_weights = per_class("nll", class_weights, log_probabilities, axis)
    labels, ignored = class_numbers("nll", log_probabilities, labels, axis, ignore_index, soft=False)
    if axis != len(log_probabilities.shape) - 1:
        log_probabilities = xp.moveaxis(log_probabilities, axis, -1)
    picked = xp.take_along_axis(log_probabilities, xp.expand_dims(labels, axis=-1), axis=-1)
    values = 0.0 - xp.squeeze(picked, axis=-1)
    if class_weights is not None:
        values = values * of_label(class_weights, labels)
    return over_examples("nll", values, labels, ignored, class_weights, weights, reduction)


def _only_for_numbers(name: str, ignore_index: int | None) -> None:
    if ignore_index is not None:
        raise ParameterError(
            f"losses.{name} got ignore_index with labels that are probabilities.",
            found=f"ignore_index={ignore_index!r} and labels of the shape of the logits",
            needed="class numbers, or weights of 0 for the examples to leave out",
            write=f"losses.{name}(logits, labels, weights=keep)",
        )


def _of_probabilities(logits: Any, labels: Any, axis: int, class_weights: Any, label_smoothing: float) -> Any:
    if labels.dtype != logits.dtype:
        labels = xp.astype(labels, logits.dtype)
    if label_smoothing.__class__ is not float or label_smoothing:
        labels = (1 - label_smoothing) * labels + label_smoothing / logits.shape[axis]
    logp = xp.log_softmax(logits, axis=axis)
    # A class that is masked out by a score of -inf costs nothing where its probability is 0.
    logp = xp.where(xp.logical_and(labels == 0, xp.isinf(logp)), 0.0, logp)
    if class_weights is not None:
        labels = xp.multiply(labels, xp.reshape(class_weights, (-1,) + (1,) * (len(logits.shape) - axis - 1)))
    return 0.0 - xp.sum(xp.multiply(labels, logp), axis=axis)


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
    check_array("losses.accuracy", logits, "logits")
    check_array("losses.accuracy", labels, "labels")
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
