"""NumPy kernels of recurrences along whole sequences: a long short-term memory, and gated recurrent units.

A hyperbolic tangent gives all gates, since the logistic function is one of half the argument. The backward pass
makes the gates of all steps again with one product, so that only what depends on the step before is left to the loop.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]


def _order(steps: int, reverse: bool) -> range:
    return range(steps - 1, -1, -1) if reverse else range(steps)


def _halves(size: int, dtype: Any) -> tuple[Any, Any]:
    """Return the factor of the gates' arguments, and what is added to their tangents after the same factor."""
    factor = np.full(4 * size, 0.5, dtype)
    factor[2 * size : 3 * size] = 1
    return factor, 1 - factor


def _gates(x: Any, factor: Any, shift: Any) -> Any:
    x *= factor
    np.tanh(x, out=x)
    x *= factor
    x += shift
    return x


def _before(x: Any, first: Any, reverse: bool) -> Any:
    """Return what each step began with."""
    return np.concatenate((x[1:], first[None]) if reverse else (first[None], x[:-1]))


def _lstm(projected: Any, kernel: Any, h: Any, c: Any, *seen: Any, reverse: bool) -> tuple[Any, Any]:
    steps, *shape, _ = projected.shape
    size = kernel.shape[0]
    hs = np.empty((steps, *shape, size), projected.dtype)
    cs = np.empty_like(hs)
    factor, shift = _halves(size, projected.dtype)
    for t in _order(steps, reverse):
        s = np.matmul(h, kernel)
        s += projected[t]
        _gates(s, factor, shift)
        new_c, new_h = cs[t], hs[t]
        np.multiply(s[..., size : 2 * size], c, out=new_c)
        new_c += s[..., :size] * s[..., 2 * size : 3 * size]
        np.tanh(new_c, out=new_h)
        new_h *= s[..., 3 * size :]
        if seen:
            outside = ~seen[0][t][..., None]
            np.copyto(new_c, c, where=outside)
            np.copyto(new_h, h, where=outside)
        h, c = new_h, new_c
    return hs, cs


def _lstm_slopes(projected: Any, kernel: Any, h: Any, c: Any, *rest: Any, reverse: bool) -> tuple[Any, ...]:
    *seen, hs, cs, ghs, gcs = rest
    steps, width = projected.shape[0], projected.shape[-1]
    size = kernel.shape[0]
    if not steps:
        return np.zeros_like(projected), np.zeros_like(kernel), np.zeros_like(h), np.zeros_like(c)
    before = _before(hs, h, reverse), _before(cs, c, reverse)
    s = np.matmul(before[0], kernel)
    s += projected
    _gates(s, *_halves(size, projected.dtype))
    # Derivatives of the gates by their arguments, of all steps: s (1 - s), and 1 - g^2 for the third.
    slopes = s - s * s
    g = s[..., 2 * size : 3 * size]
    np.subtract(1, g * g, out=slopes[..., 2 * size : 3 * size])
    new_c = s[..., size : 2 * size] * before[1]
    new_c += s[..., :size] * g
    tanh_c = np.tanh(new_c, out=new_c)
    bend = s[..., 3 * size :] * (1 - tanh_c * tanh_c)
    dx = np.empty_like(projected)
    dh, dc = np.zeros_like(h), np.zeros_like(c)
    transposed = np.ascontiguousarray(kernel.T)
    for t in _order(steps, not reverse):
        dh = dh + ghs[t]
        dc = dc + gcs[t]
        if seen:
            inside = seen[0][t][..., None]
            past_h, past_c = np.where(inside, 0, dh), np.where(inside, 0, dc)
            dh, dc = np.where(inside, dh, 0), np.where(inside, dc, 0)
        dc = dc + dh * bend[t]
        d, now = dx[t], s[t]
        np.multiply(dc, now[..., 2 * size : 3 * size], out=d[..., :size])
        np.multiply(dc, before[1][t], out=d[..., size : 2 * size])
        np.multiply(dc, now[..., :size], out=d[..., 2 * size : 3 * size])
        np.multiply(dh, tanh_c[t], out=d[..., 3 * size :])
        d *= slopes[t]
        dh = np.matmul(d, transposed)
        dc = dc * now[..., size : 2 * size]
        if seen:
            dh += past_h
            dc += past_c
    dkernel = np.matmul(before[0].reshape(-1, size).T, dx.reshape(-1, width))
    return dx, dkernel, dh, dc


def _logistic(x: Any) -> Any:
    x *= 0.5
    np.tanh(x, out=x)
    x *= 0.5
    x += 0.5
    return x


def _gru(projected: Any, kernel: Any, bias: Any, h: Any, *seen: Any, reverse: bool) -> tuple[Any]:
    steps, *shape, _ = projected.shape
    size = kernel.shape[0]
    hs = np.empty((steps, *shape, size), projected.dtype)
    for t in _order(steps, reverse):
        inner = np.matmul(h, kernel)
        x = projected[t]
        gates, n = inner[..., : 2 * size], inner[..., 2 * size :]
        gates += x[..., : 2 * size]
        _logistic(gates)
        n += bias
        n *= gates[..., :size]
        n += x[..., 2 * size :]
        np.tanh(n, out=n)
        new = hs[t]
        np.subtract(h, n, out=new)
        new *= gates[..., size:]
        new += n
        if seen:
            np.copyto(new, h, where=~seen[0][t][..., None])
        h = new
    return (hs,)


def _gru_slopes(projected: Any, kernel: Any, bias: Any, h: Any, *rest: Any, reverse: bool) -> tuple[Any, ...]:
    *seen, hs, ghs = rest
    steps, width = projected.shape[0], projected.shape[-1]
    size = kernel.shape[0]
    if not steps:
        return np.zeros_like(projected), np.zeros_like(kernel), np.zeros_like(bias), np.zeros_like(h)
    before = _before(hs, h, reverse)
    inner = np.matmul(before, kernel)
    m = inner[..., 2 * size :]
    m += bias
    gates = inner[..., : 2 * size]
    gates += projected[..., : 2 * size]
    _logistic(gates)
    r, z = gates[..., :size], gates[..., size:]
    n = np.tanh(projected[..., 2 * size :] + r * m)
    # What the cotangent of h is multiplied with, of all steps: for r, z and n.
    to_n = (1 - z) * (1 - n * n)
    factors = np.concatenate((to_n * m * r * (1 - r), (before - n) * z * (1 - z), to_n), axis=-1)
    dx = np.empty_like(projected)
    dh = np.zeros_like(h)
    transposed = np.ascontiguousarray(kernel.T)
    for t in _order(steps, not reverse):
        dh = dh + ghs[t]
        past = None
        if seen:
            inside = seen[0][t][..., None]
            past, dh = np.where(inside, 0, dh), np.where(inside, dh, 0)
        d = dx[t]
        for k in range(3):
            part = slice(k * size, (k + 1) * size)
            np.multiply(factors[t][..., part], dh, out=d[..., part])
        back = d.copy()
        back[..., 2 * size :] *= r[t]
        dh = dh * z[t] + np.matmul(back, transposed)
        if past is not None:
            dh += past
    to_inner = dx.copy()
    to_inner[..., 2 * size :] *= r
    flat = to_inner.reshape(-1, width)
    dkernel = np.matmul(before.reshape(-1, size).T, flat)
    return dx, dkernel, np.add.reduce(flat[:, 2 * size :], 0), dh


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "gru_sequence": _gru,
        "gru_sequence_slopes": _gru_slopes,
        "lstm_sequence": _lstm,
        "lstm_sequence_slopes": _lstm_slopes,
    }
)
