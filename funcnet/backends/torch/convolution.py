"""PyTorch's own convolutions, which take channels first and paddings that are the same before and after."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Sizes = tuple[int, ...]
    Pairs = tuple[tuple[int, int], ...]

__all__ = ["kernels"]


def kernels(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name."""
    return {
        "conv": partial(_bilinear, torch, _conv),
        "conv_bias": partial(_conv_bias, torch),
        "conv_adjoint": partial(_bilinear, torch, _conv_adjoint),
        "conv_kernel": partial(_bilinear, torch, _conv_kernel),
    }


def _bilinear(torch: ModuleType, function: Callable[..., Any], a: Any, b: Any, **params: Any) -> Any:
    if a.dtype != b.dtype:
        dtype = torch.promote_types(a.dtype, b.dtype)
        a, b = a.to(dtype), b.to(dtype)
    if not a.is_complex():
        return function(torch, a, b, **params)
    # PyTorch has no complex convolutions on the CPU.
    real = function(torch, a.real, b.real, **params) - function(torch, a.imag, b.imag, **params)
    return torch.complex(real, function(torch, a.real, b.imag, **params) + function(torch, a.imag, b.real, **params))


def _first(x: Any) -> Any:
    """Return a view with the channels first; PyTorch sees that they lie last in memory, which is its fast way."""
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def _last(y: Any) -> Any:
    return y.permute(0, *range(2, y.ndim), 1)


def _weight(kernel: Any) -> Any:
    n = kernel.ndim
    return kernel.permute(n - 1, n - 2, *range(n - 2))


def _symmetric(torch: ModuleType, x: Any, padding: Pairs) -> tuple[Any, Sizes]:
    """Return what is left to pad on both sides after the rest has been padded."""
    even = tuple([min(pair) for pair in padding])
    rest = [(low - e, high - e) for (low, high), e in zip(padding, even, strict=True)]
    if any([low or high for low, high in rest]):
        x = torch.nn.functional.pad(x, [n for pair in reversed(rest) for n in pair])
    return x, even


def _conv(
    torch: ModuleType,
    x: Any,
    kernel: Any,
    bias: Any = None,
    *,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Any:
    if 0 in x.shape[1:]:
        # All of it is padding, which PyTorch refuses.
        x = torch.nn.functional.pad(_first(x), [n for pair in reversed(padding) for n in pair])
        x, padding = _last(x), ((0, 0),) * len(padding)
    function = getattr(torch.nn.functional, f"conv{len(stride)}d")
    x, even = _symmetric(torch, _first(x), padding)
    return _last(function(x, _weight(kernel), bias, stride, even, dilation, groups))


def _conv_bias(torch: ModuleType, x: Any, kernel: Any, bias: Any, **params: Any) -> Any:
    if x.dtype == kernel.dtype == bias.dtype and not x.is_complex():
        return _conv(torch, x, kernel, bias, **params)
    return _bilinear(torch, _conv, x, kernel, **params) + bias


def _conv_adjoint(
    torch: ModuleType,
    g: Any,
    kernel: Any,
    *,
    size: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Any:
    if 0 in size:
        return g.new_zeros((g.shape[0], *size, groups * kernel.shape[-2]))
    window = kernel.shape[:-2]
    function = getattr(torch.nn.functional, f"conv_transpose{len(stride)}d")
    even = tuple([min(pair) for pair in padding])
    rest = [(low - e, high - e) for (low, high), e in zip(padding, even, strict=True)]
    # What the uneven rest of the padding adds to the size is cut off afterwards.
    sizes = [n + low + high for n, (low, high) in zip(size, rest, strict=True)]
    extra = [
        n - ((o - 1) * s - 2 * e + d * (k - 1) + 1)
        for n, o, s, e, d, k in zip(sizes, g.shape[1:-1], stride, even, dilation, window, strict=True)
    ]
    # The channels of `g` come first in the weight of PyTorch's transposed convolution, as they do in `_weight`.
    y = function(_first(g), _weight(kernel), None, stride, even, extra, groups, dilation)
    spans = [slice(low, low + n) for n, (low, _) in zip(size, rest, strict=True)]
    return _last(y[(slice(None), slice(None), *spans)])


def _conv_kernel(
    torch: ModuleType,
    x: Any,
    g: Any,
    *,
    size: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> Any:
    if not g.numel() or not x.numel():
        return torch.zeros((*size, x.shape[-1] // groups, g.shape[-1]), dtype=x.dtype, device=x.device)
    x, even = _symmetric(torch, _first(x), padding)
    zeros = (0,) * len(stride)
    # Only its shape is looked at.
    weight = torch.empty(1, dtype=x.dtype, device=x.device).expand(g.shape[-1], x.shape[1] // groups, *size)
    result = torch.ops.aten.convolution_backward(
        _first(g), x, weight, None, stride, even, dilation, False, zeros, groups, (False, True, False)
    )[1]
    return result.permute(*range(2, result.ndim), 1, 0)
