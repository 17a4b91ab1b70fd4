"""Steps of the plain families: elementwise functions, reductions, products, indexing, joining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.testing.families.operation import GAP, Operation, an_axis, broadcasts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PLAIN", "SIDES"]

#: The sizes of axes.
SIDES = (1, 2, 3)


def _axis_or_all(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...]:
    axis = None if not x.ndim or rng.random() < 0.3 else int(rng.integers(x.ndim))
    return axis, bool(rng.random() < 0.5)


def _product(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    del rng
    try:
        np.matmul(a, b)
    except ValueError:
        return None
    return ()


def _joined(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    fitting = [
        k
        for k in range(a.ndim)
        if a.ndim == b.ndim and a.shape[:k] + a.shape[k + 1 :] == b.shape[:k] + b.shape[k + 1 :]
    ]
    return (int(rng.choice(fitting)),) if fitting else None


def _stacked(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    return (int(rng.integers(a.ndim + 1)),) if a.shape == b.shape else None


def _index(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    if not x.ndim:
        return None
    parts: list[Any] = []
    for n in x.shape:
        choice = rng.integers(4)
        if choice == 0:
            parts.append(int(rng.integers(-n, n)))
        elif choice == 1 and n > 1:
            parts.append(slice(int(rng.integers(0, n - 1)), None, None))
        elif choice == 2:
            parts.append(slice(None, None, 2))
        else:
            parts.append(slice(None))
    return (tuple(parts),)


def _positions(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    if not x.ndim:
        return None
    axis = int(rng.integers(x.ndim))
    # Repeated positions: their cotangents add up.
    return tuple(int(i) for i in rng.integers(0, x.shape[axis], int(rng.integers(1, 5)))), axis


def _reshaped(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...]:
    options = [(x.size,), (1, x.size), (x.size, 1), x.shape[::-1]]
    return (options[int(rng.integers(len(options)))],)


def _widened(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...]:
    return ((int(rng.choice(SIDES)), *x.shape),)


def _permutation(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...]:
    return (tuple(int(i) for i in rng.permutation(x.ndim)),)


def _differ_or_tie(a: Any, b: Any, *_: Any) -> bool:
    gap = np.abs(np.subtract(a, b))
    return bool(np.all((gap > GAP) | (gap == 0.0)))


def _differ_strictly(a: Any, b: Any, *_: Any) -> bool:
    return bool(np.all(np.abs(np.subtract(a, b)) > GAP))


def _spread(x: np.ndarray, *params: Any) -> bool:
    values = np.unique(x)
    del params
    return values.size < 2 or bool(np.min(np.diff(values)) > GAP)


def _take(xp: Any, x: Any, positions: tuple[int, ...], axis: int) -> Any:
    return xp.take(x, xp.asarray(list(positions)), axis=axis)


#: The steps, real numbers only.
PLAIN: Mapping[str, Operation] = {
    "sin": Operation(1, lambda xp, x: xp.sin(x)),
    "cos": Operation(1, lambda xp, x: xp.cos(x)),
    "tanh": Operation(1, lambda xp, x: xp.tanh(x)),
    "atan": Operation(1, lambda xp, x: xp.atan(x)),
    "square": Operation(1, lambda xp, x: xp.square(x)),
    "exp": Operation(1, lambda xp, x: xp.exp(-0.3 * x)),
    "expm1": Operation(1, lambda xp, x: xp.expm1(0.2 * x)),
    "log": Operation(1, lambda xp, x: xp.log(x * x + 0.7)),
    "log1p": Operation(1, lambda xp, x: xp.log1p(xp.square(x))),
    "sqrt": Operation(1, lambda xp, x: xp.sqrt(x * x + 0.5)),
    "asinh": Operation(1, lambda xp, x: xp.asinh(x)),
    "reciprocal": Operation(1, lambda xp, x: 1.0 / (1.5 + x * x)),  # noqa: ARG005  # one signature
    "power": Operation(1, lambda xp, x: (x * x + 0.3) ** 0.75),  # noqa: ARG005  # one signature
    "negative": Operation(1, lambda xp, x: -x),  # noqa: ARG005  # one signature
    "abs": Operation(1, lambda xp, x: xp.abs(x), smooth=lambda x: _differ_strictly(x, 0.0)),
    "relu": Operation(1, lambda xp, x: xp.where(x > 0.1, x, 0.0 * x), smooth=lambda x: _differ_strictly(x, 0.1)),
    "clip": Operation(
        1,
        lambda xp, x: xp.clip(x, -0.9, 1.1),
        smooth=lambda x: _differ_strictly(x, -0.9) and _differ_strictly(x, 1.1),
    ),
    "add": Operation(2, lambda xp, a, b: a + b, broadcasts),  # noqa: ARG005  # one signature
    "subtract": Operation(2, lambda xp, a, b: a - b, broadcasts),  # noqa: ARG005  # one signature
    "multiply": Operation(2, lambda xp, a, b: a * b, broadcasts),  # noqa: ARG005  # one signature
    "divide": Operation(2, lambda xp, a, b: a / (b * b + 0.6), broadcasts),  # noqa: ARG005  # one signature
    "atan2": Operation(2, lambda xp, a, b: xp.atan2(a, b * b + 0.4), broadcasts),
    "hypot": Operation(
        2,
        lambda xp, a, b: xp.hypot(a, b + 0.1 * a),
        broadcasts,
        lambda a, b: _differ_strictly(a, 0.0),  # noqa: ARG005  # one signature
    ),
    "logaddexp": Operation(2, lambda xp, a, b: xp.logaddexp(a, b), broadcasts),
    "maximum": Operation(2, lambda xp, a, b: xp.maximum(a, b), broadcasts, _differ_or_tie),
    "minimum": Operation(2, lambda xp, a, b: xp.minimum(a, b), broadcasts, _differ_or_tie),
    "where": Operation(2, lambda xp, a, b: xp.where(a > b, xp.sin(a), b * b), broadcasts, _differ_strictly),
    "matmul": Operation(2, lambda xp, a, b: xp.matmul(a, b), _product),
    "sum": Operation(1, lambda xp, x, axis, keep: xp.sum(x, axis=axis, keepdims=keep), _axis_or_all),
    "mean": Operation(1, lambda xp, x, axis, keep: xp.mean(x, axis=axis, keepdims=keep), _axis_or_all),
    "max": Operation(1, lambda xp, x, axis, keep: xp.max(x, axis=axis, keepdims=keep), _axis_or_all, _spread),
    "min": Operation(1, lambda xp, x, axis, keep: xp.min(x, axis=axis, keepdims=keep), _axis_or_all, _spread),
    "prod": Operation(1, lambda xp, x, axis, keep: xp.prod(x, axis=axis, keepdims=keep), _axis_or_all),
    "var": Operation(1, lambda xp, x, axis, keep: xp.var(x, axis=axis, keepdims=keep), _axis_or_all),
    "cumulative_sum": Operation(1, lambda xp, x, axis: xp.cumulative_sum(x, axis=axis), an_axis),
    "sort": Operation(1, lambda xp, x, axis: xp.sort(x, axis=axis), an_axis, _spread),
    "flip": Operation(1, lambda xp, x, axis: xp.flip(x, axis=axis), an_axis),
    "roll": Operation(1, lambda xp, x, axis: xp.roll(x, 1, axis=axis), an_axis),
    "concat": Operation(2, lambda xp, a, b, axis: xp.concat([a, b, a], axis=axis), _joined),
    "stack": Operation(2, lambda xp, a, b, axis: xp.stack([a, b], axis=axis), _stacked),
    "index": Operation(1, lambda xp, x, key: x[key], _index),  # noqa: ARG005  # one signature
    "take": Operation(1, _take, _positions),
    "reshape": Operation(1, lambda xp, x, shape: xp.reshape(x, shape), _reshaped),
    "permute_dims": Operation(1, lambda xp, x, axes: xp.permute_dims(x, axes), _permutation),
    "expand_dims": Operation(1, lambda xp, x: xp.expand_dims(x, axis=0)),
    "broadcast_to": Operation(1, lambda xp, x, shape: xp.broadcast_to(x, shape), _widened),
    "tensordot": Operation(
        2,
        lambda xp, a, b: xp.tensordot(a, b, axes=1),
        lambda rng, a, b: () if a.ndim and b.ndim and a.shape[-1] == b.shape[0] else None,  # noqa: ARG005
    ),
}
