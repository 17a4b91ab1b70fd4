"""Interpolation and repetition row by row agree with the interpreter and with PyTorch, and so do their transposes."""

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

RESAMPLED, REPEATED = "resample, row by row", "repeat, row by row"


def planned(function: Any, x: Any, compile: Any) -> tuple[FusedPlan, Any, Any]:
    def both(x: Any) -> Any:
        y, pull = fn.vjp(function, x)
        return y, pull(y * y + 0.5)[0]

    graph = optimised(fn.trace(both, x))
    plan = FusedPlan(graph, compile)
    plan(np.full_like(x, 3.0))
    return plan, plan(x), interpret(graph, [x])


CASES = (
    ((2, 3, 4, 5), {"scale": 2, "method": "linear"}, RESAMPLED),
    ((2, 3, 4, 1), {"size": (5, 3), "method": "linear"}, RESAMPLED),
    ((2, 3, 4, 5), {"size": (7, 3), "method": "linear", "align_corners": True}, RESAMPLED),
    ((2, 6, 5), {"size": 4, "method": "cubic"}, RESAMPLED),
    ((2, 3, 4, 5), {"size": (7, 3), "method": "nearest"}, RESAMPLED),
    ((2, 3, 4, 5), {"size": (4, 9), "method": "nearest-exact"}, RESAMPLED),
    ((2, 3, 4, 5), {"scale": 2}, REPEATED),
    ((2, 3, 4, 5), {"scale": (3, 1)}, REPEATED),
    ((2, 3, 2, 2, 5), {"scale": 2}, REPEATED),
)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "options", "name"), CASES)
def test_as_the_interpreter(
    in_python: Any, monkeypatch: pytest.MonkeyPatch, shape: Any, options: Any, name: str, dtype: str, threads: int
) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.resampled._PARALLEL", 1)
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    plan, found, wanted = planned(lambda x: nn.functional.resize(x, **options), x, in_python)
    assert name in plan.calls
    assert "broadcast_to" not in plan.calls
    for a, b in zip(wanted, found, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(b, a, rtol=0, atol=20 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize(("size", "method", "taken"), [(9, "cubic", True), (31, "linear", True), (99, "linear", False)])
def test_many_taps(in_python: Any, size: int, method: str, taken: bool) -> None:
    x = np.random.default_rng(1).standard_normal((2, 2, 5))
    plan, found, wanted = planned(lambda x: nn.functional.resize(x, size, method=method), x, in_python)
    assert RESAMPLED in plan.calls
    assert ("resample" not in plan.calls) is taken
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12)


def test_what_loops_read_is_not_written(in_python: Any) -> None:
    """A broadcast array whose axes stay apart needs no memory."""
    x = np.random.default_rng(2).standard_normal((3, 1, 8))
    plan = FusedPlan(
        optimised(fn.trace(lambda x: xp.reshape(xp.broadcast_to(x, (3, 4, 8)), (3, 2, 2, 8)) * 2.0, x)), in_python
    )
    assert REPEATED not in plan.calls
    np.testing.assert_array_equal(plan(x)[0], 2 * np.broadcast_to(x[:, None], (3, 2, 2, 8)))


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("method", "peer"), [("linear", "bilinear"), ("nearest", "nearest"), ("cubic", "bicubic")])
@pytest.mark.parametrize("size", [(14, 18), (9, 4)])
def test_compiled(
    dtype: str, method: str, peer: str, size: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    x = np.random.default_rng(3).standard_normal((2, 7, 9, 21)).astype(dtype)
    given = torch.tensor(np.moveaxis(x, -1, 1), requires_grad=True)
    y = torch.nn.functional.interpolate(given, size, mode=peer)
    y.backward(y.detach() ** 2 + 0.5)
    plan, found, _ = planned(lambda x: nn.functional.resize(x, size, method=method), x, build.compiled)
    assert {RESAMPLED, REPEATED} & set(plan.calls)
    bound = 200 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(found[0], np.moveaxis(y.detach().numpy(), 1, -1), rtol=0, atol=bound)
    np.testing.assert_allclose(found[1], np.moveaxis(given.grad.numpy(), 1, -1), rtol=0, atol=bound)
