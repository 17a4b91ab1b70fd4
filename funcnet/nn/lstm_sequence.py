"""A long short-term memory along a whole sequence as one operation."""

from __future__ import annotations

from typing import Any

from funcnet.core import Arg, case
from funcnet.nn.sequences import logistic, order, sequence_operation

__all__ = ["lstm_sequence"]


def _gates(xp: Any, s: Any, size: int) -> tuple[Any, Any, Any, Any]:
    i, f, o = (logistic(xp, s[..., k * size : (k + 1) * size]) for k in (0, 1, 3))
    return i, f, xp.tanh(s[..., 2 * size : 3 * size]), o


def _forward(xp: Any, projected: Any, kernel: Any, h: Any, c: Any, *seen: Any, reverse: bool) -> tuple[Any, Any]:
    steps, size = projected.shape[0], kernel.shape[0]
    if not steps:
        shape = (0, *h.shape)
        return xp.reshape(h[None, ...][:0, ...], shape), xp.reshape(c[None, ...][:0, ...], shape)
    hs: list[Any] = [None] * steps
    cs: list[Any] = [None] * steps
    for t in order(steps, reverse=reverse):
        i, f, g, o = _gates(xp, xp.matmul(h, kernel) + projected[t, ...], size)
        new_c = f * c + i * g
        new_h = o * xp.tanh(new_c)
        if seen:
            inside = seen[0][t, ..., None]
            new_h, new_c = xp.where(inside, new_h, h), xp.where(inside, new_c, c)
        hs[t], cs[t] = h, c = new_h, new_c
    return xp.stack(hs), xp.stack(cs)


def _backward(xp: Any, projected: Any, kernel: Any, h: Any, c: Any, *rest: Any, reverse: bool) -> tuple[Any, ...]:
    *seen, hs, cs, ghs, gcs = rest
    steps, size = projected.shape[0], kernel.shape[0]
    if not steps:
        return projected * 0, kernel * 0, h * 0, c * 0
    dx: list[Any] = [None] * steps
    dh, dc, dkernel = h * 0, c * 0, kernel * 0
    for t in order(steps, reverse=not reverse):
        past = t + 1 if reverse else t - 1
        h0, c0 = (hs[past, ...], cs[past, ...]) if 0 <= past < steps else (h, c)
        i, f, g, o = _gates(xp, xp.matmul(h0, kernel) + projected[t, ...], size)
        bent = xp.tanh(f * c0 + i * g)
        dh, dc = dh + ghs[t, ...], dc + gcs[t, ...]
        if seen:
            inside = seen[0][t, ..., None]
            zero = xp.zeros_like(dh)
            past_h, past_c = xp.where(inside, zero, dh), xp.where(inside, zero, dc)
            dh, dc = xp.where(inside, dh, zero), xp.where(inside, dc, zero)
        dc = dc + dh * o * (1 - bent * bent)
        parts = [dc * g * i * (1 - i), dc * c0 * f * (1 - f), dc * i * (1 - g * g), dh * bent * o * (1 - o)]
        dx[t] = d = xp.concat(parts, axis=-1)
        rows, columns = (xp.reshape(a, (-1, a.shape[-1])) if a.ndim > 1 else a[None, :] for a in (h0, d))
        dkernel = dkernel + xp.matmul(xp.matrix_transpose(rows), columns)
        dh, dc = xp.matmul(d, xp.matrix_transpose(kernel)), dc * f
        if seen:
            dh, dc = dh + past_h, dc + past_c
    return xp.stack(dx), dkernel, dh, dc


def _cases(*more: tuple[int, ...]) -> tuple[Any, ...]:
    one = ((2, 2, 4), (1, 4), (2, 1), (2, 1))
    return (
        case(*one, *more, reverse=False),
        case(*one, Arg((2, 2), "bool"), *more, reverse=True),
        case((0, 2, 4), (1, 4), (2, 1), (2, 1), *[(0, *shape[1:]) for shape in more], reverse=False),
    )


_sequence = sequence_operation(
    "lstm_sequence",
    _forward,
    _backward,
    results=2,
    arguments=4,
    cases=_cases(),
    slope_cases=_cases(*((2, 2, 1),) * 4)[1:],
)


def lstm_sequence(projected: Any, kernel: Any, h: Any, c: Any, *, seen: Any = None, reverse: bool = False) -> Any:
    """Return the carries h and c after each step.

    Parameters
    ----------
    projected : array, shape (time, ..., 4 size)
        What the input adds to the gates i, f, g, o.
    kernel : array, shape (size, 4 size)
        What the last h is multiplied with.
    h, c : array, shape (..., size)
        The first carry.
    seen : array of bool, shape (time, ...), optional
        Where it is false the carry stays as it was.
    reverse : bool, default False
        Whether to begin with the last step.

    Returns
    -------
    hs, cs : array, shape (time, ..., size)
    """
    return _sequence(reverse, projected, kernel, h, c, *(() if seen is None else (seen,)))
