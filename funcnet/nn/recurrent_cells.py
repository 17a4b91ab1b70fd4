"""Cells of recurrent networks: one step in time each."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

from funcnet import random, xp
from funcnet.core.dtypes import is_inexact
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.nn.dense import affine
from funcnet.nn.gru_sequence import gru_sequence
from funcnet.nn.initializers import lecun_normal, zeros
from funcnet.nn.layer import layer_path
from funcnet.nn.lstm_sequence import lstm_sequence
from funcnet.nn.spec import beside, features_of
from funcnet.ops import add, concat, matmul, multiply, subtract, tanh
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.fresh import zeros_raw
from funcnet.ops.nn.convolution import conv

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Init = Callable[..., Any]

__all__ = ["Cell", "conv_lstm_cell", "gru_cell", "lstm_cell", "mgu_cell", "rnn_cell"]

_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"tanh": tanh, "relu": xp.relu}


class Cell(NamedTuple):
    """One step in time of a recurrent network, as pure functions.

    Attributes
    ----------
    init : callable
        ``params = init(key, spec)`` for the shape of an input of one step: (batch, features).
    apply : callable
        ``carry, y = apply(params, carry, x)``: one step, so it may be given to `funcnet.scan`.
    initial : callable
        ``carry = initial(params, x)``: zeros for an input of one step.
    project : callable
        ``project(params, x)``: the part of a step that does not depend on the carry, for inputs of any number of steps,
        on leading axes, at once.
    step : callable
        ``carry, y = step(params, carry, projected)``: the rest. ``apply`` is ``step`` after ``project``.
    sequence : callable, optional
        ``carry, ys = sequence(params, carry, projected, seen, reverse)``: all steps along the first axis in one
        operation, faster than a scan. Where ``seen``, of the shape (time, batch) or None, is false, the carry stays as
        it was.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet import nn, random
    >>> cell = nn.gru_cell(3)
    >>> params = cell.init(random.key(0), (8, 2))
    >>> xs = np.ones((5, 8, 2), dtype="float32")
    >>> carry, ys = fn.scan(lambda c, x: cell.apply(params, c, x), cell.initial(params, xs[0]), xs)
    >>> ys.shape
    (5, 8, 3)
    """

    init: Callable[..., Any]
    apply: Callable[..., Any]
    initial: Callable[..., Any]
    project: Callable[..., Any]
    step: Callable[..., Any]
    sequence: Callable[..., Any] | None = None


class _Inits(NamedTuple):
    kernel: Init
    recurrent: Init
    bias: Init
    dtype: Any


def rnn_cell(
    features: int,
    *,
    activation: str = "tanh",
    bias: bool = True,
    kernel_init: Init | None = None,
    recurrent_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Cell:
    r"""Return the cell of a simple recurrent network.

    :math:`h' = \phi(x W + b + h U)`; the output is the carry h.

    Parameters
    ----------
    features : int
        Size of the carry; that of the input may differ.
    activation : {"tanh", "relu"}, default "tanh"
        :math:`\phi`.
    bias : bool, default True
        Whether there is a bias.
    kernel_init, recurrent_init, bias_init : callable, optional
        ``init(key, shape, dtype)`` of W, U and b; `lecun_normal`, the same, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Cell
        With the parameters ``input`` (``kernel``, ``bias``) and ``hidden`` (``kernel``).

    Raises
    ------
    ParameterError
        If an argument is out of range; by its functions: if the parameters are those of another cell.
    ShapeError, DtypeError
        By its functions: if the input does not fit.

    References
    ----------
    J. Elman, "Finding structure in time", Cognitive Science 14 (1990).

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> cell = nn.rnn_cell(1, bias=False)
    >>> params = {"input": {"kernel": np.ones((1, 1))}, "hidden": {"kernel": np.ones((1, 1))}}
    >>> cell.apply(params, np.zeros((1, 1)), np.full((1, 1), 0.5))[1].round(4)
    array([[0.4621]])
    """
    size = _positive("rnn_cell", features)
    if activation not in _ACTIVATIONS:
        raise ParameterError(
            "nn.rnn_cell does not know this activation.",
            found=repr(activation),
            needed=" or ".join(repr(name) for name in _ACTIVATIONS),
        )
    phi = _ACTIVATIONS[activation]
    inits = _inits(kernel_init, recurrent_init, bias_init, dtype)

    def step(params: Any, h: Any, projected: Any) -> tuple[Any, Any]:
        h = phi(add(projected, matmul(h, params["hidden"]["kernel"])))
        return h, h

    return _cell("rnn_cell", size, 1, bias, inits, step, single=True)


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
        Added to the initial bias of f; with 1 the cell starts by remembering.
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
    size = _positive("lstm_cell", features)
    inits = _inits(kernel_init, recurrent_init, _forgetful(bias_init, size, forget_bias), dtype)

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

    return _cell("lstm_cell", size, 4, bias, inits, step, single=False)._replace(sequence=sequence)


def gru_cell(
    features: int,
    *,
    reset_after: bool = True,
    bias: bool = True,
    kernel_init: Init | None = None,
    recurrent_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Cell:
    r"""Return the cell of a network of gated recurrent units.

    :math:`h' = (1 - z) n + z h` with :math:`r = \sigma(x W_r + b_r + h U_r)`, :math:`z = \sigma(x W_z + b_z + h U_z)`
    and one of two candidates, of which models trained with one do not work with the other:

    - reset after the product, as in PyTorch, cuDNN and Keras by default:
      :math:`n = \tanh(x W_n + b_n + r (h U_n + b_h))`;
    - reset before it, as in the paper and Keras with ``reset_after=False``:
      :math:`n = \tanh(x W_n + b_n + (r h) U_n)`.

    Parameters
    ----------
    features : int
        Size of the carry h, which is the output; that of the input may differ.
    reset_after : bool, default True
        Which candidate it is.
    bias : bool, default True
        Whether there are biases.
    kernel_init, recurrent_init, bias_init : callable, optional
        ``init(key, shape, dtype)`` of W, U and b; `lecun_normal`, the same, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Cell
        With the parameters ``input`` (``kernel``, ``bias``) and ``hidden`` (``kernel``, and with `reset_after` the
        ``bias`` of the candidate), the gates side by side in the order r, z, n, which is PyTorch's (Keras: z, r, n).

    Raises
    ------
    ParameterError
        If an argument is out of range; by its functions: if the parameters are those of another cell.
    ShapeError, DtypeError
        By its functions: if the input does not fit.

    References
    ----------
    K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.

    Examples
    --------
    >>> from funcnet import nn, random, tree
    >>> tree.map(lambda p: p.shape, nn.gru_cell(2).init(random.key(0), (8, 3)))
    {'hidden': {'bias': (2,), 'kernel': (2, 6)}, 'input': {'bias': (6,), 'kernel': (3, 6)}}
    """
    size = _positive("gru_cell", features)
    inits = _inits(kernel_init, recurrent_init, bias_init, dtype)

    gates = (slice(None, size), slice(size, 2 * size))

    def step(params: Any, h: Any, projected: Any) -> tuple[Any, Any]:
        kernel = params["hidden"]["kernel"]
        if reset_after:
            inner = matmul(h, kernel)
            # Each gate by itself, so that a compiled step is one loop over their columns.
            r, z = [xp.sigmoid(add(projected[..., part], inner[..., part])) for part in gates]
            candidate = inner[..., 2 * size :]
            if bias:
                candidate = add(candidate, params["hidden"]["bias"])
            candidate = multiply(r, candidate)
        else:
            inner = matmul(h, kernel[:, : 2 * size])
            r, z = [xp.sigmoid(add(projected[..., part], inner[..., part])) for part in gates]
            candidate = matmul(multiply(r, h), kernel[:, 2 * size :])
        n = tanh(add(projected[..., 2 * size :], candidate))
        # n + z (h - n): one product less.
        h = add(n, multiply(z, subtract(h, n)))
        return h, h

    def sequence(params: Any, h: Any, projected: Any, seen: Any, reverse: bool) -> tuple[Any, Any]:
        hidden = params["hidden"]
        shift = hidden["bias"] if bias else zeros_raw(h, (size,), h.dtype)
        hs = gru_sequence(projected, hidden["kernel"], shift, h, seen=seen, reverse=reverse)
        return (hs[0 if reverse else -1, ...] if hs.shape[0] else h), hs

    cell = _cell("gru_cell", size, 3, bias, inits, step, single=True, candidate=bias and reset_after)
    return cell._replace(sequence=sequence) if reset_after else cell


def mgu_cell(
    features: int,
    *,
    bias: bool = True,
    kernel_init: Init | None = None,
    recurrent_init: Init | None = None,
    bias_init: Init = zeros,
    dtype: Any = None,
) -> Cell:
    r"""Return the cell of a network of minimal gated units: a gated recurrent unit with one gate for both purposes.

    :math:`h' = (1 - f) h + f n` with :math:`f = \sigma(x W_f + b_f + h U_f)` and
    :math:`n = \tanh(x W_n + b_n + (f h) U_n)`.

    Parameters
    ----------
    features : int
        Size of the carry h, which is the output; that of the input may differ.
    bias : bool, default True
        Whether there is a bias.
    kernel_init, recurrent_init, bias_init : callable, optional
        ``init(key, shape, dtype)`` of W, U and b; `lecun_normal`, the same, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Cell
        With the parameters ``input`` (``kernel``, ``bias``) and ``hidden`` (``kernel``), the gate f beside the
        candidate n.

    Raises
    ------
    ParameterError
        If an argument is out of range; by its functions: if the parameters are those of another cell.
    ShapeError, DtypeError
        By its functions: if the input does not fit.

    References
    ----------
    G.-B. Zhou et al., "Minimal gated unit for recurrent neural networks", 2016, arXiv:1603.09420.

    Examples
    --------
    >>> from funcnet import nn, random
    >>> nn.mgu_cell(2).init(random.key(0), (8, 3))["hidden"]["kernel"].shape
    (2, 4)
    """
    size = _positive("mgu_cell", features)
    inits = _inits(kernel_init, recurrent_init, bias_init, dtype)

    def step(params: Any, h: Any, projected: Any) -> tuple[Any, Any]:
        kernel = params["hidden"]["kernel"]
        f = xp.sigmoid(add(projected[..., :size], matmul(h, kernel[:, :size])))
        n = tanh(add(projected[..., size:], matmul(multiply(f, h), kernel[:, size:])))
        h = add(h, multiply(f, subtract(n, h)))
        return h, h

    return _cell("mgu_cell", size, 2, bias, inits, step, single=True)


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
        Added to the initial bias of f.
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
    size = _positive("conv_lstm_cell", features)
    inits = _inits(kernel_init, recurrent_init, _forgetful(bias_init, size, forget_bias), dtype)

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
            windows = [_window(n, axes, path) for n in (kernel_size, recurrent_size or kernel_size)]
            keys = random.split(key, 3)
            params = {
                "input": {"kernel": inits.kernel(keys[0, :], (*windows[0], shape[-1], 4 * size), dtype)},
                "hidden": {"kernel": inits.recurrent(keys[1, :], (*windows[1], size, 4 * size), dtype)},
            }
            if bias:
                params["input"]["bias"] = inits.bias(keys[2, :], (4 * size,), dtype)
        return params

    def project(params: Any, x: Any) -> Any:
        _check_params("conv_lstm_cell", params, bias, False, 4 * size)
        kernel = params["input"]["kernel"]
        shape = tuple(x.shape)
        axes = len(kernel.shape) - 2
        if len(shape) < axes + 2 or shape[-1] != kernel.shape[-2]:
            raise _misfit("conv_lstm_cell", shape, kernel.shape[-2], f"(..., {axes} spatial axes, {kernel.shape[-2]})")
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

    return Cell(init, _applied(project, step), initial, project, step)


# ---------------------------------------------------------------------- what cells share


def _remembered(gates: Any, c: Any, size: int) -> tuple[Any, Any]:
    """Return h and c of a long short-term memory after a step."""
    # Each gate by itself, so that a compiled step is one loop over their columns.
    i, f, g, o = [gates[..., k * size : (k + 1) * size] for k in range(4)]
    c = add(multiply(xp.sigmoid(f), c), multiply(xp.sigmoid(i), tanh(g)))
    return multiply(xp.sigmoid(o), tanh(c)), c


def _cell(
    kind: str,
    size: int,
    gates: int,
    bias: bool,
    inits: _Inits,
    step: Callable[..., Any],
    *,
    single: bool,
    candidate: bool = False,
) -> Cell:
    """Return a cell with dense products; its carry is one array if `single`, otherwise two."""

    def init(key: Any, spec: Any) -> Any:
        with beside(key):
            features = features_of(spec, layer_path(kind)).shape[-1]
            keys = random.split(key, 4)
            params = {
                "input": {"kernel": inits.kernel(keys[0, :], (features, gates * size), inits.dtype)},
                "hidden": {"kernel": inits.recurrent(keys[1, :], (size, gates * size), inits.dtype)},
            }
            if bias:
                params["input"]["bias"] = inits.bias(keys[2, :], (gates * size,), inits.dtype)
            if candidate:
                params["hidden"]["bias"] = inits.bias(keys[3, :], (size,), inits.dtype)
        return params

    def project(params: Any, x: Any) -> Any:
        _check_params(kind, params, bias, candidate, gates * size)
        kernel = params["input"]["kernel"]
        if not x.shape or x.shape[-1] != kernel.shape[0]:
            raise _misfit(kind, tuple(x.shape), kernel.shape[0], f"(..., {kernel.shape[0]})")
        if not is_inexact(x.dtype):
            raise DtypeError(
                f"Layer {layer_path(kind)} got an input that is not floating-point.",
                found=f"an array of dtype {x.dtype} and shape {tuple(x.shape)}",
                needed="a floating-point data type",
                write="xp.astype(x, xp.float32)",
            )
        return affine(x, kernel, params["input"].get("bias"))

    def initial(params: Any, x: Any) -> Any:
        kernel = params["hidden"]["kernel"]
        dtype = xp.result_type(x.dtype, kernel.dtype)
        nothing = zeros_raw(x, (*x.shape[:-1], size), dtype)
        return nothing if single else (nothing, nothing)

    return Cell(init, _applied(project, step), initial, project, step)


def _applied(project: Callable[..., Any], step: Callable[..., Any]) -> Callable[..., Any]:
    return lambda params, carry, x: step(params, carry, project(params, x))


def _inits(kernel: Init | None, recurrent: Init | None, bias: Init, dtype: Any) -> _Inits:
    return _Inits(lecun_normal() if kernel is None else kernel, recurrent or lecun_normal(), bias, dtype)


def _forgetful(bias_init: Init, size: int, forget_bias: float) -> Init:
    """Return an initial bias of the gates i, f, g, o that has a number added to that of f."""
    if not forget_bias:
        return bias_init

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


def _check_params(kind: str, params: Any, bias: bool, candidate: bool, width: int) -> None:
    try:
        inner, hidden = params["input"], params["hidden"]
        fits = inner["kernel"].shape[-1] == width == hidden["kernel"].shape[-1] and len(params) == 2
        fits = fits and ("bias" in inner) == bias and ("bias" in hidden) == candidate
    except (KeyError, TypeError, AttributeError, IndexError):
        fits = False
    if not fits:
        raise ParameterError(
            f"Layer {layer_path(kind)} got parameters that are not its own.",
            found=", ".join(params) if isinstance(params, dict) else type(params).__name__,
            needed=f"'input' and 'hidden', with kernels of {width} columns",
            write="params = cell.init(key, x.shape) with this very cell",
        )


def _misfit(kind: str, shape: tuple[int, ...], features: int, needed: str) -> ShapeError:
    return ShapeError(
        f"Layer {layer_path(kind)} got an input with the wrong number of features.",
        found=f"{shape[-1] if shape else 'no'} features, in shape {shape}",
        needed=f"{features} features, in shape {needed}",
        write="init(key, x.shape) for an input of this shape",
    )


def _positive(kind: str, n: Any) -> int:
    try:
        found = 0 if isinstance(n, bool) else index(n)
    except TypeError:
        found = 0
    if found < 1:
        raise ParameterError(
            f"nn.{kind} takes the number of its features.",
            found=repr(n),
            needed="a positive integer",
            write=f"nn.{kind}(64)",
        )
    return found
