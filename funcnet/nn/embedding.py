"""Layers that look up rows of a table of parameters."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.nn import lookup
from funcnet.nn.initializers import normal
from funcnet.nn.layer import Layer, layer_path, without_key
from funcnet.nn.misfits import foreign
from funcnet.nn.spec import beside

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["embedding", "embedding_bag"]


def embedding(
    count: int,
    features: int,
    *,
    padding_idx: int | None = None,
    table_init: Callable[..., Any] | None = None,
    dtype: Any = None,
) -> Layer:
    """Return a layer that maps each id to a row of a table.

    Parameters
    ----------
    count : int
        Number of rows: ids are integers from 0 to `count` - 1.
    features : int
        Size of the rows.
    padding_idx : int, optional
        A row that starts as zeros and gets no gradient.
    table_init : callable, optional
        ``init(key, shape, dtype)``; ``normal(1.0)`` if omitted.
    dtype : str or dtype, optional
        Data type of the table; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameter ``table`` of shape ``(count, features)``. Its input are integers of any shape: ``init`` takes
        the ids themselves, or ``fn.Spec(ids.shape, "int64")``.

    Raises
    ------
    ParameterError
        If an argument is out of range; by ``apply``: if an id is, or the parameters are those of another layer.
    DtypeError
        By ``apply``: if the ids are no integers.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> ids = np.array([[3, 1, 1]])
    >>> layer = nn.embedding(5, 2)
    >>> params, state = layer.init(random.key(0), ids)
    >>> layer.apply(params, state, ids)[0].shape
    (1, 3, 2)
    """
    rows, size = _sizes("embedding", count, features)
    padding = lookup.row_of_padding("embedding", padding_idx, rows)
    make = normal(1.0) if table_init is None else table_init

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001  # the signature of every init
        return _table(key, make, rows, size, padding, dtype), {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        return lookup.embedding(x, _own(params, "embedding", rows, size), padding_idx=padding), state

    return Layer(init, apply)


def embedding_bag(
    count: int,
    features: int,
    *,
    mode: str = "mean",
    padding_idx: int | None = None,
    table_init: Callable[..., Any] | None = None,
    dtype: Any = None,
) -> Layer:
    """Return a layer that maps each bag of ids to the sum, mean or maximum of rows of a table.

    Parameters
    ----------
    count : int
        Number of rows: ids are integers from 0 to `count` - 1.
    features : int
        Size of the rows.
    mode : str, default "mean"
        ``"sum"``, ``"mean"`` or ``"max"``.
    padding_idx : int, optional
        A row that counts for nothing.
    table_init : callable, optional
        ``init(key, shape, dtype)``; ``normal(1.0)`` if omitted.
    dtype : str or dtype, optional
        Data type of the table; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameter ``table`` of shape ``(count, features)``. Its input are integers of shape ``(bags, size)``,
        or a pair of integers ``(n,)`` and the offsets of the bags; see `funcnet.nn.functional.embedding_bag`.

    Raises
    ------
    ParameterError
        If an argument is out of range; by ``apply``: if an id is, or the parameters are those of another layer.
    ShapeError, DtypeError
        By ``apply``: if the ids do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> ids = np.array([[3, 1, 1], [0, 0, 0]])
    >>> layer = nn.embedding_bag(5, 2)
    >>> params, state = layer.init(random.key(0), ids)
    >>> layer.apply(params, state, ids)[0].shape
    (2, 2)
    """
    rows, size = _sizes("embedding_bag", count, features)
    padding = lookup.row_of_padding("embedding_bag", padding_idx, rows)
    lookup.check_mode(mode)
    make = normal(1.0) if table_init is None else table_init

    def init(key: Any, spec: Any) -> tuple[Any, Any]:  # noqa: ARG001  # the signature of every init
        return _table(key, make, rows, size, padding, dtype), {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        ids, offsets = x if isinstance(x, (tuple, list)) else (x, None)
        table = _own(params, "embedding_bag", rows, size)
        return lookup.embedding_bag(ids, table, offsets=offsets, mode=mode, padding_idx=padding), state

    return Layer(init, apply)


def _table(key: Any, make: Any, rows: int, size: int, padding: int | None, dtype: Any) -> dict[str, Any]:
    with beside(key):
        table = make(key, (rows, size), dtype)
        return {"table": table if padding is None else xp.at(table, padding).set(0.0)}


def _own(params: Any, kind: str, rows: int, size: int) -> Any:
    table = params.get("table") if isinstance(params, dict) and len(params) == 1 else None
    if table is None or tuple(table.shape) != (rows, size):
        raise foreign(layer_path(kind), params, f"{{'table': ({rows}, {size})}}", shape="ids")
    return table


def _sizes(kind: str, *sizes: Any) -> list[int]:
    found = []
    for n in sizes:
        try:
            found.append(0 if isinstance(n, bool) else index(n))
        except TypeError:
            found.append(0)
    if min(found) < 1:
        raise ParameterError(
            f"nn.{kind} takes the number of rows and of features.",
            found=f"{sizes[0]!r} and {sizes[1]!r}",
            needed="positive integers",
            write=f"nn.{kind}(1000, features=64)",
        )
    return found
