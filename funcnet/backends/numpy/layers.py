"""NumPy kernels of layers."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from funcnet.backends.numpy.products import KERNELS as PRODUCTS

__all__ = ["KERNELS"]

_matmul = PRODUCTS["matmul"]


def _affine(x: Any, kernel: Any, bias: Any) -> Any:
    y = _matmul(x, kernel)
    if bias.dtype != y.dtype:
        return y + bias
    y += bias
    return y


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType({"affine": _affine})
