"""Rows of a table by their numbers: embeddings as functions of arrays."""

from __future__ import annotations

from math import inf
from operator import index
from typing import Any

import numpy as np

from funcnet import xp
from funcnet.core.dtypes import is_inexact, kind
from funcnet.core.readable import readable
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.fresh import integers_like, zeros_raw
from funcnet.transforms import stop_gradient

__all__ = ["embedding", "embedding_bag"]

_MODES = ("sum", "mean", "max")


def embedding(ids: Any, table: Any, *, padding_idx: int | None = None) -> Any:
    """Rows of a table by their numbers.

    Derivative: linear in the table; the cotangents of equal ids add up, and the row `padding_idx` gets none.

    Parameters
    ----------
    ids : array, shape (...)
        Integers from 0 to the number of rows less one.
    table : array, shape (rows, features)
        The rows, of a floating-point data type.
    padding_idx : int, optional
        A row that gets no gradient; negative ones count from the last row.

    Returns
    -------
    array, shape (..., features)

    Raises
    ------
    ParameterError
        If an id is out of range. Ids on another device than the CPU are not read, since that would wait for it.
    DtypeError
        If the ids are no integers.
    ShapeError
        If the table has not two dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import nn
    >>> table = np.array([[0.0, 1.0], [2.0, 3.0]])
    >>> nn.functional.embedding(np.array([1, 0, 1]), table).tolist()
    [[2.0, 3.0], [0.0, 1.0], [2.0, 3.0]]
    >>> fn.grad(lambda t: nn.functional.embedding(np.array([1, 0, 1]), t).sum())(table).tolist()
    [[1.0, 1.0], [2.0, 2.0]]
    """
    _check_table("embedding", table)
    padding = row_of_padding("embedding", padding_idx, table.shape[0])
    check_ids("embedding", ids, table.shape[0])
    rows = xp.take(table, ids, axis=0)
    if padding is None:
        return rows
    return xp.where(xp.expand_dims(ids, axis=-1) == padding, stop_gradient(rows), rows)


def embedding_bag(
    ids: Any,
    table: Any,
    *,
    offsets: Any = None,
    weights: Any = None,
    mode: str = "mean",
    padding_idx: int | None = None,
) -> Any:
    """Sums, means or maxima of rows of a table, one for each bag of ids.

    Derivative: sums and means are linear in the table; the derivative of a maximum is shared evenly among equal rows of
    a bag.

    Parameters
    ----------
    ids : array, shape (bags, size) or (n,)
        Integers from 0 to the number of rows less one; of one dimension together with `offsets`.
    table : array, shape (rows, features)
        The rows, of a floating-point data type.
    offsets : array, shape (bags,), optional
        Where in `ids` each bag begins: integers that do not fall, the first of them 0. A bag may be empty.
    weights : array, optional
        Factors of the rows, of the shape of `ids`; for ``"sum"`` only.
    mode : str, default "mean"
        ``"sum"``, ``"mean"`` or ``"max"``.
    padding_idx : int, optional
        A row that counts for nothing and gets no gradient.

    Returns
    -------
    array, shape (bags, features)
        Zeros for a bag that is empty or all padding.

    Raises
    ------
    ParameterError
        If an id is out of range, or `mode` is unknown, or does not go with weights.
    ShapeError
        If the shapes do not fit.
    DtypeError
        If ids or offsets are no integers.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> table = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    >>> nn.functional.embedding_bag(np.array([0, 1, 2]), table, offsets=np.array([0, 1]))
    array([[ 1. , 10. ],
           [ 2.5, 25. ]])
    """
    name = "embedding_bag"
    check_mode(mode)
    if weights is not None and mode != "sum":
        raise ParameterError(
            "nn.functional.embedding_bag takes weights for sums only.",
            found=f"mode={mode!r} with weights",
            needed="mode='sum', or no weights",
        )
    _check_table(name, table)
    shape = tuple(ids.shape)
    if len(shape) != (2 if offsets is None else 1):
        raise ShapeError(
            "nn.functional.embedding_bag got ids of a wrong number of dimensions.",
            found=f"ids {shape} {'without' if offsets is None else 'with'} offsets",
            needed="ids (bags, size), or ids (n,) with offsets (bags,)",
        )
    if weights is not None and tuple(weights.shape) != shape:
        raise ShapeError(
            "nn.functional.embedding_bag got weights that do not fit the ids.",
            found=f"weights {tuple(weights.shape)} for ids {shape}",
            needed="the same shape",
        )
    padding = row_of_padding(name, padding_idx, table.shape[0])
    check_ids(name, ids, table.shape[0])
    rows = xp.take(table, ids, axis=0)
    counted = None if padding is None else xp.expand_dims(ids, axis=-1) != padding
    if weights is not None:
        rows = xp.multiply(rows, xp.expand_dims(weights, axis=-1))
    if counted is not None:
        rows = xp.where(counted, rows, -inf if mode == "max" else 0.0)
    if offsets is None:
        return _of_equal_size(rows, counted, mode)
    return _of_any_size(rows, counted, mode, offsets)


def _of_equal_size(rows: Any, counted: Any, mode: str) -> Any:
    size = rows.shape[1]
    if mode == "max" and size:
        top = xp.max(rows, axis=1)
        return top if counted is None else xp.where(xp.any(counted, axis=1), top, 0.0)
    total = xp.sum(rows, axis=1)
    if mode != "mean":
        return total
    if counted is None:
        return total / max(size, 1)
    return total / xp.maximum(xp.astype(xp.count_nonzero(counted, axis=1), rows.dtype), 1.0)


def _of_any_size(rows: Any, counted: Any, mode: str, offsets: Any) -> Any:
    bags = _bags(offsets, rows)
    shape = (offsets.shape[0], rows.shape[1])
    empty = zeros_raw(rows, shape)
    if mode == "max":
        top = xp.at(empty - inf, bags).max(rows)
        return xp.where(top == -inf, 0.0, top)
    total = xp.at(empty, bags).add(rows)
    if mode == "sum":
        return total
    ones = xp.ones_like(stop_gradient(rows[:, :1])) if counted is None else xp.astype(counted, rows.dtype)
    return total / xp.maximum(xp.at(zeros_raw(rows, (shape[0], 1)), bags).add(ones), 1.0)


def _bags(offsets: Any, rows: Any) -> Any:
    """Return the number of the bag of each id."""
    if kind(offsets.dtype) not in "iu" or len(offsets.shape) != 1:
        raise DtypeError(
            "nn.functional.embedding_bag takes offsets as a vector of integers.",
            found=f"dtype {offsets.dtype}, shape {tuple(offsets.shape)}",
            needed="integers of shape (bags,)",
        )
    n = rows.shape[0]
    values = readable(offsets)
    if values is not None and (
        (not values.size and n) or (values.size and (values[0] != 0 or np.any(np.diff(values) < 0) or values[-1] > n))
    ):
        raise ParameterError(
            "nn.functional.embedding_bag got offsets that are none.",
            found=str(values.tolist()[:8]),
            needed=f"numbers from 0 to {n} that do not fall, the first of them 0",
        )
    places = integers_like(rows, "arange", n)
    return xp.searchsorted(xp.astype(offsets, places.dtype), places, side="right") - 1


def check_ids(name: str, ids: Any, count: int) -> None:
    """Raise unless the ids are integers from 0 to below `count`; values that cannot be read for free are not."""
    if not hasattr(ids, "dtype") or kind(ids.dtype) not in "iu":
        raise DtypeError(
            f"nn.functional.{name} takes ids as an array of integers.",
            found=f"dtype {ids.dtype}" if hasattr(ids, "dtype") else type(ids).__name__,
            needed="an integer data type",
            write="layer.init(key, ids), or fn.Spec(ids.shape, 'int64') in place of a shape; xp.astype(ids, xp.int64)",
        )
    values = readable(ids)
    # As unsigned numbers negative ones are large: one pass finds both.
    if values is not None and values.size and values.astype(np.uint64, copy=False).max() >= count:
        raise ParameterError(
            f"nn.functional.{name} got an id that is out of range.",
            found=f"ids from {int(values.min())} to {int(values.max())}",
            needed=f"integers from 0 to {count - 1}, for a table of {count} rows",
        )


def _check_table(name: str, table: Any) -> None:
    if len(table.shape) != 2 or not is_inexact(table.dtype):
        raise ShapeError(
            f"nn.functional.{name} got a table that is no matrix of floating-point numbers.",
            found=f"shape {tuple(table.shape)}, dtype {table.dtype}",
            needed="shape (rows, features)",
        )


def check_mode(mode: Any) -> None:
    """Raise unless `embedding_bag` has that mode."""
    if mode not in _MODES:
        raise ParameterError(
            "nn.functional.embedding_bag does not know this mode.",
            found=repr(mode),
            needed=", ".join(repr(m) for m in _MODES),
        )


def row_of_padding(name: str, padding_idx: Any, count: int) -> int | None:
    """Return the number of the row of padding, counted from the first."""
    if padding_idx is None:
        return None
    try:
        row = index(padding_idx)
    except TypeError:
        row = count
    if not -count <= row < count:
        raise ParameterError(
            f"nn.functional.{name} got a row of padding that the table does not have.",
            found=f"padding_idx={padding_idx!r}",
            needed=f"an integer from {-count} to {count - 1}",
        )
    return row % count
