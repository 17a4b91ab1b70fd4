"""NumPy kernels of optimizers: all arithmetic of a block while it is in the cache."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

# Elements of a block. Six buffers of float32 take 768 KiB, which a core's second-level cache holds; blocks of half the
# size lose more to the calls than they gain.
_BLOCK = 32_768

_add, _divide, _multiply, _sqrt, _subtract = np.add, np.divide, np.multiply, np.sqrt, np.subtract


def _adam(g: Any, mu: Any, nu: Any, scale: Any, a1: Any, a2: Any, eps: Any) -> Any:
    dtype = mu.dtype
    if g.dtype != dtype:
        update, mu, nu = _adam(g.astype(dtype), mu, nu, scale, a1, a2, eps)
        return update.astype(g.dtype), mu, nu
    if getattr(scale, "dtype", None) != dtype:
        scale, a1, a2, eps = [np.asarray(number, dtype) for number in (scale, a1, a2, eps)]
    shape, size = mu.shape, mu.size
    if size <= _BLOCK:
        update, new_mu, new_nu = np.empty(shape, dtype), np.empty(shape, dtype), np.empty(shape, dtype)
        _adam_block(g, mu, nu, scale, a1, a2, eps, update, new_mu, new_nu)
        return update, new_mu, new_nu
    g, mu, nu = g.reshape(-1), mu.reshape(-1), nu.reshape(-1)
    update, new_mu, new_nu = np.empty(size, dtype), np.empty(size, dtype), np.empty(size, dtype)
    for start in range(0, size, _BLOCK):
        block = slice(start, start + _BLOCK)
        _adam_block(g[block], mu[block], nu[block], scale, a1, a2, eps, update[block], new_mu[block], new_nu[block])
    return update.reshape(shape), new_mu.reshape(shape), new_nu.reshape(shape)


def _adam_block(
    g: Any, mu: Any, nu: Any, scale: Any, a1: Any, a2: Any, eps: Any, u: np.ndarray, m: np.ndarray, v: np.ndarray
) -> None:
    """Fill u with the update, m and v with the new moments."""
    _subtract(g, mu, m)
    _multiply(m, a1, m)
    _add(m, mu, m)
    _multiply(g, g, v)
    _subtract(v, nu, v)
    _multiply(v, a2, v)
    _add(v, nu, v)
    _sqrt(v, u)
    _add(u, eps, u)
    _divide(m, u, u)
    _multiply(u, scale, u)


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType({"adam_update": _adam})
