"""What a loop leaves for the loop back."""

from typing import Any

import numpy as np

import funcnet as fn
from funcnet import xp
from funcnet.compiler import passes
from funcnet.compiler.capture import interpret

W, X, XS = (np.random.default_rng(0).normal(size=s) for s in ((3, 3), (2, 3), (5, 2, 3)))


def scans_of(f: Any, *args: Any) -> list[Any]:
    graph = passes.optimised(fn.trace(f, *args))
    graph.verify()
    scans = [e for e in graph.equations if e.primitive.name == "scan"]
    for e in scans:
        e.primitive.regions[0].verify()
    for a, b in zip(f(*args), interpret(graph, args), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-11)
    return scans


def test_the_sum_in_place_of_what_it_is_the_sum_of() -> None:
    def loss(w: Any, x: Any, xs: Any) -> Any:
        def step(c: Any, t: Any) -> Any:
            z = t + c @ w
            return xp.sin(z[:, :1]) * xp.cos(z), None

        return xp.sum(fn.scan(step, x, xs)[0])

    forward, back = scans_of(fn.grad(loss, (0, 1, 2)), W, X, XS)
    # The loop back reads the sum and nothing else that is stacked, and does not add it up again.
    assert len(back.inputs) == 3
    assert back.primitive.regions[0].equations[0].primitive.name == "getitem"
    # The sum, and the carries for the gradient of the matrix.
    assert len(forward.outputs) == 1 + 2


def test_results_that_nobody_reads() -> None:
    def f(x: Any, xs: Any) -> Any:
        c, ys = fn.scan(lambda c, t: (c * t, (xp.sin(c), xp.cos(t))), x, xs)
        return c, ys[1]

    (e,) = scans_of(f, X, XS)
    assert len(e.outputs) == 2
    assert "sin" not in [q.primitive.name for q in e.primitive.regions[0].equations]


def test_what_is_computed_again_on_purpose_stays_so() -> None:
    def loss(w: Any, x: Any, xs: Any) -> Any:
        return xp.sum(fn.scan(lambda c, t: (xp.sin(t + c @ w), None), x, xs, checkpoint=2)[0])

    scans_of(fn.grad(loss, (0, 1, 2)), W, X, XS)
