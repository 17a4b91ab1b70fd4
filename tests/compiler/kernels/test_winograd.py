"""Convolutions by minimal filtering agree with PyTorch's, forward and backward, and are left alone where they must."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.winograd import winograd
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

conv = nn.functional.conv


def gradients(x: Any, kernel: Any, bias: Any, g: Any, padding: Any, apart: Any = (1, 1)) -> tuple[Any, ...]:
    options = {"padding": padding, "dilation": apart}
    y, pull = fn.vjp(lambda x, kernel, bias: conv(x, kernel, bias=bias, **options), x, kernel, bias)
    return (y, *pull(g))


def problem(
    rng: np.random.Generator, n: int, size: Any, inputs: int, features: int, padding: Any, apart: Any = (1, 1)
) -> Any:
    out = [m + low + high - 2 * d for m, (low, high), d in zip(size, padding, apart, strict=True)]
    shapes = [(n, *size, inputs), (3, 3, inputs, features), (features,), (n, *out, features)]
    return [rng.standard_normal(s) for s in shapes]


def by_torch(x: Any, kernel: Any, bias: Any, g: Any, padding: Any, apart: Any = (1, 1)) -> tuple[Any, ...]:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    a, k, b, c = (torch.from_numpy(v.astype("float64")) for v in (x, kernel, bias, g))
    a, k, b = (v.requires_grad_() for v in (a, k, b))
    (top, bottom), (left, right) = padding
    image = torch.nn.functional.pad(a.permute(0, 3, 1, 2), (left, right, top, bottom))
    y = torch.nn.functional.conv2d(image, k.permute(3, 2, 0, 1), b, dilation=apart).permute(0, 2, 3, 1)
    return tuple([t.detach().numpy() for t in (y, *torch.autograd.grad(y, (a, k, b), c))])


def planned(arrays: Any, padding: Any, compile: Any, apart: Any = (1, 1)) -> tuple[FusedPlan, tuple[Any, ...]]:
    graph = optimised(fn.trace(lambda *a: gradients(*a, padding, apart), *arrays))
    plan = FusedPlan(graph, compile)
    plan(*[np.full_like(a, 7.0) for a in arrays])
    return plan, plan(*arrays)


CASES = (
    (2, (12, 14), 16, 16, ((1, 1), (1, 1)), (1, 1)),
    (3, (11, 13), 16, 24, ((1, 1), (0, 1)), (1, 1)),
    (5, (9, 8), 24, 16, ((2, 0), (2, 2)), (1, 1)),
    (7, (8, 9), 16, 16, ((0, 0), (0, 0)), (1, 1)),
    # All remainders have as many places; some have one less; some have none for their last patches.
    (3, (12, 8), 16, 16, ((2, 2), (2, 2)), (2, 2)),
    (3, (11, 10), 16, 24, ((0, 2), (3, 1)), (1, 3)),
    (4, (10, 9), 24, 16, ((4, 3), (4, 2)), (4, 2)),
)


@pytest.fixture(autouse=True)
def _few_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("funcnet.compiler.kernels.winograd._CHANNELS", 16)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("n", "size", "inputs", "features", "padding", "apart"), CASES)
def test_as_pytorch(
    in_python: Any,
    monkeypatch: pytest.MonkeyPatch,
    n: int,
    size: Any,
    inputs: int,
    features: int,
    padding: Any,
    apart: Any,
    threads: int,
) -> None:
    arrays = problem(np.random.default_rng(n), n, size, inputs, features, padding, apart)
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.winograd._FILLED", 9.0)
    # Several blocks, the last one smaller.
    monkeypatch.setattr("funcnet.compiler.kernels.winograd._BLOCK", 16 * (inputs + features) * 8 * 33)
    plan, found = planned(arrays, padding, in_python, apart)
    assert {f"{name}, by patches" for name in ("conv_bias", "conv_adjoint", "conv_kernel")} <= set(plan.calls)
    for a, b in zip(by_torch(*arrays, padding, apart), found, strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12 * np.abs(a).max())


def test_weights_that_are_far(in_python: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """More patches share them, and threads share their transformation."""
    monkeypatch.setattr(fused, "threads", lambda: 2)
    for name, value in (("_BLOCK", 1), ("_WEIGHTS", 1), ("_SHARING", 40), ("_PAIRS", 100)):
        monkeypatch.setattr(f"funcnet.compiler.kernels.winograd.{name}", value)
    arrays, padding = problem(np.random.default_rng(0), 5, (9, 8), 24, 16, ((2, 0), (2, 2))), ((2, 0), (2, 2))
    _, found = planned(arrays, padding, in_python)
    for a, b in zip(by_torch(*arrays, padding), found, strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12 * np.abs(a).max())


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-6), ("float64", 1e-13)])
@pytest.mark.parametrize(("threads", "apart"), [(1, (1, 1)), (2, (1, 1)), (2, (2, 3))])
def test_compiled(
    dtype: str, rtol: float, threads: int, apart: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(fused, "threads", lambda: threads)
    padding = ((1, 1), (1, 0))
    arrays = [a.astype(dtype) for a in problem(np.random.default_rng(0), 12, (15, 14), 32, 48, padding, apart)]
    _, found = planned(arrays, padding, build.compiled, apart)
    for a, b in zip(by_torch(*arrays, padding, apart), found, strict=True):
        assert b.dtype == dtype
        np.testing.assert_allclose(b, a, rtol=0, atol=rtol * np.abs(a).max())


@pytest.mark.parametrize(
    ("shape", "window", "options"),
    [
        ((8, 12, 12, 16), (3, 3, 16, 16), {"stride": 2}),
        ((8, 12, 12, 16), (3, 3, 16, 16), {"dilation": 4}),
        ((8, 12, 12, 32), (3, 3, 16, 32), {"groups": 2}),
        ((8, 12, 12, 16), (3, 2, 16, 16), {}),
        ((8, 12, 12, 4), (3, 3, 4, 16), {}),
        ((1, 6, 6, 16), (3, 3, 16, 16), {}),
        ((8, 200, 16), (3, 16, 16), {}),
    ],
)
def test_others_are_left_alone(shape: Any, window: Any, options: Any) -> None:
    rng = np.random.default_rng(1)
    x, kernel = rng.standard_normal(shape), rng.standard_normal(window)
    graph = optimised(fn.trace(lambda x, kernel: conv(x, kernel, padding="SAME", **options), x, kernel))
    (equation,) = [e for e in graph.equations if e.primitive.name == "conv"]
    assert winograd(equation) is None


def test_padding_wider_than_the_window() -> None:
    arrays = problem(np.random.default_rng(2), 2, (9, 9), 16, 16, ((3, 1), (1, 3)))
    graph = optimised(fn.trace(lambda *a: gradients(*a, ((3, 1), (1, 3))), *arrays))
    taken = {e.primitive.name for e in graph.equations if winograd(e) is not None}
    # The input gradient would need part of the cotangent only.
    assert taken == {"conv_bias", "conv_kernel"}
