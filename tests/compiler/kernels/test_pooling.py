"""Maxima of windows in one pass agree with PyTorch's and with the interpreter, and so does the pass back."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import pool_code
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

max_pool = nn.functional.max_pool


def forward_and_back(x: Any, **options: Any) -> Any:
    y, pull = fn.vjp(lambda x: max_pool(x, **options), x)
    return y, pull(y * y + 0.5)[0]


def planned(x: Any, compile: Any, **options: Any) -> tuple[FusedPlan, Any, Any]:
    graph = optimised(fn.trace(lambda x: forward_and_back(x, **options), x))
    plan = FusedPlan(graph, compile)
    plan(np.full_like(x, 3.0))
    return plan, plan(x), interpret(graph, [x])


CASES = (
    ((2, 6, 8, 4), {"window": 2}, True),
    ((3, 7, 9, 5), {"window": 2}, True),
    ((2, 7, 8, 4), {"window": 3, "stride": 2}, True),
    ((2, 7, 8, 4), {"window": (1, 3), "stride": (3, 1)}, True),
    ((2, 9, 9, 4), {"window": 3, "stride": 2, "dilation": 2}, True),
    ((3, 9, 6), {"window": 3}, True),
    ((2, 6, 6, 4), {"window": 3, "stride": 2, "padding": "SAME"}, True),
    ((2, 7, 5, 4), {"window": 3, "stride": 2, "padding": 1}, True),
    ((2, 5, 6, 4), {"window": 5, "stride": 1, "padding": 2}, True),
    ((1, 5, 7, 4), {"window": 2, "padding": ((1, 0), (0, 1))}, True),
    ((2, 5, 6, 4), {"window": 2, "stride": 3, "ceil_mode": True}, True),
    ((1, 3, 2, 4), {"window": 3, "stride": 1, "padding": 2, "dilation": 2}, True),
    ((2, 4, 4, 4, 4), {"window": 2}, True),
    ((2, 5, 4, 6, 5), {"window": (3, 2, 3), "stride": (2, 1, 2), "padding": 1}, True),
    ((3, 8, 6), {"window": 3, "stride": 2, "padding": "SAME"}, True),
    # A window of padding alone, and one with more elements than a loop has lines.
    ((2, 1, 4, 4), {"window": (2, 1), "stride": 1, "padding": ((1, 1), (0, 0)), "dilation": (2, 1)}, False),
    ((2, 10, 10, 4), {"window": 6}, False),
)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("shape", "options", "taken"), CASES)
def test_as_the_interpreter(
    monkeypatch: pytest.MonkeyPatch, shape: Any, options: Any, taken: bool, threads: int
) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.pooling._PARALLEL", 0)
    # Few different numbers, so that there are ties.
    x = np.random.default_rng(0).integers(-3, 3, shape).astype("float64")
    plan, found, wanted = planned(x, in_python, **options)
    assert ("max_pool, with places" in plan.calls) is taken
    assert ("max_pool_spread, in one pass" in plan.calls) is taken
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(b, a)


@pytest.mark.parametrize("options", [{"window": 2}, {"window": 3, "stride": 2, "padding": 1}])
def test_nan_and_infinities(options: Any) -> None:
    x = np.random.default_rng(1).choice([np.nan, np.inf, -np.inf, 1.0, 2.0], size=(4, 8, 8, 4))
    x[0] = -np.inf
    _, found, wanted = planned(x, in_python, **options)
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(b, a)


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options", [{"window": 2}, {"window": 3, "stride": 2}, {"window": 3, "stride": 2, "padding": 1}]
)
def test_compiled(dtype: str, options: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    x = np.random.default_rng(2).standard_normal((4, 15, 14, 32)).astype(dtype)
    plan, (y, back), _ = planned(x, build.compiled, **options)
    assert "max_pool, with places" in plan.calls
    t = torch.from_numpy(x).permute(0, 3, 1, 2).requires_grad_()
    z = torch.nn.functional.max_pool2d(t, options["window"], options.get("stride"), options.get("padding", 0))
    (g,) = torch.autograd.grad(z, t, (z * z + 0.5).detach())
    np.testing.assert_array_equal(y, z.detach().permute(0, 2, 3, 1).numpy())
    np.testing.assert_allclose(back, g.permute(0, 2, 3, 1).numpy(), rtol=1e-6)


def test_without_a_derivative() -> None:
    x = np.random.default_rng(3).standard_normal((2, 6, 6, 4))
    graph = optimised(fn.trace(lambda x: max_pool(x, window=2), x))
    plan = FusedPlan(graph, in_python)
    assert plan.calls == ["max_pool, in one pass"]
    np.testing.assert_array_equal(plan(x)[0], interpret(graph, [x])[0])


def test_few_channels_are_left_alone() -> None:
    x = np.random.default_rng(4).standard_normal((2, 6, 6, 2))
    plan = FusedPlan(optimised(fn.trace(lambda x: xp.sum(max_pool(x, window=2)), x)), in_python)
    assert plan.calls[0] == "max_pool"


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize("kind", ["max", "places", "spread", "add"])
@pytest.mark.parametrize(("typed", "channels"), [("f4", 1), ("f4", 8), ("f4", 45), ("f4", 333), ("f8", 7), ("f8", 96)])
def test_python_and_vectors_agree(
    kind: str, typed: str, channels: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    size, rng = int(typed[1]), np.random.default_rng(channels)
    # Elements of a window that are apart, in any order, and memory beyond that is to stay.
    taps = [size * (channels + 3) * i for i in (1, 0, 4, 2)]
    text = pool_code.spec(kind, size=size, channels=channels, taps=taps)
    source = f"""def loop(lo, hi, part, a, y, places):
    pooled({text!r}, address(a), address(y), address(places), 0, 0)
"""
    array = f"float{8 * size}[::1]"
    numbers = np.array([np.nan, -np.inf, np.inf, 0.0, -0.0, 1.0, 2.0], typed)
    given = [rng.choice(numbers, n).astype(typed) for n in (5 * (channels + 3), channels + 3)]
    given.append(rng.integers(0, 4, channels + 3).astype(np.uint8))
    results = []
    for compile in (build.compiled, in_python):
        results.append([x.copy() for x in given])
        compile(source, f"void(int64, int64, int64, {array}, {array}, uint8[::1])")(0, 1, 0, *results[-1])
    for a, b in zip(*results, strict=True):
        # Bit by bit where numbers are moved; what a NaN of a sum consists of is nobody's business.
        np.testing.assert_array_equal(a, b)
        assert kind == "add" or np.array_equal(a.view(np.uint8), b.view(np.uint8))
