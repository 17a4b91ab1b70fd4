"""Triangles are NumPy's."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", ["tril", "triu"])
@pytest.mark.parametrize("k", [-9, -2, 0, 1, 9])
@pytest.mark.parametrize("shape", [(5, 5), (2, 3, 4, 6), (7, 1), (1, 7)])
@pytest.mark.parametrize("threads", [1, 2])
def test_as_numpy(in_python: Any, monkeypatch: pytest.MonkeyPatch, name: str, k: int, shape: Any, threads: int) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.triangles._PARALLEL", 1)
    x = RNG.normal(size=shape)
    x.reshape(-1)[::3] = np.nan
    plan = FusedPlan(optimised(fn.trace(lambda x: getattr(xp, name)(x, k=k), x)), in_python)
    assert plan.calls == [f"{name}, row by row"]
    np.testing.assert_array_equal(plan(x)[0], getattr(np, name)(x, k))


def test_what_stays(in_python: Any) -> None:
    for x in (np.ones((3, 3), bool), np.arange(9).reshape(3, 3), np.zeros((0, 3))):
        plan = FusedPlan(optimised(fn.trace(xp.tril, x)), in_python)
        assert plan.calls == ["tril"]
        np.testing.assert_array_equal(plan(x)[0], np.tril(x))


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize("name", ["tril", "triu"])
def test_compiled(name: str) -> None:
    x = RNG.normal(size=(3, 70, 50)).astype("float32")
    plan = FusedPlan(optimised(fn.trace(fn.grad(lambda x: xp.sum(getattr(xp, name)(x, k=-3) ** 2)), x)))
    np.testing.assert_allclose(plan(x)[0], 2 * getattr(np, name)(x, -3), rtol=1e-6)
