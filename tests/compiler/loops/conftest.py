"""What the tests of functions in loops share: one loop on arrays, errors in units of the last place, ends of ranges."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.passes import optimised


class Loops:
    """Runs functions in one loop and measures them."""

    @staticmethod
    def run(f: Callable[..., Any], *arrays: np.ndarray) -> Any:
        """Return the results of a function that becomes one loop, which calls nothing."""
        plan = FusedPlan(optimised(fn.trace(f, *arrays)))
        assert len(plan.loops) == 1
        assert not plan.calls
        with np.errstate(all="ignore"):
            found = plan(*arrays)
        return found if len(plan.graph.outputs) > 1 else found[0]  # pyright: ignore[reportGeneralTypeIssues]

    @staticmethod
    def error(found: np.ndarray, wanted: np.ndarray) -> float:
        """Return the largest difference in units in the last place; what is wanted has more digits."""
        with np.errstate(all="ignore"):
            last = np.spacing(np.abs(wanted.astype(found.dtype)))
            difference = np.where(found == wanted.astype(found.dtype), 0, np.abs(found - wanted) / last)
        assert np.all(np.isfinite(difference))
        return float(np.max(difference))

    @staticmethod
    def same(found: np.ndarray, wanted: np.ndarray) -> None:
        """Check infinities, NaN, zeros and the signs of both."""
        number = ~np.isnan(wanted)
        np.testing.assert_array_equal(np.isnan(found), ~number)
        np.testing.assert_array_equal(np.isinf(found), np.isinf(wanted))
        np.testing.assert_array_equal(found == 0, wanted == 0)
        np.testing.assert_array_equal(np.signbit(found[number]), np.signbit(wanted[number]))

    @staticmethod
    def ends(dtype: str) -> np.ndarray:
        """Return numbers at which functions change their kind."""
        info = np.finfo(dtype)
        near = [1.0, 0.5, 0.3, 2.0, float(info.tiny), float(info.smallest_subnormal), float(info.max), 1e-30, 1e30]
        near += [float(1 - info.epsneg), float(1 + info.eps), 0.0, np.inf]
        return np.array([*near, *[-x for x in near], np.nan], dtype)


@pytest.fixture
def loops() -> type[Loops]:
    return Loops
