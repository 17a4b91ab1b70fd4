"""Extremes over axes in the middle, and what is taken from their places, are the interpreter's and PyTorch's."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised


def planned(function: Any, x: Any, compile: Any) -> tuple[FusedPlan, Any, Any]:
    graph = optimised(fn.trace(function, x))
    plan = FusedPlan(graph, compile)
    plan(np.full_like(x, 3.0))
    return plan, plan(x), interpret(graph, [x])


def back(function: Any) -> Any:
    """Return what gives a function's result and a gradient through it."""

    def both(x: Any) -> Any:
        y, pull = fn.vjp(function, x)
        return y, pull(y * y + 0.5)[0]

    return both


def same(found: Any, wanted: Any) -> None:
    for a, b in zip(wanted, found, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(b, a)


SHAPES = (
    ((3, 4, 5, 6), (1, 2), True),
    ((3, 4, 5, 6), 1, True),
    ((2, 2, 7), 1, True),
    ((3, 4, 5, 2), (1, 2), False),
    ((3, 4, 1, 5, 6), (1, 3), False),
    ((3, 4, 5, 6), (1, 2, 3), False),
)


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "axis", "taken"), SHAPES)
def test_extremes(
    in_python: Any,
    monkeypatch: pytest.MonkeyPatch,
    shape: Any,
    axis: Any,
    taken: bool,
    dtype: str,
    threads: int,
    name: str,
) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.chosen._PARALLEL", 1)
    # Few different numbers, so that there are ties, which share a cotangent.
    x = np.random.default_rng(0).integers(-3, 3, shape).astype(dtype)
    plan, found, wanted = planned(lambda x: getattr(xp, name)(x, axis=axis), x, in_python)
    assert (f"{name}, row by row" in plan.calls) is taken
    same(found, wanted)
    plan, found, wanted = planned(lambda x: xp.count_nonzero(x, axis=axis), x > 0, in_python)
    assert ("count_nonzero, row by row" in plan.calls) is taken
    same(found, wanted)
    plan, found, wanted = planned(back(lambda x: getattr(xp, name)(x, axis=axis)), x, in_python)
    same(found, wanted)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize(
    ("shape", "axis", "taken"),
    [((3, 4, 5, 6), 1, True), ((4, 6), 0, True), ((3, 4, 5, 6), -2, True), ((3, 4, 2), 1, False), ((3, 4), 1, False)],
)
def test_places(
    in_python: Any,
    monkeypatch: pytest.MonkeyPatch,
    shape: Any,
    axis: int,
    taken: bool,
    keepdims: bool,
    dtype: str,
    threads: int,
    name: str,
) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.chosen._PARALLEL", 1)
    x = np.random.default_rng(1).integers(-3, 3, shape).astype(dtype)
    plan, found, wanted = planned(lambda x: getattr(xp, name)(x, axis=axis, keepdims=keepdims), x, in_python)
    assert (f"{name}, row by row" in plan.calls) is taken
    same(found, wanted)


@pytest.mark.parametrize("data_format", [None, "NCHW"])
def test_global_max_pool(in_python: Any, data_format: Any) -> None:
    x = np.random.default_rng(2).integers(-3, 3, (3, 5, 4, 6)).astype("float32")
    plan, found, wanted = planned(
        back(lambda x: nn.functional.global_max_pool(x, data_format=data_format)), x, in_python
    )
    for name in ("take_along_axis, where found", "add_along_axis, where found"):
        assert (name in plan.calls) is (data_format is None)
    same(found, wanted)


def test_nan_and_infinities(in_python: Any) -> None:
    x = np.random.default_rng(3).choice([np.nan, np.inf, -np.inf, 1.0, 2.0], size=(6, 3, 8))
    for function in (
        back(nn.functional.global_max_pool),
        back(lambda x: xp.max(x, axis=1)),
        back(lambda x: xp.min(x, axis=1)),
        lambda x: xp.argmin(x, axis=1),
    ):
        _, found, wanted = planned(function, x, in_python)
        same(found, wanted)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: xp.take_along_axis(x, xp.argmax(x, axis=1, keepdims=True) - 4, axis=1),
        lambda x: xp.take_along_axis(x[:, :2], xp.argmax(x[:, 2:], axis=1, keepdims=True) // 2, axis=1),
        lambda x: xp.take_along_axis(x[:, :3], xp.argmax(x, axis=1, keepdims=True) % 3, axis=1),
    ],
)
def test_other_indices_are_tested(in_python: Any, function: Any) -> None:
    """Only places that were found along the same axis of an array of the same shape are known to be inside."""
    x = np.random.default_rng(4).standard_normal((4, 4, 4))
    plan, found, wanted = planned(function, x, in_python)
    assert any([c.startswith("take_along_axis") for c in plan.calls])
    assert "take_along_axis, where found" not in plan.calls
    same(found, wanted)


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled(dtype: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    x = np.random.default_rng(5).integers(-9, 9, (5, 7, 6, 19)).astype(dtype)
    for name, peer in (("max", torch.amax), ("min", torch.amin)):
        given = torch.tensor(x, requires_grad=True)
        y = peer(given, (1, 2))
        y.backward(y.detach() ** 2 + 0.5)
        _, found, _ = planned(back(lambda x, name=name: getattr(xp, name)(x, axis=(1, 2))), x, build.compiled)
        np.testing.assert_array_equal(found[0], y.detach().numpy())
        np.testing.assert_allclose(found[1], given.grad.numpy(), rtol=1e-6, atol=0)
    plan, found, wanted = planned(back(nn.functional.global_max_pool), x, build.compiled)
    assert "add_along_axis, where found" in plan.calls
    same(found, wanted)
    # Without ties, of which PyTorch may choose another.
    x = np.random.default_rng(6).permutation(x.size).reshape(x.shape).astype(dtype)
    given = torch.tensor(np.moveaxis(x, -1, 1), requires_grad=True)
    y = torch.nn.functional.adaptive_max_pool2d(given, 1)[..., 0, 0]
    y.backward(y.detach() ** 2 + 0.5)
    found = plan(x)
    np.testing.assert_array_equal(found[0], y.detach().numpy())
    np.testing.assert_array_equal(found[1], np.moveaxis(given.grad.numpy(), 1, -1))
