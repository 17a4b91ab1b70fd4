"""Cells of long short-term memories: with dense products, and with convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.nn.cell import Cell, applied_cell, check_own, dense_cell, inits_of, misfit, size_of
from funcnet.nn.initializers import zeros
from funcnet.nn.layer import layer_path
from funcnet.nn.lstm_sequence import lstm_sequence
from funcnet.nn.spec import beside, features_of
from funcnet.ops import add, concat, matmul, multiply, tanh
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.fresh import zeros_raw
from funcnet.ops.nn.convolution import conv

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Init = Callable[..., Any]

__all__ = ["conv_lstm_cell", "lstm_cell"]


def lstm_cell(
    features: int,
    *,
    forget_bias: float = 0.0,
    bias: bool = True,
    kernel_init: Init | None = None,
    recurrent_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Cell:
    r"""Return the cell of a long short-term memory.

    :math:`c' = \sigma(f) c + \sigma(i) \tanh(g)` and :math:`h' = \sigma(o) \tanh(c')`, with
    :math:`(i, f, g, o) = x W + b + h U`. The carry is the pair (h, c), the output is h.

    Parameters
    ----------
    features : int
        Size of h and c; that of the input may differ.
    forget_bias : float, default 0
        Added to the initial bias of f; with 1 the cell starts by remembering. It takes a bias.
    bias : bool, default True
        Whether there is a bias.
    kernel_init, recurrent_init, bias_init : callable, optional
        ``init(key, shape, dtype)`` of W, U and b; `lecun_normal`, the same, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Cell
        With the parameters ``input`` (``kernel``, ``bias``) and ``hidden`` (``kernel``), the gates side by side in the
        order i, f, g, o, which is PyTorch's and Keras's.

    Raises
    ------
    ParameterError
        If an argument is out of range; by its functions: if the parameters are those of another cell.
    ShapeError, DtypeError
        By its functions: if the input does not fit.

    References
    ----------
    S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997). F. Gers et al., "Learning to
    forget", Neural Computation 12 (2000).

    Examples
    --------
    >>> from funcnet import nn, random
    >>> params = nn.lstm_cell(2, forget_bias=1.0).init(random.key(0), (8, 3))
    >>> params["input"]["bias"]
    array([0., 0., 1., 1., 0., 0., 0., 0.], dtype=float32)
    """
    size = size_of("lstm_cell", features)
    bias_init = _forgetful("lstm_cell", bias, bias_init, size, forget_bias)
    inits = inits_of(kernel_init, recurrent_init, bias_init, dtype)

    def step(params: Any, carry: Any, projected: Any) -> tuple[Any, Any]:
        h, c = carry
        h, c = _remembered(add(projected, matmul(h, params["hidden"]["kernel"])), c, size)
        return (h, c), h

    def sequence(params: Any, carry: Any, projected: Any, seen: Any, reverse: bool) -> tuple[Any, Any]:
        h, c = carry
        hs, cs = lstm_sequence(projected, params["hidden"]["kernel"], h, c, seen=seen, reverse=reverse)
        if hs.shape[0]:
            last = 0 if reverse else -1
            h, c = hs[last, ...], cs[last, ...]
        return (h, c), hs

    return dense_cell("lstm_cell", size, 4, bias, inits, step, single=False)._replace(sequence=sequence)


def conv_lstm_cell(
    features: int,
    kernel_size: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Any = "SAME",
    recurrent_size: int | Sequence[int] | None = None,
    forget_bias: float = 0.0,
    bias: bool = True,
    kernel_init: Init | None = None,
    recurrent_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Cell:
    r"""Return the cell of a long short-term memory whose products are convolutions, for sequences of images.

    As `lstm_cell`, with :math:`(i, f, g, o) = x * W + b + h * U`; h and c have spatial axes.

    Parameters
    ----------
    features : int
        Channels of h and c.
    kernel_size : int or sequence of int
        Window of W, along each spatial axis.
    stride, padding
        Of the convolution of the input, as in `funcnet.nn.functional.conv`. That of h keeps its size.
    recurrent_size : int or sequence of int, optional
        Window of U; `kernel_size` if omitted.
    forget_bias : float, default 0
        Added to the initial bias of f, which there must be.
    bias : bool, default True
        Whether there is a bias.
    kernel_init, recurrent_init, bias_init : callable, optional
        ``init(key, shape, dtype)`` of W, U and b; `lecun_normal`, the same, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Cell
        For inputs of shape (batch, \*spatial, channels), with the parameters of `lstm_cell`.

    Raises
    ------
    ParameterError
        If an argument is out of range; by its functions: if the parameters are those of another cell.
    ShapeError, DtypeError
        By its functions: if the input does not fit.

    References
    ----------
    X. Shi et al., "Convolutional LSTM network: a machine learning approach for precipitation nowcasting", NIPS 2015.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.conv_lstm_cell(2, 3).init(random.key(0), (8, 5, 5, 1))["input"]["kernel"].shape
    (3, 3, 1, 8)
    """
    size = size_of("conv_lstm_cell", features)
    bias_init = _forgetful("conv_lstm_cell", bias, bias_init, size, forget_bias)
    inits = inits_of(kernel_init, recurrent_init, bias_init, dtype)
    sizes = kernel_size, kernel_size if recurrent_size is None else recurrent_size

    def init(key: Any, spec: Any) -> Any:
        path = layer_path("conv_lstm_cell")
        with beside(key):
            shape = features_of(spec, path).shape
            axes = len(shape) - 2
            if axes < 1:
                raise ShapeError(
                    f"Layer {path} needs spatial axes.",
                    found=f"shape {tuple(shape)}",
                    needed="shape (batch, *spatial, channels) for each step",
                )
            windows = [_window(n, axes, path) for n in sizes]
            keys = random.split(key, 3)
            params = {
                "input": {"kernel": inits.kernel(keys[0, :], (*windows[0], shape[-1], 4 * size), dtype)},
                "hidden": {"kernel": inits.recurrent(keys[1, :], (*windows[1], size, 4 * size), dtype)},
            }
            if bias:
                params["input"]["bias"] = inits.bias(keys[2, :], (4 * size,), dtype)
        return params

    def project(params: Any, x: Any) -> Any:
        check_own("conv_lstm_cell", params, bias, False, 4 * size)
        kernel = params["input"]["kernel"]
        shape = tuple(x.shape)
        axes = len(kernel.shape) - 2
        if len(shape) < axes + 2 or shape[-1] != kernel.shape[-2]:
            raise misfit("conv_lstm_cell", shape, kernel.shape[-2], f"(..., {axes} spatial axes, {kernel.shape[-2]})")
        lead = shape[: len(shape) - axes - 1]
        count = 1
        for n in lead:
            count *= n
        y = conv(
            reshaped(x, (count, *shape[len(lead) :])),
            kernel,
            params["input"].get("bias"),
            stride=stride,
            padding=padding,
        )
        return reshaped(y, (*lead, *y.shape[1:]))

    def step(params: Any, carry: Any, projected: Any) -> tuple[Any, Any]:
        h, c = carry
        h, c = _remembered(add(projected, conv(h, params["hidden"]["kernel"], padding="SAME")), c, size)
        return (h, c), h

    def initial(params: Any, x: Any) -> Any:
        y = project(params, x)
        nothing = zeros_raw(y, (*y.shape[:-1], size))
        return nothing, nothing

    return Cell(init, applied_cell(project, step), initial, project, step)


def _remembered(gates: Any, c: Any, size: int) -> tuple[Any, Any]:
    """Return h and c of a long short-term memory after a step."""
    # Each gate by itself, so that a compiled step is one loop over their columns.
    i, f, g, o = [gates[..., k * size : (k + 1) * size] for k in range(4)]
    c = add(multiply(xp.sigmoid(f), c), multiply(xp.sigmoid(i), tanh(g)))
    return multiply(xp.sigmoid(o), tanh(c)), c


def _forgetful(kind: str, bias: bool, bias_init: Init, size: int, forget_bias: float) -> Init:
    """Return an initial bias of the gates i, f, g, o that has a number added to that of f."""
    if not forget_bias:
        return bias_init
    if not bias:
        raise ParameterError(
            f"nn.{kind} has no bias to add to.",
            found=f"forget_bias={forget_bias!r} and bias=False",
            needed="a bias, or forget_bias=0",
        )

    def init(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        whole = bias_init(key, shape, dtype)
        return concat([whole[:size], whole[size : 2 * size] + forget_bias, whole[2 * size :]])

    return init


def _window(n: Any, axes: int, path: str) -> tuple[int, ...]:
    window = (n,) * axes if isinstance(n, int) else tuple(n)
    if len(window) != axes or any(m.__class__ is not int or m < 1 for m in window):
        raise ParameterError(
            f"Layer {path} got a window that does not fit its input.",
            found=f"{n!r} for {axes} spatial axes",
            needed="a positive integer, or one for each axis",
        )
    return window
