"""Steps with loops, branches, and transformations inside of the program."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet import control, transforms
from funcnet.testing.families.operation import GAP, MATRIX, Operation

__all__ = ["CONTROL"]


def _rows(rng: np.random.Generator, x: np.ndarray, *_: np.ndarray) -> tuple[Any, ...] | None:
    return (bool(rng.random() < 0.5),) if x.ndim else None  # evenly


def _scanned(xp: Any, xs: Any, w: Any, reverse: bool) -> Any:
    def step(c: Any, x: Any) -> Any:
        c = xp.tanh(c * 0.5 + x * xp.mean(w))
        return c, c * x

    last, ys = control.scan(step, xs[0] * 0.3, xs, reverse=reverse)
    return ys + last


def _two_carries(xp: Any, xs: Any, w: Any, reverse: bool) -> Any:
    def step(c: Any, x: Any) -> Any:
        a, b = c
        return (b + xp.sin(x), a * 0.5), {"y": a + b, "x": x}

    (a, b), ys = control.scan(step, (xs[0], xs[-1] * xp.mean(w)), xs, reverse=reverse)
    return xp.sum(ys["y"] * ys["x"], axis=0) + a * b


def _recurrent(xp: Any, xs: Any, w: Any, reverse: bool) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = xp.tanh(x + xp.matmul(h, w))
        return h, xp.sum(h)

    h, sums = control.scan(step, xs[0] * 0.0, xs, reverse=reverse)
    return h * xp.sum(sums)


def _square(rng: np.random.Generator, xs: np.ndarray, w: np.ndarray) -> tuple[Any, ...] | None:
    fits = w.ndim == MATRIX and w.shape[0] == w.shape[1] and xs.ndim >= MATRIX and xs.shape[-1] == w.shape[0]
    return (bool(rng.random() < 0.5),) if fits else None  # evenly


def _repeated(xp: Any, x: Any, count: int) -> Any:
    return control.fori_loop(0, count, lambda i, c: xp.sin(c) * (1.0 + 0.1 * xp.astype(xp.asarray(i), x.dtype)), x)


def _chosen(xp: Any, x: Any, y: Any) -> Any:
    return control.cond(
        xp.sum(x) > 0.0, lambda a, b: xp.exp(-a * a) + xp.mean(b), lambda a, b: a * xp.sum(b) - 1.0, x, y
    )


def _decided(x: Any, *_: Any) -> bool:
    return bool(np.abs(np.sum(x)) > GAP)


def _switched(xp: Any, x: Any, index: int) -> Any:
    index = xp.astype(xp.sum(xp.zeros_like(x)), xp.int64) + index
    return control.switch(index, [lambda v: v * 2.0, lambda v: xp.sin(v), lambda v: v * v], x)


def _doubled(xp: Any, x: Any) -> Any:
    """Double a number until it is large: how often depends on values, and has no derivative."""
    start = transforms.stop_gradient(xp.sum(x * x)) + 0.5
    found = control.while_loop(lambda c: c < 20.0, lambda c: c * 2.0, start)
    return x * xp.log(found)


def _not_near_a_double(x: Any, *_: Any) -> bool:
    return bool(np.abs(np.log2(20.0 / (np.sum(np.asarray(x) ** 2) + 0.5)) % 1.0 - 0.5) < 0.5 - GAP)


@transforms.custom_vjp
def _scaled(x: Any) -> Any:
    return x * x


_scaled.defvjp(lambda x: (x * x, x), lambda x, g: (g * x * 3.0,))


def _inner_gradient(xp: Any, x: Any) -> Any:
    return transforms.grad(lambda v: xp.sum(xp.sin(v) * v))(x)


def _accumulated(xp: Any, x: Any, reverse: bool) -> Any:
    del xp
    return control.associative_scan(lambda a, b: a * 0.9 + b, x, reverse=reverse)


CONTROL: dict[str, Operation] = {
    "scan": Operation(2, _scanned, _rows),
    "scan_of_two": Operation(2, _two_carries, _rows),
    "scan_of_products": Operation(2, _recurrent, _square),
    "fori_loop": Operation(1, _repeated, lambda rng, x: (int(rng.integers(1, 4)),)),  # noqa: ARG005
    "cond": Operation(2, _chosen, smooth=_decided),
    "switch": Operation(1, _switched, lambda rng, x: (int(rng.integers(3)),)),  # noqa: ARG005
    "while_loop": Operation(1, _doubled, smooth=_not_near_a_double),
    "map": Operation(
        1,
        lambda xp, x: control.map(lambda v: xp.sum(xp.sin(v)), x),
        lambda rng, x: () if x.ndim else None,  # noqa: ARG005
    ),
    "vmap": Operation(
        2,
        lambda xp, x, y: transforms.vmap(lambda v, w: v * xp.sum(w), in_axes=(0, None))(x, y),
        lambda rng, x, y: () if x.ndim else None,  # noqa: ARG005
    ),
    "associative_scan": Operation(1, _accumulated, _rows),
    "checkpoint": Operation(1, lambda xp, x: transforms.checkpoint(lambda v: xp.exp(-xp.sin(v) * v))(x)),
    "custom_vjp": Operation(1, lambda xp, x: _scaled(x)),  # noqa: ARG005
    "jit": Operation(2, lambda xp, x, y: transforms.jit(lambda v, w: v * xp.mean(w) + xp.sin(v))(x, y)),
    "grad": Operation(1, _inner_gradient),
}
