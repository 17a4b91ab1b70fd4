"""Layers that say where in a sequence something stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.initializers import normal
from funcnet.nn.layer import Layer, layer_path, without_key
from funcnet.nn.misfits import foreign
from funcnet.nn.plain import applied
from funcnet.nn.spec import beside, features_of
from funcnet.ops.fresh import integers_like
from funcnet.ops.nn import positions

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["learned_positions", "rotary_positions", "sinusoidal_positions"]


def sinusoidal_positions(*, base: float = 10000.0, scale: float = 1.0) -> Layer:
    """Return a layer that adds sinusoids of the position to an input of shape (..., length, features).

    Parameters
    ----------
    base : float, default 10000
        See `funcnet.nn.functional.sinusoidal_positions`.
    scale : float, default 1
        Factor of the input, such as the root of the number of features.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ShapeError
        By ``init`` and ``apply``: if the input has fewer than two dimensions.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.sinusoidal_positions().apply({}, {}, np.zeros((1, 2, 2)))[0].round(3)
    array([[[0.   , 1.   ],
            [0.841, 0.54 ]]])
    """

    def check(spec: Any) -> None:
        _length(features_of(spec, layer_path("sinusoidal_positions")).shape, "sinusoidal_positions")

    def waved(x: Any) -> Any:
        length = _length(tuple(x.shape), "sinusoidal_positions")
        places = integers_like(x, "arange", length)
        waves = positions.sinusoidal_positions(places, x.shape[-1], base=base, dtype=x.dtype)
        return (x if scale == 1 else x * scale) + waves

    return applied("sinusoidal_positions", waved, check)


def learned_positions(
    length: int | None = None, *, table_init: Callable[..., Any] | None = None, dtype: Any = None
) -> Layer:
    """Return a layer that adds a row of parameters for each position to an input of shape (..., length, features).

    Parameters
    ----------
    length : int, optional
        The greatest length; that of the input to ``init`` if omitted.
    table_init : callable, optional
        ``init(key, shape, dtype)``; ``normal(0.02)`` if omitted.
    dtype : str or dtype, optional
        Data type of the table; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameter ``table`` of shape ``(length, features)``.

    Raises
    ------
    ShapeError
        By ``init`` and ``apply``: if the input is longer than the table, or does not fit.
    ParameterError
        If `length` is not positive; by ``apply``: if the parameters are those of another layer.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.learned_positions(16)
    >>> params, state = layer.init(random.key(0), (8, 10, 4))
    >>> params["table"].shape
    (16, 4)
    >>> layer.apply(params, state, np.zeros((8, 10, 4), dtype="float32"))[0].shape
    (8, 10, 4)
    """
    if length is not None and (length.__class__ is not int or length < 1):
        raise ParameterError(
            "nn.learned_positions takes the greatest length.",
            found=repr(length),
            needed="a positive integer, or None",
            write="nn.learned_positions(1024)",
        )
    make = normal(0.02) if table_init is None else table_init

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            shape = features_of(spec, layer_path("learned_positions")).shape
            found = _length(shape, "learned_positions")
            if length is not None and found > length:
                raise _too_long(found, length)
            return {"table": make(key, (found if length is None else length, shape[-1]), dtype)}, {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        table = params.get("table") if isinstance(params, dict) and len(params) == 1 else None
        if table is None or len(table.shape) != 2 or (length is not None and table.shape[0] != length):
            raise foreign(layer_path("learned_positions"), params, "{'table': (length, features)}")
        shape = tuple(x.shape)
        found = _length(shape, "learned_positions")
        if found > table.shape[0]:
            raise _too_long(found, table.shape[0])
        if shape[-1] != table.shape[1]:
            raise ShapeError(
                f"Layer {layer_path('learned_positions')} got an input with the wrong number of features.",
                found=f"{shape[-1]} features, in shape {shape}",
                needed=f"{table.shape[1]} features on the last axis",
                write="layer.init(key, x.shape) for an input of this shape",
            )
        return xp.add(x, table[:found, :]), state

    return Layer(init, apply)


def rotary_positions(*, base: float = 10000.0, interleaved: bool = False, features: int | None = None) -> Layer:
    """Return a layer that rotates pairs of features of an input of shape (..., length, heads, features).

    Parameters
    ----------
    base, interleaved, features
        See `funcnet.nn.functional.rotary`.

    Returns
    -------
    Layer
        Without parameters.

    Raises
    ------
    ShapeError, ParameterError, DtypeError
        By ``apply``: as `funcnet.nn.functional.rotary`.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.rotary_positions().apply({}, {}, np.ones((1, 3, 2, 4)))[0].shape
    (1, 3, 2, 4)
    """

    return applied(
        "rotary_positions",
        lambda x: positions.rotary(x, base=base, interleaved=interleaved, features=features),
    )


def _length(shape: tuple[int, ...], kind: str) -> int:
    if len(shape) < 2:
        raise ShapeError(
            f"Layer {layer_path(kind)} got an input without a length.",
            found=f"shape {shape}",
            needed="shape (..., length, features)",
        )
    return shape[-2]


def _too_long(found: int, length: int) -> ShapeError:
    return ShapeError(
        f"Layer {layer_path('learned_positions')} got an input that is longer than its table.",
        found=f"length {found}",
        needed=f"at most {length}",
        write="nn.learned_positions(length) with a greater length",
    )
