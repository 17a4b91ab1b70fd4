"""Convolutions go to the kernel that suits them."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.overlay import pays
from funcnet.compiler.kernels.windows import Geometry
from funcnet.compiler.passes import optimised

conv = nn.functional.conv


def test_windows_are_laid_onto_the_result_where_that_pays() -> None:
    one, none = (1, 1, 1), (0, 0, 0)
    shape = Geometry(2, (1, 9, 9), (1, 9, 9), 64, 3, (1, 3, 3), one, (0, 1, 1), one, 1, 0)
    assert pays(shape, 4)
    assert not pays(shape._replace(features=64), 4)
    assert pays(shape._replace(features=64, stride=(1, 4, 4), result=(1, 35, 35)), 4)
    assert pays(Geometry(2, (1, 9, 1), (1, 100, 1), 64, 64, (1, 12, 1), (1, 10, 1), none, one, 1, 0), 4)
    for no in ({"dilation": (1, 1, 2)}, {"window": (2, 3, 3)}, {"groups": 64}):
        assert not pays(shape._replace(**no), 4)


@pytest.mark.parametrize(
    ("shape", "window", "options"),
    [
        ((2, 6, 6, 6), (3, 3, 3, 2), {"groups": 2}),
    ],
)
def test_others_are_left_alone(in_python: Any, shape: Any, window: Any, options: Any) -> None:
    rng = np.random.default_rng(4)
    x, kernel = rng.standard_normal(shape), rng.standard_normal(window)
    graph = optimised(fn.trace(lambda x, kernel: conv(x, kernel, padding="SAME", **options), x, kernel))
    plan = FusedPlan(graph, in_python)
    assert plan.calls == ["conv"]
    np.testing.assert_array_equal(plan(x, kernel)[0], conv(x, kernel, padding="SAME", **options))
