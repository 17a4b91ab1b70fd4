"""Metrics of how predictions vary with targets."""

from __future__ import annotations

from math import nan
from typing import Any

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.metrics.metric import (
    Metric,
    check_choice,
    check_count,
    floating,
    joined,
    paired,
    paired_rows,
    quotient,
    shape_of,
    zeros,
)

__all__ = ["pearson", "r2", "spearman"]

_PARTS = ("x", "y", "xx", "yy", "xy", "error")


def _moments(name: str, like: Any, prediction: Any, target: Any, weights: Any, outputs: int | None) -> dict[str, Any]:
    """Return weight, means, and sums of squares and products of the differences from the means.

    With `outputs`, all but the weight are vectors with one number for each element of the last axis.
    """
    target, shape = floating(name, target, like), shape_of(name, prediction)
    if outputs is None:
        y, w = paired(name, shape, target, weights, like)
        x = xp.reshape(floating(name, prediction, like), (-1,))
    else:
        y, w = paired_rows(name, shape, outputs, target, weights, like)
        x = xp.reshape(floating(name, prediction, like), (-1, outputs))
    count = xp.sum(w)
    share = quotient(w, count, 0.0)
    mean_x, mean_y = _mean(share, x), _mean(share, y)
    dx, dy = x - mean_x, y - mean_y
    return {
        "count": count,
        "x": mean_x,
        "y": mean_y,
        "xx": xp.tensordot(w, dx * dx, axes=1),
        "yy": xp.tensordot(w, dy * dy, axes=1),
        "xy": xp.tensordot(w, dx * dy, axes=1),
        "error": xp.tensordot(w, xp.square(x - y), axes=1),
    }


def _mean(share: Any, x: Any) -> Any:
    # From the first example on: numbers that are all the same have this very number as their mean.
    origin = xp.sum(x[:1, ...], axis=0)
    return origin + xp.tensordot(share, x - origin, axes=1)


def _merge(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    # By the means, so that nothing cancels where they are large beside the spread.
    count = a["count"] + b["count"]
    share = quotient(b["count"], count, 0.0)
    dx, dy = b["x"] - a["x"], b["y"] - a["y"]
    cross = share * a["count"]
    return {
        "count": count,
        "x": a["x"] + share * dx,
        "y": a["y"] + share * dy,
        "xx": a["xx"] + b["xx"] + cross * dx * dx,
        "yy": a["yy"] + b["yy"] + cross * dy * dy,
        "xy": a["xy"] + b["xy"] + cross * dx * dy,
        "error": a["error"] + b["error"],
    }


def _metric(name: str, compute: Any, outputs: int | None = None) -> Metric:
    columns = () if outputs is None else (outputs,)

    def init() -> dict[str, Any]:
        return {"count": zeros(), **{part: zeros(*columns) for part in _PARTS}}

    def update(state: dict[str, Any], prediction: Any, target: Any, *, weights: Any = None) -> dict[str, Any]:
        return _merge(state, _moments(name, state["count"], prediction, target, weights, outputs))

    return Metric(init, update, _merge, compute)


def _correlation(xx: Any, yy: Any, xy: Any) -> Any:
    spread = xp.sqrt(xx) * xp.sqrt(yy)
    return xp.clip(quotient(xy, spread, nan), -1.0, 1.0)


def r2(outputs: int | None = None, *, multioutput: str = "uniform_average") -> Metric:
    r"""Coefficient of determination: the share of the variance of the targets that the predictions explain.

    :math:`1 - \frac{\sum_i w_i (t_i - p_i)^2}{\sum_i w_i (t_i - \bar t)^2}`. Of targets that do not vary it is 1 if the
    predictions are exact, 0 otherwise.

    Parameters
    ----------
    outputs : int, optional
        The size of the last axis, if each of its elements is a quantity of its own. If omitted, all elements of
        predictions count as one sample.
    multioutput : {"uniform_average", "variance_weighted", "raw_values"}, default "uniform_average"
        With `outputs`: the mean of their values, their mean weighted by the variances of the targets (equally where
        none of them varies), or all of them.

    Returns
    -------
    Metric
        ``update`` takes predictions and targets of the same shape, and weights of the examples: with `outputs`, of the
        shape without the last axis.

    Raises
    ------
    ParameterError
        If `outputs` is no positive integer, or `multioutput` unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.r2()
    >>> prediction, target = np.array([2.5, 0.0, 2.0, 8.0]), np.array([3.0, -0.5, 2.0, 7.0])
    >>> float(metric.compute(metric.update(metric.init(), prediction, target)).round(4))
    0.9486
    >>> metric = metrics.r2(2, multioutput="raw_values")
    >>> target = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]])
    >>> metric.compute(metric.update(metric.init(), np.array([[0.0, 2.0], [1.0, 2.0], [2.0, 2.0]]), target))
    array([1., 0.])
    """
    check_choice("r2", "multioutput", multioutput, ("uniform_average", "variance_weighted", "raw_values"))
    if outputs is not None:
        check_count("r2", "outputs", outputs)
    elif multioutput != "uniform_average":
        raise ParameterError(
            "metrics.r2 got an option for several outputs without their number.",
            found=f"multioutput={multioutput!r}",
            needed="the size of the last axis",
            write=f"metrics.r2(2, multioutput={multioutput!r})",
        )

    def compute(state: dict[str, Any]) -> Any:
        spread = state["yy"]
        flat = spread == 0
        value = 1 - xp.divide(state["error"], xp.where(flat, 1.0, spread))
        value = xp.where(flat, xp.astype(state["error"] == 0, value.dtype), value)
        value = xp.where(state["count"] == 0, nan, value)
        if outputs is None or multioutput == "raw_values":
            return value
        total = xp.sum(spread)
        if multioutput == "uniform_average":
            return xp.mean(value)
        return xp.where(total == 0, xp.mean(value), quotient(xp.sum(value * spread), total, 0.0))

    return _metric("r2", compute, outputs)


def pearson() -> Metric:
    """Pearson's correlation of predictions and targets, from -1 to 1; NaN where one of them does not vary.

    Returns
    -------
    Metric
        ``update`` takes predictions and targets of the same shape, whose elements count as one sample.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.pearson()
    >>> state = metric.update(metric.init(), np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 7.0]))
    >>> float(metric.compute(state).round(6))
    0.993399
    """
    return _metric("pearson", lambda state: _correlation(state["xx"], state["yy"], state["xy"]))


def spearman() -> Metric:
    """Spearman's correlation: Pearson's of the ranks; equal values share the mean of their ranks.

    The state holds all values. There are no weights.

    Returns
    -------
    Metric
        ``update(state, prediction, target)`` takes arrays of the same shape, whose elements count as one sample.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import metrics
    >>> metric = metrics.spearman()
    >>> state = metric.update(metric.init(), np.array([1.0, 2.0, 30.0]), np.array([2.0, 4.0, 7.0]))
    >>> float(metric.compute(state).round(6))
    1.0
    """

    def init() -> dict[str, Any]:
        return {"x": zeros(0), "y": zeros(0)}

    def update(state: dict[str, Any], prediction: Any, target: Any) -> dict[str, Any]:
        like = state["x"]
        shape = shape_of("spearman", prediction)
        y, _ = paired("spearman", shape, floating("spearman", target, like), None, like)
        return joined(state, {"x": xp.reshape(floating("spearman", prediction, like), (-1,)), "y": y})

    def compute(state: dict[str, Any]) -> Any:
        x, y = (_ranks(state[part]) for part in ("x", "y"))
        dx, dy = x - xp.mean(x), y - xp.mean(y)
        return _correlation(xp.sum(dx * dx), xp.sum(dy * dy), xp.sum(dx * dy))

    return Metric(init, update, joined, compute)


def _ranks(x: Any) -> Any:
    ordered = xp.sort(x)
    first, end = xp.searchsorted(ordered, x, side="left"), xp.searchsorted(ordered, x, side="right")
    return xp.where(xp.isnan(x), nan, 0.5 * (xp.astype(first, x.dtype) + xp.astype(end, x.dtype) + 1))
