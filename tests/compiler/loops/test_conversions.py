"""Loops that convert what they read to a wider type by themselves."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)


def planned(f: Any, *arrays: np.ndarray) -> FusedPlan:
    plan = FusedPlan(optimised(fn.trace(f, *arrays)), in_python)
    for a, b in zip(plan(*arrays), fn.tree.leaves(f(*arrays)), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-6)
        assert a.dtype == b.dtype
    return plan


def written(plan: FusedPlan) -> list[tuple[str, tuple[int, ...]]]:
    return [(str(v.dtype), v.shape) for loop in plan.loops for v, _ in loop.outputs]


@pytest.mark.parametrize("f", [xp.var, xp.std], ids=["var", "std"])
def test_no_array_of_double_precision_is_written(f: Any) -> None:
    x = (RNG.normal(size=500) + 1e4).astype("float32")
    assert all([shape in ((), (1,)) for _, shape in written(planned(f, x))])
    assert np.isclose(FusedPlan(optimised(fn.trace(f, x)), in_python)(x)[0], f(x.astype("float64")), rtol=1e-6)
    plan = planned(lambda x: fn.value_and_grad(f)(x), x)
    assert ("float64", (500,)) not in written(plan)


def test_what_is_a_result_is_written_once() -> None:
    x = RNG.normal(size=300).astype("float32")

    def f(x: Any) -> Any:
        wide = xp.astype(x, xp.float64)
        return wide, xp.sum(wide - xp.mean(wide))

    assert written(planned(f, x)).count(("float64", (300,))) == 1


def test_what_a_loop_made_itself() -> None:
    """A number that the same loop computes is not there for another one."""
    x = RNG.normal(size=300).astype("float32")
    planned(lambda x: xp.var(xp.exp(x) * x), x)
    planned(lambda x: fn.value_and_grad(lambda x: xp.std(xp.exp(x)) * xp.sum(x))(x), x)


def test_sums_in_double_precision_where_numbers_are_computed() -> None:
    """Those of everything, beside others of the same numbers."""
    x = RNG.normal(size=(70, 90))

    def f(x: Any) -> Any:
        y = xp.exp(x)
        return xp.sum(y), xp.mean(y * x), xp.sum(x), y, xp.sum(xp.sin(x)), xp.sum(y - xp.sum(y))

    plan = planned(f, x)
    assert any(["joined" in loop.source for loop in plan.loops])
