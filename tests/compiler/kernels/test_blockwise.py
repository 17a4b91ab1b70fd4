"""Attention in blocks by the kernels that take a head at a time."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

attend = fn.nn.functional.scaled_dot_product_attention
FORWARD, BACKWARD = "attention, head by head", "attention's slopes, head by head"
pytestmark = pytest.mark.skipif(
    bool(build.available()) and "FUNCNET_JIT" not in build.available(), reason="Numba is not installed"
)


def arrays(queries: int, keys: int, heads: int, shared: int, dtype: str = "float64") -> list[np.ndarray]:
    rng = np.random.default_rng(queries)
    shapes = ((2, queries, heads, 5), (2, keys, shared, 5), (2, keys, shared, 3))
    return [rng.normal(size=s).astype(dtype) for s in shapes]


def plain(given: list[np.ndarray], causal: bool) -> np.ndarray:
    """Return the same by the whole matrix of scores."""
    q, k, v = (np.moveaxis(a, 2, 1) for a in given)
    k, v = (np.repeat(a, q.shape[1] // a.shape[1], axis=1) for a in (k, v))
    s = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    s = np.where(np.tri(*s.shape[-2:], dtype=bool), s, -np.inf) if causal else s
    p = np.exp(s - s.max(-1, keepdims=True))
    return np.moveaxis(p / p.sum(-1, keepdims=True) @ v, 1, 2)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("queries", "keys", "heads", "shared"), [(40, 40, 2, 2), (33, 70, 4, 2), (70, 33, 2, 1)])
def test_values_and_derivatives(queries: int, keys: int, heads: int, shared: int, causal: bool) -> None:
    given = arrays(queries, keys, heads, shared)

    def loss(p: Any) -> Any:
        y = attend(*p, causal=causal, chunk=16)
        return xp.sum(xp.sin(y)), y

    graph = optimised(fn.trace(fn.value_and_grad(loss, has_aux=True), given))
    plan = FusedPlan(graph)
    assert {FORWARD, BACKWARD} <= set(plan.calls)
    assert "attention" not in plan.calls
    for _ in range(2):
        found = plan(*given)
        np.testing.assert_allclose(found[1], plain(given, causal), rtol=1e-12, atol=1e-13)
        for a, b in zip(interpret(graph, given), found, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-12)


def test_single_precision() -> None:
    given = arrays(64, 64, 2, 2, "float32")
    (found,) = FusedPlan(optimised(fn.trace(lambda p: attend(*p, causal=True, chunk=16), given)))(*given)
    np.testing.assert_allclose(found, plain(given, True), rtol=1e-5, atol=1e-6)


def test_second_derivatives_stay_with_blocks() -> None:
    given = arrays(20, 20, 1, 1)

    def slope(p: Any) -> Any:
        return xp.sum(fn.grad(lambda p: xp.sum(attend(*p, chunk=8) ** 3))(p)[0] ** 2)

    graph = optimised(fn.trace(fn.grad(slope), given))
    for a, b in zip(interpret(graph, given), FusedPlan(graph)(*given), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("how", ["mask", "bias", "window", "short", "half"])
def test_what_stays(how: str) -> None:
    given: list[Any] = arrays(4 if how == "short" else 32, 32, 1, 1)
    options: dict[str, Any] = {
        "mask": {"mask": np.random.default_rng(0).random((32, 32)) > 0.9},
        "bias": {"bias": np.zeros((32, 32))},
        "window": {"window": 3},
        "short": {},
        "half": {},
    }[how]
    if how == "half":
        given = [a.astype("float16") for a in given]
    plan = FusedPlan(optimised(fn.trace(lambda p: attend(*p, chunk=8, **options), given)))
    assert FORWARD not in plan.calls
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(plan(*given)[0], attend(*given, chunk=8, **options), rtol=1e-3, atol=1e-9)
