"""NumPy kernels of optimizers: all arithmetic of a block while it is in the cache."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]

# Elements of a block: seven buffers of float32 take 448 KiB, which a core's second-level cache holds.
_BLOCK = 16_384


def _adam(g: Any, mu: Any, nu: Any, scale: Any, a1: Any, a2: Any, eps: Any) -> Any:
    dtype = mu.dtype
    shape = mu.shape
    # Numbers of Python do not promote the arrays.
    scale, a1, a2, eps = float(scale), float(a1), float(a2), float(eps)
    g, mu, nu = np.ravel(g), np.ravel(mu), np.ravel(nu)
    size = mu.size
    update, new_mu, new_nu = np.empty(size, dtype), np.empty(size, dtype), np.empty(size, dtype)
    step = max(min(size, _BLOCK), 1)
    scratch = np.empty(step, dtype)
    for start in range(0, size, step):
        stop = min(start + step, size)
        block = slice(start, stop)
        gb, mb, vb, ub, m, v = g[block], mu[block], nu[block], update[block], new_mu[block], new_nu[block]
        t = scratch[: stop - start]
        np.subtract(gb, mb, out=m, dtype=dtype)
        m *= a1
        m += mb
        np.multiply(gb, gb, out=v, dtype=dtype)
        v -= vb
        v *= a2
        v += vb
        np.sqrt(v, out=t)
        t += eps
        np.divide(m, t, out=ub)
        ub *= scale
    if g.dtype != dtype:
        update = update.astype(g.dtype)
    return update.reshape(shape), new_mu.reshape(shape), new_nu.reshape(shape)


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType({"adam_update": _adam})
