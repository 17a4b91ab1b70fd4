"""A network of gated recurrent units along a whole sequence as one operation."""

from __future__ import annotations

from typing import Any

from funcnet.core import Arg, case
from funcnet.nn.sequences import logistic, order, sequence_operation

__all__ = ["gru_sequence"]


def _step(xp: Any, projected: Any, kernel: Any, bias: Any, h: Any) -> tuple[Any, Any, Any, Any]:
    """Return both gates, the candidate, and the part of its argument that the first gate multiplies."""
    size = kernel.shape[0]
    inner = xp.matmul(h, kernel)
    r = logistic(xp, projected[..., :size] + inner[..., :size])
    z = logistic(xp, projected[..., size : 2 * size] + inner[..., size : 2 * size])
    m = inner[..., 2 * size :] + bias
    return r, z, xp.tanh(projected[..., 2 * size :] + r * m), m


def _forward(xp: Any, projected: Any, kernel: Any, bias: Any, h: Any, *seen: Any, reverse: bool) -> tuple[Any]:
    steps = projected.shape[0]
    if not steps:
        return (xp.reshape(h[None, ...][:0, ...], (0, *h.shape)),)
    hs: list[Any] = [None] * steps
    for t in order(steps, reverse=reverse):
        _, z, n, _ = _step(xp, projected[t, ...], kernel, bias, h)
        new = n + z * (h - n)
        hs[t] = h = xp.where(seen[0][t, ..., None], new, h) if seen else new
    return (xp.stack(hs),)


def _backward(xp: Any, projected: Any, kernel: Any, bias: Any, h: Any, *rest: Any, reverse: bool) -> tuple[Any, ...]:
    *seen, hs, ghs = rest
    steps, size = projected.shape[0], kernel.shape[0]
    if not steps:
        return projected * 0, kernel * 0, bias * 0, h * 0
    dx: list[Any] = [None] * steps
    dh, dkernel, dbias = h * 0, kernel * 0, bias * 0
    for t in order(steps, reverse=not reverse):
        past = t + 1 if reverse else t - 1
        h0 = hs[past, ...] if 0 <= past < steps else h
        r, z, n, m = _step(xp, projected[t, ...], kernel, bias, h0)
        dh = dh + ghs[t, ...]
        kept = None
        if seen:
            inside, zero = seen[0][t, ..., None], xp.zeros_like(dh)
            kept, dh = xp.where(inside, zero, dh), xp.where(inside, dh, zero)
        dn = dh * (1 - z) * (1 - n * n)
        dr, dz = dn * m * r * (1 - r), dh * (h0 - n) * z * (1 - z)
        dx[t] = xp.concat([dr, dz, dn], axis=-1)
        inner = xp.concat([dr, dz, dn * r], axis=-1)
        rows, columns = (xp.reshape(a, (-1, a.shape[-1])) if a.ndim > 1 else a[None, :] for a in (h0, inner))
        dkernel = dkernel + xp.matmul(xp.matrix_transpose(rows), columns)
        dbias = dbias + xp.sum(columns[:, 2 * size :], axis=0)
        dh = dh * z + xp.matmul(inner, xp.matrix_transpose(kernel))
        dh = dh if kept is None else dh + kept
    return xp.stack(dx), dkernel, dbias, dh


def _cases(*more: tuple[int, ...]) -> tuple[Any, ...]:
    one = ((2, 2, 3), (1, 3), (1,), (2, 1))
    return (
        case(*one, *more, reverse=False),
        case(*one, Arg((2, 2), "bool"), *more, reverse=True),
        case((0, 2, 3), (1, 3), (1,), (2, 1), *[(0, *shape[1:]) for shape in more], reverse=False),
    )


_sequence = sequence_operation(
    "gru_sequence",
    _forward,
    _backward,
    results=1,
    arguments=4,
    cases=_cases(),
    slope_cases=_cases(*((2, 2, 1),) * 2)[1:],
)


def gru_sequence(projected: Any, kernel: Any, bias: Any, h: Any, *, seen: Any = None, reverse: bool = False) -> Any:
    """Return the carry h after each step, for the candidate that is reset after the product.

    Parameters
    ----------
    projected : array, shape (time, ..., 3 size)
        What the input adds to the gates r, z and to the candidate n.
    kernel : array, shape (size, 3 size)
        What the last h is multiplied with.
    bias : array, shape (size,)
        Added to the product for the candidate.
    h : array, shape (..., size)
        The first carry.
    seen : array of bool, shape (time, ...), optional
        Where it is false the carry stays as it was.
    reverse : bool, default False
        Whether to begin with the last step.

    Returns
    -------
    array, shape (time, ..., size)
    """
    return _sequence(reverse, projected, kernel, bias, h, *(() if seen is None else (seen,)))[0]
