"""PyTorch's own special functions, which run on its accelerators too."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["kernels", "native"]

#: SciPy's name -> PyTorch's.
_UNARY = {
    "digamma": "digamma",
    "erf": "erf",
    "erfc": "erfc",
    "erfcx": "erfcx",
    "erfinv": "erfinv",
    "gammaln": "gammaln",
    "i0": "i0",
    "i0e": "i0e",
    "i1": "i1",
    "i1e": "i1e",
    "j0": "bessel_j0",
    "j1": "bessel_j1",
    "k0": "modified_bessel_k0",
    "k0e": "scaled_modified_bessel_k0",
    "k1": "modified_bessel_k1",
    "k1e": "scaled_modified_bessel_k1",
    "log_ndtr": "log_ndtr",
    "ndtr": "ndtr",
    "ndtri": "ndtri",
    "y0": "bessel_y0",
    "y1": "bessel_y1",
}
_BINARY = {"gammainc": "gammainc", "gammaincc": "gammaincc", "zeta": "zeta"}


#: Those that SciPy computes to more digits, or alike in every call; used where SciPy cannot be.
_ELSEWHERE = ("j0", "j1", "log_ndtr", "y0", "y1")


def kernels(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name."""
    return {name: native(torch, name) for name in (*_UNARY, *_BINARY) if name not in _ELSEWHERE}


def native(torch: ModuleType, name: str) -> Any:
    """Return PyTorch's function for SciPy's name, None if it has none."""
    if name == "polygamma":
        return lambda n, x: torch.special.polygamma(int(n), x)
    if name in _BINARY:
        return _of_tensors(torch, getattr(torch.special, _BINARY[name]))
    return getattr(torch.special, _UNARY[name]) if name in _UNARY else None


def _of_tensors(torch: ModuleType, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a Python scalar allowed in place of one of its two tensors."""

    def call(a: Any, b: Any) -> Any:
        if not isinstance(a, torch.Tensor):
            a = torch.as_tensor(a, dtype=b.dtype, device=b.device)
        elif not isinstance(b, torch.Tensor):
            b = torch.as_tensor(b, dtype=a.dtype, device=a.device)
        return function(a, b)

    return call
