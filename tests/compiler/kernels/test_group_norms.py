"""Compiled norms of groups of channels agree with PyTorch's and with the interpreter, forward and backward."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

CASES = (
    ((3, 4, 5, 12), 3, -1),
    ((3, 4, 5, 12), 12, -1),
    ((3, 4, 5, 12), 1, -1),
    ((2, 7, 10), 5, -1),
    ((2, 3, 4, 2, 8), 2, -1),
    ((1, 1, 1, 8), 4, -1),
)


def gradients(x: Any, scale: Any, bias: Any, g: Any, groups: int, **options: Any) -> tuple[Any, ...]:
    y, pull = fn.vjp(lambda x, s, b: nn.functional.group_norm(x, groups, s, b, **options), x, scale, bias)
    return (y, *pull(g))


def problem(shape: Any) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    channels = shape[-1:]
    x, g = rng.standard_normal(shape) + 3, rng.standard_normal(shape)
    return [x, rng.standard_normal(channels), rng.standard_normal(channels), g]


def planned(arrays: Any, compile: Any, *options: Any) -> tuple[FusedPlan, Any]:
    graph = optimised(fn.trace(lambda *a: gradients(*a, *options), *arrays))
    plan = FusedPlan(graph, compile)
    plan(*[np.full_like(a, 7.0) for a in arrays])
    return plan, graph


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("shape", "groups", "axis"), CASES)
def test_as_pytorch(
    in_python: Any, monkeypatch: pytest.MonkeyPatch, shape: Any, groups: int, axis: int, threads: int
) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.group_norms._PARALLEL", 1)
    arrays = problem(shape)
    plan, _ = planned(arrays, in_python, groups)
    expected = set() if groups == 1 else {"standardize, by groups", "rescale_pull, by groups"}
    assert expected <= set(plan.calls)
    x, s, b = (torch.from_numpy(a).requires_grad_() for a in arrays[:3])
    y = torch.movedim(torch.nn.functional.group_norm(torch.movedim(x, axis, 1), groups, s, b), 1, axis)
    wanted = (y, *torch.autograd.grad(y, (x, s, b), torch.from_numpy(arrays[3])))
    for a, got in zip(wanted, plan(*arrays), strict=True):
        a = a.detach().numpy()
        np.testing.assert_allclose(got, a, rtol=0, atol=1e-12 * max(1, np.abs(a).max()))


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("groups", [4, 36])
def test_compiled(dtype: str, groups: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    arrays = [a.astype(dtype) for a in problem((3, 9, 7, 36))]
    plan, graph = planned(arrays, build.compiled, groups)
    wanted = interpret(graph, [a.astype("float64") for a in arrays])
    for a, b in zip(wanted, plan(*arrays), strict=True):
        assert b.dtype == dtype
        np.testing.assert_allclose(b, a, rtol=0, atol=50 * np.finfo(dtype).eps * np.abs(a).max())


def test_moments_of_constants_and_far_from_zero(in_python: Any) -> None:
    """A constant is 0 when it is standardized, whatever its size, and so is its derivative."""
    x = np.full((2, 3, 3, 4), 1e8 / 3)
    x[1] += np.random.default_rng(0).standard_normal((3, 3, 4))
    one = np.ones(4)
    arrays = [x, one, 0 * one, np.random.default_rng(1).standard_normal(x.shape)]
    for eps in (0.0, 1e-5):
        graph = optimised(fn.trace(lambda x, s, b, g, eps=eps: gradients(x, s, b, g, 2, eps=eps), *arrays))
        plan = FusedPlan(graph, in_python)
        y, dx, *_ = plan(*arrays)
        assert not y[0].any()
        assert np.isfinite(dx).all()
        for a, b in zip(interpret(graph, arrays), (y, dx), strict=False):
            np.testing.assert_allclose(b, a, rtol=0, atol=1e-7 * max(1, np.abs(a).max()))


def test_not_a_number_stays_in_its_image(in_python: Any) -> None:
    arrays = problem((3, 4, 5, 12))
    arrays[0][1, 2, 3, 4] = np.nan
    plan, graph = planned(arrays, in_python, 3)
    with np.errstate(invalid="ignore"):
        for a, b in zip(interpret(graph, arrays)[:2], plan(*arrays)[:2], strict=True):
            np.testing.assert_array_equal(np.isnan(b), np.isnan(a))
            assert not np.isnan(b[0]).any()


def channels_first(x: Any, scale: Any, bias: Any, g: Any) -> tuple[Any, ...]:
    y, pull = fn.vjp(lambda x, s, b: nn.functional.batch_norm(x, s, b, axis=1)[0], x, scale, bias)
    return (y, *pull(g))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(3, 5, 4, 6), (4, 3, 9), (2, 4, 3, 2, 5)])
def test_channels_before_spatial_axes(in_python: Any, monkeypatch: Any, shape: Any, threads: int) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.group_norms._PARALLEL", 1)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s) for s in (shape, shape[1:2], shape[1:2], shape)]
    plan = FusedPlan(optimised(fn.trace(channels_first, *arrays)), in_python)
    plan(*[np.full_like(a, 7.0) for a in arrays])
    assert {"standardize, by groups", "rescale_pull, by groups"} <= set(plan.calls)
    x, s, b = (torch.from_numpy(a).requires_grad_() for a in arrays[:3])
    y = torch.nn.functional.batch_norm(x, None, None, s, b, True)
    wanted = (y, *torch.autograd.grad(y, (x, s, b), torch.from_numpy(arrays[3])))
    for a, got in zip(wanted, plan(*arrays), strict=True):
        a = a.detach().numpy()
        np.testing.assert_allclose(got, a, rtol=0, atol=1e-12 * max(1, np.abs(a).max()))


def test_other_axes_are_left_to_loops(in_python: Any) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4, 5, 6))
    for f in (nn.functional.layer_norm, lambda x: nn.functional.batch_norm(x)[0]):
        calls = FusedPlan(optimised(fn.trace(f, x)), in_python).calls
        assert not [name for name in calls if "by groups" in name]
