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
    dtype, shape, size = mu.dtype, mu.shape, mu.size
    scale, a1, a2, eps = [np.asarray(number, dtype) for number in (scale, a1, a2, eps)]
    narrow = None if g.dtype == dtype else g.dtype
    g, mu, nu = g.reshape(-1) if narrow is None else g.reshape(-1).astype(dtype), mu.reshape(-1), nu.reshape(-1)
    update, new_mu, new_nu = np.empty(size, dtype), np.empty(size, dtype), np.empty(size, dtype)
    for start in range(0, size, _BLOCK):
        block = slice(start, start + _BLOCK)
        gb, mb, vb, u, m, v = g[block], mu[block], nu[block], update[block], new_mu[block], new_nu[block]
        _subtract(gb, mb, m)
        _multiply(m, a1, m)
        _add(m, mb, m)
        _multiply(gb, gb, v)
        _subtract(v, vb, v)
        _multiply(v, a2, v)
        _add(v, vb, v)
        _sqrt(v, u)
        _add(u, eps, u)
        _divide(m, u, u)
        _multiply(u, scale, u)
    if narrow is not None:
        update = update.astype(narrow)
    return update.reshape(shape), new_mu.reshape(shape), new_nu.reshape(shape)


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType({"adam_update": _adam})
