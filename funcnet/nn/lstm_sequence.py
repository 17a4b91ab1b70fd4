r"""A long short-term memory along a whole sequence as one operation, with an operation for its derivative.

Both are written once, in functions of the standard: on plain arrays that is the reference implementation, on traced
ones it is what further derivatives are made from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet import xp
from funcnet.core import Arg, Spec, Tracer, bind, case, constant, general, owner
from funcnet.transforms import custom_vjp, jvp, vjp
from funcnet.transforms.batch import composed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["lstm_sequence"]


def _order(steps: int, reverse: bool) -> range:
    return range(steps - 1, -1, -1) if reverse else range(steps)


def _sigmoid(xp: Any, x: Any) -> Any:
    return 0.5 * xp.tanh(0.5 * x) + 0.5


def _gates(xp: Any, s: Any, size: int) -> tuple[Any, Any, Any, Any]:
    i, f, o = (_sigmoid(xp, s[..., k * size : (k + 1) * size]) for k in (0, 1, 3))
    return i, f, xp.tanh(s[..., 2 * size : 3 * size]), o


def _forward(xp: Any, projected: Any, kernel: Any, h: Any, c: Any, *seen: Any, reverse: bool) -> tuple[Any, Any]:
    steps, size = projected.shape[0], kernel.shape[0]
    if not steps:
        shape = (0, *h.shape)
        return xp.reshape(h[None, ...][:0, ...], shape), xp.reshape(c[None, ...][:0, ...], shape)
    hs: list[Any] = [None] * steps
    cs: list[Any] = [None] * steps
    for t in _order(steps, reverse):
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
    for t in _order(steps, not reverse):
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


def _traced(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return an implementation as a function of traced arrays."""

    def composition(*args: Any, **params: Any) -> Any:
        # All traced: not every library lets another class of array answer for its operators.
        return f(xp, *[a if a.__class__ is Tracer else constant(a) for a in args], **params)

    return composition


_forward_of_traced, _backward_of_traced = _traced(_forward), _traced(_backward)


def _is_mask(x: Any) -> bool:
    return xp.isdtype(x.dtype, "bool")


def _rule(composition: Callable[..., Any]) -> Callable[..., Any]:
    def maker(index: int, y: Any, *args: Any, **params: Any) -> Any:  # noqa: ARG001  # one signature for all makers
        if _is_mask(args[index]):
            return None

        def pull(gs: Any) -> Any:
            _, back = vjp(lambda a: composition(*args[:index], a, *args[index + 1 :], **params), args[index])
            return back(tuple(gs))[0]

        return pull

    return maker


def _tangents(composition: Callable[..., Any]) -> Callable[..., Any]:
    def rule(ts: Any, y: Any, *args: Any, **params: Any) -> Any:  # noqa: ARG001
        live = [i for i, t in enumerate(ts) if t is not None]

        def of_live(*values: Any) -> Any:
            full = list(args)
            for i, v in zip(live, values, strict=True):
                full[i] = v
            return composition(*full, **params)

        return jvp(of_live, [args[i] for i in live], [ts[i] for i in live])[1]

    return rule


def _sequence_shape(projected: Any, kernel: Any, *rest: Any, reverse: bool) -> tuple[Spec, Spec]:  # noqa: ARG001
    spec = Spec((*projected.shape[:-1], kernel.shape[0]), projected.dtype, owner(projected))
    return spec, spec


def _slopes_shape(*args: Any, reverse: bool) -> tuple[Spec, ...]:  # noqa: ARG001
    return tuple([Spec(x.shape, x.dtype, owner(args[0])) for x in args[:4]])


def _cases(*more: tuple[int, ...]) -> tuple[Any, ...]:
    one = ((2, 2, 4), (1, 4), (2, 1), (2, 1))
    return (
        case(*one, *more, reverse=False),
        case(*one, Arg((2, 2), "bool"), *more, reverse=True),
        case((0, 2, 4), (1, 4), (2, 1), (2, 1), *[(0, *shape[1:]) for shape in more], reverse=False),
    )


sequence_p = general(
    "lstm_sequence",
    _forward,
    vjp=_rule(_forward_of_traced),
    jvp=_tangents(_forward_of_traced),
    shape=_sequence_shape,
    batch=composed(_forward_of_traced),
    multiple=True,
    dtypes="real floating",
    cases=_cases(),
)

slopes_p = general(
    "lstm_sequence_slopes",
    _backward,
    vjp=_rule(_backward_of_traced),
    jvp=_tangents(_backward_of_traced),
    shape=_slopes_shape,
    batch=composed(_backward_of_traced),
    multiple=True,
    dtypes="real floating",
    cases=_cases(*((2, 2, 1),) * 4),
)


# Calls with rules of their own, so that one pass backward serves all arguments.


def _sequence_kept(reverse: bool, *args: Any) -> Any:
    hs, cs = _sequence(reverse, *args)
    return (hs, cs), (args, hs, cs)


def _sequence_backward(reverse: bool, kept: Any, gs: Any) -> Any:
    args, hs, cs = kept
    found = _slopes(reverse, *args, hs, cs, *gs)
    return (*found, *(None,) * (len(args) - 4))


def _slopes_kept(reverse: bool, *args: Any) -> Any:
    return _slopes(reverse, *args), args


def _slopes_backward(reverse: bool, args: Any, cts: Any) -> Any:
    live = [i for i, a in enumerate(args) if not _is_mask(a)]

    def of_live(*values: Any) -> Any:
        full = list(args)
        for i, v in zip(live, values, strict=True):
            full[i] = v
        return _backward_of_traced(*full, reverse=reverse)

    found = iter(vjp(of_live, *[args[i] for i in live])[1](tuple(cts)))
    return tuple([next(found) if i in live else None for i in range(len(args))])


_sequence = custom_vjp(lambda reverse, *args: bind(sequence_p, *args, reverse=reverse), nondiff_argnums=0)
_sequence.defvjp(_sequence_kept, _sequence_backward)
_slopes = custom_vjp(lambda reverse, *args: bind(slopes_p, *args, reverse=reverse), nondiff_argnums=0)
_slopes.defvjp(_slopes_kept, _slopes_backward)


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
