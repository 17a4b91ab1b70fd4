"""Examples of one of several classes: their labels, what they weigh, and which are left out."""

from __future__ import annotations

from typing import Any

from funcnet import xp
from funcnet.core.arguments import check_array
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ShapeError
from funcnet.losses.checks import check_classes, labels_misfit
from funcnet.losses.reduction import reduced

__all__ = ["class_numbers", "of_label", "over_examples", "per_class"]


def over_examples(
    name: str, values: Any, labels: Any, ignored: Any, class_weights: Any, weights: Any, reduction: str
) -> Any:
    """Return the reduction of the losses of examples, which are weighted by their class already."""
    if ignored is not None:
        values = xp.where(ignored, 0.0, values)
    if reduction != "mean" or (class_weights is None and ignored is None):
        return reduced(values, reduction, weights, name)
    count = xp.ones_like(values) if class_weights is None else of_label(class_weights, labels)
    if ignored is not None:
        count = xp.where(ignored, 0.0, count)
    return reduced(values, "sum", weights, name) / reduced(count, "sum", weights, name)


def class_numbers(
    name: str, logits: Any, labels: Any, axis: int, ignore_index: int | None, soft: bool = True
) -> tuple[Any, Any]:
    """Return class numbers with 0 for those to be ignored, and where that is, None if nowhere."""
    check_array(f"losses.{name}", labels, "labels")
    shape = tuple(logits.shape)
    if tuple(labels.shape) != shape[:axis] + shape[axis + 1 :]:
        raise labels_misfit(name, shape, tuple(labels.shape), axis, soft)
    if kind(labels.dtype) not in "iu":
        raise DtypeError(
            f"losses.{name} takes class numbers as integers.",
            found=f"labels of dtype {labels.dtype} and shape {tuple(labels.shape)} for logits of shape {shape}",
            needed="an integer data type" + (", or probabilities of the shape of the logits" if soft else ""),
            write="xp.astype(labels, xp.int64)",
        )
    check_classes(name, labels, shape[axis], ignore_index)
    if ignore_index is None:
        return labels, None
    # A number that the data type of the labels cannot hold marks none of them.
    bounds = xp.iinfo(labels.dtype)
    if not bounds.min <= ignore_index <= bounds.max:
        return labels, None
    ignored = labels == ignore_index
    return xp.where(ignored, xp.zeros_like(labels), labels), ignored


def per_class(name: str, class_weights: Any, logits: Any, axis: int) -> Any:
    """Return the weights of the classes in the data type of the logits."""
    check_array(f"losses.{name}", class_weights, "class_weights")
    count = logits.shape[axis]
    if tuple(class_weights.shape) != (count,):
        raise ShapeError(
            f"losses.{name} got class weights that do not fit the classes.",
            found=f"class_weights of shape {tuple(class_weights.shape)}",
            needed=f"shape ({count},), for {count} classes on axis {axis} of {tuple(logits.shape)}",
        )
    return class_weights if class_weights.dtype == logits.dtype else xp.astype(class_weights, logits.dtype)


def of_label(class_weights: Any, labels: Any) -> Any:
    """Return the weight of the class of each example."""
    flat = xp.take(class_weights, xp.reshape(labels, (-1,)), axis=0)
    return xp.reshape(flat, tuple(labels.shape))
