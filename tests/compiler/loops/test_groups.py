"""How much one loop holds."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised


def test_chains_of_sines_are_loops_of_bounded_length() -> None:
    sources: list[str] = []

    def counted(source: str, signature: str) -> Callable[..., None]:
        sources.append(source)
        return in_python(source, signature)

    def chain(x: Any) -> Any:
        for _ in range(40):
            x = xp.sin(x) * 1.1
        return x

    x = np.linspace(0.1, 1.0, 5)
    graph = optimised(fn.trace(chain, x))
    (found,) = FusedPlan(graph, counted)(x)
    np.testing.assert_allclose(found, interpret(graph, [x])[0], rtol=1e-13)
    assert len(sources) == 3
    assert sum([source.count("sin64(") for source in sources]) >= 40
    assert all([source.count("sin64(") <= 16 for source in sources])
    assert sources[0] == sources[1]


def test_values_of_rows_that_become_columns() -> None:
    x = np.random.default_rng(0).normal(size=(3, 3))
    y = np.random.default_rng(1).normal(size=(3, 3, 2))
    cases: list[tuple[Callable[[Any], Any], np.ndarray]] = [
        (lambda x: x * 2 - xp.reshape(xp.sum(xp.sin(x), axis=1), (1, 3)), x),
        (lambda x: x * 2 - xp.reshape(xp.sum(xp.sin(x), axis=1), (3, 1)), x),
        (lambda y: y - xp.expand_dims(xp.max(y, axis=(1, 2)), axis=(0, 2)), y),
        (lambda y: y - xp.expand_dims(xp.max(y, axis=(1, 2)), axis=(1, 2)), y),
    ]
    for f, a in cases:
        graph = optimised(fn.trace(f, a))
        (found,) = FusedPlan(graph, in_python)(a)
        np.testing.assert_allclose(found, interpret(graph, [a])[0], rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("machine", [False, True])
def test_rounding_is_part_of_loops(dtype: str, machine: bool) -> None:
    if machine and build.available():
        pytest.skip(build.available())
    compile = build.compiled if machine else in_python
    ends = [-0.0, 0.0, 0.5, -0.5, 1.5, 2.5, -1.7, 1e-45, -1e-45, 3e9, -1e30, np.inf, -np.inf, np.nan]
    x = np.concatenate([np.array(ends), np.random.default_rng(0).normal(size=50) * 10]).astype(dtype)
    for name in ("floor", "ceil", "trunc", "round"):
        plan = FusedPlan(optimised(fn.trace(lambda x, name=name: getattr(xp, name)(x) * 1.0, x)), compile)
        assert (len(plan.loops), plan.calls) == (1, [])
        found, wanted = plan(x)[0], getattr(np, name)(x)
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))
    whole = np.arange(5)
    plan = FusedPlan(optimised(fn.trace(lambda x: xp.floor(x) + 1, whole)), compile)
    np.testing.assert_array_equal(plan(whole)[0], whole + 1)
