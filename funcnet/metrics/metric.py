"""What a metric is, and what metrics have in common: checked, flat and weighted arguments, sums in a wide data type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import backends, xp
from funcnet.core import raw
from funcnet.core.dtypes import kind
from funcnet.core.readable import readable
from funcnet.errors import DtypeError, ParameterError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Metric",
    "check_choice",
    "check_count",
    "check_probabilities",
    "class_numbers",
    "floating",
    "integers",
    "joined",
    "one_hot",
    "paired",
    "paired_rows",
    "quotient",
    "scores_of",
    "shape_of",
    "summed",
    "zeros",
]


class Metric(NamedTuple):
    """Four pure functions that measure a data set batch by batch.

    A state is a dict of arrays, so it can be saved, sent, and merged with the state of another worker. Updating over
    batches and merging gives what the whole data set gives at once.

    Attributes
    ----------
    init : callable
        ``init() -> state``, of the current backend: inside ``fn.use_backend`` where the arrays are not NumPy's.
    update : callable
        ``update(state, prediction, target, *, weights=None) -> state``. ``weights`` has the shape of the examples, in
        which any size may be 1.
    merge : callable
        ``merge(state, state) -> state``.
    compute : callable
        ``compute(state) -> value``, an array.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.accuracy()
    >>> state = metric.init()
    >>> for prediction, target in (([0, 1], [0, 1]), ([2, 2], [1, 2])):
    ...     state = metric.update(state, np.array(prediction), np.array(target))
    >>> float(metric.compute(state))
    0.75
    """

    init: Callable[[], dict[str, Any]]
    update: Callable[..., dict[str, Any]]
    merge: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
    compute: Callable[[dict[str, Any]], Any]


def zeros(*shape: int) -> Any:
    """Return zeros in the widest floating-point data type of the current device: counts must not stop at 2**24."""
    context = backends.current()
    wide = "float64" in context.backend.dtypes(context.device)
    return xp.zeros(shape, dtype=context.backend.dtype("float64" if wide else "float32"))


def summed(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """Return the sum of two states that hold sums."""
    return {name: xp.add(a[name], b[name]) for name in a}


def joined(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """Return two states that hold examples, one after the other."""
    return {name: xp.concat([a[name], b[name]]) for name in a}


def check_count(name: str, parameter: str, value: Any, low: int = 1) -> None:
    """Raise `ParameterError` unless a number is an integer that is large enough."""
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise ParameterError(
            f"metrics.{name} got a {parameter} that it cannot have.",
            found=f"{parameter}={value!r}",
            needed=f"an integer of at least {low}",
            write=f"metrics.{name}({parameter}={low})",
        )


def check_choice(name: str, parameter: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Raise `ParameterError` unless an option is one of those there are."""
    if value not in choices:
        raise ParameterError(
            f"metrics.{name} got an unknown {parameter}.",
            found=f"{parameter}={value!r}",
            needed="one of " + ", ".join(repr(one) for one in choices),
        )


def shape_of(name: str, x: Any) -> tuple[int, ...]:
    """Return the shape of an array; raise `DtypeError` if it is none."""
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        raise DtypeError(
            f"metrics.{name} takes arrays.", found=type(x).__name__, needed="an array", write="xp.asarray(x)"
        )
    return tuple(x.shape)


def floating(name: str, x: Any, like: Any) -> Any:
    """Return numbers in the data type of the state."""
    shape_of(name, x)
    if kind(x.dtype) not in "biuf":
        raise DtypeError(
            f"metrics.{name} takes real numbers.", found=f"an array of dtype {x.dtype}", needed="a real data type"
        )
    return x if x.dtype == like.dtype else xp.astype(x, like.dtype)


def integers(x: Any) -> Any:
    """Return numbers as integers of 64 bits of their own array library."""
    backend = backends.backend_of_type(raw(x).__class__)
    dtype = xp.int64 if backend is None else backend.dtype("int64")
    return x if x.dtype == dtype else xp.astype(x, dtype)


def paired(name: str, shape: tuple[int, ...], target: Any, weights: Any, like: Any) -> tuple[Any, Any]:
    """Return targets and weights as vectors; raise `ShapeError` unless they fit examples of that shape."""
    if shape_of(name, target) != shape:
        raise _misfit(name, target, shape)
    if weights is None:
        count = xp.ones_like(xp.astype(target, like.dtype))
    else:
        given = shape_of(name, weights)
        if len(given) != len(shape) or any(w not in (1, n) for w, n in zip(given, shape, strict=True)):
            raise ShapeError(
                f"metrics.{name} got weights that do not fit the examples.",
                found=f"weights {given} for examples {shape}",
                needed=f"the shape {shape}, in which any size may be 1",
            )
        count = xp.broadcast_to(floating(name, weights, like), shape)
    return xp.reshape(target, (-1,)), xp.reshape(count, (-1,))


def _misfit(name: str, target: Any, shape: tuple[int, ...]) -> ShapeError:
    return ShapeError(
        f"metrics.{name} got targets that do not fit the predictions.",
        found=f"targets {tuple(target.shape)} for predictions of examples {shape}",
        needed=f"shape {shape}; metrics do not broadcast",
    )


def paired_rows(
    name: str, shape: tuple[int, ...], columns: int, target: Any, weights: Any, like: Any
) -> tuple[Any, Any]:
    """Return targets as a matrix and weights of its rows, for examples that are vectors of so many numbers."""
    _check_last(name, shape, columns)
    if shape_of(name, target) != shape:
        raise _misfit(name, target, shape)
    _, count = paired(name, shape[:-1], target[..., 0], weights, like)
    return xp.reshape(target, (-1, columns)), count


def scores_of(name: str, classes: int, prediction: Any, target: Any, weights: Any, like: Any) -> tuple[Any, Any, Any]:
    """Return scores of classes as a matrix, and class numbers and weights as vectors."""
    shape = shape_of(name, prediction)
    _check_last(name, shape, classes)
    labels, count = paired(name, shape[:-1], target, weights, like)
    return xp.reshape(floating(name, prediction, like), (-1, classes)), class_numbers(name, labels, classes), count


def quotient(a: Any, b: Any, otherwise: float) -> Any:
    """Return a / b, and another number where b is 0, without a warning."""
    none = b == 0
    return xp.where(none, otherwise, xp.divide(a, xp.where(none, 1.0, b)))


def one_hot(labels: Any, classes: int) -> Any:
    """Return a matrix that is true where a row has the class of the column."""
    return xp.expand_dims(integers(labels), axis=-1) == integers(xp.arange(classes, device=labels.device))


def _check_last(name: str, shape: tuple[int, ...], columns: int) -> None:
    if not shape or shape[-1] != columns:
        raise ShapeError(
            f"metrics.{name} got predictions whose last axis does not have the size that it was made for.",
            found=f"predictions {shape}",
            needed=f"{columns} on the last axis",
        )


def class_numbers(name: str, labels: Any, classes: int) -> Any:
    """Return labels as integers; raise where they are not, or where values that can be read are no classes."""
    if kind(labels.dtype) == "b":
        labels = integers(labels)
    if kind(labels.dtype) not in "iu":
        raise DtypeError(
            f"metrics.{name} takes class numbers as integers.",
            found=f"an array of dtype {labels.dtype}",
            needed="an integer or boolean data type",
            write="xp.argmax(scores, axis=-1) for scores of the classes; scores > 0 for those of a yes",
        )
    host = readable(labels)
    if host is not None and host.size and (host.min() < 0 or host.max() >= classes):
        raise ParameterError(
            f"metrics.{name} got a label that is no class.",
            found=f"labels from {host.min()} to {host.max()}",
            needed=f"integers from 0 to {classes - 1}, for {classes} classes",
        )
    return labels


def check_probabilities(name: str, x: Any) -> None:
    """Raise `ParameterError` where numbers that can be read are no probabilities, as scores are not."""
    host = readable(x)
    # NaN passes, and makes the result NaN.
    if host is not None and host.size and bool(((host < 0) | (host > 1 + 1e-6)).any()):
        raise ParameterError(
            f"metrics.{name} takes probabilities.",
            found=f"numbers from {host.min():g} to {host.max():g}",
            needed="numbers from 0 to 1",
            write="xp.softmax(scores), or xp.sigmoid(scores) for those of a yes",
        )
