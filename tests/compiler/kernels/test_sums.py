"""Sums over axes in the middle agree with NumPy's, and others stay what they are."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised


def planned(x: Any, compile: Any, name: str, **options: Any) -> tuple[FusedPlan, Any]:
    plan = FusedPlan(optimised(fn.trace(lambda x: getattr(xp, name)(x, **options), x)), compile)
    plan(np.full_like(x, 3.0))
    return plan, plan(x)[0]


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "axis", "taken"),
    [
        ((3, 4, 5, 6), (1, 2), True),
        ((3, 4, 5, 6), (-2, 1), True),
        ((3, 4, 5, 6), 1, True),
        ((2, 3, 4, 1, 6), (1, 3), False),
        ((3, 4, 5, 2), (1, 2), True),
        ((30, 5, 3), 1, True),
        ((9, 20, 2), 1, False),
        ((3, 0, 5, 6), (1, 2), False),
        ((3, 4, 5, 6), (0, 1, 2), False),
    ],
)
def test_as_numpy(
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
    monkeypatch.setattr("funcnet.compiler.kernels.sums._PARALLEL", 1)
    if shape[1] == 0 and name == "mean":
        pytest.skip("a mean of nothing is NaN, with a warning")
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    for keepdims in (False, True):
        plan, found = planned(x, in_python, name, axis=axis, keepdims=keepdims)
        assert (f"{name}, row by row" in plan.calls) is taken
        wanted = getattr(np, name)(x.astype("f8"), axis=axis, keepdims=keepdims)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, wanted, rtol=0, atol=30 * float(np.finfo(dtype).eps))


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
def test_compiled(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNCNET_CACHE_DIR", str(tmp_path))
    x = np.random.default_rng(1).standard_normal((7, 30, 5, 33)).astype("float32")
    plan, found = planned(x, build.compiled, "mean", axis=(1, 2))
    assert plan.calls == ["mean, row by row"]
    np.testing.assert_allclose(found, x.mean((1, 2)), rtol=0, atol=1e-6)
    # Over rows, alone in its loop.
    plan, found = planned(x, build.compiled, "sum", axis=(0, 1, 2))
    assert not plan.calls
    np.testing.assert_allclose(found, x.astype("f8").sum((0, 1, 2)), rtol=0, atol=1e-4)
