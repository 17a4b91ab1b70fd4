r"""The three primitives of convolution.

All three are read off one trilinear form,

.. math:: T(x, w, g) = \sum_{n, o, k, i, j} x_{n,\, s o + d k - p,\, i}\; w_{k, i, j}\; g_{n, o, j},

where :math:`s` is the stride, :math:`d` the dilation of the kernel, :math:`p` the padding before, and x is 0 outside
of its range. ``conv`` is its derivative with respect to g, ``conv_adjoint`` that with respect to x, ``conv_kernel``
that with respect to w. The transpose of each in either argument is therefore one of the others, so derivatives of every
order are made of these three and nothing else. ``conv_bias`` is ``conv`` and a shift of each output channel in one.

Arrays are channels-last: x ``(n, *spatial, in)``, w ``(*window, in / groups, out)``, g ``(n, *places, out)``. The
channels of a group are neighbours.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.backends.windows import inside_of, places_of, taps
from funcnet.core import bind, case, general, linear
from funcnet.ops.broadcasting import broadcast_to, sum_over
from funcnet.ops.nn.convolution_batching import adjoint_rule, bias_rule, forward_rule, kernel_rule

if TYPE_CHECKING:
    from collections.abc import Callable

    Pull = Callable[[Any], Any]
    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]

__all__ = ["conv_adjoint_p", "conv_bias_p", "conv_kernel_p", "conv_p"]


# ---------------------------------------------------------------------- reference implementations


def _padded(xp: Any, x: Any, padding: Pairs) -> Any:
    spatial = tuple(x.shape)[1:-1]
    sizes = [n + low + high for n, (low, high) in zip(spatial, padding, strict=True)]
    buffer = xp.zeros((x.shape[0], *sizes, x.shape[-1]), dtype=x.dtype, device=x.device)
    buffer[inside_of(spatial, padding)] = x
    return buffer


def _by_group(xp: Any, x: Any, groups: int) -> Any:
    """Return a stack of one matrix for each group, with the group's channels as columns."""
    return xp.permute_dims(xp.reshape(x, (prod(x.shape[:-1]), groups, x.shape[-1] // groups)), (1, 0, 2))


def _joined(xp: Any, matrices: Any) -> Any:
    """Undo `_by_group`, but for the rows."""
    groups, rows, channels = matrices.shape
    return xp.reshape(xp.permute_dims(matrices, (1, 0, 2)), (rows, groups * channels))


def _conv_impl(xp: Any, x: Any, kernel: Any, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Any:
    window = tuple(kernel.shape)[:-2]
    out = places_of(tuple(x.shape)[1:-1], window, stride, padding, dilation)
    buffer = _padded(xp, x, padding)
    y: Any = None
    for tap, part in taps(window, out, stride, dilation):
        weights = _by_group(xp, kernel[(*tap, ...)], groups)
        term = xp.matmul(_by_group(xp, buffer[part], groups), weights)
        y = term if y is None else y + term
    return xp.reshape(_joined(xp, y), (x.shape[0], *out, kernel.shape[-1]))


def _conv_bias_impl(xp: Any, x: Any, kernel: Any, bias: Any, **params: Any) -> Any:
    return _conv_impl(xp, x, kernel, **params) + bias


def _conv_adjoint_impl(
    xp: Any, g: Any, kernel: Any, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    window, out = tuple(kernel.shape)[:-2], tuple(g.shape)[1:-1]
    channels = groups * kernel.shape[-2]
    sizes = [n + low + high for n, (low, high) in zip(size, padding, strict=True)]
    matrices = _by_group(xp, g, groups)
    buffer: Any = None
    for tap, part in taps(window, out, stride, dilation):
        weights = xp.permute_dims(_by_group(xp, kernel[(*tap, ...)], groups), (0, 2, 1))
        term = xp.reshape(_joined(xp, xp.matmul(matrices, weights)), (g.shape[0], *out, channels))
        if buffer is None:
            buffer = xp.zeros((g.shape[0], *sizes, channels), dtype=term.dtype, device=term.device)
        buffer[part] = buffer[part] + term
    return buffer[inside_of(size, padding)]


def _conv_kernel_impl(
    xp: Any, x: Any, g: Any, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    out = tuple(g.shape)[1:-1]
    buffer = _padded(xp, x, padding)
    matrices = _by_group(xp, g, groups)
    products = [
        _joined(xp, xp.matmul(xp.permute_dims(_by_group(xp, buffer[part], groups), (0, 2, 1)), matrices))
        for _, part in taps(size, out, stride, dilation)
    ]
    return xp.reshape(xp.stack(products), (*size, x.shape[-1] // groups, g.shape[-1]))


# ---------------------------------------------------------------------- rules


def _spatial(x: Any) -> Sizes:
    return tuple(x.shape)[1:-1]


def _conv_to_x(y: Any, x: Any, kernel: Any, **params: Any) -> Pull:  # noqa: ARG001  # the form of every maker
    size = _spatial(x)
    return lambda g: bind(conv_adjoint_p, g, kernel, size=size, **params)


def _conv_to_kernel(y: Any, x: Any, kernel: Any, **params: Any) -> Pull:  # noqa: ARG001
    size = tuple(kernel.shape)[:-2]
    return lambda g: bind(conv_kernel_p, x, g, size=size, **params)


def _bias_to_x(y: Any, x: Any, kernel: Any, bias: Any, **params: Any) -> Pull:  # noqa: ARG001
    return _conv_to_x(y, x, kernel, **params)


def _bias_to_kernel(y: Any, x: Any, kernel: Any, bias: Any, **params: Any) -> Pull:  # noqa: ARG001
    return _conv_to_kernel(y, x, kernel, **params)


def _bias_to_bias(y: Any, x: Any, kernel: Any, bias: Any, **params: Any) -> Pull:  # noqa: ARG001
    axes = tuple(range(len(x.shape) - 1))
    return lambda g: sum_over(g, axes)


def _bias_jvp(ts: Any, y: Any, x: Any, kernel: Any, bias: Any, **params: Any) -> Any:  # noqa: ARG001
    dx, dkernel, dbias = ts
    total = None if dx is None else bind(conv_p, dx, kernel, **params)
    if dkernel is not None:
        term = bind(conv_p, x, dkernel, **params)
        total = term if total is None else total + term
    if dbias is None:
        return total
    return broadcast_to(dbias, tuple(y.shape)) if total is None else total + dbias


def _adjoint_to_g(y: Any, g: Any, kernel: Any, *, size: Sizes, **params: Any) -> Pull:  # noqa: ARG001
    return lambda ct: bind(conv_p, ct, kernel, **params)


def _adjoint_to_kernel(y: Any, g: Any, kernel: Any, *, size: Sizes, **params: Any) -> Pull:  # noqa: ARG001
    window = tuple(kernel.shape)[:-2]
    return lambda ct: bind(conv_kernel_p, ct, g, size=window, **params)


def _kernel_to_x(y: Any, x: Any, g: Any, *, size: Sizes, **params: Any) -> Pull:  # noqa: ARG001
    spatial = _spatial(x)
    return lambda ct: bind(conv_adjoint_p, g, ct, size=spatial, **params)


def _kernel_to_g(y: Any, x: Any, g: Any, *, size: Sizes, **params: Any) -> Pull:  # noqa: ARG001
    return lambda ct: bind(conv_p, x, ct, **params)


def _conv_shape(
    x: Any,
    kernel: Any,
    *,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,  # noqa: ARG001
) -> Sizes:
    window = tuple(kernel.shape)[:-2]
    return (x.shape[0], *places_of(_spatial(x), window, stride, padding, dilation), kernel.shape[-1])


def _adjoint_shape(g: Any, kernel: Any, *, size: Sizes, groups: int, **params: Any) -> Sizes:  # noqa: ARG001
    return (g.shape[0], *size, groups * kernel.shape[-2])


def _kernel_shape(x: Any, g: Any, *, size: Sizes, groups: int, **params: Any) -> Sizes:  # noqa: ARG001
    return (*size, x.shape[-1] // groups, g.shape[-1])


def _cases(pick: Callable[..., Any]) -> tuple[Any, ...]:
    """Return cases of one primitive: shapes of x and the kernel, stride, padding, dilation, groups."""
    table = (
        ((2, 5, 3), (3, 3, 4), (1,), ((0, 0),), (1,), 1),
        ((2, 6, 2), (2, 2, 3), (2,), ((1, 0),), (2,), 1),
        ((0, 4, 2), (2, 2, 3), (1,), ((0, 0),), (1,), 1),
        ((1, 0, 2), (2, 2, 3), (1,), ((1, 2),), (1,), 1),
        ((1, 0, 2), (2, 1, 2), (1,), ((2, 2),), (1,), 2),
        ((1, 4, 5, 2), (3, 2, 2, 3), (1, 1), ((1, 1), (0, 1)), (1, 1), 1),
        ((1, 5, 6, 4), (2, 3, 2, 6), (2, 3), ((0, 1), (2, 1)), (2, 1), 2),
        ((1, 3, 4, 4), (2, 2, 2, 6), (1, 1), ((1, 0), (0, 0)), (1, 1), 2),
        ((2, 4, 3, 3), (3, 3, 1, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 3),
        ((1, 6, 5, 2), (2, 2, 1, 4), (2, 2), ((0, 0), (1, 0)), (1, 2), 2),
        ((2, 3, 2, 3), (1, 1, 3, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
        ((1, 5, 4, 2), (1, 1, 2, 3), (2, 3), ((0, 0), (0, 0)), (1, 1), 1),
        ((1, 3, 3, 1), (2, 2, 1, 2), (1, 1), ((3, 2), (2, 3)), (1, 1), 1),
        ((1, 3, 4, 3, 2), (2, 2, 2, 2, 2), (1, 2, 1), ((0, 0), (1, 1), (0, 1)), (1, 1, 2), 1),
    )
    return tuple(pick(x, w, {"stride": s, "padding": p, "dilation": d, "groups": g}) for x, w, s, p, d, g in table)


def _result(x: Sizes, w: Sizes, params: dict[str, Any]) -> Sizes:
    out = places_of(x[1:-1], w[:-2], params["stride"], params["padding"], params["dilation"])
    return (x[0], *out, w[-1])


conv_p = linear(
    "conv",
    _conv_impl,
    transpose=(_conv_to_x, _conv_to_kernel),
    shape=_conv_shape,
    batch=forward_rule,
    dtypes="floating",
    cases=_cases(lambda x, w, params: case(x, w, **params)),
)

conv_bias_p = general(
    "conv_bias",
    _conv_bias_impl,
    vjp=(_bias_to_x, _bias_to_kernel, _bias_to_bias),
    jvp=_bias_jvp,
    shape=lambda x, kernel, bias, **params: _conv_shape(x, kernel, **params),  # noqa: ARG005
    batch=bias_rule,
    dtypes="floating",
    cases=_cases(lambda x, w, params: case(x, w, w[-1:], **params)),
)

conv_adjoint_p = linear(
    "conv_adjoint",
    _conv_adjoint_impl,
    transpose=(_adjoint_to_g, _adjoint_to_kernel),
    shape=_adjoint_shape,
    batch=adjoint_rule,
    dtypes="floating",
    cases=_cases(lambda x, w, params: case(_result(x, w, params), w, size=x[1:-1], **params)),
)

conv_kernel_p = linear(
    "conv_kernel",
    _conv_kernel_impl,
    transpose=(_kernel_to_x, _kernel_to_g),
    shape=_kernel_shape,
    batch=kernel_rule,
    dtypes="floating",
    cases=_cases(lambda x, w, params: case(x, _result(x, w, params), size=w[:-2], **params)),
)
