"""The Gaussian error linear unit in loops: by the function for the normal distribution, with nothing beside it."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.passes import optimised
from funcnet.nn import functional as nnf


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("approximate", [False, True])
def test_unit_and_slope(dtype: str, approximate: bool) -> None:
    ends = [0.0, -0.0, 1e30, -1e4, -20.0, -13.5, -5.0, 1e-40, np.nan, np.inf]
    x = np.concatenate([np.linspace(-6, 6, 50), ends]).astype(dtype)

    def f(x: Any) -> Any:
        return nnf.gelu(x, approximate=approximate), fn.grad(lambda x: xp.sum(nnf.gelu(x, approximate=approximate)))(x)

    plan = FusedPlan(optimised(fn.trace(f, x)), in_python)
    assert len(plan.loops) == 1
    assert not plan.calls
    if not approximate:
        assert "ndtr" in plan.loops[0].source
    with np.errstate(all="ignore"):
        wanted = f(x)
    tolerance = 16 * float(np.finfo(dtype).eps)
    for found, exact in zip(plan(x), wanted, strict=True):
        np.testing.assert_allclose(found, exact, rtol=tolerance, atol=tolerance)
        assert found.dtype == dtype
        np.testing.assert_array_equal(np.signbit(found[50:52]), np.signbit(exact[50:52]))
