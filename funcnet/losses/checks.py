"""What losses require of their arguments, and the messages where it is not met."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from funcnet import xp
from funcnet.core.dtypes import kind
from funcnet.core.readable import readable
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.losses.reduction import check_same_shape

__all__ = [
    "check_classes",
    "check_floating",
    "check_number",
    "check_signs",
    "class_axis",
    "host_values",
    "labels_misfit",
    "matched",
    "summed_axes",
]


def check_floating(name: str, x: Any, what: str = "logits") -> None:
    """Raise `DtypeError` unless an array is real floating-point."""
    if not hasattr(x, "dtype") or kind(x.dtype) != "f":
        raise DtypeError(
            f"losses.{name} takes floating-point {what}.",
            found=f"an array of dtype {x.dtype}" if hasattr(x, "dtype") else f"{type(x).__name__}, which is no array",
            needed="an array of a real floating-point data type",
            write=f"xp.astype({what.split()[-1]}, xp.float32)",
        )


def matched(name: str, prediction: Any, target: Any, what: str, subject: str = "predictions") -> Any:
    """Return the target in the data type of the prediction; raise if the shapes differ or the prediction is integer."""
    check_same_shape(name, prediction, target, what)
    check_floating(name, prediction, subject)
    if isinstance(target, (int, float)):  # beside a prediction without dimensions
        return xp.full_like(prediction, target)
    return target if target.dtype == prediction.dtype else xp.astype(target, prediction.dtype)


def check_number(
    name: str, parameter: str, value: Any, low: float, high: float | None = None, *, open_low: bool = False
) -> None:
    """Raise `ParameterError` if a plain number is out of its range; arrays are not read."""
    if value.__class__ not in (int, float):
        return
    if (value > low if open_low else value >= low) and (high is None or value <= high):
        return
    needed = f"a number {'above' if open_low else 'of at least'} {low:g}"
    raise ParameterError(
        f"losses.{name} got a {parameter} that it cannot have.",
        found=f"{parameter}={value!r}",
        needed=needed if high is None else f"{needed} and at most {high:g}",
    )


def class_axis(name: str, logits: Any, axis: int) -> int:
    """Return the axis of the classes counted from the first; raise if the logits are not floating or do not have it."""
    check_floating(name, logits)
    shape = tuple(logits.shape)
    axis = _integer(name, axis)
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(
            f"losses.{name} got logits without the axis of the classes.",
            found=f"axis={axis} for shape {shape}",
            needed="an axis that the logits have",
            write="axis=-1",
        )
    return axis % len(shape)


def summed_axes(name: str, x: Any, axis: Any) -> tuple[int, ...]:
    """Return the axes of an array counted from the first; None is all of them but the first."""
    ndim = len(x.shape)
    if axis is None:
        return tuple(range(1, ndim))
    axes = tuple([_integer(name, a) for a in (axis if isinstance(axis, (tuple, list)) else (axis,))])
    if any(not -ndim <= a < ndim for a in axes):
        raise ShapeError(
            f"losses.{name} got an axis that the predictions do not have.",
            found=f"axis={axis} for shape {tuple(x.shape)}",
            needed=f"axes from {-ndim} to {ndim - 1}",
        )
    return tuple(a % ndim for a in axes)


def _integer(name: str, axis: Any) -> int:
    try:
        return index(axis)
    except TypeError:
        raise ParameterError(
            f"losses.{name} got an axis that is no integer.", found=f"axis={axis!r}", needed="an integer"
        ) from None


def labels_misfit(name: str, shape: tuple[int, ...], labels: tuple[int, ...], axis: int, soft: bool) -> ShapeError:
    """Return the error for labels that do not fit the logits."""
    needed = shape[:axis] + shape[axis + 1 :]
    squeezable = len(labels) == len(shape) and labels[axis] == 1
    return ShapeError(
        f"losses.{name} got labels that do not fit the logits.",
        found=f"labels {labels} for logits {shape} with the classes on axis {axis}",
        needed=f"class numbers {needed}" + (f", or probabilities {shape}" if soft else ""),
        write=f"xp.squeeze(labels, axis={axis})" if squeezable else "",
    )


def host_values(array: Any) -> np.ndarray | None:
    """Return the values as a NumPy array where reading them is free and there are any, otherwise None."""
    values = readable(array)
    return None if values is None or not values.size else values


def check_classes(name: str, labels: Any, count: int, ignore_index: int | None = None) -> None:
    """Raise `ParameterError` if class numbers that can be read are not from 0 to `count` - 1 or the ignored one."""
    host = host_values(labels)
    if host is None:
        return
    if ignore_index is not None:
        host = host[host != ignore_index]
        if not host.size:
            return
    # As unsigned numbers negative ones are large: one pass finds both.
    if host.astype(np.uint64, copy=False).max() >= count:
        low, high = int(host.min()), int(host.max())
        raise ParameterError(
            f"losses.{name} got a label that is no class.",
            found=f"labels from {low} to {high}",
            needed=f"integers from 0 to {count - 1}, for {count} classes",
            write="labels - 1 for classes that are counted from 1",
        )


def check_signs(name: str, labels: Any) -> None:
    """Raise `ParameterError` if labels that can be read are others than -1 and 1."""
    host = host_values(labels)
    if host is None or bool(np.all((host == 1) | (host == -1))):
        return
    raise ParameterError(
        f"losses.{name} takes labels of -1 and 1.",
        found=f"labels from {host.min()} to {host.max()}",
        needed="-1 for no, 1 for yes",
        write="2 * labels - 1 for labels of 0 and 1",
    )
