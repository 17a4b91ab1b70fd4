"""The layer that is linear in each of two inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import random, xp
from funcnet.core import Spec
from funcnet.core.dtypes import is_inexact
from funcnet.errors import ShapeError
from funcnet.nn.initializers import lecun_normal, zeros
from funcnet.nn.layer import Layer, layer_path, without_key
from funcnet.nn.misfits import foreign, not_floating, positive
from funcnet.nn.spec import as_spec, beside

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["bilinear"]


def bilinear(
    features: int,
    *,
    bias: bool = True,
    kernel_init: Callable[..., Any] | None = None,
    bias_init: Callable[..., Any] = zeros,
    dtype: Any = None,
) -> Layer:
    r"""Layer that is linear in each of two inputs.

    :math:`y_{\dots k} = \sum_{ij} u_{\dots i} W_{ijk} v_{\dots j} + b_k`, for an input :math:`(u, v)`. All axes but the
    last are batch and equal in both.

    Parameters
    ----------
    features : int
        Size of the last axis of the result.
    bias : bool, default True
        Whether to add a bias.
    kernel_init, bias_init : callable, optional
        ``init(key, shape, dtype)``, see `funcnet.nn.initializers`; `lecun_normal`, of variance
        :math:`1 / (\mathrm{in}_1 \mathrm{in}_2)` here, and `zeros` if omitted.
    dtype : str or dtype, optional
        Data type of the parameters; the default floating-point one at the time of ``init`` if omitted.

    Returns
    -------
    Layer
        Of a tuple or list of two arrays, ``(..., in1)`` and ``(..., in2)``; ``init`` takes their two shapes. With the
        parameters ``kernel`` of shape ``(in1, in2, features)`` and ``bias`` of shape ``(features,)``.

    Raises
    ------
    ParameterError
        If `features` is no positive integer; by ``apply``: if the parameters are those of another layer.
    ShapeError
        By ``init`` and ``apply``: if the input is not two arrays, or they do not fit.
    DtypeError
        By ``apply``: if an input is not floating-point.

    Notes
    -----
    The kernel is that of ``torch.nn.Bilinear`` with its first axis last: ``xp.moveaxis(weight, 0, -1)``.

    References
    ----------
    .. [1] J. B. Tenenbaum, W. T. Freeman, "Separating style and content with bilinear models", Neural Computation
       12(6), 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import nn, random
    >>> layer = nn.bilinear(5)
    >>> params, state = layer.init(random.key(0), ((8, 3), (8, 4)))
    >>> params["kernel"].shape, params["bias"].shape, state
    ((3, 4, 5), (5,), {})
    >>> y, state = layer.apply(params, state, (np.ones((8, 3), dtype="float32"), np.ones((8, 4), dtype="float32")))
    >>> y.shape
    (8, 5)
    """
    out = positive("bilinear", features)
    kernel_init = lecun_normal() if kernel_init is None else kernel_init

    def init(key: Any, spec: Any) -> tuple[Any, Any]:
        with beside(key):
            one, two = _pair(as_spec(spec), Spec)
            _check_shapes(one.shape, two.shape)
            # The keys are those of a split, so that adding a bias does not change the kernel.
            keys = random.split(key)
            params = {"kernel": kernel_init(keys[0, :], (one.shape[-1], two.shape[-1], out), dtype)}
            if bias:
                params["bias"] = bias_init(keys[1, :], (out,), dtype)
        return params, {}

    @without_key
    def apply(params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False) -> tuple[Any, Any]:  # noqa: ARG001
        try:
            kernel, shift = params["kernel"], params["bias"] if bias else None
            fits = len(kernel.shape) == 3 and kernel.shape[2] == out and len(params) == 1 + bias
        except (KeyError, IndexError, TypeError, AttributeError):
            fits = False
        if not fits or (shift is not None and tuple(shift.shape) != (out,)):
            needed = f"{{'kernel': (in1, in2, {out})" + (f", 'bias': ({out},)}}" if bias else "}")
            raise foreign(layer_path("bilinear"), params, needed, shape="(x1.shape, x2.shape)")
        one, two = _pair(x)
        shapes = tuple(one.shape), tuple(two.shape)
        _check_shapes(*shapes)
        if (shapes[0][-1], shapes[1][-1]) != tuple(kernel.shape[:2]):
            raise ShapeError(
                f"Layer {layer_path('bilinear')} got inputs with the wrong numbers of features.",
                found=f"{shapes[0][-1]} and {shapes[1][-1]} features, in shapes {shapes[0]} and {shapes[1]}",
                needed=f"{kernel.shape[0]} and {kernel.shape[1]} features on the last axes, as its kernel has shape "
                f"{tuple(kernel.shape)}",
                write="layer.init(key, (x1.shape, x2.shape)) for inputs of these shapes",
            )
        for array in (one, two):
            if not is_inexact(array.dtype):
                raise not_floating(layer_path("bilinear"), array)
        y = xp.einsum("...i,ijk,...j->...k", one, kernel, two)
        return y if shift is None else y + shift, state

    return Layer(init, apply)


def _pair(x: Any, kind: type = object) -> tuple[Any, Any]:
    """Return the two inputs, or their two specs."""
    if isinstance(x, (tuple, list)) and len(x) == 2 and all([isinstance(a, kind) and hasattr(a, "shape") for a in x]):
        return x[0], x[1]
    found = f"a {type(x).__name__}" + (f" of {len(x)}" if isinstance(x, (tuple, list, dict)) else "")
    raise ShapeError(
        f"Layer {layer_path('bilinear')} takes two arrays.",
        found=found,
        needed="a tuple or list of two arrays, or of their two shapes for init",
        write="layer.init(key, (x1.shape, x2.shape)), then layer.apply(params, state, (x1, x2))",
    )


def _check_shapes(one: tuple[int, ...], two: tuple[int, ...]) -> None:
    if not one or not two or one[:-1] != two[:-1]:
        raise ShapeError(
            f"Layer {layer_path('bilinear')} got two inputs that do not belong together.",
            found=f"shapes {tuple(one)} and {tuple(two)}",
            needed="at least one dimension each, and all but the last equal",
            write="xp.broadcast_to(x2, (*x1.shape[:-1], x2.shape[-1])) for one x2 for all of x1",
        )
