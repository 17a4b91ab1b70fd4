"""Chains of operations that share a loop come together, in an order in which everything can run."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.graph import Value
from funcnet.compiler.loops import groups
from funcnet.compiler.loops.groups import fusable, grouped
from funcnet.compiler.loops.lowering import lowered
from funcnet.compiler.loops.order import gathered
from funcnet.compiler.passes import optimised
from funcnet.testing.programs import random_program


def runs(equations: Any, known: Any) -> bool:
    made = set(known)
    for e in equations:
        if any(v not in made for v in e.values if v.__class__ is Value):
            return False
        made.update(e.outputs)
    return True


@pytest.mark.parametrize("seed", range(6))
def test_every_order_can_run(seed: int) -> None:
    program = random_program(seed)
    graph = lowered(optimised(fn.trace(fn.value_and_grad(lambda a: program(xp, a)), program.arguments)))
    found = gathered(graph.equations, fusable)
    assert len(found) == len(graph.equations)
    assert set(found) == set(graph.equations)
    assert runs(found, [*graph.inputs, *graph.constants])
    # What loops cannot take in stays where it was.
    assert [e for e in found if not fusable(e)] == [e for e in graph.equations if not fusable(e)]


def test_a_leaf_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def update(ps: Any, ms: Any, gs: Any, rate: Any) -> Any:
        ms = [m * 0.9 + g * 0.1 for m, g in zip(ms, gs, strict=True)]
        steps = [m / (xp.sqrt(m * m) + 1e-8) for m in ms]
        return [p - rate * s for p, s in zip(ps, steps, strict=True)], ms

    arrays = [[np.ones(n + 1) for n in range(30)] for _ in range(3)]
    graph = lowered(optimised(fn.trace(update, *arrays, np.asarray(0.1))))
    found = gathered(graph.equations, fusable)
    shapes = [e.outputs[0].shape for e in found]
    assert runs(found, [*graph.inputs, *graph.constants])
    assert sum([a != b for a, b in pairwise(shapes)]) < 35
    # Cut anywhere, only leaves at the cuts have two loops.
    monkeypatch.setattr(groups, "_SEGMENT", 60)
    assert len(grouped(graph)) <= 30 + len(graph.equations) // 60 + 1
