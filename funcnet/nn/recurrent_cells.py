"""Cells of recurrent networks with one carry: simple ones, and gated recurrent units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.errors import ParameterError
from funcnet.nn.cell import Cell, dense_cell, inits_of, size_of
from funcnet.nn.gru_sequence import gru_sequence
from funcnet.nn.initializers import zeros
from funcnet.ops import add, matmul, multiply, subtract, tanh
from funcnet.ops.fresh import zeros_raw

if TYPE_CHECKING:
    from collections.abc import Callable

    Init = Callable[..., Any]

__all__ = ["gru_cell", "mgu_cell", "rnn_cell"]

_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"tanh": tanh, "relu": xp.relu}


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
    size = size_of("rnn_cell", features)
    if activation not in _ACTIVATIONS:
        raise ParameterError(
            "nn.rnn_cell does not know this activation.",
            found=repr(activation),
            needed=" or ".join(repr(name) for name in _ACTIVATIONS),
        )
    phi = _ACTIVATIONS[activation]
    inits = inits_of(kernel_init, recurrent_init, bias_init, dtype)

    def step(params: Any, h: Any, projected: Any) -> tuple[Any, Any]:
        h = phi(add(projected, matmul(h, params["hidden"]["kernel"])))
        return h, h

    return dense_cell("rnn_cell", size, 1, bias, inits, step, single=True)


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
    size = size_of("gru_cell", features)
    inits = inits_of(kernel_init, recurrent_init, bias_init, dtype)

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

    cell = dense_cell("gru_cell", size, 3, bias, inits, step, single=True, candidate=bias and reset_after)
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
    size = size_of("mgu_cell", features)
    inits = inits_of(kernel_init, recurrent_init, bias_init, dtype)

    def step(params: Any, h: Any, projected: Any) -> tuple[Any, Any]:
        kernel = params["hidden"]["kernel"]
        f = xp.sigmoid(add(projected[..., :size], matmul(h, kernel[:, :size])))
        n = tanh(add(projected[..., size:], matmul(multiply(f, h), kernel[:, size:])))
        h = add(h, multiply(f, subtract(n, h)))
        return h, h

    return dense_cell("mgu_cell", size, 2, bias, inits, step, single=True)
