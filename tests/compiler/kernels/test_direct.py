"""Convolutions that read images in place agree with PyTorch's and with the interpreter, forward and backward."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcnet as fn
from funcnet import nn
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

compiling = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
conv = nn.functional.conv


def gradients(x: Any, kernel: Any, bias: Any, g: Any, **options: Any) -> tuple[Any, ...]:
    y, pull = fn.vjp(lambda x, kernel, bias: conv(x, kernel, bias=bias, **options), x, kernel, bias)
    return (y, *pull(g))


def problem(seed: int, shape: Any, window: Any, options: Any) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    x, kernel, bias = (rng.standard_normal(s) for s in (shape, window, window[-1:]))
    y = conv(x, kernel, **options)
    return [x, kernel, bias, rng.standard_normal(y.shape)]


def planned(arrays: Any, compile: Any, **options: Any) -> tuple[FusedPlan, Any]:
    graph = optimised(fn.trace(lambda *a: gradients(*a, **options), *arrays))
    plan = FusedPlan(graph, compile)
    # Whatever is left over from another call must not matter.
    plan(*[np.full_like(a, 7.0) for a in arrays])
    return plan, graph


def by_torch(x: Any, kernel: Any, bias: Any, g: Any, *, padding: Any, stride: Any = 1, **options: Any) -> Any:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    a, k, b, c = (torch.from_numpy(v.astype("float64")) for v in (x, kernel, bias, g))
    a, k, b = (v.requires_grad_() for v in (a, k, b))
    n = x.ndim - 2
    image = torch.movedim(a, -1, 1)
    image = torch.nn.functional.pad(image, [m for pair in reversed(padding) for m in pair])
    function = [torch.nn.functional.conv1d, torch.nn.functional.conv2d, torch.nn.functional.conv3d][n - 1]
    y = function(image, torch.movedim(k, (-1, -2), (0, 1)), b, stride=stride, **options)
    y = torch.movedim(y, 1, -1)
    return [t.detach().numpy() for t in (y, *torch.autograd.grad(y, (a, k, b), c))]


CASES = (
    ((3, 9, 10, 5), (3, 3, 5, 7), {"padding": ((1, 1), (1, 1))}),
    ((2, 8, 9, 1), (5, 5, 1, 6), {"padding": ((2, 2), (2, 2))}),
    ((2, 15, 14, 3), (7, 7, 3, 5), {"padding": ((3, 3), (2, 3)), "stride": 2}),
    ((2, 9, 8, 4), (3, 3, 4, 6), {"padding": ((0, 1), (1, 0)), "stride": (2, 3)}),
    ((2, 9, 11, 4), (3, 2, 4, 5), {"padding": ((2, 2), (1, 1)), "dilation": (2, 3)}),
    ((2, 9, 11, 4), (3, 3, 4, 5), {"padding": ((2, 2), (1, 1)), "dilation": 2, "stride": 2}),
    ((3, 6, 5, 6), (1, 1, 6, 9), {"padding": ((0, 0), (0, 0))}),
    ((3, 6, 5, 6), (1, 1, 6, 9), {"padding": ((0, 0), (0, 0)), "stride": 2}),
    ((2, 7, 8, 8), (3, 2, 4, 12), {"padding": ((1, 1), (0, 1)), "groups": 2}),
    ((2, 7, 8, 8), (3, 3, 4, 8), {"padding": ((1, 1), (0, 1)), "groups": 2, "stride": 2}),
    ((11, 2, 2, 4), (3, 3, 4, 70), {"padding": ((1, 1), (1, 1))}),
    ((9, 1, 1, 4), (1, 1, 4, 3), {"padding": ((0, 0), (0, 0))}),
    ((2, 6, 6, 4), (3, 3, 4, 3), {"padding": ((3, 1), (1, 3))}),
    ((2, 21, 4), (4, 4, 6), {"padding": ((2, 1),)}),
    ((2, 21, 4), (3, 4, 6), {"padding": ((2, 2),), "stride": 2, "dilation": 2}),
    ((1, 40, 2), (5, 2, 1), {"padding": ((0, 0),)}),
    ((2, 31, 3), (8, 3, 5), {"padding": ((1, 2),), "stride": 5}),
    ((2, 13, 14, 3), (5, 4, 3, 5), {"padding": ((2, 1), (1, 1)), "stride": 4}),
    ((2, 9, 11, 1), (2, 3, 1, 30), {"padding": ((0, 0), (0, 0)), "stride": (2, 3)}),
    ((2, 12, 12, 5), (4, 4, 5, 24), {"padding": ((0, 0), (0, 0)), "stride": 4}),
    ((2, 13, 10, 2), (3, 3, 2, 30), {"padding": ((3, 1), (0, 4)), "dilation": (2, 1)}),
    ((2, 40, 6), (3, 6, 30), {"padding": ((2, 2),), "stride": 12}),
    ((2, 5, 3, 2), (2, 2, 2, 40), {"padding": ((0, 0), (1, 0))}),
    # Channels that are not mixed, and groups of two.
    ((3, 9, 10, 7), (3, 3, 1, 7), {"padding": ((1, 1), (1, 1)), "groups": 7}),
    ((2, 9, 8, 70), (3, 2, 1, 70), {"padding": ((1, 0), (1, 1)), "groups": 70, "stride": 2}),
    ((2, 9, 8, 5), (3, 3, 1, 15), {"padding": ((2, 2), (2, 2)), "groups": 5, "dilation": 2}),
    ((2, 9, 8, 6), (5, 3, 1, 12), {"padding": ((2, 1), (1, 1)), "groups": 6, "stride": (2, 1)}),
    ((5, 3, 3, 4), (1, 1, 1, 12), {"padding": ((0, 0), (0, 0)), "groups": 4}),
    ((2, 21, 6), (4, 1, 6), {"padding": ((2, 1),), "groups": 6}),
    ((2, 7, 8, 4), (3, 2, 2, 4), {"padding": ((1, 1), (0, 1)), "groups": 2}),
    # Volumes.
    ((2, 5, 6, 7, 3), (3, 3, 3, 3, 5), {"padding": ((1, 1), (1, 1), (1, 1))}),
    ((2, 5, 6, 7, 3), (2, 3, 1, 3, 5), {"padding": ((0, 0), (1, 0), (0, 0)), "dilation": (2, 1, 1)}),
    ((2, 6, 6, 7, 4), (3, 3, 3, 4, 5), {"padding": ((1, 1), (1, 1), (1, 1)), "stride": 2}),
    ((2, 7, 5, 4, 4), (3, 2, 3, 4, 5), {"padding": ((1, 1), (1, 0), (0, 1)), "stride": (2, 2, 1)}),
    ((2, 7, 5, 4, 4), (2, 2, 1, 4, 5), {"padding": ((1, 1), (1, 0), (0, 1)), "stride": (3, 1, 1)}),
    ((2, 3, 4, 5, 4), (1, 1, 1, 4, 5), {"padding": ((0, 0),) * 3}),
    ((2, 3, 4, 5, 4), (1, 3, 3, 4, 5), {"padding": ((0, 0), (1, 1), (1, 1))}),
    ((7, 2, 2, 2, 6), (3, 3, 3, 3, 34), {"padding": ((1, 1),) * 3, "groups": 2}),
    ((2, 4, 5, 6, 4), (3, 3, 3, 1, 8), {"padding": ((1, 1),) * 3, "groups": 4}),
)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("shape", "window", "options"), CASES)
def test_as_pytorch(
    in_python: Any, monkeypatch: pytest.MonkeyPatch, shape: Any, window: Any, options: Any, threads: int
) -> None:
    force(monkeypatch, threads)
    arrays = problem(0, shape, window, options)
    plan, _ = planned(arrays, in_python, **options)
    assert {f"{name}, direct" for name in ("conv_bias", "conv_adjoint", "conv_kernel")} <= set(plan.calls)
    for a, b in zip(by_torch(*arrays, **options), plan(*arrays), strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12 * np.abs(a).max())


def force(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    for module in ("direct", "direct_kernel", "overlay"):
        monkeypatch.setattr(f"funcnet.compiler.kernels.{module}._PARALLEL", 0)


@pytest.mark.parametrize(("weights", "cache"), [(100, 160_000), (2_000, 160_000), (400_000, 900), (900, 900)])
def test_in_pieces(in_python: Any, monkeypatch: pytest.MonkeyPatch, weights: int, cache: int) -> None:
    monkeypatch.setattr("funcnet.compiler.kernels.direct._WEIGHTS", weights)
    monkeypatch.setattr("funcnet.compiler.kernels.frames._CACHE", cache)
    options: Any = {"padding": ((1, 1), (1, 1))}
    for extra in ({}, {"stride": 2}, {"dilation": 2}):
        arrays = problem(1, (2, 9, 8, 6), (3, 3, 6, 40), options | extra)
        plan, _ = planned(arrays, in_python, **options, **extra)
        for a, b in zip(by_torch(*arrays, **options, **extra), plan(*arrays), strict=True):
            np.testing.assert_allclose(b, a, rtol=0, atol=1e-12 * np.abs(a).max())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("images", [1_000_000, 3_000])
def test_sums_that_do_not_stay_in_the_cache(
    in_python: Any, monkeypatch: pytest.MonkeyPatch, images: int, threads: int
) -> None:
    force(monkeypatch, threads)
    monkeypatch.setattr("funcnet.compiler.kernels.direct_kernel._SUMS", 0)
    monkeypatch.setattr("funcnet.compiler.kernels.direct_kernel._IMAGES", images)
    for shape, window, options in (
        ((5, 4, 3, 6), (3, 3, 6, 150), {"padding": ((1, 1), (1, 1))}),
        ((3, 9, 8, 5), (2, 3, 5, 130), {"padding": ((0, 0), (1, 2)), "stride": 2}),
        ((2, 20, 3), (3, 3, 64), {"padding": ((1, 1),), "dilation": 2}),
        ((1, 3, 4, 5, 2), (2, 2, 3, 2, 40), {"padding": ((1, 0), (0, 0), (1, 1))}),
    ):
        arrays = problem(2, shape, window, options)
        plan, _ = planned(arrays, in_python, **options)
        assert "conv_kernel, direct" in plan.calls
        for a, b in zip(by_torch(*arrays, **options), plan(*arrays), strict=True):
            np.testing.assert_allclose(b, a, rtol=0, atol=1e-12 * np.abs(a).max())


@compiling
@pytest.mark.parametrize(
    ("shape", "window", "options", "dtype"),
    [
        ((4, 14, 14, 8), (3, 3, 8, 16), {"padding": ((1, 1), (1, 1))}, "float32"),
        ((3, 9, 11, 5), (3, 3, 5, 37), {"padding": ((1, 2), (0, 1))}, "float64"),
        ((2, 11, 11, 3), (5, 5, 3, 10), {"padding": ((2, 2), (2, 2)), "stride": 2}, "float32"),
        ((7, 4, 4, 24), (3, 2, 12, 12), {"padding": ((1, 1), (0, 1)), "groups": 2}, "float32"),
        ((3, 50, 3), (4, 3, 9), {"padding": ((2, 1),), "dilation": 2}, "float64"),
        ((3, 9, 11, 37), (3, 3, 1, 37), {"padding": ((1, 1), (1, 1)), "groups": 37}, "float32"),
        ((3, 9, 11, 20), (3, 3, 1, 40), {"padding": ((1, 1), (1, 1)), "groups": 20, "stride": 2}, "float64"),
        ((3, 7, 9, 12), (3, 3, 2, 12), {"padding": ((1, 1), (1, 1)), "groups": 6}, "float32"),
        ((2, 6, 8, 8, 5), (3, 3, 3, 5, 10), {"padding": ((1, 1),) * 3}, "float32"),
        ((2, 7, 8, 8, 5), (3, 3, 3, 5, 10), {"padding": ((1, 1),) * 3, "stride": 2}, "float64"),
    ],
)
def test_compiled(
    shape: Any, window: Any, options: Any, dtype: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    arrays = [a.astype(dtype) for a in problem(2, shape, window, options)]
    wanted = by_torch(*arrays, **options)
    for threads in (1, 2):
        force(monkeypatch, threads)
        plan, _ = planned(arrays, build.compiled, **options)
        for a, b in zip(wanted, plan(*arrays), strict=True):
            assert b.dtype == dtype
            rtol = 2e-6 if dtype == "float32" else 1e-14
            np.testing.assert_allclose(b, a, rtol=0, atol=rtol * np.abs(a).max())


pairs = st.tuples(st.integers(0, 3), st.integers(0, 3))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_any_shape_as_the_interpreter(in_python: Any, data: st.DataObject) -> None:
    draw = data.draw
    n = draw(st.integers(1, 3))
    axis = st.integers(1, 3)
    groups = draw(st.sampled_from([1, 1, 2]))
    inputs = draw(st.integers(1, 5))
    features = draw(st.integers(1, 20)) if groups == 1 else draw(st.integers(1, 10))
    window = draw(st.tuples(*[st.integers(1, 4)] * n))
    options: Any = {
        "stride": draw(st.tuples(*[axis] * n)),
        "dilation": draw(st.tuples(*[axis] * n)),
        "padding": draw(st.tuples(*[pairs] * n)),
        "groups": groups * (2 if groups > 1 else 1),
    }
    spans = [d * (k - 1) + 1 for k, d in zip(window, options["dilation"], strict=True)]
    least = [max(1, s - sum(p)) for s, p in zip(spans, options["padding"], strict=True)]
    size = [m + draw(st.integers(0, 6)) for m in least]
    groups = options["groups"]
    arrays = problem(
        3, (draw(st.integers(1, 5)), *size, groups * inputs), (*window, inputs, features * groups), options
    )
    before, threads = fused.threads, draw(st.sampled_from([1, 2]))
    fused.threads = lambda: threads
    try:
        plan, graph = planned(arrays, in_python, **options)
    finally:
        fused.threads = before
    for a, b in zip(interpret(graph, arrays), plan(*arrays), strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12 * max(1, np.abs(a).max()))


def test_an_infinity_stays_in_its_windows(in_python: Any) -> None:
    x, kernel = np.ones((1, 6, 6, 2)), np.ones((3, 3, 2, 4))
    x[0, 0, 0, 0], x[0, 5, 5, 1] = np.inf, np.nan
    graph = optimised(fn.trace(lambda x, kernel: conv(x, kernel, padding="SAME"), x, kernel))
    (y,) = FusedPlan(graph, in_python)(x, kernel)
    np.testing.assert_array_equal(np.isinf(y[0, :, :, 0]), np.add.outer(np.arange(6) > 1, np.arange(6) > 1) == 0)
    np.testing.assert_array_equal(np.isnan(y[0, ::-1, ::-1, 0]), np.add.outer(np.arange(6) > 1, np.arange(6) > 1) == 0)
