"""Products of columns with rows: taken where they are meant, and equal to NumPy's to the bit."""

import itertools
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import outer
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

CASES = [
    ((3, 4, 1), (3, 1, 5), True),
    ((3, 1, 5), (3, 4, 1), True),
    ((2, 3, 2, 1), (2, 3, 1, 2), True),
    ((4, 1), (1, 5), False),
    ((1, 4, 1), (1, 1, 5), False),
    ((3, 1, 1), (3, 1, 5), False),
    ((3, 4, 1), (1, 1, 5), False),
    ((3, 4, 5), (3, 1, 5), False),
]


@pytest.mark.parametrize(("a", "b", "taken"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_values(a: Any, b: Any, taken: bool, dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(-9, 9, a).astype(dtype) / 4, rng.integers(-9, 9, b).astype(dtype)
    x = x.astype(dtype)
    if dtype != "int64":
        x.flat[0], y.flat[0] = np.inf, np.nan
    plan = FusedPlan(optimised(fn.trace(lambda x, y: x * y, x, y)), in_python)
    assert (plan.calls == ["multiply, columns with rows"]) == taken
    for u, v in ((x, y), (np.asfortranarray(x), np.asfortranarray(y))):
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(plan(u, v)[0], x * y)


def test_dtypes_that_differ() -> None:
    x, y = np.ones((3, 4, 1), "float32"), np.ones((3, 1, 2), "float64")
    plan = FusedPlan(optimised(fn.trace(lambda x, y: x * y, x, y)), in_python)
    assert (len(plan.loops), plan.calls) == (1, [])


@pytest.mark.skipif(bool(build.available()) and "FUNCNET_JIT" not in build.available(), reason="no Numba")
@pytest.mark.parametrize("threads", [1, 3])
def test_compiled(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr(outer, "_PARALLEL", 10)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(7, 5, 1)).astype("float32"), rng.normal(size=(7, 1, 9)).astype("float32")
    plan = FusedPlan(optimised(fn.trace(lambda x, y: (x * y) * 2.0 + 1.0, x, y)))
    assert "multiply, columns with rows" in plan.calls
    np.testing.assert_allclose(plan(x, y)[0], (x * y) * 2 + 1, rtol=1e-6)


@pytest.mark.parametrize("columns", [15, 16, 40])
@pytest.mark.parametrize("bounds", [(0, 12), (0, 5, 12), (0, 4, 8, 12)])
def test_parts_that_begin_within_a_matrix(columns: int, bounds: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(3, 4, 1)), rng.normal(size=(3, 1, columns))
    graph = fn.trace(lambda x, y: x * y, x, y)
    special: Any = outer.outer(graph.equations[0])
    ((loop, _, _),) = special.build(in_python, 1).steps
    found = np.zeros((12, columns))
    for part, (lo, hi) in enumerate(itertools.pairwise(bounds)):
        loop(lo, hi, part, x.reshape(-1), y.reshape(3, -1), found)
    np.testing.assert_array_equal(found.reshape(3, 4, columns), x * y)
