"""How much one loop holds."""

from collections.abc import Callable
from typing import Any

import numpy as np

import funcnet as fn
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
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
