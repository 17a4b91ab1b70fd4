"""Compiled sums of windows agree with PyTorch's averages and with the interpreter, forward and backward."""

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

avg_pool = nn.functional.avg_pool


def gradients(x: Any, g: Any, **options: Any) -> tuple[Any, ...]:
    y, pull = fn.vjp(lambda x: avg_pool(x, **options), x)
    return (y, *pull(g))


def problem(seed: int, shape: Any, options: Any) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return [x, rng.standard_normal(avg_pool(x, **options).shape)]


def planned(arrays: Any, compile: Any, **options: Any) -> tuple[FusedPlan, Any]:
    graph = optimised(fn.trace(lambda *a: gradients(*a, **options), *arrays))
    plan = FusedPlan(graph, compile)
    plan(*[np.full_like(a, 7.0) for a in arrays])
    return plan, graph


CASES = (
    ((3, 8, 10, 5), {"window": 2}),
    ((2, 9, 11, 20), {"window": 3, "stride": 2, "padding": 1}),
    ((2, 9, 11, 6), {"window": (3, 2), "stride": 1, "padding": ((1, 1), (1, 0))}),
    ((2, 9, 10, 6), {"window": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    ((2, 21, 6), {"window": 4, "stride": 3}),
    ((2, 6, 7, 8, 6), {"window": 2}),
    ((2, 6, 7, 8, 6), {"window": 3, "stride": 2, "padding": 1}),
)


@pytest.mark.parametrize(("shape", "options"), CASES)
def test_as_pytorch(in_python: Any, shape: Any, options: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    arrays = problem(0, shape, options)
    plan, _ = planned(arrays, in_python, **options)
    assert {"sum_pool, direct", "sum_pool_spread, direct"} <= set(plan.calls)
    x = torch.from_numpy(arrays[0]).requires_grad_()
    pool = getattr(torch.nn.functional, f"avg_pool{len(shape) - 2}d")
    image, given = torch.movedim(x, -1, 1), dict(options)
    if isinstance(padding := given.pop("padding", 0), tuple):
        image = torch.nn.functional.pad(image, [m for pair in reversed(padding) for m in pair])
        padding = 0
    y = torch.movedim(pool(image, given.pop("window"), padding=padding, **given), 1, -1)
    (dx,) = torch.autograd.grad(y, x, torch.from_numpy(arrays[1]))
    for a, b in zip((y.detach().numpy(), dx.numpy()), plan(*arrays), strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-14 * np.abs(a).max() * 10)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_any_shape_as_the_interpreter(in_python: Any, data: st.DataObject) -> None:
    draw = data.draw
    n = draw(st.integers(1, 3))
    window = draw(st.tuples(*[st.integers(1, 4)] * n))
    dilation = draw(st.tuples(*[st.integers(1, 2)] * n))
    spans = [(w - 1) * d + 1 for w, d in zip(window, dilation, strict=True)]
    options: Any = {
        "window": window,
        "dilation": dilation,
        "stride": draw(st.tuples(*[st.integers(1, 3)] * n)),
        "padding": tuple([draw(st.tuples(st.integers(0, s - 1), st.integers(0, s - 1))) for s in spans]),
        "ceil_mode": draw(st.booleans()),
        "count_include_pad": draw(st.booleans()),
    }
    size = [s + draw(st.integers(0, 5)) for s in spans]
    arrays = problem(3, (draw(st.integers(1, 4)), *size, draw(st.integers(4, 20))), options)
    before, threads = fused.threads, draw(st.sampled_from([1, 2]))
    fused.threads = lambda: threads
    try:
        plan, graph = planned(arrays, in_python, **options)
    finally:
        fused.threads = before
    for a, b in zip(interpret(graph, arrays), plan(*arrays), strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-13 * max(1, np.abs(a).max()))


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled(dtype: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    for options in ({"window": 2}, {"window": 3, "stride": 2, "padding": 1}):
        arrays = [a.astype(dtype) for a in problem(2, (3, 10, 11, 37), options)]
        plan, graph = planned(arrays, build.compiled, **options)
        wanted = interpret(graph, [a.astype("float64") for a in arrays])
        for a, b in zip(wanted, plan(*arrays), strict=True):
            assert b.dtype == dtype
            np.testing.assert_allclose(b, a, rtol=0, atol=10 * np.finfo(dtype).eps * np.abs(a).max())


def test_few_channels_and_long_strides_are_left_alone(in_python: Any) -> None:
    for shape, options in (((2, 8, 8, 3), {"window": 2}), ((2, 12, 12, 8), {"window": 6})):
        arrays = problem(4, shape, options)
        plan, graph = planned(arrays, in_python, **options)
        assert "sum_pool_spread" in plan.calls
        for a, b in zip(interpret(graph, arrays), plan(*arrays), strict=True):
            np.testing.assert_allclose(b, a, rtol=0, atol=1e-13)
