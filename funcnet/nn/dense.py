"""The fully connected layer."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet import random
from funcnet.core import bind, case, general
from funcnet.core.arguments import check_array
from funcnet.core.dtypes import is_inexact
from funcnet.errors import ShapeError
from funcnet.nn.initializers import lecun_normal, zeros
from funcnet.nn.kernels import who
from funcnet.nn.layer import Layer, layer_path, without_key
from funcnet.nn.misfits import foreign, not_floating, positive
from funcnet.nn.spec import beside, features_of
from funcnet.ops import matmul, matrix_transpose, sum_over
from funcnet.ops.broadcasting import reshaped
from funcnet.ops.nn.named import function_of
from funcnet.ops.outer_products import outer_of
from funcnet.transforms.batch import composed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.core import Primitive

    Pull = Callable[[Any], Any]

__all__ = ["affine", "dense"]


def _affine_impl(xp: Any, x: Any, kernel: Any, bias: Any) -> Any:
    return xp.matmul(x, kernel) + bias


def _rows(x: Any) -> Any:
    """Return an array as the matrix whose rows are its last axis."""
    shape = x.shape
    return x if len(shape) == 2 else reshaped(x, (prod(shape[:-1]), shape[-1]))


def _to_x(y: Any, x: Any, kernel: Any, bias: Any) -> Pull:  # noqa: ARG001  # one signature for all makers
    return lambda g: matmul(g, matrix_transpose(kernel))


def _to_kernel(y: Any, x: Any, kernel: Any, bias: Any) -> Pull:  # noqa: ARG001
    if len(x.shape) == 1:
        return lambda g: outer_of(x, g)
    return lambda g: matmul(matrix_transpose(_rows(x)), _rows(g))


def _to_bias(y: Any, x: Any, kernel: Any, bias: Any) -> Pull:  # noqa: ARG001
    axes = tuple(range(len(x.shape) - 1))
    return (lambda g: sum_over(g, axes)) if axes else (lambda g: g)


def _affine_jvp(ts: Any, y: Any, x: Any, kernel: Any, bias: Any) -> Any:  # noqa: ARG001
    dx, dkernel, dbias = ts
    terms = []
    if dx is not None:
        terms.append(matmul(dx, kernel))
    if dkernel is not None:
        terms.append(matmul(x, dkernel))
    total = terms[0] + terms[1] if len(terms) == 2 else terms[0] if terms else None
    if total is None:
        return dbias
    return total if dbias is None else total + dbias


def _affine_batch(primitive: Primitive, size: int, batched: Sequence[bool], /, x: Any, kernel: Any, bias: Any) -> Any:
    if batched[1] or batched[2]:
        return _separately(primitive, size, batched, x, kernel, bias)
    return bind(primitive, x, kernel, bias)


_separately = composed(lambda x, kernel, bias: matmul(x, kernel) + bias)

affine_p = general(
    "affine",
    _affine_impl,
    vjp=(_to_x, _to_kernel, _to_bias),
    jvp=_affine_jvp,
    shape=lambda x, kernel, bias: (*x.shape[:-1], kernel.shape[1]),  # noqa: ARG005  # one signature for all rules
    batch=_affine_batch,
    dtypes="floating",
    cases=(
        case((2, 3), (3, 4), (4,)),
        case((3,), (3, 2), (2,)),
        case((2, 1, 3), (3, 4), (4,)),
        case((0, 3), (3, 2), (2,)),
        case((2, 0), (0, 2), (2,)),
    ),
)


def affine(x: Any, kernel: Any, bias: Any = None) -> Any:
    r"""Matrix product over the last axis, and a shift: what `dense` computes.

    :math:`y_{\dots j} = \sum_i x_{\dots i} W_{ij} + b_j`.

    Derivative: that of the product, :math:`g W^T` and :math:`x^T g`, the latter as one product over all leading
    dimensions; the cotangent of the shift is the sum of `g`.

    Parameters
    ----------
    x : array, shape (..., in)
        Of a floating-point data type and at least one dimension.
    kernel : array, shape (in, out)
        The matrix.
    bias : array, shape (out,), optional
        The shift.

    Returns
    -------
    array, shape (..., out)
        In one operation, without the array that the product alone would be.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn
    >>> nn.affine(np.array([1.0, 2.0]), np.eye(2), np.array([10.0, 20.0]))
    array([11., 22.])
    """
    if not hasattr(x, "shape"):
        check_array("nn.affine", x)
    shape, matrix = x.shape, kernel.shape
    if not shape or len(matrix) != 2 or shape[-1] != matrix[0] or (bias is not None and bias.shape != matrix[1:]):
        raise ShapeError(
            "nn.affine got shapes that do not fit.",
            found=f"x {tuple(shape)}, kernel {tuple(matrix)}, bias {None if bias is None else tuple(bias.shape)}",
            needed="x (..., in), kernel (in, out), bias (out,)",
            write="xp.matrix_transpose(kernel) for a kernel (out, in)",
        )
    if bias is not None:
        return bind(affine_p, x, kernel, bias)
    return matmul(x, kernel)


def dense(
    features: int,
    *,
    bias: bool = True,
    kernel_init: Callable[..., Any] | None = None,
    bias_init: Callable[..., Any] = zeros,
    activation: str | Callable[[Any], Any] | None = None,
    dtype: Any = None,
) -> Layer:
    r"""Fully connected layer.

    :math:`y_{\dots j} = \sum_i x_{\dots i} W_{ij} + b_j`: it contracts the last axis of an input of any rank of at
    least one; all others are batch. Equal rows give equal rows.

    Parameters
    ----------
    features : int
        Size of the last axis of the result.
    bias : bool, default True
        Whether to add a bias.
    kernel_init, bias_init : callable, optional
        ``init(key, shape, dtype)``, see `funcnet.nn.initializers`; `lecun_normal` and `zeros` if omitted.
    activation : str or callable, optional
        Applied to the result: the name of a function, such as ``"relu"``, or a function of one array.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        With the parameters ``kernel`` of shape ``(in, features)`` and ``bias`` of shape ``(features,)``.

    Raises
    ------
    ParameterError
        If `features` is no positive integer, or there is no such activation; by ``apply``: if the parameters are
        those of another layer.
    ShapeError
        By ``init`` and ``apply``: if the input does not fit.
    DtypeError
        By ``apply``: if the input is not floating-point.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998: the default initialisation.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.dense(5)
    >>> params, state = layer.init(random.key(0), (8, 4, 3))
    >>> params["kernel"].shape, params["bias"].shape, state
    ((3, 5), (5,), {})
    >>> y, state = layer.apply(params, state, np.ones((8, 4, 3), dtype="float32"))
    >>> y.shape
    (8, 4, 5)
    """
    out = positive("dense", features)
    kernel_init = lecun_normal() if kernel_init is None else kernel_init
    act = None if activation is None else function_of(activation)

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            size = features_of(spec, layer_path("dense")).shape[-1]
            # The keys are those of a split, so that adding a bias does not change the kernel.
            keys = random.split(key)
            params = {"kernel": kernel_init(keys[0, :], (size, out), dtype)}
            if bias:
                params["bias"] = bias_init(keys[1, :], (out,), dtype)
        return params, {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        try:
            kernel, shift = params["kernel"], params["bias"] if bias else None
            fits = kernel.shape[1] == out and len(params) == 1 + bias
        except (KeyError, IndexError, TypeError, AttributeError):
            fits = False
        if not fits or (shift is not None and shift.shape != (out,)):
            needed = f"{{'kernel': (in, {out}), 'bias': ({out},)}}" if bias else f"{{'kernel': (in, {out})}}"
            raise foreign(layer_path("dense"), params, needed)
        if not hasattr(x, "shape"):
            check_array(who("dense"), x)
        shape = x.shape
        if not shape or shape[-1] != kernel.shape[0]:
            raise _misfit(shape, kernel.shape)
        if not is_inexact(x.dtype):
            raise not_floating(layer_path("dense"), x)
        y = affine(x, kernel, shift)
        return y if act is None else act(y), state

    return Layer(init, apply)


def _misfit(shape: tuple[int, ...], kernel: tuple[int, ...]) -> ShapeError:
    path = layer_path("dense")
    if not shape:
        return ShapeError(
            f"Layer {path} got an input without dimensions.",
            found="shape ()",
            needed=f"shape (..., {kernel[0]}), as its kernel has shape {tuple(kernel)}",
            write="xp.reshape(x, (1, 1)) for a single number",
        )
    return ShapeError(
        f"Layer {path} got an input with the wrong number of features.",
        found=f"{shape[-1]} features, in shape {tuple(shape)}",
        needed=f"{kernel[0]} features on the last axis, as its kernel has shape {tuple(kernel)}",
        write="layer.init(key, x.shape) for an input of this shape",
    )
