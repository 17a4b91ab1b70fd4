"""Steps that draw random numbers from a key."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet import nn, random
from funcnet.nn import functional
from funcnet.testing.families.operation import Operation

__all__ = ["DRAWING"]


def _seed(rng: np.random.Generator, *_: np.ndarray) -> tuple[Any, ...]:
    return (int(rng.integers(1 << 16)),)


def _seed_and_rows(rng: np.random.Generator, x: np.ndarray) -> tuple[Any, ...] | None:
    return _seed(rng) if x.ndim else None


def _noise(xp: Any, x: Any, seed: int) -> Any:
    """Draw with a key that depends on an array, so that drawing happens when the graph runs."""
    key = random.fold_in(random.key(seed), xp.sum(xp.astype(x * 0.0, xp.int32)))
    return x + 0.1 * random.normal(key, x.shape, dtype=x.dtype)


def _uniform(xp: Any, x: Any, seed: int) -> Any:
    one, two = random.split(random.key(seed))
    del xp
    return x * random.uniform(one, x.shape, dtype=x.dtype) + random.exponential(two, x.shape, dtype=x.dtype)


def _masked(xp: Any, x: Any, seed: int) -> Any:
    return xp.where(random.bernoulli(random.key(seed), 0.6, x.shape), x * 1.5, xp.zeros_like(x))


def _dropped(xp: Any, x: Any, seed: int) -> Any:
    del xp
    return nn.dropout(0.4).apply({}, {}, x, key=random.key(seed), train=True)[0]


def _reparametrised(xp: Any, m: Any, s: Any, seed: int) -> Any:
    return m + xp.exp(-s * s) * random.normal(random.key(seed), m.shape, dtype=m.dtype)


def _same(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[Any, ...] | None:
    return _seed(rng) if a.shape == b.shape else None


DRAWING: dict[str, Operation] = {
    "normal": Operation(1, _noise, _seed),
    "uniform": Operation(1, _uniform, _seed),
    "bernoulli": Operation(1, _masked, _seed),
    "dropout": Operation(1, _dropped, _seed),
    "reparametrised": Operation(2, _reparametrised, _same),
    "gumbel_softmax": Operation(
        1,
        lambda xp, x, seed: functional.gumbel_softmax(x, key=random.key(seed)),  # noqa: ARG005  # one signature
        _seed_and_rows,
    ),
    "permutation": Operation(1, lambda xp, x, seed: random.permutation(random.key(seed), x), _seed_and_rows),  # noqa: ARG005
    "choice": Operation(
        1,
        lambda xp, x, seed: x[random.randint(random.key(seed), (3,), 0, x.shape[0])],  # noqa: ARG005
        _seed_and_rows,
    ),
    "truncated": Operation(
        1,
        lambda xp, x, seed: x * random.truncated_normal(random.key(seed), -1.0, 1.5, x.shape, dtype=x.dtype),  # noqa: ARG005
        _seed,
    ),
}
