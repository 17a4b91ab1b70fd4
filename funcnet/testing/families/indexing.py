"""Selection and updates: integers, slices, masks and arrays of integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet.testing.families.operation import GAP, Operation

__all__ = ["INDEXING"]


def _mask(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    mask = rng.random(shape) < 0.6  # more than half
    mask.reshape(-1)[int(rng.integers(mask.size))] = True
    return mask


def _slice(rng: np.random.Generator, n: int) -> slice:
    options = [slice(None), slice(None, None, -1), slice(0, None, 2), slice(-1, None), slice(0, max(1, n - 1))]
    return options[int(rng.integers(len(options)))]


def _basic(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    """Draw integers, slices, new dimensions and an ellipsis."""
    if not x.ndim:
        return None
    parts: list[Any] = [
        int(rng.integers(-n, n)) if rng.random() < 0.3 else _slice(rng, n)  # mostly slices
        for n in x.shape[: int(rng.integers(1, x.ndim + 1))]
    ]
    if rng.random() < 0.3:  # at times
        parts.insert(int(rng.integers(len(parts) + 1)), None)
    if rng.random() < 0.3:  # at times
        parts.append(Ellipsis)
    return (tuple(parts),)


def _advanced(rng: np.random.Generator, x: np.ndarray, *, distinct: bool = False) -> tuple[Any, ...] | None:
    """Draw arrays of integers, or a mask, with slices beside them."""
    if not x.ndim:
        return None
    if rng.random() < 0.3:  # at times
        return (_mask(rng, x.shape[: int(rng.integers(1, x.ndim + 1))]),)
    first = int(rng.integers(x.ndim))
    both = first + 1 < x.ndim and rng.random() < 0.5  # evenly
    count = int(rng.integers(1, 5))
    if distinct:
        count = min(count, x.shape[first])
        one = rng.permutation(x.shape[first])[:count]
    else:
        one = rng.integers(-x.shape[first], x.shape[first], count)
    parts: list[Any] = [_slice(rng, n) for n in x.shape[:first]]
    parts.append(one)
    if both:
        parts.append(rng.integers(0, x.shape[first + 1], count))
    return (tuple(parts),)


def _distinct(rng: np.random.Generator, x: np.ndarray, *_: np.ndarray) -> tuple[Any, ...] | None:
    """Draw an index that names no position twice."""
    return _basic(rng, x) if rng.random() < 0.4 else _advanced(rng, x, distinct=True)  # evenly


def _any(rng: np.random.Generator, x: np.ndarray, *_: np.ndarray) -> tuple[Any, ...] | None:
    return _basic(rng, x) if rng.random() < 0.3 else _advanced(rng, x)  # mostly arrays


def _filled(xp: Any, x: Any, key: Any, v: Any) -> Any:
    """Return as many different multiples of the mean of ``v`` as the index takes."""
    shape = np.empty(x.shape)[key].shape
    size = int(np.prod(shape))
    return xp.asarray(np.linspace(0.5, 1.5, size).reshape(shape)) * xp.mean(v)


def _updated(how: str, whole: bool) -> Any:
    def run(xp: Any, x: Any, v: Any, key: Any) -> Any:
        value = xp.sin(xp.sum(v)) if whole else _filled(xp, x, key, v)
        return getattr(xp.at(x, key), how)(value)

    return run


def _untied(x: Any, v: Any, key: Any) -> bool:
    return bool(np.all(np.abs(x[key] - _filled(np, x, key, v)) > GAP))


def _some(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    axis = int(rng.integers(x.ndim)) if x.ndim else 0
    if not x.ndim:
        return None
    shape = tuple(2 if k == axis else n for k, n in enumerate(x.shape))
    return rng.integers(0, x.shape[axis], shape), axis


def _vector(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    return (int(rng.integers(x.ndim)),) if x.ndim else None


INDEXING: dict[str, Operation] = {
    "slices": Operation(1, lambda xp, x, key: x[key], _basic),  # noqa: ARG005  # one signature
    "arrays": Operation(1, lambda xp, x, key: x[key], _any),  # noqa: ARG005  # one signature
    "get": Operation(1, lambda xp, x, key: xp.at(x, key).get(), _distinct),
    "set": Operation(2, _updated("set", False), _distinct),
    "set_one": Operation(2, _updated("set", True), _any),
    "add_at": Operation(2, _updated("add", False), _any),
    "add_one": Operation(2, _updated("add", True), _any),
    "multiply_at": Operation(2, _updated("multiply", False), _distinct),
    "min_at": Operation(2, _updated("min", False), _distinct, _untied),
    "max_at": Operation(2, _updated("max", False), _distinct, _untied),
    "assign": Operation(2, lambda xp, x, v, key: xp.assigned(x, key, _filled(xp, x, key, v)), _distinct),
    "take_along_axis": Operation(
        1, lambda xp, x, where, axis: xp.take_along_axis(x, xp.asarray(where), axis=axis), _some
    ),
    "repeat": Operation(1, lambda xp, x, axis: xp.repeat(x, 2, axis=axis), _vector),
    "tile": Operation(1, lambda xp, x: xp.tile(x, (2,) * x.ndim), lambda rng, x: () if 0 < x.ndim < 3 else None),  # noqa: ARG005
    "unstack": Operation(1, lambda xp, x, axis: xp.unstack(x, axis=axis)[-1], _vector),
    "masked": Operation(
        2,
        lambda xp, a, b, mask: xp.where(xp.asarray(mask), a, b),
        lambda rng, a, b: (_mask(rng, a.shape),) if a.shape == b.shape and a.ndim else None,
    ),
}
