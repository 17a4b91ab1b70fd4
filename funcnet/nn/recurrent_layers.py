"""Recurrent layers by the name of their cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.errors import ParameterError
from funcnet.nn.initializers import zeros
from funcnet.nn.lstm_cells import conv_lstm_cell, lstm_cell
from funcnet.nn.recurrent import along_time
from funcnet.nn.recurrent_cells import gru_cell, mgu_cell, rnn_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.nn.layer import Layer

    Init = Callable[..., Any]

__all__ = ["conv_lstm", "gru", "lstm", "mgu", "rnn"]


def rnn(
    features: int,
    *,
    layers: int = 1,
    activation: str = "tanh",
    bidirectional: bool = False,
    reverse: bool = False,
    dropout: float = 0.0,
    return_sequences: bool = True,
    return_carry: bool = False,
    stateful: bool = False,
    bias: bool = True,
    kernel_init: Init | None = None,
    recurrent_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Layer:
    """Return a simple recurrent network, `rnn_cell`, for sequences (batch, time, features).

    Parameters
    ----------
    features : int
        Size of the carry and of the outputs.
    layers : int, default 1
        How many of them are stacked.
    activation : {"tanh", "relu"}, default "tanh"
        As in `rnn_cell`.
    bidirectional, reverse, dropout, return_sequences, return_carry, stateful
        As in `recurrent`.
    bias : bool, default True
        Whether there are biases.
    kernel_init, recurrent_init, bias_init : callable, optional
        ``init(key, shape, dtype)``; `lecun_normal`, the same, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        See `recurrent` for its parameters, and the keywords ``lengths`` and ``carry`` of its ``apply``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `recurrent` and `rnn_cell`.

    Examples
    --------
    >>> from funcnet import nn, random, tree
    >>> layer = nn.rnn(4, layers=2)
    >>> params, state = layer.init(random.key(0), (8, 10, 3))
    >>> tree.map(lambda p: p.shape, params)["layer_1"]
    {'hidden': {'kernel': (4, 4)}, 'input': {'bias': (4,), 'kernel': (4, 4)}}
    """
    cell = rnn_cell(
        features,
        activation=activation,
        bias=bias,
        kernel_init=kernel_init,
        recurrent_init=recurrent_init,
        bias_init=bias_init,
        dtype=dtype,
    )
    return along_time(
        "rnn",
        [cell] * _layers("rnn", layers),
        bidirectional=bidirectional,
        reverse=reverse,
        dropout=dropout,
        return_sequences=return_sequences,
        return_carry=return_carry,
        stateful=stateful,
    )


def lstm(
    features: int,
    *,
    layers: int = 1,
    forget_bias: float = 0.0,
    bidirectional: bool = False,
    reverse: bool = False,
    dropout: float = 0.0,
    return_sequences: bool = True,
    return_carry: bool = False,
    stateful: bool = False,
    bias: bool = True,
    kernel_init: Init | None = None,
    recurrent_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Layer:
    """Return a long short-term memory, `lstm_cell`, for sequences (batch, time, features).

    Parameters
    ----------
    features : int
        Size of the carry and of the outputs.
    layers : int, default 1
        How many of them are stacked.
    forget_bias : float, default 0
        As in `lstm_cell`.
    bidirectional, reverse, dropout, return_sequences, return_carry, stateful
        As in `recurrent`.
    bias : bool, default True
        Whether there are biases.
    kernel_init, recurrent_init, bias_init : callable, optional
        ``init(key, shape, dtype)``; `lecun_normal`, the same, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        See `recurrent` for its parameters, and the keywords ``lengths`` and ``carry`` of its ``apply``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `recurrent` and `lstm_cell`.

    Examples
    --------
    >>> from funcnet import nn, random, tree
    >>> layer = nn.lstm(4, layers=2)
    >>> params, state = layer.init(random.key(0), (8, 10, 3))
    >>> tree.map(lambda p: p.shape, params)["layer_1"]
    {'hidden': {'kernel': (4, 16)}, 'input': {'bias': (16,), 'kernel': (4, 16)}}
    """
    cell = lstm_cell(
        features,
        forget_bias=forget_bias,
        bias=bias,
        kernel_init=kernel_init,
        recurrent_init=recurrent_init,
        bias_init=bias_init,
        dtype=dtype,
    )
    return along_time(
        "lstm",
        [cell] * _layers("lstm", layers),
        bidirectional=bidirectional,
        reverse=reverse,
        dropout=dropout,
        return_sequences=return_sequences,
        return_carry=return_carry,
        stateful=stateful,
    )


def gru(
    features: int,
    *,
    layers: int = 1,
    reset_after: bool = True,
    bidirectional: bool = False,
    reverse: bool = False,
    dropout: float = 0.0,
    return_sequences: bool = True,
    return_carry: bool = False,
    stateful: bool = False,
    bias: bool = True,
    kernel_init: Init | None = None,
    recurrent_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Layer:
    """Return a network of gated recurrent units, `gru_cell`, for sequences (batch, time, features).

    Parameters
    ----------
    features : int
        Size of the carry and of the outputs.
    layers : int, default 1
        How many of them are stacked.
    reset_after : bool, default True
        As in `gru_cell`.
    bidirectional, reverse, dropout, return_sequences, return_carry, stateful
        As in `recurrent`.
    bias : bool, default True
        Whether there are biases.
    kernel_init, recurrent_init, bias_init : callable, optional
        ``init(key, shape, dtype)``; `lecun_normal`, the same, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        See `recurrent` for its parameters, and the keywords ``lengths`` and ``carry`` of its ``apply``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `recurrent` and `gru_cell`.

    Examples
    --------
    >>> from funcnet import nn, random, tree
    >>> layer = nn.gru(4, layers=2)
    >>> params, state = layer.init(random.key(0), (8, 10, 3))
    >>> tree.map(lambda p: p.shape, params)["layer_1"]
    {'hidden': {'bias': (4,), 'kernel': (4, 12)}, 'input': {'bias': (12,), 'kernel': (4, 12)}}
    """
    cell = gru_cell(
        features,
        reset_after=reset_after,
        bias=bias,
        kernel_init=kernel_init,
        recurrent_init=recurrent_init,
        bias_init=bias_init,
        dtype=dtype,
    )
    return along_time(
        "gru",
        [cell] * _layers("gru", layers),
        bidirectional=bidirectional,
        reverse=reverse,
        dropout=dropout,
        return_sequences=return_sequences,
        return_carry=return_carry,
        stateful=stateful,
    )


def mgu(
    features: int,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    reverse: bool = False,
    dropout: float = 0.0,
    return_sequences: bool = True,
    return_carry: bool = False,
    stateful: bool = False,
    bias: bool = True,
    kernel_init: Init | None = None,
    recurrent_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Layer:
    """Return a network of minimal gated units, `mgu_cell`, for sequences (batch, time, features).

    Parameters
    ----------
    features : int
        Size of the carry and of the outputs.
    layers : int, default 1
        How many of them are stacked.
    bidirectional, reverse, dropout, return_sequences, return_carry, stateful
        As in `recurrent`.
    bias : bool, default True
        Whether there are biases.
    kernel_init, recurrent_init, bias_init : callable, optional
        ``init(key, shape, dtype)``; `lecun_normal`, the same, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        See `recurrent` for its parameters, and the keywords ``lengths`` and ``carry`` of its ``apply``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `recurrent` and `mgu_cell`.

    Examples
    --------
    >>> from funcnet import nn, random, tree
    >>> layer = nn.mgu(4, layers=2)
    >>> params, state = layer.init(random.key(0), (8, 10, 3))
    >>> tree.map(lambda p: p.shape, params)["layer_1"]
    {'hidden': {'kernel': (4, 8)}, 'input': {'bias': (8,), 'kernel': (4, 8)}}
    """
    cell = mgu_cell(
        features,
        bias=bias,
        kernel_init=kernel_init,
        recurrent_init=recurrent_init,
        bias_init=bias_init,
        dtype=dtype,
    )
    return along_time(
        "mgu",
        [cell] * _layers("mgu", layers),
        bidirectional=bidirectional,
        reverse=reverse,
        dropout=dropout,
        return_sequences=return_sequences,
        return_carry=return_carry,
        stateful=stateful,
    )


def conv_lstm(
    features: int,
    kernel_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Any = "SAME",
    recurrent_size: int | Sequence[int] | None = None,
    forget_bias: float = 0.0,
    layers: int = 1,
    bidirectional: bool = False,
    reverse: bool = False,
    dropout: float = 0.0,
    return_sequences: bool = True,
    return_carry: bool = False,
    stateful: bool = False,
    bias: bool = True,
    kernel_init: Init | None = None,
    recurrent_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Layer:
    """Return a convolutional long short-term memory, `conv_lstm_cell`, for sequences of images.

    Parameters
    ----------
    features : int
        Channels of the carry and of the outputs.
    kernel_size : int or sequence of int
        Window of the input, along each spatial axis.
    stride, padding, recurrent_size, forget_bias
        As in `conv_lstm_cell`.
    layers : int, default 1
        How many of them are stacked.
    bidirectional, reverse, dropout, return_sequences, return_carry, stateful
        As in `recurrent`.
    bias : bool, default True
        Whether there are biases.
    kernel_init, recurrent_init, bias_init : callable, optional
        ``init(key, shape, dtype)``; `lecun_normal`, the same, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        For inputs of shape (batch, time, height, width, channels), or other numbers of spatial axes. See `recurrent`
        for its parameters, and the keywords ``lengths`` and ``carry`` of its ``apply``.

    Raises
    ------
    ParameterError, ShapeError, DtypeError
        As in `recurrent` and `conv_lstm_cell`.

    Examples
    --------
    >>> from funcnet import nn, random, tree
    >>> layer = nn.conv_lstm(4, 3)
    >>> params, state = layer.init(random.key(0), (8, 10, 5, 5, 1))
    >>> tree.map(lambda p: p.shape, params)["layer_0"]["input"]
    {'bias': (16,), 'kernel': (3, 3, 1, 16)}
    """
    cell = conv_lstm_cell(
        features,
        kernel_size,
        stride=stride,
        padding=padding,
        recurrent_size=recurrent_size,
        forget_bias=forget_bias,
        bias=bias,
        kernel_init=kernel_init,
        recurrent_init=recurrent_init,
        bias_init=bias_init,
        dtype=dtype,
    )
    return along_time(
        "conv_lstm",
        [cell] * _layers("conv_lstm", layers),
        bidirectional=bidirectional,
        reverse=reverse,
        dropout=dropout,
        return_sequences=return_sequences,
        return_carry=return_carry,
        stateful=stateful,
    )


def _layers(kind: str, layers: Any) -> int:
    if layers.__class__ is not int or layers < 1:
        raise ParameterError(
            f"nn.{kind} takes the number of layers to stack.",
            found=f"layers={layers!r}",
            needed="a positive integer",
        )
    return layers
