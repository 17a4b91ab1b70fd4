"""Pooling before rectifiers keeps values and gradients, and stays away where something else depends on them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.graph import Graph
from funcnet.compiler.kernels.rewrites import rectify_pooled
from funcnet.compiler.passes import optimised

F = nn.functional
RNG = np.random.default_rng(0)
X = RNG.integers(-3, 3, (2, 6, 7, 4)).astype("float64")
SCALE = RNG.standard_normal(4)


def compared(f: Callable[..., Any], *arrays: Any) -> tuple[Graph, bool]:
    graph = optimised(fn.trace(f, *arrays))
    changed = optimised(rectify_pooled(graph))
    changed.verify()
    for a, b in zip(interpret(graph, arrays), interpret(changed, arrays), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-13, atol=1e-13)
    relu = next(e for e in changed.equations if e.primitive.name == "relu")
    return changed, relu.outputs[0].shape != X.shape


@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"dilation": 2}, {"stride": 3}])
def test_gradients(options: Any) -> None:
    def loss(x: Any, bias: Any) -> Any:
        y = F.max_pool(F.relu(x * 1.5 + bias), 2, **options)
        return xp.sum(y * y * SCALE)

    graph, pooled = compared(fn.value_and_grad(loss, argnums=(0, 1)), X, SCALE)
    assert pooled
    assert all(e.outputs[0].shape != X.shape for e in graph.equations if e.primitive.name in ("greater", "masked"))


def test_forward() -> None:
    _, pooled = compared(lambda x: F.max_pool(F.relu(x), 2), X)
    assert pooled


def test_nan_and_infinities() -> None:
    x = RNG.choice([np.nan, np.inf, -np.inf, 1.0, -1.0], size=X.shape)
    _, pooled = compared(lambda x: F.max_pool(F.relu(x), 2), x)
    assert pooled
    _, pooled = compared(fn.grad(lambda x: xp.sum(F.max_pool(F.relu(x), 2) * SCALE)), x)
    assert pooled


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (F.relu(x), F.max_pool(F.relu(x), 2)),
        lambda x: xp.sum(F.max_pool(F.relu(x), 2)) + xp.sum(F.relu(x)),
        lambda x: F.max_pool(F.relu(x), 2, padding=1),
        lambda x: F.max_pool(F.relu(x), 2, return_indices=True),
        fn.grad(lambda x: xp.sum(F.max_pool(F.relu(x), 2) ** 2) + xp.sum(F.relu(x) ** 3)),
    ],
)
def test_others_are_left_alone(f: Callable[..., Any]) -> None:
    _, pooled = compared(f, X)
    assert not pooled
